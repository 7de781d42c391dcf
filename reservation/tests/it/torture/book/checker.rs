//! What the feed alone shows about the rules of a venue and the promises to its guests.
//!
//! The rules are written a second time, as plainly as possible, from the documents in the feed. The checker knows one
//! venue, in a time zone without changes of the clock.

mod booking;
mod closures;
mod rules;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use self::booking::Booking;
use self::closures::Closures;
use self::rules::Rules;
use crate::app::TestApp;

/// The whole feed.
pub async fn feed_of(app: &TestApp) -> Vec<Value> {
    let (mut feed, mut after) = (Vec::new(), String::new());
    loop {
        let Value::Array(page) = app.get(&format!("/events?limit=1000{after}")).await.json() else {
            panic!()
        };
        let Some(last) = page.last() else { return feed };
        after = format!("&lastEventId={}", last["id"].as_str().unwrap());
        feed.extend(page);
    }
}

/// A time of a visit or of a table.
type Window = (DateTime<Utc>, DateTime<Utc>);

fn at(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap().parse().unwrap()
}

fn window(value: &Value) -> Window {
    (at(&value["start"]), at(&value["end"]))
}

fn overlap(one: Window, other: Window) -> bool {
    one.0 < other.1 && other.0 < one.1
}

/// The amount that the event orders to give back, in minor units.
fn refund_minor(data: &Value) -> i64 {
    data["refund"]["amount"]["amount_minor"].as_i64().unwrap_or(0)
}

/// Every promise to a guest and every rule of the venue that the feed breaks.
pub fn broken_promises(feed: &[Value], now: DateTime<Utc>) -> Vec<String> {
    let mut check = Check::default();
    for event in feed {
        check.event(event);
    }
    check.marks(now);
    check.faults
}

#[derive(Debug, Default)]
struct Check {
    rules: Option<Rules>,
    closures: Closures,
    /// The number of events so far.
    seen: usize,
    bookings: BTreeMap<String, Booking>,
    faults: Vec<String>,
}

impl Check {
    fn expect(&mut self, holds: bool, event: &Value, what: &str) {
        if !holds {
            self.faults.push(format!("{what}: {event}"));
        }
    }

    fn event(&mut self, event: &Value) {
        let (data, time) = (&event["data"], at(&event["time"]));
        let kind = event["type"].as_str().unwrap();
        self.seen += 1;
        if data["venue_id"] == "book" {
            self.closures.event(kind, data, self.seen);
        }
        if kind == "meja.venue.changed.v2" && data["venue_id"] == "book" {
            self.rules = Some(Rules::of(&data["document"]));
            return;
        }
        let Some(id) = event["subject"].as_str().unwrap().strip_prefix("reservation/") else { return };
        if kind == "meja.reservation.created.v1" {
            return self.created(id, event);
        }
        let mut booking = self.bookings.remove(id).unwrap();
        match kind {
            "meja.table.assigned.v1" => self.assigned(&mut booking, event),
            "meja.table.released.v1" => drop(booking.tables.remove(data["table_id"].as_str().unwrap())),
            "meja.payment.requested.v1" => booking.requested(data),
            "meja.payment.completed.v1" => self.paid(&mut booking, event),
            "meja.reservation.confirmed.v1" => {
                self.expect(booking.status == "PENDING", event, "confirmed twice, or after the end");
                let owes = booking.kept_minor
                    < booking.owed_minor(booking.guests, booking.deposit_minor(booking.guests));
                self.expect(!owes || data["deposit_waived"] == true, event, "confirmed without its deposit");
                self.expect(
                    !booking.is_called_off(),
                    event,
                    "confirmed for a time at which the restaurant is closed",
                );
                booking.status = "CONFIRMED";
                booking.is_waived |= data["deposit_waived"] == true;
            }
            "meja.reservation.end_changed.v1" => {
                self.expect(
                    booking.status == "CHECKED_IN",
                    event,
                    "only a visit that has begun changes its end",
                );
                self.expect(window(&data["from"]) == booking.window, event, "another visit");
                booking.window = window(&data["to"]);
            }
            "meja.reservation.rules_overruled.v1" => {
                self.expect(!data["rules"].as_array().unwrap().is_empty(), event, "overruled nothing");
            }
            "meja.reservation.rescheduled.v1" => self.moved(&mut booking, event, time),
            "meja.reservation.party_size_changed.v1" => self.resized(&mut booking, event, time),
            "meja.reservation.cancelled.v1" => self.cancelled(&mut booking, event, time),
            "meja.reservation.no_show.v1" => {
                self.expect(refund_minor(data) == 0, event, "without a fee the restaurant keeps the deposit");
                booking.end("no_show");
            }
            "meja.reservation.completed.v1" => booking.end("completion"),
            "meja.reservation.undone.v1" => self.undone(&mut booking, event, time),
            "meja.reservation.checked_in.v1" => {
                let rules = self.rules.as_ref().unwrap();
                let in_time = rules.business_day(time) >= rules.business_day(booking.window.0);
                self.expect(in_time, event, "checked in before the day of the visit");
                self.expect(booking.status == "CONFIRMED", event, "checked in without a confirmation");
                booking.status = "CHECKED_IN";
            }
            "meja.reservation.affected.v1" => booking.marked(data),
            other => panic!("the checker does not know {other}"),
        }
        self.bookings.insert(id.to_owned(), booking);
    }

