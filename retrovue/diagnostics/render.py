"""Diagnostics for people (full, concise), for scripts (json), GitHub's annotations and code scanning; pure.

Whatever a user wrote is shown as plain text: control characters can't reach a terminal, and no
markup is interpreted.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

from retrovue.diagnostics.diagnostic import Diagnostic, Severity, Span

Format = Literal["full", "concise", "json", "github", "sarif"]
FORMATS: tuple[Format, ...] = get_args(Format)

_LINE_BREAK = re.compile("\r\n|[\n\r]")
_RED, _YELLOW, _BLUE, _BOLD, _RESET = "\x1b[1;31m", "\x1b[1;33m", "\x1b[1;34m", "\x1b[1m", "\x1b[0m"
#: Longer lines are shown around the caret only (characters).
_WIDEST = 160


def render(
    diagnostics: Sequence[Diagnostic],
    sources: Mapping[str, str],
    style: Format = "full",
    *,
    color: bool = False,
    root: str = "",
) -> str:
    """All diagnostics in one style, with no line break at the end.

    ``sources``: file → text, for excerpts; ``root``: what to put before file names ("stations/demo");
    ``color``: ANSI colours (full and concise only).
    """
    if style == "json":
        return json.dumps([as_json(d, root) for d in diagnostics], ensure_ascii=False, indent=2)
    if style == "sarif":
        from retrovue.diagnostics.sarif import sarif_log

        return json.dumps(sarif_log(diagnostics, root), ensure_ascii=False, indent=2)
    if style == "github":
        return "\n".join(_github(d, root) for d in diagnostics)
    paint = _Paint(color)
    if style == "concise":
        return "\n".join(_concise(d, root, paint) for d in diagnostics)
    lines = {file: _LINE_BREAK.split(text) for file, text in sources.items()}
    for span in (d.span for d in diagnostics if d.hidden and d.span is not None):
        _hide(lines.get(span.file, []), span)
    return "\n\n".join(_full(d, lines, root, paint) for d in diagnostics)


def summary(diagnostics: Sequence[Diagnostic]) -> str:
    """ "2 errors and 1 warning"; "no mistakes" when there are none."""
    counts = [(sum(d.severity is s for d in diagnostics), s.value) for s in Severity]
    parts = [f"{n} {word}{'' if n == 1 else 's'}" for n, word in counts if n]
    return " and ".join(parts) or "no mistakes"


def printable(text: str) -> str:
    """``text`` on one line with nothing in it that a terminal or an editor would obey."""
    return "".join(
        " " if c == "\t" else "�" if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") else c
        for c in text
    )


def width(text: str) -> int:
    """Columns that ``text`` takes on a terminal."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def place(span: Span, root: str = "") -> str:
    """ "plans/weekday.yaml:12:5"."""
    return f"{_path(span, root)}:{span.line}:{span.column}"


def as_json(d: Diagnostic, root: str = "") -> dict[str, Any]:
    """One diagnostic as JSON values; lines and columns are 1-based, the end is exclusive."""
    return {
        "severity": d.severity.value,
        "code": d.code,
        "headline": d.headline,
        "span": _span_json(d.span, root),
        "note": d.note,
        "labels": [{"span": _span_json(label.span, root), "text": label.text} for label in d.labels],
        "help": d.help,
    }


def _span_json(span: Span | None, root: str) -> dict[str, Any] | None:
    if span is None:
        return None
    return {
        "file": _path(span, root),
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }


def _path(span: Span, root: str) -> str:
    return f"{root.rstrip('/')}/{span.file}" if root else span.file


class _Paint:
    def __init__(self, color: bool) -> None:
        self._color = color

    def __call__(self, style: str, text: str) -> str:
        return f"{style}{text}{_RESET}" if self._color and text else text


def _tone(d: Diagnostic) -> str:
    return _RED if d.severity is Severity.ERROR else _YELLOW


def _concise(d: Diagnostic, root: str, paint: _Paint) -> str:
    where = f"{printable(place(d.span, root))}: " if d.span else ""
    help = f" ({printable(d.help)})" if d.help else ""
    return f"{where}{paint(_tone(d), f'{d.severity.value}[{d.code}]')} {printable(d.headline)}{help}"


def _full(d: Diagnostic, lines: Mapping[str, Sequence[str]], root: str, paint: _Paint) -> str:
    out = [f"{paint(_tone(d), f'{d.severity.value}[{d.code}]')}: {paint(_BOLD, printable(d.headline))}"]
    spans = [*([(d.span, d.note, "^")] if d.span else []), *((s.span, s.text, "-") for s in d.labels)]
    gutter = max((len(str(span.line)) for span, _, _ in spans), default=1)
    for number, (span, note, mark) in enumerate(spans):
        arrow = "-->" if number == 0 else ":::"
        out.append(f"{' ' * gutter}{paint(_BLUE, arrow)} {printable(place(span, root))}")
        text = lines.get(span.file)
        if text is None or not 1 <= span.line <= len(text):
            if note:
                out.append(f"{' ' * gutter} {paint(_BLUE, '=')} {printable(note)}")
            continue
        excerpt, indent, length = _excerpt(text[span.line - 1], span)
        bar = paint(_BLUE, "|")
        under = paint(
            _tone(d) if mark == "^" else _BLUE, mark * length + (f" {printable(note)}" if note else "")
        )
        out.append(f"{' ' * gutter} {bar}")
        out.append(f"{paint(_BLUE, str(span.line).rjust(gutter))} {bar} {excerpt}")
        out.append(f"{' ' * gutter} {bar} {' ' * indent}{under}")
    if d.help:
        out.append(f"{' ' * gutter} {paint(_BLUE, '=')} help: {printable(d.help)}")
    return "\n".join(out)


def _hide(lines: list[str], span: Span) -> None:
    """What stands at ``span`` becomes dots, in the excerpts of all."""
    for number in range(span.line, min(span.end_line, len(lines)) + 1):
        line = lines[number - 1]
        begin = span.column - 1 if number == span.line else 0
        end = min(span.end_column - 1, len(line)) if number == span.end_line else len(line)
        lines[number - 1] = line[:begin] + "·" * (end - begin) + line[end:]


def _excerpt(line: str, span: Span) -> tuple[str, int, int]:
    """The line (or the part of it around the span), the caret's indentation and its length."""
    begin = min(span.column - 1, len(line))
    end = len(line) if span.end_line > span.line else min(max(span.end_column - 1, begin), len(line))
    left = 0 if len(line) <= _WIDEST else max(0, begin - 40)
    right = min(len(line), left + _WIDEST)
    shown = printable(line[left:right]).rstrip()
    head, tail = ("…" if left else ""), ("…" if right < len(line) else "")
    indent = width(head + printable(line[left:begin]))
    return f"{head}{shown}{tail}", indent, max(1, width(printable(line[begin : min(end, right)]).rstrip()))


def _github(d: Diagnostic, root: str) -> str:
    """A workflow command: https://docs.github.com/actions/reference/workflow-commands-for-github-actions"""
    fields = {"title": d.code}
    if d.span:
        fields |= {
            "file": _path(d.span, root),
            "line": str(d.span.line),
            "endLine": str(d.span.end_line),
            "col": str(d.span.column),
        }
        if d.span.end_line == d.span.line:  # columns mean nothing over several lines
            fields["endColumn"] = str(d.span.end_column)
    message = d.headline + (f"\n{d.help}" if d.help else "")
    rows = ",".join(f"{key}={_escape(value, True)}" for key, value in fields.items())
    return f"::{d.severity.value} {rows}::{_escape(message, False)}"


def _escape(text: str, field: bool) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if field else text
