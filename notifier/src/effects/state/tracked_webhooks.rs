//! The state of the webhook subscriptions.

use std::collections::HashMap;

use events::Position;

use crate::domain::effect::SendWebhook;
use crate::effects::entry::WebhookSwitched;

/// The state of a webhook subscription.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WebhookState {
    /// Whether it is disabled.
    pub is_disabled: bool,
    /// The position of the last event that was or will be sent.
    pub last: Option<u64>,
    /// The position after which nothing may have enabled or disabled it.
    pub(in crate::effects) since: Position,
}

/// The webhook subscriptions that events were sent to.
#[derive(Default)]
pub(in crate::effects) struct WebhookStates(HashMap<String, WebhookState>);

impl WebhookStates {
    /// The state of a subscription; `None` if no event was sent to it.
    pub(in crate::effects) fn get(&self, hook: &str) -> Option<WebhookState> {
        self.0.get(hook).copied()
    }

    /// An event was scheduled for a subscription.
    pub(super) fn scheduled(&mut self, webhook: &SendWebhook) {
        self.0.entry(webhook.hook.clone()).or_default().last = Some(webhook.position);
    }

    /// A subscription was disabled or enabled. The events missed while it is disabled are unknown, so the next event
    /// has no previous one.
    pub(super) fn switched(&mut self, switched: &WebhookSwitched, at: Position) {
        let state = WebhookState { is_disabled: !switched.enabled, last: None, since: at };
        self.0.insert(switched.hook.clone(), state);
    }
}
