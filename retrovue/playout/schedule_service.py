"""ScheduleService: keeps the horizons ahead of time, and takes over what the station's owner changes.

It rolls by time, never by viewers. Three things make it act: the guide's end comes nearer than the
guide horizon; a file of the station changes; a new artefact appears. A compile runs as a process of its
own, so it can neither stop nor slow the tick loops, and publishes its artefact whole or not at all. When
anything is wrong, the last good artefact stays on the air and the operator is told.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from retrovue.clock import MasterClock
from retrovue.compiler.model import CompiledChannel
from retrovue.errors import RetroVueError
from retrovue.library.stills import stills_in
from retrovue.lineup import ChannelId, OrderRefused
from retrovue.playout import programme
from retrovue.playout.errand import Errand, send
from retrovue.playout.prefetch import Upcoming
from retrovue.playout.programme import NO_CUT, OnAirProgramme, media_path
from retrovue.playout.rundown import Rundown
from retrovue.playout.station import OnAirStation
from retrovue.units import HOUR_US, MINUTE_US, from_us

if TYPE_CHECKING:
    from retrovue.station.model import StationModel

log = logging.getLogger(__name__)

#: How often files are looked at (seconds).
POLL_S = 2.0
#: Looking at a station of thousands of files takes a while: no more of the time than one part in so many,
#: but at least this often (seconds).
LOOK_SHARE, LOOK_EVERY_S = 2000, 30.0
#: A compile that failed is tried again after this long even if nothing changed (seconds).
RETRY_S = 300.0
#: A playlog that can't be made longer is looked at again this often (seconds).
ROLL_EVERY_S = 60.0
#: The playlog always reaches at least this far ahead, or somebody is told (µs)…
PLAYLOG_US = 2 * HOUR_US
#: …and is cut this much longer than it must be, so that it is cut anew about once in this time (µs)…
ROLL_US = HOUR_US
#: …and this long before it is too short, since a disk may sleep.
ROLL_EARLY_US = 5 * MINUTE_US
_COMPILE_PATIENCE_S = 900.0
_ROLL_PATIENCE_S = 300.0
#: So many assets are named in one warning.
MOST_NAMED = 5
#: The state directory's folder of generations (store/generations.py).
_GENERATIONS = "playlog"
_YAML = (".yaml", ".yml", ".j2", ".jsonl", ".json", ".lock", ".svg")
_SKIPPED = frozenset({"media", "snapshots"})


class CompileFailed(RetroVueError):
    """The station can't be compiled; the message has the compiler's own words."""


#: Which state of the station's files: another one has another mark, as far as anybody will ever see.
SourcesMark = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Desk:
    """Where the service finds and leaves things."""

    station: Path  #: the station folder
    artefact: Path
    state: Path


@dataclass(frozen=True, slots=True)
class Planning:
    """What the service must know of the station's YAML."""

    timezone: str
    guide_us: int  #: how far ahead the guide is compiled
    playlog_us: int  #: how far ahead the playlog is kept ready
    checks_us: tuple[int, ...]  #: how long before their time files are looked at
    roots: Mapping[str, Path]  #: collection → folder of its media, absolute
    logos: Mapping[ChannelId, Path]


class RollFailed(RetroVueError):
    """The artefact can't be read, or no generation of the playlog covers now."""


def media_roots(model: StationModel, station: Path) -> dict[str, Path]:
    """Collection → folder of its media, absolute."""
    roots = {}
    for name, collection in model.collections.items():
        path = collection.source.get("path")
        if isinstance(path, str):
            roots[name] = (station / Path(path).expanduser()).resolve()
    return roots


def logo_files(model: StationModel, station: Path) -> dict[ChannelId, Path]:
    """Channel → its logo file, for those inside the station folder."""
    home = station.resolve()
    logos = {}
    for channel in model.channels:
        if channel.logo:
            path = (home / channel.logo).resolve()
            if path.is_relative_to(home):
                logos[ChannelId(channel.channel)] = path
    return logos


