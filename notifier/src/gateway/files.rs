//! Mail as files, one `.eml` for each message: for trying out, and for tests.

use std::path::{Path, PathBuf};

use futures::future::BoxFuture;

use super::{GatewayError, MailGateway};
use crate::effect::EffectKey;

/// Writes mail into a directory.
#[derive(Debug, Clone)]
pub struct MailFiles {
    dir: PathBuf,
}

impl MailFiles {
    /// Writes into `dir`, which is created.
    ///
    /// # Errors
    /// When it can not be created.
    pub fn create(dir: &Path) -> std::io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt as _;
        // Names and addresses: nobody else may look into it.
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        Ok(Self { dir: dir.to_owned() })
    }
}

impl MailGateway for MailFiles {
    fn send(&self, key: &EffectKey, mail: lettre::Message) -> BoxFuture<'_, Result<(), GatewayError>> {
        // A repeat writes the same name: there is one file for a message, however often it is sent.
        let path = self.dir.join(format!("{key}.eml"));
        Box::pin(async move {
            let written = tokio::task::spawn_blocking(move || {
                let half = path.with_extension("eml.new");
                std::fs::write(&half, mail.formatted())?;
                std::fs::rename(&half, &path)
            });
            match written.await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => {
                    Err(GatewayError::Passing(format!("could not write the mail to a file: {error}")))
                }
                Err(_) => Err(GatewayError::Passing("interrupted by the shutdown".into())),
            }
        })
    }
}
