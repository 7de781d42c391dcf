//! The published format of events must not change: each event type has a golden file. With
//! `UPDATE_GOLDEN=1` missing files are written. A file that differs means a change for consumers.

use std::collections::BTreeSet;
use std::path::PathBuf;

use events::access::KeyKind;
use events::event::*;
use events::staff::*;
use events::values::*;
use events::*;
use serde_json::value::RawValue;
use uuid::Uuid;

fn uuid(n: u128) -> Uuid {
    Uuid::from_u128(0x0193_9f3e_7b2a_7c3d_9e4f_0000_0000_0000 + n)
}

fn window() -> TimeWindow {
    TimeWindow::starting("2026-12-01T12:00:00Z".parse().unwrap(), 90)
}

fn money() -> Money {
    Money { amount_minor: 30_000_000, currency: Currency::from_code("IDR").unwrap() }
}

fn party(n: i64) -> PartySize {
    PartySize::try_from(n).unwrap()
}

/// One event of each type.
#[expect(clippy::too_many_lines, reason = "a list of events")]
fn samples() -> Vec<Event> {
    let payment_id = PaymentId(uuid(3));
    let refund = Refund { payment_id, amount: money() };
    let digest = ConfidentialDigest::of(b"private");
    let (assignment_id, table_id) = (AssignmentId(uuid(2)), "T7".parse::<TableId>().unwrap());
    let policy = Policy {
        deposit_required: true,
        deposit: Some(DepositRule {
            from_party_size: 6,
            per: DepositPer::Guest,
            amount: Money { amount_minor: 5_000_000, ..money() },
        }),
        auto_cancel_minutes: 15,
        free_cancellation_minutes: 1_440,
        auto_confirm: false,
        no_show_grace_minutes: None,
        no_show_fee: None,
        refund_on_shrink: false,
    };
    let customer_id: CustomerId = "cust-42".parse().unwrap();
    let venue_id: VenueId = "bandung-dago".parse().unwrap();
    let closure_id = ClosureId(uuid(8));
    let (key_id, secret_digest) = ("4f1c09ab77de".parse::<KeyId>().unwrap(), digest.clone());
    vec![
        ReservationCreated {
            venue_id: venue_id.clone(),
            customer_id: customer_id.clone(),
            party_size: party(6),
            window: window(),
            timezone: "Asia/Jakarta".into(),
            locale: Locale::Id,
            policy,
            area: None,
            payment_channel: Some("qris".into()),
            contact_digest: digest.clone(),
            walk_in: false,
            source: None,
            imported: None,
            contact_proof: None,
        }
        .into(),
        ReservationConfirmed { window: window(), deposit_waived: false }.into(),
        TableAssigned {
            assignment_id,
            table_id: table_id.clone(),
            capacity: 8,
            area: "Terrace".into(),
            window: window(),
        }
        .into(),
        TableReleased {
            assignment_id,
            table_id: table_id.clone(),
            window: window(),
            cause: ReleaseCause::Cancelled,
        }
        .into(),
        ReservationRescheduled {
            from: window(),
            to: TimeWindow::starting(window().end, 120),
            area: None,
            moved_by: None,
            timezone: None,
        }
        .into(),
        PartySizeChanged {
            from: party(6),
            to: party(7),
            area: None,
            window: None,
            refund: None,
            waives_deposit: false,
        }
        .into(),
        ReservationCheckedIn::default().into(),
        ReservationCompleted { occurred_at: Some(window().end) }.into(),
        ReservationCancelled {
            cancelled_by: Initiator::Guest,
            reason_code: "guest_request".into(),
            description_digest: Some(digest.clone()),
            refund: Some(refund),
            closure_id: None,
        }
        .into(),
        ReservationNoShow::default().into(),
        VisitEndChanged { from: window(), to: TimeWindow::starting(window().start, 120) }.into(),
        DetailsChanged {
            changed: vec![Detail::Phone, Detail::Tags],
            tags: vec!["vip".into()],
            contact_digest: digest.clone(),
        }
        .into(),
        RulesOverruled {
            rules: vec![OverruledRule::Pacing, OverruledRule::MinParty],
            reason_code: "regular_guest".into(),
        }
        .into(),
        ReservationUndone {
            undone: UndoneChange::Cancellation,
            status: RestoredStatus::Confirmed,
            window: window(),
            reason_code: "wrong_booking".into(),
            withdrawn_fee: None,
            refund: None,
        }
        .into(),
        PaymentRequested {
            payment_id,
            amount: money(),
            channel: Some("qris".into()),
            expires_at: window().start,
            purpose: Purpose::Deposit,
            replaces: Some(PaymentId(uuid(41))),
        }
        .into(),
        PaymentCompleted {
            payment_id,
            amount: money(),
            channel: "qris".into(),
            provider_reference: "sim_1".into(),
            refund: None,
            closes: Some(PaymentId(uuid(42))),
        }
        .into(),
        PaymentFailed { payment_id, reason_code: "refused".into() }.into(),
        PaymentRefunded { payment_id, amount: money(), provider_reference: "sim_r1".into() }.into(),
        NotificationSent { notification_id: "n1".into(), template: "confirmed".into(), medium: Medium::Mail }
            .into(),
        NotificationFailed {
            notification_id: "n1".into(),
            template: "confirmed".into(),
            medium: Medium::Sms,
            reason_code: "recipient_refused".into(),
        }
        .into(),
        WaitlistJoined {
            venue_id: venue_id.clone(),
            customer_id,
            party_size: party(2),
            acceptable: window(),
            area: Some("Terrace".into()),
            timezone: "Asia/Jakarta".into(),
            payment_channel: None,
            locale: Locale::En,
            contact_digest: digest,
            contact_proof: None,
            quoted_minutes: None,
        }
        .into(),
        WaitlistOffered {
            table_id: table_id.clone(),
            tables: vec![OfferedTable { table_id: table_id.clone(), capacity: 8, area: "Terrace".into() }],
            window: window(),
            expires_at: window().start,
        }
        .into(),
        WaitlistWithdrawn { reason_code: "rules_changed".into() }.into(),
        WaitlistAccepted { reservation_id: ReservationId(uuid(1)) }.into(),
        WaitlistLeft { reason_code: "gave_up".into() }.into(),
        GuestAsked { question: GuestQuestion::StillComing }.into(),
        GuestAnswered { answer: GuestAnswer::Late, late_minutes: Some(15) }.into(),
        ContactProofRequested { method: ProofMethod::Link, number: 1, expires_at: window().start }.into(),
        ContactProved { method: ProofMethod::Code }.into(),
        ContactRead {}.into(),
        ContactErased { reason_code: "guest_request".into() }.into(),
        VenueChanged {
            venue_id: "bandung-dago".parse().unwrap(),
            version: 2,
            digest: Some("ab".repeat(32)),
            stranded: vec![ReservationId(uuid(1))],
            stranded_count: 1,
        }
        .into(),
        ReservationAffected { reason: Some("closed".into()), rules_version: 3, closure_id: None }.into(),
        VenueClosed {
            venue_id: venue_id.clone(),
            closure_id,
            from: "2026-12-04".parse().unwrap(),
            to: "2026-12-05".parse().unwrap(),
            service: Some("Dinner".into()),
            areas: vec!["Terrace".into()],
            tables: vec![table_id],
            reason_code: "private_event".into(),
            stranded: vec![ReservationId(uuid(1))],
            stranded_count: 1,
        }
        .into(),
        CancellationsOrdered { venue_id: venue_id.clone(), closure_id, stranded_count: 1 }.into(),
        ClosureLifted { venue_id: venue_id.clone(), closure_id }.into(),
        RequestsRefused {
            venue_id,
            counts: vec![RefusedCount {
                date: "2026-12-05".parse().unwrap(),
                reason_code: "no_table".into(),
                walk_in: true,
                requests: 3,
                guests: 8,
            }],
        }
        .into(),
        VenueRulesChanged {
            venue_id: "bandung-dago".parse().unwrap(),
            version: 3,
            document: serde_json::json!({"id": "bandung-dago", "name": "Warung Sinar Dago"})
                .as_object()
                .cloned(),
            import: Some(RulesImport { digest: Some("ab".repeat(32)) }),
            stranded: vec![ReservationId(uuid(1))],
            stranded_count: 1,
        }
        .into(),
        KeyCreated {
            key_id: key_id.clone(),
            kind: KeyKind::Api,
            name: "till in Dago".into(),
            scopes: [Scope::Floor, Scope::Read].into_iter().collect(),
            venues: Some(["bandung-dago".parse().unwrap()].into()),
            expires_at: Some(window().end),
            secret_digest: secret_digest.clone(),
        }
        .into(),
        KeyRotated {
            key_id: key_id.clone(),
            previous_until: window().end,
            secret_digest: secret_digest.clone(),
        }
        .into(),
        KeyRevoked { key_id: key_id.clone(), reason_code: "leaked".into() }.into(),
        KeyUsed { key_id: key_id.clone(), on: window().start.date_naive() }.into(),
        GuestLinkRenewed { generation: 1 }.into(),
        LinkKeyCreated { key_id, secret_digest }.into(),
    ]
    .into_iter()
    .chain(staff_samples())
    .collect()
}

