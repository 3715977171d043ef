"""The token of the control API: made at the first sign-on and kept in the state directory.

Whoever can read the file is the operator; nobody else can: it has mode 0600 from its first byte on.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from retrovue.errors import RetroVueError
from retrovue.small_file import write_whole

FILE = "token"
#: 256 bits: nobody guesses it, so nobody needs to be slowed down.
_BYTES = 32
#: A configured token shorter than this could be guessed (characters).
SHORTEST = 16


def control_token(configured: str, state_dir: Path) -> str:
    """The configured token, else the kept one, else a new one. Raises ``RetroVueError``."""
    if configured:
        return checked(configured, "serve.token")
    path = state_dir / FILE
    try:
        return checked(path.read_text(encoding="ascii").strip(), str(path))
    except FileNotFoundError:
        pass
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise RetroVueError(
            f"{path} can't be read: {why}", help="delete it; the next sign-on makes a new one"
        ) from None
    token = secrets.token_urlsafe(_BYTES)
    write_whole(path, token + "\n", 0o600)
    return token


def checked(token: str, where: str, help: str = "delete it, and one is made") -> str:
    """``token`` if it can be one. Raises ``RetroVueError``."""
    if len(token) < SHORTEST or not token.isascii() or not token.isprintable() or " " in token:
        raise RetroVueError(
            f"the token of {where} is none: at least {SHORTEST} printable ASCII characters, no spaces",
            help=help,
        )
    return token
