"""``retrovue conform``: render assets once in the house formats of the channels that may air them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrovue.cli.arguments import add_events, disk_size, whole_days
from retrovue.cli.executors import add_executor
from retrovue.errors import RetroVueError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from concurrent.futures import Future

    from retrovue.cli.view import Progress, View
    from retrovue.compiler.model import CompiledChannel
    from retrovue.library.catalog import Asset, Catalog
    from retrovue.playout.batch import Crew, Order
    from retrovue.playout.copy_budget import Plan
    from retrovue.workers import Workers

#: Later than any schedule (µs).
_EVER_US = 1 << 62
#: More copies at once would be held up by the disk.
_MOST_AT_ONCE = 64


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Make house copies: each ASSET is rendered once in the house format of every channel that may air "
        "it. A channel copies from them instead of encoding: no ffmpeg runs, and a viewer waits for "
        "nothing. What is current is left alone, and what is stopped goes on where it was. A running "
        "station takes a new copy over at the asset's next start."
    )
    parser.add_argument(
        "assets", nargs="*", metavar="ASSET", help="an asset's id, “collection/key”; * stands for anything"
    )
    parser.add_argument(
        "--station", type=Path, default=Path(), metavar="DIR", help="the station folder; default: here"
    )
    parser.add_argument(
        "--days",
        type=whole_days,
        metavar="N",
        help="instead of naming assets: what airs within N days by the published schedule, the soonest first",
    )
    parser.add_argument(
        "--collection",
        action="append",
        metavar="NAME",
        help="instead of naming assets: this whole collection, what airs soonest first; with --days only "
        "what airs by then; may be given again",
    )
    parser.add_argument(
        "--budget",
        type=disk_size,
        metavar="SIZE",
        help="with --days or --collection: what all house copies together may take, like 200GB; those that "
        "are wanted latest, or by nobody, give way",
    )
    parser.add_argument(
        "--channel",
        action="append",
        metavar="NUMBER",
        help="in this channel's format, and with --days only what airs on it; may be given again; default: "
        "those whose published schedule has the asset, and when none has, all",
    )
    parser.add_argument("--force", action="store_true", help="make it again, current or not")
    parser.add_argument(
        "--verify", action="store_true", help="with --days or --collection: read every copy back, whole"
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be made and removed")
    add_executor(parser)
    add_events(parser)
    parser.add_argument("--state", metavar="DIR", help="state directory (environment: RETROVUE_STATE)")
    parser.add_argument("--json", action="store_true", help="what was made, as JSON")


def run(args: argparse.Namespace, view: View) -> int:
    from retrovue.clock import StationClock
    from retrovue.library.adapters import settings_models
    from retrovue.library.lock import read_lock
    from retrovue.state_dir import at_work, state_dir
    from retrovue.station.load import require_station

    _refuse_contradictions(args)
    model = require_station(args.station, settings_models())
    state = state_dir(model.station.station, args.state, model.written_state)
    # Another one would make the same copies, and take others away to make room.
    alone = (
        at_work(state, "house copies", "retrovue conform", StationClock())
        if not args.dry_run
        else nullcontext()
    )
    with alone, _Formats(args, model, state, view) as formats:
        return _run(args, view, formats, read_lock(args.station), state)


def _run(args: argparse.Namespace, view: View, formats: _Formats, catalog: Catalog, state: Path) -> int:
    from retrovue.library.finding import printable

    batch = not args.assets
    orders = _unique(_by_airing(args, catalog, formats) if batch else _by_name(args, catalog, formats))
    made: dict[Path, float] = {}
    failed: dict[Path, RetroVueError] = {}
    removed: list[Path] = []
    while True:
        plan = _plan(args, orders, state, made, failed)
        if args.dry_run:
            break
        for path in plan.remove:
            path.unlink(missing_ok=True)
            removed.append(path)
        if not plan.make:
            break
        # What they take is less than they might: there may be room for more then.
        _make([orders[path] for path in plan.make], args, view, made, failed)
    if not batch:
        for path in made:
            formats.sweep(orders[path])
    finished = [order for path, order in orders.items() if _is_there(path, plan, failed)]
    gone = list(plan.remove) if args.dry_run else removed
    if args.json or args.events:
        copies = [_document(order, made.get(order.target)) for order in finished]
        outcome = _summary(plan, orders, copies, gone, args.dry_run) if batch else copies
        view.outcome(outcome)
    if args.json:
        view.json(outcome)
    else:
        for order in finished:
            if not batch or order.target in made:
                view.out(printable(_line(order, made.get(order.target))))
        for path in plan.make:
            view.out(printable(f"{orders[path].asset.id}: {orders[path].format}, to be made"))
        if batch:
            view.out(_sentence(len(orders), plan, len(made), len(finished), len(gone), args.dry_run))
    for complaint in failed.values():
        view.failure(printable(str(complaint)), help=complaint.help)
    return 1 if failed else 0


def _make(
    todo: Sequence[Order],
    args: argparse.Namespace,
    view: View,
    made: dict[Path, float],
    failed: dict[Path, RetroVueError],
) -> None:
    """Make all of ``todo``, and note what became of each."""
    from retrovue.cli.executors import ending, open_workers
    from retrovue.library.finding import printable
    from retrovue.playout.batch import Crew
    from retrovue.workers import a_few

    crew = Crew()
    with (
        view.progress("conform", round(sum(order.seconds for order in todo), 3), "seconds") as bar,
        open_workers(args.executor, a_few(_MOST_AT_ONCE)) as workers,
        ending(workers, crew.stop),
    ):
        for order, task in workers.ahead(_tasks(todo, workers, crew, bar)):
            try:
                made[order.target] = task.result()
            except Exception as error:
                failed[order.target] = _mendable(error, order, workers)
            if not workers.here:
                bar.advance(order.seconds, printable(order.asset.id))


def _refuse_contradictions(args: argparse.Namespace) -> None:
    batch = args.days is not None or args.collection
    if args.assets and batch:
        raise RetroVueError("assets are named, and --days or --collection chooses others", help="either, or")
    if not args.assets and not batch:
        raise RetroVueError(
            "which assets?", help="name some, or choose them with --days 2 or --collection NAME"
        )
    if not batch and (args.budget or args.verify):
        raise RetroVueError("--budget and --verify are for --days and --collection")


class _Formats:
    """What the station's channels may air, and how each renders it."""

    def __init__(self, args: argparse.Namespace, model: Any, state: Path, view: View) -> None:
        from retrovue.compiler.channels import compiled_channels
        from retrovue.ffmpeg_binary import choose_ffmpeg
        from retrovue.playout.encoders import VERDICTS, EncoderBench
        from retrovue.playout.schedule_service import media_roots

        ffmpeg = choose_ffmpeg()
        bench = EncoderBench(ffmpeg.path, ffmpeg.encoders, state / VERDICTS)
        self.channels: Mapping[str, CompiledChannel] = {
            channel.channel: bench.equip(channel) for channel in compiled_channels(model)
        }
        self._args, self._model, self._state = args, model, state
        self._roots = media_roots(model, args.station)
        self.artefact = _published(state, not args.assets, view)
        self._asked = self._channels(args.channel)

    def __enter__(self) -> _Formats:
        return self

    def __exit__(self, *_: object) -> None:
        if self.artefact is not None:
            self.artefact.close()

    def of_published(self, asset: Asset) -> list[Order]:
        """In the formats of the channels that air it; of those that are asked for, or of all, when none
        does."""
        points = self.artefact.entry_points(asset.id) if self.artefact else {}
        airing = [c for c in self.channels.values() if c.channel in points] or list(self.channels.values())
        return self.orders(asset, self._asked or airing, points)

    def of_channel(self, asset: Asset, channel: str, points: Mapping[str, tuple[int, ...]]) -> list[Order]:
        """In this channel's format."""
        return self.orders(asset, [self.channels[channel]], points)

    def is_asked(self, channel: str) -> bool:
        """Is this a channel whose airings count? One may have gone from the YAML since."""
        known = self.channels.get(channel)
        return known is not None and (not self._asked or known in self._asked)

    def orders(
        self, asset: Asset, channels: Iterable[CompiledChannel], points: Mapping[str, tuple[int, ...]]
    ) -> list[Order]:
        from retrovue.compiler.channels import fitted
        from retrovue.playout.batch import order_of

        root = self._roots.get(asset.collection)
        if root is None:
            raise RetroVueError(f"{asset.id}: the station has no folder for its collection")
        cuts = tuple(
            sorted({*asset.marks_us, *(cut for of_channel in points.values() for cut in of_channel)})
        )
        fit, original = fitted(self._model, asset), root / asset.path
        return [
            order_of(fit, original, channel, cuts, self._state, self._args.force)
            for channel in dict.fromkeys(map(_alike, channels))
        ]

    def sweep(self, order: Order) -> None:
        """Remove the copies beside this one that were rendered in a way which no channel knows any more."""
        could = {other.target for other in self.orders(order.asset, self.channels.values(), {})}
        for path in order.target.parent.glob(f"*{order.target.suffix}"):
            if path not in could:
                path.unlink(missing_ok=True)

    def _channels(self, numbers: Sequence[str] | None) -> list[CompiledChannel]:

        by_number = {channel.number: channel for channel in self.channels.values()}
        for number in numbers or ():
            if number not in by_number:
                raise RetroVueError(f"no channel {number}", help=f"there are {', '.join(by_number)}")
        return [by_number[number] for number in numbers or ()]


