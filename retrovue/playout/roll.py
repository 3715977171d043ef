"""Roll: cut the next generation of the playlog and pack what airs of it; a process of its own.

    python -m retrovue.playout.roll < request (JSON) > answer

What reads artefacts needs much more memory than what airs them, and needs it for a second an hour. So the
process that serves asks this one, which ends when it has answered. The answer is a line of JSON and the
packed rundown (rundown.py), as many bytes as the line says; or a line that says what is wrong.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from retrovue.errors import RetroVueError
from retrovue.playout import programme
from retrovue.playout.rundown import CutRow
from retrovue.store.artefact import Artefact
from retrovue.store.generations import Cut, generations, read_cut, write


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for."""

    artefact: str  #: path; empty: the newest generation that covers now
    folder: str  #: of the generations
    now_us: int
    length_us: int  #: how far ahead
    current: CutRow  #: the generation that is on the air
    checks_us: tuple[int, ...]  #: how long before they air files are looked at


@dataclass(frozen=True, slots=True)
class Answer:
    """``size``: of the packed rundown; 0: ``error`` says why there is none."""

    size: int = 0
    trouble: str = ""  #: why the generation wasn't kept
    warnings: tuple[str, ...] = ()
    error: str = ""
    help: str = ""


def roll(request: Request) -> tuple[Answer, bytes]:
    """Raises ``RetroVueError``."""
    if not request.artefact:
        return _newest_generation(request)
    with Artefact.open(Path(request.artefact)) as artefact:
        cut, trouble = _cut(artefact, request)
        packed = programme.pack(artefact, astuple(cut), request.now_us, request.checks_us)
    return Answer(len(packed), trouble), packed


def _cut(artefact: Artefact, request: Request) -> tuple[Cut, str]:
    """The generation that airs, and why it isn't kept if it isn't.

    It is written before it airs: as-run never cites a generation that nobody has seen.
    """
    folder, now_us, current = Path(request.folder), request.now_us, Cut(*request.current)
    hash_, end_us = artefact.header.content_hash, min(now_us + request.length_us, artefact.header.end_us)
    if (current.artefact, current.end_us) == (hash_, end_us):
        return current, ""
    newest = next(iter(generations(folder)), None)
    number = max(current.generation, newest.number if newest is not None else 0) + 1
    cut = Cut(number, hash_, now_us, now_us - programme.KEEP_PAST_US, end_us)
    try:
        write(artefact, folder, cut)
    except RetroVueError as error:
        return cut, f"{error}; it airs from memory"
    return cut, ""


def _newest_generation(request: Request) -> tuple[Answer, bytes]:
    """The newest that can be read and covers now."""
    warnings: list[str] = []
    for generation in generations(Path(request.folder)):
        try:
            with Artefact.open(generation.path) as artefact:
                cut = read_cut(artefact)
                if cut is not None and cut.start_us <= request.now_us < cut.end_us:
                    packed = programme.pack(artefact, astuple(cut), request.now_us, request.checks_us)
                    return Answer(len(packed), warnings=tuple(warnings)), packed
        except RetroVueError as error:
            warnings.append(str(error))
    return Answer(warnings=tuple(warnings), error="no generation of the playlog covers now"), b""


def decode_request(text: str) -> Request:
    said: dict[str, Any] = json.loads(text)
    generation, artefact, cut_at_us, start_us, end_us = said.pop("current")
    return Request(
        current=(generation, artefact, cut_at_us, start_us, end_us),
        checks_us=tuple(said.pop("checks_us")),
        **said,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Answer one request on standard output."""
    try:
        answer, packed = roll(decode_request(sys.stdin.read()))
    except RetroVueError as error:
        answer, packed = Answer(error=str(error), help=error.help), b""
    out = sys.stdout.buffer
    out.write(json.dumps(astuple(answer)).encode() + b"\n")
    out.write(packed)
    out.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
