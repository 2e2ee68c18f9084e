"""The requests of one use at the terminal, with their tries (profile section 6.2)."""
from __future__ import annotations

import threading
import time
from urllib.parse import urljoin

from fetching import Reply, Unreachable, fetch
from ticket_wire import WELL_KNOWN, usable_metadata

PATIENCE = 5  # seconds for one request
PAUSES = (1, 2)  # seconds before the second try and the third
LONGEST_RETRY_AFTER = 10  # seconds
USE_LIMIT = 60  # seconds for all requests of a use together
REDIRECTS = (301, 302, 303, 307, 308)


class Unavailable(Exception):
    """The tries are used up."""


class Requests:
    """Sends requests until the use has to end."""

    def __init__(self, hold):
        self.hold, self.deadline = hold, time.monotonic() + USE_LIMIT

    def left(self) -> float:
        return self.deadline - time.monotonic()

    def metadata(self, base: str, issuer: str, app_id: str = "") -> dict:
        document = usable_metadata(self.send("GET", base + WELL_KNOWN), issuer, app_id)
        if not document:
            raise Unavailable(f"There is no metadata of {issuer} under {base} that can be used.")
        return document

    def send(self, method: str, url: str, authorization: str = "", document=None, tries: int = 3) -> Reply:
        """The first answer that is no 5xx. `document` is a JSON object, or a function that makes one for each try."""
        for number in range(tries):
            body = document() if callable(document) else document
            reply = self._once(method, url, authorization, body)
            if reply and reply.status < 500:
                return reply
            pause = self._pause(reply, number)
            if pause is None or number + 1 == tries or pause >= self.left():
                break
            threading.Event().wait(pause)
        raise Unavailable(f"{url} gave no answer.")

    def _pause(self, reply, number: int):
        """Seconds before the next try; None where the server asks for more than a use can wait."""
        asked = ((reply.headers.get("Retry-After") if reply else "") or "").strip()
        if not (asked.isascii() and asked.isdigit()):
            return PAUSES[min(number, 1)]
        seconds = int(asked[:9])
        return seconds if seconds <= LONGEST_RETRY_AFTER else None

    def _once(self, method: str, url: str, authorization: str, document):
        patience = min(PATIENCE, self.left())
        if patience <= 0:
            return None
        try:
            reply = fetch(method, url, authorization, timeout=patience, document=document)
            if reply.status in REDIRECTS and not self.hold("TI-TE-13"):
                return fetch(method, urljoin(url, reply.headers.get("Location") or ""), authorization,
                             timeout=patience, document=document)
            return reply
        except Unreachable:
            return None
