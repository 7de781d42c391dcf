//! Requests that a fuzzer derives from the descriptions of both services, also sequences along their links.

mod roles;

use std::process::{Command, Stdio};

use reqwest::header::SET_COOKIE;
use serde_json::{Value, json};

use crate::services::{NOTIFIER, OWNER, Pair, anonymous_client, root, until};

/// How long each service is fuzzed, in seconds, unless `MEJA_FUZZ_SECONDS` says otherwise.
const SECONDS_DEFAULT: u32 = 60;

fn schemathesis() -> Command {
    let tool = root().join("target/tools/python/bin/schemathesis");
    assert!(tool.exists(), "{} is missing: run the tests with make test, which installs it", tool.display());
    let mut command = Command::new(tool);
    command
        .stdin(Stdio::null())
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("PYTHONPATH", root().join("tests/fuzz"));
    command
}

/// Fuzzes the service at `url`.
async fn fuzz(pair: &Pair, url: &str, more: &[&str], of_staff: &[(&str, String)]) {
    fuzz_for(SECONDS_DEFAULT, "schemathesis.toml", pair, url, more, of_staff).await;
}

/// Fuzzes the service at `url` for `seconds`, with the settings in the file `settings`.
async fn fuzz_for(
    seconds: u32,
    settings: &str,
    pair: &Pair,
    url: &str,
    more: &[&str],
    of_staff: &[(&str, String)],
) {
    let longer = std::env::var("MEJA_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    let seconds: u32 = longer.unwrap_or(seconds);
    let mut command = schemathesis();
    command.arg("--config-file").arg(root().join("tests/fuzz").join(settings));
    command.args(["run", &format!("{url}/openapi.json"), "--checks", "all", "--workers", "1", "--no-color"]);
    command.args(["--max-time", &seconds.to_string()]);
    command.env("MEJA_OWNER_KEY", OWNER).env("MEJA_NOTIFIER_KEY", NOTIFIER);
    command.envs(of_staff.iter().map(|(name, value)| (name, value)));
    command.args(more).current_dir(pair.dir.path());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    // A run that tested nothing is a failure too.
    let cases = said.lines().find_map(|line| line.trim().split_once(" generated")?.0.parse::<u32>().ok());
    assert!(cases > Some(5 * seconds) && said.contains("Stateful"), "{said}");
}

/// What members of staff present: a session, a device, and the links of an invitation and of a password reset.
async fn of_staff(pair: &Pair) -> [(&'static str, String); 4] {
    let client = anonymous_client();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let post = async |path: &str, credential: &str, body: Value| {
        let request = client.post(format!("{}{path}", pair.reservation_url)).bearer_auth(credential);
        let response = request.json(&body).send().await.unwrap();
        let cookie = response.headers().get(SET_COOKIE).map(|cookie| cookie.to_str().unwrap().to_owned());
        let value = cookie.and_then(|cookie| Some(cookie.split(';').next()?.split_once('=')?.1.to_owned()));
        (value, response.json::<Value>().await.unwrap_or_default())
    };
    let invite = async |name: &str| {
        let (_, invited) = post("/api/access/staff", OWNER, json!({"roles": {"owner": ["*"]}})).await;
        let link = text(&invited["invitation"]["token"]);
        let email = format!("{name}@warung-sinar.co.id");
        let entered = json!({"password": "kelapa motor sunyi bendera", "name": name, "email": email});
        let (session, _) = post("/api/invitation/accept", &link, entered).await;
        (session.unwrap(), text(&invited["staff"]["staff_id"]), email)
    };
    let (session, ..) = invite("made").await;
    let (_, forgetful, email) = invite("sari").await;
    post("/api/password-resets", OWNER, json!({"email": email})).await;
    let url = format!("{}/api/access/staff/{forgetful}/contact", pair.reservation_url);
    let contact = async || -> Value {
        client.get(&url).bearer_auth(NOTIFIER).send().await.unwrap().json().await.unwrap()
    };
    until("the link to reset a password", async || contact().await["password_reset"].is_object()).await;
    let contact = contact().await;
    let (_, invited) = post("/api/access/staff", OWNER, json!({"roles": {"host": ["*"]}})).await;
    let device = json!({"venue_id": "bandung-dago", "name": "tablet"});
    let (_, added) = post("/api/access/devices", OWNER, device).await;
    let (device, _) = post("/api/stand/enrol", OWNER, json!({"code": added["code"]})).await;
    [
        ("MEJA_SESSION", session),
        ("MEJA_DEVICE", device.unwrap()),
        ("MEJA_INVITATION", text(&invited["invitation"]["token"])),
        ("MEJA_PASSWORD_RESET", text(&contact["password_reset"]["token"])),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_that_a_fuzzer_derives_from_the_description_of_reservation_is_answered_wrongly() {
    let mut pair = Pair::prepared(&[]);
    pair.venues = crate::venues::without_holidays(&pair);
    pair.start_reservation().await;
    // It would end the credentials that it presents.
    let ends = ["revokeKey", "rotateKey", "signOut", "removeStaff", "revokeDevice"];
    let ends: Vec<_> = ends.iter().flat_map(|id| ["--exclude-operation-id", *id]).collect();
    let of_staff = of_staff(&pair).await;
    fuzz(&pair, &pair.reservation_url, &[&["--exclude-path", "/api/log"][..], &ends].concat(), &of_staff)
        .await;
    let stats = pair.get("/api/stats").await;
    assert!(stats["reservations"].as_u64() > Some(3), "too few bookings succeeded: {stats}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_that_a_fuzzer_derives_from_the_description_of_notifier_is_answered_wrongly() {
    let pair = Pair::running(&["--simulated-decide-after-ms", "0"]).await;
    for _ in 0..5 {
        pair.book(6).await;
    }
    pair.settled().await;
    fuzz(&pair, &pair.notifier_url, &["--exclude-path", "/api/log"], &[]).await;
}
