//! Venue files: checked as a whole, changed while the service runs, without changing any booking.

use std::path::Path;
use std::sync::Arc;

use axum::http::StatusCode;
use chassis::environment::ManualEnvironment;
use events::store::memory::MemoryStore;
use reservation::app::affected::AffectedBooking;
use reservation::app::venues::VenueFiles;
use reservation::workers::venue_import::ChangedVenue;
use serde_json::{Value, json};

use crate::app::{TestApp, start_of_time};

fn sample(id: &str) -> Value {
    let path = format!("{}/../data/venues/{id}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn write(dir: &Path, venue: &Value) {
    std::fs::write(dir.join(format!("{}.json", venue["id"].as_str().unwrap())), venue.to_string()).unwrap();
}

#[track_caller]
fn faults(venue: &Value) -> String {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), venue);
    VenueFiles::load(dir.path()).unwrap_err().to_string()
}

#[test]
fn every_fault_of_a_venue_file_is_reported_with_its_path() {
    let mut venue = sample("roma-trastevere");
    venue["tables"][0]["combinable_with"] = json!(["99"]);
    venue["tables"][1]["min_party"] = json!(9);
    venue["services"][0]["days"] = json!(["lun"]);
    venue["services"][1]["closes"] = json!("25:00");
    venue["turn_minutes"][0]["minutes"] = json!(-5);
    venue["exceptions"][0]["services"] = json!([]);
    venue["pacing"]["covers"] = json!(5);
    venue["policy"]["no_show_fee"]["per"] = json!("head");
    let said = faults(&venue);
    for place in [
        "$.tables[0].combinable_with: 99 is not another table",
        "$.tables[1].min_party",
        "$.services[0].days[0]",
        "$.services[1].closes",
        "$.turn_minutes[0].minutes",
        "$.exceptions[0].closed",
        "$.pacing.covers",
        "$.policy.no_show_fee.per",
    ] {
        assert!(said.contains(place), "{place} in {said}");
    }
    let mut venue = sample("roma-trastevere");
    venue["services"][1]["opens"] = json!("14:00");
    venue["timezone"] = json!("Europe/Trastevere");
    assert!(
        faults(&venue)
            .contains("$.timezone: \"Europe/Trastevere\" is not an IANA time zone such as Asia/Jakarta\n")
    );
    assert!(faults(&venue).contains("Pranzo and Cena overlap"), "{}", faults(&venue));
    let mut unlikely = sample("roma-trastevere");
    let twice = unlikely["tables"][0].clone();
    unlikely["tables"].as_array_mut().unwrap().push(twice);
    unlikely["tables"][1]["seats"] = json!(0);
    unlikely["turn_minutes"] = json!([{"up_to_party": 4, "minutes": 60}, {"up_to_party": 2, "minutes": 0}, {"up_to_party": 3, "minutes": 60}]);
    unlikely["services"][0]["days"] = json!([]);
    unlikely["services"][1]["last_arrival"] = json!("12:00");
    unlikely["exceptions"] =
        json!([{"date": "2026-12-25", "closed": true}, {"date": "2026-12-25", "closed": true}]);
    let said = faults(&unlikely);
    for place in [
        "$.services[0].days: list at least one",
        "$.services[1].last_arrival",
        "$.exceptions: 2026-12-25 is listed twice",
        "$.tables: the table 1 is listed twice",
        "$.tables[1].seats",
        "$.turn_minutes: up_to_party must increase",
    ] {
        assert!(said.contains(place), "{place} in {said}");
    }
    venue.as_object_mut().unwrap().remove("services");
    let said = faults(&venue);
    assert!(said.contains("$.pacing: this requires services") && !said.contains("Extra inputs"), "{said}");
}

/// The schema for editors agrees with the service, for the samples and for each of their fields
/// with invalid values.
#[test]
fn the_schema_agrees_with_the_service() {
    let schema: Value = serde_json::from_str(include_str!("../../schemas/venue.schema.json")).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let mut compared = 0;
    let full = with_every_member();
    for (id, venue) in [
        ("bandung-dago", sample("bandung-dago")),
        ("roma-trastevere", sample("roma-trastevere")),
        ("bandung-dago", full),
    ] {
        assert!(schema.is_valid(&venue), "{id}");
        for (pointer, nonsense) in nonsense(&venue) {
            let mut wrong = venue.clone();
            *wrong.pointer_mut(&pointer).unwrap() = nonsense;
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join(format!("{id}.json")), wrong.to_string()).unwrap();
            let taken = VenueFiles::load(dir.path()).is_ok();
            assert_eq!(
                schema.is_valid(&wrong),
                taken,
                "{id} {pointer}: {}",
                wrong.pointer(&pointer).unwrap()
            );
            compared += 1;
        }
    }
    assert!(compared > 300, "{compared}");
}

