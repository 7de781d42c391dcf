//! The page to pay a deposit: the booking and the payment, until when, and by which channel.

use axum::http::StatusCode;
use axum::response::Response;
use minijinja::context;
use rpc::v1;
use serde::{Deserialize, Serialize};

use super::booking::Booking;
use super::channels::{accepting, label_of};
use super::guest::go;
use super::own::Act;
use super::{notices, words};
use crate::services::Trouble;

/// The form with which a guest chooses another channel, or tries again.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Chosen {
    /// The Idempotency-Key, made with the form.
    key: String,
    channel: String,
}

/// The page. A booking without a deposit that is due has none.
pub(super) async fn page(own: Booking) -> Response {
    show(&own, None).await
}

/// The page, with the reason why a choice was refused.
async fn show(own: &Booking, refused: Option<String>) -> Response {
    let (r, locale) = (&own.subject, own.locale());
    let deposit = r.deposit.as_ref().filter(|_| own.is_deposit_due());
    let Some(deposit) = deposit else { return go(&own.path()) };
    let amount = v1::Money {
        amount_minor: deposit.amount_minor.unwrap_or_default(),
        currency: deposit.currency.clone().unwrap_or_default(),
    };
    // Not the last known ones: the page says whether the payment works now.
    let channels =
        own.guest.call().list_channels(v1::ListChannelsRequest {}).await.map(|answer| answer.channels);
    let channels = channels.as_deref().ok();
    let code = r.payment.as_ref().and_then(|payment| payment.channel.clone());
    let channel = code.as_ref().zip(channels).and_then(|(code, channels)| label_of(code, channels, locale));
    let status = if refused.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    let facts = context! {
        key => own.new_key(),
        refused,
        is_reachable => channels.is_some(),
        channel,
        code,
        channels => channels.map(|channels| accepting(&amount, channels, locale)),
        checkout => deposit.pay_link.as_ref().map(|link| format!("/checkout/{link}")),
    };
    own.page("pay.html", facts).status(status).respond()
}

/// Requests the deposit by another channel, or again.
pub(super) async fn choose(Act { own, form: chosen }: Act<v1::Reservation, Chosen>) -> Response {
    let path = format!("{}/pay", own.path());
    let key = own.key(&chosen.key);
    let request = v1::RenewDepositRequest {
        reservation_id: own.subject.reservation_id.clone(),
        payment_channel: Some(chosen.channel.clone()).filter(|channel| !channel.is_empty()),
    };
    match own.call().with_key(&key).renew_deposit(request).await {
        Ok(_) => go(&path),
        Err(Trouble::Refused(refusal)) => {
            let text = words::refusal(own.locale(), &refusal.code, "refused_change");
            show(&own, Some(text)).await
        }
        Err(Trouble::Unanswered) => {
            notices::unknown(&own.guest, own.locale(), own.colour(), &path, &Chosen { key, ..chosen })
        }
        Err(trouble) => notices::trouble(&own.guest, &trouble),
    }
}
