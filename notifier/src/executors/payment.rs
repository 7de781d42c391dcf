//! Effects at a payment provider, and reporting their results.

use contract::reservation::view::ContactView;
use events::recorded::EventMetadata;
use std::sync::Arc;

use events::values::{Medium, Money};
use events::{PaymentId, ReservationId};

use super::{EffectExecutor, Execution, Failure, System, provider, unknown_provider};
use crate::domain::effect::{
    Effect, EffectKey, PaymentOutcome, PaymentResult, Purpose, TakeDeposit, Template,
};
use crate::effects::TrackedEffect;
use crate::effects::entry::{Entry, PaymentLinkRenewed, PaymentOpened, PaymentReturned};
use crate::effects::payment::{Payment, PaymentStatus, link_sha256, pay_link_in};
use crate::failpoint;
use crate::ports::payment::{
    Asking, OpenedPayment, PaymentOrder, PaymentProvider, ProviderStatus, RefundOrder,
};
use crate::ports::reservation_api::{Refusal, ReservationError};

impl EffectExecutor {
    /// The provider of the payment that `effect` is about.
    pub(super) fn provider_of(&self, effect: &Effect) -> Option<Arc<dyn PaymentProvider>> {
        let name = match effect {
            Effect::TakeDeposit(deposit) => {
                self.payment_providers.channel(deposit.channel.as_deref(), deposit.amount)?.provider.clone()
            }
            Effect::Refund { payment_id, .. } => self.effect_log.payment(*payment_id)?.opened.provider,
            Effect::ClosePayments { payment_id, .. } => {
                self.effect_log.payment((*payment_id)?)?.opened.provider
            }
            _ => return None,
        };
        self.payment_providers.provider(&name).map(Arc::clone)
    }

    pub(super) async fn take_deposit(
        &self,
        effect: &TrackedEffect,
        deposit: &TakeDeposit,
        system: Option<&System>,
        by: &EventMetadata,
    ) -> Result<Execution, Failure> {
        let TakeDeposit { reservation_id, payment_id, amount, ref channel, purpose } = *deposit;
        let reservation = self.reservation_api.reservation(reservation_id, by).await?;
        let venue_id = reservation.as_ref().and_then(|reservation| reservation.venue_id.clone());
        let is_due = reservation.is_some_and(|reservation| reservation.owes_payment(purpose, payment_id));
        if !is_due && !effect.tried {
            return Ok(self.no_longer_due(effect, deposit));
        }
        let channel = self.payment_providers.channel(channel.as_deref(), amount).ok_or_else(|| {
            let Money { amount_minor, currency } = amount;
            let words = format!("no payment channel accepts {amount_minor} minor units of {currency}");
            Failure::permanent("no_channel", words)
        })?;
        let provider = provider(system, &channel.provider)?;
        let (asking, method) = (asking(effect), channel.method.clone());
        let order = PaymentOrder { asking, payment_id, reservation_id, amount, method };
        failpoint::hit("open.before_provider");
        let opened = match is_due {
            true => Some(provider.open(&order).await?),
            // An interrupted attempt may have opened it.
            false => provider.find(&order).await?,
        };
        failpoint::hit("open.after_provider");
        let Some(OpenedPayment { reference, url }) = opened else {
            return Ok(self.no_longer_due(effect, deposit));
        };
        // Read now, because a correction may have renewed the links meanwhile.
        let contact = self.reservation_api.contact(reservation_id.into(), by).await?;
        let page = Some(url.clone());
        let entry = Entry::PaymentOpened(PaymentOpened {
            payment_id,
            reservation_id,
            amount,
            channel: channel.code.clone(),
            purpose,
            provider: channel.provider.clone(),
            provider_reference: reference,
            url,
            correlation_id: by.correlation_id.clone(),
            link_sha256: Some(self.link_hash(contact.as_ref(), payment_id)),
            venue_id,
        });
        let key = &effect.scheduled.key;
        let close = |kind: &str, if_not_owed| {
            let payment_id = Some(payment_id);
            self.plan(key.then(kind), Effect::ClosePayments { reservation_id, payment_id, if_not_owed })
        };
        let then = if is_due {
            let (template, medium, amount) = (template(purpose), Medium::Mail, Some(amount));
            let about = reservation_id.into();
            let mail = Effect::Message { about, template, medium, start: None, link: page, amount };
            // A cancellation did not wait for this payment, and has closed only those that were open.
            vec![self.plan(key.then("mail"), mail), close("check", true)]
        } else {
            vec![close("close", false)]
        };
        Ok(Execution { entries: vec![entry], then, ..Execution::done() })
    }

