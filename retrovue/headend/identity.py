"""The device's identity, made once and kept in the state directory for life.

Clients store it with their recordings and guide: a tuner that changes its id is another tuner.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

from retrovue.errors import RetroVueError
from retrovue.headend.hdhomerun import device_id

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
        _write(path, kept)
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


def _write(path: Path, value: str) -> None:
    """Whole or not at all: a torn file would cost the identity."""
    draft = path.with_suffix(".json.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("w", encoding="utf-8") as file:
            json.dump({"device_id": value}, file)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise RetroVueError(
            f"{path} can't be written: {error.strerror}", help="choose another state directory with --state"
        ) from None
