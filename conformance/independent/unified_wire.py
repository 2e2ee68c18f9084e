"""What both roles of unified@1 share on the wire: sealed messages under communication keys (profile section 2.1)."""
from __future__ import annotations

import json
import secrets
import threading
from dataclasses import dataclass

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap

from documents import media_type
from fetching import Unreachable, fetch
from forms import JSON, Refusal
from jose import JoseError, Key, parse_object, parse_sealed, seal
from web import Response, json_response, refusal_response

PROFILE = "unified@1"
WELL_KNOWN = "/.well-known/unified-login"
JOSE = "application/jose"
EVENT = "http://schemas.openid.net/event/backchannel-logout"

MESSAGE_WINDOW = 300  # seconds between the time of a message and its receiver's
PATIENCE = 10  # seconds for one request
LARGEST_MESSAGE = 1024 * 1024  # bytes


def invalid_request(why: str) -> Refusal:
    return Refusal(400, "invalid_request", why)


def is_whole(value, least: int = 0) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def secret() -> str:
    """256 random bits in 43 characters (section 2)."""
    return secrets.token_urlsafe(32)


class NoAnswer(Exception):
    """A request without an answer that can be used. `reply` is what came, where anything came."""

    def __init__(self, why: str, reply=None):
        super().__init__(why)
        self.reply = reply


@dataclass(frozen=True)
class Line:
    """Who speaks with whom under a communication key: this side, the other side, the key."""

    own: str
    other: str
    key: Key


@dataclass(frozen=True)
class Message:
    """A message that was judged, the line that it came over, whether it was sealed, and of an answer the reply that it was."""

    members: dict
    line: Line
    sealed: bool = True
    reply: object = None

    def text(self, name: str) -> str:
        value = self.members.get(name)
        if not isinstance(value, str):
            raise invalid_request(f"{name} is missing or not a string.")
        return value

    def whole(self, name: str, least: int = 0) -> int:
        value = self.members.get(name)
        if not is_whole(value, least):
            raise invalid_request(f"{name} is missing or no whole number of {least} or more.")
        return value


class Replays:
    """What has been used, for as long as a message that repeats it could pass for fresh."""

    def __init__(self, clock):
        self._clock, self._used, self._lock = clock, {}, threading.Lock()

    def takes(self, entry) -> bool:
        """Whether the entry is used for the first time."""
        now = self._clock.now()
        with self._lock:
            while self._used and next(iter(self._used.values())) + 2 * MESSAGE_WINDOW + 1 < now:
                del self._used[next(iter(self._used))]
            if entry in self._used:
                return False
            self._used[entry] = now
            return True


@dataclass(frozen=True)
class Lifts:
    """The requirement of a role that stands behind each rule of section 2.1; empty: the rule cannot be lifted."""

    plain: str
    algorithm: str
    key: str
    kind: str
    receiver: str
    replay: str
    fresh: str
    vector: str


