"""A channel on the bench: a playlog of barcode clips aired by the real ProgramDirector and real ffmpeg."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

from fixtures.media.barcode import Clip, default_cache, make
from retrovue.clock import MasterClock, RenderClock, StationClock
from retrovue.compiler.model import (
    INTERSTITIALS,
    CompiledChannel,
    CompiledSynthetic,
    Segment,
    SegmentKind,
)
from retrovue.ffmpeg_binary import choose_ffmpeg
from retrovue.library.catalog import Asset, AssetState
from retrovue.lineup import ChannelId, Viewer
from retrovue.playout.admission import Encoders
from retrovue.playout.channel import ChannelManager, ChannelSignal
from retrovue.playout.conform import Job, conform
from retrovue.playout.director import (
    Machine,
    Presentation,
    ProgramDirector,
    Programme,
    file_rendering,
    house_of,
    machine_of,
    settings_of,
)
from retrovue.playout.encode import SOFTWARE
from retrovue.playout.house_copy import EDITION, SUFFIX
from retrovue.playout.overlay import Layer
from retrovue.playout.playlog import Playlog, PlaylogEntry
from retrovue.playout.shelf import copy_of, folder_of
from retrovue.playout.ticks import TickGrid
from retrovue.units import SECOND_US, frames_to_us

CHANNEL = ChannelId("bench")
#: Cheap enough for a busy machine.
BENCH = CompiledChannel(
    "bench", "5.1", 501, "Bench", "BENCH", "C5.1.bench.retrovue.tv", "", "", 0, 360,
    "360p", "30000/1001", "ultrafast", 900, 96, 0,
)  # fmt: skip

#: Different rates, shapes and sounds; the long one has a single IDR each 10 s.
CLIPS = {
    "ntsc": Clip(asset=11, frames=600),
    "film": Clip(asset=12, frames=480, rate=Fraction(24000, 1001), aspect="4:3", channels=1, container="mkv"),
    "pal": Clip(asset=13, frames=500, rate=Fraction(25)),
    "mute": Clip(asset=14, frames=300, rate=Fraction(30), channels=0),
}


@dataclass(frozen=True, slots=True)
class Item:
    """One planned segment: a clip's name, "synthetic:slug", "live:slug" or a name without a file; its cut.

    Each is an event of its own, but for interstitials (``kind``), which belong to the one before.
    """

    what: str
    seconds: float
    in_s: float = 0.0
    fallbacks: tuple[str, ...] = ()
    kind: SegmentKind = SegmentKind.PROGRAM


@dataclass
class Bench:
    """The running channel, and what was planned."""

    director: ProgramDirector
    clock: MasterClock
    programme: Programme
    playlog: Playlog
    grid: TickGrid
    state: Path
    pids: set[int] = field(default_factory=set)

    @property
    def manager(self) -> ChannelManager:
        return self.director.channels[CHANNEL]

    async def tune(self, address: str = "127.0.0.1:1", channel: ChannelId = CHANNEL) -> ChannelSignal:
        return await self.director.tune(channel, Viewer("bench", address))

    def rearm(self, playlog: Playlog) -> None:
        """Another plan from now on, as a new artefact or the director brings it."""
        self.playlog = playlog
        self.programme = replace(self.programme, playlog=playlog)
        self.director.apply({CHANNEL: (BENCH, self.programme)})

    def entry(self, index: int) -> PlaylogEntry:
        return self.playlog.entries[index]


def unhurried() -> StationClock:
    """A station whose seconds last two: where not a single slate is forgiven, a busy machine's encoders and
    decoders have that much more time for each picture."""
    return StationClock(speed=0.5)


async def capture(signal: ChannelSignal, clock: MasterClock, seconds: float) -> bytes:
    """What a viewer receives in ``seconds`` of station time; the signal stays open."""
    found: list[bytes] = []

    async def read() -> None:
        async for chunk in signal.transport_stream():
            found.append(chunk)

    try:
        async with clock.deadline_at(clock.now() + timedelta(seconds=seconds)):
            await read()
    except TimeoutError:
        pass
    return b"".join(found)


async def rendered(b: Bench, seconds: float) -> bytes:
    """What a viewer receives in ``seconds`` of station time on a bench with a ``RenderClock``, for which no
    encoder is too slow."""
    assert isinstance(b.clock, RenderClock)
    b.manager.tune_patience_s = 120.0
    end_us = b.clock.now_us() + round(seconds * SECOND_US)
    viewer = await b.tune()
    found: list[bytes] = []
    async for chunk in viewer.transport_stream():
        found.append(chunk)
        if b.clock.now_us() >= end_us:
            break
    await viewer.close("seen enough")
    return b"".join(found)


def asset(name: str, path: str, clip: Clip | None) -> Asset:
    """The catalog's view of a clip."""
    return Asset(
        "bench", name, AssetState.READY, True, path,
        duration_us=frames_to_us(clip.frames, clip.rate) if clip else 30 * SECOND_US,
        audio_codec="aac" if clip is None or clip.channels else "",
    )  # fmt: skip


