//! The booking rules and the policy in a venue file.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDate, NaiveTime, Weekday};
use chrono_tz::Tz;
use contract::form::Form;
use events::TableId;
use events::values::{Currency, DepositPer, DepositRule, Money, NoShowFee};

use crate::domain::availability::{BookingRules, Hours, Pacing, Seatings, Service, Table, TurnTime};

const SERVICES_MAX: usize = 50;
/// One less than the general limit of 365 days, because the last day counts as a whole.
const EARLIEST_DAYS_MAX: i64 = 364;
const EXCEPTIONS_MAX: usize = 1_000;
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
    Some(PolicyRules {
        deposit,
        auto_cancel_minutes: u32::try_from(auto_cancel).ok()?,
        free_cancellation_minutes: u32::try_from(free_cancellation).ok()?,
        auto_confirm: form.flag("auto_confirm"),
        no_show_grace_minutes: grace.and_then(|minutes| u32::try_from(minutes).ok()),
        no_show_fee,
        refund_on_shrink: form.optional_flag("refund_on_shrink").unwrap_or(true),
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
    let services = form.list("services", SERVICES_MAX, weekly_service);
    let exceptions = form.optional_list("exceptions", EXCEPTIONS_MAX, exception);
    let exceptions_fit = exceptions.is_some() || !form.has_fault("exceptions");
    let mut dates = BTreeSet::new();
    for (date, _) in exceptions.iter().flatten() {
        if !dates.insert(*date) {
            let msg = format_args!("{date} is listed twice");
            form.fault("exceptions", "value_error", msg, None);
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
        hours(zone, services, exceptions.unwrap_or_default(), slot_minutes.unwrap_or(15))
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
        tables: tables?.to_vec(),
        seatings,
    }))
}

fn hours(
    zone: Tz,
    services: Vec<(Vec<Weekday>, Service)>,
    exceptions: Vec<(NaiveDate, Vec<Service>)>,
    slot_minutes: i64,
) -> Hours {
    let mut weekly: [Vec<Service>; 7] = Default::default();
    for (days, service) in services {
        for day in days {
            weekly[day.num_days_from_monday() as usize].push(service.clone());
        }
    }
    let mut exceptions: BTreeMap<_, _> = exceptions.into_iter().collect();
    weekly.iter_mut().chain(exceptions.values_mut()).for_each(|day| day.sort_by_key(|service| service.opens));
    Hours { zone, weekly, exceptions, slot_minutes: u32::try_from(slot_minutes).unwrap_or(15) }
}

fn weekly_service(form: &mut Form) -> Option<(Vec<Weekday>, Service)> {
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
    let service = service(form);
    Some((days, service?))
}

fn exception(form: &mut Form) -> Option<(NaiveDate, Vec<Service>)> {
    let date = form.parsed("date", 10, |text| {
        text.parse::<NaiveDate>().map_err(|_| format!("{text:?} is not a date such as 2026-12-24"))
    });
    // A note for readers of the file.
    form.optional_text("note", 200);
    let closed = form.flag("closed");
    let services = form.optional_list("services", SERVICES_MAX, service);
    match (closed, services) {
        (false, None) if !form.has_fault("services") => {
            let msg = "set closed to true, or list the services on that date";
            form.fault("services", "missing", msg, None);
            None
        }
        (true, Some(_)) => {
            form.fault("closed", "value_error", "a closed date has no services", None);
            None
        }
        (_, services) => Some((date?, services.unwrap_or_default())),
    }
}

fn service(form: &mut Form) -> Option<Service> {
    let name = form.text("name", 40);
    let opens = form.parsed("opens", 5, time);
    let closes = form.parsed("closes", 5, time);
    let last_arrival = form.optional_parsed("last_arrival", 5, time);
    let service = Service { name: name?, opens: opens?, closes: closes?, last_arrival };
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
