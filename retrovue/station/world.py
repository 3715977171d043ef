"""What the rules look at: all documents of a station at once, and how a rule says what it found; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pydantic import BaseModel

from retrovue.diagnostics import Diagnostic, Label, Severity, Span
from retrovue.station.model import Station
from retrovue.station.validate import Loc, Validated

DAY = 24 * 60


@dataclass(frozen=True)
class World:
    """All documents of a station."""

    folder: Path
    documents: tuple[Validated, ...]
    names: Mapping[str, frozenset[str]]  #: noun → slugs, also of documents that failed
    adapters: Mapping[str, type[BaseModel]] | None
    enrichers: Set[str] | None = None  #: kinds; None: not to be checked
    catalog: bool = False  #: is what is asked of the catalog to be checked, too?

    def of(self, noun: str) -> list[Validated]:
        return self._by_noun.get(noun, [])

    @cached_property
    def _by_noun(self) -> dict[str, list[Validated]]:
        found: dict[str, list[Validated]] = {}
        for v in self.documents:
            if v.model is not None:
                found.setdefault(v.noun, []).append(v)
        return found

    def by_slug(self, noun: str) -> dict[str, Validated]:
        """The documents of a noun; of two with one name the first."""
        return {v.slug: v for v in reversed(self.of(noun))}

    @cached_property
    def station(self) -> Station | None:
        return next((v.model for v in self.of("station") if isinstance(v.model, Station)), None)

    @property
    def day_start(self) -> int:
        """When the station's broadcast day begins (minutes after midnight)."""
        return self.station.broadcast_day_start if self.station else 6 * 60


Rule = Callable[[World], Iterator[Diagnostic]]


def error(
    code: str,
    headline: str,
    span: Span | None,
    help: str = "",
    labels: tuple[Label, ...] = (),
    note: str = "",
) -> Diagnostic:
    return Diagnostic(Severity.ERROR, code, headline, span, note=note, labels=labels, help=help)


def warning(
    code: str, headline: str, span: Span | None, help: str = "", labels: tuple[Label, ...] = ()
) -> Diagnostic:
    return Diagnostic(Severity.WARNING, code, headline, span, labels=labels, help=help)


def spoken(noun: str) -> str:
    """A noun as people say it: "break format"."""
    return noun.replace("_", " ")


def clock(minutes: int) -> str:
    """ "20:30" of 1230."""
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"


def only_unknown(written: object, known: set[str]) -> bool:
    """Has a mapping keys, but none that is known? Then the unknown key has been told."""
    entries = getattr(written, "entries", {})
    return bool(entries) and not known & set(entries)


def twice(v: Validated, loc: Loc, words: Sequence[object], help: str) -> Iterator[Diagnostic]:
    """The words of the list at ``loc`` that stand in it already."""
    for i, word in enumerate(words):
        earlier = words.index(word)
        if earlier < i and not v.is_mended(*loc):
            yield error(
                "duplicate-word",
                f"“{word}” stands twice in “{loc[-1]}”",
                v.span(*loc, i),
                labels=(Label(v.span(*loc, earlier), "first here"),),
                help=help,
            )


__all__ = [
    "DAY",
    "Loc",
    "Rule",
    "Validated",
    "World",
    "clock",
    "error",
    "only_unknown",
    "spoken",
    "twice",
    "warning",
]
