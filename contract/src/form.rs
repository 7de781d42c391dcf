//! Reads a JSON object, or query parameters, such that all faults are found at once.
//!
//! serde stops at the first type that does not match, but a person who fills in a form wants to know
//! everything that is wrong with it. The body is therefore read as a tree and its fields are taken out one
//! by one; a field that was never taken is unknown, and that is a fault too. Faults have the
//! format of FastAPI's validation errors.

use std::fmt::Display;
use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use crate::fault::{Fault, Faults};

/// An object whose fields the caller takes out one by one. Take all fields before you use any of them, so
/// that a fault in one field does not hide faults in the others.
#[derive(Debug)]
pub struct Form {
    loc: Vec<String>,
    members: Map<String, Value>,
    faults: Vec<Fault>,
}

impl Form {
    /// A form for a JSON object: the body of a request, or a file.
    #[must_use]
    pub fn new(members: Map<String, Value>) -> Self {
        Self { loc: vec!["body".into()], members, faults: Vec::new() }
    }

    /// A form for the query parameters of a request. All values are text: take them with
    /// [`Form::optional_parsed`].
    #[must_use]
    pub fn query(parameters: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut form = Self { loc: vec!["query".into()], members: Map::new(), faults: Vec::new() };
        for (name, text) in parameters {
            if form.members.insert(name.clone(), Value::String(text)).is_some() {
                form.fault(&name, "value_error", "This parameter may be given only once", None);
            }
        }
        form
    }

    /// Records a fault of the field `name`.
    pub fn fault(&mut self, name: &str, kind: &'static str, msg: impl Display, input: Option<Value>) {
        let mut loc = self.loc.clone();
        loc.push(name.to_owned());
        self.faults.push(Fault { loc, r#type: kind.to_owned(), msg: msg.to_string(), input });
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

    /// Whether a fault of the field `name` was recorded.
    #[must_use]
    pub fn has_fault(&self, name: &str) -> bool {
        let depth = self.loc.len();
        self.faults
            .iter()
            .any(|f| f.loc.len() == depth + 1 && f.loc.starts_with(&self.loc) && f.loc[depth] == name)
    }

    /// Takes a field that may be missing or null.
    fn optional(&mut self, name: &str) -> Option<Value> {
        self.members.remove(name).filter(|value| !value.is_null())
    }

    fn required<T>(&mut self, name: &str, taken: Option<T>) -> Option<T> {
        // A field that is present but invalid already has its fault.
        let faulty = self
            .faults
            .iter()
            .any(|f| f.loc.last().is_some_and(|l| l == name) && f.loc.len() == self.loc.len() + 1);
        if taken.is_none() && !faulty {
            self.fault(name, "missing", "Field required", None);
        }
        taken
    }

    /// One line of text of 1 to `max_chars` characters, not only white space; `None` if missing.
    pub fn optional_text(&mut self, name: &str, max_chars: usize) -> Option<String> {
        self.optional_prose_without(name, max_chars, char::is_control)
    }

    /// Text of 1 to `max_chars` characters, not only white space, that may have several lines; `None` if missing.
    pub fn optional_prose(&mut self, name: &str, max_chars: usize) -> Option<String> {
        self.optional_prose_without(name, max_chars, |c| c.is_control() && c != '\n' && c != '\t')
    }

    fn optional_prose_without(
        &mut self,
        name: &str,
        max_chars: usize,
        bad: fn(char) -> bool,
    ) -> Option<String> {
        let value = self.optional(name)?;
        let Value::String(text) = value else {
            self.fault(name, "string_type", "Input should be a valid string", Some(value));
            return None;
        };
        let chars = text.chars().count();
        let (kind, msg) = if text.trim().is_empty() {
            ("string_too_short", "String should have at least 1 character that is not white space".to_owned())
        } else if chars > max_chars {
            ("string_too_long", format!("String should have at most {max_chars} characters, it has {chars}"))
        } else if text.chars().any(bad) {
            ("string_pattern_mismatch", "String should have no control characters".to_owned())
        } else {
            return Some(text);
        };
        self.fault(name, kind, msg, Some(Value::String(text.chars().take(200).collect())));
        None
    }

    /// One line of text of 1 to `max_chars` characters, not only white space.
    pub fn text(&mut self, name: &str, max_chars: usize) -> Option<String> {
        let taken = self.optional_text(name, max_chars);
        self.required(name, taken)
    }

    /// An integer from `min` to `max`; `None` if missing.
    pub fn optional_integer(&mut self, name: &str, min: i64, max: i64) -> Option<i64> {
        let value = self.optional(name)?;
        let Some(number) = value.as_i64() else {
            self.fault(name, "int_type", "Input should be a valid integer", Some(value));
            return None;
        };
        let (kind, msg) = if number < min {
            ("greater_than_equal", format!("Input should be greater than or equal to {min}"))
        } else if number > max {
            ("less_than_equal", format!("Input should be less than or equal to {max}"))
        } else {
            return Some(number);
        };
        self.fault(name, kind, msg, Some(value));
        None
    }

    /// An integer from `min` to `max`.
    pub fn integer(&mut self, name: &str, min: i64, max: i64) -> Option<i64> {
        let taken = self.optional_integer(name, min, max);
        self.required(name, taken)
    }

    /// A boolean; `false` if missing.
    pub fn flag(&mut self, name: &str) -> bool {
        match self.optional(name) {
            None => false,
            Some(Value::Bool(flag)) => flag,
            Some(value) => {
                self.fault(name, "bool_type", "Input should be a valid boolean", Some(value));
                false
            }
        }
    }

    /// Text accepted by `parse`; `None` if missing.
    pub fn optional_parsed<T, E: Display>(
        &mut self,
        name: &str,
        max_chars: usize,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.optional_text(name, max_chars)?;
        match parse(&text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault(name, "value_error", error, Some(Value::String(text)));
                None
            }
        }
    }

    /// Text accepted by `parse`.
    pub fn parsed<T, E: Display>(
        &mut self,
        name: &str,
        max_chars: usize,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let taken = self.optional_parsed(name, max_chars, parse);
        self.required(name, taken)
    }

    /// A nested object, read by `read`; `None` if missing.
    pub fn optional_object<T>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let value = self.optional(name)?;
        let mut loc = self.loc.clone();
        loc.push(name.to_owned());
        self.inner(loc, value, read)
    }

    /// A nested object, read by `read`. Its faults are added to the faults of this form.
    pub fn object<T>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let present = self.has(name);
        let taken = self.optional_object(name, read);
        if !present {
            self.fault(name, "missing", "Field required", None);
        }
        taken
    }

