//! The representation of a reservation.

use chrono::{DateTime, Utc};
use events::values::{Currency, Money, PartySize, ReservationCode};
use events::{AssignmentId, ClosureId, CustomerId, EventId, PaymentId, ReservationId, TableId, VenueId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::attendance::AttendanceView;
use super::contact::{ContactProofView, ProofLinkView};
use super::venues::ProfileView;
use super::words::{
    AffectedReason, Canceller, ChargeStatus, FeePer, Language, PaymentStatus, ReservationStatus,
};
use crate::values::LocalTime;

/// The link of a guest to their own booking or waitlist entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GuestLinkView {
    /// What to present as `Authorization: Bearer …`.
    #[schema(example = "mejal_AQEBk58-eyp8PZ5PWmt8jZ4PAAAAAKbzB3gOJZ4PAAAAAKbzB3g")]
    pub token: String,
    /// The page of the booking or the entry.
    #[schema(
        example = "http://127.0.0.1:8080/r/01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f/mejal_AQEBk58-eyp8PZ5PWmt8jZ4PAAAAAKbzB3gOJZ4PAAAAAKbzB3g"
    )]
    pub url: String,
    /// Until when the guest can change something by it. Reading ends when the personal data is erased.
    pub expires_at: DateTime<Utc>,
}

/// A reservation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReservationView {
    /// The id of the reservation.
    pub reservation_id: ReservationId,
    /// The short code, which people read to each other. Unique among the reservations of the venue that are not past.
    pub code: ReservationCode,
    /// The opaque id of the customer, as the caller chose it.
    #[schema(value_type = String, example = "cust-42")]
    pub customer_id: CustomerId,
    /// The status.
    pub status: ReservationStatus,
    /// The arrival.
    pub start_time: LocalTime,
    /// The end of the visit.
    pub end_time: LocalTime,
    /// Null after the contact was erased. In lists the first name and an initial: `Sari W.`
    #[schema(example = "Sari Wulandari")]
    pub contact_name: Option<String>,
    /// The area of the assigned table.
    #[schema(example = "Teras")]
    pub table_area: Option<String>,
    /// The number of guests.
    #[schema(value_type = u8, minimum = 1, example = 2)]
    pub party_size: PartySize,
    /// The venue.
    pub venue_id: VenueId,
    /// The name of the venue.
    #[schema(example = "Warung Sinar Dago")]
    pub venue_name: String,
    /// The address and the contact of the venue.
    pub venue_profile: ProfileView,
    /// The IANA time zone of the venue.
    #[schema(example = "Asia/Jakarta")]
    pub timezone: String,
    /// The tables.
    pub tables: Vec<TableView>,
    /// Whether staff have to find a table for the party: it lost its table to another party, or booked before the venue
    /// assigned tables.
    pub needs_table: bool,
    /// The deposit.
    pub deposit: DepositView,
    /// The no-show fee, as far as the deposit did not cover it; null unless one is due.
    pub no_show_fee: Option<DepositView>,
    /// The payment of the deposit; null if there is none.
    pub payment: Option<PaymentView>,
    /// The policy of the venue at the time of booking.
    pub policy: PolicyView,
    /// Until when the guest can cancel and gets the deposit back. A move by the restaurant never makes it earlier, and a
    /// move by the guest does not renew a deadline that has passed.
    pub free_cancellation_until: LocalTime,
    /// Why it does not comply with the rules of the venue, which changed after the booking; null if it does.
    pub affected_by_rules: Option<AffectedReason>,
    /// The closure that it falls under; null if it falls under none.
    #[serde(default)]
    pub closure_id: Option<ClosureId>,
    /// The cancellation; null unless it was cancelled.
    pub cancellation: Option<CancellationView>,
    /// The preferred table, in the words of the guest.
    pub table_preference: Option<String>,
    /// Special requests, in the words of the guest.
    pub special_requests: Option<String>,
    /// Allergies and other things that a guest cannot eat. Null in lists.
    #[serde(default)]
    pub allergies: Option<String>,
    /// Whether the guest named allergies: in a list, read the reservation then.
    #[serde(default)]
    pub has_allergies: bool,
    /// The number of high chairs.
    #[serde(default)]
    pub high_chairs: u32,
    /// Notes of the staff. Absent for guests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staff_notes: Option<String>,
    /// Words of the staff such as `vip`. Absent for guests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The language of messages.
    pub locale: Language,
    /// Where the booking comes from: `booking`, `walk_in`, `waitlist`, or the source of an import.
    #[serde(default)]
    #[schema(example = "booking")]
    pub source: String,
    /// What the guest was asked last, and the answer; null if nothing was asked.
    #[serde(default)]
    pub attendance: Option<AttendanceView>,
    /// The proof of contact that is missing; null if the contact is proved, the deposit is paid, or staff or a key made the booking.
    #[serde(default)]
    pub contact_proof: Option<ContactProofView>,
    /// The time of the request.
    pub created_at: DateTime<Utc>,
    /// Increases with every change; the ETag is this number in quotes.
    #[schema(example = 1)]
    pub version: u64,
    /// The link of the guest: only in the response to the request that created the booking, or that renewed the link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub guest_link: Option<GuestLinkView>,
}

