"""The rules, their versions and the audit (profile section 4.6)."""
from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from documents import invalid_request
from mobile_wire import is_identifier, is_safe_url, is_username

LISTS = {"systems": {"system_id", "address"}, "apps": {"appid", "system_id", "users"}, "devices": {"deviceid", "username"}}


@dataclass(frozen=True)
class Rules:
    """One version of the rules. `systems` has addresses, `apps` pairs of system and users, `devices` user names."""

    version: int
    members: dict
    systems: dict
    apps: dict
    devices: dict

    def covers(self, appid: str, deviceid: str, username: str, system_id: str) -> bool:
        """Whether the rules connect the four."""
        app = self.apps.get(appid)
        return app is not None and app[0] == system_id and username in app[1] and self.devices.get(deviceid) == username


def read(members: dict, version: int, sealed_systems, readable_part: bool = False) -> Rules:
    """The rules that a document holds. Without `readable_part` anything that is wrong refuses them as a whole."""
    if not readable_part and set(members) != set(LISTS):
        raise invalid_request("Rules have exactly the members " + ", ".join(LISTS) + ".")
    rules = Rules(version, {name: [] for name in LISTS}, {}, {}, {})
    readers = {"systems": _system, "apps": _app, "devices": _device}
    for name, row_members in LISTS.items():
        rows = members.get(name)
        if not isinstance(rows, list):
            if not readable_part:
                raise invalid_request(f"{name} is no list.")
            rows = []
        for row in rows:
            fault = _fault(row, row_members) or readers[name](rules, row, sealed_systems)
            if not fault:
                rules.members[name].append(row)
            elif not readable_part:
                raise invalid_request(f"An entry of {name} {fault}.")
    return rules


def _fault(row, members: set) -> str:
    return "" if isinstance(row, dict) and set(row) == members else "has not exactly the members " + ", ".join(sorted(members))


def _system(rules: Rules, row: dict, sealed_systems) -> str:
    system_id, address = row["system_id"], row["address"]
    if not is_identifier(system_id) or system_id in rules.systems:
        return "has no system_id, or one that another has"
    if system_id not in sealed_systems:
        return "is a system for which there is no sealing key"
    if not is_safe_url(address):
        return "has an address that is no safe URL"
    rules.systems[system_id] = address
    return ""


def _app(rules: Rules, row: dict, _sealed_systems) -> str:
    appid, system_id, users = row["appid"], row["system_id"], row["users"]
    if not is_identifier(appid) or appid in rules.apps:
        return "has no appid, or one that another has"
    if not is_identifier(system_id) or system_id not in rules.systems:
        return "has a system_id that systems does not name"
    if not isinstance(users, list) or not all(map(is_username, users)) or len(set(users)) < len(users):
        return "has users that are no list of different user names"
    rules.apps[appid] = (system_id, frozenset(users))
    return ""


def _device(rules: Rules, row: dict, _sealed_systems) -> str:
    deviceid, username = row["deviceid"], row["username"]
    if not is_identifier(deviceid) or deviceid in rules.devices or not is_username(username):
        return "has no deviceid or no username, or a deviceid that another has"
    rules.devices[deviceid] = username
    return ""


class Rulebook:
    """The version in force, the one before, the first one, and the audit. A request takes one of them and keeps to it.
    Whoever activates holds the server's lock."""

    def __init__(self, clock, members: dict, sealed_systems, hold):
        self._clock, self._sealed_systems, self._hold = clock, sealed_systems, hold
        self._audit = []
        self.first = self.before = self.current = read(members, 1, sealed_systems)
        self.changed_at = 0
        self._record(self.first, "file", json.dumps(members).encode())

    def activate(self, members: dict, sent: bytes, by: str) -> tuple:
        """Puts rules in force; returns the versions before and now."""
        rules = read(members, self.current.version + 1, self._sealed_systems, not self._hold("MO-AS-16"))
        self.before, self.current = self.current, rules
        self.changed_at = self._clock.now()
        self._record(rules, by, sent)
        return self.before, rules

    def audit(self) -> list:
        return list(self._audit)

    def _record(self, rules: Rules, by: str, sent: bytes) -> None:
        entry = {"rules_version": rules.version, "activated_at": int(self._clock.now()), "by": by,
                 "sha256": hashlib.sha256(sent).hexdigest()}
        if not self._hold("MO-AS-60"):
            del entry["by"]
        self._audit.append(entry)
