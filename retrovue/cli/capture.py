"""``retrovue capture CHANNEL --from TIME``: a minute of a channel, past or to come, as a file."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrovue.cli.arguments import station_time
from retrovue.cli.bench import chosen_channels
from retrovue.errors import RetroVueError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from retrovue.cli.bench import Bench
    from retrovue.cli.view import View
    from retrovue.playout.as_run import AsRunRecord
    from retrovue.playout.capture import Capture
    from retrovue.playout.director import Machine
    from retrovue.store import Artefact

#: Longer than a broadcast day is a typo, and would fill the disk.
_MOST_HOURS = 25
_PICTURES = (".png", ".jpg", ".jpeg")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Render any minute of a channel to a file, as a viewer would have received it: programmes, breaks, "
        "graphics and slates, frame by frame. For a live source its stand-in or a card that names it; of the "
        "past, the sign-offs, takeovers and crawls of the as-run log. From the artefact if it covers "
        "that time, else compiled in memory. As fast as the machine can. Times: 2026-11-26T20:00-05:00; in "
        "station time 2026-11-26 20:00:30, fri 20:00, 20:00 (today), now."
    )
    parser.add_argument("channel", metavar="CHANNEL", help="number or slug")
    parser.add_argument("--from", dest="start", metavar="TIME", required=True, help="the first picture")
    parser.add_argument("--to", dest="end", metavar="TIME", help="the end; a minute after --from when absent")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--output",
        metavar="FILE",
        type=Path,
        help="the file: .mp4 and .mkv hold the same pictures, everything else is the transport stream as it "
        "is on the wire; CHANNEL-DATE-TIME.ts when absent",
    )
    where.add_argument(
        "--frame", metavar="FILE", type=Path, help="instead: the picture at --from, as .png or .jpg"
    )
    parser.add_argument("station", metavar="STATION", type=Path, help="the station folder")
    parser.add_argument("--artefact", metavar="FILE", type=Path, help="a compiled artefact")
    parser.add_argument("--state", metavar="DIR", help="the state directory that holds the artefact")


def run(args: argparse.Namespace, view: View) -> int:
    import asyncio
    import logging

    from retrovue.playout.capture import to_file, to_picture

    if args.frame is not None and args.frame.suffix.lower() not in _PICTURES:
        raise RetroVueError(f"{args.frame} is neither .png nor .jpg", help="a picture is one of the two")
    logging.basicConfig(level=logging.WARNING, handlers=[view.log_handler()])
    with _prepared(args, view) as (capture, machine, zone, start_us):
        if args.frame is not None:
            asyncio.run(_stoppable(to_picture(capture, machine.ffmpeg, args.frame)))
            view.out(str(args.frame))
            return 0
        target = args.output or Path(_name(args.channel, zone, start_us))
        with view.progress(target.name, round(capture.seconds, 1), "seconds") as progress:
            told = 0.0

            def advance(done: float) -> None:
                nonlocal told
                progress.advance(done - told)
                told = done

            asyncio.run(_stoppable(to_file(capture, machine.ffmpeg, target, advance)))
    _say(view, capture.as_run, zone)
    size = target.stat().st_size
    view.out(f"{target}: {capture.end - capture.first} pictures, {capture.seconds:.2f} s, {size:,} bytes")
    return 0


async def _stoppable(work: Any) -> Any:
    """Ctrl-C and SIGTERM take the children with them."""
    import asyncio
    import signal

    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


@contextmanager
def _prepared(args: argparse.Namespace, view: View) -> Iterator[tuple[Capture, Machine, ZoneInfo, int]]:
    """The capture that is asked for, from the artefact if it covers that time, else compiled in memory."""
    import tempfile
    from zoneinfo import ZoneInfo

    from retrovue.call_sheet import patience, presentation
    from retrovue.cli.bench import Bench
    from retrovue.clock import StationClock
    from retrovue.ffmpeg_binary import choose_ffmpeg
    from retrovue.lineup import ChannelId
    from retrovue.playout import as_run_log
    from retrovue.playout.capture import Capture, as_ordered
    from retrovue.playout.director import machine_of
    from retrovue.playout.programme import load
    from retrovue.playout.schedule_service import media_roots
    from retrovue.state_dir import ARTEFACT_NAME, state_dir
    from retrovue.store import Artefact, ArtefactError
    from retrovue.units import HOUR_US

    bench = Bench(args.station, state=args.state)
    zone = ZoneInfo(bench.model.station.timezone)
    now_us = StationClock().now_us()
    start_us = station_time(args.start, zone, now_us)
    end_us = station_time(args.end, zone, now_us) if args.end else start_us + HOUR_US // 60
    if end_us <= start_us:
        raise RetroVueError("--to is not after --from")
    if end_us - start_us > _MOST_HOURS * HOUR_US:
        raise RetroVueError(f"that is longer than {_MOST_HOURS} hours", help="capture it in parts")
    state = state_dir(bench.model.station.station, args.state, bench.model.written_state)
    machine = machine_of(choose_ffmpeg(), state, as_run=False)
    with tempfile.TemporaryDirectory(prefix="retrovue-capture-") as scratch:
        artefact: Artefact | None = None
        try:
            artefact = Artefact.open(args.artefact or state / ARTEFACT_NAME)
        except ArtefactError:
            if args.artefact is not None:
                raise
        header = artefact.header if artefact is not None else None
        if header is None or not (header.start_us <= start_us and end_us <= header.end_us):
            if artefact is not None:
                artefact.close()
            if args.artefact is not None and header is not None:
                raise RetroVueError(
                    f"the artefact covers {header.first_day:%a %d %b %Y} to {header.last_day:%a %d %b %Y}",
                    help="leave out --artefact: any other day is compiled in memory",
                )
            view.say("compiled in memory: the artefact does not cover it" if header else "compiled in memory")
            artefact = _compiled(bench, args.channel, start_us, end_us, now_us, Path(scratch))
        assert artefact is not None
        with artefact:
            (channel,) = chosen_channels(artefact.channels, args.channel)
            roots = media_roots(bench.model, args.station)
            # A little more than is asked for: cards say what comes next.
            programme = load(artefact, roots, start_us, end_us - start_us + HOUR_US, station=args.station)
        if start_us < now_us:
            records = as_run_log.read(state / "as-run", [channel.channel], start_us, end_us)
            voice = presentation(bench.model).voice
            programme = as_ordered(programme, ChannelId(channel.channel), records, voice)
        capture = Capture(
            programme, ChannelId(channel.channel), machine, start_us, end_us, patience(bench.model)
        )
        yield capture, machine, zone, start_us


def _compiled(bench: Bench, wanted: str, start_us: int, end_us: int, now_us: int, scratch: Path) -> Artefact:
    from retrovue.compiler.channels import compiled_channels
    from retrovue.compiler.version import COMPILER
    from retrovue.store import Artefact, Provenance, write_artefact

    (channel,) = chosen_channels(compiled_channels(bench.model), wanted)
    compiled = bench.only({channel.channel}).compile_around(start_us, end_us, now_us)
    if not compiled.start_us <= start_us or not end_us <= compiled.end_us:
        raise RetroVueError(
            "nothing can be compiled for then", help="choose a time after the station's epoch"
        )
    file = scratch / "capture.duckdb"
    write_artefact(file, compiled, Provenance(now_us, now_us, COMPILER))
    return Artefact.open(file)


def _say(view: View, records: list[AsRunRecord], zone: ZoneInfo) -> None:
    """What is in it that was not planned."""
    from retrovue.units import from_us

    for record in records:
        if record.cause:
            at = from_us(record.start_us).astimezone(zone)
            seconds = (record.end_us - record.start_us) / 1e6
            view.say(f"note: {at:%H:%M:%S} {record.kind} for {seconds:.2f} s: {record.cause}")
        if record.crawl:
            at = from_us(record.start_us).astimezone(zone)
            seconds = (record.end_us - record.start_us) / 1e6
            view.say(f"note: {at:%H:%M:%S} a crawl for {seconds:.2f} s: {record.crawl}")


def _name(channel: str, zone: ZoneInfo, start_us: int) -> str:
    from retrovue.units import from_us

    at = from_us(start_us).astimezone(zone)
    return f"{channel}-{at:%Y-%m-%d-%H%M%S}.ts"
