//! Terminal output: progress of long operations, sizes, small charts.

use std::time::Duration;

use events::Position;
use indicatif::{ProgressBar, ProgressStyle};

/// A progress bar for a long operation. It is drawn on standard error, and only if standard error is a terminal.
pub struct Progress(ProgressBar);

impl Progress {
    /// A progress bar labelled with the operation `what`.
    pub fn begin(what: &'static str) -> Self {
        let bar = ProgressBar::new(0);
        let template = "{msg} {wide_bar} {human_pos}/{human_len} events, {per_sec}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(what);
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    /// A progress bar for `count` of the things that `unit` names.
    pub fn of(what: &'static str, unit: &str, count: u64) -> Self {
        let progress = Self::begin(what);
        let template = "{msg} {wide_bar} {human_pos}/{human_len} UNIT, {per_sec}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(&template.replace("UNIT", unit)) {
            progress.0.set_style(style);
        }
        progress.0.set_length(count);
        progress
    }

    /// Counts one more.
    pub fn tick(&self) {
        self.0.inc(1);
    }

    /// Sets the position of the last event of the log.
    pub fn set_head(&self, head: Position) {
        self.0.set_length(head.0);
    }

    /// Sets the position of the last event that was read.
    pub fn at(&self, position: Position) {
        if self.0.length().is_some_and(|len| len < position.0) {
            self.0.set_length(position.0);
        }
        self.0.set_position(position.0);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Exit code that shells use for a process ended by SIGPIPE.
const EXIT_PIPE: i32 = 128 + 13;

/// Prints a line to standard output. If the reader has closed the pipe, the process exits without a
/// message, as Unix filters do. The exit code is not 0, because the lost line may have reported a fault.
pub fn say(line: &str) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{line}") {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(EXIT_PIPE),
        Err(error) => std::process::exit(fail(&error)),
    }
}

#[expect(clippy::print_stderr, reason = "printed for the operator")]
fn fail(error: &std::io::Error) -> i32 {
    eprintln!("could not write to standard output: {error}");
    1
}

/// Formats a number of bytes with a binary unit, for example `1.50 MiB`.
pub fn size(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}

/// A bar of at most `width` characters for `part` of `whole`, for example `████▌`.
pub fn bar(part: u64, whole: u64, width: u64) -> String {
    let eighths = (part * width * 8).div_ceil(whole.max(1));
    let (full, rest) = (eighths / 8, eighths % 8);
    let mut bar = "█".repeat(usize::try_from(full).unwrap_or(0));
    bar.extend(['\u{0}', '▏', '▎', '▍', '▌', '▋', '▊', '▉'].get(rest as usize).filter(|c| **c != '\u{0}'));
    bar
}
