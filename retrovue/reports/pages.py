"""Pages: reports as one HTML file each, complete in itself; it needs no network and runs no script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from retrovue.compiler.changes import WORDS, Change, Changes, ChannelChanges, Mark, by_date
from retrovue.compiler.model import ScheduleEvent, Segment
from retrovue.reports.changes import headline, house_lines, settings_lines, total, warning_lines
from retrovue.reports.guide import ChannelListing, Listing
from retrovue.reports.wording import clock, detail, length, local, plural, when
from retrovue.resources import shipped
from retrovue.units import HOUR_US


def page(template: str, words: Mapping[str, Any]) -> str:
    """``templates/reports/<template>``, filled in; everything that is put in is escaped."""
    templates = SandboxedEnvironment(
        loader=FileSystemLoader(shipped("templates") / "reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return templates.get_template(template).render(words)


# --- what changes on air ---------------------------------------------------------------------------


def changes_page(found: Changes) -> str:
    """The guide side by side, a day after the other; what differs is marked, the rest folded away."""
    zone = ZoneInfo(found.new.timezone)
    dates = sorted({change.either.broadcast_date for c in found.channels for change in c.changes})
    playlist = found.playlist
    return page(
        "changes.html",
        {
            "headline": headline(found),
            "total": total(found),
            "before": found.old.label,
            "after": found.new.label,
            "timezone": found.new.timezone,
            "interval": f"{when(found.start_us, zone)} to {when(found.end_us, zone)}",
            "totals": [
                *((word, found.count(mark)) for mark, word in WORDS.items()),
                ("unchanged", found.unchanged),
                ("spots", playlist.spots),
            ],
            "overview": [
                {"number": c.channel.number, "name": c.channel.name, "counts": _counts(c)}
                for c in found.channels
            ],
            "notes": [
                said[2:]
                for said in (*house_lines(found), *(n for c in found.channels for n in settings_lines(c)))
            ],
            "warnings": warning_lines(found),
            "days": [_day(found, on, zone) for on in dates],
        },
    )


def _counts(channel: ChannelChanges) -> list[tuple[str, int]]:
    return [
        *((word, channel.count(mark)) for mark, word in WORDS.items()),
        ("unchanged", channel.unchanged),
        ("spots", channel.playlist.spots),
        ("breaks", channel.playlist.breaks),
        ("overlays", channel.overlays),
    ]


def _day(found: Changes, on: date, zone: ZoneInfo) -> dict[str, Any]:
    channels = []
    for channel in found.channels:
        if todays := by_date(channel).get(on):
            channels.append(_channel(found, channel, todays, on, zone))
    return {
        "id": f"d{on:%Y%m%d}",
        "short": f"{on:%a} {on.day} {on:%b}",
        "long": f"{on:%A} {on.day} {on:%B %Y}",
        "count": sum(channel["count"] for channel in channels),
        "channels": channels,
    }


def _channel(
    found: Changes, channel: ChannelChanges, todays: Sequence[Change], on: date, zone: ZoneInfo
) -> dict[str, Any]:
    slug = channel.channel.channel
    sides = []
    for side, name in ((found.old, "old"), (found.new, "new")):
        events = [e for e in side.events.get(slug, ()) if e.broadcast_date == on]
        events = [e for e in events if e.end_us > found.start_us and e.start_us < found.end_us]
        sides.append((name, events))
    marked = _marked(channel, zone)
    starts = [e.start_us for _, events in sides for e in events]
    ends = [e.end_us for _, events in sides for e in events]
    begin, end = min(starts), max(ends)
    words = [
        f"{count} {word}"
        for mark, word in WORDS.items()
        if (count := sum(change.mark is mark for change in todays))
    ]
    return {
        "number": channel.channel.number,
        "name": channel.channel.name,
        "count": len(todays),
        "counts": ", ".join(words),
        "lanes": [
            {
                "label": "before" if name == "old" else "after",
                "pieces": [
                    {
                        "left": _percent(e.start_us - begin, end - begin),
                        "width": _percent(e.end_us - e.start_us, end - begin),
                        "mark": marked.get((name, e.event_id), ("", ""))[0],
                    }
                    for e in events
                    if e.kind != "off_air" or (name, e.event_id) in marked
                ],
            }
            for name, events in sides
        ],
        "hours": _hours(begin, end, zone),
        "rows": _rows(sides, marked, zone),
    }


def _marked(channel: ChannelChanges, zone: ZoneInfo) -> dict[tuple[str, int], tuple[str, str]]:
    """(side, event id) → what became of it, and a note."""
    marks: dict[tuple[str, int], tuple[str, str]] = {}
    for change in channel.changes:
        word, (before, after) = WORDS[change.mark], ("", "")
        old, new = change.old, change.new
        if change.mark is Mark.MOVED and old is not None and new is not None:
            apart = old.broadcast_date != new.broadcast_date
            said = when if apart else clock
            before, after = f"now at {said(new.start_us, zone)}", f"was at {said(old.start_us, zone)}"
        elif old is not None and new is not None and old.end_us != new.end_us:
            before, after = f"until {clock(old.end_us, zone)}", f"until {clock(new.end_us, zone)}"
        if old is not None:
            marks["old", old.event_id] = word, before
        if new is not None:
            marks["new", new.event_id] = word, after
    return marks


def _rows(
    sides: Sequence[tuple[str, Sequence[ScheduleEvent]]],
    marked: Mapping[tuple[str, int], tuple[str, str]],
    zone: ZoneInfo,
) -> list[dict[str, Any]]:
    """A row for each time at which something starts on either side, and one for each run of rows that
    are the same on both."""
    lines = sorted({at for _, events in sides for e in events for at in (e.start_us, e.end_us)})
    rows: list[dict[str, Any]] = [
        {"time": clock(at, zone), "cells": [], "same": False, "fold": ""} for at in lines[:-1]
    ]
    place = {at: n for n, at in enumerate(lines)}
    for name, events in sides:
        covered = 0
        for event in [*events, None]:
            begins = place[event.start_us] if event else len(rows)
            if covered < begins:
                rows[covered]["cells"].append({"event": None, "span": begins - covered, "side": name})
            if event is not None:
                covered = place[event.end_us]
                mark, note = marked.get((name, event.event_id), ("", ""))
                rows[begins]["cells"].append(
                    {
                        "event": event,
                        "span": covered - begins,
                        "side": name,
                        "mark": mark,
                        "note": note,
                        "detail": detail(event),
                    }
                )
    for row in rows:
        cells = row["cells"]
        row["same"] = len(cells) == 2 and all(
            cell["event"] is not None and not cell["mark"] and cell["span"] == 1 for cell in cells
        )
    folded: list[dict[str, Any]] = []
    for same, run in groupby(rows, key=lambda row: bool(row["same"])):
        together = list(run)
        if same:
            said = f"{plural(len(together), 'programme')} as before"
            folded.append({"time": together[0]["time"], "fold": said})
        folded += together
    return folded


def _hours(begin: int, end: int, zone: ZoneInfo) -> list[dict[str, Any]]:
    """Every third hour of the clock on the strip."""
    first = -(-begin // HOUR_US) * HOUR_US
    return [
        {"left": _percent(at - begin, end - begin), "label": f"{local(at, zone):%H}"}
        for at in range(first, end, HOUR_US)
        if local(at, zone).hour % 3 == 0 and local(at, zone).minute == 0
    ]


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.3f}" if whole else "0"


# --- the guide -------------------------------------------------------------------------------------


def guide_page(found: Listing) -> str:
    """The listings of a printed television magazine: a column a channel, a section a day."""
    zone = found.zone
    dates = sorted({local(e.start_us, zone).date() for c in found.channels for e in c.events})
    return page(
        "guide.html",
        {
            "name": found.name,
            "timezone": found.timezone,
            "content_hash": found.content_hash,
            "days": [
                {
                    "id": f"d{on:%Y%m%d}",
                    "short": f"{on:%a} {on.day} {on:%b}",
                    "long": f"{on:%A} {on.day} {on:%B %Y}",
                    "channels": [_column(c, on, zone) for c in found.channels],
                }
                for on in dates
            ],
        },
    )


def _column(found: ChannelListing, on: date, zone: ZoneInfo) -> dict[str, Any]:
    under: dict[int, list[Segment]] = {}
    for segment in found.segments:
        under.setdefault(segment.event_id, []).append(segment)
    return {
        "number": found.channel.number,
        "name": found.channel.name,
        "shows": [
            {
                "event": event,
                "time": clock(event.start_us, zone),
                "until": clock(event.end_us, zone),
                "detail": detail(event),
                "segments": [
                    {
                        "time": f"{local(s.start_us, zone):%H:%M:%S}",
                        "kind": s.kind.value,
                        "title": s.title,
                        "length": length(s.duration_us),
                    }
                    for s in under.get(event.event_id, ())
                ],
            }
            for event in found.events
            if local(event.start_us, zone).date() == on
        ],
    }
