//! What the notifier needs from the reservation service.

use std::time::Duration;

use axum::http::HeaderValue;
use bytes::Bytes;
use chassis::secret::Token;
use contract::reservation::access::AccessSnapshot;
use contract::reservation::staff::{StaffContactView, StaffLinkInfo};
use contract::reservation::view::ContactView;
use contract::reservation::waitlist::WaitlistView;
use events::event::GuestAnswer;
use events::recorded::EventMetadata;
use events::{EventId, Position, ReservationId, StaffId, WaitlistId};
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::domain::checkpoint::LogCheckpoint;
use crate::domain::effect::{About, EffectKey, NotificationResult, PaymentResult};
use crate::domain::visit::Reservation;

/// Why a request to the reservation service failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReservationError {
    /// A temporary failure: it was not reached, is overloaded or failed.
    #[error("the reservation service is not available: {0}")]
    Unavailable(String),
    /// A limit of requests is used up.
    #[error("the reservation service limits such requests: {0}")]
    Limited(String),
    /// The response cannot be decoded. The request may have been carried out.
    #[error("the response of the reservation service cannot be decoded: {0}")]
    Unreadable(String),
    /// It refused the request.
    #[error("the reservation service refused the request: {code}")]
    Refused {
        /// What the refusal means here.
        refusal: Refusal,
        /// The `code` of its problem.
        code: String,
    },
}

/// What a refusal of the reservation service means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The reservation or the waitlist entry does not exist, or its contact was erased.
    NotFound,
    /// The current state does not permit the request.
    Conflict,
    /// The cursor belongs to another log.
    ForeignCursor,
    /// The payment cannot be assigned: it is unknown, or has another amount.
    PaymentNotAssigned,
    /// Any other reason.
    Other,
}

impl ReservationError {
    /// What the refusal means, if it is one.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Unavailable(_) | Self::Limited(_) | Self::Unreadable(_) => None,
            Self::Refused { refusal, .. } => Some(*refusal),
        }
    }
}

/// A page of the feed.
#[derive(Debug)]
pub struct FeedPage {
    /// A JSON array of events.
    pub body: Bytes,
    /// The end of the log when the page was read.
    pub head: Position,
}

/// The answer of a waiting guest to an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfferAnswer {
    /// The guest takes the table.
    Accept,
    /// The guest does not take it.
    Decline,
}

impl OfferAnswer {
    /// The word in URLs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Decline => "decline",
        }
    }

    /// The answer with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Accept, Self::Decline].into_iter().find(|answer| answer.word() == word)
    }
}

/// A page for members of staff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StaffPage {
    /// The page of an invitation.
    Join,
    /// The page of a password reset.
    Password,
}

/// What a person enters on a page for members of staff. Not printed, because of the password.
#[derive(Clone, Default, Deserialize)]
pub struct Entered {
    /// The name.
    #[serde(default)]
    pub name: String,
    /// The e-mail address.
    #[serde(default)]
    pub email: String,
    /// The new password.
    #[serde(default)]
    pub password: String,
    /// The code of the authenticator app.
    #[serde(default)]
    pub code: String,
    /// The language of the page.
    #[serde(default)]
    pub locale: String,
}

/// The result of using a link.
#[derive(Debug)]
pub enum LinkUse {
    /// It was used: the person is signed in with these headers `Set-Cookie`.
    Done(Vec<HeaderValue>),
    /// It was not: the `code` of the problem, and the faults of the body.
    Refused {
        /// The code.
        code: String,
        /// The faults: the member and the kind of each.
        faults: Vec<(String, String)>,
    },
}

/// The result of a request.
pub type Requested<'a, T> = BoxFuture<'a, Result<T, ReservationError>>;

