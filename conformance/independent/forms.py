"""Refusals, and form-encoded parameters."""
from __future__ import annotations

from urllib.parse import quote, unquote_plus

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


class Refusal(Exception):
    """A request refused, with the status, the `error` of the profile, and headers of the answer."""

    def __init__(self, status: int, error: str, description: str, *headers):
        super().__init__(description)
        self.status = status
        self.error = error
        self.description = description
        self.headers = headers


def encode(text: str) -> str:
    """Percent-encodes all but the unreserved characters (RFC 5849 section 3.6)."""
    return quote(text, safe="~")


def form_encode(pairs) -> str:
    return "&".join(encode(name) + "=" + encode(value) for name, value in pairs)


def parse_form(text: str) -> list:
    """Decodes a query or a form body into name/value pairs, in order, repeated names kept."""
    pairs = []
    for part in text.split("&"):
        if part:
            name, _, value = part.partition("=")
            try:
                pairs.append((unquote_plus(name, errors="strict"), unquote_plus(value, errors="strict")))
            except UnicodeDecodeError:
                raise Refusal(400, "parameter_rejected", "A parameter is not UTF-8; encode names and values as UTF-8.")
    return pairs
