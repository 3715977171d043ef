"""The device's identity, made once and kept in the state directory for life.

Clients store it with their recordings and guide: a tuner that changes its id is another tuner.
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path

from retrovue.errors import RetroVueError
from retrovue.headend.hdhomerun import device_id
from retrovue.small_file import write_whole

_FILE = "device.json"


def identity(configured: str, state_dir: Path) -> str:
    """The device id, 8 upper-case hex digits: the configured one, else the kept one, else a new one.

    Raises ``RetroVueError`` for an id whose check digit is wrong and for a state directory that
    can't be written.
    """
    if configured:
        try:
            return f"{device_id.parse(configured):08X}"
        except ValueError as error:
            raise RetroVueError(str(error), help="correct tuner.device_id, or leave it out") from None
    path = state_dir / _FILE
    kept = _read(path)
    if kept is None:
        kept = f"{device_id.make(secrets.token_bytes(8)):08X}"
        # A torn file would cost the identity.
        write_whole(path, json.dumps({"device_id": kept}) + "\n")
    return kept


def _read(path: Path) -> str | None:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))["device_id"]
        return f"{device_id.parse(value):08X}"
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RetroVueError(f"{path} can't be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise RetroVueError(
            f"{path} doesn't hold a device id",
            help="restore it from a backup, or delete it to get a new id (clients will see a new tuner)",
        ) from None
