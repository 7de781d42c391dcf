//! The booking rules and the policy in a rules document.

use std::collections::BTreeSet;

use chrono::{Datelike as _, NaiveDate, NaiveTime, Weekday};
use chrono_tz::Tz;
use contract::form::Form;
use events::TableId;
use events::event::ProofMethod;
use events::values::{Currency, DepositPer, DepositRule, Money, NoShowFee};

use crate::domain::availability::{
    BookingRules, Closures, Dates, Exceptions, Hours, Pacing, Seatings, Service, SpecialDay, Table, TurnTime,
};

const SERVICES_MAX: usize = 50;
/// One less than the general limit of 365 days, because the last day counts as a whole.
const EARLIEST_DAYS_MAX: i64 = 364;
const EXCEPTIONS_MAX: usize = 1_000;
/// Maximum number of areas or tables in one list.
const PLACES_MAX: usize = 500;
/// Maximum length of a range of dates, in days.
const RANGE_DAYS_MAX: i64 = 366;
/// The share of the seats that bookings hold without a proof of contact, in percent, unless the rules name another one.
const UNPROVEN_SHARE_DEFAULT: i64 = 30;
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// The fields that require `services`.
const NEED_SERVICES: [&str; 6] =
    ["exceptions", "slot_minutes", "turn_minutes", "pacing", "booking_window", "walk_in_share_percent"];

/// The member `policy`.
pub(super) struct PolicyRules {
    pub(super) deposit: Option<DepositRule>,
    pub(super) auto_cancel_minutes: u32,
    pub(super) free_cancellation_minutes: u32,
    pub(super) auto_confirm: bool,
    pub(super) no_show_grace_minutes: Option<u32>,
    pub(super) no_show_fee: Option<NoShowFee>,
    pub(super) refund_on_shrink: bool,
    pub(super) contact_proof: Option<ProofMethod>,
    pub(super) unproven_share_percent: u8,
    pub(super) offer_minutes: u32,
}

pub(super) fn policy(form: &mut Form, currency: Option<Currency>) -> Option<PolicyRules> {
    let deposit = form.optional_object("deposit", |rule| {
        let from_party_size = rule.integer("from_party_size", 1, 50);
        let (per, amount) = amount(rule, currency);
        Some(DepositRule {
            from_party_size: u8::try_from(from_party_size?).ok()?,
            per: per?,
            amount: amount?,
        })
    });
    let no_show_fee = form.optional_object("no_show_fee", |fee| {
        let (per, amount) = amount(fee, currency);
        Some(NoShowFee { per: per?, amount: amount? })
    });
    let auto_cancel = form.optional_integer("auto_cancel_minutes", 1, 10_080).unwrap_or(15);
    let free_cancellation = form.optional_integer("free_cancellation_minutes", 0, 43_200).unwrap_or(1_440);
    let offer = form.optional_integer("offer_minutes", 1, 1_440).unwrap_or(15);
    let grace = form.optional_integer("no_show_grace_minutes", 0, 1_440);
    let contact_proof = form.optional_parsed("contact_proof", 4, |text| match text {
        "none" => Ok(None),
        "link" => Ok(Some(ProofMethod::Link)),
        "code" => Ok(Some(ProofMethod::Code)),
        other => Err(format!("{other:?} is neither none nor link nor code")),
    });
    let unproven_share = form.optional_integer("unproven_share_percent", 0, 100);
    Some(PolicyRules {
        deposit,
        auto_cancel_minutes: u32::try_from(auto_cancel).ok()?,
        free_cancellation_minutes: u32::try_from(free_cancellation).ok()?,
        auto_confirm: form.flag("auto_confirm"),
        no_show_grace_minutes: grace.and_then(|minutes| u32::try_from(minutes).ok()),
        no_show_fee,
        refund_on_shrink: form.optional_flag("refund_on_shrink").unwrap_or(true),
        contact_proof: contact_proof.flatten(),
        unproven_share_percent: u8::try_from(unproven_share.unwrap_or(UNPROVEN_SHARE_DEFAULT)).ok()?,
        offer_minutes: u32::try_from(offer).ok()?,
    })
}

fn amount(form: &mut Form, currency: Option<Currency>) -> (Option<DepositPer>, Option<Money>) {
    let per = form.parsed("per", 10, |text| match text {
        "guest" => Ok(DepositPer::Guest),
        "party" => Ok(DepositPer::Party),
        other => Err(format!("{other:?} is neither guest nor party")),
    });
    let amount_minor = form.integer("amount_minor", 1, 100_000_000_000);
    (per, amount_minor.zip(currency).map(|(amount_minor, currency)| Money { amount_minor, currency }))
}

