//! The order in which a commit uses the disk.

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use super::super::EventStore as _;
use super::super::engine::Forgotten;
use super::super::frame::ConfidentialPayloads;
use super::super::witness::Witness;
use super::disk::{Disk, SledDisk};
use super::{Options, open, start};
use crate::ids::Position;
use crate::query::{AppendCondition, Query};
use crate::recorded::{EventMetadata, NewEvent};
use crate::values::Actor;

/// The real disk, with a record of the calls in their order.
#[derive(Debug)]
struct RecordingDisk {
    disk: SledDisk,
    calls: Mutex<Vec<&'static str>>,
}

impl RecordingDisk {
    fn record<T>(&self, call: &'static str, result: T) -> T {
        self.calls.lock().push(call);
        result
    }
}

impl Disk for RecordingDisk {
    fn put_payloads(&self, first: Position, payloads: &ConfidentialPayloads) -> io::Result<()> {
        self.record("put_payloads", self.disk.put_payloads(first, payloads))
    }

    fn put_group(&self, first: Position, value: &[u8]) -> io::Result<()> {
        self.record("put_group", self.disk.put_group(first, value))
    }

    fn forget_payload(&self, forgotten: Forgotten) -> io::Result<()> {
        self.record("forget_payload", self.disk.forget_payload(forgotten))
    }

    fn sync(&self) -> io::Result<u64> {
        self.record("sync", self.disk.sync())
    }

    fn free_bytes(&self) -> Option<u64> {
        self.disk.free_bytes()
    }

    fn set_mark(&self, witness: &Witness) -> io::Result<()> {
        self.record("set_mark", self.disk.set_mark(witness))
    }

    fn store_witness(&self, witness: &Witness) -> io::Result<()> {
        self.disk.store_witness(witness)
    }
}

fn event(payload: Option<&'static [u8]>, forgets: Vec<Position>) -> NewEvent {
    NewEvent {
        id: uuid::Uuid::new_v4(),
        event_type: "test.v1",
        subject: "test/1".into(),
        time: "2026-12-01T18:00:00Z".parse().unwrap(),
        tags: vec![],
        data: b"{}".to_vec(),
        confidential: payload.map(bytes::Bytes::from_static),
        forgets,
        metadata: EventMetadata {
            correlation_id: "test".into(),
            causation_id: None,
            actor: Actor::unauthenticated(),
            traceparent: None,
            request_digest: None,
            venue_id: None,
            client_group: None,
        },
    }
}

/// Payloads are stored before their events, both are synced before the mark moves, and an append is
/// acknowledged only after all of that.
#[tokio::test]
async fn a_commit_uses_the_disk_in_an_order_that_survives_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { reserve_bytes: 0, ..Options::new(dir.path(), "test") };
    let opened = open::open(&options, &mut |_, _| {}).unwrap();
    let disk = SledDisk {
        db: opened.db.clone(),
        groups: opened.groups.clone(),
        file: opened.file.try_clone().unwrap(),
        mark: opened.mark.try_clone().unwrap(),
        data_dir: dir.path().to_owned(),
    };
    let disk = Arc::new(RecordingDisk { disk, calls: Mutex::default() });
    let store = start(&options, opened, Arc::clone(&disk) as Arc<dyn Disk>).unwrap();
    let anyway = || AppendCondition { fail_if_any: Query::default(), after: Position::START };
    store.append(vec![event(Some(b"Ada"), vec![])], anyway()).await.unwrap();
    assert_eq!(std::mem::take(&mut *disk.calls.lock()), ["put_payloads", "put_group", "sync", "set_mark"]);
    store.append(vec![event(None, vec![Position(1)])], anyway()).await.unwrap();
    assert_eq!(std::mem::take(&mut *disk.calls.lock()), ["put_group", "forget_payload", "sync", "set_mark"]);
    assert_eq!(store.confidential(vec![Position(1)]).await.unwrap(), [None]);
}
