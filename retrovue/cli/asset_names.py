"""Assets that a command line names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from retrovue.errors import RetroVueError

if TYPE_CHECKING:
    from retrovue.library.catalog import Asset


def chosen_assets(words: Iterable[str], assets: Mapping[str, Asset], help: str = "") -> set[str]:
    """Ids of all that ``words`` mean: “collection/key”, in which * stands for anything.

    Raises ``RetroVueError`` for a word that means none.
    """
    from fnmatch import fnmatchcase

    from retrovue.station.suggest import did_you_mean

    chosen: set[str] = set()
    for wanted in words:
        # As it stands first: a title may have brackets in it, which are a pattern's.
        found = {wanted} & assets.keys() or {a for a in assets if fnmatchcase(a, wanted)}
        if not found:
            known = did_you_mean(wanted, assets) or help
            raise RetroVueError(
                f"no asset is “{wanted}”", help=known or "an id is collection/key, as catalog.lock/ has it"
            )
        chosen |= found
    return chosen
