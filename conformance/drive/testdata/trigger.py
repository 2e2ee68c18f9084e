"""Starts an implementation by its own means: here, by asking the URL in the first argument. The request comes as JSON on standard input."""

import json
import sys
import urllib.error
import urllib.request


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


asked = json.load(sys.stdin)
request = urllib.request.Request(sys.argv[1], asked["body"].encode(), method=asked["method"])
for name in ("Content-Type", "Cookie"):
    if name in asked["headers"]:
        request.add_header(name, asked["headers"][name])
print("started by", asked.get("check", "nobody"), file=sys.stderr)
try:
    answer = urllib.request.build_opener(urllib.request.ProxyHandler({}), Stay).open(request)
except urllib.error.HTTPError as refused:
    answer = refused
said = {
    "status": answer.status,
    "headers": {"Content-Type": answer.headers["Content-Type"] or "text/plain"},
    "cookies": answer.headers.get_all("Set-Cookie") or [],
    "body": answer.read().decode(),
}
if answer.headers["Location"]:
    said["location"] = answer.headers["Location"]
print(json.dumps(said))