/// Reads the booking rules. `Some(None)`: there are no services, the venue is managed by hand.
pub(super) fn booking_rules(
    form: &mut Form,
    zone: Option<Tz>,
    tables: Option<&[Table]>,
    combinable: &BTreeSet<(TableId, TableId)>,
) -> Option<Option<BookingRules>> {
    if !form.has("services") {
        for name in NEED_SERVICES {
            if form.has(name) {
                let msg = "this requires services; a venue without services is managed by hand";
                form.fault(name, "value_error", msg, None);
                form.discard(name);
            }
        }
        return Some(None);
    }
    let places = Places(tables);
    let services = form.list("services", SERVICES_MAX, |form| weekly_service(form, places));
    let exceptions = form.optional_list("exceptions", EXCEPTIONS_MAX, |form| exception(form, places));
    let exceptions_fit = exceptions.is_some() || !form.has_fault("exceptions");
    let mut all = Exceptions::default();
    for (days, special) in exceptions.into_iter().flatten() {
        if !all.add(days, special) {
            let days = match days {
                Dates::Date(date) => format!("{date} is listed twice"),
                Dates::Range(first, last) => format!("the range from {first} to {last} overlaps another one"),
                Dates::Yearly(month, day) => format!("{month:02}-{day:02} is listed twice"),
            };
            form.fault("exceptions", "value_error", days, None);
        }
    }
    let slot_minutes = form.optional_integer("slot_minutes", 5, 240);
    let turn_times = turn_times(form);
    let pacing = form.optional_object("pacing", |pacing| {
        let covers = pacing.optional_integer("covers_per_slot", 1, 10_000);
        let parties = pacing.optional_integer("parties_per_slot", 1, 10_000);
        let number = |n: Option<i64>| n.and_then(|n| u32::try_from(n).ok());
        Some(Pacing { covers: number(covers), parties: number(parties) })
    });
    let notice = form.optional_object("booking_window", |notice| {
        let earliest = notice.optional_integer("earliest_days", 1, EARLIEST_DAYS_MAX).unwrap_or(90);
        let latest = notice.optional_integer("latest_minutes", 0, 43_200).unwrap_or(0);
        Some((u32::try_from(earliest).ok()?, u32::try_from(latest).ok()?))
    });
    let share = form.optional_integer("walk_in_share_percent", 0, 100).unwrap_or(0);
    // Whether services overlap does not depend on the zone.
    let hours = services.map(|services| {
        let zone = zone.unwrap_or(Tz::UTC);
        hours(zone, services, all, slot_minutes.unwrap_or(15))
    });
    for overlap in hours.iter().flat_map(Hours::overlaps) {
        form.fault("services", "value_error", overlap, None);
    }
    let seatings = match Seatings::of(tables?, combinable) {
        Ok(seatings) => seatings,
        Err(error) => {
            form.fault("tables", "value_error", error, None);
            return None;
        }
    };
    let (earliest_days, latest_minutes) = notice.unwrap_or((90, 0));
    (exceptions_fit && zone.is_some()).then_some(Some(BookingRules {
        hours: hours?,
        turn_times: turn_times?,
        pacing: pacing.unwrap_or_default(),
        earliest_days,
        latest_minutes,
        walk_in_share_percent: u8::try_from(share).ok()?,
        // The policy follows.
        unproven_share_percent: 0,
        tables: tables?.to_vec(),
        seatings,
    }))
}

fn hours(
    zone: Tz,
    services: Vec<(Vec<Weekday>, Service)>,
    exceptions: Exceptions,
    slot_minutes: i64,
) -> Hours {
    let mut weekly: [Vec<Service>; 7] = Default::default();
    for (days, service) in services {
        for day in days {
            weekly[day.num_days_from_monday() as usize].push(service.clone());
        }
    }
    weekly.iter_mut().for_each(|day| day.sort_by_key(|service| service.opens));
    let slot_minutes = u32::try_from(slot_minutes).unwrap_or(15);
    // Closures are declared by commands and are not part of the document.
    Hours { zone, weekly, exceptions, closures: Closures::default(), slot_minutes }
}

fn weekly_service(form: &mut Form, places: Places<'_>) -> Option<(Vec<Weekday>, Service)> {
    let has_days = form.has("days");
    let days = form.texts_parsed("days", 7, 3, |text| {
        let place = DAYS.iter().position(|day| *day == text);
        let day = place.and_then(|place| Weekday::try_from(u8::try_from(place).ok()?).ok());
        day.ok_or_else(|| format!("{text:?} is not a day: {}", DAYS.join(", ")))
    });
    if !has_days {
        form.fault("days", "missing", "Field required", None);
    } else if days.is_empty() && !form.has_fault("days") {
        form.fault("days", "value_error", "list at least one day, or remove the service", None);
    }
    let service = service(form, places);
    Some((days, service?))
}

