//! `notifier preview`: what a guest would be told of a reservation.

use events::recorded::EventMetadata;
use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use chrono::Utc;
use clap::ValueEnum;
use events::ReservationId;
use events::values::{Currency, Locale, Money};

use crate::adapters::reservation_client::ReservationClient;
use crate::domain::effect::{EffectKey, Template};
use crate::domain::visit::{Contact, Visit};
use crate::messages::{Facts, Messages, Recipient};

/// What is shown.
#[derive(Debug, clap::Args)]
pub struct Preview {
    /// Which template: received, deposit_due, confirmed, rescheduled, cancelled, refunded, reminder, fee_due, paid_late
    #[arg(value_parser = template)]
    template: Template,
    /// About which reservation; it is read from the reservation service
    #[arg(long)]
    reservation: ReservationId,
    /// In this language instead of the guest's: id or en
    #[arg(long, value_parser = locale)]
    locale: Option<Locale>,
    /// In which form
    #[arg(long = "as", value_enum, default_value = "text")]
    form: Form,
}

/// How it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Subject and text of the mail
    Text,
    /// The HTML part of the mail
    Html,
    /// The whole mail, as it is sent
    Eml,
    /// The text message
    Sms,
}

fn template(text: &str) -> Result<Template, String> {
    let known = Template::ALL.into_iter().find(|template| template.name() == text);
    known.filter(|template| *template != Template::Offer).ok_or_else(|| {
        let names: Vec<_> =
            Template::ALL.iter().filter(|t| **t != Template::Offer).map(|template| template.name()).collect();
        format!("the templates about a reservation are {}", names.join(", "))
    })
}

fn locale(text: &str) -> Result<Locale, String> {
    Locale::from_tag(text).ok_or_else(|| "id or en".to_owned())
}

impl Preview {
    /// Reads the reservation and prints what would be said of it. Nothing is sent.
    ///
    /// # Errors
    /// When it can not be read, or the template does not fit it.
    pub async fn run(
        &self,
        reservation_client: &ReservationClient,
        messages: &Messages,
        public_url: &str,
    ) -> anyhow::Result<ExitCode> {
        let by = EventMetadata::system("preview");
        let reservation = reservation_client.reservation(self.reservation, &by).await?;
        let reservation =
            reservation.with_context(|| format!("there is no reservation {}", self.reservation))?;
        let contact = reservation_client.contact(self.reservation.into(), &by).await?;
        let Contact { name, email, .. } = contact.context("the contact was erased: nobody is written to")?;
        let due = match self.template {
            Template::FeeDue => {
                reservation.fee.as_ref().context("there is no fee to pay for this reservation")?
            }
            _ => &reservation.deposit,
        };
        let amount = due.amount_minor.zip(due.currency.as_deref().and_then(Currency::from_code));
        let amount = amount.map(|(amount_minor, currency)| Money { amount_minor, currency });
        let visit = Visit::from(reservation);
        let link = format!("{public_url}/checkout/preview");
        let facts = Facts {
            visit: &visit,
            name: &name,
            locale: self.locale.or(Locale::from_tag(&visit.locale)).unwrap_or_default(),
            link: Some(&link),
            amount,
        };
        let shown = match self.form {
            Form::Text => {
                let words = messages.words(self.template, &facts)?;
                format!("Subject: {}\n\n{}", words.subject, words.text).into_bytes()
            }
            Form::Html => messages.words(self.template, &facts)?.html.into_bytes(),
            Form::Sms if !messages.has_sms(self.template) => {
                anyhow::bail!("{} goes by mail only: leave --as sms out", self.template.name())
            }
            Form::Sms => (messages.sms(self.template, &facts)? + "\n").into_bytes(),
            Form::Eml => {
                let (key, to) = (EffectKey("preview".into()), Recipient { name: &name, address: &email });
                messages.mail(&key, self.template, &facts, to, now())?.formatted()
            }
        };
        std::io::stdout().lock().write_all(&shown).context("could not print")?;
        Ok(ExitCode::SUCCESS)
    }
}

#[expect(clippy::disallowed_methods, reason = "an operator's command has no injected clock")]
fn now() -> chrono::DateTime<Utc> {
    Utc::now()
}
