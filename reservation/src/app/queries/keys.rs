//! The keys, for their owners.

use access::{Caller, Key};

use crate::app::App;

impl App {
    /// The keys that `caller` may see: those that act for no other venues than the caller does. The first one first.
    #[must_use]
    pub fn keys(&self, caller: &Caller) -> Vec<Key> {
        let mut keys = self.projections.access().keys();
        keys.retain(|key| caller.venues.contain_all(&key.venues));
        keys
    }
}
