"""House copies in batch: one that is ordered here and may be made anywhere.

An order is values alone, so that it can be sent to another process or another machine. Whoever fulfils it
works out by itself how the asset is rendered, and refuses when that is not how the station would.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from retrovue.clock import StationClock
from retrovue.compiler.model import CompiledChannel
from retrovue.ffmpeg_binary import choose_ffmpeg
from retrovue.library.catalog import Asset
from retrovue.playout.conform import ConformFailed, Job, conform
from retrovue.playout.director import file_rendering, house_of, machine_of, settings_of
from retrovue.playout.house_copy import CopyUnusable, HouseCopy
from retrovue.playout.shelf import copy_of, folder_of
from retrovue.units import SECOND_US


@dataclass(frozen=True, slots=True)
class Order:
    """One asset in the house format of one channel."""

    asset: Asset  #: as it is fitted to the station
    original: Path
    channel: CompiledChannel  #: with the encoder that was chosen for it
    cuts_us: tuple[int, ...]  #: where a segment may begin or go on
    state: Path  #: state directory
    ffmpeg: str  #: its version
    settings: str  #: see house_copy.Label
    target: Path
    anew: bool = False  #: even where there is one already

    @property
    def seconds(self) -> float:
        return self.asset.duration_us / SECOND_US

    @property
    def format(self) -> str:
        """The house format, for people: "480p at 29.97"."""
        house = house_of(self.channel)
        return f"{house.raster} at {float(house.rate):.6g}"


def order_of(
    asset: Asset, original: Path, channel: CompiledChannel, cuts_us: tuple[int, ...], state: Path, anew: bool
) -> Order:
    """What this machine would make of it."""
    ffmpeg = choose_ffmpeg()
    rendering = file_rendering(machine_of(ffmpeg, state), channel, asset, str(original))
    settings = settings_of(rendering)
    target = copy_of(folder_of(state, asset.id, house_of(channel)), settings)
    return Order(asset, original, channel, cuts_us, state, ffmpeg.version_text, settings, target, anew)


def job_of(order: Order) -> Job:
    """Raises ``ConformFailed`` when this machine would render it in another way than it is ordered."""
    ffmpeg = choose_ffmpeg()
    asset = order.asset
    rendering = file_rendering(machine_of(ffmpeg, order.state), order.channel, asset, str(order.original))
    if (settings_of(rendering), ffmpeg.version_text) != (order.settings, order.ffmpeg):
        raise ConformFailed(
            f"{asset.id}: a worker would render it in another way than the station: it has ffmpeg "
            f"{ffmpeg.version_text}, the station {order.ffmpeg}",
            help="install the same RetroVue and the same ffmpeg on every worker",
        )
    return Job(
        asset.id,
        order.original,
        asset.duration_us,
        house_of(order.channel),
        rendering.command,
        rendering.with_audio,
        order.cuts_us,
        order.settings,
        order.ffmpeg,
        order.target,
    )


def is_current(order: Order, read_back: bool) -> bool:
    """Is there a copy that would be made just so again? ``read_back``: and every frame of it is whole."""
    try:
        original = order.original.stat()
        with HouseCopy(order.target) as copy:
            label = copy.label
            return (
                (label.asset, label.settings, label.ffmpeg) == (order.asset.id, order.settings, order.ffmpeg)
                and (label.size, label.mtime_ns) == (original.st_size, original.st_mtime_ns)
                and not (read_back and copy.damage())
            )
    except (OSError, CopyUnusable):
        return False


class Crew:
    """Those who make copies in this process, each on a thread; they can be stopped in the middle."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._busy: set[Callable[[], object]] = set()
        self._stopped = False

    def fulfil(self, order: Order, advance: Callable[[float], None] = lambda seconds: None) -> float:
        """Make the copy, unless somebody has; how long it took (seconds). Raises ``ConformFailed``."""
        clock = StationClock()
        # A task whose worker died may have been done all the same.
        if not order.anew and is_current(order, read_back=True):
            return 0.0
        job, began = job_of(order), clock.elapsed()
        try:
            asyncio.run(self._work(job, clock, advance))
        except asyncio.CancelledError:
            raise ConformFailed(f"{job.asset}: it was stopped", help="do it again") from None
        return clock.elapsed() - began

    def stop(self) -> bool:
        """Nothing half is left, and nothing more is begun. Was anything being made?"""
        with self._lock:
            self._stopped = True
            busy = list(self._busy)
        for end in busy:
            with contextlib.suppress(RuntimeError):  # it has just finished
                end()
        return bool(busy)

    async def _work(self, job: Job, clock: StationClock, advance: Callable[[float], None]) -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def end() -> None:
            loop.call_soon_threadsafe(task.cancel)

        with self._lock:
            if self._stopped:
                raise asyncio.CancelledError
            self._busy.add(end)
        try:
            await conform(job, clock, advance)
        finally:
            self._busy.discard(end)


#: Of a process that was started to make copies.
_CREW = Crew()


def fulfil(order: Order) -> float:
    """See ``Crew.fulfil``; for executors whose workers are elsewhere."""
    return _CREW.fulfil(order)


def stop_all() -> bool:
    """See ``Crew.stop``."""
    return _CREW.stop()
