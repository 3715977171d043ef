"""``retrovue export``: schedules as files for other programs."""

from __future__ import annotations

import argparse
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrovue.cli.arguments import broadcast_date, whole_days
from retrovue.cli.bench import add_artefact_options, chosen_channels
from retrovue.errors import RetroVueError

if TYPE_CHECKING:
    from retrovue.cli.view import View
    from retrovue.compiler.model import CompiledChannel
    from retrovue.store import Artefact

FORMATS = ("json", "ersatztv-next")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Write what is compiled as files: json is a document a channel with guide and playlist; "
        "ersatztv-next is a folder a channel with the playout JSON of ErsatzTV Next, a file a broadcast date."
    )
    add_artefact_options(parser)
    parser.add_argument("--format", choices=FORMATS, default="json", help="for whom; json")
    parser.add_argument("--output", metavar="DIR", type=Path, required=True, help="the folder to write into")
    parser.add_argument("--channel", metavar="N", help="one channel, by number or slug")
    parser.add_argument(
        "--from",
        dest="first_day",
        metavar="DATE",
        type=broadcast_date,
        help="first broadcast date; the first",
    )
    parser.add_argument("--days", metavar="N", type=whole_days, help="how many broadcast dates; all")


def run(args: argparse.Namespace, view: View) -> int:
    from retrovue.cli.bench import artefact_path
    from retrovue.store import Artefact

    if args.format == "ersatztv-next" and args.station is None:
        raise RetroVueError(
            "where are the media?", help="name the station folder, too: its collections say where files are"
        )
    with Artefact.open(artefact_path(args)) as artefact:
        channels = chosen_channels(artefact.channels, args.channel)
        first = args.first_day or artefact.header.first_day
        last = artefact.header.last_day
        if args.days is not None:
            last = min(last, first + timedelta(days=args.days - 1))
        if not artefact.header.first_day <= first <= last:
            raise RetroVueError(
                f"the artefact has no {first:%a %d %b %Y}",
                help=f"it covers {artefact.header.first_day:%a %d %b %Y} to "
                f"{artefact.header.last_day:%a %d %b %Y}",
            )
        try:
            args.output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RetroVueError(f"can't write to {args.output}: {error.strerror}") from error
        write = _ersatztv if args.format == "ersatztv-next" else _json
        for channel in channels:
            for file in write(args, artefact, channel, first, last):
                view.out(str(file))
    return 0


def _window(artefact: Artefact, channel: CompiledChannel, first: date, last: date) -> tuple[int, int]:
    from zoneinfo import ZoneInfo

    from retrovue.broadcast_day import Calendar

    calendar = Calendar(ZoneInfo(artefact.header.timezone), channel.day_start_minutes, channel.grid_us)
    return calendar.day(first).start_us, calendar.day(last).end_us


def _json(
    args: argparse.Namespace, artefact: Artefact, channel: CompiledChannel, first: date, last: date
) -> list[Path]:
    import json

    from retrovue.cli.bench import write_report
    from retrovue.reports.guide import as_json, listing

    window = _window(artefact, channel, first, last)
    document = as_json(listing(artefact, artefact.header, [(channel, window)], with_playlist=True))
    file = args.output / f"{channel.channel}.json"
    write_report(file, json.dumps(document, ensure_ascii=False, indent=1) + "\n")
    return [file]


def _ersatztv(
    args: argparse.Namespace, artefact: Artefact, channel: CompiledChannel, first: date, last: date
) -> list[Path]:
    import json
    from itertools import groupby
    from zoneinfo import ZoneInfo

    from retrovue.cli.bench import write_report
    from retrovue.library.adapters import settings_models
    from retrovue.playout.schedule_service import media_roots
    from retrovue.reports.ersatztv import covered, file_name, playout
    from retrovue.station.load import require_station

    zone = ZoneInfo(artefact.header.timezone)
    roots = media_roots(require_station(args.station, settings_models()), args.station)
    paths: dict[str, str] = {}

    def media(asset_id: str) -> str:
        if asset_id not in paths:
            asset = artefact.asset(asset_id)
            if asset is None or asset.collection not in roots:
                raise RetroVueError(
                    f"nobody says where {asset_id} is: the station has no folder for its collection",
                    help="export the artefact that was compiled from this station folder",
                )
            paths[asset_id] = str(roots[asset.collection] / asset.path)
        return paths[asset_id]

    start, end = _window(artefact, channel, first, last)
    folder: Path = args.output / channel.channel
    written: list[Path] = []
    ranges: list[tuple[int, int]] = []
    segments = artefact.segments(channel.channel, start, end)
    for _, of_date in groupby(segments, key=_date_of):
        items = list(of_date)
        ranges.append((items[0].start_us, items[-1].end_us))
        file = folder / file_name(*ranges[-1], zone)
        write_report(file, json.dumps(playout(channel, items, zone, media), ensure_ascii=False) + "\n")
        written.append(file)
    # The reader takes any file whose name covers now: what an earlier export said of this time must go.
    for other in folder.glob("*.json"):
        there = covered(other.name)
        if there and other not in written and any(a < there[1] and there[0] < b for a, b in ranges):
            other.unlink()
    return written


def _date_of(segment: Any) -> date:
    found: date = segment.broadcast_date
    return found
