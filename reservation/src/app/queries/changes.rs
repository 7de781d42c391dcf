//! What an event changed: the difference between two states of a reservation.

use contract::reservation::history::Change;
use serde_json::Value;

/// Members that say nothing about the reservation itself.
const LEFT_OUT: [&str; 2] = ["version", "created_at"];

/// The differences between two states. None if `before` is null, because then everything is new.
pub fn between(before: &Value, after: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    if !before.is_null() {
        compare("", before, after, &mut changes);
    }
    changes.retain(|change| !LEFT_OUT.contains(&change.field.as_str()));
    changes
}

fn compare(field: &str, before: &Value, after: &Value, changes: &mut Vec<Change>) {
    let at = |name: &str| if field.is_empty() { name.to_owned() } else { format!("{field}.{name}") };
    let (Value::Object(from), Value::Object(to)) = (before, after) else {
        if before != after {
            changes.push(Change { field: field.to_owned(), from: before.clone(), to: after.clone() });
        }
        return;
    };
    let names: std::collections::BTreeSet<_> = from.keys().chain(to.keys()).collect();
    for name in names {
        let of = |members: &serde_json::Map<String, Value>| members.get(name).cloned().unwrap_or_default();
        compare(&at(name), &of(from), &of(to), changes);
    }
}
