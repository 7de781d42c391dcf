//! An evening at a venue with services, with real binaries: a crowd, a waitlist, and a crash in between.

use std::collections::HashMap;

use futures::future::join_all;
use serde_json::{Value, json};

use crate::asking::without_gateway;
use crate::services::{Pair, anonymous_client, until};
use crate::venues;

/// A day on which the sample venue is open, as `YYYY-MM-DD`. The sample venue has no holiday soon.
async fn open_day(pair: &Pair) -> String {
    let today = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    for ahead in 7..30 {
        let at = i64::try_from(today.as_secs()).unwrap() + ahead * 86_400;
        let date = chrono::DateTime::from_timestamp(at, 0).unwrap().date_naive().to_string();
        let day = pair.get(&format!("/api/availability?date={date}&party_size=12&area=Kebun")).await;
        let evening = format!("{date}T19:00:00+07:00");
        let slots = day["slots"].as_array().cloned().unwrap_or_default();
        if slots.iter().any(|slot| slot["start_time"] == json!(evening) && slot["available"] == json!(true)) {
            return date;
        }
    }
    panic!("the venue has no suitable day within a month");
}

fn guest(name: &str, rest: Value) -> Value {
    // Each guest has another number.
    let phone = format!("+62 812 3456 {}", 1_000 + name.bytes().map(u32::from).sum::<u32>());
    let mut body = json!({"customer_id": name, "party_size": 12, "area": "Kebun", "locale": "en",
        "contact_info": {"name": name, "phone": phone, "email": format!("{name}@example.com")}});
    body.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    body
}

/// The mail to `name` about an offer, if it was sent.
fn offer_mail(pair: &Pair, name: &str) -> Option<String> {
    let dir = pair.dir.path().join("notifier/outbox");
    // A mail gets its name when it is complete, so that a file of the listing can be gone.
    let files = std::fs::read_dir(dir).ok()?;
    let mut mail = files.filter_map(|file| std::fs::read_to_string(file.unwrap().path()).ok());
    mail.find(|mail| {
        mail.contains(&format!("{name}@example.com")) && mail.contains("has become free for you")
    })
}

