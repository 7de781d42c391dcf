//! The service in-process, with the store in memory and a clock that the test sets.

use std::sync::Arc;

use access::AccessMode;
use access::first::FirstKey;
use access::link::LinkSecret;
use access::token::KeyToken;
use axum::Router;
use axum::body::Body;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use chassis::environment::ManualEnvironment;
use chassis::network::{Hosts, Network};
use chassis::serve::{Shutdown, ShutdownTrigger};
use chrono::{DateTime, Utc};
use contract::conformance::{Description, Observed};
use events::access::KeyKind;
use events::store::EventStore;
use events::store::memory::MemoryStore;
use events::store::notes::Notes;
use events::values::Scopes;
use http_body_util::BodyExt as _;
use proof::SigningKey;
use reservation::app::admission::AdmissionLimits;
use reservation::app::commands::Issue;
use reservation::app::log_tree::{LogKeys, LogTree, Signer};
use reservation::app::projections::Projections;
use reservation::app::request_context::RequestContext;
use reservation::app::venues::VenueFiles;
use reservation::app::{App, Parts, PaymentChannels};
use reservation::workers::venue_import::{self, ImportReport};
use reservation::workers::{self, BackgroundTasks};
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tower::ServiceExt as _;

/// A key with every scope.
pub const TOKEN: &str = "meja_test_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// The number of events with which a new log begins: a key, the key for links, and the rules of the sample venues.
pub const FIRST_EVENTS: u64 = 4;

pub struct TestApp {
    pub router: Router,
    pub app: App,
    pub clock: ManualEnvironment,
    pub trigger: ShutdownTrigger,
    _tasks: BackgroundTasks,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: bytes::Bytes,
}

pub fn start_of_time() -> DateTime<Utc> {
    "2026-12-01T09:00:00Z".parse().unwrap()
}

impl TestApp {
    pub async fn start() -> Self {
        Self::on(Arc::new(MemoryStore::new("reservation")), ManualEnvironment::at(start_of_time())).await
    }

