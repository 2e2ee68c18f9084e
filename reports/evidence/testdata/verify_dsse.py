"""Verifies a DSSE envelope with an Ed25519 key and writes its payload.

usage: verify_dsse.py ENVELOPE PUBLIC_KEY

Written from protocol.md and envelope.md of the DSSE specification, with the library cryptography.
"""
import base64
import json
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_public_key


def pre_authentication_encoding(kind: bytes, body: bytes) -> bytes:
    return b" ".join([b"DSSEv1", b"%d" % len(kind), kind, b"%d" % len(body), body])


with open(sys.argv[1], "rb") as file:
    envelope = json.load(file)
with open(sys.argv[2], "rb") as file:
    key = load_pem_public_key(file.read())
payload = base64.b64decode(envelope["payload"], validate=True)
signed = pre_authentication_encoding(envelope["payloadType"].encode(), payload)
try:
    for signature in envelope["signatures"]:
        key.verify(base64.b64decode(signature["sig"], validate=True), signed)
except InvalidSignature:
    sys.exit("the signature does not fit")
sys.stdout.buffer.write(payload)
