//! The representation of a reservation.

use chrono::{DateTime, Utc};
use contract::reservation::venues::ProfileView;
use contract::reservation::view::{
    CancellationView, DepositView, FeeView, PaymentView, PolicyView, ReservationView, TableView,
};
use contract::reservation::words::PaymentStatus;
use events::values::{ReservationCode, TimeWindow};

use super::stats::source_of;
use super::subjects::label_of;
use super::{QueryError, local};
use crate::app::App;
use crate::app::confidential::{Contact, Description};
use crate::app::contact_proof;
use crate::app::projections::{Filter, ListKey};
use crate::app::repository::AsOf;
use crate::app::venues::RulesDocument;
use crate::app::words;
use crate::domain::reservation::TableAssignment;
use crate::domain::{Charge, Reservation, Status};

impl App {
    /// The representation of `reservation`, with its confidential payloads.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn view(&self, reservation: &Reservation) -> Result<ReservationView, QueryError> {
        let contact = self.contact(reservation).await?;
        self.view_with(reservation, contact).await
    }

    /// The representation of `reservation` as of an earlier time, with the venue as it was.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn view_as_of(
        &self,
        reservation: &Reservation,
        as_of: AsOf,
    ) -> Result<ReservationView, QueryError> {
        let venue_id = &reservation.booking.venue_id;
        let rules = self.rules(venue_id, as_of).await?;
        let venue = rules.and_then(|rules| RulesDocument::recorded(venue_id, rules.document).ok());
        // Before the rules were recorded in the log, only the current ones are known.
        let label = venue.map_or_else(|| self.venue_label(venue_id), |rules| label_of(&rules.venue));
        let contact = self.confidential(reservation.contact_at).await?;
        Ok(view_of(reservation, label, contact, self.description(reservation).await?))
    }

    /// The representation of `reservation` for a caller that already has the contact.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn view_with(
        &self,
        reservation: &Reservation,
        contact: Option<Contact>,
    ) -> Result<ReservationView, QueryError> {
        let venue = self.venue_label(&reservation.booking.venue_id);
        Ok(view_of(reservation, venue, contact, self.description(reservation).await?))
    }

    /// The description of a cancellation, if there is one.
    async fn description(&self, reservation: &Reservation) -> Result<Option<Description>, QueryError> {
        match &reservation.status {
            Status::Cancelled { described_at: Some(at), .. } => self.confidential(*at).await,
            _ => Ok(None),
        }
    }

    /// At most `limit` reservations that `filter` selects, by start, after `after`; and the place of the last
    /// one if there are more.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn list(
        &self,
        filter: &Filter,
        after: Option<ListKey>,
        limit: usize,
    ) -> Result<(Vec<ReservationView>, Option<ListKey>), QueryError> {
        filter.authorize()?;
        if let (Some(venue), Some(start), Some(end)) = (&filter.venue_id, filter.from, filter.to) {
            self.know_visits(venue, &TimeWindow { start, end }).await?;
        }
        // One more than requested tells whether there is a next page.
        let mut found = self.projections.list(filter, after, limit + 1);
        let more = found.len() > limit;
        found.truncate(limit);
        let last = found.last().map(|last| (last.window().start, last.id)).filter(|_| more);
        let mut views = Vec::with_capacity(found.len());
        for (reservation, contact) in found.iter().zip(self.contacts(&found).await?) {
            views.push(in_list(self.view_with(reservation, contact).await?));
        }
        Ok((views, last))
    }
}

/// `view` as an item of a list, without the data that only work on this one booking needs.
pub(super) fn in_list(mut view: ReservationView) -> ReservationView {
    view.contact_name = view.contact_name.map(|name| short_name(&name));
    view.allergies = None;
    if let Some(payment) = &mut view.payment {
        payment.provider_reference = None;
    }
    view
}

/// Words before a first name. Without the name they tell a host nothing.
const TITLES: [&str; 14] =
    ["bapak", "bu", "dr", "hj", "ibu", "miss", "mr", "mrs", "ms", "pak", "prof", "sig", "signor", "signora"];

/// The first name and the initial of the last one: `Sari W.`, `Ibu Ratna`
pub(super) fn short_name(name: &str) -> String {
    let mut words = name.split_whitespace().peekable();
    let first = words.next().unwrap_or_default();
    let is_title = TITLES.contains(&first.trim_end_matches('.').to_lowercase().as_str());
    let first = match words.next_if(|_| is_title) {
        Some(given) => format!("{first} {given}"),
        None => first.to_owned(),
    };
    match words.next_back().and_then(|last| last.chars().find(|c| c.is_alphanumeric())) {
        Some(initial) => format!("{first} {initial}."),
        None => first,
    }
}

