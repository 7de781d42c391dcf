//! Requests of people with the link of an invitation or of a password reset. Part of [`super`].

use axum::http::header::SET_COOKIE;
use axum::http::{HeaderValue, StatusCode};
use chassis::secret::Token;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{ReservationClient, is_temporary, traced, unavailable};
use crate::ports::reservation_api::{Entered, LinkUse, ReservationError, StaffPage};

/// Where a link is read, and where a password is reset by one.
pub(super) fn path_of(page: StaffPage) -> &'static str {
    match page {
        StaffPage::Join => "/api/invitation",
        StaffPage::Password => "/api/password-reset",
    }
}

/// A problem, as far as the page shows it.
#[derive(Deserialize)]
struct Problem {
    code: String,
    #[serde(default)]
    detail: Value,
}

impl Problem {
    /// The faults of the body: the member and the kind of each.
    fn faults(&self) -> Vec<(String, String)> {
        let faults = self.detail.as_array().into_iter().flatten();
        let read = |fault: &Value| {
            let member = fault["loc"].as_array()?.last()?.as_str()?;
            Some((member.to_owned(), fault["type"].as_str()?.to_owned()))
        };
        faults.filter_map(read).collect()
    }
}

impl ReservationClient {
    /// Posts what a person entered, with the link of the person.
    pub(super) async fn use_link(
        &self,
        page: StaffPage,
        entered: &Entered,
        link: &Token,
    ) -> Result<LinkUse, ReservationError> {
        let path = match page {
            StaffPage::Join => "/api/invitation/accept",
            StaffPage::Password => path_of(page),
        };
        let request = self.for_guest(self.client.post(format!("{}{path}", self.base_url)), link)?;
        let response = traced(request.json(&body(page, entered)), None).send().await.map_err(unavailable)?;
        let status = response.status();
        if status.is_success() {
            let cookies = response.headers().get_all(SET_COOKIE).iter();
            let cookies = cookies.filter_map(|cookie| HeaderValue::from_bytes(cookie.as_bytes()).ok());
            return Ok(LinkUse::Done(cookies.collect()));
        }
        let problem = response.json::<Problem>().await.map_err(unavailable)?;
        // The page says that the person has to wait.
        let waits = status == StatusCode::TOO_MANY_REQUESTS || problem.code == "sign_in_busy";
        if is_temporary(status, &problem.code) && !waits {
            return Err(ReservationError::Unavailable(format!("{status} {}", problem.code)));
        }
        Ok(LinkUse::Refused { faults: problem.faults(), code: problem.code })
    }
}

/// What was entered, without the fields that were left empty.
fn body(page: StaffPage, entered: &Entered) -> Value {
    let Entered { name, email, password, code, locale } = entered;
    let of_page = match page {
        StaffPage::Join => ("locale", locale),
        StaffPage::Password => ("code", code),
    };
    let fields = [("name", name), ("email", email), ("password", password), of_page];
    let entered = fields.into_iter().filter(|(_, text)| !text.trim().is_empty());
    entered.map(|(field, text)| (field.to_owned(), json!(text))).collect::<Map<_, _>>().into()
}
