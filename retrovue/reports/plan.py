"""Plan: the zones of one broadcast day, and which plan rules each, in broadcast-day time; pure.

The JSON document of a day: ``channel``, ``number``, ``date``, ``broadcast_day_start``, ``plans`` (those that
apply, the highest first) and ``zones``: each with ``from`` and ``to`` (station time; ``minutes`` since the
broadcast day's start says which side of midnight), ``plan``, ``zone``, ``window``, ``play``, ``at``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from retrovue.broadcast_day import DAY_MINUTES, Calendar
from retrovue.compiler.findings import written_at
from retrovue.compiler.plan import Layer, Planner
from retrovue.compiler.why import said_when, said_window, source_of
from retrovue.diagnostics.render import printable
from retrovue.reports.guide import time_of_day
from retrovue.station.model import Channel, Plan, PlayItem, StationModel, parse_time
from retrovue.station.schema import spell_duration
from retrovue.units import MINUTE_US


@dataclass(frozen=True, slots=True)
class PlanDay:
    """The layers of one channel's broadcast date."""

    channel: Channel
    calendar: Calendar
    on: date
    plans: tuple[Plan, ...]
    layers: tuple[Layer, ...]


def plan_day(model: StationModel, channel: Channel, calendar: Calendar, on: date) -> PlanDay:
    """Which zone rules what on broadcast date ``on``. A simulcast shows the plan that it carries, at its own
    times."""
    source = source_of(model, channel)
    planner = Planner(source, model.plans, calendar, model.station.seasons)
    return PlanDay(channel, calendar, on, tuple(planner.applying(on)), tuple(planner.layers(on)))


def text(day: PlanDay) -> str:
    """For a terminal; "+1" marks what lies beyond midnight."""
    start = time_of_day(day.calendar.day_start)
    lines = [f"{day.channel.number}  {day.channel.name}, {day.on:%A %d %B %Y}, broadcast day from {start}"]
    if day.channel.simulcast:
        late = f", {spell_duration(day.channel.delay)} later" if day.channel.delay else ""
        lines.append(f"  airs what {day.channel.simulcast} airs{late}")
    applying = [
        f"{plan.plan} ({said_when(plan.when)}{f', priority {plan.priority}' if plan.priority else ''})"
        for plan in day.plans
    ]
    lines.append("  plans: " + (" over ".join(applying) or "none applies: off the air"))
    rows = [_row(day, layer) for layer in day.layers]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        lines.append(f"  {'  '.join([*cells, row[4]])}".rstrip())
    return "\n".join(map(printable, lines)) + "\n"


def _row(day: PlanDay, layer: Layer) -> tuple[str, str, str, str, str]:
    times = f"{_time(day, layer.start)}-{_time(day, layer.end)}"
    if layer.plan is None:
        return times, "off the air", "", "no plan has a zone here", ""
    zone = layer.plan.zones[layer.zone_index]
    said = [", ".join(_item(item) for item in zone.play)] if zone.play else []
    said += [f"{at} {what}" for at, what in _pins(day, layer)]
    place = written_at(layer.plan.place("zones", layer.zone_index))
    return times, zone.zone, layer.plan.plan, "; ".join(said), place


def _time(day: PlanDay, minutes: int) -> str:
    later, at = divmod(day.calendar.day_start + minutes + _delay(day), DAY_MINUTES)
    return time_of_day(at) + (f"+{later}" if later else "")


def _delay(day: PlanDay) -> int:
    """How much later than its source a simulcast is (minutes)."""
    return day.channel.delay // MINUTE_US


def _pins(day: PlanDay, layer: Layer) -> list[tuple[str, str]]:
    """The pins of the zone that no higher plan covers, in order of time."""
    if layer.plan is None:
        return []
    pins = layer.plan.zones[layer.zone_index].at.items()
    placed = sorted((day.calendar.relative(parse_time(at)), _item(item)) for at, item in pins)
    start = day.calendar.day_start + _delay(day)
    return [
        (time_of_day((start + minutes) % DAY_MINUTES), what)
        for minutes, what in placed
        if layer.start <= minutes < layer.end
    ]


def _item(item: str | PlayItem) -> str:
    return item if isinstance(item, str) else item.program


def as_json(day: PlanDay) -> dict[str, Any]:
    """The document described at the top of this module."""
    return {
        "channel": day.channel.channel,
        "number": day.channel.number,
        "name": day.channel.name,
        "date": day.on.isoformat(),
        "broadcast_day_start": time_of_day(day.calendar.day_start),
        "simulcast": day.channel.simulcast,
        "plans": [
            {"plan": plan.plan, "when": said_when(plan.when), "priority": plan.priority} for plan in day.plans
        ],
        "zones": [_layer_json(day, layer) for layer in day.layers],
    }


def _layer_json(day: PlanDay, layer: Layer) -> dict[str, Any]:
    plan = layer.plan
    zone = plan.zones[layer.zone_index] if plan is not None else None
    start, end = layer.start + _delay(day), layer.end + _delay(day)
    return {
        "from": time_of_day((day.calendar.day_start + start) % DAY_MINUTES),
        "to": time_of_day((day.calendar.day_start + end) % DAY_MINUTES),
        "minutes": [start, end],
        "plan": plan.plan if plan is not None else None,
        "zone": zone.zone if zone is not None else None,
        "window": said_window(zone.window) if zone is not None else None,
        "play": [_item(item) for item in zone.play] if zone is not None else [],
        "at": dict(_pins(day, layer)),
        "written_at": written_at(plan.place("zones", layer.zone_index)) if plan is not None else "",
    }
