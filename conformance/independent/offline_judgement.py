"""The judgement of one countersign (profile section 5.2)."""
from __future__ import annotations

import hashlib
import hmac

from offline_envelope import DOMAINS
from offline_hpke import CannotOpen, open_sealed
from offline_messages import (AMOUNT, CHALLENGE, DEVICE, EXPIRES_AT, HANDSET, LEVEL, PROOF, SEAL_KEY, SEALED_PROOF, TYPE,
                              differing)
from offline_password import UNBOUND_INFOS, bound_bytes, proof, seal_info


class Judgement:
    """Judges once; afterwards `reason` says what failed."""

    def __init__(self, server, application, envelope, countersign: dict):
        self.hold, self._clock, self._seal_key = server.hold, server.clock, server.seal_key
        self._handsets, self._information = server.handsets, application.information
        self._handset = server.handsets.get(application.information[HANDSET])
        self._envelope, self._countersign = envelope, countersign
        self.reason = ""

    def verified(self) -> bool:
        if not self._signed():
            self.reason = "signature"
        elif self._different():
            self.reason = "fields"
        elif int(self._clock.now()) > self._information[EXPIRES_AT] and self.hold("OF-SS-33"):
            self.reason = "expired"
        if self._level() == 1:
            self._judge_level_1()
        else:
            self._judge_level_2()
        return not self.reason

    def _level(self) -> int:
        return (self._information if self.hold("OF-SS-42") else self._countersign)[LEVEL]

    def _signed(self) -> bool:
        if self.hold("OF-SS-37") and not self._envelope.right_algorithm():
            return False
        if self.hold("OF-SS-38") and self._envelope.kid != self._information[HANDSET].encode():
            return False
        if not self.hold("OF-SS-07"):
            return True
        handsets = [self._handset] if self.hold("OF-SS-08") else self._handsets.values()
        domains = [DOMAINS["countersign"]] if self.hold("OF-SS-36") else [*DOMAINS.values(), b""]
        payload = self._envelope.payload if self.hold("OF-SS-06") else hashlib.sha256(self._envelope.payload).digest()
        return any(handset.key and self._envelope.holds(handset.key, domain, payload)
                   for handset in handsets if handset for domain in domains)

    def _different(self) -> set:
        """Keys in which the countersign differs from the information, of those that are compared."""
        keys = (set(self._information) | set(self._countersign)) - {TYPE, PROOF, SEALED_PROOF}
        if not self.hold("OF-SS-43"):
            keys &= {HANDSET, DEVICE, AMOUNT, CHALLENGE, LEVEL}
        for requirement, key in (("OF-SS-09", CHALLENGE), ("OF-SS-10", AMOUNT), ("OF-SS-11", DEVICE),
                                 ("OF-SS-42", LEVEL), ("OF-SS-42", SEAL_KEY)):
            if not self.hold(requirement):
                keys.discard(key)
        return differing(self._countersign, self._information, keys)

    def _judge_level_1(self) -> None:
        if {PROOF, SEALED_PROOF} & set(self._countersign):
            self.reason = self.reason or "proof"
        if self._handset and self._handset.locked and not self.hold("OF-SS-49"):
            self.reason = self.reason or "locked"

    def _judge_level_2(self) -> None:
        handset = self._handset
        if handset is None or handset.password_key is None:
            self.reason = self.reason or "no password"
            return
        if not {PROOF, SEALED_PROOF} & set(self._countersign):
            if self.hold("OF-SS-12"):
                self.reason = self.reason or "no proof"
            return
        if handset.locked and self.hold("OF-SS-46"):
            self.reason = self.reason or "locked"
            return
        right = self._proof_right()
        if not right and (not self.reason or not self.hold("OF-SS-47")):
            handset.attempts += 1
        if right and not self.reason:
            handset.attempts = 0
            handset.last_right = self._proofs()
        if not right:
            self.reason = self.reason or "proof"

    def _proofs(self) -> tuple:
        """The proof as it came, and opened where it can be."""
        return tuple(filter(None, (self._countersign.get(SEALED_PROOF), self._opened())))

    def _opened(self):
        if SEALED_PROOF not in self._countersign:
            return self._countersign[PROOF]
        infos = [seal_info(bound_bytes(self._countersign))]
        if not self.hold("OF-SS-45"):
            infos += UNBOUND_INFOS
        for info in infos:
            try:
                return open_sealed(self._seal_key, info, self._countersign[SEALED_PROOF])
            except CannotOpen:
                continue
        return None

    def _proof_right(self) -> bool:
        if PROOF in self._countersign and self.hold("OF-SS-44"):
            return False
        if not self.hold("OF-SS-16") and set(self._proofs()) & set(self._handset.last_right):
            return True
        opened = self._opened()
        if opened is None:
            return False
        if not self.hold("OF-SS-13"):
            return True
        bound = bound_bytes(self._countersign)
        keys = [self._handset.password_key, *self._handset.old_keys]
        proofs = [proof(key, bound) if self.hold("OF-SS-14") else proof(key, bound, b"") for key in keys]
        return any(hmac.compare_digest(right, opened) for right in proofs)
