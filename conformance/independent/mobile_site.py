#!/usr/bin/env python3
"""A site of the profile mobile@1: one program for each role, or for several on one origin.

    python3 mobile_site.py --role authorization-server --port 8821
    python3 mobile_site.py --role mobile-app --port 8827

The defaults are the values of section 8 of the profile. It needs python3-cryptography and listens on loopback only.
"""
from __future__ import annotations

import json
import sys

sys.dont_write_bytecode = True  # leaves the source tree as it is

import mobile_app
import mobile_authorization
import mobile_business
import program
from clock import Clock
from jose import Key, b64decode
from mobile_wire import LARGEST_RULES, PROFILE, WELL_KNOWN
from web import Application

DEFECTS = {
    "authorization-server": mobile_authorization.DEFECTS,
    "business-system": mobile_business.DEFECTS,
    "mobile-app": mobile_app.DEFECTS,
}
PLACES = {
    "authorization-server": "http://127.0.0.1:8821",
    "business-system": "http://127.0.0.1:8822",
    "other-system": "http://127.0.0.1:8824",
    "second-address": "http://127.0.0.1:8825",
    "redirect-target": "http://127.0.0.1:8826",
    "devices": "http://127.0.0.1:8823",
}
SYSTEMS = (
    ("crm", "crm-secret", "crm-1", "I1urdNkFlj6yL61ShKbGswm_wUR8Mj8NYfXQRkMM4W8"),
    ("erp", "erp-secret", "erp-1", "CbE406LN5KKnfelQXu1EJGshrq0wtj3MHBqDBCFJlfI"),
)
ADMINISTRATORS = {"admin-1": "admin-password-1", "admin-2": "admin-password-2"}
USERS = {"alice": "alice-password", "bob": "bob-password", "carol": "carol-password"}
SIGNING_KEY = {
    "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "harness-1",
    "x": "yW6fk56JXAJxdaggTrvhjOtEy7yW--dWkOsXKk5FvFE", "y": "1uxbWylTyglGImoFl6etGliYTltDLr2z-XrOSuMLQ84",
}


def rules(places: dict) -> dict:
    """The first rules of an authorization server, with the places of the two systems."""
    addresses = {"crm": places["business-system"] + "/resource", "erp": places["other-system"] + "/resource"}
    return {
        "systems": [{"system_id": system_id, "address": address} for system_id, address in addresses.items()],
        "apps": [{"appid": "field-sales", "system_id": "crm", "users": ["alice", "bob", "carol"]},
                 {"appid": "stock", "system_id": "erp", "users": ["alice"]}],
        "devices": [{"deviceid": "device-alice", "username": "alice"}, {"deviceid": "device-bob", "username": "bob"}],
    }


def arguments():
    parser = program.arguments("mobile_site.py", PROFILE, DEFECTS, PLACES)
    both = parser.add_argument_group("authorization server and business system")
    both.add_argument("--system", nargs=4, action="append", default=[], metavar=("ID", "SECRET", "KID", "K"),
                      help="a business system with its secret and first sealing key, added or in the place of the one with that ID")
    server = parser.add_argument_group("authorization server")
    server.add_argument("--access-token-lifetime", type=int, default=300, help="seconds, at most 600")
    business = parser.add_argument_group("business system")
    business.add_argument("--system-id", default="crm")
    app = parser.add_argument_group("mobile app")
    app.add_argument("--appid", default="field-sales")
    app.add_argument("--deviceid", default="device-under-test")
    app.add_argument("--username", default="alice")
    app.add_argument("--trusted-jwks", metavar="FILE", help="a JWK Set of the authorization server's public signing keys")
    return parser


def build(options, base: str) -> Application:
    """The roles on one origin, with their routes and one metadata document."""
    clock, here, roles = Clock(), set(options.role), []
    issuer = base if "authorization-server" in here else options.at["authorization-server"]
    systems = {system_id: (secret, Key(kid, b64decode(k))) for system_id, secret, kid, k in (*SYSTEMS, *options.system)}
    server = None
    if "authorization-server" in here:
        server = mobile_authorization.AuthorizationServer(base, clock, systems, ADMINISTRATORS, USERS, rules(options.at),
                                                          options.access_token_lifetime, options.defect)
        roles.append(server)
    if "business-system" in here:
        secret, key = systems[options.system_id]
        roles.append(mobile_business.BusinessSystem(base, options.system_id, secret, key, issuer, clock,
                                                    options.defect))
    if "mobile-app" in here:
        roles.append(mobile_app.MobileApp(base, issuer, trusted_keys(options, server), options.appid, options.deviceid,
                                          options.username, clock, options.defect))
    application = Application(too_large=(413, "invalid_request"), largest_body=LARGEST_RULES)
    return program.assemble(roles, clock, options, base, PROFILE, WELL_KNOWN, application)


def trusted_keys(options, server) -> list:
    """The signing keys that an app trusts: those of a file, of the server beside it, or of section 8."""
    if options.trusted_jwks:
        with open(options.trusted_jwks, encoding="utf-8") as file:
            return json.load(file)["keys"]
    return [server.signer.jwk()] if server else [SIGNING_KEY]


if __name__ == "__main__":
    sys.exit(program.run(arguments(), DEFECTS, build))
