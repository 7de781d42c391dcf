//! What a guest was asked and answered: whether the party comes.

use chrono::{DateTime, TimeDelta, Utc};
use events::event::{Event, GuestAnswered, GuestAsked, GuestQuestion};

use super::refusal::{ASKED_TIMES_MAX, Refusal};

/// A repeated question within this time is the same question: a host tapped twice.
const ASKED_AGAIN_AFTER: TimeDelta = TimeDelta::minutes(2);

/// What a guest was asked last, and the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attendance {
    /// The question.
    pub question: GuestQuestion,
    /// When it was asked last.
    pub asked_at: DateTime<Utc>,
    /// How many times the guest was asked.
    pub times: u8,
    /// The last answer, and when it arrived.
    pub answered: Option<(GuestAnswered, DateTime<Utc>)>,
}

impl Attendance {
    /// The event that a guest is asked; none if the same question was asked just now.
    ///
    /// # Errors
    /// [`Refusal::AskedTooOften`].
    pub fn ask(
        last: Option<&Self>,
        question: GuestQuestion,
        now: DateTime<Utc>,
    ) -> Result<Vec<Event>, Refusal> {
        match last {
            Some(last) if now < last.asked_at + ASKED_AGAIN_AFTER => Ok(vec![]),
            Some(last) if last.times >= ASKED_TIMES_MAX => Err(Refusal::AskedTooOften),
            _ => Ok(vec![GuestAsked { question }.into()]),
        }
    }

    /// The event of an answer; none if the guest has said the same.
    ///
    /// # Errors
    /// [`Refusal::NothingAsked`].
    pub fn answer(last: Option<&Self>, answered: &GuestAnswered) -> Result<Vec<Event>, Refusal> {
        let last = last.ok_or(Refusal::NothingAsked)?;
        let is_same = last.answered.as_ref().is_some_and(|(before, _)| before == answered);
        Ok(if is_same { vec![] } else { vec![answered.clone().into()] })
    }

    /// Applies an event to `last`.
    pub fn evolve(last: &mut Option<Box<Self>>, event: &Event, at: DateTime<Utc>) {
        match event {
            Event::GuestAsked(GuestAsked { question }) => {
                let times = last.as_ref().map_or(0, |last| last.times).saturating_add(1);
                // The last answer counts until there is another one.
                let answered = last.take().and_then(|last| last.answered);
                *last = Some(Box::new(Self { question: *question, asked_at: at, times, answered }));
            }
            Event::GuestAnswered(answered) => {
                if let Some(last) = last {
                    last.answered = Some((answered.clone(), at));
                }
            }
            _ => {}
        }
    }
}
