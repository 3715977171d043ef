"""Secrets by reference: YAML says where a secret is, never what it is.

``env:NAME`` is a variable of the environment, ``file:PATH`` the first line of a file, relative to the
station folder (a container's mounted secret, say). So a station can be published as it stands.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from retrovue.errors import RetroVueError

PATTERN = r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:\S.*)$"
_LONGEST = 4096


class WrittenSecret(ValueError):
    """A secret stands, or may stand, where only a reference is wanted. Neither it nor its place is shown."""


def is_reference(text: str) -> bool:
    return re.fullmatch(PATTERN, text) is not None


def read_secret(reference: str, folder: Path) -> str:
    """What ``reference`` points at. Raises ``RetroVueError`` that names the reference, never the secret."""
    kind, _, name = reference.partition(":")
    if kind == "env":
        found = os.environ.get(name, "")
        if not found:
            raise RetroVueError(f"the secret {reference} is not set", help=f"set the variable {name}")
        return found
    path = folder / Path(name).expanduser()
    try:
        with path.open(encoding="utf-8") as file:
            line = file.readline(_LONGEST).strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise RetroVueError(
            f"the secret {reference} can't be read: {why}", help=f"its first line is the secret: {path}"
        ) from None
    if not line:
        raise RetroVueError(f"the secret {reference} is empty", help="its first line is the secret")
    return line
