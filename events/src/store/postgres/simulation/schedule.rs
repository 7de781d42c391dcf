//! One schedule: instances, clients that append through them, and what happens to both.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::super::super::engine::Availability;
use super::super::super::log::{Loaded, Parts, StoredLog, replay};
use super::super::super::planted::simulate;
use super::super::super::{AppendCondition, EventStore as _};
use super::super::commit::PostgresCommitter;
use super::check::{self, Append, Outcome};
use super::database::Database;
use crate::ids::{LogId, Position};
use crate::query::{Query, Tag};
use crate::recorded::{EventMetadata, NewEvent};

const INSTANCES: usize = 3;
const CLIENTS: usize = 5;
const APPENDS_PER_CLIENT: usize = 6;

/// Few subjects, so that clients compete.
const SUBJECTS: u64 = 3;

/// A schedule that has not ended by then, of its own time, is stuck.
const SCHEDULE_MAX: Duration = Duration::from_secs(3_600);

/// The name of the simulated service.
const SOURCE: &str = "simulated";

/// A process.
struct Instance {
    log: Arc<StoredLog>,
    writer: JoinHandle<()>,
    /// Ends the writer when it is dropped.
    _closing: watch::Sender<bool>,
}

impl Instance {
    /// Reads the log from its start, as a process does when it starts.
    fn open(database: &Database) -> Result<Self, String> {
        let rows = {
            let mut world = database.0.lock();
            // Its first commit confirms what it reads.
            world.replicate();
            world.primary.clone()
        };
        let groups = rows.into_iter().map(|row| Ok((row.span.first, row.value.into())));
        let Loaded { state, chain, .. } =
            replay(groups, None, usize::MAX, &mut |_, _| {}).map_err(|error| error.to_string())?;
        let availability = Arc::new(Availability::default());
        let (closing, closed) = watch::channel(false);
        let committer =
            PostgresCommitter::new(database.clone(), chain.last(), closed, Arc::clone(&availability), None);
        let parts = Parts {
            source: SOURCE,
            log_id: LogId(Uuid::nil()),
            engine: Arc::new(database.clone()),
            availability,
            state,
            chain,
            queue_appends: 100,
        };
        let (log, writer) = StoredLog::new(parts, committer);
        Ok(Self { log: Arc::new(log), writer: tokio::spawn(writer.run()), _closing: closing })
    }
}

type Instances = Arc<Mutex<Vec<Instance>>>;

/// Runs the schedule of `seed`.
pub(super) fn run(seed: u64) -> Outcome {
    simulate();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let schedule = async { tokio::time::timeout(SCHEDULE_MAX, schedule(seed)).await };
    match runtime.expect("a runtime").block_on(schedule) {
        Ok(outcome) => outcome,
        Err(_) => Outcome { faults: vec!["the schedule does not end".into()], ..Outcome::default() },
    }
}

async fn schedule(seed: u64) -> Outcome {
    let database = Database::new(seed);
    let open = || Instance::open(&database).expect("an empty log");
    let instances: Instances = Arc::new(Mutex::new((0..INSTANCES).map(|_| open()).collect()));
    let appends: Arc<Mutex<Vec<Append>>> = Arc::default();
    let clients = (0..CLIENTS).map(|_| {
        let (database, instances, appends) = (database.clone(), Arc::clone(&instances), Arc::clone(&appends));
        tokio::spawn(async move { client(&database, &instances, &appends).await })
    });
    let clients: Vec<_> = clients.collect();
    let troubles = tokio::spawn(troubles(database.clone(), Arc::clone(&instances)));
    for client in clients {
        client.await.expect("a client does not panic");
    }
    troubles.abort();
    database.0.lock().trouble = 0;
    // Statements that their client has given up are carried out until now.
    tokio::time::sleep(Duration::from_secs(10)).await;
    let appends = std::mem::take(&mut *appends.lock());
    let mut outcome = check::check(&database, &appends);
    if outcome.faults.is_empty() {
        let logs: Vec<_> = {
            let instances = instances.lock();
            let running = instances.iter().filter(|instance| !instance.writer.is_finished());
            running.map(|instance| Arc::clone(&instance.log)).collect()
        };
        for log in logs {
            outcome.faults.extend(check::follows(&database, &log).await);
        }
    }
    outcome
}

/// Appends events through one instance or another.
async fn client(database: &Database, instances: &Instances, appends: &Mutex<Vec<Append>>) {
    for _ in 0..APPENDS_PER_CLIENT {
        database.delay(40).await;
        let (log, subject, id) = {
            let mut world = database.0.lock();
            let chosen = world.rng.usize(..INSTANCES);
            let log = Arc::clone(&instances.lock()[chosen].log);
            (log, world.rng.u64(..SUBJECTS), Uuid::from_u128(world.rng.u128(..)))
        };
        let tag = Tag::new("subject", subject);
        let query = Query::any_tag([tag.clone()]);
        // What the client has seen of its subject at this instance.
        let Ok(page) = log.shared().read(&query, Position::START, usize::MAX) else { continue };
        let after = page.iter().last().map_or(Position::START, |stored| stored.position);
        let invoked = tokio::time::Instant::now();
        let appended = log.append(vec![event(id, tag)], AppendCondition::unchanged(query, after)).await;
        let answered = tokio::time::Instant::now();
        appends.lock().push(Append { id, subject, after, invoked, answered, result: appended });
    }
}

fn event(id: Uuid, tag: Tag) -> NewEvent {
    NewEvent {
        id,
        event_type: "simulated.event.v1",
        subject: "simulated/1".into(),
        time: "2026-12-01T18:00:00Z".parse().expect("a time"),
        tags: vec![tag],
        data: b"{}".to_vec(),
        confidential: None,
        forgets: vec![],
        metadata: EventMetadata::system("simulation"),
    }
}

/// Fails the database over, and kills and starts instances, until the task is ended.
async fn troubles(database: Database, instances: Instances) {
    loop {
        database.delay(120).await;
        let (kind, chosen) = {
            let mut world = database.0.lock();
            (world.rng.u64(..20), world.rng.usize(..INSTANCES))
        };
        let trouble = database.0.lock().trouble;
        match kind {
            kind if kind < trouble / 3 => database.0.lock().fail_over(),
            kind if kind < trouble => instances.lock()[chosen].writer.abort(),
            _ => {}
        }
        // A supervisor starts what has ended.
        let ended: Vec<_> = {
            let instances = instances.lock();
            (0..INSTANCES).filter(|number| instances[*number].writer.is_finished()).collect()
        };
        for number in ended {
            database.delay(50).await;
            // A log that cannot be read is found at the end.
            if let Ok(opened) = Instance::open(&database) {
                instances.lock()[number] = opened;
            }
        }
    }
}
