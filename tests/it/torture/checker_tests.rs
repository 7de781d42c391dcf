//! Positive controls of the checker: correct histories pass, and each planted fault is found.

use serde_json::{Value, json};

use super::checker::{Act, Consumer, Event, Op, Outcome, check};

const DAY: &str = "2026-12-01";

fn event(position: usize, request: &str, reservation: &str, kind: &str, data: &Value) -> Event {
    let sequence = format!("{position:020}");
    let json = json!({"id": format!("{sequence}-uuid-{position}"), "sequence": sequence, "type": format!("meja.{kind}.v1"),
        "subject": format!("reservation/{reservation}"), "correlationid": request, "authtype": "unauthenticated",
        "requestdigest": request, "data": data});
    Event::parse(&json.to_string())
}

fn window(from: u8) -> Value {
    json!({"window": {"start": format!("{DAY}T{from:02}:00:00Z"), "end": format!("{DAY}T{:02}:30:00Z", from + 1)}})
}

fn assigned(table: &str, from: u8) -> Value {
    let mut data = window(from);
    data["table_id"] = json!(table);
    data
}

fn op(request: &str, act: Act, invoked: u64, answered: u64, outcome: Outcome) -> Op {
    let digest = request.to_owned();
    Op { client: 0, digest, act, reservation: None, invoked, answered: Some(answered), outcome }
}

/// Two clients book and request the same table; one of them gets it.
fn right() -> (Vec<Op>, Vec<Consumer>, Vec<Event>) {
    let feed = vec![
        event(1, "a", "r1", "reservation.created", &window(18)),
        event(2, "b", "r2", "reservation.created", &window(19)),
        event(3, "c", "r1", "table.assigned", &assigned("T1", 18)),
        event(4, "e", "r1", "table.released", &json!({"table_id": "T1"})),
        event(5, "e", "r1", "reservation.cancelled", &json!({})),
    ];
    let assign = |reservation: &str| Act::Assign { reservation: reservation.into(), table: "T1".into() };
    let ops = vec![
        op("a", Act::Book, 10, 20, Outcome::Acked),
        op("b", Act::Book, 30, 40, Outcome::Acked),
        op("c", assign("r1"), 50, 60, Outcome::Acked),
        op("d", assign("r2"), 70, 80, Outcome::Refused("table_taken".into())),
        op("e", Act::Cancel { reservation: "r1".into() }, 90, 100, Outcome::Acked),
    ];
    let consumers = vec![Consumer { seen: feed[..4].to_vec(), ..Consumer::default() }];
    (ops, consumers, feed)
}

#[test]
fn a_correct_history_passes() {
    let (mut ops, consumers, feed) = right();
    assert_eq!(check(&ops, &consumers, &feed), Vec::<String>::new());
    // A request with an unknown outcome may have events or not.
    ops[2].outcome = Outcome::Unknown;
    ops[2].answered = None;
    ops.push(Op { digest: "nowhere".into(), ..ops[2].clone() });
    assert_eq!(check(&ops, &consumers, &feed), Vec::<String>::new());
}

/// A cancellation is undone, and the party gets its table back; then the table is taken, and it does not.
fn undone() -> (Vec<Op>, Vec<Consumer>, Vec<Event>) {
    let (mut ops, consumers, mut feed) = right();
    let restored = json!({"undone": "cancellation", "status": "pending"});
    let undo = || Act::Undo { reservation: "r1".into() };
    feed.extend([
        event(6, "f", "r1", "reservation.undone", &restored),
        event(7, "f", "r1", "table.assigned", &assigned("T1", 18)),
        event(8, "h", "r1", "table.released", &json!({"table_id": "T1"})),
        event(9, "h", "r1", "reservation.cancelled", &json!({})),
        event(10, "i", "r2", "table.assigned", &assigned("T1", 19)),
    ]);
    ops.extend([
        op("f", undo(), 110, 120, Outcome::Acked),
        op("g", undo(), 130, 140, Outcome::Acked),
        op("h", Act::Cancel { reservation: "r1".into() }, 150, 160, Outcome::Acked),
        op("i", Act::Assign { reservation: "r2".into(), table: "T1".into() }, 170, 180, Outcome::Acked),
        op("j", undo(), 190, 200, Outcome::Refused("table_taken".into())),
    ]);
    (ops, consumers, feed)
}

