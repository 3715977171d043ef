"""ScheduleService: keeps the horizons ahead of time, and takes over what the station's owner changes.

It rolls by time, never by viewers. Three things make it act: the guide's end comes nearer than the
guide horizon; a file of the station changes; a new artefact appears. A compile runs as a process of its
own, so it can neither stop nor slow the tick loops, and publishes its artefact whole or not at all. When
anything is wrong, the last good artefact stays on the air and the operator is told.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from retrovue.clock import MasterClock
from retrovue.compiler.model import CompiledChannel
from retrovue.errors import RetroVueError
from retrovue.lineup import ChannelId
from retrovue.playout import programme
from retrovue.playout.prefetch import Upcoming
from retrovue.playout.programme import OnAirProgramme, media_path
from retrovue.playout.station import OnAirStation
from retrovue.station.load import load_station
from retrovue.station.model import StationModel
from retrovue.store.artefact import Artefact, ArtefactError
from retrovue.store.generations import FOLDER, Cut, generations, read_cut, write
from retrovue.units import HOUR_US, MINUTE_US, from_us

log = logging.getLogger(__name__)

#: How often files are looked at (seconds).
POLL_S = 2.0
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
_YAML = (".yaml", ".yml", ".j2", ".jsonl", ".json", ".lock", ".svg")
_SKIPPED = frozenset({"media", "snapshots"})


class CompileFailed(RetroVueError):
    """The station can't be compiled; the message has the compiler's own words."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Where the service finds and leaves things."""

    station: Path  #: the station folder
    artefact: Path
    state: Path


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
        model: StationModel,
        on_change: Callable[[StationModel], None] = lambda model: None,
        equip: Callable[[CompiledChannel], CompiledChannel] = programme.in_software,
    ) -> None:
        self._clock, self._desk, self._model = clock, desk, model
        self._on_change, self._equip = on_change, equip
        self._artefact: Artefact | None = None
        self._artefact_mark: tuple[int, int, int] | None = None
        self._sources_mark: frozenset[tuple[str, int, int]] = frozenset()
        self._unsettled: frozenset[tuple[str, int, int]] | None = None
        self._playlog_end_us = 0
        self._generation = Cut(0, "", 0, 0, 0)  #: the one on the air
        self._stopgap = False  #: on the air from a generation, because there is no artefact
        self._trouble: dict[str, str] = {}  #: warnings from before there was a station to show them
        self._station: OnAirStation | None = None
        self._retry_at = self._roll_at = 0.0

    async def first_programme(self) -> OnAirProgramme:
        """What to go on the air with: the artefact, compiled first when it is missing or too short.

        A compile that fails is fatal only when neither the artefact nor a generation of the playlog covers
        now. Raises ``CompileFailed`` or ``ArtefactError``.
        """
        self._sources_mark = await asyncio.to_thread(self._look_at_sources)
        try:
            await compile_artefact(self._clock, self._desk)
        except CompileFailed as error:
            self._retry_at = self._clock.elapsed() + RETRY_S
            try:
                loaded = await self._load()
                if not loaded.header.start_us <= self._clock.now_us() < loaded.playlog_end_us:
                    raise ArtefactError(f"the artefact {self._desk.artefact} does not cover now")
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
        now_us, roots = self._clock.now_us(), media_roots(self._model, self._desk.station)
        found = await asyncio.to_thread(
            _open_generation, self._desk.state / FOLDER, roots, now_us, self._equip
        )
        if found is None:
            return None
        artefact, loaded, cut = found
        self._put(artefact, await asyncio.to_thread(_mark, self._desk.artefact), loaded, cut)
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
            await self._clock.wait(POLL_S)
            try:
                await self._round(station)
            except Exception as error:
                # The service must outlive anything: what is on the air goes on.
                log.exception("the schedule service stumbled")
                station.warn("service", f"the schedule service stumbled: {error}")

    async def upcoming(self, start_us: int, end_us: int) -> list[Upcoming]:
        """The files that air in ``[start_us, end_us)``, those that come first first."""
        artefact = self._artefact
        if artefact is None:
            return []
        roots = media_roots(self._model, self._desk.station)
        try:
            uses = await asyncio.to_thread(artefact.uses, start_us, end_us)
        except Exception:
            if artefact is self._artefact:
                raise
            return []  # replaced, and closed, while it was asked
        return [
            Upcoming(
                u.asset_id, media_path(roots, u.collection, u.path), u.start_us, u.in_us, u.out_us, u.channel
            )
            for u in uses
        ]

    def close(self) -> None:
        if self._artefact is not None:
            self._artefact.close()
            self._artefact = None

    async def _round(self, station: OnAirStation) -> None:
        now_us = self._clock.now_us()
        if await self._sources_changed():
            if await self._reload_sources(station):
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
        elif mark != self._artefact_mark or (short and self._clock.elapsed() >= self._roll_at):
            self._roll_at = self._clock.elapsed() + ROLL_EVERY_S
            await self._take_over(station)
        self._look_ahead(station)

    def _playlog_us(self) -> int:
        return max(PLAYLOG_US, self._model.station.horizon.playlog)

    def _why_compile(self, now_us: int) -> str:
        """Why a new artefact is needed; empty when none is."""
        if self._stopgap:
            return "there is no artefact"
        if self._horizon_us() - now_us < self._model.station.horizon.guide:
            return "the guide's horizon has come near"
        return ""

    def _look_ahead(self, station: OnAirStation) -> None:
        """A playlog that is too short is a fault of planning: it is told, and nothing is made up."""
        left_us = self._playlog_end_us - self._clock.now_us()
        zone = ZoneInfo(self._model.station.timezone)
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
        mark = await asyncio.to_thread(self._look_at_sources)
        if mark == self._sources_mark:
            self._unsettled = None
            return False
        if mark != self._unsettled:
            self._unsettled = mark
            return False
        self._sources_mark, self._unsettled = mark, None
        return True

    async def _reload_sources(self, station: OnAirStation) -> bool:
        loaded = await asyncio.to_thread(load_station, self._desk.station)
        if loaded.model is None:
            errors = [d for d in loaded.diagnostics if d.severity == "error"]
            first = errors[0]
            where = f"{first.span.file}:{first.span.line}: " if first.span else ""
            more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
            station.warn(
                "reload", f"reload refused, the last good stays on the air: {where}{first.headline}{more}"
            )
            return False
        self._model = loaded.model
        self._on_change(loaded.model)
        return True

    async def _compile(self, station: OnAirStation, why: str) -> None:
        log.info("compiling: %s", why)
        try:
            await compile_artefact(self._clock, self._desk)
        except CompileFailed as error:
            self._retry_at = self._clock.elapsed() + RETRY_S
            station.warn("reload", f"compile failed, the last good stays on the air: {error}")
        else:
            station.warn("reload", "")
            # Media folders may have moved even when nothing airs differently.
            self._artefact_mark = None

    def _may_retry(self) -> bool:
        return self._clock.elapsed() >= self._retry_at

    def _horizon_us(self) -> int:
        return self._artefact.header.end_us if self._artefact is not None else 0

    async def _take_over(self, station: OnAirStation) -> None:
        try:
            loaded = await self._load()
        except RetroVueError as error:
            self._artefact_mark = await asyncio.to_thread(_mark, self._desk.artefact)
            station.warn("artefact", f"artefact refused, the last good stays on the air: {error}")
            return
        self._stopgap = False
        station.warn("artefact", "")
        station.take_over(loaded, logo_files(self._model, self._desk.station))
        log.info("on the air: artefact %s", loaded.header.content_hash[:12])

    async def _load(self) -> OnAirProgramme:
        mark = await asyncio.to_thread(_mark, self._desk.artefact)
        roots = media_roots(self._model, self._desk.station)
        now_us, length_us = self._clock.now_us(), self._playlog_us() + ROLL_US
        artefact, loaded, cut, trouble = await asyncio.to_thread(
            _open, self._desk, roots, now_us, length_us, self._generation, self._equip
        )
        self._warn("playlog", trouble)
        self._put(artefact, mark, loaded, cut)
        return loaded

    def _put(
        self, artefact: Artefact, mark: tuple[int, int, int] | None, loaded: OnAirProgramme, cut: Cut
    ) -> None:
        if self._artefact is not None:
            self._artefact.close()
        self._artefact, self._artefact_mark, self._generation = artefact, mark, cut
        self._playlog_end_us = loaded.playlog_end_us

    def _look_at_sources(self) -> frozenset[tuple[str, int, int]]:
        """(name, mtime, size) of every file that a compile may read."""
        found = set()
        for folder, folders, files in os.walk(self._desk.station):
            folders[:] = [f for f in folders if f not in _SKIPPED and not f.startswith(".")]
            for name in files:
                if name.endswith(_YAML):
                    path = Path(folder) / name
                    try:
                        stat = path.stat()
                    except OSError:
                        continue
                    found.add((str(path), stat.st_mtime_ns, stat.st_size))
        return frozenset(found)


