"""The guide grid of a few hours, laid out in columns of whole minutes; pure.

A row is one channel's evening: cells side by side, each as wide as its programme is long, which an
HTML table says by ``colspan``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from retrovue.lineup import ChannelId, ChannelIdent, GuideEntry

HALF_HOUR = timedelta(minutes=30)

#: HTML ends a cell after 1000 columns, so a longer window has coarser columns.
_MOST_COLUMNS = 1000

_HUES = (
    ("kids", {"kids", "children", "cartoon", "cartoons", "family", "animation"}),
    ("sports", {"sport", "sports"}),
    ("news", {"news", "talk", "documentary", "current affairs"}),
)


@dataclass(frozen=True, slots=True)
class Tick:
    """A half hour of the time line. ``end`` is exclusive; ``span`` counts columns."""

    label: str
    start: datetime
    span: int


@dataclass(frozen=True, slots=True)
class Cell:
    """What a channel shows for ``span`` columns; ``entry`` is None where there is no guide."""

    entry: GuideEntry | None
    span: int
    hue: str = ""  #: movie, kids, sports, news, off-air; empty for the rest
    size: str = ""  #: brief: room for a title; sliver: for none; empty: for everything
    times: str = ""  #: "19:30–20:00", station time
    before: bool = False  #: began before the window
    after: bool = False  #: goes on after it
    on_now: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    channel: ChannelIdent
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """``[start, end)`` of every channel."""

    start: datetime
    end: datetime
    columns: int
    ticks: tuple[Tick, ...]
    rows: tuple[Row, ...]

    def offset(self, instant: datetime) -> float | None:
        """Where ``instant`` lies between start (0) and end (1); None outside."""
        if not self.start <= instant < self.end:
            return None
        return (instant - self.start) / (self.end - self.start)


def half_hour(instant: datetime, zone: tzinfo) -> datetime:
    """The beginning of the half hour of *local* time that ``instant`` lies in (some zones are a
    quarter hour off); in the time zone of ``instant``."""
    local = instant.astimezone(zone)
    return instant - timedelta(
        minutes=local.minute % 30, seconds=local.second, microseconds=local.microsecond
    )


def clock_label(instant: datetime, zone: tzinfo, seconds: bool = False) -> str:
    """``19:30`` in station time."""
    return f"{instant.astimezone(zone):{'%H:%M:%S' if seconds else '%H:%M'}}"


def lay_out(
    channels: Sequence[ChannelIdent],
    guide: Callable[[ChannelId, datetime, datetime], Sequence[GuideEntry]],
    start: datetime,
    hours: int,
    now: datetime,
    zone: tzinfo,
) -> Grid:
    """The grid from ``start`` (a half hour) for ``hours`` (1 to 24)."""
    end = start + timedelta(hours=hours)
    step = -(-hours * 60 // _MOST_COLUMNS)
    columns = hours * 60 // step
    rows = tuple(
        Row(channel, _cells(guide(channel.id, start, end), start, columns, step, now, zone))
        for channel in channels
    )
    return Grid(start, end, columns, _ticks(start, hours, step, zone), rows)


def _ticks(start: datetime, hours: int, step: int, zone: tzinfo) -> tuple[Tick, ...]:
    starts = [start + n * HALF_HOUR for n in range(hours * 2)]
    # On the night the clocks change an hour comes twice, or never: say which is meant.
    one_offset = len({at.astimezone(zone).utcoffset() for at in starts}) == 1
    return tuple(
        Tick(f"{at.astimezone(zone):{'%H:%M' if one_offset else '%H:%M %Z'}}", at, 30 // step)
        for at in starts
    )


def _cells(
    entries: Sequence[GuideEntry], start: datetime, columns: int, step: int, now: datetime, zone: tzinfo
) -> tuple[Cell, ...]:
    cells: list[Cell] = []
    at = 0
    for entry in entries:
        left = _column(entry.start, start, columns, step)
        left, right = max(left, at), _column(entry.end, start, columns, step)
        if right <= left:
            continue  # shorter than a column
        if left > at:
            cells.append(Cell(None, left - at))
        cells.append(
            Cell(
                entry,
                right - left,
                hue=_hue(entry),
                size=_size((right - left) * step),
                times=f"{clock_label(entry.start, zone)}–{clock_label(entry.end, zone)}",
                before=entry.start < start,
                after=entry.end > start + timedelta(minutes=columns * step),
                on_now=entry.start <= now < entry.end,
            )
        )
        at = right
    if at < columns:
        cells.append(Cell(None, columns - at))
    return tuple(cells)


def _column(instant: datetime, start: datetime, columns: int, step: int) -> int:
    """The column border nearest to ``instant``, inside the window."""
    return min(columns, max(0, round((instant - start) / timedelta(minutes=step))))


def _size(minutes: int) -> str:
    return "sliver" if minutes < 8 else "brief" if minutes < 25 else ""


def _hue(entry: GuideEntry) -> str:
    if entry.kind == "off_air":
        return "off-air"
    if entry.kind == "movie":
        return "movie"
    words = {word.casefold() for word in entry.categories}
    return next((hue for hue, known in _HUES if words & known), "")
