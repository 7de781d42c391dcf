//! Counts the consumers that wait for events.

/// Counts a waiting consumer as long as it exists.
pub struct WaiterGuard;

impl WaiterGuard {
    /// Counts one more.
    #[must_use]
    pub fn begin() -> Self {
        metrics::gauge!("meja_feed_waiters").increment(1.0);
        Self
    }
}

impl Drop for WaiterGuard {
    fn drop(&mut self) {
        metrics::gauge!("meja_feed_waiters").decrement(1.0);
    }
}
