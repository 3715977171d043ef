"""Identity: which file is which asset, whatever it is called now; pure.

An asset's key says what it is ("Cheers/S01E01"), as far as its file's name says so, and then the file may
lie anywhere. Of a name that says nothing the key is the path itself, and a file that is renamed would become
another asset. So it keeps the key that it had, which from then on the lock says, for as long as it lies
there and nobody else is called so. A name that does say what it is, is believed: whoever renames "Charade
(1963)" to "Gilda (1946)" means another film.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from retrovue.library.adapters import FoundMedia
from retrovue.library.catalog import Asset, AssetState
from retrovue.library.finding import Finding
from retrovue.library.lock_lines import LockLines
from retrovue.library.naming import Named, parse_name, path_key

#: Of a content's other files as many are named.
_NAMED = 3


def named_by_path(asset: Asset) -> bool:
    """Does its key say nothing but where its file lies?"""
    path = PurePosixPath(asset.path)
    return asset.key == path_key(path) and parse_name(path) == Named()


def as_before(
    media: Sequence[FoundMedia], found: Collection[str], previous: LockLines
) -> dict[str, FoundMedia]:
    """Those of ``media`` that the lock has under another key, by their own id, with that key.

    ``found``: ids of all that the sources have.
    """
    strangers = {
        (one.asset.collection, one.asset.path): one
        for one in media
        if one.asset.id not in previous and named_by_path(one.asset)
    }
    again: dict[str, FoundMedia] = {}
    for asset_id, path in previous.paths() if strangers else ():
        collection, _, key = asset_id.partition("/")
        stranger = strangers.get((collection, path))
        if (
            stranger is not None
            and asset_id not in found
            and previous[asset_id].state is AssetState.READY
            and stranger.asset.id not in again
        ):
            again[stranger.asset.id] = replace(stranger, asset=replace(stranger.asset, key=key))
    return again


def moved(asset: Asset, gone: Asset) -> tuple[bool, Finding | None]:
    """``asset`` is new and has the content of one whose file is ``gone``: is it that one, and what is
    told of it."""
    place = f"{gone.path} of {gone.collection}" if gone.collection != asset.collection else gone.path
    if gone.collection == asset.collection and named_by_path(asset):
        return True, Finding(
            "moved",
            asset.collection,
            asset.path,
            f"is what {place} was, and stays the asset {gone.key!r}",
            help="if it is to be another, give it a key: of its own in a sidecar",
        )
    if gone.state is not AssetState.READY:
        return False, None
    same = gone.collection == asset.collection
    return False, Finding(
        "moved",
        asset.collection,
        asset.path,
        f"is what {place} was, and by its name another asset: {gone.id!r} retires, {asset.id!r} comes",
        help=f"if it is to stay that asset, write key: {gone.key} in its sidecar" if same else "",
    )


def revoked(asset: Asset, barred: str) -> Finding:
    """What is told of a file with the content of an asset whose approval was taken back."""
    return Finding(
        "revoked",
        asset.collection,
        asset.path,
        f"is what {barred!r} was when its approval was taken back: it doesn't air here either",
        help=f"retrovue approve with {asset.id} lets it",
    )


def copies(files: Iterable[tuple[str, str, bytes]]) -> list[list[tuple[str, str]]]:
    """Collection and path of all that have one content, for each that several have. ``files``: the same with
    their fingerprints."""
    first: dict[bytes, tuple[str, str]] = {}
    more: dict[bytes, list[tuple[str, str]]] = {}
    for collection, path, content in files:
        if first.setdefault(content, (collection, path)) != (collection, path):
            more.setdefault(content, []).append((collection, path))
    return sorted(sorted([first[content], *others]) for content, others in more.items())


def duplicate(group: Sequence[tuple[str, str]]) -> Finding:
    """What is told of two files or more that have one content."""
    (collection, path), *others = group
    shown = [name if place == collection else f"{name} of {place}" for place, name in others[:_NAMED]]
    if len(others) > _NAMED:
        shown.append(f"{len(others) - _NAMED} more")
    return Finding(
        "duplicate",
        collection,
        path,
        f"has the same content as {', '.join(shown[:-1])}{' and ' * (len(shown) > 1)}{shown[-1]}",
        help="each is an asset of its own, and airs as one; delete what is not meant",
    )
