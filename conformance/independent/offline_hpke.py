"""HPKE in base mode, single shot: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305 (RFC 9180)."""
from __future__ import annotations

import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from offline_envelope import raw

KEY_LENGTH = 32  # Npk, Nenc, Nk
_KEM_ID, _KDF_ID, _AEAD_ID = (number.to_bytes(2, "big") for number in (0x0020, 0x0001, 0x0003))
_KEM = b"KEM" + _KEM_ID
_SUITE = b"HPKE" + _KEM_ID + _KDF_ID + _AEAD_ID


class CannotOpen(ValueError):
    """A sealed text that this key and info do not open."""


def _extract(suite: bytes, salt: bytes, label: bytes, secret: bytes) -> bytes:
    """LabeledExtract (section 4)."""
    return hmac.digest(salt or bytes(hashlib.sha256().digest_size), b"HPKE-v1" + suite + label + secret, "sha256")


def _expand(suite: bytes, key: bytes, label: bytes, info: bytes, length: int) -> bytes:
    """LabeledExpand (section 4), of at most one block of HKDF."""
    return hmac.digest(key, length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info + b"\x01", "sha256")[:length]


def _shared(exchanged: bytes, enc: bytes, recipient: bytes) -> bytes:
    """ExtractAndExpand of the KEM (section 4.1)."""
    pseudorandom = _extract(_KEM, b"", b"eae_prk", exchanged)
    return _expand(_KEM, pseudorandom, b"shared_secret", enc + recipient, 32)


def _schedule(shared: bytes, info: bytes) -> tuple:
    """Cipher and nonce of the first message in base mode (section 5.1)."""
    context = b"\x00" + _extract(_SUITE, b"", b"psk_id_hash", b"") + _extract(_SUITE, b"", b"info_hash", info)
    secret = _extract(_SUITE, shared, b"secret", b"")
    return ChaCha20Poly1305(_expand(_SUITE, secret, b"key", context, 32)), _expand(_SUITE, secret, b"base_nonce", context, 12)


def seal(recipient: bytes, info: bytes, plaintext: bytes, ephemeral: X25519PrivateKey | None = None) -> bytes:
    """`enc` followed by the sealed text, under a fresh ephemeral key unless one is given. ValueError: no usable recipient."""
    ephemeral = ephemeral or X25519PrivateKey.generate()
    enc = raw(ephemeral.public_key())
    exchanged = ephemeral.exchange(X25519PublicKey.from_public_bytes(recipient))
    cipher, nonce = _schedule(_shared(exchanged, enc, recipient), info)
    return enc + cipher.encrypt(nonce, plaintext, b"")


def usable(recipient: bytes) -> bool:
    """Whether X25519 takes a public key: to one of low order nothing can be sealed (RFC 9180 section 7.1.4)."""
    try:
        X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(recipient))
    except ValueError:
        return False
    return True


def open_sealed(key: X25519PrivateKey, info: bytes, sealed: bytes) -> bytes:
    enc = sealed[:KEY_LENGTH]
    try:
        exchanged = key.exchange(X25519PublicKey.from_public_bytes(enc))
        cipher, nonce = _schedule(_shared(exchanged, enc, raw(key.public_key())), info)
        return cipher.decrypt(nonce, sealed[KEY_LENGTH:], b"")
    except (ValueError, InvalidTag) as error:
        raise CannotOpen("The sealed text does not open.") from error