    pub async fn on(store: Arc<dyn EventStore>, clock: ManualEnvironment) -> Self {
        Self::at(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/venues/by-hand"), store, clock).await
    }

    /// With the sample venues, whose tables the service assigns.
    pub async fn with_houses() -> Self {
        let (store, clock) = (MemoryStore::new("reservation"), ManualEnvironment::at(start_of_time()));
        Self::at(concat!(env!("CARGO_MANIFEST_DIR"), "/../data/venues"), Arc::new(store), clock).await
    }

    pub async fn at(venues: &str, store: Arc<dyn EventStore>, clock: ManualEnvironment) -> Self {
        let mut app = Self::idle(venues, store, clock).await;
        app._tasks.act(&app.app);
        app
    }

    /// Without the tasks that act by themselves, as if the service ended before they do.
    pub async fn idle(venues: &str, store: Arc<dyn EventStore>, clock: ManualEnvironment) -> Self {
        Self::limited(
            venues,
            store,
            clock,
            AdmissionLimits { waiting_max: 64.try_into().unwrap(), ..AdmissionLimits::default() },
        )
        .await
    }

    /// With limits for guests.
    pub async fn limited(
        venues: &str,
        store: Arc<dyn EventStore>,
        clock: ManualEnvironment,
        admission: AdmissionLimits,
    ) -> Self {
        let (trigger, shutdown) = Shutdown::new();
        let files = VenueFiles::load(std::path::Path::new(venues)).unwrap();
        let key = SigningKey::generate("meja.example/log").unwrap();
        let signer = Signer::new(LogKeys { signing: vec![key], retired: vec![] }, None, true);
        let parts = Parts {
            store,
            notes: Notes::own(),
            projections: Projections::default(),
            log_tree: LogTree::in_memory(Some(signer)),
            channels: PaymentChannels::known(["qris".to_owned(), "card".to_owned()]),
            access_mode: AccessMode::On,
            network: Network { hosts: Hosts::named(["meja.example".to_owned()]), ..Network::local() },
            admission,
            public_url: "https://meja.example".to_owned(),
            env: Arc::new(clock.clone()),
            shutdown,
        };
        let app = App::new(parts);
        let mut tasks = workers::follow(&app).await.unwrap();
        tasks.index(&app);
        issue_keys(&app).await;
        let router = reservation::api::http::router(app.clone(), None, None);
        let app = Self { router, app, clock, trigger, _tasks: tasks };
        app.import(&files).await;
        app
    }

    /// The number of events since the start.
    pub fn recorded(&self) -> u64 {
        self.app.store.known_head().0 - FIRST_EVENTS
    }

    /// Imports venue files, as at a start or at SIGHUP.
    pub async fn import(&self, files: &VenueFiles) -> ImportReport {
        let report = venue_import::import(&self.app, files).await;
        assert!(report.not_recorded.is_empty(), "{report:?}");
        report
    }

    /// Sends a request, with a key that may do everything unless it has a credential. The response must be as the
    /// description of the API says.
    pub async fn send(&self, mut request: Request<Body>) -> Answer {
        let key = HeaderValue::from_str(&format!("Bearer {TOKEN}")).unwrap();
        request.headers_mut().entry(AUTHORIZATION).or_insert(key);
        self.send_as_is(request).await
    }

    /// Sends a request without adding a credential.
    pub async fn send_as_is(&self, request: Request<Body>) -> Answer {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let answer = send_to(self.router.clone(), request).await;
        if path != "/openapi.json" {
            conforms(&self.router, method.as_str(), &path, &answer).await;
        }
        answer
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_with(path, body, &[]).await
    }

    pub async fn post_with(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
        let request = Request::post(path).header("content-type", "application/json");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// Posts without a credential.
    pub async fn anonymous_post(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
        let request = Request::post(path).header("content-type", "application/json");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        self.send_as_is(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// Gets without a credential.
    pub async fn anonymous_get(&self, path: &str) -> Answer {
        self.send_as_is(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// Runs a command for a reservation as its guest does, with the link of the guest.
    pub async fn guest_command(&self, id: &str, command: &str, body: Value) -> Answer {
        let link = format!("Bearer {}", self.guest_link(id).await);
        self.post_with(&format!("/api/reservations/{id}/{command}"), &body, &[("authorization", &link)]).await
    }

    /// The link of the guest of a reservation.
    pub async fn guest_link(&self, id: &str) -> String {
        self.app.catch_up().await.unwrap();
        let (reservation, _) = self.app.projections.get(id.parse().unwrap()).unwrap();
        self.app.guest_link(&reservation).unwrap().token
    }

    /// Posts as the notifier does, with a key that may report results.
    pub async fn service_post(&self, path: &str, body: &Value) -> Answer {
        self.post_with(path, body, &[("authorization", &format!("Bearer {TOKEN}"))]).await
    }

    /// Makes a booking that must succeed. Returns its id.
    pub async fn book(&self, changes: Value) -> String {
        let answer = self.post("/api/reservations", &booking(changes)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        answer.json()["reservation_id"].as_str().unwrap().to_owned()
    }

    pub async fn command(&self, id: &str, command: &str, body: Value) -> Answer {
        self.post(&format!("/api/reservations/{id}/{command}"), &body).await
    }

    pub async fn status(&self, id: &str) -> String {
        self.get(&format!("/api/reservations/{id}")).await.json()["status"].as_str().unwrap().to_owned()
    }
}

/// Records a key with every scope.
async fn issue_keys(app: &App) {
    let token = KeyToken::parse(TOKEN).unwrap();
    let (kind, scopes) = (KeyKind::Service, Scopes::all());
    let key = FirstKey { token, name: "test", kind, scopes, file: "test.key" };
    let (id, secret) = ("testlinks".parse().unwrap(), LinkSecret::new([7; 32]));
    let context = RequestContext::system("access", app.env.as_ref());
    let (keys, link_key) = ([key], Some((&id, &secret)));
    app.executor.issue_first_keys(&keys, link_key, Issue::First, &context).await.unwrap();
}

/// Fails if the description of the API does not allow `answer`.
async fn conforms(router: &Router, method: &str, path: &str, answer: &Answer) {
    static DESCRIPTION: OnceCell<Description> = OnceCell::const_new();
    let description = DESCRIPTION.get_or_init(async || {
        let request = Request::get("/openapi.json").body(Body::empty()).unwrap();
        Description::new(send_to(router.clone(), request).await.json())
    });
    let headers: Vec<_> = answer.headers.keys().map(HeaderName::as_str).collect();
    let media_type = answer.header("content-type").split(';').next().filter(|text| !text.is_empty());
    let (status, headers, body) = (answer.status.as_u16(), &headers[..], &answer.bytes[..]);
    let observed = Observed { method, path, status, headers, media_type, body };
    description.await.check(&observed).unwrap();
}

async fn send_to(router: Router, request: Request<Body>) -> Answer {
    let response = router.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Answer { status: parts.status, headers: parts.headers, bytes }
}

/// Posts to a router that was moved to another task.
pub async fn post_to(router: Router, path: &str, body: &Value) -> Answer {
    let request = Request::post(path).header("content-type", "application/json");
    let request = request.header(AUTHORIZATION, format!("Bearer {TOKEN}"));
    send_to(router, request.body(Body::from(body.to_string())).unwrap()).await
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Status and `code` of a problem, which must be complete.
    #[track_caller]
    pub fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text());
        let body = self.json();
        assert_eq!(body["status"], self.status.as_u16());
        assert!(body["type"].as_str().unwrap().starts_with("/problems/") && body["title"].is_string());
        (self.status.as_u16(), body["code"].as_str().unwrap().to_owned())
    }

    /// All faults of a 422 as `location.of.field:type`, sorted.
    #[track_caller]
    pub fn faults(&self) -> Vec<String> {
        assert_eq!(self.problem(), (422, "invalid_request".into()), "{}", self.text());
        let mut faults: Vec<_> = self.json()["detail"]
            .as_array()
            .unwrap()
            .iter()
            .map(|fault| {
                let loc: Vec<_> =
                    fault["loc"].as_array().unwrap().iter().map(|l| l.as_str().unwrap()).collect();
                assert!(!fault["msg"].as_str().unwrap().is_empty());
                format!("{}:{}", loc.join("."), fault["type"].as_str().unwrap())
            })
            .collect();
        faults.sort();
        faults
    }
}

/// A valid booking with `changes`; null removes a field.
pub fn booking(changes: Value) -> Value {
    let mut body = json!({
        "customer_id": "cust-42",
        "contact_info": {"name": "Sari Wulandari", "phone": "+62 812 3456 7890", "email": "sari@example.com"},
        "start_time": "2026-12-24T19:30",
        "party_size": 4,
        // All guests of the tests have the same contact.
        "allow_duplicate": true,
    });
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(body.as_object_mut().unwrap().remove(name)),
            value => body[name] = value.clone(),
        }
    }
    body
}
