//! The lease of a log as a row. The clock of the database decides when it expires.

use std::time::Duration;

use uuid::Uuid;

use super::server::{Server, ServerError};
use super::statements::Statements;

/// The lease of the log of one service.
#[derive(Debug)]
pub struct Lease {
    statements: Statements,
    /// Identifies this process.
    holder: Uuid,
}

impl Lease {
    /// The lease of the log of `source` in `server`. Connects when it is used.
    #[must_use]
    pub fn new(server: Server, source: &'static str) -> Self {
        Self { statements: Statements::new(server, source, ""), holder: Uuid::new_v4() }
    }

    pub(in crate::store) async fn acquire(&self, duration: Duration) -> Result<bool, ServerError> {
        self.execute(
            "INSERT INTO {schema}.lease (holder, until) VALUES ($1, clock_timestamp() + $2 * interval '1 second')
             ON CONFLICT (one) DO UPDATE SET holder = excluded.holder, until = excluded.until
             WHERE lease.holder = excluded.holder OR lease.until < clock_timestamp()
             RETURNING holder",
            duration,
        )
        .await
    }

    pub(in crate::store) async fn renew(&self, duration: Duration) -> Result<bool, ServerError> {
        self.execute(
            "UPDATE {schema}.lease SET until = clock_timestamp() + $2 * interval '1 second' WHERE holder = $1
             RETURNING holder",
            duration,
        )
        .await
    }

    pub(in crate::store) async fn release(&self) -> Result<(), ServerError> {
        self.execute(
            "UPDATE {schema}.lease SET until = clock_timestamp() + $2 * interval '1 second' WHERE holder = $1
             RETURNING holder",
            Duration::ZERO,
        )
        .await
        .map(drop)
    }

    /// Whether the statement changed the row.
    async fn execute(&self, statement: &str, duration: Duration) -> Result<bool, ServerError> {
        let changed = self.statements.query(statement, &[&self.holder, &duration.as_secs_f64()]).await?;
        Ok(changed.len() == 1)
    }
}
