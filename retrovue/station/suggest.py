"""“Did you mean …?”; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from difflib import SequenceMatcher

#: Less alike, and nobody means it.
_NEAR_ENOUGH = 0.7


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that ``word`` was probably meant to be, if any is near enough."""
    wanted = _fold(word)
    letters = Counter(wanted)
    score, best = 0.0, ""
    for candidate in sorted(set(known)):
        likeness = _likeness(wanted, letters, _fold(candidate), max(score, _NEAR_ENOUGH))
        if likeness > score:
            score, best = likeness, candidate
    return best if score >= _NEAR_ENOUGH and best != word else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A question for the help line, or nothing."""
    found = closest(word, known)
    return f"did you mean “{found}”?" if found else ""


def _fold(word: str) -> str:
    return word.lower().replace("_", "").replace("-", "").replace(" ", "")


def _likeness(a: str, letters: Counter[str], b: str, least: float) -> float:
    """From 0 to 1; 0 for what is surely less than ``least``. ``letters``: those of ``a``."""
    if a == b:
        return 1.0
    if not a or not b:
        return 0.0
    if len(a) >= 3 and (b.startswith(a) or a.startswith(b)):
        # "break" for "breaks" rather than "break_format"
        return 0.85 + 0.1 * min(len(a), len(b)) / max(len(a), len(b))
    if min(len(a), len(b)) >= 4 and (a.endswith(b) or b.endswith(a)):
        return 0.8  # "play_mode" for "mode"
    if len(a) == len(b) and sorted(a) == sorted(b):
        return 0.95  # letters swapped
    # The ratio is at most that of the letters they have in common; it takes long, and there may be 100,000.
    both = len(a) + len(b)
    if 2 * min(len(a), len(b)) < least * both:
        return 0.0
    if 2 * sum(min(count, letters[c]) for c, count in Counter(b).items() if c in letters) < least * both:
        return 0.0
    return SequenceMatcher(None, a, b, autojunk=False).ratio()
