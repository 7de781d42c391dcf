//! Instances are restarted one after another behind a load balancer, while guests book through the gateway.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use test_database::Database;
use uuid::Uuid;

use crate::gateway::Door;
use crate::instances::init;
use crate::ports::own_port;
use crate::services::{Feed, Pair, Running, anonymous_client, booking, root, until};

const INSTANCES: usize = 3;
const CLIENTS: usize = 6;

/// HAProxy before several instances.
struct Balancer {
    url: String,
    grpc_url: String,
    /// Where it shows the state of each instance.
    state_url: String,
    _running: Running,
}

impl Balancer {
    /// A balancer with the settings of docs/operations.md, and its own addresses.
    async fn before(instances: &[Pair], dir: &Path) -> Self {
        let manual = std::fs::read_to_string(root().join("docs/operations.md")).unwrap();
        let (_, settings) = manual.split_once("```haproxy\n").expect("the settings of HAProxy");
        let (settings, _) = settings.split_once("```").unwrap();
        let settings = settings
            .lines()
            .filter(|line| !line.trim_start().starts_with("server ") && !line.contains("bind "));
        let (port, grpc_port, state_port) = (own_port(), own_port(), own_port());
        let (mut text, mut section) = (String::new(), "");
        for line in settings {
            text += line;
            text += "\n";
            if !line.starts_with(' ') {
                section = line;
            }
            match (section, line.trim_start().split(' ').next()) {
                ("frontend meja", Some("frontend")) => text += &format!("  bind 127.0.0.1:{port}\n"),
                ("frontend meja-grpc", Some("frontend")) => {
                    text += &format!("  bind 127.0.0.1:{grpc_port}\n");
                }
                // It counts for the servers behind it.
                ("backend instances", Some("default-server")) => {
                    text += &servers(instances, |pair| pair.reservation_url.trim_start_matches("http://"));
                }
                ("backend instances-grpc", Some("default-server")) => {
                    text += &servers(instances, |pair| pair.feed_at.as_deref().unwrap());
                }
                _ => {}
            }
        }
        text += &format!("listen state\n  bind 127.0.0.1:{state_port}\n  stats enable\n  stats uri /\n");
        std::fs::write(dir.join("haproxy.cfg"), text).unwrap();
        let mut command = Command::new("haproxy");
        command.arg("-db").arg("-f").arg(dir.join("haproxy.cfg")).stdin(Stdio::null());
        let log = std::fs::File::create(dir.join("haproxy.log")).unwrap();
        let running = command.stdout(log.try_clone().unwrap()).stderr(log).spawn();
        let running = Running(running.expect("haproxy must be installed: apt-get install haproxy"));
        let balancer = Self {
            url: format!("http://127.0.0.1:{port}"),
            grpc_url: format!("http://127.0.0.1:{grpc_port}"),
            state_url: format!("http://127.0.0.1:{state_port}/;csv"),
            _running: running,
        };
        balancer.wait_for_all().await;
        balancer
    }

    /// Waits until it sends requests to every instance.
    async fn wait_for_all(&self) {
        let client = anonymous_client();
        until("all instances to be up", async || {
            let Ok(state) = client.get(&self.state_url).send().await else { return false };
            let state = state.text().await.unwrap_or_default();
            state.lines().filter(|line| line.contains(",instance-") && line.contains(",UP,")).count()
                == 2 * INSTANCES
        })
        .await;
    }
}

/// The servers of a backend, whose health is that of their HTTP interface.
fn servers<'a>(instances: &'a [Pair], address: impl Fn(&'a Pair) -> &'a str) -> String {
    let server = |(number, pair): (usize, &'a Pair)| {
        let port = pair.reservation_url.rsplit(':').next().unwrap();
        format!("  server instance-{number} {} port {port}\n", address(pair))
    };
    instances.iter().enumerate().map(server).collect()
}

/// What the guests have met.
#[derive(Default)]
struct Seen {
    is_over: AtomicBool,
    requests: AtomicUsize,
    failures: Mutex<Vec<String>>,
}

impl Seen {
    /// The body of a response, which must not be a failure.
    async fn note(&self, request: reqwest::RequestBuilder) -> Option<String> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let failure = match request.send().await {
            Ok(response) => {
                let status = response.status();
                match response.text().await {
                    Ok(text) if status == 200 => return Some(text),
                    Ok(text) => format!("{status} {}", &text[text.len().saturating_sub(500)..]),
                    Err(error) => format!("{status} {error:?}"),
                }
            }
            Err(error) => format!("{error:?}"),
        };
        self.failures.lock().unwrap().push(failure);
        None
    }
}

/// Books, looks at the booking, and looks at the page of the restaurant, again and again.
async fn guest(seen: Arc<Seen>, door: String, owner: reqwest::Client) {
    let anonymous = anonymous_client();
    while !seen.is_over.load(Ordering::Relaxed) {
        let request = owner.post(format!("{door}/api/reservations")).json(&booking(2));
        let booked = seen.note(request.header("idempotency-key", Uuid::new_v4().to_string())).await;
        if let Some(booked) = booked {
            let booked: Value = serde_json::from_str(&booked).unwrap();
            let id = booked["reservation_id"].as_str().unwrap();
            seen.note(owner.get(format!("{door}/api/reservations/{id}"))).await;
        }
        seen.note(anonymous.get(format!("{door}/v/bandung-dago"))).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_fails_no_request_through_the_gateway() {
    let (database, dir) = (Database::start(), tempfile::tempdir().unwrap());
    init(&database.url());
    let mut instances = Vec::new();
    for number in 0..INSTANCES {
        // The notifier of the first instance shows its payment channels to the pages.
        let channels = format!("--grpc-listen=127.0.0.1:{}", own_port());
        let notifier_args = if number == 0 { vec![&channels[..]] } else { vec![] };
        let mut pair = Pair::prepared_over(Feed::Grpc, &notifier_args);
        pair.env.push(("RESERVATION_STORE", database.url()));
        pair.start_reservation().await;
        instances.push(pair);
    }
    instances[0].start_notifier().await;
    let balancer = Balancer::before(&instances, dir.path()).await;
    let channels = instances[0].notifier_args[0].replace("--grpc-listen=", "http://");
    let env = [("RESERVATION_GRPC_URL", &balancer.grpc_url[..]), ("NOTIFIER_GRPC_URL", &channels[..])];
    let door = Door::before(&balancer.url, &instances[0].notifier_url, &env).await;
    let seen = Arc::<Seen>::default();
    let guests = (0..CLIENTS)
        .map(|_| tokio::spawn(guest(Arc::clone(&seen), door.url.clone(), instances[0].client.clone())));
    let guests: Vec<_> = guests.collect();
    for instance in &mut instances {
        let before = seen.requests.load(Ordering::Relaxed);
        until("requests", async || seen.requests.load(Ordering::Relaxed) > before + 50).await;
        let running = instance.reservation.take().unwrap();
        let code = tokio::task::spawn_blocking(|| running.terminate()).await.unwrap();
        assert_eq!(code, Some(0));
        instance.start_reservation().await;
        balancer.wait_for_all().await;
    }
    let before = seen.requests.load(Ordering::Relaxed);
    until("requests", async || seen.requests.load(Ordering::Relaxed) > before + 50).await;
    seen.is_over.store(true, Ordering::Relaxed);
    for guest in guests {
        guest.await.unwrap();
    }
    let failures = seen.failures.lock().unwrap();
    assert!(
        failures.is_empty(),
        "{} of {} requests failed: {failures:#?}",
        failures.len(),
        seen.requests.load(Ordering::Relaxed)
    );
}
