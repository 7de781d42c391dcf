//! Reads groups from the database, for readers on any thread.

use std::io;
use std::sync::mpsc;
use std::time::Duration;

use bytes::Bytes;
use deadpool_postgres::{Connect, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod};
use futures::future::BoxFuture;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_postgres::{Client, Config, Row};
use uuid::Uuid;

use super::super::ReadError;
use super::super::engine::{Engine, Span};
use super::super::frame::encode_payloads;
use super::super::groups::StoredGroup;
use super::connection::{configure, confirm, number, position, timely};
use super::schema::{self, schema};
use super::server::{Server, ServerError, is_refused};
use super::{OpenError, Options};
use crate::ids::{LogId, Position};

/// Maximum number of connections of readers.
const CONNECTIONS_MAX: usize = 4;

/// Maximum time of one read, with the time until a connection is there.
const READ_MAX: Duration = Duration::from_secs(10);

/// Pause before a read whose connection was lost is tried again.
const RETRY: Duration = Duration::from_millis(200);

/// Number of groups that are read at once at start.
const BATCH_GROUPS: i64 = 256;

/// The groups of a log in the database.
#[derive(Debug)]
pub(super) struct PostgresGroups {
    pool: Pool,
    schema: String,
    /// Drives the connections; `None` only while it is dropped.
    runtime: Option<Runtime>,
}

impl PostgresGroups {
    /// Readers of the log of `options`. Connections are made when they are needed.
    pub(super) fn connect(options: &Options) -> io::Result<Self> {
        let manager = Manager::from_connect(
            Config::new(),
            ToServer { server: options.server.clone(), source: options.source },
            ManagerConfig { recycling_method: RecyclingMethod::Fast },
        );
        let runtime =
            Builder::new_multi_thread().worker_threads(1).thread_name("log-reader").enable_all().build()?;
        let pool = Pool::builder(manager).max_size(CONNECTIONS_MAX).build().map_err(io::Error::other)?;
        Ok(Self { pool, schema: schema(options.source), runtime: Some(runtime) })
    }

    /// The id of the log.
    pub(super) fn log_id(&self, source: &'static str) -> Result<LogId, OpenError> {
        let checked = self.run(move |client| async move {
            configure(&client).await?;
            Ok(schema::read_complete(&**client, source).await)
        });
        checked?
    }

    /// Makes everything that was read as durable as the commits of the database.
    pub(super) fn confirm(&self) -> Result<(), ReadError> {
        let text = confirm(&self.schema);
        self.query(Position::START, text, move |client, text| async move {
            client.query(&text, &[&Uuid::new_v4()]).await
        })
        .map(drop)
    }

    /// All groups in their stored form, ascending.
    pub(super) fn all(&self) -> impl Iterator<Item = Result<(Position, Bytes), ReadError>> {
        let (mut after, mut batch, mut is_last) = (Position::START, Vec::new().into_iter(), false);
        std::iter::from_fn(move || {
            if batch.len() == 0 && !is_last {
                match self.groups_after(after) {
                    Ok(groups) => {
                        is_last = groups.is_empty();
                        batch = groups.into_iter();
                    }
                    Err(error) => {
                        is_last = true;
                        return Some(Err(error));
                    }
                }
            }
            let group = batch.next()?;
            after = group.0;
            Some(Ok(group))
        })
    }

    /// The group that starts at `first`, with its confidential payloads.
    pub(super) fn stored(&self, first: Position, value: Bytes) -> Result<StoredGroup, ReadError> {
        let last = StoredGroup::decode(first, value.clone(), Bytes::new())?.last();
        let payloads = self.payload_values(&[Span { first, last }])?.pop().unwrap_or_default();
        StoredGroup::decode(first, value, payloads)
    }

    /// The next groups that start after `after`.
    fn groups_after(&self, after: Position) -> Result<Vec<(Position, Bytes)>, ReadError> {
        let text = format!(
            "SELECT first, value FROM {}.groups WHERE first > $1 ORDER BY first LIMIT $2",
            self.schema
        );
        let rows = self.query(after, text, move |client, text| async move {
            client.query(&text, &[&number(after), &BATCH_GROUPS]).await
        })?;
        let group = |row: Row| Ok((position(row.try_get(0)?), Bytes::from(row.try_get::<_, Vec<u8>>(1)?)));
        rows.into_iter().map(group).collect::<Result<_, _>>().map_err(unreadable(after))
    }

    /// The rows of the statement `text`; `at` is the position that is read.
    fn query<W>(
        &self,
        at: Position,
        text: String,
        send: impl Fn(Object, String) -> W + Send + Sync + 'static,
    ) -> Result<Vec<Row>, ReadError>
    where
        W: Future<Output = Result<Vec<Row>, tokio_postgres::Error>> + Send + 'static,
    {
        let rows = self.run(move |client| {
            let rows = send(client, text.clone());
            async move { rows.await.map_err(ServerError::Statement) }
        });
        rows.map_err(|error| ReadError::storage(at, error))
    }

