//! Receipts: promises to a person, with the proof of each.

use serde::{Deserialize, Serialize};

use crate::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
use crate::hash::Hash;
use crate::keys::VerifierKey;
use crate::tlog_proof::{TlogProof, TlogProofError};
use crate::tree::is_consistent;

/// Maximum size of a receipt, in bytes.
pub const RECEIPT_BYTES_MAX: usize = 64 * 1024 * 1024;

const FORMAT: &str = "meja-receipt/v1";

/// A receipt. It is stored and sent as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    format: String,
    /// The key of the log when the receipt was made. It proves nothing: the key that counts is the one that the operator
    /// publishes.
    pub key: String,
    /// What was promised, the oldest first.
    pub promises: Vec<Promise>,
    /// Number of later promises that are not in the receipt.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u64,
    /// The proof that the log still contains everything that an older checkpoint of it contained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    consistency: Option<Consistency>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// An event, and the proof that it is in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Promise {
    /// The event, byte for byte as it is stored.
    pub event: String,
    /// The proof, in the format C2SP tlog-proof.
    pub proof: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
struct Consistency {
    old_size: u64,
    path: Vec<String>,
}

/// What a receipt proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified<'a> {
    /// The checkpoint under which all promises are.
    pub checkpoint: Checkpoint,
    /// The same with its signatures, among which those of witnesses can be.
    pub signed: SignedCheckpoint,
    /// The number of the leaf and the event, for each promise.
    pub promises: Vec<(u64, &'a str)>,
}

/// A receipt proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// It is too long.
    #[error("the receipt has {bytes} bytes, but at most {RECEIPT_BYTES_MAX} are read")]
    TooLong {
        /// Its size.
        bytes: usize,
    },
    /// It is not JSON, or not that of a receipt.
    #[error("this is not a receipt")]
    Json(#[from] serde_json::Error),
    /// It is of another version.
    #[error(
        "this receipt has the format {0:?}, but only {FORMAT} is known: use a newer version of this tool"
    )]
    Format(String),
    /// It promises nothing.
    #[error("the receipt contains no promise")]
    Empty,
    /// A promise is not proved.
    #[error("promise {number} of {of} is not proved")]
    Promise {
        /// Its place in the receipt, from one.
        number: usize,
        /// The number of promises.
        of: usize,
        /// Why.
        #[source]
        source: TlogProofError,
    },
    /// The promises are under different checkpoints.
    #[error("promise {number} is under another checkpoint than the first one: ask for a new receipt")]
    OtherCheckpoint {
        /// Its place in the receipt, from one.
        number: usize,
    },
    /// The promises are not in the order of the log.
    #[error("promise {number} is doubled, or not in the order of the log: ask for a new receipt")]
    Order {
        /// Its place in the receipt, from one.
        number: usize,
    },
    /// The older checkpoint is not one of this log.
    #[error("the older checkpoint does not count")]
    OlderCheckpoint(#[source] CheckpointError),
    /// The receipt cannot be compared with the older checkpoint.
    #[error(
        "the receipt contains no proof behind a checkpoint of {size} events: ask for it with ?since={size}"
    )]
    NoConsistency {
        /// The size in the older checkpoint.
        size: u64,
    },
    /// The log was rewritten.
    #[error("the log is not the one that signed the older checkpoint of {size} events: it was rewritten")]
    Rewritten {
        /// The size in the older checkpoint.
        size: u64,
    },
}

impl Receipt {
    /// Puts a receipt together. `since`: the size of an older tree, and the proof that this one begins with it.
    #[must_use]
    pub fn new(
        key: &VerifierKey,
        promises: Vec<(String, TlogProof)>,
        left_out: u64,
        since: Option<(u64, Vec<Hash>)>,
    ) -> Self {
        let promise = |(event, proof): (String, TlogProof)| Promise { event, proof: proof.to_string() };
        let consistency = |(old_size, path): (u64, Vec<Hash>)| Consistency {
            old_size,
            path: path.iter().map(Hash::to_string).collect(),
        };
        Self {
            format: FORMAT.to_owned(),
            key: key.to_string(),
            promises: promises.into_iter().map(promise).collect(),
            left_out,
            consistency: since.map(consistency),
        }
    }

    /// Reads a receipt, and proves nothing yet.
    ///
    /// # Errors
    /// [`ReceiptError::TooLong`], [`ReceiptError::Json`] or [`ReceiptError::Format`].
    pub fn read(json: &[u8]) -> Result<Self, ReceiptError> {
        if json.len() > RECEIPT_BYTES_MAX {
            return Err(ReceiptError::TooLong { bytes: json.len() });
        }
        let receipt: Self = serde_json::from_slice(json)?;
        if receipt.format == FORMAT { Ok(receipt) } else { Err(ReceiptError::Format(receipt.format)) }
    }

    /// Checks each promise with `key`, that all are under one checkpoint, and that they are in the order of the log. It does not
    /// show that nothing else happened: a promise can be taken out of a receipt.
    ///
    /// # Errors
    /// [`ReceiptError`]: the first thing that is not proved.
    pub fn verify(&self, key: &VerifierKey) -> Result<Verified<'_>, ReceiptError> {
        let mut verified: Option<Verified<'_>> = None;
        for (number, Promise { event, proof }) in (1..).zip(&self.promises) {
            let unproved = |source| ReceiptError::Promise { number, of: self.promises.len(), source };
            let proof: TlogProof = proof.parse().map_err(unproved)?;
            let checkpoint = proof.verify(event.as_bytes(), key).map_err(unproved)?;
            let so_far = verified.get_or_insert_with(|| Verified {
                checkpoint: checkpoint.clone(),
                signed: proof.checkpoint.clone(),
                promises: Vec::new(),
            });
            if so_far.checkpoint != *checkpoint {
                return Err(ReceiptError::OtherCheckpoint { number });
            }
            if so_far.promises.last().is_some_and(|(last, _)| *last >= proof.index) {
                return Err(ReceiptError::Order { number });
            }
            so_far.promises.push((proof.index, event));
        }
        verified.ok_or(ReceiptError::Empty)
    }

    /// Checks that the log under `checkpoint`, which this receipt proves, begins with everything that `older` contained.
    ///
    /// # Errors
    /// [`ReceiptError::OlderCheckpoint`], [`ReceiptError::NoConsistency`] or [`ReceiptError::Rewritten`].
    pub fn verify_behind(
        &self,
        checkpoint: &Checkpoint,
        older: &SignedCheckpoint,
        key: &VerifierKey,
    ) -> Result<(), ReceiptError> {
        let older = older.verify(key).map_err(ReceiptError::OlderCheckpoint)?;
        let size = older.size;
        let path = match &self.consistency {
            Some(consistency) if consistency.old_size == size => consistency.path.as_slice(),
            // Equal trees need no proof.
            _ if size == checkpoint.size => &[],
            _ => return Err(ReceiptError::NoConsistency { size }),
        };
        let path: Result<Vec<Hash>, _> = path.iter().map(|hash| hash.parse()).collect();
        let is_consistent = path
            .is_ok_and(|path| is_consistent((size, older.root), (checkpoint.size, checkpoint.root), &path));
        if is_consistent { Ok(()) } else { Err(ReceiptError::Rewritten { size }) }
    }
}
