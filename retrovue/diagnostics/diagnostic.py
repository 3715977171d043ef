"""Diagnostic: what is wrong, where, and what to do about it; pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A place in a file: 1-based lines and columns; the end is exclusive."""

    file: str  #: path relative to the station folder, "/"-separated
    line: int
    column: int
    end_line: int
    end_column: int

    def __repr__(self) -> str:
        # As a dataclass's, which looks for circles: all places of a station are hashed as text.
        return (
            f"Span(file={self.file!r}, line={self.line}, column={self.column}, end_line={self.end_line}, "
            f"end_column={self.end_column})"
        )


@dataclass(frozen=True, slots=True)
class Label:
    """A second place that helps to understand a diagnostic."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. ``code`` is a kebab-case word listed in ``codes.py``, where its manual is."""

    severity: Severity
    code: str
    headline: str
    span: Span | None = None
    note: str = ""  #: said beside the caret
    labels: tuple[Label, ...] = ()
    help: str = ""  #: what to do, often "did you mean …"
    hidden: bool = False  #: what stands at ``span`` may be a secret: no excerpt shows it
