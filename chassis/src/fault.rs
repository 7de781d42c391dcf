//! One fault of a request, for a client and as text.

use std::fmt::Display;

use serde_json::{Value, json};

/// One fault of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    pub(crate) loc: Vec<String>,
    pub(crate) kind: &'static str,
    pub(crate) msg: String,
    pub(crate) input: Option<Value>,
}

impl Fault {
    /// A fault of a query parameter, a path segment or a header.
    pub fn new(
        place: &str,
        name: &str,
        kind: &'static str,
        msg: impl Display,
        input: impl Into<Value>,
    ) -> Self {
        let loc = vec![place.to_owned(), name.to_owned()];
        Self { loc, kind, msg: msg.to_string(), input: Some(input.into()) }
    }

    /// The fault of a body that is not an object.
    pub(crate) fn not_an_object(input: Value) -> Self {
        let msg = "Input should be an object".to_owned();
        Self { loc: vec!["body".to_owned()], kind: "dict_type", msg, input: Some(input) }
    }

    /// The fault as text, for a file instead of a request: `$.tables[0].seats: …`.
    pub(crate) fn into_words(self) -> String {
        let said = |input: &Value| self.msg.contains(&input.to_string());
        let input = self.input.as_ref().filter(|input| !said(input));
        let input = input.map(|input| format!(", not {input}")).unwrap_or_default();
        // The first element of `loc` is `body`, which a file does not have.
        format!("{}: {}{input}", json_path(self.loc.get(1..).unwrap_or_default()), self.msg)
    }

    pub(crate) fn into_json(self) -> Value {
        let mut fault = json!({"loc": self.loc, "msg": self.msg, "type": self.kind});
        if let (Some(input), Value::Object(members)) = (self.input, &mut fault) {
            members.insert("input".into(), input);
        }
        fault
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
