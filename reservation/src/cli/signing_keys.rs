//! The keys that sign the checkpoints of the log: made at the first start, and kept beside the other secrets.

use access::secrets::{SecretsDir, create_private, read_private};
use anyhow::Context as _;
use events::Position;
use proof::{SigningKey, Tree};
use uuid::Uuid;

use super::config::Config;
use crate::app::log_tree::{LogTree, Signer};

/// The file with the keys, one in each line. The first one is the current one, and all of them sign.
const FILE: &str = "log-signing.keys";

/// Maximum number of keys in the file.
const KEYS_MAX: usize = 8;

/// The tree of the log, which is signed with the keys of this installation. `id` is for a key that is made now, and `head` is the last
/// position of the log.
///
/// # Errors
/// When the keys cannot be read, or the first key cannot be written.
pub fn signed(config: &Config, tree: Tree, head: Position, id: Uuid) -> anyhow::Result<LogTree> {
    let (keys, is_new) = read_or_make(&config.secrets_dir, &config.public_url, id)?;
    // A file for each log that was signed: a key that is put back is compared with what it has signed itself.
    let name = keys.first().and_then(|key| key.verifier().name().rsplit('/').next()).unwrap_or_default();
    let path = config.data_dir.join(format!("checkpoint-{name}"));
    let signer = Signer::new(keys, Some(path), is_new || head == Position::START);
    Ok(LogTree::new(tree, Some(signer)))
}

/// Reads the keys in `dir`, or makes the first one, and says whether it did. `public_url` names the log, and `id` tells it from others
/// at the same place: a key that is made after another one was lost begins a new log for every verifier.
fn read_or_make(dir: &SecretsDir, public_url: &str, id: Uuid) -> anyhow::Result<(Vec<SigningKey>, bool)> {
    let path = dir.file(FILE);
    let (text, is_new) = match read_private(&path)? {
        Some(text) => (text, false),
        None => {
            let key = SigningKey::generate(&origin(public_url, id))?;
            tracing::warn!(key = %key.verifier(), "a new key signs the log: publish it where guests and auditors find it, and keep a copy of log-signing.keys");
            let own = format!("{}\n", key.to_secret_text());
            let text = create_private(&path, &own)?;
            let is_new = text == own;
            (text, is_new)
        }
    };
    let mut keys = Vec::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let key: SigningKey = line
            .trim()
            .parse()
            .with_context(|| format!("line {number} of {} is not a key that signs a log", path.display()))?;
        keys.push(key);
    }
    let origins: Vec<_> = keys.iter().map(|key| key.verifier().name()).collect();
    match origins.as_slice() {
        [] => anyhow::bail!(
            "{} contains no key: remove it, and the next start makes one. Receipts are verified with the new key then",
            path.display()
        ),
        more if more.len() > KEYS_MAX => {
            anyhow::bail!(
                "{} contains {} keys, but at most {KEYS_MAX} sign a log",
                path.display(),
                more.len()
            )
        }
        [first, others @ ..] if others.iter().any(|other| other != first) => anyhow::bail!(
            "the keys in {} are of different logs: keep those of {first}, or those of another one",
            path.display()
        ),
        _ => Ok((keys, is_new)),
    }
}

/// The name of the log: a URL without its scheme, as C2SP tlog-checkpoint recommends.
fn origin(public_url: &str, id: Uuid) -> String {
    let place = public_url.split_once("://").map_or(public_url, |(_, place)| place);
    let place: String = place.chars().filter(|c| c.is_ascii_graphic() && *c != '+').take(150).collect();
    let (id, _) = id.as_u64_pair();
    format!("{}/log/{id:016x}", place.trim_end_matches('/'))
}
