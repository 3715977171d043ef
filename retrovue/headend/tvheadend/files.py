"""Files over HTSP: a client's open pictures."""

from __future__ import annotations

from retrovue.headend.tvheadend.htsmsg import Message, integer, text
from retrovue.headend.tvheadend.images import Images
from retrovue.lineup import Artwork, ArtworkRef

#: Open at once on one connection; real clients have one or two.
MOST_OPEN = 16
#: Bytes of one answer, however many were asked for.
LARGEST_READ = 1 << 20


class NoFile(Exception):
    """The message says why, in Tvheadend's words."""


class Files:
    """The files of one connection. What takes a request gives the answer, or raises ``NoFile``."""

    def __init__(self, images: Images, modified: int) -> None:
        self._images, self._modified = images, modified
        self._open: dict[int, bytes] = {}
        self._at: dict[int, int] = {}
        self._next = 1
        self._brought: Artwork | None = None

    def wanted(self, request: Message) -> ArtworkRef | None:
        """The picture that ``fileOpen`` names: ``imagecache/N``, with or without a slash before it."""
        folder, _, name = (text(request, "file") or "").strip("/").partition("/")
        if folder != "imagecache" or not name.isascii() or not name.isdigit() or len(name) > 10:
            return None
        return self._images.ref(int(name))

    def bring(self, picture: Artwork | None) -> None:
        """What the next ``fileOpen`` opens; it has been fetched, for it may lie on a slow store."""
        self._brought = picture

    def open(self, _: Message) -> Message:
        picture, self._brought = self._brought, None
        if picture is None:
            raise NoFile("Unable to open file")
        if len(self._open) >= MOST_OPEN:
            raise NoFile("Too many open files")
        handle, self._next = self._next, self._next + 1
        self._open[handle], self._at[handle] = picture.data, 0
        return {"id": handle, **self._stat(picture.data)}

    def stat(self, request: Message) -> Message:
        return self._stat(self._open[self._handle(request)])

    def read(self, request: Message) -> Message:
        """``size`` bytes from ``offset`` or from where the last read ended; fewer at the end."""
        handle = self._handle(request)
        data = self._open[handle]
        offset = integer(request, "offset")
        start = self._at[handle] if offset is None else max(0, offset)
        size = min(max(0, integer(request, "size") or 0), LARGEST_READ)
        piece = data[start : start + size]
        self._at[handle] = start + len(piece)
        return {"data": piece}

    def seek(self, request: Message) -> Message:
        handle = self._handle(request)
        whence = text(request, "whence") or "SEEK_SET"
        origin = {"SEEK_SET": 0, "SEEK_CUR": self._at[handle], "SEEK_END": len(self._open[handle])}.get(
            whence
        )
        offset = integer(request, "offset")
        if origin is None or offset is None or origin + offset < 0:
            raise NoFile("Invalid parameters")
        self._at[handle] = min(origin + offset, len(self._open[handle]))
        return {"offset": self._at[handle]}

    def close(self, request: Message) -> Message:
        handle = self._handle(request)
        del self._open[handle], self._at[handle]
        return {}

    def _handle(self, request: Message) -> int:
        handle = integer(request, "id")
        if handle is None or handle not in self._open:
            raise NoFile("Invalid file ID")
        return handle

    def _stat(self, data: bytes) -> Message:
        return {"size": len(data), "mtime": self._modified}
