"""Changes as a person reads them: text, Markdown for a pull request, JSON; pure.

The JSON document (every instant RFC 3339 in UTC):

- ``from``, ``to``: the interval that was compared; ``before``, ``after``: the two sides
  (``label``, ``content_hash``)
- ``first_change``: the first instant at which anything airs differently, or null
- ``first_programme_change``: the same of programmes alone
- ``new_warnings``: what the newer compile has to say and the older one had not, a line each
- ``settings``: what all channels share on the screen: ``of`` ("station", "overlay bug", "synthetic
  station-ident", "card cards/ident.svg"), ``setting``, ``before``, ``after``
- ``totals``: ``changed``, ``added``, ``dropped``, ``moved``, ``unchanged`` programmes, ``overlays``
  (programmes over which other overlays lie), and ``playlist``
- ``channels``: per channel ``channel``, ``number``, ``name``, ``presence`` ("both", "added", "dropped"),
  ``settings`` (``setting``, ``before``, ``after``), the same counts, ``playlist``, and ``changes``: each
  with ``change`` (changed, added, dropped, moved), ``before`` and ``after`` (a programme or null), ``line``
- ``playlist``: ``spots_moved``, ``spots_added``, ``spots_dropped``, ``breaks``, ``synthetics``
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any
from zoneinfo import ZoneInfo

from retrovue.compiler.changes import WORDS, Change, Changes, ChannelChanges, Mark, Playlist
from retrovue.compiler.model import ScheduleEvent
from retrovue.diagnostics.render import printable
from retrovue.reports.guide import event_json
from retrovue.reports.wording import clock, detail, length, local, named, plural, utc, when

#: GitHub refuses a comment of more than 65 536 characters.
MARKDOWN_LIMIT = 60_000
#: Finds its own comment again: a later run replaces it instead of adding another.
MARKDOWN_TAG = "<!-- retrovue diff -->"


def headline(found: Changes) -> str:
    """ "nothing changes on air before Tue 24 Nov 20:00"."""
    zone = ZoneInfo(found.new.timezone)
    first, programme = found.first_us, found.first_programme_us
    until = when(found.end_us, zone)
    if first is None:
        if found.any:
            whose = "of the station" if found.house else "of channels"
            return f"nothing changes on air up to {until}, but settings {whose} do"
        return f"nothing changes on air up to {until}"
    at = max(first, found.start_us)
    before = f"nothing changes on air before {when(at, zone)}"
    shown = max(programme, found.start_us) if programme is not None else None
    if shown == at:
        return before
    first_of = {"between programmes": found.playlist.first_us, "in overlays": found.first_overlay_us}
    only = [what for what, us in first_of.items() if us is not None and (shown is None or us < shown)]
    where = " and ".join(only)
    return f"{before}, and {f'up to {when(shown, zone)}' if shown is not None else 'then'} only {where}"


def total(found: Changes) -> str:
    """ "1 changed, 2 added, 329 unchanged; 12 spots moved"."""
    counts = [f"{found.count(mark)} {word}" for mark, word in WORDS.items() if found.count(mark)]
    line = ", ".join([*counts, f"{found.unchanged} unchanged"])
    over = overlays_line(sum(channel.overlays for channel in found.channels))
    return "; ".join(filter(None, (line, playlist_line(found.playlist), over)))


def overlays_line(programmes: int) -> str:
    """ "2 programmes with other overlays"; empty when there is none."""
    return f"{plural(programmes, 'programme')} with other overlays" if programmes else ""


def playlist_line(playlist: Playlist) -> str:
    """ "12 spots moved, 3 added; 2 programmes break elsewhere"; empty when nothing differs."""
    counts = [
        (playlist.spots_moved, "moved"),
        (playlist.spots_added, "added"),
        (playlist.spots_dropped, "dropped"),
    ]
    parts: list[str] = []
    for count, word in counts:
        if count:
            parts.append(f"{count} {word}" if parts else f"{plural(count, 'spot')} {word}")
    line = [", ".join(parts)] if parts else []
    if playlist.breaks:
        line.append(f"{plural(playlist.breaks, 'programme')} with other breaks")
    if playlist.synthetics and not parts:
        line.append(f"{plural(playlist.synthetics, 'ident or card', 'idents or cards')} of another length")
    return "; ".join(line)


def difference(change: Change, zone: ZoneInfo) -> str:
    """What is different, without the time: "Cheers S6E12 → S6E13"."""
    old, new = change.old, change.new
    if old is None or new is None:
        return named(change.either)
    if change.mark is Mark.MOVED:
        same_day = local(old.start_us, zone).date() == local(new.start_us, zone).date()
        was = clock(old.start_us, zone) if same_day else when(old.start_us, zone)
        return f"{named(new)} (was {was})"
    before, after = named(old), named(new)
    if before != after:
        if old.title == new.title and detail(old) and detail(new):
            before, after = before, detail(new)
        return f"{before} → {after}"
    told = []
    if old.asset_id != new.asset_id:
        told.append(f"{old.asset_id or 'generated'} → {new.asset_id or 'generated'}")
    if old.subtitle != new.subtitle:
        told.append(f"“{old.subtitle}” → “{new.subtitle}”")
    if old.end_us != new.end_us:
        told.append(f"until {clock(new.end_us, zone)} (was {clock(old.end_us, zone)})")
    if old.rating != new.rating:
        told.append(f"{old.rating or 'unrated'} → {new.rating or 'unrated'}")
    if old.categories != new.categories:
        told.append(
            f"{'/'.join(old.categories) or 'no category'} → {'/'.join(new.categories) or 'no category'}"
        )
    if old.description != new.description:
        told.append("described otherwise")
    if old.kind != new.kind:
        told.append(f"{old.kind} → {new.kind}")
    if old.original_date != new.original_date:
        told.append(f"first aired {old.original_date or 'unknown'} → {new.original_date or 'unknown'}")
    if not told and not old.asset_id and old.program != new.program:
        told.append(f"{old.program} → {new.program}")
    return f"{after} {', '.join(told)}" if told else after


def line(channel: ChannelChanges, change: Change, zone: ZoneInfo) -> str:
    """ "~ 5.1 Tue 24 Nov 20:00 Cheers S6E12 → S6E13"."""
    at = (change.new or change.either).start_us
    return printable(
        f"{change.mark.value} {channel.channel.number} {when(at, zone)} {difference(change, zone)}"
    )


def settings_lines(channel: ChannelChanges) -> Iterator[str]:
    """ "~ 5.1 name: WRTV → WRTV Retro", and the channel itself when it comes or goes."""
    ident = channel.channel
    if channel.presence:
        mark = "+" if channel.presence == "added" else "-"
        yield printable(f"{mark} {ident.number} {ident.name}: the channel is {channel.presence}")
    for setting, before, after in channel.settings:
        if setting == "grid":
            before, after = length(int(before)), length(int(after))
        yield printable(f"~ {ident.number} {setting}: {before or 'none'} → {after or 'none'}")


def house_lines(found: Changes) -> Iterator[str]:
    """ "~ station name: Retro → Retro Television", "~ card cards/ident.svg is drawn otherwise"."""
    for thing, setting, before, after in found.house:
        if setting == "drawing":
            yield printable(f"~ {thing} is drawn otherwise")
        else:
            yield printable(f"~ {thing} {setting}: {before or 'none'} → {after or 'none'}")


def text(found: Changes) -> str:
    """For a terminal: the headline, a line a change, the total."""
    zone = ZoneInfo(found.new.timezone)
    lines = [headline(found), *house_lines(found)]
    for channel in found.channels:
        if not channel.any:
            continue
        lines += settings_lines(channel)
        lines += [line(channel, change, zone) for change in channel.changes]
        if between := playlist_line(channel.playlist):
            lines.append(f"~ {channel.channel.number} between programmes: {between}")
        if over := overlays_line(channel.overlays):
            lines.append(f"~ {channel.channel.number} {over}")
    lines += [f"! {said}" for said in warning_lines(found)]
    lines.append(total(found))
    return "\n".join(lines)


def warning_lines(found: Changes) -> list[str]:
    """New warnings: "plans/weekday.yaml:21: no programme of its list fits [unfillable-zone]"."""
    return [
        printable(f"{f'{d.span.file}:{d.span.line}: ' if d.span else ''}{d.headline} [{d.code}]")
        for d in found.warnings
    ]


# --- Markdown --------------------------------------------------------------------------------------

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~@]|:(?=//))")


def escaped(text: str) -> str:
    """Text that Markdown and HTML leave alone, on one line; nobody is mentioned by it."""
    return _SPECIAL.sub(lambda m: f"&#{ord(m[1])};", printable(text).replace("&", "&amp;"))


def markdown(found: Changes) -> str:
    """For the comment of a pull request: a table per channel, folded away."""
    zone = ZoneInfo(found.new.timezone)
    first = headline(found)
    out = [
        MARKDOWN_TAG,
        f"### 📺 {escaped(first[0].upper() + first[1:])}",
        "",
        f"{escaped(total(found))}  ",
        f"<sub>{escaped(found.old.label)} → {escaped(found.new.label)}, "
        f"{escaped(when(found.start_us, zone))} to {escaped(when(found.end_us, zone))}, "
        f"times in {escaped(found.new.timezone)}</sub>",
    ]
    if said := list(house_lines(found)):
        out += ["", *(f"- {escaped(line[2:])}" for line in said)]
    for channel in found.channels:
        if channel.any:
            out += _markdown_channel(channel, zone)
    if said := warning_lines(found):
        out += ["", f"**{plural(len(said), 'new warning')}**", ""]
        out += [f"- {escaped(warning)}" for warning in said]
    quiet = [c.channel.number for c in found.channels if not c.any]
    if quiet and found.any:
        out += ["", f"Nothing changes on {escaped(', '.join(quiet))}."]
    return _limited(out) + "\n"


def _markdown_channel(channel: ChannelChanges, zone: ZoneInfo) -> list[str]:
    counts = [f"{channel.count(mark)} {word}" for mark, word in WORDS.items() if channel.count(mark)]
    if channel.playlist.spots:
        counts.append(plural(channel.playlist.spots, "spot"))
    if channel.overlays:
        counts.append("overlays")
    if channel.settings or channel.presence:
        counts.append("the channel itself")
    if not counts:
        counts.append("between programmes")
    out = [
        "",
        "<details>",
        f"<summary><b>{escaped(channel.channel.number)} {escaped(channel.channel.name)}</b>: "
        f"{escaped(', '.join(counts))}</summary>",
        "",
    ]
    out += [f"- {escaped(said[2:])}" for said in settings_lines(channel)]
    if channel.changes:
        if out[-1] != "":
            out.append("")
        out += ["| | When | Before | After |", "| --- | --- | --- | --- |"]
        out += [_row(change, zone) for change in channel.changes]
    if between := playlist_line(channel.playlist):
        out += ["", f"Between programmes: {escaped(between)}."]
    if over := overlays_line(channel.overlays):
        out += ["", f"{escaped(over)}."]
    return [*out, "", "</details>"]


def _row(change: Change, zone: ZoneInfo) -> str:
    at = (change.new or change.either).start_us
    before, after = cells(change, zone)
    return f"| `{change.mark.value}` | {escaped(when(at, zone))} | {escaped(before)} | {escaped(after)} |"


def cells(change: Change, zone: ZoneInfo) -> tuple[str, str]:
    """What stood there and what stands there now; a programme that moved names its other time."""
    old, new = change.old, change.new
    if old is None or new is None:
        return (named(old) if old else "", named(new) if new else "")
    if change.mark is Mark.MOVED:
        return when(old.start_us, zone), named(new)
    if named(old) != named(new):
        return named(old), named(new)
    return _told(old, new, zone), _told(new, old, zone)


def _told(event: ScheduleEvent, other: ScheduleEvent, zone: ZoneInfo) -> str:
    """The programme, with what sets it apart from ``other``."""
    told = [named(event)]
    if event.asset_id != other.asset_id:
        told.append(event.asset_id or "generated")
    if event.subtitle != other.subtitle:
        told.append(f"“{event.subtitle}”")
    if event.end_us != other.end_us:
        told.append(f"until {clock(event.end_us, zone)}")
    if event.rating != other.rating:
        told.append(event.rating or "unrated")
    if event.categories != other.categories:
        told.append("/".join(event.categories) or "no category")
    if event.description != other.description:
        told.append(f"“{event.description}”" if event.description else "no description")
    if event.kind != other.kind:
        told.append(event.kind)
    if event.original_date != other.original_date:
        told.append(f"first aired {event.original_date or 'unknown'}")
    if not event.asset_id and event.program != other.program:
        told.append(event.program)
    return ", ".join(told)


def _limited(lines: list[str]) -> str:
    """All lines, or as many as a comment may have, with every fold closed."""
    size = 0
    for index, said in enumerate(lines):
        size += len(said.encode()) + 1
        if size > MARKDOWN_LIMIT:
            kept = lines[:index]
            folded = kept.count("<details>") - kept.count("</details>")
            kept += ["", "</details>"] * folded
            return "\n".join([*kept, "", "… and more: run `retrovue diff` for the rest."])
    return "\n".join(lines)


# --- JSON ------------------------------------------------------------------------------------------


def as_json(found: Changes) -> dict[str, Any]:
    """The document described at the top of this module."""
    zone = ZoneInfo(found.new.timezone)
    return {
        "from": utc(found.start_us),
        "to": utc(found.end_us),
        "timezone": found.new.timezone,
        "before": {"label": found.old.label, "content_hash": found.old.content_hash},
        "after": {"label": found.new.label, "content_hash": found.new.content_hash},
        "headline": headline(found),
        "first_change": _instant(found.first_us),
        "first_programme_change": _instant(found.first_programme_us),
        "new_warnings": warning_lines(found),
        "settings": [
            {"of": thing, "setting": setting, "before": before, "after": after}
            for thing, setting, before, after in found.house
        ],
        "totals": {
            **{word: found.count(mark) for mark, word in WORDS.items()},
            "unchanged": found.unchanged,
            "overlays": sum(channel.overlays for channel in found.channels),
            "playlist": _playlist(found.playlist),
        },
        "channels": [
            {
                "channel": channel.channel.channel,
                "number": channel.channel.number,
                "name": channel.channel.name,
                "presence": channel.presence or "both",
                "settings": [
                    {"setting": setting, "before": before, "after": after}
                    for setting, before, after in channel.settings
                ],
                **{word: channel.count(mark) for mark, word in WORDS.items()},
                "unchanged": channel.unchanged,
                "overlays": channel.overlays,
                "playlist": _playlist(channel.playlist),
                "changes": [
                    {
                        "change": WORDS[change.mark],
                        "before": _programme(change.old),
                        "after": _programme(change.new),
                        "line": line(channel, change, zone),
                    }
                    for change in channel.changes
                ],
            }
            for channel in found.channels
        ],
    }


def _instant(us: int | None) -> str | None:
    return None if us is None else utc(us)


def _playlist(playlist: Playlist) -> dict[str, Any]:
    counts = asdict(playlist)
    counts.pop("first_us")
    return {**counts, "first_change": _instant(playlist.first_us)}


def _programme(event: ScheduleEvent | None) -> dict[str, Any] | None:
    return None if event is None else event_json(event)