    /// The hash of the guest's link to pay `payment_id`. After the contact was erased there is no such link: then the hash
    /// is that of random bytes, so that no link opens the page.
    fn link_hash(&self, contact: Option<&ContactView>, payment_id: PaymentId) -> String {
        let link = contact.and_then(|contact| pay_link_in(contact, payment_id));
        link.map_or_else(|| link_sha256(&hex::encode(self.env.random_bytes())), link_sha256)
    }

    /// Stores the new link to pay for the open payments of a reservation. The previous one no longer opens their pages.
    pub(super) async fn renew_pay_links(
        &self,
        reservation_id: ReservationId,
        by: &EventMetadata,
    ) -> Result<Execution, Failure> {
        let open = self.effect_log.open_payments_of(reservation_id);
        if open.is_empty() {
            return Ok(Execution::skipped("no payment is open"));
        }
        let contact = self.reservation_api.contact(reservation_id.into(), by).await?;
        let renewed = |payment: Payment| {
            let payment_id = payment.id();
            let link_sha256 = self.link_hash(contact.as_ref(), payment_id);
            Entry::PaymentLinkRenewed(PaymentLinkRenewed { payment_id, link_sha256 })
        };
        let entries = open.into_iter().map(renewed).collect();
        Ok(Execution { entries, ..Execution::done() })
    }

    fn no_longer_due(&self, effect: &TrackedEffect, deposit: &TakeDeposit) -> Execution {
        let outcome = PaymentOutcome::Failed { reason_code: "no_longer_due".into() };
        let result = PaymentResult { payment_id: deposit.payment_id, outcome };
        let told = Effect::PostPayment { reservation_id: deposit.reservation_id, result };
        let told = self.plan(effect.scheduled.key.then("no-longer-due"), told);
        Execution { then: vec![told], ..Execution::skipped("no longer due") }
    }

    /// Closes `payment_id` if the guest need not pay it any more; otherwise makes sure that the guest's link opens its page.
    pub(super) async fn close_if_not_owed(
        &self,
        reservation_id: ReservationId,
        payment_id: PaymentId,
        by: &EventMetadata,
    ) -> Result<Execution, Failure> {
        let Some(payment) = self.effect_log.payment(payment_id) else {
            return Ok(Execution::skipped("no payment is open"));
        };
        let reservation = self.reservation_api.reservation(reservation_id, by).await?;
        if !reservation.is_some_and(|it| it.owes_payment(payment.opened.purpose, payment_id)) {
            return self.close_payment(payment).await;
        }
        let contact = self.reservation_api.contact(reservation_id.into(), by).await?;
        let link_sha256 = self.link_hash(contact.as_ref(), payment_id);
        let is_renewed = payment.opened.link_sha256.as_ref() != Some(&link_sha256);
        let renewed = Entry::PaymentLinkRenewed(PaymentLinkRenewed { payment_id, link_sha256 });
        let entries = is_renewed.then_some(renewed).into_iter().collect();
        Ok(Execution { entries, ..Execution::skipped("it is still owed") })
    }

    /// Plans to close each open payment of a reservation, so that none waits for the provider of another one.
    pub(super) fn close_all(&self, key: &EffectKey, reservation_id: ReservationId) -> Execution {
        let open = self.effect_log.open_payments_of(reservation_id);
        if open.is_empty() {
            return Execution::skipped("no payment is open");
        }
        let close = |payment: Payment| {
            let payment_id = Some(payment.id());
            let close = Effect::ClosePayments { reservation_id, payment_id, if_not_owed: false };
            self.plan(key.then(&payment.id().to_string()), close)
        };
        Execution { then: open.into_iter().map(close).collect(), ..Execution::done() }
    }

    /// Closes a payment. One that was paid meanwhile is reported, and refunded.
    pub(super) async fn close_one(&self, payment_id: PaymentId) -> Result<Execution, Failure> {
        match self.effect_log.payment(payment_id) {
            Some(payment) => self.close_payment(payment).await,
            None => Ok(Execution::skipped("no payment is open")),
        }
    }

