//! The templates: built in, and files of the restaurant. All are checked at start.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::DateTime;
use contract::reservation::venues::ProfileView;
use contract::reservation::view::{CancellationView, DepositView};
use contract::reservation::words::{Canceller, ChargeStatus, ReservationStatus, WaitlistStatus};
use events::values::{Currency, Locale, Money};
use minijinja::{Environment, UndefinedBehavior};

use super::staff::staff_facts;
use super::{Facts, StaffFacts, facts_of};
use crate::domain::effect::{StaffTemplate, Template};
use crate::domain::visit::{Occasion, Reservation, Visit};

/// The frame of the HTML part of messages without their own HTML file.
pub(super) const FRAME: &str = "mail.html";
const TEMPLATE_BYTES_MAX: u64 = 64 << 10;

macro_rules! templates {
    ($($name:literal),+ $(,)?) => { &[$(($name, include_str!(concat!("../../templates/", $name)))),+] };
}

/// Language, template, and `mail` (the first line is the subject) or `sms`.
pub(super) const BUILT_IN: &[(&str, &str)] = templates![
    "mail.html",
    "id/received.mail.txt",
    "id/deposit_due.mail.txt",
    "id/confirmed.mail.txt",
    "id/rescheduled.mail.txt",
    "id/cancelled.mail.txt",
    "id/refunded.mail.txt",
    "id/reminder.mail.txt",
    "id/offer.mail.txt",
    "id/fee_due.mail.txt",
    "id/paid_late.mail.txt",
    "id/resized.mail.txt",
    "id/offer_over.mail.txt",
    "id/reinstated.mail.txt",
    "id/fee_withdrawn.mail.txt",
    "id/still_coming.mail.txt",
    "id/table_ready.mail.txt",
    "id/prove_contact.mail.txt",
    "id/waiting.mail.txt",
    "id/staff_invitation.mail.txt",
    "id/password_reset.mail.txt",
    "id/offer.sms.txt",
    "id/confirmed.sms.txt",
    "id/cancelled.sms.txt",
    "id/reinstated.sms.txt",
    "id/still_coming.sms.txt",
    "id/table_ready.sms.txt",
    "en/received.mail.txt",
    "en/deposit_due.mail.txt",
    "en/confirmed.mail.txt",
    "en/rescheduled.mail.txt",
    "en/cancelled.mail.txt",
    "en/refunded.mail.txt",
    "en/reminder.mail.txt",
    "en/offer.mail.txt",
    "en/fee_due.mail.txt",
    "en/paid_late.mail.txt",
    "en/resized.mail.txt",
    "en/offer_over.mail.txt",
    "en/reinstated.mail.txt",
    "en/fee_withdrawn.mail.txt",
    "en/still_coming.mail.txt",
    "en/table_ready.mail.txt",
    "en/prove_contact.mail.txt",
    "en/waiting.mail.txt",
    "en/staff_invitation.mail.txt",
    "en/password_reset.mail.txt",
    "en/offer.sms.txt",
    "en/confirmed.sms.txt",
    "en/cancelled.sms.txt",
    "en/reinstated.sms.txt",
    "en/still_coming.sms.txt",
    "en/table_ready.sms.txt",
];

/// The facts that a template can use.
const FACTS: [&str; 22] = [
    "name",
    "everywhere",
    "venue",
    "date",
    "time",
    "party_size",
    "area",
    "address",
    "phone",
    "free_until",
    "reservation_id",
    "code",
    "confirmed",
    "reason",
    "by_system",
    "by_closure",
    "amount",
    "expires_at",
    "link",
    "booking_link",
    "receipt",
    "proof_code",
];
/// The additional facts for an HTML file.
const FRAME_FACTS: [&str; 5] = ["subject", "paragraphs", "lang", "loop", "booking_words"];

/// Reads all templates. Files in `dir` replace the built-in ones with the same names.
///
/// # Errors
/// All faults of all files, with their lines if known.
pub(super) fn load(dir: Option<&Path>) -> Result<Environment<'static>, Vec<String>> {
    let mut sources: BTreeMap<String, String> =
        BUILT_IN.iter().map(|(name, source)| ((*name).to_owned(), (*source).to_owned())).collect();
    let mut faults = Vec::new();
    if let Some(dir) = dir {
        let (changed, all) = changed(dir, &sources.keys().cloned().collect());
        sources.extend(changed);
        faults.extend(all);
    }
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_keep_trailing_newline(true);
    for (name, source) in sources {
        if let Err(fault) = check(&mut environment, &name, source) {
            faults.push(format!("{name}{fault}"));
        }
    }
    if faults.is_empty() { Ok(environment) } else { Err(faults) }
}

