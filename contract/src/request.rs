//! Requests: one declaration gives the type, how it is read with all its faults, and its description.
//!
//! A declaration cannot use serde's `Deserialize` for reading, because that stops at the first fault, and a library
//! that validates a deserialised value never sees a body with two members of the wrong type. [`requests!`] therefore
//! reads members one by one from a [`Form`]. What it reads first is a draft, in which every member is optional: a
//! service checks the members of a draft that depend on its state, such as the area of a venue, and adds their faults
//! to those of the other members.

mod declarations;

use serde_json::Value;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, SchemaType};
use utoipa::openapi::{Ref, RefOr, Schema, Type};

pub(crate) use self::declarations::{need, place, requests, tagged};
use crate::fault::Faults;
use crate::form::Form;

/// A request that is valid without the state of a service.
pub trait Request: Sized {
    /// Reads the request from `form`.
    ///
    /// # Errors
    /// All faults of the form.
    fn read(form: Form) -> Result<Self, Faults>;
}

/// A member: its name, whether it is required, and its schema with a description.
pub(crate) type Described = (&'static str, bool, RefOr<Schema>);

/// Named schemas.
pub type Schemas = Vec<(String, RefOr<Schema>)>;

/// A single value: how it is read, and its schema. A value that the schema describes is accepted, or breaks a rule that a
/// schema cannot express; its fault then has the type `value_error`.
pub trait Scalar: Sized {
    /// Takes the member `name`, which may be missing or null. A value that is not accepted becomes a fault of `form`.
    fn take(form: &mut Form, name: &str) -> Option<Self>;

    /// The schema.
    fn schema() -> Schema;
}

/// The type of a member of a request.
pub trait Member: Sized {
    /// What is read: the value, or the draft of an object.
    type Read;

    /// Takes the member `name`, which may be missing or null.
    fn take(form: &mut Form, name: &str) -> Option<Self::Read>;

    /// The value; `None` if a required member of a draft is missing.
    fn complete(read: Self::Read) -> Option<Self>;

    /// The schema, or a reference to it.
    fn schema() -> RefOr<Schema>;

    /// Adds the schemas that the schema refers to.
    fn schemas(_: &mut Schemas) {}
}

impl<T: Scalar> Member for T {
    type Read = T;

    fn take(form: &mut Form, name: &str) -> Option<T> {
        <T as Scalar>::take(form, name)
    }

    fn complete(read: T) -> Option<T> {
        Some(read)
    }

    fn schema() -> RefOr<Schema> {
        <T as Scalar>::schema().into()
    }
}

/// A schema of text.
pub(crate) fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// `schema` with a description, from the lines of a doc comment, and an example.
pub(crate) fn described(mut schema: RefOr<Schema>, lines: &[&str], example: Option<Value>) -> RefOr<Schema> {
    let words = prose(lines);
    let words = (!words.is_empty()).then_some(words);
    match &mut schema {
        RefOr::Ref(reference) => reference.description = words.unwrap_or_default(),
        RefOr::T(Schema::Object(object)) => {
            object.description = words.or_else(|| object.description.take());
            object.examples.extend(example);
        }
        RefOr::T(Schema::AnyOf(any)) => {
            any.description = words.or_else(|| any.description.take());
            any.examples.extend(example);
        }
        RefOr::T(_) => {}
    }
    schema
}

/// The lines of a doc comment as paragraphs.
pub(crate) fn prose(lines: &[&str]) -> String {
    let mut text = String::new();
    for line in lines {
        let line = line.trim();
        match (line.is_empty(), text.is_empty() || text.ends_with('\n')) {
            (true, _) => text.push_str("\n\n"),
            (false, true) => text.push_str(line),
            (false, false) => text = text + " " + line,
        }
    }
    text
}

/// `schema` or null.
pub(crate) fn nullable(schema: RefOr<Schema>) -> RefOr<Schema> {
    let null = || ObjectBuilder::new().schema_type(Type::Null).build();
    match schema {
        RefOr::T(Schema::Object(mut object)) => {
            if let SchemaType::Type(known) = &object.schema_type {
                object.schema_type = SchemaType::from_iter([known.clone(), Type::Null]);
            }
            if let Some(words) = &mut object.enum_values {
                words.push(Value::Null);
            }
            RefOr::T(Schema::Object(object))
        }
        RefOr::T(Schema::AnyOf(mut any)) => {
            any.items.push(null().into());
            RefOr::T(Schema::AnyOf(any))
        }
        other => OneOfBuilder::new().item(null()).item(other).into(),
    }
}

/// A reference to the schema `name`.
pub(crate) fn reference(name: &str) -> RefOr<Schema> {
    Ref::from_schema_name(name).into()
}

/// The parameter for a member of a query or a path. Its description is beside its schema, not in it.
pub(crate) fn parameter(
    place: &utoipa::openapi::path::ParameterIn,
    (name, is_required, mut schema): Described,
) -> utoipa::openapi::path::Parameter {
    use utoipa::openapi::Required;
    let description = match &mut schema {
        RefOr::T(Schema::Object(object)) => object.description.take(),
        RefOr::T(Schema::AnyOf(any)) => any.description.take(),
        _ => None,
    };
    utoipa::openapi::path::ParameterBuilder::new()
        .name(name)
        .parameter_in(place.clone())
        .required(if is_required { Required::True } else { Required::False })
        .description(description)
        .schema(Some(schema))
        .build()
}

/// The schema of one form of a body, with the member that tells it apart.
pub(crate) fn with_tag(schema: RefOr<Schema>, tag: &str, word: &str) -> RefOr<Schema> {
    let RefOr::T(Schema::Object(mut object)) = schema else { return schema };
    object.properties.insert(tag.to_owned(), text().enum_values(Some([word])).into());
    object.required.push(tag.to_owned());
    object.title = Some(object.description.take().unwrap_or_default());
    RefOr::T(Schema::Object(object))
}

/// One of several schemas.
pub(crate) fn one_of<const N: usize>(lines: &[&str], variants: [RefOr<Schema>; N]) -> RefOr<Schema> {
    let any = OneOfBuilder::new().description(Some(prose(lines)));
    variants.into_iter().fold(any, OneOfBuilder::item).into()
}
