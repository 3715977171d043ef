"""Findings: what the compiler noticed, each thing once, in the order of discovery; pure."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Hashable, Sequence

from retrovue.diagnostics import Diagnostic, Severity, Span


class Findings:
    """Collects diagnostics. A compile never stops for one: what can't air is filled."""

    def __init__(self) -> None:
        self._found: dict[Hashable, Diagnostic] = {}
        self._of: dict[Hashable, list[str]] = {}
        self.silent = False  #: while days before the first one asked for are replayed

    def warn(
        self,
        code: str,
        about: Hashable,
        headline: str,
        span: Span | None = None,
        help: str = "",
        always: bool = False,
    ) -> None:
        """Add a warning, unless there is one with this code ``about`` the same thing.

        ``always``: true of the station on every day, so a replayed day may find it.
        """
        if always or not self.silent:
            self._found.setdefault(
                (code, about), Diagnostic(Severity.WARNING, code, headline, span=span, help=help)
            )

    def warn_of(
        self,
        code: str,
        about: Hashable,
        what: str,
        headline: Callable[[Sequence[str]], str],
        span: Span | None = None,
        help: str = "",
    ) -> None:
        """Add ``what`` to the one warning ``about`` this; ``headline`` words all that it is of, in order."""
        if self.silent:
            return
        every = self._of.setdefault((code, about), [])
        if what not in every:
            insort(every, what)
            said = Diagnostic(Severity.WARNING, code, headline(every), span=span, help=help)
            self._found[code, about] = said

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return tuple(self._found.values())


def several(names: Sequence[str]) -> str:
    """ "a", "a, b and c", "a, b and 11 others"."""
    if len(names) < 4:
        return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    return f"{', '.join(names[:2])} and {len(names) - 2} others"


def written_at(span: Span | None) -> str:
    """ "plans/weekday.yaml:12:5"; empty for a model built in code."""
    return f"{span.file}:{span.line}:{span.column}" if span else ""
