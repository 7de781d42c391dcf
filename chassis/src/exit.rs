//! How a binary exits, and what it prints for the operator.

use std::fmt::Display;
use std::process::ExitCode;

use crate::config::EXIT_CONFIG;

/// Reports that an argument, setting or file cannot be used. Prints the error with its causes.
#[expect(clippy::print_stderr, reason = "printed for the operator")]
pub fn refuse(service: &str, error: impl Display) -> ExitCode {
    eprintln!("{service}: {error:#}");
    ExitCode::from(EXIT_CONFIG)
}

/// Reports that the requested operation failed.
#[expect(clippy::print_stderr, reason = "printed for the operator")]
pub fn fail(service: &str, error: impl Display) -> ExitCode {
    eprintln!("{service}: {error:#}");
    ExitCode::FAILURE
}

/// Prints the result of the requested operation.
#[expect(clippy::print_stdout, reason = "this is the requested output")]
pub fn tell(service: &str, words: &str) -> ExitCode {
    println!("{service}: {words}");
    ExitCode::SUCCESS
}
