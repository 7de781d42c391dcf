//! The pages in a real browser: runs the tests in `tests/browser` with Node.js, each file against three services of its own.

use std::process::Command;

use serde_json::Value;

use crate::ports::own_port;
use crate::services::{binary, root};
use crate::torture::checker::{self, Event};

/// Enough for three installations of three services.
const PORTS: usize = 15;

/// Runs the tests in `file` and returns what they print.
pub fn node_test(file: &str, environment: &[(&str, &str)]) -> String {
    let modules = root().join("target/tools/browser/node_modules");
    assert!(modules.exists(), "{} is not there: run the tests with make test", modules.display());
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(root().join("tests/browser")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "mjs") {
            std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    std::os::unix::fs::symlink(modules, folder.path().join("node_modules")).unwrap();
    let ports: Vec<_> = (0..PORTS).map(|_| own_port().to_string()).collect();
    let output = Command::new("node")
        .arg("--test")
        .arg(folder.path().join(file))
        .current_dir(folder.path())
        .env("MEJA_BIN", binary("gateway").parent().unwrap())
        .env("MEJA_VENUES", root().join("tests/venues/pages"))
        .env("MEJA_PORTS", ports.join(","))
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    // A file without tests succeeds too.
    assert!(said.contains("# pass ") && !said.contains("# pass 0\n"), "{said}");
    said
}

#[test]
fn guests_book_pay_change_wait_and_cancel_on_the_pages() {
    node_test("booking.test.mjs", &[]);
}

#[test]
fn a_stopped_service_takes_only_its_own_part_of_the_pages() {
    node_test("outage.test.mjs", &[]);
}

#[test]
fn a_browser_proves_a_receipt_and_finds_what_was_changed() {
    node_test("receipt.test.mjs", &[]);
}

#[test]
fn the_audit_shows_what_happened_and_nothing_confidential() {
    node_test("audit.test.mjs", &[]);
}

#[test]
fn the_log_is_verified_from_a_page_beside_bookings() {
    node_test("audit-verify.test.mjs", &[]);
}

#[test]
fn pages_tell_guests_the_truth_in_every_state() {
    node_test("states.test.mjs", &[]);
}

#[test]
fn guests_know_what_a_choice_costs_before_they_make_it() {
    node_test("choices.test.mjs", &[]);
}

#[test]
fn guests_who_come_late_are_told_so() {
    node_test("late.test.mjs", &[]);
}

#[test]
fn pages_are_light_and_usable_within_a_second_on_a_slow_phone() {
    node_test("budget.test.mjs", &[]);
}

#[test]
fn a_host_runs_an_evening_at_the_stand() {
    node_test("stand.test.mjs", &[]);
}

#[test]
fn the_stand_goes_on_without_a_connection_with_keys_and_on_a_phone() {
    node_test("stand-offline.test.mjs", &[]);
}

#[test]
fn two_stands_and_a_phone_share_an_evening_without_a_lost_or_doubled_table() {
    let folder = tempfile::tempdir().unwrap();
    node_test("stand-evening.test.mjs", &[("MEJA_EVIDENCE", folder.path().to_str().unwrap())]);
    let events: Vec<Value> =
        serde_json::from_slice(&std::fs::read(folder.path().join("evening.json")).unwrap()).unwrap();
    let feed: Vec<_> = events.iter().map(|event| Event::parse(&event.to_string())).collect();
    assert_eq!(checker::positions_of(&feed), Vec::<String>::new());
    assert_eq!(checker::held_twice(&feed), Vec::<String>::new());
}

#[test]
fn the_stand_is_light_and_usable_on_a_slow_tablet() {
    node_test("stand-budget.test.mjs", &[]);
}

#[test]
fn the_widget_works_on_the_site_of_the_restaurant_only() {
    node_test("embed.test.mjs", &[]);
}

#[test]
fn a_manager_changes_the_rules_and_sees_what_that_strands() {
    node_test("stand-rules.test.mjs", &[]);
}

#[test]
fn a_manager_reads_the_numbers_of_the_house() {
    node_test("stand-numbers.test.mjs", &[]);
}

#[test]
fn whatever_a_host_does_can_be_taken_back() {
    node_test("stand-undo.test.mjs", &[]);
}

#[test]
fn the_stand_knows_what_time_it_is() {
    node_test("stand-time.test.mjs", &[]);
}

#[test]
fn a_host_at_the_door_is_not_left_alone_with_a_party() {
    node_test("stand-door.test.mjs", &[]);
}

#[test]
fn the_windows_of_a_browser_share_one_stream() {
    node_test("stand-stream.test.mjs", &[]);
}

#[test]
fn a_screen_reader_reads_the_whole_stand() {
    node_test("stand-reader.test.mjs", &[]);
}
