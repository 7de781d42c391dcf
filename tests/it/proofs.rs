//! A guest proves the contact on the page in the mail: real services, a real mail, and the page as a browser uses it.

use serde_json::{Value, json};

use crate::asking::{link_in, message, without_gateway};
use crate::services::{Pair, anonymous_client, booking, until};
use crate::venues;

/// Sends a booking as guest `n` without a credential, for the evening of `hour`. Returns its path.
async fn book(pair: &Pair, n: u32, venue: &str, hour: u32) -> (String, Value) {
    let mut body = booking(2);
    let start = chrono::DateTime::parse_from_rfc3339(body["start_time"].as_str().unwrap()).unwrap();
    body["start_time"] = json!(format!("{}T{hour}:00", start.date_naive()));
    body["venue_id"] = venue.into();
    body["locale"] = "en".into();
    body.as_object_mut().unwrap().remove("allow_duplicate");
    body["contact_info"] = json!({"name": "Sari", "phone": format!("+62 812 3456 {n:04}"),
        "email": format!("guest-{n}@example.com")});
    let url = format!("{}/api/reservations", pair.reservation_url);
    let booked = anonymous_client().post(url).json(&body).send().await.unwrap();
    assert_eq!(booked.status(), 200);
    let booked: Value = booked.json().await.unwrap();
    (format!("/api/reservations/{}", booked["reservation_id"].as_str().unwrap()), booked)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_proves_the_contact_with_the_button_on_the_page_in_the_mail() {
    let mut pair = Pair::prepared(&[]);
    pair.venues = venues::without_holidays(&pair);
    pair.start_reservation().await;
    pair.start_notifier().await;
    let guest = anonymous_client();
    let page = async |url: &str| guest.get(url).send().await.unwrap().text().await.unwrap();

    let (path, booked) = book(&pair, 1, "roma-trastevere", 20).await;
    assert_eq!((&booked["status"], &booked["contact_proof"]["method"]), (&json!("PENDING"), &json!("link")));
    let mail = message(&pair, "prove_contact").await;
    assert!(mail.contains("If you did not ask for a table") && !mail.contains("Sari,"), "{mail}");
    let url = link_in(&mail, &format!("{}/r/", pair.notifier_url)).to_owned();
    let (own, proof) = url.split_once("?proof=").unwrap();
    // The link of the response leads to the same page, without the button.
    assert_eq!(booked["guest_link"]["url"], json!(own));
    let without = page(own).await;
    assert!(
        without.contains("We sent you a mail with a link") && !without.contains("Confirm</button>"),
        "{without}"
    );
    // A program that opens every link in a mail proves nothing.
    for _ in 0..2 {
        assert!(page(&url).await.contains("Please confirm your e-mail address"));
    }
    assert_eq!(pair.get(&path).await["status"], json!("PENDING"));
    let prove = async |proof: &str| {
        let form = [("proof", proof)];
        guest.post(format!("{}/prove", without_gateway(own))).form(&form).send().await.unwrap()
    };
    // Neither the link of the guest nor a forged one.
    for wrong in [own.rsplit_once('/').unwrap().1, "123456"] {
        let refused = prove(wrong).await;
        assert_eq!(refused.status(), 422);
        assert!(refused.text().await.unwrap().contains("not the right one"));
    }
    let proved = prove(proof).await;
    assert_eq!(proved.status(), 200);
    assert!(proved.text().await.unwrap().contains("Your booking is confirmed."));
    message(&pair, "confirmed").await;
    // The contact is trusted now.
    let (_, again) = book(&pair, 1, "roma-trastevere", 22).await;
    assert_eq!((&again["status"], &again["contact_proof"]), (&json!("CONFIRMED"), &Value::Null));
    // No message but the request to prove it goes to an unproved address.
    let (path, cancelled) = book(&pair, 2, "roma-trastevere", 21).await;
    until("the second request", async || {
        pair.mail().iter().filter(|mail| mail.contains("prove_contact")).count() == 2
    })
    .await;
    let link = cancelled["guest_link"]["token"].as_str().unwrap();
    let url = format!("{}{path}/cancel", pair.reservation_url);
    let request = guest.post(url).bearer_auth(link).json(&json!({"reason_code": "guest_request"}));
    assert_eq!(request.send().await.unwrap().status(), 200);
    pair.settled().await;
    let outbox = pair.dir.path().join("notifier/outbox");
    let is_to = |file: &String, guest| std::fs::read_to_string(outbox.join(file)).unwrap().contains(guest);
    let to_second: Vec<_> =
        pair.mail().into_iter().filter(|mail| is_to(mail, "guest-2@example.com")).collect();
    assert!(to_second.len() == 1 && to_second[0].contains("prove_contact"), "{to_second:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_proves_the_contact_with_the_code_in_the_mail() {
    let mut pair = Pair::prepared(&[]);
    pair.venues = venues::without_holidays(&pair);
    let file = pair.venues.join("roma-trastevere.json");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(file, text.replace("\"contact_proof\":\"link\"", "\"contact_proof\":\"code\"")).unwrap();
    pair.start_reservation().await;
    pair.start_notifier().await;
    let guest = anonymous_client();

    let (path, _) = book(&pair, 1, "roma-trastevere", 20).await;
    let mail = message(&pair, "prove_contact").await;
    let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit());
    let code = mail.lines().find(is_code).unwrap_or_else(|| panic!("no code in {mail}"));
    let url = link_in(&mail, &format!("{}/r/", pair.notifier_url)).to_owned();
    let page = guest.get(&url).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("inputmode=\"numeric\"") && !page.contains(code), "{page}");
    // As people type it.
    let typed = format!("{} {}", &code[..3], &code[3..]);
    let form = [("proof", typed.as_str())];
    let proved = guest.post(format!("{}/prove", without_gateway(&url))).form(&form).send().await.unwrap();
    assert!(proved.text().await.unwrap().contains("Your booking is confirmed."));
    assert_eq!(pair.get(&path).await["contact_proof"], Value::Null);
}
