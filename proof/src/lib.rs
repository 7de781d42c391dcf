//! Proof of what a log contains, in formats that others can verify.
//!
//! The events of a log are the leaves of a Merkle tree (RFC 6962). A checkpoint is the size and the root of that tree, signed
//! (C2SP tlog-checkpoint, a signed note). A proof (C2SP tlog-proof) shows that an event is a leaf under a checkpoint, and a
//! receipt is the proofs of everything that a guest was promised. The tree itself is served as tiles (C2SP tlog-tiles), which
//! contain hashes only.
//!
//! What this does not prove: a log whose operator holds the only checkpoints can be rewritten as a whole. A checkpoint that
//! another person has kept shows it, and so does a witness, which cosigns checkpoints (C2SP tlog-witness).

mod checkpoint;
mod cosignature;
mod growing;
mod hash;
mod keys;
mod leaves;
mod note;
mod receipt;
mod tile;
mod tlog_proof;
mod tree;
mod tree_file;
mod witness;

pub use self::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
pub use self::cosignature::WitnessKey;
pub use self::growing::Growing;
pub use self::hash::{EMPTY_ROOT, HASH_BYTES, Hash, leaf_hash, node_hash};
pub use self::keys::{KEY_NAME_CHARS_MAX, KeyError, SigningKey, VerifierKey};
pub use self::leaves::Leaves;
pub use self::note::{NOTE_BYTES_MAX, Note, NoteError, SIGNATURES_MAX};
pub use self::receipt::{Promise, RECEIPT_BYTES_MAX, Receipt, ReceiptError, Verified};
pub use self::tile::{TILE_HEIGHT, TILE_WIDTH, Tile, TileError};
pub use self::tlog_proof::{TlogProof, TlogProofError};
pub use self::tree::{
    Nodes, PATH_HASHES_MAX, consistency, inclusion, is_consistent, root, root_from_inclusion,
};
pub use self::tree_file::{Stored, Tree};
pub use self::witness::AddCheckpoint;
