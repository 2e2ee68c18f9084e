"""Logouts that reach a third-party platform: batches, and OpenID Connect logout tokens (profile sections 5.3 and 5.4)."""
from __future__ import annotations

from forms import Refusal
from jose import JoseError, parse_signed
from unified_registrations import KeysUnread
from unified_wire import EVENT, MESSAGE_WINDOW, Replays, invalid_request, is_whole
from web import Response, json_response, single


def task_of(value) -> dict:
    """A task of a batch, where it is one."""
    if not isinstance(value, dict) or not all(isinstance(value.get(name), str) and value[name] for name in ("task_id", "sub")):
        raise invalid_request("A task is no object with task_id and sub.")
    if not is_whole(value.get("generation"), 1):
        raise invalid_request("A task has no whole number of 1 or more as generation.")
    return value


class Logouts:
    def __init__(self, clock, hold, seals, accounts, remotes):
        self.clock, self.hold, self.seals, self.accounts, self.remotes = clock, hold, seals, accounts, remotes
        self._tokens = Replays(clock)

    def batch(self, request) -> Response:
        message = self.seals.judge(request, "batch-logout-request")
        listed, issuer = message.members.get("tasks"), message.line.other
        if not isinstance(listed, list) or not listed:
            raise invalid_request("tasks is missing, empty or no array.")
        if self.hold("UN-TP-45"):
            listed = [task_of(value) for value in listed]
        results = []
        for value in listed if self.hold("UN-TP-14") else listed[:1]:
            done = self.accounts.carry_out(issuer, task_of(value))
            results.append({"task_id": value["task_id"], "status": "done" if done else "retry"})
        if not self.hold("UN-TP-18"):
            return json_response(200, {"results": results})
        return self.seals.answer(message, "batch-logout-response", {"results": results})

    def back_channel(self, request) -> Response:
        try:
            signed = parse_signed(single(request.form, "logout_token", required=True))
            claims = signed.claims()
        except JoseError:
            raise invalid_request("logout_token is no JWS in compact serialization with claims.")
        remote = self._judge_claims(signed, claims)
        self._judge_signature(signed, remote)
        if not self._tokens.takes((claims["iss"], claims["jti"])) and self.hold("UN-TP-60"):
            raise invalid_request("This logout token has come before.")
        if self.hold("UN-TP-56"):
            self.accounts.end_user(claims["iss"], claims["sub"], claims.get("generation"))
        return Response(200)

    def _judge_claims(self, signed, claims: dict):
        """The platform that a logout token is of, where it is right but for its signature."""
        remote = self.remotes.get(claims["iss"]) if isinstance(claims.get("iss"), str) else None
        if remote is None:
            raise invalid_request("iss is no platform that is known here.")
        if signed.header.get("typ") != "logout+jwt" or "crit" in signed.header:
            raise invalid_request("typ is not logout+jwt, or there is a crit.")
        aud, client_id = claims.get("aud"), remote.registration.client_id
        if self.hold("UN-TP-58") and aud != client_id and not (isinstance(aud, list) and client_id in aud):
            raise invalid_request("aud is not this third-party platform.")
        if not all(isinstance(claims.get(name), str) and claims[name] for name in ("sub", "jti")):
            raise invalid_request("sub or jti is missing.")
        events = claims.get("events")
        if self.hold("UN-TP-59") and ("nonce" in claims or not isinstance(events, dict) or not isinstance(events.get(EVENT), dict)):
            raise invalid_request("events does not hold the back-channel logout as an object, or there is a nonce.")
        if "generation" in claims and not is_whole(claims["generation"], 1):
            raise invalid_request("generation is no whole number of 1 or more.")
        self._judge_time(claims)
        return remote

    def _judge_time(self, claims: dict) -> None:
        if not self.hold("UN-TP-61"):
            return
        now = self.clock.now()
        if not is_whole(claims.get("exp")) or now >= claims["exp"]:
            raise invalid_request("exp is missing or past.")
        if not is_whole(claims.get("iat")) or abs(claims["iat"] - now) > MESSAGE_WINDOW:
            raise invalid_request(f"iat is missing or more than {MESSAGE_WINDOW} seconds away.")

    def _judge_signature(self, signed, remote) -> None:
        if not self.hold("UN-TP-57"):
            return
        if signed.header.get("alg") != "ES256" or not isinstance(signed.header.get("kid"), str):
            raise invalid_request("The logout token is not signed with ES256 under a key with a kid.")
        try:
            key = remote.signing_key(signed.header["kid"])
            if key is None:
                raise JoseError("The platform has no key with this kid.")
            signed.verify(key)
        except KeysUnread as unread:
            if unread.again:
                raise invalid_request("The platform's keys could not be read a moment ago.")
            raise Refusal(503, "temporarily_unavailable", "The platform's keys cannot be read now.", ("Retry-After", "10"))
        except JoseError as error:
            raise invalid_request(str(error))
