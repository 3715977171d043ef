"""``retrovue conform ASSET…``: render assets once in the house formats of the channels that may air them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from retrovue.cli.view import View
    from retrovue.compiler.model import CompiledChannel
    from retrovue.library.catalog import Asset, Catalog
    from retrovue.playout.conform import Job


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Make house copies: each ASSET is rendered once in the house format of every channel that may air "
        "it. A channel copies from them instead of encoding: no ffmpeg runs, and a viewer waits for "
        "nothing. What is current is left alone. A running station takes a new copy over at the asset's "
        "next start."
    )
    parser.add_argument("assets", nargs="+", metavar="ASSET", help="id of an asset: collection/key")
    parser.add_argument(
        "--station", type=Path, default=Path(), metavar="DIR", help="the station folder; default: here"
    )
    parser.add_argument(
        "--channel",
        action="append",
        metavar="NUMBER",
        help="in this channel's format; may be given again; default: those whose published schedule has the "
        "asset, and when none has, all",
    )
    parser.add_argument("--force", action="store_true", help="make it again, current or not")
    parser.add_argument("--state", metavar="DIR", help="state directory (environment: RETROVUE_STATE)")
    parser.add_argument("--json", action="store_true", help="what was made, as JSON")


def run(args: argparse.Namespace, view: View) -> int:
    import asyncio

    from retrovue.clock import StationClock
    from retrovue.library.adapters import settings_models
    from retrovue.library.lock import read_lock
    from retrovue.state_dir import state_dir
    from retrovue.station.load import require_station

    model = require_station(args.station, settings_models())
    catalog = read_lock(args.station)
    state = state_dir(model.station.station, args.state, model.written_state)
    every = [_named(catalog, name) for name in dict.fromkeys(args.assets)]
    wanted, jobs = set(), []
    for asset in every:
        could, chosen = _jobs(args, model, asset, state)
        wanted |= could
        jobs += chosen
    todo = [job for job in jobs if args.force or not _current(job)]
    made: dict[Path, float] = {}
    clock = StationClock()
    with view.progress("conform (seconds)", round(sum(job.duration_us for job in todo) / 1e6)) as bar:
        for job in todo:
            began = clock.elapsed()
            asyncio.run(_conform(job, lambda seconds, name=job.asset: bar.advance(seconds, name)))
            made[job.target] = clock.elapsed() - began
            for other in job.target.parent.glob(f"*{job.target.suffix}"):
                if other not in wanted:  # rendered in a way that no channel knows any more
                    other.unlink(missing_ok=True)
    if args.json:
        view.json([_document(job, made.get(job.target)) for job in jobs])
    else:
        for job in jobs:
            view.out(_line(job, made.get(job.target)))
    return 0


async def _conform(job: Job, advance: Any) -> None:
    """A plain SIGTERM would end us without ending ffmpeg, and leave half a copy."""
    import asyncio
    import signal
    import sys

    from retrovue.clock import StationClock
    from retrovue.playout.conform import conform

    loop = asyncio.get_running_loop()
    work = asyncio.ensure_future(conform(job, StationClock(), advance))
    told = []

    def end() -> None:
        told.append(True)
        work.cancel()

    loop.add_signal_handler(signal.SIGTERM, end)
    try:
        await work
    except asyncio.CancelledError:
        if told:
            sys.exit(128 + signal.SIGTERM)
        raise
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


def _named(catalog: Catalog, name: str) -> Asset:
    from retrovue.errors import RetroVueError
    from retrovue.station.suggest import did_you_mean

    asset = catalog.assets.get(name)
    if asset is None:
        known = did_you_mean(name, catalog.assets)
        raise RetroVueError(
            f"there is no asset “{name}” in the catalog lock",
            help=known or "an id is collection/key, as catalog.lock/ has it; retrovue ingest writes that",
        )
    if not asset.duration_us:
        raise RetroVueError(
            f"{name} is not ready: nobody knows how long it is", help="retrovue ingest looks at it again"
        )
    return asset


def _jobs(args: argparse.Namespace, model: Any, asset: Asset, state: Path) -> tuple[set[Path], list[Job]]:
    """Every copy that some channel of the station could air, and those that are asked for now: one for each
    house format and each way of rendering the asset."""
    from retrovue.compiler.compile import compiled_channels, fitted
    from retrovue.errors import RetroVueError
    from retrovue.ffmpeg_binary import choose_ffmpeg
    from retrovue.playout.conform import Job
    from retrovue.playout.director import file_rendering, house_of, machine_of, settings_of
    from retrovue.playout.encoders import VERDICTS, EncoderBench
    from retrovue.playout.schedule_service import media_roots
    from retrovue.playout.shelf import copy_of, folder_of

    root = media_roots(model, args.station).get(asset.collection)
    if root is None:
        raise RetroVueError(f"{asset.id}: the station has no folder for its collection")
    ffmpeg = choose_ffmpeg()
    published = _published(state, asset.id)
    cuts = sorted({*asset.marks_us, *(cut for points in published.values() for cut in points)})
    found: dict[Path, Job] = {}
    every = compiled_channels(model)
    asked = {channel.channel for channel in _channels(args.channel, every, published)}
    could = set()
    machine, asset = machine_of(ffmpeg, state), fitted(model, asset)
    bench = EncoderBench(ffmpeg.path, ffmpeg.encoders, state / VERDICTS)
    for channel in map(bench.equip, every):
        house = house_of(channel)
        rendering = file_rendering(machine, channel, asset, str(root / asset.path))
        settings = settings_of(rendering)
        target = copy_of(folder_of(state, asset.id, house), settings)
        could.add(target)
        if channel.channel not in asked:
            continue
        found[target] = Job(
            asset.id,
            root / asset.path,
            asset.duration_us,
            house,
            rendering.command,
            rendering.with_audio,
            tuple(cuts),
            settings,
            ffmpeg.version_text,
            target,
        )
    return could, list(found.values())


def _published(state: Path, asset_id: str) -> Mapping[str, tuple[int, ...]]:
    """Channel → where its published segments begin in the asset; nothing when nothing is published."""
    from retrovue.state_dir import ARTEFACT_NAME
    from retrovue.store.artefact import Artefact, ArtefactError

    try:
        with Artefact.open(state / ARTEFACT_NAME) as artefact:
            return artefact.entry_points(asset_id)
    except ArtefactError:
        return {}


def _channels(
    numbers: Sequence[str] | None, channels: Sequence[CompiledChannel], published: Mapping[str, object]
) -> Sequence[CompiledChannel]:
    from retrovue.errors import RetroVueError

    if numbers is None:
        return [channel for channel in channels if channel.channel in published] or channels
    by_number = {channel.number: channel for channel in channels}
    for number in numbers:
        if number not in by_number:
            raise RetroVueError(f"no channel {number}", help=f"there are {', '.join(by_number)}")
    return [by_number[number] for number in numbers]


def _current(job: Job) -> bool:
    """Is there a copy that would be made just so again, and can it be read?"""
    from retrovue.playout.house_copy import CopyUnusable, HouseCopy

    try:
        original = job.original.stat()
        with HouseCopy(job.target) as copy:
            label = copy.label
            return (
                (label.asset, label.settings, label.ffmpeg) == (job.asset, job.settings, job.ffmpeg)
                and (label.size, label.mtime_ns) == (original.st_size, original.st_mtime_ns)
                and not copy.damage()
            )
    except (OSError, CopyUnusable):
        return False


def _line(job: Job, took_s: float | None) -> str:
    document = _document(job, took_s)
    how = "is current" if took_s is None else f"made in {took_s:.0f} s"
    return f"{job.asset}: {document['format']}, {document['bytes'] / 1e6:.1f} MB, {how} → {job.target}"


def _document(job: Job, took_s: float | None) -> dict[str, Any]:
    from retrovue.playout.house_copy import HouseCopy

    with HouseCopy(job.target) as copy:
        return {
            "asset": job.asset,
            "format": f"{job.house.raster} at {float(job.house.rate):.6g}",
            "made": took_s is not None,
            "seconds": None if took_s is None else round(took_s, 2),
            "file": str(job.target),
            "bytes": job.target.stat().st_size,
            "frames": copy.label.frames,
            "cuts": list(copy.label.cuts),
        }
