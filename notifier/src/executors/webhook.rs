//! Sends an event to a webhook subscriber.

use events::Recorded;

use super::{EffectExecutor, Execution, Failure};
use crate::domain::effect::SendWebhook;
use crate::domain::webhooks::body;
use crate::effects::entry::{Entry, WebhookSwitched};
use crate::ports::Delivery;

impl EffectExecutor {
    pub(super) async fn send_webhook(&self, webhook: &SendWebhook) -> Result<Execution, Failure> {
        let SendWebhook { hook: id, position, after, previous } = webhook;
        let Some(hook) = self.hooks.get(id) else {
            return Ok(Execution::skipped("the subscription is no longer in the settings"));
        };
        if self.effect_log.hook(id).is_some_and(|state| state.is_disabled) {
            return Ok(Execution::skipped("the receiver is gone"));
        }
        let event = self.event_after(*after).await?;
        let recorded = Recorded::parse(event.get().as_bytes());
        let recorded = recorded.map_err(|error| Failure::permanent("unreadable", error.to_string()))?;
        let time = recorded.time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
        let body = body(&recorded.event_type, &time, &event, *position, *previous);
        match self.webhook_sender.send(hook, &recorded.id.to_string(), body, self.env.now()).await? {
            Delivery::Accepted => Ok(Execution::done()),
            Delivery::Gone => {
                tracing::warn!(
                    hook = id,
                    "the receiver responded 410 and gets no more events: POST /api/hooks/{{id}}/enable to enable it again"
                );
                let gone = Entry::WebhookSwitched(WebhookSwitched { hook: id.clone(), enabled: false });
                Ok(Execution { entries: vec![gone], ..Execution::skipped("the receiver is gone") })
            }
        }
    }
}
