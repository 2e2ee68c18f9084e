"""Devices at the authorization server: registration, authentication, deregistration (profile sections 4.1, 4.2, 4.4 and 4.5)."""
from __future__ import annotations

import json
import threading

from documents import invalid_request
from forms import Refusal
from guesses import Guesses, refuse_while
from mobile_devices import Device, Register
from mobile_proof import Judge, ProofError
from mobile_wire import digest, identifier, is_safe_url, text
from store import Accounts
from web import Response, json_response


class Denied(Exception):
    """An authentication ID that the rules, the registration or the key do not fit."""


class Admission:
    """The endpoints that devices and their users talk to. One lock makes each decision, with what it changes, one step."""

    def __init__(self, server, users: dict):
        self.server, self.base, self.hold = server, server.base, server.hold
        self.rulebook, self.tokens, self.messenger = server.rulebook, server.tokens, server.messenger
        self.accounts = Accounts(users.items())
        self.guesses = Guesses(server.clock, self.accounts, apart=self.hold("MO-AS-32/others"))
        self.proofs = Judge(server.clock, signature=self.hold("MO-AS-24"), request=self.hold("MO-AS-26"),
                            age=self.hold("MO-AS-27"), replay=self.hold("MO-AS-28"))
        self.register, self.lock = Register(self.hold), threading.Lock()
        self.first_addresses = {}

    def routes(self) -> dict:
        return {
            "/registration": {"POST": self.enrol},
            "/authentication": {"POST": self.authenticate},
            "/deregistration": {"POST": self.deregister},
            "/wipe-acknowledgement": {"POST": self.acknowledge},
        }

    def _proved(self, request, needed: bool = True) -> str:
        """The thumbprint of the key that the request proves; empty where there is no proof and none is needed."""
        if not needed and not request.header_values("DPoP"):
            return ""
        try:
            return self.proofs.judge(request, self.base + request.path)
        except ProofError as error:
            raise Refusal(400, "invalid_dpop_proof", str(error))

    def _right_password(self, username: str, password: str, compared: bool) -> bool:
        """Judges a password, and refuses while the name is shut (section 4.1)."""
        limited = self.hold("MO-AS-32")
        if limited:
            refuse_while(self.guesses.shut(username), "temporarily_unavailable")
        right = not compared or self.accounts.right(username, password)
        if limited:
            # Of many at once only the first ten are judged; the others find the name shut.
            refuse_while(self.guesses.count(username, right), "temporarily_unavailable")
        return right

    def enrol(self, request) -> Response:
        """Section 4.1."""
        document = self.server.document(request)
        deviceid, username = identifier(document, "deviceid"), text(document, "username", 128)
        password, notification_uri = text(document, "password", 256), text(document, "notification_uri", 2048)
        if not is_safe_url(notification_uri) and self.hold("MO-AS-63"):
            raise invalid_request("notification_uri is no safe URL.")
        jkt = self._proved(request, needed=self.hold("MO-AS-30"))
        right = self._right_password(username, password, self.hold("MO-AS-17"))
        with self.lock:
            if not right or self.rulebook.current.devices.get(deviceid) != username:
                raise Refusal(403, "access_denied", "The device cannot be registered with this user name and password.")
            self.register.enter(Device(deviceid, jkt, username, notification_uri))
        return json_response(200, {"deviceid": deviceid, "registered": True})

    # Authentication (section 4.2)

    def authenticate(self, request) -> Response:
        document = self.server.document(request)
        appid, deviceid = identifier(document, "appid"), identifier(document, "deviceid")
        username = self._username(document, deviceid)
        jkt = self._proved(request, needed=self.hold("MO-AS-23"))
        self.server.refuse_while_disturbed()
        with self.lock:
            rules = self.rulebook.current if self.hold("MO-AS-14") else self.rulebook.first
            version = rules.version if self.hold("MO-AS-57") else 1
            device = self.register.get(deviceid)
            if device and device.wipe_open and jkt == device.jkt and self.hold("MO-AS-18") and self.hold("MO-AS-53"):
                return json_response(403, {"error": "device_deregistered", "error_description": "The device is deregistered.",
                                           "rules_version": version, "message": device.wipe_message})
            try:
                system_id = self._admitted(rules, appid, deviceid, username, device, jkt)
            except Denied as denied:
                why = "This authentication ID is not admitted." if self.hold("MO-AS-29") else str(denied)
                return json_response(403, {"error": "access_denied", "error_description": why, "rules_version": version})
            record = self.tokens.make(appid, deviceid, username, device, jkt or (device.jkt if device else ""), system_id)
            access_token = self.tokens.sealed(record, self.server.keys.newest(system_id))
            return json_response(200, self._answer(record, access_token, self._address(rules, system_id), version))

    def _username(self, document, deviceid: str) -> str:
        if not self.hold("MO-AS-03") and not document.members.get("username"):
            return self.rulebook.current.devices.get(deviceid, "nobody")
        return text(document, "username", 128)

    def _admitted(self, rules, appid: str, deviceid: str, username: str, device, jkt: str) -> str:
        """The business system of an authentication ID that fits; raises Denied for any other."""
        app = rules.apps.get(appid)
        if app is None and not self.hold("MO-AS-06"):
            app = next(iter(rules.apps.values()), None)
        if app is None:
            raise Denied("The rules do not name this app.")
        if username not in app[1] and self.hold("MO-AS-04"):
            raise Denied("The rules do not list this user under the app.")
        if deviceid not in rules.devices:
            raise Denied("The rules do not name this device.")
        owners = {rules.devices[deviceid], device.username if device else username}
        if owners != {username} and self.hold("MO-AS-05"):
            raise Denied("This device is another user's.")
        if device is None and self.hold("MO-AS-07"):
            raise Denied("Nobody has registered this device.")
        if device and device.ended and self.hold("MO-AS-18"):
            raise Denied("This device is deregistered.")
        if device and jkt and jkt != device.jkt and self.hold("MO-AS-25"):
            raise Denied("This is not the key of the device.")
        return app[0]

    def _address(self, rules, system_id: str) -> str:
        before = self.rulebook.before
        if not self.hold("MO-AS-58") and system_id in before.systems:
            return before.systems[system_id]
        address = rules.systems[system_id]
        return address if self.hold("MO-AS-09") else self.first_addresses.setdefault(system_id, address)

    def _answer(self, record, access_token: str, address: str, version: int) -> dict:
        claims = {"iss": self.server.issuer, "aud": record.appid, "sub": record.deviceid, "system_id": record.system_id,
                  "address": address, "rules_version": version, "ath": digest(access_token),
                  "iat": record.issued_at, "exp": record.expires_at}
        if not self.hold("MO-AS-46"):
            del claims["ath"]
        answer = {
            "access_token": access_token, "token_type": "DPoP", "expires_in": record.expires_at - record.issued_at,
            "system_id": record.system_id, "system_address": address, "rules_version": version,
            "signed_address": self.server.signer.sign({"typ": "address+jwt"}, json.dumps(claims).encode()),
        }
        lacks = {"MO-AS-02": "expires_in", "MO-AS-08": "system_address", "MO-AS-45": "signed_address"}
        return {name: value for name, value in answer.items() if all(self.hold(i) or name != lack for i, lack in lacks.items())}

    # Deregistration and wipe (section 4.5)

    def deregister(self, request) -> Response:
        document = self.server.document(request)
        username, password = text(document, "username", 128), text(document, "password", 256)
        deviceid = identifier(document, "deviceid")
        right = self._right_password(username, password, self.hold("MO-AS-20"))
        with self.lock:
            device = self.register.get(deviceid)
            if device is None and not self.hold("MO-AS-33"):
                raise Refusal(404, "unknown_device", "Nobody has registered this device.")
            if not right or device is None or device.username != username:
                raise Refusal(403, "access_denied", "The device cannot be deregistered with this user name and password.")
            if not device.ended or not self.hold("MO-AS-52"):
                device.ended = True
                self.messenger.end_addresses(device)
                self.messenger.begin_wipe(device)
            return json_response(200, {"deviceid": deviceid, "wipe": device.wipe})

    def acknowledge(self, request) -> Response:
        document = self.server.document(request)
        deviceid, jti = identifier(document, "deviceid"), text(document, "jti", 128)
        by_device = self.hold("MO-AS-51")
        jkt = self._proved(request) if by_device else ""
        with self.lock:
            device = self.register.get(deviceid)
            if device is None or not device.ended or jti != device.wipe_jti or by_device and jkt != device.jkt:
                raise Refusal(403, "access_denied", "There is no such wipe of a device with this key.")
            self.messenger.end_wipe(device)
        return Response(204)

    # Address messages (section 4.5)

    def tell_addresses(self, before, rules) -> None:
        """Sends each changed address to the registered devices whose user may use an app of its system. The caller holds the lock."""
        changed = [system for system, address in rules.systems.items() if before.systems.get(system, address) != address]
        for system_id in changed:
            users = {user for system, names in rules.apps.values() if system == system_id for user in names}
            for device in self.register.live():
                self.messenger.end_address(device, system_id)
                if device.username in users:
                    self.messenger.send_address(device, system_id, rules.systems[system_id], rules.version)
