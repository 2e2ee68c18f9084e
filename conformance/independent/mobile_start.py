"""One start of the app, from the trigger to the resources (profile section 6.2)."""
from __future__ import annotations

from urllib.parse import urljoin

from mobile_answer import AnswerRefused
from mobile_phone import NotReached, OtherIssuer, Overtaken
from mobile_tries import pause
from mobile_wire import is_safe_url

LIMIT = 27  # seconds for one start; the profile allows 30
MOST_AUTHENTICATIONS, MOST_RESOURCE_REQUESTS = 4, 8
UNBOUNDED = 40
LONGEST_WAIT = 5  # seconds of Retry-After that the app waits
REDIRECTS = (301, 302, 303, 307, 308)


class Failed(Exception):
    """The start is over without resources; status and error of the answer to the trigger."""

    def __init__(self, error: str, status: int = 502):
        super().__init__(error)
        self.error, self.status = error, status


class Start:
    """Authenticates where no token is stored, and asks at the address."""

    def __init__(self, app):
        self.app, self.hold, self.storage, self.sender = app, app.hold, app.storage, app.sender
        self.deadline = app.clock.now() + LIMIT
        self.generation = self.storage.generation
        self.authentications, self.resource_requests = 0, 0
        self.token_refused = False

    def run(self) -> dict:
        """Owner, resources and address; raises Failed."""
        try:
            while True:
                held = self.storage.token(self.generation) or self._authenticate()
                found = self._ask(held)
                if found:
                    return found
        except Overtaken:
            raise Failed("not_enrolled", 409)
        except NotReached:
            raise Failed("unreachable")
        except (OtherIssuer, AnswerRefused):
            raise Failed("answer_refused")

    def _left(self) -> float:
        """Seconds until the start has to end, by the clock that a test clock moves."""
        return self.deadline - self.app.clock.now()

    def _bounded(self, number: int, most: int) -> int:
        if number >= (most if self.hold("MO-AP-33") else UNBOUNDED) or self._left() <= 0:
            raise Failed("access_refused" if self.token_refused else "unreachable")
        return number + 1

    def _wait(self, reply) -> None:
        """Waits as a 503 asks; ends the start where it asks for too long, or not at all."""
        asked = (reply.headers.get("Retry-After") or "").strip()
        seconds = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 6 else LONGEST_WAIT + 1
        if seconds > LONGEST_WAIT or seconds > self._left():
            raise Failed("unreachable")
        if self.hold("MO-AP-34"):
            pause(self.app.clock, seconds, lambda: self._left() <= 0)

    # Authentication (section 4.2)

    def _authenticate(self):
        """The token and address of a new answer, stored."""
        while True:
            self.authentications = self._bounded(self.authentications, MOST_AUTHENTICATIONS)
            document = self.sender.metadata(self._left())
            self.storage.expect(self.generation)
            reply = self.sender.post(document.get("authentication_endpoint"), self._authentication_id(), self._left())
            if reply.status != 503:
                break
            self._wait(reply)
        self.storage.expect(self.generation)
        if reply.status in (400, 401, 403):
            return self._refused(reply)
        if reply.status != 200:
            raise Failed("access_refused")
        held, version = self.app.judge.answer(reply.json_object(), self.storage.highest)
        if not is_safe_url(held.address):
            raise Failed("access_refused")
        self.storage.keep_token(self.generation, held, version)
        if not self.hold("MO-AP-04"):
            self.sender.send("GET", self.sender.issuer, authorization=f"{held.token_type} {held.access_token}")
        return held

    def _authentication_id(self) -> dict:
        names = {"appid": self.app.appid, "deviceid": self.app.deviceid, "username": self.app.username}
        if not self.hold("MO-AP-02"):
            del names["username"]
        return names

    def _refused(self, reply):
        """An authentication that was refused ends the start, and may carry a wipe."""
        self.storage.drop_token(self.generation)
        wipe = self.app.judge.wipe(reply.json_object().get("message"))
        if wipe and self.hold("MO-AP-30"):
            self.app.obey(wipe.jti)
        elif self.storage.last_held and not self.hold("MO-AP-08"):
            return self.storage.last_held
        raise Failed("authentication_refused")

    # Access (section 5.1)

    def _ask(self, held) -> dict:
        """One round at the address; empty where the app has to authenticate anew."""
        address = held.address if self.hold("MO-AP-05") else self.storage.first_address
        if not is_safe_url(address):
            self.storage.drop_token(self.generation, held)
            raise Failed("access_refused")
        while True:
            self.resource_requests = self._bounded(self.resource_requests, MOST_RESOURCE_REQUESTS)
            try:
                reply = self.sender.read(address, held, self._left())
            except NotReached:
                if not self.hold("MO-AP-06"):
                    raise
                self.storage.drop_token(self.generation, held)
                return {}
            if reply.status in REDIRECTS and not self.hold("MO-AP-23"):
                reply = self.sender.read(urljoin(address, reply.headers.get("Location") or ""), held, self._left())
            if reply.status == 401:
                self.token_refused = True
                if self.hold("MO-AP-07"):
                    self.storage.drop_token(self.generation, held)
                    return {}
            elif reply.status == 503:
                self._wait(reply)
                self.storage.expect(self.generation)
            else:
                return self._taken(reply, address)

    def _taken(self, reply, address: str) -> dict:
        """The resources of an answer, stored."""
        members = reply.json_object() if reply.status == 200 else {}
        owner, resources = members.get("owner"), members.get("resources")
        if not isinstance(owner, str) or not isinstance(resources, list):
            raise Failed("access_refused")
        self.storage.keep_resources(self.generation, resources)
        return {"owner": owner, "resources": resources, "address": address}
