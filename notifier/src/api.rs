//! The interfaces of the service.

pub mod http;
