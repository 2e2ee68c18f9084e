#!/usr/bin/env python3
"""An app server of the profile ticket@1, level hardened, to start from. Sections are those of conformance/profiles/ticket.md.

It needs Python 3.9 and nothing else. The defaults are the values of section 8, where `countersign check` plays the account server.
"""
import argparse
import base64
import http.client
import json
import re
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

WELL_KNOWN = "/.well-known/ticket-accounts"
FORMS = {"user_id": re.compile(r"[A-Za-z0-9_-]{1,64}"), "authorization_key": re.compile(r"[A-Za-z0-9_-]{1,256}")}  # section 2
PARAMETER = re.compile(r"""[\s,]*([\w!#$%&'*+.^`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))\s*(?:,|$)""")
METADATA_KEPT, LONGEST_CACHE = 300, 60  # seconds, sections 3 and 4.4
PATIENCE = 3.5  # seconds for the account server: our own answer is due within 4, section 5.2


class Refusal(Exception):
    """Status, error, description and headers of an answer of section 5.2."""


def outage():
    return Refusal(503, "temporarily_unavailable", "The account server cannot be asked; come back later.", {"Retry-After": "2"})


class AppServer:
    def __init__(self, base, app_id, issuer, secret):
        self.base, self.app_id, self.issuer, self.secret = base, app_id, issuer, secret
        self.endpoint, self.endpoint_until, self.kept = "", 0, {}  # kept: pair -> until when its confirmation holds

    def metadata(self):  # section 3
        return {"profile": "ticket@1", "issuer": self.issuer, "app_id": self.app_id, "resource_endpoint": self.base + "/resource"}

    def resource(self, authorization):
        """Section 5.1, given the values of the Authorization headers."""
        user_id, key = self.pair(authorization)
        if not self.confirmed(user_id, key):
            raise Refusal(401, "invalid_token", "This ticket is not confirmed.", {"WWW-Authenticate": 'Ticket error="invalid_token"'})
        return {"owner": user_id, "app_id": self.app_id, "resources": [{"id": "1", "title": "Notes of " + user_id}]}

    def pair(self, authorization):
        scheme, _, rest = authorization[0].strip().partition(" ") if authorization else ("", "", "")
        if scheme.lower() != "ticket":
            raise Refusal(401, "ticket_required", "Send a ticket in the Authorization header.", {"WWW-Authenticate": "Ticket"})
        pair = []
        for name, form in FORMS.items():
            values = [re.sub(r"\\(.)", r"\1", m[2] or m[3] or "") for m in PARAMETER.finditer(rest) if m[1].lower() == name]
            if len(authorization) != 1 or len(values) != 1 or not form.fullmatch(values[0]):
                raise Refusal(400, "invalid_request", f"Send {name} once, in the form of section 2.", {})
            pair += values
        return pair

    def confirmed(self, user_id, key):
        """Sections 4.4 and 5.3: the account server confirms this pair, or has done so for a time that still runs."""
        sent_at = time.time()
        if sent_at < self.kept.get((user_id, key), 0):
            return True
        answer = self.verification(user_id, key)
        if not answer["active"] or answer.get("user_id") != user_id or answer.get("app_id") != self.app_id:
            return False
        until = int(sent_at) + min(whole(answer.get("cache_lifetime")), LONGEST_CACHE)
        self.kept = {pair: end for pair, end in list(self.kept.items()) if end > sent_at}
        self.kept[user_id, key] = min(until, whole(answer.get("exp", until)))
        return True

    def verification(self, user_id, key):
        deadline = time.monotonic() + PATIENCE
        if time.time() >= self.endpoint_until:
            document = fetch("GET", self.issuer + WELL_KNOWN, deadline)
            if document.get("profile") != "ticket@1" or document.get("issuer") != self.issuer:
                raise outage()
            self.endpoint, self.endpoint_until = str(document.get("verification_endpoint")), time.time() + METADATA_KEPT
        basic = base64.b64encode(f"{self.app_id}:{self.secret}".encode()).decode()
        answer = fetch("POST", self.endpoint, deadline, json.dumps({"user_id": user_id, "authorization_key": key}),
                       {"Content-Type": "application/json", "Authorization": "Basic " + basic})
        if not isinstance(answer.get("active"), bool):
            raise outage()
        return answer


def whole(value):  # a number of seconds, or 0
    return value if type(value) is int and value > 0 else 0


def fetch(method, url, deadline, body=None, headers=()):
    """The JSON object of a 200. No redirect is followed, and a secret leaves this machine over TLS only (section 2)."""
    try:
        parts, text = urlsplit(url), b""
        if (parts.scheme, parts.hostname) not in (("http", "localhost"), ("http", "127.0.0.1"), ("https", parts.hostname)):
            raise outage()
        connect = http.client.HTTPConnection if parts.scheme == "http" else http.client.HTTPSConnection
        with closing(connect(parts.netloc, timeout=max(deadline - time.monotonic(), 0.1))) as connection:
            connection.request(method, parts._replace(scheme="", netloc="").geturl(), body, dict(headers))
            response = connection.getresponse()
            while time.monotonic() < deadline and len(text) < 1 << 20 and (chunk := response.read1()):
                text += chunk
        if response.status == 200 and isinstance(answer := json.loads(text), dict):
            return answer
    except (OSError, ValueError, http.client.HTTPException):
        pass  # no answer, or none in time, or no JSON
    raise outage()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        app, path = self.server.app, urlsplit(self.path).path
        try:
            if path == "/resource":
                return self.answer(200, app.resource(self.headers.get_all("Authorization", [])), {"Cache-Control": "no-store"})
            if path != WELL_KNOWN:
                raise Refusal(404, "not_found", "Nothing is here.", {})
            self.answer(200, app.metadata(), {})
        except Refusal as refusal:
            status, error, description, headers = refusal.args
            self.answer(status, {"error": error, "error_description": description}, headers)

    def do_POST(self):
        self.close_connection = True  # a body has not been read
        self.answer(405, {"error": "invalid_request", "error_description": "Only GET is served."}, {"Allow": "GET"})

    do_HEAD = do_PUT = do_PATCH = do_DELETE = do_POST

    def answer(self, status, body, headers):
        text = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(text)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text if self.command != "HEAD" else b"")

    def log_message(self, *_):
        """Says nothing: a request line may show what is nobody else's business."""


if __name__ == "__main__":
    options = argparse.ArgumentParser(description="An app server of the profile ticket@1")
    options.add_argument("--port", type=int, default=9000)
    for option, default in (("--issuer", "http://127.0.0.1:8811"), ("--app-id", "app-one"), ("--secret", "secret-of-app-one")):
        options.add_argument(option, default=default)
    given = options.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", given.port), Handler)
    server.app = AppServer(f"http://127.0.0.1:{server.server_port}", given.app_id, given.issuer, given.secret)
    print("listening on " + server.app.base, flush=True)
    server.serve_forever()
