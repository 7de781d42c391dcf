//! The rules of a venue as a document.

use std::sync::Arc;

use contract::fault::{Fault, Faults};
use contract::form::Form;
use events::VenueId;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::parse;
use crate::domain::venue::Venue;

/// Maximum size of a rules document as compact JSON, in bytes. An event has room for it, and 200 tables fit.
pub const RULES_BYTES_MAX: usize = 48 * 1024;

/// The rules of a venue: the document that the log holds, and what it means.
#[derive(Debug, Clone, PartialEq)]
pub struct RulesDocument {
    /// The document.
    pub members: Map<String, Value>,
    /// The venue that it describes.
    pub venue: Arc<Venue>,
}

impl RulesDocument {
    /// Reads new rules of the venue `id`.
    ///
    /// # Errors
    /// All faults of the document.
    pub fn read(id: &VenueId, members: Map<String, Value>) -> Result<Self, Faults> {
        let bytes = serde_json::to_vec(&members).map_or(0, |json| json.len());
        if bytes > RULES_BYTES_MAX {
            let msg = format!(
                "the rules have {bytes} bytes as compact JSON, at most {RULES_BYTES_MAX} are allowed"
            );
            let (loc, kind) = (vec!["body".to_owned()], "value_error".to_owned());
            return Err(Faults(vec![Fault { loc, r#type: kind, msg, input: None }]));
        }
        Self::parse(id, members, true)
    }

    /// Reads recorded rules of the venue `id`.
    ///
    /// # Errors
    /// All faults of the document, which a later version recorded.
    pub fn recorded(id: &VenueId, members: Map<String, Value>) -> Result<Self, Faults> {
        Self::parse(id, members, false)
    }

    fn parse(id: &VenueId, members: Map<String, Value>, is_new: bool) -> Result<Self, Faults> {
        let mut form = Form::new(members.clone());
        let venue = parse::venue(&mut form, id, is_new);
        let venue = form.finish(venue)?;
        Ok(Self { members, venue: Arc::new(venue) })
    }
}

/// SHA-256 of a rules document as compact JSON with its members in alphabetical order, hexadecimal.
#[must_use]
pub(in crate::app) fn digest(members: &Map<String, Value>) -> String {
    // A document that was parsed from JSON can always be written.
    hex::encode(Sha256::digest(serde_json::to_vec(members).unwrap_or_default()))
}
