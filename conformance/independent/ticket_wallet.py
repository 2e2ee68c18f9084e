"""The tickets that a terminal stores (profile section 6)."""
from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field

from ticket_wire import KEY, USER_ID


@dataclass(eq=False)
class Ticket:
    user_id: str
    app_id: str
    authorization_key: str
    refresh_key: str
    request_id: str = field(default_factory=lambda: secrets.token_urlsafe(24))  # of the one refresh of this ticket
    rest_until: float = 0  # neither refreshed nor replaced before this time

    @classmethod
    def of(cls, reply):
        """The ticket of an answer; None where it lacks something."""
        document = reply.json_object() if reply.status == 200 else {}
        values = [document.get(name) for name in ("user_id", "app_id", "authorization_key", "refresh_key")]
        if not all(isinstance(value, str) for value in values):
            return None
        forms_fit = USER_ID.fullmatch(values[0]) and KEY.fullmatch(values[2]) and KEY.fullmatch(values[3])
        return cls(*values) if forms_fit else None

    def shares_a_key_with(self, other: "Ticket") -> bool:
        return bool({self.authorization_key, self.refresh_key} & {other.authorization_key, other.refresh_key})


class Wallet:
    """One ticket for each user name and app, and a lock for the refresh of each."""

    def __init__(self):
        self._tickets, self._refreshing, self._lock = {}, {}, threading.Lock()

    def get(self, user_name: str, app_id: str):
        with self._lock:
            return self._tickets.get((user_name, app_id))

    def first(self, user_name: str):
        with self._lock:
            return next((t for (name, _), t in self._tickets.items() if name == user_name), None)

    def put(self, user_name: str, app_id: str, ticket: Ticket) -> None:
        with self._lock:
            self._tickets[user_name, app_id] = ticket

    def replace(self, user_name: str, app_id: str, old: Ticket, new) -> bool:
        """Puts a ticket, or None, into the place of the old one, unless another has taken it meanwhile."""
        with self._lock:
            if self._tickets.get((user_name, app_id)) is not old:
                return False
            if new is None:
                del self._tickets[user_name, app_id]
            else:
                self._tickets[user_name, app_id] = new
            return True

    def take(self, user_name: str, app_id: str):
        with self._lock:
            return self._tickets.pop((user_name, app_id), None)

    def refreshing(self, user_name: str, app_id: str) -> threading.Lock:
        with self._lock:
            return self._refreshing.setdefault((user_name, app_id), threading.Lock())
