"""“Did you mean …?”; pure."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that ``word`` was probably meant to be, if any is near enough."""
    wanted = _fold(word)
    best: tuple[float, str] | None = None
    for candidate in sorted(set(known)):
        score = _likeness(wanted, _fold(candidate))
        if best is None or score > best[0]:
            best = (score, candidate)
    return best[1] if best is not None and best[0] >= 0.7 and best[1] != word else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A question for the help line, or nothing."""
    found = closest(word, known)
    return f"did you mean “{found}”?" if found else ""


def _fold(word: str) -> str:
    return word.lower().replace("_", "").replace("-", "").replace(" ", "")


def _likeness(a: str, b: str) -> float:
    if a == b:
        return 1.0
    if not a or not b:
        return 0.0
    if len(a) >= 3 and (b.startswith(a) or a.startswith(b)):
        # "break" for "breaks" rather than "break_format"
        return 0.85 + 0.1 * min(len(a), len(b)) / max(len(a), len(b))
    if min(len(a), len(b)) >= 4 and (a.endswith(b) or b.endswith(a)):
        return 0.8  # "play_mode" for "mode"
    if sorted(a) == sorted(b):
        return 0.95  # letters swapped
    return SequenceMatcher(None, a, b, autojunk=False).ratio()
