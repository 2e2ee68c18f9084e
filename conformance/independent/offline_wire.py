"""Metadata of the server as device and handset read it (profile section 3)."""
from __future__ import annotations

from fetching import Unreachable, fetch, is_safe

PROFILE = "offline@1"
WELL_KNOWN = "/.well-known/offline-authorization"


def asked_for(url: str, timeout: float = 5):
    """One request for the document under `url`: the reply, None where there is none within `timeout` seconds."""
    try:
        return fetch("GET", url + WELL_KNOWN, timeout=timeout)
    except Unreachable:
        return None


def usable_metadata(reply, issuer, endpoints) -> dict:
    """The document of a reply, where it is of this profile and issuer (None: any) and names the endpoints; else an empty one."""
    if reply is None:
        return {}
    document = reply.json_object() if reply.status == 200 else {}
    fits = document.get("profile") == PROFILE and issuer in (None, document.get("issuer"))
    return document if fits and all(is_safe(document.get(name)) for name in endpoints) else {}
