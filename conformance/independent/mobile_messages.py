"""The messages that an authorization server pushes to devices (profile section 4.5)."""
from __future__ import annotations

import itertools
import json
import secrets

from fetching import Unreachable, fetch
from jose import b64encode
from mobile_tries import Tries
from mobile_wire import ADDRESS, MESSAGE_TYPE, WIPE

TRY_ENDS = 10  # seconds


def spaces(hold):
    """Seconds between the tries."""
    if not hold("MO-AS-50"):
        return itertools.repeat(0.01)
    return itertools.chain((1, 2, 4, 8, 16), itertools.repeat(30))


class Messenger:
    """Makes messages, and pushes them until they are taken, acknowledged or called off."""

    def __init__(self, issuer: str, signer, clock, lifetime: int, hold):
        self._issuer, self._signer, self._clock, self._lifetime, self._hold = issuer, signer, clock, lifetime, hold
        self._tries = Tries(clock)

    def begin_wipe(self, device) -> None:
        """Makes the wipe message of a device that is ended, and sends it until the wipe is acknowledged."""
        device.wipe_jti = secrets.token_urlsafe(24)
        device.wipe_message = self._message(device, device.wipe_jti, {WIPE: {}}, signed=self._hold("MO-AS-48"))
        device.acknowledged = False
        if device.wipe_tries:
            self._tries.end(device.wipe_tries)
        if not self._hold("MO-AS-21"):
            return

        def attempt() -> bool:
            status = self._push(device.notification_uri, device.wipe_message)
            if status == 202 and not self._hold("MO-AS-49"):
                device.acknowledged = True
            return device.acknowledged

        device.wipe_tries = self._tries.begin(attempt, spaces(self._hold))

    def end_wipe(self, device) -> None:
        device.acknowledged = True
        if device.wipe_tries:
            self._tries.end(device.wipe_tries)

    def end_address(self, device, system_id: str) -> None:
        if system_id in device.address_tries:
            self._tries.end(device.address_tries.pop(system_id))

    def end_addresses(self, device) -> None:
        for system_id in list(device.address_tries):
            self.end_address(device, system_id)

    def send_address(self, device, system_id: str, address: str, version: int) -> None:
        """Tells a device where a system has gone."""
        event = {ADDRESS: {"system_id": system_id, "address": address}}
        message = self._message(device, secrets.token_urlsafe(24), event, rules_version=version)
        until = self._clock.now() + self._lifetime

        def attempt() -> bool:
            return self._clock.now() >= until or self._push(device.notification_uri, message) == 202

        device.address_tries[system_id] = self._tries.begin(attempt, spaces(self._hold))

    def _message(self, device, jti: str, events: dict, signed: bool = True, **more) -> str:
        claims = {"iss": self._issuer, "iat": int(self._clock.now()), "jti": jti, "aud": device.deviceid, **more, "events": events}
        if signed:
            claims["cnf"] = {"jkt": device.jkt}
            return self._signer.sign({"typ": MESSAGE_TYPE}, json.dumps(claims).encode())
        header = json.dumps({"alg": "none", "typ": MESSAGE_TYPE}).encode()
        return f"{b64encode(header)}.{b64encode(json.dumps(claims).encode())}."

    def _push(self, url: str, message: str) -> int:
        try:
            return fetch("POST", url, content=("application/" + MESSAGE_TYPE, message.encode()), timeout=TRY_ENDS).status
        except Unreachable:
            return 0
