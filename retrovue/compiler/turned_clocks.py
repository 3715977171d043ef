"""Turned clocks: what a station's ``dst`` has to do with what airs when the clocks change; pure."""

from __future__ import annotations

from collections.abc import Iterable

from retrovue.broadcast_day import DAY_MINUTES, BroadcastDay
from retrovue.compiler.changes import content
from retrovue.compiler.channels import calendar_of
from retrovue.compiler.findings import written_at
from retrovue.compiler.model import ScheduleEvent
from retrovue.station.model import Channel, StationModel
from retrovue.units import MINUTE_US


def clock_rule(
    model: StationModel, channel: Channel, event: ScheduleEvent, around: Iterable[ScheduleEvent]
) -> tuple[str, str] | None:
    """The rule by which ``event`` airs when it does, in words, and where it is written; None on all other
    nights. ``around``: what airs before it."""
    calendar = calendar_of(model, channel)
    start_us = event.start_us - channel.delay
    day = calendar.day(calendar.date_of(start_us))
    said, word = "", ""
    if (twice := day.twice) is not None and twice[0] <= start_us < twice[1]:
        hour = twice[1] - twice[0]
        which = f"{_clock(day, _minutes(day) - hour // MINUTE_US)}-{_clock(day, _minutes(day))} comes twice"
        word = "fall"
        if calendar.fall == "fill" and event.plan:
            said = f"{which}, and the zone goes on (fall: fill)"
        elif calendar.fall == "repeat" and any(_is_again(before, event, hour) for before in around):
            said = f"{which}, and what started in it airs again (fall: repeat)"
    elif (squeezed := day.squeezed) is not None and squeezed[0] <= start_us < squeezed[1]:
        lost = day.turn.shift if day.turn is not None else 0
        planned = (squeezed[1] - squeezed[0]) // MINUTE_US + lost
        window = f"{_clock(day, _minutes(day))}-{_clock(day, _minutes(day) + planned)}"
        word = "spring"
        said = (
            f"{window} is squeezed into {_clock(day, _minutes(day) + lost)}-{window[6:]} (spring: compress)"
        )
    if not said:
        return None
    written = word in model.station.dst.model_fields_set
    return said, written_at(model.station.place("dst", word)) if written else ""


def _is_again(before: ScheduleEvent, event: ScheduleEvent, later_us: int) -> bool:
    """Whatever started in the first of the two hours, and fits, is started again at the same minute."""
    return (
        before.start_us + later_us == event.start_us
        and before.end_us + later_us == event.end_us
        and (before.plan, before.zone, content(before)) == (event.plan, event.zone, content(event))
        and event.kind != "off_air"
    )


def _minutes(day: BroadcastDay) -> int:
    """What the clock shows when it is turned, in broadcast minutes."""
    return day.turn.minutes if day.turn is not None else 0


def _clock(day: BroadcastDay, broadcast_minutes: int) -> str:
    minutes = (day.day_start + broadcast_minutes) % DAY_MINUTES
    return f"{minutes // 60:02}:{minutes % 60:02}"
