//! The state of the effect log, also after a restart.

use contract::notifier::words::EffectStatus;
use events::recorded::EventMetadata;
use std::sync::Arc;

use chrono::TimeDelta;
use events::query::Query;
use events::store::EventStore;
use events::values::Medium;
use events::{PaymentId, Position};
use notifier::domain::effect::{Effect, EffectKey, Lane, Template};
use notifier::effects::entry::{AttemptFailed, Died, Entry, Scheduled, Succeeded};
use notifier::effects::payment::PaymentStatus;
use notifier::effects::{Cursor, EffectLog, EffectLogError, EffectState};
use notifier::ports::payment::ProviderStatus;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::support::*;

fn refund(amount_minor: i64) -> Effect {
    Effect::Refund { reservation_id: RESERVATION, payment_id: PAYMENT, amount: idr(amount_minor) }
}

fn key(text: &str) -> EffectKey {
    EffectKey(text.into())
}

#[tokio::test]
async fn effects_and_cursor_are_stored_in_one_append() {
    let fixture = Fixture::new().await;
    fixture.schedule(7, "a", refund(1)).await;
    assert_eq!(fixture.store.known_head().0, 2, "the effect and the cursor");
    assert_eq!(fixture.effect_log.cursor().unwrap().last_event_id, event_id(7));
    let again = fixture.reopened().await;
    assert_eq!(again.cursor().unwrap().last_event_id, event_id(7));
    assert_eq!(again.take_due(Lane::Money, 10).len(), 1);
}

#[tokio::test]
async fn a_feed_read_again_has_no_second_effect() {
    let fixture = Fixture::new().await;
    fixture.schedule(7, "a", refund(1)).await;
    fixture.schedule(7, "a", refund(1)).await;
    assert_eq!(fixture.effect_log.take_due(Lane::Money, 10).len(), 1);
    assert_eq!(fixture.reopened().await.take_due(Lane::Money, 10).len(), 1);
}

#[tokio::test]
async fn two_notifiers_cannot_both_advance_the_cursor() {
    let fixture = Fixture::new().await;
    let other = fixture.reopened().await;
    fixture.schedule(7, "a", refund(1)).await;
    let cursor = Cursor { last_event_id: event_id(7), time: now() };
    let second =
        other.react(vec![scheduled("a", refund(1))], vec![], cursor, &EventMetadata::system("test")).await;
    assert!(
        matches!(second, Err(EffectLogError::Append(events::store::AppendError::Conflict { .. }))),
        "{second:?}"
    );
}

#[tokio::test]
async fn a_caller_reads_its_own_append_even_if_an_earlier_append_returns_later() {
    let store = Arc::new(Tampered { held: Some(Notify::new()), ..Tampered::default() });
    let env = Arc::new(chassis::environment::ManualEnvironment::at(now()));
    let effect_log = Arc::new(EffectLog::open(Arc::clone(&store) as Arc<dyn EventStore>, env).await.unwrap());
    let cursor = |n| Cursor { last_event_id: event_id(n), time: now() };
    let by = EventMetadata::system("test");
    effect_log.react(vec![scheduled("a", refund(1))], vec![], cursor(1), &by).await.unwrap();
    let taken = effect_log.take_due(Lane::Money, 1).pop().unwrap();
    let end = tokio::spawn({
        let effect_log = Arc::clone(&effect_log);
        let done = Succeeded { key: key("a"), outcome: "done".into(), recipient: None };
        async move { effect_log.finish(&taken, vec![Entry::EffectSucceeded(done)]).await }
    });
    let mut head = store.watch_head();
    head.wait_for(|head| head.0 == 3).await.unwrap();
    let react = async {
        effect_log.react(vec![], vec![], cursor(2), &by).await.unwrap();
        effect_log.cursor().unwrap().last_event_id
    };
    let let_go = async {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        store.held.as_ref().unwrap().notify_one();
    };
    let (seen, ()) = tokio::join!(react, let_go);
    assert_eq!(seen, event_id(2));
    end.await.unwrap().unwrap();
    effect_log.react(vec![], vec![], cursor(3), &by).await.unwrap();
}