fn exception(form: &mut Form, places: Places<'_>) -> Option<(Dates, SpecialDay)> {
    let days = days(form);
    // A note for readers of the file.
    form.optional_text("note", 200);
    let closed = form.flag("closed");
    let services = form.optional_list("services", SERVICES_MAX, |form| service(form, places));
    let closed_areas = form.texts_parsed("closed_areas", PLACES_MAX, 64, |text| places.area(text));
    let closed_tables =
        form.texts_parsed("closed_tables", PLACES_MAX, TableId::MAX_CHARS, |text| places.table(text));
    let has_fault = ["closed_areas", "closed_tables"].iter().any(|name| form.has_fault_in(name));
    let closes_a_part = !closed_areas.is_empty() || !closed_tables.is_empty() || has_fault;
    let services = match (closed, services) {
        (false, None) if !closes_a_part && !form.has_fault("services") => {
            let msg = "set closed to true, list the services of that day, or list the areas or tables that are closed";
            form.fault("services", "missing", msg, None);
            return None;
        }
        (true, Some(_)) => {
            form.fault("closed", "value_error", "a closed day has no services", None);
            return None;
        }
        (true, None) => Some(Vec::new()),
        (false, services) => services.map(|mut services| {
            services.sort_by_key(|service| service.opens);
            services
        }),
    };
    Some((days?, SpecialDay { services, closed_areas, closed_tables }))
}

/// The days of an exception: `date`, or `from` and `to`, or `yearly`.
fn days(form: &mut Form) -> Option<Dates> {
    let mut date = |name| {
        form.optional_parsed(name, 10, |text| {
            text.parse::<NaiveDate>().map_err(|_| format!("{text:?} is not a date such as 2026-12-24"))
        })
    };
    let (one, from, to) = (date("date"), date("from"), date("to"));
    let yearly = form.optional_parsed("yearly", 5, |text| {
        // A leap year, so that 29 February is a day of every year.
        let date = format!("2024-{text}").parse::<NaiveDate>().ok().filter(|_| text.len() == 5);
        date.map(|date| Dates::Yearly(date.month(), date.day()))
            .ok_or_else(|| format!("{text:?} is not a month and a day such as 12-25"))
    });
    let has_fault = ["date", "from", "to", "yearly"].iter().any(|name| form.has_fault(name));
    match (one, from, to, yearly) {
        _ if has_fault => None,
        (Some(date), None, None, None) => Some(Dates::Date(date)),
        (None, None, None, Some(yearly)) => Some(yearly),
        (None, Some(from), Some(to), None) => {
            let days = (to - from).num_days();
            if !(0..RANGE_DAYS_MAX).contains(&days) {
                let msg = format_args!(
                    "a range ends on or after its first day, and has at most {RANGE_DAYS_MAX} days"
                );
                form.fault("to", "value_error", msg, None);
                return None;
            }
            Some(Dates::Range(from, to))
        }
        (None, None, None, None) => {
            form.fault("date", "missing", "name a date, from and to, or yearly", None);
            None
        }
        _ => {
            form.fault("date", "value_error", "use either date, or from and to, or yearly", None);
            None
        }
    }
}

/// Where services take place and what an exception can close.
#[derive(Debug, Clone, Copy)]
struct Places<'a>(Option<&'a [Table]>);

impl Places<'_> {
    /// Tables with faults have them already.
    fn area(self, text: &str) -> Result<String, String> {
        match self.0.is_none_or(|tables| tables.iter().any(|table| table.area == text)) {
            true => Ok(text.to_owned()),
            false => Err(format!("{text:?} is not an area of this venue")),
        }
    }

    fn table(self, text: &str) -> Result<TableId, String> {
        let id: TableId = text.parse().map_err(|error| format!("{error}"))?;
        match self.0.is_none_or(|tables| tables.iter().any(|table| table.id == id)) {
            true => Ok(id),
            false => Err(format!("{id} is not a table of this venue")),
        }
    }
}

fn service(form: &mut Form, places: Places<'_>) -> Option<Service> {
    let name = form.text("name", 40);
    let opens = form.parsed("opens", 5, time);
    let closes = form.parsed("closes", 5, time);
    let last_arrival = form.optional_parsed("last_arrival", 5, time);
    let areas = form.texts_parsed("areas", PLACES_MAX, 64, |text| places.area(text));
    let service = Service { name: name?, opens: opens?, closes: closes?, last_arrival, areas };
    if !service.last_arrival_fits() {
        let msg = "the last arrival must not be before opening, and must be before closing";
        form.fault("last_arrival", "value_error", msg, None);
    }
    Some(service)
}

fn time(text: &str) -> Result<NaiveTime, String> {
    NaiveTime::parse_from_str(text, "%H:%M")
        .map_err(|_| format!("{text:?} is not a time of day such as 18:30"))
}

fn turn_times(form: &mut Form) -> Option<Vec<TurnTime>> {
    let is_present = form.has("turn_minutes");
    let turn_times = form.optional_list("turn_minutes", 50, |turn| {
        let up_to = turn.integer("up_to_party", 1, 50);
        let minutes = turn.integer("minutes", 15, 480);
        Some(TurnTime { up_to: u8::try_from(up_to?).ok()?, minutes: u32::try_from(minutes?).ok()? })
    });
    if !is_present {
        return Some(Vec::new());
    }
    let turn_times = turn_times?;
    if turn_times.windows(2).any(|pair| pair[0].up_to >= pair[1].up_to) {
        form.fault(
            "turn_minutes",
            "value_error",
            "up_to_party must increase from one entry to the next",
            None,
        );
        return None;
    }
    Some(turn_times)
}
