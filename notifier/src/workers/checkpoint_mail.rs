//! Mails checkpoints of the log to an address outside, where the log cannot be rewritten without them: once a day, if the log has
//! grown.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chassis::environment::SharedEnvironment;
use chassis::serve::Shutdown;
use chrono::{DateTime, TimeDelta, Utc};
use events::recorded::EventMetadata;
use lettre::message::Mailbox;

use crate::domain::effect::EffectKey;
use crate::messages::{MessageError, Messages};
use crate::ports::reservation_api::{ReservationApi, ReservationError};
use crate::ports::{MailSender, ProviderError};

/// How often a checkpoint is mailed.
const INTERVAL: TimeDelta = TimeDelta::hours(24);
/// How often the worker looks whether a mail is due.
const LOOK: Duration = Duration::from_secs(60);

/// Where checkpoints are mailed to.
#[derive(Debug, Clone)]
pub struct CheckpointMail {
    /// The recipient.
    pub to: Mailbox,
    /// The file that keeps what was mailed last, so that a restart does not mail it again.
    pub state: PathBuf,
}

/// What the worker needs.
pub struct CheckpointMailer {
    /// The setting.
    pub setting: CheckpointMail,
    /// Where the checkpoint comes from.
    pub reservation_api: Arc<dyn ReservationApi>,
    /// Sends the mail.
    pub mail: Arc<dyn MailSender>,
    /// Writes the mail.
    pub messages: Messages,
    /// The clock.
    pub env: SharedEnvironment,
    /// The shutdown signal.
    pub shutdown: Shutdown,
}

/// The checkpoint that was mailed last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mailed {
    size: u64,
    at: DateTime<Utc>,
}

/// Why no checkpoint was mailed.
#[derive(Debug, thiserror::Error)]
enum NotMailed {
    #[error(transparent)]
    Reservation(#[from] ReservationError),
    #[error(transparent)]
    Message(#[from] MessageError),
    #[error(transparent)]
    Mail(#[from] ProviderError),
}

impl CheckpointMailer {
    /// Runs until the service stops.
    pub async fn run(self) {
        let mut last = self.mailed_before().await;
        let mut has_failed = false;
        loop {
            let now = self.env.now();
            if last.is_none_or(|last| now - last.at >= INTERVAL) {
                match self.mail(last, now).await {
                    Ok(mailed) => {
                        has_failed = false;
                        last = mailed;
                    }
                    Err(error) if !has_failed => {
                        has_failed = true;
                        tracing::error!(
                            error = &error as &dyn std::error::Error,
                            "a checkpoint could not be mailed to the address in NOTIFIER_CHECKPOINT_MAIL; trying again"
                        );
                    }
                    Err(_) => {}
                }
            }
            tokio::select! {
                () = self.env.sleep(LOOK) => {}
                () = self.shutdown.requested() => return,
            }
        }
    }

    /// Mails the newest checkpoint, unless the log has not grown since the last one. Returns what was mailed last.
    async fn mail(&self, last: Option<Mailed>, now: DateTime<Utc>) -> Result<Option<Mailed>, NotMailed> {
        let by = EventMetadata::system("checkpoints");
        let checkpoint = self.reservation_api.checkpoint(&by).await?;
        if last.is_some_and(|last| last.size == checkpoint.size) {
            return Ok(last);
        }
        let key = EffectKey(format!("checkpoint-{}-{}", checkpoint.size, now.timestamp()));
        let mail = self.messages.checkpoint_mail(&key, &checkpoint, &self.setting.to, now)?;
        self.mail.send(&key, None, mail).await?;
        let mailed = Mailed { size: checkpoint.size, at: now };
        self.keep(mailed).await;
        tracing::info!(size = checkpoint.size, "a checkpoint of the log was mailed");
        Ok(Some(mailed))
    }

    /// What the file says. A file that cannot be read leads to a mail too many.
    async fn mailed_before(&self) -> Option<Mailed> {
        let file = self.setting.state.clone();
        let text = tokio::task::spawn_blocking(|| std::fs::read_to_string(file)).await.ok()?.ok()?;
        let (size, at) = text.trim().split_once(' ')?;
        Some(Mailed { size: size.parse().ok()?, at: at.parse().ok()? })
    }

    async fn keep(&self, Mailed { size, at }: Mailed) {
        let text = format!("{size} {}\n", at.to_rfc3339());
        let file = self.setting.state.clone();
        let written = tokio::task::spawn_blocking(|| std::fs::write(file, text)).await;
        if let Ok(Err(error)) = written {
            let file = self.setting.state.display();
            tracing::warn!(%file, %error, "the file could not be written: the next start mails the checkpoint again");
        }
    }
}
