"""The authentication platform (profile section 4)."""
from __future__ import annotations

import json
import threading

from forms import Refusal
from unified_grants import CODE_LIFETIME, PASS_TOKEN_LIFETIME, Grants
from unified_outbox import Outbox
from unified_pages import Pages
from unified_register import Register
from unified_sessions import Sessions, Users
from unified_wire import MESSAGE_WINDOW, Lifts, Seals, for_programs
from web import Response, json_response

# UN-PL-82 is kept by no fault here: the harness cannot kill the program.
DEFECTS = (*(f"UN-PL-{n:02d}" for n in range(1, 92) if n != 82), "UN-PL-30/surrogates")

LOGOUT_BOUND = 300  # seconds
LIFTS = Lifts(plain="UN-PL-60", algorithm="UN-PL-61", key="UN-PL-17", kind="UN-PL-62", receiver="",
              replay="UN-PL-63", fresh="UN-PL-64", vector="UN-PL-65")


class Platform:
    """Logs users in, tells third-party platforms who they are, and logs them out everywhere."""

    def __init__(self, base, issuer, clock, guards, people, operators, queue, key_overlap):
        self.base, self.issuer, self.clock, self.hold = base, issuer, clock, guards.hold
        self.queue, self.key_overlap = queue, key_overlap
        self.lock = threading.RLock()
        self.users = Users(issuer, clock, people)
        self.sessions = Sessions(base, clock, self.hold, self.users)
        self.register = Register(issuer, clock, self.hold, self.lock, operators, key_overlap)
        self.grants = Grants(clock, self.hold, self.users)
        self.seals = Seals(clock, self.hold, LIFTS, self.register.lines, self.register.plain_line)
        self.outbox, self.pages = Outbox(self, *queue), Pages(self)

    def metadata(self) -> dict:
        limit, idle, longest = self.queue
        at = {name + "_endpoint": f"{self.base}/{path}" for name, path in (
            ("portal", "portal"), ("authorization", "authorize"), ("logout", "sign-out"), ("token", "token"),
            ("authentication", "authentication"), ("status", "status"), ("registration", "registration"),
            ("review", "review"), ("key", "key"))}
        return {
            "issuer": self.issuer if self.hold("UN-PL-01") else self.issuer + "/other", **at,
            "jwks_uri": self.base + "/jwks",
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            "backchannel_logout_supported": True,
            "backchannel_logout_signing_alg_values_supported": ["ES256"],
            "code_lifetime": CODE_LIFETIME, "pass_token_lifetime": PASS_TOKEN_LIFETIME,
            "message_window": MESSAGE_WINDOW, "key_overlap": self.key_overlap,
            "batch_limit": limit, "batch_idle_time": idle, "batch_max_wait": longest, "logout_bound": LOGOUT_BOUND,
        }

    def routes(self) -> dict:
        register = self.register
        return {
            **self.pages.routes(),
            "/token": {"POST": self._program(self._sealed("pass-token", self.grants.exchange))},
            "/authentication": {"POST": self._program(self._sealed("authentication", self.grants.authenticate))},
            "/status": {"POST": self._program(self._sealed("status", self.grants.status))},
            "/registration": {"POST": self._program(register.register), "GET": self._program(register.status)},
            "/review": {"GET": self._program(register.pending), "POST": self._program(register.review)},
            "/key": {"POST": self._program(register.give_key)},
            "/jwks": {"GET": self._program(lambda request: json_response(200, self.outbox.jwks()))},
        }

    def _program(self, handler):
        """A handler of an endpoint that a program calls."""

        def spoil(response: Response, refusal: Refusal) -> Response:
            if not self.hold("UN-PL-30"):
                response.body = json.dumps({"error": refusal.error}).encode()
            return response

        answered = for_programs(handler, spoil)
        return lambda request: answered(request) if self.hold("UN-PL-59") else answered(request).without_header("Cache-Control")

    def _sealed(self, kind: str, handler):
        """A handler of sealed messages: it takes the message and gives the answer's members."""

        def answer(request) -> Response:
            message = self.seals.judge(request, kind + "-request")
            if message.sealed:
                self.register.used(message.line)
            with self.lock:
                members = handler(message)
            if not self.hold("UN-PL-16"):
                return json_response(200, members)
            return self.seals.answer(message, kind + "-response", members, in_reply_to=self.hold("UN-PL-66"))

        return answer

    def log_out(self, user, request):
        """Ends the user's login, under the lock (section 4.6); gives what waits until the third-party platforms are told."""
        ended = user.generation
        related = self.grants.related(user) if self.hold("UN-PL-24") else list(self.register.parties)
        if self.hold("UN-PL-23"):
            self.sessions.end(user, request)
        user.generation += 1
        queues = self.outbox.add(user, ended, related)

        def wait() -> None:
            for queue in queues:
                queue.wait(15)

        return wait
