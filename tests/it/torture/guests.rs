//! Guests follow the pages with a small HTTP client while gateway and services are killed at random.

use super::{cycles, report};
use crate::browser::node_test;

#[test]
fn no_booking_is_lost_or_doubled_while_services_are_killed_under_guests() {
    let (guests, kills) = (cycles(40, 200).to_string(), cycles(10, 60).to_string());
    let said = node_test("storm.test.mjs", &[("MEJA_GUESTS", &guests), ("MEJA_KILLS", &kills)]);
    let counts = said.lines().find(|line| line.contains("kills;")).expect("what happened");
    report(&format!("guests on the pages: {}", counts.trim_start_matches("# ")));
}
