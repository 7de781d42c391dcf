//! The page on which a guest sees a booking, pays what is due, and cancels. The link in its URL is the credential of the
//! guest: it is passed on to the reservation service, which decides.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use chassis::api::Segments;
use chassis::problem::Problem;
use contract::reservation::words::ReservationStatus;
use events::event::GuestAnswer;
use events::values::{Locale, Purpose};
use minijinja::{Value, context};
use people::{date, moment, time};

use super::checkout::PRIVATE_PAGE;
use super::guest_link::{PresentedLink, unknown};
use super::problem::reservation_problem;
use super::proofs::Given;
use super::{pages, proofs};
use crate::app::App;
use crate::domain::effect::About;
use crate::domain::reaction::CONTACT_UNPROVED;
use crate::domain::visit::Reservation;
use crate::ports::reservation_api::Refusal;

/// The page of a booking
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
    let id = link.reservation_id()?;
    let found = app.reservation_api.reservation_for(id, &link.token).await;
    let reservation = found.map_err(|error| reservation_problem(&error))?.ok_or_else(unknown)?;
    let Reservation { visit, status, .. } = &reservation;
    let (locale, zone, now) = (visit.locale, visit.zone(), app.env.now());
    let can_cancel = matches!(status, ReservationStatus::Pending | ReservationStatus::Confirmed);
    let asked = *status == ReservationStatus::Confirmed && reservation.attendance.is_some();
    let is_too_late =
        *status == ReservationStatus::Cancelled && visit_ended_by(&reservation) == Some(CONTACT_UNPROVED);
    let proof = reservation.contact_proof.as_deref().filter(|_| *status == ReservationStatus::Pending);
    let is_free = visit.free_until.is_none_or(|until| now <= until) || reservation.is_called_off;
    let open = app.effect_log.payments(|payment| payment.reservation_id() == id && payment.is_open(), 1);
    let owes = reservation.owes(Purpose::Deposit) || reservation.owes(Purpose::NoShowFee);
    let page = pages::render(
        pages::BOOKING,
        context! {
            page => "bookings",
            link => link.text(),
            venue => visit.venue_name,
            notice,
            proof => given.show(proof, zone, locale),
            date => date(&visit.start_time, locale),
            time => time(&visit.start_time, locale),
            party_size => visit.party_size,
            area => visit.table_area,
            status => if is_too_late { "UNPROVED" } else { status.word() },
            code => visit.code,
            can_cancel,
            asked,
            answers => GuestAnswer::ALL.map(GuestAnswer::word),
            answer => reservation.attendance.as_ref().and_then(|asked| asked.answer).map(GuestAnswer::word),
            consequence => match (visit.free_until, is_free) {
                (None, _) => "free",
                (Some(_), true) => "back",
                (Some(_), false) => "kept",
            },
            free_until => visit.free_until.map(|at| moment(&at.with_timezone(&zone), locale)),
            is_due => owes && !open.is_empty(),
            lang => locale.tag(),
            words => words(locale),
        },
    )?;
    Ok((PRIVATE_PAGE, page).into_response())
}

/// The reason code of the cancellation.
fn visit_ended_by(reservation: &Reservation) -> Option<&str> {
    reservation.cancellation.as_ref().map(|cancellation| cancellation.reason_code.as_str())
}

/// Answer a question, then show the page
pub(super) async fn answer(
    State(app): State<App>,
    Segments((text, answer)): Segments<(String, String)>,
) -> Result<Response, Problem> {
    let link = PresentedLink::read(&text)?;
    let answered = answer_question(&app, link.reservation_id()?.into(), &answer, &link).await;
    match answered? {
        true => Ok(Redirect::to(&format!("/bookings/{}", link.text())).into_response()),
        false => {
            Ok((StatusCode::CONFLICT, show(&app, &link, &Given::default(), Some("NOT_ANSWERED")).await?)
                .into_response())
        }
    }
}

