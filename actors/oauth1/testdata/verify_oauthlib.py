"""Verifies OAuth 1.0 requests with oauthlib; input and output are as in verify_authlib.py."""

import json
import sys

from oauthlib.common import Request
from oauthlib.oauth1.rfc5849 import signature


def verify(order, sent):
    try:
        request = Request(sent["uri"], sent["method"], sent["body"], sent["headers"])
        collected = signature.collect_parameters(
            uri_query=request.uri_query,
            body=request.body if "Content-Type" in sent["headers"] else None,
            headers=request.headers,
            exclude_oauth_signature=False,
        )
        oauth = dict(collected)
        request.signature = oauth["oauth_signature"]
        request.params = [pair for pair in collected if pair[0] != "oauth_signature"]
        secrets = order["client_secret"], order["token_secret"]
        return {
            "HMAC-SHA1": lambda: signature.verify_hmac_sha1(request, *secrets),
            "HMAC-SHA256": lambda: signature.verify_hmac_sha256(request, *secrets),
            "RSA-SHA1": lambda: signature.verify_rsa_sha1(request, order["public_key"]),
            "PLAINTEXT": lambda: signature.verify_plaintext(request, *secrets),
        }[oauth["oauth_signature_method"]]()
    except Exception as error:
        return repr(error)


order = json.load(sys.stdin)
json.dump({sent["name"]: verify(order, sent) for sent in order["requests"]}, sys.stdout)
