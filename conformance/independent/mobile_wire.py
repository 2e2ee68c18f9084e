"""What the roles of mobile@1 share on the wire: identifiers, bodies, safe URLs, HTTP Basic (profile sections 2 and 3)."""
from __future__ import annotations

import hashlib
import hmac
import re
from urllib.parse import urlsplit

from documents import Document, basic_credentials, invalid_request
from fetching import is_safe
from forms import Refusal
from jose import b64encode

PROFILE = "mobile@1"
WELL_KNOWN = "/.well-known/mobile-access"

LARGEST_BODY = 64 * 1024  # bytes
LARGEST_RULES = 1024 * 1024

MESSAGE_TYPE = "secevent+jwt"
WIPE = "urn:countersign:mobile:wipe"
ADDRESS = "urn:countersign:mobile:address"

_IDENTIFIER = re.compile(r"[A-Za-z0-9._:-]{1,128}")


def is_identifier(value) -> bool:
    """Whether a value has the form of an appid, deviceid or system_id."""
    return isinstance(value, str) and bool(_IDENTIFIER.fullmatch(value))


def is_username(value) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= 128


def is_whole(value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_message_id(value) -> bool:
    """Whether a value can be the jti of a proof or message."""
    return isinstance(value, str) and 16 <= len(value) <= 128


def is_safe_url(url) -> bool:
    """A safe URL (section 2): https or loopback, no user information, no fragment."""
    return is_safe(url) and "#" not in url and "@" not in urlsplit(url).netloc


def digest(text: str) -> str:
    """base64url of the SHA-256, as in ath."""
    return b64encode(hashlib.sha256(text.encode()).digest())


def same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def body(request, repeats: bool = False, largest: int = LARGEST_BODY, halves: bool = False) -> Document:
    """The JSON object of a request; `repeats` and `halves` as in Document."""
    return Document(request, too_large=413, other_type=400, largest=largest, repeats=repeats, halves=halves)


def identifier(document: Document, name: str) -> str:
    value = document.text(name)
    if not is_identifier(value):
        raise invalid_request(f"{name} is not 1-128 characters of A-Z a-z 0-9 . _ : -.")
    return value


def text(document: Document, name: str, most: int) -> str:
    value = document.text(name)
    if not 1 <= len(value) <= most:
        raise invalid_request(f"{name} is not 1-{most} characters long.")
    return value


def authenticated(request, secrets: dict, compared: bool = True) -> str:
    """The name that the request gives by HTTP Basic with its secret; `compared`: whether the secret has to be right."""
    name, secret = basic_credentials(request) or ("", "")
    known = secrets.get(name)
    if known is None or compared and not same(secret, known):
        raise Refusal(401, "invalid_client", "Send identifier and secret by HTTP Basic.",
                      ("WWW-Authenticate", 'Basic realm="mobile-access"'))
    return name
