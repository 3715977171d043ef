"""Segments: a playlist as columns; pure.

A channel-day has a thousand segments, a station near a million. As objects they would take most of a
compile's time and memory; as columns they take forty bytes each, and the store, the content hash and other
processes take them whole. What they show is told once a channel. Whoever reads them sees a sequence of
``Segment`` all the same.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import NamedTuple, overload

from retrovue.compiler.model import Segment, SegmentKind
from retrovue.compiler.unread import UnreadSegments


class Material(NamedTuple):
    """What a segment shows, whenever it does."""

    kind: SegmentKind
    asset_id: str = ""
    synthetic: str = ""
    title: str = ""
    pool: str = ""
    overlays: tuple[str, ...] = ()


class _Listed(list[Material]):
    """Materials, of which a pickle is made by columns: a thousand of them are most of what a channel's days
    say otherwise."""

    def __reduce__(self) -> tuple[object, ...]:
        return _listed, tuple(zip(*self, strict=True))


def _listed(*columns: Sequence[object]) -> _Listed:
    return _Listed(map(Material, *columns) if columns else ())


class Materials:
    """What a channel shows, each thing once; its place in ``listed`` is its number."""

    __slots__ = ("_numbers", "listed")

    def __init__(self) -> None:
        self.listed: list[Material] = _Listed()  #: only ever added to, so that many playlists may share it
        self._numbers: dict[Material, int] = {}

    def number(self, material: Material) -> int:
        found = self._numbers.setdefault(material, len(self.listed))
        if found == len(self.listed):
            self.listed.append(material)
        return found


class Segments(Sequence[Segment]):
    """Segments of one channel. Not to be changed once it is made.

    The columns are as long as there are segments; ``material`` counts in ``materials``, which may hold more
    than is shown here.
    """

    __slots__ = (
        "_shown",
        "channel",
        "date",
        "end_us",
        "event_id",
        "in_us",
        "material",
        "materials",
        "seq",
        "start_us",
    )

    def __init__(
        self,
        channel: str,
        materials: Sequence[Material],
        date: array[int],
        seq: array[int],
        start_us: array[int],
        end_us: array[int],
        in_us: array[int],
        event_id: array[int],
        material: array[int],
    ) -> None:
        self.channel = channel
        self.materials = materials
        self.date = date  #: broadcast dates, as ordinals
        self.seq = seq
        self.start_us = start_us
        self.end_us = end_us
        self.in_us = in_us
        self.event_id = event_id
        self.material = material
        self._shown: tuple[int, ...] | None = None

    @property
    def shown(self) -> tuple[int, ...]:
        """The numbers of what is shown, each once, in the order in which it comes first."""
        if self._shown is None:
            self._shown = tuple(dict.fromkeys(self.material))
        return self._shown

    @classmethod
    def of(cls, channel: str, segments: Sequence[Segment]) -> Segments:
        """The same segments as columns."""
        if isinstance(segments, UnreadSegments) and not segments.before:
            segments = segments.read
        if isinstance(segments, cls):
            return segments
        materials = Materials()
        rows = [
            (
                s.broadcast_date.toordinal(),
                s.seq,
                s.start_us,
                s.end_us,
                s.in_us,
                s.event_id,
                materials.number(Material(s.kind, s.asset_id, s.synthetic, s.title, s.pool, s.overlays)),
            )
            for s in segments
        ]
        columns = list(zip(*rows, strict=True)) or [()] * len(COLUMN_TYPES)
        return cls(channel, materials.listed, *map(array, COLUMN_TYPES, columns))

    @property
    def columns(self) -> tuple[array[int], ...]:
        """All of them, in the order of the constructor's."""
        return self.date, self.seq, self.start_us, self.end_us, self.in_us, self.event_id, self.material

    def renumbered(self, ids: Mapping[int, int]) -> Segments:
        """The same with other guide ids."""
        return Segments(
            self.channel,
            self.materials,
            self.date,
            self.seq,
            self.start_us,
            self.end_us,
            self.in_us,
            array("i", map(ids.__getitem__, self.event_id)),
            self.material,
        )

    def of_event(self, event_id: int) -> tuple[Segment, ...]:
        """The segments under one event, which follow each other."""
        count = self.event_id.count(event_id)
        if not count:
            return ()
        first = self.event_id.index(event_id)
        return self[first : first + count]

    def __len__(self) -> int:
        return len(self.material)

    @overload
    def __getitem__(self, at: int) -> Segment: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Segment, ...]: ...
    def __getitem__(self, at: int | slice) -> Segment | tuple[Segment, ...]:
        if isinstance(at, slice):
            return tuple(self._segments(at))
        return next(self._segments(slice(range(len(self))[at], range(len(self))[at] + 1)))

    def __iter__(self) -> Iterator[Segment]:
        return self._segments(slice(None))

    def _segments(self, part: slice) -> Iterator[Segment]:
        channel, materials = self.channel, self.materials
        for ordinal, seq, start_us, end_us, in_us, event_id, material in zip(
            *(column[part] for column in self.columns), strict=True
        ):
            kind, asset_id, synthetic, title, pool, overlays = materials[material]
            yield Segment(
                channel,
                _date(ordinal),
                seq,
                start_us,
                end_us,
                kind,
                event_id,
                asset_id,
                in_us,
                synthetic,
                title,
                pool,
                overlays,
            )

    def __reduce__(self) -> tuple[object, ...]:
        return Segments, (self.channel, self.materials, *self.columns), self._shown

    def __setstate__(self, shown: tuple[int, ...] | None) -> None:
        self._shown = shown

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Segments | tuple | list):
            return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]  # as of a list

    def __repr__(self) -> str:
        return f"Segments({list(self)!r})"


