"""The frames of a real session, as fixtures/tvheadend/README.md describes them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrovue.headend.tvheadend.htsmsg import Message

FOLDER = Path(__file__).parents[3] / "fixtures" / "tvheadend"


@dataclass(frozen=True, slots=True)
class Golden:
    of: str
    message: Message
    frame: bytes


def frames() -> list[Golden]:
    lines = (FOLDER / "frames.jsonl").read_text(encoding="utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    return [Golden(x["of"], _typed(x["message"]), bytes.fromhex(x["frame"])) for x in found]


def message_types() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = json.loads((FOLDER / "message_types.json").read_text(encoding="utf-8"))
    return found


def http_shapes() -> dict[str, dict[str, Any]]:
    """By path and query."""
    found: dict[str, dict[str, Any]] = json.loads((FOLDER / "http_shapes.json").read_text(encoding="utf-8"))
    return found


def _typed(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {"hex"}:
            return bytes.fromhex(value["hex"])
        return {name: _typed(inner) for name, inner in value.items()}
    return [_typed(inner) for inner in value] if isinstance(value, list) else value
