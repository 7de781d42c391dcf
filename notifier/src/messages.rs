//! The texts for guests: templates in two languages, rendered with current facts.

mod calendar;
mod checkpoint;
mod staff;
mod templates;

use std::path::Path;

use chrono::{DateTime, Utc};
use contract::reservation::words::Canceller;
use events::values::{Locale, Money};
use lettre::Message;
use lettre::address::AddressError;
use lettre::message::header::{ContentType, ContentTypeErr};
use lettre::message::{Attachment, Mailbox, MessageBuilder, MultiPart, SinglePart};
use minijinja::{Environment, context};

pub use self::staff::StaffFacts;
use crate::domain::effect::{EffectKey, Template};
use crate::domain::visit::Occasion;

/// Renders messages.
#[derive(Debug, Clone)]
pub struct Messages {
    environment: Environment<'static>,
    from: Mailbox,
}

/// Why a message cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// The template cannot be rendered with the facts.
    #[error("the template cannot be rendered: {0}")]
    Template(#[from] minijinja::Error),
    /// The address is not valid.
    #[error("the address is not valid: {0}")]
    Address(#[from] AddressError),
    /// The mail cannot be built.
    #[error("the mail cannot be built: {0}")]
    Mail(#[from] lettre::error::Error),
    /// The media type of the attachment is not valid.
    #[error("the media type of the attachment is not valid: {0}")]
    ContentType(#[from] ContentTypeErr),
}

/// The facts in a message.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// What the message is about, in its current state.
    pub occasion: &'a Occasion,
    /// The guest's name.
    pub name: &'a str,
    /// The guest's language.
    pub locale: Locale,
    /// The URL of the payment page, or of the offer.
    pub link: Option<&'a str>,
    /// The URL of the page of the booking, which every mail contains.
    pub booking_link: Option<&'a str>,
    /// The six digits that prove the contact.
    pub proof_code: Option<&'a str>,
    /// The amount in the message.
    pub amount: Option<Money>,
    /// The receipt of the booking, which becomes a file in the mail.
    pub receipt: Option<&'a str>,
}

/// The recipient of a mail.
#[derive(Debug, Clone, Copy)]
pub struct Recipient<'a> {
    /// The guest's name.
    pub name: &'a str,
    /// E-mail address.
    pub address: &'a str,
}

impl Messages {
    /// The built-in templates, replaced by the files in `dir` with the same names. Mail is sent as `from`.
    ///
    /// # Errors
    /// All faults of all templates, with their lines if known.
    pub fn new(from: Mailbox, dir: Option<&Path>) -> Result<Self, Vec<String>> {
        Ok(Self { environment: templates::load(dir)?, from })
    }

    /// A mail with a text and an HTML part, with a calendar file if it sets or cancels a time, and with the receipt if there is one.
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
        let words = self.words(template, facts)?;
        // Answers go to the restaurant, not to the service.
        let profile = &facts.occasion.visit().venue_profile;
        let reply_to = profile.reply_to.as_deref().or(profile.email.as_deref());
        let (builder, both) = self.parts(key, words, to, now)?;
        let builder = match reply_to {
            Some(address) => builder
                .reply_to(Mailbox::new(Some(facts.occasion.visit().venue_name.clone()), address.parse()?)),
            None => builder,
        };
        let calendar = calendar::of_message(template, facts, &self.from, to, now);
        if calendar.is_none() && facts.receipt.is_none() {
            return Ok(builder.multipart(both)?);
        }
        let mut files = Vec::new();
        let both = match calendar {
            Some(calendar) => {
                let media_type = format!("text/calendar; charset=utf-8; method={}", calendar.method);
                let media_type = ContentType::parse(&media_type)?;
                // As a part for mail programs with calendars, and as a file for the others.
                let inline = SinglePart::builder().header(media_type.clone()).body(calendar.text.clone());
                files.push(Attachment::new("reservation.ics".into()).body(calendar.text, media_type));
                both.singlepart(inline)
            }
            None => both,
        };
        if let Some(receipt) = facts.receipt {
            let media_type = ContentType::parse("application/json")?;
            files.push(Attachment::new("receipt.json".into()).body(receipt.to_owned(), media_type));
        }
        let parts = MultiPart::mixed().boundary(format!("meja-{key}")).multipart(both);
        Ok(builder.multipart(files.into_iter().fold(parts, MultiPart::singlepart))?)
    }

    /// The headers of a mail, and its text in both forms.
    fn parts(
        &self,
        key: &EffectKey,
        Words { subject, text, html }: Words,
        to: Recipient<'_>,
        now: DateTime<Utc>,
    ) -> Result<(MessageBuilder, MultiPart), MessageError> {
        let domain = self.from.email.domain();
        let builder = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(Some(to.name.to_owned()), to.address.parse()?))
            .subject(subject)
            .message_id(Some(format!("<{key}@{domain}>")))
            .date(now.into());
        // Fixed boundaries, so that a message is the same for every attempt.
        let both = MultiPart::alternative()
            .boundary(format!("meja-words-{key}"))
            .singlepart(SinglePart::plain(text))
            .singlepart(SinglePart::html(html));
        Ok((builder, both))
    }

    /// Whether there is a template for a text message.
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
        Ok(self.environment.get_template(&file)?.render(facts_of(facts, "", &[]))?.trim().to_owned())
    }

    /// The text of a mail.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn words(&self, template: Template, facts: &Facts<'_>) -> Result<Words, MessageError> {
        let words = self.words_of(facts.locale, template.name(), &|subject, paragraphs| {
            facts_of(facts, subject, paragraphs)
        })?;
        let Words { subject, text, html } = words;
        let text = match facts.booking_link {
            Some(link) => format!("{}\n\n{}: {link}\n", text.trim_end(), booking_words(facts.locale)),
            None => text,
        };
        Ok(Words { subject, text, html })
    }

    /// The text of a mail with the template `name`. `facts` are those for a subject and the paragraphs of the text.
    fn words_of(
        &self,
        locale: Locale,
        name: &str,
        facts: &dyn Fn(&str, &[String]) -> minijinja::Value,
    ) -> Result<Words, MessageError> {
        let file = format!("{}/{name}.mail", locale.tag());
        let all = self.environment.get_template(&format!("{file}.txt"))?.render(facts("", &[]))?;
        let (subject, text) = all.split_once('\n').unwrap_or((&all, ""));
        let (subject, text) = (subject.trim().to_owned(), text.trim_start().to_owned());
        let paragraphs: Vec<_> =
            text.split("\n\n").map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect();
        let own = format!("{file}.html");
        let html =
            if self.environment.get_template(&own).is_ok() { own } else { templates::FRAME.to_owned() };
        let html = self.environment.get_template(&html)?.render(facts(&subject, &paragraphs))?;
        Ok(Words { subject, text, html })
    }
}

