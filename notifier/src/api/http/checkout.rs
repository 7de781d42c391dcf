//! The checkout page: two buttons for the simulated provider, Stripe's form for Stripe. Its URL ends with the guest's link
//! to pay. A payment that an earlier version opened has none: the random reference in its URL suffices.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use chassis::api::Segments;
use chassis::problem::Problem;
use events::values::{Locale, ReservationCode};
use minijinja::{Value, context};

use super::guest_link::{PresentedLink, unknown};
use super::pages;
use super::problem::provider_problem;
use super::provider_webhooks;
use crate::app::App;
use crate::effects::payment::{Payment, PaymentStatus};
use crate::ports::payment::Checkout;
use people::money;

/// Sends the data of the guest to Stripe, and nothing to this service.
const SCRIPT: &str = include_str!("../../../templates/checkout.js");

/// The page is for one guest and loads nothing from other sites.
pub(super) const PRIVATE_PAGE: [(HeaderName, &str); 3] = [
    (header::CACHE_CONTROL, "no-store"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; frame-ancestors 'none'",
    ),
    (header::REFERRER_POLICY, "no-referrer"),
];

/// The checkout page of a payment that an earlier version opened; with only the link to pay, on to the page of the payment
pub(super) async fn page(
    State(app): State<App>,
    Segments(reference): Segments<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if let Ok(id) = PresentedLink::read(&reference).and_then(|link| link.payment_id()) {
        let Some(payment) = app.effect_log.payment(id) else { return Err(not_opened()) };
        let payment = Some(payment).filter(|payment| payment.is_opened_by(Some(&reference)));
        let payment = payment.ok_or_else(unknown)?;
        return Ok(
            Redirect::to(&page_path(&payment.opened.provider_reference, Some(&reference))).into_response()
        );
    }
    show(&app, &reference, None, &headers).await
}

/// The checkout page
pub(super) async fn page_with_link(
    State(app): State<App>,
    Segments((reference, link)): Segments<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    show(&app, &reference, Some(&link), &headers).await
}

/// The payment with this reference, if `link` opens it.
fn opened_by(app: &App, reference: &str, link: Option<&str>) -> Result<Payment, Problem> {
    let payment = app.effect_log.payment_of(reference).filter(|payment| payment.is_opened_by(link));
    payment.ok_or_else(unknown)
}

/// The response to a link to pay before the provider has opened the payment, which takes a moment.
fn not_opened() -> Problem {
    let detail = "The payment is not prepared yet. Load the page again in a moment.";
    Problem::unavailable("provider_unavailable", detail, 2)
}

