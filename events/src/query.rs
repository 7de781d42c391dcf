//! Selecting events, with the semantics of the Dynamic Consistency Boundary specification
//! (dcb.events): a query is an OR of items; an item matches an event that has any of its types and
//! all of its tags.

use std::fmt;

use chrono::NaiveDate;

use crate::ids::{CustomerId, PaymentId, Position, ReservationId, TableId, VenueId, WaitlistId};

/// What an event is about, for example `reservation:01939f3e-…`.
///
/// Stored beside the event, never published.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

impl Tag {
    /// The longest tag, in bytes.
    pub const MAX_BYTES: usize = 400;

    /// The tag `kind:value`.
    #[must_use]
    pub fn new(kind: &str, value: impl fmt::Display) -> Self {
        Self(format!("{kind}:{value}"))
    }

    /// A tag read from storage.
    #[must_use]
    pub fn from_stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Everything about one reservation.
    #[must_use]
    pub fn reservation(id: ReservationId) -> Self {
        Self::new("reservation", id)
    }

    /// Everything about one waitlist entry.
    #[must_use]
    pub fn waitlist(id: WaitlistId) -> Self {
        Self::new("waitlist", id)
    }

    /// Everything at one venue.
    #[must_use]
    pub fn venue(id: &VenueId) -> Self {
        Self::new("venue", id)
    }

    /// Everything of one customer.
    #[must_use]
    pub fn customer(id: &CustomerId) -> Self {
        Self::new("customer", id)
    }

    /// Everything that changes the use of a table on a UTC date.
    #[must_use]
    pub fn table(venue: &VenueId, table: &TableId, date: NaiveDate) -> Self {
        Self(format!("table:{venue}/{table}/{date}"))
    }

    /// Everything that changes what a venue has sold for a UTC date.
    #[must_use]
    pub fn day(venue: &VenueId, date: NaiveDate) -> Self {
        Self(format!("day:{venue}/{date}"))
    }

    /// Everything that changes the waitlist of a venue.
    #[must_use]
    pub fn waiting(venue: &VenueId) -> Self {
        Self::new("waiting", venue)
    }

    /// Everything about credentials.
    #[must_use]
    pub fn access() -> Self {
        Self("access".to_owned())
    }

    /// Everything about one key, one member of staff or one device: what can end its credentials.
    #[must_use]
    pub fn credential(id: impl fmt::Display) -> Self {
        Self::new("credential", id)
    }

    /// The rules of a venue.
    #[must_use]
    pub fn rules(venue: &VenueId) -> Self {
        Self::new("rules", venue)
    }

    /// Everything about one payment.
    #[must_use]
    pub fn payment(id: PaymentId) -> Self {
        Self::new("payment", id)
    }

    /// Everything recorded for one request with an Idempotency-Key.
    #[must_use]
    pub fn command(key: &str) -> Self {
        Self::new("command", key)
    }

    /// The tag as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Any of the types (an empty list allows every type) AND all of the tags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueryItem {
    /// Allowed CloudEvents types; empty allows every type.
    pub types: Vec<String>,
    /// Tags that an event must all have.
    pub tags: Vec<Tag>,
}

impl QueryItem {
    /// Events with this one tag.
    #[must_use]
    pub fn tagged(tag: Tag) -> Self {
        Self { types: Vec::new(), tags: vec![tag] }
    }

    /// Whether an event of `event_type` with `tags` matches.
    pub fn matches<'a>(&self, event_type: &str, tags: impl Iterator<Item = &'a str> + Clone) -> bool {
        (self.types.is_empty() || self.types.iter().any(|t| t == event_type))
            && self.tags.iter().all(|wanted| tags.clone().any(|tag| tag == wanted.as_str()))
    }
}

/// An OR of items. Without items it matches nothing; an item without types and tags matches everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// The alternatives.
    pub items: Vec<QueryItem>,
}

impl Query {
    /// Every event.
    #[must_use]
    pub fn all() -> Self {
        Self { items: vec![QueryItem::default()] }
    }

    /// Events that have any one of `tags`.
    #[must_use]
    pub fn any_tag(tags: impl IntoIterator<Item = Tag>) -> Self {
        Self { items: tags.into_iter().map(QueryItem::tagged).collect() }
    }

    /// Whether the query selects the whole log, so that no index is needed.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.items.iter().any(|item| item.types.is_empty() && item.tags.is_empty())
    }

    /// Whether an event of `event_type` with `tags` matches.
    pub fn matches<'a>(&self, event_type: &str, tags: impl Iterator<Item = &'a str> + Clone) -> bool {
        self.items.iter().any(|item| item.matches(event_type, tags.clone()))
    }
}

/// What must still be true when the events are appended.
///
/// Rule: the query that was read to decide is the query that guards the append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppendCondition {
    /// The append fails if an event matching this query …
    pub fail_if_any: Query,
    /// … exists after this position.
    pub after: Position,
}

impl AppendCondition {
    /// Requires that no event matching `query` was appended after `after`.
    #[must_use]
    pub fn unchanged(query: Query, after: Position) -> Self {
        Self { fail_if_any: query, after }
    }
}