class Seals:
    """Seals what a role sends, and judges what it is sent. `lines(kid)` gives the lines whose key has that identifier,
    or all of them for None; `plain_line(iss)` the one for a plain message of that sender, or None."""

    def __init__(self, clock, hold, lifts: Lifts, lines, plain_line):
        self.clock, self.hold, self.lifts = clock, hold, lifts
        self._lines, self._plain_line, self._replays = lines, plain_line, Replays(clock)
        self._vector = secrets.token_bytes(12)

    def seal(self, line: Line, kind: str, members: dict, in_reply_to: str = "") -> tuple:
        """The message and its jti."""
        payload = {"iss": line.own, "aud": line.other, "iat": int(self.clock.now()), "jti": secret(), **members}
        if in_reply_to:
            payload["in_reply_to"] = in_reply_to
        vector = b"" if self.hold(self.lifts.vector) else self._vector
        return seal(line.key, {"typ": kind + "+jwt"}, json.dumps(payload).encode(), vector), payload["jti"]

    def _holds(self, requirement: str) -> bool:
        return not requirement or self.hold(requirement)

    def judge(self, request, kind: str) -> Message:
        """The message in a request, where it is right."""
        if media_type(request) == JSON and not self.hold(self.lifts.plain):
            members = self._object(request.body)
            line = self._plain_line(members.get("iss")) if isinstance(members.get("iss"), str) else None
            if line is None:
                raise Refusal(400, "invalid_client", "Nobody here has this iss.")
            return Message(members, line, sealed=False)
        if media_type(request) != JOSE:
            raise invalid_request(f"Send a sealed message, as {JOSE}.")
        try:
            sealed = parse_sealed(request.body.decode("ascii"))
        except (UnicodeDecodeError, JoseError):
            raise invalid_request("The body is no JWE in compact serialization.")
        line, plaintext = self._open(sealed)
        members = self._object(plaintext)
        if sealed.header.get("typ") != kind + "+jwt" and self._holds(self.lifts.kind):
            raise invalid_request(f"The typ is not {kind}+jwt.")
        if members.get("iss") != line.other or members.get("aud") != line.own and self._holds(self.lifts.receiver):
            raise invalid_request("iss is not whose key this is, or aud not who receives the message.")
        self._judge_time(members)
        if not isinstance(members.get("jti"), str) or not members["jti"]:
            raise invalid_request("jti is missing or not a string.")
        if self.hold(self.lifts.replay) and not self._replays.takes((line.own, line.other, members["jti"])):
            raise Refusal(400, "message_replayed", "A message with this jti has come before.")
        return Message(members, line)

    def _object(self, text: bytes) -> dict:
        try:
            return parse_object(text)
        except JoseError:
            raise invalid_request("The payload is not a JSON object with every member once.")

    def _open(self, sealed):
        """The line of the key that opens the message, and what is in it."""
        header, strict = sealed.header, self.hold(self.lifts.algorithm)
        if strict and (header.get("alg") != "dir" or header.get("enc") != "A256GCM" or sealed.encrypted_key):
            raise invalid_request("alg is not dir, enc not A256GCM, or the encrypted key not empty.")
        if strict and ("zip" in header or "crit" in header):
            raise invalid_request("zip and crit have no place in the header.")
        lines = self._lines(sealed.kid)
        if not lines and not self.hold(self.lifts.key):
            lines = self._lines(None)
        for line in lines:
            try:
                return line, sealed.open(content_key(sealed, line.key.secret))
            except (JoseError, InvalidUnwrap, ValueError):
                continue
        raise Refusal(400, "invalid_client", "No key here has this kid, or the message does not open under it.")

    def _judge_time(self, members: dict) -> None:
        if not is_whole(members.get("iat")):
            raise invalid_request("iat is missing or no whole number.")
        if self.hold(self.lifts.fresh) and abs(members["iat"] - self.clock.now()) > MESSAGE_WINDOW:
            raise Refusal(400, "message_stale", f"iat is more than {MESSAGE_WINDOW} seconds away.")

    def answer(self, message: Message, kind: str, members: dict, in_reply_to: bool = True) -> Response:
        """The answer to a message, in its kind."""
        if not message.sealed:
            return json_response(200, members)
        reply_to = message.members["jti"] if in_reply_to else ""
        return Response(200, self.seal(message.line, kind, members, reply_to)[0].encode(), JOSE)

    def ask(self, url: str, line: Line, kind: str, members: dict, plain: str = "", related: str = "") -> Message:
        """Sends a request to a URL and returns its answer, where it is right (section 2.1). `plain` and `related` are
        the requirements for sealed answers and for in_reply_to, where the role has them."""
        text, jti = self.seal(line, kind + "-request", members)
        try:
            reply = fetch("POST", url, timeout=PATIENCE, content=(JOSE, text.encode()))
        except Unreachable as error:
            raise NoAnswer(str(error)) from error
        if reply.status != 200:
            raise NoAnswer(f"{url} answered with {reply.status}.", reply)
        if not self._holds(plain) and reply.json_object():
            return Message(reply.json_object(), line, False, reply)
        try:
            sealed = parse_sealed(reply.body.decode("ascii"))
            members = self._answered(sealed, line, kind)
        except (UnicodeDecodeError, JoseError, Refusal) as error:
            raise NoAnswer(f"The answer of {url} is not sealed as it has to be: {error}", reply) from error
        if members.get("in_reply_to") != jti and self._holds(related):
            raise NoAnswer(f"The answer of {url} is to another request.", reply)
        return Message(members, line, True, reply)

    def _answered(self, sealed, line: Line, kind: str) -> dict:
        header = sealed.header
        right = {"alg": "dir", "enc": "A256GCM", "kid": line.key.kid, "typ": kind + "-response+jwt"}
        if any(header.get(name) != value for name, value in right.items()) or "zip" in header or "crit" in header or sealed.encrypted_key:
            raise JoseError("The header is not that of this answer.")
        members = parse_object(sealed.open(line.key.secret))
        if members.get("iss") != line.other or members.get("aud") != line.own:
            raise JoseError("iss or aud is another's.")
        if not is_whole(members.get("iat")) or abs(members["iat"] - self.clock.now()) > MESSAGE_WINDOW:
            raise JoseError("iat is missing or too far away.")
        return members


def content_key(sealed, communication_key: bytes) -> bytes:
    """The key that the content is sealed under: with dir the communication key itself, with A128KW a wrapped one."""
    if sealed.header.get("alg") == "A128KW":
        return aes_key_unwrap(communication_key[:16], sealed.encrypted_key)
    return communication_key


def for_programs(handler, spoil=None):
    """Answers refusals as JSON; `spoil` changes the refusals of a role whose requirement for them is lifted."""

    def answer(request) -> Response:
        try:
            return handler(request)
        except Refusal as refusal:
            response = refusal_response(refusal)
            return spoil(response, refusal) if spoil else response

    return answer
