//! `reservation access recover`: new keys in the log of a stopped service.

use std::process::ExitCode;

use access::first::{OWNER_FILE, first_keys};
use chassis::{exit, telemetry};
use tokio::runtime::Runtime;

use super::config::Config;
use super::first_keys;
use super::offline::{offline, open_log};
use crate::app::commands::Issue;
use crate::workers;

/// Creates a new key of the owner, and with `revoke_all` also new keys of the services in place of all that there are.
///
/// # Errors
/// When the log cannot be opened, or the keys cannot be recorded.
pub fn run(config: &Config, revoke_all: bool) -> anyhow::Result<ExitCode> {
    let _telemetry = telemetry::init("reservation", config.log_format, config.log_filter.clone(), None)?;
    let (store, projections, _) = open_log(config)?;
    let (app, _trigger) = offline(store, projections, config.public_url.clone());
    let mut keys = first_keys(app.env.as_ref()).to_vec();
    let mode = if revoke_all { Issue::Instead } else { Issue::Additional };
    if !revoke_all {
        keys.retain(|key| key.file == OWNER_FILE);
    }
    Runtime::new()?.block_on(async {
        let _tasks = workers::follow(&app).await?;
        first_keys::issue(&app, &config.secrets_dir, &keys, mode).await
    })?;
    let files: Vec<_> = keys.iter().map(|key| key.file).collect();
    let others = if revoke_all { "; every other key and every link of a guest was revoked" } else { "" };
    let dir = config.secrets_dir.0.display();
    Ok(exit::tell("reservation", &format!("wrote {} to {dir}{others}", files.join(", "))))
}
