"""Which pictures beside a media file are its own, by the names that Kodi and Jellyfin use; pure.

A film has a poster, an episode a still; what an episode lacks its season has, or its series. The first of
them is what guides show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath

from retrovue.library.naming import is_season_folder

#: What pictures end in, the better first.
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")

#: The pictures of a folder: name without its suffix → name.
Pictures = Callable[[PurePosixPath], Mapping[str, str]]


def pictures_among(names: Iterable[str]) -> dict[str, str]:
    """The pictures among the names of a folder, by their names without suffix (".JPG" is one, too)."""
    found: dict[str, str] = {}
    for suffix in reversed(SUFFIXES):
        found |= {name[: -len(suffix)]: name for name in names if name.lower().endswith(suffix)}
    return found


def artwork_of(path: PurePosixPath, season: int | None, alone: bool, pictures: Pictures) -> tuple[str, ...]:
    """Pictures of the media file at ``path``, one of each kind, best first.

    ``season``: of an episode. ``alone``: no other media file is in its folder, so that the folder's pictures
    are its own.
    """
    found: dict[str, str] = {}
    stem = path.stem
    own = {"poster": (f"{stem}-poster",), "thumb": (f"{stem}-thumb",), "fanart": (f"{stem}-fanart",)}
    _take(found, path.parent, pictures, own)
    _take(found, path.parent, pictures, {"thumb" if season is not None else "poster": (stem,)})
    if season is not None:
        folders = series_folders(path)
        name = f"season{season:02}-poster" if season else "season-specials-poster"
        for folder in folders:
            _take(found, folder, pictures, {"poster": (name,)})
    else:
        folders = (path.parent,) if alone and path.parent.parts else ()
    for folder in folders:
        _take(found, folder, pictures, _OF_FOLDERS)
    best = ("thumb", "poster", "fanart") if season is not None else ("poster", "thumb", "fanart")
    return tuple(found[kind] for kind in best if kind in found)


def series_folders(path: PurePosixPath) -> tuple[PurePosixPath, ...]:
    """The folders whose pictures and NFO are an episode's, too: its own, and its series' above a season."""
    folder = path.parent
    folders = [folder, folder.parent] if is_season_folder(folder.name) else [folder]
    return tuple(one for one in folders if one.parts)  # the root is no series


def _take(
    found: dict[str, str],
    folder: PurePosixPath,
    pictures: Pictures,
    wanted: Mapping[str, tuple[str, ...]],
) -> None:
    """Put the first picture of each kind that is in ``folder`` into ``found``, where there is none yet."""
    here = pictures(folder)
    for kind, stems in wanted.items() if here else ():
        if kind not in found:
            name = next((here[stem] for stem in stems if stem in here), "")
            if name:
                found[kind] = str(folder / name)


#: What a folder's own pictures are called, by kind.
_OF_FOLDERS: Mapping[str, tuple[str, ...]] = {
    "poster": ("poster", "folder", "cover", "movie"),
    "fanart": ("fanart", "backdrop", "background"),
}
