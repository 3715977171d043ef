"""From an artefact to what the channels need for the coming hours; the only reader of the store in playout.

In two steps: ``pack`` asks the artefact, in a process of its own (roll.py); ``air`` makes of what was packed
what is on the air. A channel's playlog is worked out when somebody tunes in and forgotten when the channel
goes off the air, a line of the guide is made when it is read.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import groupby, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from zoneinfo import ZoneInfo

from retrovue.compiler.model import ArtefactHeader, CompiledChannel, ScheduleEvent, Segment
from retrovue.library.stills import name_of
from retrovue.lineup import ArtworkRef, ChannelId, ChannelIdent, GuideEntry
from retrovue.playout.cards import Writing
from retrovue.playout.director import Programme, house_of
from retrovue.playout.encode import SOFTWARE
from retrovue.playout.graphics import Continuity
from retrovue.playout.guide import edges as guide_edges
from retrovue.playout.overlay import Schedule, plan_layers
from retrovue.playout.playlog import DeferredPlaylog, Playlog, PlaylogEntry
from retrovue.playout.rundown import CutRow, Events, Packer, Rundown, Use, picture_of
from retrovue.units import HOUR_US, MINUTE_US, from_us, to_us

if TYPE_CHECKING:
    from retrovue.library.catalog import Asset
    from retrovue.store.artefact import Artefact

#: The playlog keeps this much of the past: a viewer's lag and a clock's slew reach into it (µs).
KEEP_PAST_US = 2 * MINUTE_US
#: Overlays are planned from this long before (µs).
LOOK_BACK_US = 60 * MINUTE_US
#: A rundown is good for this long: it is rolled every hour (µs).
FRESH_US = HOUR_US + 15 * MINUTE_US
NO_CUT: CutRow = (0, "", 0, 0, 0)


class Guide(Sequence[GuideEntry]):
    """A channel's guide as front-ends see it; each entry is made when it is asked for."""

    __slots__ = ("_events", "_stills")

    def __init__(self, events: Events, stills: Container[str] = ()) -> None:
        """``stills``: names of those that there are (library/stills.py)."""
        self._events, self._stills = events, stills

    def __len__(self) -> int:
        return len(self._events)

    def __getitem__(self, index: Any) -> Any:
        found = self._events[index]
        if isinstance(index, slice):
            return [_entry(event, self._stills) for event in found]
        return _entry(found, self._stills)

    def between(self, start: datetime, end: datetime) -> list[GuideEntry]:
        """Entries that touch [start, end), in order."""
        return [_entry(event, self._stills) for event in self._events.between(to_us(start), to_us(end))]

    def find(self, event_id: int) -> GuideEntry | None:
        """The entry with this id."""
        event = self._events.find(event_id)
        return _entry(event, self._stills) if event is not None else None

    def at(self, us: int) -> GuideEntry | None:
        """What is on at ``us``; None outside the guide."""
        event = self._events.at(us)
        return _entry(event, self._stills) if event is not None else None

    def ends_after(self, us: int) -> int | None:
        """When what is on at ``us`` ends (µs); None outside the guide."""
        return self._events.ends_after(us)


@dataclass(frozen=True, slots=True)
class OnAirProgramme:
    """One artefact, as playout uses it."""

    header: ArtefactHeader
    idents: tuple[ChannelIdent, ...]  #: in order of the lineup
    guide: Mapping[ChannelId, Guide]
    channels: Mapping[ChannelId, tuple[CompiledChannel, Programme]]
    playlog_end_us: int
    generation: int = 0  #: of the playlog
    cut: CutRow = NO_CUT
    uses: Callable[[int, int], Sequence[Use]] = lambda start_us, end_us: ()  #: what airs in [start, end) (µs)
    #: The file of a picture that the guide names; None: it names none such.
    picture: Callable[[str], str | None] = lambda name: None
    stills: Mapping[str, Path] = field(default_factory=dict)  #: of assets that have no picture: name → file
    barred: Mapping[str, str] = field(default_factory=dict)  #: asset that may not air any more → why

    def work_out(self, channels: Iterable[ChannelId]) -> None:
        """The playlogs of those that are on the air, so that the event loop need not."""
        for channel in channels:
            if channel in self.channels:
                _ = self.channels[channel][1].playlog.entries


