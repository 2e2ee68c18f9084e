"""Tries that are made again and again, spaced by the clock of the site, which a test clock can move."""
from __future__ import annotations

import sys
import threading
import time
import traceback

TICK = 0.05  # seconds of real time between two looks at the clock


def pause(clock, seconds: float, ended=lambda: False) -> None:
    """Returns when so many seconds have passed on the clock, or when `ended`."""
    until = clock.now() + seconds
    while clock.now() < until and not ended():
        time.sleep(TICK)


class Row:
    """One row of tries. `attempt` makes one and says whether the row is over; `spaces` gives the seconds after each."""

    def __init__(self, attempt, spaces):
        self.attempt, self.spaces = attempt, iter(spaces)
        self.due, self.under_way, self.over = 0.0, False, False


class Tries:
    """Makes the tries of many rows, each try in a thread of its own."""

    def __init__(self, clock):
        self._clock, self._rows, self._lock = clock, [], threading.Lock()
        self._runs = False

    def begin(self, attempt, spaces) -> Row:
        """A new row, whose first try is due now."""
        row = Row(attempt, spaces)
        with self._lock:
            self._rows.append(row)
            if not self._runs:
                self._runs = True
                threading.Thread(target=self._run, daemon=True).start()
        return row

    def end(self, row: Row) -> None:
        row.over = True

    def _run(self) -> None:
        while True:
            now = self._clock.now()
            with self._lock:
                self._rows = [row for row in self._rows if not row.over]
                if not self._rows:
                    self._runs = False
                    return
                due = [row for row in self._rows if not row.under_way and row.due <= now]
                for row in due:
                    row.under_way = True
            for row in due:
                threading.Thread(target=self._try, args=(row,), daemon=True).start()
            time.sleep(TICK)

    def _try(self, row: Row) -> None:
        try:
            over = row.attempt()
        except Exception:
            traceback.print_exc(file=sys.stderr)
            over = False
        # Spaces are counted from the end of the try before.
        space = next(row.spaces, None)
        row.due = self._clock.now() + (space or 0)
        row.over = row.over or over or space is None
        row.under_way = False
