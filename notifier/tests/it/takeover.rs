//! One notifier takes over from another: nothing of the old one reaches the log behind it.

use std::sync::Arc;
use std::time::Duration;

use chassis::environment::Environment as _;
use events::recorded::EventMetadata;
use events::store::EventStore;
use notifier::domain::effect::Lane;
use notifier::effects::entry::{Entry, Succeeded};
use notifier::effects::{Cursor, EffectLog, EffectLogError};

use crate::support::*;

/// A notifier that stands by at the log of `fixture`.
async fn standby(fixture: &Fixture) -> EffectLog {
    let store: Arc<dyn EventStore> = fixture.store.clone();
    EffectLog::standing_by(store, Arc::new(fixture.env.clone())).await.unwrap()
}

#[track_caller]
fn is_superseded(result: &Result<(), EffectLogError>) {
    assert!(matches!(result, Err(EffectLogError::Superseded)), "{result:?}");
}

#[tokio::test]
async fn a_notifier_that_was_replaced_appends_nothing() {
    let fixture = Fixture::new().await;
    fixture.schedule(1, "a", take_deposit()).await;
    let old = &fixture.effect_log;
    let taken = old.take_due(Lane::Money, 1).pop().unwrap();
    let new = standby(&fixture).await;
    assert_eq!(new.take_over().await.unwrap(), Some(1));
    let head = fixture.store.known_head();
    // The result of an effect, the next events, and an effect that is not known to the new one.
    let done = Entry::EffectSucceeded(Succeeded {
        key: taken.scheduled.key.clone(),
        outcome: "done".into(),
        recipient: None,
    });
    is_superseded(&old.finish(&taken, vec![done.clone()]).await);
    let cursor = Cursor { last_event_id: event_id(2), time: now() };
    let by = EventMetadata::system("test");
    is_superseded(&old.react(vec![scheduled("b", take_deposit())], vec![], cursor, &by).await);
    assert_eq!(fixture.store.known_head(), head);
    // The new one continues where the log ends, and knows that the effect may have been attempted.
    let again = new.take_due(Lane::Money, 1).pop().unwrap();
    assert!(again.tried && again.scheduled == taken.scheduled);
    new.finish(&again, vec![done]).await.unwrap();
    new.react(vec![], vec![], cursor, &by).await.unwrap();
    // A restart of the old one does not bring its term back, and the next takeover ends the one of the new one.
    let next = standby(&fixture).await;
    assert_eq!(next.take_over().await.unwrap(), Some(2));
    is_superseded(&new.react(vec![], vec![], cursor, &by).await);
}

/// The old notifier appends until it is replaced. Every append that was acknowledged to it is in the state of the new one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_takeover_misses_nothing_that_the_old_notifier_has_appended() {
    for _ in 0..50 {
        let fixture = Fixture::new().await;
        let (old, new) = (Arc::clone(&fixture.effect_log), standby(&fixture).await);
        let appending = tokio::spawn(async move {
            let by = EventMetadata::system("test");
            let mut last = 0;
            loop {
                let cursor = Cursor { last_event_id: event_id(last + 1), time: now() };
                match old.react(vec![], vec![], cursor, &by).await {
                    Ok(()) => last += 1,
                    Err(EffectLogError::Superseded) => return last,
                    Err(error) => panic!("{error}"),
                }
                tokio::task::yield_now().await;
            }
        });
        let mut head = fixture.store.watch_head();
        head.wait_for(|head| head.0 > 3).await.unwrap();
        // It loses against entries that the old one appends meanwhile.
        while new.take_over().await.unwrap().is_none() {}
        let last = appending.await.unwrap();
        assert_eq!(new.cursor().unwrap().last_event_id, event_id(last));
    }
}

#[tokio::test]
async fn no_effect_begins_while_the_lease_is_not_certain() {
    let fixture = Fixture::new().await;
    fixture.schedule(1, "a", take_deposit()).await;
    let effect_log = &fixture.effect_log;
    let mut changed = effect_log.watch();
    effect_log.act_for(Duration::ZERO, effect_log.moment());
    assert!(!effect_log.may_act() && effect_log.take_due(Lane::Money, 1).is_empty());
    assert_eq!(effect_log.next_due(Lane::Money), None, "a worker must not wake up for it again and again");
    changed.mark_unchanged();
    effect_log.act_for(Duration::from_secs(3_600), effect_log.moment());
    assert!(changed.has_changed().unwrap(), "the workers must look again");
    assert!(effect_log.may_act());
    // The machine was suspended: only the time of day has passed.
    let after = fixture.env.now() + chrono::TimeDelta::hours(2);
    fixture.env.set(after);
    assert!(!effect_log.may_act());
    effect_log.act_for(Duration::from_secs(3_600), effect_log.moment());
    assert_eq!(effect_log.take_due(Lane::Money, 1).len(), 1);
}

/// Two notifiers that both believe to hold the lease take over at once: one has the term, and the other one must ask again.
#[tokio::test]
async fn of_two_takeovers_at_once_one_wins() {
    let fixture = Fixture::new().await;
    let (one, other) = (standby(&fixture).await, standby(&fixture).await);
    let (first, second) = tokio::join!(one.take_over(), other.take_over());
    let terms = [first.unwrap(), second.unwrap()];
    assert_eq!(terms.iter().flatten().count(), 1, "{terms:?}");
    let loser = if terms[0].is_none() { &one } else { &other };
    assert_eq!(loser.take_over().await.unwrap(), Some(2), "after it has the lease again");
}
