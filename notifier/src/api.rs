//! The interfaces of the service.
//!
//! An operation that more than one interface offers is a function in [`operations`]. The interfaces do not know each other.

pub mod grpc;
pub mod http;
mod operations;
