"""One business of the handset: application, information, countersign, decision (profile section 6)."""
from __future__ import annotations

import hashlib
import secrets

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from offline_cbor import Encoded, Malformed, encode
from offline_envelope import parse
from offline_hpke import seal, usable
from offline_messages import (AMOUNT, APPLICATION, APPROVED, CHALLENGE, COUNTERSIGN, CURRENCY, DECISION, DEVICE, ERROR,
                              EXPIRES_AT, HANDSET, INFORMATION, ISSUED_AT, ISSUER, LEVEL, PROOF, REFUSAL, RESULT,
                              RESULT_BYTES, SEAL_KEY, SEALED_PROOF, SERIAL, SERVICE, TYPE, VERIFIED, differing,
                              read)
from offline_password import bound_bytes, password_key, proof, seal_info

PAST, AHEAD = 120, 240  # seconds that expires_at may lie off the handset's clock
PASSWORD_KEY = 20  # the key of no message, for a password where one is sent


class InformationRejected(Exception):
    """Information that is not shown and not signed."""


class Refused(Exception):
    """A refusal in the place of information."""

    def __init__(self, error: str):
        super().__init__(error)
        self.error = error


class Business:
    """Applies once; afterwards `information` is what the user is shown."""

    def __init__(self, handset, link):
        self.handset, self.hold, self.link = handset, handset.hold, link
        self.information = {}

    # Application and information (section 6.1)

    def apply(self, asked: dict) -> None:
        application = {TYPE: APPLICATION, SERIAL: self._serial(asked), **asked}
        sent = dict(application)
        if not self.hold("OF-HS-02"):
            sent[AMOUNT] = str(sent[AMOUNT])
        if self.handset.remembered:
            sent[PASSWORD_KEY] = self.handset.remembered
        self.link.send(0, self._encode(sent))
        answer = self.link.receive(1)
        self._unless_refused(answer, application)
        self.information = self._information(answer, application)

    def _serial(self, asked: dict) -> bytes:
        if not self.hold("OF-HS-03"):
            return hashlib.sha256(encode([asked[SERVICE], asked[AMOUNT]])).digest()[:16]
        if not self.hold("OF-HS-29"):
            self.handset.made += 1
            return self.handset.made.to_bytes(16, "big")
        return secrets.token_bytes(16)

    def _encode(self, fields: dict) -> bytes:
        if not self.hold("OF-HS-28"):
            fields = {**fields, AMOUNT: Encoded(b"\x1b" + fields[AMOUNT].to_bytes(8, "big"))}
        return encode(fields)

    @staticmethod
    def _unless_refused(answer: bytes, application: dict) -> None:
        try:
            refusal = read(REFUSAL, answer)
        except Malformed:
            return
        if refusal.get(SERIAL, application[SERIAL]) == application[SERIAL]:
            raise Refused(refusal[ERROR])

    def _information(self, answer: bytes, application: dict) -> dict:
        try:
            envelope = parse(answer)
            information = read(INFORMATION, envelope.payload)
        except Malformed as error:
            raise InformationRejected(str(error)) from error
        domains = ["information"] if self.hold("OF-HS-14") else ["information", "countersign", "result"]
        if self.hold("OF-HS-13") and not envelope.trusted(self.handset.pinned, domains):
            raise InformationRejected("the server did not sign it")
        expected = {**application, ISSUER: self.handset.issuer}
        keys = {SERIAL, HANDSET, DEVICE, SERVICE, AMOUNT, CURRENCY, ISSUER}
        for requirement, lifted in (("OF-HS-15", {SERIAL}), ("OF-HS-16", {DEVICE}), ("OF-HS-17", {AMOUNT}),
                                    ("OF-HS-18", {HANDSET, ISSUER})):
            if not self.hold(requirement):
                keys -= lifted
        if different := differing(information, expected, keys):
            raise InformationRejected(f"it is for another application, by keys {sorted(different)}")
        now = self.handset.clock.now()
        if self.hold("OF-HS-19") and not now - PAST <= information[EXPIRES_AT] <= now + AHEAD:
            raise InformationRejected("it has expired or expires too late")
        if information[LEVEL] == 2 and not usable(information[SEAL_KEY]):
            raise InformationRejected("its seal_key is no public key")
        return information

    # Countersign and decision (section 6.2)

    def countersign(self, password: str) -> str:
        """Signs, sends, and gives the outcome."""
        countersign = {**self.information, TYPE: COUNTERSIGN}
        if not self.hold("OF-HS-05"):
            del countersign[CHALLENGE]
        if self.information[LEVEL] == 2 and (password or self.hold("OF-HS-08")):
            self._prove(countersign, password if self.hold("OF-HS-06") else "")
        elif password and not self.hold("OF-HS-07"):
            countersign[PROOF] = self._proof(countersign, password)
        payload = self._encode(countersign)
        self.link.send(2, self.handset.signer.sign("countersign", payload))
        return self._outcome(self.link.receive(3))

    def _proof(self, countersign: dict, password: str) -> bytes:
        salt = self.handset.salt or self.handset.name.encode()
        return proof(password_key(password, salt), bound_bytes(countersign))

    def _prove(self, countersign: dict, password: str) -> None:
        right = self._proof(countersign, password)
        if not self.hold("OF-HS-24"):
            countersign[PROOF] = right
            return
        ephemeral = None
        if not self.hold("OF-HS-25"):
            self.handset.ephemeral = ephemeral = self.handset.ephemeral or X25519PrivateKey.generate()
        countersign[SEALED_PROOF] = seal(countersign[SEAL_KEY], seal_info(bound_bytes(countersign)), right, ephemeral)

    def _outcome(self, message: bytes) -> str:
        if not self.hold("OF-HS-11"):
            return "approved"
        try:
            decision = read(DECISION, message)
        except Malformed:
            return "unknown"
        if decision[SERIAL] != self.information[SERIAL]:
            return "unknown"
        if not decision[APPROVED]:
            return "refused"
        if not self.hold("OF-HS-33"):
            return "approved"
        return "approved" if self._verified(decision.get(RESULT_BYTES, b"")) else "unknown"

    def _verified(self, data: bytes) -> bool:
        try:
            envelope = parse(data)
            result = read(RESULT, envelope.payload)
        except Malformed:
            return False
        keys = [*range(SERIAL, ISSUED_AT), ISSUER]
        same = not differing(result, self.information, keys)
        return result[VERIFIED] and same and envelope.trusted(self.handset.pinned, ["result"])
