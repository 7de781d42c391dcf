//! Tests of business rules; the name of each test states its rule. Each test gives past events, runs a command and
//! compares the new events.

use chrono::{DateTime, TimeDelta, Utc};
use events::event::*;
use events::values::*;
use events::{AssignmentId, Event, PaymentId, Position, ReservationId, TableId};
use reservation::domain::availability::{Holder, Occupancy, SeatingContext};
use reservation::domain::reservation::{
    NotificationResult, PaymentOutcome, PaymentResult, SizeChange, TableChoice, booking,
};
use reservation::domain::{Command, RecordedAt, Refusal, Reservation};
use uuid::Uuid;

pub const ID: ReservationId = ReservationId(Uuid::from_u128(1));
pub const PAYMENT: PaymentId = PaymentId(Uuid::from_u128(2));

pub fn now() -> DateTime<Utc> {
    "2026-12-01T09:00:00Z".parse().unwrap()
}

pub fn window() -> TimeWindow {
    TimeWindow::starting("2026-12-24T12:30:00Z".parse().unwrap(), 90)
}

pub fn later() -> TimeWindow {
    TimeWindow::starting(window().end, 90)
}

pub fn party(guests: i64) -> PartySize {
    PartySize::try_from(guests).unwrap()
}

pub fn idr(amount_minor: i64) -> Money {
    Money { amount_minor, currency: Currency::from_code("IDR").unwrap() }
}

pub fn moved(to: TimeWindow, by: Initiator) -> ReservationRescheduled {
    ReservationRescheduled { from: window(), to, area: None, moved_by: Some(by), timezone: None }
}

pub fn reschedule(window: TimeWindow, by: Initiator) -> Command {
    Command::Reschedule { window, area: None, by, allow_duplicate: false, timezone: None, overrule: None }
}

pub fn resize(guests: i64) -> Command {
    let by = Initiator::Guest;
    Command::ChangePartySize(SizeChange {
        size: party(guests),
        area: None,
        by,
        reseat: false,
        overrule: None,
    })
}

pub fn resized(from: i64, to: i64) -> PartySizeChanged {
    let (from, to) = (party(from), party(to));
    PartySizeChanged { from, to, area: None, window: None, refund: None, waives_deposit: false }
}

pub fn created_for(guests: i64) -> ReservationCreated {
    let rule = DepositRule { from_party_size: 6, per: DepositPer::Guest, amount: idr(5_000_000) };
    ReservationCreated {
        venue_id: "bandung-dago".parse().unwrap(),
        customer_id: "cust-42".parse().unwrap(),
        party_size: party(guests),
        window: window(),
        timezone: "Asia/Jakarta".into(),
        locale: Locale::Id,
        policy: Policy {
            deposit_required: rule.due(party(guests)).is_some(),
            deposit: Some(rule),
            auto_cancel_minutes: 15,
            free_cancellation_minutes: 1_440,
            auto_confirm: false,
            no_show_grace_minutes: None,
            no_show_fee: None,
            refund_on_shrink: false,
        },
        area: None,
        payment_channel: None,
        contact_digest: ConfidentialDigest::of(b"contact"),
        walk_in: false,
        source: None,
        imported: None,
        contact_proof: None,
    }
}

pub fn created() -> Event {
    created_for(4).into()
}

/// The events of a booking at a venue without services.
pub fn booked(guests: i64) -> Vec<Event> {
    let occupancy = Occupancy::default();
    booking::book(created_for(guests), None, &SeatingContext::managed_by_hand(&occupancy), PAYMENT, now())
        .unwrap()
}

pub fn held() -> [Event; 2] {
    booked(6).try_into().unwrap()
}

pub fn confirmed() -> Event {
    ReservationConfirmed { window: window(), deposit_waived: false }.into()
}

