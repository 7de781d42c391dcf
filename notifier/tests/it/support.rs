//! An effect log on the store in memory, with a clock that the test sets.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use access::SnapshotDoor;
use access::secrets::CredentialFile;
use access::token::KeyToken;
use chassis::environment::{Environment as _, ManualEnvironment, SharedEnvironment};
use chassis::network::Authorities;
use chassis::secret::Token;
use chrono::{DateTime, Utc};
use contract::reservation::access::HashedKey;
use contract::reservation::view::ReservationView;
use events::access::KeyKind;
use events::query::{AppendCondition, Query};
use events::recorded::EventMetadata;
use events::recorded::NewEvent;
use events::store::memory::MemoryStore;
use events::store::{AppendError, Appended, EventStore, Page, ReadError};
use events::values::{Currency, Medium, Money, Scopes};
use events::{EventId, PaymentId, Position, ReservationId, VenueId};
use futures::future::BoxFuture;
use notifier::adapters::http_client::HttpClient;
use notifier::adapters::outside::Outside;
use notifier::adapters::simulated::{SIMULATED, Simulated};
use notifier::domain::effect::{Effect, EffectKey, Lane, Purpose, TakeDeposit, Template};
use notifier::domain::payment_channels::Channels;
use notifier::effects::entry::{Entry, PaymentOpened, Scheduled, Succeeded};
use notifier::effects::{Cursor, EffectLog};
use notifier::ports::payment::{Asking, OpenedPayment, PaymentOrder, PaymentProvider};
use notifier::ports::payment_providers::PaymentProviders;
use tokio::sync::{Notify, watch};
use uuid::Uuid;

pub const RESERVATION: ReservationId = ReservationId(Uuid::from_u128(1));
pub const PAYMENT: PaymentId = PaymentId(Uuid::from_u128(2));

pub fn now() -> DateTime<Utc> {
    "2026-12-01T09:00:00Z".parse().unwrap()
}

pub fn idr(amount_minor: i64) -> Money {
    Money { amount_minor, currency: Currency::from_code("IDR").unwrap() }
}

pub fn event_id(position: u64) -> EventId {
    EventId { position: Position(position), uuid: Uuid::from_u128(u128::from(position)) }
}

pub struct Fixture {
    pub store: Arc<MemoryStore>,
    pub env: ManualEnvironment,
    pub effect_log: Arc<EffectLog>,
    pub payment_providers: Arc<PaymentProviders>,
    pub simulated: Arc<Simulated>,
    /// Accepts [`TOKEN`].
    pub door: Arc<SnapshotDoor>,
}

/// What signs the webhooks of the simulated provider.
pub fn simulated_webhook() -> standardwebhooks::Webhook {
    standardwebhooks::Webhook::from_bytes(vec![7; 32]).unwrap()
}

/// The built-in channels, with a simulated provider whose records are in memory.
pub fn payment_providers(env: SharedEnvironment) -> (Arc<PaymentProviders>, Arc<Simulated>) {
    let channels = Channels::load(None, SIMULATED, &[SIMULATED]).unwrap();
    let simulated = Arc::new(Simulated::new("http://127.0.0.1".into(), env, simulated_webhook()));
    let provider: Arc<dyn PaymentProvider> = simulated.clone();
    (Arc::new(PaymentProviders::new(channels, [provider])), simulated)
}

pub fn http_client() -> HttpClient {
    let _ = rustls::crypto::ring::default_provider().install_default();
    HttpClient::trusting(&Authorities::default()).unwrap()
}

/// This machine may be called.
pub fn here() -> Outside {
    Outside::new("127.0.0.0/8".parse().unwrap())
}

/// The key of the service.
pub fn key() -> CredentialFile {
    CredentialFile::fixed(Token::try_from(TOKEN.to_owned()).unwrap())
}

/// The venue of the opened payment.
pub const VENUE: &str = "bandung-dago";

/// A key with every scope.
pub const TOKEN: &str = "meja_test_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

fn door(env: &ManualEnvironment) -> Arc<SnapshotDoor> {
    let door = SnapshotDoor::new(Scopes::NONE, Arc::new(env.clone()));
    door.replace(vec![hashed(Scopes::all(), None)], vec![], env.now());
    Arc::new(door)
}

/// The key as a snapshot contains it.
pub fn hashed(scopes: Scopes, venues: Option<Vec<VenueId>>) -> HashedKey {
    let token = KeyToken::parse(TOKEN).unwrap();
    HashedKey {
        key_id: token.id().clone(),
        kind: KeyKind::Api,
        scopes,
        venues,
        expires_at: None,
        secret_sha256: hex::encode(token.hash()),
        previous_sha256: None,
        previous_until: None,
    }
}

pub fn asking(key: &str) -> Asking {
    Asking { key: EffectKey(key.into()), key_changes: 0, tried: false, since: now() }
}

pub fn order(key: &str) -> PaymentOrder {
    let (payment_id, reservation_id, amount) = (PAYMENT, RESERVATION, idr(30_000_000));
    PaymentOrder { asking: asking(key), payment_id, reservation_id, amount, method: None }
}

impl Fixture {
    pub async fn new() -> Self {
        let (store, env) = (Arc::new(MemoryStore::new("notifier")), ManualEnvironment::at(now()));
        let effect_log = open(&store, &env).await;
        let (payment_providers, simulated) = payment_providers(Arc::new(env.clone()));
        let door = door(&env);
        Self { store, env, effect_log, payment_providers, simulated, door }
    }

