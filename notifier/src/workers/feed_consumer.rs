//! Polls the feed and schedules the effects of its events.

use events::recorded::EventMetadata;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chassis::causes::with_causes;
use chassis::serve::Shutdown;
use chrono::{DateTime, Utc};
use events::feed::{Batch, Lag};
use events::store::APPEND_EVENTS_MAX;
use events::{EventId, Position, Recorded};

use crate::adapters::reservation_client::{ReservationClient, ReservationClientError};
use crate::domain::effect::{Effect, EffectKey, SendWebhook};
use crate::domain::reaction::NotificationPolicy;
use crate::domain::webhooks::{Webhook, Webhooks};
use crate::effects::entry::{Died, Scheduled};
use crate::effects::from_event::effects_of;
use crate::effects::{Cursor, EffectLog, EffectLogError};

/// How long a request waits for an event.
const POLL: Duration = Duration::from_secs(25);
const AGAIN_MIN: Duration = Duration::from_millis(100);
const AGAIN_MAX: Duration = Duration::from_secs(5);

/// The status of the feed consumer, shared with readers.
#[derive(Debug, Clone, Default)]
pub struct FeedStatus(Arc<Mutex<FeedState>>);

/// The last known state of the feed.
#[derive(Debug, Clone, Default)]
pub struct FeedState {
    /// The end of the log of the reservation service.
    pub head: Position,
    /// Why the feed cannot be read at the moment.
    pub trouble: Option<String>,
    /// Whether an operator is needed to continue.
    pub stuck: bool,
}

