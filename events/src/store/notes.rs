//! Small values that all processes of a log share, beside the log.
//!
//! For facts that change too often for events, such as when a device was last heard of. A note is not part of the log: it has
//! no history, is in no backup, and stays behind when the log moves. So nothing that must not be lost is a note.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::place::Place;
pub use super::postgres::schema::NOTE_BYTES_MAX;
use super::postgres::{self, ServerError};

/// The notes of a log.
#[derive(Debug)]
pub enum Notes {
    /// Only this process can open the log. The notes end with it.
    Own(Mutex<HashMap<String, String>>),
    /// Several processes can open the log.
    Shared(Box<postgres::Notes>),
}

/// Why a note was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum NotesError {
    /// The database cannot be used; whether the note was written is unknown.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// Another version of the program wrote something else under this name.
    #[error("the note {name} beside the log has an unknown form: remove its row from the table notes")]
    Form {
        /// The name of the note.
        name: String,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
}

impl NotesError {
    /// Whether the database is away, so that another attempt can succeed.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Server(error) if error.is_outage())
    }
}

impl Notes {
    /// The notes beside the log of the service `source` at `place`.
    #[must_use]
    pub fn of(place: &Place, source: &'static str) -> Self {
        match place {
            Place::Directory(_) => Self::own(),
            Place::Database(server) => Self::Shared(Box::new(postgres::Notes::new(server.clone(), source))),
        }
    }

    /// No notes yet, for a log that only this process can open.
    #[must_use]
    pub fn own() -> Self {
        Self::Own(Mutex::default())
    }

    /// Whether other processes can open the log.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::Shared(_))
    }

    /// The note `name`.
    ///
    /// # Errors
    /// [`NotesError`].
    pub async fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, NotesError> {
        let value = self.value(name).await?;
        value.map(|value| parse(name, &value)).transpose()
    }

    /// Replaces the note `name` by what `change` makes of it, and returns the new note. `change` is called again if another
    /// process was faster.
    ///
    /// # Errors
    /// [`NotesError`].
    pub async fn update<T: Serialize + DeserializeOwned>(
        &self,
        name: &str,
        change: impl Fn(Option<T>) -> T,
    ) -> Result<T, NotesError> {
        loop {
            let old = self.value(name).await?;
            let note = change(old.as_deref().map(|value| parse(name, value)).transpose()?);
            let new = serde_json::to_string(&note)
                .map_err(|source| NotesError::Form { name: name.to_owned(), source })?;
            if old.as_ref() == Some(&new) || self.replace(name, old.as_deref(), &new).await? {
                return Ok(note);
            }
        }
    }

    /// The time of the clock that all processes of the log share; `None` if there is one process.
    ///
    /// # Errors
    /// [`NotesError::Server`].
    pub async fn clock(&self) -> Result<Option<DateTime<Utc>>, NotesError> {
        match self {
            Self::Own(_) => Ok(None),
            Self::Shared(notes) => Ok(Some(notes.clock().await?)),
        }
    }

    async fn value(&self, name: &str) -> Result<Option<String>, NotesError> {
        match self {
            Self::Own(notes) => Ok(notes.lock().get(name).cloned()),
            Self::Shared(notes) => Ok(notes.read(name).await?),
        }
    }

    async fn replace(&self, name: &str, old: Option<&str>, new: &str) -> Result<bool, NotesError> {
        match self {
            Self::Own(notes) => {
                let mut notes = notes.lock();
                let is_old = notes.get(name).map(String::as_str) == old;
                if is_old {
                    notes.insert(name.to_owned(), new.to_owned());
                }
                Ok(is_old)
            }
            Self::Shared(notes) => Ok(notes.replace(name, old, new).await?),
        }
    }
}

fn parse<T: DeserializeOwned>(name: &str, value: &str) -> Result<T, NotesError> {
    serde_json::from_str(value).map_err(|source| NotesError::Form { name: name.to_owned(), source })
}
