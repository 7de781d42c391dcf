//! Reads a JSON object, or query parameters, such that all faults are found at once.
//!
//! serde stops at the first type that does not match, but a person who fills in a form wants to know
//! everything that is wrong with it. The body is therefore read as a tree and its fields are taken out one
//! by one; a field that was never taken is unknown, and that is a fault too. Faults have the
//! format of FastAPI's validation errors.

mod fields;

use std::fmt::Display;

use serde_json::{Map, Value};

use crate::fault::{Fault, Faults};

/// An object whose fields the caller takes out one by one. Take all fields before you use any of them, so
/// that a fault in one field does not hide faults in the others.
#[derive(Debug)]
pub struct Form {
    loc: Vec<String>,
    members: Map<String, Value>,
    faults: Vec<Fault>,
    /// Whether all values are text, so that numbers and booleans are parsed.
    is_text: bool,
}

impl Form {
    /// A form for a JSON object: the body of a request, or a file.
    #[must_use]
    pub fn new(members: Map<String, Value>) -> Self {
        Self { loc: vec!["body".into()], members, faults: Vec::new(), is_text: false }
    }

    /// A form for the query parameters of a request, whose values are text.
    #[must_use]
    pub fn query(parameters: impl IntoIterator<Item = (String, String)>) -> Self {
        Self::parameters("query", parameters)
    }

    /// A form for the parameters of a path, whose values are text.
    #[must_use]
    pub fn path(parameters: impl IntoIterator<Item = (String, String)>) -> Self {
        Self::parameters("path", parameters)
    }

    fn parameters(place: &str, parameters: impl IntoIterator<Item = (String, String)>) -> Self {
        let (members, faults) = (Map::new(), Vec::new());
        let mut form = Self { loc: vec![place.to_owned()], members, faults, is_text: true };
        for (name, text) in parameters {
            if form.members.insert(name.clone(), Value::String(text)).is_some() {
                form.fault(&name, "value_error", "This parameter may be given only once", None);
            }
        }
        form
    }

    /// Records a fault of the field `name`.
    pub fn fault(&mut self, name: &str, kind: &'static str, msg: impl Display, input: Option<Value>) {
        self.fault_at(&[name], kind, msg, input);
    }

    /// Records a fault of a field of an inner object.
    pub fn fault_at(&mut self, path: &[&str], kind: &'static str, msg: impl Display, input: Option<Value>) {
        let mut loc = self.loc.clone();
        loc.extend(path.iter().map(|&name| name.to_owned()));
        self.faults.push(Fault { loc, r#type: kind.to_owned(), msg: msg.to_string(), input });
    }

    /// Returns the value of `result`, which a check of the field `path` gave that the schema cannot express. An error
    /// becomes a fault of the type `value_error` with the `input` that was checked.
    pub fn checked<T, E: Display>(
        &mut self,
        path: &[&str],
        input: impl Display,
        result: Result<T, E>,
    ) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault_at(path, "value_error", error, Some(Value::String(input.to_string())));
                None
            }
        }
    }

    /// The text fields that were not taken yet.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.members.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
    }

    /// Whether the field `name` is present, is not null and has not been taken.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.members.get(name).is_some_and(|value| !value.is_null())
    }

    /// Whether the field at `path` is present and null: a merge patch (RFC 7396) removes it.
    #[must_use]
    pub fn is_null(&self, path: &[&str]) -> bool {
        let Some((first, inner)) = path.split_first() else { return false };
        let value = self.members.get(*first);
        let value = inner.iter().fold(value, |value, name| value?.get(name));
        value.is_some_and(Value::is_null)
    }

    /// Whether a fault of the field `name` was recorded.
    #[must_use]
    pub fn has_fault(&self, name: &str) -> bool {
        let depth = self.loc.len();
        self.faults
            .iter()
            .any(|f| f.loc.len() == depth + 1 && f.loc.starts_with(&self.loc) && f.loc[depth] == name)
    }

    /// Whether a fault of the field `name` or of a part of it was recorded.
    #[must_use]
    pub fn has_fault_in(&self, name: &str) -> bool {
        let depth = self.loc.len();
        let is_in = |at: &String| at.split('.').next() == Some(name);
        self.faults.iter().any(|f| f.loc.starts_with(&self.loc) && f.loc.get(depth).is_some_and(is_in))
    }

    /// The value of a text field, without taking it.
    #[must_use]
    pub fn peek(&self, name: &str) -> Option<&str> {
        self.members.get(name)?.as_str()
    }

    /// Takes a field that may be missing or null.
    fn optional(&mut self, name: &str) -> Option<Value> {
        self.members.remove(name).filter(|value| !value.is_null())
    }

    /// Adds the fault of a missing field, unless `taken` is its value.
    pub fn required<T>(&mut self, name: &str, taken: Option<T>) -> Option<T> {
        // A field that is present but invalid already has its fault.
        if taken.is_none() && !self.has_fault(name) {
            self.fault(name, "missing", "Field required", None);
        }
        taken
    }

    /// Removes a field without reading it, so that it is not reported as unknown.
    pub fn discard(&mut self, name: &str) {
        self.members.remove(name);
    }

    /// Removes all fields, like [`Self::discard`].
    pub fn discard_all(&mut self) {
        self.members.clear();
    }

    fn inner<T>(
        &mut self,
        loc: Vec<String>,
        value: Value,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        let Value::Object(members) = value else {
            let msg = "Input should be an object".to_owned();
            self.faults.push(Fault { loc, r#type: "dict_type".to_owned(), msg, input: Some(value) });
            return None;
        };
        let mut inner = Self { loc, members, faults: Vec::new(), is_text: self.is_text };
        let read = read(&mut inner);
        let faults = inner.all_faults();
        let valid = faults.is_empty();
        self.faults.extend(faults);
        if valid { read } else { None }
    }

    fn all_faults(mut self) -> Vec<Fault> {
        for name in self.members.keys().cloned().collect::<Vec<_>>() {
            let input = self.members.remove(&name);
            self.fault(&name, "extra_forbidden", "Extra inputs are not permitted", input);
        }
        self.faults
    }

    /// `value`, if the form has no fault.
    ///
    /// # Errors
    /// Every fault, including unknown fields.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Faults> {
        self.value_or_faults(value).map_err(Faults)
    }

    fn value_or_faults<T>(self, value: Option<T>) -> Result<T, Vec<Fault>> {
        let faults = self.all_faults();
        match value {
            Some(value) if faults.is_empty() => Ok(value),
            _ => Err(faults),
        }
    }
}

#[cfg(test)]
mod tests;
