//! Starts, kills and calls the two services.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use reqwest::header::{AUTHORIZATION, HeaderMap};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::ports::own_port;

/// The key of the owner in every test.
pub const OWNER: &str = "meja_owner_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
/// The key of the notifier in every test.
pub const NOTIFIER: &str = "meja_notifier_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8";

/// Maximum duration of operations without their own limit.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// The path of the binary `name`, in the directory above that of this test.
pub fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let binary = test.parent().and_then(Path::parent).unwrap().join(name);
    assert!(binary.exists(), "{} is not built: run the tests with make test", binary.display());
    binary
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A directory with the secrets of an installation, which the services find at their first start.
pub fn secrets() -> &'static Path {
    static SECRETS: LazyLock<TempDir> = LazyLock::new(|| {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        let gateway = NOTIFIER.replace("notifier", "gateway");
        for (file, line) in [
            ("owner.header", format!("Authorization: Bearer {OWNER}")),
            ("notifier.key", NOTIFIER.to_owned()),
            ("gateway.key", gateway),
        ] {
            let path = dir.path().join(file);
            std::fs::write(&path, line + "\n").unwrap();
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        dir
    });
    SECRETS.path()
}

/// Settings for services that many clients of one machine use: without limits of clients.
pub const UNLIMITED: [(&str, &str); 6] = [
    ("MEJA_CONNECTIONS_PER_ADDRESS_MAX", "4096"),
    ("MEJA_ADDRESS_REQUESTS_PER_MINUTE_MAX", "1000000000"),
    ("MEJA_ADDRESS_FAILURES_PER_MINUTE_MAX", "1000000000"),
    ("MEJA_CREDENTIAL_REQUESTS_PER_MINUTE_MAX", "1000000000"),
    ("RESERVATION_ADDRESS_BOOKINGS_PER_HOUR_MAX", "1000000000"),
    ("RESERVATION_CONTACT_BOOKINGS_PER_DAY_MAX", "1000000000"),
];

/// The program `name`, which listens for gRPC only if the test wants it: tests that run at the same time would share the port.
pub fn program(name: &str) -> Command {
    let mut command = Command::new(binary(name));
    command.env("RESERVATION_GRPC_LISTEN", "off").env("NOTIFIER_GRPC_LISTEN", "off");
    command
}

/// The file with the owner's key, for commands that ask a running service.
pub fn owner_file() -> &'static str {
    static FILE: LazyLock<String> =
        LazyLock::new(|| secrets().join("owner.header").to_str().unwrap().to_owned());
    &FILE
}

/// A client that presents the key of the owner, unless a request has another credential.
pub fn owner_client(timeout: Duration) -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, format!("Bearer {OWNER}").parse().unwrap());
    reqwest::Client::builder().timeout(timeout).default_headers(headers).build().unwrap()
}

/// A client without a credential.
pub fn anonymous_client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().timeout(Duration::from_secs(40)).build().unwrap()
}

/// A process that is killed when the test ends.
pub struct Running(pub Child);

