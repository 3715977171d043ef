"""``retrovue breaks``: where breaks may fall in assets that have no marks, as suggestions to look at."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from retrovue.cli.arguments import add_events
from retrovue.cli.asset_names import files_of
from retrovue.cli.executors import add_executor
from retrovue.errors import RetroVueError
from retrovue.small_file import is_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Future

    from retrovue.cli.view import View
    from retrovue.library.break_marks import Suggestion
    from retrovue.library.catalog import Asset
    from retrovue.library.without_breaks import WithoutBreaks
    from retrovue.workers import Workers

#: Files that are looked into at once: disks gain nothing from more.
_MOST_AT_ONCE = 4


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "suggest: look for moments that are black and silent in assets without marks, and write them into "
        "the sidecar beside each file as suggested_marks, where nothing follows from them. accept: make them "
        "the asset's marks, once you have looked at them; the next retrovue ingest takes them over. A search "
        "that is stopped goes on where it was."
    )
    parser.add_argument("action", choices=("suggest", "accept"), help="look for some, or take them over")
    parser.add_argument("station", metavar="STATION", type=Path, help="the station folder")
    parser.add_argument(
        "assets",
        metavar="ASSET",
        nargs="*",
        help="an asset's id, “collection/key”; * stands for anything. suggest without one: all that have no "
        "marks and no suggestions, and were not looked at in vain",
    )
    parser.add_argument("--dry-run", action="store_true", help="write nothing, only say what would be")
    add_executor(parser)
    add_events(parser)
    parser.add_argument("--state", metavar="DIR", help="state directory, which has the station's locks")
    parser.add_argument("--json", action="store_true", help="the outcome as JSON")


@dataclass(frozen=True, slots=True)
class _Place:
    """An asset, its file, and the sidecar beside that."""

    asset: Asset
    location: Path

    @property
    def sidecar(self) -> Path:
        """The one that is there, or that is to be."""
        from retrovue.library.adapters.beside import SIDECARS

        here = [self.location.with_suffix(ending) for ending in SIDECARS]
        return next((file for file in here if is_file(file)), here[0])

    def text(self) -> str:
        """What the sidecar says; empty when there is none. Raises ``ValueError``."""
        from retrovue.library.adapters.beside import read_small
        from retrovue.library.sidecar import MAX_BYTES

        if not is_file(self.sidecar):
            return ""
        try:
            return read_small(self.sidecar, MAX_BYTES).decode("utf-8-sig")
        except UnicodeDecodeError:
            raise ValueError("is not UTF-8 text") from None

    def write(self, text: str) -> None:
        """Replace the sidecar whole; an empty one is taken away. Raises ``RetroVueError``."""
        from retrovue.library.lock import replace_file

        try:
            if text:
                replace_file(self.sidecar, text.encode())
            else:
                self.sidecar.unlink(missing_ok=True)
        except OSError as error:
            raise RetroVueError(
                f"{self.asset.id}: can't write {self.sidecar}: {error.strerror}",
                help="let this user write into the folder of the media",
            ) from None


def run(args: argparse.Namespace, view: View) -> int:
    from retrovue.clock import StationClock
    from retrovue.library.adapters import settings_models
    from retrovue.library.without_breaks import WithoutBreaks
    from retrovue.state_dir import at_work, state_dir
    from retrovue.station.load import require_station

    if args.action == "accept" and not args.assets:
        raise RetroVueError("which assets?", help="name them: “collection/key”, or “films/*”")
    model = require_station(args.station, settings_models())
    places = [_Place(asset, file) for asset, file in files_of(args, model)]
    if args.action == "accept":
        return _accept(args, view, places)
    state = state_dir(model.station.station, args.state, model.written_state)
    alone = at_work(state, "breaks", "retrovue breaks suggest", StationClock())
    with nullcontext() if args.dry_run else alone:
        return _suggest(args, view, places, WithoutBreaks(state / "without-breaks"))


def _suggest(args: argparse.Namespace, view: View, places: Iterable[_Place], without: WithoutBreaks) -> int:
    from retrovue.cli.executors import ending, open_workers
    from retrovue.library.finding import Unreadable, printable
    from retrovue.library.looking import stoppable
    from retrovue.library.sidecar import offset_text
    from retrovue.library.suggested_marks import MARKS, SUGGESTED, has, with_suggestions
    from retrovue.reports.wording import plural
    from retrovue.workers import a_few

    todo: list[_Place] = []
    wrong: list[tuple[str, str]] = []
    known = 0
    for place in places:
        try:
            text = place.text()
            # What a person wrote, or the file's chapters, count more; what was suggested is looked at first.
            if place.asset.marks_us or has(text, MARKS):
                if args.assets:
                    view.say(f"{printable(place.asset.id)} has marks already")
                continue
            if has(text, SUGGESTED) and not args.assets:
                continue
            if not args.assets and without.has(place.asset.id, place.location):
                known += 1
                continue
        except ValueError as error:
            wrong.append((f"{place.sidecar.name}: {error}", "mend it first"))
            continue
        todo.append(place)
    found: list[tuple[_Place, tuple[Suggestion, ...]]] = []
    seconds = round(sum(place.asset.duration_us for place in todo) / 1e6)
    with (
        stoppable() as stop,
        view.progress("look for breaks", seconds, "seconds") as bar,
        open_workers(args.executor, a_few(_MOST_AT_ONCE)) as workers,
        ending(workers, stop),
    ):
        for place, task in workers.ahead(_looks(todo, workers)):
            try:
                marks = task.result()
            except Unreadable as error:
                wrong.append((f"{place.asset.id}: {error}", error.help))
                continue
            bar.advance(place.asset.duration_us / 1e6, printable(place.asset.id))
            try:
                text = place.text()  # somebody may have written into it meanwhile
                if has(text, MARKS):
                    continue
                new = with_suggestions(text, [mark.at_us for mark in marks])
            except ValueError as error:
                wrong.append((f"{place.sidecar.name}: {error}", "mend it first"))
                continue
            found.append((place, marks))
            if not marks and not args.dry_run:
                without.add(place.asset.id, place.location)
            if new != text and not args.dry_run:
                try:
                    place.write(new)
                except RetroVueError as error:  # what was found is said all the same
                    wrong.append((str(error), error.help))
    outcome = [
        {
            "asset": place.asset.id,
            "sidecar": str(place.sidecar),
            "marks": [round(mark.at_us / 1e6, 6) for mark in marks],
            "seconds": [round(mark.lasts_us / 1e6, 3) for mark in marks],
        }
        for place, marks in found
    ]
    view.outcome(outcome)
    if args.json:
        view.json(outcome)
    else:
        for place, marks in found:
            said = ", ".join(offset_text(mark.at_us) for mark in marks) or "nothing that looks like a break"
            view.out(f"{printable(place.asset.id)}: {said}")
    if known:
        view.say(f"nothing was found in {plural(known, 'other')}, as before; who is named is looked at again")
    for message, help in wrong:
        view.failure(printable(message), help=help)
    return 1 if wrong else 0


def _looks(
    todo: Iterable[_Place], workers: Workers
) -> Iterator[tuple[_Place, Future[tuple[Suggestion, ...]]]]:
    from retrovue.library.break_detection import detect

    for place in todo:
        yield place, workers.executor.submit(detect, place.asset, place.location)


def _accept(args: argparse.Namespace, view: View, places: Iterable[_Place]) -> int:
    from retrovue.library.finding import printable
    from retrovue.library.suggested_marks import SUGGESTED, accepted, has

    done: list[str] = []
    wrong: list[tuple[str, str]] = []
    for place in places:
        try:
            text = place.text()
            if "*" in "".join(args.assets) and not has(text, SUGGESTED):
                continue
            new = accepted(text)
        except ValueError as error:
            wrong.append((f"{place.asset.id}: {place.sidecar.name}: {error}", ""))
            continue
        if not args.dry_run:
            try:
                place.write(new)
            except RetroVueError as error:
                wrong.append((str(error), error.help))
                continue
        done.append(place.asset.id)
    outcome = {"accepted": done}
    view.outcome(outcome)
    if args.json:
        view.json(outcome)
    else:
        for name in done:
            view.out(printable(name))
    for message, help in wrong:
        view.failure(printable(message), help=help)
    if done and not args.dry_run:
        view.say(f"retrovue ingest {args.station} takes them over")
    return 1 if wrong else 0
