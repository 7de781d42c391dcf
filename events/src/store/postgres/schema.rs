//! The tables of a log, in a schema of their own: `meja_<service>`.
//!
//! ```text
//! log       (format, log_id, source, in_use, moved)  one row
//! groups    (first, last, hash, value)      one row per group, under the position of its first event
//! payloads  (position, value)               one row per confidential payload; a deleted row is forgotten
//! instances (id, seen)                      the last commit of each process, to confirm what it has read
//! lease     (holder, until)                 at most one row: the process that acts on the log
//! notes     (name, value)                   small values that the processes share, see [`super::super::notes`]
//! ```
//!
//! `hash` is the hash of the chain at the last event of a group, `value` the group as every engine stores it.

use tokio_postgres::{GenericClient, Transaction};
use uuid::Uuid;

use super::OpenError;
use super::server::{Server, ServerError};
use crate::ids::LogId;

/// The format that this version reads and writes.
const FORMAT: i32 = 1;

/// Maximum size of the name of a note and of its value, in bytes.
pub const NOTE_BYTES_MAX: usize = 1_024;

/// The identity of a log in a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogInfo {
    /// The id of the log.
    pub log_id: LogId,
    /// Whether the log was created just now.
    pub is_new: bool,
}

/// Why a log could not be created.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The database cannot be used.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The log has a format that this version does not know, or is the log of another service.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The name of the role is not one that needs no quotes.
    #[error("{0:?} is not the name of one role: use lower-case letters, digits and _")]
    Role(String),
}

/// The name of the schema of the service `source`.
pub(super) fn schema(source: &str) -> String {
    format!("meja_{source}")
}

/// Creates the schema and the tables of the log of `source`, unless they exist, and gives `role` the rights that a
/// service needs: it can append groups, read everything, and delete confidential payloads.
///
/// # Errors
/// [`InitError`]. Nothing was created then.
pub async fn init(
    server: &Server,
    source: &'static str,
    log_id: Option<LogId>,
    role: Option<&str>,
) -> Result<LogInfo, InitError> {
    if let Some(role) = role.filter(|role| !is_plain_name(role)) {
        return Err(InitError::Role(role.to_owned()));
    }
    let mut client = server.client(source).await?;
    // Suppresses notices about existing tables. Services must not wait behind a lock that is not granted.
    client
        .batch_execute("SET client_min_messages = warning; SET lock_timeout = '10s'")
        .await
        .map_err(ServerError::Statement)?;
    let transaction = client.transaction().await.map_err(ServerError::Statement)?;
    let proposed = log_id.unwrap_or_else(|| LogId(Uuid::new_v4()));
    let is_new = create(&transaction, source, proposed, true).await?;
    let log_id = read(&transaction, source).await?;
    if let Some(role) = role {
        grant(&transaction, source, &format!("\"{role}\"")).await?;
    }
    transaction.commit().await.map_err(ServerError::Statement)?;
    Ok(LogInfo { log_id, is_new })
}

/// Creates the schema and the tables, and the log `log_id` in them, unless there is one. Returns whether it was created.
pub(super) async fn create(
    transaction: &Transaction<'_>,
    source: &'static str,
    log_id: LogId,
    in_use: bool,
) -> Result<bool, ServerError> {
    let schema = schema(source);
    transaction.batch_execute(&tables(&schema)).await.map_err(ServerError::Statement)?;
    let insert = format!(
        "INSERT INTO {schema}.log (format, log_id, source, in_use) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
    );
    let inserted = transaction.execute(&insert, &[&FORMAT, &log_id.0, &source, &in_use]).await;
    Ok(inserted.map_err(ServerError::Statement)? == 1)
}

/// Gives `role`, an identifier in SQL, the rights of a service.
pub(super) async fn grant(
    transaction: &Transaction<'_>,
    source: &'static str,
    role: &str,
) -> Result<(), ServerError> {
    transaction.batch_execute(&rights(&schema(source), role)).await.map_err(ServerError::Statement)
}