impl Running {
    pub fn kill_9(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Sends SIGTERM and returns the exit code.
    pub fn terminate(mut self) -> Option<i32> {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.0.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Both services, in their own directory.
pub struct Pair {
    pub dir: TempDir,
    pub client: reqwest::Client,
    pub reservation_url: String,
    pub notifier_url: String,
    pub reservation: Option<Running>,
    pub notifier: Option<Running>,
    /// Additional arguments of the notifier.
    pub notifier_args: Vec<String>,
    /// Environment variables of both services.
    pub env: Vec<(&'static str, String)>,
    /// The directory of the venue files.
    pub venues: PathBuf,
    /// The address at which the reservation service speaks gRPC and the notifier follows the feed; `None`: over HTTP.
    pub feed_at: Option<String>,
}

/// How the notifier reads the feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feed {
    Http,
    Grpc,
}

impl Pair {
    /// A pair that is not started yet.
    pub fn prepared(notifier_args: &[&str]) -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            client: owner_client(Duration::from_secs(40)),
            reservation_url: format!("http://127.0.0.1:{}", own_port()),
            notifier_url: format!("http://127.0.0.1:{}", own_port()),
            reservation: None,
            notifier: None,
            notifier_args: notifier_args.iter().map(|arg| (*arg).to_owned()).collect(),
            env: Vec::new(),
            venues: root().join("tests/venues/by-hand"),
            feed_at: None,
        }
    }

    /// A pair that is not started yet, whose notifier reads the feed over `feed`.
    pub fn prepared_over(feed: Feed, notifier_args: &[&str]) -> Self {
        let feed_at = (feed == Feed::Grpc).then(|| format!("127.0.0.1:{}", own_port()));
        Self { feed_at, ..Self::prepared(notifier_args) }
    }

    pub async fn running_over(feed: Feed, notifier_args: &[&str]) -> Self {
        let mut pair = Self::prepared_over(feed, notifier_args);
        pair.start_reservation().await;
        pair.start_notifier().await;
        pair
    }

    pub async fn running(notifier_args: &[&str]) -> Self {
        let mut pair = Self::prepared(notifier_args);
        pair.start_reservation().await;
        pair.start_notifier().await;
        pair
    }

    pub fn reservation_command(&self) -> Command {
        let mut command = self.command("reservation", &self.reservation_url);
        command.arg("--venues").arg(&self.venues).args(["--notifier-url", &self.notifier_url]);
        command.args(self.feed_at.iter().flat_map(|at| ["--grpc-listen", at]));
        command
    }

    pub fn notifier_command(&self) -> Command {
        let mut command = self.command("notifier", &self.notifier_url);
        command.args(["--reservation-url", &self.reservation_url]);
        // Receivers and providers of the tests are on this machine.
        command.args(["--calls-allowed", "127.0.0.0/8, ::1"]);
        // All guests of the tests have the same address.
        command.args(["--messages-per-minute-max", "0", "--recipient-messages-per-hour-max", "0"]);
        if let Some(at) = &self.feed_at {
            command.args(["--upstream-feed", "grpc", "--reservation-grpc-url", &format!("http://{at}")]);
        }
        command.args(&self.notifier_args);
        command
    }

    fn command(&self, name: &str, url: &str) -> Command {
        let mut command = program(name);
        command
            .args(["--listen", url.split_once("://").unwrap().1])
            .args(["--disk-reserve-mib", "0", "--cache-mib", "8"])
            .arg("--secrets-dir")
            .arg(secrets())
            .arg("--data-dir")
            .arg(self.dir.path().join(name))
            .envs(UNLIMITED)
            .envs(self.env.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(self.log(name));
        command
    }

    fn log(&self, name: &str) -> File {
        File::options().create(true).append(true).open(self.dir.path().join(format!("{name}.log"))).unwrap()
    }

    /// The log lines of a service so far.
    pub fn logged(&self, name: &str) -> String {
        std::fs::read_to_string(self.dir.path().join(format!("{name}.log"))).unwrap()
    }

    pub async fn start_reservation(&mut self) {
        let mut command = self.reservation_command();
        self.reservation = Some(Running(command.spawn().unwrap()));
        self.wait_ready("reservation", &self.reservation_url.clone()).await;
    }

    pub async fn start_notifier(&mut self) {
        let mut command = self.notifier_command();
        self.notifier = Some(Running(command.spawn().unwrap()));
        self.wait_ready("notifier", &self.notifier_url.clone()).await;
        if self.reservation.is_some() {
            // It knows which keys to accept.
            let url = format!("{}/api/cursor", self.notifier_url);
            let knows =
                async || self.client.get(&url).send().await.is_ok_and(|answer| answer.status() == 200);
            until(&format!("the keys; its log: {}", self.logged("notifier")), knows).await;
        }
    }

    async fn wait_ready(&self, name: &str, url: &str) {
        let url = format!("{url}/readyz");
        let ready =
            async || self.client.get(&url).send().await.is_ok_and(|answer| answer.status().is_success());
        until(&format!("{name} to be ready; its log: {}", self.logged(name)), ready).await;
    }

    pub async fn get(&self, path: &str) -> Value {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.reservation_url)
        };
        let answer = self.client.get(&url).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{url}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    pub async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let answer =
            self.client.post(format!("{}{path}", self.reservation_url)).json(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    pub async fn book(&self, guests: u8) -> String {
        let (status, body) = self.post("/api/reservations", &booking(guests)).await;
        assert_eq!(status, 200, "{body}");
        body["reservation_id"].as_str().unwrap().to_owned()
    }

    /// The page on which the guest of a reservation pays, as the mail contains it.
    pub async fn checkout(&self, id: &str) -> String {
        let path = format!("{}/api/payments?reservation_id={id}", self.notifier_url);
        until("a payment to be open", async || self.get(&path).await["items"][0].is_object()).await;
        let page = self.get(&path).await["items"][0]["checkout_url"].as_str().unwrap().to_owned();
        let contact = self.get(&format!("/api/reservations/{id}/contact")).await;
        format!("{page}/{}", contact["pay_links"][0]["token"].as_str().unwrap())
    }

    /// Sends a webhook of the simulated provider with this `body`.
    pub async fn simulated_webhook(&self, body: &Value) -> reqwest::Response {
        let secret =
            std::fs::read_to_string(self.dir.path().join("notifier/simulated-provider.key")).unwrap();
        let signer = standardwebhooks::Webhook::new(secret.trim()).unwrap();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let (at, text) = (now.as_secs().cast_signed(), body.to_string());
        let request = self.client.post(format!("{}/webhooks/simulated", self.notifier_url));
        let request = request.header("webhook-id", "w-1").header("webhook-timestamp", at);
        let request = request.header("webhook-signature", signer.sign("w-1", at, text.as_bytes()).unwrap());
        request.header("content-type", "application/json").body(text).send().await.unwrap()
    }

    /// All events in the feed.
    pub async fn events(&self) -> Vec<Value> {
        let (mut events, mut cursor): (Vec<Value>, String) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("/events?limit=1000{cursor}")).await;
            let page = page.as_array().unwrap();
            let Some(last) = page.last() else { return events };
            cursor = format!("&lastEventId={}", last["id"].as_str().unwrap());
            events.extend(page.iter().cloned());
        }
    }

