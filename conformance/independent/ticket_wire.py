"""What the roles of ticket@1 share on the wire: credentials in headers, metadata (profile sections 2 and 3)."""
from __future__ import annotations

import re

from documents import invalid_request

PROFILE = "ticket@1"
WELL_KNOWN = "/.well-known/ticket-accounts"

USER_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
USER_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
KEY = re.compile(r"[A-Za-z0-9_-]{1,256}")
REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{22,64}")

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = re.compile(rf'\s*({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|({_TOKEN}))\s*')
_SCHEME = re.compile(rf"\s*({_TOKEN})(?:\s+|$|(?=,))")


def whole(value) -> int:
    """A whole number of a document; 0 for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


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
