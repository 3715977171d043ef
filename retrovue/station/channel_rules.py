"""Rules of simulcasts and of what is expected of channels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from retrovue.diagnostics import Diagnostic, Label
from retrovue.station.expect import Airs, parse_expectation
from retrovue.station.model import Channel, Program, Station
from retrovue.station.plan_rules import near_weekday
from retrovue.station.references import SCHEDULABLE
from retrovue.station.suggest import did_you_mean
from retrovue.station.world import World, error, twice
from retrovue.units import HOUR_US, MINUTE_US

#: What a simulcast takes from the channel that it repeats.
_NOT_ITS_OWN = ("plans", "grid", "broadcast_day_start", "breaks", "off_air", "traffic", "max_fill")


def simulcasts(world: World) -> Iterator[Diagnostic]:
    """A simulcast repeats a channel that has plans of its own, and has none itself."""
    channels = world.by_slug("channel")
    for v in world.of("channel"):
        channel = cast(Channel, v.model)
        said = [k for k in _NOT_ITS_OWN if k in channel.model_fields_set and not v.is_mended(k)]
        yield from twice(v, ("plans",), channel.plans, "a plan applies once only: keep one of the two")
        if channel.simulcast is None:
            if "delay" in channel.model_fields_set and not v.is_mended("delay", "simulcast"):
                yield error(
                    "delay-alone",
                    "“delay” has no effect without “simulcast”",
                    v.key_span("delay"),
                    help="add “simulcast: channel”, or delete “delay”",
                )
            continue
        if v.is_mended("simulcast"):
            continue
        for key in said:
            yield error(
                "simulcast-own",
                f"a simulcast has no “{key}” of its own: it airs what “{channel.simulcast}” airs",
                v.key_span(key),
                labels=(Label(v.key_span("simulcast"), "it is a simulcast"),),
                help=f"delete “{key}”, or “simulcast”",
            )
        source = channels.get(channel.simulcast)
        if source is v:
            yield error(
                "simulcast-chain",
                f"“{channel.channel}” would be a simulcast of itself",
                v.span("simulcast"),
                help="name another channel, or give it plans of its own",
            )
            continue
        if source is None:
            continue
        repeated = cast(Channel, source.model)
        if repeated.simulcast is not None and not source.is_mended("simulcast"):
            yield error(
                "simulcast-chain",
                f"“{repeated.channel}” is a simulcast itself",
                v.span("simulcast"),
                labels=(Label(source.span("simulcast"), f"it repeats {repeated.simulcast}"),),
                help=f"write “simulcast: {repeated.simulcast}” and add the two delays"
                if repeated.simulcast != channel.channel
                else "one of the two needs plans of its own",
            )
            continue
        station = world.station
        grid = repeated.grid or (station.grid if station else 30 * MINUTE_US)
        if v.is_mended("delay"):
            continue
        if channel.delay > 24 * HOUR_US:
            yield error(
                "out-of-range",
                "“delay” must be at most 24h",
                v.span("delay"),
                help="delay it by a day or less",
            )
        elif channel.delay % grid:
            yield error(
                "delay-off-grid",
                f"the delay is no whole number of blocks: “{repeated.channel}” has a grid of "
                f"{grid // MINUTE_US} minutes",
                v.span("delay"),
                labels=(Label(source.span("grid"), "its grid"),) if repeated.grid else (),
                help=f"did you mean “{max(1, round(channel.delay / grid)) * grid // MINUTE_US}m”?",
            )


#: Categories of what names none itself: films, and whatever has numbered episodes.
_GIVEN = frozenset({"movie", "series"})


def expectations(world: World) -> Iterator[Diagnostic]:
    """What is expected can be read, and what it names exists."""
    known = {slug for noun in SCHEDULABLE for slug in world.names.get(noun, ())}
    categories = _GIVEN | {
        "-".join(category.casefold().split())
        for v in world.of("program")
        for category in cast(Program, v.model).categories
    }
    for v in [*world.of("station"), *world.of("channel")]:
        for i, line in enumerate(cast("Station | Channel", v.model).expect):
            if v.is_mended("expect", i):
                continue
            try:
                expected = parse_expectation(line)
            except ValueError as refused:
                headline, _, help = str(refused).partition(": ")
                if "is no weekday" in headline:
                    help = near_weekday(line.split()[0]) or help
                yield error("bad-expectation", headline, v.span("expect", i), help=help)
                continue
            if not isinstance(expected, Airs) or expected.is_title or expected.what in known:
                continue
            if expected.what.casefold() not in categories:
                yield error(
                    "unknown-reference",
                    f"no program, virtual, synthetic or category is called “{expected.what}”",
                    v.span("expect", i),
                    help=did_you_mean(expected.what, known | categories)
                    or f'put a title of the guide in quotes: “{expected.what}” in "…"',
                )
