"""The ledger: where every rotation stood at the end of one published broadcast day, as committed text.

``ledger.yaml`` beside ``station.yaml`` lets a compile without a published base (a CI run, a fresh machine)
go on from that day instead of replaying the station from its epoch. ``retrovue ledger export`` writes it
from an artefact; nobody edits it by hand.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from retrovue.compiler.in_flight import CURSOR, unpack
from retrovue.compiler.model import Checkpoint
from retrovue.errors import RetroVueError

NAME = "ledger.yaml"
_HEAD = """\
# Where every rotation of station {station} stood at the end of one broadcast day.
# Written by `retrovue ledger export`: a compile goes on from here instead of from the station's epoch.
"""
_AGAIN = "write it again: retrovue ledger export STATION"


class LedgerError(RetroVueError):
    """The ledger can't be read; the message begins with the file."""


def render_ledger(station: str, checkpoint: Checkpoint) -> str:
    """The text of the ledger: one cursor a line, so that a review shows which rotations moved."""
    lines = [
        _HEAD.format(station=station),
        f"ledger: {station}\n",
        f"broadcast_date: {checkpoint.broadcast_date}\n",
    ]
    lines.append("channels:\n" if checkpoint.cursors else "channels: {}\n")
    for channel, cursors in sorted(checkpoint.cursors.items()):
        lines.append(f"  {channel}:\n" if cursors else f"  {channel}: {{}}\n")
        lines += [f"    {_quoted(path)}: {_quoted(cursor)}\n" for path, cursor in sorted(cursors.items())]
    return "".join(lines)


def _quoted(text: str) -> str:
    # A JSON string is a double-quoted YAML scalar; what YAML takes for a line break or for no character
    # at all is written as an escape.
    return "".join(
        c if c.isprintable() else json.dumps(c)[1:-1] for c in json.dumps(text, ensure_ascii=False)
    )


def parse_ledger(text: str, station: str | None = None) -> Checkpoint:
    """What ``render_ledger`` wrote. Raises ``LedgerError`` for anything else, or another station's."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        said: Any = YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark is not None else ""
        what = "this is not YAML" if isinstance(error, YAMLError) else f"a value can't be read: {error}"
        raise LedgerError(f"{NAME}{where}: {what}", help=_AGAIN) from None
    if not isinstance(said, dict) or not isinstance(said.get("ledger"), str):
        raise LedgerError(f"{NAME}: this is no ledger: it doesn't say whose it is", help=_AGAIN)
    if station is not None and said["ledger"] != station:
        raise LedgerError(f"{NAME}: this is the ledger of station “{said['ledger']}”", help=_AGAIN)
    on, channels = said.get("broadcast_date"), said.get("channels")
    if not isinstance(on, date) or not isinstance(channels, dict):
        raise LedgerError(f"{NAME}: broadcast_date or channels are missing", help=_AGAIN)
    cursors: dict[str, dict[str, str]] = {}
    for channel, own in channels.items():
        if not isinstance(own, dict) or not all(isinstance(v, str) for pair in own.items() for v in pair):
            raise LedgerError(f"{NAME}: channel “{channel}” is no list of rotations", help=_AGAIN)
        try:
            unpack(own.get(CURSOR, "[]"))
        except ValueError:
            raise LedgerError(
                f"{NAME}: what is in flight on channel “{channel}” can't be read", help=_AGAIN
            ) from None
        if wrong := next(_unreadable(own), None):
            raise LedgerError(
                f"{NAME}: channel “{channel}”: “{wrong}: {own[wrong]}” is no place in a rotation", help=_AGAIN
            )
        cursors[str(channel)] = own
    return Checkpoint(on, cursors)


#: What a program or virtual keeps besides its rotations (compiler/airing.py), by the word behind its path.
_KEPT = re.compile(r"(.*[a-z0-9]) (goes|rerun|manual|picks|pick|go)(?: [0-9]+)?")
_SAYS = {
    "goes": re.compile(r"[0-9]{1,15}"),
    "rerun": re.compile(r"[0-9]{1,15}"),
    "manual": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}:[0-9]{1,15}"),
    "picks": re.compile(r"([0-9]{1,15}):([0-9]{1,15})"),
    "pick": re.compile(r"[0-9]{1,15}:.+"),
    "go": re.compile(r".+", re.DOTALL),
}


def _unreadable(cursors: Mapping[str, str]) -> Iterator[str]:
    """The paths whose cursors no compile would understand, or be done with: what is counted must be there."""
    kept = [(path, match[1], match[2]) for path in cursors if (match := _KEPT.fullmatch(path))]
    picks = Counter(where for _, where, word in kept if word == "pick")
    for path, where, word in kept:
        said = _SAYS[word].fullmatch(cursors[path])
        sound = said is not None
        if said is not None and word == "goes":
            sound = not int(said[0]) or f"{where} go {int(said[0])}" in cursors
        elif said is not None and word == "picks":
            sound = 0 <= int(said[2]) - int(said[1]) <= picks[where]
        if not sound:
            yield path


def read_ledger(station_folder: Path, station: str | None = None) -> Checkpoint | None:
    """The station's ledger; None when it has none. Raises ``LedgerError``."""
    file = station_folder / NAME
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise LedgerError(f"{NAME} can't be read: {error}", help=_AGAIN) from None
    return parse_ledger(text, station)