/// An assigned table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TableView {
    /// The id of the assignment.
    pub assignment_id: AssignmentId,
    /// The table.
    pub table_id: TableId,
    /// The area.
    #[schema(example = "Teras")]
    pub area: String,
    /// The number of seats.
    #[schema(example = 4)]
    pub capacity: u8,
}

/// A deposit or a no-show fee.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DepositView {
    /// Whether there is one.
    pub required: bool,
    /// The status.
    pub status: ChargeStatus,
    /// Minor units of the currency.
    #[schema(example = 30_000_000)]
    pub amount_minor: Option<i64>,
    /// ISO 4217.
    pub currency: Option<Currency>,
    /// When an unpaid hold expires.
    pub expires_at: Option<DateTime<Utc>>,
    /// The payment that was requested last.
    #[serde(default)]
    pub payment_id: Option<PaymentId>,
    /// The guest's link to pay it: the end of `/checkout/…`. Only for the guest, while it is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "mejal_AQMBk58-eyp8PZ5PWmt8jZ4PAAAAAKbzB3gOJZ4PAAAAAKbzB3g")]
    pub pay_link: Option<String>,
}

impl DepositView {
    /// Whether the guest has to pay it.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.status == ChargeStatus::Due
    }

    /// The amount, if there is one.
    #[must_use]
    pub fn amount(&self) -> Option<Money> {
        Some(Money { amount_minor: self.amount_minor?, currency: self.currency? })
    }
}

/// The payment of a deposit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PaymentView {
    /// The payment.
    pub payment_id: PaymentId,
    /// The status.
    pub status: PaymentStatus,
    /// The payment channel.
    #[schema(example = "qris")]
    pub channel: Option<String>,
    /// The provider's reference. Null in lists.
    pub provider_reference: Option<String>,
    /// The refunded amount, in minor units.
    pub refunded_minor: i64,
    /// Why the last attempt failed, as a stable code.
    pub failure: Option<String>,
}

/// The policy snapshot of the booking.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PolicyView {
    /// Whether bookings need a deposit.
    pub deposit_required: bool,
    /// How long an unpaid booking is held.
    #[schema(example = 15)]
    pub auto_cancel_minutes: u32,
    /// Until when before the start a guest gets the deposit back.
    #[schema(example = 1440)]
    pub free_cancellation_minutes: u32,
    /// Whether a booking without a deposit is confirmed immediately.
    pub auto_confirm: bool,
    /// Minutes after the start at which a party that has not arrived becomes a no-show automatically.
    #[schema(example = 20)]
    pub no_show_grace_minutes: Option<u32>,
    /// The fee that a party owes if it never arrives.
    pub no_show_fee: Option<FeeView>,
    /// Whether a smaller party gets back the part of its deposit that no longer applies.
    #[serde(default)]
    pub refund_on_shrink: bool,
}

/// A fee for a party that never arrives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FeeView {
    /// The unit.
    pub per: FeePer,
    /// The amount for each unit.
    pub amount: Money,
}

/// The cancellation of a reservation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CancellationView {
    /// Who cancelled.
    pub cancelled_by: Canceller,
    /// A stable code.
    #[schema(example = "guest_request")]
    pub reason_code: String,
    /// The description, in the words of the person who cancelled.
    pub description: Option<String>,
    /// Whether it was cancelled together with all bookings under a closure.
    #[serde(default)]
    pub by_closure: bool,
}

/// A page of reservations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReservationList {
    /// The items.
    pub items: Vec<ReservationView>,
    /// The `cursor` of the next page; null on the last page.
    pub next_cursor: Option<String>,
    /// The id of the event at which the feed continues: the `lastEventId` of `/events`. The result contains everything up to
    /// it. Null for an empty log.
    #[serde(default)]
    pub feed_cursor: Option<EventId>,
    /// Only for a search: whether all visits were searched. For a while after a start, older visits are not found yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub complete: Option<bool>,
}

/// The contact of a guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ContactView {
    /// The guest's name.
    #[schema(example = "Sari Wulandari")]
    pub name: String,
    /// E.164.
    #[schema(example = "+6281234567890")]
    pub phone: String,
    /// The e-mail address, as mail servers understand it: the domain is in ASCII.
    #[schema(example = "info@xn--mller-kva.de")]
    pub email: String,
    /// The e-mail address as the guest wrote it.
    #[schema(example = "info@müller.de")]
    pub email_typed: String,
    /// Whether the phone number gets text messages: premium-rate, shared-cost and satellite numbers do not.
    pub text_messages: bool,
    /// The link to the booking or the waitlist entry; null for a walk-in.
    #[serde(default)]
    pub guest_link: Option<GuestLinkView>,
    /// The links to pay what is due.
    #[serde(default)]
    pub pay_links: Vec<PayLinkView>,
    /// What the guest needs to prove this contact; null if the guest was not asked to.
    #[serde(default)]
    pub proof: Option<ProofLinkView>,
}

/// The link of a guest to pay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PayLinkView {
    /// The payment.
    pub payment_id: PaymentId,
    /// The end of the URL of the checkout page.
    #[schema(example = "mejal_AQMBk58-eyp8PZ5PWmt8jZ4PAAAAAKbzB3gOJZ4PAAAAAKbzB3g")]
    pub token: String,
}
