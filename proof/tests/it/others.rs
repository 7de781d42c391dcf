//! What we make, read by implementations that others made.

use proof::{Hash, SigningKey, TlogProof, Tree, VerifierKey, WitnessKey, consistency};
use signed_note::{Note, StandardSigner, StandardVerifier, VerifierList};
use tlog_tiles::{
    Checkpoint, HashReader as _, Tile, TileHashReader, TileReader, check_record, check_tree, prove_record,
    prove_tree, record_hash, stored_hash_index, tree_hash,
};

use crate::support::{ORIGIN, checkpoint, event, proof_of, tree};

const SIZE: u64 = 70_000;

/// Reads the tiles that we serve.
struct Served<'a>(&'a Tree);

impl TileReader for Served<'_> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        let read = |tile: &Tile| {
            let width = u16::try_from(tile.width()).unwrap();
            let tile = proof::Tile { level: tile.level(), index: tile.level_index(), width };
            self.0.tile(tile).unwrap().unwrap()
        };
        Ok(tiles.iter().map(read).collect())
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

fn theirs(hash: &Hash) -> tlog_tiles::Hash {
    tlog_tiles::Hash(hash.0)
}

fn all_theirs(path: &[Hash]) -> Vec<tlog_tiles::Hash> {
    path.iter().map(theirs).collect()
}

fn key() -> SigningKey {
    SigningKey::generate(ORIGIN).unwrap()
}

/// The note, read and verified by the other implementation.
fn opened(text: &str, key: &VerifierKey) -> Checkpoint {
    let verifier = StandardVerifier::new(&key.to_string()).unwrap();
    let note = Note::from_bytes(text.as_bytes()).unwrap();
    let (verified, others) = note.verify(&VerifierList::new(vec![Box::new(verifier)])).unwrap();
    assert_eq!((verified.len(), others.len()), (1, 0));
    Checkpoint::from_bytes(note.text()).unwrap()
}

#[test]
fn checkpoints_are_verified_by_another_implementation() {
    let folder = tempfile::tempdir().unwrap();
    let (tree, key) = (tree(folder.path(), 300), key());
    let signed = checkpoint(&tree, 300, &key);
    let read = opened(&signed.to_string(), key.verifier());
    assert_eq!((read.origin(), read.size(), read.extension()), (ORIGIN, 300, ""));
    assert_eq!(*read.hash(), theirs(&signed.unverified().root));
}

#[test]
fn keys_and_notes_of_another_implementation_are_verified() {
    let key = key();
    let signer = StandardSigner::new(&key.to_secret_text()).unwrap();
    let text = format!("{ORIGIN}\n7\n{}\n", Hash([7; 32]));
    let mut note = Note::new(text.as_bytes(), &[]).unwrap();
    note.add_sigs(&[&signer]).unwrap();
    let signed: proof::SignedCheckpoint = String::from_utf8(note.to_bytes()).unwrap().parse().unwrap();
    assert_eq!(signed.verify(key.verifier()).unwrap().size, 7);
    let read: SigningKey = key.to_secret_text().parse().unwrap();
    assert_eq!(read.verifier(), key.verifier());
}

#[test]
fn tiles_prove_themselves_and_every_leaf_to_another_implementation() {
    let folder = tempfile::tempdir().unwrap();
    let tree = tree(folder.path(), SIZE);
    let served = Served(&tree);
    for size in [1, 255, 256, 257, 65_535, 65_536, SIZE] {
        let root = theirs(&proof::root(&tree, size).unwrap());
        // It checks each tile that it reads against the root.
        let reader = TileHashReader::new(size, root, &served);
        assert_eq!(tree_hash(size, &reader).unwrap(), root);
        for number in [0, size / 3, size / 2, size - 1] {
            let leaf = record_hash(event(number).as_bytes());
            assert_eq!(reader.read_hashes(&[stored_hash_index(0, number)]).unwrap(), [leaf]);
            let ours = all_theirs(&proof::inclusion(&tree, number, size).unwrap());
            check_record(&ours, size, root, number, leaf).unwrap();
            assert_eq!(ours, prove_record(size, number, &reader).unwrap());
        }
        for old in [1, size / 3, size / 2, size - 1, size].into_iter().filter(|old| *old > 0) {
            let ours = all_theirs(&consistency(&tree, old, size).unwrap());
            let old_root = theirs(&proof::root(&tree, old).unwrap());
            check_tree(&ours, size, root, old, old_root).unwrap();
            assert_eq!(ours, prove_tree(size, old, &reader).unwrap());
        }
    }
}

