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
from clock import Clock, advance
from ticket_families import Lifetimes
from ticket_wire import PROFILE, WELL_KNOWN
from web import Application, Response, json_response

DEFECTS = {
    "account-server": ticket_accounts.DEFECTS,
    "app-server": ticket_app.DEFECTS,
    "terminal": ticket_terminal.DEFECTS,
}
ACCOUNT_SERVER = "http://127.0.0.1:8811"
APP_A = "http://127.0.0.1:8812"
APP_B = "http://127.0.0.1:8813"
APPS = {"app-one": "secret-of-app-one", "app-two": "secret-of-app-two"}


def arguments():
    parser = program.arguments("ticket_site.py", PROFILE, DEFECTS)
    add = parser.add_argument
    add("--account-server", metavar="URL", help="the account server's issuer; where it runs here: its own URL")
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
    terminal.add_argument("--app-a", default=APP_A, metavar="URL", help="base URL of app-one")
    terminal.add_argument("--app-b", default=APP_B, metavar="URL", help="base URL of app-two")
    terminal.add_argument("--app-at", nargs=2, action="append", default=[], metavar=("ID", "URL"), help="one app more")
    return parser


def build(options, base: str) -> Application:
    """The roles on one origin, with their routes and one metadata document."""
    clock, here = Clock(), set(options.role)
    issuer = options.account_server or (base if "account-server" in here else ACCOUNT_SERVER)
    apps = {**APPS, **dict(options.app)}
    roles = []
    if "account-server" in here:
        lifetimes = Lifetimes(options.authorization_key_lifetime, options.refresh_key_lifetime, options.refresh_grace)
        roles.append(ticket_accounts.AccountServer(base, issuer, clock, apps, lifetimes, options.defect))
    if "app-server" in here:
        secret = options.app_secret or apps.get(options.app_id, "")
        roles.append(ticket_app.AppServer(base, options.app_id, issuer, secret, clock, options.defect))
    if "terminal" in here:
        places = {"app-one": options.app_a, "app-two": options.app_b, **dict(options.app_at)}
        roles.append(ticket_terminal.Terminal(base, issuer, places, clock, options.defect))

    application, document = Application(too_large=(400, "invalid_request")), {"profile": PROFILE}
    for role in roles:
        application.routes.update(role.routes())
        document.update(role.metadata())
    if not options.no_test_clock:
        application.routes["/test-clock"] = {"POST": lambda request: advance(clock, request)}
        document["test_clock_endpoint"] = base + "/test-clock"

    def metadata(_request) -> Response:
        return json_response(200, document)

    application.routes[WELL_KNOWN] = {"GET": metadata, "HEAD": metadata}
    return application


if __name__ == "__main__":
    sys.exit(program.run(arguments(), DEFECTS, build))
