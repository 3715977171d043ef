"""Findings: what the compiler noticed on a day of a channel, each thing once, in the order found; pure.

Every day has its own, and what a day says hangs on nothing but what the day is made from: a day that is taken
over brings along what was found when it was compiled.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace

from retrovue.compiler.model import Finding
from retrovue.diagnostics import Diagnostic, Severity, Span


class Findings:
    """Collects findings. A compile never stops for one: what can't air is filled."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], Finding] = {}
        self.silent = False  #: while days before the first one asked for are replayed

    def turn_to(self, found: dict[tuple[str, str], Finding]) -> None:
        """Collect in ``found`` from now on: those of one day."""
        self._found = found

    def warn(
        self, code: str, about: Hashable, headline: str, span: Span | None = None, help: str = ""
    ) -> None:
        """Add a warning, unless the day has one with this code ``about`` the same thing."""
        key = (code, str(about))
        if not self.silent and key not in self._found:
            self._found[key] = Finding(
                key[1], Diagnostic(Severity.WARNING, code, headline, span=span, help=help)
            )

    def warn_of(
        self,
        code: str,
        about: Hashable,
        what: str,
        words: tuple[str, str, str],
        span: Span | None = None,
        help: str = "",
    ) -> None:
        """Add ``what`` to the one warning ``about`` this. ``words``: what stands before all that it is of,
        and behind one or several."""
        if self.silent:
            return
        key = (code, str(about))
        known = self._found.get(key)
        if known is None:
            said = Diagnostic(Severity.WARNING, code, "", span=span, help=help)
            self._found[key] = _worded(Finding(key[1], said, words=words), [what])
        elif what not in known.of:
            self._found[key] = _worded(known, [*known.of, what])


def _worded(finding: Finding, of: Iterable[str]) -> Finding:
    """The finding about several things."""
    every = tuple(sorted(set(of)))
    before, one, many = finding.words
    headline = f"{before}{several(every)}{one if len(every) == 1 else many}"
    return replace(finding, of=every, diagnostic=replace(finding.diagnostic, headline=headline))


def once(findings: Iterable[Finding]) -> tuple[Diagnostic, ...]:
    """What many days say of one thing, once: as the first of them says it, of all that any says it of."""
    first: dict[tuple[str, str], Finding] = {}
    for finding in findings:
        key = (finding.diagnostic.code, finding.about)
        known = first.setdefault(key, finding)
        if known is not finding and not set(finding.of) <= set(known.of):
            first[key] = _worded(known, [*known.of, *finding.of])
    return tuple(dict.fromkeys(finding.diagnostic for finding in first.values()))


def several(names: Sequence[str]) -> str:
    """ "a", "a, b and c", "a, b and 11 others"."""
    if len(names) < 4:
        return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    return f"{', '.join(names[:2])} and {len(names) - 2} others"


def written_at(span: Span | None) -> str:
    """ "plans/weekday.yaml:12:5"; empty for a model built in code."""
    return f"{span.file}:{span.line}:{span.column}" if span else ""
