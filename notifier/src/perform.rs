//! Doing one effect, outside.

use std::sync::Arc;

use chassis::clock::SharedClock;
use events::values::{Locale, Medium, Money};
use events::{PaymentId, ReservationId};

use crate::effect::{
    About, Effect, EffectKey, NotificationOutcome, NotificationResult, PaymentOutcome, PaymentResult,
    Planned, Template,
};
use crate::gateway::{GatewayError, MailGateway, PaymentGateway, SmsGateway};
use crate::journal::{Author, Entry, PaymentOpened, PaymentReturned};
use crate::messages::{Facts, Messages, Recipient, mask_mail, mask_phone};
use crate::outbox::{Outbox, Tracked};
use crate::upstream::{Upstream, UpstreamError, Visit, Waiting};

/// As much of an error as is kept.
const ERROR_CHARS_MAX: usize = 300;

/// Does effects through the gateways.
pub struct Performer {
    /// The reservation service.
    pub upstream: Upstream,
    /// What is known of payments.
    pub outbox: Arc<Outbox>,
    /// Takes money.
    pub payments: Arc<dyn PaymentGateway>,
    /// Sends mail.
    pub mail: Arc<dyn MailGateway>,
    /// Sends text messages.
    pub sms: Option<Arc<dyn SmsGateway>>,
    /// The words.
    pub messages: Messages,
    /// Where guests reach the notifier's pages.
    pub public_url: String,
    /// Time.
    pub clock: SharedClock,
}

/// What a performed effect leads to.
#[derive(Debug)]
pub struct Performed {
    /// `done`, or why there was nothing to do any more.
    pub outcome: &'static str,
    /// Whom it reached, masked.
    pub recipient: Option<String>,
    /// What else is to be written down.
    pub entries: Vec<Entry>,
    /// What is to be done next.
    pub then: Vec<Planned>,
}

impl Performed {
    fn done() -> Self {
        Self { outcome: "done", recipient: None, entries: vec![], then: vec![] }
    }

    /// There was nothing to do any more.
    fn skipped(why: &'static str) -> Self {
        Self { outcome: why, ..Self::done() }
    }
}

/// A try that failed.
#[derive(Debug)]
pub struct Failure {
    /// What helps.
    pub remedy: Remedy,
    /// Why, as a stable code.
    pub reason_code: &'static str,
    /// Why, in words.
    pub error: String,
}

/// What helps against a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Waiting for the reservation service, however long that takes.
    WaitForUpstream,
    /// Another try, a bounded number of times.
    TryAgain,
    /// Nothing.
    None,
}

impl From<UpstreamError> for Failure {
    fn from(error: UpstreamError) -> Self {
        let remedy = match error {
            UpstreamError::Unavailable(_) => Remedy::WaitForUpstream,
            UpstreamError::Refused { .. } => Remedy::None,
        };
        Self { remedy, reason_code: "refused_by_reservation", error: error.to_string() }
    }
}

impl From<GatewayError> for Failure {
    fn from(error: GatewayError) -> Self {
        let (remedy, reason_code) = match error {
            GatewayError::Passing(_) => (Remedy::TryAgain, "provider_unavailable"),
            GatewayError::Final(_) => (Remedy::None, "provider_refused"),
        };
        Self { remedy, reason_code, error: error.to_string() }
    }
}

impl Performer {
    /// Does `effect` once.
    ///
    /// # Errors
    /// [`Failure`]; whether something happened outside is not known then, and a repeat under the
    /// same key does no harm.
    pub async fn perform(&self, effect: &Tracked) -> Result<Performed, Failure> {
        let (key, by) = (&effect.scheduled.key, effect.author());
        match &effect.scheduled.effect {
            Effect::TakeDeposit { reservation_id, payment_id, amount, channel } => {
                let channel = crate::channels::choose(channel.as_deref(), amount.currency.code()).code;
                self.take_deposit(key, *reservation_id, *payment_id, *amount, channel, &by).await
            }
            Effect::Refund { reservation_id, payment_id, amount } => {
                self.refund(key, *reservation_id, *payment_id, *amount).await
            }
            Effect::Message { .. } => self.message(key, &effect.scheduled.effect, &by).await,
            Effect::PostPayment { reservation_id, result } => {
                self.upstream.post((*reservation_id).into(), "payment-results", key, result, &by).await?;
                Ok(Performed::done())
            }
            Effect::PostNotification { about, result } => {
                self.upstream.post(*about, "notification-results", key, result, &by).await?;
                Ok(Performed::done())
            }
        }
    }

    async fn take_deposit(
        &self,
        key: &EffectKey,
        reservation_id: ReservationId,
        payment_id: PaymentId,
        amount: Money,
        channel: &str,
        by: &Author,
    ) -> Result<Performed, Failure> {
        let reservation = self.upstream.reservation(reservation_id, by).await?;
        if !reservation.is_some_and(|r| r.status == "PENDING" && r.deposit.status == "due") {
            let outcome = PaymentOutcome::Failed { reason_code: "no_longer_due".into() };
            let result = PaymentResult { payment_id, outcome };
            let told = self.plan(key.then("no-longer-due"), Effect::PostPayment { reservation_id, result });
            return Ok(Performed { then: vec![told], ..Performed::skipped("no longer due") });
        }
        let opened = self.payments.open(key, payment_id, amount, channel).await?;
        let link = Some(opened.url.clone());
        let entry = Entry::PaymentOpened(PaymentOpened {
            payment_id,
            reservation_id,
            amount,
            channel: channel.to_owned(),
            provider_reference: opened.reference,
            url: opened.url,
            correlation_id: by.correlation_id.clone(),
        });
        let (template, medium, start, amount) = (Template::DepositDue, Medium::Mail, None, Some(amount));
        let about = reservation_id.into();
        let mail = Effect::Message { about, template, medium, start, link, amount };
        Ok(Performed {
            entries: vec![entry],
            then: vec![self.plan(key.then("mail"), mail)],
            ..Performed::done()
        })
    }

