//! The examination of a log, group by group: its hash chain, its conditions, its events and their confidential payloads.

use events::LogId;
use events::recorded::Recorded;
use events::store::groups::{Chain, ChainError, StoredEvent, StoredGroup};
use events::store::{EventBytes, ReadError};

use crate::EventCatalogue;
use crate::checkpoints::Comparison;
use crate::conditions::CheckConditions;

/// Maximum number of faults that are kept; the others are only counted.
pub(crate) const FAULTS_KEPT_MAX: usize = 20;

/// What the groups that were read so far have shown.
pub(crate) struct Examination<C> {
    /// The hash chain.
    pub(crate) chain: Chain,
    /// How conditions are checked.
    pub(crate) conditions: C,
    /// The checkpoints with which the log is compared.
    pub(crate) checkpoints: Vec<Comparison>,
    /// What was counted.
    pub(crate) counted: Counted,
    /// The faults.
    pub(crate) faults: Faults,
    /// The `source` named by the events, which must be the same for all.
    pub(crate) source_named: Option<String>,
}

/// What an examination has counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// Groups.
    pub(crate) groups: u64,
    /// Appends whose conditions were checked.
    pub(crate) appends: u64,
    /// Confidential payloads.
    pub(crate) private_parts: u64,
    /// Confidential payloads that match the digest in their event.
    pub(crate) private_proved: u64,
    /// Events whose confidential payload was forgotten.
    pub(crate) forgotten: u64,
}

/// Faults: the first ones, and their number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    /// At most [`FAULTS_KEPT_MAX`].
    pub(crate) first: Vec<String>,
    /// All of them.
    pub(crate) count: u64,
}

impl Faults {
    /// Adds one.
    pub(crate) fn push(&mut self, fault: String) {
        self.count += 1;
        if self.first.len() < FAULTS_KEPT_MAX {
            self.first.push(fault);
        }
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl Extend<String> for Faults {
    fn extend<T: IntoIterator<Item = String>>(&mut self, faults: T) {
        faults.into_iter().for_each(|fault| self.push(fault));
    }
}

/// Why an examination ends before the end of the log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    /// The chain of groups is broken, so that nothing behind it means anything.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl<C: CheckConditions> Examination<C> {
    /// The examination of a log of which nothing was read yet.
    pub(crate) fn new(conditions: C, checkpoints: Vec<Comparison>) -> Self {
        Self {
            chain: Chain::default(),
            conditions,
            checkpoints,
            counted: Counted::default(),
            faults: Faults::default(),
            source_named: None,
        }
    }

    /// Examines the next group.
    ///
    /// # Errors
    /// [`Broken`]. Other faults are collected.
    pub(crate) fn take(&mut self, group: &StoredGroup, catalogue: &dyn EventCatalogue) -> Result<(), Broken> {
        self.chain.link(group)?;
        self.counted.groups += 1;
        let mut events = group.events().map_err(ChainError::from)?.into_iter().peekable();
        for append in group.appends().map_err(ChainError::from)? {
            self.counted.appends += 1;
            let violation = self.conditions.check(&append)?;
            self.faults.extend(violation.map(|violation| violation.to_string()));
            if append.condition.after >= append.first {
                let after = append.condition.after;
                self.faults.push(format!(
                    "the append at {} has a condition after the later position {after}",
                    append.first
                ));
            }
            while let Some(event) = events.next_if(|event| event.position <= append.last) {
                self.conditions.add(&event);
                self.look_at(&event, catalogue);
            }
        }
        Ok(())
    }

    fn look_at(&mut self, event: &StoredEvent<'_>, catalogue: &dyn EventCatalogue) {
        let stored = EventBytes { position: event.position, json: event.json };
        for checkpoint in &mut self.checkpoints {
            checkpoint.add(event.json);
        }
        if let Err(error) = catalogue.describe(stored) {
            self.faults.push(format!("the event at {} cannot be decoded: {error}", event.position));
        }
        if let Ok(recorded) = Recorded::parse(event.json) {
            let (id, filed) = (recorded.id, event.event_type);
            if id.position != event.position || recorded.event_type != filed {
                self.faults
                    .push(format!("position {} holds the event {id}, indexed as {filed}", event.position));
            }
            if *self.source_named.get_or_insert_with(|| recorded.source.to_string()) != recorded.source {
                self.faults
                    .push(format!("the event at {} names the source {}", event.position, recorded.source));
            }
        }
        self.counted.private_parts += u64::from(event.confidential.is_some());
        match (catalogue.confidential_digest(stored), &event.confidential) {
            (Some(digest), Some(part)) if digest.matches(part) => self.counted.private_proved += 1,
            (Some(_), Some(_)) => self.faults.push(format!(
                "the confidential payload of {} does not match the digest in its event",
                event.position
            )),
            (Some(_), None) => self.counted.forgotten += 1,
            (None, _) => {}
        }
    }

    /// Adds the faults that only the whole log shows. `log_id`: the id under which the log is stored. `is_complete`: whether it
    /// was read to its end; otherwise a checkpoint of more events than were read says nothing.
    pub(crate) fn finish(&mut self, log_id: Option<LogId>, is_complete: bool) {
        if let (Some(log_id), Some(named)) = (log_id, &self.source_named)
            && !named.ends_with(&log_id.to_string())
        {
            self.faults.push(format!("the log is stored as {log_id}, but its events name {named}"));
        }
        let known = self.checkpoints.iter().filter(|one| is_complete || one.is_kept().is_some());
        self.faults.extend(known.filter_map(Comparison::fault));
    }
}