async fn becomes(pair: &Pair, id: &str, status: &str) -> Value {
    let path = format!("/api/waitlist/{id}");
    until(status, async || pair.get(&path).await["status"] == status).await;
    pair.get(&path).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_guest_accepts_an_offer_on_its_page_across_a_crash() {
    let mut pair = Pair::prepared(&[]);
    pair.venues = venues::without_holidays(&pair);
    pair.start_reservation().await;
    pair.start_notifier().await;
    let at = format!("{}T19:00", open_day(&pair).await);
    let (status, booked) = pair.post("/api/reservations", &guest("ayu", json!({"start_time": at}))).await;
    assert_eq!(status, 200, "{booked}");
    let (mut line, mut pages) = (Vec::new(), Vec::new());
    for name in ["budi", "citra"] {
        let joining = guest(name, json!({"earliest_time": at, "latest_time": at}));
        let (status, waits) = pair.post("/api/waitlist", &joining).await;
        assert_eq!(status, 200, "{waits}");
        line.push(waits["waitlist_id"].as_str().unwrap().to_owned());
        pages.push(waits["guest_link"]["url"].as_str().unwrap().to_owned());
    }
    let ayu = booked["reservation_id"].as_str().unwrap();
    pair.post(&format!("/api/reservations/{ayu}/cancel"), &json!({"reason_code": "ill"})).await;
    let offered = becomes(&pair, &line[0], "OFFERED").await;
    until("the offer mail to Budi", async || offer_mail(&pair, "budi").is_some()).await;
    // The table remains held for the same party.
    pair.reservation.take().unwrap().kill_9();
    pair.start_reservation().await;
    assert_eq!(pair.get(&format!("/api/waitlist/{}", line[0])).await, offered);
    assert_eq!(pair.get(&format!("/api/waitlist/{}", line[1])).await["status"], "WAITING");
    // The link in the mail opens the page, and its button accepts the offer.
    let page = &pages[0];
    assert!(offer_mail(&pair, "budi").unwrap().replace("=\r\n", "").contains(page.as_str()));
    let shown = anonymous_client().get(page).send().await.unwrap().text().await.unwrap();
    assert!(shown.contains("Take it</button>") && shown.contains("19:00"), "{shown}");
    let taken = anonymous_client()
        .post(format!("{}/accept", without_gateway(page)))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(taken.contains("We are holding the table for you. Please pay the deposit"), "{taken}");
    let entry = becomes(&pair, &line[0], "ACCEPTED").await;
    let id = entry["reservation_id"].as_str().unwrap();
    let reservation = pair.get(&format!("/api/reservations/{id}")).await;
    assert_eq!(
        (&reservation["contact_name"], &reservation["tables"][0]["table_id"]),
        (&json!("budi"), &json!("B1"))
    );
    // A party of twelve pays a deposit, as for any booking. After its cancellation the next party gets a mail.
    let payments = format!("{}/api/payments?reservation_id={id}", pair.notifier_url);
    until("a payment to be open", async || pair.get(&payments).await["items"][0].is_object()).await;
    // The page leads to the payment, until the link of the booking is renewed: it must not bring that one back.
    let shown = async || anonymous_client().get(page).send().await.unwrap().text().await.unwrap();
    assert!(shown().await.contains("<a href="));
    let (status, _) = pair.post(&format!("/api/reservations/{id}/link/renew"), &json!({})).await;
    assert_eq!(status, 200);
    assert!(!shown().await.contains("<a href="));
    pair.post(&format!("/api/reservations/{id}/cancel"), &json!({"reason_code": "ill"})).await;
    becomes(&pair, &line[1], "OFFERED").await;
    until("the offer mail to Citra", async || offer_mail(&pair, "citra").is_some()).await;
    let (status, left) = pair.post(&format!("/api/waitlist/{}/decline", line[1]), &json!({})).await;
    assert_eq!((status, &left["left_because"]), (200, &json!("declined")));
    pair.settled().await;
    let counts = pair.counts().await;
    for id in &line {
        let counts = &counts[&format!("waitlist/{id}")];
        assert_eq!(
            (counts["waitlist.offered"], counts["notification.sent:offer:mail"]),
            (1, 1),
            "{counts:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_connections_and_ten_tables_ten_succeed() {
    let mut pair = Pair::prepared(&[]);
    pair.venues = pair.dir.path().join("venues");
    std::fs::create_dir(&pair.venues).unwrap();
    let tables: Vec<_> =
        (1..=10).map(|n| json!({"id": format!("t{n}"), "area": "Sala", "seats": 2})).collect();
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let venue = json!({
        "id": "ten", "name": "Ten Tables", "timezone": "Europe/Rome", "country": "IT", "currency": "EUR",
        "locale": "en", "tables": tables, "policy": {},
        "services": [{"name": "All day", "days": days, "opens": "10:00", "closes": "23:00"}],
    });
    std::fs::write(pair.venues.join("ten.json"), venue.to_string()).unwrap();
    pair.start_reservation().await;
    let date = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()).date_naive();
    let at = format!("{}T20:00", date + chrono::Days::new(7));
    let body = guest(
        "everybody",
        json!({"start_time": at, "party_size": 2, "area": "Sala", "allow_duplicate": true}),
    );
    let answers = join_all((0..1_000).map(|_| pair.post("/api/reservations", &body))).await;
    let count = |wanted: u16| answers.iter().filter(|(status, _)| *status == wanted).count();
    assert_eq!((count(200), count(409)), (10, 990));
    let offers = |body: &Value| body["alternatives"].as_array().is_some_and(|offers| !offers.is_empty());
    assert!(answers.iter().filter(|(status, _)| *status == 409).all(|(_, body)| offers(body)));
    let mut taken: HashMap<String, usize> = HashMap::new();
    for event in pair.events().await {
        if event["type"] == "meja.table.assigned.v1" {
            *taken.entry(event["data"]["table_id"].to_string()).or_default() += 1;
        }
    }
    assert_eq!(taken.len(), 10);
    assert!(taken.values().all(|times| *times == 1), "{taken:?}");
}
