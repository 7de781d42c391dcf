//! Writes a log from existing groups: import, restore, and a log that moves into the database.

use std::future::Future;

use bytes::Bytes;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, Row};

use super::super::ReadError;
use super::super::groups::{Chain, StoredGroup};
use super::super::load::{BulkLoad, BulkLoadError, Usage};
use super::connection::{configure, number, position};
use super::groups::PostgresGroups;
use super::schema::{self, schema};
use super::server::ServerError;
use super::{OpenError, Options};
use crate::ids::{LogId, Position};

/// Groups in one transaction. After a crash, groups that were not committed are loaded again.
const GROUPS_PER_COMMIT: usize = 256;

/// A log that is being loaded. Services refuse to open it until it is complete. No service may run meanwhile.
pub struct BulkLoader {
    runtime: Runtime,
    client: Client,
    groups: PostgresGroups,
    schema: String,
    log_id: LogId,
    usage: Usage,
    chain: Chain,
    /// Groups that are not committed yet.
    pending: Vec<StoredGroup>,
    /// Whether the log is marked as incomplete.
    is_marked: bool,
}

impl BulkLoader {
    /// Opens the log of `options`, or creates it with `log_id`, which also becomes the id of a log without events when the first group
    /// is loaded. Existing events stay; loading continues after them. Blocks, and must not be called on a thread of a runtime.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(options: &Options, log_id: Option<LogId>) -> Result<Self, OpenError> {
        let runtime =
            Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(OpenError::Thread)?;
        let client = runtime.block_on(async {
            let client = options.server.client(options.source).await?;
            configure(&client).await?;
            Ok::<_, ServerError>(client)
        })?;
        let info = runtime.block_on(schema::init(&options.server, options.source, log_id, None));
        let info = info.map_err(|error| match error {
            schema::InitError::Server(error) => OpenError::Server(error),
            schema::InitError::Open(error) => error,
            schema::InitError::Role(_) => OpenError::NoLog { source_name: options.source },
        })?;
        let groups = PostgresGroups::connect(options).map_err(OpenError::Thread)?;
        let mut chain = Chain::default();
        for group in groups.all() {
            let (first, value) = group.map_err(OpenError::Read)?;
            let linked = StoredGroup::decode(first, value, Bytes::new())
                .map_err(Into::into)
                .and_then(|group| chain.link(&group));
            linked.map_err(|error| OpenError::Damaged { what: error.to_string() })?;
        }
        let schema = schema(options.source);
        let mut loader = Self {
            runtime,
            client,
            groups,
            schema,
            log_id: info.log_id,
            usage: Usage::None,
            chain,
            pending: Vec::new(),
            is_marked: false,
        };
        if info.is_new {
            loader.mark(false)?;
        } else {
            loader.usage = loader.find_usage()?;
        }
        if loader.chain.last() == Position::START {
            loader.log_id = log_id.unwrap_or(info.log_id);
        }
        Ok(loader)
    }

    fn find_usage(&self) -> Result<Usage, OpenError> {
        let text = format!("SELECT in_use, moved FROM {}.log", self.schema);
        let row = self.runtime.block_on(self.client.query_one(&text, &[])).map_err(ServerError::Statement)?;
        let get = |column| row.try_get::<_, bool>(column).map_err(ServerError::Statement);
        Ok(match (get(0)?, get(1)?) {
            (true, _) => Usage::Services,
            (false, true) => Usage::Moved,
            (false, false) => Usage::None,
        })
    }

    fn run<T>(
        &self,
        work: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, BulkLoadError> {
        self.runtime.block_on(work).map_err(|error| BulkLoadError::storage(ServerError::Statement(error)))
    }

    /// Says whether services may open the log, and which id it has.
    fn mark(&self, in_use: bool) -> Result<(), ServerError> {
        let text = format!("UPDATE {}.log SET log_id = $1, in_use = $2, moved = false", self.schema);
        let marked = self.runtime.block_on(self.client.execute(&text, &[&self.log_id.0, &in_use]));
        marked.map(drop).map_err(ServerError::Statement)
    }

    /// Commits the pending groups.
    fn commit(&mut self) -> Result<(), BulkLoadError> {
        let (mut firsts, mut lasts, mut hashes, mut values) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (mut positions, mut payloads) = (Vec::new(), Vec::new());
        for group in &self.pending {
            firsts.push(number(group.first()));
            lasts.push(number(group.last()));
            hashes.push(group.last_hash().map_err(|error| BulkLoadError::ChainError(error.into()))?.to_vec());
            values.push(&group.value()[..]);
            for (at, payload) in group.payloads() {
                positions.push(number(*at));
                payloads.push(&payload[..]);
            }
        }
        let text = insert(&self.schema);
        self.run(self.client.execute(&text, &[&firsts, &lasts, &hashes, &values, &positions, &payloads]))?;
        self.pending.clear();
        Ok(())
    }
}

