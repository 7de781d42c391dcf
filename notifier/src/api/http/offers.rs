//! The page on which a waiting guest accepts or declines an offer. The link in its URL is the credential of the guest: it
//! is passed on to the reservation service, which decides.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use chassis::api::Segments;
use chassis::problem::Problem;
use contract::reservation::waitlist::WaitlistView;
use contract::reservation::words::{LeftReason, ReservationStatus, WaitlistStatus};
use events::event::GuestAnswer;
use events::recorded::EventMetadata;
use events::values::Locale;
use minijinja::{Value, context};
use people::{date, moment, time};

use super::bookings::answer_question;
use super::guest_link::{PresentedLink, unknown};
use super::problem::reservation_problem;
use super::proofs::Given;
use super::{pages, proofs};
use crate::app::App;
use crate::domain::effect::About;
use crate::domain::visit::zone;
use crate::ports::reservation_api::{OfferAnswer, Refusal, ReservationError};

/// The code of the refusal when the guest has a booking at the offered time.
const DUPLICATE_BOOKING: &str = "duplicate_booking";

/// The page of an offer
pub(super) async fn page(
    State(app): State<App>,
    Segments(text): Segments<String>,
    given: Given,
) -> Result<Response, Problem> {
    show(&app, &PresentedLink::read(&text)?, &given, None).await
}

/// The page, with a notice if there is one, and with the proof of contact in its URL.
pub(super) async fn show(
    app: &App,
    link: &PresentedLink,
    given: &Given,
    notice: Option<&str>,
) -> Result<Response, Problem> {
    let waiting = app.reservation_api.waitlist_entry_for(link.waitlist_id()?, &link.token).await;
    let waiting = waiting.map_err(|error| reservation_problem(&error))?.ok_or_else(unknown)?;
    let by = EventMetadata::system("offers");
    let (word, pay_link) = state(app, &waiting, &by).await?;
    let (locale, zone) = (waiting.locale.locale(), zone(&waiting.timezone));
    let offer = waiting.offer.as_ref();
    let proof = waiting.contact_proof.as_ref().filter(|_| waiting.status == WaitlistStatus::Waiting);
    let page = pages::render(
        pages::OFFER,
        context! {
            page => "offers",
            link => link.text(),
            proof => given.show(proof, zone, locale),
            waitlist_id => waiting.waitlist_id.to_string(),
            venue => waiting.venue_name,
            status => word,
            notice,
            pay_link,
            party_size => waiting.party_size.get(),
            area => offer.and_then(|offer| offer.tables.first()).map(|table| table.area.clone()),
            lang => locale.tag(),
            offered => offer.is_some(),
            asked => waiting.attendance.is_some() && waiting.status == WaitlistStatus::Waiting,
            answers => GuestAnswer::ALL.map(GuestAnswer::word),
            answer => waiting.attendance.as_ref().and_then(|asked| asked.answer).map(GuestAnswer::word),
            date => offer.map(|offer| date(&offer.start_time.0, locale)),
            time => offer.map(|offer| time(&offer.start_time.0, locale)),
            expires_at => offer.map(|offer| moment(&offer.expires_at.with_timezone(&zone), locale)),
            words => words(locale),
        },
    )?;
    Ok((super::checkout::PRIVATE_PAGE, page).into_response())
}

/// Accept or decline, then show the page
pub(super) async fn choose(
    State(app): State<App>,
    Segments((text, choice)): Segments<(String, String)>,
) -> Result<Response, Problem> {
    let link = PresentedLink::read(&text)?;
    let Some(answer) = OfferAnswer::from_word(&choice) else {
        let about = About::Waitlist { waitlist_id: link.waitlist_id()? };
        // The page shows the state, also if the party no longer waits.
        answer_question(&app, about, &choice, &link).await?;
        return Ok(Redirect::to(&format!("/offers/{}", link.text())).into_response());
    };
    let answered = app.reservation_api.answer_offer(link.waitlist_id()?, answer, &link.token).await;
    match answered.as_ref().map_err(|error| (error.refusal(), error)) {
        Err((_, ReservationError::Refused { code, .. })) if code == DUPLICATE_BOOKING => {
            Ok((StatusCode::CONFLICT, show(&app, &link, &Given::default(), Some("ALREADY_BOOKED")).await?)
                .into_response())
        }
        // The page shows why an offer can no longer be answered.
        Ok(()) | Err((Some(Refusal::Conflict), _)) => {
            Ok(Redirect::to(&format!("/offers/{}", link.text())).into_response())
        }
        Err((Some(Refusal::NotFound), _)) => Err(unknown()),
        Err((_, error)) => Err(reservation_problem(error)),
    }
}

/// Prove the contact, then show the page
pub(super) async fn prove(
    State(app): State<App>,
    Segments(text): Segments<String>,
    request: Request,
) -> Result<Response, Problem> {
    let link = PresentedLink::read(&text)?;
    let about = About::Waitlist { waitlist_id: link.waitlist_id()? };
    match proofs::prove(&app, about, &link, request).await? {
        None => Ok(Redirect::to(&format!("/offers/{}", link.text())).into_response()),
        Some((status, notice)) => {
            Ok((status, show(&app, &link, &Given::default(), Some(notice)).await?).into_response())
        }
    }
}

