"""What an artefact says must be on the screen at any instant; read with plain SQL, not with our own code."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import duckdb

from fixtures.shorts_station import ShortsStation
from tests.tools.barcode_reader import TICKS, Shown

_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Planned:
    """One segment of the playlist."""

    start_us: int
    end_us: int
    kind: str
    asset_id: str  #: empty: synthetic
    in_us: int
    event_id: int
    title: str

    def first_tick(self, rate: Fraction) -> int:
        """The frame slot nearest to its start."""
        return round(Fraction(self.start_us, _SECOND) * rate)

    def end_tick(self, rate: Fraction) -> int:
        return round(Fraction(self.end_us, _SECOND) * rate)


@dataclass(frozen=True, slots=True)
class ChannelPlan:
    """A channel's playlist."""

    rate: Fraction
    segments: tuple[Planned, ...]

    def tick_of(self, pts: int) -> int:
        """The frame slot of a time stamp (90 kHz since the Unix epoch)."""
        return round(Fraction(pts, TICKS) * self.rate)

    def at_tick(self, tick: int) -> Planned | None:
        """What is planned for a frame slot. None: outside of the artefact."""
        at = bisect_right(self.segments, tick, key=lambda s: s.first_tick(self.rate)) - 1
        if at < 0 or tick >= self.segments[at].end_tick(self.rate):
            return None
        return self.segments[at]

    def frame_at(self, planned: Planned, tick: int, asset_rate: Fraction) -> Fraction:
        """The asset's frame (with its fraction) that belongs on that slot."""
        since = (tick - planned.first_tick(self.rate)) / self.rate
        return (since + Fraction(planned.in_us, _SECOND)) * asset_rate

    def starting_between(self, start_us: int, end_us: int) -> list[Planned]:
        return [s for s in self.segments if start_us <= s.start_us < end_us]


def picture_start(file: Path) -> Fraction:
    """Seconds after a media file's own beginning at which its picture begins."""
    with av.open(str(file)) as container:
        stream = container.streams.video[0]
        assert stream.time_base is not None
        return (stream.start_time or 0) * stream.time_base - Fraction(container.start_time or 0, av.time_base)


def newest_artefact(state: Path) -> Path:
    """The artefact that a station with this state directory has on the air."""
    found = sorted(state.rglob("artefact.duckdb"), key=lambda p: p.stat().st_mtime_ns)
    if not found:
        raise AssertionError(f"no artefact below {state}")
    return found[-1]


def read_plan(artefact: Path, channel: str) -> ChannelPlan:
    """The playlist of the channel with this slug."""
    with duckdb.connect(str(artefact), read_only=True) as db:
        row = db.execute("SELECT rate FROM channel WHERE channel = ?", [channel]).fetchone()
        if row is None:
            raise AssertionError(f"no channel {channel} in {artefact}")
        segments = db.execute(
            "SELECT start_us, end_us, kind, coalesce(asset_id, ''), in_us, event_id, coalesce(title, '') "
            "FROM segment WHERE channel = ? ORDER BY start_us",
            [channel],
        ).fetchall()
    return ChannelPlan(Fraction(row[0]), tuple(Planned(*s) for s in segments))


def asset_files(artefact: Path) -> dict[str, str]:
    """Asset id → "collection/path of the file in it"."""
    with duckdb.connect(str(artefact), read_only=True) as db:
        return dict(db.execute("SELECT asset_id, collection || '/' || path FROM asset").fetchall())


@dataclass(slots=True)
class Comparison:
    """A decoded stream against the plan."""

    pictures: int = 0
    agree: int = 0
    slate: int = 0  #: no barcode where an asset is planned
    exact: int = 0  #: of those on assets with the channel's rate: the very frame
    same_rate: int = 0
    worst_frames: float = 0.0
    wrong: list[str] | None = None  #: the first that do not agree, in words

    @property
    def ok(self) -> bool:
        """Nothing was shown that was not planned; slate is counted apart."""
        return self.agree > 0 and self.agree + self.slate == self.pictures


def compare(
    shown: list[tuple[int, Shown]],
    plan: ChannelPlan,
    number_of: Mapping[str, int | None],
    tolerance: float = 1.0,
    starts: Mapping[int, Fraction] | None = None,
) -> Comparison:
    """``shown``: (time stamp since the Unix epoch, picture); ``number_of``: asset id → barcode number.

    A picture agrees when it is of the planned asset and at most ``tolerance`` frames from its place
    (the asset's frames or the channel's, whichever last longer), or has no barcode where none is
    planned. ``starts``: barcode number → seconds after the file's own beginning at which its picture
    begins (Matroska puts the sound's priming before it).
    """
    result = Comparison(wrong=[])
    assert result.wrong is not None
    for pts, picture in shown:
        result.pictures += 1
        tick = plan.tick_of(pts)
        planned = plan.at_tick(tick)
        if planned is None:
            complaint = "outside of the plan"
        elif not planned.asset_id:
            complaint = (
                "" if picture.code is None else f"asset {picture.code.asset} where {planned.kind} is planned"
            )
        elif picture.code is None:
            result.slate += 1
            continue
        elif picture.code.asset != number_of.get(planned.asset_id):
            complaint = f"asset {picture.code.asset} where {planned.asset_id} is planned"
        else:
            place = plan.frame_at(planned, tick, picture.code.rate)
            place -= (starts or {}).get(picture.code.asset, Fraction(0)) * picture.code.rate
            off = float(picture.code.frame - place)
            result.worst_frames = max(result.worst_frames, abs(off))
            if picture.code.rate == plan.rate:
                result.same_rate += 1
                result.exact += abs(off) <= 0.5
            allowed = tolerance * max(1.0, float(picture.code.rate / plan.rate))
            # What the rate conversion leaves of an asset may end two ticks short; its last frame is held.
            held = 2 * float(picture.code.rate / plan.rate) if planned.end_tick(plan.rate) - tick <= 2 else 0
            complaint = (
                ""
                if -allowed - held <= off <= allowed
                else f"frame {picture.code.frame}, planned {float(place):.2f}"
            )
        if complaint:
            if len(result.wrong) < 10:
                since = f" {tick - planned.first_tick(plan.rate)} ticks into it" if planned else ""
                result.wrong.append(f"tick {tick}{since}: {complaint}")
        else:
            result.agree += 1
    return result


def against_plan(
    shown: list[tuple[int, Shown]], artefact: Path, channel: str, station: ShortsStation
) -> Comparison:
    """Pictures of the station of shorts beside what its artefact plans for the channel (a slug)."""
    numbers = {asset: station.number_of(path) for asset, path in asset_files(artefact).items()}
    used = [number for number in numbers.values() if number is not None and station.media(number).exists()]
    starts = {number: picture_start(station.media(number)) for number in used}
    return compare(shown, read_plan(artefact, channel), numbers, starts=starts)
