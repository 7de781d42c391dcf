//! The mail with a checkpoint of the log. Part of [`super`].

use chrono::{DateTime, Utc};
use lettre::Message;
use lettre::message::header::ContentType;
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};

use super::{MessageError, Messages};
use crate::domain::checkpoint::LogCheckpoint;
use crate::domain::effect::EffectKey;

impl Messages {
    /// A mail that brings a checkpoint out of the installation, as a text and as a file.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn checkpoint_mail(
        &self,
        key: &EffectKey,
        checkpoint: &LogCheckpoint,
        to: &Mailbox,
        now: DateTime<Utc>,
    ) -> Result<Message, MessageError> {
        let LogCheckpoint { origin, size, note } = checkpoint;
        let text = format!(
            "This is a signed checkpoint of the log {origin} with {size} events.\n\n\
             Keep it outside of the installation. With it anyone can prove later that the log still begins with these \
             events: save the file of this mail, and run\n\n    \
             reservation log verify --checkpoint FILE --key KEY\n\n\
             or compare it on the page /audit/verify. KEY is the public key of the log at /.well-known/meja-log-keys. Keep a \
             copy of it as well.\n\n{note}"
        );
        let domain = self.from.email.domain();
        let builder = Message::builder()
            .from(self.from.clone())
            .to(to.clone())
            .subject(format!("Checkpoint of {origin}: {size} events"))
            .message_id(Some(format!("<{key}@{domain}>")))
            .date(now.into());
        let file = Attachment::new(format!("log-{size}.checkpoint"));
        let parts = MultiPart::mixed()
            .boundary(format!("meja-{key}"))
            .singlepart(SinglePart::plain(text))
            .singlepart(file.body(note.clone(), ContentType::parse("text/plain; charset=utf-8")?));
        Ok(builder.multipart(parts)?)
    }
}
