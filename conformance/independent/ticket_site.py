#!/usr/bin/env python3
"""A site of the profile ticket@1: one program for each role, or for several on one origin.

    python3 ticket_site.py --role account-server --port 8811
    python3 ticket_site.py --role terminal --port 8814

The defaults are the values of section 8 of the profile. It listens on loopback only.
"""
from __future__ import annotations

import sys

sys.dont_write_bytecode = True  # leaves the source tree as it is

import program
import ticket_accounts
import ticket_app
import ticket_terminal
from clock import Clock
from ticket_families import Lifetimes
from ticket_wire import PROFILE, WELL_KNOWN
from web import Application

DEFECTS = {
    "account-server": ticket_accounts.DEFECTS,
    "app-server": ticket_app.DEFECTS,
    "terminal": ticket_terminal.DEFECTS,
}
PLACES = {"account-server": "http://127.0.0.1:8811", "app-one": "http://127.0.0.1:8812", "app-two": "http://127.0.0.1:8813"}
APPS = {"app-one": "secret-of-app-one", "app-two": "secret-of-app-two"}


def arguments():
    parser = program.arguments("ticket_site.py", PROFILE, DEFECTS, PLACES)
    server = parser.add_argument_group("account server")
    server.add_argument("--app", nargs=2, action="append", default=[], metavar=("ID", "SECRET"),
                        help="a registered app, added or in the place of the one with that ID")
    server.add_argument("--authorization-key-lifetime", type=int, default=600, help="seconds")
    server.add_argument("--refresh-key-lifetime", type=int, default=2592000, help="seconds")
    server.add_argument("--refresh-grace", type=int, default=60, help="seconds, 20 to 120")
    app = parser.add_argument_group("app server")
    app.add_argument("--app-id", default="app-one")
    app.add_argument("--app-secret", help="its secret at the account server; absent: the one of the defaults")
    terminal = parser.add_argument_group("terminal")
    terminal.add_argument("--app-at", nargs=2, action="append", default=[], metavar=("ID", "URL"), help="one app more")
    return parser


def build(options, base: str) -> Application:
    """The roles on one origin, with their routes and one metadata document."""
    clock, here = Clock(), set(options.role)
    issuer = base if "account-server" in here else options.at["account-server"]
    apps = {**APPS, **dict(options.app)}
    roles = []
    if "account-server" in here:
        lifetimes = Lifetimes(options.authorization_key_lifetime, options.refresh_key_lifetime, options.refresh_grace)
        roles.append(ticket_accounts.AccountServer(base, issuer, clock, apps, lifetimes, options.defect))
    if "app-server" in here:
        secret = options.app_secret or apps.get(options.app_id, "")
        roles.append(ticket_app.AppServer(base, options.app_id, issuer, secret, clock, options.defect))
    if "terminal" in here:
        places = {"app-one": options.at["app-one"], "app-two": options.at["app-two"], **dict(options.app_at)}
        roles.append(ticket_terminal.Terminal(base, issuer, places, clock, options.defect))

    return program.assemble(roles, clock, options, base, PROFILE, WELL_KNOWN, Application(too_large=(400, "invalid_request")))


if __name__ == "__main__":
    sys.exit(program.run(arguments(), DEFECTS, build))
