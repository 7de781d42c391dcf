//! A payment provider for tests: the part of Stripe's API that Meja uses, with its own ledger file, guests who pay or
//! do not pay, webhooks, and faults on demand.

mod api;
mod guests;

use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};
use tokio::net::TcpListener;

pub const SECRET_KEY: &str = "sk_test_0123456789abcdef";
pub const WEBHOOK_SECRET: &str = "whsec_0123456789abcdef";

/// How the provider behaves.
#[derive(Debug, Clone, Copy, Default)]
pub struct Behaviour {
    /// Percentage of requests that fail, spread over all kinds of faults.
    pub faults_percent: u8,
    /// Whether guests pay automatically: most immediately, some after a refused card, some never.
    pub guests_pay: bool,
    /// Percentage of webhooks that are lost, late, duplicated or out of order. Forged webhooks are sent in addition.
    pub webhook_faults_percent: u8,
}

#[derive(Clone)]
pub struct Bank(Arc<Inner>);

struct Inner {
    url: String,
    behaviour: Behaviour,
    books: Mutex<Books>,
    ledger: Mutex<File>,
    ledger_path: PathBuf,
    webhook_url: Mutex<Option<String>>,
    http: reqwest::Client,
    busy_guests: AtomicUsize,
    believed_forgeries: AtomicUsize,
}

#[derive(Debug, Clone)]
struct Intent {
    id: String,
    amount: i64,
    currency: String,
    status: &'static str,
    created: u64,
    metadata: Value,
}

#[derive(Debug, Clone)]
struct Refund {
    id: String,
    intent: String,
    amount: i64,
    created: u64,
    metadata: Value,
}

#[derive(Default)]
struct Books {
    intents: Vec<Intent>,
    by_id: HashMap<String, usize>,
    refunds: Vec<Refund>,
    /// Responses by idempotency key, each with its request.
    answers: HashMap<String, (String, u16, Value)>,
}

impl Intent {
    fn json(&self) -> Value {
        json!({"id": self.id, "object": "payment_intent", "amount": self.amount, "currency": self.currency,
            "status": self.status, "created": self.created, "metadata": self.metadata,
            "amount_received": if self.status == "succeeded" { self.amount } else { 0 },
            "client_secret": format!("{}_secret_x", self.id)})
    }
}

impl Refund {
    fn json(&self) -> Value {
        json!({"id": self.id, "object": "refund", "amount": self.amount, "payment_intent": self.intent,
            "status": "succeeded", "created": self.created, "metadata": self.metadata})
    }
}

impl Bank {
    /// A provider that listens and keeps its ledger in `dir`.
    pub async fn open(dir: &Path, behaviour: Behaviour) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let ledger_path = dir.join("bank-ledger.jsonl");
        let bank = Self(Arc::new(Inner {
            url: format!("http://{}", listener.local_addr().unwrap()),
            behaviour,
            books: Mutex::default(),
            ledger: Mutex::new(File::options().create(true).append(true).open(&ledger_path).unwrap()),
            ledger_path,
            webhook_url: Mutex::new(None),
            http: reqwest::Client::new(),
            busy_guests: AtomicUsize::new(0),
            believed_forgeries: AtomicUsize::new(0),
        }));
        let app = axum::Router::new().fallback(api::answer).with_state(bank.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        bank
    }

    /// The settings of a notifier that uses this provider.
    pub fn settings(&self) -> Vec<String> {
        let pairs = [
            ("--payment-provider", "stripe"),
            ("--stripe-url", &self.0.url),
            ("--stripe-secret-key", SECRET_KEY),
            ("--stripe-publishable-key", "pk_test_0123456789abcdef"),
            ("--stripe-webhook-secret", WEBHOOK_SECRET),
        ];
        pairs.into_iter().flat_map(|(name, value)| [name.to_owned(), value.to_owned()]).collect()
    }

    /// Sets the address for webhooks.
    pub fn tell(&self, notifier_url: &str) {
        *self.0.webhook_url.lock().unwrap() = Some(format!("{notifier_url}/webhooks/stripe"));
    }

    /// Whether every guest has acted and every webhook was sent.
    pub fn is_quiet(&self) -> bool {
        self.0.busy_guests.load(Ordering::SeqCst) == 0
    }

    /// Forged webhooks that the notifier accepted.
    pub fn believed_forgeries(&self) -> usize {
        self.0.believed_forgeries.load(Ordering::SeqCst)
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.books.lock().unwrap()
    }

    /// The open payment of a reservation, if there is one.
    pub fn open_intent_of(&self, reservation: &str) -> Option<String> {
        let books = self.books();
        let open = books.intents.iter().find(|intent| {
            intent.metadata["meja_reservation_id"] == reservation
                && intent.status == "requires_payment_method"
        });
        open.map(|intent| intent.id.clone())
    }

    /// Plants a second charge for an existing one: the fault that reconciliation must find.
    pub fn charge_again(&self, reservation: &str) {
        let mut books = self.books();
        let once = books.intents.iter().find(|i| i.metadata["meja_reservation_id"] == reservation).unwrap();
        let again = Intent { id: format!("{}_again", once.id), status: "succeeded", ..once.clone() };
        let place = books.intents.len();
        books.by_id.insert(again.id.clone(), place);
        books.intents.push(again);
    }

    fn note(&self, what: &str, payment_id: &Value, amount: i64, name: &str) {
        let line = json!({"what": what, "payment_id": payment_id, "amount": amount, "name": name});
        writeln!(self.0.ledger.lock().unwrap(), "{line}").unwrap();
    }

    /// The movements of money recorded in the ledger file, in order.
    pub fn ledger(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.0.ledger_path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn seconds() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}
