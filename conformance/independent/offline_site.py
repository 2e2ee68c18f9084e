#!/usr/bin/env python3
"""A site of the profile offline@1: one program for each role, or for several on one origin.

    python3 offline_site.py --role service-server --port 8831
    python3 offline_site.py --role verification-device --port 8834

The defaults are the values of section 8 of the profile. It listens on loopback only.
"""
from __future__ import annotations

import sys

sys.dont_write_bytecode = True  # leaves the source tree as it is

import offline_device
import offline_handset
import offline_server
import program
from clock import Clock
from offline_envelope import private_bytes, public_key_of
from offline_frames import FRAME_SIZES
from offline_wire import PROFILE, WELL_KNOWN
from web import Application

DEFECTS = {
    "service-server": offline_server.DEFECTS,
    "verification-device": offline_device.DEFECTS,
    "handset": offline_handset.DEFECTS,
}
PLACES = {"service-server": "http://127.0.0.1:8831", "till-one": "http://127.0.0.1:8832", "till-two": "http://127.0.0.1:8833"}

DEVICES = {"till-1": "secret-of-till-1", "till-2": "secret-of-till-2"}
OWNERS = {"handset-1": "alice", "handset-2": "bob", "handset-3": "carol", "handset-4": "dave"}
SERVICES = {"coffee": 5000, "gate": 0}
SERVER_KEY = "server-1"


def arguments():
    parser = program.arguments("offline_site.py", PROFILE, DEFECTS, PLACES)
    server = parser.add_argument_group("service server")
    server.add_argument("--challenge-lifetime", type=int, default=60, help="seconds, 1 to 120")
    device = parser.add_argument_group("verification device")
    device.add_argument("--device", default="till-1", choices=list(DEVICES))
    device.add_argument("--link", default="ble", choices=list(FRAME_SIZES))
    handset = parser.add_argument_group("handset")
    handset.add_argument("--handset", default="handset-1", choices=list(OWNERS))
    return parser


def build(options, base: str) -> Application:
    """The roles on one origin. Where the server is one of them, device and handset pin its key."""
    clock, here = Clock(), set(options.role)
    issuer = base if "service-server" in here else options.at["service-server"]
    pinned = {SERVER_KEY: public_key_of(SERVER_KEY)}
    roles = []
    if "service-server" in here:
        handsets = {name: (account, public_key_of(name)) for name, account in OWNERS.items()}
        accounts = {account: f"{account}-account-password" for account in OWNERS.values()}
        server = offline_server.ServiceServer(base, clock, DEVICES, handsets, SERVICES, accounts,
                                              options.challenge_lifetime, options.defect)
        pinned = {server.signer.kid: server.signer.public}
        roles.append(server)
    if "verification-device" in here:
        roles.append(offline_device.VerificationDevice(base, options.device, DEVICES[options.device], issuer, pinned,
                                                       options.link, clock, options.defect))
    if "handset" in here:
        seed, account = private_bytes(options.handset), OWNERS[options.handset]
        roles.append(offline_handset.HandsetUnderTest(base, options.handset, seed, account, issuer, pinned, clock, options.defect))
    return program.assemble(roles, clock, options, base, PROFILE, WELL_KNOWN, Application(too_large=(413, "invalid_request")))


if __name__ == "__main__":
    sys.exit(program.run(arguments(), DEFECTS, build))
