//! The words for the guest: templates in two languages, rendered with the facts of the moment.

mod calendar;
mod templates;
mod words;

use std::path::Path;

use chrono::{DateTime, Utc};
use events::values::{Locale, Money};
use lettre::Message;
use lettre::address::AddressError;
use lettre::message::header::{ContentType, ContentTypeErr};
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use minijinja::{Environment, context};

pub use self::words::{date, mask_mail, mask_phone, moment, money, time};
use crate::domain::effect::{EffectKey, Template};
use crate::domain::visit::Visit;

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
    #[error("the template can not be rendered: {0}")]
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
    /// The built-in templates, with those files of `dir` in their place that are there, sending as `from`.
    ///
    /// # Errors
    /// Every fault of every template, with its line where it has one.
    pub fn new(from: Mailbox, dir: Option<&Path>) -> Result<Self, Vec<String>> {
        Ok(Self { environment: templates::load(dir)?, from })
    }

    /// A mail of a text and an HTML part, with a calendar file where it fixes a time or frees it.
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
        let Words { subject, text, html } = self.words(template, facts)?;
        let domain = self.from.email.domain();
        let builder = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(Some(to.name.to_owned()), to.address.parse()?))
            .subject(subject)
            .message_id(Some(format!("<{key}@{domain}>")))
            .date(now.into());
        // Boundaries are named, so that the parts of a message are the same at every try.
        let both = MultiPart::alternative()
            .boundary(format!("meja-words-{key}"))
            .singlepart(SinglePart::plain(text))
            .singlepart(SinglePart::html(html));
        let Some(calendar) = calendar::file(template, facts, &self.from, to, now) else {
            return Ok(builder.multipart(both)?);
        };
        let calendar_type =
            ContentType::parse(&format!("text/calendar; charset=utf-8; method={}", calendar.method))?;
        // Once for the reader that knows invitations, once for the one that opens files.
        let inline = SinglePart::builder().header(calendar_type.clone()).body(calendar.text.clone());
        let attachment = Attachment::new("reservation.ics".into()).body(calendar.text, calendar_type);
        let parts = MultiPart::mixed().boundary(format!("meja-{key}"));
        Ok(builder.multipart(parts.multipart(both.singlepart(inline)).singlepart(attachment))?)
    }

    /// Whether there are words for a text message.
    #[must_use]
    pub fn has_sms(&self, template: Template) -> bool {
        self.environment.get_template(&format!("en/{}.sms.txt", template.name())).is_ok()
    }

    /// A text message.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn sms(&self, template: Template, facts: &Facts<'_>) -> Result<String, MessageError> {
        let file = format!("{}/{}.sms.txt", facts.locale.tag(), template.name());
        Ok(self.render(&file, facts, "", &[])?.trim().to_owned())
    }

    /// What a mail says.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn words(&self, template: Template, facts: &Facts<'_>) -> Result<Words, MessageError> {
        let file = format!("{}/{}.mail", facts.locale.tag(), template.name());
        let all = self.render(&format!("{file}.txt"), facts, "", &[])?;
        let (subject, text) = all.split_once('\n').unwrap_or((&all, ""));
        let (subject, text) = (subject.trim().to_owned(), text.trim_start().to_owned());
        let paragraphs: Vec<_> =
            text.split("\n\n").map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect();
        let own = format!("{file}.html");
        let html =
            if self.environment.get_template(&own).is_ok() { own } else { templates::FRAME.to_owned() };
        let html = self.render(&html, facts, &subject, &paragraphs)?;
        Ok(Words { subject, text, html })
    }

    fn render(
        &self,
        file: &str,
        facts: &Facts<'_>,
        subject: &str,
        paragraphs: &[String],
    ) -> Result<String, minijinja::Error> {
        self.environment.get_template(file)?.render(facts_of(facts, subject, paragraphs))
    }
}

/// What a mail says, in both forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// HTML.
    pub html: String,
}

/// What templates may name. Paragraphs are those of the text, each with its lines.
fn facts_of(facts: &Facts<'_>, subject: &str, paragraphs: &[String]) -> minijinja::Value {
    let Facts { visit, name, locale, link, amount } = *facts;
    let start = visit.start_time;
    // Not with the offset of the visit: the clocks may have been changed by then.
    let zone = visit.timezone.parse().unwrap_or(chrono_tz::Tz::UTC);
    let expires_at = visit.act_by.map(|at| words::moment(&at.with_timezone(&zone), locale));
    let paragraphs: Vec<Vec<&str>> = paragraphs.iter().map(|part| part.lines().collect()).collect();
    context! {
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
        lang => locale.tag(),
        subject,
        paragraphs,
    }
}

#[cfg(test)]
mod tests;
