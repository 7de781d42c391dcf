//! The page of a booking.

use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use events::event::GuestAnswer;
use events::values::Locale;
use minijinja::{Value, context};
use rpc::v1;
use serde::Serialize;

use super::guest::{Page, go};
use super::own::{Given, Own};
use super::venue::about;
use super::words::word;
use super::{qr, times};
use crate::services::Trouble;

/// A booking that its guest opened.
pub(super) type Booking = Own<v1::Reservation>;

impl Booking {
    /// The page that `template` makes of `facts` and of what all pages of a booking show.
    pub(super) fn page(&self, template: &'static str, facts: Value) -> Page<'_> {
        let facts = context! { r => self.shown(), ..facts };
        Page::new(&self.guest, template, self.locale(), facts).accent(self.colour())
    }

    /// Whether a deposit waits for its payment.
    pub(super) fn is_deposit_due(&self) -> bool {
        let is_due = self.subject.deposit.as_ref().is_some_and(|deposit| deposit.status == "due");
        is_due && self.subject.status == "PENDING" && !self.is_called_off()
    }

    /// Until when the guest can cancel free of charge after moving the booking to `start` now.
    pub(super) fn free_until_after_move(&self, start: DateTime<Utc>) -> DateTime<Utc> {
        let r = &self.subject;
        let minutes = r.policy.as_ref().map_or(0, |policy| policy.free_cancellation_minutes);
        let instant = |text: &str| times::local(text).to_utc();
        let limit = FreeUntil {
            current: instant(&r.free_cancellation_until),
            from: instant(&r.start_time),
            before: TimeDelta::minutes(minutes.into()),
        };
        limit.after_move(start, self.guest.app.env.now())
    }

    /// Whether the restaurant, or the table, is closed at the time of the visit. Until staff have moved it nothing is to be paid, and a
    /// cancellation costs nothing.
    fn is_called_off(&self) -> bool {
        let reason = self.subject.affected_by_rules.as_deref();
        self.subject.closure_id.is_some() || matches!(reason, Some("closed" | "venue_gone"))
    }

    /// Whether a cancellation costs nothing now.
    pub(super) fn is_free(&self) -> bool {
        self.is_called_off()
            || times::local(&self.subject.free_cancellation_until) >= self.guest.app.env.now()
    }

    /// Whether the guest can change or cancel it.
    pub(super) fn is_open(&self) -> bool {
        matches!(&self.subject.status[..], "PENDING" | "CONFIRMED")
    }

    /// The name of the heading of its page.
    fn heading(&self) -> String {
        match self.is_deposit_due() {
            true => "status_deposit_due".to_owned(),
            false => format!("status_{}", self.subject.status.to_lowercase()),
        }
    }

    /// Why it has ended by itself, in words.
    fn ended_because(&self) -> Option<String> {
        let code = &self.subject.cancellation.as_ref()?.reason_code;
        let is_by_itself = matches!(&code[..], "deposit_unpaid" | "contact_unproved");
        is_by_itself.then(|| word(self.locale(), &format!("ended_{code}")))
    }

    fn shown(&self) -> Value {
        let (r, locale) = (&self.subject, self.locale());
        let (start, end) = (times::local(&r.start_time), times::local(&r.end_time));
        let proof = r.contact_proof.as_ref().filter(|proof| proof.expires_at.is_some() && self.is_open());
        let deposit = r.deposit.as_ref();
        let due = deposit.filter(|_| self.is_deposit_due());
        context! {
            path => self.path(),
            code => r.code,
            version => r.version,
            as_of => self.as_of(),
            status => r.status,
            status_words => word(locale, &format!("status_{}", r.status.to_lowercase())),
            heading => word(locale, &self.heading()),
            because => self.ended_because(),
            venue => about(&r.venue_id, &r.venue_name, r.venue_profile.as_ref()),
            date => people::date(&start, locale),
            time => people::time(&start, locale),
            ends => people::time(&end, locale),
            zone => times::zone_at(&start, self.zone()),
            party_size => r.party_size,
            table_area => r.table_area,
            guest_name => r.contact_name,
            requests => r.special_requests,
            allergies => r.allergies,
            high_chairs => r.high_chairs,
            is_open => self.is_open(),
            is_past => end < self.guest.app.env.now(),
            deposit => deposit.and_then(|deposit| charge_words(deposit, locale)),
            due_until => due.and_then(|due| self.deadline(due.expires_at.as_ref())),
            is_deposit_due => due.is_some(),
            // A deposit that is paid after the limit does not come back.
            deposit_is_late => !self.is_free(),
            payment_failed => r.payment.as_ref().is_some_and(|payment| payment.failure.is_some()),
            proof => proof.map(|proof| context! {
                method => proof.method,
                until => self.deadline(proof.expires_at.as_ref()),
            }),
            question => question(r.attendance.as_ref().filter(|_| r.status == "CONFIRMED")),
            is_affected => r.affected_by_rules.is_some() || r.closure_id.is_some(),
        }
    }
}

/// The end of free cancellation of a booking.
struct FreeUntil {
    /// The end as it is before the move.
    current: DateTime<Utc>,
    /// The arrival.
    from: DateTime<Utc>,
    /// How long before the arrival it is by the policy.
    before: TimeDelta,
}

impl FreeUntil {
    /// As it is after the guest has moved the booking to `start` at `at`. The service decides by the same rule: a limit that has passed is
    /// not regained, and one that is later because of a move by the restaurant stays.
    fn after_move(&self, start: DateTime<Utc>, at: DateTime<Utc>) -> DateTime<Utc> {
        match () {
            () if at > self.current => self.current,
            () if self.current <= self.from - self.before => start - self.before,
            () => (start - self.before).max(self.current).min(start),
        }
    }
}

/// The answers that a guest can give to the last question, and the answer so far; `None` if nothing was asked.
pub(super) fn question(asked: Option<&v1::Attendance>) -> Option<Value> {
    let asked = asked?;
    Some(context! { answers => GuestAnswer::ALL.map(GuestAnswer::word), answer => asked.answer })
}

fn charge_words(charge: &v1::Charge, locale: Locale) -> Option<String> {
    Some(times::minor(charge.amount_minor?, charge.currency.as_deref()?, locale))
}

/// Shows the page to a guest who loads the path of a form again.
pub(super) async fn back(Path(id): Path<String>) -> Response {
    go(&format!("/r/{id}"))
}

/// The page.
pub(super) async fn page(own: Booking, Query(given): Query<Given>) -> Response {
    let known = ["changed", "cancelled", "proved", "corrected", "answered"];
    let done = known.into_iter().find(|known| *known == given.done);
    show(&own, &given.proof, done, None).await
}

/// The page with a notice: what was done, or why something was not.
pub(super) async fn show(
    own: &Booking,
    proof: &str,
    done: Option<&str>,
    refused: Option<String>,
) -> Response {
    let locale = own.locale();
    // Without an answer the page says nothing about money.
    let charges = charges(own).await.ok();
    let status = if refused.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    let facts = context! {
        given_proof => proof,
        key => own.new_key(),
        done => done.map(|done| word(locale, &format!("done_{done}"))),
        refused,
        qr => qr::svg(&format!("{}/r/{}", own.guest.app.public_url, own.subject.reservation_id)),
        money => charges.as_ref().and_then(|charges| money(own, charges, locale)),
        back => charges.as_ref().map(|charges| comes_back(own, charges, locale)),
        free_until => free_until(own, locale),
    };
    own.page("booking.html", facts).status(status).respond()
}

/// The amounts of a booking.
pub(super) async fn charges(own: &Booking) -> Result<v1::ListChargesResponse, Trouble> {
    own.call()
        .list_charges(v1::ListChargesRequest { reservation_id: own.subject.reservation_id.clone() })
        .await
}

/// Every amount with its reason; `None` if there is none.
pub(super) fn money(own: &Booking, charges: &v1::ListChargesResponse, locale: Locale) -> Option<Value> {
    let currency = charges.currency.as_deref()?;
    let zone = own.zone();
    let entry = |entry: &v1::ChargeEntry| {
        let at = entry.at.as_ref().and_then(|at| times::at(at, zone));
        context! {
            what => word(locale, &format!("charge_{}", entry.kind)),
            amount => times::minor(entry.amount_minor, currency, locale),
            at => at.map(|at| people::moment(&at, locale)),
        }
    };
    let entries: Vec<_> = charges.entries.iter().map(entry).collect();
    let balance = charges.balance.unwrap_or_default();
    let sum = |minor: i64| (minor != 0).then(|| times::minor(minor, currency, locale));
    Some(context! {
        entries,
        paid => sum(balance.paid_minor),
        to_return => sum(balance.to_return_minor),
        returned => sum(balance.returned_minor),
        kept => sum(balance.kept_minor),
        owed => sum(balance.owed_minor),
    })
}

/// What happens to the money of a guest who cancels now.
#[derive(Debug, Serialize)]
pub(super) struct Back {
    /// `back`, `back_closed` because the restaurant is closed at the time of the visit, `kept`, or `free` if the restaurant has no money.
    pub(super) what: &'static str,
    /// How much it is, in words.
    pub(super) amount: String,
}

/// What happens to the money of a guest who cancels now.
pub(super) fn comes_back(own: &Booking, charges: &v1::ListChargesResponse, locale: Locale) -> Back {
    let kept_minor = charges.balance.map_or(0, |balance| balance.kept_minor);
    let now: DateTime<Utc> = own.guest.app.env.now();
    let what = match () {
        () if kept_minor <= 0 => "free",
        () if own.is_called_off() => "back_closed",
        () if times::local(&own.subject.free_cancellation_until) >= now => "back",
        () => "kept",
    };
    let currency = charges.currency.as_deref().unwrap_or_default();
    Back { what, amount: times::minor(kept_minor, currency, locale) }
}

/// Until when the guest gets the deposit back, in words.
pub(super) fn free_until(own: &Booking, locale: Locale) -> String {
    people::moment(&times::local(&own.subject.free_cancellation_until), locale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_move_by_the_guest_regains_no_passed_limit_and_keeps_a_later_one() {
        let at = |hours: i64| DateTime::UNIX_EPOCH + TimeDelta::hours(hours);
        let limit =
            |current, from| FreeUntil { current: at(current), from: at(from), before: TimeDelta::hours(24) };
        for (limit, start, moved_at, expected) in [
            // Further away, and closer: the limit follows the visit.
            (limit(76, 100), 124, 50, 100),
            (limit(76, 100), 60, 50, 36),
            // It has passed.
            (limit(76, 100), 200, 77, 76),
            // The restaurant has moved the visit before: the limit of the earlier time stays, until the arrival.
            (limit(90, 100), 105, 50, 90),
            (limit(90, 100), 200, 50, 176),
            (limit(90, 100), 80, 50, 80),
        ] {
            assert_eq!(limit.after_move(at(start), at(moved_at)), at(expected), "to {start}");
        }
    }
}
