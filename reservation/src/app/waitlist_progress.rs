//! How far the offers to waitlists have progressed, so that a booking cannot overtake a waiting party.

use std::collections::HashSet;

use events::{Position, VenueId};
use tokio::sync::watch;

/// The position up to which freed tables have been offered to the waitlists.
#[derive(Debug)]
pub struct WaitlistProgress(watch::Sender<Progress>);

/// Everything up to `position` was offered, except at the venues that are `pending`.
#[derive(Debug, Default)]
struct Progress {
    position: Position,
    pending: HashSet<VenueId>,
}

impl Default for WaitlistProgress {
    fn default() -> Self {
        Self(watch::Sender::new(Progress::default()))
    }
}

impl Progress {
    fn covers(&self, venue: &VenueId, position: Position) -> bool {
        self.position >= position && !self.pending.contains(venue)
    }
}

impl WaitlistProgress {
    /// Whether the tables that became free at `venue` up to `position` were offered to its waitlist.
    pub(super) fn covers(&self, venue: &VenueId, position: Position) -> bool {
        self.0.borrow().covers(venue, position)
    }

    /// Waits until [`Self::covers`].
    pub(super) async fn wait_for(&self, venue: &VenueId, position: Position) {
        // The sender lives as long as this.
        let _ = self.0.subscribe().wait_for(|progress| progress.covers(venue, position)).await;
    }

    /// Records that everything up to `position` was offered, except at the venues that are `pending`.
    pub fn set(&self, position: Position, pending: HashSet<VenueId>) {
        self.0.send_replace(Progress { position, pending });
    }

    /// Waits until everything up to `position` was offered at all venues.
    pub async fn wait_for_all(&self, position: Position) {
        let all = |progress: &Progress| progress.position >= position && progress.pending.is_empty();
        let _ = self.0.subscribe().wait_for(all).await;
    }
}
