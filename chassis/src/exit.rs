//! How a binary ends, and what it says to whoever started it.

use std::fmt::Display;
use std::process::ExitCode;

use crate::config::EXIT_CONFIG;

/// Something it was given can not be used. Errors are shown with their causes.
#[expect(clippy::print_stderr, reason = "said to whoever started it")]
pub fn refuse(service: &str, error: impl Display) -> ExitCode {
    eprintln!("{service}: {error:#}");
    ExitCode::from(EXIT_CONFIG)
}

/// What it was asked to do did not work.
#[expect(clippy::print_stderr, reason = "said to whoever started it")]
pub fn fail(service: &str, error: impl Display) -> ExitCode {
    eprintln!("{service}: {error:#}");
    ExitCode::FAILURE
}

/// What it was asked to say.
#[expect(clippy::print_stdout, reason = "this is what was asked for")]
pub fn tell(service: &str, words: &str) -> ExitCode {
    println!("{service}: {words}");
    ExitCode::SUCCESS
}
