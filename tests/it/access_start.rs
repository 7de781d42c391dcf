//! The first keys, recovery, and the commands for keys, with the real binaries.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::asking::without_gateway;
use crate::ports::own_port;
use crate::services::{OWNER, Pair, Running, anonymous_client, owner_file, program, root, until};

/// A reservation service with its own directory of secrets.
struct Installation {
    dir: tempfile::TempDir,
    url: String,
    http: reqwest::Client,
    running: Option<Running>,
}

impl Installation {
    fn new() -> Self {
        let (dir, http) = (tempfile::tempdir().unwrap(), anonymous_client());
        Self { dir, url: format!("http://127.0.0.1:{}", own_port()), http, running: None }
    }

    fn secrets(&self) -> PathBuf {
        self.dir.path().join("secrets")
    }

    fn command(&self) -> Command {
        let mut command = program("reservation");
        command.args(["--listen", self.url.trim_start_matches("http://"), "--disk-reserve-mib", "0"]);
        command.arg("--secrets-dir").arg(self.secrets()).arg("--data-dir").arg(self.dir.path().join("data"));
        command.arg("--venues").arg(root().join("tests/venues/by-hand")).args(["--log", "warn"]);
        command.stdin(Stdio::null());
        command
    }

    async fn start(&mut self) {
        self.running = Some(Running(self.command().stdout(Stdio::null()).spawn().unwrap()));
        let url = format!("{}/readyz", self.url);
        until("the service", async || self.http.get(&url).send().await.is_ok_and(|a| a.status() == 200))
            .await;
    }

    fn stop(&mut self) {
        assert_eq!(self.running.take().unwrap().terminate(), Some(0));
    }

