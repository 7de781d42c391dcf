//! Polls the feed and schedules the effects of its events.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use chassis::causes::with_causes;
use chassis::environment::SharedEnvironment;
use chassis::serve::Shutdown;
use chrono::{DateTime, Utc};
use events::feed::{Batch, Lag};
use events::recorded::EventMetadata;
use events::store::APPEND_EVENTS_MAX;
use events::{EventId, Position, Recorded};
use parking_lot::Mutex;

use crate::domain::effect::{Effect, EffectKey, SendWebhook};
use crate::domain::reaction::NotificationPolicy;
use crate::domain::webhooks::{Webhook, Webhooks};
use crate::effects::entry::{Died, Scheduled, Turn};
use crate::effects::from_event::effects_of;
use crate::effects::{Cursor, EffectLog, EffectLogError};
use crate::ports::reservation_api::{Refusal, ReservationApi, ReservationError};

/// How long a request waits for an event.
const POLL: Duration = Duration::from_secs(25);
/// The delay after a failed request; doubled after each.
const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(5);

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
        self.0.lock().clone()
    }

    fn set(&self, change: impl FnOnce(&mut FeedState)) {
        change(&mut self.0.lock());
    }
}

/// Consumes the feed.
pub struct FeedConsumer {
    /// The reservation service.
    pub reservation_api: Arc<dyn ReservationApi>,
    /// The effect log.
    pub effect_log: Arc<EffectLog>,
    /// Which messages guests get, and when.
    pub policy: NotificationPolicy,
    /// The webhook subscriptions.
    pub hooks: Arc<Webhooks>,
    /// The status, shared with readers.
    pub status: FeedStatus,
    /// Time, timers, tasks, ids and randomness.
    pub env: SharedEnvironment,
}

impl FeedConsumer {
    /// Consumes the feed until the service stops.
    pub async fn run(self, shutdown: Shutdown) {
        let delays =
            ExponentialBuilder::new().with_min_delay(RETRY_MIN).with_max_delay(RETRY_MAX).without_max_times();
        let mut delay = delays.build();
        loop {
            let read = tokio::select! {
                read = self.read_page() => read,
                () = shutdown.requested() => return,
            };
            let Err(error) = read else {
                self.note_success();
                delay = delays.build();
                continue;
            };
            self.note_failure(&error);
            tokio::select! {
                () = self.env.sleep(delay.next().unwrap_or(RETRY_MAX)) => {}
                () = shutdown.requested() => return,
            }
        }
    }

    fn note_success(&self) {
        if self.status.seen().trouble.is_some() {
            tracing::info!("the feed can be read again");
        }
        self.status.set(|seen| (seen.trouble, seen.stuck) = (None, false));
    }

    fn note_failure(&self, error: &FollowError) {
        let (stuck, words) = (error.is_stuck(), error.words());
        // Logged once, not for every attempt.
        if self.status.seen().trouble.as_ref() != Some(&words) {
            match stuck {
                true => tracing::error!("{words}"),
                false => tracing::warn!("{words}; trying again"),
            }
        }
        self.status.set(|seen| (seen.trouble, seen.stuck) = (Some(words), stuck));
    }

    /// Reads a page of the feed and schedules the effects of its events.
    async fn read_page(&self) -> Result<(), FollowError> {
        let cursor = self.effect_log.cursor().map(|cursor| cursor.last_event_id);
        // After a failure, do not wait for an event: a quick response shows that the feed works again.
        let wait = if self.status.seen().trouble.is_some() { Duration::ZERO } else { POLL };
        let page = self.reservation_api.feed(cursor, wait).await?;
        self.status.set(|seen| seen.head = page.head);
        let batch = Batch::parse(&page.body).map_err(FollowError::Page)?;
        let (mut pending, mut after) = (Pending::default(), cursor);
        for event in batch.events {
            let mut read = read(event.get(), after, &self.policy)?;
            let webhooks = pending.webhooks(&self.hooks, &self.effect_log, after, &read);
            read.effects.extend(webhooks);
            after = Some(read.id);
            if pending.effects.len() + pending.dead.len() + read.effects.len() + 1 >= APPEND_EVENTS_MAX {
                pending.write(&self.effect_log).await?;
            }
            pending.add(read);
        }
        pending.write(&self.effect_log).await?;
        let position =
            self.effect_log.cursor().map_or(Position::START, |cursor| cursor.last_event_id.position);
        let lag = Lag { position, head: page.head.max(position) };
        metrics::gauge!("meja_notifier_lag_events").set(lag.events() as f64);
        Ok(())
    }
}

