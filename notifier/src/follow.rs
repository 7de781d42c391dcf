//! Polls the feed and writes down what is to be done about it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chassis::serve::Shutdown;
use chrono::{DateTime, Utc};
use events::event::DecodeError;
use events::feed::{Batch, Lag};
use events::store::APPEND_EVENTS_MAX;
use events::{EventId, Position, Recorded, ReservationId, WaitlistId};

use crate::effect::{About, Effect, EffectKey, TellHook};
use crate::hooks::{Hook, Hooks};
use crate::journal::{Author, Died, Scheduled};
use crate::outbox::{Cursor, Outbox, OutboxError};
use crate::reaction::{Habits, react};
use crate::upstream::{Upstream, UpstreamError};

/// How long a poll is parked when there is nothing new.
const POLL: Duration = Duration::from_secs(25);
const AGAIN_MIN: Duration = Duration::from_millis(100);
const AGAIN_MAX: Duration = Duration::from_secs(5);

/// How the following goes.
#[derive(Debug, Clone, Default)]
pub struct Following(Arc<Mutex<Seen>>);

/// What was last seen of the feed.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Where the log of the reservation service ended.
    pub head: Position,
    /// What keeps the notifier from following, in words.
    pub trouble: Option<String>,
    /// Whether it can not go on without a person.
    pub stuck: bool,
}

