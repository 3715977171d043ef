"""``retrovue stills``: one picture of each asset that has none, which guides show."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from retrovue.cli.arguments import add_events
from retrovue.cli.asset_names import files_of
from retrovue.cli.executors import add_executor
from retrovue.errors import RetroVueError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Future

    from retrovue.cli.view import View
    from retrovue.library.catalog import Asset
    from retrovue.workers import Workers

#: Files that are looked into at once: disks gain nothing from more.
_MOST_AT_ONCE = 4


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Make one picture of each asset that has none beside its file. XMLTV and the other guides show them "
        "from the next schedule on. What is current is left alone; those of assets that are gone are removed."
    )
    parser.add_argument("station", metavar="STATION", type=Path, help="the station folder")
    parser.add_argument(
        "assets",
        metavar="ASSET",
        nargs="*",
        help="an asset's id, “collection/key”; * stands for anything; default: all",
    )
    parser.add_argument("--force", action="store_true", help="make them again, current or not")
    add_executor(parser)
    add_events(parser)
    parser.add_argument("--state", metavar="DIR", help="state directory (environment: RETROVUE_STATE)")
    parser.add_argument("--json", action="store_true", help="the outcome as JSON")


def run(args: argparse.Namespace, view: View) -> int:
    from retrovue.cli.executors import ending, open_workers
    from retrovue.library.adapters import settings_models
    from retrovue.library.finding import Unreadable, printable
    from retrovue.library.looking import stoppable
    from retrovue.library.stills import is_current, still_of
    from retrovue.state_dir import state_dir
    from retrovue.station.load import require_station
    from retrovue.workers import a_few

    model = require_station(args.station, settings_models())
    state = state_dir(model.station.station, args.state, model.written_state)
    files = ((asset, file) for asset, file in files_of(args, model) if not asset.artwork)
    places = [(asset, file, still_of(state, asset.id)) for asset, file in files]
    todo = [p for p in places if args.force or not is_current(p[2], p[1])]
    made: list[str] = []
    wrong: list[tuple[str, str]] = []
    with (
        stoppable() as stop,
        view.progress("stills", len(todo)) as bar,
        open_workers(args.executor, a_few(_MOST_AT_ONCE)) as workers,
        ending(workers, stop),
    ):
        for asset, task in workers.ahead(_tasks(todo, workers)):
            bar.advance(1, printable(asset.id))
            try:
                task.result()
            except Unreadable as error:
                wrong.append((f"{asset.id}: {error}", error.help))
            except OSError as error:
                raise RetroVueError(
                    f"{error.filename}: {error.strerror}",
                    help="make room, or let this user write there",
                ) from None
            else:
                made.append(asset.id)
    gone = 0 if args.assets else _sweep(state, {still for _, _, still in places})
    outcome = {"made": made, "current": len(places) - len(todo), "removed": gone}
    view.outcome(outcome)
    if args.json:
        view.json(outcome)
    else:
        view.out(f"{len(made)} stills made, {len(places) - len(todo)} current, {gone} removed")
    for message, help in wrong:
        view.failure(printable(message), help=help)
    return 1 if wrong else 0


def _tasks(
    todo: Iterable[tuple[Asset, Path, Path]], workers: Workers
) -> Iterator[tuple[Asset, Future[None]]]:
    from retrovue.library.stills import make_still

    for asset, file, still in todo:
        yield asset, workers.executor.submit(make_still, asset, file, still)


def _sweep(state: Path, known: set[Path]) -> int:
    """Remove the stills of assets that are gone; how many those were."""
    from retrovue.library.stills import FOLDER, SUFFIX

    gone = [still for still in (state / FOLDER).glob(f"[!.]*{SUFFIX}") if still not in known]
    for still in gone:
        still.unlink(missing_ok=True)
    return len(gone)
