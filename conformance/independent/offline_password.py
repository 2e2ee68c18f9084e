"""Password key, proof and sealed proof (profile section 2.3)."""
from __future__ import annotations

import hashlib
import hmac

from offline_cbor import encode
from offline_messages import PROOF, SEALED_PROOF

COST = 16384  # N of scrypt
SHORTEST, LONGEST = 4, 64  # bytes of a password

_PROOF_LABEL = b"countersign/offline@1/proof"
_SEAL_LABEL = b"countersign/offline@1/password"


def password_key(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=COST, r=8, p=1, dklen=32)


def bound_bytes(countersign: dict) -> bytes:
    return encode({key: value for key, value in countersign.items() if key not in (PROOF, SEALED_PROOF)})


def proof(key: bytes, bound: bytes, label: bytes = _PROOF_LABEL + b"\x00") -> bytes:
    return hmac.digest(key, label + bound, "sha256")


def seal_info(bound: bytes) -> bytes:
    return _SEAL_LABEL + b"\x00" + bound


# What `info` could be were it not bound to a countersign.
UNBOUND_INFOS = (_SEAL_LABEL, _SEAL_LABEL + b"\x00")
