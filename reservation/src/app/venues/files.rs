//! Venue files: `<id>.json` in one directory. All are checked before any of them is used.

use std::fmt;
use std::path::{Path, PathBuf};

use contract::fault::Fault;
use events::VenueId;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::document::RulesDocument;
use crate::app::contact;

/// Maximum size of a venue file, in bytes: a document with generous white space.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// A venue file without faults.
#[derive(Debug, Clone, PartialEq)]
pub struct VenueFile {
    /// The rules.
    pub rules: RulesDocument,
    /// SHA-256 of the file, hexadecimal.
    pub digest: String,
}

/// The venue files of a directory, in ascending order of their ids; at least one.
#[derive(Debug, Clone, PartialEq)]
pub struct VenueFiles(pub Vec<VenueFile>);

/// Why venue files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VenuesError {
    /// The directory or a file cannot be read.
    #[error("could not read {}", path.display())]
    Read {
        /// The directory or the file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The directory has no venue file.
    #[error("there is no venue in {}: add a file <id>.json for each restaurant, or start with --venues-source log", .0.display())]
    None(PathBuf),
    /// Files have faults. All faults of all files are listed.
    #[error("{} fault(s) in the venue files; the files were not loaded:{}", .0.len(), .0.iter().map(|f| format!("\n  - {f}")).collect::<String>())]
    Faults(Vec<String>),
}

impl VenueFiles {
    /// Reads every `*.json` in `dir`.
    ///
    /// # Errors
    /// [`VenuesError`] with the file, the field and the reason of every fault.
    pub fn load(dir: &Path) -> Result<Self, VenuesError> {
        let read = |source| VenuesError::Read { path: dir.to_owned(), source };
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(dir).map_err(read)? {
            let path = entry.map_err(read)?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                paths.push(path);
            }
        }
        let (mut files, mut faults) = (Vec::new(), Vec::new());
        for path in paths {
            match load_file(&path)? {
                Ok(file) => files.push(file),
                Err(found) => {
                    faults.extend(found.into_iter().map(|fault| format!("{}: {fault}", path.display())));
                }
            }
        }
        files.sort_by(|a, b| a.rules.venue.id.cmp(&b.rules.venue.id));
        contact::load_metadata();
        match (faults.is_empty(), files.is_empty()) {
            (false, _) => Err(VenuesError::Faults(faults)),
            (true, true) => Err(VenuesError::None(dir.to_owned())),
            (true, false) => Ok(Self(files)),
        }
    }
}

/// A venue file, or its faults.
fn load_file(path: &Path) -> Result<Result<VenueFile, Vec<String>>, VenuesError> {
    let read = |source| VenuesError::Read { path: path.to_owned(), source };
    let metadata = std::fs::metadata(path).map_err(read)?;
    // Reading a pipe or a device may never end.
    if !metadata.is_file() {
        return Ok(Err(vec!["this is not a regular file".to_owned()]));
    }
    let bytes = metadata.len();
    if bytes > FILE_BYTES_MAX {
        return Ok(Err(vec![format!("the file has {bytes} bytes, at most {FILE_BYTES_MAX} are allowed")]));
    }
    let text = std::fs::read(path).map_err(read)?;
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    Ok(parse(&text, stem).map(|rules| VenueFile { rules, digest: hex::encode(Sha256::digest(&text)) }))
}

/// Parses the venue file with the name `stem`.
fn parse(text: &[u8], stem: &str) -> Result<RulesDocument, Vec<String>> {
    let id = stem.parse::<VenueId>().map_err(|error| vec![format!("the name of the file: {error}")])?;
    // Editors on Windows begin a file with a byte order mark.
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    let members = match contract::json::parse(text) {
        Ok(Value::Object(members)) => members,
        Ok(_) => return Err(vec!["the file is not a JSON object".into()]),
        Err(error) => return Err(vec![format!("the file is not JSON: {error}")]),
    };
    RulesDocument::read(&id, members).map_err(|faults| faults.0.into_iter().map(Fault::into_words).collect())
}

/// One line per venue: the output of `venues check`.
impl fmt::Display for VenueFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} venue(s) are valid", self.0.len())?;
        for VenueFile { rules, .. } in &self.0 {
            let venue = &rules.venue;
            let seats: u32 = venue.tables.iter().map(|table| u32::from(table.seats)).sum();
            write!(f, "\n  {}: {} tables with {seats} seats, ", venue.id, venue.tables.len())?;
            match &venue.rules {
                None => f.write_str("no services: it is managed by hand")?,
                Some(rules) => {
                    let services: usize = rules.hours.weekly.iter().map(Vec::len).sum();
                    let (seatings, exceptions) = (rules.seatings.len(), rules.hours.exceptions.len());
                    write!(
                        f,
                        "{seatings} possible seatings, {services} services per week, {exceptions} exceptions"
                    )?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_of_a_file_are_reported_with_their_fields() {
        let text = br#"{"id": "other", "timezone": "Asia/Bandung", "country": "Indonesia", "currency": "RP",
            "locale": "id", "tables": [{"id": "T1", "area": "Garden", "seats": 0}], "hours": [],
            "policy": {"deposit": {"from_party_size": 6, "per": "head", "amount_minor": -1}}}"#;
        let faults = parse(text, "bandung").unwrap_err();
        for field in [
            "id",
            "name",
            "timezone",
            "country",
            "currency",
            "tables[0].seats",
            "policy.deposit.per",
            "policy.deposit.amount_minor",
            "hours",
        ] {
            assert!(faults.iter().any(|f| f.starts_with(&format!("$.{field}: "))), "{field} in {faults:#?}");
        }
    }

    #[test]
    fn a_table_is_listed_once() {
        let text = br#"{"id": "x", "name": "X", "timezone": "Europe/Rome", "country": "IT", "currency": "EUR", "locale": "en",
            "tables": [{"id": "1", "area": "a", "seats": 2}, {"id": "1", "area": "b", "seats": 2}], "policy": {}}"#;
        assert_eq!(parse(text, "x").unwrap_err(), ["$.tables: the table 1 is listed twice"]);
    }
}
