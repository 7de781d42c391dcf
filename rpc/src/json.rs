//! Between messages and the JSON of the other interface, which have the same fields.

use std::sync::LazyLock;

use prost::{Message, Name};
use prost_reflect::{
    DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor, SerializeOptions,
};
use serde::Serialize;
use serde_json::{Map, Value};
use tonic::Status;

/// The descriptors of `proto/`, a `FileDescriptorSet`.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

static POOL: LazyLock<Option<DescriptorPool>> = LazyLock::new(|| DescriptorPool::decode(DESCRIPTORS).ok());

/// The descriptors of all messages and services.
///
/// # Panics
/// Never: the build writes descriptors that can be read.
#[must_use]
pub fn descriptors() -> &'static DescriptorPool {
    #[expect(clippy::expect_used, reason = "the build writes it")]
    POOL.as_ref().expect("the descriptors are valid")
}

fn descriptor<T: Name>() -> Result<MessageDescriptor, Status> {
    let found = descriptors().get_message_by_name(&T::full_name());
    found.ok_or_else(|| Status::internal("a message has no descriptor"))
}

/// The error itself is not logged: it can contain a value of a guest.
fn mismatch<T: Name>(_: impl std::error::Error) -> Status {
    tracing::error!(message_type = T::full_name(), "a message and the JSON interface do not fit");
    Status::internal("The service failed. Its log output contains the cause.")
}

/// The message with the members of `view`. Members that the message does not have are left out.
///
/// # Errors
/// An internal error, if a member has another type than the field of its name.
pub fn from_json<T: Message + Name + Default>(view: &impl Serialize) -> Result<T, Status> {
    let value = serde_json::to_value(view).map_err(mismatch::<T>)?;
    let options = DeserializeOptions::new().deny_unknown_fields(false);
    let message = DynamicMessage::deserialize_with_options(descriptor::<T>()?, value, &options);
    let bytes = message.map_err(mismatch::<T>)?.encode_to_vec();
    T::decode(&bytes[..]).map_err(mismatch::<T>)
}

/// The fields of a request, as members of a JSON object.
#[derive(Debug, Clone, PartialEq)]
pub struct Fields(pub Map<String, Value>);

impl Fields {
    /// The fields of `message` that are set. A field without presence is set if it has not its default value.
    ///
    /// # Errors
    /// An internal error, if the message has no descriptor.
    pub fn of<T: Message + Name>(message: &T) -> Result<Self, Status> {
        let bytes = message.encode_to_vec();
        let message = DynamicMessage::decode(descriptor::<T>()?, &bytes[..]).map_err(mismatch::<T>)?;
        let options = SerializeOptions::new().use_proto_field_name(true).stringify_64_bit_integers(false);
        let value = message.serialize_with_options(serde_json::value::Serializer, &options);
        match value.map_err(mismatch::<T>)? {
            Value::Object(members) => Ok(Self(members)),
            _ => Err(Status::internal("a message is not an object")),
        }
    }

    /// Removes the field `name` and returns its text; empty if it is not set.
    #[must_use]
    pub fn take(&mut self, name: &str) -> String {
        match self.0.remove(name) {
            Some(Value::String(text)) => text,
            _ => String::new(),
        }
    }

    /// Sets the fields that `paths` name to null, as a merge patch removes them, unless they are set. An inner field is named as `contact_info.phone`.
    pub fn clear(&mut self, paths: &[String]) {
        for path in paths {
            let mut names = path.split('.').peekable();
            let mut members = &mut self.0;
            while let Some(name) = names.next() {
                let is_last = names.peek().is_none();
                let inner = if is_last { Value::Null } else { Value::Object(Map::new()) };
                match members.entry(name).or_insert(inner) {
                    Value::Object(inner) => members = inner,
                    _ => break,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::v1;

    #[test]
    fn fields_have_the_names_and_the_types_of_the_json_interface() {
        let contact = v1::ContactInfo { name: Some("Sari".into()), ..Default::default() };
        let request = v1::CreateReservationRequest {
            start_time: "2026-12-24T19:30".into(),
            party_size: Some(0),
            contact_info: Some(contact),
            allow_duplicate: Some(false),
            ..Default::default()
        };
        let fields = Fields::of(&request).unwrap();
        let expected = json!({"start_time": "2026-12-24T19:30", "party_size": 0,
            "contact_info": {"name": "Sari"}, "allow_duplicate": false});
        assert_eq!(Value::Object(fields.0), expected, "what is not set is absent");
    }

    #[test]
    fn a_message_takes_the_members_that_it_has() {
        let view = json!({"amount_minor": 30_000_000_000_i64, "currency": "IDR", "more": {"x": 1}});
        let money: v1::Money = from_json(&view).unwrap();
        assert_eq!(money, v1::Money { amount_minor: 30_000_000_000, currency: "IDR".into() });
        assert_eq!(
            from_json::<v1::Money>(&json!({"currency": 1})).unwrap_err().code(),
            tonic::Code::Internal
        );
    }

    #[test]
    fn fields_are_removed_unless_they_are_set() {
        let mut fields = Fields(json!({"allergies": "kacang"}).as_object().unwrap().clone());
        fields.clear(&["allergies", "special_requests", "contact_info.phone"].map(str::to_owned));
        let expected =
            json!({"allergies": "kacang", "special_requests": null, "contact_info": {"phone": null}});
        assert_eq!(Value::Object(fields.0), expected);
    }
}
