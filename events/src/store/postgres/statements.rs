//! A connection for single statements beside the log. It is made when it is needed, and replaced after a failure.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row};

use super::connection::timely;
use super::schema::schema;
use super::server::{Server, ServerError};

/// Maximum time of one statement.
const STATEMENT_MAX: Duration = Duration::from_secs(2);

/// Maximum time to connect: one host may say nothing.
const OPEN_MAX: Duration = Duration::from_secs(5);

/// A statement that the client has given up ends by itself, so that none of them pile up behind a lock.
const SETTINGS: &str =
    "SET statement_timeout = '2s'; SET lock_timeout = '1s'; SET client_connection_check_interval = '1s'";

/// The connection, and how it is made.
#[derive(Debug)]
pub(super) struct Statements {
    server: Server,
    source: &'static str,
    /// The settings of a session.
    settings: String,
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

impl Statements {
    /// Statements beside the log of `source` in `server`, in sessions with `settings`. Connects when it is used.
    pub(super) fn new(server: Server, source: &'static str, settings: &str) -> Self {
        Self { server, source, settings: format!("{SETTINGS}; {settings}"), session: Mutex::default() }
    }

    /// The rows that `statement` returns. `{schema}` in it stands for the schema of the log.
    ///
    /// # Errors
    /// [`ServerError`]; whether the statement had an effect is unknown.
    pub(super) async fn query(
        &self,
        statement: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, ServerError> {
        let statement = statement.replace("{schema}", &schema(self.source));
        let mut kept = self.session.lock().await;
        let session = match kept.take() {
            Some(session) => session,
            None => timely(OPEN_MAX, self.connect()).await?,
        };
        let rows = timely(STATEMENT_MAX, async {
            session.client.query(&statement, values).await.map_err(ServerError::Statement)
        })
        .await?;
        *kept = Some(session);
        Ok(rows)
    }

    async fn connect(&self) -> Result<Session, ServerError> {
        let (client, connection) = self.server.connect(self.source).await?;
        // Its errors are those of the statements.
        let driver = tokio::spawn(async move { drop(connection.await) });
        let session = Session { client, driver };
        session.client.batch_execute(&self.settings).await.map_err(ServerError::Statement)?;
        Ok(session)
    }
}