#[derive(Debug, thiserror::Error)]
enum FollowError {
    #[error("the feed cannot be read")]
    Reservation(#[from] ReservationError),
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
            Self::Reservation(error) => is_foreign_cursor(error),
            Self::Event(_) => true,
            Self::Page(_) | Self::EffectLog(_) => false,
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Reservation(error) if is_foreign_cursor(error) => {
                "the reservation service serves a different log from the one that this notifier has followed \
                 (cursor_not_in_log): it was replaced, or restored from a backup. The notifier processes no events \
                 until you restore the original log, or start the notifier with an empty data directory, which \
                 processes every event again"
                    .into()
            }
            Self::Reservation(error) => error.to_string(),
            other => with_causes(other),
        }
    }
}

fn is_foreign_cursor(error: &ReservationError) -> bool {
    error.refusal() == Some(Refusal::ForeignCursor)
}

/// An event of the feed with its effects.
struct Read<'a> {
    id: EventId,
    time: DateTime<Utc>,
    /// The envelope, if it could be decoded.
    recorded: Option<Recorded<'a>>,
    effects: Vec<Scheduled>,
    dead: Option<Died>,
}

/// Decodes an event. One that cannot be decoded becomes a dead letter, and the consumer continues, as long as the event
/// has at least an id and a time.
fn read<'a>(
    event: &'a str,
    after: Option<EventId>,
    policy: &NotificationPolicy,
) -> Result<Read<'a>, FollowError> {
    #[derive(serde::Deserialize)]
    struct Stub {
        id: EventId,
        time: DateTime<Utc>,
    }
    let (recorded, error) = match Recorded::parse(event.as_bytes()) {
        Ok(recorded) => match effects_of(&recorded, policy) {
            Ok(effects) => {
                let (id, time) = (recorded.id, recorded.time);
                return Ok(Read { id, time, recorded: Some(recorded), effects, dead: None });
            }
            Err(error) => (Some(recorded), error),
        },
        Err(error) => (None, error.to_string()),
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
        turn: None,
    };
    let dead = Some(Died { key, reason_code: "unreadable".into(), error });
    Ok(Read { id, time, recorded, effects: vec![parked], dead })
}

/// Effects that are appended together with the cursor after their events.
#[derive(Default)]
struct Pending {
    effects: Vec<Scheduled>,
    dead: Vec<Died>,
    /// The position of the last event of this page for each webhook subscription.
    last_positions: HashMap<String, u64>,
    reached: Option<(EventId, DateTime<Utc>)>,
}

impl Pending {
    /// The webhooks of an event that follows `after`.
    fn webhooks(
        &mut self,
        hooks: &Webhooks,
        effect_log: &EffectLog,
        after: Option<EventId>,
        read: &Read<'_>,
    ) -> Vec<Scheduled> {
        let Some(recorded) = &read.recorded else { return vec![] };
        let wanted = hooks.iter().filter(|hook| hook.wants(&recorded.event_type));
        let schedule = |hook: &Webhook| {
            let state = effect_log.hook(&hook.id).unwrap_or_default();
            let position = read.id.position.0;
            let before = self.last_positions.insert(hook.id.clone(), position);
            let previous = before.or(state.last);
            let webhook = SendWebhook { hook: hook.id.clone(), position, after, previous };
            let cause = recorded.metadata();
            (!state.is_disabled).then(|| Scheduled {
                key: EffectKey::of_event(read.id, &format!("hook-{}", hook.id)),
                effect: Effect::SendWebhook(webhook),
                due_at: read.time,
                event_id: Some(read.id.to_string()),
                correlation_id: cause.correlation_id,
                traceparent: cause.traceparent,
                turn: Some(Turn { venue: None, source: hook.id.clone() }),
            })
        };
        wanted.filter_map(schedule).collect()
    }

    fn add(&mut self, read: Read<'_>) {
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
