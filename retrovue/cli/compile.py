"""``retrovue compile``: turn a station into schedule days and playlists."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrovue.cli.arguments import broadcast_date, instant, whole_days
from retrovue.cli.executors import Chosen, add_executor
from retrovue.cli.view import View
from retrovue.garbage import no_search_for_garbage

if TYPE_CHECKING:
    from retrovue.compiler.base import Base
    from retrovue.compiler.model import Compiled, ScheduleDay
    from retrovue.diagnostics import Diagnostic
    from retrovue.store import Artefact, Publication

#: Days compiled beyond the guide's horizon, so that a day passes before the next compile is due.
SPARE_DAYS = 2
#: The key of the station's own findings beside those of its channels.
STATION = ""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("station", metavar="STATION", type=Path, help="the station folder")
    parser.add_argument(
        "--from",
        dest="first_day",
        metavar="DATE",
        type=broadcast_date,
        help="first broadcast date (2026-11-26); the current one when absent",
    )
    parser.add_argument(
        "--days",
        metavar="N",
        type=whole_days,
        help="how many broadcast days; the guide's horizon and two more",
    )
    parser.add_argument(
        "--as-of",
        metavar="INSTANT",
        type=instant,
        help="compile as if it were this instant (2026-11-26T06:00:00-05:00)",
    )
    parser.add_argument(
        "--base",
        metavar="ARTEFACT",
        type=Path,
        help="what is published: its events that start within the locked time stay as they are",
    )
    parser.add_argument(
        "--force", action="store_true", help="change locked events, too; the artefact records which"
    )
    parser.add_argument(
        "--channel",
        dest="only",
        metavar="CHANNEL",
        action="append",
        default=[],
        help="number or slug: compile only this channel and take the others from the base, or from the "
        "artefact there is",
    )
    parser.add_argument(
        "--jobs",
        metavar="N",
        type=_jobs,
        help="processes, 1 by default: short for --executor processes:N; 0 for one a core",
    )
    add_executor(parser, default=None)
    parser.add_argument(
        "--check",
        action="store_true",
        help="write nothing; exit code 1 when the artefact is not what would be written",
    )
    parser.add_argument(
        "--output", metavar="FILE", type=Path, help="the artefact; artefact.duckdb in the state directory"
    )
    parser.add_argument("--state", metavar="DIR", help="the state directory")
    parser.add_argument(
        "--report", action="store_true", help="say how each day's breaks were filled, and contracts delivered"
    )
    parser.add_argument("--json", action="store_true", help="the summary as JSON")


def _jobs(text: str) -> int:
    if not text.isdecimal() or int(text) > 256:
        raise argparse.ArgumentTypeError(f"“{text}” is no number of processes: 0 to 256")
    return int(text)


def who_compiles(args: argparse.Namespace) -> Chosen:
    """Who compiles. Raises ``RetroVueError`` where ``--jobs`` and ``--executor`` disagree."""
    from retrovue.errors import RetroVueError
    from retrovue.workers import cores

    jobs: int | None = args.jobs
    executor: Chosen | None = args.executor
    if jobs is None and executor is None:
        return Chosen("processes", 1)
    short = Chosen("processes", jobs or cores())
    asked = executor or short
    if asked.kind != "dask":
        asked = replace(asked, count=asked.count or cores())
    if jobs is None or asked == short:
        return asked
    raise RetroVueError(
        f"--jobs {jobs} is short for --executor {short}, which --executor {executor} is not",
        help="give one of the two",
    )


def run(args: argparse.Namespace, view: View) -> int:
    from retrovue.clock import StationClock
    from retrovue.units import to_us

    chosen = who_compiles(args)
    clock = StationClock()
    as_of_us = to_us(args.as_of) if args.as_of else clock.now_us()
    found = _already_there(args, as_of_us)
    if found is not None:
        summary, diagnostics = found
        _report(args, view, {**summary, "written": False, "unchanged": True}, diagnostics, {})
        return 0
    with ExitStack() as opened:
        return _compile(args, view, chosen, clock.now_us(), as_of_us, opened)


def _already_there(
    args: argparse.Namespace, as_of_us: int
) -> tuple[dict[str, Any], Sequence[Diagnostic]] | None:
    """The summary of the artefact, and what was found when it was made, if it is up to date."""
    from retrovue.cli.up_to_date import nothing_to_do
    from retrovue.compiler.version import COMPILER
    from retrovue.store import Artefact, ArtefactError

    if args.force or args.only or args.report:
        return None
    output = args.output or _likely_output(args)
    if output is None:
        return None
    try:
        with Artefact.open(output) as artefact:
            base_hash = ""
            if args.base is not None:
                base_hash = artefact.header.content_hash if _same_file(args.base, output) else "other"
            if not nothing_to_do(
                artefact, args.station, args.first_day, args.days, as_of_us, base_hash, COMPILER
            ):
                return None
            return _summary_of(artefact, output), artefact.findings()
    except ArtefactError:
        return None


def _likely_output(args: argparse.Namespace) -> Path | None:
    """Where the artefact would be, told without reading the whole station."""
    from retrovue.state_dir import ARTEFACT_NAME, likely_state_dir

    state = likely_state_dir(args.station, args.state)
    return state / ARTEFACT_NAME if state is not None else None


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _summary_of(artefact: Artefact, output: Path) -> dict[str, Any]:
    header = artefact.header
    events, segments = artefact.counts()
    return {
        "artefact": str(output),
        "content_hash": header.content_hash,
        "first_day": header.first_day.isoformat(),
        "last_day": header.last_day.isoformat(),
        "channels": len(artefact.channels),
        "days": (header.last_day - header.first_day).days + 1,
        "events": events,
        "segments": segments,
    }


@no_search_for_garbage()
def _compile(
    args: argparse.Namespace, view: View, chosen: Chosen, now_us: int, as_of_us: int, opened: ExitStack
) -> int:
    """``opened`` keeps the base's artefact open, from which unread days are copied."""
    from retrovue import __version__
    from retrovue.cli.processes import spread_over
    from retrovue.cli.up_to_date import made_from
    from retrovue.compiler.compile import compile_station
    from retrovue.compiler.expectations import broken_expectations
    from retrovue.compiler.fill_report import fill_lines
    from retrovue.compiler.model import Finding
    from retrovue.compiler.version import COMPILER
    from retrovue.compiler.why import Origins, reasons
    from retrovue.diagnostics.render import as_json, render
    from retrovue.errors import RetroVueError
    from retrovue.library.adapters import settings_models
    from retrovue.library.catalog_cache import FOLDER as CATALOG_CACHE
    from retrovue.library.catalog_cache import open_catalog
    from retrovue.revision import revision_of
    from retrovue.state_dir import ARTEFACT_NAME, cache_dir, state_dir
    from retrovue.station.load import load_station
    from retrovue.store.ledger import read_ledger
    from retrovue.units import HOUR_US

    folder: Path = args.station
    loaded = load_station(folder, settings_models(), cache_dir())
    model = loaded.model
    if model is None:
        shown = render(loaded.diagnostics, loaded.sources, root=folder.as_posix())
        view.error(f"nothing is compiled: the station in {folder} has errors\n\n{shown}\n")
        return 1
    station = model.station
    known = {name: c.channel for c in model.channels for name in (c.number, c.channel)}
    for name in args.only:
        if name not in known:
            channels = ", ".join(f"{c.number} ({c.channel})" for c in model.channels)
            raise RetroVueError(f"there is no channel “{name}”", help=f"channels: {channels}")
    args.only = [known[name] for name in args.only]
    state = state_dir(station.station, args.state, model.written_state)
    output: Path = args.output or state / ARTEFACT_NAME
    catalog = open_catalog(folder, state / CATALOG_CACHE)
    ledger = read_ledger(folder, station.station)
    base, base_hash = _base(args, view, output, folder, station.station, opened)
    default_days = -(-station.horizon.guide // (24 * HOUR_US)) + SPARE_DAYS
    origins = Origins(model)
    writers = 1 if chosen.count == 1 else 2
    publications: list[Publication] = []

    def early(days: Sequence[ScheduleDay]) -> None:
        """Write what is there while others compile the rest. From the first days on: before, a
        process would be forked that has the database open."""
        from retrovue.store import Publication

        origins.add(days)
        if not publications:
            publications.append(opened.enter_context(Publication(output, writers)))
        publications[0].add(days)

    compiled = compile_station(
        model,
        catalog,
        args.first_day,
        args.days or default_days,
        as_of_us,
        checkpoint=ledger,
        base=base,
        force=args.force,
        only=args.only,
        spread=spread_over(
            chosen,
            view.say,
            publish=not args.check,
            show=partial(view.progress, "compile"),
        ),
        ready=early if writers > 1 and base is None and not args.check else None,
    )
    said = tuple(Finding(d.headline, d) for d in loaded.diagnostics)
    compiled = replace(compiled, findings={STATION: said, **compiled.findings})
    broken = broken_expectations(model, compiled)
    diagnostics = [*loaded.diagnostics, *compiled.diagnostics, *broken]
    if broken:
        shown = render(diagnostics, loaded.sources, root=folder.as_posix())
        if args.json:
            view.json({"written": False, "diagnostics": [as_json(d, folder.as_posix()) for d in diagnostics]})
        view.error(f"nothing is published: what is expected of the schedule doesn't hold\n\n{shown}\n")
        return 1
    present = _inputs_of(output, compiled)
    unchanged, written = present is not None, False
    if not args.check:
        from retrovue.store import Provenance, write_artefact

        sources = loaded.sources
        provenance = Provenance(
            as_of_us=as_of_us,
            built_at_us=now_us,
            compiler_version=__version__,
            sources_hash=model.sources_hash,
            catalog_hash=catalog.content_hash,
            revision=revision_of(folder),
            inputs=made_from(folder, sources, base_hash, default_days, COMPILER),
        )
        # An edit that changes nothing on the air changes what it was made from.
        if present is None or not provenance.inputs.items() <= present.items():
            why = reasons(model, catalog, compiled, origins)
            if publications:
                publications[0].publish(compiled, provenance, why, model.station.keep)
            else:
                write_artefact(output, compiled, provenance, why, model.station.keep, writers)
            written = True
    summary = {
        "artefact": str(output),
        "written": written,
        "unchanged": unchanged,
        "content_hash": compiled.content_hash,
        "first_day": compiled.first_day.isoformat(),
        "last_day": compiled.last_day.isoformat(),
        "channels": len(compiled.channels),
        "days": (compiled.last_day - compiled.first_day).days + 1,
        "events": sum(len(day.events) for day in compiled.days),
        "segments": sum(len(day.playlist) for day in compiled.days),
        **_affected(compiled, base),
    }
    if compiled.overrides:
        summary["forced"] = len(compiled.overrides)
    if args.report:
        report = list(fill_lines(compiled))
        if args.json:
            summary["fill"] = report
        else:
            view.out("\n".join(report))
    _report(args, view, summary, diagnostics, loaded.sources)
    if args.check and not unchanged:
        view.error(
            f"{output} is not what the station compiles to",
            help=f"compile it again: retrovue compile {folder}",
        )
        return 1
    return 0


def _base(
    args: argparse.Namespace, view: View, output: Path, folder: Path, station: str, opened: ExitStack
) -> tuple[Base | None, str]:
    """What to go on from, and the content hash of what is published (empty: nothing is). Its artefact stays
    open.

    Without ``--base`` the artefact that is there saves work, if it was made without one, from the same
    ledger and by the same compiler: what has not changed since would come out the same.
    """
    from retrovue.cli.up_to_date import BASE, FILE, file_hashes
    from retrovue.cli.up_to_date import COMPILER as COMPILER_INPUT
    from retrovue.compiler.version import COMPILER
    from retrovue.errors import RetroVueError
    from retrovue.store import Artefact, ArtefactError
    from retrovue.store.ledger import NAME

    if args.base is not None:
        try:
            artefact = opened.enter_context(Artefact.open(args.base))
            if artefact.header.station != station:
                raise RetroVueError(
                    f"{args.base} is the schedule of station “{artefact.header.station}”",
                    help="name what this station has published with --base",
                )
            return artefact.base(args.first_day), artefact.header.content_hash
        except ArtefactError as error:
            if not _same_file(args.base, output):
                raise
            view.say(f"nothing is taken from {args.base}, it is written anew: {error}")
            return None, ""
    try:
        artefact = opened.enter_context(Artefact.open(output))
        inputs = artefact.inputs()
        ledger = file_hashes(folder).get(FILE + NAME)
        same = inputs.get(FILE + NAME) == ledger and inputs.get(COMPILER_INPUT) == COMPILER
        if artefact.header.station == station and same and (args.only or not inputs.get(BASE)):
            return artefact.base(args.first_day, published=False), ""
    except ArtefactError:
        pass
    if args.only:
        raise RetroVueError(
            f"there is nothing to take the other channels from: {output} is no artefact of this station",
            help="compile the whole station once, or name an artefact with --base",
        )
    return None, ""


def _inputs_of(output: Path, compiled: Compiled) -> dict[str, str] | None:
    """What the artefact that is there was made from, if it holds what was compiled."""
    from retrovue.store import Artefact, ArtefactError

    try:
        with Artefact.open(output) as present:
            header = present.header
            there = (header.content_hash, header.first_day, header.last_day)
            if there == (compiled.content_hash, compiled.first_day, compiled.last_day):
                return present.inputs()
    except ArtefactError:
        pass
    return None


def _affected(compiled: Compiled, base: Base | None) -> dict[str, Any]:
    """Which days of which channels were compiled anew, and on which of them something else airs than
    before."""
    if base is None:
        return {}
    changed = {
        channel: [
            day.broadcast_date.isoformat()
            for day in compiled.days
            if day.channel == channel and day.broadcast_date in days and _airs_otherwise(day, base)
        ]
        for channel, days in compiled.recompiled.items()
    }
    return {
        "recompiled": {
            channel: [on.isoformat() for on in days] for channel, days in compiled.recompiled.items() if days
        },
        "changed": {channel: days for channel, days in changed.items() if days},
    }


def _airs_otherwise(day: ScheduleDay, base: Base) -> bool:
    """Its events and segments, but for what was in flight when it began, against those of the base."""
    old = base.days.get(day.channel, {}).get(day.broadcast_date)
    return old is None or _on_the_air(old) != _on_the_air(day)


def _on_the_air(day: ScheduleDay) -> tuple[object, ...]:
    """What of a day is seen: who asked for it, and where that is written, is not."""
    events = [
        replace(e, plan="", zone="", written_at="")
        for e in day.events
        if e.broadcast_date == day.broadcast_date
    ]
    return events, [s for s in day.playlist if s.broadcast_date == day.broadcast_date]


def _report(
    args: argparse.Namespace,
    view: View,
    summary: Mapping[str, Any],
    diagnostics: Sequence[Diagnostic],
    sources: Mapping[str, str],
) -> None:
    from retrovue.diagnostics.render import as_json, render

    folder: Path = args.station
    if args.json:
        view.json({**summary, "diagnostics": [as_json(d, folder.as_posix()) for d in diagnostics]})
        return
    if diagnostics:
        view.say(render(diagnostics, sources or _read(folder, diagnostics), root=folder.as_posix()) + "\n")
    for channel, days in summary.get("recompiled", {}).items():
        view.say(f"compiled anew: {channel}: {_spell_days(days)}")
        view.say(f"  something else airs on {_spell_days(summary['changed'].get(channel, []))}")
    if summary.get("forced"):
        view.say(f"{summary['forced']} locked events were changed by force: retrovue sql 'from forced'")
    view.out(_line(summary))


def _spell_days(dates: Sequence[str]) -> str:
    """ "Sat 07 Nov to Mon 09 Nov, Sat 14 Nov"; "no day"."""
    runs: list[list[date]] = []
    for on in map(date.fromisoformat, dates):
        if runs and (on - runs[-1][-1]).days == 1:
            runs[-1].append(on)
        else:
            runs.append([on])
    said = [f"{run[0]:%a %d %b}" + (f" to {run[-1]:%a %d %b}" if len(run) > 1 else "") for run in runs]
    return ", ".join(said) or "no day"


def _read(folder: Path, diagnostics: Sequence[Diagnostic]) -> dict[str, str]:
    """The text of the files that the diagnostics point at."""
    texts = {}
    for name in {d.span.file for d in diagnostics if d.span is not None}:
        try:
            texts[name] = (folder / name).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError):
            continue
    return texts


def _line(summary: Mapping[str, Any]) -> str:
    verb = "" if summary["written"] else " (unchanged)" if summary["unchanged"] else " (not written)"
    first, last = (date.fromisoformat(summary[word]) for word in ("first_day", "last_day"))
    days = f"{first:%a %d %b} to {last:%a %d %b %Y}" if first < last else f"{last:%a %d %b %Y}"
    return (
        f"{_count(summary, 'channels')}, {_count(summary, 'days')} ({days}), "
        f"{_count(summary, 'events')}, {_count(summary, 'segments')}, "
        f"content {summary['content_hash']} → {summary['artefact']}{verb}"
    )


def _count(summary: Mapping[str, Any], noun: str) -> str:
    number = summary[noun]
    return f"{number} {noun[:-1] if number == 1 else noun}"