/// The files below `dir` by the names of templates, and the faults of other files.
fn changed(dir: &Path, known: &BTreeSet<String>) -> (BTreeMap<String, String>, Vec<String>) {
    let (mut found, mut faults) = (BTreeMap::new(), Vec::new());
    for folder in ["", "id", "en"] {
        let path = dir.join(folder);
        let entries = match std::fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(_) if !folder.is_empty() && !path.exists() => continue,
            Err(error) => {
                faults.push(format!("could not read {}: {error}", path.display()));
                continue;
            }
        };
        for entry in entries.flatten() {
            let file = entry.file_name().to_string_lossy().into_owned();
            if folder.is_empty() && ["id", "en"].contains(&file.as_str()) {
                continue;
            }
            let name = if folder.is_empty() { file } else { format!("{folder}/{file}") };
            match text_of(&name, &entry.path(), known) {
                Ok(text) => drop(found.insert(name, text)),
                Err(words) => faults.push(format!("{name}: {words}")),
            }
        }
    }
    (found, faults)
}

fn text_of(name: &str, path: &Path, known: &BTreeSet<String>) -> Result<String, String> {
    if !known.contains(name) && !known.contains(&name.replace(".mail.html", ".mail.txt")) {
        return Err("there is no template with this name; see docs/operations.md".into());
    }
    let file = std::fs::metadata(path).map_err(|error| format!("could not be read: {error}"))?;
    if file.len() > TEMPLATE_BYTES_MAX {
        return Err(format!("more than {TEMPLATE_BYTES_MAX} bytes"));
    }
    std::fs::read_to_string(path).map_err(|error| format!("could not be read: {error}"))
}

/// Adds a template, which must render with all facts and with as few as possible.
fn check(environment: &mut Environment<'static>, name: &str, source: String) -> Result<(), String> {
    let at = |line: Option<usize>| line.map_or(String::new(), |line| format!(", line {line}"));
    let words = |error: &minijinja::Error| {
        let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
        format!("{}: {detail}", at(error.line()))
    };
    let line_of = |word: &str| source.lines().position(|line| line.contains(word)).map(|line| line + 1);
    let is_html = name.ends_with(".html");
    environment.add_template_owned(name.to_owned(), source.clone()).map_err(|error| words(&error))?;
    let template = environment.get_template(name).map_err(|error| words(&error))?;
    let mut unknown: Vec<_> = template
        .undeclared_variables(false)
        .into_iter()
        .filter(|fact| !FACTS.contains(&fact.as_str()))
        .filter(|fact| !is_html || !FRAME_FACTS.contains(&fact.as_str()))
        .collect();
    unknown.sort();
    if let Some(fact) = unknown.first() {
        return Err(format!("{}: there is no {fact:?}: {}", at(line_of(fact)), FACTS.join(", ")));
    }
    if name.ends_with(".mail.txt") {
        let mut lines = source.lines();
        let (subject, empty) = (lines.next().unwrap_or(""), lines.next().unwrap_or("x"));
        if subject.trim().is_empty() || !empty.trim().is_empty() {
            return Err(", line 1: the first line is the subject, the second one is empty".into());
        }
    }
    if StaffTemplate::ALL.iter().any(|kind| name.contains(&format!("/{}.", kind.name()))) {
        return render_for_staff(&template).map_err(|error| words(&error));
    }
    for (kind, occasion) in sample_occasions(&source) {
        // A template is rendered only for its own message, the frame for all.
        if !is_html && !name.contains(&format!("/{}.", kind.name())) {
            continue;
        }
        for locale in [Locale::Id, Locale::En] {
            let facts = sample_facts(kind, &occasion, locale);
            let rendered = template.render(facts_of(&facts, "Subject", &["A paragraph".to_owned()]));
            rendered.map_err(|error| words(&error))?;
        }
    }
    Ok(())
}

/// Renders a template for members of staff, for one venue and for all.
fn render_for_staff(template: &minijinja::Template<'_, '_>) -> Result<(), minijinja::Error> {
    let venue = ["Warung Sinar Dago".to_owned()];
    for (locale, venues) in [(Locale::Id, &venue[..]), (Locale::En, &[])] {
        let (link, expires_at) = ("https://example.com/join/1", "Kamis, 24 Desember 2026 pukul 19.30");
        let facts = StaffFacts { name: "Sari Wulandari", locale, venues, link, expires_at };
        template.render(staff_facts(&facts, "Subject", &["A paragraph".to_owned()]))?;
    }
    Ok(())
}

fn sample_facts(kind: Template, occasion: &Occasion, locale: Locale) -> Facts<'_> {
    let amount =
        Money { amount_minor: 30_000_000, currency: Currency::from_code("IDR").unwrap_or(Currency::NONE) };
    let asks_to_pay = matches!(kind, Template::DepositDue | Template::FeeDue);
    let asks = asks_to_pay
        || matches!(
            kind,
            Template::Offer | Template::TableReady | Template::ProveContact | Template::Waiting
        );
    let of_money = asks || matches!(kind, Template::Refunded | Template::PaidLate | Template::FeeWithdrawn);
    Facts {
        occasion,
        name: "Sari Wulandari",
        locale,
        link: asks.then_some("https://example.com/checkout/1"),
        booking_link: Some("https://example.com/bookings/1"),
        proof_code: (locale == Locale::Id && kind == Template::ProveContact).then_some("482915"),
        amount: of_money.then_some(amount),
        receipt: (kind == Template::Confirmed && locale == Locale::Id).then_some("{}"),
    }
}