/// The state shown on the page, and the URL to pay a due deposit. For an accepted offer, the state of its reservation.
async fn state(
    app: &App,
    waiting: &WaitlistView,
    by: &EventMetadata,
) -> Result<(&'static str, Option<String>), Problem> {
    let reservation = match waiting.reservation_id {
        Some(id) => {
            app.reservation_api.reservation(id, by).await.map_err(|error| reservation_problem(&error))?
        }
        None => None,
    };
    let Some(reservation) = reservation else {
        return Ok(match waiting.status {
            WaitlistStatus::Left if waiting.left_because == Some(LeftReason::ContactUnproved) => {
                ("UNPROVED", None)
            }
            WaitlistStatus::Offered => ("OFFERED", None),
            WaitlistStatus::Waiting => ("WAITING", None),
            WaitlistStatus::Accepted | WaitlistStatus::Left | WaitlistStatus::Unknown => ("LEFT", None),
        });
    };
    Ok(match reservation.status {
        ReservationStatus::Pending if reservation.deposit.is_due() => {
            let pay_link = match waiting.reservation_id {
                Some(id) => app.pay_url(id, by).await.map_err(|error| reservation_problem(&error))?,
                None => None,
            };
            ("DEPOSIT_DUE", pay_link)
        }
        ReservationStatus::Pending => ("PENDING", None),
        ReservationStatus::Cancelled => ("CANCELLED", None),
        ReservationStatus::NoShow => ("NO_SHOW", None),
        _ => ("ACCEPTED", None),
    })
}

fn words(locale: Locale) -> Value {
    match locale {
        Locale::Id => context! {
            held => "Meja ini kami tahan untuk Anda sampai",
            take => "Ambil meja ini",
            decline => "Tidak, terima kasih",
            ready => "Meja Anda sudah siap. Apakah Anda jadi datang?",
            answered => "Jawaban Anda:",
            coming => "Ya, kami datang",
            late => "Kami akan terlambat",
            not_coming => "Kami tidak datang",
            people => "orang",
            entry => "Nomor daftar tunggu",
            pay => "Bayar",
            DEPOSIT_DUE => "Meja ini kami tahan untuk Anda. Mohon bayar deposit agar reservasi dikonfirmasi. Tautan pembayaran juga kami kirim lewat email.",
            PENDING => "Terima kasih. Permintaan Anda sudah kami terima dan akan kami konfirmasi lewat email.",
            CANCELLED => "Reservasi ini sudah dibatalkan.",
            NO_SHOW => "Anda tidak datang pada waktu itu, sehingga meja sudah kami lepas.",
            TOO_OFTEN => "Terlalu banyak percobaan. Silakan coba lagi dalam dua menit.",
            UNPROVED => "Permintaan ini berakhir karena alamat email tidak dikonfirmasi tepat waktu. Silakan memesan lagi, atau hubungi restoran.",
            NOT_PROVED => "Kode atau tautan itu tidak cocok. Silakan periksa email terakhir dari kami.",
            WAITING => "Belum ada meja kosong. Kami kabari Anda.",
            ACCEPTED => "Terima kasih, meja sudah kami catat untuk Anda. Rinciannya segera kami kirim.",
            ALREADY_BOOKED => "Anda sudah punya reservasi pada waktu itu. Batalkan reservasi itu dulu, lalu ambil meja ini.",
            LEFT => "Tawaran ini sudah berakhir, dan Anda tidak lagi ada di daftar tunggu. Silakan mendaftar lagi.",
        },
        Locale::En => context! {
            held => "We are holding this table for you until",
            take => "Take it",
            decline => "No, thank you",
            ready => "Your table is ready. Are you coming?",
            answered => "Your answer:",
            coming => "Yes, we are coming",
            late => "We will be late",
            not_coming => "We are not coming",
            people => "guests",
            entry => "Waitlist entry",
            pay => "Pay",
            DEPOSIT_DUE => "We are holding the table for you. Please pay the deposit to confirm it. We are also sending you the link by mail.",
            PENDING => "Thank you. We have your request, and will confirm it by mail.",
            CANCELLED => "This reservation was cancelled.",
            NO_SHOW => "You did not arrive at that time, so the table has been released.",
            TOO_OFTEN => "Too many attempts. Please try again in two minutes.",
            UNPROVED => "This request ended, because the e-mail address was not confirmed in time. Please book again, or contact the restaurant.",
            NOT_PROVED => "That code or link is not the right one. Please look at our last mail.",
            WAITING => "No table is free yet. We will let you know.",
            ACCEPTED => "Thank you, the table is booked for you. We are sending you the details.",
            ALREADY_BOOKED => "You already have a booking at that time. Cancel that booking first, and then take this table.",
            LEFT => "This offer has ended, and you are no longer on the waitlist. You can join it again.",
        },
    }
}