def media_path(roots: Mapping[str, Path], collection: str, path: str) -> str:
    """Where a collection's file is; ``roots``: collection → folder of its media."""
    root = roots.get(collection)
    return os.path.join(root, path) if root is not None else path  # noqa: PTH118  asked for by the ten thousand


def in_software(channel: CompiledChannel) -> CompiledChannel:
    """The channel as every machine can encode it."""
    return replace(channel, encoder=SOFTWARE)


def load(
    artefact: Artefact,
    roots: Mapping[str, Path],
    now_us: int,
    playlog_us: int,
    generation: int = 0,
    station: Path = Path(),
    equip: Callable[[CompiledChannel], CompiledChannel] = in_software,
) -> OnAirProgramme:
    """``pack`` and ``air`` in one. Raises ``ArtefactError``."""
    cut = (generation, artefact.header.content_hash, now_us, now_us - KEEP_PAST_US, now_us + playlog_us)
    return air(Rundown(pack(artefact, cut, now_us)), roots, station, equip)


def pack(artefact: Artefact, cut: CutRow, now_us: int, checks_us: Sequence[int] = ()) -> bytes:
    """What airs of ``artefact`` within the cut, its guide, and the files that are wanted from now until the
    longest of ``checks_us`` ahead (prefetch.py). Raises ``ArtefactError``.
    """
    *_, start_us, end_us = cut
    packer = Packer()
    # What is shown after a break, and for how long, depends on where the break was.
    first_us = start_us - LOOK_BACK_US
    events, segments = _Apart(artefact.all_events()), _Apart(artefact.all_segments(first_us, end_us))
    for channel in artefact.channels:
        packer.channel(channel, events.of(channel.channel), segments.of(channel.channel))
    for asset in artefact.assets(first_us, end_us):
        packer.asset(asset)
    for window in _windows(now_us, checks_us):
        for use in artefact.uses(*window):
            packer.use(Use(*use))
    return packer.finish(artefact.header, cut, artefact.synthetics, artefact.overlays, artefact.templates)


