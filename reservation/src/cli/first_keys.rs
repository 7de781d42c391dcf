//! The first keys of an installation: recorded in the log once, and written to files.

use access::first::{FILES, FirstKey, first_keys};
use access::link::LinkSecret;
use access::secrets::{SecretsDir, SecretsError, read_key};
use access::token::KeyToken;
use anyhow::Context as _;

use crate::app::App;
use crate::app::commands::Issue;
use crate::app::request_context::RequestContext;

/// Records the first keys if the log has none, and writes them to `dir`. A key that is in its file already is recorded as
/// it is: secrets can be provided beforehand, and survive a replaced log. If several instances start at once, one of them
/// records its keys. What a process that died had recorded is completed.
///
/// # Errors
/// When the directory cannot be used, or the keys cannot be recorded.
pub async fn prepare(app: &App, dir: &SecretsDir) -> anyhow::Result<()> {
    publish(app, dir, &FILES)?;
    if app.projections.access().is_begun() {
        return Ok(());
    }
    let mut keys = first_keys(app.env.as_ref());
    for key in &mut keys {
        key.token = kept(dir, key)?;
    }
    if issue(app, dir, &keys, Issue::First).await? {
        tracing::info!(directory = %dir.0.display(), "the first keys are recorded: present the owner's with curl -H @owner.header");
    }
    Ok(())
}

/// The key in the file of `key`, or else `key` itself.
///
/// # Errors
/// When others can read or guess the key in the file.
fn kept(dir: &SecretsDir, key: &FirstKey) -> Result<KeyToken, SecretsError> {
    match read_key(&dir.file(key.file)) {
        Err(error @ (SecretsError::Readable { .. } | SecretsError::Weak(_))) => Err(error),
        read => Ok(read.unwrap_or_else(|_| key.token.clone())),
    }
}

/// Records `keys` and a new key for the links of guests, and writes the keys to `dir`. Returns whether they were recorded.
///
/// # Errors
/// As for [`prepare`].
pub async fn issue(app: &App, dir: &SecretsDir, keys: &[FirstKey], mode: Issue) -> anyhow::Result<bool> {
    // Written first, so that no key is lost when the process dies after it was recorded.
    dir.stage(keys)?;
    let env = app.env.as_ref();
    let (link_id, link_secret) = (KeyToken::new(env), LinkSecret::new(env.random_bytes()));
    let link_key = (mode != Issue::Additional).then_some((link_id.id(), &link_secret));
    let context = RequestContext::system("access", env);
    let issued = app.executor.issue_first_keys(keys, link_key, mode, &context).await;
    let issued = issued.context("could not record the first keys")?;
    publish(app, dir, &FILES)?;
    Ok(issued)
}

fn publish(app: &App, dir: &SecretsDir, names: &[&str]) -> anyhow::Result<()> {
    let registry = app.projections.access();
    dir.publish(names, |id| registry.key(id).is_some())?;
    Ok(())
}
