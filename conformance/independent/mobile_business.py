"""The business system (profile section 5)."""
from __future__ import annotations

import threading

from forms import Refusal
from mobile_line import Line, NoSuchKey, Outage
from mobile_proof import PROOF_WINDOW, Judge, ProofError
from mobile_seal import Opened, Opener, TokenError
from mobile_wire import digest, same
from store import Guards
from web import Response, json_response

DEFECTS = tuple(f"MO-BS-{n:02d}" for n in range(1, 38))

FIRST_USER = "alice"
RETRY_AFTER = 1  # seconds
SHUT = 3600  # seconds for which it stays closed where MO-BS-33 is lifted


class BusinessSystem:
    """Opens its resources to a token that matches the shared one. It knows no rules."""

    def __init__(self, base, system_id, secret, first_key, issuer, clock, lifted=()):
        self.resource, self.system_id, self.issuer, self.clock = base + "/resource", system_id, issuer, clock
        self.hold = Guards(DEFECTS, lifted).hold
        self.line = Line(issuer, system_id, secret, first_key, clock, self.hold)
        self.opener = Opener(system_id, issuer, clock, self.hold)
        self.proofs = Judge(clock, signature=self.hold("MO-BS-19"), request=self.hold("MO-BS-20"), token=self.hold("MO-BS-21"),
                            age=self.hold("MO-BS-22"), replay=self.hold("MO-BS-23"))
        self._lock, self._matched, self._devices, self._shut_until = threading.Lock(), {}, {}, 0

    def metadata(self) -> dict:
        document = {"issuer": self.issuer, "resource_endpoint": self.resource, "system_id": self.system_id, "proof_window": PROOF_WINDOW}
        if not self.hold("MO-BS-01"):
            del document["system_id"]
        return document

    def routes(self) -> dict:
        methods = {"GET": self.read, "HEAD": self.read}
        return {"/resource": methods if self.hold("MO-BS-36") else {**methods, "*": self.read}}

    def read(self, request) -> Response:
        """Section 5.1: steps 1 to 4."""
        try:
            owner = self._owner(request)
        except Refusal as refusal:
            if refusal.status != 401:
                raise
            return self._challenge(refusal, request)
        if not self.hold("MO-BS-09"):
            owner = FIRST_USER
        resources = [{"id": "1", "title": f"Orders of {owner}"}, {"id": "2", "title": f"Visits of {owner}"}]
        answer = json_response(200, {"owner": owner, "resources": resources if self.hold("MO-BS-02") else []})
        return answer if self.hold("MO-BS-34") else answer.without_header("Cache-Control")

    def _challenge(self, refusal: Refusal, request) -> Response:
        answer = json_response(401, {"error": refusal.error, "error_description": refusal.description})
        if not self.hold("MO-BS-11"):
            return answer
        error = f', error="{refusal.error}"' if request.header_values("Authorization") else ""
        return answer.with_header("WWW-Authenticate", 'DPoP algs="ES256"' + error)

    def _owner(self, request) -> str:
        """The user for whom access is opened."""
        if not self.hold("MO-BS-03") and not request.header_values("Authorization"):
            return FIRST_USER
        scheme, access_token = self._credentials(request)
        now = self.clock.now()
        if now < self._shut_until:
            raise self._unavailable("The system is closed.")
        deadline = self.line.begin()
        try:
            if not self.hold("MO-BS-32"):
                self._download_early(access_token, deadline)
            opened = self._opened(access_token, deadline)
            self._judge_proof(request, scheme, access_token, opened)
            self._compare(opened, self._record(opened, deadline))
        except Outage as outage:
            if not self.hold("MO-BS-33"):
                self._shut_until = now + SHUT
            raise self._unavailable(str(outage))
        if not self.hold("MO-BS-08") and self._devices.setdefault(opened.username, opened.deviceid) != opened.deviceid:
            raise _invalid_token("The user has another device.")
        return opened.username

    def _unavailable(self, why: str) -> Refusal:
        return Refusal(503, "temporarily_unavailable", why + " Try again later.", ("Retry-After", str(RETRY_AFTER)))

    def _credentials(self, request) -> tuple:
        """Scheme, in lower case, and token."""
        values = request.header_values("Authorization")
        in_query = [value for name, value in request.query if name == "access_token"]
        if in_query:
            if not self.hold("MO-BS-35"):
                return "dpop", in_query[0]
            raise Refusal(400, "invalid_request", "Send the token in the header Authorization, not in the URL.")
        scheme, _, token = values[0].strip().partition(" ") if len(values) == 1 else ("", "", "")
        if scheme.lower() not in ("dpop", "bearer") or not token.strip():
            raise _invalid_token("Send one access token under the scheme DPoP.")
        return scheme.lower(), token.strip()

    # Steps 1 to 3

    def _opened(self, access_token: str, deadline: float) -> Opened:
        try:
            return self.opener.open(access_token, lambda kid: self.line.key(kid, deadline))
        except NoSuchKey:
            raise _invalid_token("The token is sealed under a key that is not this system's.")
        except TokenError as error:
            raise _invalid_token(str(error))

    def _judge_proof(self, request, scheme: str, access_token: str, opened: Opened) -> None:
        bare = scheme == "bearer" or not request.header_values("DPoP")
        if bare and not self.hold("MO-BS-17"):
            return
        if scheme == "bearer":
            raise _invalid_token("The token is bound to a key; send it under the scheme DPoP with a proof.")
        try:
            self.proofs.judge(request, self.resource, access_token, opened.jkt if self.hold("MO-BS-18") else "")
        except ProofError as error:
            raise Refusal(401, "invalid_dpop_proof", str(error))

    # Step 4

    def _download_early(self, access_token: str, deadline: float) -> None:
        """What MO-BS-32 forbids: a download before anything is known of the token."""
        try:
            self.line.download(digest(access_token), 0, deadline)
        except Outage:
            pass

    def _record(self, opened: Opened, deadline: float):
        """The record of the token, empty where it is not shared; None where a defect opens access without one."""
        if not self.hold("MO-BS-07") and opened.token_id in self._matched:
            return self._matched[opened.token_id]
        try:
            return self.line.download(opened.token_id, opened.expires_at, deadline,
                                      in_url="" if self.hold("MO-BS-25") else opened.token)
        except Outage:
            if self.hold("MO-BS-10"):
                raise
            return None

    def _compare(self, opened: Opened, record) -> None:
        if record is None or not record and not self.hold("MO-BS-05"):
            return
        token = record.get("token")
        if (not isinstance(token, str) or not same(token, opened.token)) and self.hold("MO-BS-06"):
            raise _invalid_token("The token is not the one that the authorization server shares.")
        named = record.get("username"), record.get("appid"), record.get("deviceid")
        if named != (opened.username, opened.appid, opened.deviceid) and self.hold("MO-BS-27"):
            raise _invalid_token("The token is another user's, app's or device's by the authorization server's record.")
        if record.get("jkt", "") != opened.jkt and self.hold("MO-BS-37"):
            raise _invalid_token("The token is bound to another key than the authorization server bound it to.")
        if not self.hold("MO-BS-07"):
            with self._lock:
                self._matched[opened.token_id] = record


def _invalid_token(why: str) -> Refusal:
    return Refusal(401, "invalid_token", why)
