//! The help texts of this service's own metrics.

/// Describes the metrics to the recorder that was installed.
pub fn describe() {
    metrics::describe_counter!("meja_conflicts_total", "Refused commands and concurrent changes, by reason");
    metrics::describe_counter!(
        "meja_lines_passed_total",
        "Bookings that stopped waiting for a waitlist, because it took too long"
    );
    metrics::describe_gauge!("meja_access_keys_expiring", "Keys that expire within 14 days");
    metrics::describe_gauge!(
        "meja_clock_ahead_seconds",
        "By how much the clock of this instance is ahead of that of the database"
    );
    metrics::describe_gauge!(
        "meja_log_checkpoint_events",
        "Events in the last signed checkpoint; 0 if none can be signed"
    );
    metrics::describe_gauge!(
        "meja_log_cosigned_events",
        "Events in the last checkpoint that a witness has cosigned"
    );
    metrics::describe_gauge!("meja_log_tree_events", "Events in the Merkle tree over the log");
    metrics::describe_gauge!("meja_feed_waiters", "Consumers that wait for events");
}
