"""The authorization server (profile section 4): metadata, rules, keys and downloads. Devices and their tokens are in mobile_admission.

It keeps everything in memory: with the process its devices, versions and wipes are gone.
"""
from __future__ import annotations

from documents import invalid_request
from forms import Refusal
from jose import Signer
from mobile_admission import Admission
from mobile_keys import SealingKeys
from mobile_messages import Messenger
from mobile_rules import Rulebook
from mobile_tokens import Tokens
from mobile_wire import LARGEST_RULES, authenticated, body, text
from store import Guards
from web import Response, json_response, refusal_response

DEFECTS = (*(f"MO-AS-{n:02d}" for n in range(1, 66) if n != 64), "MO-AS-32/others", "MO-AS-62/surrogates")  # 64, rules from a file, is left out

KEYS_KEPT = 60  # seconds for which a business system may keep its key set
DISTURBANCE = 1  # seconds that a change disturbs where MO-AS-15 is lifted


class AuthorizationServer:
    """Says who may use what, and gives, shares and ends tokens."""

    def __init__(self, base, clock, systems, administrators, users, rules, lifetime=300, lifted=()):
        """`systems`: system_id -> (secret, first sealing key); `administrators`, `users`: name -> password."""
        self.base, self.issuer, self.clock, self.lifetime = base, base, clock, lifetime
        self.hold = Guards(DEFECTS, lifted).hold
        self.secrets = {system_id: secret for system_id, (secret, _) in systems.items()}
        self.administrators, self.signer = dict(administrators), Signer(kid="signing-1")
        self.keys = SealingKeys(clock, {system_id: key for system_id, (_, key) in systems.items()}, lifetime, self.hold)
        self.rulebook = Rulebook(clock, rules, self.keys, self.hold)
        self.tokens = Tokens(self.issuer, clock, lifetime, self.hold)
        self.messenger = Messenger(self.issuer, self.signer, clock, lifetime, self.hold)
        self.admission = Admission(self, users)

    def metadata(self) -> dict:
        endpoints = {"authentication": "authentication", "registration": "registration", "deregistration": "deregistration",
                     "wipe_acknowledgement": "wipe-acknowledgement", "shared_token": "shared-token", "rules": "rules",
                     "sealing_keys": "sealing-keys", "key_rotation": "key-rotation", "rules_audit": "rules/audit"}
        return {"issuer": self.issuer if self.hold("MO-AS-01") else self.issuer + "/other",
                **{f"{name}_endpoint": f"{self.base}/{path}" for name, path in endpoints.items()},
                "jwks_uri": self.base + "/jwks", "access_token_lifetime": self.lifetime, "proof_window": 60}

    def routes(self) -> dict:
        routes = {
            "/jwks": {"GET": self.publish_keys},
            "/rules": {"GET": self.read_rules, "PUT": self.change_rules},
            "/rules/audit": {"GET": self.read_audit},
            "/sealing-keys": {"GET": self.read_sealing_keys},
            "/key-rotation": {"POST": self.rotate_key},
            "/shared-token": {"POST": self.share},
            **self.admission.routes(),
        }
        return {path: {method: self._answering(handler) for method, handler in methods.items()} for path, methods in routes.items()}

    def _answering(self, handler):
        """The handler, with what MO-AS-22 and MO-AS-61 say about every answer."""

        def answer(request) -> Response:
            try:
                response = handler(request)
            except Refusal as refusal:
                response = refusal_response(refusal)
            if response.status >= 400 and not self.hold("MO-AS-22"):
                response.content_type, response.body = "text/plain", b"Refused."
            return response if self.hold("MO-AS-61") else response.without_header("Cache-Control")

        return answer

    def document(self, request, largest: int = 0):
        options = {"largest": largest} if largest else {}
        return body(request, repeats=not self.hold("MO-AS-62"), halves=not self.hold("MO-AS-62/surrogates"), **options)

    def refuse_while_disturbed(self) -> None:
        if not self.hold("MO-AS-15") and self.clock.now() < self.rulebook.changed_at + DISTURBANCE:
            raise Refusal(503, "temporarily_unavailable", "The rules have just changed.", ("Retry-After", "1"))

    # Rules (section 4.6)

    def _administrator(self, request) -> str:
        return authenticated(request, self.administrators, self.hold("MO-AS-55"))

    def read_rules(self, request) -> Response:
        self._administrator(request)
        rules = self.rulebook.current
        return json_response(200, {"rules_version": rules.version, "rules": rules.members}).with_header("ETag", f'"{rules.version}"')

    def change_rules(self, request) -> Response:
        name = self._administrator(request)
        members = self.document(request, LARGEST_RULES).members
        with self.admission.lock:
            self._refuse_lost_update(request)
            before, rules = self.rulebook.activate(members, request.body, name)
            if self.hold("MO-AS-47"):
                self.admission.tell_addresses(before, rules)
        return json_response(200, {"rules_version": rules.version}).with_header("ETag", f'"{rules.version}"')

    def _refuse_lost_update(self, request) -> None:
        """Refuses a change that was not made from the version in force."""
        if not self.hold("MO-AS-56"):
            return
        values = request.header_values("If-Match")
        if not values:
            raise Refusal(428, "precondition_required", "Send If-Match with the ETag of the rules that you changed.")
        if [value.strip() for value in values] != [f'"{self.rulebook.current.version}"']:
            raise Refusal(412, "precondition_failed", "The rules have changed since; read them again.")

    def read_audit(self, request) -> Response:
        self._administrator(request)
        return json_response(200, {"entries": self.rulebook.audit()})

    # Keys (sections 4.4 and 4.8)

    def publish_keys(self, _request) -> Response:
        return json_response(200, {"keys": [{**self.signer.jwk(), "alg": "ES256", "use": "sig"}]})

    def read_sealing_keys(self, request) -> Response:
        system_id = authenticated(request, self.secrets)
        return json_response(200, {"keys": self.keys.jwks(system_id), "cache_lifetime": KEYS_KEPT})

    def rotate_key(self, request) -> Response:
        self._administrator(request)
        system_id = text(self.document(request), "system_id", 128)
        if system_id not in self.keys:
            raise invalid_request("No system has this system_id.")
        return json_response(200, {"kid": self.keys.rotate(system_id).kid})

    # Download of a shared token (section 4.7)

    def share(self, request) -> Response:
        asking = authenticated(request, self.secrets, self.hold("MO-AS-39"))
        self.refuse_while_disturbed()
        record = self.tokens.find(text(self.document(request), "token_id", 1024))
        if record is None or not self._shared(record, asking):
            raise Refusal(404, "invalid_token", "There is no such token to be shared.")
        return json_response(200, self.tokens.answer(record))

    def _shared(self, record, asking: str) -> bool:
        if record.system_id != asking and self.hold("MO-AS-40"):
            return False
        if record.device and record.device.ended and self.hold("MO-AS-19"):
            return False
        covered = self.rulebook.current.covers(record.appid, record.deviceid, record.username, record.system_id)
        return covered or not self.hold("MO-AS-59")
