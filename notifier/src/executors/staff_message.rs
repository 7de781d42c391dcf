//! Sends messages to members of staff, unless the link in them is no longer valid.

use access::link::Link;
use events::StaffId;
use events::recorded::EventMetadata;

use super::message::redacted;
use super::{EffectExecutor, Execution, Failure};
use crate::domain::effect::{Lane, StaffTemplate};
use crate::domain::visit::zone;
use crate::effects::TrackedEffect;
use crate::failpoint;
use crate::messages::{Recipient, StaffFacts};
use people::{mask_mail, moment};

impl EffectExecutor {
    /// Sends the message, unless there is a later link, or the link was used.
    pub(super) async fn staff_message(
        &self,
        effect: &TrackedEffect,
        staff_id: StaffId,
        template: StaffTemplate,
        number: u32,
        by: &EventMetadata,
    ) -> Result<Execution, Failure> {
        let key = &effect.scheduled.key;
        let Some(contact) = self.reservation_api.staff_contact(staff_id, by).await? else {
            return Ok(Execution::skipped(
                "no mail is needed: the account ended, or the link is handed over and the person enters an address",
            ));
        };
        let link = match template {
            StaffTemplate::StaffInvitation => contact.invitation,
            StaffTemplate::PasswordReset => contact.password_reset,
        };
        let is_current = |token: &str| Link::claimed_by(token).is_some_and(|link| link.generation == number);
        let Some(link) = link.filter(|link| is_current(&link.token)) else {
            return Ok(Execution::skipped("the link is no longer valid"));
        };
        let facts = StaffFacts {
            name: &contact.name,
            locale: contact.locale,
            venues: &contact.venues,
            link: &link.url,
            expires_at: &moment(&link.expires_at.with_timezone(&zone(&contact.timezone)), contact.locale),
        };
        let recipient = Recipient { name: &contact.name, address: &contact.email };
        let mail = self
            .messages
            .staff_mail(key, template, &facts, recipient, self.env.now())
            .map_err(|error| Failure::permanent("message_impossible", error.to_string()))?;
        let permission = self.rate_limiter.admit(Lane::Mail, &contact.email, self.env.now());
        let permission = permission.map_err(Failure::rate_limited)?;
        failpoint::hit("mail.before_send");
        self.mail.send(key, None, mail).await.map_err(|error| redacted(error, &contact.email))?;
        permission.sent();
        failpoint::hit("mail.after_send");
        Ok(Execution { recipient: Some(mask_mail(&contact.email)), ..Execution::done() })
    }
}