/// Marks the log of `options`, which ends at `head`, as one that is no longer in use. A service that still runs stops at
/// its next append.
///
/// # Errors
/// [`OpenError::Grown`] when it does not end there.
pub fn retire(options: &Options, head: Position) -> Result<(), OpenError> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(OpenError::Thread)?;
    let schema = schema(options.source);
    runtime.block_on(async {
        let mut client = options.server.client(options.source).await?;
        configure(&client).await?;
        let statement = ServerError::Statement;
        let transaction = client.transaction().await.map_err(statement)?;
        // No append can come between the check and the mark.
        let lock = format!("LOCK TABLE {schema}.groups IN SHARE ROW EXCLUSIVE MODE");
        transaction.batch_execute(&lock).await.map_err(statement)?;
        let text = format!("SELECT coalesce(max(last), 0) FROM {schema}.groups");
        let row = transaction.query_one(&text, &[]).await.map_err(statement)?;
        let found = position(row.try_get(0).map_err(statement)?);
        if found != head {
            return Err(OpenError::Grown { head: found });
        }
        let moved = format!("UPDATE {schema}.log SET in_use = false, moved = true");
        transaction.execute(&moved, &[]).await.map_err(statement)?;
        transaction.commit().await.map_err(|error| statement(error).into())
    })
}

impl BulkLoad for BulkLoader {
    fn log_id(&self) -> LogId {
        self.log_id
    }

    fn usage(&self) -> Usage {
        self.usage
    }

    fn chain(&self) -> &Chain {
        &self.chain
    }

    fn group(&mut self, at: Position) -> Result<Option<StoredGroup>, ReadError> {
        if let Some(group) = self.pending.iter().find(|group| group.first() <= at && at <= group.last()) {
            return Ok(Some(group.clone()));
        }
        let text = format!(
            "SELECT first, value FROM {}.groups WHERE first <= $1 ORDER BY first DESC LIMIT 1",
            self.schema
        );
        let storage = |error| ReadError::storage(at, ServerError::Statement(error));
        let row = self.runtime.block_on(self.client.query_opt(&text, &[&number(at)])).map_err(storage)?;
        let group = |row: Row| Ok((position(row.try_get(0)?), Bytes::from(row.try_get::<_, Vec<u8>>(1)?)));
        let Some((first, value)) = row.map(group).transpose().map_err(storage)? else { return Ok(None) };
        self.groups.stored(first, value).map(|group| Some(group).filter(|group| group.last() >= at))
    }

    fn push(&mut self, group: &StoredGroup) -> Result<(), BulkLoadError> {
        let mut chain = self.chain.clone();
        chain.link(group)?;
        if !self.is_marked {
            self.mark(false).map_err(BulkLoadError::storage)?;
            self.is_marked = true;
        }
        self.chain = chain;
        self.pending.push(group.clone());
        if self.pending.len() >= GROUPS_PER_COMMIT { self.commit() } else { Ok(()) }
    }

    fn finish(mut self: Box<Self>) -> Result<Chain, BulkLoadError> {
        self.commit()?;
        self.mark(true).map_err(BulkLoadError::storage)?;
        Ok(self.chain)
    }
}

/// Inserts groups and their confidential payloads.
fn insert(schema: &str) -> String {
    format!(
        "WITH loaded AS (
             INSERT INTO {schema}.groups (first, last, hash, value)
             SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bytea[])
         )
         INSERT INTO {schema}.payloads (position, value) SELECT * FROM unnest($5::bigint[], $6::bytea[])"
    )
}