def _alike(channel: CompiledChannel) -> CompiledChannel:
    """Without what makes no difference to a picture or a sound."""
    from dataclasses import replace

    return replace(
        channel, channel="", number="", vchannel=0, name="", callsign="", guide_id="", group="", logo="",
        grid_us=0, day_start_minutes=0, position=0,
    )  # fmt: skip


def _by_name(args: argparse.Namespace, catalog: Catalog, formats: _Formats) -> Iterator[Order]:
    for word in dict.fromkeys(args.assets):
        for asset in _named(catalog, word):
            yield from formats.of_published(asset)


def _by_airing(args: argparse.Namespace, catalog: Catalog, formats: _Formats) -> Iterator[Order]:
    """What the published schedule airs, the soonest first; then what else is in the collections."""
    from retrovue.clock import StationClock
    from retrovue.units import HOUR_US

    known = {asset.collection for asset in catalog.assets.values()}
    for name in args.collection or ():
        if name not in known:
            raise RetroVueError(
                f"the catalog lock has no collection “{name}”", help=f"there are {', '.join(sorted(known))}"
            )
    collections = set(args.collection or known)
    if formats.artefact is None and not args.collection:
        raise RetroVueError(
            "nothing is published, so nobody knows what airs", help="retrovue compile publishes a schedule"
        )
    if formats.artefact is not None:
        now_us = StationClock().now_us()
        end_us = now_us + args.days * 24 * HOUR_US if args.days is not None else _EVER_US
        points = formats.artefact.every_entry_point()
        for _, name, channel in formats.artefact.first_airings(now_us, end_us):
            asset = catalog.assets.get(name)  # it may have gone from the lock since
            if not formats.is_asked(channel):
                continue
            if asset is not None and asset.eligible and asset.collection in collections:
                yield from formats.of_channel(asset, channel, points[name])
    if args.days is None:
        for asset in catalog.assets.values():
            if asset.eligible and asset.collection in collections:
                yield from formats.of_published(asset)


