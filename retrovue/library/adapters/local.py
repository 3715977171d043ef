"""Files that somebody names (a media server, a program), found in a folder here. Thin: reads files."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from retrovue.library.adapters import FoundMedia
from retrovue.library.adapters.beside import BadText, Beside, over
from retrovue.library.catalog import Asset
from retrovue.library.finding import Finding
from retrovue.library.naming import Named, pretty


class LocalFiles:
    """The files of one collection during one walk; remembers what is in the folders."""

    def __init__(self, collection: str, root: Path) -> None:
        self._collection = collection
        self._root = root
        self._beside = Beside(root)

    def media(
        self, path: PurePosixPath, fields: Mapping[str, Any], named_by: str, more: str = ""
    ) -> FoundMedia | Finding:
        """The file at ``path`` below the root, with what was said of it; its sidecar wins.

        ``named_by``: who says that it is there ("the server has it as /data/x"). ``more``: what else is in
        the file, for its key ("-E02").
        """
        location = self._root / path
        try:
            status = location.stat()
            if not stat.S_ISREG(status.st_mode):  # a pipe would be waited at for ever
                return self._not_here(path, f"{named_by}, but here it is no file")
            subtitles = self._beside.subtitles(path)
            written = over(fields, self._beside.sidecar(path))
        except OSError as error:
            return self._not_here(path, f"{named_by}, but here it can't be read: {error.strerror}")
        except UnicodeEncodeError:
            return self._not_here(path, f"{named_by}, which no file can be called")
        except BadText as mistake:
            return mistake.finding(self._collection, path)
        written = {**self._beside.artwork(path, written.get("season")), **written}
        asset = Asset(
            collection=self._collection,
            key=written.pop("key", "") or key_of(fields, path, more),
            path=str(path),
            size=status.st_size,
            mtime_ns=status.st_mtime_ns,
            subtitles=subtitles,
        )
        return FoundMedia(asset, location, written, pretty(path))

    def _not_here(self, path: PurePosixPath, why: str) -> Finding:
        help = "is the disk mounted, and is source.path right?"
        holds = "" if path == PurePosixPath() else str(path)
        return Finding("not-here", self._collection, str(path), why, help, holds)


def key_of(fields: Mapping[str, Any], path: PurePosixPath, more: str = "") -> str:
    """The same stable key that a file of that name would have; pure."""
    series = fields.get("series", "")
    named = Named(
        series=series,
        season=fields.get("season"),
        episode=fields.get("episode"),
        more=more,
        title=fields.get("title", ""),
        year=None if series else fields.get("year"),
        date=fields.get("date", ""),
    )
    return named.key(path)
