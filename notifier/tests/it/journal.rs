//! What the journal adds up to, also after a restart.

use std::sync::Arc;

use chrono::TimeDelta;
use events::query::{AppendCondition, Query};
use events::recorded::NewEvent;
use events::store::memory::MemoryStore;
use events::store::{AppendError, Appended, EventStore, Page, ReadError};
use events::{PaymentId, Position};
use futures::future::BoxFuture;
use notifier::effect::{Effect, EffectKey, Lane};
use notifier::journal::{AttemptFailed, Author, Died, Entry, Succeeded};
use notifier::outbox::{Cursor, EffectState, Outbox, OutboxError};
use notifier::payment::PaymentStatus;
use uuid::Uuid;

use crate::support::*;

fn refund(amount_minor: i64) -> Effect {
    Effect::Refund { reservation_id: RESERVATION, payment_id: PAYMENT, amount: idr(amount_minor) }
}

fn key(text: &str) -> EffectKey {
    EffectKey(text.into())
}

#[tokio::test]
async fn effects_and_cursor_move_in_one_append() {
    let fixture = Fixture::new().await;
    fixture.schedule(7, "a", refund(1)).await;
    assert_eq!(fixture.store.head().0, 2, "the effect and the cursor");
    assert_eq!(fixture.outbox.cursor().unwrap().last_event_id, event_id(7));
    let again = fixture.reopened().await;
    assert_eq!(again.cursor().unwrap().last_event_id, event_id(7));
    assert_eq!(again.take_due(Lane::Money, 10).len(), 1);
}

#[tokio::test]
async fn a_feed_that_is_read_again_has_no_second_effect() {
    let fixture = Fixture::new().await;
    fixture.schedule(7, "a", refund(1)).await;
    fixture.schedule(7, "a", refund(1)).await;
    assert_eq!(fixture.outbox.take_due(Lane::Money, 10).len(), 1);
    assert_eq!(fixture.reopened().await.take_due(Lane::Money, 10).len(), 1);
}

#[tokio::test]
async fn two_notifiers_do_not_both_move_the_cursor() {
    let fixture = Fixture::new().await;
    let other = fixture.reopened().await;
    fixture.schedule(7, "a", refund(1)).await;
    let cursor = Cursor { last_event_id: event_id(7), time: now() };
    let second = other.react(vec![scheduled("a", refund(1))], cursor, &Author::system("test")).await;
    assert!(
        matches!(second, Err(OutboxError::Append(events::store::AppendError::Conflict { .. }))),
        "{second:?}"
    );
}

/// A log in which the end of an effect is written down at once, and said so only when it is let go.
struct Late(MemoryStore, tokio::sync::Notify);

impl EventStore for Late {
    fn log_id(&self) -> events::LogId {
        self.0.log_id()
    }

    fn append(
        &self,
        events: Vec<NewEvent>,
        condition: AppendCondition,
    ) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            let is_end = events.iter().any(|event| event.event_type == "meja.effect.succeeded.v1");
            let appended = self.0.append(events, condition).await?;
            if is_end {
                self.1.notified().await;
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
        self.0.read(query, after, limit)
    }

    fn watch_head(&self) -> tokio::sync::watch::Receiver<Position> {
        self.0.watch_head()
    }

    fn private(&self, position: Position) -> BoxFuture<'_, Result<Option<bytes::Bytes>, ReadError>> {
        self.0.private(position)
    }
}

