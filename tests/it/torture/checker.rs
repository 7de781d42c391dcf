//! Compares the responses to clients with the log.
//!
//! Every client records when it sent a request (invoked), and either when it got the response or that it got none
//! (unknown). From these records and the feed alone the checker finds events that were lost, duplicated, incomplete
//! or out of order, refusals without a reason, and consumers that read something other than the log.

mod answers;
mod stories;

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;
use serde_json::value::RawValue;

use self::answers::{Between, Known, nothing_to_do, refusals};
use self::stories::stories;

/// The kind of the event that records a reading of personal data.
const CONTACT_READ: &str = "contact.read";

/// One event of the feed.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub id: String,
    pub raw: String,
    pub json: Value,
}

impl Event {
    pub fn parse_page(page: &[u8]) -> Vec<Self> {
        let events: Vec<Box<RawValue>> = serde_json::from_slice(page).unwrap();
        events.into_iter().map(|raw| Self::parse(raw.get())).collect()
    }

    pub fn parse(raw: &str) -> Self {
        let json: Value = serde_json::from_str(raw).unwrap();
        Self { id: json["id"].as_str().unwrap().to_owned(), raw: raw.to_owned(), json }
    }

    fn text(&self, name: &str) -> &str {
        self.json[name].as_str().unwrap_or_default()
    }

    pub fn kind(&self) -> &str {
        self.text("type").trim_start_matches("meja.").trim_end_matches(".v1")
    }

    fn reservation(&self) -> &str {
        self.text("subject").trim_start_matches("reservation/")
    }
}

/// The request of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    Book,
    Confirm {
        reservation: String,
    },
    Assign {
        reservation: String,
        table: String,
    },
    Cancel {
        reservation: String,
    },
    /// Undoes a cancellation.
    Undo {
        reservation: String,
    },
}

/// The response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Acked,
    /// A rule refused the request.
    Refused(String),
    /// The service responded that it did nothing.
    NotDone(String),
    /// No response, or one that says that the outcome is unknown.
    Unknown,
    /// A response that must never occur.
    Wrong(String),
}

/// One request with all its repetitions. Times are nanoseconds since the campaign began.
#[derive(Debug, Clone)]
pub struct Op {
    pub client: usize,
    /// The digest of the request, which no other request has. Its events contain it.
    pub digest: String,
    pub act: Act,
    /// The reservation in the response.
    pub reservation: Option<String>,
    pub invoked: u64,
    pub answered: Option<u64>,
    pub outcome: Outcome,
}

/// What a consumer read from the feed, in its order.
#[derive(Debug, Clone, Default)]
pub struct Consumer {
    pub seen: Vec<Event>,
    /// The response that ended it: its cursor was no longer accepted, or requests failed until the deadline.
    pub refused: Option<String>,
    /// Whether it read to the end.
    pub finished: bool,
}

/// The first and the last position of the events of a request.
type Run = (usize, usize);

/// All violations; empty if there are none.
pub fn check(ops: &[Op], consumers: &[Consumer], feed: &[Event]) -> Vec<String> {
    let mut faults = Vec::new();
    positions(feed, &mut faults);
    let runs = exactly_once(ops, feed, &mut faults);
    real_time(ops, &runs, &mut faults);
    let stories = stories(feed, &mut faults);
    let tables = table_times(feed, &mut faults);
    let known = Known { between: Between::of(ops, &runs), stories, tables };
    nothing_to_do(ops, &runs, &known, &mut faults);
    refusals(ops, &known, feed, &mut faults);
    for consumer in consumers {
        prefix(consumer, feed, &mut faults);
    }
    faults
}

/// Positions are 1, 2, 3 …, and no event occurs twice.
fn positions(feed: &[Event], faults: &mut Vec<String>) {
    let mut uuids = HashSet::new();
    for (place, event) in feed.iter().enumerate() {
        let sequence = event.text("sequence").parse::<usize>().unwrap_or(0);
        if sequence != place + 1 || !event.id.starts_with(event.text("sequence")) {
            faults.push(format!(
                "the event at place {} has the sequence {sequence}: {}",
                place + 1,
                event.id
            ));
        }
        if !uuids.insert(event.id.split_once('-').map(|(_, uuid)| uuid.to_owned())) {
            faults.push(format!("{} occurs twice", event.id));
        }
    }
}

/// An acknowledged request has all its events once, one with an unknown outcome at most once, a refused one none.
fn exactly_once(ops: &[Op], feed: &[Event], faults: &mut Vec<String>) -> HashMap<usize, Run> {
    let mut by_digest: HashMap<&str, Vec<usize>> = HashMap::new();
    for (place, event) in feed.iter().enumerate() {
        by_digest.entry(event.text("requestdigest")).or_default().push(place + 1);
    }
    let (mut runs, mut explained) = (HashMap::new(), 0);
    for (n, op) in ops.iter().enumerate() {
        // `nothing_to_do` and `refusals` check whether that is correct.
        let Some(places) = by_digest.get(op.digest.as_str()) else { continue };
        explained += places.len();
        let executions: HashSet<_> =
            places.iter().map(|place| feed[place - 1].text("correlationid")).collect();
        if executions.len() > 1 {
            let times = executions.len();
            faults.push(format!("{:?} of client {} was executed {times} times", op.act, op.client));
        }
        let run = (places[0], places[places.len() - 1]);
        if run.1 - run.0 + 1 != places.len() {
            faults.push(format!("{:?} of client {} is not contiguous: {places:?}", op.act, op.client));
        }
        let kinds: Vec<_> = places.iter().map(|place| feed[place - 1].kind()).collect();
        if !is_whole(&op.act, &kinds) {
            faults.push(format!("{:?} of client {} is incomplete: {kinds:?}", op.act, op.client));
        }
        if matches!(op.outcome, Outcome::Refused(_) | Outcome::NotDone(_)) {
            faults.push(format!(
                "{:?} of client {} was refused but has events: {:?}",
                op.act, op.client, op.outcome
            ));
        }
        if let Outcome::Wrong(answer) = &op.outcome {
            faults.push(format!("{:?} of client {} got the response {answer}", op.act, op.client));
        }
        runs.insert(n, run);
    }
    faults
        .extend(ops.iter().filter(|op| matches!(op.outcome, Outcome::Wrong(_))).map(|op| format!("{op:?}")));
    // A reading is recorded beside a request that changes nothing.
    let is_asked = |event: &&Event| event.text("authtype") != "system" && event.kind() != CONTACT_READ;
    let by_nobody = feed.iter().filter(is_asked).count() - explained;
    if by_nobody > 0 {
        faults.push(format!("{by_nobody} events belong to no request"));
    }
    runs
}

