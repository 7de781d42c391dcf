//! The page on which a guest corrects the contact and the wishes.

use axum::http::StatusCode;
use axum::response::Response;
use minijinja::context;
use rpc::v1;
use serde::{Deserialize, Serialize};

use super::book::Faults;
use super::booking::Booking;
use super::change::after;
use super::guest::go;
use super::links::remember;
use super::own::Act;
use super::words::word;
use crate::services::Trouble;

/// The form.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Corrected {
    /// The Idempotency-Key, made with the form.
    key: String,
    name: String,
    /// Empty: it stays. So does the e-mail address.
    phone: String,
    email: String,
    requests: String,
    allergies: String,
    chairs: String,
}

impl Corrected {
    /// The details as they are, as far as pages show them.
    fn of(own: &Booking) -> Self {
        let r = own.subject.clone();
        Self {
            key: own.new_key(),
            name: r.contact_name.unwrap_or_default(),
            requests: r.special_requests.unwrap_or_default(),
            allergies: r.allergies.unwrap_or_default(),
            chairs: r.high_chairs.to_string(),
            ..Self::default()
        }
    }

    /// The request. What the guest left empty is removed, except for the contact.
    fn request(&self, reservation_id: &str) -> v1::CorrectReservationRequest {
        let text = |text: &str| Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned);
        let contact =
            v1::ContactInfo { name: text(&self.name), phone: text(&self.phone), email: text(&self.email) };
        let (requests, allergies) = (text(&self.requests), text(&self.allergies));
        let chairs = text(&self.chairs).filter(|chairs| chairs != "0");
        let removed = [
            ("special_requests", requests.is_none()),
            ("allergies", allergies.is_none()),
            ("high_chairs", chairs.is_none()),
        ];
        v1::CorrectReservationRequest {
            reservation_id: reservation_id.to_owned(),
            contact_info: Some(contact).filter(|contact| *contact != v1::ContactInfo::default()),
            special_requests: requests,
            allergies,
            high_chairs: chairs.and_then(|chairs| chairs.parse().ok()),
            removed_fields: removed
                .into_iter()
                .filter(|(_, is_removed)| *is_removed)
                .map(|(name, _)| name.to_owned())
                .collect(),
            ..Default::default()
        }
    }
}

/// The page.
pub(super) async fn page(own: Booking) -> Response {
    match own.is_open() {
        true => show(&own, &Corrected::of(&own), &[]),
        false => go(&own.path()),
    }
}

/// The page with what was entered, and each field with a fault with the name of its text.
fn show(own: &Booking, entered: &Corrected, faulty: &[(&str, &str)]) -> Response {
    let text = |name: &str| word(own.locale(), &format!("fault_{name}"));
    let faults: Vec<_> = faulty.iter().map(|(field, name)| context! { field, text => text(name) }).collect();
    let status = if faulty.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = own.page("correct.html", context! { entered, faults }).status(status);
    page.with_form(&format!("{}/correct", own.path())).respond()
}

/// Corrects the details.
pub(super) async fn submit(Act { own, form: entered }: Act<v1::Reservation, Corrected>) -> Response {
    let entered = Corrected { key: own.key(&entered.key), ..entered };
    if own.guest.chooses_language() {
        return show(&own, &entered, &[]);
    }
    let chairs = entered.chairs.trim();
    if !chairs.is_empty() && chairs.parse::<u32>().is_err() {
        return show(&own, &entered, &[("chairs", "chairs")]);
    }
    if entered.name.trim().is_empty() {
        return show(&own, &entered, &[("name", "name")]);
    }
    let request = entered.request(&own.subject.reservation_id);
    match own.call().with_key(&entered.key).correct_reservation(request).await {
        Err(Trouble::Refused(refusal)) if refusal.code == "invalid_request" => {
            let faults: Vec<_> = Faults::of(&refusal).0.into_iter().map(|field| (field, field)).collect();
            show(&own, &Corrected { key: own.new_key(), ..entered }, &faults)
        }
        Err(Trouble::Refused(refusal)) if refusal.code == "email_fixed" => {
            let entered = Corrected { key: own.new_key(), ..entered };
            show(&own, &entered, &[("email", "email_fixed")])
        }
        // With another address the guest has another link.
        Ok(v1::Reservation { guest_link: Some(link), .. }) => {
            let page = go(&format!("{}?done=corrected", own.path()));
            remember(page, &own.guest.headers, Some(&link.token))
        }
        result => after(&own, "correct", "corrected", &entered, result).await,
    }
}
