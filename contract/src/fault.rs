//! One fault of a request, for a client and as text.

mod personal;

use std::fmt::Display;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// A fault of a request, in the format of FastAPI.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Fault {
    /// The path to the faulty value: `body`, `query`, `path` or `header`, then names and indexes.
    #[schema(example = json!(["body", "contact_info", "email"]))]
    pub loc: Vec<String>,
    /// A description of the fault.
    #[schema(example = "Field required")]
    pub msg: String,
    /// A stable code of the kind of fault.
    #[schema(example = "missing")]
    pub r#type: String,
    /// The faulty value, shortened; absent if the value is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
}

/// All faults of a request. Never empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Faults(pub Vec<Fault>);

impl Fault {
    /// A fault of a query parameter, a path segment or a header.
    pub fn new(place: &str, name: &str, kind: &str, msg: impl Display, input: impl Into<Value>) -> Self {
        let loc = vec![place.to_owned(), name.to_owned()];
        Self { loc, r#type: kind.to_owned(), msg: msg.to_string(), input: Some(input.into()) }
    }

    /// The fault of a body that is not an object.
    #[must_use]
    pub fn not_an_object(input: Value) -> Self {
        let msg = "Input should be an object".to_owned();
        Self { loc: vec!["body".to_owned()], r#type: "dict_type".to_owned(), msg, input: Some(input) }
    }

    /// The fault as text, for a file instead of a request: `$.tables[0].seats: …`.
    #[must_use]
    pub fn into_words(self) -> String {
        let said = |input: &Value| self.msg.contains(&input.to_string());
        let input = self.input.as_ref().filter(|input| !said(input));
        let input = input.map(|input| format!(", not {input}")).unwrap_or_default();
        // The first element of `loc` is `body`, which a file does not have.
        format!("{}: {}{input}", json_path(self.loc.get(1..).unwrap_or_default()), self.msg)
    }
}

/// The location of a member in the notation of RFC 9535: `$.tables[0].id`.
fn json_path(loc: &[String]) -> String {
    let steps = loc.iter().flat_map(|step| step.split('.'));
    let step = |step: &str| match step.parse::<usize>() {
        Ok(place) => format!("[{place}]"),
        Err(_) => format!(".{step}"),
    };
    std::iter::once("$".to_owned()).chain(steps.map(step)).collect()
}
