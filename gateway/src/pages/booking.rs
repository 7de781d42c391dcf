//! The page of a booking.

use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Utc};
use events::event::GuestAnswer;
use events::values::Locale;
use minijinja::{Value, context};
use rpc::v1;

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
        self.subject.deposit.as_ref().is_some_and(|deposit| deposit.status == "due")
            && self.subject.status == "PENDING"
    }

    /// Whether the guest can change or cancel it.
    pub(super) fn is_open(&self) -> bool {
        matches!(&self.subject.status[..], "PENDING" | "CONFIRMED")
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
            proof => proof.map(|proof| context! {
                method => proof.method,
                until => self.deadline(proof.expires_at.as_ref()),
            }),
            question => question(r.attendance.as_ref().filter(|_| r.status == "CONFIRMED")),
            is_affected => r.affected_by_rules.is_some() || r.closure_id.is_some(),
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
    let status = if refused.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    let facts = context! {
        given_proof => proof,
        key => own.new_key(),
        done => done.map(|done| word(locale, &format!("done_{done}"))),
        refused,
        qr => qr::svg(&format!("{}/r/{}", own.guest.app.public_url, own.subject.reservation_id)),
        money => money(own, locale).await,
        back => comes_back(own),
        free_until => free_until(own, locale),
    };
    own.page("booking.html", facts).status(status).respond()
}

/// The booking and its amounts, for paper.
pub(super) async fn receipt(own: Booking) -> Response {
    let locale = own.locale();
    let now = own.guest.app.env.now().with_timezone(&own.zone());
    let facts = context! { money => money(&own, locale).await, printed => people::moment(&now, locale) };
    own.page("receipt.html", facts).respond()
}

/// Every amount with its reason; `None` if there is none, or if it is not known.
async fn money(own: &Booking, locale: Locale) -> Option<Value> {
    let request = v1::ListChargesRequest { reservation_id: own.subject.reservation_id.clone() };
    let charges: Result<v1::ListChargesResponse, Trouble> = own.call().list_charges(request).await;
    let charges = charges.ok()?;
    let currency = charges.currency?;
    let zone = own.zone();
    let entry = |entry: &v1::ChargeEntry| {
        let at = entry.at.as_ref().and_then(|at| times::at(at, zone));
        context! {
            what => word(locale, &format!("charge_{}", entry.kind)),
            amount => times::minor(entry.amount_minor, &currency, locale),
            at => at.map(|at| people::moment(&at, locale)),
        }
    };
    let entries: Vec<_> = charges.entries.iter().map(entry).collect();
    let balance = charges.balance.unwrap_or_default();
    let sum = |minor: i64| (minor != 0).then(|| times::minor(minor, &currency, locale));
    Some(context! {
        entries,
        paid => sum(balance.paid_minor),
        to_return => sum(balance.to_return_minor),
        returned => sum(balance.returned_minor),
        kept => sum(balance.kept_minor),
        owed => sum(balance.owed_minor),
    })
}

/// What happens to a paid deposit when the guest cancels now: `back`, `kept`, or `free` if nothing was paid.
pub(super) fn comes_back(own: &Booking) -> &'static str {
    let paid = own.subject.deposit.as_ref().is_some_and(|deposit| deposit.status == "paid");
    let now: DateTime<Utc> = own.guest.app.env.now();
    match paid {
        false => "free",
        true if times::local(&own.subject.free_cancellation_until) >= now => "back",
        true => "kept",
    }
}

/// Until when the guest gets the deposit back, in words.
pub(super) fn free_until(own: &Booking, locale: Locale) -> String {
    people::moment(&times::local(&own.subject.free_cancellation_until), locale)
}
