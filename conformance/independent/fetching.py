"""Requests that are sent out."""
from __future__ import annotations

import http.client
import ipaddress
import json
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

from forms import FORM, JSON, Refusal, form_encode, parse_form

LARGEST_REPLY = 1024 * 1024


class Unreachable(Exception):
    """A request that was not sent, or had no readable answer."""


@dataclass
class Reply:
    status: int
    body: bytes
    headers: http.client.HTTPMessage

    def form(self) -> list:
        try:
            return parse_form(self.body.decode("utf-8"))
        except (UnicodeDecodeError, Refusal):
            return []

    def json_object(self) -> dict:
        try:
            value = json.loads(self.body.decode("utf-8"))
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}


def is_safe(url) -> bool:
    """Whether a URL may carry credentials: https, or http on loopback (profile section 2)."""
    if not isinstance(url, str) or any(c.isspace() or ord(c) < 32 for c in url):
        return False
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        parts.port
    except ValueError:
        return False
    if parts.scheme == "https":
        return bool(host)
    try:
        loopback = host == "localhost" or host.endswith(".localhost") or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    return parts.scheme == "http" and loopback


def fetch(method: str, url: str, authorization: str = "", form=None, timeout: float = 5, document=None, content=None, headers=()) -> Reply:
    """Sends one request with a form, a JSON document, `content` (media type and bytes) or no body, follows no redirect;
    `headers` are pairs, sent as well; `timeout` in seconds."""
    if not is_safe(url):
        raise Unreachable(f"{url!r} is neither https nor on loopback")
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    options = {"context": ssl.create_default_context()} if parts.scheme == "https" else {}
    connection = kind(parts.hostname, parts.port, timeout=timeout, **options)
    headers = {**dict(headers), **({"Authorization": authorization} if authorization else {})}
    body = None
    if form is not None:
        headers["Content-Type"], body = FORM, form_encode(form).encode()
    if document is not None:
        headers["Content-Type"], body = JSON, json.dumps(document).encode()
    if content is not None:
        headers["Content-Type"], body = content
    try:
        connection.request(method, (parts.path or "/") + ("?" + parts.query if parts.query else ""), body, headers)
        answer = connection.getresponse()
        read = answer.read(LARGEST_REPLY)
        if answer.length and len(read) < LARGEST_REPLY:
            raise Unreachable(f"{method} {url}: the connection broke in the middle of the answer")
        return Reply(answer.status, read, answer.headers)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Unreachable(f"{method} {url}: {error}") from error
    finally:
        connection.close()
