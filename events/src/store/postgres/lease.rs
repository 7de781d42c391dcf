//! The lease of a log as a row. The clock of the database decides when it expires.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_postgres::Client;
use uuid::Uuid;

use super::connection::timely;
use super::schema::schema;
use super::server::{Server, ServerError};

/// Maximum time of one statement.
const STATEMENT_MAX: Duration = Duration::from_secs(2);

/// Maximum time to connect: one host may say nothing.
const OPEN_MAX: Duration = Duration::from_secs(5);

/// The lease of the log of one service.
#[derive(Debug)]
pub struct Lease {
    server: Server,
    source: &'static str,
    /// Identifies this process.
    holder: Uuid,
    /// Kept until a statement fails: the next one may go to another server.
    session: Mutex<Option<Session>>,
}

/// A connection. It ends with this value, also while a statement is still running.
#[derive(Debug)]
struct Session {
    client: Client,
    driver: JoinHandle<()>,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// A statement that the client has given up ends by itself, so that none of them pile up behind a lock.
const SETTINGS: &str =
    "SET statement_timeout = '2s'; SET lock_timeout = '1s'; SET client_connection_check_interval = '1s'";

impl Lease {
    /// The lease of the log of `source` in `server`. Connects when it is used.
    #[must_use]
    pub fn new(server: Server, source: &'static str) -> Self {
        Self { server, source, holder: Uuid::new_v4(), session: Mutex::default() }
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
        let mut kept = self.session.lock().await;
        let session = match kept.take() {
            Some(session) => session,
            None => timely(OPEN_MAX, self.connect()).await?,
        };
        let changed = timely(STATEMENT_MAX, async {
            let changed = session.client.execute(&statement, &[&self.holder, &duration.as_secs_f64()]).await;
            changed.map_err(ServerError::Statement)
        })
        .await?;
        *kept = Some(session);
        Ok(changed == 1)
    }

    async fn connect(&self) -> Result<Session, ServerError> {
        let (client, connection) = self.server.connect(self.source).await?;
        // Its errors are those of the statements.
        let driver = tokio::spawn(async move { drop(connection.await) });
        let session = Session { client, driver };
        session.client.batch_execute(SETTINGS).await.map_err(ServerError::Statement)?;
        Ok(session)
    }
}
