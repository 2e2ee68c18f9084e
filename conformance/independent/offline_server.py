"""The service server: its endpoints for devices (profile section 5)."""
from __future__ import annotations

import secrets
import threading
import time

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from documents import basic_credentials, invalid_request, media_type
from forms import Refusal
from offline_cbor import Malformed, encode
from offline_envelope import MEDIA_TYPE, Signer, parse, raw
from offline_judgement import Judgement
from offline_messages import (AMOUNT, APPLICATION, CHALLENGE, COUNTERSIGN, DEVICE, ERROR, EXPIRES_AT, HANDSET,
                              INFORMATION, ISSUED_AT, ISSUER, LARGEST_MESSAGE, LEVEL, RESULT, SEAL_KEY, SERIAL, SERVICE,
                              TYPE, VERIFIED, Tolerance, read)
from offline_password_setting import PasswordSetting
from offline_register import Application, Handset, same
from store import Guards
from web import Response

DEFECTS = (*(f"OF-SS-{n:02d}" for n in range(1, 56)), "OF-SS-23/surrogates", "OF-SS-51/others")

APPLICATION_TYPE = "application/cbor"
COSE_TYPE = "application/cose"
RACE = 0.2  # seconds between looking and storing, where that is two steps


class ServiceServer:
    """Makes information for applications and judges countersigns. What it keeps lives as long as the process."""

    def __init__(self, base, clock, devices: dict, handsets: dict, services: dict, accounts: dict, lifetime: int, lifted=()):
        self.base, self.clock, self.lifetime = base, clock, lifetime
        self.devices, self.services = dict(devices), dict(services)  # ID -> secret, ID -> threshold
        self.hold = Guards(DEFECTS, lifted).hold
        self.handsets = {name: Handset(name, account, key) for name, (account, key) in handsets.items()}
        self.lock = threading.Lock()
        self.setting = PasswordSetting(clock, accounts, self.handsets, self.lock, self.hold)
        self.signer = Signer("site-key", secrets.token_bytes(32))
        self.seal_key = X25519PrivateKey.generate()
        self.applications = {}  # by serial
        self._challenges = 0

    def metadata(self) -> dict:
        issuer = self.base if self.hold("OF-SS-01") else self.base + "/other"
        return {"issuer": issuer, "application_endpoint": self.base + "/application",
                "verification_endpoint": self.base + "/verification", "password_endpoint": self.base + "/password",
                "challenge_lifetime": self.lifetime, "keys": [self.signer.jwk()]}

    def routes(self) -> dict:
        return {"/application": {"POST": self._answering(self.apply)},
                "/verification": {"POST": self._answering(self.verify)},
                "/password": {"POST": self._answering(self.setting.set_password)}}

    def _answering(self, handler):
        def answer(request) -> Response:
            try:
                return handler(request)
            except Refusal as refusal:
                if self.hold("OF-SS-23"):
                    raise
                return Response(refusal.status, refusal.description.encode(), "text/plain")

        return answer

    # Application (section 5.1)

    def apply(self, request) -> Response:
        device = self._authenticated(request, "OF-SS-24")
        self._take_body(request, APPLICATION_TYPE)
        defaults = {} if self.hold("OF-SS-21") else {AMOUNT: 0}
        try:
            fields = read(APPLICATION, request.body, self._tolerance(defaults))
        except Malformed as error:
            raise invalid_request(f"The application cannot be read: {error}.")
        if device is not None and fields[DEVICE] != device and self.hold("OF-SS-26"):
            raise Refusal(403, "access_denied", "The application names another device than the one that sends it.")
        taken = Application(device or fields[DEVICE], request.body, fields)
        two_steps = not self.hold("OF-SS-31")
        with self.lock:
            earlier = self._earlier(taken)
            if not earlier and not two_steps:
                self._inform(taken)
        if not earlier and two_steps:
            time.sleep(RACE)
            with self.lock:
                self._inform(taken)
        return self._answer((earlier or taken).information_bytes)

    def _earlier(self, taken: Application):
        """The application that this one repeats; None where the serial is unused."""
        known = self.applications.get(taken.fields[SERIAL])
        if known is None or (known.body != taken.body and not self.hold("OF-SS-19")):
            return None
        open_still = not known.judged and int(self.clock.now()) <= known.information[EXPIRES_AT]
        again = known.body == taken.body and known.device == taken.device and open_still
        if again and self.hold("OF-SS-30"):
            return known
        raise Refusal(409, "serial_used", "An application with this serial came before.")

    def _inform(self, taken: Application) -> None:
        handset = self._handset(taken.fields[HANDSET])
        level = self._level(taken.fields, handset)
        lifetime = self.lifetime if self.hold("OF-SS-34") else 3600
        now = int(self.clock.now())
        information = {**taken.fields, TYPE: INFORMATION, LEVEL: level, CHALLENGE: self._challenge(handset),
                       ISSUED_AT: now, EXPIRES_AT: now + lifetime, ISSUER: self.base}
        if level == 2:
            information[SEAL_KEY] = raw(self.seal_key.public_key())
        if not self.hold("OF-SS-03"):
            information[AMOUNT] //= 100
        taken.information = information
        payload = encode(information)
        taken.information_bytes = self.signer.sign("information", payload) if self.hold("OF-SS-02") else payload
        self.applications[information[SERIAL]] = taken

    def _handset(self, name: str) -> Handset:
        if name not in self.handsets:
            if self.hold("OF-SS-17"):
                raise Refusal(403, "unknown_handset", "The handset is not enrolled.")
            self.handsets[name] = Handset(name, "", None)
        return self.handsets[name]

    def _level(self, fields: dict, handset: Handset) -> int:
        if fields[SERVICE] not in self.services:
            if self.hold("OF-SS-18"):
                raise Refusal(400, "unknown_service", "There is no such service.")
            return 1
        threshold = self.services[fields[SERVICE]]
        reached = fields[AMOUNT] >= threshold if self.hold("OF-SS-05") else fields[AMOUNT] > threshold
        if not reached:
            return 1
        if handset.password_key is None:
            if self.hold("OF-SS-15"):
                raise Refusal(403, "password_not_set", "This needs an offline password, and none is set for the handset.")
            return 1
        return 2

    def _challenge(self, handset: Handset) -> bytes:
        if not self.hold("OF-SS-35"):
            self._challenges += 1
            return self._challenges.to_bytes(32, "big")
        if not self.hold("OF-SS-04"):
            handset.challenge = handset.challenge or secrets.token_bytes(32)
            return handset.challenge
        return secrets.token_bytes(32)

    # Verification (section 5.2)

    def verify(self, request) -> Response:
        device = self._authenticated(request, "OF-SS-25")
        self._take_body(request, COSE_TYPE)
        try:
            envelope = parse(request.body, self._tolerance())
            countersign = read(COUNTERSIGN, envelope.payload, self._tolerance())
        except Malformed as error:
            raise invalid_request(f"The countersign cannot be read: {error}.")
        two_steps = not self.hold("OF-SS-32")
        with self.lock:
            application = self._applied(countersign, device, request.body)
            result = self._earlier_result(application, device, request.body)
            if not result and not two_steps:
                result = self._judge(application, envelope, countersign, request.body)
        if not result:
            time.sleep(RACE)
            with self.lock:
                result = self._judge(application, envelope, countersign, request.body)
        return self._answer(result)

    def _applied(self, countersign: dict, device, body: bytes) -> Application:
        application = self.applications.get(countersign[SERIAL])
        if application is None:
            if self.hold("OF-SS-22"):
                raise Refusal(404, "unknown_serial", "There was no application with this serial.")
            application = Application(device or countersign[DEVICE], body, countersign)
            application.information = countersign
            self.applications[countersign[SERIAL]] = application
        if device is not None and application.device != device and self.hold("OF-SS-27"):
            raise Refusal(403, "access_denied", "Another device applied.")
        return application

    def _earlier_result(self, application: Application, device, body: bytes) -> bytes:
        """The result for a countersign that comes again; empty where this one is to be judged."""
        if not application.judged:
            return b""
        if body == application.countersign and device in (None, application.device) and self.hold("OF-SS-29"):
            return application.result
        if not application.verified and not self.hold("OF-SS-28"):
            return b""
        raise Refusal(409, "serial_used", "The application has been judged.")

    def _judge(self, application: Application, envelope, countersign: dict, body: bytes) -> bytes:
        judgement = Judgement(self, application, envelope, countersign)
        verified = judgement.verified()
        kept = set(range(SERIAL, ISSUED_AT)) | {ISSUER}
        if not self.hold("OF-SS-20"):
            kept.discard(SERIAL)
        result = {key: value for key, value in application.information.items() if key in kept}
        result.update({TYPE: RESULT, ISSUED_AT: int(self.clock.now()), VERIFIED: verified})
        if not verified and not self.hold("OF-SS-48"):
            result[ERROR] = judgement.reason
        domain = "result" if self.hold("OF-SS-55") else "information"
        application.judged, application.verified, application.countersign = True, verified, body
        application.result = self.signer.sign(domain, encode(result))
        return application.result

    # What the endpoints share

    def _authenticated(self, request, requirement: str):
        """The device that sends the request (section 5). None: not known, which the lifted requirement allows."""
        credentials = basic_credentials(request)
        if credentials and same(self.devices.get(credentials[0]), credentials[1]):
            return credentials[0]
        if not self.hold(requirement):
            return None
        raise Refusal(401, "invalid_client", "Send the device's identifier and secret as HTTP Basic.",
                      ("WWW-Authenticate", 'Basic realm="offline"'))

    def _take_body(self, request, expected: str) -> None:
        if not self.hold("OF-SS-54"):
            return
        if media_type(request) != expected:
            raise Refusal(415, "invalid_request", f"Send the body as {expected}.")
        if len(request.body) > LARGEST_MESSAGE:
            raise Refusal(413, "invalid_request", f"The body is larger than {LARGEST_MESSAGE} bytes.")

    def _tolerance(self, defaults=None) -> Tolerance:
        return Tolerance(not self.hold("OF-SS-39"), not self.hold("OF-SS-40"), not self.hold("OF-SS-41"), defaults)

    def _answer(self, body: bytes) -> Response:
        answer = Response(200, body, MEDIA_TYPE)
        return answer if self.hold("OF-SS-53") else answer.without_header("Cache-Control")
