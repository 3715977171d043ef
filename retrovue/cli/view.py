"""The only writer to the terminal: results to stdout, everything else to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import logging

    from retrovue.cli.progress import Events


class Progress(Protocol):
    """A running piece of work whose end is known."""

    def advance(self, amount: float = 1, text: str = "") -> None:
        """Move on by ``amount`` of the total; ``text`` says what is being worked on."""
        ...


class View:
    """Bars on a terminal, plain lines elsewhere, nothing but results and errors when ``quiet``.

    With ``--events`` progress and the outcome are told there, too; when that is standard output, nothing
    else is.
    """

    def __init__(self, quiet: bool = False, events: str | None = None) -> None:
        """``events``: a file, or "-". Raises ``RetroVueError`` when it can't be written."""
        self.quiet = quiet
        self.is_terminal = sys.stderr.isatty()
        self._events: Events | None = None
        self._has_stdout = events != "-"
        if events is not None:
            from retrovue.cli.progress import open_events
            from retrovue.clock import StationClock

            self._events = open_events(events, StationClock())

    def out(self, text: str = "") -> None:
        """A line of the result, to stdout."""
        if not self._has_stdout:
            return
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def json(self, value: Any) -> None:
        """The result as one JSON document on one line."""
        self.out(json.dumps(value, ensure_ascii=False, default=str))

    def outcome(self, value: Any) -> None:
        """What came of it, for whoever is told of events."""
        if self._events is not None:
            self._events.tell("outcome", outcome=value)

    def end(self, code: int) -> None:
        """The process ends with ``code``."""
        if self._events is not None:
            self._events.tell("end", code=code)

    def say(self, text: str) -> None:
        """A remark for people, to stderr; silent when quiet."""
        if not self.quiet:
            sys.stderr.write(text + "\n")
            sys.stderr.flush()

    def error(self, text: str, help: str = "") -> None:
        """An error and what to do about it, to stderr."""
        self.tell("error", text, help)

    def tell(self, severity: str, text: str, help: str = "") -> None:
        """An error, a warning or a note, and what to do about it, to stderr; notes are silent when quiet."""
        if self.quiet and severity == "note":
            return
        sys.stderr.write(f"{severity}: {text}\n" + (f"  help: {help}\n" if help else ""))
        sys.stderr.flush()

    def failure(self, text: str, help: str = "") -> None:
        """An error because of which the exit code is not 0: said, and told as an event."""
        self.error(text, help)
        if self._events is not None:
            self._events.tell("error", error=text, help=help)

    def log_handler(self) -> logging.Handler:
        """Log records as lines on stderr, warnings even when quiet."""
        import logging

        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname).1s %(message)s", "%H:%M:%S"))
        return handler

    @contextmanager
    def progress(self, label: str, total: float, unit: str = "files") -> Iterator[Progress]:
        """A progress bar on a terminal; a line every tenth elsewhere; nothing when quiet; and events, where
        they are asked for. Each says how quickly it goes and how long it will take.

        ``unit``: what ``total`` counts: files, or seconds of media.
        """
        from retrovue.cli.progress import Lines, Told
        from retrovue.clock import StationClock

        clock = StationClock()
        told = [Told(self._events, clock, label, total, unit)] if self._events is not None else []
        if self.quiet:
            yield _Several(told)
        elif not self.is_terminal:
            yield _Several([*told, Lines(self.say, clock, label, total, unit)])
        else:
            with _bar(label, total, unit) as bar:
                yield _Several([*told, bar])


class _Several:
    """All who are to know of one piece of work."""

    def __init__(self, those: Sequence[Progress]) -> None:
        self._those = those

    def advance(self, amount: float = 1, text: str = "") -> None:
        for one in self._those:
            one.advance(amount, text)


@contextmanager
def _bar(label: str, total: float, unit: str) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as RichProgress
    from rich.text import Text

    from retrovue.cli.progress import rate_said

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(rate_said(task.finished_speed or task.speed, unit).rjust(6))

    named = label if unit == "files" else f"{label} ({unit})"
    with RichProgress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[what]}", style="dim", markup=False),  # a name is no markup
        console=Console(stderr=True),
    ) as bars:
        task = bars.add_task(named, total=total, what="")

        class _Bar:
            def advance(self, amount: float = 1, text: str = "") -> None:
                bars.update(task, advance=amount, what=text)

        yield _Bar()
