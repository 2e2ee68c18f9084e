"""Plays OAuth 1.0 clients of requests-oauthlib against a server on loopback.

Standard input: {"server": URI, "rsa_key": PEM, "cases": [{"name", "method", "place"}]}
Standard output: {name: [[step, HTTP status or error], ...]}
"""

import json
import sys

from requests_oauthlib import OAuth1Session


def play(server, rsa_key, method, place):
    def session(**credentials):
        return OAuth1Session(
            "dpf43f3p2l4k3l03",
            client_secret="kd94hf93k423kf44",
            signature_method=method,
            signature_type=place,
            rsa_key=rsa_key if method.startswith("RSA") else None,
            **credentials,
        )

    def call(step, verb, path, **options):
        response = authorized.request(verb, server + path, **options)
        steps.append([step, "%d %s" % (response.status_code, response.text)])

    steps = []
    temporary = session(callback_uri="http://printer.example.com/ready?a=b&c=d e").fetch_request_token(server + "/initiate")
    steps.append(["temporary credentials", temporary["oauth_token"]])
    token = session(
        resource_owner_key=temporary["oauth_token"],
        resource_owner_secret=temporary["oauth_token_secret"],
        verifier="hfdp7dh39dks9884",
    ).fetch_access_token(server + "/token")
    steps.append(["token credentials", token["oauth_token"]])
    authorized = session(resource_owner_key=token["oauth_token"], resource_owner_secret=token["oauth_token_secret"])
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    if place == "BODY":
        call("form", "POST", "/photos", data={"a": "1"}, headers=form)
        return steps
    call("query", "GET", "/photos", params=[("file", "vacation.jpg"), ("size", "original")])
    call("reserved characters", "GET", "/photos", params=[("a", "1 + 2=3&4%"), ("é", "☃"), ("empty", "")])
    call("equal names", "GET", "/photos", params=[("a", "2"), ("a", "1"), ("a-b", "0"), ("A", "3")])
    call("encoded path", "GET", "/photos/a%2Fb/c%20d;e")
    call("form and query", "POST", "/photos?q=1", data=[("a", "2 q"), ("a", "+"), ("c@", "")], headers=form)
    call("JSON body", "PUT", "/photos", json={"a": 1})
    call("no body", "DELETE", "/photos")
    return steps


def attempt(server, rsa_key, method, place):
    try:
        return play(server, rsa_key, method, place)
    except Exception as error:  # the caller compares the steps and so sees which one failed
        return [["error", repr(error)]]


order = json.load(sys.stdin)
answer = {c["name"]: attempt(order["server"], order["rsa_key"], c["method"], c["place"]) for c in order["cases"]}
json.dump(answer, sys.stdout)
