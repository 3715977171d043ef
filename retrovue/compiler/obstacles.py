"""Obstacles: which entries of a zone could not start when something else did, and why not; pure.

Only what can be known afterwards is said: the rotations have moved on since.
"""

from __future__ import annotations

from collections.abc import Sequence

from retrovue.compiler.airing import Assembler, Item
from retrovue.compiler.channels import calendar_of
from retrovue.compiler.findings import Findings, written_at
from retrovue.compiler.model import ScheduleEvent
from retrovue.compiler.rotation import Rotation
from retrovue.compiler.schedule_day import TURN, Scheduler
from retrovue.compiler.shelf import Shelf
from retrovue.compiler.why import source_of
from retrovue.library.catalog import Catalog
from retrovue.station.model import Channel, StationModel


def passed_over(
    model: StationModel,
    catalog: Catalog,
    channel: Channel,
    event: ScheduleEvent,
    around: Sequence[ScheduleEvent],
) -> list[tuple[str, str]]:
    """The entries whose turn it was, and that could not start: why, and where each is written. ``around``:
    what airs before ``event``."""
    source, plan = source_of(model, channel), model.plans.get(event.plan)
    zones = enumerate(plan.zones if plan is not None else ())
    index = next((n for n, zone in zones if zone.zone == event.zone), None)
    if plan is None or index is None:
        return []
    calendar = calendar_of(model, channel)
    rotation = Rotation(model.station.seed, source.channel, catalog)
    assembler = Assembler(model, Shelf(catalog, model.pools), rotation, Findings())
    scheduler = Scheduler(model, source, calendar, assembler, Findings())
    pins, items = scheduler.obstacles(event.start_us - channel.delay, plan, index)
    aired = next((n for n, (item, _) in enumerate(items) if written_at(item.span) == event.written_at), None)
    if aired is None:
        return list(map(_told, [*pins, *items] if event.kind == "off_air" else []))
    path = TURN + scheduler.path(plan, index)
    if not any(moved == path for moved, _ in event.moves):
        return []  # nobody's turn: a pin, or what is repeated when the clocks go back
    today = (before for before in around if before.broadcast_date == event.broadcast_date)
    turns = [int(turn) for before in today for moved, turn in before.moves if moved == path]
    first = turns[-1] if turns else 0
    return [_told(items[(first + n) % len(items)]) for n in range((aired - first) % len(items))]


def _told(obstacle: tuple[Item, str]) -> tuple[str, str]:
    item, said = obstacle
    return f"{item.program}: {said}", written_at(item.span)
