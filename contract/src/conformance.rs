//! Checks responses against the description of an API, for tests of the services.
//!
//! The check is stricter than the description: an object may have no members that are not described, and a response
//! no undescribed status, media type or header of [`HEADERS`].

use std::collections::HashMap;
use std::sync::Mutex;

use jsonschema::Validator;
use serde_json::{Map, Value, json};

/// The headers that must be described if a response has them.
pub const HEADERS: [&str; 8] = [
    "etag",
    "head-position",
    "idempotent-replayed",
    "link",
    "location",
    "retry-after",
    "www-authenticate",
    "x-request-id",
];

/// The description of an API.
#[derive(Debug)]
pub struct Description {
    document: Value,
    validators: Mutex<HashMap<String, Validator>>,
}

/// A response to check.
#[derive(Debug, Clone, Copy)]
pub struct Observed<'a> {
    /// The method of the request.
    pub method: &'a str,
    /// The path of the request, without the query.
    pub path: &'a str,
    /// The status.
    pub status: u16,
    /// The names of the headers, in lower case.
    pub headers: &'a [&'a str],
    /// The media type without parameters, if there is one.
    pub media_type: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

/// An operation of a description, with a path that a request can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Its `operationId`.
    pub id: String,
    /// The method in upper case.
    pub method: String,
    /// The path as described.
    pub template: String,
    /// The path with an example for each parameter.
    pub path: String,
    /// The scope that it needs; empty if it needs none.
    pub scope: String,
    /// Whether callers without a credential are admitted.
    pub is_open: bool,
    /// The names of the security schemes of which one is enough.
    pub schemes: Vec<String>,
    /// Whether a person must have proved the identity just now.
    pub needs_proof: bool,
}

impl Description {
    /// All operations. `examples` are values of parameters of paths; every other parameter is a UUID.
    #[must_use]
    pub fn operations(&self, examples: &[(&str, &str)]) -> Vec<Operation> {
        let segment = |segment: &str| match segment.strip_prefix('{').and_then(|name| name.strip_suffix('}'))
        {
            Some(name) => {
                let example = examples.iter().find(|(known, _)| *known == name);
                example.map_or("01939f3e-0000-7000-8000-00000000beef", |(_, value)| value).to_owned()
            }
            None => segment.to_owned(),
        };
        let mut all = Vec::new();
        for (template, item) in self.document["paths"].as_object().into_iter().flatten() {
            let path: Vec<_> = template.split('/').map(segment).collect();
            for (method, operation) in item.as_object().into_iter().flatten() {
                let needs = operation["security"].as_array().map(Vec::as_slice).unwrap_or_default();
                let scope = needs.iter().find_map(|need| need["bearer"][0].as_str()).unwrap_or_default();
                all.push(Operation {
                    id: operation["operationId"].as_str().unwrap_or_default().to_owned(),
                    method: method.to_uppercase(),
                    template: template.clone(),
                    path: path.join("/"),
                    scope: scope.to_owned(),
                    is_open: needs.is_empty() || needs.contains(&json!({})),
                    schemes: needs
                        .iter()
                        .filter_map(Value::as_object)
                        .flat_map(|need| need.keys().cloned())
                        .collect(),
                    needs_proof: operation["x-proof-age-seconds-max"].is_number(),
                });
            }
        }
        all
    }

    /// A description from an OpenAPI 3.1 document.
    #[must_use]
    pub fn new(mut document: Value) -> Self {
        close(&mut document);
        Self { document, validators: Mutex::default() }
    }

    /// Checks a response. The response to a path or a method that is not described is not checked.
    ///
    /// # Errors
    /// A text that names the first part of the response that the description does not allow.
    pub fn check(&self, observed: &Observed<'_>) -> Result<(), String> {
        let Some((template, operation)) = self.operation(observed.method, observed.path) else {
            return Ok(());
        };
        let Observed { method, status, .. } = observed;
        let responses = format!("{}/responses/{status}", pointer(&template, &method.to_lowercase()));
        let described = operation.get("responses").and_then(|all| all.get(status.to_string()));
        let described =
            described.ok_or_else(|| format!("{method} {template}: status {status} is not described"))?;
        let (place, response) = self.resolved(responses, described);
        for header in observed.headers.iter().filter(|header| HEADERS.contains(*header)) {
            let headers = response.get("headers").and_then(Value::as_object);
            if !headers.is_some_and(|all| all.keys().any(|name| name.eq_ignore_ascii_case(header))) {
                return Err(format!("{method} {template} {status}: the header {header} is not described"));
            }
        }
        let content = response.get("content").and_then(Value::as_object);
        let Some(media_type) = observed.media_type.filter(|_| !observed.body.is_empty()) else {
            return Ok(());
        };
        let Some(content) = content.and_then(|content| content.get(media_type)) else {
            return Err(format!(
                "{method} {template} {status}: the media type {media_type} is not described"
            ));
        };
        if !media_type.ends_with("json") || content.get("schema").is_none() {
            return Ok(());
        }
        let body: Value = serde_json::from_slice(observed.body)
            .map_err(|error| format!("{method} {template} {status}: the body is not JSON: {error}"))?;
        let schema = format!("{place}/content/{}/schema", escaped(media_type));
        self.validate(&schema, &body)
            .map_err(|error| format!("{method} {template} {status}: {error}: {body}"))
    }

