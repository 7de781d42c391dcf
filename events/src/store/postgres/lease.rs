//! The lease of a log as a row. The clock of the database decides when it expires.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio_postgres::Client;
use uuid::Uuid;

use super::connection::timely;
use super::schema::schema;
use super::server::{Server, ServerError};

/// Maximum time of one statement, with the time to connect.
const STATEMENT_MAX: Duration = Duration::from_secs(2);

/// The lease of the log of one service.
#[derive(Debug)]
pub struct Lease {
    server: Server,
    source: &'static str,
    /// Identifies this process.
    holder: Uuid,
    /// Kept until a statement fails: the next one may go to another server.
    client: Mutex<Option<Client>>,
}

impl Lease {
    /// The lease of the log of `source` in `server`. Connects when it is used.
    #[must_use]
    pub fn new(server: Server, source: &'static str) -> Self {
        Self { server, source, holder: Uuid::new_v4(), client: Mutex::default() }
    }

    pub(in crate::store) async fn acquire(&self, duration: Duration) -> Result<bool, ServerError> {
        self.execute(
            "INSERT INTO {schema}.lease (holder, until) VALUES ($1, clock_timestamp() + $2 * interval '1 second')
             ON CONFLICT (one) DO UPDATE SET holder = excluded.holder, until = excluded.until
             WHERE lease.holder = excluded.holder OR lease.until < clock_timestamp()",
            duration,
        )
        .await
    }

    pub(in crate::store) async fn renew(&self, duration: Duration) -> Result<bool, ServerError> {
        self.execute(
            "UPDATE {schema}.lease SET until = clock_timestamp() + $2 * interval '1 second' WHERE holder = $1",
            duration,
        )
        .await
    }

    pub(in crate::store) async fn release(&self) -> Result<(), ServerError> {
        self.execute(
            "UPDATE {schema}.lease SET until = clock_timestamp() + $2 * interval '1 second' WHERE holder = $1",
            Duration::ZERO,
        )
        .await
        .map(drop)
    }

    /// Whether the statement changed the row.
    async fn execute(&self, statement: &str, duration: Duration) -> Result<bool, ServerError> {
        let statement = statement.replace("{schema}", &schema(self.source));
        let mut kept = self.client.lock().await;
        let client = kept.take();
        let (client, changed) = timely(STATEMENT_MAX, async {
            let client = match client {
                Some(client) => client,
                None => self.server.client(self.source).await?,
            };
            let changed = client.execute(&statement, &[&self.holder, &duration.as_secs_f64()]).await;
            Ok((client, changed.map_err(ServerError::Statement)?))
        })
        .await?;
        *kept = Some(client);
        Ok(changed == 1)
    }
}