pub fn assigned(table: &str, window: TimeWindow) -> Event {
    let (assignment_id, table_id) = (AssignmentId(Uuid::from_u128(3)), table.parse().unwrap());
    TableAssigned { assignment_id, table_id, capacity: 6, area: "Dalam".into(), window }.into()
}

pub fn released(table: &str, cause: ReleaseCause) -> Event {
    let (assignment_id, table_id) = (AssignmentId(Uuid::from_u128(3)), table.parse().unwrap());
    TableReleased { assignment_id, table_id, window: window(), cause }.into()
}

pub fn paid() -> Event {
    PaymentCompleted {
        payment_id: PAYMENT,
        amount: idr(30_000_000),
        channel: "qris".into(),
        provider_reference: "sim_1".into(),
        refund: None,
        closes: None,
    }
    .into()
}

pub fn cancelled(by: Initiator, refund: Option<Refund>) -> Event {
    ReservationCancelled {
        cancelled_by: by,
        reason_code: "r".into(),
        description_digest: None,
        refund,
        closure_id: None,
    }
    .into()
}

/// The hold of an unpaid booking has ended.
pub fn unpaid_hold_ended() -> Event {
    let Event::ReservationCancelled(cancelled) = cancelled(Initiator::System, None) else { unreachable!() };
    ReservationCancelled { reason_code: "deposit_unpaid".into(), ..cancelled }.into()
}

pub fn cancel(by: Initiator) -> Command {
    Command::Cancel { by, reason_code: "r".into(), description_digest: None, closure_id: None }
}

pub fn choose(table: &str, capacity: u8) -> Command {
    Command::AssignTable(TableChoice {
        assignment_id: AssignmentId(Uuid::from_u128(3)),
        table_id: table.parse().unwrap(),
        capacity,
        area: "Dalam".into(),
    })
}

pub fn pay(amount_minor: i64) -> Command {
    let (channel, provider_reference) = ("qris".into(), "sim_1".into());
    let outcome = PaymentOutcome::Completed { amount: idr(amount_minor), channel, provider_reference };
    Command::RecordPayment(PaymentResult { payment_id: PAYMENT, outcome })
}

pub struct Given {
    reservation: Reservation,
    occupancy: Occupancy,
    now: DateTime<Utc>,
}

pub fn given(events: impl IntoIterator<Item = Event>) -> Given {
    let mut reservation = None;
    for (position, event) in (1..).map(Position).zip(events) {
        reservation::app::repository::fold(
            &mut reservation,
            ID,
            &event,
            RecordedAt { position, time: now() },
        );
    }
    Given { reservation: reservation.unwrap(), occupancy: Occupancy::default(), now: now() }
}

impl Given {
    pub fn somebody_else_has(mut self, table: &str, window: TimeWindow) -> Self {
        self.occupancy.evolve(Holder::Booking(ReservationId(Uuid::from_u128(99))), &assigned(table, window));
        self
    }

    /// Further events, which happened at `time`.
    pub fn and_at(mut self, time: DateTime<Utc>, events: impl IntoIterator<Item = Event>) -> Self {
        for event in events {
            self.reservation.evolve(&event, RecordedAt { position: Position(99), time });
        }
        self.at(time)
    }

    pub fn at(mut self, now: DateTime<Utc>) -> Self {
        self.now = now;
        self
    }

    /// The events of a command, which happen.
    pub fn decided(&mut self, command: Command) -> Vec<Event> {
        let context = SeatingContext::managed_by_hand(&self.occupancy);
        let events = self.reservation.decide(&command, &context, self.now).unwrap();
        for event in &events {
            self.reservation.evolve(event, RecordedAt { position: Position(99), time: self.now });
        }
        events
    }

    /// The state after the events.
    pub fn state(self) -> Reservation {
        self.reservation
    }

    pub fn when(self, command: Command) -> When {
        When(self.reservation.decide(&command, &SeatingContext::managed_by_hand(&self.occupancy), self.now))
    }
}

