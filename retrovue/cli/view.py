"""The only writer to the terminal: results to stdout, everything else to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import logging


class Progress(Protocol):
    """A running piece of work whose end is known."""

    def advance(self, amount: float = 1, text: str = "") -> None:
        """Move on by ``amount`` of the total; ``text`` says what is being worked on."""
        ...


class View:
    """Bars on a terminal, plain lines elsewhere, nothing but results and errors when ``quiet``."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self.is_terminal = sys.stderr.isatty()

    def out(self, text: str = "") -> None:
        """A line of the result, to stdout."""
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def json(self, value: Any) -> None:
        """The result as one JSON document on one line."""
        self.out(json.dumps(value, ensure_ascii=False, default=str))

    def say(self, text: str) -> None:
        """A remark for people, to stderr; silent when quiet."""
        if not self.quiet:
            sys.stderr.write(text + "\n")
            sys.stderr.flush()

    def error(self, text: str, help: str = "") -> None:
        """An error and what to do about it, to stderr."""
        sys.stderr.write(f"error: {text}\n" + (f"  help: {help}\n" if help else ""))
        sys.stderr.flush()

    def log_handler(self) -> logging.Handler:
        """Log records as lines on stderr, warnings even when quiet."""
        import logging

        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname).1s %(message)s", "%H:%M:%S"))
        return handler

    @contextmanager
    def progress(self, label: str, total: float) -> Iterator[Progress]:
        """A progress bar on a terminal; a line every tenth elsewhere; nothing when quiet."""
        if self.quiet:
            yield _Silent()
        elif self.is_terminal:
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                TextColumn,
                TimeRemainingColumn,
            )
            from rich.progress import (
                Progress as RichProgress,
            )

            with RichProgress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                TextColumn("[dim]{task.fields[what]}"),
                console=Console(stderr=True),
            ) as bars:
                task = bars.add_task(label, total=total, what="")

                class _Bar:
                    def advance(self, amount: float = 1, text: str = "") -> None:
                        bars.update(task, advance=amount, what=text)

                yield _Bar()
        else:
            yield _Lines(self, label, total)


class _Silent:
    def advance(self, amount: float = 1, text: str = "") -> None:
        pass


class _Lines:
    def __init__(self, view: View, label: str, total: float) -> None:
        self._view, self._label, self._total = view, label, total
        self._done = 0.0
        self._tenth = -1

    def advance(self, amount: float = 1, text: str = "") -> None:
        self._done += amount
        tenth = int(10 * self._done / self._total) if self._total else 10
        if tenth > self._tenth:
            self._tenth = tenth
            self._view.say(f"{self._label}: {min(tenth, 10) * 10} % {text}".rstrip())