    fn created(&mut self, id: &str, event: &Value) {
        let data = &event["data"];
        let mut booking = Booking {
            customer: data["customer_id"].as_str().unwrap().to_owned(),
            policy: data["policy"].clone(),
            guests: data["party_size"].as_i64().unwrap(),
            window: window(&data["window"]),
            status: "PENDING",
            placed_at: self.seen,
            ..Booking::default()
        };
        booking.free_until = booking.window.0 - booking.notice();
        let turn = self.rules.as_ref().unwrap().turn(booking.guests);
        let (start, end) = booking.window;
        self.expect(end - start == turn, event, "a visit is as long as the turn time of its party");
        self.in_service(&booking, event);
        self.bookings.insert(id.to_owned(), booking);
    }

    /// A new time is within a service, and the guest has no other booking then.
    fn in_service(&mut self, booking: &Booking, event: &Value) {
        let rules = self.rules.as_ref().unwrap();
        let is_open = self.closures.is_open(rules, booking.window);
        self.expect(is_open, event, "outside the services");
        let is_duplicate = self.bookings.values().any(|other| {
            other.is_alive() && other.customer == booking.customer && overlap(other.window, booking.window)
        });
        self.expect(!is_duplicate, event, "the guest has two bookings at one time");
    }

    fn assigned(&mut self, booking: &mut Booking, event: &Value) {
        let (table, taken) = (event["data"]["table_id"].as_str().unwrap(), window(&event["data"]["window"]));
        let rules = self.rules.as_ref().unwrap();
        let services = rules.open_for(taken);
        // An early party was accepted by the host, who sees the room.
        let by_hand = booking.status == "CONFIRMED" && taken.0 < booking.window.0;
        let is_used = services
            .iter()
            .any(|service| rules.uses(service, table) && !self.closures.close(rules, service, table, None));
        // An undo after the visit corrects what happened.
        let is_over = at(&event["time"]) >= taken.1;
        self.expect(by_hand || is_over || services.is_empty() || is_used, event, "the table is closed then");
        let free = self
            .bookings
            .values()
            .all(|other| other.tables.get(table).is_none_or(|theirs| !overlap(*theirs, taken)));
        self.expect(free, event, "the table belongs to another party then");
        booking.areas.insert(table.to_owned(), event["data"]["area"].clone());
        booking.tables.insert(table.to_owned(), taken);
        // An undo gives back what the party had.
        if booking.undone_at != Some(at(&event["time"])) {
            self.place(booking);
        }
    }

    /// The party gets a time or a table, so that no earlier closure counts.
    fn place(&self, booking: &mut Booking) {
        booking.placed_at = self.seen;
        if booking.closure.take().is_some() {
            booking.affected = None;
        }
    }

    fn cancelled(&mut self, booking: &mut Booking, event: &Value, time: DateTime<Utc>) {
        let data = &event["data"];
        let is_free =
            data["cancelled_by"] != "guest" || time <= booking.free_until || booking.is_called_off();
        let expected = if is_free { booking.kept_minor } else { 0 };
        self.expect(refund_minor(data) == expected, event, &format!("cancelled, and {expected} is due"));
        booking.kept_minor -= refund_minor(data);
        if let Some(closure) = data["closure_id"].as_str() {
            let under = self.closures.over(self.rules.as_ref().unwrap(), booking);
            let is_ordered = under.iter().any(|under| under == closure) && self.closures.is_ordered(closure);
            self.expect(is_ordered, event, "cancelled under a closure without an order");
        }
        booking.end("cancellation");
    }

    /// The last change of the status is undone, and nothing else.
    fn undone(&mut self, booking: &mut Booking, event: &Value, time: DateTime<Utc>) {
        let undone = event["data"]["undone"].as_str().unwrap();
        let (before, ended_by) = booking.before_end;
        let is_last = match undone {
            "check_in" => booking.status == "CHECKED_IN",
            other => booking.status == "OVER" && ended_by == other,
        };
        self.expect(is_last, event, "another change was the last one");
        let restored = match undone {
            "check_in" => "CONFIRMED",
            // The guest of a visit that is over pays nothing any more.
            "cancellation" if booking.owes_deposit() && time < booking.window.1 => "PENDING",
            _ => before,
        };
        let status = event["data"]["status"].as_str().unwrap().to_uppercase();
        self.expect(status == restored, event, &format!("{restored} is right"));
        if matches!(undone, "cancellation" | "no_show") && booking.window.1 > time {
            self.in_service(booking, event);
        }
        // The restaurant is open then. What else it does not comply with is marked again.
        if booking.is_called_off() {
            (booking.affected, booking.closure) = (None, None);
        }
        booking.undone_at = Some(time);
        booking.status = restored;
    }

