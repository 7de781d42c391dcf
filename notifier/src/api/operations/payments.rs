//! Payments and payment channels.

use std::cmp::Reverse;

use access::Caller;
use chassis::api::{Cursor, paged};
use chassis::problem::Problem;
use contract::form::Form;
use contract::notifier::payments::{ChannelView, Channels, Labels, Limits, PaymentView, Payments};
use contract::notifier::requests::{ListPayments, drafts};
use events::PaymentId;
use uuid::Uuid;

use super::LIMIT_DEFAULT;
use crate::app::App;
use crate::domain::payment_channels::{self, Channel};
use crate::effects::payment::Payment;

/// The payment channels.
pub(in crate::api) fn channels(app: &App) -> Channels {
    let view = |channel: &Channel| ChannelView {
        code: channel.code.clone(),
        label: Labels { id: channel.label.id.clone(), en: channel.label.en.clone() },
        provider: channel.provider.clone(),
        currencies: channel.currencies.clone(),
        limits: channel
            .limits
            .iter()
            .map(|(currency, limits)| (currency.clone(), limits_of(*limits)))
            .collect(),
    };
    Channels { channels: app.payment_providers.channels.iter().map(view).collect() }
}

fn view_of(payment: Payment) -> PaymentView {
    PaymentView {
        payment_id: payment.id(),
        reservation_id: payment.reservation_id(),
        status: payment.full_status(),
        amount_minor: payment.opened.amount.amount_minor,
        currency: payment.opened.amount.currency,
        refunded_minor: payment.refunded_minor,
        channel: payment.opened.channel,
        provider: payment.opened.provider,
        provider_reference: payment.opened.provider_reference,
        opened_at: payment.opened_at,
        checkout_url: payment.opened.url,
    }
}

fn limits_of(limits: payment_channels::Limits) -> Limits {
    Limits { min_minor: limits.min_minor, max_minor: limits.max_minor }
}

/// A payment.
pub(in crate::api) fn get(app: &App, id: PaymentId, caller: &Caller) -> Result<PaymentView, Problem> {
    app.payment(caller, id).map(view_of).ok_or_else(|| unknown_payment(id))
}

/// Payments, the latest first.
pub(in crate::api) fn list(app: &App, mut form: Form, caller: &Caller) -> Result<Payments, Problem> {
    let draft = drafts::ListPayments::take(&mut form);
    let after =
        draft.cursor.as_ref().and_then(|text| form.checked(&["cursor"], text.as_str(), place(text.as_str())));
    let ListPayments { status, reservation_id, limit, .. } = draft.complete_in(form)?;
    let limit = limit.map_or(LIMIT_DEFAULT, usize::from);
    let wanted = |payment: &Payment| {
        status.is_none_or(|status| payment.full_status() == status)
            && reservation_id.is_none_or(|id| payment.reservation_id() == id)
            && after.is_none_or(|after| payment.place() > after)
    };
    let found = app.payments(caller, wanted, limit + 1);
    let (found, next_cursor) = paged(found, limit, |last: &Payment| Cursor {
        at: last.opened_at,
        key: last.id().0.as_bytes().to_vec(),
    });
    Ok(Payments { items: found.into_iter().map(view_of).collect(), next_cursor })
}

/// The place in the list that a cursor means.
fn place(text: &str) -> Result<(Reverse<i64>, PaymentId), &'static str> {
    let Cursor { at, key } = Cursor::parse(text)?;
    let id = Uuid::from_slice(&key).map_err(|_| "this is not a cursor of this list")?;
    Ok((Reverse(at.timestamp_micros()), PaymentId(id)))
}

pub(in crate::api) fn unknown_payment(id: PaymentId) -> Problem {
    Problem::not_found(format!("There is no payment {id}."))
}
