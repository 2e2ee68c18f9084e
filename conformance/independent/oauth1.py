"""OAuth 1.0 messages (RFC 5849): parameters, signatures, and the judgement of signed requests."""
from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import threading
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from forms import Refusal, encode, parse_form

DIGESTS = {"HMAC-SHA256": hashlib.sha256, "HMAC-SHA1": hashlib.sha1}
REQUIRED = ("oauth_consumer_key", "oauth_signature_method", "oauth_signature", "oauth_timestamp", "oauth_nonce")

_HEADER_PARAMETER = re.compile(r'\s*([^\s=,"]+)\s*=\s*"([^"]*)"\s*')


def parse_authorization(value: str):
    """The pairs of an `Authorization: OAuth` header, realm left out; None for another scheme."""
    scheme, _, rest = value.strip().partition(" ")
    if scheme.lower() != "oauth":
        return None
    pairs, at = [], 0
    while rest[at:].strip(" \t,"):
        match = _HEADER_PARAMETER.match(rest, at)
        if not match or rest[match.end():match.end() + 1] not in ("", ","):
            raise Refusal(400, "parameter_rejected", "The Authorization header is not a list of name=\"value\".")
        at = match.end() + 1
        try:
            name, text = (unquote(part, errors="strict") for part in match.groups())
        except UnicodeDecodeError:
            raise Refusal(400, "parameter_rejected", "A parameter of the Authorization header is not UTF-8.")
        if name.lower() != "realm":
            pairs.append((name, text))
    return pairs


def base_uri(url: str) -> str:
    """RFC 5849 section 3.4.1.2."""
    parts = urlsplit(url)
    scheme, netloc = parts.scheme.lower(), parts.netloc.lower()
    default = {"http": ":80", "https": ":443"}.get(scheme, "")
    if default and netloc.endswith(default):
        netloc = netloc[: -len(default)]
    return f"{scheme}://{netloc}{parts.path or '/'}"


def base_string(method: str, url: str, pairs) -> str:
    """RFC 5849 section 3.4.1; `pairs` are those of header, query and form body."""
    covered = sorted((encode(n), encode(v)) for n, v in pairs if n != "oauth_signature")
    normalized = "&".join(n + "=" + v for n, v in covered)
    return "&".join((method.upper(), encode(base_uri(url)), encode(normalized)))


def signature(signature_method: str, base: str, client_secret: str, token_secret: str = "") -> str:
    key = encode(client_secret) + "&" + encode(token_secret)
    if signature_method == "PLAINTEXT":
        return key
    digest = hmac.new(key.encode(), base.encode(), DIGESTS[signature_method]).digest()
    return base64.b64encode(digest).decode()


def receipt(given: str, handover_key: str) -> str:
    """What acknowledges a hand-over that was signed so (profile section 4.4): no base string begins like this."""
    return signature("HMAC-SHA256", "receipt&" + encode(given), handover_key)


def signature_in(authorization: str) -> str:
    """The oauth_signature of an Authorization header that a Signer made; empty for no header."""
    return dict(parse_authorization(authorization) or ()).get("oauth_signature", "")


@dataclass
class Signer:
    """Signs requests under one client."""

    client_id: str
    secret: str
    clock: object
    signature_method: str = "HMAC-SHA256"
    nonce: str = ""  # fixed nonce; empty: a fresh one for every request

    def authorization(self, method: str, url: str, form=(), token: str = "", token_secret: str = "", **leg: str) -> str:
        """The Authorization header for a request; `leg` holds further oauth_ parameters."""
        pairs = [
            ("oauth_consumer_key", self.client_id),
            ("oauth_signature_method", self.signature_method),
            ("oauth_timestamp", str(int(self.clock.now()))),
            ("oauth_nonce", self.nonce or secrets.token_urlsafe(24)),
            ("oauth_version", "1.0"),
        ]
        if token:
            pairs.append(("oauth_token", token))
        pairs.extend(leg.items())
        base = base_string(method, url, pairs + parse_form(urlsplit(url).query) + list(form))
        pairs.append(("oauth_signature", signature(self.signature_method, base, self.secret, token_secret)))
        return "OAuth " + ", ".join(f'{encode(n)}="{encode(v)}"' for n, v in pairs)


class Message:
    """The OAuth parameters of a request, and all that its signature covers."""

    def __init__(self, request, refuse_repeated: bool = True):
        headers = request.header_values("Authorization")
        if len(headers) > 1:
            raise Refusal(400, "parameter_rejected", "The Authorization header came more than once; send one.")
        header = parse_authorization(headers[0]) if headers else None
        self.signed = header is not None
        self.header = header or []
        self.method, self.url = request.method, request.url
        self.query, self.form = request.query, request.form
        if refuse_repeated:
            names = [n for n, _ in self.header + self.query + self.form if n.startswith("oauth_")]
            for name in names:
                if names.count(name) > 1:
                    raise Refusal(400, "parameter_rejected", f"{name} came more than once; send it once, in the header.")

    def get(self, name: str) -> str:
        """A parameter of the Authorization header, or the empty string."""
        return next((v for n, v in self.header if n == name), "")

    def base(self, cover_body: bool = True) -> str:
        return base_string(self.method, self.url, self.header + self.query + (self.form if cover_body else []))


