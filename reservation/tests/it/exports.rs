//! Lists and counts in the formats of other programs, and counts by groups.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp};
use crate::rules::now;

async fn get_as(app: &TestApp, path: &str, media_type: &str) -> Answer {
    app.send(Request::get(path).header("accept", media_type).body(Body::empty()).unwrap()).await
}

/// The lines of a calendar, unfolded.
fn unfolded(calendar: &str) -> Vec<String> {
    calendar.replace("\r\n ", "").split("\r\n").map(str::to_owned).collect()
}

fn group<'a>(stats: &'a Value, key: &str) -> &'a Value {
    let groups = stats["groups"].as_array().unwrap();
    groups.iter().find(|group| group["key"] == json!(key)).unwrap_or_else(|| panic!("no {key}: {stats:#}"))
}

/// A Christmas Eve: a lunch that was completed, a no-show, a cancellation, and a party after midnight of Boxing Day.
async fn christmas() -> TestApp {
    let app = TestApp::with_houses().await;
    let book = async |size: u8, start: &str| {
        let body = json!({"party_size": size, "start_time": start, "allow_duplicate": true});
        let id = app.book(body).await;
        app.command(&id, "confirm", json!({"waive_deposit": true})).await;
        id
    };
    let lunch = book(2, "2026-12-24T12:00").await;
    let missing = book(4, "2026-12-24T12:15").await;
    let gone = book(2, "2026-12-24T19:00").await;
    book(3, "2026-12-25T22:30").await;
    app.guest_command(&gone, "cancel", json!({"reason_code": "other"})).await;
    app.clock.advance("2026-12-24T05:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().unwrap() - now());
    app.command(&lunch, "check-in", json!({})).await;
    app.clock.advance(TimeDelta::minutes(50));
    app.command(&lunch, "complete", json!({})).await;
    app.command(&missing, "no-show", json!({})).await;
    let walk_in = app.post("/api/walk-ins", &json!({"party_size": 2})).await;
    assert_eq!(walk_in.status, StatusCode::OK, "{}", walk_in.text());
    app
}

#[tokio::test]
async fn counts_are_divided_by_what_an_owner_asks_for() {
    let app = christmas().await;
    let all = app.get("/api/stats?venue_id=bandung-dago").await.json();
    assert_eq!((&all["reservations"], &all["covers"]), (&json!(5), &json!(7)));
    assert_eq!(all["no_show_rate"], json!(0.5), "one of two booked parties that were due");
    assert_eq!(all["cancellations"], json!({"guest": 1, "staff": 0, "system": 0}));
    assert_eq!((&all["average_turn_minutes"], &all["average_planned_minutes"]), (&json!(50.0), &json!(75.0)));
    assert!(all.get("groups").is_none());
    let by = async |by: &str| app.get(&format!("/api/stats?venue_id=bandung-dago&by={by}")).await.json();
    let days = by("day").await;
    assert_eq!(group(&days, "2026-12-24")["reservations"], json!(4));
    assert_eq!(group(&days, "2026-12-25")["covers"], json!(3));
    let sum: u64 =
        days["groups"].as_array().unwrap().iter().map(|day| day["reservations"].as_u64().unwrap()).sum();
    assert_eq!(json!(sum), days["reservations"]);
    assert_eq!(group(&by("hour").await, "12")["reservations"], json!(3));
    let services = by("service").await;
    assert_eq!(group(&services, "Makan siang")["reservations"], json!(3));
    assert_eq!(group(&services, "Makan malam")["reservations"], json!(2));
    let sources = by("source").await;
    assert_eq!(
        (&group(&sources, "walk_in")["reservations"], &group(&sources, "booking")["reservations"]),
        (&json!(1), &json!(4))
    );
    assert_eq!(group(&by("status").await, "NO_SHOW")["reservations"], json!(1));
    let tables = by("table").await;
    // A party that has left is counted at the table that it had.
    let at_tables: u64 = tables["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|table| table["reservations"].as_u64().unwrap())
        .sum();
    assert_eq!(at_tables, 5, "{tables:#}");
    assert!(by("area").await["groups"].as_array().unwrap().iter().all(|area| area["key"].is_string()));
    assert_eq!(app.get("/api/stats?by=guest").await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn business_days_are_selected_from_the_first_to_the_last() {
    let app = christmas().await;
    let count = async |query: &str| {
        let path = format!("/api/stats?venue_id=bandung-dago&{query}");
        app.get(&path).await.json()["reservations"].as_u64().unwrap()
    };
    assert_eq!(count("from_date=2026-12-24&to_date=2026-12-24").await, count("date=2026-12-24").await);
    assert_eq!(count("from_date=2026-12-24&to_date=2026-12-25").await, 5);
    assert_eq!(count("from_date=2026-12-25").await, 1);
    assert_eq!(count("to_date=2026-12-24").await, 4);
    assert_eq!(count("from_date=2026-12-26&to_date=2026-12-31").await, 0);
    for query in [
        "date=2026-12-24&from_date=2026-12-24",
        "from_date=2026-12-24&to=2026-12-25T00:00",
        "from_date=2026-12-25&to_date=2026-12-24",
    ] {
        assert_eq!(
            app.get(&format!("/api/stats?{query}")).await.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_visit_whose_completion_was_undone_does_not_count_as_a_turn() {
    let app = christmas().await;
    let done = app.get("/api/reservations?status=COMPLETED").await.json();
    let id = done["items"][0]["reservation_id"].as_str().unwrap();
    // Others have its table by now.
    let undo = json!({"change": "completion", "reason_code": "other", "table_id": "D4"});
    assert_eq!(app.command(id, "undo", undo).await.status, StatusCode::OK);
    assert_eq!(app.get("/api/stats").await.json()["average_turn_minutes"], Value::Null);
}

#[tokio::test]
async fn lists_and_counts_are_csv_that_a_spreadsheet_does_not_run() {
    let app = christmas().await;
    let wish = json!({"special_requests": "=HYPERLINK(\"http://x\")", "start_time": "2026-12-26T19:00", "allow_duplicate": true});
    app.book(wish).await;
    let csv = get_as(&app, "/api/reservations?date=2026-12-26&venue_id=bandung-dago", "text/csv").await;
    assert_eq!(
        (csv.status, csv.header("content-type")),
        (StatusCode::OK, "text/csv; charset=utf-8; header=present")
    );
    assert!(csv.header("vary").contains("accept"));
    let text = csv.text();
    let lines: Vec<_> = text.split("\r\n").collect();
    assert_eq!(lines.len(), 3, "a header, a line, and the end: {text}");
    assert!(lines[0].starts_with("reservation_id,code,venue_id,status,start_time"));
    assert!(lines[1].contains("\"'=HYPERLINK(\"\"http://x\"\")\""), "{}", lines[1]);
    // No page is cut without a link to the next one.
    let page = get_as(&app, "/api/reservations?limit=2", "text/csv").await;
    assert_eq!(page.text().split("\r\n").count(), 4);
    assert!(page.header("link").contains("rel=\"next\"") && page.header("link").contains("limit=2"));
    let stats = get_as(&app, "/api/stats?by=day&venue_id=bandung-dago", "text/csv").await.text();
    assert!(stats.starts_with("key,reservations,covers,no_show_rate"), "{stats}");
    assert!(stats.contains("\r\n2026-12-24,4,4,0.5,50,"), "{stats}");
    let waits = crate::waitlist::join(&app, json!({})).await;
    let waitlist = get_as(&app, "/api/waitlist", "text/csv").await.text();
    assert!(waitlist.contains(&waits), "{waitlist}");
    for (path, media_type) in [
        ("/api/reservations", "image/png"),
        ("/api/stats", "text/calendar"),
        ("/api/waitlist", "text/calendar"),
    ] {
        assert_eq!(get_as(&app, path, media_type).await.problem(), (406, "not_acceptable".into()), "{path}");
    }
}

#[tokio::test]
async fn the_calendar_of_a_service_has_stable_ids_and_no_phone_numbers() {
    let app = christmas().await;
    let path = "/api/reservations?venue_id=bandung-dago&date=2026-12-24&service=Makan%20siang";
    let calendar = get_as(&app, path, "text/calendar").await;
    assert_eq!(calendar.header("content-type"), "text/calendar; charset=utf-8");
    let text = calendar.text();
    let lines = unfolded(&text);
    let starting =
        |prefix: &str| lines.iter().filter(|line| line.starts_with(prefix)).cloned().collect::<Vec<_>>();
    assert_eq!(
        (starting("BEGIN:VEVENT").len(), starting("REFRESH-INTERVAL;VALUE=DURATION:PT15M").len()),
        (3, 1)
    );
    assert_eq!(starting("X-WR-CALNAME:"), ["X-WR-CALNAME:Warung Sinar Dago"]);
    assert_eq!(starting("PRODID:"), ["PRODID:-//Meja//reservation//EN"]);
    assert!(!text.contains("812") && !text.contains('@') || starting("UID:").len() == 3, "{text}");
    assert!(!text.contains("+62") && !text.contains("example.com"), "{text}");
    let uids = starting("UID:");
    let listed = app.get(path).await.json();
    for item in listed["items"].as_array().unwrap() {
        let uid = format!("UID:{}@bandung-dago", item["reservation_id"].as_str().unwrap());
        assert!(uids.contains(&uid), "{uids:?}");
    }
    assert_eq!(starting("STATUS:CANCELLED").len(), 1, "the no-show");
    assert_eq!(starting("DTSTART:").len(), 3, "{lines:?}");
    assert_eq!(
        get_as(&app, path, "text/calendar").await.text(),
        text,
        "a calendar that did not change is the same"
    );
    let unknown = app.get("/api/reservations?service=Brunch").await;
    assert_eq!(unknown.faults(), ["query.service:value_error"]);
}