    async fn close_payment(&self, Payment { opened, status, .. }: Payment) -> Result<Execution, Failure> {
        if status != PaymentStatus::Pending {
            return Ok(Execution::skipped("no payment is open"));
        }
        failpoint::hit("close.before_provider");
        let provider = self.payment_providers.provider(&opened.provider);
        let provider = provider.ok_or_else(|| unknown_provider(&opened.provider))?;
        let status = provider.close(&opened.provider_reference).await?;
        failpoint::hit("close.after_provider");
        let decided = self.effect_log.decide(&opened.provider_reference, status).await;
        decided.map_err(|error| Failure {
            advice: super::RetryAdvice::TryAgain { new_key: false, after: chrono::TimeDelta::zero() },
            reason_code: "not_written_down",
            error: error.to_string(),
        })?;
        if status == ProviderStatus::Open {
            let words = format!("the provider still accepts a payment for {}", opened.provider_reference);
            return Err(crate::ports::ProviderError::Transient(words).into());
        }
        Ok(Execution::done())
    }

    pub(super) async fn refund(
        &self,
        effect: &TrackedEffect,
        system: Option<&System>,
        reservation_id: ReservationId,
        payment_id: PaymentId,
        amount: Money,
    ) -> Result<Execution, Failure> {
        let failure = |error: &str| Failure::permanent("not_refundable", error);
        let payment = self
            .effect_log
            .payment(payment_id)
            .ok_or_else(|| failure("the payment is unknown to this notifier"))?;
        if payment.status != PaymentStatus::Paid {
            return Err(failure("the payment was never made"));
        }
        // A part may have been refunded by hand at the same moment. Effects of one payment run one after the other,
        // so nothing else is refunded between two attempts, and both request the same amount.
        let Some(left) = payment.refundable() else {
            return Ok(Execution::skipped("it was refunded completely already"));
        };
        let amount = Money { amount_minor: amount.amount_minor.min(left.amount_minor), ..amount };
        let reference = payment.opened.provider_reference;
        let order = RefundOrder { asking: asking(effect), payment_id, reference, amount };
        failpoint::hit("refund.before_provider");
        let provider_reference = provider(system, &payment.opened.provider)?.refund(&order).await?;
        failpoint::hit("refund.after_provider");
        let entry = Entry::PaymentReturned(PaymentReturned {
            payment_id,
            amount,
            provider_reference: provider_reference.clone(),
        });
        let result =
            PaymentResult { payment_id, outcome: PaymentOutcome::Refunded { amount, provider_reference } };
        let key = effect.scheduled.key.then("refunded");
        let told = self.plan(key, Effect::PostPayment { reservation_id, result });
        Ok(Execution { entries: vec![entry], then: vec![told], ..Execution::done() })
    }

    pub(super) async fn post_payment(
        &self,
        key: &EffectKey,
        reservation_id: ReservationId,
        result: &PaymentResult,
        by: &EventMetadata,
    ) -> Result<Execution, Failure> {
        failpoint::hit("post.before");
        let reported = self.reservation_api.report_payment(reservation_id, key, result, by).await;
        failpoint::hit("post.after");
        let refusal = reported.as_ref().err().and_then(ReservationError::refusal);
        match (refusal == Some(Refusal::PaymentNotAssigned), &result.outcome) {
            // Money that the reservation service cannot assign is refunded.
            (true, PaymentOutcome::Completed { amount, .. }) => {
                tracing::error!(%reservation_id, payment_id = %result.payment_id, "the reservation service does not accept a payment: it is refunded");
                let (payment_id, amount) = (result.payment_id, *amount);
                let refund = Effect::Refund { reservation_id, payment_id, amount };
                let then = vec![self.plan(key.then("refund"), refund)];
                Ok(Execution {
                    then,
                    ..Execution::skipped("not accepted by the reservation service: it is refunded")
                })
            }
            (true, PaymentOutcome::Refunded { .. }) => {
                Ok(Execution::skipped("unknown to the reservation service"))
            }
            _ => reported.map(|()| Execution::done()).map_err(Failure::from),
        }
    }
}

fn asking(effect: &TrackedEffect) -> Asking {
    Asking {
        key: effect.scheduled.key.clone(),
        key_changes: effect.key_changes,
        tried: effect.tried,
        since: effect.scheduled.due_at,
    }
}

fn template(purpose: Purpose) -> Template {
    match purpose {
        Purpose::Deposit => Template::DepositDue,
        Purpose::NoShowFee => Template::FeeDue,
    }
}
