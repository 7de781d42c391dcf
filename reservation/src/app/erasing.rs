//! Erasing everything about one guest, and what was kept for long enough.

use std::collections::BTreeSet;

use access::Caller;
use contract::reservation::erasures::Erasure;
use events::{ReservationId, VenueId, WaitlistId};
use futures::StreamExt as _;

use super::App;
use super::confidential::Contact;
use super::executor::CommandError;
use super::projections::Filter;
use super::queries::QueryError;
use super::request_context::RequestContext;
use super::search::{Known, SearchQuery};
use crate::domain::Command;
use crate::domain::waitlist::{WaitlistCommand, WaitlistState};

/// Maximum number of reservations that one request erases.
pub const ERASED_MAX: usize = 500;

/// Number of reservations that are erased at the same time: the commit of one carries others.
const CONCURRENCY: usize = 16;

/// A guest, as far as the request names one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guest {
    /// The phone number, E.164.
    pub phone: Option<String>,
    /// The e-mail address, as mail servers understand it.
    pub email: Option<String>,
}

/// Why not everything was erased.
#[derive(Debug, thiserror::Error)]
pub enum ErasureError {
    /// The visits of the guest cannot be read.
    #[error("could not find the visits of the guest")]
    Query(#[from] QueryError),
    /// A visit cannot be changed.
    #[error("could not erase a visit of the guest")]
    Command(#[from] CommandError),
}

impl Guest {
    fn is_of(&self, contact: &Contact) -> bool {
        let same_address = |email: &String| email.eq_ignore_ascii_case(&contact.email);
        self.phone.as_ref().is_some_and(|phone| *phone == contact.phone)
            || self.email.as_ref().is_some_and(same_address)
    }

    /// The searches that find every visit of the guest, among others.
    fn searches(&self) -> impl Iterator<Item = SearchQuery> {
        let texts = self.phone.iter().chain(&self.email);
        texts.filter_map(|text| SearchQuery::parse(text).ok())
    }
}

impl App {
    /// Erases the personal data of every visit of `guest` at the venues of the caller, at most [`ERASED_MAX`] at once, and ends
    /// the waiting of the guest.
    ///
    /// # Errors
    /// [`ErasureError`]; what was erased before stays erased.
    pub async fn erase_guest(
        &self,
        guest: &Guest,
        reason_code: &str,
        context: &RequestContext,
    ) -> Result<Erasure, ErasureError> {
        // Each visit is a command of its own, and erasing it again changes nothing.
        let context = RequestContext { key: None, if_match: None, ..context.clone() };
        let is_known = self.search_index.is_complete();
        // First, because an entry can become a visit meanwhile.
        let mut left = Vec::new();
        for id in self.waiting_of(guest, &context.caller).await? {
            let erased =
                self.executor.change_waitlist_entry(id, &WaitlistCommand::EraseContact, &context).await?;
            left.extend(matches!(erased.entry.state, WaitlistState::Left { .. }).then_some(id));
        }
        let mut visits = self.visits_of(guest, &context.caller).await?;
        let is_all = visits.len() <= ERASED_MAX;
        visits.truncate(ERASED_MAX);
        self.erase_visits(&visits, reason_code, &context).await?;
        Ok(Erasure { reservation_ids: visits, waitlist_ids: left, complete: is_known && is_all })
    }

    /// Erases the personal data of `visits`.
    ///
    /// # Errors
    /// The first [`CommandError`]; the others were tried.
    pub async fn erase_visits(
        &self,
        visits: &[ReservationId],
        reason_code: &str,
        context: &RequestContext,
    ) -> Result<(), CommandError> {
        let command = Command::EraseContact { reason_code: reason_code.to_owned() };
        let erase = |id: ReservationId| {
            let command = &command;
            async move { self.executor.change_reservation(id, None, command, context).await }
        };
        let results = futures::stream::iter(visits.to_vec()).map(erase).buffer_unordered(CONCURRENCY);
        let results: Vec<_> = results.collect().await;
        results.into_iter().try_for_each(|result| result.map(drop))
    }

    /// The visits of `guest` whose contact is held, at the venues of the caller.
    async fn visits_of(&self, guest: &Guest, caller: &Caller) -> Result<Vec<ReservationId>, QueryError> {
        self.catch_up().await?;
        self.index_changes().await?;
        let filter = Filter { venues: caller.venues.clone(), ..Filter::default() };
        let mut candidates = BTreeSet::new();
        for query in guest.searches() {
            let found =
                self.search_index
                    .candidates(&query, &filter, self.env.now(), None, usize::MAX, |_| Known::Whole);
            candidates.extend(found.into_iter().map(|candidate| candidate.id()));
        }
        let mut visits = Vec::new();
        for id in candidates {
            let Some((reservation, _)) = self.projections.get(id) else { continue };
            if self.contact(&reservation).await?.is_some_and(|contact| guest.is_of(&contact)) {
                visits.push(id);
            }
        }
        Ok(visits)
    }

    /// The waitlist entries of `guest` at the venues of the caller.
    async fn waiting_of(&self, guest: &Guest, caller: &Caller) -> Result<Vec<WaitlistId>, QueryError> {
        let (waitlists, _) = self.projections.waitlists();
        let venues = waitlists.into_iter().map(|status| status.venue_id);
        let venues: Vec<VenueId> = venues.filter(|venue| caller.venues.contain(venue)).collect();
        let mut found = Vec::new();
        for venue in venues {
            let (entries, _) = self.projections.waitlist(&venue);
            let positions = entries.iter().map(|entry| entry.at.position).collect();
            let contacts: Vec<Option<Contact>> = self.confidential_of(positions).await?;
            let of_guest = entries
                .iter()
                .zip(contacts)
                .filter(|(_, contact)| contact.as_ref().is_some_and(|contact| guest.is_of(contact)));
            found.extend(of_guest.map(|(entry, _)| entry.id));
        }
        Ok(found)
    }
}
