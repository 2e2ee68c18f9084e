"""The serving side of HTTP: requests, responses, routes and a threaded HTTP/1.1 server."""
from __future__ import annotations

import html
import http.client
import json
import sys
import traceback
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from forms import FORM, JSON, Refusal, form_encode, parse_form

LARGEST_BODY = 64 * 1024
DRAINED = 4 * 1024 * 1024  # bytes of a body that is too large that are read, so that the refusal arrives


def single(pairs, name: str, required: bool = False) -> str:
    """The value of a parameter that may come once; empty where it is absent and not required."""
    values = [v for n, v in pairs if n == name]
    if len(values) > 1:
        raise Refusal(400, "parameter_rejected", f"{name} came more than once; send it once.")
    if required and not (values and values[0]):
        raise Refusal(400, "parameter_absent", f"{name} is missing.")
    return values[0] if values else ""


@dataclass
class Request:
    method: str
    target: str
    headers: http.client.HTTPMessage
    body: bytes

    def __post_init__(self):
        absolute = "://" in self.target.split("?")[0]
        try:
            parts = urlsplit(self.target if absolute else f"http://{self.host}{self.target}")
        except ValueError:
            raise Refusal(400, "parameter_rejected", "The request target or the Host header is not a valid URL.")
        self.path = parts.path or "/"
        self.url = f"http://{self.host}{self.path}"
        self.query = parse_form(parts.query)

    @cached_property
    def form(self) -> list:
        """The parameters of a form body; none where the body is something else."""
        content_type = (self.headers.get("Content-Type") or "").split(";")[0].strip().lower()
        try:
            return parse_form(self.body.decode("utf-8")) if content_type == FORM else []
        except UnicodeDecodeError:
            raise Refusal(400, "parameter_rejected", "The body is not UTF-8.")

    @property
    def host(self) -> str:
        return self.headers.get("Host") or "127.0.0.1"

    def header_values(self, name: str) -> list:
        return self.headers.get_all(name) or []

    def cookie(self, name: str) -> str:
        for value in self.header_values("Cookie"):
            for part in value.split(";"):
                key, _, text = part.strip().partition("=")
                if key == name:
                    return text.strip('"')
        return ""


@dataclass
class Response:
    status: int
    body: bytes = b""
    content_type: str = ""
    headers: list = field(default_factory=lambda: [("Cache-Control", "no-store")])

    def with_header(self, name: str, value: str) -> "Response":
        self.headers.append((name, value))
        return self

    def without_header(self, name: str) -> "Response":
        self.headers = [(n, v) for n, v in self.headers if n != name]
        return self


def json_response(status: int, value) -> Response:
    return Response(status, json.dumps(value).encode(), JSON)


def form_response(pairs) -> Response:
    return Response(200, form_encode(pairs).encode(), FORM)


def refusal_response(refusal: Refusal) -> Response:
    answer = json_response(refusal.status, {"error": refusal.error, "error_description": refusal.description})
    for name, value in refusal.headers or ([("WWW-Authenticate", "OAuth")] if refusal.status == 401 else ()):
        answer.with_header(name, value)
    return answer


def page(status: int, title: str, content: str) -> Response:
    """An HTML page that cannot be framed; `content` is HTML already."""
    text = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{html.escape(title)}</title></head>\n<body><h1>{html.escape(title)}</h1>\n{content}\n</body></html>\n"
    )
    answer = Response(status, text.encode(), "text/html; charset=utf-8")
    answer.with_header("Content-Security-Policy", "default-src 'none'; base-uri 'none'; frame-ancestors 'none'")
    answer.with_header("X-Frame-Options", "DENY")
    return answer.with_header("Referrer-Policy", "no-referrer")


def redirect(url: str, status: int = 303) -> Response:
    return Response(status).with_header("Location", url).with_header("Referrer-Policy", "no-referrer")


def with_query(url: str, **parameters: str) -> str:
    """The URL with parameters added to its query."""
    return url + ("&" if "?" in url else "?") + form_encode(parameters.items())


def for_browsers(handler):
    """Turns refusals of a handler into HTML pages."""

    def answer(request: Request) -> Response:
        try:
            return handler(request)
        except Refusal as refusal:
            answer = page(refusal.status, "Refused", f"<p>{html.escape(refusal.description)}</p>")
            answer.headers += refusal.headers
            return answer

    return answer


class Application:
    """Routes of all roles that share an origin. A route is (path) -> {method: handler}."""

    def __init__(self, too_large=(413, "body_too_large"), largest_body=LARGEST_BODY):
        self.routes, self.too_large, self.largest_body = {}, too_large, largest_body

    def answer(self, request: Request) -> Response:
        methods = self.routes.get(request.path)
        if methods is None:
            raise Refusal(404, "not_found", f"There is nothing at {request.path}.")
        handler = methods.get(request.method) or methods.get("*")
        if handler is None:
            allowed = ", ".join(methods)
            refusal = Refusal(405, "method_not_allowed", f"{request.path} takes {allowed} only.")
            return refusal_response(refusal).with_header("Allow", allowed)
        return handler(request)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "site"
    timeout = 60  # seconds that an idle connection is kept
    wbufsize = -1  # one write a response
    disable_nagle_algorithm = True

    def __getattr__(self, name):
        # Every method is answered by the routes, so that an unfit one gets 405.
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def log_message(self, *_):
        pass

    def _serve(self):
        try:
            response = self.server.application.answer(Request(self.command, self.path, self.headers, self._read_body()))
        except Refusal as refusal:
            response = refusal_response(refusal)
        except Exception:
            traceback.print_exc(file=sys.stderr)
            response = refusal_response(Refusal(500, "server_error", "The server failed; its error output says why."))
        self.send_response(response.status)
        if response.content_type:
            self.send_header("Content-Type", response.content_type)
        if response.status != 204:
            self.send_header("Content-Length", str(len(response.body)))
        for name, value in response.headers:
            self.send_header(name, value)
        self.send_header("X-Content-Type-Options", "nosniff")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)

    def _read_body(self) -> bytes:
        if "Transfer-Encoding" in self.headers:
            self.close_connection = True
            raise Refusal(411, "length_required", "Send the body with Content-Length, not in chunks.")
        text = self.headers.get("Content-Length") or "0"
        if not (text.isascii() and text.isdigit()):
            self.close_connection = True
            raise Refusal(400, "parameter_rejected", "Content-Length is not a number.")
        application = self.server.application
        if int(text) > application.largest_body:
            self.close_connection = True
            self.rfile.read(min(int(text), DRAINED))
            raise Refusal(*application.too_large, f"The body is larger than {application.largest_body} bytes.")
        return self.rfile.read(int(text))


class Server(ThreadingHTTPServer):
    """Listens on loopback only, for it has no TLS."""

    daemon_threads = True
    request_queue_size = 128
    application: Application  # set before serve_forever

    def __init__(self, port: int):
        super().__init__(("127.0.0.1", port), Handler)
        self.base = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)