def _unique(orders: Iterable[Order]) -> dict[Path, Order]:
    """By target; where several want the same copy the first counts."""
    found: dict[Path, Order] = {}
    for order in orders:
        found.setdefault(order.target, order)
    return found


def _named(catalog: Catalog, word: str) -> Iterator[Asset]:
    """What ``word`` means, in order of id; of a pattern what may air. Raises ``RetroVueError``."""
    from retrovue.cli.asset_names import chosen_assets

    names = sorted(chosen_assets([word], catalog.assets))
    if word not in names:
        names = [name for name in names if catalog.assets[name].eligible]
    if not names:
        raise RetroVueError(f"of “{word}” nothing may air", help="retrovue library says why")
    for name in names:
        asset = catalog.assets[name]
        if not asset.duration_us:
            raise RetroVueError(
                f"{name} is not ready: nobody knows how long it is", help="retrovue ingest looks at it again"
            )
        yield asset


def _published(state: Path, needed: bool, view: View) -> Any:
    """The artefact on the air, open until the command ends; ``None`` when nothing is published, or when it
    can't be read and is not ``needed``."""
    from retrovue.state_dir import ARTEFACT_NAME
    from retrovue.store.artefact import Artefact, ArtefactError

    try:
        return Artefact.open(state / ARTEFACT_NAME)
    except ArtefactError as error:
        if (state / ARTEFACT_NAME).exists():
            if needed:
                raise
            view.say(f"the published schedule is not asked: {error}")
        return None


