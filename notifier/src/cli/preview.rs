//! `notifier preview`: the messages that a guest would get about a reservation.

use contract::reservation::view::ContactView;
use events::recorded::EventMetadata;
use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use chassis::environment::Environment;
use clap::ValueEnum;
use events::ReservationId;
use events::values::Locale;
use serde_json::value::RawValue;

use crate::domain::effect::{EffectKey, Template};
use crate::domain::visit::Occasion;
use crate::messages::{Facts, Messages, Recipient};
use crate::ports::reservation_api::ReservationApi;

/// Options of `preview`.
#[derive(Debug, clap::Args)]
pub struct Preview {
    /// The template: received, deposit_due, confirmed, rescheduled, cancelled, refunded, reminder, fee_due or paid_late
    #[arg(value_parser = template)]
    template: Template,
    /// The reservation, which is read from the reservation service
    #[arg(long)]
    reservation: ReservationId,
    /// The language, id or en; by default the language of the guest
    #[arg(long, value_parser = locale)]
    locale: Option<Locale>,
    /// The form
    #[arg(long = "as", value_enum, default_value = "text")]
    form: Form,
}

/// The form of a preview.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Subject and text of the mail
    Text,
    /// The HTML part of the mail
    Html,
    /// The complete mail
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
    /// Reads the reservation and prints the message. Nothing is sent.
    ///
    /// # Errors
    /// When the reservation cannot be read, or the template cannot be rendered with it.
    pub async fn run(
        &self,
        reservation_api: &dyn ReservationApi,
        messages: &Messages,
        public_url: &str,
        env: &dyn Environment,
    ) -> anyhow::Result<ExitCode> {
        let by = EventMetadata::system("preview");
        let reservation = reservation_api.reservation(self.reservation, &by).await?;
        let reservation =
            reservation.with_context(|| format!("there is no reservation {}", self.reservation))?;
        let contact = reservation_api.contact(self.reservation.into(), &by).await?;
        let ContactView { name, email, guest_link, .. } =
            contact.context("the contact was erased, so no message would be sent")?;
        let due = match self.template {
            Template::FeeDue => reservation.no_show_fee.as_ref().context("this reservation has no fee")?,
            _ => &reservation.deposit,
        };
        let (amount, locale) = (due.amount(), self.locale.unwrap_or(reservation.visit.locale));
        let occasion = Occasion::Booked(reservation);
        let link = format!("{public_url}/checkout/preview");
        let booking_link = guest_link.as_ref().map(|link| link.url.as_str());
        let (link, name, occasion, proof_code) = (Some(link.as_str()), &name, &occasion, None);
        let receipt = match self.template {
            Template::Confirmed => reservation_api.receipt(self.reservation, &by).await.ok().flatten(),
            _ => None,
        };
        let receipt = receipt.as_deref().map(RawValue::get);
        let facts = Facts { occasion, name, locale, link, booking_link, proof_code, amount, receipt };
        let shown = match self.form {
            Form::Text => {
                let words = messages.words(self.template, &facts)?;
                format!("Subject: {}\n\n{}", words.subject, words.text).into_bytes()
            }
            Form::Html => messages.words(self.template, &facts)?.html.into_bytes(),
            Form::Sms if !messages.has_sms(self.template) => {
                anyhow::bail!("{} is sent by mail only: omit --as sms", self.template.name())
            }
            Form::Sms => (messages.sms(self.template, &facts)? + "\n").into_bytes(),
            Form::Eml => {
                let (key, to) = (EffectKey("preview".into()), Recipient { name, address: &email });
                messages.mail(&key, self.template, &facts, to, env.now())?.formatted()
            }
        };
        std::io::stdout().lock().write_all(&shown).context("could not print")?;
        Ok(ExitCode::SUCCESS)
    }
}
