"""``retrovue sources``: what each collection's source has, and what of it the collection takes."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retrovue.cli.view import View


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "A collection takes what its source: names and nothing else: a library that is new on a media server "
        "is listed here, and airs only once a collection names it."
    )
    parser.add_argument("station", metavar="STATION", type=Path, help="the station folder")
    parser.add_argument("--json", action="store_true", help="the list as JSON")


def run(args: argparse.Namespace, view: View) -> int:
    from retrovue.library.adapters import SourceGone, open_adapter, settings_models
    from retrovue.library.finding import printable
    from retrovue.station.load import require_station

    model = require_station(args.station, settings_models())
    listed: list[dict[str, object]] = []
    gone = False
    for name, collection in sorted(model.collections.items()):
        adapter = open_adapter(name, collection.source, args.station)
        about: dict[str, object] = {"collection": name, "kind": collection.source["kind"]}
        try:
            offers = [{"name": o.name, "holds": o.holds, "taken": o.taken} for o in adapter.offers()]
        except SourceGone as error:
            gone = True
            listed.append({**about, "offers": [], "error": str(error)})
            view.error(f"[{error.code}] {printable(str(error))}", help=error.help)
            continue
        listed.append({**about, "offers": offers})
        if not args.json:
            view.out(f"{name}  ({collection.source['kind']})")
            for offer in offers:
                mark = "+" if offer["taken"] else " "
                rest = "" if offer["taken"] else "  not taken"
                view.out(f"  {mark} {printable(str(offer['name']))}  {printable(str(offer['holds']))}{rest}")
    if args.json:
        view.json({"collections": listed})
    return 1 if gone else 0
