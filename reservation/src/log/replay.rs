//! `log replay`: the reservations as they were.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::process::ExitCode;

use events::store::Stored;
use events::{Position, ReservationId};
use logbook::Context;
use logbook::source::Source;
use logbook::terminal::{Progress, say};

use super::{decode, moment, reservation_id};
use crate::domain::Reservation;
use crate::http::representation::{local, state_of};
use crate::stream::{self, Until};

/// Options of `log replay`.
#[derive(Debug, clap::Args)]
pub struct Replay {
    /// A position of the log, or a time (RFC 3339): everything later is left out
    #[arg(long, value_parser = moment)]
    until: Option<Until>,
    /// This reservation alone
    #[arg(long, value_parser = reservation_id)]
    reservation: Option<ReservationId>,
    /// A data directory, a backup, or the URL of a running service; the service's own directory by default
    #[arg(long, value_name = "WHERE")]
    from: Option<String>,
    /// Print one JSON object for each reservation
    #[arg(long)]
    json: bool,
}

impl Replay {
    pub(super) fn run(&self, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        let source = Source::open(context, self.from.as_deref())?;
        let (reservations, last) = replay(&source, self.until.unwrap_or(Until::Now), self.reservation)?;
        let mut reservations: Vec<_> = reservations.into_values().flatten().collect();
        reservations.sort_by_key(|reservation| (reservation.window().start, reservation.id));
        let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
        for reservation in &reservations {
            *counts.entry(reservation.status.word()).or_default() += 1;
            if self.json {
                say(&state_of(reservation).to_string());
            } else {
                say(&line(reservation));
            }
        }
        if !self.json {
            let counts: Vec<_> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
            say(&format!("{} reservations at position {last}: {}", reservations.len(), counts.join(", ")));
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn line(reservation: &Reservation) -> String {
    let booking = &reservation.booking;
    let tables: Vec<_> = reservation.tables.iter().map(|table| table.table_id.as_str()).collect();
    format!(
        "{}  {:<10}  {}  {:>2} guests  {}  {}",
        reservation.id,
        reservation.status.word(),
        local(booking.window.start, &booking.timezone),
        booking.party_size,
        booking.venue_id,
        if tables.is_empty() { "no table".to_owned() } else { tables.join(", ") },
    )
}

type Reservations = HashMap<ReservationId, Option<Reservation>>;

/// Folds the log up to `until`. Returns the last position that counted.
pub(super) fn replay(
    source: &Source,
    until: Until,
    only: Option<ReservationId>,
) -> anyhow::Result<(Reservations, Position)> {
    let (mut reservations, mut last) = (Reservations::new(), Position::START);
    let progress = Progress::begin("replaying");
    source.each(Position::START, &progress, |group| {
        for event in group.events()? {
            let stored = Stored { position: event.position, json: event.json };
            let (recorded, event) = decode(stored).map_err(anyhow::Error::msg)?;
            let at = stream::stamp(&recorded);
            if !until.includes(at) {
                // Times may stand out of order where a clock was set back; positions never.
                if matches!(until, Until::Position(_)) {
                    return Ok(ControlFlow::Break(()));
                }
                continue;
            }
            last = at.position;
            if let Some(id) =
                stream::reservation_of(&recorded).filter(|id| only.is_none_or(|only| only == *id))
            {
                stream::fold(reservations.entry(id).or_default(), id, &event, at);
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok((reservations, last))
}
