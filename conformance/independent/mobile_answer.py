"""Judging what an authorization server tells an app: answers with a signed address, and messages (profile sections 6.2 and 6.4)."""
from __future__ import annotations

import re
from dataclasses import dataclass

from jose import JoseError, parse_signed, public_key
from mobile_phone import Held
from mobile_wire import ADDRESS, MESSAGE_TYPE, WIPE, digest, is_identifier, is_message_id, is_safe_url, is_whole

_TOKEN = re.compile(r"[!-~]+")


class AnswerRefused(ValueError):
    """An answer or message that must not be used."""


@dataclass(frozen=True)
class Message:
    """A message that was taken; `event` is its only event."""

    jti: str
    kind: str
    event: dict
    rules_version: int


class Judge:
    """Knows the app's configuration: issuer, names, and the issuer's signing keys."""

    def __init__(self, issuer, appid, deviceid, jwks, prover, clock, hold):
        self._issuer, self._appid, self._deviceid = issuer, appid, deviceid
        self._keys = [public_key(jwk) for jwk in jwks]
        self._prover, self._clock, self._hold = prover, clock, hold

    def _verified(self, signed) -> bool:
        for key in self._keys:
            try:
                signed.verify(key)
                return True
            except JoseError:
                continue
        return False

    def answer(self, members: dict, highest: int) -> tuple:
        """The token and address of an authentication answer, and its rules_version (section 6.2)."""
        for name in ("access_token", "token_type", "system_id", "system_address"):
            if not isinstance(members.get(name), str) or not members[name]:
                raise AnswerRefused(f"{name} is missing or no string.")
        for name in ("expires_in", "rules_version"):
            if not is_whole(members.get(name)):
                raise AnswerRefused(f"{name} is missing or no whole number.")
        if not _TOKEN.fullmatch(members["access_token"]):
            raise AnswerRefused("access_token has characters that no token has.")
        if members["token_type"] != "DPoP" and self._hold("MO-AP-22"):
            raise AnswerRefused("token_type is not DPoP.")
        address = self._address(members)
        if members["rules_version"] < highest and self._hold("MO-AP-32"):
            raise AnswerRefused("rules_version is lower than one that was taken before.")
        held = Held(members["access_token"], members["token_type"], members["system_id"], address,
                    self._clock.now() + members["expires_in"], members["rules_version"])
        return held, members["rules_version"]

    def _address(self, members: dict) -> str:
        """The address of an answer, once its signature and claims are judged."""
        plain = members["system_address"]
        try:
            signed = parse_signed(members.get("signed_address"))
            claims = signed.claims()
        except JoseError as error:
            return self._unsigned(plain, f"signed_address cannot be read: {error}")
        if signed.header.get("alg") != "ES256" or signed.header.get("typ") != "address+jwt" or "crit" in signed.header:
            return self._unsigned(plain, "signed_address has not alg ES256 and typ address+jwt.")
        if not self._verified(signed) and self._hold("MO-AP-18"):
            raise AnswerRefused("signed_address is not signed by the authorization server.")
        for_me = (claims.get("aud"), claims.get("sub")) == (self._appid, self._deviceid)
        if claims.get("iss") != self._issuer or not for_me and self._hold("MO-AP-19"):
            raise AnswerRefused("signed_address is by another issuer, or for another app or device.")
        if not is_whole(claims.get("exp")) or self._clock.now() >= claims["exp"]:
            raise AnswerRefused("signed_address has expired.")
        if claims.get("ath") != digest(members["access_token"]) and self._hold("MO-AP-20"):
            raise AnswerRefused("signed_address belongs to another token.")
        same = all(claims.get(name) == members[plain_name] for name, plain_name in
                   (("system_id", "system_id"), ("address", "system_address"), ("rules_version", "rules_version")))
        if not same and self._hold("MO-AP-21"):
            raise AnswerRefused("signed_address and the answer differ.")
        return plain

    def _unsigned(self, plain: str, why: str) -> str:
        if self._hold("MO-AP-17"):
            raise AnswerRefused(why)
        return plain

    def message(self, compact: str) -> Message:
        """A message for this device (section 6.4); raises AnswerRefused for any other."""
        try:
            signed = parse_signed(compact)
            claims = signed.claims()
        except JoseError as error:
            raise AnswerRefused(f"The message cannot be read: {error}") from error
        if signed.header.get("alg") != "ES256" or signed.header.get("typ") != MESSAGE_TYPE or "crit" in signed.header:
            raise AnswerRefused("The message has not alg ES256 and typ secevent+jwt.")
        if not self._verified(signed) and self._hold("MO-AP-25"):
            raise AnswerRefused("The message is not signed by the authorization server.")
        if claims.get("iss") != self._issuer:
            raise AnswerRefused("The message is by another issuer.")
        cnf = claims.get("cnf")
        for_me = claims.get("aud") == self._deviceid and isinstance(cnf, dict) and cnf.get("jkt") == self._prover.thumbprint
        if not for_me and self._hold("MO-AP-26"):
            raise AnswerRefused("The message is for another device.")
        events = claims.get("events")
        if not is_message_id(claims.get("jti")) or not is_whole(claims.get("iat")):
            raise AnswerRefused("The message has no jti of 16-128 characters or no whole iat.")
        if not isinstance(events, dict) or len(events) != 1:
            raise AnswerRefused("The message has not one event.")
        kind, event = next(iter(events.items()))
        if not isinstance(event, dict) or kind == ADDRESS and not _is_address(event, claims.get("rules_version")):
            raise AnswerRefused("The event is malformed.")
        return Message(claims["jti"], kind, event, claims.get("rules_version", 0))

    def wipe(self, compact):
        """The wipe message of a refusal, or None."""
        try:
            message = self.message(compact)
        except AnswerRefused:
            return None
        return message if message.kind == WIPE else None


def _is_address(event: dict, version) -> bool:
    return is_identifier(event.get("system_id")) and is_safe_url(event.get("address")) and is_whole(version)