impl Following {
    /// What was last seen.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Follows the feed of `upstream` until the service stops.
pub async fn run(
    upstream: Upstream,
    outbox: Arc<Outbox>,
    habits: Habits,
    hooks: Arc<Hooks>,
    following: Following,
    shutdown: Shutdown,
) {
    let mut again = AGAIN_MIN;
    loop {
        let followed = tokio::select! {
            followed = follow_once(&upstream, &outbox, &habits, &hooks, &following) => followed,
            () = shutdown.requested() => return,
        };
        match followed {
            Ok(()) => {
                if following.seen().trouble.is_some() {
                    tracing::info!("the feed is followed again");
                }
                following.set(|seen| (seen.trouble, seen.stuck) = (None, false));
                again = AGAIN_MIN;
                continue;
            }
            Err(error) => {
                let stuck = error.is_stuck();
                let words = error.words();
                // Said once, not at every try.
                if following.seen().trouble.as_ref() != Some(&words) {
                    match stuck {
                        true => tracing::error!("{words}"),
                        false => tracing::warn!("{words}; trying again until it does"),
                    }
                }
                following.set(|seen| (seen.trouble, seen.stuck) = (Some(words), stuck));
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
    #[error("the feed can not be read")]
    Upstream(#[from] UpstreamError),
    #[error("the page of the feed is not JSON")]
    Page(#[source] serde_json::Error),
    #[error("an event of the feed can not be read")]
    Event(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("what is to be done can not be written down")]
    Outbox(#[from] OutboxError),
}

impl FollowError {
    fn is_stuck(&self) -> bool {
        match self {
            Self::Upstream(error) => error.is_foreign_cursor(),
            Self::Event(_) => true,
            Self::Page(_) | Self::Outbox(_) => false,
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Upstream(error) if error.is_foreign_cursor() => {
                "the log of the reservation service is not the one this notifier has followed (cursor_not_in_log): \
                 was it put back from a backup or replaced? Nothing is done for its events until that is settled: put \
                 the right log back, or start with an empty data directory, after which every event is reacted to anew"
                    .into()
            }
            Self::Upstream(error) => error.to_string(),
            other => in_full(other),
        }
    }
}

async fn follow_once(
    upstream: &Upstream,
    outbox: &Outbox,
    habits: &Habits,
    hooks: &Hooks,
    following: &Following,
) -> Result<(), FollowError> {
    let cursor = outbox.cursor().map(|cursor| cursor.last_event_id);
    // After trouble the first answer is wanted at once: it says that the trouble is over.
    let wait = if following.seen().trouble.is_some() { Duration::ZERO } else { POLL };
    let page = upstream.feed(cursor, wait).await?;
    following.set(|seen| seen.head = page.head);
    let batch = Batch::parse(&page.body).map_err(FollowError::Page)?;
    let (mut pending, mut after) = (Pending::default(), cursor);
    for event in batch.events {
        let mut read = read(event.get(), after, habits)?;
        read.effects.extend(pending.tell(hooks, outbox, event.get(), after, &read));
        after = Some(read.id);
        if pending.effects.len() + pending.dead.len() + read.effects.len() + 1 >= APPEND_EVENTS_MAX {
            pending.write(outbox).await?;
        }
        pending.add(read);
    }
    pending.write(outbox).await?;
    let position = outbox.cursor().map_or(Position::START, |cursor| cursor.last_event_id.position);
    let lag = Lag { position, head: page.head.max(position) };
    metrics::gauge!("meja_notifier_lag_events").set(lag.events() as f64);
    Ok(())
}

/// What an event of the feed leads to.
struct Read {
    id: EventId,
    time: DateTime<Utc>,
    effects: Vec<Scheduled>,
    dead: Option<Died>,
}

/// Reads an event. One that can not be read is parked: it becomes an effect that is dead from the start, and is gone on
/// from, as long as it says at least which one it is.
fn read(event: &str, after: Option<EventId>, habits: &Habits) -> Result<Read, FollowError> {
    #[derive(serde::Deserialize)]
    struct Stub {
        id: EventId,
        time: DateTime<Utc>,
    }
    let parsed = Recorded::parse(event.as_bytes()).map_err(|error| error.to_string());
    let effects =
        parsed.and_then(|recorded| Ok((recorded.id, recorded.time, effects_of(&recorded, habits)?)));
    let error = match effects {
        Ok((id, time, effects)) => return Ok(Read { id, time, effects, dead: None }),
        Err(error) => error,
    };
    let Stub { id, time } = serde_json::from_str(event).map_err(|error| FollowError::Event(error.into()))?;
    let key = EffectKey::of_event(id, "react");
    tracing::error!(%id, error, "an event can not be read and is parked: see /api/effects?status=dead");
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

/// The effects of an event.
///
/// # Errors
/// In words, when it can not be read.
pub fn effects_of(recorded: &Recorded<'_>, habits: &Habits) -> Result<Vec<Scheduled>, String> {
    let waits =
        || recorded.subject_uuid("waitlist").map(|id| About::Waitlist { waitlist_id: WaitlistId(id) });
    let visit = recorded.subject_uuid("reservation").map(|id| About::from(ReservationId(id)));
    let Some(about) = visit.or_else(waits) else { return Ok(vec![]) };
    let event = match recorded.event() {
        Ok(event) => event,
        Err(DecodeError::UnknownType(event_type)) => {
            // Written by a later version of the other service: nothing that this one knows to do.
            tracing::warn!(event_type, id = %recorded.id, "an event of a type that is not known here is passed over");
            return Ok(vec![]);
        }
        Err(error) => return Err(in_full(&error)),
    };
    let cause = recorded.metadata();
    let planned = react(recorded.id, recorded.time, about, &event, habits);
    let scheduled = |planned: crate::effect::Planned| Scheduled {
        key: planned.key,
        effect: planned.effect,
        due_at: planned.due_at,
        event_id: Some(recorded.id.to_string()),
        correlation_id: cause.correlation_id.clone(),
        traceparent: cause.traceparent.clone(),
    };
    Ok(planned.into_iter().map(scheduled).collect())
}

fn in_full(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |words, cause| format!("{words}: {cause}"))
}

/// Effects that are written down together with the cursor behind their events.
#[derive(Default)]
struct Pending {
    effects: Vec<Scheduled>,
    dead: Vec<Died>,
    /// The last event of this page that each hook is told of.
    told: HashMap<String, u64>,
    reached: Option<(EventId, DateTime<Utc>)>,
}

impl Pending {
    /// Who of the restaurant's systems is to be told of an event.
    fn tell(
        &mut self,
        hooks: &Hooks,
        outbox: &Outbox,
        event: &str,
        after: Option<EventId>,
        read: &Read,
    ) -> Vec<Scheduled> {
        let Ok(recorded) = Recorded::parse(event.as_bytes()) else { return vec![] };
        let wanted = hooks.iter().filter(|hook| hook.wants(&recorded.event_type));
        let tell = |hook: &Hook| {
            let state = outbox.hook(&hook.id).unwrap_or_default();
            let position = read.id.position.0;
            let before = self.told.insert(hook.id.clone(), position);
            let previous = before.or(state.last);
            let tell = TellHook { hook: hook.id.clone(), position, after, previous };
            let cause = recorded.metadata();
            (!state.is_disabled).then(|| Scheduled {
                key: EffectKey::of_event(read.id, &format!("hook-{}", hook.id)),
                effect: Effect::TellHook(tell),
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
            tracing::debug!(request = effect.correlation_id, key = %effect.key, "an effect is scheduled");
        }
        self.effects.extend(read.effects);
        self.dead.extend(read.dead);
        self.reached = Some((read.id, read.time));
    }

    async fn write(&mut self, outbox: &Outbox) -> Result<(), FollowError> {
        let Some((last_event_id, time)) = self.reached.take() else { return Ok(()) };
        let (effects, dead) = (std::mem::take(&mut self.effects), std::mem::take(&mut self.dead));
        let cursor = Cursor { last_event_id, time };
        Ok(outbox.react(effects, dead, cursor, &Author::system("follow")).await?)
    }
}