async fn show(
    app: &App,
    reference: &str,
    link: Option<&str>,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    // The payment does not know the language of the guest.
    let locale = people::preferred(headers).unwrap_or(Locale::En);
    let payment = opened_by(app, reference, link)?;
    let checkout = match app.payment_providers.provider(&payment.opened.provider) {
        Some(provider) if payment.status == PaymentStatus::Pending => {
            Some(provider.checkout(reference).await.map_err(|error| provider_problem(&error))?)
        }
        _ => None,
    };
    let channel = app.payment_providers.channels.get(&payment.opened.channel);
    let form = match &checkout {
        Some(Checkout::StripeForm { script_url, publishable_key, client_secret }) => {
            Some(context! { script_url, publishable_key, client_secret })
        }
        Some(Checkout::Buttons) | None => None,
    };
    let page = pages::render(
        pages::CHECKOUT,
        context! {
            path => page_path(reference, link),
            form,
            buttons => matches!(checkout, Some(Checkout::Buttons)),
            is_fee => !payment.opened.purpose.is_deposit(),
            lang => locale.tag(),
            words => words(locale),
            amount => money(payment.opened.amount, locale),
            channel => channel.map_or(payment.opened.channel.as_str(), |channel| match locale {
                Locale::Id => channel.label.id.as_str(),
                Locale::En => channel.label.en.as_str(),
            }),
            reservation_id => payment.reservation_id().to_string(),
            code => ReservationCode::of(payment.reservation_id()).to_string(),
            status => payment.full_status().word(),
            // A no-show fee is paid by the link in its mail only.
            pays_again => payment.opened.purpose.is_deposit()
                && payment.status == PaymentStatus::Refused,
        },
    )?;
    let mut response = (
        PRIVATE_PAGE,
        [(header::CONTENT_LANGUAGE, locale.tag()), (header::VARY, "accept, accept-language")],
        page,
    )
        .into_response();
    if let Some(Checkout::StripeForm { script_url, .. }) = &checkout
        && let Ok(policy) = HeaderValue::from_str(&stripe_policy(script_url))
    {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}

fn words(locale: Locale) -> Value {
    match locale {
        Locale::Id => context! {
            pay_title => "Bayar",
            deposit => "Deposit untuk meja Anda",
            fee => "Biaya ketidakhadiran untuk reservasi Anda",
            by => "lewat",
            pay => "Bayar",
            refuse => "Tolak",
            reservation => "Reservasi",
            to_booking => "Reservasi Anda",
            card_note => "Data kartu Anda dikirim ke Stripe, bukan ke kami.",
            simulated_note => "Ini penyedia pembayaran simulasi: tidak ada uang yang berpindah.",
            status_is => "Status pembayaran ini:",
            paid => "sudah dibayar",
            refused => "ditolak",
            expired => "kedaluwarsa",
            pending => "menunggu pembayaran",
            nothing_charged => "Tidak ada dana yang ditarik.",
            pay_again => "Coba lagi, atau bayar dengan cara lain",
            partly_refunded => "sebagian dikembalikan",
            refunded => "dikembalikan",
        },
        Locale::En => context! {
            pay_title => "Pay",
            deposit => "Deposit for your table",
            fee => "No-show fee for your reservation",
            by => "by",
            pay => "Pay",
            refuse => "Refuse",
            reservation => "Reservation",
            to_booking => "Your booking",
            card_note => "Your card details go to Stripe, not to us.",
            simulated_note => "This is a simulated payment provider: no money moves.",
            status_is => "The status of this payment:",
            paid => "paid",
            refused => "refused",
            expired => "expired",
            pending => "waiting for the payment",
            nothing_charged => "Nothing was charged.",
            pay_again => "Try again, or pay another way",
            partly_refunded => "partly refunded",
            refunded => "refunded",
        },
    }
}

/// The content security policy of the page with Stripe's form: its script, what that loads, and our script.
fn stripe_policy(script_url: &str) -> String {
    let origin = script_url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    let api = "https://api.stripe.com https://*.stripe.com";
    format!(
        "default-src 'none'; script-src 'self' {origin} https://*.js.stripe.com; style-src 'self'; \
         connect-src 'self' {origin} {api}; frame-src {origin} https://*.js.stripe.com https://hooks.stripe.com; \
         img-src data: https://*.stripe.com; form-action 'self'; frame-ancestors 'none'"
    )
}

/// The stylesheet of all pages
pub(super) async fn stylesheet() -> Response {
    let headers =
        [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "public, max-age=3600")];
    (headers, people::STYLE).into_response()
}

/// The script of the page with Stripe's form
pub(super) async fn script() -> Response {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], SCRIPT).into_response()
}

fn page_path(reference: &str, link: Option<&str>) -> String {
    let link = link.map(|link| format!("/{link}")).unwrap_or_default();
    format!("/checkout/{reference}{link}")
}

/// Pay or refuse a payment that an earlier version opened
pub(super) async fn choose_without_link(
    State(app): State<App>,
    Segments((reference, choice)): Segments<(String, String)>,
) -> Result<Response, Problem> {
    decide(&app, &reference, None, &choice).await
}

/// Pay or refuse
pub(super) async fn choose(
    State(app): State<App>,
    Segments((reference, link, choice)): Segments<(String, String, String)>,
) -> Result<Response, Problem> {
    decide(&app, &reference, Some(&link), &choice).await
}

async fn decide(app: &App, reference: &str, link: Option<&str>, choice: &str) -> Result<Response, Problem> {
    let pays = match choice {
        "pay" => true,
        "refuse" => false,
        _ => return Err(Problem::not_found("A guest can pay or refuse.")),
    };
    opened_by(app, reference, link)?;
    provider_webhooks::choose(app, reference, pays).await?;
    Ok(Redirect::to(&page_path(reference, link)).into_response())
}
