//! The pages on which members of staff accept an invitation and reset a password. The link in the URL is their
//! credential: it is passed on to the reservation service, which decides.

use access::link::LinkOf;
use axum::extract::Request;
use axum::extract::{FromRequestParts, Query, State};
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::http::request::Parts;
use axum::response::{AppendHeaders, IntoResponse as _, Response};
use chassis::api::Segments;
use chassis::problem::Problem;
use contract::reservation::roles::RolesView;
use contract::reservation::staff::{PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN, StaffLinkInfo};
use events::values::Locale;
use minijinja::{Value, context};
use serde::Deserialize;

use super::checkout::PRIVATE_PAGE;
use super::guest_link::{PresentedLink, unknown};
use super::pages;
use super::problem::reservation_problem;
use crate::app::App;
use crate::ports::reservation_api::{Entered, LinkUse, StaffPage};

/// The page of an invitation or of a password reset
pub(super) async fn page(State(app): State<App>, visit: Visit) -> Result<Response, Problem> {
    visit.show(&app, None, &Entered::default()).await
}

/// Accept an invitation, or reset a password
pub(super) async fn submit(
    State(app): State<App>,
    visit: Visit,
    request: Request,
) -> Result<Response, Problem> {
    let entered: Entered = chassis::body::read_form(request).await?;
    visit.submit(&app, &entered).await
}

/// The visit of a person to one of the pages.
pub(super) struct Visit {
    page: StaffPage,
    link: PresentedLink,
    /// The language that the person chose on the page, or that the browser prefers.
    locale: Option<Locale>,
}

/// The language that a person chose on a page.
#[derive(Deserialize)]
struct Chosen {
    lang: String,
}

impl FromRequestParts<App> for Visit {
    type Rejection = Problem;

    /// The link in the path, on the page for links of its kind.
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Segments(text) = Segments::<String>::from_request_parts(parts, app).await?;
        let link = PresentedLink::read(&text)?;
        let (page, path) = match link.of {
            LinkOf::Invitation(_) => (StaffPage::Join, "/join/"),
            LinkOf::PasswordReset(_) => (StaffPage::Password, "/password/"),
            _ => return Err(unknown()),
        };
        let chosen = Query::<Chosen>::from_request_parts(parts, app).await;
        let chosen = chosen.ok().and_then(|Query(chosen)| Locale::from_tag(&chosen.lang));
        let locale = chosen.or_else(|| people::preferred(&parts.headers));
        if parts.uri.path().starts_with(path) { Ok(Self { page, link, locale }) } else { Err(unknown()) }
    }
}

impl Visit {
    /// The page, with a notice if there is one, and with what was entered before.
    async fn show(&self, app: &App, notice: Option<Notice>, entered: &Entered) -> Result<Response, Problem> {
        let info = self.info(app).await?;
        let StaffLinkInfo { name, email, roles, needs_code, .. } = &info;
        let page = self.render(
            self.locale_of(&info),
            context! {
                title => if self.page == StaffPage::Join { "join" } else { "reset" },
                notice => notice.map(|notice| notice.words),
                faulty => notice.and_then(|notice| notice.field),
                email,
                asks_for_contact => email.is_none(),
                name => name.as_ref().unwrap_or(&entered.name),
                typed_email => entered.email,
                roles => role_words(roles),
                needs_code,
                password_min => PASSWORD_CHARS_MIN,
                password_max => PASSWORD_CHARS_MAX,
            },
        )?;
        Ok((PRIVATE_PAGE, page).into_response())
    }

    /// What the link is for.
    async fn info(&self, app: &App) -> Result<StaffLinkInfo, Problem> {
        let info = app.reservation_api.staff_link(self.page, &self.link.token).await;
        info.map_err(|error| reservation_problem(&error))?.ok_or_else(unknown)
    }

    fn locale_of(&self, info: &StaffLinkInfo) -> Locale {
        self.locale.or(info.locale).unwrap_or_default()
    }

    /// Passes on what the person entered, and shows the result.
    async fn submit(&self, app: &App, entered: &Entered) -> Result<Response, Problem> {
        let locale = self.locale_of(&self.info(app).await?);
        let used = app.reservation_api.use_staff_link(self.page, entered, &self.link.token).await;
        match used.map_err(|error| reservation_problem(&error))? {
            LinkUse::Done(cookies) => {
                let page = self.render(locale, context! { title => "done" })?;
                let cookies: Vec<_> = cookies.into_iter().map(|cookie| (SET_COOKIE, cookie)).collect();
                Ok((PRIVATE_PAGE, AppendHeaders(cookies), page).into_response())
            }
            LinkUse::Refused { code, faults } => {
                let notice = Notice::about(&code, &faults).ok_or_else(unknown)?;
                let shown = self.show(app, Some(notice), entered).await?;
                Ok((StatusCode::UNPROCESSABLE_ENTITY, shown).into_response())
            }
        }
    }

