"""Verifies receipts, and compares whole logs with the tree of another library.

verify.py vectors FILE                      all receipts in a file of test vectors
verify.py receipt FILE KEY OLDER EXPORT     one receipt, an older checkpoint, and an export of the log
verify.py cosigned FILE WITNESS             that a witness has cosigned the checkpoint of a receipt
"""

import base64
import copy
import json
import sys

import pymerkle

from transparency import WITNESS, Key, Refused, checkpoint, continues, cosigned_at, proved


def tree_of(leaves):
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for leaf in leaves:
        tree.append_entry(leaf)
    return tree


def check(receipt, older, key, tree):
    """Everything that a receipt proves, once more with the tree of the library."""
    _, size, root, events = proved(receipt, key)
    continues(receipt, size, root, older, key)
    assert tree.get_root(size) == root, f"the root over {size} events"
    old_size, old_root = checkpoint(older, key)
    assert tree.get_root(old_size) == old_root, f"the root over {old_size} events"
    for (index, leaf), promise in zip(events, receipt["promises"]):
        theirs = tree.prove_inclusion(index + 1, size).serialize()["path"]
        ours = promise["proof"].split("\n\n")[0].split("\n")[2:]
        assert [bytes.fromhex(one) for one in theirs][1:] == [base64.b64decode(one) for one in ours]
        assert tree.get_leaf(index + 1) == pymerkle.InmemoryTree(algorithm="sha256").hash_buff(leaf)
    return size


def refuses_changes(receipt, key):
    """A verifier that accepts everything proves nothing."""
    refused = 0
    for place in ("event", "proof"):
        changed = copy.deepcopy(receipt)
        text = changed["promises"][0][place]
        at = len(text) // 2
        changed["promises"][0][place] = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
        try:
            proved(changed, key)
        except (Refused, ValueError):
            refused += 1
    assert refused == 2, "a changed receipt was accepted"


def vectors(file):
    content = json.load(open(file))
    key, tree = Key(content["key"]), tree_of(leaf.encode() for leaf in content["leaves"])
    for one in content["receipts"]:
        check(one["receipt"], one["older"], key, tree)
        refuses_changes(one["receipt"], key)
    print(f"{len(content['receipts'])} receipts verified")


def exported(line):
    """The stored bytes of an event: an export adds one attribute to them."""
    event, there, _ = line.rstrip(b"\n").rpartition(b',"mejalog":')
    return event + b"}" if there else line.rstrip(b"\n")


def receipt(file, key, older, export):
    key, content = Key(key), json.load(open(file))
    tree = tree_of(exported(line) for line in open(export, "rb"))
    size = check(content, open(older).read(), key, tree)
    refuses_changes(content, key)
    print(f"{len(content['promises'])} promises verified in a log of {size} events")


def cosigned(file, witness):
    content = json.load(open(file))
    note = content["promises"][0]["proof"].split("\n\n", 1)[1]
    print(f"cosigned at {cosigned_at(note, Key(witness, WITNESS))}")


{"vectors": vectors, "receipt": receipt, "cosigned": cosigned}[sys.argv[1]](*sys.argv[2:])
