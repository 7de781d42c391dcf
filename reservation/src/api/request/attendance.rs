//! Answers of guests.

use contract::form::Form;
use contract::reservation::attendance::drafts;
use events::event::{GuestAnswer, GuestAnswered};

/// Reads the body of an answer.
pub(in crate::api) fn answer(form: &mut Form) -> Option<GuestAnswered> {
    let draft = drafts::AnswerQuestion::take(form);
    let answer = draft.answer?;
    let late_minutes = draft.late_minutes.and_then(|minutes| {
        let minutes = u32::from(minutes);
        let is_late = match answer {
            GuestAnswer::Late => Ok(minutes),
            GuestAnswer::Coming | GuestAnswer::NotComing => Err("only a party that is late has this"),
        };
        form.checked(&["late_minutes"], minutes.to_string(), is_late)
    });
    Some(GuestAnswered { answer, late_minutes })
}
