"""The command line that the programs of all profiles share."""
from __future__ import annotations

import argparse

from clock import Clock, advance
from web import Application, Response, Server, json_response


def arguments(name: str, profile: str, defects: dict, places: dict) -> argparse.ArgumentParser:
    """The options that every program has. `defects` has the roles and what each can lift, `places` the other
    parties of section 8 of the profile and where they are."""
    parser = argparse.ArgumentParser(prog=name, allow_abbrev=False, description=f"Runs roles of the profile {profile}.")
    add = parser.add_argument
    add("--role", action="append", choices=list(defects), help="a role to run; repeat it for several on one origin")
    add("--port", type=int, default=0, help="0: any free port")
    add("--defect", action="append", default=[], metavar="ID", help="lift this requirement, or the part of it that stands behind a slash")
    add("--list-defects", action="store_true", help="print the IDs that --defect takes (with --role: of those roles)")
    add("--no-test-clock", action="store_true", help="offer no test clock endpoint")
    add("--at", nargs=2, action="append", default=[], metavar=("PARTY", "URL"),
        help="where another party is: " + ", ".join(f"{party} ({url})" for party, url in places.items()))
    parser.set_defaults(places=places)
    return parser


def assemble(roles: list, clock: Clock, options, base: str, profile: str, well_known: str, application: Application) -> Application:
    """The roles on one origin, with their routes, one metadata document and the test clock."""
    document = {"profile": profile}
    for role in roles:
        application.routes.update(role.routes())
        document.update(role.metadata())
    if not options.no_test_clock:
        application.routes["/test-clock"] = {"POST": lambda request: advance(clock, request)}
        document["test_clock_endpoint"] = base + "/test-clock"

    def metadata(_request) -> Response:
        return json_response(200, document)

    application.routes[well_known] = {"GET": metadata, "HEAD": metadata}
    return application


def run(parser: argparse.ArgumentParser, defects: dict, build) -> int:
    """Parses the command line and serves what `build(options, base)` makes of it; `options.at` has the other parties' places."""
    options = parser.parse_args()
    roles = options.role or []
    offered = [defect for role in (roles or defects) for defect in defects[role]]
    if options.list_defects:
        print("\n".join(offered))
        return 0
    if not roles:
        parser.error("name a --role: " + ", ".join(defects))
    for defect in options.defect:
        if defect not in offered:
            parser.error(f"{defect} is no defect of this role; --list-defects prints them")
    for party, _ in options.at:
        if party not in options.places:
            parser.error(f"{party} is no party here: " + ", ".join(options.places))
    options.at = {**options.places, **dict(options.at)}
    server = Server(options.port)
    server.application = build(options, server.base)
    print(f"listening on {server.base}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    return 0
