//! The words for the guest: templates in two languages, rendered with the facts of the moment.

mod calendar;
mod words;

use chrono::{DateTime, Utc};
use events::values::{Locale, Money};
use lettre::Message;
use lettre::address::AddressError;
use lettre::message::header::{ContentType, ContentTypeErr};
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use minijinja::{Environment, UndefinedBehavior, context};

pub use self::words::{date, mask_mail, mask_phone, moment, money, time};
use crate::effect::{EffectKey, Template};
use crate::upstream::Visit;

macro_rules! templates {
    ($($name:literal),+ $(,)?) => { [$(($name, include_str!(concat!("../templates/", $name)))),+] };
}

/// Every template: language, what it says, and `mail` (its first line is the subject) or `sms`.
const TEMPLATES: [(&str, &str); 26] = templates![
    "id/received.mail.txt",
    "id/deposit_due.mail.txt",
    "id/confirmed.mail.txt",
    "id/rescheduled.mail.txt",
    "id/cancelled.mail.txt",
    "id/refunded.mail.txt",
    "id/reminder.mail.txt",
    "id/offer.mail.txt",
    "id/fee_due.mail.txt",
    "id/paid_late.mail.txt",
    "id/offer.sms.txt",
    "id/confirmed.sms.txt",
    "id/cancelled.sms.txt",
    "en/received.mail.txt",
    "en/deposit_due.mail.txt",
    "en/confirmed.mail.txt",
    "en/rescheduled.mail.txt",
    "en/cancelled.mail.txt",
    "en/refunded.mail.txt",
    "en/reminder.mail.txt",
    "en/offer.mail.txt",
    "en/fee_due.mail.txt",
    "en/paid_late.mail.txt",
    "en/offer.sms.txt",
    "en/confirmed.sms.txt",
    "en/cancelled.sms.txt",
];

/// Renders messages.
#[derive(Debug, Clone)]
pub struct Messages {
    environment: Environment<'static>,
    from: Mailbox,
}

/// Why a message can not be written.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// The template does not fit the facts.
    #[error("the template can not be rendered: {0:#}")]
    Template(#[from] minijinja::Error),
    /// The address is none.
    #[error("the address can not be written to: {0}")]
    Address(#[from] AddressError),
    /// The mail can not be put together.
    #[error("the mail can not be put together: {0}")]
    Mail(#[from] lettre::error::Error),
    /// The attachment has no type.
    #[error("the attachment has no type: {0}")]
    ContentType(#[from] ContentTypeErr),
}

/// What a message is about.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The visit as it is now.
    pub visit: &'a Visit,
    /// The guest's name.
    pub name: &'a str,
    /// The guest's language.
    pub locale: Locale,
    /// Where to pay.
    pub link: Option<&'a str>,
    /// The amount the message is about.
    pub amount: Option<Money>,
}

/// Whom a mail goes to.
#[derive(Debug, Clone, Copy)]
pub struct Recipient<'a> {
    /// The guest's name.
    pub name: &'a str,
    /// E-mail address.
    pub address: &'a str,
}

impl Messages {
    /// All templates, sending as `from`.
    ///
    /// # Errors
    /// The fault of a template, with its line.
    pub fn new(from: Mailbox) -> Result<Self, MessageError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        for (name, source) in TEMPLATES {
            environment.add_template(name, source)?;
        }
        Ok(Self { environment, from })
    }

    /// A mail, with an .ics file where it fixes a time.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn mail(
        &self,
        key: &EffectKey,
        template: Template,
        facts: &Facts<'_>,
        to: Recipient<'_>,
        now: DateTime<Utc>,
    ) -> Result<Message, MessageError> {
        let text = self.render(template, "mail", facts)?;
        let (subject, body) = text.split_once("\n\n").unwrap_or(("Meja", &text));
        let domain = self.from.email.domain();
        let builder = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(Some(to.name.to_owned()), to.address.parse()?))
            .subject(subject)
            .message_id(Some(format!("<{key}@{domain}>")))
            .date(now.into());
        let body = SinglePart::plain(body.to_owned());
        let Some(calendar) = calendar::file(template, facts, domain, now) else {
            return Ok(builder.singlepart(body)?);
        };
        let calendar_type =
            ContentType::parse(&format!("text/calendar; charset=utf-8; method={}", calendar.method))?;
        let attachment = Attachment::new("reservation.ics".into()).body(calendar.text, calendar_type);
        // Named, so that the bytes of a message are the same at every try.
        let parts = MultiPart::mixed().boundary(format!("meja-{key}"));
        Ok(builder.multipart(parts.singlepart(body).singlepart(attachment))?)
    }

    /// A text message.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn sms(&self, template: Template, facts: &Facts<'_>) -> Result<String, MessageError> {
        Ok(self.render(template, "sms", facts)?.trim().to_owned())
    }

    fn render(
        &self,
        template: Template,
        medium: &str,
        facts: &Facts<'_>,
    ) -> Result<String, minijinja::Error> {
        let Facts { visit, name, locale, link, amount } = *facts;
        let start = visit.start_time;
        // Not with the offset of the visit: the clocks may have been changed by then.
        let zone = visit.timezone.parse().unwrap_or(chrono_tz::Tz::UTC);
        let expires_at = visit.act_by.map(|at| words::moment(&at.with_timezone(&zone), locale));
        let file = format!("{}/{}.{medium}.txt", locale.tag(), template.name());
        self.environment.get_template(&file)?.render(context! {
            name,
            venue => visit.venue_name,
            date => words::date(&start, locale),
            time => words::time(&start, locale),
            party_size => visit.party_size,
            area => visit.table_area,
            reservation_id => visit.id,
            confirmed => visit.status == "CONFIRMED",
            reason => visit.cancellation.as_ref().map(|c| c.reason_code.clone()),
            by_system => visit.cancellation.as_ref().is_some_and(|c| c.cancelled_by == "system"),
            amount => amount.map(|amount| money(amount, locale)),
            expires_at,
            link,
        })
    }
}

#[cfg(test)]
mod tests;
