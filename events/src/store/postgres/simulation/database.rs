//! A primary and its standby, as the statements of a committer see them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use parking_lot::Mutex;
use tokio::sync::watch;
use uuid::Uuid;

use super::super::super::ReadError;
use super::super::super::engine::{Engine, NewGroup, Span, Tail};
use super::super::super::frame::ChainHash;
use super::super::super::planted::{Fault, is_planted};
use super::super::session::{Connect, Newer, Session};
use crate::ids::Position;

/// Maximum delay of a message, and of the standby, in milliseconds.
const DELAY_MS: u64 = 8;

/// A row of the table of groups.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) span: Span,
    pub(super) hash: ChainHash,
    pub(super) value: Vec<u8>,
}

/// Both servers.
pub(super) struct World {
    pub(super) rng: Rng,
    /// What the primary shows.
    pub(super) primary: Vec<Row>,
    standby: Vec<Row>,
    /// The row of a commit that waits for the standby. Other statements at its position wait for it.
    pending: Option<Row>,
    /// Which server is the primary. Connections to an earlier one are lost.
    epoch: u64,
    pub(super) failovers: u64,
    /// Probability in percent that something goes wrong in one step; zero at the end of a schedule.
    pub(super) trouble: u64,
    announced: watch::Sender<Position>,
}

/// The database, which everybody shares.
#[derive(Clone)]
pub(super) struct Database(pub(super) Arc<Mutex<World>>);

/// Why a statement failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    #[error("the connection was lost")]
    Lost,
    #[error("the server refused the statement")]
    Refused,
}

/// A connection.
pub(super) struct Link {
    database: Database,
    epoch: u64,
    is_alive: Arc<AtomicBool>,
    announced: watch::Receiver<Position>,
}

impl World {
    /// Whether something happens that does so in `percent` of all steps of a troubled schedule.
    fn happens(&mut self, percent: u64) -> bool {
        self.rng.u64(..1_000) < percent * self.trouble
    }

    fn row(&self, first: Position) -> Option<&Row> {
        self.primary.iter().rev().find(|row| row.span.first == first)
    }

    /// Whether the group may be inserted, as the statement checks it.
    fn admits(&self, group: &Wanted) -> bool {
        let behind = match group.behind.span.first {
            Position::START => group.row.span.first == Position(1),
            first => self.row(first).is_some_and(|row| {
                row.span.last.next() == group.row.span.first
                    && (row.hash == group.behind.hash || is_planted(Fault::ConditionWithoutHash))
            }),
        };
        behind && self.row(group.row.span.first).is_none()
    }

    /// The standby takes over: with everything that it has, and perhaps with the commit that waits for it.
    pub(super) fn fail_over(&mut self) {
        if let Some(row) = self.pending.take()
            && self.rng.bool()
        {
            self.standby.clone_from(&self.primary);
            self.standby.push(row);
        }
        self.primary.clone_from(&self.standby);
        self.epoch += 1;
        self.failovers += 1;
    }

    /// The standby has everything that the primary shows.
    pub(super) fn replicate(&mut self) {
        self.standby.clone_from(&self.primary);
    }
}

/// A group that a statement wants to append.
struct Wanted {
    behind: Tail,
    row: Row,
}

