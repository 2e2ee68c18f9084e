#!/usr/bin/env python3
"""A site of the profile unified@1: one program for each role, or for both on one origin.

    python3 unified_site.py --role authentication-platform --port 8841
    python3 unified_site.py --role third-party-platform --port 8842

The defaults are the values of section 8 of the profile. It listens on loopback only and keeps its state in memory.
"""
from __future__ import annotations

import sys

sys.dont_write_bytecode = True  # leaves the source tree as it is

import program
import unified_platform
import unified_third_party
from clock import Clock
from jose import Key, b64decode
from store import Guards
from unified_registrations import Registration
from unified_wire import LARGEST_MESSAGE, PROFILE, WELL_KNOWN
from web import Application

DEFECTS = {
    "authentication-platform": unified_platform.DEFECTS,
    "third-party-platform": unified_third_party.DEFECTS,
}
PLACES = {
    "registering": "http://127.0.0.1:8846", "attacker": "http://127.0.0.1:8849",
    **{f"site-{letter}": f"http://127.0.0.1:{8842 + i}" for i, letter in enumerate("abcd")},
    "platform-p": "http://127.0.0.1:8841", "platform-q": "http://127.0.0.1:8847", "platform-r": "http://127.0.0.1:8848",
}
PEOPLE = [(name, f"{name}-password-at-platform", name.capitalize()) for name in ("alice", "bob")]
PEOPLE += [(f"user-{n:02d}", f"password-of-user-{n:02d}", f"User {n:02d}") for n in range(1, 100)]
OPERATORS = [("olga", "olga-operator-password", True), ("rene", "rene-operator-password", True), ("victor", "victor-operator-password", False)]
LOGOUT_PATHS = {"a": {"logout_uri": "/logout"}, "b": {"logout_uri": "/logout"}, "c": {}, "d": {"backchannel_logout_uri": "/backchannel"}}
KEYS = {
    **{f"site-{letter}": (Key(f"tp-{letter}-1", f"communication-key-of-tp-{letter}-no-001".encode()),) for letter in "abcd"},
    "platform-p": (Key("tp-a-1", b"communication-key-of-tp-a-no-001"), Key("tp-a-2", b"communication-key-of-tp-a-no-002")),
    "platform-q": (Key("q-tp-a-1", b"communication-key-of-tp-a-at-q-1"),),
    "platform-r": (Key("r-tp-a-1", b"communication-key-of-tp-a-at-r-1"),),
}


def arguments():
    parser = program.arguments("unified_site.py", PROFILE, DEFECTS, PLACES)
    parser.add_argument("--key", nargs=3, action="append", default=[], metavar=("PARTY", "KID", "K"),
                        help="a communication key shared with a site or platform, in base64url, newest last, in the place of its defaults")
    platform = parser.add_argument_group("authentication platform")
    platform.add_argument("--batch-limit", type=int, default=8, help="tasks, 2 to 1000")
    platform.add_argument("--batch-idle-time", type=int, default=2, help="seconds")
    platform.add_argument("--batch-max-wait", type=int, default=6, help="seconds, more than the idle time")
    platform.add_argument("--key-overlap", type=int, default=600, help="seconds")
    return parser


def keys_of(options, party: str) -> tuple:
    given = tuple(Key(kid, b64decode(k)) for name, kid, k in options.key if name == party)
    return given or KEYS[party]


def platform(options, base: str, clock: Clock) -> unified_platform.Platform:
    """A platform with the users, operators and third-party platforms of section 8."""
    queue = (options.batch_limit, options.batch_idle_time, options.batch_max_wait)
    guards = Guards(unified_platform.DEFECTS, options.defect)
    made = unified_platform.Platform(base, base, clock, guards, PEOPLE, OPERATORS, queue, options.key_overlap)
    for letter, logout in LOGOUT_PATHS.items():
        site = options.at[f"site-{letter}"]
        paths = {"access_uri": site + "/access", "callback_uri": site + "/callback", **{name: site + path for name, path in logout.items()}}
        made.register.put(f"tp-{letter}", f"Site {letter.upper()}", "olga", paths, *keys_of(options, f"site-{letter}"))
    return made


def third_party(options, base: str, clock: Clock) -> unified_third_party.ThirdParty:
    """A third-party platform that is registered at the platforms of section 8."""
    registrations = [Registration(options.at[f"platform-{letter}"], "tp-a", keys_of(options, f"platform-{letter}")) for letter in "pqr"]
    return unified_third_party.ThirdParty(base, clock, Guards(unified_third_party.DEFECTS, options.defect), registrations)


def build(options, base: str) -> Application:
    """The roles on one origin, with their routes and one metadata document."""
    clock = Clock()
    makers = {"authentication-platform": platform, "third-party-platform": third_party}
    roles = [makers[role](options, base, clock) for role in dict.fromkeys(options.role)]
    application = Application(too_large=(413, "invalid_request"), largest_body=LARGEST_MESSAGE)
    return program.assemble(roles, clock, options, base, PROFILE, WELL_KNOWN, application)


if __name__ == "__main__":
    sys.exit(program.run(arguments(), DEFECTS, build))
