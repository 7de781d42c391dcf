//! Sends messages to guests, unless they are no longer true.

use chrono::{DateTime, Utc};
use contract::reservation::contact::ProofLinkView;
use contract::reservation::view::ContactView;
use contract::reservation::words::{ReservationStatus, WaitlistStatus};
use events::event::ProofMethod;
use events::recorded::EventMetadata;
use events::values::{Medium, Purpose};
use people::{mask_mail, mask_phone};
use serde_json::value::RawValue;

use super::{EffectExecutor, Execution, Failure};
use crate::domain::effect::{
    About, Effect, EffectKey, Lane, NotificationOutcome, NotificationResult, Template,
};
use crate::domain::visit::{Occasion, Reservation, offered};
use crate::effects::TrackedEffect;
use crate::effects::payment::pay_link_in;
use crate::failpoint;
use crate::messages::{Facts, MessageError, Recipient};
use crate::ports::ProviderError;

/// Maximum length of a stored error.
const ERROR_CHARS_MAX: usize = 300;
/// Maximum size of a receipt in a mail, in bytes: that of a confirmation has some 10,000.
const RECEIPT_BYTES_MAX: usize = 256 * 1024;
/// Why a request for a payment that was replaced is not sent.
const REPLACED: &str = "another payment is due in its place";

/// Why a message about something that no longer exists is not sent.
const NOTHING_LEFT: &str = "there is nothing left to report";
/// The outcome of a message that must not reach a stranger.
const UNPROVEN: &str = "the contact is not proved yet";
/// The outcome of a message that is no longer true and had an interrupted attempt.
const MAY_HAVE_GONE: &str = "no longer true, but an interrupted attempt may have reached the guest";

impl EffectExecutor {
    /// What a message is about, in its current state; `None` if there is nothing to say about it.
    async fn occasion(&self, about: About, by: &EventMetadata) -> Result<Option<Occasion>, Failure> {
        let occasion = match about {
            About::Reservation { reservation_id } => {
                self.reservation_api.reservation(reservation_id, by).await?.map(Occasion::Booked)
            }
            About::Waitlist { waitlist_id } => {
                self.reservation_api.waitlist_entry(waitlist_id, by).await?.and_then(offered)
            }
        };
        Ok(occasion.map(|occasion| occasion.without_passed_limit(self.env.now())))
    }

    /// Whether the guest has a link to pay, and none to this page.
    fn is_replaced(&self, page: &str, about: About, contact: &ContactView) -> bool {
        let all = about.reservation_id().map(|id| self.effect_log.payments_of(id)).unwrap_or_default();
        let payment = all.iter().find(|payment| payment.opened.url == page);
        !contact.pay_links.is_empty()
            && payment.is_some_and(|payment| pay_link_in(contact, payment.id()).is_none())
    }

    /// The URL on which the guest pays, for the payment with this page.
    fn pay_url(&self, page: &str, about: About, contact: &ContactView) -> String {
        let payments = about.reservation_id().map(|id| self.effect_log.open_payments_of(id));
        let payment = payments.into_iter().flatten().find(|payment| payment.opened.url == page);
        payment.map_or_else(|| page.to_owned(), |payment| payment.url_for(contact))
    }

