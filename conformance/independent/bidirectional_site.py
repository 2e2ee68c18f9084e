#!/usr/bin/env python3
"""A site of the profile bidirectional@1: one program for each role, or for several on one origin.

    python3 bidirectional_site.py --role oauth-server --port 8701
    python3 bidirectional_site.py --role oauth-server --role resource-server --role client --port 8701

The defaults are the values of section 8 of the profile. It listens on loopback only.
"""
from __future__ import annotations

import sys

sys.dont_write_bytecode = True  # leaves the source tree as it is

import client
import oauth_server
import program
import resource_server
from clock import Clock
from legs import PROFILE, WELL_KNOWN, Peer
from store import Registration
from web import Application

DEFECTS = {
    "oauth-server": oauth_server.DEFECTS,
    "resource-server": resource_server.DEFECTS,
    "client": client.DEFECTS,
}
PLACES = {"site-a": "http://127.0.0.1:8791", "site-b": "http://127.0.0.1:8792"}
CLIENTS = [
    ("client-a", "secret-a-at-a", "Site A", PLACES["site-a"] + "/callback"),
    ("client-b", "secret-b-at-a", "Site B", PLACES["site-b"] + "/callback"),
    ("client-c", "secret-c-at-a", "Site C", "http://127.0.0.1:8793/callback"),
]
USERS = [("alice", "alice-password-at-a"), ("bob", "bob-password-at-a")]


def arguments():
    parser = program.arguments("bidirectional_site.py", PROFILE, DEFECTS, PLACES)
    add = parser.add_argument
    add("--handover-key", default="handover-key-a")
    add("--client", nargs=4, action="append", default=[], metavar=("ID", "SECRET", "NAME", "CALLBACK"),
        help="a registered client, added or in the place of the one with that ID")
    add("--only-given-clients", action="store_true", help="register none but those of --client")
    add("--user", nargs=2, action="append", metavar=("NAME", "PASSWORD"), help="an account, in the place of the defaults")
    add("--timestamp-window", type=int, default=300, help="seconds")
    server = parser.add_argument_group("OAuth server")
    server.add_argument("--handover-endpoint", help="where tokens are handed over")
    server.add_argument("--resource-endpoint", help="for which resource server tokens are meant")
    server.add_argument("--delegation-endpoint", help="that of the site's client")
    server.add_argument("--temporary-credential-lifetime", type=int, default=600, help="seconds")
    server.add_argument("--access-token-lifetime", type=int, default=3600, help="seconds")
    side = parser.add_argument_group("client")
    side.add_argument("--client-id", default="client-a", help="the identifier of the site's client")
    side.add_argument("--own-secret", default="secret-a-at-a", help="its secret at its own site")
    side.add_argument("--peer-secret", default="secret-a-at-b", help="this client's secret at the peer")
    side.add_argument("--peer-client-id", default="client-b")
    side.add_argument("--peer-client-secret", default="secret-b-at-a", help="the peer client's secret at this site")
    side.add_argument("--peer", nargs=4, action="append", default=[],
                      metavar=("ISSUER", "SECRET", "CLIENT_ID", "CLIENT_SECRET"), help="one peer more")
    return parser


def build(options, base: str) -> Application:
    """The roles on one origin, with their routes and one metadata document."""
    clock = Clock()
    here = set(options.role)
    own = options.at["site-a"]
    issuer = base if "oauth-server" in here else own
    given = {entry[0]: entry for entry in options.client}
    known = {} if options.only_given_clients else {entry[0]: entry for entry in CLIENTS}
    clients = [Registration(*entry) for entry in {**known, **given}.values()]
    users = options.user or USERS

    def near(role: str) -> str:
        return base if role in here else own

    roles = []
    if "oauth-server" in here:
        roles.append(oauth_server.OAuthServer(
            base, issuer, clock, clients, users,
            options.handover_endpoint or near("resource-server") + "/handover", options.handover_key,
            options.resource_endpoint or near("resource-server") + "/resource",
            options.client_id, options.delegation_endpoint or near("client") + "/delegation",
            oauth_server.Lifetimes(options.temporary_credential_lifetime, options.access_token_lifetime,
                                   options.timestamp_window),
            options.defect))
    if "resource-server" in here:
        roles.append(resource_server.ResourceServer(
            base, clock, issuer, options.handover_key, clients, users, options.timestamp_window, options.defect))
    if "client" in here:
        peers = [Peer(options.at["site-b"], options.peer_secret, options.peer_client_id, options.peer_client_secret)]
        peers += [Peer(*entry) for entry in options.peer]
        roles.append(client.Client(
            base, options.client_id, issuer, options.own_secret, peers, clock, options.timestamp_window, options.defect))

    return program.assemble(roles, clock, options, base, PROFILE, WELL_KNOWN, Application())


if __name__ == "__main__":
    sys.exit(program.run(arguments(), DEFECTS, build))
