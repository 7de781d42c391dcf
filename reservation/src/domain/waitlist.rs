//! The waitlist of a venue: parties that wait for a table.

mod entry;
mod rules;

pub use self::entry::{
    Acceptance, AcceptedOffer, OFFER_EXPIRED, WaitlistCommand, WaitlistEntry, WaitlistState,
};
pub use self::rules::{WAITLIST_PARTIES_MAX, Waiting, WaitlistRequest, join, next_offer, offer_to};
