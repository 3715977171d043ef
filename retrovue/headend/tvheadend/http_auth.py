"""HTTP's ways to say who one is: Basic and Digest (RFC 7617, RFC 7616), a ticket, a code.

Players get no chance to send a password, so a stream is opened by a ticket for its very path or by a code
that an account keeps for good. Neither opens the API.

The digest is MD5's alone, as a Tvheadend's is unless told otherwise. Offered SHA-256 besides, clients gain
nothing and lose: of two challenges Python's urllib takes the first and fails on it, ffmpeg (and so mpv) takes
the last and does; curl and aiohttp take whichever comes first (all tried).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from retrovue.clock import MasterClock
from retrovue.headend.accounts import Account, by_password, code_of
from retrovue.headend.tvheadend.nonces import Nonces

REALM = "tvheadend"

_PARAMETER = re.compile(r'(\w+\*?)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')
_COUNT = re.compile("[0-9A-Fa-f]{8}")
#: A name that isn't ASCII, as RFC 8187 writes it.
_EXTENDED = re.compile("utf-8'[^']*'(.*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Shown:
    """What an Authorization header proves."""

    account: Account | None = None
    stale: bool = False  #: the password is right, and only the nonce won't do any more


NOTHING = Shown()


class HttpAuth:
    """Judges the headers of a request."""

    def __init__(self, clock: MasterClock, accounts: Sequence[Account]) -> None:
        self._accounts = {account.name: account for account in accounts}
        self._nonces = Nonces(clock)
        self._opaque = secrets.token_hex(16)
        self._codes = {code_of(account): account for account in accounts}

    def by_header(self, method: str, target: str, header: str) -> Shown:
        """``target`` is the request's path and query."""
        scheme, _, rest = header.strip().partition(" ")
        if len(header) > 4096:
            return NOTHING
        if scheme.lower() == "basic":
            return Shown(self._basic(rest.strip()))
        return self._digest(method, target, rest) if scheme.lower() == "digest" else NOTHING

    def by_code(self, code: str) -> Account | None:
        """The account whose code it is."""
        found = None
        for known, account in self._codes.items():
            if hmac.compare_digest(known.encode(), code.encode(errors="replace")):
                found = account
        return found

    def code(self, account: Account) -> str:
        return next(code for code, known in self._codes.items() if known is account)

    def challenges(self, *, stale: bool = False) -> list[str]:
        """WWW-Authenticate, the better way first. ``stale``: nobody need be asked for a password."""
        words = f'qop="auth", algorithm=MD5, nonce="{self._nonces.issue()}", opaque="{self._opaque}"'
        return [
            f'Digest realm="{REALM}", {words}{", stale=true" if stale else ""}',
            f'Basic realm="{REALM}", charset="UTF-8"',
        ]

    def _basic(self, word: str) -> Account | None:
        try:
            name, colon, password = base64.b64decode(word, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return by_password(self._accounts.values(), name, password) if colon else None

    def _digest(self, method: str, target: str, rest: str) -> Shown:
        said = parameters(rest)
        account = self._accounts.get(_name(said))
        nonce, count = said.get("nonce", ""), said.get("nc", "")
        if account is None or not self._nonces.is_ours(nonce) or said.get("uri") != target:
            return NOTHING
        if said.get("realm") != REALM or said.get("algorithm", "MD5").upper() != "MD5":
            return NOTHING
        who = _md5(f"{account.name}:{REALM}:{account.password}")
        what = _md5(f"{method}:{target}")
        if "qop" in said:
            if said["qop"] != "auth" or not _COUNT.fullmatch(count):
                return NOTHING
            middle = ":".join((nonce, count, said.get("cnonce", ""), "auth"))
        else:
            # RFC 2069 has no count: such a client has a new nonce for each request.
            middle, count = nonce, "1"
        right = _md5(f"{who}:{middle}:{what}")
        if not hmac.compare_digest(right.encode(), said.get("response", "").lower().encode()):
            return NOTHING
        return Shown(account) if self._nonces.use(nonce, int(count, 16)) else Shown(stale=True)


def parameters(text: str) -> dict[str, str]:
    """``a="b", c=d`` of a header; names in small letters."""
    return {
        m[1].lower(): (re.sub(r"\\(.)", r"\1", m[2]) if m[2] is not None else m[3])
        for m in _PARAMETER.finditer(text)
    }


def _name(said: dict[str, str]) -> str:
    extended = _EXTENDED.fullmatch(said.get("username*", ""))
    return unquote(extended[1]) if extended else said.get("username", "")


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