    /// The effect log as it is after a restart.
    pub async fn reopened(&self) -> Arc<EffectLog> {
        open(&self.store, &self.env).await
    }

    /// Schedules an effect because of the event at `position`.
    pub async fn schedule(&self, position: u64, key: &str, effect: Effect) {
        let time = now();
        let cursor = Cursor { last_event_id: event_id(position), time };
        self.effect_log
            .react(vec![scheduled(key, effect)], vec![], cursor, &EventMetadata::system("test"))
            .await
            .unwrap();
    }

    /// A payment that a guest can pay. Returns the provider's reference.
    pub async fn opened(&self) -> String {
        self.schedule(1, "deposit", take_deposit()).await;
        let OpenedPayment { reference, url } = self.simulated.open(&order("deposit")).await.unwrap();
        let taken = self.effect_log.take_due(Lane::Money, 10).pop().unwrap();
        let done = Entry::EffectSucceeded(Succeeded {
            key: EffectKey("deposit".into()),
            outcome: "done".into(),
            recipient: None,
        });
        let opened = Entry::PaymentOpened(PaymentOpened {
            payment_id: PAYMENT,
            reservation_id: RESERVATION,
            amount: idr(30_000_000),
            channel: "qris".into(),
            purpose: Purpose::Deposit,
            provider: SIMULATED.into(),
            provider_reference: reference.clone(),
            url,
            correlation_id: "req-1".into(),
            link_sha256: None,
            venue_id: Some(VENUE.parse().unwrap()),
        });
        self.effect_log.finish(&taken, vec![done, opened]).await.unwrap();
        reference
    }
}

pub fn take_deposit() -> Effect {
    Effect::TakeDeposit(TakeDeposit {
        reservation_id: RESERVATION,
        payment_id: PAYMENT,
        amount: idr(30_000_000),
        channel: None,
        purpose: Purpose::Deposit,
    })
}

pub fn message(template: Template, medium: Medium) -> Effect {
    Effect::Message { about: RESERVATION.into(), template, medium, start: None, link: None, amount: None }
}

async fn open(store: &Arc<MemoryStore>, env: &ManualEnvironment) -> Arc<EffectLog> {
    let store: Arc<dyn EventStore> = store.clone();
    Arc::new(EffectLog::open(store, Arc::new(env.clone())).await.unwrap())
}

pub fn scheduled(key: &str, effect: Effect) -> Scheduled {
    Scheduled {
        key: EffectKey(key.into()),
        effect,
        due_at: now(),
        event_id: Some(event_id(1).to_string()),
        correlation_id: "req-1".into(),
        traceparent: None,
        turn: None,
    }
}

/// A log that manipulates the results of effects: it refuses the first ones, or delays their acknowledgement.
pub struct Tampered {
    pub store: MemoryStore,
    /// Number of results to refuse.
    pub refusals: AtomicUsize,
    /// Each is acknowledged only when this is notified.
    pub held: Option<Notify>,
    /// Every append panics.
    pub panics: bool,
}

impl Default for Tampered {
    fn default() -> Self {
        Self { store: MemoryStore::new("notifier"), refusals: AtomicUsize::new(0), held: None, panics: false }
    }
}

impl EventStore for Tampered {
    fn log_id(&self) -> events::LogId {
        self.store.log_id()
    }

    fn append(
        &self,
        events: Vec<NewEvent>,
        condition: AppendCondition,
    ) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            assert!(!self.panics, "a planted panic");
            let is_end = events.iter().any(|event| event.event_type == "meja.effect.succeeded.v1");
            let fewer = |left: usize| left.checked_sub(1);
            if is_end && self.refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fewer).is_ok() {
                return Err(AppendError::Overloaded);
            }
            let appended = self.store.append(events, condition).await?;
            if let (true, Some(held)) = (is_end, &self.held) {
                held.notified().await;
            }
            Ok(appended)
        })
    }

    fn read<'a>(
        &'a self,
        query: &'a Query,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page, ReadError>> {
        self.store.read(query, after, limit)
    }

    fn watch_head(&self) -> watch::Receiver<Position> {
        self.store.watch_head()
    }

    fn confidential(
        &self,
        positions: Vec<Position>,
    ) -> BoxFuture<'_, Result<Vec<Option<bytes::Bytes>>, ReadError>> {
        self.store.confidential(positions)
    }
}

/// A reservation without a deposit, as the reservation service represents it.
pub(crate) fn reservation_view(status: &str) -> ReservationView {
    let view = serde_json::json!({"reservation_id": RESERVATION, "code": "7QK2M9", "customer_id": "cust-1", "status": status,
        "start_time": "2026-12-24T19:30:00+07:00", "end_time": "2026-12-24T21:00:00+07:00", "party_size": 2,
        "venue_id": "bandung-dago", "venue_name": "Warung", "venue_profile": {}, "timezone": "Asia/Jakarta",
        "tables": [], "needs_table": false,
        "deposit": {"required": false, "status": "not_required"},
        "policy": {"deposit_required": false, "auto_cancel_minutes": 15, "free_cancellation_minutes": 1440,
            "auto_confirm": false},
        "free_cancellation_until": "2026-12-23T19:30:00+07:00", "locale": "id", "created_at": "2026-12-01T09:00:00Z", "version": 1});
    serde_json::from_value(view).unwrap()
}
