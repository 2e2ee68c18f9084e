"""The service server's password endpoint (profile section 5.3)."""
from __future__ import annotations

import base64
import re

from documents import Document, invalid_request
from forms import Refusal
from guesses import Guesses
from store import Accounts
from web import Response

ACCOUNT_GUESSES = 5


class PasswordSetting:
    """Puts a password key in the place of the earlier one, for who has the account's password."""

    def __init__(self, clock, accounts: dict, handsets: dict, lock, hold):
        self.accounts, self.handsets, self.lock, self.hold = Accounts(accounts.items()), handsets, lock, hold
        self.guesses = Guesses(clock, self.accounts, ACCOUNT_GUESSES, apart=hold("OF-SS-51/others"))

    def set_password(self, request) -> Response:
        document = Document(request, too_large=413, repeats=True, halves=not self.hold("OF-SS-23/surrogates"))
        account, secret, name = (document.text(member) for member in ("account", "account_password", "handset"))
        key = _password_key(document.text("password_key"))
        self._unless_shut(self.guesses.shut(account))
        right = self.accounts.right(account, secret) or (account in self.accounts and not self.hold("OF-SS-50"))
        handset = self.handsets.get(name)
        if right and (handset is None or handset.account != account):
            raise _denied()
        self._unless_shut(self.guesses.count(account, right))
        if not right:
            raise _denied()
        with self.lock:
            handset.set_password(key, keep_old=not self.hold("OF-SS-52"))
        return Response(204)

    def _unless_shut(self, seconds: float) -> None:
        if seconds and self.hold("OF-SS-51"):
            raise Refusal(429, "too_many_attempts", "Too many wrong passwords for this account; wait.",
                          ("Retry-After", str(int(seconds) + 1)))


def _password_key(text: str) -> bytes:
    if not re.fullmatch("[A-Za-z0-9_-]{43}", text):
        raise invalid_request("password_key is not 32 bytes in base64url without padding.")
    return base64.urlsafe_b64decode(text + "=")


def _denied() -> Refusal:
    return Refusal(403, "access_denied", "Account, password and handset do not belong together.")
