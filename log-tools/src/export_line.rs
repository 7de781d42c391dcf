//! One line of an export: the stored CloudEvent, followed by one additional attribute.
//!
//! The attribute `mejalog` is a string that contains JSON: the data that the log stores with the event but
//! does not publish. Without the attribute, a line is the stored event byte for byte. An export is complete
//! except for confidential payloads, which are included only on request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use events::query::{AppendCondition, QueryItem};
use events::store::groups::{StoredAppend, StoredEvent};
use events::{Position, Query, Tag};
use serde::{Deserialize, Serialize};

const ATTRIBUTE: &str = ",\"mejalog\":";

/// The data that the log stores with an event but does not publish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EventExtras {
    /// The tags of the event.
    pub(crate) tags: Vec<String>,
    /// Positions of the events whose confidential payloads were erased when this event was appended.
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
    /// The append that starts with this event; `None` for the later events of an append.
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
    /// The items of the query of the append condition.
    pub(crate) fail_if_any: Vec<Item>,
}

/// An item of a query. It matches an event that has one of the types, or any type if there are none, and
/// all of the tags.
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

/// Formats the export line of `event`. `append` is the append that starts with this event, if one does.
pub(crate) fn write(
    event: &StoredEvent<'_>,
    append: Option<&StoredAppend>,
    with_confidential: bool,
) -> serde_json::Result<String> {
    let extras = EventExtras {
        tags: event.tags.iter().map(|tag| (*tag).to_owned()).collect(),
        forgets: event.forgets.iter().map(|position| position.0).collect(),
        confidential: event
            .confidential
            .as_ref()
            .filter(|_| with_confidential)
            .map(|payload| STANDARD.encode(payload)),
        payload_omitted: event.confidential.is_some() && !with_confidential,
        append: append.map(Append::of),
    };
    let extras = serde_json::to_string(&serde_json::to_string(&extras)?)?;
    let stored = String::from_utf8_lossy(event.json);
    let open = stored.strip_suffix('}').unwrap_or(&stored);
    Ok(format!("{open}{ATTRIBUTE}{extras}}}"))
}

/// Parses a line into the stored event and its extras.
pub(crate) fn read(line: &str) -> anyhow::Result<(String, EventExtras)> {
    let foreign = || {
        anyhow::anyhow!(
            "the line does not end with a complete attribute mejalog, so it is not a line of an export"
        )
    };
    let at = line.rfind(ATTRIBUTE).ok_or_else(foreign)?;
    let (stored, extras) = line.split_at(at);
    let extras =
        extras.strip_prefix(ATTRIBUTE).and_then(|text| text.strip_suffix('}')).ok_or_else(foreign)?;
    let extras: String = serde_json::from_str(extras)?;
    Ok((format!("{stored}}}"), serde_json::from_str(&extras)?))
}

impl EventExtras {
    /// The confidential payload.
    pub(crate) fn confidential(&self) -> anyhow::Result<Option<Bytes>> {
        Ok(self.confidential.as_ref().map(|payload| STANDARD.decode(payload)).transpose()?.map(Bytes::from))
    }
}