    /// Runs a command of the binary that must succeed. Returns its output.
    #[track_caller]
    fn run(&self, args: &[&str]) -> String {
        let output = self.command().args(args).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The key in a file of the directory of secrets.
    fn key(&self, file: &str) -> String {
        key_in(&self.secrets().join(file))
    }

    /// The status of a list of keys with `key`.
    async fn status(&self, key: &str) -> u16 {
        let url = format!("{}/api/access/keys", self.url);
        self.http.get(url).bearer_auth(key).send().await.unwrap().status().as_u16()
    }
}

fn key_in(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.trim().trim_start_matches("Authorization: Bearer ").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_records_the_keys_in_the_directory_of_secrets() {
    let mut meja = Installation::new();
    meja.start().await;
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(meja.secrets()), 0o700);
    for file in ["owner.header", "notifier.key", "gateway.key"] {
        assert_eq!(mode(meja.secrets().join(file)), 0o600, "{file}");
    }
    let owner = meja.key("owner.header");
    assert_eq!((meja.status(&owner).await, meja.status(&meja.key("notifier.key")).await), (200, 403));
    // The next start keeps them. A new log beside existing secrets gets the same keys.
    meja.stop();
    meja.start().await;
    assert_eq!((&meja.key("owner.header"), meja.status(&owner).await), (&owner, 200));
    meja.stop();
    fs::remove_dir_all(meja.dir.path().join("data")).unwrap();
    meja.start().await;
    assert_eq!((&meja.key("owner.header"), meja.status(&owner).await), (&owner, 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_created_listed_rotated_and_revoked_on_the_command_line() {
    let mut meja = Installation::new();
    meja.start().await;
    let create = ["access", "create", "--name", "till", "--scope", "access", "--venue", "bandung-dago"];
    let token = meja.run(&create).trim().to_owned();
    let id = token.split('_').nth(1).unwrap().to_owned();
    assert_eq!(meja.status(&token).await, 200);
    let file = meja.dir.path().join("till.key");
    meja.run(&["access", "rotate", &id, "--overlap-hours", "0", "--into", file.to_str().unwrap()]);
    let second = key_in(&file);
    assert_eq!((meja.status(&token).await, meja.status(&second).await), (401, 200));
    let listed = meja.run(&["access", "list"]);
    assert!(listed.lines().any(|line| line.contains(&id) && line.contains("till") && line.contains("valid")));
    assert!(meja.run(&["access", "revoke", &id, "--reason", "leaked"]).contains("revoked"));
    assert_eq!(meja.status(&second).await, 401);
    // Without the owner's key the command says what to do.
    let output = meja.command().args(["access", "list", "--credential-file", "/nowhere"]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("--credential-file"), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_key_is_recovered_and_all_others_can_be_revoked() {
    let mut meja = Installation::new();
    meja.start().await;
    let (first, notifier) = (meja.key("owner.header"), meja.key("notifier.key"));
    let booking = crate::services::booking(2);
    let mut booking = booking.as_object().unwrap().clone();
    booking.remove("allow_duplicate");
    let booked =
        meja.http.post(format!("{}/api/reservations", meja.url)).json(&booking).send().await.unwrap();
    let link =
        booked.json::<serde_json::Value>().await.unwrap()["guest_link"]["token"].as_str().unwrap().to_owned();
    // The first owner signs up with the link that is printed once.
    let page = meja.run(&["access", "sign-up-link"]).trim().to_owned();
    let link_of_owner = page.rsplit('/').next().unwrap().to_owned();
    let entered =
        json!({"password": "kelapa motor sunyi bendera", "name": "Made", "email": "made@example.com"});
    let url = format!("{}/api/invitation/accept", meja.url);
    let joined = meja.http.post(url).bearer_auth(&link_of_owner).json(&entered).send().await.unwrap();
    assert_eq!(joined.status(), 200, "{}", joined.text().await.unwrap());
    assert_eq!(meja.run(&["access", "sign-up-link"]), "");
    assert!(meja.run(&["access", "staff"]).contains("made@example.com  owner of *"));
    // A backup, and then a revocation.
    let backup = meja.dir.path().join("backup").display().to_string();
    meja.run(&["log", "backup", &backup, "--from", &meja.url.clone()]);
    let id = notifier.split('_').nth(1).unwrap().to_owned();
    meja.run(&["access", "revoke", &id]);
    assert_eq!(meja.status(&notifier).await, 401);
    meja.stop();
    fs::remove_file(meja.secrets().join("owner.header")).unwrap();
    meja.run(&["access", "recover"]);
    meja.start().await;
    let second = meja.key("owner.header");
    assert_eq!((meja.status(&first).await, meja.status(&second).await), (200, 200));
    meja.stop();
    // The backup revives the revoked key, and the restore says so.
    let said = meja.run(&["log", "restore", &backup, "--force"]);
    assert!(
        said.contains("Access is as old as the backup") && said.contains("recover --revoke-all"),
        "{said}"
    );
    meja.start().await;
    assert_eq!((meja.status(&notifier).await, meja.status(&second).await), (403, 401));
    meja.stop();
    meja.run(&["access", "recover", "--revoke-all"]);
    meja.start().await;
    for key in [&first, &notifier, &second] {
        assert_eq!(meja.status(key).await, 401);
    }
    assert_eq!(meja.status(&meja.key("owner.header")).await, 200);
    assert_eq!(meja.status(&meja.key("notifier.key")).await, 403);
    let read =
        meja.http.get(format!("{}/api/reservations", meja.url)).bearer_auth(&link).send().await.unwrap();
    assert_eq!(read.status(), 401, "links of guests end too");
    assert_eq!(meja.run(&["access", "staff"]), "", "accounts of staff end too");
}

/// The notifier learns of a revocation within seconds. It refuses all keys once it cannot check them, and goes on taking
/// payments.
#[tokio::test(flavor = "multi_thread")]
async fn the_notifier_refuses_a_revoked_key_and_all_keys_that_it_cannot_check() {
    let mut pair = Pair::running(&["--sms", "off"]).await;
    let body = json!({"name": "accounts", "scopes": ["payments"]});
    let created = pair.client.post(format!("{}/api/access/keys", pair.reservation_url)).json(&body);
    let created: serde_json::Value = created.send().await.unwrap().json().await.unwrap();
    let (token, id) = (created["token"].as_str().unwrap(), created["key"]["key_id"].as_str().unwrap());
    let payments = format!("{}/api/payments", pair.notifier_url);
    let status = async |key: &str| {
        anonymous_client().get(&payments).bearer_auth(key).send().await.unwrap().status().as_u16()
    };
    until("the notifier to know the key", async || status(token).await == 200).await;
    assert_eq!(anonymous_client().get(&payments).send().await.unwrap().status(), 401);
    let revoke = format!("{}/api/access/keys/{id}/revoke", pair.reservation_url);
    assert_eq!(pair.client.post(revoke).json(&json!({})).send().await.unwrap().status(), 200);
    let began = Instant::now();
    until("the notifier to refuse the key", async || status(token).await == 401).await;
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    let booked = pair.book(6).await;
    let page = pair.checkout(&booked).await;
    pair.reservation.take().unwrap().kill_9();
    until("the notifier to refuse what it cannot check", async || status(OWNER).await == 503).await;
    let paid = anonymous_client().post(format!("{page}/pay")).send().await.unwrap();
    assert!(paid.text().await.unwrap().contains("paid"));
    pair.start_reservation().await;
    until("the notifier to check again", async || status(OWNER).await == 200).await;
    assert!(fs::read_to_string(owner_file()).unwrap().contains(OWNER));
}

/// The page of a booking, with the link in the mail; and a link to pay that was replaced.
#[tokio::test(flavor = "multi_thread")]
async fn a_guest_cancels_on_the_page_in_the_mail_and_a_replaced_link_opens_nothing() {
    let pair = Pair::running(&["--sms", "off"]).await;
    let guest = anonymous_client();
    let (status, booked) = pair.post("/api/reservations", &crate::services::booking(6)).await;
    assert_eq!(status, 200, "{booked}");
    let (id, page) =
        (booked["reservation_id"].as_str().unwrap(), booked["guest_link"]["url"].as_str().unwrap());
    let code = booked["code"].as_str().unwrap();
    let pay = pair.checkout(id).await;
    pair.settled().await;
    let outbox = pair.dir.path().join("notifier/outbox");
    let text = |name| fs::read_to_string(outbox.join(name)).unwrap().replace("=\r\n", "");
    let mails: Vec<_> = pair.mail().into_iter().map(text).collect();
    assert!(mails.iter().any(|mail| mail.contains(page) && mail.contains(&pay)), "{mails:?}");
    let shown = guest.get(page).send().await.unwrap().text().await.unwrap();
    assert!(
        shown.contains("yang harus dibayar") && shown.contains("Ya, batalkan") && shown.contains(code),
        "{shown}"
    );
    let renew = format!("/api/reservations/{id}/link/renew");
    let (status, renewed) = pair.post(&renew, &json!({})).await;
    assert_eq!(status, 200, "{renewed}");
    let new_page = renewed["guest_link"]["url"].as_str().unwrap();
    pair.settled().await;
    for gone in [page, &pay, &format!("{pay}x"), &page.replace("/r/", "/w/")] {
        assert_eq!(guest.get(gone).send().await.unwrap().status(), 404, "{gone}");
    }
    assert_eq!(guest.post(format!("{}/cancel", without_gateway(page))).send().await.unwrap().status(), 404);
    assert_eq!(guest.get(pair.checkout(id).await).send().await.unwrap().status(), 200);
    let cancelled = guest
        .post(format!("{}/cancel", without_gateway(new_page)))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(cancelled.contains("Reservasi ini sudah dibatalkan."), "{cancelled}");
    assert!(!cancelled.contains("yang harus dibayar"), "{cancelled}");
    let view = pair.get(&format!("/api/reservations/{id}")).await;
    assert_eq!(view["cancellation"]["cancelled_by"], "guest");
}
