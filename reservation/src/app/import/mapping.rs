//! How another system writes its files: names of columns, order of dates, zone, statuses, and encoding.

use std::collections::{BTreeMap, HashMap};

use chrono_tz::Tz;
use csv::StringRecord;
use encoding_rs::Encoding;
use events::imports::ImportedStatus;
use serde::Deserialize;

use super::COLUMNS;

/// The order of the parts of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum DateOrder {
    /// 2026-12-24.
    Ymd,
    /// 24.12.2026 and 24/12/2026.
    Dmy,
    /// 12/24/2026.
    Mdy,
}

/// A map: a JSON object. Everything is optional.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mapping {
    /// Names of columns in the file, by our own names.
    columns: BTreeMap<String, String>,
    /// The sign between columns: a comma by default.
    delimiter: Option<Delimiter>,
    /// The encoding, by its WHATWG label: UTF-8 by default.
    encoding: Option<String>,
    /// The order of dates. Without it, a date that can be read in two ways is a fault.
    pub(super) date_order: Option<DateOrder>,
    /// The IANA zone of times without an offset: that of the venue by default.
    zone: Option<String>,
    /// Our statuses, by their words there.
    statuses: BTreeMap<String, ImportedStatus>,
    /// The status of visits that are over and still confirmed there.
    pub(super) ended_as: Option<ImportedStatus>,
    /// The source of the reservations: `import` by default.
    source: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Delimiter {
    #[serde(rename = ",")]
    Comma,
    #[serde(rename = ";")]
    Semicolon,
    #[serde(rename = "\t")]
    Tab,
    #[serde(rename = "|")]
    Bar,
}

