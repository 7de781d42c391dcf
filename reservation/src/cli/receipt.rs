//! `reservation receipt …`: commands for receipts, which need no service and no connection.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;

use anyhow::Context as _;
use chassis::exit;
use chrono::DateTime;
use events::recorded::Recorded;
use proof::{
    KeyError, NOTE_BYTES_MAX, RECEIPT_BYTES_MAX, Receipt, ReceiptError, SignedCheckpoint, Verified,
    VerifierKey, WitnessKey,
};

/// The exit code for a receipt that is not proved, as for a log that is not valid.
const NOT_PROVED: u8 = 3;

/// A command for receipts.
#[derive(Debug, clap::Subcommand)]
pub enum ReceiptAction {
    /// Check that everything in a receipt is in the log that signed it, and print what it promises
    Verify(VerifyArgs),
}

/// The arguments of `receipt verify`.
#[derive(Debug, Clone, clap::Args)]
pub struct VerifyArgs {
    /// The receipt
    pub file: PathBuf,
    /// A public key of the log, as /.well-known/meja-log-keys publishes it; several if the key was changed
    #[arg(long, required = true)]
    pub key: Vec<String>,
    /// A file with an older checkpoint of the log, which the receipt has to continue: ask for the receipt with ?since=<its
    /// number of events>
    #[arg(long)]
    pub checkpoint: Option<PathBuf>,
    /// The public key of a witness, which must have cosigned the checkpoint
    #[arg(long)]
    pub witness: Vec<String>,
}

impl ReceiptAction {
    /// Runs the command.
    ///
    /// # Errors
    /// A file cannot be read, or the key is none. A receipt that is not proved is no error: the exit code is 3.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        let Self::Verify(arguments) = self;
        match verify(arguments)? {
            Ok(report) => Ok(exit::tell("reservation", &report)),
            Err(fault) => {
                exit::fail(
                    "reservation",
                    format_args!("{} is not proved: {fault:#}", arguments.file.display()),
                );
                Ok(ExitCode::from(NOT_PROVED))
            }
        }
    }
}

/// What the receipt proves, or why it proves nothing.
fn verify(arguments: &VerifyArgs) -> anyhow::Result<Result<String, anyhow::Error>> {
    let receipt = read(&arguments.file, RECEIPT_BYTES_MAX)?;
    let older = arguments.checkpoint.as_deref().map(read_checkpoint).transpose()?;
    let keys: Vec<VerifierKey> = read_keys("--key", &arguments.key)?;
    let witnesses = read_keys("--witness", &arguments.witness)?;
    Ok(prove(&receipt, &keys, older.as_ref(), &witnesses))
}

/// The keys in the values of an argument, of which each can be several lines.
fn read_keys<K: FromStr<Err = KeyError>>(argument: &str, values: &[String]) -> anyhow::Result<Vec<K>> {
    let lines = values.iter().flat_map(|value| value.lines()).map(str::trim).filter(|line| !line.is_empty());
    let read =
        |line: &str| line.parse().with_context(|| format!("{argument} is no key of this kind: {line:?}"));
    let keys: Vec<K> = lines.map(read).collect::<Result<_, _>>()?;
    anyhow::ensure!(keys.is_empty() == values.is_empty(), "{argument} is empty: name a key");
    Ok(keys)
}

/// The first of the keys that proves the receipt, and what it proves.
fn verified<'a>(
    receipt: &'a Receipt,
    keys: &'a [VerifierKey],
) -> Result<(&'a VerifierKey, Verified<'a>), ReceiptError> {
    let mut fault = None;
    for key in keys {
        match receipt.verify(key) {
            Ok(verified) => return Ok((key, verified)),
            Err(error) => fault = fault.or(Some(error)),
        }
    }
    Err(fault.unwrap_or(ReceiptError::Empty))
}

fn prove(
    receipt: &[u8],
    keys: &[VerifierKey],
    older: Option<&SignedCheckpoint>,
    witnesses: &[WitnessKey],
) -> anyhow::Result<String> {
    let receipt = Receipt::read(receipt)?;
    let (key, verified) = verified(&receipt, keys)?;
    let checkpoint = &verified.checkpoint;
    let mut report =
        format!("{} promises, all of them in the log {}:\n", verified.promises.len(), checkpoint.origin);
    for (index, event) in &verified.promises {
        let recorded = Recorded::parse(event.as_bytes())
            .with_context(|| format!("the event {} is none of Meja", index + 1))?;
        let time = recorded.time.format("%Y-%m-%d %H:%M:%S UTC");
        // The holder of the key may write anything, also what moves the cursor of a terminal.
        let (event_type, subject) = (recorded.event_type.escape_debug(), recorded.subject.escape_debug());
        let _ = writeln!(report, "  {:>10}  {time}  {event_type}  {subject}", index + 1);
    }
    if receipt.left_out > 0 {
        let _ = writeln!(report, "{} later promises are not in the receipt.", receipt.left_out);
    }
    let _ = writeln!(
        report,
        "The checkpoint is over {} events, with the root {}.",
        checkpoint.size, checkpoint.root
    );
    if let Some(older) = older {
        // The older one can be from before the key was changed.
        let signed_by = keys.iter().find(|key| older.verify(key).is_ok()).unwrap_or(key);
        receipt.verify_behind(checkpoint, older, signed_by)?;
        let size = older.unverified().size;
        let _ = writeln!(report, "The log begins with the {size} events of the older checkpoint.");
    }
    for witness in witnesses {
        let missing = || {
            format!(
                "the witness {} has not cosigned its checkpoint: ask for the receipt again in two minutes",
                witness.name()
            )
        };
        let at = verified.signed.cosigned_at(witness).with_context(missing)?;
        let time = i64::try_from(at).ok().and_then(|at| DateTime::from_timestamp(at, 0)).unwrap_or_default();
        let time = time.format("%Y-%m-%d %H:%M:%S UTC");
        let _ = writeln!(report, "The witness {} has cosigned the checkpoint at {time}.", witness.name());
    }
    report.push_str("It does not show that nothing else happened.");
    Ok(report)
}

/// The checkpoint in a file, which is not verified yet.
fn read_checkpoint(path: &Path) -> anyhow::Result<SignedCheckpoint> {
    let content = read(path, NOTE_BYTES_MAX)?;
    let parsed =
        std::str::from_utf8(&content).map_err(anyhow::Error::from).and_then(|text| Ok(text.parse()?));
    parsed.with_context(|| {
        format!(
            "{} cannot be used: it has to be a checkpoint byte for byte, with the line break at its end",
            path.display()
        )
    })
}

/// The content of a file, of which one byte more than the limit is read at most.
fn read(path: &Path, bytes_max: usize) -> anyhow::Result<Vec<u8>> {
    let mut content = Vec::new();
    let file = File::open(path).with_context(|| format!("could not read {}", path.display()))?;
    file.take(bytes_max as u64 + 1)
        .read_to_end(&mut content)
        .with_context(|| format!("could not read {}", path.display()))?;
    Ok(content)
}
