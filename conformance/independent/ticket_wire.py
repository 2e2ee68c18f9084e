"""What the roles of ticket@1 share on the wire: documents, credentials in headers, metadata (profile sections 2 and 3)."""
from __future__ import annotations

import base64
import binascii
import json
import re

from forms import JSON, Refusal

PROFILE = "ticket@1"
WELL_KNOWN = "/.well-known/ticket-accounts"
LARGEST_DOCUMENT = 16 * 1024  # bytes

USER_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
USER_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
KEY = re.compile(r"[A-Za-z0-9_-]{1,256}")
REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{22,64}")

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = re.compile(rf'\s*({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|({_TOKEN}))\s*')
_SCHEME = re.compile(rf"\s*({_TOKEN})(?:\s+|$|(?=,))")


def invalid_request(why: str) -> Refusal:
    return Refusal(400, "invalid_request", why)


class Document:
    """The JSON object of a request."""

    def __init__(self, request):
        content_type = (request.headers.get("Content-Type") or "").split(";")[0].strip().lower()
        if content_type != JSON:
            raise Refusal(415, "invalid_request", f"Send the body as {JSON}.")
        if len(request.body) > LARGEST_DOCUMENT:
            raise invalid_request(f"The body is larger than {LARGEST_DOCUMENT} bytes.")
        try:
            self.members = json.loads(request.body.decode("utf-8"), object_pairs_hook=once)
            # A lone surrogate can be written in JSON, but it is no text.
            json.dumps(self.members, ensure_ascii=False).encode("utf-8")
        except (ValueError, RecursionError):
            raise invalid_request("The body is not JSON in UTF-8.")
        if not isinstance(self.members, dict):
            raise invalid_request("The body is not a JSON object.")

    def has(self, name: str) -> bool:
        return name in self.members

    def text(self, name: str) -> str:
        value = self.members.get(name)
        if not isinstance(value, str):
            raise invalid_request(f"{name} is missing or not a string.")
        return value

    def optional_text(self, name: str):
        return self.text(name) if self.has(name) else None

    def flag(self, name: str) -> bool:
        value = self.members.get(name, False)
        if not isinstance(value, bool):
            raise invalid_request(f"{name} is neither true nor false.")
        return value


def once(pairs) -> dict:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise invalid_request("A member comes twice; send it once.")
    return members


def whole(value) -> int:
    """A whole number of a document; 0 for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def basic_credentials(request):
    """User and password of HTTP Basic (RFC 7617), or None."""
    values = request.header_values("Authorization")
    scheme, _, text = values[0].strip().partition(" ") if len(values) == 1 else ("", "", "")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(text.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        return None
    return (user, password) if colon else None


def basic_authorization(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def ticket_authorization(user_id: str, authorization_key: str) -> str:
    return f'Ticket user_id="{user_id}", authorization_key="{authorization_key}"'


def ticket_parameters(value: str):
    """The parameters of an Authorization header of the scheme Ticket as pairs; None for another scheme."""
    scheme, _, rest = value.strip().partition(" ")
    if scheme.lower() != "ticket":
        return None
    pairs, at = [], 0
    while rest[at:].strip(" \t,"):
        match = _PARAMETER.match(rest, at)
        if not match or rest[match.end():match.end() + 1] not in ("", ","):
            raise invalid_request("The Authorization header is not a list of name=value.")
        at = match.end() + 1
        pairs.append((match[1].lower(), _value(match)))
    return pairs


def _value(match) -> str:
    return match[3] if match[2] is None else re.sub(r"\\(.)", r"\1", match[2])


def says_ticket_error(values) -> bool:
    """Whether one of the WWW-Authenticate headers has a Ticket challenge with error="invalid_token"."""
    for value in values:
        at, scheme = 0, ""
        while at < len(value):
            parameter = _PARAMETER.match(value, at)
            begin = None if parameter else _SCHEME.match(value, at)
            if parameter:
                if scheme == "ticket" and parameter[1].lower() == "error" and _value(parameter) == "invalid_token":
                    return True
                at = parameter.end()
            elif begin:
                scheme, at = begin[1].lower(), begin.end()
            else:
                at += 1  # a comma, or what is no challenge
    return False


def usable_metadata(reply, issuer: str, app_id: str = "") -> dict:
    """The document of a reply where it is the configured one's (section 3), else an empty one."""
    document = reply.json_object() if reply.status == 200 else {}
    fits = document.get("profile") == PROFILE and document.get("issuer") == issuer
    return document if fits and (not app_id or document.get("app_id") == app_id) else {}