def _mark(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def _open(
    desk: Desk,
    roots: dict[str, Path],
    now_us: int,
    length_us: int,
    current: Cut,
    equip: Callable[[CompiledChannel], CompiledChannel],
) -> tuple[Artefact, OnAirProgramme, Cut, str]:
    """The artefact of ``desk``, what airs of it, the generation that was kept of that, and why not if not.

    It is written before it airs: as-run never cites a generation that nobody has seen.
    """
    folder, artefact = desk.state / FOLDER, Artefact.open(desk.artefact)
    try:
        hash_, end_us = artefact.header.content_hash, min(now_us + length_us, artefact.header.end_us)
        cut, trouble = current, ""
        if (current.artefact, current.end_us) != (hash_, end_us):
            newest = next(iter(generations(folder)), None)
            number = max(current.generation, newest.number if newest is not None else 0) + 1
            cut = Cut(number, hash_, now_us, now_us - programme.KEEP_PAST_US, end_us)
            try:
                write(artefact, folder, cut)
            except RetroVueError as error:
                trouble = f"{error}; it airs from memory"
        loaded = programme.load(artefact, roots, now_us, length_us, cut.generation, desk.station, equip)
        return artefact, loaded, cut, trouble
    except BaseException:
        artefact.close()
        raise


def _open_generation(
    folder: Path,
    roots: dict[str, Path],
    now_us: int,
    equip: Callable[[CompiledChannel], CompiledChannel],
) -> tuple[Artefact, OnAirProgramme, Cut] | None:
    """The newest generation that can be read and covers ``now_us``."""
    for generation in generations(folder):
        try:
            artefact = Artefact.open(generation.path)
        except RetroVueError as error:
            log.warning("%s", error)
            continue
        try:
            cut = read_cut(artefact)
            if cut is not None and cut.start_us <= now_us < cut.end_us:
                length_us = cut.end_us - now_us
                loaded = programme.load(artefact, roots, now_us, length_us, cut.generation, equip=equip)
                return artefact, loaded, cut
        except RetroVueError as error:
            log.warning("%s", error)
        artefact.close()
    return None
