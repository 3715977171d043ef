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


def identity(configured: str, state_dir: Path, device: str = "") -> str:
    """The device id, 8 upper-case hex digits: the configured one, else the kept one, else a new one.

    ``device`` is the slug of a further tuner; empty: the station's first. Raises ``RetroVueError`` for an id
    whose check digit is wrong and for a state directory that can't be written.
    """
    if configured:
        try:
            return f"{device_id.parse(configured):08X}"
        except ValueError as error:
            raise RetroVueError(str(error), help="correct tuner.device_id, or leave it out") from None
    path = state_dir / _FILE
    kept = _read(path)
    if device not in kept:
        new = f"{device_id.make(secrets.token_bytes(8)):08X}"
        while new in kept.values():
            new = f"{device_id.make(secrets.token_bytes(8)):08X}"
        kept[device] = new
        # A torn file would cost the identity.
        write_whole(path, json.dumps(_written(kept)) + "\n")
    return kept[device]


def _read(path: Path) -> dict[str, str]:
    """The ids by slug; "" is the first tuner's."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        values = dict(content["devices"] if "device_id" not in content else content.get("devices", {}))
        if "device_id" in content:
            values[""] = content["device_id"]
        return {slug: f"{device_id.parse(value):08X}" for slug, value in values.items()}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise RetroVueError(f"{path} can't be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise RetroVueError(
            f"{path} doesn't hold a device id",
            help="restore it from a backup, or delete it to get a new id (clients will see a new tuner)",
        ) from None


def _written(ids: dict[str, str]) -> dict[str, object]:
    others = {slug: id for slug, id in ids.items() if slug}
    return ({"device_id": ids[""]} if "" in ids else {}) | ({"devices": others} if others else {})
