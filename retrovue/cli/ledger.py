"""``retrovue ledger``: write where the rotations of a published schedule stand into the station folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from retrovue.cli.arguments import broadcast_date
from retrovue.cli.view import View


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(
        dest="action", metavar="ACTION", required=True, help="export: write ledger.yaml"
    )
    export = actions.add_parser("export", help="write ledger.yaml from an artefact")
    export.add_argument("station", metavar="STATION", type=Path, help="the station folder")
    export.add_argument(
        "--artefact",
        metavar="FILE",
        type=Path,
        help="the published artefact; artefact.duckdb in the state directory",
    )
    export.add_argument(
        "--day",
        metavar="DATE",
        type=broadcast_date,
        help="at the end of this broadcast date (2026-11-26); the artefact's first when absent",
    )
    export.add_argument("--state", metavar="DIR", help="the state directory")
    # Sub-parsers fill in their own defaults: without this one, “ledger --quiet export” would forget.
    export.add_argument("--quiet", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def run(args: argparse.Namespace, view: View) -> int:
    from retrovue.errors import RetroVueError
    from retrovue.library.adapters import settings_models
    from retrovue.library.lock import replace_file
    from retrovue.state_dir import ARTEFACT_NAME, state_dir
    from retrovue.station.load import require_station
    from retrovue.store import Artefact
    from retrovue.store.ledger import NAME, render_ledger

    folder: Path = args.station
    model = require_station(folder, settings_models())
    station = model.station.station
    file: Path = args.artefact or state_dir(station, args.state, model.written_state) / ARTEFACT_NAME
    with Artefact.open(file) as artefact:
        header = artefact.header
        if header.station != station:
            raise RetroVueError(
                f"{file} is the schedule of station “{header.station}”, not of “{station}”",
                help="name the station's own artefact with --artefact",
            )
        day = args.day or header.first_day
        checkpoint = artefact.checkpoint(day)
    if checkpoint is None:
        raise RetroVueError(
            f"{file} covers {header.first_day} to {header.last_day}, not {day}",
            help="choose a broadcast date within it with --day",
        )
    target = folder / NAME
    text = render_ledger(station, checkpoint).encode()
    same = target.is_file() and target.read_bytes() == text
    if not same:
        try:
            replace_file(target, text)
        except OSError as error:
            raise RetroVueError(
                f"{target} can't be written: {error.strerror}", help="make room, or let this user write there"
            ) from None
    view.out(f"the rotations at the end of {day:%a %d %b %Y} → {target}{' (unchanged)' if same else ''}")
    return 0
