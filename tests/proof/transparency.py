"""RFC 6962 and the formats of C2SP, written from their definitions: a second opinion on what Meja signs and proves."""

import base64
import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

LOG, WITNESS = 1, 4


class Refused(Exception):
    """Something is not proved."""


def demand(condition, why):
    if not condition:
        raise Refused(why)


def leaf_hash(content):
    return hashlib.sha256(b"\0" + content).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def left_part(size):
    """The largest power of two that is smaller than the size."""
    return 1 << (size - 1).bit_length() - 1


def root_of(index, size, leaf, path):
    """The root that PATH(index, D[size]) of RFC 6962 §2.1.1 leads to."""
    if size == 1:
        demand(not path, "the path is too long")
        return leaf
    demand(path, "the path is too short")
    left, (*rest, last) = left_part(size), path
    if index < left:
        return node_hash(root_of(index, left, leaf, rest), last)
    return node_hash(last, root_of(index - left, size - left, leaf, rest))


def roots_of(old, new, path, old_root, is_whole=True):
    """Both roots that SUBPROOF(old, D[new]) of RFC 6962 §2.1.2 leads to."""
    if old == new:
        demand(len(path) == (not is_whole), "the path does not end here")
        return (old_root, old_root) if is_whole else (path[0], path[0])
    demand(path, "the path is too short")
    left, (*rest, last) = left_part(new), path
    if old <= left:
        before, after = roots_of(old, left, rest, old_root, is_whole)
        return before, node_hash(after, last)
    before, after = roots_of(old - left, new - left, rest, old_root, False)
    return node_hash(last, before), node_hash(last, after)


def check_consistent(old, old_root, new, new_root, path):
    """Whether a log of `new` leaves begins with the `old` ones."""
    demand(0 < old <= new, "the older log is not shorter")
    demand(roots_of(old, new, path, old_root) == (old_root, new_root), "the log was rewritten")


class Key:
    """A public key of a log or of a witness: C2SP signed-note."""

    def __init__(self, text, kind=LOG):
        self.name, digest, encoded = text.strip().split("+", 2)
        raw = base64.b64decode(encoded, validate=True)
        self.id = hashlib.sha256(self.name.encode() + b"\n" + raw).digest()[:4]
        demand(raw[0] == kind and self.id.hex() == digest, "the key was changed")
        self.public = Ed25519PublicKey.from_public_bytes(raw[1:])

    def signed(self, note):
        """The signatures of this key in a note, and its text."""
        text, lines = note.rsplit("\n\n", 1)
        own = []
        for line in lines.splitlines():
            dash, name, encoded = line.split(" ")
            raw = base64.b64decode(encoded, validate=True)
            demand(dash == "—", "this is not a signature")
            if name == self.name and raw[:4] == self.id:
                own.append(raw[4:])
        demand(own, "the note is not signed with this key")
        return text + "\n", own

    def verify(self, signature, message):
        try:
            self.public.verify(signature, message.encode())
        except InvalidSignature:
            raise Refused("the signature is wrong") from None


def checkpoint(note, key):
    """The size and the root in a checkpoint that the key has signed: C2SP tlog-checkpoint."""
    text, signatures = key.signed(note)
    for signature in signatures:
        key.verify(signature, text)
    origin, size, root = text.rstrip("\n").split("\n")
    demand(origin == key.name and str(int(size)) == size, "the checkpoint is of another log")
    return int(size), base64.b64decode(root, validate=True)


def cosigned_at(note, witness):
    """When a witness has cosigned a checkpoint: C2SP tlog-cosignature."""
    text, signatures = witness.signed(note)
    time = int.from_bytes(signatures[0][:8], "big")
    witness.verify(signatures[0][8:], f"cosignature/v1\ntime {time}\n{text}")
    return time


def proved(receipt, key):
    """Checks a receipt (each proof a C2SP tlog-proof). Returns the note, the size and the root, and the events with their places."""
    events, notes = [], set()
    for promise in receipt["promises"]:
        head, note = promise["proof"].split("\n\n", 1)
        version, index, *path = head.split("\n")
        demand(version == "c2sp.org/tlog-proof@v1" and index.startswith("index "), "this is not a proof")
        size, root = checkpoint(note, key)
        leaf, index = promise["event"].encode(), int(index.removeprefix("index "))
        demand(index < size, "the log has no such event")
        hashes = [base64.b64decode(line, validate=True) for line in path]
        demand(root_of(index, size, leaf_hash(leaf), hashes) == root, "an event is not in the log")
        notes.add(note)
        events.append((index, leaf))
    demand(len(notes) == 1, "there are several checkpoints")
    return notes.pop(), size, root, events


def continues(receipt, size, root, older, key):
    """Checks that the log of a receipt begins with an older checkpoint."""
    old_size, old_root = checkpoint(older, key)
    path = [base64.b64decode(line, validate=True) for line in receipt["consistency"]["path"]]
    demand(receipt["consistency"]["old_size"] == old_size, "the proof is for another checkpoint")
    check_consistent(old_size, old_root, size, root, path)
