"""Metadata of the server as device and handset read it (profile section 3)."""
from __future__ import annotations

from fetching import Unreachable, fetch, is_safe

PROFILE = "offline@1"
WELL_KNOWN = "/.well-known/offline-authorization"


def usable_metadata(url: str, issuer, endpoints) -> dict:
    """The document under `url`, where it is of this profile and issuer (None: any) and names the endpoints; else an empty one."""
    try:
        reply = fetch("GET", url + WELL_KNOWN)
    except Unreachable:
        return {}
    document = reply.json_object() if reply.status == 200 else {}
    fits = document.get("profile") == PROFILE and issuer in (None, document.get("issuer"))
    return document if fits and all(is_safe(document.get(name)) for name in endpoints) else {}
