"""Fill report: what filled each day's breaks, as lines for people; pure."""

from __future__ import annotations

from collections.abc import Iterator

from retrovue.compiler.model import Compiled, Delivery, FillReport
from retrovue.units import MINUTE_US


def fill_lines(compiled: Compiled) -> Iterator[str]:
    """A line for each channel and day, and one for each contract as it stood on the last of its days.

    ``5.1 Mon 23 Nov  spots 402.1 min in 180 pods, idents 6.3 min, 98.5 % filled; category given up twice``
    """
    numbers = {channel.channel: channel.number for channel in compiled.channels}
    last: dict[tuple[str, str, str], Delivery] = {}
    for day in compiled.days:
        if day.fill is None:
            continue
        last.update({(day.channel, d.spot, d.flight): d for d in day.fill.deliveries})
        yield f"{numbers[day.channel]:>5} {day.broadcast_date:%a %d %b}  {_fill(day.fill)}"
    for (channel, _, _), d in last.items():
        flight = f" ({d.flight})" if d.flight else ""
        due = f", {d.due} due" if d.flight else ""
        delivered = f"{d.delivered} of {d.contracted} delivered"
        yield f"{numbers[channel]:>5} contract {d.spot}{flight}: {delivered}{due}"


def _fill(fill: FillReport) -> str:
    share = f", {100 * fill.spot_us / fill.break_us:.2f} % filled" if fill.break_us else ""
    relaxed = "".join(f"; {rule} given up {_times(count)}" for rule, count in fill.relaxed)
    return (
        f"{fill.spots} spots, {fill.spot_us / MINUTE_US:.1f} min in {fill.pods} pods; "
        f"idents {fill.ident_us / MINUTE_US:.1f} min{share}{relaxed}"
    )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
