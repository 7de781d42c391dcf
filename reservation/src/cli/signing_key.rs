//! `reservation signing-key …`: commands for the keys that sign the checkpoints of the log.

use std::process::ExitCode;

use access::secrets::SecretsDir;
use anyhow::Context as _;
use chassis::exit;

use super::signing_keys::KeyFile;

/// What a change of the keys needs.
const NEXT: &str = "Restart the service. Then publish the keys at /.well-known/meja-log-keys where guests and auditors find them, \
    and keep a copy of log-signing.keys.";

/// A command for the keys that sign the log.
#[derive(Debug, clap::Subcommand)]
pub enum SigningKeyAction {
    /// List the public keys: the current one first, and those that sign no more last
    List,
    /// Make a new key, which becomes the current one; the others sign on until they are retired
    Rotate,
    /// Sign no more with a key; its public half is still published, for earlier receipts
    Retire {
        /// The 8 digits between the plus signs in the public key
        hash: String,
    },
}

impl SigningKeyAction {
    /// Runs the command on the keys in `dir`.
    ///
    /// # Errors
    /// A message for the operator: there are no keys, or the file cannot be read or written.
    pub fn run(&self, dir: &SecretsDir) -> anyhow::Result<ExitCode> {
        let mut file = KeyFile::read(dir)?.context("no key signs the log yet: the first start makes one")?;
        match self {
            Self::List => {}
            Self::Rotate => file.rotate()?,
            Self::Retire { hash } => file.retire(hash)?,
        }
        let signing = file.keys().signing.len();
        let lines = (0..).zip(file.keys().verifiers()).map(|(number, key)| {
            let role = match number {
                0 => "current",
                number if number < signing => "signs too",
                _ => "retired",
            };
            format!("  {role:<9}  {key}\n")
        });
        let mut report = format!("the keys of the log {}:\n", file.origin());
        report.extend(lines);
        if !matches!(self, Self::List) {
            report.push_str(NEXT);
        }
        Ok(exit::tell("reservation", report.trim_end()))
    }
}