def air(
    rundown: Rundown,
    roots: Mapping[str, Path],
    station: Path = Path(),
    equip: Callable[[CompiledChannel], CompiledChannel] = in_software,
    stills: Mapping[str, Path] | None = None,
) -> OnAirProgramme:
    """What is on the air; ``roots``: collection → folder of its media, ``station``: its folder, for its
    pictures, ``equip``: gives a channel an encoder that works here, ``stills``: assets' pictures."""
    header = rundown.header
    generation, _, _, start_us, end_us = rundown.cut
    zone = ZoneInfo(header.timezone)
    writing = Writing(zone, header.clock)
    end_us = min(end_us, header.end_us)
    equipped = [equip(channel) for channel in rundown.channels]
    lineup = [(channel, rundown.events(number)) for number, channel in enumerate(equipped)]
    channels: dict[ChannelId, tuple[CompiledChannel, Programme]] = {}
    ends: list[int] = []

    def locate(asset: Asset) -> str:
        return media_path(roots, asset.collection, asset.path)

    for number, (channel, events) in enumerate(lineup):
        grid = house_of(channel).grid
        ends.append(rundown.end_us(number) or start_us)
        playlog = DeferredPlaylog(
            _Planning(rundown, number, channel, events, writing, start_us),
            grid.nearest(ends[-1]) if rundown.end_us(number) else 0,
        )
        channels[ChannelId(channel.channel)] = (
            channel,
            Programme(
                header.name,
                zone,
                rundown.synthetics,
                rundown.asset,
                locate,
                playlog,
                header.content_hash,
                generation,
                continuity=Continuity(station, header.clock, rundown.templates, events, lineup),
            ),
        )
    stills = stills or {}
    guide = {ChannelId(channel.channel): Guide(events, stills) for channel, events in lineup}
    idents = tuple(ident_of(channel) for channel in rundown.channels)

    def picture(name: str) -> str | None:
        found = rundown.picture(name)
        return media_path(roots, *found) if found is not None else None

    last_us = min([end_us, *ends])
    return OnAirProgramme(
        header, idents, guide, channels, last_us, generation, rundown.cut, rundown.uses, picture, stills,
        rundown.barred,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Planning:
    """How a channel's playlog is worked out, when it is wanted."""

    rundown: Rundown
    number: int  #: of the channel in the lineup
    channel: CompiledChannel
    events: Events
    writing: Writing
    start_us: int  #: nothing that is over by then is needed

    def __call__(self) -> Sequence[PlaylogEntry]:
        rundown, writing = self.rundown, self.writing
        grid = house_of(self.channel).grid
        segments, fallbacks = rundown.segments(self.number)
        playlog = Playlog.align(segments, grid, fallbacks, rundown.barred)
        guides = [
            e
            for e in playlog.entries
            if (synthetic := rundown.synthetics.get(e.segment.synthetic)) and synthetic.shows == "guide"
        ]
        playlog = playlog.cut_at(
            grid.nearest(us)
            for e in guides
            for us in guide_edges(e.segment.start_us, e.segment.end_us, writing)
        )
        schedule = Schedule(self.channel, rundown.overlays, self.events, writing, grid)
        playlog = playlog.drawn(plan_layers(playlog.entries, schedule))
        return playlog.since(grid.nearest(self.start_us)).entries


def _windows(now_us: int, checks_us: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Stretches from now on. What airs first in each is enough: until the rundown is a new one, whatever
    comes within ``checks_us`` of its airing then begins one, or lay in one of those before."""
    if not checks_us:
        return
    edges = {0, FRESH_US, *checks_us, *(check + FRESH_US for check in checks_us)}
    ordered = sorted(edge for edge in edges if edge <= max(checks_us) + FRESH_US)
    yield from ((now_us + a, now_us + b) for a, b in pairwise(ordered))


_T = TypeVar("_T", ScheduleEvent, Segment)


class _Apart(Generic[_T]):
    """Rows that come channel by channel, taken apart."""

    def __init__(self, rows: Iterable[_T]) -> None:
        self._groups: Iterator[tuple[str, Iterator[_T]]] = groupby(rows, key=lambda row: row.channel)
        self._next: tuple[str, Iterator[_T]] | None = next(self._groups, None)

    def of(self, channel: str) -> Iterator[_T]:
        """The rows of the next channel, which is ``channel`` if it has any."""
        if self._next is not None and self._next[0] == channel:
            yield from self._next[1]
            self._next = next(self._groups, None)


def ident_of(channel: CompiledChannel) -> ChannelIdent:
    """What clients are told of a channel."""
    house = house_of(channel)
    return ChannelIdent(
        id=ChannelId(channel.channel),
        number=channel.number,
        vchannel=channel.vchannel,
        name=channel.name,
        callsign=channel.callsign,
        guide_id=channel.guide_id,
        group=channel.group,
        logo=ArtworkRef(f"logo/{channel.channel}") if channel.logo else None,
        video_codec=house.video.word,
        audio_codec=house.audio.word,
        hd=house.hd,
    )


def _entry(event: ScheduleEvent, stills: Container[str]) -> GuideEntry:
    return GuideEntry(
        event_id=event.event_id,
        channel=ChannelId(event.channel),
        start=from_us(event.start_us),
        end=from_us(event.end_us),
        title=event.title,
        subtitle=event.subtitle,
        description=event.description,
        season=event.season,
        episode=event.episode,
        original_date=_date(event.original_date),
        year=event.year,
        categories=event.categories,
        rating=event.rating,
        kind=event.kind,
        credits=event.credits,
        artwork=_artwork(event, stills),
    )


def _artwork(event: ScheduleEvent, stills: Container[str]) -> ArtworkRef | None:
    """The picture that its media have, else the still that was made of them."""
    if picture := picture_of(event):
        return ArtworkRef(f"picture/{picture}")
    still = name_of(event.asset_id) if event.asset_id and stills else ""
    return ArtworkRef(f"still/{still}") if still in stills else None


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None  # a year alone, or a word of the library's: no date to show
