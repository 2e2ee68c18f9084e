"""JSON objects as bodies of requests, and HTTP Basic: what the profiles with JSON bodies share."""
from __future__ import annotations

import base64
import binascii
import json

from forms import JSON, Refusal

LARGEST_DOCUMENT = 16 * 1024  # bytes


def invalid_request(why: str) -> Refusal:
    return Refusal(400, "invalid_request", why)


def media_type(request) -> str:
    """The media type of a request's body, without parameters."""
    return (request.headers.get("Content-Type") or "").split(";")[0].strip().lower()


class Document:
    """The JSON object of a request. `too_large` is the status for a body over `largest` bytes,
    `other_type` that for one of another media type; of members that come twice
    the last counts where `repeats` is set, and otherwise they are refused; `any_type` reads a body of any media type, and
    `halves` takes the escape of a lone surrogate for a question mark."""

    def __init__(self, request, too_large: int = 400, repeats: bool = False, any_type: bool = False,
                 other_type: int = 415, largest: int = LARGEST_DOCUMENT, halves: bool = False):
        if media_type(request) != JSON and not any_type:
            raise Refusal(other_type, "invalid_request", f"Send the body as {JSON}.")
        if len(request.body) > largest:
            raise Refusal(too_large, "invalid_request", f"The body is larger than {largest} bytes.")
        try:
            self.members = json.loads(request.body.decode("utf-8"), object_pairs_hook=dict if repeats else once)
            # A lone surrogate can be written in JSON, but it is no text.
            text = json.dumps(self.members, ensure_ascii=False).encode("utf-8", "replace" if halves else "strict")
            self.members = json.loads(text)
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

    def number(self, name: str, least: int, most: int) -> int:
        value = self.members.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise invalid_request(f"{name} is missing or no whole number from {least} to {most}.")
        return value


def once(pairs) -> dict:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise invalid_request("A member comes twice; send it once.")
    return members


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
