//! Gathering what all three sides say.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use events::event::Refund;
use events::feed::Batch;
use events::values::Money;
use events::{Event, PaymentId, Recorded, ReservationId};

use super::{Booked, Books};
use crate::gateway::GatewayError;
use crate::outbox::{EffectState, Outbox};
use crate::tills::Tills;
use crate::upstream::{Upstream, UpstreamError};

/// Types of events that tell of money.
const OF_MONEY: [&str; 5] = [
    "meja.payment.requested.v1",
    "meja.payment.completed.v1",
    "meja.payment.refunded.v1",
    "meja.reservation.cancelled.v1",
    "meja.reservation.no_show.v1",
];
/// A provider's clock, and the way to it: payments this much older are fetched, and left out where nobody else has them.
const MARGIN: TimeDelta = TimeDelta::hours(1);

/// Why the books can not be held against each other.
#[derive(Debug, thiserror::Error)]
pub enum BooksError {
    /// A provider does not show its books.
    #[error("the provider {0} does not show its books: {1}")]
    Provider(String, #[source] GatewayError),
    /// The reservation service does not show its log.
    #[error("the log can not be read: {0}")]
    Upstream(#[from] UpstreamError),
    /// An event can not be read.
    #[error("an event of the log can not be read: {0}")]
    Event(String),
}

/// What all sides say of payments opened since `since`.
///
/// # Errors
/// [`BooksError`] when one of them does not answer: half a comparison would be a wrong one.
pub async fn gather(
    outbox: &Outbox,
    tills: &Tills,
    upstream: &Upstream,
    since: DateTime<Utc>,
) -> Result<Books, BooksError> {
    // In the order against that in which money moves, so that less of it looks as if it was lost on the way.
    let mut books = Books { log: log(upstream).await?, ..Books::default() };
    books.log.retain(|_, booked| booked.since >= since);
    books.journal = outbox.payments(|payment| payment.opened_at >= since, usize::MAX);
    for provider in tills.providers() {
        let name = provider.name().to_owned();
        let entries = provider.ledger(since - MARGIN).await;
        let entries = entries.map_err(|error| BooksError::Provider(name.clone(), error))?;
        books.ledger.extend(entries.into_iter().map(|entry| (name.clone(), entry)));
    }
    let known = |id: &PaymentId| books.log.contains_key(id) || outbox.payment(*id).is_some();
    books.ledger.retain(|(_, entry)| entry.at >= since || entry.payment_id.as_ref().is_some_and(known));
    let waiting =
        outbox.effects(|effect| matches!(effect.state, EffectState::Waiting(_)), usize::MAX).into_iter();
    books.in_motion = waiting
        .filter(|effect| effect.scheduled.effect.is_about_money())
        .filter_map(|effect| effect.scheduled.effect.about()?.reservation_id())
        .collect();
    Ok(books)
}

/// What the log of the reservation service says of every payment.
async fn log(upstream: &Upstream) -> Result<BTreeMap<PaymentId, Booked>, BooksError> {
    let mut log = BTreeMap::new();
    for event_type in OF_MONEY {
        let mut cursor = None;
        loop {
            let page = upstream.events_of(event_type, cursor).await?;
            let strange = |error: &dyn std::fmt::Display| BooksError::Event(error.to_string());
            let batch = Batch::parse(&page.body).map_err(|error| strange(&error))?;
            let Some(last) = batch.events.last() else { break };
            cursor = Some(Recorded::parse(last.get().as_bytes()).map_err(|error| strange(&error))?.id);
            for event in batch.events {
                let recorded = Recorded::parse(event.get().as_bytes()).map_err(|error| strange(&error))?;
                let Some(reservation) = recorded.subject_uuid("reservation").map(ReservationId) else {
                    continue;
                };
                let event = recorded.event().map_err(|error| strange(&error))?;
                note(&mut log, reservation, recorded.time, &event);
            }
        }
    }
    Ok(log)
}

fn note(
    log: &mut BTreeMap<PaymentId, Booked>,
    reservation_id: ReservationId,
    time: DateTime<Utc>,
    event: &Event,
) {
    let mut of = |payment_id: PaymentId, amount: Money, paid: i64, to_return: i64, returned: i64| {
        let booked = log.entry(payment_id).or_insert(Booked {
            reservation_id,
            currency: Some(amount.currency),
            since: time,
            paid_minor: 0,
            to_return_minor: 0,
            returned_minor: 0,
        });
        booked.since = booked.since.min(time);
        booked.paid_minor += paid;
        booked.to_return_minor += to_return;
        booked.returned_minor += returned;
    };
    let mut order = |refund: Option<Refund>| {
        if let Some(Refund { payment_id, amount }) = refund {
            of(payment_id, amount, 0, amount.amount_minor, 0);
        }
    };
    match event {
        Event::ReservationCancelled(e) => order(e.refund),
        Event::ReservationNoShow(e) => order(e.refund),
        Event::PaymentCompleted(e) => {
            order(e.refund);
            of(e.payment_id, e.amount, e.amount.amount_minor, 0, 0);
        }
        Event::PaymentRequested(e) => of(e.payment_id, e.amount, 0, 0, 0),
        Event::PaymentRefunded(e) => of(e.payment_id, e.amount, 0, 0, e.amount.amount_minor),
        _ => {}
    }
}
