//! Whatever is changed in a receipt, in a checkpoint or in the log: it is found.

use proof::{
    Receipt, ReceiptError, SignedCheckpoint, SigningKey, TlogProof, TlogProofError, VerifierKey, consistency,
};

use crate::support::{ORIGIN, checkpoint, event, proof_of, tree, tree_of};

const RECEIPTS: usize = 70_000;
const CHECKPOINTS: usize = 30_000;
const SIZE: u64 = 1_000;
const OLD_SIZE: u64 = 700;

/// A receipt of three promises, the checkpoint that its owner kept, and the key.
fn made() -> (Vec<u8>, SignedCheckpoint, SigningKey) {
    let folder = tempfile::tempdir().unwrap();
    let (tree, key) = (tree(folder.path(), SIZE), SigningKey::generate(ORIGIN).unwrap());
    let signed = checkpoint(&tree, SIZE, &key);
    let promises = [3, 511, 999].map(|number| (event(number), proof_of(&tree, number, &signed)));
    let since = (OLD_SIZE, consistency(&tree, OLD_SIZE, SIZE).unwrap());
    let receipt = Receipt::new(key.verifier(), promises.into(), 0, Some(since));
    (serde_json::to_vec(&receipt).unwrap(), checkpoint(&tree, OLD_SIZE, &key), key)
}

/// Everything that a careful person checks.
fn accept(receipt: &[u8], older: &SignedCheckpoint, key: &VerifierKey) -> Result<Receipt, ReceiptError> {
    let receipt = Receipt::read(receipt)?;
    let verified = receipt.verify(key)?;
    receipt.verify_behind(&verified.checkpoint, older, key)?;
    Ok(receipt)
}

/// `content` with one change: a bit, a byte, a piece that is missing, doubled, moved or from `other`.
fn changed(content: &[u8], other: &[u8], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut content = content.to_vec();
    let at = random.usize(..content.len());
    let end = (at + random.usize(1..80)).min(content.len());
    match random.u8(..7) {
        0 => content[at] ^= 1 << random.u8(..8),
        1 => content[at] = *random.choice(b"0123456789abcdefABCDEF+/=\n\" {}").unwrap(),
        2 => drop(content.drain(at..end)),
        3 => {
            let piece = content[at..end].to_vec();
            content.splice(at..at, piece);
        }
        4 => {
            let piece: Vec<_> = content.drain(at..end).collect();
            let to = random.usize(..=content.len());
            content.splice(to..to, piece);
        }
        5 => content.truncate(at),
        _ => {
            let piece = &other[at.min(other.len())..end.min(other.len())];
            content.splice(at..end, piece.iter().copied());
        }
    }
    content
}

#[test]
fn no_changed_receipt_is_accepted() {
    let ((receipt, older, key), (other, ..)) = (made(), made());
    let original = accept(&receipt, &older, key.verifier()).unwrap();
    let (mut random, mut examined) = (fastrand::Rng::with_seed(19), 0);
    for _ in 0..RECEIPTS {
        let mutant = changed(&receipt, &other, &mut random);
        match accept(&mutant, &older, key.verifier()) {
            // Spaces between the parts of a receipt are no change, and its key and what it leaves out prove nothing.
            Ok(mut receipt) => {
                (receipt.key, receipt.left_out) = (original.key.clone(), original.left_out);
                assert_eq!(receipt, original, "{}", String::from_utf8_lossy(&mutant));
            }
            Err(ReceiptError::Json(_)) => {}
            Err(_) => examined += 1,
        }
    }
    assert!(examined > RECEIPTS / 2, "only {examined} were receipts");
}

#[test]
fn no_changed_checkpoint_is_accepted() {
    let ((_, checkpoint, key), (_, other, _)) = (made(), made());
    let (text, other) = (checkpoint.to_string(), other.to_string());
    let (mut random, mut examined) = (fastrand::Rng::with_seed(19), 0);
    for _ in 0..CHECKPOINTS {
        let Ok(mutant) = String::from_utf8(changed(text.as_bytes(), other.as_bytes(), &mut random)) else {
            continue;
        };
        let Ok(read) = mutant.parse::<SignedCheckpoint>() else { continue };
        examined += 1;
        if read.verify(key.verifier()).is_ok() {
            assert_eq!(mutant, text);
        }
    }
    assert!(examined > CHECKPOINTS / 10, "only {examined} were checkpoints");
}

