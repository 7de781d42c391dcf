//! Keeps personal data out of faults that are sent over the network. Part of [`crate::fault`].
//!
//! A response can end up in the log of a proxy or of a client, and a fault about a phone number must not put it there. The
//! sender knows what it sent.

use serde_json::Value;

use super::Fault;

/// The members and parameters that contain personal data, at any depth.
const PERSONAL: [&str; 11] = [
    "contact_info",
    "name",
    "phone",
    "email",
    "table_preference",
    "special_requests",
    "allergies",
    "staff_notes",
    "description",
    "customer_id",
    "q",
];

/// What stands in a message instead of a part of the value.
const LEFT_OUT: &str = "…";

/// Number of digits in a row that identify a phone number.
const DIGITS: usize = 5;

impl Fault {
    /// The fault without personal data: the value, if its field contains some or is unknown, and what the message quotes of it.
    #[must_use]
    pub fn without_personal_data(mut self) -> Self {
        let is_personal =
            self.loc.iter().flat_map(|step| step.split('.')).any(|step| PERSONAL.contains(&step));
        if is_personal {
            let value = self.input.as_ref().map(words_of).unwrap_or_default();
            self.msg = without(&self.msg, &value);
        }
        // A misnamed member, and an object in the place of another value, can contain anything.
        let is_of_body = self.loc.first().is_some_and(|at| at == "body");
        let is_open = self.loc.len() == 1
            || self.r#type == "extra_forbidden"
            || matches!(self.input, Some(Value::Object(_) | Value::Array(_)));
        if is_personal || (is_of_body && is_open) {
            self.input = None;
        }
        self
    }
}

/// All texts in `value`.
fn words_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `msg` without quoted texts, and without words of `value`.
fn without(msg: &str, value: &str) -> String {
    let value = value.to_lowercase();
    let mut shown = String::with_capacity(msg.len());
    // Texts are quoted as Rust quotes them, so that a quotation mark in them follows a backslash.
    let mut parts = msg.split(' ').peekable();
    while let Some(part) = parts.next() {
        let part = match part.strip_prefix('"') {
            Some(rest) => {
                let mut end = rest;
                while !is_closed(end) && parts.peek().is_some() {
                    end = parts.next().unwrap_or_default();
                }
                let after = end.rsplit_once('"').map_or("", |(_, after)| after);
                format!("{LEFT_OUT}{after}")
            }
            None if comes_from(part, &value) => LEFT_OUT.to_owned(),
            None => part.to_owned(),
        };
        if !shown.is_empty() {
            shown.push(' ');
        }
        shown.push_str(&part);
    }
    shown
}

/// Whether `part` contains the quotation mark that ends a quoted text.
fn is_closed(part: &str) -> bool {
    let mut is_escaped = false;
    part.chars().any(|c| {
        let closes = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        closes
    })
}

/// Whether a word of a message repeats a part of the value.
fn comes_from(word: &str, value: &str) -> bool {
    let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).collect::<Vec<_>>();
    let (word, of_value) = (word.to_lowercase(), digits(value));
    let is_part = |window: &[u8]| of_value.windows(DIGITS).any(|known| known == window);
    digits(&word).windows(DIGITS).any(is_part)
        || (word.contains('@') && value.contains(word.trim_matches(',')))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(field: &str, msg: &str, input: &str) -> Fault {
        Fault::new("body", field, "value_error", msg, json!(input)).without_personal_data()
    }

    #[test]
    fn faults_do_not_repeat_personal_data() {
        for (field, msg, input, expected) in [
            (
                "phone",
                "\"0812 34\" is not a phone number such as +62 812 3456 7890",
                "0812 34",
                "… is not a phone number such as +62 812 3456 7890",
            ),
            (
                "phone",
                "\"0(0)812345\" can be read as +62812345 and as +620812345: leave out the (0)",
                "0(0)812345",
                "… can be read as … and as … leave out the (0)",
            ),
            (
                "email",
                "\"sa\\\"ri@\" is not an e-mail address such as sari@example.com",
                "sa\"ri@",
                "… is not an e-mail address such as sari@example.com",
            ),
            (
                "name",
                "\"bit.ly/x\" is an address on the internet, not a name",
                "Sari bit.ly/x",
                "… is an address on the internet, not a name",
            ),
        ] {
            let fault = shown(field, msg, input);
            assert_eq!((fault.msg.as_str(), &fault.input), (expected, &None));
        }
        let other = shown("party_size", "\"x\" is not a number", "x");
        assert_eq!((other.msg.as_str(), other.input), ("\"x\" is not a number", Some(json!("x"))));
        let unknown = Fault::new("body", "fone", "extra_forbidden", "Extra inputs are not permitted", "0812");
        assert_eq!(unknown.without_personal_data().input, None);
        for contact in [json!([{"name": "Sari"}]), json!({"name": "Sari"}), json!("Sari")] {
            assert_eq!(Fault::not_an_object(contact).without_personal_data().input, None);
        }
        let misplaced = Fault::new("body", "party_size", "int_type", "no", json!({"name": "Sari"}));
        assert_eq!(misplaced.without_personal_data().input, None);
    }
}
