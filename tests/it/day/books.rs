//! Whether the lists, the files and the counts of the day agree with each other, and with the log.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::NEVER;
use super::house::{DATE, House, id, name};
use crate::torture::checker::{Event, held_twice};

/// Reads a representation of the list.
async fn exported(house: &House, path: &str, media_type: &str) -> String {
    let url = format!("{}{path}", house.pair.reservation_url);
    let answer = house.pair.client.get(url).header("accept", media_type).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.text().await.unwrap()
}

/// List, CSV, calendar and counts of the business day agree.
pub async fn agree(house: &House) {
    let list = house.list().await;
    let mut by_status = BTreeMap::<String, u64>::new();
    for party in &list {
        *by_status.entry(party["status"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    // Everybody has left, never came, or was cancelled.
    let known: BTreeSet<_> = by_status.keys().map(String::as_str).collect();
    assert_eq!(known, BTreeSet::from(["CANCELLED", "COMPLETED", "NO_SHOW"]), "{by_status:?}");
    let no_shows: BTreeSet<_> = list.iter().filter(|party| party["status"] == "NO_SHOW").map(name).collect();
    assert_eq!(no_shows, NEVER.map(str::to_owned).into());
    let starts_at =
        |guest: &str| list.iter().find(|party| name(party) == guest).unwrap()["start_time"].clone();
    assert_eq!(starts_at("Before b."), "2026-10-24T01:00:00+03:00");
    assert_eq!(starts_at("After b."), "2026-10-24T01:00:00+02:00");
    assert!(list.len() >= 80, "{} parties", list.len());
    let ids: BTreeSet<_> = list.iter().map(id).collect();
    assert_eq!(ids.len(), list.len());

    let selected = format!("venue_id=gaza&date={DATE}");
    let table = exported(house, &format!("/api/reservations?{selected}"), "text/csv").await;
    let mut table = csv::Reader::from_reader(table.as_bytes());
    let rows: Vec<BTreeMap<String, String>> = table.deserialize().map(Result::unwrap).collect();
    let of_rows: BTreeMap<_, _> = rows.iter().map(|row| (row["reservation_id"].clone(), row)).collect();
    assert_eq!((rows.len(), of_rows.keys().cloned().collect::<BTreeSet<_>>()), (list.len(), ids.clone()));
    for party in &list {
        let row = of_rows[&id(party)];
        assert_eq!(
            (json!(row["status"]), json!(row["start_time"]), json!(row["end_time"]), json!(row["name"])),
            (
                party["status"].clone(),
                party["start_time"].clone(),
                party["end_time"].clone(),
                party["contact_name"].clone()
            )
        );
    }

    let calendar = exported(house, &format!("/api/reservations?{selected}"), "text/calendar").await;
    let calendar = calendar.replace("\r\n ", "");
    let of_calendar = calendar.lines().filter_map(|line| line.strip_prefix("UID:")?.split('@').next());
    assert_eq!(of_calendar.map(str::to_owned).collect::<BTreeSet<_>>(), ids);

    let total = house.pair.get(&format!("/api/stats?{selected}")).await;
    assert_eq!(total["reservations"], json!(list.len()));
    for (status, count) in &by_status {
        assert_eq!(total["by_status"][status], json!(count), "{status} in {total}");
    }
    for by in ["day", "hour", "service", "source", "status"] {
        let grouped = house.pair.get(&format!("/api/stats?{selected}&by={by}")).await;
        let groups = grouped["groups"].as_array().unwrap();
        for counted in ["reservations", "covers"] {
            let sum: u64 = groups.iter().map(|group| group[counted].as_u64().unwrap()).sum();
            assert_eq!(json!(sum), total[counted], "{counted} by {by}");
        }
        if by == "day" {
            let days: Vec<_> = groups.iter().map(|group| group["key"].clone()).collect();
            assert_eq!(days, [json!(DATE)], "the day ends after midnight");
        }
    }
}

/// Replays the tables of all parties from the feed alone.
pub fn no_table_was_held_twice(events: &[Value]) {
    let feed: Vec<_> = events.iter().map(|event| Event::parse(&event.to_string())).collect();
    assert_eq!(held_twice(&feed), Vec::<String>::new());
}
