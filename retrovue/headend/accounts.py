"""Those who may watch: names and passwords; pure."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may watch."""

    name: str
    password: str = field(repr=False)


def by_password(accounts: Iterable[Account], name: str, password: str) -> Account | None:
    """Whose name and password these are. It takes as long for an unknown name as for a wrong password."""
    found = None
    for account in accounts:
        right = hmac.compare_digest(
            f"{account.name}\0{account.password}".encode(),
            f"{name}\0{password}".encode(errors="surrogateescape"),
        )
        found = account if right else found
    return found