    /// The receipt for the mail that confirms a booking. A mail never waits for it: the guest finds it on the page of the booking too.
    async fn receipt(&self, about: About, template: Template, by: &EventMetadata) -> Option<Box<RawValue>> {
        let id = about.reservation_id().filter(|_| template == Template::Confirmed)?;
        let receipt = self.reservation_api.receipt(id, by).await.unwrap_or_else(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, reservation = %id, "a confirmation is sent without its receipt");
            None
        });
        receipt.filter(|receipt| receipt.get().len() <= RECEIPT_BYTES_MAX)
    }

    /// Sends a mail. Returns its recipient as it may be logged.
    async fn send_mail(
        &self,
        key: &EffectKey,
        about: About,
        template: Template,
        facts: &Facts<'_>,
        contact: &ContactView,
        by: &EventMetadata,
    ) -> Result<String, Failure> {
        let recipient = Recipient { name: &contact.name, address: &contact.email };
        let permission = self.rate_limiter.admit(Lane::Mail, &contact.email, self.env.now());
        let permission = permission.map_err(Failure::rate_limited)?;
        let receipt = self.receipt(about, template, by).await;
        let facts = Facts { receipt: receipt.as_deref().map(RawValue::get), ..*facts };
        let mail =
            self.messages.mail(key, template, &facts, recipient, self.env.now()).map_err(impossible)?;
        failpoint::hit("mail.before_send");
        self.mail.send(key, Some(about), mail).await.map_err(|error| redacted(error, &contact.email))?;
        permission.sent();
        failpoint::hit("mail.after_send");
        Ok(mask_mail(&contact.email))
    }

    /// Sends the message, unless it is no longer true.
    pub(super) async fn message(
        &self,
        effect: &TrackedEffect,
        by: &EventMetadata,
    ) -> Result<Execution, Failure> {
        let key = &effect.scheduled.key;
        let Effect::Message { about, template, medium, start, link, amount } = &effect.scheduled.effect
        else {
            return Ok(Execution::skipped("not a message"));
        };
        let occasion = self.occasion(*about, by).await?;
        let Some(occasion) = occasion else { return Ok(Execution::skipped(NOTHING_LEFT)) };
        if !still_true(*template, &occasion, *start) {
            return Ok(Execution::skipped(if effect.tried { MAY_HAVE_GONE } else { "no longer true" }));
        }
        if !occasion.may_be_told(*template, *medium) {
            return Ok(Execution::skipped(UNPROVEN));
        }
        let Some(contact) = self.reservation_api.contact(*about, by).await? else {
            return Ok(Execution::skipped("the contact was erased"));
        };
        if address(&contact, *medium).is_empty() {
            return Ok(Execution::skipped("the guest left no address"));
        }
        if link.as_deref().is_some_and(|page| self.is_replaced(page, *about, &contact)) {
            return Ok(Execution::skipped(if effect.tried { MAY_HAVE_GONE } else { REPLACED }));
        }
        let guest_link = contact.guest_link.as_ref().map(|link| link.url.as_str());
        let pay_page = link.as_deref().map(|page| self.pay_url(page, *about, &contact));
        let proof = contact.proof.as_ref().filter(|_| *template == Template::ProveContact);
        if proof.is_none() && *template == Template::ProveContact {
            return Ok(Execution::skipped("the contact was proved meanwhile"));
        }
        let proof_page = guest_link.zip(proof).map(|(page, proof)| proof_url(page, proof));
        let (link, booking_link) = match about {
            _ if proof_page.is_some() => (proof_page.as_deref(), None),
            About::Reservation { .. } => (pay_page.as_deref(), guest_link),
            About::Waitlist { .. } => (guest_link, None),
        };
        let facts = Facts {
            occasion: &occasion,
            name: &contact.name,
            locale: occasion.visit().locale,
            link,
            booking_link,
            proof_code: proof
                .filter(|proof| proof.method == ProofMethod::Code)
                .map(|proof| proof.proof.as_str()),
            amount: *amount,
            receipt: None,
        };
        let recipient = match medium {
            Medium::Mail => self.send_mail(key, *about, *template, &facts, &contact, by).await?,
            Medium::Sms => {
                let Some(sms) = &self.sms else { return Ok(Execution::skipped("text messages are off")) };
                if !contact.text_messages {
                    return Ok(Execution::skipped("the phone number gets no text messages"));
                }
                let text = self.messages.sms(*template, &facts).map_err(impossible)?;
                let permission = self.rate_limiter.admit(Lane::Sms, &contact.phone, self.env.now());
                let permission = permission.map_err(Failure::rate_limited)?;
                let sent = sms.send(key, &contact.phone, &text).await;
                sent.map_err(|error| redacted(error, &contact.phone))?;
                permission.sent();
                mask_phone(&contact.phone)
            }
        };
        let (notification_id, outcome) = (key.clone(), NotificationOutcome::Sent);
        let result = NotificationResult { notification_id, template: *template, medium: *medium, outcome };
        let told = self.plan(key.then("sent"), Effect::PostNotification { about: *about, result });
        Ok(Execution { recipient: Some(recipient), then: vec![told], ..Execution::done() })
    }
}

