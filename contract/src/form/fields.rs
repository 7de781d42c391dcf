//! Takes fields of a form, by their type. Part of [`crate::form`].

use std::fmt::Display;
use std::ops::RangeInclusive;

use serde_json::Value;

use super::Form;

impl Form {
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

    /// A secret of `min_chars` to `max_chars` characters without control characters; `None` if missing. A fault does not
    /// contain it.
    pub fn optional_secret(&mut self, name: &str, min_chars: usize, max_chars: usize) -> Option<String> {
        let Value::String(text) = self.optional(name)? else {
            self.fault(name, "string_type", "Input should be a valid string", None);
            return None;
        };
        let chars = text.chars().count();
        let (kind, msg) = if chars < min_chars {
            (
                "string_too_short",
                format!("String should have at least {min_chars} characters, it has {chars}"),
            )
        } else if chars > max_chars {
            ("string_too_long", format!("String should have at most {max_chars} characters, it has {chars}"))
        } else if text.chars().any(char::is_control) {
            ("string_pattern_mismatch", "String should have no control characters".to_owned())
        } else {
            return Some(text);
        };
        self.fault(name, kind, msg, None);
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
        let Some(number) = self.integer_of(&value) else {
            self.fault(name, "int_type", "Input should be a valid integer", Some(value));
            return None;
        };
        self.in_range(name, value, number, min, max)
    }

    /// `number`, which `value` means, if it is in the range; otherwise a fault.
    fn in_range<N: PartialOrd + Display>(
        &mut self,
        name: &str,
        value: Value,
        number: N,
        min: N,
        max: N,
    ) -> Option<N> {
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

    /// A number from `min` to `max`.
    pub fn number(&mut self, name: &str, min: f64, max: f64) -> Option<f64> {
        let taken = self.optional(name).and_then(|value| {
            let Some(number) = value.as_f64() else {
                self.fault(name, "float_type", "Input should be a valid number", Some(value));
                return None;
            };
            self.in_range(name, value, number, min, max)
        });
        self.required(name, taken)
    }

    /// An integer from 0; `None` if missing. A larger number than `u64::MAX - 1` counts as that number.
    pub fn optional_unsigned(&mut self, name: &str) -> Option<u64> {
        let value = self.optional(name)?;
        let digits = match &value {
            Value::String(text) if self.is_text => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        };
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            self.fault(name, "int_type", "Input should be an integer from 0", Some(value));
            return None;
        }
        Some(digits.parse().unwrap_or(u64::MAX).min(u64::MAX - 1))
    }

    /// The integer that a value means. `2.0` is an integer: JSON Schema 2020-12, Validation §6.1.1.
    fn integer_of(&self, value: &Value) -> Option<i64> {
        /// Every integer up to this one has a representation of its own as a 64-bit float.
        const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
        match value {
            Value::Number(number) => number.as_i64().or_else(|| {
                let float = number.as_f64()?;
                #[expect(clippy::cast_possible_truncation, reason = "checked to be an exact integer")]
                (float.fract() == 0.0 && float.abs() <= EXACT_MAX).then_some(float as i64)
            }),
            Value::String(text) if self.is_text => text.parse().ok(),
            _ => None,
        }
    }

    /// An integer from `min` to `max`.
    pub fn integer(&mut self, name: &str, min: i64, max: i64) -> Option<i64> {
        let taken = self.optional_integer(name, min, max);
        self.required(name, taken)
    }

    /// A boolean; `false` if missing.
    pub fn flag(&mut self, name: &str) -> bool {
        self.optional_flag(name).unwrap_or(false)
    }

    /// A boolean; `None` if missing.
    pub fn optional_flag(&mut self, name: &str) -> Option<bool> {
        match self.optional(name)? {
            Value::Bool(flag) => Some(flag),
            Value::String(text) if self.is_text && matches!(text.as_str(), "true" | "false") => {
                Some(text == "true")
            }
            value => {
                self.fault(name, "bool_type", "Input should be a valid boolean", Some(value));
                None
            }
        }
    }

    /// One of `all`, by its word; `None` if missing.
    pub fn optional_word<T: Copy>(
        &mut self,
        name: &str,
        all: &[T],
        word: impl Fn(T) -> &'static str,
    ) -> Option<T> {
        let value = self.optional(name)?;
        // In a query, words are accepted in any case.
        let is_text = self.is_text;
        let same = |word: &str, text: &str| word == text || is_text && word.eq_ignore_ascii_case(text);
        let found = value.as_str().and_then(|text| all.iter().find(|known| same(word(**known), text)));
        if found.is_none() {
            let words: Vec<_> = all.iter().map(|known| word(*known)).collect();
            self.fault(name, "enum", format_args!("Input should be {}", alternatives(&words)), Some(value));
        }
        found.copied()
    }

    /// One of the words `all`.
    pub fn word(&mut self, name: &str, all: &[&'static str]) -> Option<&'static str> {
        let taken = self.optional_word(name, all, |word| word);
        self.required(name, taken)
    }

    /// Text accepted by `parse`; `None` if missing.
    pub fn optional_parsed<T, E: Display>(
        &mut self,
        name: &str,
        max_chars: usize,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        self.optional_parsed_as(name, max_chars, "value_error", parse)
    }

    /// Like [`Self::optional_parsed`]. A text that `parse` does not accept is a fault of the type `kind`.
    pub fn optional_parsed_as<T, E: Display>(
        &mut self,
        name: &str,
        max_chars: usize,
        kind: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.optional_text(name, max_chars)?;
        match parse(&text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault(name, kind, error, Some(Value::String(text)));
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

    /// The draft of a nested object, read by `take`, even if it has faults; `None` if it is missing or not an object.
    pub fn optional_draft<T>(&mut self, name: &str, take: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let mut draft = None;
        self.optional_object(name, |inner| {
            draft = Some(take(inner));
            Some(())
        });
        draft
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
}

/// `a`, `a or b`, `a, b or c`.
fn alternatives(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}
