"""The clock of a site, and the endpoint that moves it (section 9 of the profiles)."""
from __future__ import annotations

import threading
import time

from forms import Refusal
from web import Response, json_response, single


class Clock:
    """Seconds since 1970, which the test clock endpoint can move forward."""

    def __init__(self):
        self._ahead, self._lock = 0, threading.Lock()

    def now(self) -> float:
        return time.time() + self._ahead

    def advance(self, seconds: int) -> None:
        with self._lock:
            self._ahead += seconds


def advance(clock: Clock, request) -> Response:
    """Moves the clock by the whole seconds of the form."""
    text = single(request.form, "advance", required=True)
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise Refusal(400, "parameter_rejected", "advance is not a whole number of seconds.")
    clock.advance(int(text))
    return json_response(200, {"now": int(clock.now())})
