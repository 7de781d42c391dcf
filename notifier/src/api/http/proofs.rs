//! The part of a page on which a guest proves the contact. Opening the page proves nothing: programs that check mails open
//! links too. The guest presses a button, or types the code of the mail.

use axum::extract::{FromRequestParts, Query, Request};
use axum::http::StatusCode;
use chassis::problem::Problem;
use chrono::DateTime;
use chrono_tz::Tz;
use contract::reservation::contact::ContactProofView;
use events::values::Locale;
use minijinja::{Value, context};
use serde::{Deserialize, Serialize};

use super::guest_link::{PresentedLink, unknown};
use super::problem::reservation_problem;
use crate::app::App;
use crate::domain::effect::About;
use crate::ports::reservation_api::{Refusal, ReservationError};
use people::time;

/// The code of the problem for a proof that is wrong.
const INVALID: &str = "invalid_request";

/// A proof, in the URL of the mail or in the form of the page.
#[derive(Default, Deserialize)]
pub(super) struct Given {
    #[serde(default)]
    proof: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Given {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        state: &S,
    ) -> Result<Self, Self::Rejection> {
        let query = Query::<Self>::from_request_parts(parts, state).await;
        Ok(query.map(|Query(given)| given).unwrap_or_default())
    }
}

/// What a page shows about a proof that is missing.
#[derive(Serialize)]
pub(super) struct Shown {
    method: &'static str,
    /// The proof in the URL, for the button.
    given: Option<String>,
    until: String,
    words: Value,
}

impl Given {
    /// What a page shows about the proof that is missing, if the guest was asked for one.
    pub(super) fn show(&self, proof: Option<&ContactProofView>, zone: Tz, locale: Locale) -> Option<Shown> {
        let ContactProofView { method, expires_at } = proof?;
        let until: DateTime<Tz> = (*expires_at)?.with_timezone(&zone);
        Some(Shown {
            method: method.word(),
            given: Some(self.proof.clone()).filter(|given| !given.is_empty()),
            until: time(&until, locale),
            words: words(locale),
        })
    }
}

/// Passes on the proof in the form that a guest sends. Returns the notice of the page if it is not accepted. If it comes too late,
/// the page shows that.
pub(super) async fn prove(
    app: &App,
    about: About,
    link: &PresentedLink,
    request: Request,
) -> Result<Option<(StatusCode, &'static str)>, Problem> {
    let given: Given = chassis::body::read_form(request).await?;
    // People type the spaces that they see.
    let proof: String = given.proof.split_whitespace().collect();
    let proved = app.reservation_api.prove_for(about, &proof, &link.token).await;
    match proved.as_ref().map_err(|error| (error.refusal(), error)) {
        Ok(()) | Err((Some(Refusal::Conflict), _)) => Ok(None),
        Err((_, ReservationError::Refused { code, .. })) if code == INVALID => {
            Ok(Some((StatusCode::UNPROCESSABLE_ENTITY, "NOT_PROVED")))
        }
        Err((_, ReservationError::Limited(_))) => Ok(Some((StatusCode::TOO_MANY_REQUESTS, "TOO_OFTEN"))),
        Err((Some(Refusal::NotFound), _)) => Err(unknown()),
        Err((_, error)) => Err(reservation_problem(error)),
    }
}

fn words(locale: Locale) -> Value {
    match locale {
        Locale::Id => context! {
            press => "Mohon konfirmasi alamat email Anda. Permintaan ini berlaku sampai pukul",
            look => "Kami mengirim email dengan tautan untuk mengonfirmasi alamat Anda. Mohon buka tautan itu sebelum pukul",
            enter => "Kami mengirim email dengan kode enam angka. Mohon masukkan kode itu sebelum pukul",
            code => "Kode",
            confirm => "Konfirmasi",
        },
        Locale::En => context! {
            press => "Please confirm your e-mail address. The request is valid until",
            look => "We sent you a mail with a link to confirm your address. Please open it before",
            enter => "We sent you a mail with a code of six digits. Please type it before",
            code => "Code",
            confirm => "Confirm",
        },
    }
}