#: Of the columns, in order: 32 bits for what is counted, 64 for instants.
COLUMN_TYPES = ("i", "i", "q", "q", "q", "i", "i")


def shown(playlist: Sequence[Segment]) -> Iterable[Material | Segment]:
    """What is shown, each thing once, in the order in which it comes first; or more often, where the
    playlist is no columns."""
    if isinstance(playlist, UnreadSegments):
        return [*playlist.before, *shown(playlist.read)]
    if isinstance(playlist, Segments):
        return [playlist.materials[number] for number in playlist.shown]
    return playlist


def shown_in_any(playlists: Iterable[Sequence[Segment]]) -> Iterator[Material | Segment]:
    """What is shown in any of them, what is columns each thing once a channel; in no promised order."""
    #: By identity of a list of materials, which is kept, or another might get its place in memory.
    numbers: dict[int, tuple[Sequence[Material], set[int]]] = {}
    for playlist in playlists:
        if isinstance(playlist, Segments):
            numbers.setdefault(id(playlist.materials), (playlist.materials, set()))[1].update(playlist.shown)
        else:
            yield from shown(playlist)
    for materials, found in numbers.values():
        yield from (materials[number] for number in found)


class SegmentWriter:
    """Writes the segments under one broadcast date's events one after the other, so that they can't but
    tile."""

    def __init__(self, channel: str, on: date, materials: Materials, first: int = 0) -> None:
        """``first``: the number of the first segment."""
        self._channel = channel
        self._materials = materials
        self._on = on.toordinal()
        self._first = first
        self._event_id = 0
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._ins: list[int] = []
        self._ids: list[int] = []
        self._shown: list[int] = []
        self.now = 0

    def begin(self, event_id: int, start_us: int) -> None:
        """What follows is under this event."""
        self._event_id = event_id
        self.now = start_us

    def write(self, material: int, in_us: int, length_us: int) -> None:
        """The next segment; ``material`` is a number."""
        self._starts.append(self.now)
        self.now += length_us
        self._ends.append(self.now)
        self._ins.append(in_us)
        self._ids.append(self._event_id)
        self._shown.append(material)

    def write_whole(self, assets: Sequence[tuple[int, int]]) -> None:
        """One asset after the other from its start, each a material and its length."""
        starts, ends, now = self._starts, self._ends, self.now
        for _, length_us in assets:
            starts.append(now)
            now += length_us
            ends.append(now)
        self.now = now
        count = len(assets)
        self._ins += (0,) * count
        self._ids += (self._event_id,) * count
        self._shown += [material for material, _ in assets]

    def finished(self) -> Segments:
        """All that was written."""
        count = len(self._shown)
        return Segments(
            self._channel,
            self._materials.listed,
            array("i", [self._on]) * count,
            _counted(self._first, count),
            array("q", self._starts),
            array("q", self._ends),
            array("q", self._ins),
            array("i", self._ids),
            array("i", self._shown),
        )


def _counted(first: int, count: int) -> array[int]:
    """``first`` and those that follow."""
    global _numbers
    numbers = _numbers
    if first + count > len(numbers):
        # Not made longer: another thread might do that at the same time.
        numbers = _numbers = array("i", range(first + count))
    return numbers[first : first + count]


#: 0, 1, 2…: as long as the longest day so far.
_numbers = array("i")


@lru_cache(maxsize=4096)
def _date(ordinal: int) -> date:
    return date.fromordinal(ordinal)
