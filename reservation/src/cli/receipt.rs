//! `reservation receipt …`: commands for receipts, which need no service and no connection.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use chassis::exit;
use events::recorded::Recorded;
use proof::{NOTE_BYTES_MAX, RECEIPT_BYTES_MAX, Receipt, SignedCheckpoint, VerifierKey};

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
    /// The public key of the log, as /.well-known/meja-log-keys publishes it [default: the key in the receipt]
    #[arg(long)]
    pub key: Option<String>,
    /// A file with an older checkpoint of the log, which the receipt has to continue: ask for the receipt with ?since=<its
    /// number of events>
    #[arg(long)]
    pub checkpoint: Option<PathBuf>,
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
    let older = arguments.checkpoint.as_deref().map(|path| read(path, NOTE_BYTES_MAX)).transpose()?;
    let key = arguments
        .key
        .as_deref()
        .map(|key| key.trim().parse::<VerifierKey>().context("--key is no key of a log"));
    let key = key.transpose()?;
    Ok(prove(&receipt, key, older.as_deref()))
}

fn prove(receipt: &[u8], key: Option<VerifierKey>, older: Option<&[u8]>) -> anyhow::Result<String> {
    let receipt = Receipt::read(receipt)?;
    let is_own = key.is_none();
    let key = key.map_or_else(|| receipt.key.parse(), Ok)?;
    let verified = receipt.verify(&key)?;
    let checkpoint = &verified.checkpoint;
    let mut report =
        format!("{} promises, all of them in the log {}:\n", verified.promises.len(), checkpoint.origin);
    for (index, event) in &verified.promises {
        let recorded = Recorded::parse(event.as_bytes())
            .with_context(|| format!("the event {index} is none of Meja"))?;
        let time = recorded.time.format("%Y-%m-%d %H:%M:%S UTC");
        let _ =
            writeln!(report, "  {:>10}  {time}  {}  {}", index + 1, recorded.event_type, recorded.subject);
    }
    let _ = writeln!(
        report,
        "The checkpoint is over {} events, with the root {}.",
        checkpoint.size, checkpoint.root
    );
    if let Some(older) = older {
        let older: SignedCheckpoint = std::str::from_utf8(older)?.parse()?;
        receipt.verify_behind(checkpoint, &older, &key)?;
        let _ = writeln!(
            report,
            "The log begins with the {} events of the older checkpoint.",
            older.unverified().size
        );
    }
    let _ = write!(report, "The key is {key}.");
    if is_own {
        report.push_str(
            " It is from the receipt itself: compare it with the key that the restaurant publishes.",
        );
    }
    Ok(report)
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