def machine(state: Path) -> Machine:
    """This machine, with the ffmpeg that the station would choose."""
    return machine_of(choose_ffmpeg(), state)


async def conformed(
    name: str, state: Path, cuts_s: tuple[float, ...] = (), channel: CompiledChannel = BENCH
) -> Path:
    """The house copy of a clip, made once and put on the shelf of ``state``."""
    clip, house = CLIPS[name], house_of(channel)
    path = await asyncio.to_thread(make, clip)
    of = asset(name, str(path), clip)
    rendering = file_rendering(machine(state), channel, of, str(path))
    job = Job(
        of.id, path, of.duration_us, house, rendering.command, rendering.with_audio,
        tuple(round(cut * SECOND_US) for cut in cuts_s), settings_of(rendering), "lab",
        copy_of(folder_of(state, of.id, house), settings_of(rendering)),
    )  # fmt: skip
    recipe = repr((job.settings, cuts_s, path.stat().st_mtime_ns, EDITION, choose_ffmpeg()))
    kept = default_cache() / f"house-{hashlib.sha256(recipe.encode()).hexdigest()[:16]}{SUFFIX}"
    if not kept.exists():
        await conform(job, StationClock())
        draft = kept.with_suffix(f".{os.getpid()}")
        shutil.copyfile(job.target, draft)
        draft.replace(kept)
    job.target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(kept, job.target)
    return job.target


@asynccontextmanager
async def bench(
    items: list[Item],
    state: Path,
    started_s: float = 0.0,
    linger_s: float = 1.0,
    layers: Callable[[PlaylogEntry], Sequence[Layer]] = lambda entry: (),
    channel: CompiledChannel = BENCH,
    more: Sequence[str] = (),
    presentation: Presentation | None = None,
    encoders: Encoders | None = None,
    clock: MasterClock | None = None,
) -> AsyncIterator[Bench]:
    """A channel whose first item began ``started_s`` ago; channels called ``more`` air the same."""
    clock = clock or StationClock()
    paths = {name: str(await asyncio.to_thread(make, clip)) for name, clip in CLIPS.items()}
    assets = {f"bench/{name}": asset(name, path, CLIPS[name]) for name, path in paths.items()}
    house = house_of(channel)
    at = clock.now_us() - round(started_s * SECOND_US)
    segments: list[Segment] = []
    fallbacks: dict[int, tuple[str, ...]] = {}
    event = 0
    for seq, item in enumerate(items):
        outside, _, synthetic = item.what.rpartition(":")
        synthetic = synthetic if outside in ("synthetic", "live") else ""
        kind = SegmentKind.LIVE if outside == "live" else item.kind
        event = event if kind in INTERSTITIALS else seq + 1
        name = "" if synthetic else f"bench/{item.what}"
        if name and name not in assets:
            assets[name] = asset(item.what, str(state / item.what), None)
        end = at + round(item.seconds * SECOND_US)
        segments.append(
            Segment(
                "bench", date(2026, 1, 1), seq, at, end, kind, event, name,
                round(item.in_s * SECOND_US), synthetic,
            )
        )  # fmt: skip
        fallbacks[event] = tuple(f"bench/{f}" for f in item.fallbacks)
        at = end
    playlog = Playlog.align(segments, house.grid, fallbacks).over(layers)
    synthetics = {"bars": CompiledSynthetic("bars", "test_pattern", "Bars", "100% [of] it: 'all', \\ %{pts}")}
    programme = Programme(
        "Bench", ZoneInfo("America/New_York"), synthetics, assets.get, lambda a: a.path, playlog
    )
    director = ProgramDirector(clock, machine(state), linger_s, presentation=presentation, encoders=encoders)
    slugs = (CHANNEL, *(ChannelId(m) for m in more))
    director.apply({slug: (replace(channel, channel=slug), programme) for slug in slugs})
    if house.encoder == SOFTWARE:
        await director.slate(house, "Bench")
    try:
        yield Bench(director, clock, programme, playlog, house.grid, state)
    finally:
        await director.close("the bench is cleared")


def children() -> list[int]:
    """Pids of this process's ffmpeg children that have not ended."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
                name, rest = stat.rsplit(")", 1)
            except (OSError, ValueError):
                continue
            fields = rest.split()
            if int(fields[1]) == os.getpid() and fields[0] != "Z" and "ffmpeg" in name:
                found.append(int(entry.name))
    return found
