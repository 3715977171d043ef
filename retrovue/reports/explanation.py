"""Explanation: why something airs, as a person reads it and as JSON; pure.

The JSON document: ``channel``, ``number``, ``at``; ``event`` (as in the guide's JSON); ``mode``;
``chain``, in order: each link with ``link`` (channel, plan, zone, clocks, entry, passed, program, listed,
pick, dayparts, breaks, pool, spot, instead, left, ordered), ``is`` (in words), ``written_at`` and, where
known, ``commit``; ``overridden``: the plans that gave way, with ``reason``; ``segment``: what is on at that
very instant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from retrovue.compiler.model import CompiledChannel, ScheduleEvent, Segment
from retrovue.compiler.reasons import CandidateList, Origin, Overridden, Reasons
from retrovue.diagnostics.render import printable
from retrovue.lineup import Emergency, Orders, SignOff
from retrovue.reports.guide import event_json, segment_json
from retrovue.reports.wording import clock, length, local, named, utc, when
from retrovue.units import to_us

if TYPE_CHECKING:
    from retrovue.library.catalog import Asset
    from retrovue.playout.as_run import AsRunRecord
    from retrovue.revision import LineOrigin


@dataclass(slots=True)
class Explanation:
    """Everything known about one instant of one channel."""

    channel: CompiledChannel
    at_us: int
    event: ScheduleEvent
    segment: Segment | None
    reasons: Reasons
    before: ScheduleEvent | None  #: what the zone aired of the same program before
    candidates: CandidateList | None = None
    commits: dict[str, LineOrigin] = field(default_factory=dict)  #: by place
    revision: str = ""  #: the commit that was compiled
    #: Of the event's assets and the segment's, those that may not air any more, and why.
    barred: Mapping[str, str] = field(default_factory=dict)
    dayparts: tuple[str, ...] = ()  #: windows within which its main asset may start; none: at any time
    dayparts_at: str = ""  #: the rule that says so
    listed: str = ""  #: of a ``manual`` program: the line that asks for it, in words
    listed_at: str = ""
    clocks: str = ""  #: on a night when the clocks change: the rule by which it airs then
    clocks_at: str = ""
    #: The entries of the zone that could not start though it was their turn: why, and where each is written.
    passed: list[tuple[str, str]] = field(default_factory=list)
    left: AsRunRecord | None = None  #: what really left at that instant, as the as-run log has it
    #: That are in force, and hold at that instant.
    orders: Orders = field(default_factory=Orders)


@dataclass(frozen=True, slots=True)
class Link:
    """One link of the chain."""

    link: str
    said: str
    written_at: str = ""


def at(why: Reasons, event: ScheduleEvent, segment: Segment | None) -> Reasons:
    """Of all reasons, those that concern one event and one segment."""
    pool, asset = (segment.pool, segment.asset_id) if segment is not None else ("", "")
    key = (event.channel, event.plan, event.zone, event.program)
    return replace(
        why,
        origins=tuple(o for o in why.origins if (o.channel, o.plan, o.zone, o.program) == key),
        overridden=tuple(
            o
            for o in why.overridden
            if o.channel == event.channel and o.start_us <= event.start_us < o.end_us
        ),
        pools=tuple(p for p in why.pools if p.pool == pool),
        spots=tuple(s for s in why.spots if s.asset_id == asset),
        entries=tuple(e for e in why.entries if e.written_at == event.written_at)[:1],
    )


def barred(
    assets: Callable[[str], Asset | None], event: ScheduleEvent, segment: Segment | None
) -> dict[str, str]:
    """Of the assets that they name, those that may not air any more, and why."""
    ids = (event.asset_id, *event.fallbacks, segment.asset_id if segment is not None else "")
    known = ((asset_id, assets(asset_id)) for asset_id in dict.fromkeys(ids) if asset_id)
    return {asset_id: asset.barred for asset_id, asset in known if asset is not None and asset.barred}


def _instead(found: Explanation) -> Iterator[Link]:
    """What airs in place of what is published and may not air any more."""
    planned = [found.event.asset_id, found.segment.asset_id if found.segment is not None else ""]
    stand_in = next((a for a in found.event.fallbacks if a not in found.barred), "the slate")
    for asset_id in dict.fromkeys(planned):
        if why := found.barred.get(asset_id):
            yield Link("instead", f"{asset_id} is {why}: {stand_in} stands in")


def _really(found: Explanation, zone: ZoneInfo) -> Iterator[Link]:
    """What left, where the log knows better than the plan; else the orders under which nothing has yet."""
    record, orders = found.left, found.orders
    if record is not None:
        planned = found.segment.asset_id if found.segment is not None else ""
        shown = record.asset_id or record.synthetic
        another = bool(planned and record.asset_id) and record.asset_id != planned
        if record.kind in ("real", "held") and not (record.cause or record.crawl or another):
            return
        said = f"{record.kind} [{shown}]" if shown else record.kind
        said += f", {local(record.start_us, zone):%H:%M:%S} to {local(record.end_us, zone):%H:%M:%S}"
        said += f": {record.cause}" if record.cause else ""
        said += f", under the crawl “{record.crawl}”" if record.crawl else ""
        yield Link("left", f"{said} (as-run)")
    elif (emergency := orders.emergency) is not None:
        said = f"emergency ({emergency.mode.value}), {_in_force(emergency, 'the all clear', zone)}"
        yield Link("ordered", f"{said}: {emergency.text}")
    elif orders.sign_off is not None:
        yield Link("ordered", f"sign-off, {_in_force(orders.sign_off, 'the sign-on', zone)}")


def _in_force(order: Emergency | SignOff, end: str, zone: ZoneInfo) -> str:
    until = when(to_us(order.until), zone) if order.until is not None else end
    return f"in force from {when(to_us(order.since), zone)} until {until}"


def chain(found: Explanation, zone: ZoneInfo) -> Iterator[Link]:
    """From the channel to what is on at this very instant."""
    event = found.event
    origin = next(iter(found.reasons.origins), None)
    if origin is not None:
        yield Link("channel", found.channel.channel, origin.channel_at)
        if origin.simulcast:
            yield Link("simulcast", f"of {origin.simulcast}", origin.channel_at)
    gap = next((lost for lost in found.reasons.overridden if not lost.by_plan), None)
    if not event.plan and gap is not None:
        yield Link("plan", gap.plan)
        yield Link("zone", f"{gap.zone}, {gap.reason}", gap.zone_at)
    elif not event.plan:
        yield Link("plan", "none has a zone here: off the air")
    elif origin is not None:
        priority = f", priority {origin.priority}" if origin.priority else ""
        yield Link("plan", f"{event.plan} ({origin.plan_when}{priority})", origin.plan_at)
        yield Link("zone", f"{event.zone} ({origin.zone_window})", origin.zone_at)
    else:
        yield Link("plan", event.plan)
        yield Link("zone", event.zone)
    if found.clocks:
        yield Link("clocks", found.clocks, found.clocks_at)
    entered = event.plan and event.written_at and (origin is None or event.written_at != origin.zone_at)
    if entered:
        entry = ": ".join([event.program, *(e.said for e in found.reasons.entries)])
        yield Link("entry", entry, event.written_at)
        yield from (Link("passed", *one) for one in found.passed)
    if origin is not None and origin.mode:
        yield Link("program", f"{event.program}, {origin.mode}: {origin.candidates}", origin.program_at)
    if event.asset_id:
        if found.listed:
            yield Link("listed", found.listed, found.listed_at)
        yield Link("pick", _pick(found, zone))
        if found.dayparts:
            yield Link("dayparts", f"it may start within {', '.join(found.dayparts)}", found.dayparts_at)
    elif event.plan and event.kind == "off_air" and not entered:
        yield Link("pick", "nothing of the zone's list could start here")
        yield from (Link("passed", *one) for one in found.passed)
    if origin is not None and event.kind != "off_air":
        said = origin.breaks or "none: it plays whole"
        yield Link("breaks", "; ".join([said, *origin.traffic]), origin.breaks_at)
    if found.segment is not None and found.segment.overlays:
        yield Link("overlays", ", ".join(found.segment.overlays))
    yield from _instant(found, zone)
    yield from _instead(found)
    yield from _really(found, zone)


def _overridden(found: Explanation) -> list[Overridden]:
    """The zones that gave way to a higher plan."""
    return [lost for lost in found.reasons.overridden if lost.by_plan]


def _pick(found: Explanation, zone: ZoneInfo) -> str:
    event, candidates = found.event, found.candidates
    said = event.asset_id
    if candidates is not None:
        said += f", number {candidates.place} of {candidates.count}"
        if candidates.after:
            said += f" ({candidates.before} < it < {candidates.after})"
    if found.before is not None:
        said += f"; before it {found.before.asset_id}, {when(found.before.start_us, zone)}"
    return said


def _instant(found: Explanation, zone: ZoneInfo) -> Iterator[Link]:
    """What is on at the very instant, when that is not the programme itself."""
    segment = found.segment
    if segment is None or segment.kind.value == "program":
        return
    at_time = f"{local(segment.start_us, zone):%H:%M:%S}"
    source = segment.asset_id or segment.synthetic
    lasts = length(segment.duration_us)
    yield Link("on air", f"{at_time} {segment.kind.value} “{segment.title}” [{source}], {lasts} long")
    for pool in found.reasons.pools:
        yield Link("pool", "; ".join([pool.pool, *pool.rules]), pool.pool_at)
    for spot in found.reasons.spots:
        yield Link("spot", "; ".join([spot.spot, *spot.rules]), spot.spot_at)
    if segment.synthetic and segment.kind.value in ("ident", "card", "next_card"):
        yield Link("remainder", "no spot fitted what was left of the break")


def places(found: Explanation) -> list[str]:
    """Every place that the chain cites, each once, in order."""
    zone = ZoneInfo("UTC")
    cited = [link.written_at for link in chain(found, zone)]
    cited += [o.zone_at for o in _overridden(found)]
    return [place for place in dict.fromkeys(cited) if place.count(":") >= 2]


def text(found: Explanation, zone: ZoneInfo) -> str:
    """The event, and under it the chain in columns."""
    event = found.event
    lines = [
        printable(
            f"{found.channel.number} {found.channel.name}, {when(event.start_us, zone)}-"
            f"{clock(event.end_us, zone)}: {named(event)}"
        )
    ]
    for link in chain(found, zone):
        lines += _lines(found, link.link, link.said, link.written_at)
        if link.link == "plan":
            for lost in _overridden(found):
                said = (
                    f"{lost.plan}, zone {lost.zone}, {clock(lost.start_us, zone)}-{clock(lost.end_us, zone)}"
                )
                lines += _lines(found, "over", f"{said}: {lost.reason}", lost.zone_at)
    if event.fallbacks:
        lines += _lines(found, "stand-ins", ", ".join(event.fallbacks), "")
    return "\n".join(lines)


def _lines(found: Explanation, label: str, said: str, place: str) -> Iterable[str]:
    yield printable(f"  {label:<10} {said}")
    if place:
        origin = found.commits.get(place)
        yield printable(f"  {'':<10} {place}" + (f"  {_commit(origin)}" if origin else ""))


def _commit(origin: LineOrigin) -> str:
    if not origin.committed:
        return "not committed yet"
    return f"{origin.commit[:10]} {origin.written:%Y-%m-%d} {origin.author}: {origin.summary}"


def as_json(found: Explanation, zone: ZoneInfo) -> dict[str, Any]:
    """The document described at the top of this module."""
    event, segment = found.event, found.segment
    origin: Origin | None = next(iter(found.reasons.origins), None)
    return {
        "channel": found.channel.channel,
        "number": found.channel.number,
        "at": utc(found.at_us),
        "event": event_json(event),
        "mode": origin.mode if origin else "",
        "chain": [
            {
                "link": link.link,
                "is": link.said,
                "written_at": link.written_at,
                **({"commit": _commit_json(c)} if (c := found.commits.get(link.written_at)) else {}),
            }
            for link in chain(found, zone)
        ],
        "overridden": [
            {
                "plan": lost.plan,
                "zone": lost.zone,
                "start": utc(lost.start_us),
                "end": utc(lost.end_us),
                "by": lost.by_plan,
                "reason": lost.reason,
                "written_at": lost.zone_at,
                **({"commit": _commit_json(c)} if (c := found.commits.get(lost.zone_at)) else {}),
            }
            for lost in _overridden(found)
        ],
        "segment": segment_json(segment) if segment is not None else None,
    }


def _commit_json(origin: LineOrigin) -> dict[str, str] | None:
    if not origin.committed:
        return None
    return {
        "commit": origin.commit,
        "author": origin.author,
        "written": origin.written.isoformat().replace("+00:00", "Z"),
        "summary": origin.summary,
    }