#[tokio::test]
async fn an_effect_is_finished_once() {
    let fixture = Fixture::new().await;
    fixture.schedule(1, "a", refund(1)).await;
    let taken = fixture.effect_log.take_due(Lane::Money, 10).pop().unwrap();
    assert!(
        fixture.effect_log.take_due(Lane::Money, 10).is_empty(),
        "an effect under way is not taken again"
    );
    let done =
        || vec![Entry::EffectSucceeded(Succeeded { key: key("a"), outcome: "done".into(), recipient: None })];
    fixture.effect_log.finish(&taken, done()).await.unwrap();
    assert!(fixture.effect_log.finish(&taken, done()).await.is_err());
    assert!(fixture.reopened().await.take_due(Lane::Money, 10).is_empty());
}

#[tokio::test]
async fn attempts_are_counted_across_restarts() {
    let fixture = Fixture::new().await;
    fixture.schedule(1, "a", refund(1)).await;
    let taken = fixture.effect_log.take_due(Lane::Money, 10).pop().unwrap();
    let next_attempt_at = now() + TimeDelta::seconds(30);
    let failed = Entry::AttemptFailed(AttemptFailed {
        key: key("a"),
        error: "timeout".into(),
        next_attempt_at,
        new_key: false,
        uncounted: false,
    });
    fixture.effect_log.finish(&taken, vec![failed]).await.unwrap();
    for effect_log in [fixture.effect_log.clone(), fixture.reopened().await] {
        assert!(effect_log.take_due(Lane::Money, 10).is_empty(), "an effect is not taken before it is due");
        assert_eq!(effect_log.next_due(Lane::Money), Some(next_attempt_at));
        let tracked = effect_log.effect(&key("a")).unwrap();
        assert_eq!((tracked.attempts, tracked.last_error.as_deref()), (1, Some("timeout")));
    }
    fixture.env.advance(TimeDelta::seconds(30));
    assert_eq!(fixture.effect_log.take_due(Lane::Money, 10).len(), 1);
}

#[tokio::test]
async fn a_discarded_dead_letter_is_never_retried() {
    let fixture = Fixture::new().await;
    fixture.schedule(1, "a", refund(1)).await;
    let by =
        EventMetadata { actor: events::values::Actor::service("operator"), ..EventMetadata::system("test") };
    let a = key("a");
    let discard = || fixture.effect_log.discard(&a, "the guest was called".into(), &by);
    assert!(matches!(discard().await, Err(EffectLogError::NotDead(_, EffectStatus::Waiting))));
    let taken = fixture.effect_log.take_due(Lane::Money, 10).pop().unwrap();
    let died = Entry::EffectDied(Died { key: key("a"), reason_code: "x".into(), error: "no".into() });
    fixture.effect_log.finish(&taken, vec![died]).await.unwrap();
    discard().await.unwrap();
    assert!(matches!(discard().await, Err(EffectLogError::NotDead(_, EffectStatus::Discarded))));
    assert!(fixture.effect_log.retry(&key("a"), None, &by).await.is_err());
    let again = fixture.reopened().await;
    assert_eq!(again.effect(&key("a")).unwrap().state, EffectState::Discarded("the guest was called".into()));
    assert!(again.take_due(Lane::Money, 10).is_empty());
    let about = Query::any_tag([notifier::effects::entry::effect_tag(&a)]);
    let page = fixture.store.read(&about, Position::START, 10);
    let last = page
        .await
        .unwrap()
        .iter()
        .last()
        .map(|stored| String::from_utf8(stored.json.to_vec()).unwrap())
        .unwrap();
    assert!(last.contains("operator") && last.contains("the guest was called"), "{last}");
}