    fn paid(&mut self, booking: &mut Booking, event: &Value) {
        let data = &event["data"];
        let (payment, paid_minor) =
            (data["payment_id"].as_str().unwrap(), data["amount"]["amount_minor"].as_i64().unwrap());
        let is_late = booking.closed_payments.iter().any(|closed| closed == payment);
        let is_kept =
            booking.is_alive() && !is_late && !(booking.is_called_off() && booking.status == "PENDING");
        let owed_minor = if is_kept { booking.owed_minor(booking.guests, paid_minor) } else { 0 };
        self.expect(
            paid_minor - refund_minor(data) == owed_minor,
            event,
            &format!("{owed_minor} of the payment is owed"),
        );
        booking.kept_minor += paid_minor - refund_minor(data);
        booking.paid.push(payment.to_owned());
    }

    fn moved(&mut self, booking: &mut Booking, event: &Value, time: DateTime<Utc>) {
        let to = window(&event["data"]["to"]);
        let is_as_long = to.1 - to.0 == booking.window.1 - booking.window.0;
        self.expect(is_as_long, event, "a moved visit is as long as before");
        let of_new_time = to.0 - booking.notice();
        let has_missed = time > booking.free_until;
        let by_guest = event["data"]["moved_by"] == "guest";
        booking.free_until = match (has_missed, by_guest) {
            (true, true) => booking.free_until,
            // A limit that the restaurant's move made later stays.
            (false, true) if booking.free_until <= booking.window.0 - booking.notice() => of_new_time,
            _ => of_new_time.max(booking.free_until).min(to.0),
        };
        booking.window = to;
        booking.affected = None;
        self.place(booking);
        self.in_service(booking, event);
    }

    fn resized(&mut self, booking: &mut Booking, event: &Value, time: DateTime<Utc>) {
        let data = &event["data"];
        let (from, to) = (data["from"].as_i64().unwrap(), data["to"].as_i64().unwrap());
        let (start, end) = booking.window;
        let turn = self.rules.as_ref().unwrap().turn(to);
        let expected = if to > from { end.max(start + turn) } else { end };
        let new = data["window"].as_object().map_or(booking.window, |_| window(&data["window"]));
        self.expect(
            new == (start, expected),
            event,
            "a party that grows stays as long as a party of that size",
        );
        let is_free = to < from && (time <= booking.free_until || booking.is_called_off());
        let owed_minor =
            if is_free { booking.owed_minor(to, booking.kept_minor) } else { booking.kept_minor };
        let back_minor = booking.kept_minor - owed_minor;
        self.expect(
            refund_minor(data) == back_minor,
            event,
            &format!("{back_minor} of the deposit is not owed any more"),
        );
        booking.kept_minor = owed_minor;
        let asked_minor = booking.due.as_ref().map_or(0, |(_, amount_minor)| *amount_minor);
        let owes_nothing = to < from && asked_minor > 0 && booking.owed_minor(to, asked_minor) == 0;
        let is_unpaid = booking.due.as_ref().is_some_and(|(payment, _)| !booking.paid.contains(payment));
        let waives = data["waives_deposit"] == true;
        booking.is_waived |= waives;
        self.expect(
            waives == (owes_nothing && is_unpaid),
            event,
            "an unpaid deposit is dropped if it does not apply",
        );
        if waives {
            booking.due = None;
        }
        booking.guests = to;
        booking.window = new;
    }

    /// At the end every expected party knows whether the restaurant is closed at its time, and nobody is left under a closure
    /// whose bookings are cancelled.
    fn marks(&mut self, now: DateTime<Utc>) {
        let Some(rules) = &self.rules else { return };
        for (id, booking) in &self.bookings {
            let is_expected = matches!(booking.status, "PENDING" | "CONFIRMED") && booking.window.0 > now;
            let services = rules.open_for(booking.window);
            let by_rules =
                !services.iter().any(|service| rules.tables().any(|table| rules.uses(service, table)));
            let under = self.closures.over(rules, booking);
            let is_closed = by_rules || !under.is_empty();
            if is_expected && under.iter().any(|closure| self.closures.is_ordered(closure)) {
                self.faults.push(format!("{id} is left under {under:?}"));
            }
            if is_expected && !by_rules && under.first() != booking.closure.as_ref() {
                self.faults.push(format!("{id} is under {under:?}, and is marked {:?}", booking.closure));
            }
            if is_expected && is_closed != booking.is_called_off() {
                self.faults
                    .push(format!("{id} is closed: {is_closed}, and is marked {:?}", booking.affected));
            }
        }
    }
}