/// One event of each type of accounts, sessions and devices.
fn staff_samples() -> Vec<Event> {
    let (secret_digest, contact_digest) =
        (ConfidentialDigest::of(b"secret"), ConfidentialDigest::of(b"contact"));
    let (staff_id, session_id, device_id) = (StaffId(uuid(7)), SessionId(uuid(8)), DeviceId(uuid(9)));
    let venue_id: VenueId = "bandung-dago".parse().unwrap();
    let roles = vec![
        RoleGrant { role: Role::Manager, venues: Some([venue_id.clone()].into()) },
        RoleGrant { role: Role::Host, venues: None },
    ];
    let expires_at = window().end;
    let (method, used) = (SignInMethod::Totp, UsedCode { totp_step: Some(58_000_000), recovery_code: None });
    let session = |method, used, device_id| SessionStarted {
        session_id,
        staff_id,
        method,
        used,
        device_id,
        expires_at,
        secret_digest: secret_digest.clone(),
    };
    vec![
        StaffInvited {
            staff_id,
            roles: roles.clone(),
            invitation: 1,
            expires_at,
            contact_digest: Some(contact_digest.clone()),
        }
        .into(),
        StaffJoined { staff_id, contact_digest }.into(),
        StaffRolesChanged { staff_id, roles }.into(),
        StaffRemoved { staff_id, reason_code: "left".into() }.into(),
        PasswordChanged { staff_id, session_id: Some(session_id), secret_digest: secret_digest.clone() }
            .into(),
        PasswordResetRequested { staff_id, reset: 1, expires_at }.into(),
        TotpEnrolled { staff_id, session_id, totp_step: 58_000_000, secret_digest: secret_digest.clone() }
            .into(),
        TotpRemoved { staff_id, reason_code: "removed".into() }.into(),
        PinSet { staff_id, secret_digest: secret_digest.clone() }.into(),
        session(method, used, Some(device_id)).into(),
        SessionReauthenticated {
            session_id,
            staff_id,
            method: SignInMethod::RecoveryCode,
            used: UsedCode { totp_step: None, recovery_code: Some(3) },
        }
        .into(),
        SessionEnded { session_id, staff_id, reason_code: "signed_out".into() }.into(),
        DeviceAdded {
            device_id,
            venue_id: venue_id.clone(),
            name: "tablet at the door".into(),
            code_expires_at: expires_at,
            secret_digest: secret_digest.clone(),
        }
        .into(),
        DeviceEnrolled { device_id, secret_digest: secret_digest.clone() }.into(),
        DeviceRevoked { device_id, reason_code: "lost".into() }.into(),
        CalendarLinkCreated { staff_id, venue_id: venue_id.clone(), secret_digest: secret_digest.clone() }
            .into(),
        CalendarLinkRevoked { staff_id, venue_id }.into(),
    ]
}