/// The text of a mail in both forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// The subject, one line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// HTML.
    pub html: String,
}

/// What the link to a booking is called.
fn booking_words(locale: Locale) -> &'static str {
    match locale {
        Locale::Id => "Reservasi Anda",
        Locale::En => "Your booking",
    }
}

/// The facts for templates. `paragraphs` are those of the text, each with its lines.
fn facts_of(facts: &Facts<'_>, subject: &str, paragraphs: &[String]) -> minijinja::Value {
    let Facts { occasion, name, locale, link, booking_link, proof_code, amount, receipt } = *facts;
    let (visit, cancellation) = (occasion.visit(), occasion.cancellation());
    let start = visit.start_time;
    // Not with the offset of the visit, because the offset can be another one at that time.
    let zone = visit.zone();
    let expires_at = occasion.act_by().map(|at| people::moment(&at.with_timezone(&zone), locale));
    let paragraphs: Vec<Vec<&str>> = paragraphs.iter().map(|part| part.lines().collect()).collect();
    context! {
        name,
        venue => visit.venue_name,
        date => people::date(&start, locale),
        time => people::time(&start, locale),
        party_size => visit.party_size,
        area => visit.table_area,
        address => visit.venue_profile.address,
        phone => visit.venue_profile.phone,
        free_until => visit.free_until.map(|at| people::moment(&at.with_timezone(&zone), locale)),
        reservation_id => visit.id,
        code => visit.code,
        confirmed => occasion.is_confirmed(),
        reason => cancellation.map(|cancellation| cancellation.reason_code.clone()),
        by_system => cancellation.is_some_and(|cancellation| cancellation.cancelled_by == Canceller::System),
        by_closure => cancellation.is_some_and(|cancellation| cancellation.by_closure),
        amount => amount.map(|amount| people::money(amount, locale)),
        expires_at,
        link,
        booking_link,
        proof_code,
        booking_words => booking_words(locale),
        receipt => receipt.is_some(),
        lang => locale.tag(),
        subject,
        paragraphs,
    }
}

#[cfg(test)]
mod tests;
