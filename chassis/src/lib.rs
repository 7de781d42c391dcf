//! What every service of Meja stands on, and nothing that knows what a table is.
//!
//! In reading order: [`clock`] is the only place that reads time and makes ids; [`config`] checks
//! settings, [`secret`] keeps credentials; [`problem`] is how an error looks over HTTP, [`body`]
//! and [`form`] how a request is read so that all its faults are found at once; [`caller`] is who asks
//! and under which id; [`metrics`], [`telemetry`] and [`docs`] are what operators see; [`serve`]
//! accepts connections and drains them.

pub mod body;
pub mod caller;
pub mod clock;
pub mod config;
pub mod docs;
pub mod exit;
pub mod form;
pub mod metrics;
pub mod problem;
pub mod secret;
pub mod serve;
pub mod telemetry;