/// The id of the log of `source`, which must be complete, and usable with all its tables.
pub(super) async fn read_complete(
    client: &impl GenericClient,
    source: &'static str,
) -> Result<LogId, OpenError> {
    let log_id = read(client, source).await?;
    let schema = schema(source);
    let row = client.query_one(&format!("SELECT in_use FROM {schema}.log"), &[]).await;
    if !row.and_then(|row| row.try_get(0)).map_err(ServerError::Statement)? {
        return Err(OpenError::NotInUse);
    }
    for table in ["lease", "notes"] {
        let usable = "SELECT coalesce(has_table_privilege(to_regclass($1)::oid, 'INSERT'), false)";
        let row = client.query_one(usable, &[&format!("{schema}.{table}")]).await;
        if !row.and_then(|row| row.try_get(0)).map_err(ServerError::Statement)? {
            return Err(OpenError::NotPrepared { table });
        }
    }
    Ok(log_id)
}

/// The id of the log of `source`.
async fn read(client: &impl GenericClient, source: &'static str) -> Result<LogId, OpenError> {
    let schema = schema(source);
    let exists = client.query_one("SELECT to_regclass($1) IS NOT NULL", &[&format!("{schema}.log")]).await;
    if !exists.and_then(|row| row.try_get(0)).map_err(ServerError::Statement)? {
        return Err(OpenError::NoLog { source_name: source });
    }
    let row = client.query_one(&format!("SELECT format, log_id FROM {schema}.log"), &[]).await;
    let row = row.map_err(ServerError::Statement)?;
    let found: i32 = row.try_get(0).map_err(ServerError::Statement)?;
    if found != FORMAT {
        return Err(OpenError::Format { found, known: FORMAT });
    }
    row.try_get(1).map(LogId).map_err(|error| ServerError::Statement(error).into())
}

/// The statements that create the tables.
///
/// Groups are packed already, so they are not compressed again, and those of usual size stay in their row. No statistics hold
/// samples of confidential payloads.
fn tables(schema: &str) -> String {
    format!(
        "CREATE SCHEMA IF NOT EXISTS {schema};
         CREATE TABLE IF NOT EXISTS {schema}.log (
             one boolean PRIMARY KEY DEFAULT true CHECK (one),
             format integer NOT NULL,
             log_id uuid NOT NULL,
             source text NOT NULL,
             in_use boolean NOT NULL DEFAULT true,
             moved boolean NOT NULL DEFAULT false
         );
         CREATE TABLE IF NOT EXISTS {schema}.groups (
             first bigint PRIMARY KEY CHECK (first > 0),
             last bigint NOT NULL CHECK (last >= first),
             hash bytea NOT NULL CHECK (length(hash) = 32),
             value bytea NOT NULL
         ) WITH (toast_tuple_target = 8160);
         ALTER TABLE {schema}.groups ALTER COLUMN value SET STORAGE EXTERNAL;
         CREATE TABLE IF NOT EXISTS {schema}.payloads (
             position bigint PRIMARY KEY,
             value bytea NOT NULL
         );
         ALTER TABLE {schema}.payloads ALTER COLUMN value SET STATISTICS 0;
         CREATE TABLE IF NOT EXISTS {schema}.instances (
             id uuid PRIMARY KEY,
             seen timestamptz NOT NULL
         );
         CREATE TABLE IF NOT EXISTS {schema}.lease (
             one boolean PRIMARY KEY DEFAULT true CHECK (one),
             holder uuid NOT NULL,
             until timestamptz NOT NULL
         );
         CREATE TABLE IF NOT EXISTS {schema}.notes (
             name text PRIMARY KEY CHECK (octet_length(name) <= {NOTE_BYTES_MAX}),
             value text NOT NULL CHECK (octet_length(value) <= {NOTE_BYTES_MAX})
         );"
    )
}

/// The statements that give a service its rights. It cannot change or remove a group.
fn rights(schema: &str, role: &str) -> String {
    format!(
        "GRANT USAGE ON SCHEMA {schema} TO {role};
         GRANT SELECT ON {schema}.log TO {role};
         GRANT SELECT, INSERT ON {schema}.groups TO {role};
         GRANT SELECT, INSERT, DELETE ON {schema}.payloads TO {role};
         GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.instances TO {role};
         GRANT SELECT, INSERT, UPDATE ON {schema}.lease, {schema}.notes TO {role};"
    )
}

/// Whether `name` is an identifier that needs no quotes, and not that of all roles together, which has a meaning in quotes
/// too.
fn is_plain_name(name: &str) -> bool {
    let mut letters = name.chars();
    name != "public"
        && letters.next().is_some_and(|c| c.is_ascii_lowercase() || c == '_')
        && letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}