impl Database {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        // Quiet schedules reach states that troubled ones do not.
        let trouble = rng.u64(1..=10);
        Self(Arc::new(Mutex::new(World {
            rng,
            primary: Vec::new(),
            standby: Vec::new(),
            pending: None,
            epoch: 0,
            failovers: 0,
            trouble,
            announced: watch::Sender::new(Position::START),
        })))
    }

    /// Waits for at most `most_ms` milliseconds.
    pub(super) async fn delay(&self, most_ms: u64) {
        let delay = self.0.lock().rng.u64(..=most_ms);
        tokio::time::sleep(Duration::from_millis(delay)).await;
    }

    /// Carries out the statement that appends a group, at the server of `epoch`.
    async fn append(&self, epoch: u64, group: &Wanted) -> Result<bool, Failed> {
        loop {
            {
                let mut world = self.0.lock();
                if world.epoch != epoch {
                    return Err(Failed::Lost);
                }
                if world.pending.is_none() {
                    if !world.admits(group) {
                        return Ok(false);
                    }
                    world.pending = Some(group.row.clone());
                    break;
                }
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self.delay(DELAY_MS).await;
        let mut world = self.0.lock();
        if world.epoch != epoch {
            return Err(Failed::Lost);
        }
        world.pending = None;
        world.primary.push(group.row.clone());
        // An administrator ends the connection that waits: the row is visible, and the standby may not have it.
        if world.happens(5) {
            return Err(Failed::Lost);
        }
        if !is_planted(Fault::ReplyBeforeDurable) || world.rng.u8(..4) == 0 {
            world.replicate();
        }
        Ok(true)
    }
}

impl Connect for Database {
    type Session = Link;

    async fn connect(&self) -> Result<Link, Failed> {
        self.delay(DELAY_MS).await;
        let mut world = self.0.lock();
        match world.happens(5) {
            true => Err(Failed::Lost),
            false => Ok(Link {
                database: self.clone(),
                epoch: world.epoch,
                is_alive: Arc::new(AtomicBool::new(true)),
                announced: world.announced.subscribe(),
            }),
        }
    }
}

impl Link {
    /// A message on its way: it can be lost, and the connection with it.
    async fn travel(&self) -> Result<(), Failed> {
        self.database.delay(DELAY_MS).await;
        let is_lost = self.database.0.lock().happens(3);
        if is_lost {
            self.is_alive.store(false, Ordering::Relaxed);
        }
        self.check()
    }

    fn check(&self) -> Result<(), Failed> {
        let is_alive = self.is_alive.load(Ordering::Relaxed) && self.database.0.lock().epoch == self.epoch;
        is_alive.then_some(()).ok_or(Failed::Lost)
    }

    /// What `look` sees at the primary, a statement later.
    async fn read<T>(&self, look: impl FnOnce(&World) -> T + Send) -> Result<T, Failed>
    where
        T: Send,
    {
        self.travel().await?;
        let seen = look(&self.database.0.lock());
        self.travel().await?;
        Ok(seen)
    }
}

impl Session for Link {
    type Error = Failed;

    fn is_refused(error: &Failed) -> bool {
        matches!(error, Failed::Refused)
    }

    async fn append(&self, group: &NewGroup) -> Result<bool, Failed> {
        let row = Row { span: group.span, hash: group.hash, value: group.value.clone() };
        let wanted = Wanted { behind: group.behind.clone(), row };
        self.travel().await?;
        let (is_refused, is_given_up) = {
            let mut world = self.database.0.lock();
            (world.happens(2), world.happens(3))
        };
        if is_refused {
            return Err(Failed::Refused);
        }
        if is_given_up {
            // The server does not notice, and carries it out later.
            let (database, epoch) = (self.database.clone(), self.epoch);
            tokio::spawn(async move {
                database.delay(100 * DELAY_MS).await;
                let _ = database.append(epoch, &wanted).await;
            });
            self.is_alive.store(false, Ordering::Relaxed);
            return Err(Failed::Lost);
        }
        // The server carries it out, also if the client ends meanwhile.
        let (database, epoch) = (self.database.clone(), self.epoch);
        let server = tokio::spawn(async move { database.append(epoch, &wanted).await });
        let is_appended = server.await.map_err(|_| Failed::Lost)??;
        self.travel().await?;
        Ok(is_appended)
    }

    async fn hash_at(&self, first: Position) -> Result<Option<Vec<u8>>, Failed> {
        self.read(|world| world.row(first).map(|row| row.hash.to_vec())).await
    }

    async fn newer(&self, tail: &Tail) -> Result<Newer, Failed> {
        let from = tail.span.first;
        self.read(|world| {
            if from > Position::START && world.row(from).is_none_or(|row| row.hash != tail.hash) {
                return Newer::TailIsGone;
            }
            let behind = world.primary.iter().filter(|row| row.span.first > from).take(64);
            Newer::Groups(behind.map(|row| (row.span.first, Bytes::from(row.value.clone()))).collect())
        })
        .await
    }

    async fn confirm(&self, _: Uuid) -> Result<(), Failed> {
        self.travel().await?;
        self.database.0.lock().replicate();
        self.travel().await
    }

    async fn is_in_use(&self) -> Result<bool, Failed> {
        self.read(|_| true).await
    }

    fn has_warned(&self) -> bool {
        false
    }

    fn announce(&self, last: Position) {
        let mut world = self.database.0.lock();
        if !world.happens(10) {
            world.announced.send_replace(last);
        }
    }

    fn last_announced(&self) -> Position {
        *self.announced.borrow()
    }

    async fn announced(&mut self, known: Position) -> bool {
        loop {
            if self.check().is_err() {
                return false;
            }
            if self.last_announced() > known {
                return true;
            }
            self.database.delay(DELAY_MS).await;
        }
    }
}

/// The side of readers.
impl Engine for Database {
    fn value(&self, first: Position) -> Result<Option<Bytes>, ReadError> {
        Ok(self.0.lock().row(first).map(|row| Bytes::from(row.value.clone())))
    }

    fn payload_values(&self, groups: &[Span]) -> Result<Vec<Bytes>, ReadError> {
        Ok(vec![Bytes::new(); groups.len()])
    }

    fn has_one_writer(&self) -> bool {
        false
    }

    fn head(&self) -> Result<Position, ReadError> {
        Ok(self.0.lock().primary.last().map_or(Position::START, |row| row.span.last))
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Database")
    }
}