    fn render(&self, locale: Locale, facts: Value) -> Result<axum::response::Html<String>, Problem> {
        let action = match self.page {
            StaffPage::Join => "join",
            StaffPage::Password => "password",
        };
        let link = self.link.text();
        pages::render(
            pages::STAFF,
            context! { action, link, lang => locale.tag(), other => other(locale).tag(), words => words(locale), ..facts },
        )
    }
}

/// The language to which the page can be switched.
fn other(locale: Locale) -> Locale {
    match locale {
        Locale::Id => Locale::En,
        Locale::En => Locale::Id,
    }
}

/// What the page says about a refusal.
#[derive(Clone, Copy)]
struct Notice {
    /// The name of the words.
    words: &'static str,
    /// The field to correct, if it is one.
    field: Option<&'static str>,
}

impl Notice {
    /// The notice about a refusal with this `code` and these `faults`; `None` if the person cannot correct it.
    fn about(code: &str, faults: &[(String, String)]) -> Option<Self> {
        let has = |field: &str| faults.iter().any(|(member, _)| member == field);
        let is_guessable = faults.iter().any(|(member, kind)| member == "password" && kind == "value_error");
        let (words, field) = match code {
            "invalid_request" if has("name") => ("BAD_NAME", Some("name")),
            "invalid_request" if has("email") => ("BAD_EMAIL", Some("email")),
            "invalid_request" if is_guessable => ("WEAK_PASSWORD", Some("password")),
            "invalid_request" if has("password") => ("PASSWORD_LENGTH", Some("password")),
            "invalid_request" if has("code") => ("WRONG_CODE", Some("code")),
            "address_taken" => ("ADDRESS_TAKEN", Some("email")),
            "code_required" | "sign_in_failed" => ("WRONG_CODE", Some("code")),
            "too_many_attempts" | "sign_in_busy" | "proof_over" => ("WAIT", None),
            _ => return None,
        };
        Some(Self { words, field })
    }
}

/// The roles that a person has somewhere, by their words.
fn role_words(roles: &RolesView) -> Vec<&'static str> {
    let all = [("host", &roles.host), ("manager", &roles.manager), ("owner", &roles.owner)];
    all.into_iter().filter(|(_, venues)| !venues.is_empty()).map(|(word, _)| word).collect()
}

fn words(locale: Locale) -> Value {
    match locale {
        Locale::Id => context! {
            join => "Selamat datang di Meja",
            reset => "Kata sandi baru",
            done => "Selesai",
            done_text => "Kata sandi Anda sudah disimpan, dan Anda sudah masuk di peramban ini.",
            roles => "Peran Anda",
            host => "penerima tamu",
            manager => "manajer",
            owner => "pemilik",
            name => "Nama",
            email => "Email",
            password => "Kata sandi",
            password_hint => format!("Minimal {PASSWORD_CHARS_MIN} karakter. Gunakan misalnya empat kata yang tidak saling berhubungan."),
            code => "Kode dari aplikasi autentikator, atau kode pemulihan",
            save => "Simpan",
            BAD_NAME => "Mohon isi nama Anda.",
            BAD_EMAIL => "Alamat email ini tidak valid. Mohon periksa kembali.",
            WEAK_PASSWORD => "Kata sandi ini terlalu mudah ditebak. Pakai yang lebih panjang.",
            PASSWORD_LENGTH => format!("Kata sandi terdiri dari {PASSWORD_CHARS_MIN} sampai {PASSWORD_CHARS_MAX} karakter."),
            new_password => "Kata sandi baru",
            other_language => "English",
            ADDRESS_TAKEN => "Sudah ada akun dengan alamat email ini.",
            WRONG_CODE => "Kode salah atau sudah digunakan. Masukkan kode baru.",
            WAIT => "Terlalu banyak percobaan. Mohon tunggu sebentar, lalu coba lagi.",
        },
        Locale::En => context! {
            join => "Welcome to Meja",
            reset => "A new password",
            done => "Done",
            done_text => "Your password is saved, and you are signed in on this browser.",
            roles => "Your roles",
            host => "host",
            manager => "manager",
            owner => "owner",
            name => "Name",
            email => "E-mail address",
            password => "Password",
            password_hint => format!("At least {PASSWORD_CHARS_MIN} characters. Four words that do not belong together are good."),
            code => "Code of the authenticator app, or a recovery code",
            save => "Save",
            BAD_NAME => "Please enter your name.",
            BAD_EMAIL => "This address cannot receive mail. Please check it.",
            WEAK_PASSWORD => "This password is too easy to guess. Use a longer one.",
            PASSWORD_LENGTH => format!("A password has {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters."),
            new_password => "New password",
            other_language => "Bahasa Indonesia",
            ADDRESS_TAKEN => "There is an account with this e-mail address already.",
            WRONG_CODE => "This code is not right, or was used. Please enter a new one.",
            WAIT => "There were too many attempts. Please wait a moment, and try again.",
        },
    }
}
