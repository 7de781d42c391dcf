//! Writes mails to files instead of sending them, one `.eml` file per message, for trials and tests.
//!
//! Mail to `bounce@…` is always refused, and mail to `bounce-once@…` is refused at the first attempt, so that
//! dead letters can be tried out.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use futures::future::BoxFuture;
use parking_lot::Mutex;

use crate::domain::effect::EffectKey;
use crate::ports::{MailSender, ProviderError};

/// Writes mail into a directory.
#[derive(Debug)]
pub struct MailFiles {
    dir: PathBuf,
    /// Keys of the messages to `bounce-once@…` that have already been refused.
    bounced: Mutex<HashSet<EffectKey>>,
}

impl MailFiles {
    /// A sender that writes into `dir`. Creates the directory if it does not exist.
    ///
    /// # Errors
    /// When the directory cannot be created.
    pub fn create(dir: &Path) -> std::io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt as _;
        // The mails contain names and addresses, so only this user can read a new directory. The mode of an
        // existing directory is not changed.
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        Ok(Self { dir: dir.to_owned(), bounced: Mutex::default() })
    }

    fn is_refused(&self, key: &EffectKey, mail: &lettre::Message) -> bool {
        mail.envelope().to().iter().any(|to| match to.user() {
            "bounce" => true,
            "bounce-once" => self.bounced.lock().insert(key.clone()),
            _ => false,
        })
    }
}

impl MailSender for MailFiles {
    fn send(&self, key: &EffectKey, mail: lettre::Message) -> BoxFuture<'_, Result<(), ProviderError>> {
        if self.is_refused(key, &mail) {
            let words = "550 5.1.1 no such mailbox (simulated)";
            return Box::pin(async { Err(ProviderError::Final(words.into())) });
        }
        // A message that is sent again replaces its file.
        let path = self.dir.join(format!("{key}.eml"));
        Box::pin(async move {
            let written = tokio::task::spawn_blocking(move || {
                let half = path.with_extension("eml.new");
                std::fs::write(&half, mail.formatted())?;
                std::fs::rename(&half, &path)
            });
            match written.await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => {
                    Err(ProviderError::Transient(format!("could not write the mail to a file: {error}")))
                }
                Err(_) => Err(ProviderError::Transient(
                    "the mail was not written to a file: the task was cancelled or panicked".into(),
                )),
            }
        })
    }
}
