//! The tree of eight leaves with which Certificate Transparency tests its own implementation of RFC 6962.

use std::io;

use proof::{
    EMPTY_ROOT, Hash, Nodes, consistency, inclusion, is_consistent, leaf_hash, node_hash, root,
    root_from_inclusion,
};

const LEAVES: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];

/// The roots of the trees with one to eight leaves.
const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

const A: &str = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7";
const B: &str = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e";
const C: &str = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4";
const D: &str = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b";
const E: &str = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0";
const F: &str = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a";

/// Leaf, size of the tree, path.
const INCLUSIONS: [(u64, u64, &[&str]); 5] = [
    (0, 1, &[]),
    (0, 8, &[A, B, C]),
    (5, 8, &[D, E, ROOTS[3]]),
    (2, 3, &[ROOTS[1]]),
    (1, 5, &[ROOTS[0], B, D]),
];

/// Size of the older tree, size of the newer tree, path.
const CONSISTENCIES: [(u64, u64, &[&str]); 4] =
    [(1, 1, &[]), (1, 8, &[A, B, C]), (6, 8, &[F, E, ROOTS[3]]), (2, 5, &[B, D])];

/// A tree in which every node is hashed anew.
struct Leaves(Vec<Hash>);

impl Nodes for Leaves {
    fn node(&self, level: u32, index: u64) -> io::Result<Hash> {
        let hash = match level.checked_sub(1) {
            None => *self.0.get(usize::try_from(index).unwrap()).ok_or(io::ErrorKind::InvalidInput)?,
            Some(below) => node_hash(&self.node(below, 2 * index)?, &self.node(below, 2 * index + 1)?),
        };
        Ok(hash)
    }
}

fn tree() -> Leaves {
    Leaves(LEAVES.iter().map(|leaf| leaf_hash(&hex::decode(leaf).unwrap())).collect())
}

fn hash(hex: &str) -> Hash {
    Hash(hex::decode(hex).unwrap().try_into().unwrap())
}

fn hashes(path: &[&str]) -> Vec<Hash> {
    path.iter().map(|one| hash(one)).collect()
}

#[test]
fn roots_are_those_of_certificate_transparency() {
    assert_eq!(root(&tree(), 0).unwrap(), EMPTY_ROOT);
    for (size, expected) in (1..).zip(ROOTS) {
        assert_eq!(root(&tree(), size).unwrap(), hash(expected), "{size}");
    }
}

#[test]
fn paths_are_those_of_certificate_transparency() {
    for (index, size, path) in INCLUSIONS {
        assert_eq!(inclusion(&tree(), index, size).unwrap(), hashes(path), "{index} of {size}");
        let leaf = tree().0[usize::try_from(index).unwrap()];
        let expected = root(&tree(), size).unwrap();
        assert_eq!(
            root_from_inclusion(leaf, index, size, &hashes(path)),
            Some(expected),
            "{index} of {size}"
        );
    }
    assert_eq!(inclusion(&tree(), 8, 8).unwrap_err().kind(), io::ErrorKind::InvalidInput);
}

#[test]
fn proofs_of_consistency_are_those_of_certificate_transparency() {
    for (old, new, path) in CONSISTENCIES {
        assert_eq!(consistency(&tree(), old, new).unwrap(), hashes(path), "{old} to {new}");
        let of = |size: u64| (size, root(&tree(), size).unwrap());
        assert!(is_consistent(of(old), of(new), &hashes(path)), "{old} to {new}");
    }
    assert_eq!(consistency(&tree(), 8, 7).unwrap_err().kind(), io::ErrorKind::InvalidInput);
}