#[test]
fn an_undo_belongs_to_a_cancellation() {
    let (ops, consumers, feed) = undone();
    assert_eq!(check(&ops, &consumers, &feed), Vec::<String>::new());
    // Refused although no other party has the table.
    let mut early = ops.clone();
    (early[9].invoked, early[9].answered) = (161, Some(165));
    assert!(check(&early, &consumers, &feed)[0].contains("refused without reason"));
    // Without an effect while it was cancelled.
    let mut late = ops.clone();
    (late[6].invoked, late[6].answered) = (185, Some(186));
    assert!(check(&late, &consumers, &feed)[0].contains("acknowledged but has no effect"));
    // Nothing was cancelled before.
    let mut twice = feed;
    twice.push(event(11, "k", "r2", "reservation.undone", &json!({"status": "pending"})));
    let mut ops = ops;
    ops.push(op("k", Act::Undo { reservation: "r2".into() }, 210, 220, Outcome::Acked));
    assert!(check(&ops, &consumers, &twice)[0].contains("impossible history"));
}

#[track_caller]
fn found(words: &str, plant: impl FnOnce(&mut Vec<Op>, &mut Vec<Consumer>, &mut Vec<Event>)) {
    let (mut ops, mut consumers, mut feed) = right();
    plant(&mut ops, &mut consumers, &mut feed);
    let faults = check(&ops, &consumers, &feed);
    assert!(faults.iter().any(|fault| fault.contains(words)), "{words:?} is not among {faults:?}");
}

#[test]
fn each_planted_fault_is_found() {
    found("acknowledged but has no effect", |ops, _, _| {
        ops.push(op("lost", Act::Book, 1, 2, Outcome::Acked));
    });
    found("was executed 2 times", |_, _, feed| {
        let mut again = event(6, "a", "r9", "reservation.created", &window(18));
        again.json["correlationid"] = json!("again");
        feed.push(again);
    });
    found("is incomplete", |_, _, feed| {
        feed[4] = event(5, "e", "r1", "table.released", &json!({"table_id": "T1"}));
    });
    found("is not contiguous", |_, _, feed| {
        feed.swap(2, 3);
        feed[2] = event(3, "e", "r1", "table.released", &json!({"table_id": "T1"}));
        feed[3] = event(4, "c", "r1", "table.assigned", &assigned("T1", 18));
    });
    found("refused but has events", |ops, _, _| ops[1].outcome = Outcome::NotDone("overloaded".into()));
    found("whose response preceded the request", |ops, _, _| {
        (ops[0].invoked, ops[0].answered) = (200, Some(210));
    });
    found("has the sequence 7", |_, _, feed| {
        feed[1] = event(7, "b", "r2", "reservation.created", &window(19));
    });
    found("occurs twice", |_, _, feed| feed[1] = feed[0].clone());
    found("belong to no request", |_, _, feed| {
        feed.push(event(6, "ghost", "r3", "reservation.created", &window(18)));
    });
    found("impossible history", |ops, _, feed| {
        feed.push(event(6, "late", "r1", "reservation.confirmed", &json!({})));
        ops.push(op("late", Act::Confirm { reservation: "r1".into() }, 110, 120, Outcome::Acked));
    });
    found("at the same time", |ops, _, feed| {
        feed.insert(3, event(4, "d", "r2", "table.assigned", &assigned("T1", 19)));
        ops[3].outcome = Outcome::Acked;
    });
    found("refused without reason", |ops, _, _| {
        (ops[3].invoked, ops[3].answered) = (110, Some(120));
    });
    found("a consumer read", |_, consumers, _| {
        consumers[0].seen.remove(1);
    });
    found("received 4 of 5", |_, consumers, _| consumers[0].finished = true);
    // Confirmed only later: at the time of this response, no event confirmed it.
    found("acknowledged but has no effect", |ops, _, feed| {
        let confirm = || Act::Confirm { reservation: "r2".into() };
        ops.push(op("lost", confirm(), 110, 120, Outcome::Acked));
        ops.push(op("again", confirm(), 130, 140, Outcome::Acked));
        feed.push(event(6, "again", "r2", "reservation.confirmed", &json!({})));
    });
    found("a consumer was refused with", |_, consumers, _| {
        consumers[0].refused = Some("cursor_not_in_log".into());
    });
    found("got the response 500", |ops, _, _| ops[0].outcome = Outcome::Wrong("500".into()));
}
