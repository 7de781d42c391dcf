//! Tests of the effect worker: retries, dead letters, outdated messages, lanes, breakers, failed appends,
//! message limits, and events that cannot be decoded.

use events::recorded::EventMetadata;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chassis::environment::{Environment as _, SharedEnvironment, SystemEnvironment};
use chassis::serve::Shutdown;
use chrono::TimeDelta;
use events::store::EventStore;
use events::store::memory::MemoryStore;
use events::values::Medium;
use futures::future::BoxFuture;
use notifier::adapters::reservation_client::ReservationClient;
use notifier::adapters::webhook_sender::HttpWebhooks;
use notifier::domain::effect::{About, Effect, EffectKey, PaymentOutcome, PaymentResult, Template};
use notifier::domain::reaction::NotificationPolicy;
use notifier::domain::retry_policy::RetrySettings;
use notifier::effects::entry::Scheduled;
use notifier::effects::{Cursor, EffectLog, EffectState, TrackedEffect};
use notifier::executors::EffectExecutor;
use notifier::executors::breaker::Breakers;
use notifier::executors::rate_limit::{MessageLimits, RateLimiter};
use notifier::messages::Messages;
use notifier::ports::{MailSender, ProviderError};
use notifier::workers::effect_worker;
use serde_json::json;
use wiremock::matchers::{method, path_regex};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::*;

/// A mail sender whose first `failures` attempts fail. It never responds to a message whose effect key
/// contains `hang`.
struct Flaky {
    failures: AtomicUsize,
    tries: AtomicUsize,
}

impl MailSender for Flaky {
    fn send(
        &self,
        key: &EffectKey,
        _: Option<About>,
        _: lettre::Message,
    ) -> BoxFuture<'_, Result<(), ProviderError>> {
        let hangs = key.0.contains("hang");
        Box::pin(async move {
            if hangs {
                std::future::pending::<()>().await;
            }
            match self.tries.fetch_add(1, Ordering::Relaxed) {
                n if n < self.failures.load(Ordering::Relaxed) => {
                    Err(ProviderError::Transient("greylisted".into()))
                }
                _ => Ok(()),
            }
        })
    }
}

struct Bench {
    effect_log: Arc<EffectLog>,
    mail: Arc<Flaky>,
    breakers: Arc<Breakers>,
    reservation_server: MockServer,
    _trigger: chassis::serve::ShutdownTrigger,
}

impl Bench {
    /// Starts a worker, and a reservation service that returns one reservation with `status`. The first
    /// `failures` mails fail.
    async fn start(status: &str, failures: usize) -> Self {
        let any = MessageLimits { per_minute_max: 0, recipient_per_hour_max: 0 };
        Self::with(status, failures, any, Breakers::new(99), MemoryStore::new("notifier")).await
    }

    /// Like [`Bench::start`], with the given message limits, breakers and effect log.
    async fn with(
        status: &str,
        failures: usize,
        limits: MessageLimits,
        breakers: Breakers,
        store: impl EventStore,
    ) -> Self {
        let reservation_server = MockServer::start().await;
        let reservation = reservation_view(status);
        let contact = json!({"name": "Sari", "phone": "+6281234567890", "email": "sari@example.com",
            "email_typed": "sari@example.com", "text_messages": true});
        Mock::given(method("GET"))
            .and(path_regex("/contact$"))
            .respond_with(ResponseTemplate::new(200).set_body_json(contact))
            .with_priority(1)
            .mount(&reservation_server)
            .await;
        Mock::given(method("GET"))
            .respond_with(ResponseTemplate::new(200).set_body_json(reservation))
            .mount(&reservation_server)
            .await;
        Mock::given(method("POST")).respond_with(ResponseTemplate::new(200)).mount(&reservation_server).await;
        let env: SharedEnvironment = Arc::new(SystemEnvironment);
        let store: Arc<dyn EventStore> = Arc::new(store);
        let effect_log = Arc::new(EffectLog::open(store, Arc::clone(&env)).await.unwrap());
        let mail = Arc::new(Flaky { failures: AtomicUsize::new(failures), tries: AtomicUsize::new(0) });
        let executor = EffectExecutor {
            reservation_api: Arc::new(ReservationClient::new(http_client(), reservation_server.uri(), key())),
            effect_log: Arc::clone(&effect_log),
            payment_providers: payment_providers(Arc::clone(&env)).0,
            hooks: Arc::default(),
            webhook_sender: Arc::new(HttpWebhooks::new(http_client(), here())),
            rate_limiter: RateLimiter::new(limits),
            policy: NotificationPolicy { remind_before: vec![], sms: false, keeps_copies: false },
            mail: mail.clone(),
            sms: None,
            messages: Messages::new("Meja <meja@example.com>".parse().unwrap(), None).unwrap(),
            public_url: "http://127.0.0.1".into(),
            env: Arc::clone(&env),
        };
        let retry_settings = RetrySettings {
            concurrency: 4,
            attempts_max: 3,
            backoff: TimeDelta::milliseconds(2),
            backoff_max: TimeDelta::milliseconds(5),
        };
        let (trigger, shutdown) = Shutdown::new();
        let executor = Arc::new(executor);
        let breakers = Arc::new(breakers);
        let at_work = Arc::clone(&breakers);
        tokio::spawn(effect_worker::run(
            Arc::clone(&effect_log),
            executor,
            at_work,
            env,
            retry_settings,
            shutdown,
        ));
        Self { effect_log, mail, breakers, reservation_server, _trigger: trigger }
    }