/// Whether these are all the events of the request, in their order.
fn is_whole(act: &Act, kinds: &[&str]) -> bool {
    match act {
        Act::Book => kinds == ["reservation.created"],
        Act::Confirm { .. } => kinds == ["reservation.confirmed"],
        Act::Assign { .. } => kinds == ["table.assigned"] || kinds == ["table.released", "table.assigned"],
        Act::Cancel { .. } => {
            kinds.contains(&"reservation.cancelled")
                && kinds.iter().all(|kind| matches!(*kind, "reservation.cancelled" | "table.released"))
        }
        Act::Undo { .. } => {
            kinds == ["reservation.undone"] || kinds == ["reservation.undone", "table.assigned"]
        }
    }
}

/// Events acknowledged before another request was sent come before its events.
fn real_time(ops: &[Op], runs: &HashMap<usize, Run>, faults: &mut Vec<String>) {
    let mut answered: Vec<_> =
        runs.iter().filter_map(|(n, run)| Some((ops[*n].answered?, run.1, *n))).collect();
    let mut invoked: Vec<_> = runs.iter().map(|(n, run)| (ops[*n].invoked, run.0, *n)).collect();
    answered.sort_unstable();
    invoked.sort_unstable();
    let (mut next, mut latest) = (0, (0, 0));
    for (time, first, n) in invoked {
        while next < answered.len() && answered[next].0 < time {
            latest = latest.max((answered[next].1, answered[next].2));
            next += 1;
        }
        if latest.0 > first {
            let (op, before) = (&ops[n], &ops[latest.1]);
            faults.push(format!(
                "{:?} is at {first}, before {:?} at {}, whose response preceded the request",
                op.act, before.act, latest.0
            ));
        }
    }
}

/// The positions and times in which a reservation has a table.
#[derive(Debug)]
pub struct Taken {
    table: String,
    reservation: String,
    window: (String, String),
    /// The first position at which the reservation has the table.
    from: usize,
    /// The first position at which it no longer has the table.
    to: usize,
}

/// The positions of the feed that are wrong.
pub fn positions_of(feed: &[Event]) -> Vec<String> {
    let mut faults = Vec::new();
    positions(feed, &mut faults);
    faults
}

/// The tables that two parties had at the same time, whatever gave them to the parties.
pub fn held_twice(feed: &[Event]) -> Vec<String> {
    let mut faults = Vec::new();
    table_times(feed, &mut faults);
    faults
}

/// All table assignments; no two of the same table overlap.
fn table_times(feed: &[Event], faults: &mut Vec<String>) -> Vec<Taken> {
    let mut taken: Vec<Taken> = Vec::new();
    let mut open: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (place, event) in feed.iter().enumerate() {
        let data = &event.json["data"];
        let table = data["table_id"].as_str().unwrap_or_default().to_owned();
        let held = open.entry(table.clone()).or_default();
        match event.kind() {
            "table.assigned" => {
                let edge = |name: &str| data["window"][name].as_str().unwrap_or_default().to_owned();
                let window = (edge("start"), edge("end"));
                for other in held.iter().map(|n| &taken[*n]).filter(|other| overlap(&other.window, &window)) {
                    faults.push(format!(
                        "table {table} is held by {} and from {} on by {} at the same time",
                        other.reservation,
                        place + 1,
                        event.reservation()
                    ));
                }
                held.push(taken.len());
                let reservation = event.reservation().to_owned();
                taken.push(Taken { table, reservation, window, from: place + 1, to: usize::MAX });
            }
            "table.released" => {
                held.retain(|n| {
                    let mine = taken[*n].reservation == event.reservation();
                    if mine {
                        taken[*n].to = place + 1;
                    }
                    !mine
                });
            }
            _ => {}
        }
    }
    taken
}

fn overlap(one: &(String, String), other: &(String, String)) -> bool {
    // RFC 3339 in UTC with a fixed length: the texts sort like the times.
    one.0 < other.1 && other.0 < one.1
}

/// A consumer read a prefix of the feed, byte for byte.
fn prefix(consumer: &Consumer, feed: &[Event], faults: &mut Vec<String>) {
    if let Some(refused) = &consumer.refused {
        faults.push(format!(
            "a consumer was refused with {refused} at {:?}",
            consumer.seen.last().map(|event| &event.id)
        ));
    }
    if consumer.finished && consumer.seen.len() < feed.len() {
        faults.push(format!("a consumer received {} of {} events", consumer.seen.len(), feed.len()));
    }
    for (place, seen) in consumer.seen.iter().enumerate() {
        if feed.get(place).is_none_or(|event| event.raw != seen.raw) {
            let now = feed.get(place).map(|event| &event.id);
            faults.push(format!(
                "a consumer read {} at place {}, but the feed has {now:?}",
                seen.id,
                place + 1
            ));
            return;
        }
    }
}