#[tokio::test]
async fn who_has_written_finds_what_they_wrote_also_when_an_earlier_append_comes_back_later() {
    let store = Arc::new(Late(MemoryStore::new("notifier"), tokio::sync::Notify::new()));
    let clock = Arc::new(chassis::clock::ManualClock::at(now()));
    let outbox = Arc::new(Outbox::open(Arc::clone(&store) as Arc<dyn EventStore>, clock).await.unwrap());
    let cursor = |n| Cursor { last_event_id: event_id(n), time: now() };
    let by = Author::system("test");
    outbox.react(vec![scheduled("a", refund(1))], cursor(1), &by).await.unwrap();
    let taken = outbox.take_due(Lane::Money, 1).pop().unwrap();
    let end = tokio::spawn({
        let outbox = Arc::clone(&outbox);
        let done = Succeeded { key: key("a"), outcome: "done".into(), recipient: None };
        async move { outbox.finish(&taken, vec![Entry::EffectSucceeded(done)]).await }
    });
    let mut head = store.watch_head();
    head.wait_for(|head| head.0 == 3).await.unwrap();
    let react = async {
        outbox.react(vec![], cursor(2), &by).await.unwrap();
        outbox.cursor().unwrap().last_event_id
    };
    let let_go = async {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        store.1.notify_one();
    };
    let (seen, ()) = tokio::join!(react, let_go);
    assert_eq!(seen, event_id(2));
    end.await.unwrap().unwrap();
    outbox.react(vec![], cursor(3), &by).await.unwrap();
}

#[tokio::test]
async fn an_effect_is_finished_once() {
    let fixture = Fixture::new().await;
    fixture.schedule(1, "a", refund(1)).await;
    let taken = fixture.outbox.take_due(Lane::Money, 10).pop().unwrap();
    assert!(fixture.outbox.take_due(Lane::Money, 10).is_empty(), "what one works on nobody else takes");
    let done =
        || vec![Entry::EffectSucceeded(Succeeded { key: key("a"), outcome: "done".into(), recipient: None })];
    fixture.outbox.finish(&taken, done()).await.unwrap();
    assert!(fixture.outbox.finish(&taken, done()).await.is_err());
    assert!(fixture.reopened().await.take_due(Lane::Money, 10).is_empty());
}

#[tokio::test]
async fn tries_are_counted_across_restarts() {
    let fixture = Fixture::new().await;
    fixture.schedule(1, "a", refund(1)).await;
    let taken = fixture.outbox.take_due(Lane::Money, 10).pop().unwrap();
    let next_attempt_at = now() + TimeDelta::seconds(30);
    let failed =
        Entry::AttemptFailed(AttemptFailed { key: key("a"), error: "timeout".into(), next_attempt_at });
    fixture.outbox.finish(&taken, vec![failed]).await.unwrap();
    for outbox in [fixture.outbox.clone(), fixture.reopened().await] {
        assert!(outbox.take_due(Lane::Money, 10).is_empty(), "not before its time");
        assert_eq!(outbox.next_due(Lane::Money), Some(next_attempt_at));
        let tracked = outbox.effect(&key("a")).unwrap();
        assert_eq!((tracked.attempts, tracked.last_error.as_deref()), (1, Some("timeout")));
    }
    fixture.clock.advance(TimeDelta::seconds(30));
    assert_eq!(fixture.outbox.take_due(Lane::Money, 10).len(), 1);
}

#[tokio::test]
async fn a_dead_letter_is_tried_again_only_by_hand() {
    let fixture = Fixture::new().await;
    fixture.schedule(1, "a", refund(1)).await;
    let by = Author::system("test");
    assert!(matches!(fixture.outbox.retry(&key("a"), &by).await, Err(OutboxError::NotDead(_, "waiting"))));
    assert!(matches!(fixture.outbox.retry(&key("b"), &by).await, Err(OutboxError::UnknownEffect(_))));
    let taken = fixture.outbox.take_due(Lane::Money, 10).pop().unwrap();
    let died = Entry::EffectDied(Died { key: key("a"), reason_code: "x".into(), error: "no".into() });
    fixture.outbox.finish(&taken, vec![died]).await.unwrap();
    assert_eq!(fixture.outbox.effect(&key("a")).unwrap().state, EffectState::Dead("x".into()));
    fixture.outbox.retry(&key("a"), &by).await.unwrap();
    assert!(fixture.outbox.retry(&key("a"), &by).await.is_err());
    let again = fixture.outbox.take_due(Lane::Money, 10).pop().unwrap();
    assert_eq!((again.attempts, again.retries), (0, 1));
    let done = Entry::EffectSucceeded(Succeeded { key: key("a"), outcome: "done".into(), recipient: None });
    fixture.outbox.finish(&again, vec![done]).await.unwrap();
}