/// Messages about one visit are sent in order for each medium; those about other visits do not wait for them.
#[tokio::test]
async fn messages_about_one_reservation_are_sent_in_order() {
    let fixture = Fixture::new().await;
    fixture.schedule(1, "first", message(Template::Confirmed, Medium::Mail)).await;
    fixture.schedule(2, "second", message(Template::Cancelled, Medium::Mail)).await;
    fixture.schedule(3, "sms", message(Template::Cancelled, Medium::Sms)).await;
    let other = Effect::Message {
        about: events::ReservationId(Uuid::from_u128(77)).into(),
        template: Template::Confirmed,
        medium: Medium::Mail,
        start: None,
        link: None,
        amount: None,
    };
    fixture.schedule(4, "other", other).await;
    let later = Scheduled {
        due_at: now() + TimeDelta::hours(1),
        ..scheduled("reminder", message(Template::Reminder, Medium::Mail))
    };
    let cursor = Cursor { last_event_id: event_id(5), time: now() };
    fixture.effect_log.react(vec![later], vec![], cursor, &EventMetadata::system("test")).await.unwrap();
    let names = |effect_log: &Arc<EffectLog>, lane| {
        effect_log.take_due(lane, 10).into_iter().map(|t| t.scheduled.key.0).collect::<Vec<_>>()
    };
    assert_eq!(names(&fixture.reopened().await, Lane::Mail), ["first", "other"]);
    assert_eq!(names(&fixture.effect_log, Lane::Sms), ["sms"]);
    let taken = fixture.effect_log.take_due(Lane::Mail, 10);
    assert_eq!(
        fixture.effect_log.next_due(Lane::Mail),
        Some(now() + TimeDelta::hours(1)),
        "the second message waits for the first"
    );
    // A failed effect keeps its place; after one that is done or dead the next one follows.
    fixture.effect_log.put_back(&key("first"), now(), "later".into());
    assert_eq!(names(&fixture.effect_log, Lane::Mail), ["first"]);
    let died = Entry::EffectDied(Died { key: key("first"), reason_code: "x".into(), error: "no".into() });
    fixture.effect_log.finish(&taken[0], vec![died]).await.unwrap();
    for effect_log in [fixture.reopened().await, fixture.effect_log.clone()] {
        assert!(names(&effect_log, Lane::Mail).contains(&"second".to_owned()));
    }
    // A retried effect goes to the end of its sequence.
    fixture.effect_log.retry(&key("first"), None, &EventMetadata::system("test")).await.unwrap();
    fixture.schedule(6, "third", message(Template::Refunded, Medium::Mail)).await;
    assert_eq!(names(&fixture.effect_log, Lane::Mail), [""; 0]);
    for (ended, next) in [("second", "first"), ("first", "third")] {
        let effect = fixture.effect_log.effect(&key(ended)).unwrap();
        let done =
            Entry::EffectSucceeded(Succeeded { key: key(ended), outcome: "done".into(), recipient: None });
        fixture.effect_log.finish(&effect, vec![done]).await.unwrap();
        assert_eq!(names(&fixture.effect_log, Lane::Mail), [next]);
    }
    fixture.env.advance(TimeDelta::hours(1));
    assert_eq!(names(&fixture.effect_log, Lane::Mail), ["reminder"]);
}

/// Payments are closed only if a payment was requested.
#[tokio::test]
async fn no_payment_is_closed_if_none_was_requested() {
    let fixture = Fixture::new().await;
    let close =
        || Effect::ClosePayments { reservation_id: RESERVATION, payment_id: None, if_not_owed: false };
    fixture.schedule(1, "close", close()).await;
    assert!(fixture.effect_log.effect(&key("close")).is_none());
    let both = vec![scheduled("deposit", take_deposit()), scheduled("close", close())];
    let cursor = Cursor { last_event_id: event_id(2), time: now() };
    fixture.effect_log.react(both, vec![], cursor, &EventMetadata::system("test")).await.unwrap();
    assert_eq!(fixture.effect_log.effect(&key("close")).unwrap().state.status().word(), "waiting");
    fixture.schedule(3, "again", close()).await;
    assert!(fixture.reopened().await.effect(&key("again")).is_some());
}

