//! One line of an export: the stored CloudEvent with one more attribute at its end.
//!
//! The attribute `mejalog` is a text that contains JSON: what the log stores about the event and never
//! publishes. Without it a line is the stored event, byte for byte, so an export loses nothing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use events::query::{AppendCondition, QueryItem};
use events::store::groups::{StoredAppend, StoredEvent};
use events::{Position, Query, Tag};
use serde::{Deserialize, Serialize};

const ATTRIBUTE: &str = ",\"mejalog\":";

/// What the log stores about an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EventExtras {
    /// The tags of the event.
    pub(crate) tags: Vec<String>,
    /// Positions whose confidential payloads this event forgot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) forgets: Vec<u64>,
    /// The confidential payload, base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "private")]
    pub(crate) confidential: Option<String>,
    /// Whether the event has a confidential payload that was omitted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[serde(rename = "private_left_out")]
    pub(crate) payload_omitted: bool,
    /// The append that starts with this event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) append: Option<Append>,
}

/// An append and its condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Append {
    /// Number of events.
    pub(crate) events: u64,
    /// No event after this position may match any of the items.
    pub(crate) after: u64,
    /// The items of the query.
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

/// Formats the line of `event`, which starts `append` if there is one.
pub(crate) fn write(
    event: &StoredEvent<'_>,
    append: Option<&StoredAppend>,
    with_confidential: bool,
) -> serde_json::Result<String> {
    let kept = EventExtras {
        tags: event.tags.iter().map(|tag| (*tag).to_owned()).collect(),
        forgets: event.forgets.iter().map(|position| position.0).collect(),
        confidential: event
            .confidential
            .as_ref()
            .filter(|_| with_confidential)
            .map(|part| STANDARD.encode(part)),
        payload_omitted: event.confidential.is_some() && !with_confidential,
        append: append.map(Append::of),
    };
    let kept = serde_json::to_string(&serde_json::to_string(&kept)?)?;
    let stored = String::from_utf8_lossy(event.json);
    let open = stored.strip_suffix('}').unwrap_or(&stored);
    Ok(format!("{open}{ATTRIBUTE}{kept}}}"))
}

/// Parses a line into the stored event and what the log stores about it.
pub(crate) fn read(line: &str) -> anyhow::Result<(String, EventExtras)> {
    let foreign = || anyhow::anyhow!("it has no attribute mejalog, so it is not a line of an export");
    let at = line.rfind(ATTRIBUTE).ok_or_else(foreign)?;
    let (stored, kept) = line.split_at(at);
    let kept = kept.strip_prefix(ATTRIBUTE).and_then(|kept| kept.strip_suffix('}')).ok_or_else(foreign)?;
    let kept: String = serde_json::from_str(kept)?;
    Ok((format!("{stored}}}"), serde_json::from_str(&kept)?))
}

impl EventExtras {
    /// The confidential payload.
    pub(crate) fn confidential(&self) -> anyhow::Result<Option<Bytes>> {
        Ok(self.confidential.as_ref().map(|part| STANDARD.decode(part)).transpose()?.map(Bytes::from))
    }
}
