//! Mail over real SMTP to a real server: content, transport, and a server that misbehaves.

use std::time::Instant;

use proof::Receipt;
use serde_json::{Value, json};

use crate::log::done;
use crate::mail_server::{MailServer, Secured};
use crate::services::{Pair, anonymous_client, booking, until};

/// The part of a mail with this media type.
fn part<'a>(mail: &'a Value, kind: &str) -> &'a Value {
    mail["parts"]
        .as_array()
        .unwrap()
        .iter()
        .find(|part| part[0] == kind)
        .unwrap_or_else(|| panic!("{kind} in {mail:#}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_gets_complete_messages_with_equal_text_in_every_form() {
    let server = MailServer::start().await;
    let pair = Pair::running(&["--sms", "off", "--mail", &server.url()]).await;
    let mut rome = booking(2);
    rome["venue_id"] = json!("roma-trastevere");
    rome["contact_info"]["name"] = json!("Nicolò Però 🍝");
    let (_, booked) = pair.post("/api/reservations", &rome).await;
    let id = booked["reservation_id"].as_str().unwrap();
    pair.settled().await;
    pair.post(&format!("/api/reservations/{id}/confirm"), &json!({})).await;
    pair.settled().await;
    pair.post(&format!("/api/reservations/{id}/cancel"), &json!({"reason_code": "guest_request"})).await;
    let mut bandung = booking(2);
    bandung["contact_info"]["name"] = json!("Siti Nur’aini, S.Pd. (Bu \"Nur\")");
    pair.post("/api/reservations", &bandung).await;
    pair.settled().await;

    let mail = server.mail();
    assert_eq!(mail.len(), 4, "{mail:#?}");
    assert!(mail.iter().all(|mail| mail["defects"] == json!([])), "{mail:#?}");
    let confirmed =
        mail.iter().find(|m| m["subject"] == "Your table at Osteria del Moro is confirmed").unwrap();
    assert!(confirmed["to"].as_str().unwrap().contains("Nicolò Però 🍝"), "{confirmed}");
    assert!(confirmed["id"].as_str().unwrap().ends_with(".mail-confirmed@meja.example>"));
    let structure = [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "text/calendar",
        "text/calendar",
        "application/json",
    ];
    assert_eq!(confirmed["structure"], json!(structure));
    for kind in ["text/plain", "text/html"] {
        assert!(part(confirmed, kind)[2].as_str().unwrap().contains("Dear Nicolò Però 🍝,"), "{confirmed}");
    }
    let invitation = part(confirmed, "text/calendar");
    assert_eq!(invitation[1], "REQUEST");
    assert_eq!(confirmed["parts"][3][3], "reservation.ics");
    assert_eq!(confirmed["parts"][4][3], "receipt.json");
    let receipt = Receipt::read(confirmed["parts"][4][2].as_str().unwrap().as_bytes()).unwrap();
    let keys =
        pair.client.get(format!("{}/.well-known/meja-log-keys", pair.reservation_url)).send().await.unwrap();
    let key = keys.text().await.unwrap().trim().parse().unwrap();
    let promised = receipt.verify(&key).unwrap().promises;
    assert!(promised.last().unwrap().1.contains("meja.reservation.confirmed.v1"), "{promised:?}");
    let line = |mail: &Value, name: &str| {
        let calendar =
            part(mail, "text/calendar")[2].as_str().unwrap().replace("\r\n ", "").replace("\n ", "");
        let line = calendar.lines().find(|line| line.starts_with(name)).map(str::to_owned);
        line.unwrap_or_else(|| panic!("{name} in {calendar}"))
    };
    assert_eq!(line(confirmed, "UID:"), format!("UID:{id}"));
    assert!(
        line(confirmed, "ATTENDEE").contains("Nicolò Però 🍝")
            && line(confirmed, "ORGANIZER").contains("mailto:")
    );
    let cancelled =
        mail.iter().find(|m| part(m, "text/plain")[2].as_str().unwrap().contains("has been cancelled"));
    let cancelled = cancelled.unwrap();
    assert_eq!(part(cancelled, "text/calendar")[1], "CANCEL");
    assert_eq!(line(cancelled, "UID:"), line(confirmed, "UID:"));
    let sequence = |mail: &Value| line(mail, "SEQUENCE:")[9..].parse::<u64>().unwrap();
    assert!(sequence(cancelled) > sequence(confirmed));
    let indonesian = mail.iter().find(|m| m["to"].as_str().unwrap().contains("Nur’aini")).unwrap();
    assert!(
        part(indonesian, "text/plain")[2]
            .as_str()
            .unwrap()
            .starts_with("Halo Siti Nur’aini, S.Pd. (Bu \"Nur\"),")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_recipient_is_a_dead_letter_until_it_is_discarded() {
    let server = MailServer::start().await;
    let pair = Pair::running(&["--sms", "off", "--mail", &server.url()]).await;
    let mut rome = booking(2);
    rome["venue_id"] = json!("roma-trastevere");
    rome["contact_info"]["email"] = json!("nobody@example.com");
    let (_, unreachable) = pair.post("/api/reservations", &rome).await;
    pair.settled().await;
    let refused = unreachable["reservation_id"].as_str().unwrap();
    let dead = pair.get(&format!("{}/api/effects?status=dead", pair.notifier_url)).await;
    assert_eq!(dead["items"][0]["reservation_id"], refused);
    assert_eq!(dead["items"][0]["reason"], "provider_refused");
    assert!(
        !dead.to_string().contains("nobody@"),
        "the server's error is stored without the address: {dead}"
    );
    let counts = pair.counts().await.remove(&format!("reservation/{refused}")).unwrap();
    assert_eq!(counts.get("notification.failed:received:mail"), Some(&1), "{counts:?}");

    // Retried by an operator, it fails permanently again, and that is reported again. Then it is discarded.
    let key = dead["items"][0]["id"].as_str().unwrap();
    let retry = format!("{}/api/notifications/{key}/retry", pair.notifier_url);
    assert_eq!(anonymous_client().post(&retry).send().await.unwrap().status(), 401);
    let ordered = pair.client.post(&retry).send().await.unwrap();
    assert_eq!(ordered.status(), 202);
    until("the second failure to be reported", async || {
        pair.counts().await[&format!("reservation/{refused}")]["notification.failed:received:mail"] == 2
    })
    .await;
    let discard = format!("{}/api/effects/{key}/discard", pair.notifier_url);
    let reason = json!({"reason": "the guest was called"});
    let rests = pair.client.post(&discard).json(&reason).send().await.unwrap();
    assert_eq!(rests.status(), 200);
    let rests: Value = rests.json().await.unwrap();
    assert_eq!((&rests["status"], &rests["reason"]), (&json!("discarded"), &json!("the guest was called")));
    assert_eq!(pair.client.post(&retry).send().await.unwrap().status(), 409);

    // A preview of the message, which is not sent.
    let preview = pair
        .notifier_command()
        .args(["preview", "confirmed", "--reservation", refused, "--locale", "id"])
        .stdout(std::process::Stdio::piped())
        .output()
        .unwrap();
    let words = String::from_utf8(preview.stdout).unwrap();
    assert!(
        preview.status.success() && words.starts_with("Subject: Reservasi Anda di Osteria del Moro"),
        "{words}"
    );
    assert_eq!(server.counts().len(), 0);
}

/// A mail that the server refuses temporarily is repeated. A mail that it accepted without a response arrives at most
/// twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_misbehaves_gets_every_mail() {
    let server = MailServer::start().await;
    let args = ["--sms", "off", "--mail", &server.url(), "--backoff-ms", "20", "--attempts-max", "60"];
    let pair = Pair::running(&args).await;
    for _ in 0..20 {
        pair.book(2).await;
    }
    pair.settled().await;
    assert_eq!(server.counts().len(), 20);
    let connections = server.connections();
    assert!(connections <= 16, "{connections} connections for 20 mails: connections must be reused");
    server.behave(&json!({"put_off": 40, "late": 20, "drop_after_data": 25}));
    for _ in 0..30 {
        pair.book(2).await;
    }
    pair.settled().await;
    let counts = server.counts();
    assert_eq!(counts.len(), 50, "every mail arrived");
    let doubled = counts.values().filter(|count| **count > 1).count();
    assert!(doubled > 0, "the server accepted some mails without a response");
    let dead = pair.get(&format!("{}/api/effects?status=dead", pair.notifier_url)).await;
    assert_eq!(dead["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_is_sent_over_tls_with_a_login() {
    for secured in [Secured::Wrapper, Secured::StartTls] {
        let server = MailServer::secured(secured).await;
        let ca = server.ca();
        let args = ["--sms", "off", "--mail", &server.url(), "--mail-ca-file", ca.to_str().unwrap()];
        let pair = Pair::running(&args).await;
        pair.book(2).await;
        pair.settled().await;
        assert_eq!(server.counts().len(), 1, "{secured:?}");
        // Without the certificate, or with another password, no mail is sent; it waits and is not lost.
        let wrong = server.url().replace("s3cret", "other");
        for args in
            [vec!["--mail", &server.url()], vec!["--mail", &wrong, "--mail-ca-file", ca.to_str().unwrap()]]
        {
            let args = [vec!["--sms", "off", "--backoff-ms", "10", "--attempts-max", "4"], args].concat();
            let pair = Pair::running(&args).await;
            pair.book(2).await;
            let providers = format!("{}/api/providers", pair.notifier_url);
            let mail = async || {
                let all = pair.get(&providers).await["items"].as_array().unwrap().clone();
                all.into_iter().find(|provider| provider["name"] == "mail").unwrap_or_default()
            };
            until("the breaker to open", async || mail().await["breaker"] == "open").await;
            let waiting = pair.get(&format!("{}/api/notifications?status=waiting", pair.notifier_url)).await;
            let waits =
                waiting["items"].as_array().unwrap().iter().find(|mail| mail["template"] == "received");
            assert!(waits.unwrap()["last_error"].is_string(), "{waiting}");
            assert_eq!(server.counts().len(), 1);
        }
    }
}

/// A cancellation one second before the reminder is due prevents the reminder.
#[tokio::test(flavor = "multi_thread")]
async fn no_reminder_is_sent_for_a_booking_cancelled_a_second_before() {
    let pair = Pair::running(&["--sms", "off", "--reminder-hours", "1"]).await;
    let due = Instant::now() + std::time::Duration::from_secs(4);
    let start = std::time::SystemTime::now() + std::time::Duration::from_secs(3_604);
    let start = chrono::DateTime::<chrono::Utc>::from(start).to_rfc3339();
    let mut ids = Vec::new();
    for _ in 0..2 {
        let mut visit = booking(2);
        visit["start_time"] = json!(start);
        let (status, booked) = pair.post("/api/reservations", &visit).await;
        assert_eq!(status, 200, "{booked}");
        let id = booked["reservation_id"].as_str().unwrap().to_owned();
        pair.post(&format!("/api/reservations/{id}/confirm"), &json!({})).await;
        ids.push(id);
    }
    until("one second before the reminder", async || {
        due.saturating_duration_since(Instant::now()).as_millis() < 1_100
    })
    .await;
    let (status, _) =
        pair.post(&format!("/api/reservations/{}/cancel", ids[0]), &json!({"reason_code": "other"})).await;
    assert_eq!(status, 200);
    assert!(Instant::now() < due, "the test was too slow: the reminder is already due");
    let reminder = async |id: &str| {
        let all = pair.get(&format!("{}/api/notifications?reservation_id={id}", pair.notifier_url)).await;
        let all = all["items"].as_array().unwrap().clone();
        all.into_iter().find(|message| message["template"] == "reminder").unwrap()
    };
    until("both reminders to be finished", async || {
        reminder(&ids[0]).await["status"] != "waiting" && reminder(&ids[1]).await["status"] != "waiting"
    })
    .await;
    assert_eq!(reminder(&ids[0]).await["reason"], "no longer true");
    assert_eq!(reminder(&ids[1]).await["status"], "done");
    let reminded: Vec<_> = pair.mail().into_iter().filter(|name| name.contains("reminder")).collect();
    assert!(reminded.len() == 1 && reminded[0].contains(&ids[1]), "{reminded:?}");
}

/// The rules of the venue give the address and the reply-to. A premium-rate number gets no text message.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_size_is_told_with_the_address_and_an_expensive_number_gets_no_text_message() {
    let server = MailServer::start().await;
    let pair = Pair::running(&["--sms", "console", "--mail", &server.url()]).await;
    let rules = format!("{}/api/venues/bandung-dago/rules", pair.reservation_url);
    let mut document = pair.get(&rules).await;
    document["address"] = json!("Jl. Ir. H. Juanda 101\nBandung 40132");
    document["reply_to"] = json!("halo@warung.example.com");
    let changed = pair.client.put(&rules).json(&document).send().await.unwrap();
    assert_eq!(changed.status(), 200);
    let mut body = booking(2);
    body["contact_info"]["phone"] = json!("+49 900 1234567");
    body["locale"] = json!("en");
    let (status, booked) = pair.post("/api/reservations", &body).await;
    assert_eq!(status, 200, "{booked}");
    let id = booked["reservation_id"].as_str().unwrap();
    for (command, body) in [("confirm", json!({})), ("party-size", json!({"party_size": 3}))] {
        let (status, answer) = pair.post(&format!("/api/reservations/{id}/{command}"), &body).await;
        assert_eq!(status, 200, "{answer}");
    }
    pair.settled().await;
    let mail = server.mail();
    let resized =
        mail.iter().find(|mail| mail["id"].as_str().unwrap().ends_with(".mail-resized@meja.example>"));
    let text = part(resized.unwrap_or_else(|| panic!("{mail:#?}")), "text/plain")[2].as_str().unwrap();
    assert!(text.contains("is now for 3 guests") && text.contains("Bandung 40132"), "{text}");
    let effects = pair.get(&format!("{}/api/effects?reservation_id={id}", pair.notifier_url)).await;
    let sms = effects["items"].as_array().unwrap().iter().find(|effect| effect["medium"] == "sms").unwrap();
    assert_eq!(
        (&sms["status"], &sms["reason"]),
        (&json!("skipped"), &json!("the phone number gets no text messages"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_of_the_log_is_mailed_once_and_verifies_the_log() {
    let server = MailServer::start().await;
    let mut pair = Pair::prepared(&[
        "--sms",
        "off",
        "--mail",
        &server.url(),
        "--checkpoint-mail",
        "auditor@example.org",
    ]);
    pair.start_reservation().await;
    pair.book(2).await;
    pair.start_notifier().await;
    let checkpoints = || -> Vec<Value> {
        let is_one = |mail: &Value| {
            mail["subject"].as_str().is_some_and(|subject| subject.starts_with("Checkpoint of "))
        };
        server.mail().into_iter().filter(is_one).collect()
    };
    until("the checkpoint", async || !checkpoints().is_empty()).await;
    let mail = checkpoints().remove(0);
    assert!(mail["to"].as_str().unwrap().contains("auditor@example.org"), "{mail}");
    assert_eq!(mail["defects"], json!([]), "{mail}");
    let file = mail["parts"].as_array().unwrap().last().unwrap()[2].as_str().unwrap().to_owned();
    let kept = pair.dir.path().join("mailed.checkpoint");
    std::fs::write(&kept, &file).unwrap();
    let key = anonymous_client().get(format!("{}/.well-known/meja-log-keys", pair.reservation_url));
    let key = key.send().await.unwrap().text().await.unwrap();
    // A restart of the notifier does not mail it again: another mail arrives, and no second checkpoint.
    pair.notifier.take().unwrap().kill_9();
    pair.start_notifier().await;
    let before = server.mail().len();
    pair.book(2).await;
    until("another mail", async || server.mail().len() > before).await;
    assert_eq!(checkpoints().len(), 1);
    assert!(pair.logged("notifier").contains("a checkpoint of the log was mailed"));
    pair.reservation.take().unwrap().terminate();
    let data = pair.dir.path().join("reservation");
    let printed = done(
        "reservation",
        &[
            "verify",
            "--data-dir",
            data.to_str().unwrap(),
            "--checkpoint",
            kept.to_str().unwrap(),
            "--key",
            key.trim(),
        ],
    );
    assert!(printed.contains("checkpoint  the log begins with"), "{printed}");
}
