"""``retrovue library``: what the catalog has, one asset whole, and why one doesn't air."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from retrovue.cli.arguments import broadcast_date
from retrovue.errors import RetroVueError
from retrovue.garbage import no_search_for_garbage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import date

    from retrovue.cli.bench import Bench
    from retrovue.cli.view import View
    from retrovue.library.catalog import Asset

#: What ``--is`` may say beside a state: it waits for ``retrovue approve``.
_WAITING = "waiting"
_NOT_ELIGIBLE = {"new", "enriching", "retired", _WAITING}
_IS = ("new", "enriching", "ready", "retired", _WAITING)


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "List what the catalog lock has; filters add up. With an ASSET: all that is known of it, which "
        "programs and pools ask for it, and whether it may air, or why not."
    )
    parser.add_argument("station", metavar="STATION", type=Path, help="the station folder")
    parser.add_argument(
        "assets", metavar="ASSET", nargs="*", help="an asset's id, “collection/key”; * stands for anything"
    )
    parser.add_argument(
        "--collection", action="append", metavar="NAME", help="only of this collection; may be given again"
    )
    parser.add_argument(
        "--is",
        action="append",
        choices=_IS,
        dest="states",
        metavar="STATE",
        help=f"only in this state: {', '.join(_IS)} (for approval); may be given again",
    )
    parser.add_argument(
        "--query",
        metavar="QUERY",
        help="only what answers this, written as under episodes: in the station's YAML: “series: Cheers, "
        "year: 1980..1989”",
    )
    parser.add_argument(
        "--search",
        metavar="WORDS",
        help="only what has all these words somewhere: in its id, its names, description, tags, people…",
    )
    parser.add_argument("--barred", action="store_true", help="only what airs nowhere on the date, and why")
    parser.add_argument(
        "--on", type=broadcast_date, metavar="DATE", help="the broadcast date that counts; default: today's"
    )
    parser.add_argument("--state", metavar="DIR", help="state directory, which has the catalog's cache")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(args: argparse.Namespace, view: View) -> int:
    from retrovue.cli.bench import Bench
    from retrovue.clock import StationClock
    from retrovue.compiler.channels import broadcast_date_at
    from retrovue.library.lock import lock_files

    filters = [f"--{name}" for name in ("collection", "query", "search", "barred") if getattr(args, name)]
    filters += ["--is"] if args.states else []
    if args.assets and filters:
        raise RetroVueError(f"assets are named, and {filters[0]} chooses others", help="either, or")
    bench = Bench(args.station, state=args.state)
    if not lock_files(args.station):
        raise RetroVueError(
            f"{args.station} has no catalog lock", help=f"retrovue ingest {args.station} writes it"
        )
    on = args.on or broadcast_date_at(bench.model, StationClock().now_us())
    with no_search_for_garbage():
        return _show(args, view, bench, on) if args.assets else _list(args, view, bench, on)


def _show(args: argparse.Namespace, view: View, bench: Bench, on: date) -> int:
    """Each asset that is named, whole."""
    from retrovue.cli.asset_names import chosen_assets
    from retrovue.compiler.eligibility import standings_of
    from retrovue.reports.library import whole, whole_json

    assets = bench.catalog.assets
    chosen = sorted(chosen_assets(args.assets, assets, f"retrovue library {args.station} lists them"))
    found = bench.catalog.named(chosen)
    stood = standings_of(bench.model, [found[name] for name in chosen], on)
    shown = [(stands, _file_of(stands.asset, bench)) for stands in stood]
    if args.json:
        view.json({"assets": [whole_json(stands, file) for stands, file in shown]})
    else:
        for number, (stands, file) in enumerate(shown):
            view.out(("\n" if number else "") + whole(stands, file))
    return 0


def _file_of(asset: Asset, bench: Bench) -> Path | None:
    """Where its file should be; None when the station doesn't have its collection any more."""
    from retrovue.library.adapters import open_adapter

    collection = bench.model.collections.get(asset.collection)
    if collection is None:
        return None
    return open_adapter(asset.collection, collection.source, bench.folder).locate(asset.path)


def _list(args: argparse.Namespace, view: View, bench: Bench, on: date) -> int:
    """All that pass the filters, one a line."""
    from retrovue.compiler.eligibility import own_bars, standings
    from retrovue.reports.library import as_json, line
    from retrovue.reports.wording import plural

    rows: Iterable[tuple[Asset, Mapping[str, str]]]
    assets = _chosen(args, bench)
    if args.barred:
        stood = standings(bench.model, bench.catalog, assets, on)
        rows = ((s.asset, {bar.code: bar.said for bar in s.every_bar}) for s in stood if not s.airs)
    else:
        rows = ((asset, {bar.code: bar.said for bar in own_bars(asset)}) for asset in assets)
    if args.json:
        listed = [{**as_json(asset), "bars": bars} for asset, bars in rows]
        view.json({"on": on.isoformat(), "assets": listed})
        return 0
    count = 0
    for asset, bars in rows:
        view.out(line(asset, bars))
        count += 1
    view.say(plural(count, "asset") + (f" that can't air on {on:%a %d %b %Y}" if args.barred else ""))
    return 0


def _chosen(args: argparse.Namespace, bench: Bench) -> Iterator[Asset]:
    """What passes every filter but ``--barred``, in order of id. Raises ``RetroVueError``."""
    from retrovue.compiler.shelf import asked_by, matches
    from retrovue.library.lock import lock_files
    from retrovue.station.query_text import parse_query
    from retrovue.station.suggest import did_you_mean

    known = {*bench.model.collections, *(file.stem for file in lock_files(bench.folder))}
    query = parse_query(args.query) if args.query is not None else None
    asked = asked_by(query) if query is not None else []
    if args.collection:
        asked.append(("collection", tuple(args.collection)))
    for word in (name for what, names in asked if what == "collection" for name in names):
        if word not in known:
            raise RetroVueError(
                f"there is no collection “{word}”",
                help=did_you_mean(word, known) or f"there are {', '.join(sorted(known))}",
            )
    words = tuple((args.search or "").casefold().split())
    # Of many a glance at the lock's line tells that they are not meant.
    eligible = False if args.states and set(args.states) <= _NOT_ELIGIBLE else None
    for asset in bench.catalog.having(asked, eligible, words):
        if (
            (not args.collection or asset.collection in args.collection)
            and (not args.states or any(_is(asset, state) for state in args.states))
            and (query is None or matches(asset, query))
            and (not words or _has(asset, words))
        ):
            yield asset


def _is(asset: Asset, state: str) -> bool:
    return not asset.approved if state == _WAITING else asset.state == state


def _has(asset: Asset, words: Iterable[str]) -> bool:
    """Does it have all these words, casefolded, wherever?"""
    said = (asset.id, asset.path, asset.title, asset.series, asset.description, asset.rating, asset.date)
    more = (asset.advertiser, asset.category, *asset.tags, *asset.extra.values())
    people = (text for credit in asset.credits for text in (credit.name, credit.role))
    text = "\n".join((*said, *more, *people)).casefold()
    return all(word in text for word in words)