    /// The number of events of each type, by subject.
    pub async fn counts(&self) -> BTreeMap<String, BTreeMap<String, usize>> {
        let mut counts: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
        for event in self.events().await {
            let text = |name: &str| event[name].as_str().unwrap().to_owned();
            let mut name = text("type").trim_start_matches("meja.").trim_end_matches(".v1").to_owned();
            if let Some(template) = event["data"]["template"].as_str() {
                name = format!("{name}:{template}:{}", event["data"]["medium"].as_str().unwrap());
            }
            *counts.entry(text("subject")).or_default().entry(name).or_default() += 1;
        }
        counts
    }

    /// The end of the log of the reservation service.
    pub async fn head(&self) -> u64 {
        let page = self.client.get(format!("{}/events?limit=1", self.reservation_url)).send().await.unwrap();
        page.headers()["head-position"].to_str().unwrap().parse().unwrap()
    }

    /// Waits until all effects are done.
    pub async fn settled(&self) {
        let settled = async || {
            let cursor = self.get(&format!("{}/api/cursor", self.notifier_url)).await;
            let head = self.head().await;
            let waiting =
                self.get(&format!("{}/api/effects?status=waiting&limit=1000", self.notifier_url)).await;
            // Copies of some messages are erased a day later.
            let soon =
                chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now() + Duration::from_secs(60));
            let is_later = |e: &Value| {
                let at = e["next_attempt_at"]
                    .as_str()
                    .and_then(|at| at.parse::<chrono::DateTime<chrono::Utc>>().ok());
                e["kind"] == "erase_copies" && at.is_some_and(|at| at > soon)
            };
            let is_due = |e: &&Value| e["template"] != "reminder" && !is_later(e);
            let due = waiting["items"].as_array().unwrap().iter().filter(is_due).count();
            cursor["position"].as_u64() == Some(head) && due == 0
        };
        until("all effects to be done", settled).await;
    }

    /// The mail that was written to files.
    pub fn mail(&self) -> Vec<String> {
        let dir = self.dir.path().join("notifier/outbox");
        let mut mail: Vec<_> = std::fs::read_dir(dir)
            .unwrap()
            .map(|f| f.unwrap().file_name().to_string_lossy().into_owned())
            .filter(|name| name.ends_with(".eml"))
            .collect();
        mail.sort();
        mail
    }
}

pub fn booking(guests: u8) -> Value {
    let start = chrono::DateTime::from_timestamp(
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64
            + 7 * 86_400,
        0,
    );
    json!({
        "customer_id": "cust-42",
        "venue_id": "bandung-dago",
        "party_size": guests,
        "start_time": start.unwrap().to_rfc3339(),
        "contact_info": {"name": "Sari Wulandari", "phone": "+62 812 3456 7890", "email": "sari@example.com"},
        // All guests of the tests have the same contact.
        "allow_duplicate": true,
    })
}

/// Waits until `condition` holds. After the deadline it panics and names what it waited for.
pub async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition().await {
        assert!(Instant::now() < deadline, "timed out waiting for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
