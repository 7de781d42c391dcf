//! Mail as files, one `.eml` per message, for trials and tests. Two recipients are refused, to try out dead letters:
//! `bounce@…` always, `bounce-once@…` for the first attempt at each message.

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
    /// The messages that were refused once.
    bounced: Mutex<HashSet<EffectKey>>,
}

impl MailFiles {
    /// Writes into `dir`, which is created.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn create(dir: &Path) -> std::io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt as _;
        // It contains names and addresses, so only this user can read it.
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
            let words = "550 5.1.1 no such mailbox: simulated";
            return Box::pin(async { Err(ProviderError::Final(words.into())) });
        }
        // There is one file per message, however often it is sent.
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
                Err(_) => Err(ProviderError::Transient("interrupted by the shutdown".into())),
            }
        })
    }
}
