//! Reads the members of a rules document, with all faults.

mod profile;
mod rules;

use std::collections::{BTreeSet, HashSet};

use contract::form::Form;
use contract::values::{Item as _, ReasonCode, lower_case_words};
use events::values::{Currency, Locale};
use events::{TableId, VenueId};

use crate::domain::availability::{BookingRules, Place, Table, TableShape};
use crate::domain::venue::Venue;

/// Maximum number of reason codes that a venue adds.
const REASONS_MAX: usize = 50;

/// Maximum number of days for which personal data is kept after a visit: ten years.
const RETENTION_DAYS_MAX: i64 = 3_650;

/// Reads the rules of the venue `id`, which are new or recorded.
pub(super) fn venue(form: &mut Form, id: &VenueId, is_new: bool) -> Option<Venue> {
    let id = form.parsed("id", VenueId::MAX_CHARS, |text| match text.parse::<VenueId>() {
        Ok(other) if other == *id => Ok(other),
        Ok(_) => Err(format!("the id must be \"{id}\", which is the name of the file or of the resource")),
        Err(error) => Err(error.to_string()),
    });
    let name = form.text("name", 80);
    let timezone = form.parsed("timezone", 40, |text| {
        text.parse::<chrono_tz::Tz>()
            .map_err(|_| format!("{text:?} is not an IANA time zone such as Asia/Jakarta"))
    });
    let country = form.parsed("country", 2, |text| match text.parse::<phonenumber::country::Id>() {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(format!("{text:?} is not an ISO 3166 country code such as ID")),
    });
    let currency = form.parsed("currency", 3, |text| {
        Currency::from_code(text)
            .ok_or_else(|| format!("{text:?} is not an ISO 4217 currency code such as IDR"))
    });
    let locale = form.parsed("locale", 10, |text| {
        Locale::from_tag(text).ok_or_else(|| format!("{text:?} is not a supported language: id or en"))
    });
    let profile = profile::profile(form, country.as_deref(), is_new);
    let mut combinable = Vec::new();
    let tables = form.list("tables", 500, |form| table(form, &mut combinable));
    if let Some(repeated) = first_repeated(&combinable) {
        form.fault("tables", "value_error", format_args!("the table {repeated} is listed twice"), None);
    }
    let combinable = combinations(form, &combinable);
    let rules = rules::booking_rules(form, timezone, tables.as_deref(), &combinable);
    let retention_days = form.optional_integer("retention_days", 1, RETENTION_DAYS_MAX);
    let reason_codes = form.texts_parsed("reason_codes", REASONS_MAX, ReasonCode::CHARS_MAX, |text| {
        lower_case_words(text).map(|()| text.to_owned())
    });
    let policy = form.object("policy", |policy| rules::policy(policy, currency));
    currency?;
    let policy = policy?;
    let rules =
        rules?.map(|rules| BookingRules { unproven_share_percent: policy.unproven_share_percent, ..rules });
    Some(Venue {
        id: id?,
        name: name?,
        timezone: timezone?,
        country: country?,
        locale: locale?,
        profile,
        tables: tables?,
        rules,
        deposit: policy.deposit,
        auto_cancel_minutes: policy.auto_cancel_minutes,
        free_cancellation_minutes: policy.free_cancellation_minutes,
        auto_confirm: policy.auto_confirm,
        no_show_grace_minutes: policy.no_show_grace_minutes,
        no_show_fee: policy.no_show_fee,
        refund_on_shrink: policy.refund_on_shrink,
        contact_proof: policy.contact_proof,
        offer_minutes: policy.offer_minutes,
        retention_days: retention_days.and_then(|days| u32::try_from(days).ok()),
        reason_codes,
    })
}

/// The largest coordinate of a table, in centimetres.
const PLAN_CM_MAX: i64 = 100_000;
const SHAPES: [(&str, TableShape); 3] =
    [("round", TableShape::Round), ("square", TableShape::Square), ("rectangle", TableShape::Rectangle)];

/// The id of a table, if it is valid, and the tables it can be combined with.
type Combinable = (Option<TableId>, Vec<TableId>);

fn table(form: &mut Form, combinable: &mut Vec<Combinable>) -> Option<Table> {
    let id = form.parsed("id", TableId::MAX_CHARS, str::parse::<TableId>);
    let area = form.text("area", 64);
    let seats = form.integer("seats", 1, 50);
    let min_party = form.optional_integer("min_party", 1, seats.unwrap_or(50)).unwrap_or(1);
    let others = form.texts_parsed("combinable_with", 50, TableId::MAX_CHARS, str::parse::<TableId>);
    let place = place(form);
    combinable.push((id.clone(), others));
    let (seats, min_party) = (u8::try_from(seats?).ok()?, u8::try_from(min_party).ok()?);
    Some(Table { id: id?, area: area?, seats, min_party, place })
}

/// Where pages draw the table. Without both coordinates it has no place.
fn place(form: &mut Form) -> Option<Place> {
    let mut coordinate = |name| {
        let centimetres = form.optional_integer(name, 0, PLAN_CM_MAX);
        centimetres.and_then(|centimetres| u32::try_from(centimetres).ok())
    };
    let (x_cm, y_cm) = (coordinate("x"), coordinate("y"));
    let shape = form.optional_parsed("shape", 9, |text| {
        let known = SHAPES.iter().find(|(word, _)| *word == text).map(|(_, shape)| *shape);
        known.ok_or_else(|| format!("{text:?} is not a shape: {}", SHAPES.map(|(word, _)| word).join(", ")))
    });
    Some(Place { x_cm: x_cm?, y_cm: y_cm?, shape: shape.unwrap_or_default() })
}

/// The pairs of tables that can be combined. Both must be tables of the venue.
fn combinations(form: &mut Form, tables: &[Combinable]) -> BTreeSet<(TableId, TableId)> {
    let mut pairs = BTreeSet::new();
    for (i, (table, others)) in tables.iter().enumerate() {
        for other in others {
            let exists = tables.iter().any(|(id, _)| id.as_ref() == Some(other));
            if !exists || table.as_ref() == Some(other) {
                let msg = format_args!("{other} is not another table of this venue");
                form.fault(&format!("tables.{i}.combinable_with"), "value_error", msg, None);
            }
            pairs.extend(table.clone().map(|table| (table, other.clone())));
        }
    }
    pairs
}

fn first_repeated(tables: &[Combinable]) -> Option<&TableId> {
    // People do not tell ids apart by their case.
    let mut seen = HashSet::new();
    tables.iter().filter_map(|(id, _)| id.as_ref()).find(|id| !seen.insert(id.as_str().to_lowercase()))
}
