//! Ends the process when continuing could acknowledge what is not durable.

/// Logs the failed operation and aborts: continuing could acknowledge events that are not durable.
pub(super) fn fatal(doing: &str, error: &(dyn std::error::Error + 'static)) -> ! {
    tracing::error!(
        error,
        "could not {doing}: stopping immediately, so that nothing that is not durable is acknowledged. Check the storage of the log, then start again"
    );
    #[cfg(test)]
    if super::planted::is_simulating() {
        // Ends the task that stands for the process.
        std::panic::resume_unwind(Box::new("a simulated process ended"));
    }
    std::process::abort()
}
