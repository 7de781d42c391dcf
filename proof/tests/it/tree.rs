//! The tree in its file: the same as a tree in memory, whatever happened to the file.

use std::fs;
use std::io;
use std::path::Path;

use proof::{
    Growing, Hash, Leaves, Nodes, TILE_WIDTH, Tile, consistency, inclusion, is_consistent, leaf_hash,
    node_hash, root, root_from_inclusion,
};
use proptest::prelude::*;

use crate::support::{compared, event, tree, tree_of};

/// The root as RFC 6962 defines it, without a stored node.
fn defined(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => proof::EMPTY_ROOT,
        [one] => *one,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node_hash(&defined(left), &defined(right))
        }
    }
}

fn leaves(size: u64) -> Vec<Hash> {
    (0..size).map(|number| leaf_hash(event(number).as_bytes())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_leaf_and_every_older_tree_is_proved(size in 1_u64..1_500, index in 0_u64..1_500, old in 0_u64..1_500) {
        let folder = tempfile::tempdir().unwrap();
        let tree = tree(folder.path(), size);
        let (index, old) = (index % size, old % (size + 1));
        let leaves = leaves(size);
        let expected = defined(&leaves);
        prop_assert_eq!(root(&tree, size).unwrap(), expected);
        let path = inclusion(&tree, index, size).unwrap();
        let leaf = leaves[usize::try_from(index).unwrap()];
        prop_assert_eq!(root_from_inclusion(leaf, index, size, &path), Some(expected));
        let older = (old, defined(&leaves[..usize::try_from(old).unwrap()]));
        prop_assert_eq!(root(&tree, old).unwrap(), older.1);
        let path = consistency(&tree, old, size).unwrap();
        prop_assert!(is_consistent(older, (size, expected), &path));
    }

    #[test]
    fn the_stored_tree_is_that_of_the_log(before in 0_u64..1_100, after in 0_u64..1_100, changed in proptest::option::of(0_u64..1_100)) {
        let folder = tempfile::tempdir().unwrap();
        drop(tree(folder.path(), before));
        // Another log: shorter or longer, with another event perhaps.
        let events: Vec<_> = (0..after).map(|number| event(if Some(number) == changed { number + 10_000 } else { number })).collect();
        let stored = compared(folder.path(), &events).finish().unwrap();
        let same = before.min(after).min(changed.unwrap_or(u64::MAX));
        prop_assert_eq!(stored.size(), same / TILE_WIDTH * TILE_WIDTH);
        drop(stored);
        let tree = tree_of(folder.path(), &events);
        let leaves: Vec<_> = events.iter().map(|event| leaf_hash(event.as_bytes())).collect();
        prop_assert_eq!(root(&tree, after).unwrap(), defined(&leaves));
    }
}

#[test]
fn a_file_that_was_damaged_or_cut_off_is_made_again_from_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tree");
    let events: Vec<_> = (0..1_100).map(event).collect();
    let kept_after = |change: &dyn Fn(&mut Vec<u8>)| {
        drop(tree_of(folder.path(), &events));
        let mut content = fs::read(&path).unwrap();
        change(&mut content);
        fs::write(&path, content).unwrap();
        let kept = compared(folder.path(), &events).finish().unwrap().size();
        let made = tree_of(folder.path(), &events);
        assert_eq!(root(&made, 1_100).unwrap(), defined(&leaves(1_100)));
        kept
    };
    assert_eq!(kept_after(&|_| {}), 1_024);
    // A hash, the root and the chain of the third tile, and a tile that was not written to its end.
    let record = 256 * 32 + 64;
    for at in [2 * record, 2 * record + 8_191, 3 * record - 64, 3 * record - 1] {
        assert_eq!(kept_after(&|content| content[at] ^= 1), 512, "{at}");
    }
    assert_eq!(kept_after(&|content| content.truncate(3 * record - 1)), 512);
    assert_eq!(kept_after(&|content| content.clear()), 0);
    assert_eq!(kept_after(&|content| content.extend([7; 10_000])), 1_024);
}

