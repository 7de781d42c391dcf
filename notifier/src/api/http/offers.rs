//! The page on which a waiting guest accepts or declines an offer. The id of the entry in its URL suffices.

use events::recorded::EventMetadata;
use std::fmt::Display;

use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use chassis::problem::Problem;
use events::WaitlistId;
use events::values::Locale;
use minijinja::{Environment, Value, context};

use super::problem::upstream_problem;
use crate::adapters::reservation_client::ReservationClientError;
use crate::app::App;
use crate::domain::visit::WaitlistEntry;
use crate::messages::{date, moment, time};

const PAGE: &str = include_str!("../../../templates/offer.html");

/// The page of an offer
pub(super) async fn page(State(app): State<App>, Path(id): Path<String>) -> Result<Response, Problem> {
    let id = known(&id)?;
    let by = EventMetadata::system("offers");
    let waiting = app.reservation_client.waiting(id, &by).await.map_err(|error| upstream_problem(&error))?;
    let waiting = waiting.ok_or_else(|| unknown_entry(&id))?;
    let (word, pay_link) = state(&app, &waiting, &by).await?;
    let locale = Locale::from_tag(&waiting.locale).unwrap_or_default();
    let zone = waiting.timezone.parse().unwrap_or(chrono_tz::Tz::UTC);
    let offer = waiting.offer.as_ref();
    let page = Environment::new().render_named_str(
        "offer.html",
        PAGE,
        context! {
            waitlist_id => waiting.waitlist_id,
            venue => waiting.venue_name,
            status => word,
            pay_link,
            party_size => waiting.party_size,
            area => offer.and_then(|offer| offer.tables.first()).map(|table| table.area.clone()),
            lang => locale.tag(),
            offered => offer.is_some(),
            date => offer.map(|offer| date(&offer.start_time, locale)),
            time => offer.map(|offer| time(&offer.start_time, locale)),
            expires_at => offer.map(|offer| moment(&offer.expires_at.with_timezone(&zone), locale)),
            words => words(locale),
        },
    );
    let page = page.map_err(|error| Problem::internal(&error))?;
    Ok((super::checkout::PRIVATE_PAGE, Html(page)).into_response())
}

/// Accept or decline, then show the page
pub(super) async fn choose(
    State(app): State<App>,
    Path((id, choice)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let id = known(&id)?;
    if !["accept", "decline"].contains(&choice.as_str()) {
        return Err(Problem::not_found("A guest can accept or decline."));
    }
    match app.reservation_client.answer_offer(id, &choice).await {
        Ok(()) | Err(ReservationClientError::Refused { status: 409, .. }) => {
            Ok(Redirect::to(&format!("/offers/{id}")).into_response())
        }
        Err(ReservationClientError::Refused { status: 404, .. }) => Err(unknown_entry(&id)),
        Err(error) => Err(upstream_problem(&error)),
    }
}

/// The state shown on the page, and the URL to pay a due deposit. For an accepted offer, the state of its reservation.
async fn state(
    app: &App,
    waiting: &WaitlistEntry,
    by: &EventMetadata,
) -> Result<(&'static str, Option<String>), Problem> {
    let reservation = match waiting.reservation_id {
        Some(id) => {
            app.reservation_client.reservation(id, by).await.map_err(|error| upstream_problem(&error))?
        }
        None => None,
    };
    let Some(reservation) = reservation else {
        return Ok(match waiting.status.as_str() {
            "OFFERED" => ("OFFERED", None),
            "WAITING" => ("WAITING", None),
            _ => ("LEFT", None),
        });
    };
    Ok(match reservation.status.as_str() {
        "PENDING" if reservation.deposit.status == "due" => {
            let id = waiting.reservation_id;
            let open = app.effect_log.payments(|payment| Some(payment.reservation_id()) == id, 1);
            ("DEPOSIT_DUE", open.first().map(|payment| payment.opened.url.clone()))
        }
        "CANCELLED" | "NO_SHOW" => ("CANCELLED", None),
        _ => ("ACCEPTED", None),
    })
}

fn known(id: &str) -> Result<WaitlistId, Problem> {
    id.parse().map_err(|_| unknown_entry(&id))
}

fn unknown_entry(id: &impl Display) -> Problem {
    Problem::not_found(format!("There is no waitlist entry {id}."))
}

fn words(locale: Locale) -> Value {
    match locale {
        Locale::Id => context! {
            held => "Meja ini kami tahan untuk Anda sampai",
            take => "Ambil",
            decline => "Tidak jadi",
            people => "orang",
            entry => "Nomor daftar tunggu",
            pay => "Bayar",
            DEPOSIT_DUE => "Meja ini kami tahan untuk Anda. Mohon bayar deposit agar reservasi dikonfirmasi; rinciannya juga kami kirim lewat email.",
            CANCELLED => "Reservasi ini sudah dibatalkan.",
            WAITING => "Belum ada meja kosong. Kami kabari Anda.",
            ACCEPTED => "Terima kasih, meja sudah kami catat untuk Anda. Rinciannya segera kami kirim.",
            LEFT => "Tawaran ini sudah berakhir.",
        },
        Locale::En => context! {
            held => "We are holding this table for you until",
            take => "Take it",
            decline => "No, thank you",
            people => "guests",
            entry => "Waitlist entry",
            pay => "Pay",
            DEPOSIT_DUE => "We are holding the table for you. Please pay the deposit to confirm it; we are sending you the details as well.",
            CANCELLED => "This reservation was cancelled.",
            WAITING => "No table is free yet. We will let you know.",
            ACCEPTED => "Thank you, the table is booked for you. We are sending you the details.",
            LEFT => "This offer has ended.",
        },
    }
}
