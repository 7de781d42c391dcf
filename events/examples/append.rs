//! Measures appends within a process, and writes to a plain file for comparison:
//! `append <directory> <writers> <seconds>`.
//!
//! Every writer appends one event at a time under the condition that its tag is new, and waits until it is
//! durable. The file receives the same bytes, with one fdatasync per group of the average size of a group in
//! the log. Prints appends per second, events per second into the file, their ratio and the group size.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::DateTime;
use events::recorded::{Envelope, EventMetadata, NewEvent};
use events::store::log::StoredLog;
use events::store::sled::{self, Options};
use events::store::{AppendCondition, EventStore};
use events::values::Actor;
use events::{LogId, Position, Query, Tag};
use uuid::Uuid;

/// The data of a booking without a deposit.
const DATA: &str = r#"{"venue_id":"bandung-dago","customer_id":"cust-42","party_size":4,"window":{"start":"2026-12-24T12:30:00Z","end":"2026-12-24T14:00:00Z"},"timezone":"Asia/Jakarta","locale":"id","policy":{"deposit_required":false,"deposit":{"from_party_size":6,"per":"guest","amount":{"amount_minor":5000000,"currency":"IDR"}},"auto_cancel_minutes":15,"free_cancellation_minutes":1440},"contact_digest":"3459a2184e994ce9e5a4424cbcd3f709e185390e1a2a091eac4ddadf5c5fbb2e"}"#;

fn event(n: u64) -> NewEvent {
    let id = Uuid::from_u128(u128::from(n).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835));
    NewEvent {
        id,
        event_type: "meja.reservation.created.v1",
        subject: format!("reservation/{id}"),
        time: DateTime::from_timestamp(1_800_000_000, 0).unwrap_or_default(),
        tags: vec![
            Tag::new("reservation", id),
            Tag::new("venue", "bandung-dago"),
            Tag::new("customer", "cust-42"),
        ],
        data: DATA.into(),
        confidential: None::<Bytes>,
        forgets: vec![],
        metadata: EventMetadata {
            correlation_id: id.to_string(),
            causation_id: None,
            actor: Actor::unauthenticated(),
            traceparent: None,
            request_digest: None,
            venue_id: None,
            client_group: None,
        },
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "append <directory> <writers> <seconds>";
    let (dir, writers) = arguments.next().zip(arguments.next()).ok_or(usage)?;
    let (writers, seconds): (u64, u64) = (writers.parse()?, arguments.next().ok_or(usage)?.parse()?);
    let dir = Path::new(&dir);
    let store = Arc::new(sled::open(&Options::new(&dir.join("data"), "bench"))?);
    let (acknowledged, began) = (Arc::new(AtomicU64::new(0)), Instant::now());
    let deadline = began + Duration::from_secs(seconds);
    let tasks = (0..writers).map(|writer| {
        let (store, acknowledged) = (Arc::clone(&store), Arc::clone(&acknowledged));
        tokio::spawn(async move {
            let mut n = writer << 40;
            while Instant::now() < deadline {
                let event = event(n);
                let query = Query::any_tag(event.tags.first().cloned());
                store.append(vec![event], AppendCondition::unchanged(query, Position::START)).await?;
                acknowledged.fetch_add(1, Ordering::Relaxed);
                n += 1;
            }
            Ok::<_, events::store::AppendError>(())
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await??;
    }
    let log = acknowledged.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64();
    let groups = groups(&store)?;
    let in_group = (store.known_head().0 as f64 / groups as f64).round() as u64;
    drop(Arc::into_inner(store));
    let file = plain_file(&dir.join("plain"), in_group.max(1), seconds)?;
    print(&format!("{log:.0} {file:.0} {:.3} {in_group}", log / file));
    Ok(())
}

fn groups(store: &StoredLog) -> Result<u64, Box<dyn std::error::Error>> {
    let (mut groups, mut last) = (0, Position::START);
    while let Some(group) = store.stored_group(last.next())? {
        (groups, last) = (groups + 1, group.last());
    }
    Ok(groups)
}

/// Events per second into a growing file with one sync per group.
fn plain_file(path: &Path, in_group: u64, seconds: u64) -> Result<f64, Box<dyn std::error::Error>> {
    // Prepared in advance, because only writing is measured.
    let groups: Vec<Vec<u8>> = (0..64)
        .map(|group| {
            let events = group * in_group..(group + 1) * in_group;
            events
                .flat_map(|n| {
                    Envelope::write(&event(n), "bench", LogId::default()).stamp(Position(n)).to_vec()
                })
                .collect()
        })
        .collect();
    let mut file = File::create(path)?;
    let (began, mut events) = (Instant::now(), 0);
    for group in groups.iter().cycle().take_while(|_| began.elapsed() < Duration::from_secs(seconds)) {
        file.write_all(group)?;
        file.sync_data()?;
        events += in_group;
    }
    Ok(events as f64 / began.elapsed().as_secs_f64())
}

#[expect(clippy::print_stdout, reason = "this is the requested output")]
fn print(line: &str) {
    println!("{line}");
}
