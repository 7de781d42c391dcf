//! The gRPC interface in-process: the same operations, codes and scopes as the JSON interface.

mod fuzz;
mod health;
mod methods;
mod schemas;

use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use futures::StreamExt as _;
use rpc::v1::availability_client::AvailabilityClient;
use rpc::v1::log_client::LogClient;
use rpc::v1::reservations_client::ReservationsClient;
use rpc::{code_of, v1};
use serde_json::json;
use tonic::{Code, Request, Status};

use crate::app::{TOKEN, TestApp, booking};
use crate::keys::create;

fn router(app: &TestApp) -> Router {
    reservation::api::grpc::router(app.app.clone())
}

fn reservations(app: &TestApp) -> ReservationsClient<Router> {
    ReservationsClient::with_origin(router(app), "http://meja.example".parse().unwrap())
}

fn log(app: &TestApp) -> LogClient<Router> {
    LogClient::with_origin(router(app), "http://meja.example".parse().unwrap())
}

/// `message` with a credential and further metadata.
fn with<T>(message: T, token: &str, metadata: &[(&'static str, &str)]) -> Request<T> {
    let mut request = Request::new(message);
    if !token.is_empty() {
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    }
    for (name, value) in metadata {
        request.metadata_mut().insert(*name, value.parse().unwrap());
    }
    request
}

fn wanted() -> v1::CreateReservationRequest {
    let text = |text: &str| Some(text.to_owned());
    v1::CreateReservationRequest {
        customer_id: "cust-42".into(),
        contact_info: Some(v1::ContactInfo {
            name: text("Sari Wulandari"),
            phone: text("+62 812 3456 7890"),
            email: text("sari@example.com"),
        }),
        start_time: "2026-12-24T19:30".into(),
        party_size: Some(4),
        allergies: text("kacang"),
        ..Default::default()
    }
}

fn named(reservation_id: &str) -> v1::GetReservationRequest {
    v1::GetReservationRequest { reservation_id: reservation_id.into(), as_of: None }
}

/// The code of gRPC and the stable code of an error.
fn error<T: std::fmt::Debug>(result: Result<T, Status>) -> (Code, String) {
    let status = result.unwrap_err();
    (status.code(), code_of(&status).unwrap_or_default())
}

#[tokio::test]
async fn a_booking_is_made_changed_and_cancelled_and_both_interfaces_show_the_same() {
    let app = TestApp::with_houses().await;
    let mut client = reservations(&app);
    let booked = client.create_reservation(with(wanted(), TOKEN, &[])).await.unwrap().into_inner();
    assert_eq!((&booked.start_time[..], booked.party_size), ("2026-12-24T19:30:00+07:00", 4));
    let (id, link) = (booked.reservation_id.clone(), booked.guest_link.clone().unwrap().token);
    let path = format!("/api/reservations/{id}");
    let read = client.get_reservation(with(named(&id), TOKEN, &[])).await.unwrap().into_inner();
    let shown: v1::Reservation = rpc::from_json(&app.get(&path).await.json()).unwrap();
    assert_eq!((&read, read.allergies.as_deref()), (&shown, Some("kacang")));
    assert_eq!(read.created_at, booked.created_at);

    let larger =
        v1::ChangePartySizeRequest { reservation_id: id.clone(), party_size: Some(2), ..Default::default() };
    let stale = client.change_party_size(with(larger.clone(), &link, &[("if-match", "\"77\"")])).await;
    assert_eq!(error(stale), (Code::Aborted, "version_mismatch".into()));
    let changed = client.change_party_size(with(larger, &link, &[])).await.unwrap().into_inner();
    assert_eq!((changed.party_size, changed.version), (2, read.version + 1));

    let corrected = v1::CorrectReservationRequest {
        reservation_id: id.clone(),
        special_requests: Some("dekat jendela".into()),
        removed_fields: vec!["allergies".into()],
        ..Default::default()
    };
    let notes = v1::CorrectReservationRequest { staff_notes: Some("vip".into()), ..corrected.clone() };
    let refused = client.correct_reservation(with(notes, &link, &[])).await;
    assert_eq!(error(refused), (Code::InvalidArgument, "invalid_request".into()));
    let corrected = client.correct_reservation(with(corrected, TOKEN, &[])).await.unwrap().into_inner();
    assert_eq!((corrected.special_requests.as_deref(), corrected.allergies), (Some("dekat jendela"), None));

    let cancel = v1::CancelReservationRequest {
        reservation_id: id.clone(),
        reason_code: "guest_request".into(),
        ..Default::default()
    };
    let cancelled = client.cancel_reservation(with(cancel, &link, &[])).await.unwrap().into_inner();
    assert_eq!(cancelled.cancellation.unwrap().cancelled_by, "guest");
    assert_eq!(app.status(&id).await, "CANCELLED");
    let charges = v1::ListChargesRequest { reservation_id: id };
    let charges = client.list_charges(with(charges, &link, &[])).await.unwrap().into_inner();
    assert_eq!(charges.balance, Some(v1::Balance::default()));
}

#[tokio::test]
async fn a_repeated_call_has_the_first_outcome() {
    let app = TestApp::with_houses().await;
    let mut client = reservations(&app);
    let key = [("idempotency-key", "7f0e4c1c-5b0e-4d0b-9f8e-1f0a5e1b2c3d")];
    let first = client.create_reservation(with(wanted(), "", &key)).await.unwrap();
    assert!(first.metadata().get("idempotent-replayed").is_none());
    let head = app.app.store.known_head();
    let second = client.create_reservation(with(wanted(), "", &key)).await.unwrap();
    assert_eq!(second.metadata().get("idempotent-replayed").unwrap(), "true");
    let (first, second) = (first.into_inner(), second.into_inner());
    assert_eq!((first.reservation_id, first.guest_link), (second.reservation_id, second.guest_link));
    assert_eq!(app.app.store.known_head(), head);
    let other = v1::CreateReservationRequest { party_size: Some(2), ..wanted() };
    let reused = client.create_reservation(with(other, "", &key)).await;
    assert_eq!(error(reused), (Code::InvalidArgument, "idempotency_key_reused".into()));
    let short = client.create_reservation(with(wanted(), "", &[("idempotency-key", "1")])).await;
    assert_eq!(error(short), (Code::InvalidArgument, "invalid_request".into()));
}

#[tokio::test]
async fn faults_and_refusals_are_those_of_the_json_interface() {
    let app = TestApp::with_houses().await;
    let mut client = reservations(&app);
    let bad = v1::CreateReservationRequest {
        party_size: Some(0),
        start_time: "soon".into(),
        contact_info: Some(v1::ContactInfo { phone: Some("call me".into()), ..Default::default() }),
        ..Default::default()
    };
    let status = client.create_reservation(with(bad, TOKEN, &[])).await.unwrap_err();
    let body = json!({"party_size": 0, "start_time": "soon", "contact_info": {"phone": "call me"}});
    let faults = app.post("/api/reservations", &body).await.faults();
    let fields = |fault: &String| fault.trim_start_matches("body.").split(':').next().unwrap().to_owned();
    let violations = tonic_types::StatusExt::get_details_bad_request(&status).unwrap().field_violations;
    let mut violations: Vec<_> = violations.into_iter().map(|violation| violation.field).collect();
    violations.sort();
    assert_eq!(violations, faults.iter().map(fields).collect::<Vec<_>>());
    assert!(!status.message().contains("call me"), "{}", status.message());

    let large = v1::CreateReservationRequest { party_size: Some(40), ..wanted() };
    let refused = client.create_reservation(with(large, TOKEN, &[])).await;
    assert_eq!(error(refused), (Code::FailedPrecondition, "party_too_large".into()));
    let nowhere = client.get_reservation(with(named("nowhere"), TOKEN, &[])).await;
    assert_eq!(error(nowhere), (Code::InvalidArgument, "invalid_request".into()));
}

#[tokio::test]
async fn credentials_are_metadata_and_open_what_they_open_there() {
    let app = TestApp::with_houses().await;
    let mut client = reservations(&app);
    let (mine, other) =
        (app.book(json!({})).await, app.book(json!({"start_time": "2026-12-25T19:30"})).await);
    let (read_only, _) = create(&app, &["book"], serde_json::Value::Null).await;
    let (elsewhere, _) = create(&app, &["read"], json!(["roma-trastevere"])).await;
    let link = app.guest_link(&mine).await;
    for (token, id, expected) in [
        ("", &mine, (Code::Unauthenticated, "credential_required")),
        ("meja_nonsense", &mine, (Code::Unauthenticated, "credential_invalid")),
        (&read_only[..], &mine, (Code::PermissionDenied, "scope_missing")),
        (&elsewhere[..], &mine, (Code::NotFound, "not_found")),
        (&link[..], &other, (Code::NotFound, "not_found")),
    ] {
        let refused = client.get_reservation(with(named(id), token, &[])).await;
        assert_eq!(error(refused), (expected.0, expected.1.to_owned()), "{token}");
    }
    assert!(client.get_reservation(with(named(&mine), &link, &[])).await.is_ok());
    // Under a foreign name nothing is answered, as there.
    let mut foreign = ReservationsClient::with_origin(router(&app), "http://evil.example".parse().unwrap());
    let refused = foreign.get_reservation(with(named(&mine), TOKEN, &[])).await;
    assert_eq!(error(refused), (Code::PermissionDenied, "foreign_host".into()));
}

#[tokio::test]
async fn the_log_is_followed_in_stored_bytes_and_live() {
    let app = TestApp::with_houses().await;
    let mut client = log(&app);
    app.book(json!({})).await;
    let mut stream =
        client.follow(with(v1::FollowRequest::default(), TOKEN, &[])).await.unwrap().into_inner();
    let first = stream.next().await.unwrap().unwrap();
    let feed = app.get("/events?limit=1000").await.text();
    let stored: Vec<_> = first.events.iter().map(|event| std::str::from_utf8(&event.json).unwrap()).collect();
    assert_eq!(format!("[{}]", stored.join(",")), feed);
    assert!(first.events.iter().map(|event| event.position).eq(1..=first.head));
    // An event that is appended meanwhile arrives.
    let id = app.book(json!({"start_time": "2026-12-25T19:30"})).await;
    let next = tokio::time::timeout(Duration::from_secs(10), stream.next()).await.unwrap().unwrap().unwrap();
    assert!(next.events[0].position == first.head + 1, "{next:?}");
    // From a cursor, of some types, with a tag.
    let cursor = serde_json::from_slice::<serde_json::Value>(&first.events[2].json).unwrap();
    let request = v1::FollowRequest {
        after: cursor["id"].as_str().unwrap().to_owned(),
        types: vec!["meja.reservation.created.v1".into(), "meja.reservation.confirmed.v1".into()],
        tags: vec![format!("reservation:{id}")],
    };
    let mut filtered = client.follow(with(request, TOKEN, &[])).await.unwrap().into_inner();
    let page = filtered.next().await.unwrap().unwrap();
    for event in &page.events {
        let event: serde_json::Value = serde_json::from_slice(&event.json).unwrap();
        assert_eq!(event["subject"], format!("reservation/{id}"));
    }
    assert!(!page.events.is_empty());
}

#[tokio::test]
async fn a_stream_needs_a_cursor_of_this_log_and_valid_filters() {
    let app = TestApp::with_houses().await;
    let mut client = log(&app);
    let after = "00000000000000000003-01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f".to_owned();
    for (request, expected) in [
        (v1::FollowRequest { after, ..Default::default() }, (Code::FailedPrecondition, "cursor_not_in_log")),
        (
            v1::FollowRequest { types: vec!["meja.nothing.v1".into()], ..Default::default() },
            (Code::InvalidArgument, "invalid_request"),
        ),
        (
            v1::FollowRequest { tags: vec!["command:x".into()], ..Default::default() },
            (Code::InvalidArgument, "invalid_request"),
        ),
    ] {
        let refused = client.follow(with(request.clone(), TOKEN, &[])).await.map(|_| ());
        assert_eq!(error(refused), (expected.0, expected.1.to_owned()), "{request:?}");
    }
}

#[tokio::test]
async fn a_key_for_venues_follows_their_events_and_its_end_ends_the_stream() {
    let app = TestApp::with_houses().await;
    let (token, key_id) = create(&app, &["feed"], json!(["roma-trastevere"])).await;
    let mine = json!({"venue_id": "roma-trastevere", "start_time": "2026-12-22T19:30"});
    let mine = app.post("/api/reservations", &booking(mine)).await.json()["reservation_id"].clone();
    app.book(json!({})).await;
    let mut client = log(&app);
    let mut stream =
        client.follow(with(v1::FollowRequest::default(), &token, &[])).await.unwrap().into_inner();
    let page = stream.next().await.unwrap().unwrap();
    let subjects = page.events.iter().map(|event| {
        serde_json::from_slice::<serde_json::Value>(&event.json).unwrap()["subject"]
            .as_str()
            .unwrap()
            .to_owned()
    });
    let of_mine = format!("reservation/{}", mine.as_str().unwrap());
    assert!(subjects.into_iter().all(|subject| subject == of_mine || subject == "venue/roma-trastevere"));
    let revoke = json!({"reason_code": "leaked"});
    assert_eq!(app.post(&format!("/api/access/keys/{key_id}/revoke"), &revoke).await.status, StatusCode::OK);
    let last = tokio::time::timeout(Duration::from_secs(10), async {
        loop {
            if let Some(Err(status)) = stream.next().await {
                return status;
            }
        }
    });
    assert_eq!(last.await.unwrap().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_deadline_ends_a_call_and_a_stream() {
    let app = TestApp::with_houses().await;
    let mut request = with(v1::FollowRequest::default(), TOKEN, &[]);
    request.metadata_mut().insert("grpc-timeout", "300m".parse().unwrap());
    let mut stream = log(&app).follow(request).await.unwrap().into_inner();
    let last = tokio::time::timeout(Duration::from_secs(10), async {
        loop {
            match stream.next().await {
                Some(Ok(_)) => {}
                other => return other,
            }
        }
    });
    let last = last.await.unwrap().unwrap();
    assert_eq!(last.unwrap_err().code(), Code::DeadlineExceeded);
    let request = with(named(&app.book(json!({})).await), TOKEN, &[("grpc-timeout", "0n")]);
    let late = reservations(&app).get_reservation(request).await;
    assert_eq!(late.unwrap_err().code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn venues_and_their_days_need_no_credential() {
    let app = TestApp::with_houses().await;
    let mut client = AvailabilityClient::with_origin(router(&app), "http://meja.example".parse().unwrap());
    let venues = client.list_venues(v1::ListVenuesRequest {}).await.unwrap().into_inner().items;
    assert_eq!(venues[0].venue_id, "bandung-dago");
    let venue = v1::GetVenueRequest { venue_id: "bandung-dago".into() };
    assert_eq!(client.get_venue(venue).await.unwrap().into_inner(), venues[0]);
    let day = v1::GetDayRequest { date: "2026-12-24".into(), party_size: Some(8), ..Default::default() };
    let day = client.get_day(day).await.unwrap().into_inner();
    let shown = app.get("/api/availability?date=2026-12-24&party_size=8").await.json();
    assert_eq!(day, rpc::from_json(&shown).unwrap());
    assert!(day.slots.iter().any(|slot| slot.deposit.is_some()));
    let days = v1::ListDaysRequest {
        from: "2026-12-20".into(),
        to: "2026-12-24".into(),
        party_size: Some(2),
        ..Default::default()
    };
    assert_eq!(client.list_days(days).await.unwrap().into_inner().days.len(), 5);
    let bad = client.get_day(v1::GetDayRequest::default()).await;
    assert_eq!(error(bad), (Code::InvalidArgument, "invalid_request".into()));
}

#[tokio::test]
async fn a_party_waits_gets_an_offer_and_accepts_it() {
    let app = TestApp::with_houses().await;
    let mut client = reservations(&app);
    let joining = v1::JoinWaitlistRequest {
        customer_id: "cust-42".into(),
        contact_info: wanted().contact_info,
        earliest_time: Some("2026-12-24T19:00".into()),
        latest_time: "2026-12-24T19:00".into(),
        party_size: Some(2),
        ..Default::default()
    };
    let joined = client.join_waitlist(with(joining, TOKEN, &[])).await.unwrap().into_inner();
    crate::waitlist::becomes(&app, &joined.waitlist_id, "OFFERED").await;
    let link = joined.guest_link.unwrap().token;
    let named = v1::GetWaitlistEntryRequest { waitlist_id: joined.waitlist_id.clone() };
    let entry = client.get_waitlist_entry(with(named, &link, &[])).await.unwrap().into_inner();
    assert_eq!((entry.place_in_line, entry.offer.unwrap().tables.len()), (Some(1), 1));
    let accept = v1::AcceptOfferRequest { waitlist_id: joined.waitlist_id.clone(), allow_duplicate: None };
    let booked = client.accept_offer(with(accept, &link, &[])).await.unwrap().into_inner();
    assert_eq!((&booked.status[..], &booked.source[..]), ("PENDING", "waitlist"));
    let leave = v1::LeaveWaitlistRequest { waitlist_id: joined.waitlist_id };
    let late = client.leave_waitlist(with(leave, &link, &[])).await;
    assert_eq!(error(late), (Code::FailedPrecondition, "offer_taken".into()));
}
