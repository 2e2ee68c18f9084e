"""Verifies OAuth 1.0 requests with Authlib.

Standard input: {"client_secret", "token_secret", "public_key": PEM, "requests": [{"name", "method", "uri", "headers", "body"}]}
Standard output: {name: true, false or an error}
"""

import json
import os
import sys

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

from authlib.oauth1.rfc5849 import signature
from authlib.oauth1.rfc5849.wrapper import OAuth1Request

VERIFIERS = {
    "HMAC-SHA1": signature.verify_hmac_sha1,
    "RSA-SHA1": signature.verify_rsa_sha1,
    "PLAINTEXT": signature.verify_plaintext,
}


class Holder:
    """The client and the token, as Authlib asks for their secrets."""

    def __init__(self, order):
        self.order = order

    def get_client_secret(self):
        return self.order["client_secret"]

    def get_oauth_token_secret(self):
        return self.order["token_secret"]

    def get_rsa_public_key(self):
        return self.order["public_key"]


def verify(holder, sent):
    try:
        request = OAuth1Request(sent["method"], sent["uri"], sent["body"] or None, sent["headers"])
        request.client = request.credential = holder
        return VERIFIERS[request.signature_method](request)
    except Exception as error:
        return repr(error)


order = json.load(sys.stdin)
json.dump({sent["name"]: verify(Holder(order), sent) for sent in order["requests"]}, sys.stdout)
