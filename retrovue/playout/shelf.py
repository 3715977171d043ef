"""The shelf of house copies: where they stand in the state directory, and which of them may air.

``house/<house format>/<asset>/<settings>.house``: one copy of an asset for each house format and each way of
rendering it, whatever original it was made of; making another replaces it. Whether it may air is said by
its label (``objection``, pure): it must be of this original, rendered as it would be rendered now, and have
the very parameter sets that the channel's encoder writes. A damaged copy is not trusted again until another
stands in its place; one whose store did not answer is left alone for a while.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from retrovue.clock import MasterClock
from retrovue.playout.house import HouseFormat
from retrovue.playout.house_copy import SUFFIX, CopyUnusable, HouseCopy, Label
from retrovue.playout.media import MediaDesk, StoreGone

log = logging.getLogger(__name__)

#: The state directory's folder.
FOLDER = "house"
#: An original whose store sleeps is not waited for longer (seconds): its copy is as good as it was.
_ORIGINAL_PATIENCE_S = 0.3
#: A copy that could not be read in time is not tried again for so long (seconds).
_REST_S = 30.0
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The copy that could stand in for rendering an asset."""

    asset: str  #: id
    folder: Path  #: where the asset's copies in this house format are
    original: str  #: path of the media file
    parameters: str  #: sha256 of the parameter sets of the channel's encoder
    settings: Callable[[], str]  #: see ``Label``; takes a moment

    def made(self) -> bool:
        """Is there one, however it was made? Asks the disk."""
        return any(self.folder.glob(f"*{SUFFIX}"))


@dataclass(frozen=True, slots=True)
class Entry:
    """Where in a copy a source begins."""

    frame: int
    key: int  #: copying begins with this frame, one to begin with; the copy's end when none is left
    group: bytes = b""  #: pictures from the one to begin with before ``frame`` up to ``key``
    skip: int = 0  #: of these, before ``frame``

    @property
    def boundary(self) -> int:
        """How many pictures must be encoded again before copying begins."""
        return self.key - self.frame


def folder_of(state: Path, asset: str, house: HouseFormat) -> Path:
    """Where the copies of an asset in a house format stand: "house/480p-29.97-1f0c2b9a/tv-Pilot-5c…"."""
    form = f"{house.raster}-{float(house.rate):.6g}-{_digest(repr(house))[:8]}"
    name = _UNSAFE.sub("-", asset)[:80].strip("-.")
    return state / FOLDER / form / f"{name}-{_digest(asset)}"


def copy_of(folder: Path, settings: str) -> Path:
    """The copy that was rendered with ``settings`` (see ``Label``)."""
    return folder / f"{settings[:16]}{SUFFIX}"


def objection(label: Label, wanted: Wanted, original: os.stat_result | None, settings: str) -> str:
    """Why a copy with this label may not air; empty when it may. No ``original``: it can't be asked."""
    if label.asset != wanted.asset:
        return f"it is of {label.asset}"
    if original is not None and (label.size, label.mtime_ns) != (original.st_size, original.st_mtime_ns):
        return "the original has changed since"
    if label.settings != settings:
        return "it was rendered with other settings"
    if label.parameters != wanted.parameters:
        return "its parameter sets are not those of this channel's encoder"
    return ""


def enter(copy: HouseCopy, frame: int, back: int, reach: int) -> Entry:
    """How to begin with ``frame``, or with one at most ``back`` before; groups are at most ``reach`` long.

    Raises ``CopyUnusable``, ``OSError``.
    """
    if frame >= copy.label.frames:
        return Entry(frame, frame)  # nothing is left to show
    before = copy.key_before(frame, reach)
    if before is None:
        raise CopyUnusable("it has no picture to begin with")
    if frame - before <= back:
        return Entry(before, before)
    after = copy.key_after(frame, reach)
    after = copy.label.frames if after is None else after
    portion = copy.read(range(before, after), range(0))
    if portion.complaint:
        raise CopyUnusable(portion.complaint)
    return Entry(frame, after, b"".join(portion.pictures), frame - before)


@dataclass(slots=True)
class Shelf:
    """The copies of a station, for the runtime."""

    clock: MasterClock
    originals: MediaDesk
    desk: MediaDesk = field(init=False)  #: the copies' own store may be well while the originals' sleeps
    _told: dict[Path, tuple[tuple[int, int], str]] = field(default_factory=dict)
    _distrusted: dict[Path, tuple[int, int]] = field(default_factory=dict)
    _resting: dict[Path, float] = field(default_factory=dict)  #: until when

    def __post_init__(self) -> None:
        self.desk = MediaDesk(self.clock)

    async def take(self, wanted: Wanted) -> HouseCopy | None:
        """The open copy, if there is one that may air; else the reason is logged, once."""
        ask = self.desk.ask(lambda: _open(wanted))
        opened, original = await asyncio.gather(ask, self._original(wanted.original), return_exceptions=True)
        if isinstance(opened, FileNotFoundError):
            return None
        if isinstance(opened, BaseException):
            if not isinstance(opened, (OSError, CopyUnusable)):
                raise opened
            self._tell(wanted, (0, 0), str(opened))
            return None
        copy, settings, mark = opened
        found = original if isinstance(original, os.stat_result) else None
        complaint = objection(copy.label, wanted, found, settings)
        if self._distrusted.get(copy.path) == mark:
            complaint = "it was found damaged"
        elif self.clock.elapsed() < self._resting.get(copy.path, 0.0):
            complaint = "it could not be read in time a moment ago"
        if complaint:
            copy.close()
            self._tell(wanted, mark, complaint)
            return None
        if found is None:
            self._tell(wanted, mark, "", "the original can't be asked; its house copy airs")
        return copy

    def distrust(self, copy: HouseCopy, complaint: str) -> None:
        """``copy`` is not what was written."""
        log.error("%s: its house copy is damaged and won't be used: %s", copy.label.asset, complaint)
        self._distrusted[copy.path] = copy.mark

    def rest(self, copy: HouseCopy, complaint: str) -> None:
        """``copy`` is well, as far as anybody knows, but can't be used for now."""
        log.warning("%s: its house copy can't be used for now: %s", copy.label.asset, complaint)
        self._resting[copy.path] = self.clock.elapsed() + _REST_S

    async def _original(self, path: str) -> os.stat_result | None:
        try:
            return await self.originals.ask(Path(path).stat, _ORIGINAL_PATIENCE_S)
        except (FileNotFoundError, StoreGone):
            return None  # its store is away or asleep: nothing says that it has changed

    def _tell(self, wanted: Wanted, mark: tuple[int, int], complaint: str, remark: str = "") -> None:
        text = f"its house copy is not used: {complaint}" if complaint else remark
        if self._told.get(wanted.folder) != (mark, text):
            self._told[wanted.folder] = (mark, text)
            log.warning("%s: %s", wanted.asset, text)


def _open(wanted: Wanted) -> tuple[HouseCopy, str, tuple[int, int]]:
    settings = wanted.settings()
    try:
        copy = HouseCopy(copy_of(wanted.folder, settings))
    except FileNotFoundError:
        if any(wanted.folder.glob(f"*{SUFFIX}")):
            raise CopyUnusable("it was rendered with other settings") from None
        raise
    return copy, settings, copy.mark


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