fn golden_path(event_type: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden").join(format!("{event_type}.json"))
}

#[test]
fn every_event_is_encoded_as_in_its_golden_file() {
    for event in samples() {
        let data: serde_json::Value = serde_json::from_slice(&event.data().unwrap()).unwrap();
        let path = golden_path(event.event_type());
        if std::env::var_os("UPDATE_GOLDEN").is_some() && !path.exists() {
            std::fs::write(&path, format!("{}\n", serde_json::to_string_pretty(&data).unwrap())).unwrap();
        }
        let golden = std::fs::read_to_string(&path)
            .unwrap_or_else(|e| panic!("{}: {e}. Run the test with UPDATE_GOLDEN=1 once", path.display()));
        let golden: serde_json::Value = serde_json::from_str(&golden).unwrap();
        assert_eq!(
            data,
            golden,
            "{} differs from its golden file, on which consumers rely",
            event.event_type()
        );
        let raw = RawValue::from_string(golden.to_string()).unwrap();
        assert_eq!(Event::decode(event.event_type(), raw.get()).unwrap(), event);
    }
}

#[test]
fn the_samples_and_the_golden_files_are_the_whole_catalogue() {
    let catalogue: BTreeSet<_> = Event::TYPES.iter().map(|t| (*t).to_owned()).collect();
    let samples: BTreeSet<_> = samples().iter().map(|e| e.event_type().to_owned()).collect();
    assert_eq!(samples, catalogue);
    let files: BTreeSet<_> = std::fs::read_dir(golden_path("x").parent().unwrap())
        .unwrap()
        .map(|file| file.unwrap().file_name().to_string_lossy().trim_end_matches(".json").to_owned())
        .collect();
    assert_eq!(files, catalogue, "a golden file is never removed");
}

#[test]
fn every_event_has_a_schema_that_knows_its_fields() {
    for event in samples() {
        let schema = Event::schema(event.event_type()).unwrap();
        let data: serde_json::Value = serde_json::from_slice(&event.data().unwrap()).unwrap();
        for field in data.as_object().unwrap().keys() {
            assert!(schema["properties"].get(field).is_some(), "{} {field}", event.event_type());
        }
        for required in schema["required"].as_array().into_iter().flatten() {
            assert!(data.get(required.as_str().unwrap()).is_some(), "{} {required}", event.event_type());
        }
    }
    assert!(Event::schema("meja.unknown.v1").is_none());
}

#[test]
fn decoding_is_lenient_where_commands_are_strict() {
    // A party size over today's limit and a field that a later version added.
    let event =
        Event::decode("meja.reservation.party_size_changed.v1", r#"{"from":2,"to":200,"later":true}"#);
    assert!(matches!(event, Ok(Event::PartySizeChanged(_))), "{event:?}");
    assert!(matches!(Event::decode("meja.unknown.v9", "{}"), Err(DecodeError::UnknownType(_))));
    assert!(matches!(Event::decode("meja.reservation.created.v1", "{}"), Err(DecodeError::Data { .. })));
}
