//! Reasons.

use contract::form::Form;
use contract::values::{REASONS, ReasonCode};

use crate::domain::venue::Venue;

/// The reason in the field `path`: one that every venue has, or one that the rules of `venue` add.
pub(super) fn reason(
    form: &mut Form,
    path: &[&str],
    asked: Option<ReasonCode>,
    venue: Option<&Venue>,
) -> Option<String> {
    let asked = String::from(asked?);
    let own = venue.map(|venue| venue.reason_codes.as_slice()).unwrap_or_default();
    let known = || REASONS.iter().map(|(code, _)| *code).chain(own.iter().map(String::as_str));
    let checked = match known().any(|code| code == asked) {
        true => Ok(asked.clone()),
        false => Err(format!(
            "there is no reason {asked:?}; choose one of: {}. The rules of a venue can add others as reason_codes",
            known().collect::<Vec<_>>().join(", ")
        )),
    };
    form.checked(path, asked, checked)
}

/// Like [`reason`], with the reason `code` if the request names none.
pub(super) fn reason_or(
    form: &mut Form,
    code: &str,
    asked: Option<ReasonCode>,
    venue: Option<&Venue>,
) -> Option<String> {
    match asked {
        Some(_) => reason(form, &["reason_code"], asked, venue),
        None => Some(code.to_owned()),
    }
}
