//! Long lists for operators: as many entries as help, and the number of the others.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::anyhow;

/// Maximum number of entries that are listed.
const LISTED_MAX: usize = 100;

/// The error that a file is refused because of its faults.
pub(super) fn refused(file: &Path, faults: &[String]) -> anyhow::Error {
    let title = format!("{} fault(s) in {}; nothing was recorded:", faults.len(), file.display());
    anyhow!(listed(&title, faults))
}

/// A title with entries below it.
pub(super) fn listed(title: &str, entries: &[String]) -> String {
    let mut text = title.to_owned();
    for entry in entries.iter().take(LISTED_MAX) {
        let _ = write!(text, "\n  - {entry}");
    }
    if entries.len() > LISTED_MAX {
        let _ = write!(text, "\n  … and {} more", entries.len() - LISTED_MAX);
    }
    text
}
