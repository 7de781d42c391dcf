//! The events about the rules of a venue. Part of [`crate::event`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ids::{ClosureId, ReservationId, VenueId};

/// The file with the rules of a venue was edited while the service ran or was stopped. Versions that kept the rules in
/// files recorded this; the rules themselves are not part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VenueChanged {
    /// The venue.
    pub venue_id: VenueId,
    /// Number of recorded changes of this venue's rules, starting at 1.
    pub version: u32,
    /// SHA-256 of the file, hexadecimal; `None` if the file was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Future bookings that no longer comply with the rules, earliest first, at most 100.
    pub stranded: Vec<ReservationId>,
    /// The total number of such bookings.
    pub stranded_count: u32,
}

/// The rules of a venue changed. From this event on its document counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VenueRulesChanged {
    /// The venue.
    pub venue_id: VenueId,
    /// Number of recorded changes of this venue's rules, starting at 1. Changes of earlier versions count too.
    pub version: u32,
    /// The whole rules document; `None` if the venue was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<Map<String, Value>>,
    /// The file that the rules were imported from; `None` if they were changed through the interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import: Option<RulesImport>,
    /// Future bookings that no longer comply with the rules, earliest first, at most 100.
    pub stranded: Vec<ReservationId>,
    /// The total number of such bookings.
    pub stranded_count: u32,
}

/// A reservation does not comply with the rules of its venue, which changed after the booking, or complies again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReservationAffected {
    /// The reason as a stable code, for example `closed` or `table_gone`; `None` if it complies again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The version of the rules.
    pub rules_version: u32,
    /// The closure that the reservation falls under, if it is the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closure_id: Option<ClosureId>,
}

/// A file that rules were imported from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RulesImport {
    /// SHA-256 of the file, hexadecimal; `None` if the file was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}