#[tokio::test]
async fn a_dead_letter_is_retried_only_on_request() {
    let fixture = Fixture::new().await;
    fixture.schedule(1, "a", refund(1)).await;
    let by = EventMetadata::system("test");
    assert!(matches!(
        fixture.effect_log.retry(&key("a"), None, &by).await,
        Err(EffectLogError::NotDead(_, EffectStatus::Waiting))
    ));
    assert!(matches!(
        fixture.effect_log.retry(&key("b"), None, &by).await,
        Err(EffectLogError::UnknownEffect(_))
    ));
    let taken = fixture.effect_log.take_due(Lane::Money, 10).pop().unwrap();
    let died = Entry::EffectDied(Died { key: key("a"), reason_code: "x".into(), error: "no".into() });
    fixture.effect_log.finish(&taken, vec![died]).await.unwrap();
    assert_eq!(fixture.effect_log.effect(&key("a")).unwrap().state, EffectState::Dead("x".into()));
    fixture.effect_log.retry(&key("a"), None, &by).await.unwrap();
    assert!(fixture.effect_log.retry(&key("a"), None, &by).await.is_err());
    let again = fixture.effect_log.take_due(Lane::Money, 10).pop().unwrap();
    assert_eq!((again.attempts, again.retries), (0, 1));
    let done = Entry::EffectSucceeded(Succeeded { key: key("a"), outcome: "done".into(), recipient: None });
    fixture.effect_log.finish(&again, vec![done]).await.unwrap();
}

#[tokio::test]
async fn the_first_decision_about_a_payment_is_kept_but_a_charge_is_always_recorded() {
    let fixture = Fixture::new().await;
    let reference = fixture.opened().await;
    let decide = |status| fixture.effect_log.decide(&reference, status);
    assert_eq!(decide(ProviderStatus::Open).await.unwrap().status, PaymentStatus::Pending);
    let closed = [ProviderStatus::Closed, ProviderStatus::Refused].into_iter().cycle().take(8);
    let decided = futures::future::join_all(closed.map(decide)).await;
    assert!(decided.iter().all(|payment| payment.as_ref().unwrap().status == PaymentStatus::Expired));
    assert_eq!(fixture.reopened().await.payment_of(&reference).unwrap().full_status().word(), "expired");
    let came = ProviderStatus::Paid(idr(30_000_000));
    assert_eq!(decide(came).await.unwrap().status, PaymentStatus::Paid);
    for status in [ProviderStatus::Closed, ProviderStatus::Refused, ProviderStatus::Open, came] {
        assert_eq!(decide(status).await.unwrap().status, PaymentStatus::Paid);
    }
    let told = fixture.effect_log.effects(|e| matches!(e.scheduled.effect, Effect::PostPayment { .. }), 10);
    assert_eq!(told.len(), 2, "each result is reported once");
    let unknown = fixture.effect_log.decide("sim_other", came).await;
    assert!(matches!(unknown, Err(EffectLogError::UnknownPayment(_))));
    assert_eq!(fixture.reopened().await.payment_of(&reference).unwrap().status, PaymentStatus::Paid);
}

#[tokio::test]
async fn refunds_never_exceed_the_payment() {
    let fixture = Fixture::new().await;
    let reference = fixture.opened().await;
    let by = EventMetadata::system("test");
    assert!(matches!(
        fixture.effect_log.refund(PAYMENT, None, None, &by).await,
        Err(EffectLogError::NotRefundable { left_minor: 0, .. })
    ));
    fixture.effect_log.decide(&reference, ProviderStatus::Paid(idr(30_000_000))).await.unwrap();
    fixture.effect_log.refund(PAYMENT, Some(10_000_000), None, &by).await.unwrap();
    // The first refund is still under way, and counts.
    let too_much = fixture.effect_log.refund(PAYMENT, Some(20_000_001), None, &by).await;
    assert!(matches!(too_much, Err(EffectLogError::NotRefundable { left_minor: 20_000_000, .. })));
    assert!(fixture.effect_log.refund(PAYMENT, Some(0), None, &by).await.is_err());
    fixture.effect_log.refund(PAYMENT, None, None, &by).await.unwrap();
    assert!(fixture.effect_log.refund(PAYMENT, None, None, &by).await.is_err());
    let unknown = PaymentId(Uuid::from_u128(99));
    assert!(matches!(
        fixture.effect_log.refund(unknown, None, None, &by).await,
        Err(EffectLogError::UnknownPayment(_))
    ));
}