/// A venue with the members that the samples do not have.
fn with_every_member() -> Value {
    let mut venue = sample("bandung-dago");
    let profile = json!({"address": "Jl. Ir. H. Juanda 101\nBandung", "phone": "022 2500000",
        "email": "halo@warung.example.com", "reply_to": "meja@warung.example.com",
        "website": "https://warung.example.com/", "accent_colour": "#8A3b12",
        "location": {"latitude": -6.885, "longitude": 107.613}});
    venue.as_object_mut().unwrap().extend(profile.as_object().unwrap().clone());
    venue["tables"][0]
        .as_object_mut()
        .unwrap()
        .extend(json!({"x": 10, "y": 20, "shape": "round"}).as_object().unwrap().clone());
    venue["services"][0]["areas"] = json!(["Teras", "Dalam"]);
    venue["exceptions"] = json!([
        {"from": "2026-12-24", "to": "2027-01-02", "closed_areas": ["Kebun"], "note": "Renovasi"},
        {"yearly": "08-17", "services": [{"name": "Merdeka", "opens": "10:00", "closes": "14:00", "areas": ["Dalam"]}]},
        {"date": "2027-02-01", "closed_tables": ["T1"]},
    ]);
    venue
}

/// Every position in a document, each with an invalid value.
fn nonsense(value: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    let mut rest = vec![(String::new(), value)];
    while let Some((at, value)) = rest.pop() {
        match value {
            Value::Object(members) => {
                rest.extend(members.iter().map(|(name, value)| (format!("{at}/{name}"), value)));
            }
            Value::Array(items) => {
                rest.extend(items.iter().enumerate().map(|(i, value)| (format!("{at}/{i}"), value)));
            }
            Value::Number(_) => all.extend([(at.clone(), json!(-1)), (at.clone(), json!("many"))]),
            Value::String(_) => all.extend([(at.clone(), json!("")), (at.clone(), json!(7))]),
            _ => all.push((at.clone(), json!("perhaps"))),
        }
        if !at.is_empty() && (value.is_object() || value.is_array()) {
            all.push((at, json!(7)));
        }
    }
    all
}

struct Rig {
    dir: tempfile::TempDir,
    store: Arc<MemoryStore>,
    clock: ManualEnvironment,
}

impl Rig {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &sample("bandung-dago"));
        let (store, clock) =
            (Arc::new(MemoryStore::new("reservation")), ManualEnvironment::at(start_of_time()));
        Self { dir, store, clock }
    }

    async fn start(&self) -> TestApp {
        TestApp::at(self.dir.path().to_str().unwrap(), self.store.clone(), self.clock.clone()).await
    }

    async fn reload(&self, app: &TestApp) -> Vec<ChangedVenue> {
        app.import(&VenueFiles::load(self.dir.path()).unwrap()).await.changes
    }
}

