//! How a reservation is answered.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chassis::problem::Problem;
use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use events::values::{CancelledBy, Money, NoShowFee};
use events::{Position, VenueId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use super::problem::read_problem;
use crate::app::App;
use crate::domain::reservation::TableAssignment;
use crate::domain::{Deposit, Reservation, Status};
use crate::handle::{Earlier, Handled};
use crate::private::{Contact, Description};

/// A reservation.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReservationView {
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
    /// Null once the contact was erased.
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
    /// The fee for not having come, as far as the deposit did not cover it; null before one is due.
    no_show_fee: Option<DepositView>,
    payment: Option<PaymentView>,
    policy: PolicyView,
    cancellation: Option<CancellationView>,
    table_preference: Option<String>,
    special_requests: Option<String>,
    #[schema(example = "id")]
    locale: &'static str,
    created_at: DateTime<Utc>,
    /// Rises with every change; the ETag is this number in quotes.
    #[schema(example = 1)]
    version: u64,
}

/// A table that the party has.
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
    /// When an unpaid hold is cancelled.
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

/// The house rules of the moment of booking.
#[derive(Debug, Serialize, ToSchema)]
struct PolicyView {
    deposit_required: bool,
    #[schema(example = 15)]
    auto_cancel_minutes: u32,
    #[schema(example = 1440)]
    free_cancellation_minutes: u32,
    /// Whether it was confirmed at once if it needed no deposit.
    auto_confirm: bool,
    /// Minutes after the start at which a party that never came is a no-show by itself.
    #[schema(example = 20)]
    no_show_grace_minutes: Option<u32>,
    /// What a party owes that never came.
    #[schema(value_type = Option<Object>)]
    no_show_fee: Option<NoShowFee>,
}

/// Why and by whom a reservation was called off.
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
    /// The representation of `reservation`, with its private parts.
    pub(super) async fn view(&self, reservation: &Reservation) -> Result<ReservationView, Problem> {
        let contact = self.private(reservation.created.position).await?;
        self.view_with(reservation, contact).await
    }

    /// The same for whoever has the contact at hand.
    async fn view_with(
        &self,
        reservation: &Reservation,
        contact: Option<Contact>,
    ) -> Result<ReservationView, Problem> {
        let description: Option<Description> = match &reservation.status {
            Status::Cancelled { described_at: Some(at), .. } => self.private(*at).await?,
            _ => None,
        };
        let venue_name = self.venue_name(&reservation.booking.venue_id);
        Ok(ReservationView::of(reservation, venue_name, contact, description))
    }

    /// A venue whose file is gone is still known by its id.
    pub(super) fn venue_name(&self, id: &VenueId) -> String {
        self.venues.get(Some(id)).map_or_else(|| id.to_string(), |venue| venue.name.clone())
    }

    /// A private part, unless it was forgotten.
    pub(super) async fn private<T: DeserializeOwned>(&self, at: Position) -> Result<Option<T>, Problem> {
        let bytes = self.store.private(at).await.map_err(read_problem)?;
        bytes
            .map(|bytes| serde_json::from_slice(&bytes))
            .transpose()
            .map_err(|error| Problem::internal(&error))
    }

    /// The answer to a command.
    pub(super) async fn answer(&self, handled: &Handled) -> Result<Response, Problem> {
        Ok(answer(handled, &self.view(&handled.reservation).await?))
    }

    /// The first answer once more, for a repeat.
    pub(super) async fn answer_again(&self, earlier: &Earlier, creates: bool) -> Response {
        let answer = match earlier {
            Earlier::Reservation(handled) if creates => self.answer_created(handled, None).await,
            Earlier::Reservation(handled) => self.answer(handled).await,
            Earlier::Waiting(waited) => self.answer_waiting(waited, creates).await,
        };
        answer.unwrap_or_else(Problem::into_response)
    }

    /// The answer to a booking. Who just booked has told their `contact`.
    pub(super) async fn answer_created(
        &self,
        handled: &Handled,
        contact: Option<Contact>,
    ) -> Result<Response, Problem> {
        let view = match contact {
            // The first answer once more: what it said may have been forgotten since.
            contact @ Some(_) if !handled.replayed => self.view_with(&handled.reservation, contact).await?,
            _ => self.view(&handled.reservation).await?,
        };
        Ok(located(answer(handled, &view), &format!("/api/reservations/{}", handled.reservation.id)))
    }
}

/// Says where what was created is.
pub(super) fn located(mut response: Response, path: &str) -> Response {
    if let Ok(location) = HeaderValue::from_str(path) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

fn answer(handled: &Handled, view: &ReservationView) -> Response {
    marked(with_etag(view, handled.reservation.version), handled.replayed)
}

/// Marks an answer that is given once more.
pub(super) fn marked(mut response: Response, replayed: bool) -> Response {
    if replayed {
        response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
    }
    response
}

/// 200 with the version as a strong ETag.
pub(super) fn with_etag(view: &impl Serialize, version: u64) -> Response {
    (StatusCode::OK, [(header::ETAG, format!("\"{version}\""))], axum::Json(view)).into_response()
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

/// The state of a reservation as JSON, without anything personal.
pub(crate) fn state_of(reservation: &Reservation) -> serde_json::Value {
    let view = ReservationView::of(reservation, String::new(), None, None);
    let mut state = serde_json::to_value(view).unwrap_or_default();
    if let serde_json::Value::Object(members) = &mut state {
        // Personal, or not of the log.
        for elsewhere in ["contact_name", "table_preference", "special_requests", "venue_name"] {
            members.remove(elsewhere);
        }
    }
    state
}

/// `at` as the clocks at the venue show it.
pub(crate) fn local(at: DateTime<Utc>, timezone: &str) -> String {
    match timezone.parse::<Tz>() {
        Ok(zone) => at.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::Secs, false),
        // A zone that was dropped from the database since: UTC is still the right instant.
        Err(_) => at.to_rfc3339_opts(SecondsFormat::Secs, true),
    }
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
    fn of(deposit: &Deposit, expires_at: Option<DateTime<Utc>>) -> Self {
        let status = match deposit {
            Deposit::NotRequired => "not_required",
            Deposit::Due(_) => "due",
            Deposit::Waived(_) => "waived",
            Deposit::Paid(paid) => refund_word(paid.refunded_minor, paid.amount).unwrap_or("paid"),
        };
        Self {
            required: !matches!(deposit, Deposit::NotRequired),
            status,
            amount_minor: deposit.amount().map(|amount| amount.amount_minor),
            currency: deposit.amount().map(|amount| amount.currency.to_string()),
            expires_at,
        }
    }
}

impl PaymentView {
    fn of(deposit: &Deposit, asked: Option<&String>) -> Option<Self> {
        Some(match deposit {
            Deposit::NotRequired => return None,
            Deposit::Due(due) | Deposit::Waived(due) => Self {
                payment_id: due.payment_id.to_string(),
                status: if due.failure.is_some() { "failed" } else { "requested" },
                channel: asked.cloned(),
                provider_reference: None,
                refunded_minor: 0,
                failure: due.failure.clone(),
            },
            Deposit::Paid(paid) => Self {
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
