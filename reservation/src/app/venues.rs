//! The venue files: `<id>.json` in one directory. The service refuses to start with a faulty file.

mod rules;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use contract::form::Form;
use events::values::{Currency, Locale};
use events::{TableId, VenueId};
use parking_lot::RwLock;
use sha2::{Digest as _, Sha256};

use crate::app::contact;
use crate::domain::availability::Table;
use crate::domain::venue::Venue;

/// All venues by id; at least one. Clones share the same venues, so that each of them sees a reload.
#[derive(Debug, Clone)]
pub struct Venues(Arc<RwLock<ById>>);

type ById = BTreeMap<VenueId, Arc<Venue>>;

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
    #[error("there is no venue in {}: add a file <id>.json for each restaurant", .0.display())]
    None(PathBuf),
    /// Files have faults. All faults of all files are listed.
    #[error("{} fault(s) in the venue files; the files were not loaded:{}", .0.len(), .0.iter().map(|f| format!("\n  - {f}")).collect::<String>())]
    Faults(Vec<String>),
}

impl Venues {
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
        let (mut venues, mut faults) = (BTreeMap::new(), Vec::new());
        for path in paths {
            let text =
                std::fs::read(&path).map_err(|source| VenuesError::Read { path: path.clone(), source })?;
            match parse(&text, path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default()) {
                Ok(venue) => drop(venues.insert(venue.id.clone(), Arc::new(venue))),
                Err(found) => {
                    faults.extend(found.into_iter().map(|fault| format!("{}: {fault}", path.display())));
                }
            }
        }
        contact::load_metadata();
        match (faults.is_empty(), venues.is_empty()) {
            (false, _) => Err(VenuesError::Faults(faults)),
            (true, true) => Err(VenuesError::None(dir.to_owned())),
            (true, false) => Ok(Self(Arc::new(RwLock::new(venues)))),
        }
    }

    /// The venue with this id; without an id, the first one in order of ids.
    #[must_use]
    pub fn get(&self, id: Option<&VenueId>) -> Option<Arc<Venue>> {
        let venues = self.0.read();
        match id {
            Some(id) => venues.get(id).cloned(),
            None => venues.values().next().cloned(),
        }
    }

    /// Replaces the venues in all clones by those of `other`. Returns the previous ones.
    #[must_use]
    pub fn replace(&self, other: &Self) -> Self {
        let new = other.0.read().clone();
        let previous = std::mem::replace(&mut *self.0.write(), new);
        Self(Arc::new(RwLock::new(previous)))
    }

    /// All ids in ascending order.
    #[must_use]
    pub fn ids(&self) -> Vec<VenueId> {
        self.0.read().keys().cloned().collect()
    }
}

/// One line per venue: the output of `venues check`.
impl std::fmt::Display for Venues {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let venues = self.0.read();
        write!(f, "{} venue(s) are valid", venues.len())?;
        for venue in venues.values() {
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

/// Parses the venue file with the name `stem`.
fn parse(text: &[u8], stem: &str) -> Result<Venue, Vec<String>> {
    let members = match serde_json::from_slice(text) {
        Ok(serde_json::Value::Object(members)) => members,
        Ok(_) => return Err(vec!["the file is not a JSON object".into()]),
        Err(error) => return Err(vec![format!("the file is not JSON: {error}")]),
    };
    let mut form = Form::new(members);
    let venue = venue(&mut form, stem);
    let digest = hex::encode(Sha256::digest(text));
    form.finish_words(venue).map(|venue| Venue { digest, ..venue })
}

fn venue(form: &mut Form, stem: &str) -> Option<Venue> {
    let id = form.parsed("id", VenueId::MAX_CHARS, |text| match text.parse::<VenueId>() {
        Ok(id) if text == stem => Ok(id),
        Ok(_) => Err(format!("the id must be the name of the file, {stem:?}")),
        Err(error) => Err(error.to_string()),
    });
    let name = form.text("name", 80);
    let timezone = form.parsed("timezone", 40, |text| {
        text.parse::<chrono_tz::Tz>()
            .map_err(|_| format!("{text:?} is not an IANA time zone such as Asia/Jakarta"))
    });
    let country = form.parsed("country", 2, |text| match text.parse::<phonenumber::country::Id>() {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(format!("{text:?} is not an ISO 3166 country code such as ID")),
    });
    let currency = form.parsed("currency", 3, |text| {
        Currency::from_code(text)
            .ok_or_else(|| format!("{text:?} is not an ISO 4217 currency code such as IDR"))
    });
    let locale = form.parsed("locale", 10, |text| {
        Locale::from_tag(text).ok_or_else(|| format!("{text:?} is not a supported language: id or en"))
    });
    let mut combinable = Vec::new();
    let tables = form.list("tables", 500, |form| table(form, &mut combinable));
    if let Some(repeated) = first_repeated(&combinable) {
        form.fault("tables", "value_error", format_args!("the table {repeated} is listed twice"), None);
    }
    let combinable = combinations(form, &combinable);
    let rules = rules::booking_rules(form, timezone, tables.as_deref(), &combinable);
    let policy = form.object("policy", |policy| rules::policy(policy, currency));
    currency?;
    let policy = policy?;
    Some(Venue {
        id: id?,
        name: name?,
        timezone: timezone?,
        country: country?,
        locale: locale?,
        tables: tables?,
        rules: rules?,
        digest: String::new(),
        deposit: policy.deposit,
        auto_cancel_minutes: policy.auto_cancel_minutes,
        free_cancellation_minutes: policy.free_cancellation_minutes,
        auto_confirm: policy.auto_confirm,
        no_show_grace_minutes: policy.no_show_grace_minutes,
        no_show_fee: policy.no_show_fee,
        refund_on_shrink: policy.refund_on_shrink,
        offer_minutes: policy.offer_minutes,
    })
}

/// The id of a table, if it is valid, and the tables it can be combined with.
type Combinable = (Option<TableId>, Vec<TableId>);

fn table(form: &mut Form, combinable: &mut Vec<Combinable>) -> Option<Table> {
    let id = form.parsed("id", TableId::MAX_CHARS, str::parse::<TableId>);
    let area = form.text("area", 64);
    let seats = form.integer("seats", 1, 50);
    let min_party = form.optional_integer("min_party", 1, seats.unwrap_or(50)).unwrap_or(1);
    let others = form.texts_parsed("combinable_with", 50, TableId::MAX_CHARS, str::parse::<TableId>);
    combinable.push((id.clone(), others));
    let (seats, min_party) = (u8::try_from(seats?).ok()?, u8::try_from(min_party).ok()?);
    Some(Table { id: id?, area: area?, seats, min_party })
}

/// The pairs of tables that can be combined. Both must be tables of the venue.
fn combinations(form: &mut Form, tables: &[Combinable]) -> BTreeSet<(TableId, TableId)> {
    let mut pairs = BTreeSet::new();
    for (i, (table, others)) in tables.iter().enumerate() {
        for other in others {
            let exists = tables.iter().any(|(id, _)| id.as_ref() == Some(other));
            if !exists || table.as_ref() == Some(other) {
                let msg = format_args!("{other} is not another table of this venue");
                form.fault(&format!("tables.{i}.combinable_with"), "value_error", msg, None);
            }
            pairs.extend(table.clone().map(|table| (table, other.clone())));
        }
    }
    pairs
}

fn first_repeated(tables: &[Combinable]) -> Option<&TableId> {
    let mut seen = HashSet::new();
    tables.iter().filter_map(|(id, _)| id.as_ref()).find(|id| !seen.insert(*id))
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
