//! All templates in all languages, with every fact that can be missing.

use contract::reservation::venues::ProfileView;
use contract::reservation::view::{CancellationView, DepositView};
use contract::reservation::words::{Canceller, ChargeStatus, ReservationStatus};
use events::values::Currency;

use super::*;
use crate::domain::visit::{Reservation, Visit};

fn booked(status: ReservationStatus) -> Reservation {
    Reservation {
        venue_id: None,
        visit: Visit {
            code: "7QK2M9".into(),
            id: "01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f".into(),
            start_time: "2026-12-24T19:30:00+07:00".parse().unwrap(),
            end_time: "2026-12-24T21:00:00+07:00".parse().unwrap(),
            party_size: 6,
            venue_name: "Warung Sinar, Dago".into(),
            venue_profile: ProfileView {
                address: Some("Jl. Ir. H. Juanda 101\nBandung 40132".into()),
                latitude: Some(-6.885),
                longitude: Some(107.613),
                phone: Some("+62222500000".into()),
                reply_to: Some("halo@warung.example.com".into()),
                ..ProfileView::default()
            },
            free_until: Some("2026-12-23T19:30:00+07:00".parse().unwrap()),
            timezone: "Asia/Jakarta".into(),
            locale: Locale::Id,
            table_area: None,
            version: 3,
        },
        status,
        deposit: DepositView {
            required: true,
            status: ChargeStatus::Due,
            expires_at: Some("2026-12-01T05:15:00Z".parse().unwrap()),
            amount_minor: None,
            currency: None,
            payment_id: None,
            pay_link: None,
        },
        no_show_fee: None,
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

fn occasion(status: ReservationStatus) -> Occasion {
    Occasion::Booked(booked(status))
}

fn messages() -> Messages {
    Messages::new("Meja <meja@example.com>".parse().unwrap(), None).unwrap()
}

fn mail(template: Template, status: ReservationStatus, locale: Locale) -> String {
    let occasion = occasion(status);
    let amount = Some(Money { amount_minor: 30_000_000, currency: Currency::from_code("IDR").unwrap() });
    let facts = Facts {
        occasion: &occasion,
        name: "Siti Nurhaliza 🌶",
        locale,
        link: Some("http://x/checkout/sim_1"),
        booking_link: None,
        proof_code: None,
        amount,
        receipt: None,
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
            let mail = mail(template, ReservationStatus::Confirmed, locale);
            assert!(mail.contains("Message-ID: <key-1@example.com>"), "{mail}");
            let said = mail.replace("text-decoration:none", "");
            assert!(!said.contains("None") && !said.contains("none"), "{mail}");
            assert!(mail.contains("Subject: "));
        }
        let occasion = occasion(ReservationStatus::Confirmed);
        let facts = Facts {
            occasion: &occasion,
            name: "Siti",
            locale,
            link: Some("http://x/offers/1"),
            booking_link: None,
            proof_code: None,
            amount: None,
            receipt: None,
        };
        for template in [Template::Confirmed, Template::Cancelled, Template::Offer] {
            let text = messages().sms(template, &facts).unwrap();
            assert!(text.chars().count() <= 160 && !text.contains('\n'), "{text}");
        }
    }
}

#[test]
fn a_receipt_is_a_file_beside_the_calendar() {
    let occasion = occasion(ReservationStatus::Confirmed);
    let facts = Facts {
        occasion: &occasion,
        name: "Siti",
        locale: Locale::En,
        link: None,
        booking_link: None,
        proof_code: None,
        amount: None,
        receipt: None,
    };
    let to = Recipient { name: facts.name, address: "siti@example.com" };
    let now = "2026-12-01T05:00:00Z".parse().unwrap();
    let (key, receipt) = (EffectKey("key-1".into()), r#"{"format":"meja-receipt/v1"}"#);
    for (template, files) in [(Template::Confirmed, 2), (Template::Reminder, 1)] {
        let mail =
            messages().mail(&key, template, &Facts { receipt: Some(receipt), ..facts }, to, now).unwrap();
        let mail = String::from_utf8(mail.formatted()).unwrap();
        assert_eq!(mail.matches("Content-Disposition: attachment").count(), files, "{mail}");
        assert!(mail.contains("receipt.json") && mail.contains(receipt), "{mail}");
    }
}

#[test]
fn a_calendar_file_is_attached_when_a_time_is_confirmed_or_cancelled() {
    let confirmed = mail(Template::Confirmed, ReservationStatus::Confirmed, Locale::Id);
    for part in [
        "text/calendar; charset=utf-8; method=REQUEST",
        "UID:01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f",
        "SEQUENCE:3",
        "DTSTART:20261224T123000Z",
        "LOCATION:Warung Sinar\\, Dago\\, Jl. Ir. H. Juanda 101\\, Bandung 40132",
        "GEO:-6.885;107.613",
        "<halo@warung.example.com>",
    ] {
        assert!(confirmed.contains(part), "{part} in {confirmed}");
    }
    assert!(mail(Template::Cancelled, ReservationStatus::Cancelled, Locale::En).contains("method=CANCEL"));
    assert!(!mail(Template::Received, ReservationStatus::Pending, Locale::En).contains("text/calendar"));
    assert!(!mail(Template::Rescheduled, ReservationStatus::Pending, Locale::En).contains("text/calendar"));
}

#[test]
fn the_bytes_of_a_message_are_the_same_at_every_attempt() {
    assert_eq!(
        mail(Template::Confirmed, ReservationStatus::Confirmed, Locale::Id),
        mail(Template::Confirmed, ReservationStatus::Confirmed, Locale::Id)
    );
}

#[test]
fn a_deadline_is_written_with_the_utc_offset_of_its_own_date() {
    let mut booked = booked(ReservationStatus::Pending);
    // Booked in winter for summer: Rome is an hour further then.
    booked.visit.timezone = "Europe/Rome".into();
    booked.visit.start_time = "2027-07-01T19:30:00+02:00".parse().unwrap();
    booked.deposit.expires_at = Some("2027-02-01T16:30:00Z".parse().unwrap());
    let occasion = Occasion::Booked(booked);
    let amount = Some(Money { amount_minor: 10_000, currency: Currency::from_code("EUR").unwrap() });
    let facts = Facts {
        occasion: &occasion,
        name: "Luca",
        locale: Locale::En,
        link: Some("http://x"),
        booking_link: None,
        proof_code: None,
        amount,
        receipt: None,
    };
    let text = messages().words(Template::DepositDue, &facts).unwrap().text;
    assert!(text.contains("by Monday, 1 February 2027 at 17:30"), "{text}");
}

#[test]
fn a_mail_has_the_same_text_as_plain_text_and_html() {
    let occasion = occasion(ReservationStatus::Pending);
    let amount = Some(Money { amount_minor: 30_000_000, currency: Currency::from_code("IDR").unwrap() });
    let facts = Facts {
        occasion: &occasion,
        name: "Nicolò <b>Però</b> & co",
        locale: Locale::Id,
        link: Some("http://x/1"),
        booking_link: None,
        proof_code: None,
        amount,
        receipt: None,
    };
    let words = messages().words(Template::DepositDue, &facts).unwrap();
    assert!(words.text.contains("Nicolò <b>Però</b> & co"), "{}", words.text);
    assert!(words.html.contains("Nicolò &lt;b&gt;Però&lt;&#x2f;b&gt; &amp; co"), "{}", words.html);
    assert!(words.html.contains(r#"<a href="http:&#x2f;&#x2f;x&#x2f;1""#), "{}", words.html);
    assert!(words.html.contains("lang=\"id\"") && words.html.contains("Rp 300.000"));
    let mail = mail(Template::Confirmed, ReservationStatus::Confirmed, Locale::En);
    let kinds: Vec<_> = mail.lines().filter_map(|line| line.strip_prefix("Content-Type: ")).collect();
    let starts = [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "text/calendar",
        "text/calendar",
    ];
    assert!(kinds.iter().zip(starts).all(|(kind, start)| kind.starts_with(start)), "{kinds:?}");
    assert_eq!(kinds.len(), starts.len());
}

#[test]
fn custom_templates_replace_ours_and_every_fault_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    let from = || "Meja <meja@example.com>".parse().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("en/confirmed.mail.txt", "See you, {{ name }}\n\nAt {{ time }}.\n");
    write("id/cancelled.mail.html", "<p>{{ subject }}: {{ name }}</p>");
    let messages = Messages::new(from(), Some(dir.path())).unwrap();
    let occasion = occasion(ReservationStatus::Confirmed);
    let facts = Facts {
        occasion: &occasion,
        name: "Luca",
        locale: Locale::En,
        link: None,
        booking_link: None,
        proof_code: None,
        amount: None,
        receipt: None,
    };
    assert_eq!(messages.words(Template::Confirmed, &facts).unwrap().subject, "See you, Luca");
    let facts = Facts { locale: Locale::Id, ..facts };
    let html = messages.words(Template::Cancelled, &facts).unwrap().html;
    assert!(html.starts_with("<p>Reservasi") && html.ends_with(": Luca</p>"), "{html}");
    write("en/reminder.mail.txt", "Hello\n\nAt {{ tiem }}");
    write("en/received.mail.txt", "Hello {{ name }\n\nx");
    write("id/received.mail.txt", "Halo\nTanpa baris kosong");
    write("id/refunded.mail.txt", "Halo\n\n{% if area %}\n{{ area | upper_case }}\n{% endif %}");
    write("en/birthday.mail.txt", "x");
    write("fr/confirmed.mail.txt", "x");
    write("en/refunded.mail.txt", "Hi\n\n{% if reason == 'guest_request' %}{{ venue.x.y }}{% endif %}");
    write("id/offer.mail.txt", "Halo\n\n{{ area.name.first }}");
    let faults = Messages::new(from(), Some(dir.path())).unwrap_err().join("\n");
    assert!(faults.contains("en/birthday.mail.txt: there is no template with this name"), "{faults}");
    assert!(faults.contains("fr: there is no template"), "{faults}");
    for part in [
        "en/reminder.mail.txt, line 3: there is no \"tiem\"",
        "en/received.mail.txt, line 1: ",
        "id/received.mail.txt, line 1: the first line is the subject",
        "id/refunded.mail.txt, line 4: filter upper_case is unknown",
        "id/offer.mail.txt, line 3: ",
        "en/refunded.mail.txt, line 3: ",
    ] {
        assert!(faults.contains(part), "{part} in {faults}");
    }
    assert!(Messages::new(from(), Some(&dir.path().join("nowhere"))).is_err());
}

#[test]
fn messages_tell_where_the_restaurant_is_and_until_when_cancelling_is_free() {
    for (locale, limit) in
        [(Locale::En, "You can cancel free of charge until "), (Locale::Id, "Pembatalan gratis sampai ")]
    {
        let occasion = occasion(ReservationStatus::Confirmed);
        let amount = Money { amount_minor: 1, currency: Currency::from_code("IDR").unwrap() };
        let facts = Facts {
            occasion: &occasion,
            name: "Siti",
            locale,
            link: Some("http://x"),
            booking_link: None,
            proof_code: None,
            amount: Some(amount),
            receipt: None,
        };
        for template in [Template::Confirmed, Template::Reminder, Template::DepositDue, Template::Resized] {
            let text = messages().words(template, &facts).unwrap().text;
            assert!(
                text.trim_end().ends_with("Jl. Ir. H. Juanda 101\nBandung 40132\n+62222500000"),
                "{text}"
            );
            assert!(
                text.contains(&format!(
                    "{limit}{}",
                    people::moment(
                        &"2026-12-23T19:30:00+07:00"
                            .parse::<chrono::DateTime<chrono::FixedOffset>>()
                            .unwrap(),
                        locale
                    )
                )),
                "{text}"
            );
        }
    }
}