/// Passes the answer of a guest on. Returns whether it can still be answered.
pub(super) async fn answer_question(
    app: &App,
    about: About,
    answer: &str,
    link: &PresentedLink,
) -> Result<bool, Problem> {
    let answer = GuestAnswer::ALL.into_iter().find(|known| known.word() == answer);
    let answer = answer.ok_or_else(|| {
        Problem::not_found("There is no such choice. Use accept, decline, coming, late or not_coming.")
    })?;
    let answered = app.reservation_api.answer_for(about, answer, &link.token).await;
    match answered.as_ref().map_err(|error| (error.refusal(), error)) {
        Ok(()) => Ok(true),
        Err((Some(Refusal::Conflict), _)) => Ok(false),
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
    match proofs::prove(&app, link.reservation_id()?.into(), &link, request).await? {
        None => Ok(Redirect::to(&format!("/bookings/{}", link.text())).into_response()),
        Some((status, notice)) => {
            Ok((status, show(&app, &link, &Given::default(), Some(notice)).await?).into_response())
        }
    }
}

/// Cancel, then show the page
pub(super) async fn cancel(
    State(app): State<App>,
    Segments(text): Segments<String>,
) -> Result<Response, Problem> {
    let link = PresentedLink::read(&text)?;
    let id = link.reservation_id()?;
    let cancelled = app.reservation_api.cancel_for(id, &link.token).await;
    match cancelled.as_ref().map_err(|error| (error.refusal(), error)) {
        Ok(()) => Ok(Redirect::to(&format!("/bookings/{}", link.text())).into_response()),
        // For example the party is at the table.
        Err((Some(Refusal::Conflict), _)) => {
            Ok((StatusCode::CONFLICT, show(&app, &link, &Given::default(), Some("NOT_CANCELLED")).await?)
                .into_response())
        }
        Err((Some(Refusal::NotFound), _)) => Err(unknown()),
        Err((_, error)) => Err(reservation_problem(error)),
    }
}

fn words(locale: Locale) -> Value {
    match locale {
        Locale::Id => context! {
            people => "orang",
            number => "Nomor reservasi",
            pay_hint => "Masih ada yang harus dibayar. Tautannya kami kirim lewat email.",
            cancel => "Batalkan reservasi",
            really => "Ya, batalkan",
            free => "Pembatalan tidak dikenakan biaya.",
            back => "Anda masih bisa membatalkan gratis: deposit yang sudah dibayar kami kembalikan. Batas waktunya",
            kept => "Batas waktu pembatalan gratis sudah lewat: deposit tidak dikembalikan.",
            question => "Apakah Anda jadi datang?",
            answered => "Jawaban Anda:",
            coming => "Ya, kami datang",
            late => "Kami akan terlambat",
            not_coming => "Kami tidak datang",
            cancel_hint => "Reservasi Anda masih berlaku. Bila tidak jadi datang, batalkan di bawah ini.",
            NOT_ANSWERED => "Pertanyaan ini sudah tidak berlaku.",
            NOT_CANCELLED => "Reservasi ini tidak bisa dibatalkan lagi.",
            TOO_OFTEN => "Terlalu banyak percobaan. Silakan coba lagi dalam dua menit.",
            UNPROVED => "Permintaan ini berakhir karena alamat email tidak dikonfirmasi tepat waktu. Silakan memesan lagi, atau hubungi restoran.",
            NOT_PROVED => "Kode atau tautan itu tidak cocok. Silakan periksa email terakhir dari kami.",
            PENDING => "Permintaan Anda sudah kami terima.",
            CONFIRMED => "Reservasi Anda sudah dikonfirmasi.",
            CHECKED_IN => "Selamat datang!",
            COMPLETED => "Terima kasih atas kunjungan Anda.",
            CANCELLED => "Reservasi ini sudah dibatalkan.",
            NO_SHOW => "Anda tidak datang pada waktu itu, sehingga meja sudah kami lepas.",
        },
        Locale::En => context! {
            people => "guests",
            number => "Reservation",
            pay_hint => "There is something left to pay. We sent you the link by mail.",
            cancel => "Cancel the booking",
            really => "Yes, cancel it",
            free => "Cancelling costs nothing.",
            back => "You can still cancel free of charge: a deposit that you paid is refunded. The limit is",
            kept => "The time for free cancellation has passed: the deposit is not refunded.",
            question => "Are you coming?",
            answered => "Your answer:",
            coming => "Yes, we are coming",
            late => "We will be late",
            not_coming => "We are not coming",
            cancel_hint => "Your booking is still valid. If you are not coming, please cancel it below.",
            NOT_ANSWERED => "This question is no longer open.",
            NOT_CANCELLED => "This booking can no longer be cancelled.",
            TOO_OFTEN => "Too many attempts. Please try again in two minutes.",
            UNPROVED => "This request ended, because the e-mail address was not confirmed in time. Please book again, or contact the restaurant.",
            NOT_PROVED => "That code or link is not the right one. Please look at our last mail.",
            PENDING => "We have your request.",
            CONFIRMED => "Your booking is confirmed.",
            CHECKED_IN => "Welcome!",
            COMPLETED => "Thank you for your visit.",
            CANCELLED => "This booking was cancelled.",
            NO_SHOW => "You did not arrive at that time, so the table has been released.",
        },
    }
}
