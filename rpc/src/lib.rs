//! The gRPC interfaces of both services, described in `proto/`.
//!
//! A method is the same operation as a route of the JSON interface: its messages have the same fields, and its errors the same
//! codes. Metadata are headers: the credential, the Idempotency-Key and the others mean what they mean there.

mod channel;
pub mod codec;
mod deadline;
mod door;
mod health;
mod json;
mod question;
mod status;

pub use self::channel::channel;
pub use self::deadline::Deadline;
pub use self::door::{Called, Guard, MESSAGE_BYTES_MAX, Rpc};
pub use self::health::Readiness;
pub use self::json::{DESCRIPTORS, Fields, descriptors, from_json};
pub use self::question::{Question, caller_of, shown, status};
pub use self::status::{code_of, status_of};

/// The messages, the clients and the servers of the package `meja.v1`.
pub mod v1 {
    #![expect(
        missing_docs,
        clippy::too_many_lines,
        clippy::allow_attributes_without_reason,
        reason = "generated from proto/, which has the comments"
    )]

    tonic::include_proto!("meja.v1");
}
