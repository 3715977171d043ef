"""A station folder as a test sees it: what its guide says, what airs under it, what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from retrovue.cli.bench import Bench, chosen_channels
from retrovue.compiler.channels import compiled_channels
from retrovue.compiler.model import Checkpoint, CompiledChannel, ScheduleDay
from retrovue.diagnostics import Diagnostic, Severity
from retrovue.errors import RetroVueError
from retrovue.testing.listing import Listing, listing
from retrovue.units import to_us

#: Longer ranges are a typo.
_MOST_DAYS = 800


class Findings(tuple[Diagnostic, ...]):
    """What was found; empty when all is well. Its representation is what ``retrovue check`` prints."""

    def __new__(cls, found: tuple[Diagnostic, ...] = (), text: str = "") -> Findings:
        made = super().__new__(cls, found)
        made.text = text
        return made

    text: str

    def __repr__(self) -> str:
        return f"\n{self.text}"


class CompiledStation:
    """A station, compiled in memory as its tests ask for its days."""

    def __init__(self, folder: Path, dates: str = "") -> None:
        """``dates`` ("2026-12-20..2027-01-02") are compiled together; any other day when it is asked for.

        Raises ``RetroVueError`` for a station with errors and for a range that is none.
        """
        self.folder = folder
        self._range = _parse_range(dates)
        self._bench = Bench(folder, "")
        self.model = self._bench.model
        self.channels: tuple[CompiledChannel, ...] = compiled_channels(self.model)
        self._days: dict[tuple[str, date], ScheduleDay] = {}
        self._checkpoints: dict[date, Checkpoint] = {}
        self._told: dict[tuple[date, date], tuple[Diagnostic, ...]] = {}

    def guide(self, channel: str, day: str | date) -> Listing:
        """What the guide says of a channel ("5.1" or its slug) on a broadcast date, as text; ``events`` has
        the values. Raises ``RetroVueError`` for no such channel or date."""
        return self._listing("guide", channel, day)

    def playlist(self, channel: str, day: str | date) -> Listing:
        """The same with everything that airs under each programme; ``segments`` has the values."""
        return self._listing("playlist", channel, day)

    def check(self, warnings: bool = True) -> Findings:
        """What ``retrovue check`` finds in the station, and what compiling the range in the settings, or the
        first days of the guide, adds to it."""
        from retrovue.diagnostics.render import render
        from retrovue.library.adapters import settings_models
        from retrovue.library.enrichers import enricher_kinds
        from retrovue.station.load import load_station

        first, last = self._range or self._first_days()
        loaded = load_station(self.folder, settings_models(), None, enricher_kinds(), catalog=True)
        found = (*loaded.diagnostics, *self._compile(first, last))
        shown = tuple(d for d in dict.fromkeys(found) if warnings or d.severity is Severity.ERROR)
        text = render(shown, self._bench.loaded.sources, root=self.folder.as_posix()) if shown else ""
        return Findings(shown, text)

    def _listing(self, what: str, wanted: str, day: str | date) -> Listing:
        (channel,) = chosen_channels(self.channels, wanted)
        on = _parse_date(day)
        found = self._day(channel.channel, on)
        zone = ZoneInfo(self.model.station.timezone)
        return listing(what, channel, on, zone, found.events, found.playlist)

    def _day(self, channel: str, on: date) -> ScheduleDay:
        if (channel, on) not in self._days:
            first, last = self._range or (on, on)
            self._compile(*((first, last) if first <= on <= last else (on, on)))
        return self._days[channel, on]

    def _compile(self, first: date, last: date) -> tuple[Diagnostic, ...]:
        """Compile these days, unless they are; what the compiler had to say."""
        if (first, last) in self._told:
            return self._told[first, last]
        earlier = [on for on in self._checkpoints if on < first]
        checkpoint = self._checkpoints[max(earlier)] if earlier else None
        compiled = self._bench.compile(first, (last - first).days + 1, self._as_of_us(first), checkpoint)
        for day in compiled.days:
            self._days[day.channel, day.broadcast_date] = day
        for on in _days(first, last):
            cursors = {d.channel: d.checkpoint for d in compiled.days if d.broadcast_date == on}
            self._checkpoints[on] = Checkpoint(on, cursors)
        self._told[first, last] = compiled.diagnostics
        return compiled.diagnostics

    def _first_days(self) -> tuple[date, date]:
        first = self.model.station.epoch
        return first, first + timedelta(days=self._bench.guide_days() - 1)

    def _as_of_us(self, first: date) -> int:
        """Nothing is on the air in a test: it is the moment at which the first day begins."""
        from datetime import UTC, datetime, time

        return to_us(datetime.combine(first, time(), UTC))


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def _parse_date(day: str | date) -> date:
    if isinstance(day, date):
        return day
    try:
        return date.fromisoformat(day)
    except ValueError:
        raise RetroVueError(f"“{day}” is no date", help="write it like 2026-12-25") from None


def _parse_range(dates: str) -> tuple[date, date] | None:
    if not dates:
        return None
    first, _, last = dates.partition("..")
    begin, end = _parse_date(first.strip()), _parse_date((last or first).strip())
    if not 0 <= (end - begin).days < _MOST_DAYS:
        raise RetroVueError(
            f"“{dates}” is no range of dates", help="write it like 2026-12-20..2027-01-02, earlier first"
        )
    return begin, end
