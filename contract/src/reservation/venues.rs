//! Venues: the public part, the rules, and the days on which something is free.

use chrono::{DateTime, NaiveDate, Utc};
use events::values::PartySize;
use events::{EventId, ReservationId, VenueId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::words::{AffectedReason, Language, SlotReason};
use crate::request::requests;
use crate::values::{AsOf, Line, LocalTime};

/// Maximum number of days in one request for the days on which something is free.
pub const DAYS_MAX: u32 = 62;

requests! {
    /// The path of a venue.
    path VenuePath {
        /// The venue.
        required venue_id: VenueId,
    }

    /// The rules of a venue now or earlier.
    query ReadRules {
        /// The rules at an earlier time, or after the event at a position of the log.
        optional as_of: AsOf,
    }

    /// How rules are changed.
    query ChangeRules {
        /// Only answer which bookings the rules would affect.
        optional dry_run: bool,
    }

    /// The days of a venue.
    query ReadDays {
        /// The first venue by default.
        optional venue_id: VenueId,
        /// The number of guests.
        required party_size: PartySize,
        /// The first business day.
        required from: NaiveDate,
        /// The last business day, at most 61 days after the first.
        required to: NaiveDate,
        /// Only tables in this area.
        optional area: Line<64>,
    }
}

/// The public part of a venue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VenueView {
    /// The venue.
    pub venue_id: VenueId,
    /// The name shown to people.
    #[schema(example = "Warung Sinar Dago")]
    pub name: String,
    /// The IANA time zone.
    #[schema(example = "Asia/Jakarta")]
    pub timezone: String,
    /// ISO 3166 country code.
    #[schema(example = "ID")]
    pub country: String,
    /// The languages of messages, the one that is used by default first.
    pub languages: Vec<Language>,
    /// The address, the contact and the colour of the restaurant.
    pub profile: ProfileView,
    /// The areas, in the order of the tables.
    #[schema(example = json!(["Teras", "Dalam"]))]
    pub areas: Vec<String>,
    /// The services of a week, Monday first; empty if the venue is managed by hand.
    pub hours: Vec<ServiceView>,
    /// The policy in words.
    pub policy: PolicyWords,
    /// How long before a visit a guest can cancel free of charge, in minutes.
    #[schema(example = 1440)]
    pub free_cancellation_minutes: u32,
    /// The largest party that the tables can seat; null if the venue is managed by hand.
    #[schema(value_type = Option<u8>, minimum = 1, maximum = 50, example = 12)]
    pub party_size_max: Option<PartySize>,
}

/// The address, the contact and the colour of a restaurant. A member that the rules do not have is null.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProfileView {
    /// The postal address, its lines separated by line breaks.
    #[schema(example = "Jl. Ir. H. Juanda 101\nBandung 40132")]
    pub address: Option<String>,
    /// Degrees north, WGS 84.
    #[schema(minimum = -90, maximum = 90, example = -6.885)]
    pub latitude: Option<f64>,
    /// Degrees east, WGS 84.
    #[schema(minimum = -180, maximum = 180, example = 107.613)]
    pub longitude: Option<f64>,
    /// The phone number, E.164.
    #[schema(example = "+62222500000")]
    pub phone: Option<String>,
    /// The e-mail address.
    #[schema(example = "halo@warung.example.com")]
    pub email: Option<String>,
    /// The address that answers to messages go to.
    #[schema(example = "halo@warung.example.com")]
    pub reply_to: Option<String>,
    /// The web site.
    #[schema(format = "uri", example = "https://warung.example.com/")]
    pub website: Option<String>,
    /// The colour of pages and messages.
    #[schema(pattern = "^#[0-9a-f]{6}$", example = "#8a3b12")]
    pub accent_colour: Option<String>,
}

/// A service of a week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServiceView {
    /// The day on which it opens: `mon` to `sun`.
    #[schema(pattern = "^(mon|tue|wed|thu|fri|sat|sun)$", example = "fri")]
    pub day: String,
    /// The name shown to people.
    #[schema(example = "Makan malam")]
    pub name: String,
    /// The opening, local time.
    #[schema(pattern = "^[0-2][0-9]:[0-5][0-9]$", example = "17:00")]
    pub opens: String,
    /// The closing, local time; at or before the opening: on the next day.
    #[schema(pattern = "^[0-2][0-9]:[0-5][0-9]$", example = "00:30")]
    pub closes: String,
    /// The areas that it uses; all of them if empty.
    pub areas: Vec<String>,
    /// The last arrival, local time; null: a party must leave by the closing.
    #[schema(example = "22:30")]
    pub last_arrival: Option<String>,
}

/// A policy in words, a sentence for each rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyWords {
    /// In Indonesian.
    #[schema(example = json!(["Pembatalan gratis sampai 24 jam sebelum kunjungan."]))]
    pub id: Vec<String>,
    /// In English.
    #[schema(example = json!(["Free cancellation until 24 hours before the visit."]))]
    pub en: Vec<String>,
}

/// All venues.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VenueList {
    /// The venues, by id.
    pub items: Vec<VenueView>,
}

/// What new rules mean.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RulesAnswer {
    /// The venue.
    pub venue_id: VenueId,
    /// The version of the rules that count after the request.
    #[schema(example = 2)]
    pub version: u32,
    /// Whether the rules were recorded: not with `dry_run`, and not if they count already.
    pub recorded: bool,
    /// Future bookings that do not comply with the rules, the earliest first, at most 100.
    pub affected: Vec<AffectedView>,
    /// The number of such bookings.
    pub affected_count: u32,
}

/// A booking that does not comply with new rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AffectedView {
    /// The reservation.
    pub reservation_id: ReservationId,
    /// The reason.
    pub reason: AffectedReason,
    /// The start as the guest knows it.
    pub start_time: LocalTime,
    /// The start in the time zone of the new rules.
    pub start_time_by_rules: LocalTime,
    /// The number of guests.
    #[schema(value_type = u8, minimum = 1, example = 2)]
    pub party_size: PartySize,
}

/// The days of a venue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Days {
    /// The venue.
    pub venue_id: VenueId,
    /// The IANA time zone of the venue.
    #[schema(example = "Asia/Jakarta")]
    pub timezone: String,
    /// The number of guests.
    #[schema(value_type = u8, minimum = 1, example = 2)]
    pub party_size: PartySize,
    /// The position of the log that the answer is as of.
    #[schema(example = 42)]
    pub position: u64,
    /// The id of the event at which the feed continues: the `lastEventId` of `/events`. The result contains everything up to
    /// it. Null for an empty log.
    #[serde(default)]
    pub feed_cursor: Option<EventId>,
    /// The time of the answer.
    pub at: DateTime<Utc>,
    /// One entry for each business day.
    pub days: Vec<DayView>,
}

/// Whether a business day has something free.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DayView {
    /// The business day.
    pub date: NaiveDate,
    /// Whether any time can be booked.
    pub available: bool,
    /// The first time that can be booked; null if there is none.
    pub first_time: Option<LocalTime>,
    /// The last time that can be booked; null if there is none.
    pub last_time: Option<LocalTime>,
    /// Why nothing can be booked; null if something can.
    pub reason: Option<SlotReason>,
}
