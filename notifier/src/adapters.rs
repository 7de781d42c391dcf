//! The systems outside: payment providers, mail and text messages, webhooks, and the reservation service.

pub mod http_client;
pub mod mail_files;
pub mod outside;
pub mod reservation_client;
mod retry_after;
pub mod simulated;
pub mod sms;
pub mod smtp;
pub mod stripe;
pub mod webhook_sender;