#[test]
fn a_tree_has_only_the_nodes_of_its_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let tree = tree(folder.path(), 600);
    for (level, count) in [(0, 600), (3, 75), (8, 2), (9, 1), (10, 0)] {
        for index in [count, count + 1, u64::MAX >> 1, u64::MAX] {
            let error = tree.node(level, index).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{level} {index}");
        }
        if let Some(last) = count.checked_sub(1) {
            tree.node(level, last).unwrap();
        }
    }
    assert!(root(&tree, 601).is_err());
    assert!(inclusion(&tree, 0, 601).is_err());
}

#[test]
fn tiles_are_those_that_the_specification_names() {
    let folder = tempfile::tempdir().unwrap();
    let size = 70_000;
    let tree = tree(folder.path(), size);
    let content = |path: &str| tree.tile(path.parse().unwrap()).unwrap();
    // The example of C2SP tlog-tiles.
    assert_eq!(content("0/272").unwrap().len(), 8_192);
    assert_eq!(content("0/273.p/112").unwrap().len(), 112 * 32);
    assert_eq!(content("0/273.p/113"), None);
    assert_eq!(content("0/273"), None);
    assert_eq!(content("1/000").unwrap().len(), 8_192);
    assert_eq!(content("1/001.p/17").unwrap().len(), 17 * 32);
    assert_eq!(content("1/001.p/18"), None);
    assert_eq!(content("2/000.p/1").unwrap().len(), 32);
    assert_eq!(content("2/000.p/2"), None);
    assert_eq!(content("3/000.p/1"), None);
    // A part of a tile that is complete by now.
    assert_eq!(content("0/000.p/3").unwrap(), content("0/000").unwrap()[..96]);
    let first: Vec<u8> = leaves(256).iter().flat_map(|leaf| leaf.0).collect();
    assert_eq!(content("0/000").unwrap(), first);
    assert_eq!(content("1/000").unwrap()[..32], defined(&leaves(256)).0);
}

#[test]
fn each_tile_has_one_path() {
    for (index, path) in [(0, "0/000"), (999, "0/999"), (1_000, "0/x001/000"), (1_234_067, "0/x001/x234/067")]
    {
        let tile = Tile { level: 0, index, width: 256 };
        assert_eq!(tile.to_string(), path);
        assert_eq!(path.parse(), Ok(tile));
    }
    assert_eq!("3/x001/234.p/70".parse(), Ok(Tile { level: 3, index: 1_234, width: 70 }));
    for wrong in [
        "",
        "0",
        "0/",
        "/000",
        "0/0",
        "0/00",
        "00/000",
        "0/0000",
        "0/1000",
        "0/x001/0",
        "0/001/234",
        "0/x000/001",
        "8/000",
        "-1/000",
        "0/000.p/0",
        "0/000.p/256",
        "0/000.p/007",
        "0/000.p/",
        "0/000.p/1/2",
        "0/000/",
        "entries/000",
        "0/x999/x999/x999/x999/x999/x999/999",
        "0/+01",
        "0/x+01/000",
    ] {
        assert!(wrong.parse::<Tile>().is_err(), "{wrong}");
    }
}

/// The file belongs to one log.
#[test]
fn a_file_that_cannot_be_opened_says_so() {
    assert!(proof::Stored::open(Path::new("/"), [0; 32]).is_err());
}

#[test]
fn a_root_of_leaves_that_arrive_one_by_one_is_that_of_the_tree() {
    let folder = tempfile::tempdir().unwrap();
    let tree = tree(folder.path(), 600);
    let (mut growing, mut leaves) = (Growing::default(), Leaves::open(&folder.path().join("tree")).unwrap());
    assert_eq!((growing.root(), leaves.size()), (proof::EMPTY_ROOT, 512));
    for number in 0..600 {
        let leaf = leaf_hash(event(number).as_bytes());
        growing.push(leaf);
        assert_eq!((growing.size(), growing.root()), (number + 1, root(&tree, number + 1).unwrap()));
        assert_eq!(leaves.leaf(number).ok(), (number < 512).then_some(leaf));
    }
}