/// A message that no attempt can make.
fn impossible(error: MessageError) -> Failure {
    Failure::permanent("message_impossible", error.to_string())
}

/// The page on which a guest proves the contact. A code is typed there.
fn proof_url(page: &str, proof: &ProofLinkView) -> String {
    match proof.method {
        ProofMethod::Link => format!("{page}?proof={}", proof.proof),
        ProofMethod::Code => page.to_owned(),
    }
}

/// The address of a guest; empty for a walk-in.
fn address(contact: &ContactView, medium: Medium) -> &str {
    match medium {
        Medium::Mail => &contact.email,
        Medium::Sms => &contact.phone,
    }
}

/// A failure without the address. Servers quote it, or the part before the @, and the log is kept for ever.
pub(super) fn redacted(error: ProviderError, address: &str) -> Failure {
    let failure = Failure::from(error);
    let user = address.split('@').next().unwrap_or(address);
    let mut words = failure.error;
    for secret in [address, user].into_iter().filter(|secret| secret.len() > 2) {
        // Most servers ignore case. Lower case has the same length in ASCII.
        while let Some(at) = words.to_ascii_lowercase().find(&secret.to_ascii_lowercase()) {
            words.replace_range(at..at + secret.len(), "…");
        }
    }
    let error = words.chars().take(ERROR_CHARS_MAX).collect();
    Failure { error, ..failure }
}

/// Whether a message is still true.
#[must_use]
pub fn still_true(template: Template, occasion: &Occasion, start: Option<DateTime<Utc>>) -> bool {
    // The reservation service responds with whole seconds, an event can contain fractions.
    let same_start = start.is_none_or(|start| occasion.visit().start_time.timestamp() == start.timestamp());
    match occasion {
        Occasion::Booked(reservation) => is_true_of_reservation(template, reservation, same_start),
        Occasion::Offered { status, .. } => {
            let is_offer = template == Template::Offer && same_start;
            *status == WaitlistStatus::Offered && (is_offer || template == Template::TableReady)
        }
        Occasion::Unproven { .. } => template == Template::ProveContact,
        Occasion::Waiting { .. } => template == Template::Waiting,
        Occasion::Ready { .. } => template == Template::TableReady,
        Occasion::OfferOver { .. } => template == Template::OfferOver,
    }
}

fn is_true_of_reservation(template: Template, reservation: &Reservation, same_start: bool) -> bool {
    use ReservationStatus::{Cancelled, Confirmed, Pending};
    let (status, is_called_off) = (reservation.status, reservation.is_called_off);
    match template {
        Template::Received => matches!(status, Pending | Confirmed),
        Template::DepositDue => reservation.owes(Purpose::Deposit),
        Template::Confirmed | Template::Reminder => status == Confirmed && same_start && !is_called_off,
        Template::Rescheduled => matches!(status, Pending | Confirmed) && same_start,
        Template::StillComing => status == Confirmed && reservation.is_asked() && !is_called_off,
        Template::Resized => matches!(status, Pending | Confirmed),
        Template::Cancelled => status == Cancelled,
        Template::Reinstated => matches!(status, Pending | Confirmed) && same_start,
        Template::FeeWithdrawn => !reservation.owes(Purpose::NoShowFee),
        Template::FeeDue => reservation.owes(Purpose::NoShowFee),
        Template::ProveContact => reservation.proof_awaited_until().is_some(),
        // The event says that all of the money goes back.
        Template::PaidLate | Template::Refunded => true,
        Template::Waiting | Template::Offer | Template::OfferOver | Template::TableReady => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_stored_without_the_address() {
        let said = |words: &str| redacted(ProviderError::Final(words.into()), "Sari@Example.com").error;
        assert_eq!(
            said("550 <sari@example.COM>: SARI is unknown, sari@example.com"),
            "550 <…>: … is unknown, …"
        );
        assert_eq!(said("450 later"), "450 later");
    }
}