#[tokio::test]
async fn the_first_decision_about_a_payment_stands() {
    let fixture = Fixture::new().await;
    let reference = fixture.opened().await;
    let decided =
        futures::future::join_all((0..8).map(|n| fixture.outbox.decide(reference, n % 2 == 0))).await;
    let first = decided[0].as_ref().unwrap().status;
    assert!(decided.iter().all(|payment| payment.as_ref().unwrap().status == first));
    assert_eq!(first, PaymentStatus::Paid);
    let told = fixture.outbox.effects(|e| matches!(e.scheduled.effect, Effect::PostPayment { .. }), 10);
    assert_eq!(told.len(), 1, "told once");
    assert!(matches!(fixture.outbox.decide("sim_other", true).await, Err(OutboxError::UnknownPayment(_))));
    assert_eq!(fixture.reopened().await.payment_of(reference).unwrap().status, PaymentStatus::Paid);
}

#[tokio::test]
async fn no_more_goes_back_than_was_paid() {
    let fixture = Fixture::new().await;
    let reference = fixture.opened().await;
    let by = Author::system("test");
    assert!(matches!(
        fixture.outbox.refund(PAYMENT, None, &by).await,
        Err(OutboxError::NotRefundable { left_minor: 0, .. })
    ));
    fixture.outbox.decide(reference, true).await.unwrap();
    fixture.outbox.refund(PAYMENT, Some(10_000_000), &by).await.unwrap();
    // The first is still on its way, and counts.
    let too_much = fixture.outbox.refund(PAYMENT, Some(20_000_001), &by).await;
    assert!(matches!(too_much, Err(OutboxError::NotRefundable { left_minor: 20_000_000, .. })));
    assert!(fixture.outbox.refund(PAYMENT, Some(0), &by).await.is_err());
    fixture.outbox.refund(PAYMENT, None, &by).await.unwrap();
    assert!(fixture.outbox.refund(PAYMENT, None, &by).await.is_err());
    let unknown = PaymentId(Uuid::from_u128(99));
    assert!(matches!(fixture.outbox.refund(unknown, None, &by).await, Err(OutboxError::UnknownPayment(_))));
}

#[tokio::test]
async fn refunds_of_one_payment_go_one_after_the_other() {
    let fixture = Fixture::new().await;
    fixture.schedule(1, "a", refund(1)).await;
    fixture.schedule(2, "b", refund(1)).await;
    assert_eq!(fixture.outbox.take_due(Lane::Money, 10).len(), 1);
    assert!(fixture.outbox.take_due(Lane::Money, 10).is_empty());
    assert_eq!(fixture.outbox.next_due(Lane::Money), None, "the second is due when the first is done");
    fixture.outbox.put_back(&key("a"), now(), "later".into());
    assert_eq!(fixture.outbox.take_due(Lane::Money, 10).len(), 1);
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_memory_and_log_the_same() {
    let fixture = Fixture::new().await;
    let reference = fixture.opened().await;
    let mut changed = fixture.outbox.watch();
    // Polled once, so that the append is under way, then dropped: a guest who closes the page.
    let decide = fixture.outbox.decide(reference, true);
    let polled = futures::FutureExt::now_or_never(decide);
    if polled.is_none() {
        changed.changed().await.unwrap();
    }
    assert_eq!(fixture.outbox.payment_of(reference).unwrap().status, PaymentStatus::Paid);
    assert_eq!(fixture.reopened().await.payment_of(reference).unwrap().status, PaymentStatus::Paid);
}
