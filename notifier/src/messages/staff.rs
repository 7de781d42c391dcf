//! Messages to members of staff. Part of [`super`].

use chrono::{DateTime, Utc};
use events::values::Locale;
use lettre::Message;
use minijinja::context;

use super::{MessageError, Messages, Recipient};
use crate::domain::effect::{EffectKey, StaffTemplate};

/// The facts in a message to a member of staff.
#[derive(Debug, Clone, Copy)]
pub struct StaffFacts<'a> {
    /// The name of the person.
    pub name: &'a str,
    /// The language of the person.
    pub locale: Locale,
    /// The names of the venues of the person; empty for all.
    pub venues: &'a [String],
    /// The URL of the page.
    pub link: &'a str,
    /// Until when the link is valid, as people write it.
    pub expires_at: &'a str,
}

impl Messages {
    /// A mail to a member of staff, with a text and an HTML part.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn staff_mail(
        &self,
        key: &EffectKey,
        template: StaffTemplate,
        facts: &StaffFacts<'_>,
        to: Recipient<'_>,
        now: DateTime<Utc>,
    ) -> Result<Message, MessageError> {
        let facts_of = |subject: &str, paragraphs: &[String]| staff_facts(facts, subject, paragraphs);
        let words = self.words_of(facts.locale, template.name(), &facts_of)?;
        let (builder, both) = self.parts(key, words, to, now)?;
        Ok(builder.multipart(both)?)
    }
}

/// The facts for templates. `paragraphs` are those of the text, each with its lines.
pub(super) fn staff_facts(facts: &StaffFacts<'_>, subject: &str, paragraphs: &[String]) -> minijinja::Value {
    let StaffFacts { name, locale, venues, link, expires_at } = *facts;
    let paragraphs: Vec<Vec<&str>> = paragraphs.iter().map(|part| part.lines().collect()).collect();
    // The heading of a mail to a person with a role at all venues.
    let venue = if venues.is_empty() { "Meja".to_owned() } else { venues.join(", ") };
    context! {
        name,
        venue,
        everywhere => venues.is_empty(),
        link,
        expires_at,
        booking_link => (),
        lang => locale.tag(),
        subject,
        paragraphs,
    }
}