impl FeedStatus {
    /// The last known state.
    #[must_use]
    pub fn seen(&self) -> FeedState {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, change: impl FnOnce(&mut FeedState)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Consumes the feed until the service stops.
pub async fn run(
    reservation_client: ReservationClient,
    effect_log: Arc<EffectLog>,
    policy: NotificationPolicy,
    hooks: Arc<Webhooks>,
    feed_status: FeedStatus,
    shutdown: Shutdown,
) {
    let mut again = AGAIN_MIN;
    loop {
        let followed = tokio::select! {
            followed = follow_once(&reservation_client, &effect_log, &policy, &hooks, &feed_status) => followed,
            () = shutdown.requested() => return,
        };
        match followed {
            Ok(()) => {
                if feed_status.seen().trouble.is_some() {
                    tracing::info!("the feed can be read again");
                }
                feed_status.set(|seen| (seen.trouble, seen.stuck) = (None, false));
                again = AGAIN_MIN;
                continue;
            }
            Err(error) => {
                let stuck = error.is_stuck();
                let words = error.words();
                // Logged once, not for every attempt.
                if feed_status.seen().trouble.as_ref() != Some(&words) {
                    match stuck {
                        true => tracing::error!("{words}"),
                        false => tracing::warn!("{words}; trying again"),
                    }
                }
                feed_status.set(|seen| (seen.trouble, seen.stuck) = (Some(words), stuck));
            }
        }
        tokio::select! {
            () = tokio::time::sleep(again) => again = (again * 2).min(AGAIN_MAX),
            () = shutdown.requested() => return,
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum FollowError {
    #[error("the feed cannot be read")]
    ReservationClient(#[from] ReservationClientError),
    #[error("the page of the feed is not JSON")]
    Page(#[source] serde_json::Error),
    #[error("an event of the feed cannot be decoded")]
    Event(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("effects could not be scheduled")]
    EffectLog(#[from] EffectLogError),
}

impl FollowError {
    fn is_stuck(&self) -> bool {
        match self {
            Self::ReservationClient(error) => error.is_foreign_cursor(),
            Self::Event(_) => true,
            Self::Page(_) | Self::EffectLog(_) => false,
        }
    }

    fn words(&self) -> String {
        match self {
            Self::ReservationClient(error) if error.is_foreign_cursor() => {
                "the log of the reservation service is not the one this notifier has followed (cursor_not_in_log): \
                 was it put back from a backup or replaced? Nothing is done for its events until that is settled: put \
                 the right log back, or start with an empty data directory, after which every event is reacted to anew"
                    .into()
            }
            Self::ReservationClient(error) => error.to_string(),
            other => with_causes(other),
        }
    }
}

async fn follow_once(
    reservation_client: &ReservationClient,
    effect_log: &EffectLog,
    policy: &NotificationPolicy,
    hooks: &Webhooks,
    feed_status: &FeedStatus,
) -> Result<(), FollowError> {
    let cursor = effect_log.cursor().map(|cursor| cursor.last_event_id);
    // After a failure, do not wait for an event: a quick response shows that the feed works again.
    let wait = if feed_status.seen().trouble.is_some() { Duration::ZERO } else { POLL };
    let page = reservation_client.feed(cursor, wait).await?;
    feed_status.set(|seen| seen.head = page.head);
    let batch = Batch::parse(&page.body).map_err(FollowError::Page)?;
    let (mut pending, mut after) = (Pending::default(), cursor);
    for event in batch.events {
        let mut read = read(event.get(), after, policy)?;
        read.effects.extend(pending.tell(hooks, effect_log, event.get(), after, &read));
        after = Some(read.id);
        if pending.effects.len() + pending.dead.len() + read.effects.len() + 1 >= APPEND_EVENTS_MAX {
            pending.write(effect_log).await?;
        }
        pending.add(read);
    }
    pending.write(effect_log).await?;
    let position = effect_log.cursor().map_or(Position::START, |cursor| cursor.last_event_id.position);
    let lag = Lag { position, head: page.head.max(position) };
    metrics::gauge!("meja_notifier_lag_events").set(lag.events() as f64);
    Ok(())
}

/// An event of the feed with its effects.
struct Read {
    id: EventId,
    time: DateTime<Utc>,
    effects: Vec<Scheduled>,
    dead: Option<Died>,
}

/// Decodes an event. One that cannot be decoded becomes a dead letter, and the consumer continues, as long as the event
/// has at least an id and a time.
fn read(event: &str, after: Option<EventId>, policy: &NotificationPolicy) -> Result<Read, FollowError> {
    #[derive(serde::Deserialize)]
    struct Stub {
        id: EventId,
        time: DateTime<Utc>,
    }
    let parsed = Recorded::parse(event.as_bytes()).map_err(|error| error.to_string());
    let effects =
        parsed.and_then(|recorded| Ok((recorded.id, recorded.time, effects_of(&recorded, policy)?)));
    let error = match effects {
        Ok((id, time, effects)) => return Ok(Read { id, time, effects, dead: None }),
        Err(error) => error,
    };
    let Stub { id, time } = serde_json::from_str(event).map_err(|error| FollowError::Event(error.into()))?;
    let key = EffectKey::of_event(id, "react");
    tracing::error!(%id, error, "an event cannot be decoded and is a dead letter: see /api/effects?status=dead");
    let parked = Scheduled {
        key: key.clone(),
        effect: Effect::React { after },
        due_at: time,
        event_id: Some(id.to_string()),
        correlation_id: "follow".into(),
        traceparent: None,
    };
    let dead = Some(Died { key, reason_code: "unreadable".into(), error });
    Ok(Read { id, time, effects: vec![parked], dead })
}

/// Effects that are appended together with the cursor after their events.
#[derive(Default)]
struct Pending {
    effects: Vec<Scheduled>,
    dead: Vec<Died>,
    /// The position of the last event of this page for each webhook subscription.
    told: HashMap<String, u64>,
    reached: Option<(EventId, DateTime<Utc>)>,
}

impl Pending {
    /// The webhooks of an event.
    fn tell(
        &mut self,
        hooks: &Webhooks,
        effect_log: &EffectLog,
        event: &str,
        after: Option<EventId>,
        read: &Read,
    ) -> Vec<Scheduled> {
        let Ok(recorded) = Recorded::parse(event.as_bytes()) else { return vec![] };
        let wanted = hooks.iter().filter(|hook| hook.wants(&recorded.event_type));
        let tell = |hook: &Webhook| {
            let state = effect_log.hook(&hook.id).unwrap_or_default();
            let position = read.id.position.0;
            let before = self.told.insert(hook.id.clone(), position);
            let previous = before.or(state.last);
            let tell = SendWebhook { hook: hook.id.clone(), position, after, previous };
            let cause = recorded.metadata();
            (!state.is_disabled).then(|| Scheduled {
                key: EffectKey::of_event(read.id, &format!("hook-{}", hook.id)),
                effect: Effect::SendWebhook(tell),
                due_at: read.time,
                event_id: Some(read.id.to_string()),
                correlation_id: cause.correlation_id,
                traceparent: cause.traceparent,
            })
        };
        wanted.filter_map(tell).collect()
    }

    fn add(&mut self, read: Read) {
        for effect in &read.effects {
            tracing::debug!(request = effect.correlation_id, key = %effect.key, "scheduled an effect");
        }
        self.effects.extend(read.effects);
        self.dead.extend(read.dead);
        self.reached = Some((read.id, read.time));
    }

    async fn write(&mut self, effect_log: &EffectLog) -> Result<(), FollowError> {
        let Some((last_event_id, time)) = self.reached.take() else { return Ok(()) };
        let (effects, dead) = (std::mem::take(&mut self.effects), std::mem::take(&mut self.dead));
        let cursor = Cursor { last_event_id, time };
        Ok(effect_log.react(effects, dead, cursor, &EventMetadata::system("follow")).await?)
    }
}
