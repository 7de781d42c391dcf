//! The representation of a reservation.

use chrono::{DateTime, Utc};
use events::values::{CancelledBy, Money, NoShowFee};
use serde::Serialize;
use utoipa::ToSchema;

use super::{QueryError, local};
use crate::app::App;
use crate::app::confidential::{Contact, Description};
use crate::app::projections::{Filter, ListKey};
use crate::domain::reservation::TableAssignment;
use crate::domain::{Charge, Reservation, Status};

/// A reservation.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReservationView {
    #[schema(example = "01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f")]
    reservation_id: String,
    #[schema(example = "cust-42")]
    customer_id: String,
    /// PENDING, CONFIRMED, CHECKED_IN, COMPLETED, CANCELLED or NO_SHOW.
    #[schema(example = "PENDING")]
    status: &'static str,
    /// RFC 3339 with the offset of the venue.
    #[schema(example = "2026-12-24T19:30:00+07:00")]
    start_time: String,
    #[schema(example = "2026-12-24T21:00:00+07:00")]
    end_time: String,
    /// Null after the contact was erased.
    #[schema(example = "Sari Wulandari")]
    contact_name: Option<String>,
    /// The area of the assigned table.
    #[schema(example = "Teras")]
    table_area: Option<String>,
    #[schema(example = 2)]
    party_size: u8,
    #[schema(example = "bandung-dago")]
    venue_id: String,
    #[schema(example = "Warung Sinar Dago")]
    venue_name: String,
    #[schema(example = "Asia/Jakarta")]
    timezone: String,
    tables: Vec<TableView>,
    deposit: DepositView,
    /// The no-show fee, as far as the deposit did not cover it; null unless one is due.
    no_show_fee: Option<DepositView>,
    payment: Option<PaymentView>,
    policy: PolicyView,
    cancellation: Option<CancellationView>,
    table_preference: Option<String>,
    special_requests: Option<String>,
    #[schema(example = "id")]
    locale: &'static str,
    created_at: DateTime<Utc>,
    /// Increases with every change; the ETag is this number in quotes.
    #[schema(example = 1)]
    version: u64,
}

/// An assigned table.
#[derive(Debug, Serialize, ToSchema)]
struct TableView {
    assignment_id: String,
    #[schema(example = "T3")]
    table_id: String,
    #[schema(example = "Teras")]
    area: String,
    #[schema(example = 4)]
    capacity: u8,
}

/// The deposit of a reservation.
#[derive(Debug, Serialize, ToSchema)]
struct DepositView {
    required: bool,
    /// not_required, due, waived, paid, partly_refunded or refunded.
    #[schema(example = "due")]
    status: &'static str,
    /// Minor units of the currency.
    #[schema(example = 30_000_000)]
    amount_minor: Option<i64>,
    #[schema(example = "IDR")]
    currency: Option<String>,
    /// When an unpaid hold expires.
    expires_at: Option<DateTime<Utc>>,
}

/// The payment of a deposit.
#[derive(Debug, Serialize, ToSchema)]
struct PaymentView {
    payment_id: String,
    /// requested, failed, completed, partly_refunded or refunded.
    #[schema(example = "requested")]
    status: &'static str,
    #[schema(example = "qris")]
    channel: Option<String>,
    provider_reference: Option<String>,
    refunded_minor: i64,
    failure: Option<String>,
}

/// The policy snapshot of the booking.
#[derive(Debug, Serialize, ToSchema)]
struct PolicyView {
    deposit_required: bool,
    #[schema(example = 15)]
    auto_cancel_minutes: u32,
    #[schema(example = 1440)]
    free_cancellation_minutes: u32,
    /// Whether a booking without a deposit is confirmed immediately.
    auto_confirm: bool,
    /// Minutes after the start at which a party that has not arrived becomes a no-show automatically.
    #[schema(example = 20)]
    no_show_grace_minutes: Option<u32>,
    /// The fee that a party owes if it never arrives.
    #[schema(value_type = Option<Object>)]
    no_show_fee: Option<NoShowFee>,
}

/// The cancellation of a reservation.
#[derive(Debug, Serialize, ToSchema)]
struct CancellationView {
    /// guest, staff or system.
    #[schema(example = "guest")]
    cancelled_by: &'static str,
    #[schema(example = "guest_request")]
    reason_code: String,
    description: Option<String>,
}

impl App {
    /// The representation of `reservation`, with its confidential payloads.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn view(&self, reservation: &Reservation) -> Result<ReservationView, QueryError> {
        let contact = self.confidential(reservation.created.position).await?;
        self.view_with(reservation, contact).await
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
        let description: Option<Description> = match &reservation.status {
            Status::Cancelled { described_at: Some(at), .. } => self.confidential(*at).await?,
            _ => None,
        };
        let venue_name = self.venue_name(&reservation.booking.venue_id);
        Ok(ReservationView::of(reservation, venue_name, contact, description))
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
        // One more than requested tells whether there is a next page.
        let mut found = self.projections.list(filter, after, limit + 1);
        let more = found.len() > limit;
        found.truncate(limit);
        let last = found.last().map(|last| (last.window().start, last.id)).filter(|_| more);
        let positions = found.iter().map(|reservation| reservation.created.position).collect();
        let contacts = self.confidential_of(positions).await?;
        let mut views = Vec::with_capacity(found.len());
        for (reservation, contact) in found.iter().zip(contacts) {
            views.push(self.view_with(reservation, contact).await?);
        }
        Ok((views, last))
    }
}

