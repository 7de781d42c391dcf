//! What happened to one effect, as the log has it.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use events::recorded::Recorded;
use events::{Position, Query};
use log_tools::EventCatalogue as _;

use super::catalogue::Entries;
use super::entry::effect_tag;
use super::{EffectLog, EffectLogError};
use crate::domain::effect::EffectKey;

/// Maximum number of entries in the trail of an effect.
pub const TRAIL_ENTRIES_MAX: usize = 200;

/// An entry about an effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrailEntry {
    /// The position in the effect log.
    pub position: Position,
    /// When it was recorded.
    pub at: DateTime<Utc>,
    /// The credential or the component that did it.
    pub by: Option<String>,
    /// What happened, in words.
    pub what: String,
}

impl EffectLog {
    /// The last entries about an effect, oldest first; at most [`TRAIL_ENTRIES_MAX`].
    ///
    /// # Errors
    /// [`EffectLogError`] when the log cannot be read.
    pub async fn trail(&self, key: &EffectKey) -> Result<Vec<TrailEntry>, EffectLogError> {
        let (query, mut after) = (Query::any_tag([effect_tag(key)]), Position::START);
        let mut trail = VecDeque::new();
        loop {
            let page = self.inner.store.read(&query, after, TRAIL_ENTRIES_MAX).await?;
            for stored in page.iter() {
                let recorded = Recorded::parse(stored.json)?;
                // An entry that this version cannot decode is named by its type.
                let what = Entries.describe(stored).unwrap_or_else(|_| recorded.event_type.to_string());
                let by = recorded.metadata().actor.id;
                trail.push_back(TrailEntry { position: stored.position, at: recorded.time, by, what });
            }
            trail.drain(..trail.len().saturating_sub(TRAIL_ENTRIES_MAX));
            if page.len() < TRAIL_ENTRIES_MAX {
                return Ok(trail.into());
            }
            after = page.scanned_to;
        }
    }
}
