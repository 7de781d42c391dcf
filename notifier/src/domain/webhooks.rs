//! Webhook subscriptions of the restaurant's systems, and the content of webhooks.
//!
//! According to Standard Webhooks 1.0: `webhook-id` is the event, the same for every attempt; `webhook-timestamp` is the
//! time of the attempt; `webhook-signature` has an HMAC-SHA256 over id, timestamp and body for every secret, so that a
//! secret can be changed without interruption.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Maximum number of subscriptions.
const HOOKS_MAX: usize = 20;
/// Maximum number of secrets of a subscription: the current one, and others during a change.
const SECRETS_MAX: usize = 4;
/// Length of a secret according to Standard Webhooks.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A webhook subscription.
#[derive(Clone)]
pub struct Webhook {
    /// The id in the log, in responses and in log lines.
    pub id: String,
    /// The URL.
    pub url: String,
    /// The event types; empty: all.
    pub types: Vec<String>,
    /// One per secret, the current one first.
    signers: Arc<[standardwebhooks::Webhook]>,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook").field("id", &self.id).field("types", &self.types).finish_non_exhaustive()
    }
}

/// All webhook subscriptions.
#[derive(Debug, Clone, Default)]
pub struct Webhooks(Vec<Webhook>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    url: String,
    secrets: Vec<String>,
    #[serde(default)]
    types: Vec<String>,
}

impl Webhook {
    /// Whether it includes events of `event_type`. A type that ends in `*` includes all with that prefix.
    #[must_use]
    pub fn wants(&self, event_type: &str) -> bool {
        let fits = |wanted: &String| match wanted.strip_suffix('*') {
            Some(start) => event_type.starts_with(start),
            None => event_type == wanted,
        };
        self.types.is_empty() || self.types.iter().any(fits)
    }

    /// The origin of the URL. The path may be secret.
    #[must_use]
    pub fn origin(&self) -> String {
        reqwest::Url::parse(&self.url)
            .map_or_else(|_| String::new(), |url| url.origin().ascii_serialization())
    }

    /// The value of `webhook-signature`: one signature per secret, the current one first.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp: i64, body: &str) -> String {
        // The library fails only for bodies that are not UTF-8.
        let signatures =
            self.signers.iter().filter_map(|signer| signer.sign(id, timestamp, body.as_bytes()).ok());
        signatures.collect::<Vec<_>>().join(" ")
    }
}

/// The body of a webhook: the event and its position in the feed, so that a receiver that missed the previous one can
/// read it from `GET /events`.
#[must_use]
pub fn body(event_type: &str, time: &str, event: &RawValue, position: u64, previous: Option<u64>) -> String {
    let previous = previous.map_or("null".to_owned(), |previous| previous.to_string());
    // Type and time of a stored event need no escaping.
    format!(
        r#"{{"type":"{event_type}","timestamp":"{time}","position":{position},"previous_position":{previous},"data":{event}}}"#
    )
}

impl Webhooks {
    /// The subscriptions in the file at `path`.
    ///
    /// # Errors
    /// All faults of the file, without secrets.
    pub fn load(path: &Path) -> Result<Self, Vec<String>> {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|error| vec![format!("could not read {}: {error}", path.display())])?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self, Vec<String>> {
        let entries: Vec<Entry> = serde_json::from_str(text).map_err(|error| {
            // Names of fields can be reported, their values cannot.
            let words = error.to_string();
            let told = if words.contains("field `") { words } else { format!("line {}", error.line()) };
            vec![format!("is not a list of webhook subscriptions: {told}")]
        })?;
        let mut faults = Vec::new();
        if entries.len() > HOOKS_MAX {
            faults.push(format!("{} subscriptions are too many: at most {HOOKS_MAX}", entries.len()));
        }
        let (mut hooks, mut ids) = (Vec::new(), BTreeSet::new());
        for Entry { id, url, secrets, types } in entries {
            let mut fault = |words: String| faults.push(format!("hook {id:?}: {words}"));
            let is_id = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            if id.is_empty() || id.len() > 32 || !id.bytes().all(is_id) {
                fault("an id has 1 to 32 characters of a-z, 0-9 and -".into());
            }
            if !ids.insert(id.clone()) {
                fault("the id is listed twice".into());
            }
            let is_url = reqwest::Url::parse(&url).is_ok_and(|url| {
                matches!(url.scheme(), "http" | "https") && url.has_host() && url.username().is_empty()
            });
            if !is_url {
                fault("its url is not an http or https URL without a user".into());
            }
            if secrets.is_empty() || secrets.len() > SECRETS_MAX {
                fault(format!("{} secrets are not in the range 1 to {SECRETS_MAX}", secrets.len()));
            }
            let signers: Arc<[_]> = secrets.iter().filter_map(|secret| signer(secret)).collect();
            if signers.len() != secrets.len() {
                fault("a secret is whsec_ followed by 24 to 64 bytes in base64: `echo whsec_$(openssl rand -base64 32)` creates one".into());
            }
            for wanted in &types {
                let known =
                    |t: &str| wanted.strip_suffix('*').map_or(t == wanted, |start| t.starts_with(start));
                if !events::Event::TYPES.iter().any(|t| known(t)) {
                    fault(format!("there is no event type {wanted:?}"));
                }
            }
            hooks.push(Webhook { id, url, types, signers });
        }
        if faults.is_empty() { Ok(Self(hooks)) } else { Err(faults) }
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Webhook> {
        self.0.iter()
    }

    /// The one with this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Webhook> {
        self.0.iter().find(|hook| hook.id == id)
    }
}

