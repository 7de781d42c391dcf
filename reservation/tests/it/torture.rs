//! Rules with many cases, compared with an oracle or a property. A short part runs with all tests, the full length with
//! `make torture`.

mod book;
mod closing;
mod crowd;
mod line;
mod seats;
mod zones;

/// The number of cases: `slice` with all tests, a percentage of `full` for `make torture`.
fn cases(slice: u32, full: u32) -> u32 {
    match std::env::var("MEJA_TORTURE").ok().and_then(|percent| percent.parse::<u32>().ok()) {
        Some(percent) => (full / 100 * percent).max(1),
        None => slice,
    }
}