    /// Runs `work` with a connection, and waits for it. If the connection is lost, `work` is tried again.
    fn run<T, W>(&self, work: impl Fn(Object) -> W + Send + Sync + 'static) -> Result<T, ServerError>
    where
        T: Send + 'static,
        W: Future<Output = Result<T, ServerError>> + Send + 'static,
    {
        let Some(runtime) = &self.runtime else { return Err(ServerError::Timeout(Duration::ZERO)) };
        let (done, result) = mpsc::sync_channel(1);
        let pool = self.pool.clone();
        runtime.spawn(async move {
            // The reader waits, unless its thread has ended.
            let _ = done.send(with_retries(&pool, work).await);
        });
        result.recv().unwrap_or(Err(ServerError::Timeout(READ_MAX)))
    }
}

impl Drop for PostgresGroups {
    fn drop(&mut self) {
        // The last owner can be an async task, which must not wait for the threads of a runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Engine for PostgresGroups {
    fn value(&self, first: Position) -> Result<Option<Bytes>, ReadError> {
        let text = format!("SELECT value FROM {}.groups WHERE first = $1", self.schema);
        let mut rows = self.query(first, text, move |client, text| async move {
            client.query(&text, &[&number(first)]).await
        })?;
        let value = |row: Row| row.try_get::<_, Vec<u8>>(0).map(Bytes::from);
        rows.pop().map(value).transpose().map_err(unreadable(first))
    }

    fn payload_values(&self, groups: &[Span]) -> Result<Vec<Bytes>, ReadError> {
        let at = groups.first().map_or(Position::START, |span| span.first);
        let text = format!(
            "SELECT payloads.position, payloads.value
             FROM unnest($1::bigint[], $2::bigint[]) AS span (first, last)
             JOIN {}.payloads ON payloads.position BETWEEN span.first AND span.last
             ORDER BY payloads.position",
            self.schema
        );
        let firsts: Vec<_> = groups.iter().map(|span| number(span.first)).collect();
        let lasts: Vec<_> = groups.iter().map(|span| number(span.last)).collect();
        let rows = self.query(at, text, move |client, text| {
            let (firsts, lasts) = (firsts.clone(), lasts.clone());
            async move { client.query(&text, &[&firsts, &lasts]).await }
        })?;
        let part = |row: Row| Ok((position(row.try_get(0)?), Bytes::from(row.try_get::<_, Vec<u8>>(1)?)));
        let parts: Vec<_> = rows.into_iter().map(part).collect::<Result<_, _>>().map_err(unreadable(at))?;
        let value = |span: &Span| {
            let from = parts.partition_point(|(at, _)| *at < span.first);
            let to = parts.partition_point(|(at, _)| *at <= span.last);
            if from == to { Bytes::new() } else { encode_payloads(&parts[from..to]).into() }
        };
        Ok(groups.iter().map(value).collect())
    }

    fn has_one_writer(&self) -> bool {
        false
    }

    fn head(&self) -> Result<Position, ReadError> {
        let text = format!("SELECT last FROM {}.groups ORDER BY first DESC LIMIT 1", self.schema);
        let mut rows =
            self.query(Position::START, text, |client, text| async move { client.query(&text, &[]).await })?;
        let last = rows.pop().map(|row| row.try_get(0)).transpose().map_err(unreadable(Position::START))?;
        Ok(last.map_or(Position::START, position))
    }
}

/// Makes the connections of the pool.
struct ToServer {
    server: Server,
    source: &'static str,
}

impl Connect for ToServer {
    fn connect(&self, _: &Config) -> BoxFuture<'_, Result<(Client, JoinHandle<()>), tokio_postgres::Error>> {
        Box::pin(async move {
            loop {
                match self.server.connect(self.source).await {
                    Ok((client, connection)) => {
                        // Its errors are those of the statements.
                        return Ok((client, tokio::spawn(async move { drop(connection.await) })));
                    }
                    Err(ServerError::Connect(error)) => return Err(error),
                    // No host has answered in time. The reader decides how long it waits.
                    Err(_) => {}
                }
            }
        })
    }
}

async fn with_retries<T, W>(pool: &Pool, work: impl Fn(Object) -> W) -> Result<T, ServerError>
where
    W: Future<Output = Result<T, ServerError>>,
{
    let deadline = Instant::now() + READ_MAX;
    loop {
        let tried = match tokio::time::timeout_at(deadline, pool.get()).await {
            Ok(Ok(client)) => timely(READ_MAX, work(client)).await,
            Ok(Err(PoolError::Backend(error))) => Err(ServerError::Connect(error)),
            Ok(Err(_)) | Err(_) => Err(ServerError::Timeout(READ_MAX)),
        };
        if matches!(tried, Err(ServerError::Timeout(_))) {
            // Connections to a server that says nothing look healthy. Without this, readers would get them again and again.
            pool.retain(|_, _| false);
        }
        match tried {
            Err(error) if !is_refused(&error) && Instant::now() < deadline => {
                tokio::time::sleep(RETRY).await;
            }
            done => return done,
        }
    }
}

fn unreadable(at: Position) -> impl Fn(tokio_postgres::Error) -> ReadError {
    move |error| ReadError::storage(at, error)
}
