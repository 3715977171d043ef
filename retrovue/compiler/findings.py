"""Findings: what the compiler noticed, each thing once, in the order of discovery; pure."""

from __future__ import annotations

from collections.abc import Hashable

from retrovue.diagnostics import Diagnostic, Severity, Span


class Findings:
    """Collects diagnostics. A compile never stops for one: what can't air is filled."""

    def __init__(self) -> None:
        self._found: dict[Hashable, Diagnostic] = {}
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

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return tuple(self._found.values())


def written_at(span: Span | None) -> str:
    """ "plans/weekday.yaml:12:5"; empty for a model built in code."""
    return f"{span.file}:{span.line}:{span.column}" if span else ""
