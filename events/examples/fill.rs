//! Fills a log for `make bench`: reservations with eight events each, as the service writes them.
//!
//! `fill <data directory> <events> [days]`: with a number of days the visits are spread evenly over them, and each of them ends.

use std::path::Path;

use events::event::*;
use events::recorded::{EventMetadata, NewEvent};
use events::store::sled::{self, Options};
use events::store::{AppendCondition, EventStore};
use events::values::*;
use events::{AssignmentId, Event, PaymentId, Position, Query, ReservationId, Tag};
use uuid::Uuid;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (dir, count) = arguments.next().zip(arguments.next()).ok_or("fill <data directory> <events>")?;
    let reservations = count.parse::<u64>()?.div_ceil(8);
    let days = arguments.next().map(|days| days.parse::<u64>()).transpose()?;
    let store = sled::open(&Options::new(Path::new(&dir), "reservation"))?;
    let anyway = || AppendCondition { fail_if_any: Query::default(), after: Position::START };
    let mut pending = Vec::new();
    for n in 0..reservations {
        let second = days.map_or(n % 30_000 * 900, |days| n * days * 86_400 / reservations);
        pending.extend(story(n, second, days.is_some())?);
        if pending.len() == 64 || n + 1 == reservations {
            store.append(std::mem::take(&mut pending), anyway()).await?;
        }
    }
    Ok(())
}

/// The contact of one of 500,000 guests, with 500 different names.
fn contact(n: u64) -> String {
    const FIRST: [&str; 20] = [
        "Sari", "Budi", "Dewi", "Agus", "Putri", "Rina", "Andi", "Siti", "Eka", "Yusuf", "Maya", "Hendra",
        "Lina", "Joko", "Ratna", "Fajar", "Wati", "Bayu", "Indah", "Rizky",
    ];
    const LAST: [&str; 25] = [
        "Wulandari",
        "Santoso",
        "Lestari",
        "Pratama",
        "Hidayat",
        "Nugroho",
        "Saputra",
        "Wijaya",
        "Kusuma",
        "Rahayu",
        "Setiawan",
        "Utami",
        "Gunawan",
        "Hartono",
        "Permata",
        "Siregar",
        "Nasution",
        "Simanjuntak",
        "Wibowo",
        "Anggraini",
        "Maulana",
        "Fitriani",
        "Susanto",
        "Halim",
        "Purnama",
    ];
    let guest = n % 500_000;
    let (first, last) = (FIRST[guest as usize % 20], LAST[guest as usize / 20 % 25]);
    let (number, local) = (guest * 7_919 % 100_000_000, first.to_lowercase());
    format!(
        r#"{{"name":"{first} {last}","phone":"+62812{number:08}","email":"{local}{}@example.com","salt":"0193"}}"#,
        guest / 500
    )
}

/// All events of one reservation.
#[expect(clippy::too_many_lines, reason = "a list of events")]
fn story(n: u64, second: u64, ends: bool) -> Result<Vec<NewEvent>, Box<dyn std::error::Error>> {
    let id = ReservationId(Uuid::from_u128(u128::from(n) | 0x0193_9f3e_7b2a_7c3d_9e4f << 48));
    let start = chrono::DateTime::from_timestamp(1_800_000_000 + i64::try_from(second)?, 0).ok_or("time")?;
    let window = TimeWindow::starting(start, 90);
    let amount = Money { amount_minor: 30_000_000, currency: Currency::from_code("IDR").ok_or("IDR")? };
    let (payment_id, assignment_id) = (PaymentId(id.0), AssignmentId(id.0));
    let rule = DepositRule {
        from_party_size: 6,
        per: DepositPer::Guest,
        amount: Money { amount_minor: 5_000_000, ..amount },
    };
    let policy = Policy {
        deposit_required: true,
        deposit: Some(rule),
        auto_cancel_minutes: 15,
        free_cancellation_minutes: 1_440,
        auto_confirm: false,
        no_show_grace_minutes: None,
        no_show_fee: None,
        refund_on_shrink: false,
    };
    let (venue_id, table_id) = ("bandung-dago".parse()?, format!("T{}", n % 60).parse()?);
    let tags = vec![Tag::reservation(id), Tag::venue(&venue_id)];
    let table = Tag::table(&venue_id, &table_id, start.date_naive());
    let day = Tag::day(&venue_id, start.date_naive());
    let created = ReservationCreated {
        venue_id,
        customer_id: format!("cust-{}", n % 20_000).parse()?,
        party_size: PartySize::try_from(6)?,
        window,
        timezone: "Asia/Jakarta".into(),
        locale: Locale::Id,
        policy,
        area: None,
        payment_channel: Some("qris".into()),
        contact_digest: ConfidentialDigest::of(contact(n).as_bytes()),
        walk_in: false,
        source: None,
        imported: None,
        contact_proof: None,
    };
    let sent = |template: &str| NotificationSent {
        notification_id: format!("{id}.{template}"),
        template: template.into(),
        medium: Medium::Mail,
    };
    let mut events: [Event; 8] = [
        created.into(),
        PaymentRequested {
            payment_id,
            amount,
            channel: Some("qris".into()),
            expires_at: start,
            purpose: Purpose::Deposit,
            replaces: None,
        }
        .into(),
        sent("deposit_due").into(),
        PaymentCompleted {
            payment_id,
            amount,
            channel: "qris".into(),
            provider_reference: format!("sim_{n}"),
            refund: None,
            closes: None,
        }
        .into(),
        ReservationConfirmed { window, deposit_waived: false }.into(),
        TableAssigned { assignment_id, table_id, capacity: 6, area: "Dalam".into(), window }.into(),
        sent("confirmed").into(),
        ReservationCheckedIn::default().into(),
    ];
    if ends {
        // In place of the messages, of which the read models know nothing.
        events[6] = ReservationCheckedIn::default().into();
        events[7] = ReservationCompleted::default().into();
    }
    let entry = |(i, event): (usize, &Event)| {
        let mut tags = tags.clone();
        match event {
            Event::TableAssigned(_) => tags.push(table.clone()),
            _ => tags.push(Tag::command(&format!("{n}-{i}"))),
        }
        if matches!(
            event,
            Event::ReservationCreated(_) | Event::TableAssigned(_) | Event::ReservationCheckedIn(_)
        ) {
            tags.push(day.clone());
        }
        let confidential = matches!(event, Event::ReservationCreated(_)).then(|| contact(n).into());
        let metadata = EventMetadata {
            correlation_id: format!("request-{n}"),
            causation_id: None,
            actor: Actor::unauthenticated(),
            traceparent: None,
            request_digest: Some("0123456789abcdef".into()),
            venue_id: None,
            client_group: None,
        };
        let (event_type, data) = (event.event_type(), event.data()?);
        Ok(NewEvent {
            id: Uuid::from_u128((u128::from(n) << 32) | i as u128),
            event_type,
            subject: format!("reservation/{id}"),
            time: start,
            tags,
            data,
            confidential,
            forgets: vec![],
            metadata,
        })
    };
    events.iter().enumerate().map(entry).collect()
}
