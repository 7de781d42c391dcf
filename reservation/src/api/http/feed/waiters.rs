//! Counts the consumers that wait for events.

/// Counts a waiting consumer as long as it exists.
pub(super) struct WaiterGuard;

impl WaiterGuard {
    pub(super) fn new() -> Self {
        metrics::gauge!("meja_feed_waiters").increment(1.0);
        Self
    }
}

impl Drop for WaiterGuard {
    fn drop(&mut self) {
        metrics::gauge!("meja_feed_waiters").decrement(1.0);
    }
}
