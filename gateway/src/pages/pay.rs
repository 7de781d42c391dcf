//! The page to pay a deposit: the booking and the payment, until when, and by which channel.

use axum::extract::Path;
use axum::response::Response;
use minijinja::context;

use super::book::label;
use super::booking::Own;
use super::guest::{Guest, go};
use super::times;
use rpc::v1;

/// The page. A booking without a deposit that is due has none.
pub(super) async fn page(guest: Guest, Path(id): Path<String>) -> Response {
    let own = match Own::find(guest, &id).await {
        Ok(own) => own,
        Err(response) => return *response,
    };
    let deposit = own.reservation.deposit.as_ref().filter(|_| own.is_deposit_due());
    let Some(deposit) = deposit else { return go(&own.path()) };
    // Not the last known ones: the page says whether the payment works now.
    let channels =
        own.guest.call().list_channels(v1::ListChannelsRequest {}).await.map(|answer| answer.channels);
    let code = own.reservation.payment.as_ref().and_then(|payment| payment.channel.clone());
    let channel = channels.as_ref().ok().and_then(|channels| {
        let chosen = channels.iter().find(|channel| Some(&channel.code) == code.as_ref());
        chosen.map(|channel| label(channel, own.locale()))
    });
    let failed = own.reservation.payment.as_ref().is_some_and(|payment| payment.failure.is_some());
    let facts = context! {
        is_reachable => channels.is_ok(),
        channel,
        failed,
        // A deposit that is paid after the deadline does not come back.
        is_late => times::local(&own.reservation.free_cancellation_until) < own.guest.app.env.now(),
        checkout => deposit.pay_link.as_ref().map(|link| format!("/checkout/{link}")),
    };
    own.page("pay.html", facts).respond()
}
