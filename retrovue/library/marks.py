"""Break marks of an asset, on its own frames; pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

from retrovue.library.catalog import Asset
from retrovue.units import SECOND_US, frames_to_us, round_div


def snap_marks(marks: Iterable[int], rate: Fraction | None, duration_us: int) -> tuple[int, ...]:
    """The marks inside the asset, each moved to the start of the nearest frame: a break cuts between frames.

    ``rate`` is ``None`` when frames last unequally; then marks stay where they are.
    """
    if rate is not None:
        marks = [
            frames_to_us(round_div(mark * rate.numerator, SECOND_US * rate.denominator), rate)
            for mark in marks
        ]
    return tuple(sorted({mark for mark in marks if 0 < mark < duration_us}))


def snap_asset_marks(asset: Asset) -> Asset:
    """The asset with its marks on its own frames."""
    rate = Fraction(asset.rate) if asset.rate else None
    constant = rate is not None and frames_to_us(asset.frames, rate) == asset.duration_us
    return replace(asset, marks_us=snap_marks(asset.marks_us, rate if constant else None, asset.duration_us))
