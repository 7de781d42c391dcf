//! Sends the current message again after the address of a guest was corrected. Part of [`super`].

use contract::reservation::words::ReservationStatus;
use events::ReservationId;
use events::recorded::EventMetadata;
use events::values::{Medium, Purpose};

use super::{EffectExecutor, Execution, Failure};
use crate::domain::effect::{Effect, Template};
use crate::domain::visit::Reservation;
use crate::effects::TrackedEffect;

impl EffectExecutor {
    /// Plans the messages by `media` that tell the guest the current state. An effect of a message that was not sent yet
    /// reads the address when it is sent, so that nothing goes to the previous one.
    pub(super) async fn send_again(
        &self,
        effect: &TrackedEffect,
        reservation_id: ReservationId,
        media: &[Medium],
        by: &EventMetadata,
    ) -> Result<Execution, Failure> {
        let Some(reservation) = self.reservation_api.reservation(reservation_id, by).await? else {
            return Ok(Execution::skipped("there is nothing left to report"));
        };
        let Some(template) = current(&reservation) else {
            return Ok(Execution::skipped("no message is current"));
        };
        let purpose = match template {
            Template::DepositDue => Some(Purpose::Deposit),
            Template::FeeDue => Some(Purpose::NoShowFee),
            _ => None,
        };
        let mut open = self.effect_log.open_payments_of(reservation_id).into_iter();
        let payment =
            purpose.map(|purpose| open.find(|payment| reservation.owes_payment(purpose, payment.id())));
        let (link, amount) = match payment {
            // The message follows when the payment is opened.
            Some(None) => return Ok(Execution::skipped("the payment is not open yet")),
            Some(Some(payment)) => (Some(payment.opened.url), Some(payment.opened.amount)),
            None => (None, None),
        };
        let start = (template == Template::Confirmed).then(|| reservation.visit.start_time.to_utc());
        let message = |medium: &Medium| {
            let about = reservation_id.into();
            let message =
                Effect::Message { about, template, medium: *medium, start, link: link.clone(), amount };
            self.plan(effect.scheduled.key.then(&format!("{}-{}", medium.word(), template.name())), message)
        };
        let has_template = |medium: &&Medium| **medium == Medium::Mail || self.messages.has_sms(template);
        let then = media.iter().filter(has_template).map(message).collect();
        Ok(Execution { then, ..Execution::done() })
    }
}

/// The message that tells the guest the state of the reservation, if there is one.
fn current(reservation: &Reservation) -> Option<Template> {
    match reservation.status {
        ReservationStatus::Pending if reservation.owes(Purpose::Deposit) => Some(Template::DepositDue),
        // The correction has asked for another proof.
        ReservationStatus::Pending if reservation.contact_proof.is_some() => None,
        ReservationStatus::Pending => Some(Template::Received),
        ReservationStatus::Confirmed => Some(Template::Confirmed),
        ReservationStatus::Cancelled => Some(Template::Cancelled),
        ReservationStatus::NoShow if reservation.owes(Purpose::NoShowFee) => Some(Template::FeeDue),
        _ => None,
    }
}
