"""The handset: its endpoints, which stand for screen and keys (profile section 6)."""
from __future__ import annotations

import base64
import secrets
import threading
from dataclasses import dataclass, field

from documents import Document, invalid_request
from fetching import Unreachable, fetch, is_safe
from forms import Refusal
from offline_business import Business, InformationRejected, Refused
from offline_envelope import Signer
from offline_frames import FRAME_SIZES
from offline_link import Link, LinkFailed
from offline_messages import (AMOUNT, CURRENCY, DEVICE, EXPIRES_AT, HANDSET, LARGEST_AMOUNT, LEVEL, SERVICE, valid)
from offline_password import LONGEST, SHORTEST, password_key
from offline_wire import asked_for, usable_metadata
from store import Guards
from web import Response, json_response

DEFECTS = tuple(f"OF-HS-{n:02d}" for n in range(1, 36))

CONFIRMABLE = 600  # seconds
SHOWN = {"device": DEVICE, "service": SERVICE, "amount": AMOUNT, "currency": CURRENCY, "level": LEVEL, "expires_at": EXPIRES_AT}


@dataclass
class Confirmation:
    """What waits for the user's word."""

    business: Business
    until: float
    given: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


class HandsetUnderTest:
    """Applies, shows, signs and tells the outcome."""

    def __init__(self, base, name, seed, account, issuer, pinned, clock, lifted=()):
        self.base, self.name, self.account, self.issuer, self.pinned, self.clock = base, name, account, issuer, pinned, clock
        self.hold = Guards(DEFECTS, lifted).hold
        self.signer = Signer(name, seed)
        self.salt = b""  # empty while no password is set
        self.remembered = ""  # the password, where it is kept
        self.ephemeral = None  # of all seals, where one is kept
        self.made = 0  # serials counted
        self._confirmations, self._lock = {}, threading.Lock()

    def metadata(self) -> dict:
        document = {"issuer": self.issuer, "start_endpoint": self.base + "/start", "handset": self.name}
        if self.hold("OF-HS-01"):
            document["password_setting_endpoint"] = self.base + "/set-password"
        return document

    def routes(self) -> dict:
        return {"/start": {"POST": self.start}, "/confirm": {"POST": self.confirm}, "/set-password": {"POST": self.set_password}}

    def _document(self, request) -> Document:
        return Document(request, too_large=413, repeats=True, any_type=not self.hold("OF-HS-34"))

    # Start (section 6.1)

    def start(self, request) -> Response:
        document = self._document(request)
        asked = {HANDSET: self.name, AMOUNT: document.number("amount", 0, LARGEST_AMOUNT)}
        for member, key in (("device", DEVICE), ("service", SERVICE), ("currency", CURRENCY)):
            asked[key] = document.text(member)
            if not valid(key, asked[key]):
                raise invalid_request(f"{member} has a form or length that the profile does not allow.")
        endpoint, link = document.text("near_field_endpoint"), document.text("link")
        frame_size = document.number("frame_size", 64, 1024)
        if link not in FRAME_SIZES:
            raise invalid_request("link is none of " + ", ".join(FRAME_SIZES) + ".")
        if not is_safe(endpoint):
            raise invalid_request("near_field_endpoint is neither https nor on loopback.")
        if not self.hold("OF-HS-04"):
            asked_for(self.issuer)
        business = Business(self, Link(endpoint, frame_size, link == "qr", secrets.token_bytes(4), self.hold))
        self._on_link(lambda: business.apply(asked))
        if business.information[LEVEL] == 1 and not self.hold("OF-HS-21"):
            self._on_link(lambda: business.countersign(""))
        shown = {member: business.information[key] for member, key in SHOWN.items()}
        if not self.hold("OF-HS-20"):
            shown["level"] = 1
        return json_response(200, {"confirmation_uri": self._confirmation_uri(business), "shown": shown})

    def _confirmation_uri(self, business: Business) -> str:
        now = self.clock.now()
        with self._lock:
            self._confirmations = {name: c for name, c in self._confirmations.items() if now < c.until}
            name = secrets.token_urlsafe(24) if self.hold("OF-HS-23") else str(len(self._confirmations) + 1)
            self._confirmations[name] = Confirmation(business, now + CONFIRMABLE)
        return f"{self.base}/confirm?id={name}"

    # Confirmation (section 6.2)

    def confirm(self, request) -> Response:
        document = self._document(request)
        name = next((value for key, value in request.query if key == "id"), "")
        with self._lock:
            confirmation = self._confirmations.get(name)
        if confirmation is None or self.clock.now() >= confirmation.until:
            raise Refusal(404, "not_found", "There is nothing to confirm here.")
        decision, password = document.text("decision"), document.optional_text("password") or ""
        business = confirmation.business
        with confirmation.lock:
            if confirmation.given and self.hold("OF-HS-22"):
                raise Refusal(409, "confirmation_used", "This confirmation has been given.")
            if decision not in ("approve", "deny"):
                raise invalid_request("decision is neither approve nor deny.")
            needed = decision == "approve" and business.information[LEVEL] == 2 and not (password and self.salt)
            if needed and self.hold("OF-HS-08"):
                raise Refusal(400, "password_required", "Enter the offline password, which has to be set before.")
            confirmation.given = True
        if decision == "deny":
            if not self.hold("OF-HS-10"):
                self._on_link(lambda: business.countersign(password))
            return json_response(200, {"outcome": "cancelled"})
        return json_response(200, {"outcome": self._on_link(lambda: business.countersign(password))})

    @staticmethod
    def _on_link(work):
        """Does what needs the device, with the answers for its failures."""
        try:
            return work()
        except LinkFailed as error:
            raise Refusal(504, "link_failed", str(error)) from error
        except InformationRejected as error:
            raise Refusal(409, "information_rejected", f"The information is not to be signed: {error}.") from error
        except Refused as refused:
            raise Refusal(409, refused.error, "The device refused the application.") from refused

    # Setting the password (section 6.3)

    def set_password(self, request) -> Response:
        document = self._document(request)
        secret, password = document.text("account_password"), document.text("password")
        if not SHORTEST <= len(password.encode()) <= LONGEST:
            raise invalid_request(f"The password has fewer than {SHORTEST} or more than {LONGEST} bytes.")
        salt = secrets.token_bytes(16) if self.hold("OF-HS-26") else self.name.encode()
        if self.hold("OF-HS-09") and not self._server_takes(secret, password_key(password, salt)):
            raise Refusal(502, "server_refused", "The server did not take the password.")
        self.salt = salt
        if not self.hold("OF-HS-27"):
            self.remembered = password
        return Response(204)

    def _server_takes(self, secret: str, key: bytes) -> bool:
        endpoint = usable_metadata(asked_for(self.issuer), self.issuer, ["password_endpoint"]).get("password_endpoint")
        text = base64.urlsafe_b64encode(key).rstrip(b"=").decode()
        document = {"account": self.account, "account_password": secret, "handset": self.name, "password_key": text}
        try:
            return endpoint is not None and fetch("POST", endpoint, document=document).status == 204
        except Unreachable:
            return False