async def compile_artefact(clock: MasterClock, desk: Desk) -> None:
    """Compile the station as of now in a process of its own. Raises ``CompileFailed``."""
    arguments = [
        *(sys.executable, "-m", "retrovue", "compile", str(desk.station)),
        *("--as-of", clock.now().isoformat(), "--output", str(desk.artefact)),
        *("--state", str(desk.state), "--quiet"),
    ]
    if desk.artefact.is_file():
        # What is on the air, and starts within the locked time, stays on the air.
        arguments += ["--base", str(desk.artefact)]
    process = await asyncio.create_subprocess_exec(
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with clock.deadline(_COMPILE_PATIENCE_S):
            output, _ = await process.communicate()
    except BaseException as error:
        if process.returncode is None:
            process.kill()
            await process.wait()
        if isinstance(error, TimeoutError):
            raise CompileFailed("the compile took too long and was stopped") from error
        raise
    if process.returncode != 0:
        raise CompileFailed(output.decode(errors="replace").strip() or "the compile failed")


class ScheduleService:
    """Watches the station, its artefact and the clock."""

    def __init__(
        self,
        clock: MasterClock,
        desk: Desk,
        planning: Planning,
        reload: Callable[[], Awaitable[Planning]],
        equip: Callable[[CompiledChannel], CompiledChannel] = programme.in_software,
    ) -> None:
        """``reload`` reads the YAML anew; it raises ``RetroVueError`` for mistakes in it."""
        self._clock, self._desk, self._planning = clock, desk, planning
        self._reload, self._equip = reload, equip
        self._loaded: OnAirProgramme | None = None
        self._artefact_mark: tuple[int, int, int] | None = None
        self._sources_mark: SourcesMark = (0, 0)
        self._unsettled: SourcesMark | None = None
        self._look_at = 0.0  #: when sources are looked at next
        self._playlog_end_us = 0
        self._stopgap = False  #: on the air from a generation, because there is no artefact
        self._trouble: dict[str, str] = {}  #: warnings from before there was a station to show them
        self._station: OnAirStation | None = None
        self._retry_at = self._roll_at = 0.0
        self._asked: list[asyncio.Future[str]] = []  #: for reloads; what went wrong is their answer
        self._wanted = asyncio.Event()

    async def first_programme(self) -> OnAirProgramme:
        """What to go on the air with: the artefact, compiled first when it is missing or too short.

        A compile that fails is fatal only when neither the artefact nor a generation of the playlog covers
        now. Raises ``CompileFailed`` or ``RollFailed``.
        """
        self._sources_mark = await asyncio.to_thread(self._look_at_sources)
        try:
            await compile_artefact(self._clock, self._desk)
        except CompileFailed as error:
            self._retry_at = self._clock.elapsed() + RETRY_S
            try:
                loaded = await self._load()
                if not loaded.header.start_us <= self._clock.now_us() < loaded.playlog_end_us:
                    raise RollFailed(f"the artefact {self._desk.artefact} does not cover now")
            except RetroVueError as unusable:
                stopgap = await self._last_generation()
                if stopgap is None:
                    raise error from None
                self._warn(
                    "artefact",
                    f"no artefact can be used ({unusable}); generation {stopgap.generation} of the playlog "
                    "is on the air",
                )
                loaded = stopgap
            self._warn("reload", f"the compile failed, the last good stays on the air: {error}")
            return loaded
        return await self._load()

    async def _last_generation(self) -> OnAirProgramme | None:
        """The newest generation of the playlog that covers now."""
        try:
            loaded, _ = await self._roll("", 0)
        except RollFailed:
            return None
        self._put(await asyncio.to_thread(_mark, self._desk.artefact), loaded)
        self._stopgap = True
        return loaded

    def _warn(self, topic: str, text: str) -> None:
        """Tell the operator, as soon as there is a station to tell."""
        if self._station is not None:
            self._station.warn(topic, text)
        else:
            if text:
                log.warning("%s", text)
            self._trouble[topic] = text

    async def run(self, station: OnAirStation) -> None:
        """Keep ``station`` supplied until cancelled."""
        self._station = station
        for topic, text in self._trouble.items():
            station.warn(topic, text)
        while True:
            with contextlib.suppress(TimeoutError):
                async with self._clock.deadline_at(self._clock.now() + timedelta(seconds=POLL_S)):
                    await self._wanted.wait()
            self._wanted.clear()
            asked, self._asked = self._asked, []
            why = "the schedule service stumbled"
            try:
                if asked:
                    why = await self._reload_now(station)
                else:
                    await self._round(station)
            except Exception as error:
                # The service must outlive anything: what is on the air goes on.
                log.exception("the schedule service stumbled")
                station.warn("service", f"the schedule service stumbled: {error}")
            finally:
                for answer in asked:
                    if not answer.done():  # whoever asked may have gone
                        answer.set_result(why)

    # --- lineup.Schedule ---------------------------------------------------------------------------

    async def reload(self) -> None:
        """Read the YAML anew, compile, and air what comes of it, as when a file has changed; returns when it
        airs. Raises ``OrderRefused``, and the last good stays on the air."""
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._asked.append(answer)
        self._wanted.set()
        if why := await answer:
            raise OrderRefused(why)

    async def _reload_now(self, station: OnAirStation) -> str:
        """Why it can't be done; empty when it is."""
        # Whatever is changed while it is read is another change, which a later round sees.
        self._sources_mark, self._unsettled = await asyncio.to_thread(self._look_at_sources), None
        return (
            await self._reload_sources(station)
            or await self._compile(station, "a reload was asked for")
            or await self._take_over(station)
        )

    async def upcoming(self, start_us: int, end_us: int) -> list[Upcoming]:
        """The files that air in ``[start_us, end_us)``, those that come first first."""
        loaded, roots = self._loaded, self._planning.roots
        if loaded is None:
            return []

        def found() -> list[Upcoming]:
            return [
                Upcoming(
                    u.asset_id,
                    media_path(roots, u.collection, u.path),
                    u.start_us,
                    u.in_us,
                    u.out_us,
                    u.channel,
                )
                for u in loaded.uses(start_us, end_us)
            ]

        return await asyncio.to_thread(found)

    async def _round(self, station: OnAirStation) -> None:
        now_us = self._clock.now_us()
        if await self._sources_changed():
            if not await self._reload_sources(station):
                await self._compile(station, "a station file changed")
        elif self._may_retry() and (why := self._why_compile(now_us)):
            self._retry_at = self._clock.elapsed() + RETRY_S
            await self._compile(station, why)
        mark = await asyncio.to_thread(_mark, self._desk.artefact)
        short = self._playlog_end_us - now_us < self._playlog_us() + ROLL_EARLY_US
        if mark is None:
            station.warn(
                "artefact", f"the artefact {self._desk.artefact} is gone; what was read stays on the air"
            )
        elif mark != self._artefact_mark or (short and self._rolls_on()):
            self._roll_at = self._clock.elapsed() + ROLL_EVERY_S
            await self._take_over(station)
        self._look_ahead(station)

    def _rolls_on(self) -> bool:
        """May a new generation reach further than the one on the air? Not where the artefact ends."""
        reached = self._loaded is not None and self._loaded.cut[-1] >= self._loaded.header.end_us
        return not reached and self._clock.elapsed() >= self._roll_at

    def _playlog_us(self) -> int:
        return max(PLAYLOG_US, self._planning.playlog_us)

    def _why_compile(self, now_us: int) -> str:
        """Why a new artefact is needed; empty when none is."""
        if self._stopgap:
            return "there is no artefact"
        if self._horizon_us() - now_us < self._planning.guide_us:
            return "the guide's horizon has come near"
        return ""

    def _look_ahead(self, station: OnAirStation) -> None:
        """A playlog that is too short is a fault of planning: it is told, and nothing is made up."""
        left_us = self._playlog_end_us - self._clock.now_us()
        zone = ZoneInfo(self._planning.timezone)
        end = from_us(self._playlog_end_us).astimezone(zone)
        station.warn(
            "planning",
            f"planning fault: nothing is planned from {end:%a %d %b %H:%M} on, less than "
            f"{PLAYLOG_US // HOUR_US} hours ahead"
            if left_us < PLAYLOG_US
            else "",
        )

    async def _sources_changed(self) -> bool:
        """Has a file changed, and stood still for one round? An editor writes in several steps."""
        begun_s = self._clock.elapsed()
        if begun_s < self._look_at:
            return False
        mark = await asyncio.to_thread(self._look_at_sources)
        took_s = self._clock.elapsed() - begun_s
        if mark == self._sources_mark:
            self._unsettled = None
            self._look_at = begun_s + min(took_s * LOOK_SHARE, LOOK_EVERY_S)
            return False
        if mark != self._unsettled:
            self._unsettled = mark
            return False
        self._sources_mark, self._unsettled = mark, None
        return True

    # Each says why it can't be done, to the operator and as its answer; empty when it is.

    async def _reload_sources(self, station: OnAirStation) -> str:
        try:
            self._planning = await self._reload()
        except RetroVueError as error:
            return _told(station, "reload", f"reload refused, the last good stays on the air: {error}")
        return ""

    async def _compile(self, station: OnAirStation, why: str) -> str:
        log.info("compiling: %s", why)
        try:
            await compile_artefact(self._clock, self._desk)
        except CompileFailed as error:
            self._retry_at = self._clock.elapsed() + RETRY_S
            return _told(station, "reload", f"compile failed, the last good stays on the air: {error}")
        # Media folders may have moved even when nothing airs differently.
        self._artefact_mark = None
        return _told(station, "reload", "")

    def _may_retry(self) -> bool:
        return self._clock.elapsed() >= self._retry_at

    def _horizon_us(self) -> int:
        return self._loaded.header.end_us if self._loaded is not None else 0

    async def _take_over(self, station: OnAirStation) -> str:
        try:
            loaded = await self._load()
        except RetroVueError as error:
            self._artefact_mark = await asyncio.to_thread(_mark, self._desk.artefact)
            return _told(station, "artefact", f"artefact refused, the last good stays on the air: {error}")
        self._stopgap = False
        station.warn("artefact", "")
        await asyncio.to_thread(loaded.work_out, station.on_air())
        station.take_over(loaded, self._planning.logos)
        log.info("on the air: artefact %s", loaded.header.content_hash[:12])
        return ""

    def _tell_of_barred(self, loaded: OnAirProgramme) -> None:
        """What is published and may not air any more is stood in for; the operator should know."""
        barred = sorted(loaded.barred.items())
        named = ", ".join(f"{asset_id} ({why})" for asset_id, why in barred[:MOST_NAMED])
        more = f" and {len(barred) - MOST_NAMED} more" if len(barred) > MOST_NAMED else ""
        text = f"published, and may not air any more: {named}{more}; the planned stand-ins air instead"
        self._warn("barred", text if barred else "")

    async def _load(self) -> OnAirProgramme:
        mark = await asyncio.to_thread(_mark, self._desk.artefact)
        loaded, trouble = await self._roll(str(self._desk.artefact), self._playlog_us() + ROLL_US)
        self._warn("playlog", trouble)
        self._tell_of_barred(loaded)
        self._put(mark, loaded)
        return loaded

    async def _roll(self, artefact: str, length_us: int) -> tuple[OnAirProgramme, str]:
        """What airs of ``artefact`` (empty: of the newest generation), and why that wasn't kept if it
        wasn't. Raises ``RollFailed`` and ``ErrandFailed``."""
        request = {
            "artefact": artefact,
            "folder": str(self._desk.state / _GENERATIONS),
            "now_us": self._clock.now_us(),
            "length_us": length_us,
            "current": self._loaded.cut if self._loaded is not None else NO_CUT,
            "checks_us": self._planning.checks_us,
        }
        errand = Errand("retrovue.playout.roll", json.dumps(request).encode(), _ROLL_PATIENCE_S)
        line, packed = await send(errand, self._clock)
        _, trouble, warnings, error, help = json.loads(line)
        for warning in warnings:
            log.warning("%s", warning)
        if error:
            raise RollFailed(error, help)
        roots, station = self._planning.roots, self._desk.station

        def aired() -> OnAirProgramme:
            return programme.air(Rundown(packed), roots, station, self._equip, stills_in(self._desk.state))

        return await asyncio.to_thread(aired), trouble

    def _put(self, mark: tuple[int, int, int] | None, loaded: OnAirProgramme) -> None:
        self._loaded, self._artefact_mark = loaded, mark
        self._playlog_end_us = loaded.playlog_end_us

    def _look_at_sources(self) -> SourcesMark:
        """Names, times and sizes of every file that a compile may read, as one number, and how many."""
        count = mark = 0
        folders = [str(self._desk.station)]
        while folders:
            try:
                entries = list(os.scandir(folders.pop()))
            except OSError:
                continue  # it was removed a moment ago, or is nobody's to read
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders += [entry.path] * (entry.name not in _SKIPPED and entry.name[0] != ".")
                elif entry.name.endswith(_YAML):
                    with contextlib.suppress(OSError):
                        stat = entry.stat()
                        count += 1
                        mark ^= hash((entry.path, stat.st_mtime_ns, stat.st_size))
        return count, mark


def _told(station: OnAirStation, topic: str, text: str) -> str:
    station.warn(topic, text)
    return text


def _mark(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_mtime_ns, stat.st_size
