//! Schemas of ids and values for descriptions of APIs.

use utoipa::openapi::Type;
use utoipa::openapi::schema::ObjectBuilder;

/// A schema of text.
pub(crate) fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}
