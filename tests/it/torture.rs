//! Injected faults, and a checker that compares the responses to clients with the log.
//!
//! Every campaign has a short part that runs with all tests. `make torture` sets `MEJA_TORTURE` to the
//! percentage of the full length, by default 100. A campaign that this machine cannot run is skipped
//! with its reason, and counted in `target/torture/skipped`.

pub mod checker;
mod checker_tests;
mod clients;
mod cluster;
mod damage;
mod database;
mod disk;
mod failpoints;
mod faults;
mod guests;
mod instances;
mod kill;
mod money;
mod outage;
mod power;
mod syscalls;
pub mod victim;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::services::root;

/// The number of cycles of a campaign: `slice` with all tests, its percentage of `full` for `make torture`.
fn cycles(slice: usize, full: usize) -> usize {
    match std::env::var("MEJA_TORTURE").ok().and_then(|percent| percent.parse::<usize>().ok()) {
        Some(percent) => (full * percent).div_ceil(100).max(1),
        None => slice,
    }
}

/// Whether `make torture` runs.
fn is_campaign() -> bool {
    std::env::var("MEJA_TORTURE").is_ok()
}

/// Records what a campaign did, for docs/reliability.md.
#[expect(clippy::print_stderr, reason = "the output of the campaign")]
fn report(line: &str) {
    eprintln!("{line}");
    note("report", line);
}

/// Records that a campaign cannot run on this machine.
#[expect(clippy::print_stderr, reason = "the output of the campaign")]
fn skipped(reason: &str) {
    eprintln!("skipped: {reason}");
    note("skipped", reason);
}

fn note(file: &str, line: &str) {
    let dir = root().join("target/torture");
    fs::create_dir_all(&dir).unwrap();
    let mut file = fs::File::options().create(true).append(true).open(dir.join(file)).unwrap();
    writeln!(file, "{line}").unwrap();
}

/// Runs a command that must succeed.
fn run(program: &str, args: &[&str]) {
    let output = Command::new(program).args(args).output().unwrap();
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn is_installed(program: &str) -> bool {
    Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn copy_dir(from: &Path, to: &Path) {
    run("cp", &["-a", from.to_str().unwrap(), to.to_str().unwrap()]);
}
