"""A witness of logs over HTTP: C2SP tlog-witness, add-checkpoint. It keeps what it has cosigned in memory.

witness.py PORT KEYS     KEYS: a file with the public keys of the logs, one in each line, read for each request

Prints its own public key when it is ready.
"""

import base64
import hashlib
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from transparency import LOG, WITNESS, Key, Refused, check_consistent, checkpoint

NAME = "witness.example"
private = Ed25519PrivateKey.from_private_bytes(os.urandom(32))
public = private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
key_id = hashlib.sha256(f"{NAME}\n".encode() + bytes([WITNESS]) + public).digest()[:4]
# What was cosigned last, by the name of the log.
seen = {}


def cosignature(text):
    now = int(time.time())
    signature = private.sign(f"cosignature/v1\ntime {now}\n{text}".encode())
    return f"— {NAME} {base64.b64encode(key_id + now.to_bytes(8, 'big') + signature).decode()}\n"


def add_checkpoint(body, keys):
    """The status and the text of the response."""
    head, note = body.split("\n\n", 1)
    old, *path = head.split("\n")
    origin = note.split("\n", 1)[0]
    known = [key for key in keys if key.name == origin]
    if not known:
        return 404, "unknown log\n"
    for key in known:
        try:
            size, root = checkpoint(note, key)
            break
        except Refused:
            continue
    else:
        return 403, "not signed with a known key\n"
    old_size, (seen_size, seen_root) = int(old.removeprefix("old ")), seen.get(origin, (0, None))
    if old_size > size:
        return 400, "the old size is larger\n"
    if old_size != seen_size:
        return 409, f"{seen_size}\n"
    hashes = [base64.b64decode(line, validate=True) for line in path]
    try:
        if old_size == 0:
            assert not hashes
        else:
            check_consistent(old_size, seen_root, size, root, hashes)
    except (Refused, AssertionError):
        return 422, "not consistent\n"
    seen[origin] = (size, root)
    return 200, cosignature(note.rsplit("\n\n", 1)[0] + "\n")


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        keys = [Key(line, LOG) for line in open(sys.argv[2]) if line.strip()]
        status, text = add_checkpoint(body, keys) if self.path == "/add-checkpoint" else (404, "")
        self.send_response(status)
        self.send_header("content-type", "text/x.tlog.size" if status == 409 else "text/plain; charset=utf-8")
        self.send_header("content-length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
print(f"{NAME}+{key_id.hex()}+{base64.b64encode(bytes([WITNESS]) + public).decode()}", flush=True)
server.serve_forever()