/// Reservations with all facts and with as few as possible; and for each quoted word in `source` reservations that were
/// cancelled for that reason, by the restaurant and by the guest, so that every branch is rendered.
fn sample_occasions(source: &str) -> Vec<(Template, Occasion)> {
    let words: BTreeSet<&str> = source.split(['"', '\'']).skip(1).step_by(2).collect();
    let samples = Template::ALL.into_iter().flat_map(|template| {
        let full = sample_reservation();
        if template == Template::TableReady {
            let bare = bare_visit(&full.visit);
            let offer = sample_offers(full.visit.clone()).map(|offer| (template, offer));
            let ready = [full.visit, bare].map(|visit| (template, Occasion::Ready { visit }));
            return offer.into_iter().chain(ready).collect();
        }
        if template == Template::OfferOver {
            return vec![(template, Occasion::OfferOver { visit: full.visit })];
        }
        if template == Template::Waiting {
            let bare = bare_visit(&full.visit);
            return [full.visit, bare].map(|visit| (template, Occasion::Waiting { visit })).to_vec();
        }
        if template == Template::Offer {
            return sample_offers(full.visit).map(|offer| (template, offer)).to_vec();
        }
        // A message with a request always contains the deadline.
        let expires_at = match template {
            Template::DepositDue | Template::FeeDue | Template::ProveContact => full.deposit.expires_at,
            _ => None,
        };
        let bare = Reservation {
            venue_id: None,
            visit: bare_visit(&full.visit),
            status: ReservationStatus::Pending,
            deposit: DepositView { expires_at, ..full.deposit.clone() },
            no_show_fee: None,
            cancellation: None,
            attendance: None,
            is_called_off: false,
            contact_proof: None,
        };
        let cancelled = words
            .iter()
            .flat_map(|reason| {
                let sides = [(Canceller::System, false), (Canceller::Guest, false), (Canceller::Staff, true)];
                sides.map(|side| (side, *reason))
            })
            .map(|((cancelled_by, by_closure), reason)| {
                let reason_code = reason.into();
                let cancellation =
                    CancellationView { cancelled_by, reason_code, description: None, by_closure };
                let status = ReservationStatus::Cancelled;
                Reservation { cancellation: Some(cancellation), status, ..full.clone() }
            });
        let all = cancelled.chain([full.clone(), bare]);
        all.map(|reservation| (template, Occasion::Booked(reservation))).collect()
    });
    samples.collect()
}

/// Offers with all facts and with as few as possible.
fn sample_offers(visit: Visit) -> [Occasion; 2] {
    let bare = bare_visit(&visit);
    [visit, bare].map(|visit| Occasion::Offered {
        status: WaitlistStatus::Offered,
        expires_at: visit.start_time.to_utc(),
        visit,
    })
}

/// A visit with as few facts as possible.
fn bare_visit(visit: &Visit) -> Visit {
    let venue_profile = ProfileView::default();
    Visit { table_area: None, venue_profile, free_until: None, ..visit.clone() }
}

/// A reservation with all facts.
fn sample_reservation() -> Reservation {
    let start = DateTime::from_timestamp(1_798_115_400, 0).unwrap_or_default().fixed_offset();
    let expires_at = Some(start.to_utc());
    let charge = DepositView {
        required: true,
        status: ChargeStatus::Due,
        expires_at,
        amount_minor: None,
        currency: None,
        payment_id: None,
        pay_link: None,
    };
    Reservation {
        venue_id: None,
        visit: Visit {
            id: "01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f".into(),
            code: "7QK2M9".into(),
            start_time: start,
            end_time: start + chrono::TimeDelta::minutes(90),
            party_size: 6,
            venue_name: "Warung Sinar Dago".into(),
            venue_profile: ProfileView {
                address: Some("Jl. Ir. H. Juanda 101\nBandung 40132".into()),
                phone: Some("+62222500000".into()),
                ..ProfileView::default()
            },
            free_until: Some(start - chrono::TimeDelta::days(1)),
            timezone: "Asia/Jakarta".into(),
            locale: Locale::Id,
            table_area: Some("Teras".into()),
            version: 3,
        },
        status: ReservationStatus::Confirmed,
        deposit: charge.clone(),
        no_show_fee: Some(charge),
        cancellation: Some(CancellationView {
            cancelled_by: Canceller::System,
            reason_code: "deposit_unpaid".into(),
            description: None,
            by_closure: false,
        }),
        attendance: None,
        is_called_off: false,
        contact_proof: None,
    }
}
