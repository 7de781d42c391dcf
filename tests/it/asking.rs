//! Guests who are asked whether they come, and who answer on the page in the message.

use serde_json::{Value, json};

use crate::services::{Pair, anonymous_client, until};
use crate::venues;

/// The text of the message with the template `name`, once it was sent.
pub async fn message(pair: &Pair, name: &str) -> String {
    let read = || {
        let files = std::fs::read_dir(pair.dir.path().join("notifier/outbox")).ok()?;
        let mut files =
            files.filter_map(Result::ok).filter(|file| file.file_name().to_string_lossy().contains(name));
        std::fs::read_to_string(files.next()?.path()).ok()
    };
    until(name, async || read().is_some()).await;
    read().unwrap().replace("=\r\n", "").replace("=3D", "=")
}

pub fn link_in<'a>(text: &'a str, page: &str) -> &'a str {
    let start = text.find(page).unwrap_or_else(|| panic!("no {page} in {text}"));
    let link = &text[start..];
    link.split(|c: char| c.is_whitespace() || c == '"' || c == '<').next().unwrap()
}

/// The page of the notifier to which it redirects the link of a guest: installations without a gateway use these pages.
pub fn without_gateway(link: &str) -> String {
    let (before, rest) = link.split_once("/r/").or_else(|| link.split_once("/w/")).unwrap();
    let page = if link.contains("/r/") { "bookings" } else { "offers" };
    let (_, token) = rest.split_once('/').unwrap();
    format!("{before}/{page}/{token}")
}

#[tokio::test(flavor = "multi_thread")]
async fn guests_answer_on_the_pages_in_their_messages() {
    let mut pair = Pair::prepared(&[]);
    pair.venues = venues::without_holidays(&pair);
    pair.start_reservation().await;
    pair.start_notifier().await;
    let guest = anonymous_client();
    let page = async |url: &str| guest.get(url).send().await.unwrap().text().await.unwrap();
    let post = async |url: String| guest.post(url).send().await.unwrap().text().await.unwrap();

    let mut body = crate::services::booking(2);
    let start = chrono::DateTime::parse_from_rfc3339(body["start_time"].as_str().unwrap()).unwrap();
    body["start_time"] = json!(format!("{}T19:00", start.date_naive()));
    let (status, booked) = pair.post("/api/reservations", &body).await;
    assert_eq!(status, 200, "{booked}");
    let path = format!("/api/reservations/{}", booked["reservation_id"].as_str().unwrap());
    pair.post(&format!("{path}/confirm"), &json!({})).await;
    pair.post(&format!("{path}/ask"), &json!({})).await;
    let text = message(&pair, "still_coming").await;
    let link = format!("{}/r/", pair.notifier_url);
    let link = without_gateway(link_in(&text, &link));
    assert!(page(&link).await.contains("Apakah Anda jadi datang?"));
    assert!(post(format!("{link}/late")).await.contains("Jawaban Anda: Kami akan terlambat"));
    assert_eq!(pair.get(&path).await["attendance"]["answer"], json!("late"));
    let gone = post(format!("{link}/not_coming")).await;
    assert!(gone.contains("Reservasi Anda masih berlaku") && gone.contains("Ya, batalkan"), "{gone}");
    assert_eq!(pair.get(&path).await["status"], json!("CONFIRMED"));
    // A page that is loaded again shows the booking, and an unknown answer is refused.
    assert!(page(&format!("{link}/late")).await.contains("Jawaban Anda"));
    assert_eq!(guest.post(format!("{link}/perhaps")).send().await.unwrap().status(), 404);

    // The only table for twelve is taken.
    let large = json!({"party_size": 12, "area": "Kebun", "start_time": body["start_time"], "customer_id": "cust-8",
        "contact_info": {"name": "Ayu", "phone": "+62 812 3456 0008", "email": "ayu@example.com"}});
    let (status, large) = pair.post("/api/reservations", &large).await;
    assert_eq!(status, 200, "{large}");
    let waits = json!({"customer_id": "cust-9", "party_size": 12, "area": "Kebun", "latest_time": body["start_time"],
        "earliest_time": body["start_time"], "locale": "en", "venue_id": "bandung-dago",
        "contact_info": {"name": "Made", "phone": "+62 812 3456 0009", "email": "made@example.com"}});
    let (status, waits) = pair.post("/api/waitlist", &waits).await;
    assert_eq!(status, 200, "{waits}");
    let path = format!("/api/waitlist/{}", waits["waitlist_id"].as_str().unwrap());
    let (status, told): (u16, Value) = pair.post(&format!("{path}/ready"), &json!({})).await;
    assert_eq!(status, 200, "{told}");
    let text = message(&pair, "table_ready").await;
    let link = without_gateway(link_in(&text, &format!("{}/w/", pair.notifier_url)));
    assert!(page(&link).await.contains("Your table is ready. Are you coming?"));
    assert!(post(format!("{link}/coming")).await.contains("Your answer: Yes, we are coming"));
    assert_eq!(pair.get(&path).await["attendance"]["answer"], json!("coming"));
}
