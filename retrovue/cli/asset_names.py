"""Assets that a command line names."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrovue.errors import RetroVueError

if TYPE_CHECKING:
    from retrovue.library.catalog import Asset


def chosen_assets(words: Iterable[str], assets: Mapping[str, Asset], help: str = "") -> set[str]:
    """Ids of all that ``words`` mean: “collection/key”, in which * stands for anything.

    Raises ``RetroVueError`` for a word that means none.
    """
    import re

    from retrovue.library.finding import printable
    from retrovue.station.suggest import did_you_mean

    chosen: set[str] = set()
    for wanted in words:
        # A title may have brackets and question marks in it: no other sign stands for anything.
        pattern = re.compile(".*".join(map(re.escape, wanted.split("*"))), re.DOTALL)
        found = {wanted} & assets.keys() or {a for a in assets if pattern.fullmatch(a)}
        if not found:
            known = printable(did_you_mean(wanted, assets)) or help
            raise RetroVueError(
                f"no asset is “{printable(wanted)}”",
                help=known or "an id is collection/key, as catalog.lock/ has it",
            )
        chosen |= found
    return chosen


def files_of(args: argparse.Namespace, model: Any) -> Iterator[tuple[Asset, Path]]:
    """The ready assets that the command line names (none: all of the station ``model``), in order of id, each
    with its file, which need not exist."""
    from retrovue.library.adapters import open_adapter
    from retrovue.library.catalog import AssetState
    from retrovue.library.lock import read_lock

    assets = read_lock(args.station).assets
    chosen = chosen_assets(args.assets, assets) if args.assets else set(assets)
    adapters: dict[str, Any] = {}
    for name in sorted(chosen):
        asset = assets[name]
        collection = model.collections.get(asset.collection)
        if collection is None or asset.state is not AssetState.READY:
            continue
        if asset.collection not in adapters:
            adapters[asset.collection] = open_adapter(asset.collection, collection.source, args.station)
        yield asset, adapters[asset.collection].locate(asset.path)
