//! Changes of credentials: keys, and the accounts, sessions and devices of staff.
//!
//! Keys have their own operation, because a request about one can be repeated with an Idempotency-Key. All others are
//! an [`AccessCommand`]: it decides from the [`Registry`], which is in step with the log, and [`ChangeAccess`] does the
//! rest.

mod devices;
mod keys;
mod sessions;
mod staff;

use access::{Caller, Object, Registry};
use chassis::environment::Environment;
use chrono::{DateTime, Utc};
use events::event::Event;
use events::recorded::NewEvent;
use events::{DeviceId, Position, StaffId, Tag};
use serde::Serialize;

pub use self::devices::DeviceCommand;
pub(super) use self::keys::{ChangeKey, IssueFirstKeys};
pub use self::keys::{Issue, KeyCommand};
pub use self::sessions::{NewSession, SessionCommand};
pub use self::staff::{AccountCommand, StaffCommand};
use crate::app::access_refusal::AccessRefusal;
use crate::app::confidential::{SealedPayload, seal};
use crate::app::event_builder::{EventSubject, new_events};
use crate::app::executor::{Attempt, CommandError, Decision, EarlierOutcome, Executor, Loaded, Operation};
use crate::app::request_context::RequestContext;
use crate::app::venues::Venues;
use crate::domain::RecordedAt;

/// A change of accounts, sessions or devices.
pub trait AccessCommand: Sync {
    /// The events that follow now; none if it is so already.
    ///
    /// # Errors
    /// [`CommandError`] if the change is refused.
    fn decide(&self, from: &Deciding<'_>) -> Result<Vec<AccessEvent>, CommandError>;

    /// The tags of what the decision depends on.
    fn tags(&self) -> Vec<Tag>;
}

/// What an [`AccessCommand`] decides from.
pub struct Deciding<'a> {
    /// The recorded credentials.
    pub registry: &'a Registry,
    /// The rules of the venues.
    pub venues: &'a Venues,
    /// The sender of the request.
    pub caller: &'a Caller,
    /// Randomness, for salts.
    pub env: &'a dyn Environment,
    /// The time of the decision.
    pub now: DateTime<Utc>,
}

impl Deciding<'_> {
    /// Seals a confidential payload.
    fn seal(&self, payload: &impl Serialize) -> Result<SealedPayload, CommandError> {
        Ok(seal(payload, self.env)?)
    }
}

/// An event of a person or a device.
#[derive(Debug)]
pub struct AccessEvent {
    event: Event,
    about: About,
    payload: Option<SealedPayload>,
    /// The positions of the confidential payloads that are no longer needed.
    forgets: Vec<Position>,
}

/// The subject of an event.
#[derive(Debug, Clone, Copy)]
enum About {
    Person(StaffId, Option<DeviceId>),
    Device(DeviceId),
}

impl AccessEvent {
    fn of_person(id: StaffId, event: impl Into<Event>) -> Self {
        Self { event: event.into(), about: About::Person(id, None), payload: None, forgets: Vec::new() }
    }

    fn of_device(id: DeviceId, event: impl Into<Event>) -> Self {
        Self { event: event.into(), about: About::Device(id), payload: None, forgets: Vec::new() }
    }

    fn with(self, payload: SealedPayload) -> Self {
        Self { payload: Some(payload), ..self }
    }

    /// The event, ready to be appended.
    fn into_new(
        self,
        context: &RequestContext,
        env: &dyn Environment,
        now: DateTime<Utc>,
    ) -> Result<Vec<NewEvent>, CommandError> {
        let Self { event, about, payload, forgets } = self;
        let payload = payload.map(|sealed| sealed.bytes);
        let context = RequestContext { payload, ..context.clone() };
        let subject = match about {
            About::Person(id, device) => EventSubject::person(id, device, forgets),
            About::Device(id) => EventSubject::device(id, forgets),
        };
        Ok(new_events(&[event], &subject, &context, env, now)?)
    }

    fn forgetting(self, forgets: impl IntoIterator<Item = Position>) -> Self {
        Self { forgets: forgets.into_iter().collect(), ..self }
    }
}

/// Runs an [`AccessCommand`].
pub(super) struct ChangeAccess<'a, C> {
    pub(super) command: &'a C,
    pub(super) context: &'a RequestContext,
}

impl<C: AccessCommand> Operation for ChangeAccess<'_, C> {
    type Subject = ();
    type Details = ();
    /// Nothing: when it is done, the registry shows it.
    type Outcome = ();

    async fn load(&self, executor: &Executor) -> Result<Loaded<()>, CommandError> {
        let head = executor.store.known_head();
        executor.projections.wait_until(head).await;
        Ok(Loaded { subject: (), read_position: Some(head) })
    }

    /// A person can have roles at several venues, so that the command compares all of them.
    fn object<'s>(&'s self, (): &'s ()) -> Option<Object<'s>> {
        None
    }

    async fn decide(&self, executor: &Executor, (): &(), attempt: Attempt) -> Result<Decision, CommandError> {
        let env = executor.env.as_ref();
        let from = Deciding {
            registry: executor.projections.access(),
            venues: &executor.venues,
            caller: &self.context.caller,
            env,
            now: attempt.now,
        };
        let mut new = Vec::new();
        for event in self.command.decide(&from)? {
            new.extend(event.into_new(self.context, env, attempt.now)?);
        }
        let tags = self.command.tags();
        Ok(Decision { events: vec![], new_events: new, tags, read_position: None, details: () })
    }

    async fn outcome(
        &self,
        executor: &Executor,
        (): (),
        _: Decision,
        at: Option<RecordedAt>,
    ) -> Result<(), CommandError> {
        // A change counts once the projections contain all of its events, and those of an append are applied together.
        if at.is_some() {
            executor.projections.wait_until(executor.store.known_head()).await;
        }
        Ok(())
    }

    fn replay(&self, _: EarlierOutcome) -> Result<(), CommandError> {
        Err(CommandError::KeyReused)
    }
}
