"""HTTP's ways to say who one is: Basic and Digest (RFC 7617, RFC 7616 with MD5), a ticket, a code.

Players get no chance to send a password, so a stream is opened by a ticket for its very path or by a code
that an account keeps for good. Neither opens the API.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence

from retrovue.clock import MasterClock
from retrovue.headend.accounts import Account

REALM = "tvheadend"
#: A nonce is good for this long (seconds); then the client is told to take a new one, and asks nobody.
NONCE_S = 300.0

_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')


class HttpAuth:
    """Judges the headers of a request."""

    def __init__(self, clock: MasterClock, accounts: Sequence[Account]) -> None:
        self._clock = clock
        self._accounts = {account.name: account for account in accounts}
        self._key = secrets.token_bytes(32)
        self._opaque = secrets.token_hex(16)
        self._codes = {code_of(account): account for account in accounts}

    def by_header(self, method: str, target: str, header: str) -> Account | None:
        """The account that an Authorization header proves; ``target`` is the request's path and query."""
        scheme, _, rest = header.strip().partition(" ")
        if len(header) > 4096:
            return None
        if scheme.lower() == "basic":
            return self._basic(rest.strip())
        return self._digest(method, target, rest) if scheme.lower() == "digest" else None

    def by_code(self, code: str) -> Account | None:
        """The account whose code it is."""
        found = None
        for known, account in self._codes.items():
            if hmac.compare_digest(known.encode(), code.encode(errors="replace")):
                found = account
        return found

    def code(self, account: Account) -> str:
        return next(code for code, known in self._codes.items() if known is account)

    def challenges(self, header: str = "") -> list[str]:
        """WWW-Authenticate, the better way first. A nonce that was right and is old is said to be stale."""
        stale = ""
        scheme, _, rest = header.strip().partition(" ")
        if scheme.lower() == "digest" and self._age(parameters(rest).get("nonce", "")) is not None:
            stale = ", stale=true"
        words = f'qop="auth", algorithm=MD5, nonce="{self._nonce()}", opaque="{self._opaque}"{stale}'
        return [
            f'Digest realm="{REALM}", {words}',
            f'Basic realm="{REALM}", charset="UTF-8"',
        ]

    def _basic(self, word: str) -> Account | None:
        try:
            name, colon, password = base64.b64decode(word, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        account = self._accounts.get(name)
        # An unknown name takes as long as a wrong password.
        expected = account.password if account is not None else secrets.token_hex(8)
        right = hmac.compare_digest(expected.encode(), password.encode())
        return account if right and colon else None

    def _digest(self, method: str, target: str, rest: str) -> Account | None:
        said = parameters(rest)
        age = self._age(said.get("nonce", ""))
        account = self._accounts.get(said.get("username", ""))
        if age is None or age > NONCE_S or account is None or said.get("uri") != target:
            return None
        if said.get("realm") != REALM or said.get("algorithm", "MD5").upper() != "MD5":
            return None
        who = _md5(f"{account.name}:{REALM}:{account.password}")
        what = _md5(f"{method}:{target}")
        if "qop" in said:
            middle = ":".join(said.get(word, "") for word in ("nonce", "nc", "cnonce", "qop"))
        else:
            middle = said["nonce"]
        right = _md5(f"{who}:{middle}:{what}")
        return account if hmac.compare_digest(right, said.get("response", "").lower()) else None

    # A nonce carries its time and our seal, so none has to be remembered.

    def _nonce(self) -> str:
        at = f"{self._clock.elapsed():.3f}"
        return base64.urlsafe_b64encode(f"{at}|{self._seal(at)}".encode()).decode()

    def _seal(self, at: str) -> str:
        return hmac.new(self._key, at.encode(), "sha256").hexdigest()[:32]

    def _age(self, nonce: str) -> float | None:
        """Seconds; None: it is none of ours."""
        try:
            at, _, seal = base64.urlsafe_b64decode(nonce.encode()).decode().partition("|")
        except (ValueError, UnicodeError):
            return None
        if not at or not hmac.compare_digest(self._seal(at).encode(), seal.encode()):
            return None
        return self._clock.elapsed() - float(at)


def code_of(account: Account) -> str:
    """An account's code: it lasts as long as the password, and tells nothing of it."""
    salt = f"retrovue tvheadend {account.name}".encode()
    return hashlib.scrypt(account.password.encode(), salt=salt, n=1 << 14, r=8, p=1, dklen=20).hex()


def parameters(text: str) -> dict[str, str]:
    """``a="b", c=d`` of a header."""
    return {
        m[1].lower(): (re.sub(r"\\(.)", r"\1", m[2]) if m[2] is not None else m[3])
        for m in _PARAMETER.finditer(text)
    }


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