@dataclass(frozen=True)
class Rules:
    """What a judge insists on. Every field but the default is a defect."""

    compare_signature: bool = True
    cover_body: bool = True
    refuse_unknown_client: bool = True
    refuse_unknown_method: bool = True
    refuse_plaintext: bool = True
    refuse_version: bool = True
    refuse_repeated: bool = True
    refuse_old: bool = True
    refuse_future: bool = True
    remember_nonces: bool = True
    separate_nonces: bool = True
    methods: tuple = tuple(DIGESTS)


class Judge:
    """Judges signed requests by profile section 2.1. One judge keeps the nonces of one server."""

    def __init__(self, clock, window: int, rules: Rules = Rules()):
        self.clock, self.window, self.rules = clock, window, rules
        self._nonces, self._next_clearing, self._lock = {}, 0, threading.Lock()

    def message(self, request) -> Message:
        return Message(request, self.rules.refuse_repeated)

    def judge(self, message: Message, secret_of, token_secret_of=None, repeat_ok: bool = False) -> str:
        """Returns the client's identifier, or raises Refusal.

        `secret_of(client_id)` gives None for an unknown client. `token_secret_of(token, client_id)` raises
        Refusal for a token that the client may not use. With `repeat_ok` the very same request may come again.
        """
        self._judge_parameters(message)
        client_id = message.get("oauth_consumer_key")
        secret = secret_of(client_id)
        if secret is None:
            if self.rules.refuse_unknown_client:
                raise Refusal(401, "consumer_key_unknown", f"No client {client_id!r} is registered here.")
            return client_id
        timestamp = self._judge_timestamp(message)
        token_secret = ""
        if token_secret_of:
            token_secret = token_secret_of(message.get("oauth_token"), client_id)
        elif message.get("oauth_token"):
            raise Refusal(400, "parameter_rejected", "oauth_token has no place in this request; leave it out.")
        self._judge_signature(message, secret, token_secret)
        # Nonces count only once the signature holds, or strangers could use up a client's nonces.
        self._judge_nonce(client_id, timestamp, message, repeat_ok)
        return client_id

    def _judge_parameters(self, message: Message) -> None:
        for name in REQUIRED:
            if not message.get(name):
                raise Refusal(400, "parameter_absent", f"{name} is missing in the Authorization header.")
        if self.rules.refuse_version and message.get("oauth_version") not in ("", "1.0"):
            raise Refusal(400, "version_rejected", "oauth_version is not 1.0; send 1.0 or leave it out.")
        method = message.get("oauth_signature_method")
        if method == "PLAINTEXT":
            # This program listens without TLS, so PLAINTEXT is never right (RFC 5849 section 3.4.4).
            known = not self.rules.refuse_plaintext
        else:
            known = method in self.rules.methods or not self.rules.refuse_unknown_method
        if not known:
            raise Refusal(400, "signature_method_rejected", f"Sign with one of {', '.join(self.rules.methods)}, not {method}.")

    def _judge_timestamp(self, message: Message) -> int:
        text = message.get("oauth_timestamp")
        if not (text.isascii() and text.isdigit() and len(text) <= 15):
            raise Refusal(400, "parameter_rejected", "oauth_timestamp is not a whole number of seconds.")
        timestamp, now = int(text), int(self.clock.now())
        if self.rules.refuse_old and timestamp < now - self.window:
            raise Refusal(401, "timestamp_refused", f"oauth_timestamp is more than {self.window} seconds old.")
        if self.rules.refuse_future and timestamp > now + self.window:
            raise Refusal(401, "timestamp_refused", f"oauth_timestamp is more than {self.window} seconds ahead.")
        return timestamp

    def _judge_signature(self, message: Message, secret: str, token_secret: str) -> None:
        method = message.get("oauth_signature_method")
        if method not in DIGESTS and method != "PLAINTEXT":
            return  # reached only where unknown methods pass
        right = signature(method, message.base(self.rules.cover_body), secret, token_secret)
        given = message.get("oauth_signature")
        if self.rules.compare_signature and not hmac.compare_digest(right.encode(), given.encode()):
            raise Refusal(401, "signature_invalid", "The signature does not match the request.")

    def _judge_nonce(self, client_id: str, timestamp: int, message: Message, repeat_ok: bool) -> None:
        if not self.rules.remember_nonces:
            return
        key = (client_id if self.rules.separate_nonces else "", message.get("oauth_nonce"))
        given, now = message.get("oauth_signature"), self.clock.now()
        with self._lock:
            if now >= self._next_clearing:
                self._nonces = {k: v for k, v in self._nonces.items() if v[0] >= now}
                self._next_clearing = now + self.window
            seen = self._nonces.get(key)
            if seen and seen[0] >= now:
                if repeat_ok and hmac.compare_digest(seen[1].encode(), given.encode()):
                    return
                raise Refusal(401, "nonce_used", "oauth_nonce has been used before; make a fresh one for every request.")
            # A request stays acceptable until its timestamp leaves the window, so its nonce is kept as long.
            self._nonces[key] = (max(timestamp, now) + self.window + 1, given)
