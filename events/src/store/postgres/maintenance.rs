//! What the owner of the tables does with a log as a whole: set it aside, and remove what was deleted from the files.

use tokio_postgres::{Client, Transaction};

use super::schema::{self, schema};
use super::server::{Server, ServerError};
use crate::ids::LogId;

/// The size of the table of confidential payloads before and after it was written anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compacted {
    /// In bytes.
    pub before_bytes: u64,
    /// In bytes.
    pub after_bytes: u64,
}

/// Renames the schema of the log of `source` in `server`, and creates an empty log with `log_id` in its place. Roles that could append
/// to the old log get the rights of a service. Returns the new name of the old schema.
///
/// Services stop using the old log, and refuse to open the new one until it is loaded.
///
/// # Errors
/// [`ServerError`]. Nothing was changed then.
pub async fn set_aside(server: &Server, source: &'static str, log_id: LogId) -> Result<String, ServerError> {
    let schema = schema(source);
    let mut client = server.client(source).await?;
    let transaction = client.transaction().await.map_err(ServerError::Statement)?;
    let kept = rename(&transaction, &schema).await.map_err(ServerError::Statement)?;
    schema::create(&transaction, source, log_id, false).await?;
    for role in roles(&transaction, &kept).await.map_err(ServerError::Statement)? {
        schema::grant(&transaction, source, &role).await?;
    }
    transaction.commit().await.map_err(ServerError::Statement)?;
    Ok(kept)
}

/// Writes the table of confidential payloads anew, so that deleted payloads are in no file of the table any more. Appends wait
/// meanwhile.
///
/// # Errors
/// [`ServerError::NotCompacted`] if the role does not own the table.
pub async fn compact(server: &Server, source: &'static str) -> Result<Compacted, ServerError> {
    let table = format!("{}.payloads", schema(source));
    let client = server.client(source).await?;
    let before_bytes = size(&client, &table).await?;
    let file = file(&client, &table).await?;
    let vacuum = format!("VACUUM (FULL) {table}");
    client.batch_execute(&vacuum).await.map_err(ServerError::Statement)?;
    // The server only warns a role that does not own the table.
    if self::file(&client, &table).await? == file {
        return Err(ServerError::NotCompacted);
    }
    Ok(Compacted { before_bytes, after_bytes: size(&client, &table).await? })
}

/// Marks the log in `schema` as one that is not in use and renames the schema. Returns its new name.
async fn rename(transaction: &Transaction<'_>, schema: &str) -> Result<String, tokio_postgres::Error> {
    // No append can come between.
    let lock = format!(
        "LOCK TABLE {schema}.groups IN ACCESS EXCLUSIVE MODE; UPDATE {schema}.log SET in_use = false"
    );
    transaction.batch_execute(&lock).await?;
    let name =
        "SELECT $1 || '_replaced_' || to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYYMMDD_HH24MISSMS')";
    let kept: String = transaction.query_one(name, &[&schema]).await?.try_get(0)?;
    transaction.batch_execute(&format!("ALTER SCHEMA {schema} RENAME TO {kept}")).await?;
    Ok(kept)
}

/// The roles other than the owner that may append to the log in `schema`, each as an identifier in SQL.
async fn roles(transaction: &Transaction<'_>, schema: &str) -> Result<Vec<String>, tokio_postgres::Error> {
    let text = "SELECT DISTINCT quote_ident(grantee) FROM information_schema.role_table_grants
                WHERE table_schema = $1 AND table_name = 'groups' AND privilege_type = 'INSERT'
                  AND grantee <> 'PUBLIC' AND grantee <> (SELECT tableowner FROM pg_tables WHERE schemaname = $1 AND tablename = 'groups')";
    let rows = transaction.query(text, &[&schema]).await?;
    rows.iter().map(|row| row.try_get(0)).collect()
}

/// The number of the file of a table.
async fn file(client: &Client, table: &str) -> Result<u32, ServerError> {
    let row = client.query_one("SELECT pg_relation_filenode($1::text::regclass)", &[&table]).await;
    row.and_then(|row| row.try_get(0)).map_err(ServerError::Statement)
}

async fn size(client: &Client, table: &str) -> Result<u64, ServerError> {
    let row = client.query_one("SELECT pg_total_relation_size($1::text::regclass)", &[&table]).await;
    let bytes: i64 = row.and_then(|row| row.try_get(0)).map_err(ServerError::Statement)?;
    Ok(bytes.unsigned_abs())
}
