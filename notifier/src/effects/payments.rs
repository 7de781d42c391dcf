//! Payments in the effect log: decisions, refunds by operators, and queries.

use events::recorded::EventMetadata;
use events::store::{AppendCondition, AppendError};
use events::{PaymentId, Position, Query, ReservationId};
use sha2::{Digest as _, Sha256};

use super::{EffectLog, EffectLogError, EffectState, TrackedEffect};
use crate::domain::effect::{Effect, EffectKey, PaymentOutcome, PaymentResult};
use crate::effects::entry::{Entry, PaymentDecided, Scheduled, Turn, effect_tag};
use crate::effects::payment::{Payment, PaymentStatus};
use crate::failpoint;
use crate::ports::payment::ProviderStatus;

/// A refund that was ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderedRefund {
    /// The effect that makes it.
    pub key: EffectKey,
    /// Whether it was ordered earlier, with the same name.
    pub replayed: bool,
}

/// Maximum length of a name that becomes part of a key as it is, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// The name of an order as a part of a key. Keys are shown in URLs and compared by providers, so that a name with other
/// characters is replaced by its digest.
fn part_of_key(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    match name.len() <= NAME_BYTES_MAX && name.bytes().all(is_plain) {
        true => name.to_owned(),
        false => format!("sha256-{}", hex::encode(&Sha256::digest(name)[..16])),
    }
}

impl EffectLog {
    /// Records the status that the provider reports for a payment, and schedules the report to the reservation
    /// service. The first decision stands, with one exception: money that arrived counts, whatever was reported before.
    ///
    /// # Errors
    /// [`EffectLogError`]; nothing was appended.
    pub async fn decide(&self, reference: &str, status: ProviderStatus) -> Result<Payment, EffectLogError> {
        loop {
            let (payment, since) = self
                .payment_by_reference(reference)
                .ok_or_else(|| EffectLogError::UnknownPayment(reference.to_owned()))?;
            let is_news = match (payment.status, status) {
                (_, ProviderStatus::Open) | (PaymentStatus::Paid, _) => false,
                (PaymentStatus::Pending, _) | (_, ProviderStatus::Paid(_)) => true,
                (PaymentStatus::Refused | PaymentStatus::Expired, _) => false,
            };
            if !is_news {
                return Ok(payment);
            }
            let (decided, told) = self.decision(&payment, status);
            let correlation_id = payment.opened.correlation_id.clone();
            let by = EventMetadata { correlation_id, ..EventMetadata::system("provider") };
            let tag = events::Tag::payment(payment.id());
            let unchanged = AppendCondition::unchanged(Query::any_tag([tag]), since);
            failpoint::hit("decide.before_append");
            let entries = vec![Entry::PaymentDecided(decided), Entry::EffectScheduled(told)];
            match self.write(entries, &by, unchanged).await {
                // A concurrent decision was appended. It is returned once it is part of the state.
                Err(EffectLogError::Append(AppendError::Conflict { .. })) => tokio::task::yield_now().await,
                Err(error) => return Err(error),
                Ok(()) => failpoint::hit("decide.after_append"),
            }
        }
    }

    fn decision(&self, payment: &Payment, status: ProviderStatus) -> (PaymentDecided, Scheduled) {
        let (opened, payment_id) = (&payment.opened, payment.id());
        let failed = |code: &str| PaymentOutcome::Failed { reason_code: code.into() };
        let (word, outcome) = match status {
            ProviderStatus::Paid(amount) => {
                let (channel, provider_reference) =
                    (opened.channel.clone(), opened.provider_reference.clone());
                ("completed", PaymentOutcome::Completed { amount, channel, provider_reference })
            }
            ProviderStatus::Closed => ("expired", failed("expired")),
            ProviderStatus::Open | ProviderStatus::Refused => ("failed", failed("refused")),
        };
        let amount = match status {
            ProviderStatus::Paid(amount) if amount != opened.amount => Some(amount),
            _ => None,
        };
        let (paid, closed) = (matches!(status, ProviderStatus::Paid(_)), status == ProviderStatus::Closed);
        let result = PaymentResult { payment_id, outcome };
        let told = Scheduled {
            key: EffectKey(format!("{payment_id}.{word}")),
            effect: Effect::PostPayment { reservation_id: opened.reservation_id, result },
            due_at: self.inner.env.now(),
            event_id: None,
            correlation_id: opened.correlation_id.clone(),
            traceparent: None,
            turn: None,
        };
        (PaymentDecided { payment_id, paid, amount, closed }, told)
    }