impl ReservationView {
    fn of(
        reservation: &Reservation,
        venue_name: String,
        contact: Option<Contact>,
        description: Option<Description>,
    ) -> Self {
        let booking = &reservation.booking;
        let (contact_name, table_preference, special_requests) = match contact {
            Some(contact) => (Some(contact.name), contact.table_preference, contact.special_requests),
            None => (None, None, None),
        };
        Self {
            reservation_id: reservation.id.to_string(),
            customer_id: booking.customer_id.to_string(),
            status: reservation.status.word(),
            start_time: local(booking.window.start, &booking.timezone),
            end_time: local(booking.window.end, &booking.timezone),
            contact_name,
            table_area: reservation.tables.first().map(|table| table.area.clone()),
            party_size: booking.party_size.get(),
            venue_id: booking.venue_id.to_string(),
            venue_name,
            timezone: booking.timezone.clone(),
            tables: reservation.tables.iter().map(TableView::of).collect(),
            deposit: DepositView::of(&reservation.deposit, reservation.hold_expires_at()),
            no_show_fee: reservation.fee.as_deref().map(|fee| DepositView::of(fee, fee.due_by())),
            payment: PaymentView::of(&reservation.deposit, booking.payment_channel.as_ref()),
            policy: PolicyView {
                deposit_required: booking.policy.deposit_required,
                auto_cancel_minutes: booking.policy.auto_cancel_minutes,
                free_cancellation_minutes: booking.policy.free_cancellation_minutes,
                auto_confirm: booking.policy.auto_confirm,
                no_show_grace_minutes: booking.policy.no_show_grace_minutes,
                no_show_fee: booking.policy.no_show_fee,
            },
            cancellation: CancellationView::of(&reservation.status, description),
            table_preference,
            special_requests,
            locale: booking.locale.tag(),
            created_at: reservation.created.time,
            version: reservation.version,
        }
    }
}

/// The state of a reservation as JSON, without personal data.
#[must_use]
pub fn state_of(reservation: &Reservation) -> serde_json::Value {
    let view = ReservationView::of(reservation, String::new(), None, None);
    let mut state = serde_json::to_value(view).unwrap_or_default();
    if let serde_json::Value::Object(members) = &mut state {
        // Personal data, or not recorded in the log.
        for elsewhere in ["contact_name", "table_preference", "special_requests", "venue_name"] {
            members.remove(elsewhere);
        }
    }
    state
}

impl TableView {
    fn of(table: &TableAssignment) -> Self {
        Self {
            assignment_id: table.id.to_string(),
            table_id: table.table_id.to_string(),
            area: table.area.clone(),
            capacity: table.capacity,
        }
    }
}

impl DepositView {
    fn of(deposit: &Charge, expires_at: Option<DateTime<Utc>>) -> Self {
        let status = match deposit {
            Charge::NotRequired => "not_required",
            Charge::Due(_) => "due",
            Charge::Waived(_) => "waived",
            Charge::Paid(paid) => refund_word(paid.refunded_minor, paid.amount).unwrap_or("paid"),
        };
        Self {
            required: !matches!(deposit, Charge::NotRequired),
            status,
            amount_minor: deposit.amount().map(|amount| amount.amount_minor),
            currency: deposit.amount().map(|amount| amount.currency.to_string()),
            expires_at,
        }
    }
}

impl PaymentView {
    fn of(deposit: &Charge, asked: Option<&String>) -> Option<Self> {
        Some(match deposit {
            Charge::NotRequired => return None,
            Charge::Due(due) | Charge::Waived(due) => Self {
                payment_id: due.payment_id.to_string(),
                status: if due.failure.is_some() { "failed" } else { "requested" },
                channel: asked.cloned(),
                provider_reference: None,
                refunded_minor: 0,
                failure: due.failure.clone(),
            },
            Charge::Paid(paid) => Self {
                payment_id: paid.payment_id.to_string(),
                status: refund_word(paid.refunded_minor, paid.amount).unwrap_or("completed"),
                channel: Some(paid.channel.clone()),
                provider_reference: Some(paid.provider_reference.clone()),
                refunded_minor: paid.refunded_minor,
                failure: None,
            },
        })
    }
}

fn refund_word(refunded_minor: i64, paid: Money) -> Option<&'static str> {
    match refunded_minor {
        0 => None,
        all if all >= paid.amount_minor => Some("refunded"),
        _ => Some("partly_refunded"),
    }
}

impl CancellationView {
    fn of(status: &Status, description: Option<Description>) -> Option<Self> {
        let Status::Cancelled { by, reason_code, .. } = status else { return None };
        let cancelled_by = match by {
            CancelledBy::Guest => "guest",
            CancelledBy::Staff => "staff",
            CancelledBy::System => "system",
        };
        let description = description.map(|words| words.description);
        Some(Self { cancelled_by, reason_code: reason_code.clone(), description })
    }
}
