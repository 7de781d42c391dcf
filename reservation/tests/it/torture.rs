//! Rules with many cases against an oracle or a law: a slice with all tests, at full length in `make torture`.

mod crowd;
mod line;
mod seats;
mod zones;

/// How many cases: `slice` with all tests, its part of `full` when tortured.
fn cases(slice: u32, full: u32) -> u32 {
    match std::env::var("MEJA_TORTURE").ok().and_then(|percent| percent.parse::<u32>().ok()) {
        Some(percent) => (full / 100 * percent).max(1),
        None => slice,
    }
}
