//! The worker: retries, dead letters, what is no longer true, and one slow provider.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chassis::clock::{Clock as _, SharedClock, SystemClock};
use chassis::serve::Shutdown;
use chrono::TimeDelta;
use events::store::EventStore;
use events::store::memory::MemoryStore;
use events::values::Medium;
use futures::future::BoxFuture;
use notifier::effect::{Effect, EffectKey, PaymentOutcome, PaymentResult, Template};
use notifier::gateway::{GatewayError, MailGateway};
use notifier::journal::{Author, Scheduled};
use notifier::messages::Messages;
use notifier::outbox::{Cursor, EffectState, Outbox, Tracked};
use notifier::perform::Performer;
use notifier::reaction::Habits;
use notifier::throttle::{MessageLimits, Throttle};
use notifier::upstream::Upstream;
use notifier::worker::{self, Pace};
use serde_json::json;
use wiremock::matchers::{method, path_regex};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::*;

/// Mail that fails the first times; the template `reminder` hangs.
struct Flaky {
    failures: usize,
    tries: AtomicUsize,
}

impl MailGateway for Flaky {
    fn send(&self, key: &EffectKey, _: lettre::Message) -> BoxFuture<'_, Result<(), GatewayError>> {
        let hangs = key.0.contains("hang");
        Box::pin(async move {
            if hangs {
                std::future::pending::<()>().await;
            }
            match self.tries.fetch_add(1, Ordering::Relaxed) {
                n if n < self.failures => Err(GatewayError::Passing("greylisted".into())),
                _ => Ok(()),
            }
        })
    }
}

struct Bench {
    outbox: Arc<Outbox>,
    mail: Arc<Flaky>,
    _upstream: MockServer,
    _trigger: chassis::serve::ShutdownTrigger,
}

impl Bench {
    /// A worker at work, with a reservation service that answers `status`.
    async fn start(status: &str, failures: usize) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let upstream = MockServer::start().await;
        let reservation = json!({"reservation_id": RESERVATION, "status": status, "start_time": "2026-12-24T19:30:00+07:00",
            "end_time": "2026-12-24T21:00:00+07:00", "party_size": 2, "venue_name": "Warung", "timezone": "Asia/Jakarta", "locale": "id", "table_area": null,
            "version": 1, "deposit": {"status": "not_required", "expires_at": null}, "cancellation": null});
        let contact = json!({"name": "Sari", "phone": "+6281234567890", "email": "sari@example.com"});
        Mock::given(method("GET"))
            .and(path_regex("/contact$"))
            .respond_with(ResponseTemplate::new(200).set_body_json(contact))
            .with_priority(1)
            .mount(&upstream)
            .await;
        Mock::given(method("GET"))
            .respond_with(ResponseTemplate::new(200).set_body_json(reservation))
            .mount(&upstream)
            .await;
        Mock::given(method("POST")).respond_with(ResponseTemplate::new(200)).mount(&upstream).await;
        let clock: SharedClock = Arc::new(SystemClock);
        let store: Arc<dyn EventStore> = Arc::new(MemoryStore::new("notifier"));
        let outbox = Arc::new(Outbox::open(store, Arc::clone(&clock)).await.unwrap());
        let mail = Arc::new(Flaky { failures, tries: AtomicUsize::new(0) });
        let performer = Performer {
            upstream: Upstream::new(upstream.uri(), None).unwrap(),
            outbox: Arc::clone(&outbox),
            tills: tills(Arc::clone(&clock)),
            throttle: Throttle::new(MessageLimits { per_minute_max: 0, recipient_per_hour_max: 0 }),
            habits: Habits { remind_before: vec![], sms: false },
            mail: mail.clone(),
            sms: None,
            messages: Messages::new("Meja <meja@example.com>".parse().unwrap(), None).unwrap(),
            public_url: "http://127.0.0.1".into(),
            clock: Arc::clone(&clock),
        };
        let pace = Pace {
            concurrency: 4,
            attempts_max: 3,
            backoff: TimeDelta::milliseconds(2),
            backoff_max: TimeDelta::milliseconds(5),
        };
        let (trigger, shutdown) = Shutdown::new();
        let performer = Arc::new(performer);
        tokio::spawn(worker::run(Arc::clone(&outbox), performer, Arc::default(), clock, pace, shutdown));
        Self { outbox, mail, _upstream: upstream, _trigger: trigger }
    }

    async fn schedule(&self, keys: &[&str], template: Template) {
        self.plan(keys, &message(template, Medium::Mail)).await;
    }

    async fn plan(&self, keys: &[&str], effect: &Effect) {
        let due_at = SystemClock.now();
        let effects = keys.iter().map(|key| Scheduled { due_at, ..scheduled(key, effect.clone()) }).collect();
        let cursor = Cursor { last_event_id: event_id(1), time: now() };
        self.outbox.react(effects, vec![], cursor, &Author::system("test")).await.unwrap();
    }

    async fn ends(&self, key: &str) -> Tracked {
        let mut changed = self.outbox.watch();
        let ended = tokio::time::timeout(Duration::from_secs(20), async {
            loop {
                match self.outbox.effect(&EffectKey(key.into())) {
                    Some(tracked) if !matches!(tracked.state, EffectState::Waiting(_)) => return tracked,
                    _ => changed.changed().await.unwrap(),
                }
            }
        });
        ended
            .await
            .unwrap_or_else(|_| panic!("{key} never ended: {:?}", self.outbox.effect(&EffectKey(key.into()))))
    }
}

#[tokio::test]
async fn what_fails_for_a_while_is_tried_again() {
    let bench = Bench::start("PENDING", 2).await;
    bench.schedule(&["a"], Template::Received).await;
    let done = bench.ends("a").await;
    assert_eq!((done.state.word(), done.attempts), ("done", 2));
    assert_eq!(done.recipient.as_deref(), Some("s***@e***.com"));
    assert_eq!(bench.ends("a.sent").await.state.word(), "done", "and told");
}

#[tokio::test]
async fn what_goes_on_failing_is_a_dead_letter_and_told() {
    let bench = Bench::start("PENDING", 99).await;
    bench.schedule(&["a"], Template::Received).await;
    let dead = bench.ends("a").await;
    assert_eq!(dead.state, EffectState::Dead("provider_unavailable".into()));
    assert_eq!(bench.mail.tries.load(Ordering::Relaxed), 3);
    assert_eq!(bench.ends("a.failed-0").await.state.word(), "done");
}

#[tokio::test]
async fn nobody_is_told_what_is_no_longer_true() {
    let bench = Bench::start("CANCELLED", 0).await;
    bench.schedule(&["a", "b", "c"], Template::Reminder).await;
    for key in ["a", "b", "c"] {
        assert_eq!(bench.ends(key).await.state, EffectState::Done("no longer true".into()));
    }
    assert_eq!(bench.mail.tries.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_mail_server_that_hangs_does_not_hold_up_money() {
    let bench = Bench::start("PENDING", 0).await;
    bench.schedule(&["hang-1"], Template::Received).await;
    bench.schedule(&["a"], Template::Received).await;
    let outcome = PaymentOutcome::Failed { reason_code: "x".into() };
    let post = Effect::PostPayment {
        reservation_id: RESERVATION,
        result: PaymentResult { payment_id: PAYMENT, outcome },
    };
    bench.plan(&["p"], &post).await;
    assert_eq!(bench.ends("p").await.state.word(), "done");
    assert_eq!(bench.outbox.effect(&EffectKey("a".into())).unwrap().state.word(), "waiting");
}