#[tokio::test]
async fn new_rules_apply_at_once_and_list_the_affected_bookings() {
    let rig = Rig::new();
    let app = rig.start().await;
    let evening = json!({"party_size": 2, "area": "Teras", "start_time": "2026-12-24T19:00"});
    let on_t1 = app.book(evening.clone()).await;
    let at_noon = app.book(json!({"party_size": 4, "start_time": "2026-12-24T12:00"})).await;
    let managed_by_hand = app.book(json!({"party_size": 2, "start_time": "2026-12-24T20:00"})).await;
    app.command(&managed_by_hand, "assign-table", json!({"table_id": "X", "capacity": 2, "area": "Trotoar"}))
        .await;
    let gone = app.book(json!({"party_size": 2, "area": "Teras", "start_time": "2026-12-24T17:00"})).await;
    app.command(&gone, "cancel", json!({"reason_code": "other"})).await;
    assert_eq!(rig.reload(&app).await, [], "nothing has changed");
    // Without lunch, and without the first table.
    let mut venue = sample("bandung-dago");
    venue["services"].as_array_mut().unwrap().remove(0);
    venue["tables"].as_array_mut().unwrap().remove(0);
    write(rig.dir.path(), &venue);
    let changes = rig.reload(&app).await;
    let ids = |affected: &[AffectedBooking]| {
        affected.iter().map(|s| (s.reservation_id.to_string(), s.reason.to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(
        (changes.len(), changes[0].version, ids(&changes[0].affected)),
        (1, 2, vec![(at_noon.clone(), "closed".to_owned()), (on_t1.clone(), "table_gone".to_owned())])
    );
    // The change is recorded with the whole document, and the affected bookings are marked.
    let noted = app.get("/events?type=meja.venue.changed.v2").await.json()[1].clone();
    assert_eq!(
        (&noted["subject"], &noted["data"]["stranded_count"], &noted["data"]["document"]),
        (&json!("venue/bandung-dago"), &json!(2), &venue)
    );
    let mark = async |id: &str| {
        let view = app.get(&format!("/api/reservations/{id}")).await.json();
        (view["status"].clone(), view["affected_by_rules"].clone())
    };
    assert_eq!(mark(&at_noon).await, (json!("PENDING"), json!("closed")));
    assert_eq!(mark(&on_t1).await, (json!("PENDING"), json!("table_gone")));
    assert_eq!(mark(&managed_by_hand).await, (json!("PENDING"), Value::Null));
    // The new rules are in force: T2 is the first table for two, and there is no lunch.
    let next = app.post("/api/reservations", &crate::app::booking(evening)).await.json();
    assert_eq!(next["tables"][0]["table_id"], json!("T2"));
    let lunch = crate::app::booking(json!({"start_time": "2026-12-24T12:00"}));
    assert_eq!(app.post("/api/reservations", &lunch).await.problem().1, "closed");
    assert_eq!(app.get("/api/reservations").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_file_is_imported_once_and_again_when_it_changes() {
    let rig = Rig::new();
    let count = async |app: &TestApp| {
        let noted = app.get("/events?type=meja.venue.changed.v2").await.json();
        noted.as_array().unwrap().len()
    };
    let mut venue = sample("bandung-dago");
    for (slot, noted) in [(15, 1), (30, 2), (60, 3), (60, 3)] {
        venue["slot_minutes"] = json!(slot);
        write(rig.dir.path(), &venue);
        let app = rig.start().await;
        assert_eq!(count(&app).await, noted);
    }
}

#[tokio::test]
async fn bookings_made_by_hand_are_affected_when_the_venue_starts_to_keep_its_book() {
    let rig = Rig::new();
    let mut managed_by_hand = sample("bandung-dago");
    for rule in [
        "services",
        "exceptions",
        "slot_minutes",
        "turn_minutes",
        "pacing",
        "booking_window",
        "walk_in_share_percent",
    ] {
        managed_by_hand.as_object_mut().unwrap().remove(rule);
    }
    write(rig.dir.path(), &managed_by_hand);
    let app = rig.start().await;
    let without = app.book(json!({"party_size": 2, "start_time": "2026-12-24T19:00"})).await;
    let squeezed = app.book(json!({"party_size": 4, "start_time": "2026-12-24T19:00"})).await;
    let extra = json!({"table_id": "T1", "capacity": 4, "area": "Teras"});
    assert_eq!(app.command(&squeezed, "assign-table", extra).await.status, StatusCode::OK);
    write(rig.dir.path(), &sample("bandung-dago"));
    let changes = rig.reload(&app).await;
    let affected: Vec<_> =
        changes[0].affected.iter().map(|s| (s.reservation_id.to_string(), s.reason)).collect();
    assert_eq!(affected, [(without.clone(), "no_table")], "a table that staff assigned by hand is kept");
    // A smaller party needs no table either; a larger one gets one.
    let less = app.command(&without, "party-size", json!({"party_size": 1})).await;
    assert_eq!((less.status, less.json()["tables"].clone()), (StatusCode::OK, json!([])));
    let more = app.command(&without, "party-size", json!({"party_size": 2})).await.json();
    assert_eq!(more["tables"][0]["table_id"], json!("D1"));
}

#[tokio::test]
async fn bookings_are_checked_against_rules_that_changed_while_the_service_was_stopped() {
    let rig = Rig::new();
    let app = rig.start().await;
    let noon = app.book(json!({"party_size": 4, "start_time": "2026-12-24T12:00"})).await;
    drop(app);
    let mut venue = sample("bandung-dago");
    venue["services"].as_array_mut().unwrap().remove(0);
    write(rig.dir.path(), &venue);
    let app = rig.start().await;
    let mark = async |app: &TestApp| {
        app.get(&format!("/api/reservations/{noon}")).await.json()["affected_by_rules"].clone()
    };
    assert_eq!(mark(&app).await, json!("closed"));
    assert_eq!(rig.reload(&app).await, [], "a change is recorded only once");
    // A removed venue is recorded too, and accepts no bookings.
    let elsewhere = json!({"id": "elsewhere", "name": "E", "timezone": "Asia/Jakarta", "country": "ID", "currency": "IDR",
        "locale": "id", "tables": [{"id": "1", "area": "A", "seats": 2}], "policy": {}});
    write(rig.dir.path(), &elsewhere);
    std::fs::remove_file(rig.dir.path().join("bandung-dago.json")).unwrap();
    let changes = rig.reload(&app).await;
    let removed = changes.iter().find(|change| change.venue_id.as_str() == "bandung-dago").unwrap();
    assert_eq!((removed.version, removed.affected[0].reason), (3, "venue_gone"));
    assert_eq!(mark(&app).await, json!("venue_gone"));
    let gone = crate::app::booking(json!({"venue_id": "bandung-dago"}));
    assert_eq!(app.post("/api/reservations", &gone).await.faults(), ["body.venue_id:value_error"]);
    // The venue comes back as it was at first.
    write(rig.dir.path(), &sample("bandung-dago"));
    rig.reload(&app).await;
    assert_eq!(mark(&app).await, Value::Null);
}