    async fn refund(
        &self,
        key: &EffectKey,
        reservation_id: ReservationId,
        payment_id: PaymentId,
        amount: Money,
    ) -> Result<Performed, Failure> {
        let failure = |error: &str| Failure {
            remedy: Remedy::None,
            reason_code: "not_refundable",
            error: error.into(),
        };
        let payment = self
            .outbox
            .payment(payment_id)
            .ok_or_else(|| failure("this notifier never took that payment"))?;
        let left =
            payment.refundable().ok_or_else(|| failure("nothing of the payment is left to go back"))?;
        if amount.amount_minor > left.amount_minor {
            return Err(failure("less than that is left of the payment"));
        }
        let provider_reference =
            self.payments.refund(key, &payment.opened.provider_reference, amount).await?;
        let entry = Entry::PaymentReturned(PaymentReturned {
            payment_id,
            amount,
            provider_reference: provider_reference.clone(),
        });
        let result =
            PaymentResult { payment_id, outcome: PaymentOutcome::Refunded { amount, provider_reference } };
        let told = self.plan(key.then("refunded"), Effect::PostPayment { reservation_id, result });
        Ok(Performed { entries: vec![entry], then: vec![told], ..Performed::done() })
    }

    /// Tells the guest, unless it is no longer true.
    async fn message(&self, key: &EffectKey, effect: &Effect, by: &Author) -> Result<Performed, Failure> {
        let Effect::Message { about, template, medium, start, link, amount } = effect else {
            return Ok(Performed::skipped("not a message"));
        };
        let (visit, page) = match about {
            About::Reservation { reservation_id } => {
                (self.upstream.reservation(*reservation_id, by).await?.map(Visit::from), None)
            }
            About::Waitlist { waitlist_id } => {
                let waiting = self.upstream.waiting(*waitlist_id, by).await?;
                let page = format!("{}/offers/{waitlist_id}", self.public_url);
                (waiting.and_then(Waiting::visit), Some(page))
            }
        };
        let Some(visit) = visit else {
            return Ok(Performed::skipped("there is nothing to tell any more"));
        };
        if !still_true(*template, &visit, *start) {
            return Ok(Performed::skipped("no longer true"));
        }
        let Some(contact) = self.upstream.contact(*about, by).await? else {
            return Ok(Performed::skipped("the contact was erased"));
        };
        let facts = Facts {
            visit: &visit,
            name: &contact.name,
            locale: Locale::from_tag(&visit.locale).unwrap_or_default(),
            link: link.as_deref().or(page.as_deref()),
            amount: *amount,
        };
        let recipient = match medium {
            Medium::Mail => {
                let recipient = Recipient { name: &contact.name, address: &contact.email };
                let mail = self.messages.mail(key, *template, &facts, recipient, self.clock.now()).map_err(
                    |error| Failure {
                        remedy: Remedy::None,
                        reason_code: "message_impossible",
                        error: error.to_string(),
                    },
                )?;
                self.mail.send(key, mail).await.map_err(|error| redacted(error, &contact.email))?;
                mask_mail(&contact.email)
            }
            Medium::Sms => {
                let Some(sms) = &self.sms else { return Ok(Performed::skipped("text messages are off")) };
                let text = self.messages.sms(*template, &facts).map_err(|error| Failure {
                    remedy: Remedy::None,
                    reason_code: "message_impossible",
                    error: error.to_string(),
                })?;
                sms.send(key, &contact.phone, &text)
                    .await
                    .map_err(|error| redacted(error, &contact.phone))?;
                mask_phone(&contact.phone)
            }
        };
        let (notification_id, outcome) = (key.clone(), NotificationOutcome::Sent);
        let result = NotificationResult { notification_id, template: *template, medium: *medium, outcome };
        let told = self.plan(key.then("sent"), Effect::PostNotification { about: *about, result });
        Ok(Performed { recipient: Some(recipient), then: vec![told], ..Performed::done() })
    }

    fn plan(&self, key: EffectKey, effect: Effect) -> Planned {
        Planned { key, effect, due_at: self.clock.now() }
    }
}

/// A failure without the address: servers like to quote it, and the journal is for ever.
fn redacted(error: GatewayError, address: &str) -> Failure {
    let failure = Failure::from(error);
    let error = failure.error.replace(address, "<recipient>").chars().take(ERROR_CHARS_MAX).collect();
    Failure { error, ..failure }
}

/// Whether a message would still tell the truth.
#[must_use]
pub fn still_true(template: Template, visit: &Visit, start: Option<chrono::DateTime<chrono::Utc>>) -> bool {
    let status = visit.status.as_str();
    let same_start = start.is_none_or(|start| visit.start_time == start);
    match template {
        Template::Received => matches!(status, "PENDING" | "CONFIRMED"),
        Template::DepositDue => status == "PENDING" && visit.deposit_due,
        Template::Confirmed | Template::Reminder => status == "CONFIRMED" && same_start,
        Template::Rescheduled => matches!(status, "PENDING" | "CONFIRMED") && same_start,
        Template::Cancelled => status == "CANCELLED",
        Template::Offer => status == "OFFERED" && same_start,
        Template::Refunded => true,
    }
}