def _plan(
    args: argparse.Namespace,
    orders: Mapping[Path, Order],
    state: Path,
    made: Mapping[Path, float],
    failed: Mapping[Path, RetroVueError],
) -> Plan:
    """What is made of ``orders``, by target, and what goes."""
    from retrovue.playout.batch import is_current
    from retrovue.playout.conform import size_of_copy
    from retrovue.playout.copy_budget import Other, Wanted, plan_room
    from retrovue.playout.director import house_of
    from retrovue.playout.house_copy import SUFFIX
    from retrovue.playout.shelf import FOLDER

    wanted = []
    for path, order in orders.items():
        if path in failed:
            continue
        there = path in made
        there = there or (not args.force and is_current(order, read_back=bool(args.assets) or args.verify))
        most = size_of_copy(house_of(order.channel), order.asset.duration_us)
        wanted.append(Wanted(path, path.stat().st_size if there else most, there))
    others = []
    if args.budget is not None:
        for path in sorted((state / FOLDER).rglob(f"*{SUFFIX}")):
            if path not in orders:
                status = path.stat()
                others.append(Other(path, status.st_size, status.st_mtime_ns))
    return plan_room(wanted, others, args.budget)


def _tasks(
    orders: Iterable[Order], workers: Workers, crew: Crew, bar: Progress
) -> Iterator[tuple[Order, Future[float]]]:
    from functools import partial

    from retrovue.library.finding import printable
    from retrovue.playout.batch import fulfil

    for order in orders:
        if workers.here:
            name = printable(order.asset.id)
            advance = partial(_advance, bar, name)
            yield order, workers.executor.submit(crew.fulfil, order, advance)
        else:
            yield order, workers.executor.submit(fulfil, order)


def _advance(bar: Progress, name: str, seconds: float) -> None:
    bar.advance(seconds, name)


def _mendable(error: Exception, order: Order, workers: Workers) -> RetroVueError:
    """``error``, if it is one that a user can mend. Raises any other."""

    if isinstance(error, RetroVueError):
        return error
    if isinstance(error, workers.lost):
        return RetroVueError(f"{order.asset.id}: every worker that was to make its copy died")
    raise error


def _is_there(path: Path, plan: Plan, failed: Mapping[Path, RetroVueError]) -> bool:
    return path not in failed and path not in {*plan.make, *plan.left_out}


def _line(order: Order, took_s: float | None) -> str:
    document = _document(order, took_s)
    how = "is current" if took_s is None else f"made in {took_s:.0f} s"
    return f"{order.asset.id}: {document['format']}, {document['bytes'] / 1e6:.1f} MB, {how} → {order.target}"


def _document(order: Order, took_s: float | None) -> dict[str, Any]:
    from retrovue.playout.house_copy import HouseCopy

    with HouseCopy(order.target) as copy:
        return {
            "asset": order.asset.id,
            "format": order.format,
            "made": took_s is not None,
            "seconds": None if took_s is None else round(took_s, 2),
            "file": str(order.target),
            "bytes": order.target.stat().st_size,
            "frames": copy.label.frames,
            "cuts": list(copy.label.cuts),
        }


def _summary(
    plan: Plan,
    orders: Mapping[Path, Order],
    copies: Sequence[dict[str, Any]],
    gone: Iterable[Path],
    dry: bool,
) -> dict[str, Any]:
    def told(paths: Iterable[Path]) -> list[dict[str, str]]:
        return [{"asset": orders[p].asset.id, "format": orders[p].format, "file": str(p)} for p in paths]

    return {
        "copies": copies,
        "to_make": told(plan.make),
        "left_out": told(plan.left_out),
        "to_remove" if dry else "removed": [str(path) for path in gone],
    }


def _sentence(every: int, plan: Plan, made: int, there: int, gone: int, dry: bool) -> str:
    said = [f"{len(plan.make)} to make" if dry else f"{made} made", f"{there - made} current"]
    if gone:
        said.append(f"{gone} to remove" if dry else f"{gone} removed")
    if plan.left_out:
        said.append(f"{len(plan.left_out)} left out: the budget is full")
    return f"{every} copies: " + ", ".join(said)
