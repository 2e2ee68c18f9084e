"""The queues of logout tasks, and how often and when a queue tries (profile section 4.6)."""
from __future__ import annotations

import contextlib
import secrets
import sys
import threading
import traceback
from dataclasses import dataclass, field

LONGEST_WAIT = 300  # seconds between two tries, before what is added at random
_random = secrets.SystemRandom()


@dataclass(eq=False)
class Task:
    task_id: str
    client_id: str
    sub: str
    generation: int
    added_at: float


@dataclass(frozen=True)
class Outcome:
    """What a try led to: the tasks that are done, and the seconds of Retry-After, 0 without one."""

    done: tuple = ()
    retry_after: int = 0


@dataclass(frozen=True)
class Rules:
    """When a queue is flushed and how it goes on: numbers of tasks, and seconds."""

    full: float  # a queue with so many tasks is flushed
    most: float  # tasks in one request
    idle: float
    longest: float
    keeps_trying: bool = True
    doubles: bool = True
    heeds_retry_after: bool = True


@dataclass
class Queue:
    """The tasks of one third-party platform. `deliver` sends some, with at most one request at a time, and gives the Outcome."""

    clock: object
    rules: Rules
    deliver: object
    gate: object = field(default_factory=contextlib.nullcontext)  # held while a request is under way

    def __post_init__(self):
        self._tasks, self._failures, self._wait_until = [], 0, None
        self._changed, self._worker = threading.Condition(), None

    def add(self, tasks: list) -> None:
        with self._changed:
            self._tasks += tasks
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, daemon=True)
                self._worker.start()
            self._changed.notify_all()

    def wait(self, seconds: float) -> None:
        """Returns when all tasks are done or a try has failed, and after the seconds at the latest."""
        with self._changed:
            self._changed.wait_for(lambda: not self._tasks or self._failures, seconds)

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._due():
                    # The test clock moves without notice, so a queue with tasks looks at it again and again.
                    self._changed.wait(0.1 if self._tasks else None)
                batch = self._tasks[:int(min(self.rules.most, len(self._tasks)))]
            try:
                with self.gate:
                    outcome = self.deliver(batch)
            except Exception:
                traceback.print_exc(file=sys.stderr)
                outcome = Outcome()
            with self._changed:
                self._settle(batch, outcome)
                self._changed.notify_all()

    def _due(self) -> bool:
        now = self.clock.now()
        if not self._tasks:
            return False
        if self._wait_until is not None:
            return now >= self._wait_until
        return (len(self._tasks) >= self.rules.full
                or now >= self._tasks[-1].added_at + self.rules.idle
                or now >= self._tasks[0].added_at + self.rules.longest)

    def _settle(self, batch: list, outcome: Outcome) -> None:
        """After some done, a row of waiting times begins anew; a wait that is over has flushed the queue by itself."""
        self._wait_until = None
        gone = set(outcome.done) if self.rules.keeps_trying else set(batch)
        self._tasks = [task for task in self._tasks if task not in gone]
        if all(task in gone for task in batch):
            self._failures = 0
            return
        self._failures = 1 if outcome.done else self._failures + 1
        seconds = min(LONGEST_WAIT, 2 ** min(self._failures - 1, 16)) if self.rules.doubles else 1
        seconds *= _random.uniform(1, 1.2)
        if self.rules.heeds_retry_after:
            seconds = max(seconds, outcome.retry_after)
        self._wait_until = self.clock.now() + seconds


def retry_after(reply) -> int:
    """The Retry-After of an answer where it is whole seconds, at most 300; otherwise 0."""
    text = ((reply.headers.get("Retry-After") if reply else "") or "").strip()
    seconds = int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else 0
    return seconds if seconds <= LONGEST_WAIT else 0
