"""The operator's bench: what several commands need of a station folder, an artefact, or both."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from copy import copy
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from retrovue.errors import RetroVueError
from retrovue.garbage import no_search_for_garbage

if TYPE_CHECKING:
    from retrovue.cli.view import Progress
    from retrovue.compiler.changes import Side
    from retrovue.compiler.model import Checkpoint, Compiled, CompiledChannel, ScheduleEvent, Segment
    from retrovue.library.catalog import Catalog
    from retrovue.station.load import Loaded
    from retrovue.station.model import StationModel
    from retrovue.store import Artefact


#: Channel-days from which several processes are quicker than one.
_WORTH_FORKING = 100


class Bench:
    """A station folder, loaded and without a mistake, and its catalog."""

    def __init__(self, folder: Path, label: str = "", state: str | None = None) -> None:
        """``label`` stands for the folder in errors; ``state`` is the state directory, by default the
        station's own."""
        from retrovue.library.adapters import settings_models
        from retrovue.library.catalog_cache import FOLDER, open_catalog
        from retrovue.state_dir import ARTEFACT_NAME, cache_dir, state_dir
        from retrovue.station.load import StationErrors, load_station

        self.folder = folder
        self.label = label
        self.loaded: Loaded = load_station(folder, settings_models(), cache_dir())
        if self.loaded.model is None:
            errors = StationErrors(folder, self.loaded)
            if label:  # another revision, in a folder of ours that nobody can look into
                raise RetroVueError(
                    str(errors).replace(str(folder), label), help="mend it, or choose a later revision"
                )
            raise errors
        self.model: StationModel = self.loaded.model
        own = state_dir(self.model.station.station, state, self.model.written_state)
        self.artefact = own / ARTEFACT_NAME
        self.catalog: Catalog = open_catalog(folder, own / FOLDER)

    def checkpoint(self, first_day: date) -> Checkpoint | None:
        """Where the ledger says that the rotations stood before ``first_day``; None when it doesn't."""
        from retrovue.store.ledger import read_ledger

        found = read_ledger(self.folder, self.model.station.station)
        return found if found is not None and found.broadcast_date < first_day else None

    def compile(
        self,
        first_day: date | None,
        days: int,
        as_of_us: int,
        checkpoint: Checkpoint | None = None,
        known: Compiled | None = None,
        show: Callable[[str, float, str], AbstractContextManager[Progress]] | None = None,
    ) -> Compiled:
        """The schedule, from ``checkpoint``, else from the ledger's, else from the station's epoch.

        ``known``: a schedule of the same days; channels whose inputs are the same are taken from it.
        ``show``: who shows the progress of long work.
        """
        from retrovue.cli.executors import Chosen
        from retrovue.cli.processes import spread_over
        from retrovue.compiler.base import Base
        from retrovue.compiler.channels import broadcast_date_at
        from retrovue.compiler.compile import compile_station
        from retrovue.workers import cores

        first = broadcast_date_at(self.model, as_of_us) if first_day is None else first_day
        with no_search_for_garbage():
            return compile_station(
                self.model,
                self.catalog,
                first,
                days,
                as_of_us,
                checkpoint or self.checkpoint(first),
                base=Base.of_compiled(known, published=False) if known is not None else None,
                spread=spread_over(
                    Chosen("processes", cores() if days * len(self.model.channels) >= _WORTH_FORKING else 1),
                    lambda _: None,
                    show=partial(show, f"compile {self.label}".rstrip()) if show is not None else None,
                ),
            )

    def eve(self, first_day: date, as_of_us: int, checkpoint: Checkpoint | None = None) -> Checkpoint | None:
        """Where the rotations stand at the end of the day before ``first_day``; None at the epoch."""
        from retrovue.compiler.model import Checkpoint

        before = first_day - timedelta(days=1)
        known = checkpoint or self.checkpoint(first_day)
        if known is not None and known.broadcast_date == before:
            return known
        if known is None and first_day <= self.model.station.epoch:
            return None
        compiled = self.compile(before, 1, as_of_us, known)
        return Checkpoint(before, {day.channel: day.checkpoint for day in compiled.days})

    def only(self, channels: Collection[str]) -> Bench:
        """The same station with these channels alone, and those whose signal they carry or share."""
        wanted = set(channels)
        wanted |= {c.simulcast for c in self.model.channels if c.channel in wanted and c.simulcast}
        if any(p.cursor.value == "station" for p in self.model.programs.values()):
            return self  # every channel moves the rotations that all share
        if any(spot.runs is not None for spot in self.model.spots.values()):
            return self  # what a channel delivers of a contract depends on who else airs it
        kept = tuple(c for c in self.model.channels if c.channel in wanted)
        other = copy(self)
        other.model = self.model.model_copy(update={"channels": kept})
        return other

    def compile_around(self, start_us: int, end_us: int, as_of_us: int) -> Compiled:
        """The broadcast days of every channel that ``[start_us, end_us)`` touches."""
        from retrovue.compiler.channels import calendar_of

        calendars = [calendar_of(self.model, channel) for channel in self.model.channels]
        first = min(calendar.date_of(start_us) for calendar in calendars)
        last = max(calendar.date_of(max(end_us - 1, start_us)) for calendar in calendars)
        return self.compile(first, (last - first).days + 1, as_of_us)

    def guide_days(self, spare: int = 0) -> int:
        """The guide's horizon in whole days, and some to spare."""
        from retrovue.units import HOUR_US

        return int(-(-self.model.station.horizon.guide // (24 * HOUR_US))) + spare


class InMemory:
    """A schedule that was compiled and not published; read as an ``Artefact`` is."""

    def __init__(self, compiled: Compiled) -> None:
        self.channels = compiled.channels
        self.content_hash = compiled.content_hash
        self.station, self.name, self.timezone = compiled.station, compiled.name, compiled.timezone
        self._days = compiled.days

    def events(self, channel: str, start_us: int, end_us: int) -> list[ScheduleEvent]:
        found = (e for day in self._days if day.channel == channel for e in day.events)
        return [e for e in found if e.end_us > start_us and e.start_us < end_us]

    def segments(self, channel: str, start_us: int, end_us: int) -> list[Segment]:
        found = (s for day in self._days if day.channel == channel for s in day.playlist)
        return [s for s in found if s.end_us > start_us and s.start_us < end_us]


def artefact_path(args: argparse.Namespace) -> Path:
    """``--artefact``, else the one in the state directory of the station named."""
    if args.artefact is not None:
        return Path(args.artefact)
    if args.station is None:
        raise RetroVueError(
            "which station?", help="name the station folder, or an artefact with --artefact FILE"
        )
    from retrovue.state_dir import ARTEFACT_NAME

    return state_of(args.station, args.state) / ARTEFACT_NAME


def state_of(folder: Path, override: str | None) -> Path:
    """The state directory of the station in ``folder``.

    Mistakes in the station's YAML don't matter here: what was made of it is still there to be asked.
    """
    from retrovue.library.adapters import settings_models
    from retrovue.state_dir import state_dir
    from retrovue.station.load import StationErrors, load_station

    loaded = load_station(folder, settings_models())
    if loaded.model is not None:
        slug, written = loaded.model.station.station, loaded.model.written_state
    else:
        named = re.search(
            r"^station:[ \t]*[\"']?([a-z0-9-]+)", "\n".join(loaded.sources.values()), re.MULTILINE
        )
        if named is None:
            raise StationErrors(folder, loaded)
        slug, written = named[1], None
    return state_dir(slug, override, written)


def artefact_of(args: argparse.Namespace) -> tuple[Path, Bench | None]:
    """The artefact that is meant, and the station, where it had to be read to find out: by its folder's name
    an artefact is found without, as long as its station.yaml doesn't say where the state is kept."""
    from retrovue.state_dir import ARTEFACT_NAME, likely_state_dir

    if args.artefact is not None:
        return args.artefact, None
    state = likely_state_dir(args.station, args.state)
    if state is not None and (state / ARTEFACT_NAME).exists():
        return state / ARTEFACT_NAME, None
    bench = Bench(args.station, state=args.state)
    return bench.artefact, bench


def add_artefact_options(parser: argparse.ArgumentParser) -> None:
    """``[STATION] [--artefact FILE] [--state DIR]``: where a command finds what was compiled."""
    parser.add_argument("station", metavar="STATION", type=Path, nargs="?", help="the station folder")
    parser.add_argument("--artefact", metavar="FILE", type=Path, help="a compiled artefact")
    parser.add_argument("--state", metavar="DIR", help="the state directory that holds the artefact")


def chosen_channels(channels: tuple[CompiledChannel, ...], wanted: str | None) -> tuple[CompiledChannel, ...]:
    """All channels, or the one with this number or slug. Raises ``RetroVueError`` for no such channel."""
    found = tuple(c for c in channels if wanted is None or wanted in (c.number, c.channel))
    if not found:
        known = ", ".join(f"{c.number} ({c.channel})" for c in channels)
        raise RetroVueError(f"there is no channel “{wanted}”", help=f"channels: {known}")
    return found


def is_new(channels: tuple[CompiledChannel, ...], wanted: str | None) -> bool:
    """Is a channel wanted that a schedule doesn't have? The YAML may have it by now."""
    return wanted is not None and not any(wanted in (c.number, c.channel) for c in channels)


def artefact_side(artefact: Artefact, label: str) -> Side:
    """All that a published artefact has, as one side of a comparison."""
    from retrovue.compiler.changes import Side, house

    header = artefact.header
    return Side(
        label,
        header.timezone,
        artefact.channels,
        header.start_us,
        header.end_us,
        {c.channel: artefact.events(c.channel, header.start_us, header.end_us) for c in artefact.channels},
        {c.channel: artefact.segments(c.channel, header.start_us, header.end_us) for c in artefact.channels},
        header.content_hash,
        tuple(artefact.findings()),
        house(
            {
                "slug": header.station,
                "name": header.name,
                "timezone": header.timezone,
                "clock": header.clock,
            },
            artefact.synthetics.values(),
            artefact.overlays.values(),
            artefact.templates,
        ),
    )


def write_report(file: Path, content: str) -> None:
    """Write a report whole or not at all. Raises ``RetroVueError``."""
    from retrovue.library.lock import replace_file

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, content.encode("utf-8", "replace"))
    except OSError as error:
        raise RetroVueError(f"can't write {file}: {error.strerror}") from error
