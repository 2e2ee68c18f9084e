"""The mobile app (profile section 6)."""
from __future__ import annotations

import threading

from documents import invalid_request, media_type
from forms import Refusal
from mobile_answer import AnswerRefused, Judge
from mobile_phone import NotReached, OtherIssuer, Overtaken, Sender, Storage
from mobile_proof import Prover
from mobile_start import Failed, Start
from mobile_tries import Tries, pause
from mobile_wire import ADDRESS, MESSAGE_TYPE, WIPE, body, text
from store import Guards
from web import Response, json_response

DEFECTS = (*(f"MO-AP-{n:02d}" for n in range(1, 38) if n != 36), "MO-AP-31/overtaken")  # 36 shows outside loopback only

ACKNOWLEDGEMENT_SPACES = (1, 2, 4, 8)  # seconds between the tries of an acknowledgement: five of them


class MobileApp:
    """One app of one user on one device."""

    def __init__(self, base, issuer, jwks, appid, deviceid, username, clock, lifted=()):
        self.base, self.clock = base, clock
        self.appid, self.deviceid, self.username = appid, deviceid, username
        self.hold = Guards(DEFECTS, lifted).hold
        self.prover = Prover(clock, self.hold)
        self.storage, self.sender = Storage(clock, self.hold), Sender(issuer, self.prover, self.hold)
        self.judge = Judge(issuer, appid, deviceid, jwks, self.prover, clock, self.hold)
        self._tries, self._rows, self._lock = Tries(clock), {}, threading.Lock()

    def metadata(self) -> dict:
        document = {"issuer": self.sender.issuer, "appid": self.appid, "deviceid": self.deviceid}
        for name in ("start", "enrolment", "holdings", "notification"):
            document[name + "_endpoint"] = f"{self.base}/{name}"
        if not self.hold("MO-AP-01"):
            del document["deviceid"]
        return document

    def routes(self) -> dict:
        start = {"POST": self.start} if self.hold("MO-AP-37") else {"POST": self.start, "GET": self.start}
        return {"/enrolment": {"POST": self.enrol}, "/start": start,
                "/holdings": {"GET": self.show_holdings}, "/notification": {"POST": self.notify}}

    def enrol(self, request) -> Response:
        """Section 6.1."""
        password = text(body(request), "password", 256)
        generation = self.storage.generation
        wish = {"deviceid": self.deviceid, "username": self.username, "password": password,
                "notification_uri": self.base + "/notification"}
        if not self.hold("MO-AP-09"):
            del wish["notification_uri"]
        try:
            document = self.sender.metadata()
            reply = self.sender.post(document.get("registration_endpoint"), wish)
            if reply.status != 200:
                raise _failed("registration_refused")
            self.storage.enrol(generation)
        except NotReached:
            raise _failed("unreachable")
        except OtherIssuer:
            raise _failed("answer_refused")
        except Overtaken:
            raise _failed("registration_refused")
        return json_response(200, {"enrolled": True})

    def start(self, request) -> Response:
        """Section 6.2."""
        document = body(request) if request.method == "POST" else None
        fresh = document.flag("fresh") if document else False
        start = Start(self)
        if not self.storage.enrolled and self.hold("MO-AP-12"):
            raise Refusal(409, "not_enrolled", "Enrol the app first.")
        try:
            if fresh:
                self.storage.drop_token(start.generation)
            return json_response(200, start.run())
        except Overtaken:
            raise Refusal(409, "not_enrolled", "The app was wiped meanwhile.")
        except Failed as failed:
            raise Refusal(failed.status, failed.error, "The start has ended without resources.")

    def show_holdings(self, _request) -> Response:
        """Section 6.3."""
        return json_response(200, self.storage.summary())

    def notify(self, request) -> Response:
        """Section 6.4."""
        if media_type(request) != "application/" + MESSAGE_TYPE:
            raise invalid_request(f"Send a message as application/{MESSAGE_TYPE}.")
        try:
            message = self.judge.message(request.body.decode("ascii"))
        except (AnswerRefused, UnicodeDecodeError) as error:
            raise invalid_request(str(error))
        if message.kind == WIPE:
            self.obey(message.jti)
        elif message.kind == ADDRESS and self.hold("MO-AP-31"):
            self.storage.move(message.event["system_id"], message.event["address"], message.rules_version)
        return Response(202)

    # Wipe

    def obey(self, jti: str) -> None:
        """Deletes what a new wipe deletes, and acknowledges it; one that was seen is acknowledged again."""
        new = self.storage.wipe(jti)
        if new and self.hold("MO-AP-28"):
            self.storage.clear()
        elif new:
            threading.Thread(target=self._clear_late, args=(self.storage.generation,), daemon=True).start()
        if self.hold("MO-AP-11"):
            self._acknowledge_anew(jti)

    def _clear_late(self, generation: int) -> None:
        """What MO-AP-28 forbids: the acknowledgement goes out a second before the data go."""
        pause(self.clock, 1)
        if generation == self.storage.generation:
            self.storage.clear()

    def _acknowledge_anew(self, jti: str) -> None:
        """Begins a row of tries, or adds one try to the row that is under way."""
        with self._lock:
            row = self._rows.get(jti)
            if row and not row.over:
                threading.Thread(target=lambda: self._acknowledge(jti) and self._tries.end(row), daemon=True).start()
                return
            spaces = ACKNOWLEDGEMENT_SPACES if self.hold("MO-AP-29") else ()
            self._rows[jti] = self._tries.begin(lambda: self._acknowledge(jti), spaces)

    def _acknowledge(self, jti: str) -> bool:
        """One try; whether it was answered 204."""
        try:
            endpoint = self.sender.metadata().get("wipe_acknowledgement_endpoint")
            return self.sender.post(endpoint, {"deviceid": self.deviceid, "jti": jti}).status == 204
        except (NotReached, OtherIssuer):
            return False


def _failed(error: str) -> Refusal:
    return Refusal(502, error, "The enrolment has failed.")
