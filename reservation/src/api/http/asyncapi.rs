//! The description of the feed: AsyncAPI 3.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use contract::reservation::feed::FeedEvent;
use contract::reservation::queries::ReadEvents;
use events::event::Event;
use events::feed::BATCH_CONTENT_TYPE;
use serde_json::{Map, Value, json};
use utoipa::openapi::path::ParameterIn;
use utoipa::{IntoParams as _, PartialSchema as _};

/// The document, which never changes while the service runs.
static DOCUMENT: LazyLock<String> = LazyLock::new(|| document().to_string());

/// The description of the feed, AsyncAPI 3
#[utoipa::path(get, path = "/asyncapi.json", operation_id = "getAsyncApi", tag = "feed",
    responses((status = 200, description = "An AsyncAPI document", body = Object)))]
pub(super) async fn asyncapi() -> Response {
    let headers =
        [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "public, max-age=3600")];
    (headers, DOCUMENT.as_str()).into_response()
}

fn document() -> Value {
    let (mut messages, mut schemas) = (Map::new(), Map::new());
    for event_type in Event::TYPES {
        let mut data = Event::schema(event_type).unwrap_or_default();
        take_definitions(&mut data, &mut schemas);
        let summary = data.get("description").cloned().unwrap_or_default();
        messages.insert(
            (*event_type).to_owned(),
            json!({"name": event_type, "title": event_type, "summary": summary,
                "contentType": "application/cloudevents+json", "payload": envelope(event_type, &data)}),
        );
    }
    let names = || messages.keys();
    let in_channel: Vec<_> =
        names().map(|name| json!({"$ref": format!("#/channels/events/messages/{name}")})).collect();
    let of_channel: Map<_, _> = names()
        .map(|name| (name.clone(), json!({"$ref": format!("#/components/messages/{name}")})))
        .collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Meja events",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Every event of the reservation service, in the order of its log. `GET /events` returns them as batches of CloudEvents, or as a stream of server-sent events if the request prefers text/event-stream.",
        },
        "defaultContentType": BATCH_CONTENT_TYPE,
        "channels": {"events": {
            "address": "/events",
            "title": "The feed",
            "description": "Request what follows `lastEventId`. With `timeout` the response waits for an event.",
            "messages": of_channel,
        }},
        "operations": {"sendEvents": {
            "action": "send",
            "channel": {"$ref": "#/channels/events"},
            "summary": "The service publishes its events",
            "bindings": {"http": {"method": "GET", "query": query(), "bindingVersion": "0.3.0"}},
            "messages": in_channel,
        }},
        "components": {"messages": messages, "schemas": schemas},
    })
}

/// The schema of a whole event: that of every event, with the schema of its `data`.
fn envelope(event_type: &str, data: &Value) -> Value {
    let mut schema = json!(FeedEvent::schema());
    schema["properties"]["type"] = json!({"const": event_type});
    schema["properties"]["data"] = data.clone();
    schema
}

/// The query of a request for the feed, as the binding of HTTP describes it: the same parameters as in OpenAPI.
fn query() -> Value {
    let parameters = ReadEvents::into_params(|| Some(ParameterIn::Query));
    let properties: Map<_, _> = parameters
        .into_iter()
        .map(|parameter| {
            let mut schema = json!(parameter.schema);
            schema["description"] = json!(parameter.description);
            (parameter.name, schema)
        })
        .collect();
    json!({"type": "object", "properties": properties})
}

/// Moves the definitions of `schema` to the components of the document, and its references with them.
fn take_definitions(schema: &mut Value, components: &mut Map<String, Value>) {
    if let Some(members) = schema.as_object_mut() {
        // The document has one dialect and one base for references.
        members.remove("$schema");
        members.remove("$id");
    }
    let definitions = schema.as_object_mut().and_then(|members| members.remove("$defs"));
    refer_to_components(schema);
    if let Some(Value::Object(definitions)) = definitions {
        for (name, mut definition) in definitions {
            refer_to_components(&mut definition);
            components.insert(name, definition);
        }
    }
}

fn refer_to_components(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if name == "$ref" => {
                        *text = text.replace("#/$defs/", "#/components/schemas/");
                    }
                    other => refer_to_components(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(refer_to_components),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The schemas of all events share the components of the document.
    #[test]
    fn definitions_with_the_same_name_are_the_same() {
        let mut all = Map::new();
        for event_type in Event::TYPES {
            let mut definitions = Map::new();
            take_definitions(&mut Event::schema(event_type).unwrap(), &mut definitions);
            for (name, definition) in definitions {
                let known = all.entry(name.clone()).or_insert_with(|| definition.clone());
                assert_eq!(*known, definition, "{name} of {event_type}");
            }
        }
        assert!(all.len() > 3, "{all:?}");
    }
}
