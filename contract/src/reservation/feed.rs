//! Events as the feed publishes them.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// An event: CloudEvents 1.0 in JSON, with the extensions of Meja. `/asyncapi.json` describes `data` for each type.
#[derive(Debug, Serialize, ToSchema)]
pub struct FeedEvent {
    /// The version of CloudEvents.
    #[schema(pattern = "^1\\.0$", example = "1.0")]
    pub specversion: String,
    /// The position and a UUID: the cursor of the feed.
    #[schema(
        pattern = "^[0-9]{20}-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
        example = "00000000000000000003-01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f"
    )]
    pub id: String,
    /// The position in the log.
    #[schema(pattern = "^[0-9]{20}$", example = "00000000000000000003")]
    pub sequence: String,
    /// The service and its log.
    #[schema(format = "uri-reference", example = "/reservation/0f1fe69c-d1b8-4881-a420-f7cebe894b77")]
    pub source: String,
    /// The type, with the version of its schema.
    #[schema(example = "meja.reservation.confirmed.v1")]
    pub r#type: String,
    /// The aggregate: `reservation/<uuid>`, `waitlist/<uuid>` or `venue/<id>`.
    #[schema(example = "reservation/01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f")]
    pub subject: String,
    /// When it happened.
    pub time: DateTime<Utc>,
    /// The media type of `data`.
    #[schema(pattern = "^application/json$", example = "application/json")]
    pub datacontenttype: String,
    /// `urn:meja:schema:` and the type; a path in events of earlier versions.
    #[schema(format = "uri-reference", example = "urn:meja:schema:meja.reservation.confirmed.v1")]
    pub dataschema: String,
    /// The id of the original request, the same in both services.
    #[schema(example = "01939f3e-7b2a-7c3d-9e4f-5a6b7c8d9e0f")]
    pub correlationid: String,
    /// The event or the request that caused this event.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub causationid: Option<String>,
    /// The kind of the actor.
    #[schema(example = "app_user")]
    pub authtype: String,
    /// The id of the credential or of the component.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub authid: Option<String>,
    /// W3C Trace Context of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub traceparent: Option<String>,
    /// A digest of the request with its Idempotency-Key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub requestdigest: Option<String>,
    /// The venue, if the event is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub venueid: Option<String>,
    /// Groups the requests of guests by the address that they came from, on one day: a hash that leads to no address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "a3f1")]
    pub clientgroup: Option<String>,
    /// What happened. Its schema belongs to the type.
    pub data: Map<String, Value>,
}

/// Events that were found in the log.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventsFound {
    /// In the order of the log, byte for byte as they are stored.
    #[schema(value_type = Vec<FeedEvent>)]
    pub items: Vec<Box<RawValue>>,
    /// The first position that was examined. Everything that matches from here up to `examined_to` is in `items`.
    #[schema(example = 1)]
    pub examined_from: u64,
    /// The last position that was examined; `examined_from` minus 1 if there was none.
    #[schema(example = 42)]
    pub examined_to: u64,
    /// Whether there can be earlier ones. Ask for those `before` `examined_from`.
    pub has_earlier: bool,
    /// Whether there can be later ones. Ask for those `after` `examined_to`.
    pub has_later: bool,
    /// The last position of the log.
    #[schema(example = 42)]
    pub head: u64,
}
