//! The payment channels that can take an amount.

use events::values::Locale;
use minijinja::{Value, context};
use rpc::v1;

/// Those of `channels` that can take `amount`, with their names.
pub(super) fn accepting(amount: &v1::Money, channels: &[v1::Channel], locale: Locale) -> Vec<Value> {
    let takes = |channel: &&v1::Channel| {
        let is_within = channel
            .limits
            .get(&amount.currency)
            .is_none_or(|range| (range.min_minor..=range.max_minor).contains(&amount.amount_minor));
        is_within && (channel.currencies.is_empty() || channel.currencies.contains(&amount.currency))
    };
    let view = |channel: &v1::Channel| {
        context! { code => channel.code, label => label(channel, locale) }
    };
    channels.iter().filter(takes).map(view).collect()
}

/// The name of the channel `code`; `None` if it is not one of `channels`.
pub(super) fn label_of(code: &str, channels: &[v1::Channel], locale: Locale) -> Option<String> {
    channels.iter().find(|channel| channel.code == code).map(|channel| label(channel, locale))
}

/// The name of a channel.
fn label(channel: &v1::Channel, locale: Locale) -> String {
    let label = channel.label.clone().unwrap_or_default();
    match locale {
        Locale::Id => label.id,
        Locale::En => label.en,
    }
}