    /// Schedules a refund of `amount_minor`, or of all that is left. The same `name`, if one is given, means the same
    /// refund.
    ///
    /// # Errors
    /// [`EffectLogError`] when it cannot be refunded; nothing was scheduled.
    pub async fn refund(
        &self,
        payment_id: PaymentId,
        amount_minor: Option<i64>,
        name: Option<&str>,
        by: &EventMetadata,
    ) -> Result<OrderedRefund, EffectLogError> {
        let (scheduled, since) = {
            let state = self.state();
            let (payment, since) = state
                .payments
                .get(payment_id)
                .ok_or_else(|| EffectLogError::UnknownPayment(payment_id.to_string()))?;
            let refunds: Vec<_> = state.effects.refunds_of(payment_id).collect();
            let name = name
                .map_or_else(|| (refunds.len() + 1).to_string(), |name| format!("by-{}", part_of_key(name)));
            let key = EffectKey(format!("{payment_id}.refund-{name}"));
            if let Some(TrackedEffect {
                scheduled: Scheduled { effect: Effect::Refund { amount, .. }, .. },
                ..
            }) = state.effects.get(&key)
            {
                return match amount_minor {
                    Some(asked) if asked != amount.amount_minor => Err(EffectLogError::OtherRefund(key)),
                    _ => Ok(OrderedRefund { key, replayed: true }),
                };
            }
            if let Some((dead, ..)) =
                refunds.iter().find(|(_, state, _)| matches!(state, EffectState::Dead(_)))
            {
                return Err(EffectLogError::DeadRefund((*dead).clone()));
            }
            let waiting = refunds.iter().filter(|(_, state, _)| matches!(state, EffectState::Waiting(_)));
            let on_their_way: i64 = waiting.map(|(_, _, minor)| minor).sum();
            let left = payment.refundable().map_or(0, |left| left.amount_minor);
            let left_minor = (left - on_their_way).max(0);
            let asked_minor = amount_minor.unwrap_or(left_minor);
            if asked_minor < 1 || asked_minor > left_minor {
                return Err(EffectLogError::NotRefundable { payment_id, left_minor, asked_minor });
            }
            let amount = events::values::Money { amount_minor: asked_minor, ..payment.opened.amount };
            let effect = Effect::Refund { reservation_id: payment.reservation_id(), payment_id, amount };
            let (due_at, correlation_id) = (self.inner.env.now(), by.correlation_id.clone());
            let (traceparent, turn) = (by.traceparent.clone(), Some(Turn::of(by.clone())));
            (Scheduled { key, effect, due_at, event_id: None, correlation_id, traceparent, turn }, *since)
        };
        let key = scheduled.key.clone();
        let tags = [events::Tag::payment(payment_id), effect_tag(&key)];
        let unchanged = AppendCondition::unchanged(Query::any_tag(tags), since);
        self.write(vec![Entry::EffectScheduled(scheduled)], by, unchanged).await?;
        Ok(OrderedRefund { key, replayed: false })
    }

    /// At most `limit` payments that match `wanted`, by [`Payment::place`].
    pub fn payments(&self, wanted: impl Fn(&Payment) -> bool, limit: usize) -> Vec<Payment> {
        let state = self.state();
        let mut found: Vec<_> = state.payments.iter().filter(|payment| wanted(payment)).collect();
        found.sort_by_key(|payment| payment.place());
        found.into_iter().take(limit).cloned().collect()
    }

    /// The payments without a decision.
    pub fn pending(&self) -> Vec<Payment> {
        self.state().payments.pending().cloned().collect()
    }

    /// The payments of a reservation without a decision.
    pub fn open_payments_of(&self, reservation_id: ReservationId) -> Vec<Payment> {
        let state = self.state();
        let all = state.payments.of_reservation(reservation_id);
        all.filter(|payment| payment.status == PaymentStatus::Pending).cloned().collect()
    }

    /// All payments of a reservation.
    pub fn payments_of(&self, reservation_id: ReservationId) -> Vec<Payment> {
        self.state().payments.of_reservation(reservation_id).cloned().collect()
    }

    /// A payment by its id.
    pub fn payment(&self, id: PaymentId) -> Option<Payment> {
        self.state().payments.get(id).map(|(payment, _)| payment.clone())
    }

    fn payment_by_reference(&self, reference: &str) -> Option<(Payment, Position)> {
        self.state().payments.by_reference(reference).cloned()
    }

    /// A payment by the provider's reference.
    pub fn payment_of(&self, reference: &str) -> Option<Payment> {
        self.payment_by_reference(reference).map(|(payment, _)| payment)
    }
}
