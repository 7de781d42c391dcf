//! Mail over real SMTP, to a real server.

use serde_json::json;

use crate::mail_server::MailServer;
use crate::services::{Pair, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_gets_one_whole_message_and_a_refused_one_is_a_dead_letter() {
    let server = MailServer::start().await;
    let pair = Pair::running(&["--sms", "off", "--mail", &server.url()]).await;
    let mut booking = crate::services::booking(2);
    booking["venue_id"] = json!("roma-trastevere");
    booking["contact_info"]["name"] = json!("Nicolò Però 🍝");
    let (_, booked) = pair.post("/api/reservations", &booking).await;
    let id = booked["reservation_id"].as_str().unwrap();
    pair.settled().await;
    pair.post(&format!("/api/reservations/{id}/confirm"), &json!({})).await;
    booking["contact_info"]["email"] = json!("nobody@example.com");
    let (_, unreachable) = pair.post("/api/reservations", &booking).await;
    pair.settled().await;

    let mail = server.mail();
    assert_eq!(mail.len(), 2, "{mail:#?}");
    let confirmed =
        mail.iter().find(|m| m["subject"] == "Your table at Osteria del Moro is confirmed").unwrap();
    assert!(confirmed["to"].as_str().unwrap().contains("Nicolò Però 🍝"), "{confirmed}");
    assert!(confirmed["id"].as_str().unwrap().ends_with(".mail-confirmed@meja.example>"));
    let parts = confirmed["parts"].as_array().unwrap();
    assert!(parts[0][2].as_str().unwrap().contains("Dear Nicolò Però 🍝,"));
    assert_eq!((&parts[1][0], &parts[1][1]), (&json!("text/calendar"), &json!("REQUEST")));
    assert!(parts[1][2].as_str().unwrap().contains(&format!("UID:{id}@meja.example")));

    let refused = unreachable["reservation_id"].as_str().unwrap();
    let dead = pair.get(&format!("{}/api/effects?status=dead", pair.notifier_url)).await;
    assert_eq!(dead["items"][0]["reservation_id"], refused);
    assert_eq!(dead["items"][0]["reason"], "provider_refused");
    assert!(!dead.to_string().contains("nobody@"), "the server's words are kept without the address: {dead}");
    let counts = pair.counts().await.remove(&format!("reservation/{refused}")).unwrap();
    assert_eq!(counts.get("notification.failed:received:mail"), Some(&1), "{counts:?}");

    // Tried again by hand: it dies once more, and that is told once more.
    let key = dead["items"][0]["id"].as_str().unwrap();
    let retry = format!("{}/api/notifications/{key}/retry", pair.notifier_url);
    assert_eq!(pair.client.post(&retry).send().await.unwrap().status(), 401);
    let ordered = pair.client.post(&retry).bearer_auth(crate::services::TOKEN).send().await.unwrap();
    assert_eq!(ordered.status(), 202);
    until("the second failure to be told", async || {
        pair.counts().await[&format!("reservation/{refused}")]["notification.failed:received:mail"] == 2
    })
    .await;
}