/// The signer for `secret`. The library accepts secrets without the prefix and of any length.
fn signer(secret: &str) -> Option<standardwebhooks::Webhook> {
    let bytes = STANDARD.decode(secret.strip_prefix("whsec_")?).ok()?;
    SECRET_BYTES.contains(&bytes.len()).then(|| standardwebhooks::Webhook::from_bytes(bytes).ok())?
}

#[cfg(test)]
mod tests {
    use chassis::environment::{Environment as _, SystemEnvironment};

    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    /// The example in the documentation of the reference implementation.
    #[test]
    fn a_signature_is_the_one_in_the_specification() {
        let file =
            format!(r#"[{{"id": "pos", "url": "https://pos.example/hook", "secrets": ["{SECRET}"]}}]"#);
        let hooks = Webhooks::parse(&file).unwrap();
        let signature = hooks.get("pos").unwrap().sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn signatures_are_those_that_receivers_check() {
        let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        let file = format!(
            r#"[{{"id": "pos", "url": "https://pos.example/hook", "secrets": ["{other}", "{SECRET}"]}}]"#
        );
        let hooks = Webhooks::parse(&file).unwrap();
        let now = SystemEnvironment.now().timestamp();
        let signature = hooks.get("pos").unwrap().sign("msg_1", now, r#"{"a":1}"#);
        let mut headers = http::HeaderMap::new();
        headers.insert("webhook-id", "msg_1".parse().unwrap());
        headers.insert("webhook-timestamp", now.to_string().parse().unwrap());
        headers.insert("webhook-signature", signature.parse().unwrap());
        for secret in [SECRET, other] {
            let receiver = standardwebhooks::Webhook::new(secret).unwrap();
            receiver.verify(br#"{"a":1}"#, &headers).unwrap();
            assert!(receiver.verify(br#"{"a":2}"#, &headers).is_err());
        }
        let stranger =
            standardwebhooks::Webhook::new("whsec_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA=").unwrap();
        assert!(stranger.verify(br#"{"a":1}"#, &headers).is_err());
    }

    #[test]
    fn every_fault_of_a_file_is_reported_without_secrets() {
        let file = format!(
            r#"[{{"id": "POS", "url": "ftp://x", "secrets": [], "types": ["meja.birthday.v1"]}},
            {{"id": "a", "url": "http://u:p@x", "secrets": ["whsec_c2hvcnQ="]}}, {{"id": "a", "url": "http://x", "secrets": ["{SECRET}"]}}]"#
        );
        let faults = Webhooks::parse(&file).unwrap_err().join("\n");
        for words in ["a-z", "its url", "0 secrets", "birthday", "24 to 64", "twice"] {
            assert!(faults.contains(words), "{words}: {faults}");
        }
        assert!(!faults.contains("c2hvcnQ") && !faults.contains("ftp://x"), "{faults}");
        let hooks = Webhooks::parse(&format!(
            r#"[{{"id": "a", "url": "http://x", "secrets": ["{SECRET}"], "types": ["meja.reservation.*", "meja.table.assigned.v1"]}}]"#
        ));
        let hook = hooks.unwrap().get("a").unwrap().clone();
        assert!(hook.wants("meja.reservation.created.v1") && hook.wants("meja.table.assigned.v1"));
        assert!(!hook.wants("meja.table.released.v1"));
    }
}
