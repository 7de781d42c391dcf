//! `reservation import`: bookings from a CSV file of another system, with real binaries.

use std::process::Output;
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Datelike as _, Days, NaiveDate, Weekday};
use serde_json::{Value, json};

use crate::day::clock::Clock;
use crate::services::{Pair, program};
use crate::venues;

/// Runs `reservation import` on the log of the stopped service. Returns its exit code and its output.
fn import(pair: &Pair, csv: &[u8], map: Option<&Value>, more: &[&str]) -> (Option<i32>, String) {
    let (file, map_file) = (pair.dir.path().join("bookings.csv"), pair.dir.path().join("map.json"));
    std::fs::write(&file, csv).unwrap();
    let mut command = program("reservation");
    command.arg("import").arg(file).args(["--venue", "bandung-dago", "--disk-reserve-mib", "0"]).args(more);
    if let Some(map) = map {
        std::fs::write(&map_file, map.to_string()).unwrap();
        command.arg("--map").arg(map_file);
    }
    command.arg("--data-dir").arg(pair.dir.path().join("reservation")).envs(pair.env.iter().cloned());
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code(), [stdout, stderr].map(|text| String::from_utf8(text).unwrap()).concat())
}

/// A pair whose reservation service recorded its venues and stopped.
async fn prepared() -> Pair {
    let mut pair = Pair::prepared(&[]);
    pair.venues = venues::without_holidays(&pair);
    pair.start_reservation().await;
    assert_eq!(pair.reservation.take().unwrap().terminate(), Some(0));
    pair
}

/// A Friday about three weeks ahead, as the other system writes it.
fn friday() -> NaiveDate {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let today = DateTime::from_timestamp(now as i64, 0).unwrap().date_naive();
    let first = today + Days::new(21);
    first.iter_days().find(|date| date.weekday() == Weekday::Fri).unwrap()
}

/// The text in windows-1252, as far as that is ISO 8859-1.
fn latin(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
}