/// Where the cells of our columns are.
#[derive(Debug)]
pub(super) struct Columns {
    places: Vec<(&'static str, usize)>,
    /// Columns of the file that are not ours.
    pub(super) ignored: Vec<String>,
}

impl Mapping {
    /// Reads a map.
    ///
    /// # Errors
    /// The first fault with its line and column, or all values that are not accepted.
    pub fn read(text: &[u8]) -> Result<Self, Vec<String>> {
        let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
        if !text.trim_ascii_start().starts_with(b"{") {
            return Err(vec!["this is not a JSON object".to_owned()]);
        }
        let mapping: Self = serde_json::from_slice(text).map_err(|error| vec![error.to_string()])?;
        let mut faults = Vec::new();
        for name in mapping.columns.keys().filter(|name| !COLUMNS.contains(&name.as_str())) {
            faults.push(format!("columns: there is no column {name:?}; choose among {}", COLUMNS.join(", ")));
        }
        if let Some(label) = mapping.encoding.as_deref().filter(|label| encoding(label).is_none()) {
            faults.push(format!("encoding: {label:?} is not known; write for example utf-8 or windows-1252"));
        }
        if let Some(zone) = mapping.zone.as_deref().filter(|zone| zone.parse::<Tz>().is_err()) {
            faults.push(format!("zone: {zone:?} is not an IANA time zone such as Asia/Jakarta"));
        }
        let is_word = |text: &str| {
            (1..=32).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        if let Some(source) = mapping.source.as_deref().filter(|source| !is_word(source)) {
            faults.push(format!(
                "source: {source:?} is not a word of 1 to 32 lower-case letters, digits and _"
            ));
        }
        let words: Vec<_> = mapping.statuses.keys().map(|word| word.trim().to_lowercase()).collect();
        for (place, word) in words.iter().enumerate().filter(|(place, word)| words[..*place].contains(word)) {
            faults.push(format!("statuses: {word:?} occurs twice (word {})", place + 1));
        }
        if mapping.ended_as == Some(ImportedStatus::Confirmed) {
            faults.push("ended_as: choose completed, cancelled or no_show".to_owned());
        }
        if faults.is_empty() { Ok(mapping) } else { Err(faults) }
    }

    pub(super) fn delimiter(&self) -> u8 {
        match self.delimiter {
            None | Some(Delimiter::Comma) => b',',
            Some(Delimiter::Semicolon) => b';',
            Some(Delimiter::Tab) => b'\t',
            Some(Delimiter::Bar) => b'|',
        }
    }

    /// The text of the file.
    pub(super) fn decode(&self, bytes: &[u8]) -> Result<String, Vec<String>> {
        let encoding = self.encoding.as_deref().and_then(encoding).unwrap_or(encoding_rs::UTF_8);
        // A byte order mark is not a part of the first column.
        let (text, used, has_faults) = encoding.decode(bytes);
        if !has_faults {
            return Ok(text.into_owned());
        }
        let is_replaced = |line: &&str| line.contains('\u{FFFD}');
        let line = text.lines().position(|line| is_replaced(&line)).map_or(1, |place| place + 1);
        let used = used.name();
        Err(vec![format!(
            "line {line}: this is not {used}: set \"encoding\" in the map, for example to windows-1252"
        )])
    }

    /// Finds our columns in the header.
    pub(super) fn columns(&self, header: &StringRecord) -> Result<Columns, Vec<String>> {
        let mut names = HashMap::<String, Vec<usize>>::new();
        for (place, name) in header.iter().enumerate() {
            names.entry(name.trim().to_lowercase()).or_default().push(place);
        }
        let (mut places, mut faults) = (Vec::new(), Vec::new());
        for own in COLUMNS {
            let there = self.columns.get(own);
            match names.get(&there.map_or(own, String::as_str).trim().to_lowercase()).map(Vec::as_slice) {
                Some([place]) => places.push((own, *place)),
                Some(_) => {
                    faults.push(format!("line 1: the column of {own} occurs twice: rename one of them"));
                }
                None => faults.extend(
                    there.map(|name| format!("line 1: the map names the column {name:?}, which is missing")),
                ),
            }
        }
        let has = |own: &str| places.iter().any(|(name, _)| *name == own);
        for own in ["party_size", "name"] {
            if !has(own) && !self.columns.contains_key(own) {
                faults.push(missing(own, header));
            }
        }
        if !(has("start_time") || has("date") && has("time")) {
            faults.push(missing("start_time (or date and time)", header));
        }
        let is_ours = |place: usize| places.iter().any(|(_, ours)| *ours == place);
        let others = header.iter().enumerate().filter(|(place, _)| !is_ours(*place));
        let ignored = others.map(|(_, name)| name.trim().to_owned()).collect();
        if faults.is_empty() { Ok(Columns { places, ignored }) } else { Err(faults) }
    }

    pub(super) fn zone(&self, venue: Tz) -> Tz {
        self.zone.as_deref().and_then(|zone| zone.parse().ok()).unwrap_or(venue)
    }

    pub(super) fn source(&self) -> &str {
        self.source.as_deref().unwrap_or("import")
    }

    /// Our status for a word of the other system.
    pub(super) fn status(&self, word: &str) -> Result<ImportedStatus, String> {
        let is = |other: &str| other.trim().to_lowercase() == word.trim().to_lowercase();
        let mapped = self.statuses.iter().find(|(other, _)| is(other)).map(|(_, status)| *status);
        let own = ImportedStatus::ALL.into_iter().find(|status| is(status.word()));
        mapped.or(own).ok_or_else(|| {
            format!("{word:?} is not a status: map it in \"statuses\" to confirmed, completed, cancelled or no_show")
        })
    }
}

fn encoding(label: &str) -> Option<&'static Encoding> {
    Encoding::for_label(label.as_bytes())
}

fn missing(column: &str, header: &StringRecord) -> String {
    let found: Vec<_> = header.iter().map(|name| format!("{:?}", name.trim())).collect();
    let hint = if header.len() == 1 { ", or set \"delimiter\"" } else { "" };
    format!(
        "line 1: the column {column} is missing among {}: name it in \"columns\" of the map{hint}",
        found.join(", ")
    )
}

impl Columns {
    /// The cells of a line that are not empty, by our names.
    pub(super) fn cells(&self, record: &StringRecord) -> Vec<(String, String)> {
        let cell = |(own, place): &(&str, usize)| {
            let text = plain(record.get(*place).unwrap_or_default());
            (!text.is_empty()).then(|| ((*own).to_owned(), text.to_owned()))
        };
        self.places.iter().filter_map(cell).collect()
    }
}

/// The text of a cell without the apostrophe that programs put before text which a spreadsheet would take for a formula.
fn plain(cell: &str) -> &str {
    let cell = cell.trim();
    match cell.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['=', '+', '-', '@']) => rest,
        _ => cell,
    }
}
