//! Pages for guests in place of problems: a browser shows a page in both languages, because the language of a guest is
//! known only together with a reservation.

use axum::extract::Request;
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use chassis::api::accepts_html;
use chassis::request_trace::RequestTrace;
use minijinja::{Value, context};

use super::checkout::PRIVATE_PAGE;
use super::pages;

/// Middleware that replaces an error response by a page if the request comes from a browser.
pub(super) async fn for_browsers(request: Request, next: Next) -> Response {
    let is_browser = accepts_html(request.headers());
    let page = pages::page_of(request.uri().path()).to_owned();
    let is_for_staff = page.starts_with("/join") || page.starts_with("/password");
    let is_checkout = request.method() == Method::GET && page.starts_with("/checkout");
    let request_id = request.extensions().get::<RequestTrace>().map(|trace| trace.request_id.clone());
    let mut response = next.run(request).await;
    response.headers_mut().entry(header::VARY).or_insert(header::ACCEPT.into());
    let status = response.status();
    if !is_browser || is_page(&response) || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let after = response.headers().get(header::RETRY_AFTER).cloned();
    let loads_again = is_checkout && after.is_some() && status == StatusCode::SERVICE_UNAVAILABLE;
    let (id, en) = match () {
        () if is_for_staff => staff_words(status),
        () if loads_again => waiting_words(),
        () => words(status),
    };
    let link = status.is_server_error().then_some(page);
    let Ok(page) = pages::render(pages::PROBLEM, context! { id, en, link, request_id }) else {
        return response;
    };
    let mut shown = (status, PRIVATE_PAGE, [(header::VARY, header::ACCEPT.as_str())], page).into_response();
    shown.headers_mut().extend(after.clone().filter(|_| loads_again).map(|after| (header::REFRESH, after)));
    shown.headers_mut().extend(after.map(|after| (header::RETRY_AFTER, after)));
    shown
}

/// Whether the response is a page already, such as a form that says what to correct.
fn is_page(response: &Response) -> bool {
    let media_type = response.headers().get(header::CONTENT_TYPE);
    media_type.is_some_and(|media_type| media_type.as_bytes().starts_with(b"text/html"))
}

/// The texts for a member of staff about an error, in Indonesian and in English.
fn staff_words(status: StatusCode) -> (Value, Value) {
    match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => (
            context! {
                title => "Tautan ini tidak berlaku lagi",
                text => "Tautan ini hanya dapat dipakai satu kali, dan hanya untuk waktu tertentu. Bila Anda sudah memakainya, masuklah dengan kata sandi Anda. Bila belum, mintalah undangan baru kepada pemilik restoran, atau mintalah sekali lagi kata sandi baru.",
            },
            context! {
                title => "This link is no longer valid",
                text => "The link can be used once, and only for a limited time. If you have used it, sign in with your password. If not, ask an owner of the restaurant for another invitation, or ask for a new password again.",
            },
        ),
        status if status.is_client_error() => (
            context! {
                title => "Permintaan ini tidak dapat diproses",
                text => "Buka lagi tautan di email kami, isi formulirnya, lalu simpan.",
            },
            context! {
                title => "This request cannot be processed",
                text => "Open the link in our mail again, fill in the form, and save it.",
            },
        ),
        status => words(status),
    }
}

/// The texts of a checkout page that loads itself again, because the provider has not opened the payment yet.
fn waiting_words() -> (Value, Value) {
    (
        context! {
            title => "Mohon tunggu sebentar",
            text => "Pembayaran Anda sedang disiapkan, dan halaman ini dimuat lagi dengan sendirinya. Bila itu lebih lama dari satu menit, hubungi restoran.",
        },
        context! {
            title => "One moment, please",
            text => "Your payment is being prepared, and this page loads again by itself. If that takes more than a minute, contact the restaurant.",
        },
    )
}

/// The texts for a guest about an error, in Indonesian and in English.
fn words(status: StatusCode) -> (Value, Value) {
    match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => (
            context! {
                title => "Halaman ini tidak ada",
                text => "Tautannya mungkin tidak lengkap atau sudah tidak berlaku. Silakan buka lagi tautan di pesan kami, atau hubungi restoran.",
            },
            context! {
                title => "This page does not exist",
                text => "The link may be incomplete or no longer valid. Please open the link in our message again, or contact the restaurant.",
            },
        ),
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => (
            context! {
                title => "Mohon coba lagi sebentar lagi",
                text => "Layanan ini sedang tidak dapat dihubungi. Buka halaman ini lagi dalam satu menit untuk melihat apakah permintaan Anda sudah tercatat.",
            },
            context! {
                title => "Please try again in a moment",
                text => "This service cannot be reached right now. Open the page again in a minute to see whether your request was recorded.",
            },
        ),
        status if status.is_client_error() => (
            context! {
                title => "Permintaan ini tidak dapat diproses",
                text => "Silakan buka lagi tautan di pesan kami, atau hubungi restoran.",
            },
            context! {
                title => "This request cannot be processed",
                text => "Please open the link in our message again, or contact the restaurant.",
            },
        ),
        _ => (
            context! {
                title => "Terjadi kesalahan di pihak kami",
                text => "Mohon coba lagi nanti, atau hubungi restoran dengan nomor di bawah ini.",
            },
            context! {
                title => "Something went wrong on our side",
                text => "Please try again later, or contact the restaurant and quote the number below.",
            },
        ),
    }
}