fn the_map() -> Value {
    json!({
        "columns": {"reference": "Booking No", "date": "Tanggal", "time": "Jam", "party_size": "Pax", "name": "Tamu",
            "phone": "Telepon", "email": "Email", "status": "Status", "tables": "Meja", "allergies": "Alergi"},
        "delimiter": ";", "date_order": "dmy", "encoding": "windows-1252", "source": "buku_lama",
        "statuses": {"Datang": "completed", "Batal": "cancelled", "Tidak datang": "no_show", "OK": "confirmed"}
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_book_of_another_system_is_imported_once() {
    let mut pair = prepared().await;
    let day = friday().format("%d/%m/%Y");
    let csv = format!(
        "Booking No;Tanggal;Jam;Pax;Tamu;Telepon;Email;Status;Meja;Alergi;Kolom lain\r\n\
         1;05/03/2025;19.30;4;Ren\u{e9}e M\u{fc}ller;0812 3456 7001;renee@example.com;Datang;D1;;x\r\n\
         2;06/03/2025;20:00;2;Budi;'+62 812 3456 7002;;Tidak datang;;;\r\n\
         3;07/03/2025;20:00;2;Sari;;sari@example.com;batal;;;\r\n\
         4;{day};19:00;2;Dewi;0812 3456 7004;dewi@example.com;OK;D1;kacang;\r\n\
         5;{day};19:30;2;Agus;0812 3456 7005;agus@example.com;OK;D1;;\r\n\
         6;{day};19:30;4;\"Putri; Lestari\";0812 3456 7006;putri@example.com;OK;;;\r\n\
         \r\n"
    );
    let latin = latin(&csv);
    let (code, said) = import(&pair, &latin, Some(&the_map()), &["--dry-run"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("would record 6 booking(s) (1 cancelled, 1 completed, 3 confirmed, 1 no_show)"),
        "{said}"
    );
    assert!(said.contains("Columns that were not read: Kolom lain"), "{said}");
    let (code, said) = import(&pair, &latin, Some(&the_map()), &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("recorded 6 booking(s)"), "{said}");
    // D1 is taken by line 5.
    assert!(said.contains("Without a table, because the named one is taken or none is free: assign one (needs_table=true): 1\n  - line 6: "), "{said}");
    let (_, again) = import(&pair, &latin, Some(&the_map()), &[]);
    assert!(again.contains("recorded 0 booking(s); 6 were imported before and did not change"), "{again}");
    let changed = csv.replace("19:30;4", "20:30;4");
    let latin = self::latin(&changed);
    let (_, differs) = import(&pair, &latin, Some(&the_map()), &[]);
    assert!(differs.contains("left as they are: 1\n  - line 7"), "{differs}");

    pair.start_reservation().await;
    pair.start_notifier().await;
    the_bookings_are_there(&pair).await;
}

async fn the_bookings_are_there(pair: &Pair) {
    let list = pair.get("/api/reservations?venue_id=bandung-dago&limit=100").await;
    let items = list["items"].as_array().unwrap();
    let of = |name: &str| items.iter().find(|item| item["contact_name"] == name).unwrap();
    assert_eq!(items.len(), 6);
    for (name, status, tables, needs_table) in [
        ("Renée M.", "COMPLETED", 0, false),
        ("Budi", "NO_SHOW", 0, false),
        ("Sari", "CANCELLED", 0, false),
        ("Dewi", "CONFIRMED", 1, false),
        ("Agus", "CONFIRMED", 0, true),
        ("Putri; L.", "CONFIRMED", 1, false),
    ] {
        let item = of(name);
        let assigned = item["tables"].as_array().unwrap().len();
        assert_eq!((&item["status"], assigned), (&json!(status), tables), "{item}");
        assert_eq!(item["needs_table"], json!(needs_table), "{item}");
        assert_eq!((&item["source"], &item["deposit"]["required"]), (&json!("buku_lama"), &json!(false)));
    }
    assert_eq!(
        (&of("Dewi")["tables"][0]["table_id"], &of("Dewi")["has_allergies"]),
        (&json!("D1"), &json!(true))
    );
    assert_eq!(of("Renée M.")["start_time"], "2025-03-05T19:30:00+07:00");
    let found = pair.get("/api/reservations?q=0812+3456+7002").await;
    assert_eq!(found["items"][0]["contact_name"], "Budi");
    let stats = pair.get("/api/stats?by=source").await;
    assert_eq!(
        (&stats["groups"][0]["key"], &stats["groups"][0]["reservations"]),
        (&json!("buku_lama"), &json!(6))
    );
    assert_eq!(stats["average_lead_hours"], Value::Null);
    // The guests have the confirmation of the other system: only reminders are planned.
    pair.settled().await;
    assert!(pair.mail().is_empty(), "{:?}", pair.mail());
    let waiting = pair.get(&format!("{}/api/effects?status=waiting&limit=100", pair.notifier_url)).await;
    let waiting = waiting["items"].as_array().unwrap();
    assert!(
        waiting.len() >= 3 && waiting.iter().all(|effect| effect["template"] == "reminder"),
        "{waiting:?}"
    );
    // It is a booking like any other from here on.
    let id = of("Dewi")["reservation_id"].as_str().unwrap();
    let cancel = json!({"reason_code": "guest_request"});
    let (status, answer) = pair.post(&format!("/api/reservations/{id}/cancel"), &cancel).await;
    assert_eq!(status, 200, "{answer}");
    let undo = json!({"change": "no_show", "reason_code": "wrong_tap"});
    let id = of("Budi")["reservation_id"].as_str().unwrap();
    let (status, answer) = pair.post(&format!("/api/reservations/{id}/undo"), &undo).await;
    assert_eq!((status, &answer["code"]), (409, &json!("nothing_to_undo")), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_faults_of_a_file_are_listed_with_their_lines_and_nothing_is_recorded() {
    let mut pair = prepared().await;
    let day = friday();
    let csv = format!(
        "reference,start_time,party_size,name,phone,email,status,tables,booked_at\n\
         a,03/04/2027 19:30,0,Sari,0812,sari@,seated,D99,\n\
         b,2020-01-01 19:30,2,Sari,,,,,\n\
         c,{day} 19:30,2,Sari\n\
         a,{day} 19:30,2,\"\",,,,,\n\
         d,3026-12-24 19:30,2,Sari,,,,,\n\
         e,{day} 19:30,2,Sari,,,,,2999-01-01\n"
    );
    let (code, said) = import(&pair, csv.as_bytes(), None, &[]);
    assert_eq!(code, Some(2), "{said}");
    for fault in [
        "line 2: start_time: \"03/04/2027\" can be 3 April and 4 March",
        "line 2: party_size: ",
        "line 2: phone: ",
        "line 2: email: ",
        "line 2: status: \"seated\" is not a status: map it",
        "line 2: tables: there is no table \"D99\"",
        "line 3: status: the visit is over",
        "line 4: it has 4 column(s), and the header has 9",
        "line 5: name: ",
        "line 6: start_time: 3026-12-24 is before 1990 or more than 730 days ahead",
        "line 7: booked_at: ",
    ] {
        assert!(said.contains(fault), "{fault} in {said}");
    }
    for (csv, map, fault) in [
        ("start_time,name\n", None, "the column party_size is missing"),
        ("start_time;name;party_size\n", None, "or set \"delimiter\""),
        ("start_time,name,party_size\n", None, "there is no booking below the header"),
        ("start_time,name,party_size,name\n", None, "the column of name occurs twice"),
        (
            "start_time,name,party_size\n2027-01-01 19:30,\"Sari,2\n2027-01-01 19:30,Budi,2\n",
            None,
            "line 2: a quote is not closed",
        ),
        (
            "start_time,name,party_size\n2027-01-01 19:30,\"Sari,2\n2027-01-01 19:30,Budi,2\n\",2\n",
            None,
            "a cell contains whole lines",
        ),
        ("x", Some(json!([])), "not a JSON object"),
        ("x", Some(json!({"statuses": {"OK": "confirmed", "ok": "cancelled"}})), "\"ok\" occurs twice"),
        ("x", Some(json!({"date_order": "dym"})), "unknown variant `dym`"),
        ("x", Some(json!({"zone": "Mars", "encoding": "nope"})), "zone: \"Mars\""),
        ("x", Some(json!({"columns": {"pax": "Pax"}})), "there is no column \"pax\""),
        ("a,b\n", Some(json!({"columns": {"party_size": "Pax"}})), "the map names the column \"Pax\""),
    ] {
        let (code, said) = import(&pair, csv.as_bytes(), map.as_ref(), &[]);
        assert!(code == Some(2) && said.contains(fault), "{fault} in {said}");
    }
    let (code, said) = import(&pair, b"start_time,name,party_size\n2027-01-01 19:30,Ren\xe9e,2\n", None, &[]);
    assert!(code == Some(2) && said.contains("line 2: this is not UTF-8: set \"encoding\""), "{said}");
    pair.start_reservation().await;
    assert_eq!(pair.get("/api/reservations").await["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_party_that_another_system_accepted_gets_a_table_also_outside_the_slots_and_opening_hours() {
    let mut pair = prepared().await;
    let day = friday();
    let rows = format!(
        "start_time,party_size,name,tables\n\
         {day} 14:30,2,After closing,\n\
         {day} 19:10,2,Between slots,\n\
         {day} 16:20,4,While closed,\n\
         {day} 20:00,2,Unnamed,\n\
         {day} 20:00,2,Named,D1 D1\n"
    );
    let (code, said) = import(&pair, rows.as_bytes(), None, &[]);
    assert!(
        code == Some(0) && said.contains("recorded 5 booking(s)") && !said.contains("needs_table"),
        "{said}"
    );
    // Without references, a file that changed could be mistaken for the bookings before.
    let newcomer = rows.replace("name,tables\n", &format!("name,tables\n{day} 20:00,2,Newcomer,\n"));
    let (code, said) = import(&pair, newcomer.as_bytes(), None, &[]);
    assert!(
        code == Some(2) && said.contains("line 2: another booking with the same start and size"),
        "{said}"
    );
    pair.start_reservation().await;
    let list = pair.get("/api/reservations?venue_id=bandung-dago").await;
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 5);
    for item in items {
        assert_eq!(
            (item["tables"].as_array().unwrap().len(), &item["affected_by_rules"]),
            (1, &Value::Null),
            "{item}"
        );
    }
    let named = items.iter().find(|item| item["contact_name"] == "Named").unwrap();
    assert_eq!(named["tables"][0]["table_id"], "D1");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_goes_on_after_visits_of_the_file_are_over() {
    let mut pair = prepared().await;
    let day = friday();
    let at_noon = |date: NaiveDate| date.and_hms_opt(12, 0, 0).unwrap().and_utc().fixed_offset();
    let first = format!("reference,start_time,party_size,name\na,{day} 19:00,2,Sari\n");
    let (code, said) = import(&pair, first.as_bytes(), None, &[]);
    assert!(code == Some(0) && said.contains("recorded 1 booking(s)"), "{said}");
    // The first run was interrupted, and the second one is after the first visit.
    let rest = format!("{first}b,{} 19:00,2,Budi\n", day + Days::new(7));
    let clock = Clock::at(at_noon(day + Days::new(1)));
    pair.env.extend(clock.environment());
    let (code, said) = import(&pair, rest.as_bytes(), None, &[]);
    assert!(
        code == Some(0) && said.contains("recorded 1 booking(s) (1 confirmed); 1 were imported before"),
        "{said}"
    );
    // With a status for visits that are over, the same booking is still the same.
    let (code, said) = import(&pair, rest.as_bytes(), Some(&json!({"ended_as": "completed"})), &[]);
    assert!(code == Some(0) && said.contains("recorded 0 booking(s); 2 were imported before"), "{said}");
    // A booking that is new must say what became of it; all faults of the file are listed together.
    let new = format!("{rest}c,{day} 20:00,2,Made\nd,x,2,Ayu\n");
    let (code, said) = import(&pair, new.as_bytes(), None, &[]);
    assert!(code == Some(2) && said.contains("2 fault(s)"), "{said}");
    for fault in ["line 4: status: the visit is over", "line 5: start_time: \"x\" is not a date and a time"] {
        assert!(said.contains(fault), "{fault} in {said}");
    }
}