    async fn schedule(&self, keys: &[&str], template: Template) {
        self.plan(keys, &message(template, Medium::Mail)).await;
    }

    async fn plan(&self, keys: &[&str], effect: &Effect) {
        let due_at = SystemEnvironment.now();
        let effects = keys.iter().map(|key| Scheduled { due_at, ..scheduled(key, effect.clone()) }).collect();
        let cursor = Cursor { last_event_id: event_id(1), time: now() };
        self.effect_log.react(effects, vec![], cursor, &EventMetadata::system("test")).await.unwrap();
    }

    async fn ends(&self, key: &str) -> TrackedEffect {
        let mut changed = self.effect_log.watch();
        let ended = tokio::time::timeout(Duration::from_secs(20), async {
            loop {
                match self.effect_log.effect(&EffectKey(key.into())) {
                    Some(tracked) if !matches!(tracked.state, EffectState::Waiting(_)) => {
                        return tracked;
                    }
                    _ => changed.changed().await.unwrap(),
                }
            }
        });
        ended.await.unwrap_or_else(|_| {
            panic!("{key} never ended: {:?}", self.effect_log.effect(&EffectKey(key.into())))
        })
    }
}

#[tokio::test]
async fn a_message_that_fails_twice_is_retried_and_sent() {
    let bench = Bench::start("PENDING", 2).await;
    bench.schedule(&["a"], Template::Received).await;
    let done = bench.ends("a").await;
    assert_eq!((done.state.status().word(), done.attempts), ("done", 2));
    assert_eq!(done.recipient.as_deref(), Some("s***@e***.com"));
    assert_eq!(bench.ends("a.sent").await.state.status().word(), "done", "the result was not reported");
}

#[tokio::test]
async fn a_message_that_keeps_failing_becomes_a_dead_letter_and_is_reported() {
    let bench = Bench::start("PENDING", 99).await;
    bench.schedule(&["a"], Template::Received).await;
    let dead = bench.ends("a").await;
    assert_eq!(dead.state, EffectState::Dead("provider_unavailable".into()));
    assert_eq!(bench.mail.tries.load(Ordering::Relaxed), 3);
    assert_eq!(bench.ends("a.failed-0").await.state.status().word(), "done");
}

