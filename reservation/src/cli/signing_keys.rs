//! The keys that sign the checkpoints of the log: made at the first start, and kept beside the other secrets.

use std::path::PathBuf;

use access::secrets::{SecretsDir, create_private, read_private, replace_private};
use anyhow::Context as _;
use proof::{SigningKey, VerifierKey};
use uuid::Uuid;

use crate::app::log_tree::LogKeys;

/// The file with the keys, one in each line: private keys, which sign, the current one first, and public ones, which sign no more.
const FILE: &str = "log-signing.keys";

/// Maximum number of keys in the file.
const KEYS_MAX: usize = 8;

/// Reads the keys in `dir`, or makes the first one, and says whether it did. `public_url` names the log, and `id` tells it from others
/// at the same place: a key that is made after another one was lost begins a new log for every verifier.
pub(super) fn read_or_make(dir: &SecretsDir, public_url: &str, id: Uuid) -> anyhow::Result<(KeyFile, bool)> {
    if let Some(keys) = KeyFile::read(dir)? {
        return Ok((keys, false));
    }
    let key = SigningKey::generate(&origin(public_url, id))?;
    tracing::warn!(key = %key.verifier(), "a new key signs the log: publish it where guests and auditors find it, and keep a copy of log-signing.keys");
    let (path, own) = (dir.file(FILE), format!("{}\n", key.to_secret_text()));
    let text = create_private(&path, &own)?;
    Ok((KeyFile::parse(path, &text)?, text == own))
}

/// The file with the keys.
pub(super) struct KeyFile {
    path: PathBuf,
    keys: LogKeys,
}

impl KeyFile {
    /// Reads the file in `dir`; `None` if there is none.
    pub(super) fn read(dir: &SecretsDir) -> anyhow::Result<Option<Self>> {
        let path = dir.file(FILE);
        let text = read_private(&path)?;
        text.map(|text| Self::parse(path, &text)).transpose()
    }

    fn parse(path: PathBuf, text: &str) -> anyhow::Result<Self> {
        let (mut signing, mut retired): (Vec<SigningKey>, Vec<VerifierKey>) = (Vec::new(), Vec::new());
        for (number, line) in (1..).zip(text.lines().map(str::trim)).filter(|(_, line)| !line.is_empty()) {
            let wrong = || format!("line {number} of {} is not a key that signs a log", path.display());
            match line.starts_with("PRIVATE") {
                true => signing.push(line.parse().with_context(wrong)?),
                false => retired.push(line.parse().with_context(wrong)?),
            }
        }
        let file = Self { path, keys: LogKeys { signing, retired } };
        file.check()?;
        Ok(file)
    }

    fn check(&self) -> anyhow::Result<()> {
        let (path, all) = (self.path.display(), self.keys.verifiers());
        let origin = self.origin();
        if self.keys.signing.is_empty() {
            anyhow::bail!(
                "{path} contains no private key: put back a copy of it. Without a copy remove the file: then the next start makes a key of a new log, which does not verify earlier receipts"
            );
        }
        if all.len() > KEYS_MAX {
            anyhow::bail!(
                "{path} would contain {} keys, but at most {KEYS_MAX} belong to a log: retire one, or remove the line of the oldest public key and publish it elsewhere",
                all.len()
            );
        }
        if let Some(doubled) = all.iter().find(|key| all.iter().filter(|other| other == key).count() > 1) {
            anyhow::bail!("{path} contains the key {} twice: remove one of its lines", doubled.hash());
        }
        // Public keys of a log before this one are published with it, for its receipts.
        if self.keys.signing.iter().any(|key| key.verifier().name() != origin) {
            anyhow::bail!(
                "the private keys in {path} are of different logs: keep those of {origin}, or those of another one"
            );
        }
        Ok(())
    }

    /// The name of the log.
    pub(super) fn origin(&self) -> &str {
        self.keys.signing.first().map(|key| key.verifier().name()).unwrap_or_default()
    }

    /// The keys.
    pub(super) fn keys(&self) -> &LogKeys {
        &self.keys
    }

    /// The keys, to sign with them.
    pub(super) fn into_keys(self) -> LogKeys {
        self.keys
    }

    /// Makes a new key the current one. The others sign on.
    pub(super) fn rotate(&mut self) -> anyhow::Result<()> {
        let key = SigningKey::generate(self.origin())?;
        self.keys.signing.insert(0, key);
        self.write()
    }

    /// Keeps only the public half of the key with this hash.
    pub(super) fn retire(&mut self, hash: &str) -> anyhow::Result<()> {
        let signing = &mut self.keys.signing;
        let Some(at) = signing.iter().position(|key| key.verifier().hash() == hash) else {
            anyhow::bail!("no key with the hash {hash} signs: see `reservation signing-key list`");
        };
        if signing.len() == 1 {
            anyhow::bail!("{hash} is the only key that signs: run `reservation signing-key rotate` first");
        }
        let key = signing.remove(at);
        self.keys.retired.insert(0, key.verifier().clone());
        self.write()
    }

    fn write(&self) -> anyhow::Result<()> {
        self.check()?;
        let LogKeys { signing, retired } = &self.keys;
        let private = signing.iter().map(|key| format!("{}\n", key.to_secret_text()));
        let text: String = private.chain(retired.iter().map(|key| format!("{key}\n"))).collect();
        Ok(replace_private(&self.path, &text)?)
    }
}

/// The name of the log: a URL without its scheme, as C2SP tlog-checkpoint recommends.
fn origin(public_url: &str, id: Uuid) -> String {
    let place = public_url.split_once("://").map_or(public_url, |(_, place)| place);
    let place: String = place.chars().filter(|c| c.is_ascii_graphic() && *c != '+').take(150).collect();
    let (id, _) = id.as_u64_pair();
    format!("{}/log/{id:016x}", place.trim_end_matches('/'))
}
