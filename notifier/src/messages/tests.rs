//! Every template, in every language, with every fact that may be missing.

use events::values::Currency;

use super::*;
use crate::upstream::Cancellation;

fn visit(status: &str) -> Visit {
    Visit {
        id: "01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f".into(),
        status: status.into(),
        start_time: "2026-12-24T19:30:00+07:00".parse().unwrap(),
        end_time: "2026-12-24T21:00:00+07:00".parse().unwrap(),
        party_size: 6,
        venue_name: "Warung Sinar, Dago".into(),
        timezone: "Asia/Jakarta".into(),
        locale: "id".into(),
        table_area: None,
        version: 3,
        act_by: Some("2026-12-01T05:15:00Z".parse().unwrap()),
        deposit_due: true,
        fee_due: false,
        cancellation: Some(Cancellation {
            cancelled_by: "system".into(),
            reason_code: "deposit_unpaid".into(),
        }),
    }
}

fn messages() -> Messages {
    Messages::new("Meja <meja@example.com>".parse().unwrap()).unwrap()
}

fn mail(template: Template, status: &str, locale: Locale) -> String {
    let visit = visit(status);
    let amount = Some(Money { amount_minor: 30_000_000, currency: Currency::from_code("IDR").unwrap() });
    let facts = Facts {
        visit: &visit,
        name: "Siti Nurhaliza 🌶",
        locale,
        link: Some("http://x/checkout/sim_1"),
        amount,
    };
    let to = Recipient { name: facts.name, address: "siti@example.com" };
    let now = "2026-12-01T05:00:00Z".parse().unwrap();
    let message = messages().mail(&EffectKey("key-1".into()), template, &facts, to, now).unwrap();
    String::from_utf8(message.formatted()).unwrap()
}

#[test]
fn every_template_renders_in_every_language() {
    for locale in [Locale::Id, Locale::En] {
        for template in Template::ALL {
            let mail = mail(template, "CONFIRMED", locale);
            assert!(mail.contains("Message-ID: <key-1@example.com>"), "{mail}");
            assert!(!mail.contains("None") && !mail.contains("none"), "{mail}");
            assert!(mail.contains("Subject: "));
        }
        let visit = visit("CONFIRMED");
        let facts =
            Facts { visit: &visit, name: "Siti", locale, link: Some("http://x/offers/1"), amount: None };
        for template in [Template::Confirmed, Template::Cancelled, Template::Offer] {
            let text = messages().sms(template, &facts).unwrap();
            assert!(text.chars().count() <= 160 && !text.contains('\n'), "{text}");
        }
    }
}

#[test]
fn a_calendar_file_goes_along_where_a_time_is_fixed_or_freed() {
    let confirmed = mail(Template::Confirmed, "CONFIRMED", Locale::Id);
    for part in [
        "text/calendar; charset=utf-8; method=PUBLISH",
        "UID:01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f@example.com",
        "SEQUENCE:3",
        "DTSTART:20261224T123000Z",
        "LOCATION:Warung Sinar\\, Dago",
    ] {
        assert!(confirmed.contains(part), "{part} in {confirmed}");
    }
    assert!(mail(Template::Cancelled, "CANCELLED", Locale::En).contains("method=CANCEL"));
    assert!(!mail(Template::Received, "PENDING", Locale::En).contains("text/calendar"));
    assert!(!mail(Template::Rescheduled, "PENDING", Locale::En).contains("text/calendar"));
}

#[test]
fn the_bytes_of_a_message_are_the_same_at_every_try() {
    assert_eq!(
        mail(Template::Confirmed, "CONFIRMED", Locale::Id),
        mail(Template::Confirmed, "CONFIRMED", Locale::Id)
    );
}

#[test]
fn a_deadline_is_told_in_the_time_that_holds_at_the_deadline() {
    let mut visit = visit("PENDING");
    // Booked in winter for summer: Rome is an hour further then.
    visit.timezone = "Europe/Rome".into();
    visit.start_time = "2027-07-01T19:30:00+02:00".parse().unwrap();
    visit.act_by = Some("2027-02-01T16:30:00Z".parse().unwrap());
    let amount = Some(Money { amount_minor: 10_000, currency: Currency::from_code("EUR").unwrap() });
    let facts = Facts { visit: &visit, name: "Luca", locale: Locale::En, link: Some("http://x"), amount };
    let text = messages().render(Template::DepositDue, "mail", &facts).unwrap();
    assert!(text.contains("by Monday, 1 February 2027 at 17:30"), "{text}");
}