/// The reservation service. `by` is the cause of a request: it becomes part of the events that follow. A request for a
/// guest presents the link of the guest, and never the key of this service.
pub trait ReservationApi: Send + Sync + 'static {
    /// Events after `cursor`; waits up to `timeout` for one.
    fn feed(&self, cursor: Option<EventId>, timeout: Duration) -> Requested<'_, FeedPage>;

    /// The event after `cursor`; `None` if there is none.
    fn event_after(&self, cursor: Option<EventId>) -> Requested<'_, Option<Box<RawValue>>>;

    /// Events of one type after `cursor`.
    fn events_of<'a>(&'a self, event_type: &'a str, cursor: Option<EventId>) -> Requested<'a, FeedPage>;

    /// The current reservation; `None` if it does not exist.
    fn reservation<'a>(
        &'a self,
        id: ReservationId,
        by: &'a EventMetadata,
    ) -> Requested<'a, Option<Reservation>>;

    /// The current waitlist entry; `None` if it does not exist.
    fn waitlist_entry<'a>(
        &'a self,
        id: WaitlistId,
        by: &'a EventMetadata,
    ) -> Requested<'a, Option<WaitlistView>>;

    /// The newest signed checkpoint of the log.
    fn checkpoint<'a>(&'a self, by: &'a EventMetadata) -> Requested<'a, LogCheckpoint>;

    /// The receipt of a reservation, as its guest can verify it; `None` if the reservation does not exist.
    fn receipt<'a>(
        &'a self,
        id: ReservationId,
        by: &'a EventMetadata,
    ) -> Requested<'a, Option<Box<RawValue>>>;

    /// The contact of the guest; `None` if it was erased.
    fn contact<'a>(&'a self, about: About, by: &'a EventMetadata) -> Requested<'a, Option<ContactView>>;

    /// The current waitlist entry, read with the link of its guest; `None` if the link is not valid for it.
    fn waitlist_entry_for<'a>(
        &'a self,
        id: WaitlistId,
        link: &'a Token,
    ) -> Requested<'a, Option<WaitlistView>>;

    /// The current reservation, read with the link of its guest; `None` if the link is not valid for it.
    fn reservation_for<'a>(
        &'a self,
        id: ReservationId,
        link: &'a Token,
    ) -> Requested<'a, Option<Reservation>>;

    /// Answers an offer for the guest who presents `link`.
    fn answer_offer<'a>(&'a self, id: WaitlistId, answer: OfferAnswer, link: &'a Token) -> Requested<'a, ()>;

    /// Answers a question for the guest who presents `link`.
    fn answer_for<'a>(&'a self, about: About, answer: GuestAnswer, link: &'a Token) -> Requested<'a, ()>;

    /// Passes on the proof of contact of the guest who presents `link`.
    fn prove_for<'a>(&'a self, about: About, proof: &'a str, link: &'a Token) -> Requested<'a, ()>;

    /// Cancels a reservation for the guest who presents `link`.
    fn cancel_for<'a>(&'a self, id: ReservationId, link: &'a Token) -> Requested<'a, ()>;

    /// What a mail to a member of staff needs; `None` if the account ended, or if the person enters the address.
    fn staff_contact<'a>(
        &'a self,
        id: StaffId,
        by: &'a EventMetadata,
    ) -> Requested<'a, Option<StaffContactView>>;

    /// What the page of an invitation or of a password reset shows, read with its link; `None` if that is not valid.
    fn staff_link<'a>(&'a self, page: StaffPage, link: &'a Token) -> Requested<'a, Option<StaffLinkInfo>>;

    /// Accepts an invitation, or resets a password, for the person who presents `link`.
    fn use_staff_link<'a>(
        &'a self,
        page: StaffPage,
        entered: &'a Entered,
        link: &'a Token,
    ) -> Requested<'a, LinkUse>;

    /// The keys and sessions that this service accepts.
    fn access_snapshot(&self) -> Requested<'_, AccessSnapshot>;

    /// Reports the result of a payment. It counts once per `key`.
    fn report_payment<'a>(
        &'a self,
        reservation_id: ReservationId,
        key: &'a EffectKey,
        result: &'a PaymentResult,
        by: &'a EventMetadata,
    ) -> Requested<'a, ()>;

    /// Reports the result of a message. It counts once per `key`.
    fn report_notification<'a>(
        &'a self,
        about: About,
        key: &'a EffectKey,
        result: &'a NotificationResult,
        by: &'a EventMetadata,
    ) -> Requested<'a, ()>;
}
