//! The log and the application, for a service and for commands on the log of a stopped one.

use std::sync::Arc;

use access::AccessMode;
use chassis::environment::SystemEnvironment;
use chassis::network::Network;
use chassis::serve::{Shutdown, ShutdownTrigger};
use events::store::sled::{Options, SledStore};

use super::config::Config;
use crate::app::admission::AdmissionLimits;
use crate::app::projections::Projections;
use crate::app::{App, Parts, PaymentChannels};

/// Opens the log. It is read only once: the projections are built while it is verified.
///
/// # Errors
/// When the log cannot be opened, or contains an event that this version cannot use.
pub fn open_log(config: &Config) -> anyhow::Result<(SledStore, Projections)> {
    let options = Options {
        cache_bytes: config.cache_bytes,
        queue_appends: config.queue_appends_max,
        reserve_bytes: config.disk_reserve_bytes,
        ..Options::new(&config.data_dir, "reservation")
    };
    let (projections, mut applied) = (Projections::default(), Ok(()));
    let store = SledStore::open_visiting(&options, &mut |event| {
        if applied.is_ok() {
            applied = projections.apply(event);
        }
    })?;
    applied?;
    Ok((store, projections))
}

/// The application for a command on the log of a stopped service. It shuts down when the trigger is dropped.
#[must_use]
pub fn offline(store: SledStore, projections: Projections, public_url: String) -> (App, ShutdownTrigger) {
    let (trigger, shutdown) = Shutdown::new();
    let app = App::new(Parts {
        store: Arc::new(store),
        projections,
        channels: PaymentChannels::default(),
        access_mode: AccessMode::On,
        network: Network::local(),
        admission: AdmissionLimits::default(),
        public_url,
        env: Arc::new(SystemEnvironment),
        shutdown,
    });
    (app, trigger)
}
