"""The frames of a real session, as fixtures/tvheadend/README.md describes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrovue.headend.tvheadend.htsmsg import Message

#: Maps whose own fields are no matter of Tvheadend's: people's names, what the JSON API answers.
OPAQUE = ("credits", "response")
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


def kinds_of(value: Mapping[str, Any], kinds: Mapping[type, str], prefix: str = "") -> dict[str, str]:
    """Fields and what they are, as the two files have them; ``services[].name`` is a map's in a list."""
    found: dict[str, str] = {}
    for name, inner in value.items():
        found[prefix + name] = kinds[type(inner)]
        if isinstance(inner, dict) and name not in OPAQUE:
            found |= kinds_of(inner, kinds, f"{prefix}{name}.")
        for item in inner if isinstance(inner, list) else ():
            found[f"{prefix}{name}[]"] = kinds[type(item)]
            if isinstance(item, dict):
                found |= kinds_of(item, kinds, f"{prefix}{name}[].")
    return found


def _typed(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {"hex"}:
            return bytes.fromhex(value["hex"])
        return {name: _typed(inner) for name, inner in value.items()}
    return [_typed(inner) for inner in value] if isinstance(value, list) else value
