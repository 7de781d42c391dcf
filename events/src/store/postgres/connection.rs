//! The connection of a writer: its statements, the notifications of other processes, and warnings of the server.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_postgres::error::Severity;
use tokio_postgres::types::ToSql;
use tokio_postgres::{AsyncMessage, Client, Row, Socket, Statement};
use uuid::Uuid;

use super::super::engine::{NewGroup, Tail};
use super::Options;
use super::schema::schema;
use super::server::{ServerError, Stream, is_refused};
use super::session::{Connect, Newer, Session};
use crate::ids::Position;
use crate::store::groups::ChainHash;

/// Maximum time to connect and to prepare the statements.
const OPEN_MAX: Duration = Duration::from_secs(10);

/// Maximum time of one statement. After it the connection is given up, because its server may be paused, and the
/// statement is tried again on a new one.
const STATEMENT_MAX: Duration = Duration::from_secs(20);

/// Maximum number of groups in one batch of a reader.
const BATCH_GROUPS: i64 = 64;

/// A connection that can be written.
pub(super) struct Connection {
    client: Arc<Client>,
    append: Statement,
    hash_at: Statement,
    newer: Statement,
    confirm: Statement,
    in_use: Statement,
    channel: String,
    /// The last position that another process has announced. Closed when the connection is lost.
    announced: watch::Receiver<Position>,
    /// Set when the server warned, for example that a commit did not wait for its standby.
    warned: Arc<AtomicBool>,
    /// Drives the connection. Ended with it, also while a statement is still running.
    driver: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Connection {
    /// Connects, and prepares the statements.
    async fn open(options: &Options) -> Result<Self, ServerError> {
        timely(OPEN_MAX, Self::try_open(options)).await
    }

    async fn try_open(options: &Options) -> Result<Self, ServerError> {
        let (client, connection) = options.server.connect(options.source).await?;
        let (announce, announced) = watch::channel(Position::START);
        let warned = Arc::new(AtomicBool::new(false));
        let driver = tokio::spawn(drive(connection, announce, Arc::clone(&warned)));
        let schema = schema(options.source);
        configure(&client).await?;
        client.batch_execute(&format!("LISTEN {schema}")).await.map_err(ServerError::Statement)?;
        let prepare = async |text: String| client.prepare(&text).await.map_err(ServerError::Statement);
        Ok(Self {
            append: prepare(append(&schema)).await?,
            hash_at: prepare(format!("SELECT hash FROM {schema}.groups WHERE first = $1")).await?,
            newer: prepare(newer(&schema)).await?,
            confirm: prepare(confirm(&schema)).await?,
            in_use: prepare(format!("SELECT in_use FROM {schema}.log")).await?,
            client: Arc::new(client),
            channel: schema,
            announced,
            warned,
            driver,
        })
    }
}

impl Connect for Options {
    type Session = Connection;

    async fn connect(&self) -> Result<Connection, ServerError> {
        Connection::open(self).await
    }
}

impl Session for Connection {
    type Error = ServerError;

    fn is_refused(error: &ServerError) -> bool {
        is_refused(error)
    }

    async fn append(&self, group: &NewGroup) -> Result<bool, ServerError> {
        let forgets: Vec<_> = group.forgets.iter().map(|forgotten| number(forgotten.position)).collect();
        // A statement does not see the rows that it inserts itself.
        let kept = group.confidential.iter().filter(|(at, _)| !forgets.contains(&number(*at)));
        let (positions, payloads): (Vec<_>, Vec<_>) = kept.map(|(at, part)| (number(*at), &part[..])).unzip();
        let span = group.span;
        let (first, last, behind) = (number(span.first), number(span.last), number(group.behind.span.first));
        let (hash, value, behind_hash) = (&group.hash[..], &group.value[..], &group.behind.hash[..]);
        let values: [&(dyn ToSql + Sync); 9] =
            [&first, &last, &hash, &value, &behind, &behind_hash, &positions, &payloads, &forgets];
        let row = statement(self.client.query_one(&self.append, &values)).await?;
        Ok(row.try_get::<_, i64>(0).map_err(ServerError::Statement)? == 1)
    }

    async fn hash_at(&self, first: Position) -> Result<Option<Vec<u8>>, ServerError> {
        let row = statement(self.client.query_opt(&self.hash_at, &[&number(first)])).await?;
        row.map(|row| row.try_get(0)).transpose().map_err(ServerError::Statement)
    }

    async fn newer(&self, tail: &Tail) -> Result<Newer, ServerError> {
        let from = number(tail.span.first);
        let rows = statement(self.client.query(&self.newer, &[&from, &(BATCH_GROUPS + 1)])).await?;
        let mut rows = rows.into_iter();
        if tail.span.first > Position::START {
            let is_tail = rows.next().is_some_and(|row| holds(&row, tail.span.first, &tail.hash));
            if !is_tail {
                return Ok(Newer::TailIsGone);
            }
        }
        let group = |row: Row| -> Result<_, tokio_postgres::Error> {
            let (first, value): (i64, Vec<u8>) = (row.try_get(0)?, row.try_get(2)?);
            Ok((position(first), Bytes::from(value)))
        };
        rows.map(group).collect::<Result<_, _>>().map(Newer::Groups).map_err(ServerError::Statement)
    }

    async fn confirm(&self, instance: Uuid) -> Result<(), ServerError> {
        loop {
            self.warned.store(false, Ordering::SeqCst);
            statement(self.client.execute(&self.confirm, &[&instance])).await?;
            if !self.has_warned() {
                return Ok(());
            }
        }
    }

