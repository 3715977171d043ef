"""``epgQuery``'s search words; pure.

Tvheadend takes a regular expression. A backtracking engine would let one client hold up the station's only
event loop with a pattern of twenty characters, so this reads the part of that language that can be matched
in linear time: letters, ``\\`` before a sign, ``.``, sets like ``[a-z]``, ``.*`` and ``.+``, ``^``, ``$``
and ``|``. A pattern with anything else in it (a title with a question mark, most likely) is searched for as
it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable

#: Longest pattern that is read (characters).
LONGEST = 200

#: One thing of fixed width: a sign behind a backslash, a set, or any character without a meaning.
_ATOM = re.compile(r"\\[^\w\s]|\\[dws]|\[\^?[^\[\]\\]+\]|[^\\\[\](){}*+?|^$]")
_GAP = re.compile(r"\.[*+]\??")

Matches = Callable[[str], bool]


def search(pattern: str) -> Matches:
    """Whether a text holds the pattern, whatever its case."""
    pattern = pattern[:LONGEST]
    branches = [_branch(part) for part in _split(pattern)]
    known = [branch for branch in branches if branch is not None]
    if len(known) < len(branches):
        word = pattern.casefold()
        return lambda text: word in text.casefold()
    return lambda text: any(matches(text) for matches in known)


def _split(pattern: str) -> list[str]:
    """The alternatives; a bar behind a backslash or in a set is none."""
    parts, depth, at = [""], False, 0
    while at < len(pattern):
        sign = pattern[at]
        if sign == "\\":
            parts[-1] += pattern[at : at + 2]
            at += 2
            continue
        depth = sign == "[" or (depth and sign != "]")
        if sign == "|" and not depth:
            parts.append("")
        else:
            parts[-1] += sign
        at += 1
    return parts


def _branch(part: str) -> Matches | None:
    """One alternative as pieces of fixed width with gaps between them; None: it can't be read."""
    begins, part = part.startswith("^"), part.removeprefix("^")
    ends = part.endswith("$") and not part.endswith("\\$")
    if ends:
        part = part[:-1]
    pieces, gaps, at = [""], [0], 0  # gaps: least width before each piece
    while at < len(part):
        if gap := _GAP.match(part, at):
            pieces.append("")
            gaps.append(gap[0][1] == "+")
            at = gap.end()
        elif atom := _ATOM.match(part, at):
            pieces[-1] += atom[0]
            at = atom.end()
        else:
            return None
    try:
        compiled = [re.compile(piece, re.IGNORECASE | re.DOTALL) for piece in pieces]
    except re.error:  # "[z-a]"
        return None
    return lambda text: _in_order(compiled, gaps, begins, ends, text)


def _in_order(pieces: list[re.Pattern[str]], gaps: list[int], begins: bool, ends: bool, text: str) -> bool:
    """Pieces of fixed width, each at its first place behind the one before it."""
    at = 0
    for index, (piece, gap) in enumerate(zip(pieces, gaps, strict=True)):
        at += gap
        if at > len(text):
            return False
        anchored = begins and index == 0
        if ends and index == len(pieces) - 1:
            found = _at_end(piece, text, at)
            return found is not None and (not anchored or found.start() == 0)
        found = piece.match(text, at) if anchored else piece.search(text, at)
        if found is None:
            return False
        at = found.end()
    return True


def _at_end(piece: re.Pattern[str], text: str, at: int) -> re.Match[str] | None:
    """The piece at the very end, though an earlier match may reach into it."""
    return next((m for start in range(len(text), at - 1, -1) if (m := piece.fullmatch(text, start))), None)
