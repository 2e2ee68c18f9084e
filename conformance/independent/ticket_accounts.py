"""The account server (profile section 4)."""
from __future__ import annotations

import secrets
import threading

from documents import Document, basic_credentials, invalid_request
from forms import Refusal
from guesses import Guesses, refuse_while
from store import Accounts, Guards
from ticket_families import Families, Lifetimes, invalid_grant, same
from ticket_wire import REQUEST_ID, USER_NAME
from web import Response, json_response

DEFECTS = (*(f"TI-AM-{n:02d}" for n in range(1, 27)), "TI-AM-10/surrogates", "TI-AM-22/others")

CACHE_LIFETIME = 30  # seconds for which a verification may be kept


class AccountServer:
    """Keeps accounts, gives tickets and verifies them."""

    def __init__(self, base, issuer, clock, apps, lifetimes=Lifetimes(), lifted=()):
        self.base, self.issuer, self.clock, self.lifetimes = base, issuer, clock, lifetimes
        self.apps = dict(apps)  # app_id -> secret
        self.hold = Guards(DEFECTS, lifted).hold
        self.families = Families(clock, self.hold, lifetimes)
        self.accounts, self.user_ids, self._registering = Accounts(()), {}, threading.Lock()
        self.guesses = Guesses(clock, self.accounts, apart=self.hold("TI-AM-22/others"))

    def metadata(self) -> dict:
        return {
            "issuer": self.issuer if self.hold("TI-AM-01") else self.issuer + "/other",
            "registration_endpoint": self.base + "/registration",
            "authentication_endpoint": self.base + "/authentication",
            "refresh_endpoint": self.base + "/refresh",
            "verification_endpoint": self.base + "/verification",
            "revocation_endpoint": self.base + "/revocation",
            "authorization_key_lifetime": self.lifetimes.authorization_key,
            "refresh_key_lifetime": self.lifetimes.refresh_key,
            "refresh_grace": self.lifetimes.grace,
        }

    def routes(self) -> dict:
        return {
            "/registration": {"POST": self.register},
            "/authentication": {"POST": self.authenticate},
            "/refresh": {"POST": self.refresh},
            "/verification": {"POST": self.verify},
            "/revocation": {"POST": self.revoke},
        }

    def register(self, request) -> Response:
        """Section 4.1."""
        document = self._document(request)
        name, password = document.text("user_name"), document.text("password")
        if not USER_NAME.fullmatch(name):
            raise invalid_request("user_name is not 1-64 characters of a-z 0-9 . _ -, beginning with a letter or digit.")
        if not (8 <= len(password) <= 128 and len(password.encode()) <= 1024):
            raise invalid_request("password is not 8-128 characters long, or has more than 1024 bytes.")
        user_id = secrets.token_urlsafe(16)
        if not self.hold("TI-AM-02"):
            return json_response(201, {"user_id": user_id})
        with self._registering:
            if name in self.accounts:
                if self.hold("TI-AM-20"):
                    raise Refusal(409, "user_name_taken", "This user name is taken.")
                user_id = self.user_ids[name]
            self.user_ids[name] = user_id
            self.accounts.add(name, password)
        return json_response(201, {"user_id": user_id})

    def authenticate(self, request) -> Response:
        """Section 4.2."""
        document = self._document(request)
        name, password, app_id = document.text("user_name"), document.text("password"), document.text("app_id")
        user_id = self._owner(name, password)
        if app_id not in self.apps and self.hold("TI-AM-10"):
            raise Refusal(400, "invalid_target", "No app is registered under this app_id.")
        ticket = self.families.begin(user_id, app_id)
        if not self.hold("TI-AM-03"):
            del ticket["refresh_key"]
        return self._unstored(json_response(200, ticket))

    def _owner(self, name: str, password: str) -> str:
        """The user ID of the account that the password opens."""
        throttled = self.hold("TI-AM-22")
        if throttled:
            refuse_while(self.guesses.shut(name), "slow_down")
        right = self.accounts.right(name, password) or not self.hold("TI-AM-04") and name in self.accounts
        if throttled:
            # Of many at once only the first ten are judged; the others find the name shut.
            refuse_while(self.guesses.count(name, right), "slow_down")
        if right:
            return self.user_ids[name]
        if not self.hold("TI-AM-21") and name not in self.accounts:
            raise invalid_grant("Nobody has this user name.")
        raise invalid_grant("The user name or the password is wrong.")

    def refresh(self, request) -> Response:
        """Section 4.3."""
        document = self._document(request)
        user_id, refresh_key = document.text("user_id"), document.text("refresh_key")
        request_id = document.optional_text("request_id")
        if request_id is not None and not REQUEST_ID.fullmatch(request_id):
            raise invalid_request("request_id is not 22-64 characters of A-Z a-z 0-9 - _.")
        return self._unstored(json_response(200, self.families.refresh(user_id, refresh_key, request_id)))

    def verify(self, request) -> Response:
        """Section 4.4."""
        asking = self._asking_app(request)
        document = self._document(request)
        user_id, key = document.text("user_id"), document.text("authorization_key")
        app_id, found = self.families.confirmed(user_id, key)
        if app_id is not None and asking is not None and app_id != asking and self.hold("TI-AM-11"):
            app_id, found = None, "another app's"
        if app_id is None:
            denial = {"active": False}
            if not self.hold("TI-AM-13"):
                denial["reason"] = found
            return self._unstored(json_response(200, denial))
        expires_at = int(found)
        left = max(0, int(expires_at - self.clock.now()))
        answer = {"active": True, "user_id": user_id, "app_id": app_id, "exp": expires_at,
                  "cache_lifetime": min(CACHE_LIFETIME, left) if self.hold("TI-AM-26") else 3600}
        if not self.hold("TI-AM-06"):
            del answer["user_id"]
        return self._unstored(json_response(200, answer))

    def _asking_app(self, request):
        given = basic_credentials(request)
        if given is None and not self.hold("TI-AM-12") and not request.header_values("Authorization"):
            return None
        secret = self.apps.get(given[0]) if given else None
        if secret is None or not same(given[1], secret):
            raise Refusal(401, "invalid_client", "Send the app's identifier and secret by HTTP Basic.",
                          ("WWW-Authenticate", 'Basic realm="verification"'))
        return given[0]

    def revoke(self, request) -> Response:
        """Section 4.5."""
        document = self._document(request)
        by_key = document.has("user_id") or document.has("refresh_key")
        if by_key == (document.has("user_name") or document.has("password")):
            raise invalid_request("Send either user_id and refresh_key, or user_name and password.")
        acts = self.hold("TI-AM-25")
        if by_key:
            user_id, refresh_key = document.text("user_id"), document.text("refresh_key")
            if acts:
                self.families.revoke(user_id, refresh_key)
        else:
            name, password, app_id = document.text("user_name"), document.text("password"), document.optional_text("app_id")
            if acts:
                self.families.revoke_all(self._owner(name, password), app_id)
        return json_response(200, {})

    def _document(self, request) -> Document:
        return Document(request, halves=not self.hold("TI-AM-10/surrogates"))

    def _unstored(self, answer: Response) -> Response:
        return answer if self.hold("TI-AM-24") else answer.without_header("Cache-Control")
