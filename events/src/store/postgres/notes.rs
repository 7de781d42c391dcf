//! Notes as rows, each with a name.

use chrono::{DateTime, Utc};
use tokio_postgres::Row;

use super::server::{Server, ServerError};
use super::statements::Statements;

/// The notes beside the log of one service.
#[derive(Debug)]
pub struct Notes(Statements);

impl Notes {
    /// The notes beside the log of `source` in `server`. Connects when it is used.
    #[must_use]
    pub fn new(server: Server, source: &'static str) -> Self {
        // A note may be lost, and must not wait for a standby that is away.
        Self(Statements::new(server, source, "SET synchronous_commit = local"))
    }

    pub(in crate::store) async fn read(&self, name: &str) -> Result<Option<String>, ServerError> {
        let rows = self.0.query("SELECT value FROM {schema}.notes WHERE name = $1", &[&name]).await?;
        rows.first().map(|row| row.try_get(0)).transpose().map_err(ServerError::Statement)
    }

    /// Replaces the value `old` by `new`. `false` if the note has another value.
    pub(in crate::store) async fn replace(
        &self,
        name: &str,
        old: Option<&str>,
        new: &str,
    ) -> Result<bool, ServerError> {
        let replaced: Vec<Row> = match old {
            None => {
                let insert = "INSERT INTO {schema}.notes (name, value) VALUES ($1, $2)
                              ON CONFLICT (name) DO NOTHING RETURNING name";
                self.0.query(insert, &[&name, &new]).await?
            }
            Some(old) => {
                let update =
                    "UPDATE {schema}.notes SET value = $2 WHERE name = $1 AND value = $3 RETURNING name";
                self.0.query(update, &[&name, &new, &old]).await?
            }
        };
        Ok(replaced.len() == 1)
    }

    /// The time of the clock of the database.
    pub(in crate::store) async fn clock(&self) -> Result<DateTime<Utc>, ServerError> {
        let select = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";
        let rows = self.0.query(select, &[]).await?;
        let micros = rows.first().map_or(Ok(0), |row| row.try_get(0)).map_err(ServerError::Statement)?;
        Ok(DateTime::from_timestamp_micros(micros).unwrap_or_default())
    }
}
