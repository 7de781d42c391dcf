//! The help texts of this service's own metrics.

/// Describes the metrics to the recorder that was installed.
pub fn describe() {
    metrics::describe_gauge!("meja_effects", "Effects by state");
    metrics::describe_gauge!(
        "meja_notifier_active",
        "1 while the notifier may begin effects, 0 while it stands by or cannot renew its lease"
    );
    metrics::describe_gauge!(
        "meja_breaker_open",
        "1 while the circuit breaker of a system outside is not closed"
    );
    metrics::describe_gauge!("meja_notifier_lag_events", "Events of the feed that are not processed yet");
    metrics::describe_gauge!(
        "meja_notifier_lag_seconds",
        "Age of the oldest event that is not processed yet"
    );
    metrics::describe_gauge!(
        "meja_reconciliation_differences",
        "Differences that the last reconciliation found"
    );
}