pub struct When(Result<Vec<Event>, Refusal>);

impl When {
    #[track_caller]
    pub fn then(self, events: impl IntoIterator<Item = Event>) {
        assert_eq!(self.0, Ok(events.into_iter().collect()));
    }

    #[track_caller]
    pub fn nothing_happens(self) {
        assert_eq!(self.0, Ok(vec![]));
    }

    #[track_caller]
    pub fn refused(self, refusal: Refusal) {
        assert_eq!(self.0, Err(refusal));
    }
}

pub fn ready() -> Vec<Event> {
    vec![created(), assigned("T3", window()), confirmed()]
}

fn seated() -> Vec<Event> {
    [ready(), vec![ReservationCheckedIn::default().into()]].concat()
}

#[test]
fn a_small_party_pays_no_deposit_and_a_large_one_does() {
    assert_eq!(booked(5), [created_for(5).into()]);
    let [_, requested] = held();
    let expires_at = now() + TimeDelta::minutes(15);
    assert_eq!(
        requested,
        PaymentRequested {
            payment_id: PAYMENT,
            amount: idr(30_000_000),
            channel: None,
            expires_at,
            purpose: Purpose::Deposit,
            replaces: None,
        }
        .into()
    );
}

#[test]
fn a_confirmation_is_refused_while_the_deposit_is_unpaid_unless_staff_waive_it() {
    given([created()]).when(Command::Confirm { waive_deposit: false }).then([confirmed()]);
    given([created()]).when(Command::Confirm { waive_deposit: true }).then([confirmed()]);
    given(held())
        .when(Command::Confirm { waive_deposit: false })
        .refused(Refusal::DepositDue(idr(30_000_000)));
    let waived = ReservationConfirmed { window: window(), deposit_waived: true };
    given(held()).when(Command::Confirm { waive_deposit: true }).then([waived.into()]);
    given(ready()).when(Command::Confirm { waive_deposit: false }).nothing_happens();
}

#[test]
fn a_hold_ends_at_its_deadline_and_not_before() {
    let deadline = now() + TimeDelta::minutes(15);
    let ended = ReservationCancelled {
        cancelled_by: Initiator::System,
        reason_code: "deposit_unpaid".into(),
        description_digest: None,
        refund: None,
        closure_id: None,
    };
    let with_table = [held().to_vec(), vec![assigned("D4", window())]].concat();
    let freed = released("D4", ReleaseCause::Cancelled);
    given(with_table).at(deadline).when(Command::Expire(None)).then([ended.into(), freed]);
    given(held()).at(deadline - TimeDelta::microseconds(1)).when(Command::Expire(None)).nothing_happens();
    given([created()]).at(deadline).when(Command::Expire(None)).nothing_happens();
    let paid = [held().to_vec(), vec![paid(), confirmed()]].concat();
    given(paid).at(deadline).when(Command::Expire(None)).nothing_happens();
}

#[test]
fn a_table_is_assigned_to_one_party_at_a_time() {
    let overlapping = TimeWindow::starting(window().end - TimeDelta::minutes(1), 90);
    let taken = || Refusal::TableTaken("T3".parse::<TableId>().unwrap());
    given([created()]).when(choose("T3", 6)).then([assigned("T3", window())]);
    given([created()]).somebody_else_has("T3", overlapping).when(choose("T3", 6)).refused(taken());
    given([created()])
        .somebody_else_has("T3", later())
        .when(choose("T3", 6))
        .then([assigned("T3", window())]);
    given([created()])
        .somebody_else_has("T4", window())
        .when(choose("T3", 6))
        .then([assigned("T3", window())]);
}

#[test]
fn a_table_must_seat_the_party() {
    let too_small = Refusal::TableTooSmall { seats: 2, party_size: party(4) };
    given([created()]).when(choose("T1", 2)).refused(too_small);
    let now_too_small = Refusal::TableTooSmall { seats: 6, party_size: party(7) };
    given(ready()).when(resize(7)).refused(now_too_small);
}