    fn operation(&self, method: &str, path: &str) -> Option<(String, &Value)> {
        let paths = self.document.get("paths")?.as_object()?;
        // A path without parameters takes precedence: OpenAPI 3.1, Paths Object.
        let exact = paths.get_key_value(path);
        let (template, item) =
            exact.or_else(|| paths.iter().find(|(template, _)| is_instance(path, template)))?;
        Some((template.clone(), item.get(method.to_lowercase())?))
    }

    /// Follows a reference to a component. Returns the JSON pointer to the value, and the value.
    fn resolved<'a>(&'a self, place: String, value: &'a Value) -> (String, &'a Value) {
        let reference = value.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#'));
        match reference.and_then(|reference| Some((reference.to_owned(), self.document.pointer(reference)?)))
        {
            Some(found) => found,
            None => (place, value),
        }
    }

    fn validate(&self, schema: &str, body: &Value) -> Result<(), String> {
        let mut validators = self.validators.lock().map_err(|error| error.to_string())?;
        let validator = if let Some(validator) = validators.get(schema) {
            validator
        } else {
            let root = json!({"$ref": format!("#{schema}"), "components": self.document["components"],
                "paths": self.document["paths"]});
            let validator = jsonschema::draft202012::new(&root).map_err(|error| error.to_string())?;
            validators.entry(schema.to_owned()).or_insert(validator)
        };
        validator.validate(body).map_err(|error| format!("{error} at {}", error.instance_path))
    }
}

/// Forbids members that are not described, in every object with described members.
fn close(value: &mut Value) {
    match value {
        Value::Object(members) => {
            let is_object_schema = members.get("type").is_some_and(is_object_type)
                && members.get("properties").is_some_and(Value::is_object);
            if is_object_schema && !members.contains_key("additionalProperties") {
                members.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            close_all(members);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

fn close_all(members: &mut Map<String, Value>) {
    for (name, member) in members.iter_mut() {
        // Examples are not schemas.
        if name != "example" && name != "examples" {
            close(member);
        }
    }
}

fn is_object_type(value: &Value) -> bool {
    value == "object" || value.as_array().is_some_and(|types| types.iter().any(|name| name == "object"))
}

fn is_instance(path: &str, template: &str) -> bool {
    let (mut given, mut wanted) = (path.split('/'), template.split('/'));
    loop {
        match (given.next(), wanted.next()) {
            (None, None) => return true,
            (Some(given), Some(wanted)) if wanted.starts_with('{') || given == wanted => {}
            _ => return false,
        }
    }
}

/// The JSON pointer to an operation.
fn pointer(template: &str, method: &str) -> String {
    format!("/paths/{}/{method}", escaped(template))
}

/// RFC 6901 §3, and percent-encoding of the characters that a URI fragment cannot contain.
fn escaped(segment: &str) -> String {
    segment.replace('~', "~0").replace('/', "~1").replace('{', "%7B").replace('}', "%7D")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed<'a>(status: u16, headers: &'a [&'a str], body: &'a [u8]) -> Observed<'a> {
        let media_type = Some("application/json");
        Observed { method: "GET", path: "/things/7", status, headers, media_type, body }
    }

    /// A positive control of each kind of fault.
    #[test]
    fn what_is_not_described_is_found() {
        let thing = json!({"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}});
        let description = Description::new(json!({
            "paths": {"/things/{id}": {"get": {"responses": {"200": {"description": "A thing",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}}}}},
            "components": {"schemas": {"Thing": thing}},
        }));
        assert_eq!(description.check(&observed(200, &[], br#"{"id": 7}"#)), Ok(()));
        for (faulty, part) in [
            (observed(404, &[], b"{}"), "status 404"),
            (observed(200, &["etag"], br#"{"id": 7}"#), "header etag"),
            (observed(200, &[], b"{"), "not JSON"),
            (observed(200, &[], br#"{"id": "7"}"#), "/id"),
            (observed(200, &[], br#"{"id": 7, "more": 1}"#), "more"),
            (Observed { media_type: Some("text/csv"), ..observed(200, &[], b"id") }, "text/csv"),
        ] {
            let fault = description.check(&faulty).unwrap_err();
            assert!(fault.contains(part), "{part} in {fault}");
        }
    }
}