/// The other implementation finds a tile that was changed, so that the test above can fail.
#[test]
fn another_implementation_finds_a_wrong_root() {
    let folder = tempfile::tempdir().unwrap();
    let tree = tree(folder.path(), 600);
    let mut root = proof::root(&tree, 600).unwrap();
    root.0[0] ^= 1;
    let served = Served(&tree);
    assert!(TileHashReader::new(600, theirs(&root), &served).read_hashes(&[0]).is_err());
}

#[test]
fn a_proof_as_text_is_verified_by_another_implementation() {
    let folder = tempfile::tempdir().unwrap();
    let (tree, key) = (tree(folder.path(), 1_000), key());
    let signed = checkpoint(&tree, 777, &key);
    let text = proof_of(&tree, 500, &signed).to_string();
    let (head, note) = text.split_once("\n\n").unwrap();
    let read = opened(note, key.verifier());
    let path = head.lines().skip(2).map(|line| tlog_tiles::Hash::parse_hash(line).unwrap()).collect();
    assert_eq!(head.lines().nth(1), Some("index 500"));
    check_record(&path, read.size(), *read.hash(), 500, record_hash(event(500).as_bytes())).unwrap();
    assert_eq!(
        text.parse::<TlogProof>().unwrap().verify(event(500).as_bytes(), key.verifier()).unwrap().size,
        777
    );
}

/// A checkpoint of the log in `published.rs`, with the cosignature that a program in Python has made.
#[test]
fn a_cosignature_of_another_implementation_is_verified_and_kept() {
    const KEY: &str = "witness.example+40e5303d+BHm1Vi6P5lT5QHixEuipi6eQH4U65pW+1+DjkQutBJZk";
    const LINE: &str = "— witness.example QOUwPQAAAABlU/EApKfp5QVqVw931+DXVNEiiU0cDW2aplgjT6plndrm43iCwJhshnx2+Pzsoj+fjoUfj5iIqhj7Mq4tM52YDyEsBg==\n";
    let key = key();
    let root = "rh5KStyrltp5QtMCvVdmJHLf/p6HGTtIyWsvEK9DLx0=".parse().unwrap();
    let signed = proof::Checkpoint { origin: ORIGIN.to_owned(), size: 4, root }
        .sign(std::slice::from_ref(&key))
        .unwrap();
    let witness: WitnessKey = KEY.parse().unwrap();
    assert_eq!(witness.to_string(), KEY);
    assert!(signed.cosigned_at(&witness).is_err());
    // Lines of others are ignored.
    let stranger = signed.to_string().lines().last().unwrap().to_owned();
    let cosigned = signed.with_cosignature(&format!("{stranger}\n{LINE}"), &witness).unwrap();
    assert_eq!(cosigned.cosigned_at(&witness).unwrap(), 1_700_000_000);
    assert!(cosigned.verify(key.verifier()).is_ok());
    let read: proof::SignedCheckpoint = cosigned.to_string().parse().unwrap();
    assert_eq!((&read, read.to_string().lines().count()), (&cosigned, 6));
    // A second answer replaces the first one, and what is not of this checkpoint is refused.
    assert_eq!(cosigned.with_cosignature(LINE, &witness).unwrap(), cosigned);
    let other = proof::Checkpoint { origin: ORIGIN.to_owned(), size: 5, root }.sign(&[key]).unwrap();
    assert!(other.with_cosignature(LINE, &witness).is_err());
    assert!(signed.with_cosignature("", &witness).is_err());
    assert!(KEY.replace("40e5", "40e6").parse::<WitnessKey>().is_err());
    assert!(KEY.parse::<proof::VerifierKey>().is_err(), "a witness signs another message than a log");
}