#[test]
fn a_receipt_of_another_log_or_of_other_events_is_refused() {
    let (receipt, older, key) = made();
    let (_, other_older, other) = made();
    assert!(matches!(
        accept(&receipt, &older, other.verifier()),
        Err(ReceiptError::Promise { number: 1, source: TlogProofError::Checkpoint(_), .. })
    ));
    assert!(matches!(accept(&receipt, &other_older, key.verifier()), Err(ReceiptError::OlderCheckpoint(_))));
    let folder = tempfile::tempdir().unwrap();
    let tree = tree(folder.path(), SIZE);
    let signed = checkpoint(&tree, SIZE, &key);
    let proof = proof_of(&tree, 3, &signed);
    assert_eq!(
        proof.verify(event(4).as_bytes(), key.verifier()),
        Err(TlogProofError::NotIncluded { index: 3 })
    );
    let moved = TlogProof { index: 4, ..proof.clone() };
    assert_eq!(
        moved.verify(event(3).as_bytes(), key.verifier()),
        Err(TlogProofError::NotIncluded { index: 4 })
    );
    let none = Receipt::new(key.verifier(), vec![], 0, None);
    assert!(matches!(none.verify(key.verifier()), Err(ReceiptError::Empty)));
    let mixed = Receipt::new(
        key.verifier(),
        vec![(event(3), proof), (event(4), proof_of(&tree, 4, &checkpoint(&tree, 900, &key)))],
        0,
        None,
    );
    assert!(matches!(mixed.verify(key.verifier()), Err(ReceiptError::OtherCheckpoint { number: 2 })));
    // Without a proof of consistency nothing is said about an older checkpoint.
    let verified = receipt_at(&tree, &key, 900);
    let checkpoint = verified.verify(key.verifier()).unwrap().checkpoint;
    let behind = verified.verify_behind(&checkpoint, &older, key.verifier());
    assert!(matches!(behind, Err(ReceiptError::NoConsistency { size: OLD_SIZE })));
}

fn receipt_at(tree: &proof::Tree, key: &SigningKey, size: u64) -> Receipt {
    let signed = checkpoint(tree, size, key);
    Receipt::new(key.verifier(), vec![(event(3), proof_of(tree, 3, &signed))], 0, None)
}

/// One byte changed, an event replaced with everything after it hashed anew, the tail dropped and written anew: each log has
/// another tree, which no proof connects with the checkpoint that was kept.
#[test]
fn a_log_that_was_rewritten_is_found_with_an_older_checkpoint() {
    let original: Vec<_> = (0..SIZE).map(event).collect();
    let folder = tempfile::tempdir().unwrap();
    let key = SigningKey::generate(ORIGIN).unwrap();
    let older = checkpoint(&tree_of(folder.path(), &original), OLD_SIZE, &key);
    for first_changed in [0, 255, 256, OLD_SIZE - 1] {
        let folder = tempfile::tempdir().unwrap();
        let events: Vec<_> =
            (0..SIZE).map(|number| event(number + if number == first_changed { 5_000 } else { 0 })).collect();
        let tree = tree_of(folder.path(), &events);
        let signed = checkpoint(&tree, SIZE, &key);
        let since = (OLD_SIZE, consistency(&tree, OLD_SIZE, SIZE).unwrap());
        let receipt =
            Receipt::new(key.verifier(), vec![(event(3), proof_of(&tree, 3, &signed))], 0, Some(since));
        let verified = receipt.verify(key.verifier()).unwrap();
        let behind = receipt.verify_behind(&verified.checkpoint, &older, key.verifier());
        assert!(matches!(behind, Err(ReceiptError::Rewritten { size: OLD_SIZE })), "{first_changed}");
    }
}