    /// A list of 1 to `max` objects, each read by `read`. Returns the valid objects even if others have faults,
    /// so that the caller can still compare them, for example to find duplicates.
    pub fn list<T>(
        &mut self,
        name: &str,
        max: usize,
        read: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let taken = self.optional_list_of(name, 1..=max, read);
        self.required(name, taken)
    }

    /// Like [`Self::list`] with 0 to `max` objects; `None` if missing.
    pub fn optional_list<T>(
        &mut self,
        name: &str,
        max: usize,
        read: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        self.optional_list_of(name, 0..=max, read)
    }

    fn optional_list_of<T>(
        &mut self,
        name: &str,
        lengths: RangeInclusive<usize>,
        mut read: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let values = match self.optional(name)? {
            Value::Array(values) if lengths.contains(&values.len()) => values,
            other => {
                let (min, max) = lengths.into_inner();
                let msg = format_args!("Input should be a list of {min} to {max} objects");
                self.fault(name, "list_type", msg, Some(other));
                return None;
            }
        };
        let item = |(i, value): (usize, Value)| {
            let mut loc = self.loc.clone();
            loc.extend([name.to_owned(), i.to_string()]);
            self.inner(loc, value, &mut read)
        };
        Some(values.into_iter().enumerate().filter_map(item).collect())
    }

    /// A list of up to `max` texts, each of at most `max_chars` characters and accepted by `parse`; empty if missing.
    pub fn texts_parsed<T, E: Display>(
        &mut self,
        name: &str,
        max: usize,
        max_chars: usize,
        mut parse: impl FnMut(&str) -> Result<T, E>,
    ) -> Vec<T> {
        let values = match self.optional(name) {
            Some(Value::Array(values)) if values.len() <= max => values,
            Some(other) => {
                let msg = format_args!("Input should be a list of up to {max} texts");
                self.fault(name, "list_type", msg, Some(other));
                return Vec::new();
            }
            None => return Vec::new(),
        };
        let mut parsed = Vec::with_capacity(values.len());
        for (i, value) in values.into_iter().enumerate() {
            let text = value.as_str().filter(|text| text.chars().count() <= max_chars);
            let result = text.map_or_else(
                || Err(format!("Input should be a text of up to {max_chars} characters")),
                |text| parse(text).map_err(|error| error.to_string()),
            );
            match result {
                Ok(item) => parsed.push(item),
                Err(msg) => self.fault(&format!("{name}.{i}"), "value_error", msg, Some(value)),
            }
        }
        parsed
    }

    /// The value of a text field, without taking it.
    #[must_use]
    pub fn peek(&self, name: &str) -> Option<&str> {
        self.members.get(name)?.as_str()
    }

    /// Removes a field without reading it, so that it is not reported as unknown.
    pub fn discard(&mut self, name: &str) {
        self.members.remove(name);
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
        let mut inner = Self { loc, members, faults: Vec::new() };
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

    /// Like [`Self::finish`], for a form that was read from a file. Returns `value` if there is no fault.
    ///
    /// # Errors
    /// Every fault as text.
    pub fn finish_words<T>(self, value: Option<T>) -> Result<T, Vec<String>> {
        self.value_or_faults(value).map_err(|faults| faults.into_iter().map(Fault::into_words).collect())
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