#[tokio::test]
async fn a_refund_ordered_twice_with_one_key_is_one_refund_and_a_dead_refund_blocks_others() {
    let fixture = Fixture::new().await;
    let reference = fixture.opened().await;
    fixture.effect_log.decide(&reference, ProviderStatus::Paid(idr(30_000_000))).await.unwrap();
    let by = EventMetadata::system("test");
    let order = |minor, name| fixture.effect_log.refund(PAYMENT, Some(minor), Some(name), &by);
    let first = order(1_000_000, "k1").await.unwrap();
    let again = order(1_000_000, "k1").await.unwrap();
    assert_eq!((again.key, first.replayed, again.replayed), (first.key.clone(), false, true));
    assert!(matches!(order(2_000_000, "k1").await, Err(EffectLogError::OtherRefund(_))));
    assert_ne!(order(1_000_000, "k2").await.unwrap().key, first.key);
    let taken = fixture.effect_log.take_due(Lane::Money, 1).pop().unwrap();
    let died = Entry::EffectDied(Died {
        key: taken.scheduled.key.clone(),
        reason_code: "x".into(),
        error: "no".into(),
    });
    fixture.effect_log.finish(&taken, vec![died]).await.unwrap();
    assert!(
        matches!(order(1, "k3").await, Err(EffectLogError::DeadRefund(key)) if key == taken.scheduled.key)
    );
    fixture.effect_log.discard(&taken.scheduled.key, "returned by bank transfer".into(), &by).await.unwrap();
    order(1, "k3").await.unwrap();
}

#[tokio::test]
async fn refunds_of_one_payment_run_in_order() {
    let fixture = Fixture::new().await;
    fixture.schedule(1, "a", refund(1)).await;
    fixture.schedule(2, "b", refund(1)).await;
    assert_eq!(fixture.effect_log.take_due(Lane::Money, 10).len(), 1);
    assert!(fixture.effect_log.take_due(Lane::Money, 10).is_empty());
    assert_eq!(fixture.effect_log.next_due(Lane::Money), None, "the second is due when the first is done");
    fixture.effect_log.put_back(&key("a"), now(), "later".into());
    assert_eq!(fixture.effect_log.take_due(Lane::Money, 10).len(), 1);
}

#[tokio::test]
async fn a_cancelled_caller_leaves_memory_and_log_consistent() {
    let fixture = Fixture::new().await;
    let reference = fixture.opened().await;
    let mut changed = fixture.effect_log.watch();
    // Polled once, so that the append is under way, then dropped, as when a guest closes the page.
    let decide = fixture.effect_log.decide(&reference, ProviderStatus::Paid(idr(30_000_000)));
    let polled = futures::FutureExt::now_or_never(decide);
    if polled.is_none() {
        changed.changed().await.unwrap();
    }
    assert_eq!(fixture.effect_log.payment_of(&reference).unwrap().status, PaymentStatus::Paid);
    assert_eq!(fixture.reopened().await.payment_of(&reference).unwrap().status, PaymentStatus::Paid);
}

#[tokio::test]
async fn an_append_that_panics_is_not_reported_as_a_stopping_log() {
    let store = Arc::new(Tampered { panics: true, ..Tampered::default() });
    let env = Arc::new(chassis::environment::ManualEnvironment::at(now()));
    let effect_log = EffectLog::open(store as Arc<dyn EventStore>, env).await.unwrap();
    let cursor = Cursor { last_event_id: event_id(1), time: now() };
    let effects = vec![scheduled("a", refund(1))];
    let appended = effect_log.react(effects, vec![], cursor, &EventMetadata::system("test")).await;
    assert!(matches!(appended, Err(EffectLogError::Panicked)), "{appended:?}");
}
