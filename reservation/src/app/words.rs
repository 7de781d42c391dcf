//! The words of the interface for the states of the domain.

use contract::reservation::attendance::AttendanceView;
use contract::reservation::words::{
    ActorKind, AffectedReason, Canceller, ChargeStatus, FeePer, PaymentStatus, ReservationStatus, SlotReason,
    TableShape, WaitlistStatus,
};
use events::values::{self, DepositPer, Initiator, Money};

use crate::domain::attendance::Attendance;
use crate::domain::availability::{self, Unavailable};
use crate::domain::waitlist::WaitlistState;
use crate::domain::{Charge, Status};

/// The word for the status of a reservation.
#[must_use]
pub fn status(status: &Status) -> ReservationStatus {
    match status {
        Status::Pending => ReservationStatus::Pending,
        Status::Confirmed => ReservationStatus::Confirmed,
        Status::CheckedIn => ReservationStatus::CheckedIn,
        Status::Completed => ReservationStatus::Completed,
        Status::Cancelled { .. } => ReservationStatus::Cancelled,
        Status::NoShow => ReservationStatus::NoShow,
    }
}

/// The word for the status of a waitlist entry.
#[must_use]
pub fn waitlist_status(state: &WaitlistState) -> WaitlistStatus {
    match state {
        WaitlistState::Waiting => WaitlistStatus::Waiting,
        WaitlistState::Offered(_) => WaitlistStatus::Offered,
        WaitlistState::Accepted(_) => WaitlistStatus::Accepted,
        WaitlistState::Left { .. } => WaitlistStatus::Left,
    }
}

/// The word for the shape of a table.
#[must_use]
pub fn table_shape(shape: availability::TableShape) -> TableShape {
    match shape {
        availability::TableShape::Round => TableShape::Round,
        availability::TableShape::Square => TableShape::Square,
        availability::TableShape::Rectangle => TableShape::Rectangle,
    }
}

/// The word for the status of a deposit or of a no-show fee.
#[must_use]
pub fn charge_status(charge: &Charge) -> ChargeStatus {
    match charge {
        Charge::NotRequired => ChargeStatus::NotRequired,
        Charge::Due(_) => ChargeStatus::Due,
        Charge::Waived(_) => ChargeStatus::Waived,
        Charge::Paid(paid) => {
            refunded(paid.refunded_minor, paid.amount, ChargeStatus::PartlyRefunded, ChargeStatus::Refunded)
                .unwrap_or(ChargeStatus::Paid)
        }
    }
}

/// The word for the status of a paid payment.
#[must_use]
pub fn payment_status(refunded_minor: i64, paid: Money) -> PaymentStatus {
    refunded(refunded_minor, paid, PaymentStatus::PartlyRefunded, PaymentStatus::Refunded)
        .unwrap_or(PaymentStatus::Completed)
}

/// `partly` or `all`, if some or all of a payment was refunded.
fn refunded<T>(refunded_minor: i64, paid: Money, partly: T, all: T) -> Option<T> {
    match refunded_minor {
        0 => None,
        minor if minor >= paid.amount_minor => Some(all),
        _ => Some(partly),
    }
}

/// The word for the reason why a reservation does not comply with the rules; `None` for a reason that a later version
/// recorded.
#[must_use]
pub fn affected_reason(reason: &str) -> Option<AffectedReason> {
    AffectedReason::from_word(reason)
}

/// The word for the reason why a slot is not available.
#[must_use]
pub fn slot_reason(reason: Unavailable) -> SlotReason {
    match reason {
        Unavailable::Closed => SlotReason::Closed,
        Unavailable::TooSoon => SlotReason::TooSoon,
        Unavailable::TooLate => SlotReason::TooLate,
        Unavailable::PartyTooLarge => SlotReason::PartyTooLarge,
        Unavailable::Pacing => SlotReason::Pacing,
        Unavailable::NoTable => SlotReason::NoTable,
    }
}

/// The word for the kind of actor that cancelled.
#[must_use]
pub fn canceller(by: Initiator) -> Canceller {
    match by {
        Initiator::Guest => Canceller::Guest,
        Initiator::Staff => Canceller::Staff,
        Initiator::System => Canceller::System,
    }
}

/// The word for the unit of a fee.
#[must_use]
pub fn fee_per(per: DepositPer) -> FeePer {
    match per {
        DepositPer::Guest => FeePer::Guest,
        DepositPer::Party => FeePer::Party,
    }
}

/// The word for the kind of an actor.
#[must_use]
pub fn actor_kind(kind: values::ActorKind) -> ActorKind {
    match kind {
        values::ActorKind::AppUser => ActorKind::AppUser,
        values::ActorKind::User => ActorKind::User,
        values::ActorKind::ApiKey => ActorKind::ApiKey,
        values::ActorKind::ServiceAccount => ActorKind::ServiceAccount,
        values::ActorKind::System => ActorKind::System,
        values::ActorKind::Unauthenticated => ActorKind::Unauthenticated,
        values::ActorKind::Unknown => ActorKind::Unknown,
    }
}

/// What a guest was asked and answered.
#[must_use]
pub fn attendance(attendance: &Attendance) -> AttendanceView {
    let answered = attendance.answered.as_ref();
    AttendanceView {
        question: attendance.question,
        asked_at: attendance.asked_at,
        answer: answered.map(|(answered, _)| answered.answer),
        late_minutes: answered.and_then(|(answered, _)| answered.late_minutes),
        answered_at: answered.map(|(_, at)| *at),
    }
}
