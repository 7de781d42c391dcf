//! One line of an export: the CloudEvent as it is stored, with one more attribute behind it.
//!
//! The attribute `mejalog` is text with JSON in it: what the log keeps about the event and never
//! publishes. Without it a line is the stored event byte for byte, so nothing is lost on the way.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use events::query::{AppendCondition, QueryItem};
use events::store::archive::{StoredAppend, StoredEvent};
use events::{Position, Query, Tag};
use serde::{Deserialize, Serialize};

const ATTRIBUTE: &str = ",\"mejalog\":";

/// What the log keeps about an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// What it is filed under.
    pub(crate) tags: Vec<String>,
    /// Positions whose private parts it ordered to be forgotten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) forgets: Vec<u64>,
    /// Its private part, base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) private: Option<String>,
    /// Whether it has a private part that was left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) private_left_out: bool,
    /// The append that it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) append: Option<Append>,
}

/// An append and the condition that it was made on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Append {
    /// How many events it has.
    pub(crate) events: u64,
    /// None of the items may match an event behind this position.
    pub(crate) after: u64,
    /// The alternatives of the query.
    pub(crate) fail_if_any: Vec<Item>,
}

/// Any of the types and all of the tags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Item {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    types: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
}

impl Append {
    fn of(append: &StoredAppend) -> Self {
        let item = |item: &QueryItem| Item {
            types: item.types.clone(),
            tags: item.tags.iter().map(|tag| tag.as_str().to_owned()).collect(),
        };
        Self {
            events: append.last.0 - append.first.0 + 1,
            after: append.condition.after.0,
            fail_if_any: append.condition.fail_if_any.items.iter().map(item).collect(),
        }
    }

    /// The condition.
    pub(crate) fn condition(&self) -> AppendCondition {
        let item = |item: &Item| QueryItem {
            types: item.types.clone(),
            tags: item.tags.iter().map(|tag| Tag::from_stored(tag)).collect(),
        };
        let items = self.fail_if_any.iter().map(item).collect();
        AppendCondition { fail_if_any: Query { items }, after: Position(self.after) }
    }
}

/// Writes the line of `event`, which begins `append` if there is one.
pub(crate) fn write(
    event: &StoredEvent<'_>,
    append: Option<&StoredAppend>,
    with_private: bool,
) -> serde_json::Result<String> {
    let kept = Kept {
        tags: event.tags.iter().map(|tag| (*tag).to_owned()).collect(),
        forgets: event.forgets.iter().map(|position| position.0).collect(),
        private: event.private.as_ref().filter(|_| with_private).map(|part| STANDARD.encode(part)),
        private_left_out: event.private.is_some() && !with_private,
        append: append.map(Append::of),
    };
    let kept = serde_json::to_string(&serde_json::to_string(&kept)?)?;
    let stored = String::from_utf8_lossy(event.json);
    let open = stored.strip_suffix('}').unwrap_or(&stored);
    Ok(format!("{open}{ATTRIBUTE}{kept}}}"))
}

/// Takes a line apart: the stored event, and what is kept about it.
pub(crate) fn read(line: &str) -> anyhow::Result<(String, Kept)> {
    let foreign = || anyhow::anyhow!("it has no attribute mejalog: it is not a line of an export");
    let at = line.rfind(ATTRIBUTE).ok_or_else(foreign)?;
    let (stored, kept) = line.split_at(at);
    let kept = kept.strip_prefix(ATTRIBUTE).and_then(|kept| kept.strip_suffix('}')).ok_or_else(foreign)?;
    let kept: String = serde_json::from_str(kept)?;
    Ok((format!("{stored}}}"), serde_json::from_str(&kept)?))
}

impl Kept {
    /// The private part.
    pub(crate) fn private(&self) -> anyhow::Result<Option<Bytes>> {
        Ok(self.private.as_ref().map(|part| STANDARD.decode(part)).transpose()?.map(Bytes::from))
    }
}
