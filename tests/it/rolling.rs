//! Instances are restarted one after another behind a load balancer, while guests book through the gateway.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use test_database::Database;
use uuid::Uuid;

use crate::gateway::Door;
use crate::instances::{init, instance};
use crate::ports::own_port;
use crate::services::{Pair, Running, anonymous_client, booking, root, until};

const INSTANCES: usize = 3;
const CLIENTS: usize = 6;

/// HAProxy before several instances.
struct Balancer {
    url: String,
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
        let (port, state_port) = (own_port(), own_port());
        let mut text = String::new();
        for line in settings {
            text += line;
            text += "\n";
            if line.starts_with("frontend") {
                text += &format!("  bind 127.0.0.1:{port}\n");
            }
        }
        for (number, instance) in instances.iter().enumerate() {
            let address = instance.reservation_url.trim_start_matches("http://");
            text += &format!("  server instance-{number} {address}\n");
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
                == INSTANCES
        })
        .await;
    }
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
                    other => format!("{status} {other:?}"),
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
    for _ in 0..INSTANCES {
        instances.push(instance(&database.url()).await);
    }
    let balancer = Balancer::before(&instances, dir.path()).await;
    let door = Door::before(&balancer.url, "http://127.0.0.1:9", &[]).await;
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
