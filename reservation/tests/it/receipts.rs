//! Receipts and checkpoints: what a guest holds against the restaurant.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use events::store::EventStore;
use events::store::memory::MemoryStore;
use proof::{Hash, Receipt, ReceiptError, SignedCheckpoint, SigningKey, VerifierKey, leaf_hash};
use reservation::app::log_tree::{LogKeys, LogTree, NoCheckpoint, Signer};
use serde_json::{Value, json};

use crate::app::{Answer, TestApp};

async fn with_link(app: &TestApp, link: &str, path: &str) -> Answer {
    let request = Request::get(path).header("authorization", format!("Bearer {link}"));
    app.send(request.body(Body::empty()).unwrap()).await
}

/// The receipt of a reservation as its guest gets it.
async fn receipt(app: &TestApp, id: &str, query: &str) -> Receipt {
    let link = app.guest_link(id).await;
    let answer = with_link(app, &link, &format!("/api/reservations/{id}/receipt{query}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    Receipt::read(&answer.bytes).unwrap()
}

async fn key(app: &TestApp) -> VerifierKey {
    app.anonymous_get("/.well-known/meja-log-keys").await.text().trim().parse().unwrap()
}

async fn checkpoint(app: &TestApp) -> SignedCheckpoint {
    let answer = app.anonymous_get("/log/checkpoint").await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "text/plain; charset=utf-8"));
    answer.text().parse().unwrap()
}

