"""The command line that the programs of all profiles share."""
from __future__ import annotations

import argparse

from web import Server


def arguments(name: str, profile: str, defects: dict) -> argparse.ArgumentParser:
    """The options that every program has; `defects` has the roles and what each can lift."""
    parser = argparse.ArgumentParser(prog=name, allow_abbrev=False, description=f"Runs roles of the profile {profile}.")
    add = parser.add_argument
    add("--role", action="append", choices=list(defects), help="a role to run; repeat it for several on one origin")
    add("--port", type=int, default=0, help="0: any free port")
    add("--defect", action="append", default=[], metavar="ID", help="lift this requirement")
    add("--list-defects", action="store_true", help="print the IDs that --defect takes (with --role: of those roles)")
    add("--no-test-clock", action="store_true", help="offer no test clock endpoint")
    return parser


def run(parser: argparse.ArgumentParser, defects: dict, build) -> int:
    """Parses the command line and serves what `build(options, base)` makes of it."""
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
    server = Server(options.port)
    server.application = build(options, server.base)
    print(f"listening on {server.base}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    return 0