#[tokio::test]
async fn a_message_that_is_no_longer_true_is_skipped() {
    let bench = Bench::start("CANCELLED", 0).await;
    bench.schedule(&["a", "b", "c"], Template::Reminder).await;
    for key in ["a", "b", "c"] {
        assert_eq!(bench.ends(key).await.state, EffectState::Done("no longer true".into()));
    }
    assert_eq!(bench.mail.tries.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn after_a_corrected_address_the_message_about_the_current_state_is_sent() {
    let media = vec![Medium::Mail];
    let again = Effect::SendAgain { reservation_id: RESERVATION, media };
    for (status, template) in
        [("CONFIRMED", "confirmed"), ("PENDING", "received"), ("CANCELLED", "cancelled")]
    {
        let bench = Bench::start(status, 0).await;
        bench.plan(&["again"], &again).await;
        let sent = bench.ends(&format!("again.mail-{template}")).await;
        assert_eq!(sent.state.status().word(), "done", "{status}");
        assert_eq!(bench.mail.tries.load(Ordering::Relaxed), 1);
    }
    let bench = Bench::start("COMPLETED", 0).await;
    bench.plan(&["again"], &again).await;
    assert_eq!(bench.ends("again").await.state, EffectState::Done("no message is current".into()));
}

#[tokio::test]
async fn a_mail_server_that_hangs_does_not_delay_payments() {
    let bench = Bench::start("PENDING", 0).await;
    bench.schedule(&["hang-1"], Template::Received).await;
    bench.schedule(&["a"], Template::Received).await;
    let outcome = PaymentOutcome::Failed { reason_code: "x".into() };
    let post = Effect::PostPayment {
        reservation_id: RESERVATION,
        result: PaymentResult { payment_id: PAYMENT, outcome },
    };
    bench.plan(&["p"], &post).await;
    assert_eq!(bench.ends("p").await.state.status().word(), "done");
    assert_eq!(bench.effect_log.effect(&EffectKey("a".into())).unwrap().state.status().word(), "waiting");
}

/// After the contact was erased, a payment that is opened, or whose link is renewed, has no valid link.
#[tokio::test]
async fn a_payment_after_the_contact_was_erased_opens_for_no_one() {
    let bench = Bench::start("PENDING", 0).await;
    bench.reservation_server.reset().await;
    Mock::given(method("GET"))
        .and(path_regex("/contact$"))
        .respond_with(ResponseTemplate::new(404))
        .with_priority(1)
        .mount(&bench.reservation_server)
        .await;
    let mut reservation = serde_json::to_value(reservation_view("PENDING")).unwrap();
    reservation["deposit"] =
        json!({"required": true, "status": "due", "amount_minor": 30_000_000, "currency": "IDR"});
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_json(reservation))
        .mount(&bench.reservation_server)
        .await;
    let opened = || bench.effect_log.payment(PAYMENT).unwrap();
    bench.plan(&["open"], &take_deposit()).await;
    assert_eq!(bench.ends("open").await.state.status().word(), "done");
    let first = opened().opened.link_sha256;
    assert!(!opened().is_opened_by(None) && !opened().is_opened_by(Some("")));
    bench.plan(&["renew"], &Effect::RenewPayLinks { reservation_id: RESERVATION }).await;
    assert_eq!(bench.ends("renew").await.state.status().word(), "done");
    assert!(first.is_some() && first != opened().opened.link_sha256);
}

/// While a mail server is down, its breaker is open and payments continue. When the server is back, all mails
/// are sent.
#[tokio::test]
async fn an_open_breaker_stops_requests_to_its_own_system_only() {
    let any = MessageLimits { per_minute_max: 0, recipient_per_hour_max: 0 };
    let bench = Bench::with("PENDING", usize::MAX, any, Breakers::new(3), MemoryStore::new("notifier")).await;
    let keys: Vec<_> = (0..12).map(|n| format!("m{n}")).collect();
    for (n, key) in (0..).zip(&keys) {
        // Each message is about a different reservation, because messages about one reservation run in order.
        let about = events::ReservationId(uuid::Uuid::from_u128(1_000 + n)).into();
        let message = Effect::Message {
            about,
            template: Template::Received,
            medium: Medium::Mail,
            start: None,
            link: None,
            amount: None,
        };
        bench.plan(&[key], &message).await;
    }
    let is_open = || bench.breakers.seen().get("mail").is_some_and(|mail| mail.open_until.is_some());
    until(is_open).await;
    assert_eq!(bench.breakers.seen()["mail"].state().word(), "open");
    let post = Effect::PostPayment {
        reservation_id: RESERVATION,
        result: PaymentResult {
            payment_id: PAYMENT,
            outcome: PaymentOutcome::Failed { reason_code: "x".into() },
        },
    };
    bench.plan(&["p"], &post).await;
    assert_eq!(bench.ends("p").await.state.status().word(), "done");
    // Three failures open the breaker; up to three more attempts can already be under way.
    let tries = bench.mail.tries.load(Ordering::Relaxed);
    assert!(tries <= 3 + 3, "{tries} attempts although the breaker is open");
    for key in &keys {
        assert!(!matches!(
            bench.effect_log.effect(&EffectKey(key.clone())).unwrap().state,
            EffectState::Dead(_)
        ));
    }
    // The server is back: after five seconds one mail is tried, and the others follow.
    bench.mail.failures.store(0, Ordering::Relaxed);
    for key in &keys {
        assert_eq!(bench.ends(key).await.state.status().word(), "done");
    }
    assert_eq!(bench.breakers.seen()["mail"].state().word(), "closed");
}

/// The log refuses the first appends of the result of a sent mail. The result is appended later, and the mail
/// is not sent again.
#[tokio::test]
async fn a_sent_mail_is_not_sent_again_after_its_result_could_not_be_appended() {
    let any = MessageLimits { per_minute_max: 0, recipient_per_hour_max: 0 };
    let refusing = Tampered { refusals: AtomicUsize::new(5), ..Tampered::default() };
    let bench = Bench::with("PENDING", 0, any, Breakers::new(99), refusing).await;
    bench.schedule(&["a"], Template::Received).await;
    assert_eq!(bench.ends("a").await.state.status().word(), "done");
    assert_eq!(bench.mail.tries.load(Ordering::Relaxed), 1);
}

/// When a medium has reached its limit per minute, its next message stays in the queue.
#[tokio::test]
async fn messages_over_the_limit_per_minute_stay_in_the_queue() {
    let limits = MessageLimits { per_minute_max: 2, recipient_per_hour_max: 0 };
    let bench = Bench::with("PENDING", 0, limits, Breakers::new(99), MemoryStore::new("notifier")).await;
    bench.schedule(&["a", "b", "c"], Template::Received).await;
    assert_eq!(bench.ends("b").await.state.status().word(), "done");
    // When the report of `b` is done, the worker has already looked for the third mail and left it in the queue.
    assert_eq!(bench.ends("b.sent").await.state.status().word(), "done");
    let third = bench.effect_log.effect(&EffectKey("c".into())).unwrap();
    assert_eq!(
        (third.state.status().word(), third.attempts, bench.mail.tries.load(Ordering::Relaxed)),
        ("waiting", 0, 2)
    );
}

/// When an operator retries the effect of an event that could not be decoded, the event is read again. A second
/// retry schedules no further effects.
#[tokio::test]
async fn retrying_an_undecodable_event_schedules_its_effects_exactly_once() {
    let bench = Bench::start("PENDING", 0).await;
    let refunded = json!([{"specversion": "1.0", "id": event_id(7).to_string(), "source": "/reservation/x", "sequence": format!("{:020}", 7),
        "type": "meja.payment.refunded.v1", "subject": format!("reservation/{RESERVATION}"), "time": "2026-01-01T00:00:00Z", "datacontenttype": "application/json",
        "dataschema": "/schemas/x.json", "correlationid": "r", "authtype": "system", "authid": "test",
        "data": {"payment_id": PAYMENT, "amount": idr(1), "provider_reference": "x"}}]);
    Mock::given(method("GET"))
        .and(path_regex("^/events$"))
        .respond_with(ResponseTemplate::new(200).set_body_json(refunded))
        .with_priority(1)
        .mount(&bench.reservation_server)
        .await;
    let mail = format!("{}.mail-refunded", event_id(7).uuid);
    for key in ["react-1", "react-2"] {
        bench.plan(&[key], &Effect::React { after: Some(event_id(6)) }).await;
        assert_eq!(bench.ends(key).await.state.status().word(), "done");
        assert_eq!(bench.ends(&mail).await.state.status().word(), "done");
    }
    assert_eq!(bench.mail.tries.load(Ordering::Relaxed), 1);
}

/// Messages over the limit per recipient and hour wait, and no attempt is counted.
#[tokio::test]
async fn messages_over_the_limit_per_recipient_wait_for_an_hour() {
    let limits = MessageLimits { per_minute_max: 0, recipient_per_hour_max: 2 };
    let bench = Bench::with("PENDING", 0, limits, Breakers::new(99), MemoryStore::new("notifier")).await;
    bench.schedule(&["a", "b", "c"], Template::Received).await;
    assert_eq!(bench.ends("b").await.state.status().word(), "done");
    until(|| bench.effect_log.effect(&EffectKey("c".into())).unwrap().last_error.is_some()).await;
    let third = bench.effect_log.effect(&EffectKey("c".into())).unwrap();
    let EffectState::Waiting(at) = third.state else { panic!("{third:?}") };
    assert!(at > SystemEnvironment.now() + TimeDelta::minutes(59), "{at}");
    assert_eq!((third.attempts, bench.mail.tries.load(Ordering::Relaxed)), (0, 2));
}

/// Waits until `condition` holds, with a deadline.
async fn until(condition: impl Fn() -> bool) {
    let holds = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), holds).await.expect("the condition did not hold in time");
}
