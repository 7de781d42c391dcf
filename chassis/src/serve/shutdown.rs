//! The signal to stop.

use tokio::sync::watch;

/// A shutdown signal that tasks can wait for.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Receiver<bool>);

/// The sender of a [`Shutdown`].
#[derive(Debug)]
pub struct ShutdownTrigger(watch::Sender<bool>);

impl Shutdown {
    /// A shutdown signal and its trigger.
    #[must_use]
    pub fn new() -> (ShutdownTrigger, Self) {
        let (sender, receiver) = watch::channel(false);
        (ShutdownTrigger(sender), Self(receiver))
    }

    /// Waits until the shutdown is requested.
    pub async fn requested(&self) {
        // A dropped trigger requests the shutdown as well.
        let _ = self.0.clone().wait_for(|stop| *stop).await;
    }

    /// Whether the shutdown was requested.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }
}

impl ShutdownTrigger {
    /// Requests the shutdown.
    pub fn fire(&self) {
        self.0.send_replace(true);
    }

    /// Requests the shutdown at SIGTERM or Ctrl-C.
    ///
    /// # Errors
    /// When signal handlers cannot be installed.
    pub fn on_signals(self) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::info!(
                "shutting down: no new connections are accepted, requests in progress are completed"
            );
            self.fire();
        });
        Ok(())
    }
}