fn types(receipt: &Receipt) -> Vec<String> {
    let event = |promise: &proof::Promise| -> Value { serde_json::from_str(&promise.event).unwrap() };
    receipt.promises.iter().map(|promise| event(promise)["type"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_guest_holds_what_was_promised_and_nothing_that_is_not_for_guests() {
    let app = TestApp::start().await;
    let id = app.book(json!({"special_requests": "Kursi bayi"})).await;
    app.command(&id, "confirm", json!({})).await;
    let notes = json!({"notes": "regular, tips well", "override": {"reason_code": "manager_decision"}});
    app.send(
        Request::patch(format!("/api/reservations/{id}"))
            .header("content-type", "application/json")
            .body(Body::from(notes.to_string()))
            .unwrap(),
    )
    .await;
    app.command(&id, "cancel", json!({"reason_code": "guest_request"})).await;
    let receipt = receipt(&app, &id, "").await;
    let verified = receipt.verify(&key(&app).await).unwrap();
    assert_eq!(
        types(&receipt),
        ["meja.reservation.created.v1", "meja.reservation.confirmed.v1", "meja.reservation.cancelled.v1"]
    );
    // Each is what the log contains, and stands at its position.
    let feed = app.get("/events?limit=1000").await.json();
    for (index, event) in verified.promises {
        let logged =
            feed.as_array().unwrap().iter().find(|logged| logged["sequence"] == format!("{:020}", index + 1));
        assert_eq!(logged, Some(&serde_json::from_str(event).unwrap()));
    }
    let text = serde_json::to_string(&receipt).unwrap();
    for hidden in ["Sari", "812", "sari@example.com", "Kursi bayi", "tips well"] {
        assert!(!text.contains(hidden), "{hidden}");
    }
}

#[tokio::test]
async fn a_receipt_is_for_its_guest_and_for_staff() {
    let app = TestApp::start().await;
    let (mine, other) = (app.book(json!({})).await, app.book(json!({})).await);
    let path = format!("/api/reservations/{mine}/receipt");
    assert_eq!(app.anonymous_get(&path).await.problem(), (401, "credential_required".into()));
    let foreign = with_link(&app, &app.guest_link(&other).await, &path).await;
    assert_eq!(foreign.problem(), (404, "not_found".into()));
    let answer = app.get(&path).await;
    assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::OK, "no-store"));
    assert_eq!(answer.header("content-disposition"), format!("attachment; filename=\"receipt-{mine}.json\""));
    assert_eq!(
        app.get("/api/reservations/01939f3e-0000-7000-8000-000000000001/receipt").await.problem(),
        (404, "not_found".into())
    );
    assert_eq!(app.get(&format!("{path}?since=x")).await.faults(), ["query.since:int_type"]);
}

#[tokio::test]
async fn a_receipt_continues_an_older_checkpoint_also_after_everything_was_erased() {
    let app = TestApp::start().await;
    let id = app.book(json!({})).await;
    let first = receipt(&app, &id, "").await;
    let (older, key) = (checkpoint(&app).await, key(&app).await);
    let size = older.unverified().size;
    app.command(&id, "cancel", json!({"reason_code": "guest_request"})).await;
    let erased = app.post("/api/erasures", &json!({"phone": "+62 812 3456 7890"})).await;
    assert_eq!(erased.json()["complete"], true, "{}", erased.text());
    // The earlier receipt is as good as it was, and a new one proves that the log continues.
    first.verify(&key).unwrap();
    let path = format!("/api/reservations/{id}/receipt?since={size}");
    let second = Receipt::read(&app.get(&path).await.bytes).unwrap();
    let verified = second.verify(&key).unwrap();
    assert!(verified.checkpoint.size > size);
    second.verify_behind(&verified.checkpoint, &older, &key).unwrap();
    assert_eq!(second.promises[0].event, first.promises[0].event);
    let without = Receipt::read(&app.get(&format!("/api/reservations/{id}/receipt")).await.bytes).unwrap();
    let checkpoint = without.verify(&key).unwrap().checkpoint;
    assert!(matches!(
        without.verify_behind(&checkpoint, &older, &key),
        Err(ReceiptError::NoConsistency { .. })
    ));
    let longer = format!("/api/reservations/{id}/receipt?since={}", checkpoint.size + 1);
    assert_eq!(app.get(&longer).await.problem(), (409, "checkpoint_not_in_log".into()));
}

#[tokio::test]
async fn tiles_lead_from_every_event_to_the_checkpoint() {
    let app = TestApp::start().await;
    assert_eq!(app.anonymous_get("/log/checkpoint").await.problem(), (503, "no_checkpoint".into()));
    let mut id = String::new();
    for _ in 0..150 {
        id = app.book(json!({"start_time": null, "start_time": "2026-12-24T19:30"})).await;
        app.command(&id, "cancel", json!({"reason_code": "guest_request"})).await;
    }
    receipt(&app, &id, "").await;
    let signed = checkpoint(&app).await;
    let checkpoint = signed.verify(&key(&app).await).unwrap();
    assert!(checkpoint.size > 300, "{}", checkpoint.size);
    let tile = async |path: &str| app.anonymous_get(&format!("/log/tile/{path}")).await;
    let (full, rest) = (tile("0/000").await, tile(&format!("0/001.p/{}", checkpoint.size - 256)).await);
    assert_eq!((full.header("content-type"), full.bytes.len()), ("application/octet-stream", 8_192));
    let leaves: Vec<Hash> =
        [full.bytes, rest.bytes].concat().as_chunks::<32>().0.iter().map(|hash| Hash(*hash)).collect();
    let mut logged = Vec::new();
    while let page =
        app.app.store.read(&events::Query::all(), events::Position(logged.len() as u64), 1_000).await.unwrap()
        && !page.is_empty()
    {
        logged.extend(page.iter().map(|event| leaf_hash(event.json)));
    }
    assert_eq!(leaves, logged[..leaves.len()]);
    for (path, code) in
        [("0/002", 404), ("0/001", 404), ("1/000.p/2", 404), ("0/1", 404), ("entries/000", 404)]
    {
        assert_eq!(tile(path).await.status.as_u16(), code, "{path}");
    }
    assert_eq!(tile("1/000.p/1").await.bytes.len(), 32);
}

/// A log of bookings.
async fn log_of(bookings: usize) -> Arc<dyn EventStore> {
    let app = TestApp::start().await;
    for _ in 0..bookings {
        app.book(json!({})).await;
    }
    Arc::clone(&app.app.store)
}

#[tokio::test]
async fn a_checkpoint_that_contradicts_an_earlier_one_is_never_signed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("checkpoint");
    let secret = SigningKey::generate("meja.example/log").unwrap().to_secret_text();
    let tree = |is_first| {
        let signer = Signer::new(
            LogKeys { signing: vec![secret.parse().unwrap()], retired: vec![] },
            Some(file.clone()),
            is_first,
        );
        Arc::new(LogTree::in_memory(Some(signer)))
    };
    let (first, longer, shorter) = (log_of(3).await, log_of(4).await, log_of(2).await);
    // A key that has signed before, beside a log without its checkpoint: a restored log, for example.
    let unknown = tree(false).checkpoint_now(first.as_ref()).await.unwrap_err();
    assert!(matches!(unknown, NoCheckpoint::Unknown(_)), "{unknown}");
    let signed = tree(true).checkpoint_now(first.as_ref()).await.unwrap();
    // The same log after a restart: nothing is signed twice.
    let again = tree(false);
    assert!(
        matches!(again.latest(), Err(NoCheckpoint::NotYet)),
        "nothing is published before it was compared"
    );
    assert_eq!(again.checkpoint_now(first.as_ref()).await.unwrap(), signed);
    let size = signed.unverified().size;
    for other in [longer.as_ref(), shorter.as_ref(), &MemoryStore::new("reservation") as &dyn EventStore] {
        let tree = tree(true);
        tree.follow(other).await.unwrap();
        let refused = tree.sign().unwrap_err();
        assert!(matches!(refused, NoCheckpoint::Rewritten { size: at } if at == size), "{refused}");
        assert!(tree.latest().is_err());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), signed.to_string());
    }
    // A file that is no checkpoint, or that another key has signed, is not overwritten.
    let other = SigningKey::generate("meja.example/log").unwrap();
    let foreign = signed.unverified().clone().sign(&[other]).unwrap().to_string();
    for wrong in ["?".to_owned(), foreign, signed.to_string().replacen(&size.to_string(), "1", 1)] {
        std::fs::write(&file, &wrong).unwrap();
        let refused = tree(true).checkpoint_now(first.as_ref()).await.unwrap_err();
        assert!(matches!(refused, NoCheckpoint::Unknown(_)), "{refused}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), wrong);
    }
}

#[tokio::test]
async fn receipts_that_are_asked_for_again_need_no_new_checkpoint() {
    let app = TestApp::start().await;
    let id = app.book(json!({})).await;
    let first = receipt(&app, &id, "").await;
    app.book(json!({})).await;
    assert_eq!(receipt(&app, &id, "").await, first);
    let other = app.book(json!({})).await;
    let (verified, key) = (receipt(&app, &other, "").await, key(&app).await);
    let size = verified.verify(&key).unwrap().checkpoint.size;
    assert_eq!(checkpoint(&app).await.unverified().size, size);
    // A tile beyond the checkpoint says nothing about how many events there are by now.
    app.book(json!({})).await;
    app.app.log_tree.follow(app.app.store.as_ref()).await.unwrap();
    assert!(app.app.log_tree.size() > size);
    let tile = async |width: u64| app.anonymous_get(&format!("/log/tile/0/000.p/{width}")).await.status;
    assert_eq!((tile(size).await, tile(size + 1).await), (StatusCode::OK, StatusCode::NOT_FOUND));
}
