//! Collects the three records.

use std::collections::BTreeMap;

use chassis::environment::Environment;
use chrono::{DateTime, TimeDelta, Utc};
use events::event::Refund;
use events::feed::Batch;
use events::values::Money;
use events::{Event, PaymentId, Recorded, ReservationId};

use super::{Booked, Books};
use crate::effects::{EffectLog, EffectState};
use crate::ports::ProviderError;
use crate::ports::payment_providers::PaymentProviders;
use crate::ports::reservation_api::{ReservationApi, ReservationError};

/// The types of events about payments.
const OF_MONEY: [&str; 7] = [
    "meja.payment.requested.v1",
    "meja.payment.completed.v1",
    "meja.payment.refunded.v1",
    "meja.reservation.cancelled.v1",
    "meja.reservation.no_show.v1",
    "meja.reservation.party_size_changed.v1",
    "meja.reservation.undone.v1",
];
/// Payments that are this much older are read too, because clocks differ. They count only if another record has them.
const MARGIN: TimeDelta = TimeDelta::hours(1);

/// Why the records cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum BooksError {
    /// The records of a provider cannot be read.
    #[error("the records of the provider {0} cannot be read: {1}")]
    Provider(String, #[source] ProviderError),
    /// A payment was made at a provider that is no longer in the settings.
    #[error("the effect log has payments of the provider {0:?}, which is not in the settings: add it again")]
    NoProvider(String),
    /// The log of the reservation service cannot be read.
    #[error("the log of the reservation service cannot be read: {0}")]
    Reservation(#[from] ReservationError),
    /// An event cannot be decoded.
    #[error("an event of the log cannot be decoded: {0}")]
    Event(String),
}

/// The three records of payments opened since `since`.
///
/// # Errors
/// [`BooksError`] when one of them cannot be read, because an incomplete comparison would be wrong.
pub async fn gather(
    effect_log: &EffectLog,
    payment_providers: &PaymentProviders,
    reservation_api: &dyn ReservationApi,
    env: &dyn Environment,
    since: DateTime<Utc>,
) -> Result<Books, BooksError> {
    let began = env.now();
    // Against the direction in which money moves, so that fewer payments under way look lost.
    let mut books = Books { log: log(reservation_api).await?, ..Books::default() };
    books.journal = effect_log.payments(|_| true, usize::MAX);
    if let Some(payment) =
        books.journal.iter().find(|p| payment_providers.provider(&p.opened.provider).is_none())
    {
        return Err(BooksError::NoProvider(payment.opened.provider.clone()));
    }
    for provider in payment_providers.providers() {
        let name = provider.name().to_owned();
        let entries = provider.ledger(since - MARGIN).await;
        let entries = entries.map_err(|error| BooksError::Provider(name.clone(), error))?;
        books.ledger.extend(entries.into_iter().map(|entry| (name.clone(), entry)));
    }
    // A payment counts if it was requested since then, or opened since then without a request.
    let of_log = |id: &PaymentId| books.log.get(id).map(|booked| booked.since);
    let of_journal: BTreeMap<_, _> = books.journal.iter().map(|p| (p.id(), p.opened_at)).collect();
    let counts = |id: &PaymentId, at| of_log(id).or(of_journal.get(id).copied()).unwrap_or(at) >= since;
    books.ledger.retain(|(_, entry)| entry.payment_id.is_some_and(|id| counts(&id, entry.at)));
    books.journal.retain(|payment| counts(&payment.id(), payment.opened_at));
    books.log.retain(|_, booked| booked.since >= since);
    // Effects that have just ended were under way while the records were read.
    let moved = effect_log.effects(
        |effect| matches!(effect.state, EffectState::Waiting(_)) || effect.updated_at >= began,
        usize::MAX,
    );
    books.in_motion = moved
        .into_iter()
        .filter(|effect| effect.scheduled.effect.is_about_money())
        .filter_map(|effect| effect.scheduled.effect.about()?.reservation_id())
        .collect();
    Ok(books)
}

/// The payments in the log of the reservation service.
async fn log(reservation_api: &dyn ReservationApi) -> Result<BTreeMap<PaymentId, Booked>, BooksError> {
    let mut found = BTreeMap::new();
    for event_type in OF_MONEY {
        let mut cursor = None;
        loop {
            let page = reservation_api.events_of(event_type, cursor).await?;
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
                found.insert(recorded.id.position, (reservation, recorded.time, event));
            }
        }
    }
    let mut log = BTreeMap::new();
    for (reservation, time, event) in found.into_values() {
        note(&mut log, reservation, time, &event);
    }
    Ok(log)
}

/// Adds an event in the order of the log. A refund without an order does not fulfil a later order.
fn note(
    log: &mut BTreeMap<PaymentId, Booked>,
    reservation_id: ReservationId,
    time: DateTime<Utc>,
    event: &Event,
) {
    let mut of = |payment_id: PaymentId, amount: Money, change: &dyn Fn(&mut Booked, i64)| {
        let booked = log.entry(payment_id).or_insert(Booked {
            reservation_id,
            currency: Some(amount.currency),
            since: time,
            paid_minor: 0,
            to_return_minor: 0,
            returned_minor: 0,
        });
        change(booked, amount.amount_minor);
    };
    let mut order = |refund: Option<Refund>| {
        if let Some(Refund { payment_id, amount }) = refund {
            of(payment_id, amount, &|booked, minor| booked.to_return_minor += minor);
        }
    };
    match event {
        Event::ReservationCancelled(e) => order(e.refund),
        Event::ReservationNoShow(e) => order(e.refund),
        Event::PartySizeChanged(e) => order(e.refund),
        Event::ReservationUndone(e) => order(e.refund),
        Event::PaymentCompleted(e) => {
            order(e.refund);
            of(e.payment_id, e.amount, &|booked, minor| booked.paid_minor += minor);
        }
        Event::PaymentRequested(e) => of(e.payment_id, e.amount, &|_, _| {}),
        Event::PaymentRefunded(e) => of(e.payment_id, e.amount, &|booked, minor| {
            booked.returned_minor += minor;
            booked.to_return_minor = (booked.to_return_minor - minor).max(0);
        }),
        _ => {}
    }
}
