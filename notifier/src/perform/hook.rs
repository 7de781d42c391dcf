//! Telling a system of the restaurant of an event.

use events::Recorded;
use serde_json::value::RawValue;

use super::{Failure, Performed, Performer};
use crate::effect::TellHook;
use crate::gateway::hook::Told;
use crate::hooks::body;
use crate::journal::{Entry, HookSwitched};

impl Performer {
    pub(super) async fn tell_hook(&self, tell: &TellHook) -> Result<Performed, Failure> {
        let TellHook { hook: id, position, after, previous } = tell;
        let Some(hook) = self.hooks.get(id) else {
            return Ok(Performed::skipped("the hook is not in the settings any more"));
        };
        if self.outbox.hook(id).is_some_and(|state| state.is_disabled) {
            return Ok(Performed::skipped("the receiver is gone"));
        }
        let event = self.event_after(*after).await?;
        let unreadable = |error: String| Failure::final_one("unreadable", error);
        let recorded = Recorded::parse(event.as_bytes()).map_err(|error| unreadable(error.to_string()))?;
        let raw: &RawValue = serde_json::from_str(&event).map_err(|error| unreadable(error.to_string()))?;
        let time = recorded.time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
        let body = body(&recorded.event_type, &time, raw, *position, *previous);
        match self.hook_sender.send(hook, &recorded.id.to_string(), body, self.clock.now()).await? {
            Told::Taken => Ok(Performed::done()),
            Told::Gone => {
                tracing::warn!(
                    hook = id,
                    "the receiver is gone (410) and is told nothing any more: POST /api/hooks/{{id}}/enable changes that"
                );
                let gone = Entry::HookSwitched(HookSwitched { hook: id.clone(), enabled: false });
                Ok(Performed { entries: vec![gone], ..Performed::skipped("the receiver is gone") })
            }
        }
    }
}