    async fn is_in_use(&self) -> Result<bool, ServerError> {
        let row = statement(self.client.query_one(&self.in_use, &[])).await?;
        row.try_get(0).map_err(ServerError::Statement)
    }

    fn has_warned(&self) -> bool {
        self.warned.load(Ordering::SeqCst)
    }

    fn announce(&self, last: Position) {
        let client = Arc::clone(&self.client);
        let notify = format!("NOTIFY {}, '{last}'", self.channel);
        tokio::spawn(async move { drop(client.batch_execute(&notify).await) });
    }

    fn last_announced(&self) -> Position {
        *self.announced.borrow()
    }

    async fn announced(&mut self, known: Position) -> bool {
        self.announced.wait_for(|announced| *announced > known).await.is_ok()
    }
}

/// Gives the session the settings on which a commit relies, so that a later change for the role or the server does not
/// reach it.
pub(super) async fn configure(client: &Client) -> Result<(), ServerError> {
    let show = async |name: &str| {
        let row = client.query_one(&format!("SHOW {name}"), &[]).await;
        row.and_then(|row| row.try_get::<_, String>(0)).map_err(ServerError::Statement)
    };
    let commit = show("synchronous_commit").await?;
    if !matches!(commit.as_str(), "on" | "remote_apply") {
        return Err(ServerError::NotDurable { name: "synchronous_commit", value: commit });
    }
    let fsync = show("fsync").await?;
    if fsync != "on" {
        return Err(ServerError::NotDurable { name: "fsync", value: fsync });
    }
    // A timeout would end the wait for the standby, and the commit would stand without it: the server then only warns. A
    // statement whose client has given up its connection ends, so that such statements do not pile up.
    let settings = format!(
        "SET synchronous_commit = {commit}; SET client_min_messages = warning; SET statement_timeout = 0;
         SET lock_timeout = 0; SET default_transaction_isolation = 'read committed';
         SET client_connection_check_interval = '2s'"
    );
    client.batch_execute(&settings).await.map_err(ServerError::Statement)
}

/// Passes on what the server sends until the connection ends.
async fn drive(
    mut connection: tokio_postgres::Connection<Socket, Stream>,
    announce: watch::Sender<Position>,
    warned: Arc<AtomicBool>,
) {
    loop {
        match poll_fn(|context| connection.poll_message(context)).await {
            Some(Ok(AsyncMessage::Notification(notification))) => {
                if let Ok(last) = notification.payload().parse() {
                    announce.send_if_modified(|known| {
                        let is_newer = *known < Position(last);
                        *known = (*known).max(Position(last));
                        is_newer
                    });
                }
            }
            Some(Ok(AsyncMessage::Notice(notice))) => {
                if notice.parsed_severity() == Some(Severity::Warning) {
                    tracing::warn!(warning = notice.message(), "the database of the log has warned");
                    warned.store(true, Ordering::SeqCst);
                }
            }
            Some(Ok(_)) => {}
            // The statement in progress returns the error.
            Some(Err(_)) | None => return,
        }
    }
}

async fn statement<T>(
    work: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, ServerError> {
    timely(STATEMENT_MAX, async { work.await.map_err(ServerError::Statement) }).await
}

pub(super) async fn timely<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, ServerError>>,
) -> Result<T, ServerError> {
    tokio::time::timeout(limit, work).await.unwrap_or(Err(ServerError::Timeout(limit)))
}

/// A position as the database stores it. Positions are far below the limit of both types.
pub(super) fn number(position: Position) -> i64 {
    position.0.cast_signed()
}

pub(super) fn position(number: i64) -> Position {
    Position(number.cast_unsigned())
}

fn holds(row: &Row, first: Position, hash: &ChainHash) -> bool {
    let found = row.try_get(0).and_then(|at: i64| Ok((position(at), row.try_get::<_, Vec<u8>>(1)?)));
    found.is_ok_and(|(at, found)| at == first && found == hash)
}

/// Appends a group if the row at `$5` is the last one and has the hash `$6`; `$5` is 0 for the first group. Of several
/// processes that try it at once, the primary key admits one.
fn append(schema: &str) -> String {
    format!(
        "WITH appended AS (
             INSERT INTO {schema}.groups (first, last, hash, value)
             SELECT $1::bigint, $2::bigint, $3::bytea, $4::bytea
             WHERE ($5::bigint = 0 AND $1 = 1
                OR EXISTS (SELECT FROM {schema}.groups WHERE first = $5 AND last = $1 - 1 AND hash = $6::bytea))
               AND (SELECT in_use FROM {schema}.log)
             ON CONFLICT (first) DO NOTHING
             RETURNING first
         ), stored AS (
             INSERT INTO {schema}.payloads (position, value)
             SELECT part.position, part.value
             FROM appended, unnest($7::bigint[], $8::bytea[]) AS part (position, value)
         ), forgotten AS (
             DELETE FROM {schema}.payloads WHERE position = ANY ($9::bigint[]) AND EXISTS (SELECT FROM appended)
         )
         SELECT count(*) FROM appended"
    )
}

/// The group at `$1` without its value, and up to `$2` - 1 groups behind it.
fn newer(schema: &str) -> String {
    format!(
        "SELECT first, hash, CASE WHEN first > $1 THEN value END
         FROM {schema}.groups WHERE first >= $1::bigint ORDER BY first LIMIT $2::bigint"
    )
}

pub(super) fn confirm(schema: &str) -> String {
    format!(
        "INSERT INTO {schema}.instances (id, seen) VALUES ($1, now())
         ON CONFLICT (id) DO UPDATE SET seen = excluded.seen"
    )
}
