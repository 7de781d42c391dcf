//! Writes mails to files instead of sending them, one `.eml` file per message, for trials and tests.
//!
//! Mail to `bounce@…` is always refused, and mail to `bounce-once@…` is refused at the first attempt, so that
//! dead letters can be tried out.

use std::collections::HashSet;
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use futures::future::BoxFuture;
use parking_lot::Mutex;

use crate::domain::effect::{About, EffectKey};
use crate::ports::{MailSender, ProviderError};

/// The directory with the names of the files about each guest.
const NOTES: &str = ".guests";

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
    fn send(
        &self,
        key: &EffectKey,
        about: Option<About>,
        mail: lettre::Message,
    ) -> BoxFuture<'_, Result<(), ProviderError>> {
        if self.is_refused(key, &mail) {
            let words = "550 5.1.1 no such mailbox (simulated)";
            return Box::pin(async { Err(ProviderError::Final(words.into())) });
        }
        let (file, dir) = (format!("{key}.eml"), self.dir.clone());
        on_disk("write the mail to a file", move || {
            // First, so that no file is forgotten when the contact is erased.
            if let Some(about) = about {
                note(&dir, about, &file)?;
            }
            // A message that is sent again replaces its file.
            let path = dir.join(&file);
            let half = path.with_extension("eml.new");
            std::fs::write(&half, mail.formatted())?;
            std::fs::rename(&half, &path)
        })
    }

    fn erase(&self, about: About) -> BoxFuture<'_, Result<(), ProviderError>> {
        let dir = self.dir.clone();
        on_disk("erase the copies of mails", move || {
            let notes = notes(&dir, about);
            for file in unless_missing(std::fs::read_to_string(&notes))?.unwrap_or_default().lines() {
                // Also one that a crash has left half written.
                unless_missing(std::fs::remove_file(dir.join(file).with_extension("eml.new")))?;
                unless_missing(std::fs::remove_file(dir.join(file)))?;
            }
            unless_missing(std::fs::remove_file(notes)).map(drop)
        })
    }
}

/// The file with the names of all files about a guest.
fn notes(dir: &Path, about: About) -> PathBuf {
    let name = match about {
        About::Reservation { reservation_id } => format!("reservation-{reservation_id}"),
        About::Waitlist { waitlist_id } => format!("waitlist-{waitlist_id}"),
    };
    dir.join(NOTES).join(name)
}

/// Notes that `file` is about a guest.
fn note(dir: &Path, about: About, file: &str) -> io::Result<()> {
    let path = notes(dir, about);
    if let Some(parent) = path.parent() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    }
    let mut notes = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
    writeln!(notes, "{file}")
}

/// The result, or `None` if the file does not exist.
fn unless_missing<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

/// Runs `work`, which is called `what`, on a thread for blocking work.
fn on_disk(
    what: &'static str,
    work: impl FnOnce() -> io::Result<()> + Send + 'static,
) -> BoxFuture<'static, Result<(), ProviderError>> {
    Box::pin(async move {
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(ProviderError::Transient(format!("could not {what}: {error}"))),
            Err(_) => {
                Err(ProviderError::Transient(format!("could not {what}: the task was cancelled or panicked")))
            }
        }
    })
}
