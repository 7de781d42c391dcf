//! A deterministic simulation: several instances with the real log, writer and committer on a simulated database.
//!
//! One thread and a virtual clock run everything, and one seeded generator draws every delay and every failure, so a seed
//! repeats its schedule. The database loses requests and answers, carries out statements that their client has given up,
//! refuses statements, ends connections, makes rows visible that its standby lacks, and fails over with or without its
//! tail. Instances are killed and opened again. After each schedule the invariants of a log are checked.

mod check;
mod database;
mod schedule;

use self::schedule::run;
use std::ops::Range;
use std::thread;

use super::super::planted::{Fault, plant};

/// Number of schedules that run with all tests. `make simulate` sets `MEJA_SCHEDULES`.
const SCHEDULES: u64 = 1_000;

/// Every planted fault must be found within this number of schedules.
const FOUND_WITHIN: u64 = 10_000;

fn schedules() -> u64 {
    std::env::var("MEJA_SCHEDULES").ok().and_then(|text| text.parse().ok()).unwrap_or(SCHEDULES)
}

/// The first schedule to run: another range of schedules, or the one that failed.
fn first_seed() -> u64 {
    std::env::var("MEJA_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// What all schedules of a range showed together.
#[derive(Debug, Default)]
struct Totals {
    acknowledged: u64,
    unknown: u64,
    failovers: u64,
}

/// How often a long run tells how far it is, in schedules.
const PROGRESS_EVERY: u64 = 50_000;

/// Runs the schedules of `seeds`. Panics at the first fault, with its seed.
fn run_all(seeds: Range<u64>) -> Totals {
    let (mut totals, first) = (Totals::default(), seeds.start);
    for seed in seeds {
        let outcome = run(seed);
        let faults = outcome.faults;
        assert!(faults.is_empty(), "repeat it with MEJA_SEED={seed} MEJA_SCHEDULES=1: {faults:#?}");
        totals.acknowledged += outcome.acknowledged;
        totals.unknown += outcome.unknown;
        totals.failovers += outcome.failovers;
        if (seed + 1 - first).is_multiple_of(PROGRESS_EVERY) {
            eprintln!("the schedules {first} to {seed} have run");
        }
    }
    totals
}

#[test]
fn instances_keep_one_log_in_every_schedule() {
    let (first, count) = (first_seed(), schedules());
    let threads = thread::available_parallelism().map_or(1, |threads| threads.get() as u64).min(count);
    let share = |thread: u64| first + count * thread / threads;
    let totals = thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(move || run_all(share(thread)..share(thread + 1))))
            .collect();
        running.into_iter().map(|thread| thread.join().expect("no fault")).reduce(|sum, part| Totals {
            acknowledged: sum.acknowledged + part.acknowledged,
            unknown: sum.unknown + part.unknown,
            failovers: sum.failovers + part.failovers,
        })
    });
    let Totals { acknowledged, unknown, failovers } = totals.unwrap_or_default();
    eprintln!(
        "simulation: {count} schedules from seed {first}, {failovers} failovers, {acknowledged} acknowledged appends, {unknown} with an unknown outcome, no fault"
    );
    // A simulation in which nothing happens finds nothing.
    assert!(acknowledged >= count && (count < SCHEDULES || unknown > 0 && failovers > 0));
}

/// Asserts that the invariants find `fault`.
#[track_caller]
fn assert_found(fault: Fault) {
    let _planted = plant(fault);
    let found =
        (0..FOUND_WITHIN).find_map(|seed| run(seed).faults.into_iter().next().map(|what| (seed, what)));
    let (seed, what) = found.unwrap_or_else(|| panic!("it was not found in {FOUND_WITHIN} schedules"));
    eprintln!("found with seed {seed}: {what}");
}

#[test]
fn a_retry_without_looking_is_found() {
    assert_found(Fault::RetryWithoutLooking);
}

#[test]
fn a_condition_without_the_hash_is_found() {
    assert_found(Fault::ConditionWithoutHash);
}

#[test]
fn a_reply_before_the_group_is_durable_is_found() {
    assert_found(Fault::ReplyBeforeDurable);
}

#[test]
fn a_stale_projection_is_found() {
    assert_found(Fault::StaleProjection);
}

#[test]
fn a_seed_repeats_its_schedule() {
    for seed in 0..20 {
        let (one, again) = (run(seed), run(seed));
        assert_eq!(one.story, again.story, "seed {seed}");
        assert!(!one.story.is_empty());
    }
}