fn view_of(
    reservation: &Reservation,
    (venue_name, venue_profile): (String, ProfileView),
    contact: Option<Contact>,
    description: Option<Description>,
) -> ReservationView {
    let booking = &reservation.booking;
    let contact_name = contact.as_ref().map(|contact| contact.name.clone());
    let Contact { table_preference, special_requests, allergies, high_chairs, staff_notes, .. } =
        contact.unwrap_or_default();
    ReservationView {
        reservation_id: reservation.id,
        code: ReservationCode::of(reservation.id),
        customer_id: booking.customer_id.clone(),
        status: words::status(&reservation.status),
        start_time: local(booking.window.start, &booking.timezone),
        end_time: local(booking.window.end, &booking.timezone),
        contact_name,
        table_area: reservation.tables.first().map(|table| table.area.clone()),
        party_size: booking.party_size,
        venue_id: booking.venue_id.clone(),
        venue_name,
        venue_profile,
        timezone: booking.timezone.clone(),
        tables: reservation.tables.iter().map(table).collect(),
        needs_table: reservation.needs_table(),
        deposit: charge(&reservation.deposit, reservation.hold_expires_at()),
        no_show_fee: reservation.fee.as_deref().map(|fee| charge(fee, fee.due_by())),
        payment: payment(&reservation.deposit),
        policy: PolicyView {
            deposit_required: booking.policy.deposit_required,
            auto_cancel_minutes: booking.policy.auto_cancel_minutes,
            free_cancellation_minutes: booking.policy.free_cancellation_minutes,
            auto_confirm: booking.policy.auto_confirm,
            no_show_grace_minutes: booking.policy.no_show_grace_minutes,
            no_show_fee: booking
                .policy
                .no_show_fee
                .map(|fee| FeeView { per: words::fee_per(fee.per), amount: fee.amount }),
            refund_on_shrink: booking.policy.refund_on_shrink,
        },
        free_cancellation_until: local(reservation.free_until, &booking.timezone),
        affected_by_rules: reservation.affected_reason().and_then(words::affected_reason),
        closure_id: reservation.affected.as_deref().and_then(|mark| mark.closure),
        cancellation: cancellation(&reservation.status, description),
        table_preference,
        special_requests,
        has_allergies: allergies.is_some(),
        allergies,
        high_chairs,
        staff_notes,
        tags: reservation.tags.to_vec(),
        locale: booking.locale.into(),
        source: source_of(reservation).to_owned(),
        attendance: reservation.attendance.as_deref().map(words::attendance),
        contact_proof: contact_proof::view(&reservation.contact_proof),
        created_at: reservation.created.time,
        version: reservation.version,
        guest_link: None,
    }
}

/// The state of a reservation as JSON, without personal data.
#[must_use]
pub fn state_of(reservation: &Reservation) -> serde_json::Value {
    let view = view_of(reservation, (String::new(), ProfileView::default()), None, None);
    let mut state = serde_json::to_value(view).unwrap_or_default();
    if let serde_json::Value::Object(members) = &mut state {
        // Personal data, or not recorded in the log.
        for elsewhere in [
            "contact_name",
            "table_preference",
            "special_requests",
            "allergies",
            "has_allergies",
            "high_chairs",
            "venue_name",
            "venue_profile",
        ] {
            members.remove(elsewhere);
        }
    }
    state
}

fn table(table: &TableAssignment) -> TableView {
    TableView {
        assignment_id: table.id,
        table_id: table.table_id.clone(),
        area: table.area.clone(),
        capacity: table.capacity,
    }
}

fn charge(charge: &Charge, expires_at: Option<DateTime<Utc>>) -> DepositView {
    DepositView {
        required: !matches!(charge, Charge::NotRequired),
        status: words::charge_status(charge),
        amount_minor: charge.amount().map(|amount| amount.amount_minor),
        currency: charge.amount().map(|amount| amount.currency),
        expires_at,
        payment_id: charge.payment_id(),
        pay_link: None,
    }
}

fn payment(deposit: &Charge) -> Option<PaymentView> {
    Some(match deposit {
        Charge::NotRequired => return None,
        Charge::Due(due) | Charge::Waived(due) => PaymentView {
            payment_id: due.payment_id,
            status: if due.failure.is_some() { PaymentStatus::Failed } else { PaymentStatus::Requested },
            channel: due.channel.clone(),
            provider_reference: None,
            refunded_minor: 0,
            failure: due.failure.clone(),
        },
        Charge::Paid(paid) => PaymentView {
            payment_id: paid.payment_id,
            status: words::payment_status(paid.refunded_minor, paid.amount),
            channel: Some(paid.channel.clone()),
            provider_reference: Some(paid.provider_reference.clone()),
            refunded_minor: paid.refunded_minor,
            failure: None,
        },
    })
}

fn cancellation(status: &Status, description: Option<Description>) -> Option<CancellationView> {
    let Status::Cancelled { by, reason_code, by_closure, .. } = status else { return None };
    let description = description.map(|words| words.description);
    Some(CancellationView {
        cancelled_by: words::canceller(*by),
        reason_code: reason_code.clone(),
        description,
        by_closure: *by_closure,
    })
}

#[cfg(test)]
mod tests {
    use super::short_name;

    #[test]
    fn a_list_shows_the_first_name_and_an_initial() {
        for (name, short) in [
            ("Sari Wulandari", "Sari W."),
            ("Sari", "Sari"),
            ("  Nguyễn Thị Ánh ", "Nguyễn Á."),
            ("王小明", "王小明"),
            ("Sari (VIP)", "Sari V."),
            ("Sari -", "Sari"),
            ("Ibu Ratna", "Ibu Ratna"),
            ("Dr. Sari Wulandari", "Dr. Sari W."),
            ("", ""),
        ] {
            assert_eq!(short_name(name), short, "{name}");
        }
    }
}