#[test]
fn a_party_that_moves_gives_its_table_back() {
    given(ready())
        .when(choose("T4", 6))
        .then([released("T3", ReleaseCause::Moved), assigned("T4", window())]);
    given(seated())
        .when(choose("T4", 6))
        .then([released("T3", ReleaseCause::Moved), assigned("T4", window())]);
    given(ready()).when(choose("T3", 6)).nothing_happens();
}

#[test]
fn a_reservation_keeps_its_table_when_the_time_changes() {
    let is_moved = moved(later(), Initiator::Guest);
    let to_later = || reschedule(later(), Initiator::Guest);
    let expected =
        [released("T3", ReleaseCause::Rescheduled), is_moved.clone().into(), assigned("T3", later())];
    given(ready()).when(to_later()).then(expected);
    given([created()]).when(to_later()).then([is_moved.into()]);
    given(ready())
        .somebody_else_has("T3", later())
        .when(to_later())
        .refused(Refusal::TableTaken("T3".parse().unwrap()));
    given(ready()).when(reschedule(window(), Initiator::Guest)).nothing_happens();
    given(seated()).when(to_later()).refused(Refusal::CheckedIn);
}

#[test]
fn the_party_size_may_change_unless_a_higher_deposit_becomes_due() {
    let changed = |from, to| [resized(from, to).into()];
    given([created()]).when(resize(5)).then(changed(4, 5));
    given([created()]).when(resize(4)).nothing_happens();
    let due = Refusal::DepositChanges { party_size: party(6), due: idr(30_000_000) };
    given([created()]).when(resize(6)).refused(due);
    given(held()).when(resize(5)).then(changed(6, 5));
}

#[test]
fn a_visit_goes_from_check_in_to_completion() {
    let arrived = given(ready()).at(window().start).when(Command::CheckIn(None));
    arrived.then([ReservationCheckedIn::default().into()]);
    given([created()]).when(Command::CheckIn(None)).refused(Refusal::NotConfirmed);
    given(seated()).when(Command::CheckIn(None)).nothing_happens();
    given(ready()).when(Command::Complete(None)).refused(Refusal::NotCheckedIn);
    let gone = given(seated()).when(Command::Complete(None));
    gone.then([ReservationCompleted::default().into(), released("T3", ReleaseCause::Completed)]);
    let left = [seated(), vec![ReservationCompleted::default().into()]].concat();
    given(left.clone()).when(Command::Complete(None)).nothing_happens();
    given(left).when(cancel(Initiator::Guest)).refused(Refusal::Completed);
    given(seated()).when(cancel(Initiator::Guest)).refused(Refusal::CheckedIn);
}

#[test]
fn a_no_show_cannot_be_recorded_before_the_start() {
    given(ready()).when(Command::NoShow).refused(Refusal::NotStarted);
    let gone = given(ready()).at(window().start).when(Command::NoShow);
    gone.then([ReservationNoShow::default().into(), released("T3", ReleaseCause::NoShow)]);
    let missing = [ready(), vec![ReservationNoShow::default().into()]].concat();
    given(missing.clone()).when(Command::NoShow).nothing_happens();
    given(missing).when(Command::CheckIn(None)).refused(Refusal::NoShow);
}

#[test]
fn messages_and_erasures_are_recorded() {
    let sent =
        NotificationSent { notification_id: "n".into(), template: "confirmed".into(), medium: Medium::Mail };
    given([created()])
        .when(Command::RecordNotification(NotificationResult::Sent(sent.clone())))
        .then([sent.into()]);
    let erase = || Command::EraseContact { reason_code: "guest_request".into() };
    let erased = || Event::from(ContactErased { reason_code: "guest_request".into() });
    given([created()]).when(erase()).then([erased()]);
    given([created(), erased()]).when(erase()).nothing_happens();
}
