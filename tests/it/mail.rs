//! Mail over real SMTP, to a real server.

use std::process::{Command, Stdio};

use serde_json::json;

use crate::services::{Pair, Running, free_port, root, until};

/// A server that keeps what it gets as files; it listens once it has said so.
const SERVER: &str = r#"
import sys, time, uuid, pathlib
from aiosmtpd.controller import Controller
folder = pathlib.Path(sys.argv[2])
class Keep:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 5.1.1 no such mailbox: " + address
        envelope.rcpt_tos.append(address)
        return "250 OK"
    async def handle_DATA(self, server, session, envelope):
        name = folder / uuid.uuid4().hex
        name.write_bytes(envelope.content)
        name.rename(name.with_suffix(".eml"))
        return "250 OK"
Controller(Keep(), hostname="127.0.0.1", port=int(sys.argv[1])).start()
(folder / "ready").touch()
time.sleep(600)
"#;

/// Reads a message with Python's own parser and prints what the test wants to know.
const PARSER: &str = r#"
import sys, json, email, email.policy
message = email.message_from_binary_file(open(sys.argv[1], "rb"), policy=email.policy.default)
parts = [p for p in message.walk() if not p.is_multipart()]
print(json.dumps({"subject": message["subject"], "to": message["to"], "id": message["message-id"],
  "parts": [[p.get_content_type(), p.get_param("method"), p.get_content()] for p in parts]}))
"#;

fn python() -> Command {
    let python = root().join("target/tools/python/bin/python");
    assert!(
        python.exists(),
        "{} is missing: run the tests with make test, which installs it",
        python.display()
    );
    let mut command = Command::new(python);
    command.stdin(Stdio::null());
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_gets_one_whole_message_and_a_refused_one_is_a_dead_letter() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let server = python().args(["-c", SERVER, &port.to_string()]).arg(folder.path()).spawn().unwrap();
    let _server = Running(server);
    until("the mail server", async || folder.path().join("ready").exists()).await;
    let pair = Pair::running(&["--sms", "off", "--mail", &format!("smtp://127.0.0.1:{port}")]).await;
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

    let mut mail = Vec::new();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "eml") {
            let parsed = python().args(["-c", PARSER]).arg(&path).stderr(Stdio::inherit()).output().unwrap();
            mail.push(serde_json::from_slice::<serde_json::Value>(&parsed.stdout).unwrap());
        }
    }
    assert_eq!(mail.len(), 2, "{mail:#?}");
    let confirmed =
        mail.iter().find(|m| m["subject"] == "Your table at Osteria del Moro is confirmed").unwrap();
    assert!(confirmed["to"].as_str().unwrap().contains("Nicolò Però 🍝"), "{confirmed}");
    assert!(confirmed["id"].as_str().unwrap().ends_with(".mail-confirmed@meja.example>"));
    let parts = confirmed["parts"].as_array().unwrap();
    assert!(parts[0][2].as_str().unwrap().contains("Dear Nicolò Però 🍝,"));
    assert_eq!((&parts[1][0], &parts[1][1]), (&json!("text/calendar"), &json!("PUBLISH")));
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
