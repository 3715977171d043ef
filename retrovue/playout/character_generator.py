"""Character generator: makes the files of plates, in a process of its own, and keeps them.

A plate's file is named by what it shows, so what was drawn before is there at once, and what two channels
show is drawn once. Nothing here may hold up a channel: drawing has a deadline, and who asked goes on
without.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from retrovue.clock import MasterClock
from retrovue.playout.drawing import Plate
from retrovue.resources import card_fonts
from retrovue.station.files import DRAWN

log = logging.getLogger(__name__)

#: A card takes 0.3 s on a quiet machine (seconds).
PATIENCE_S = 20.0
#: So many files are kept, the ones used last (a guide channel makes two every half hour).
KEPT = 400
#: A larger picture is no logo (bytes).
_LARGEST = 2_000_000
_MIME = {".svg": "image/svg+xml", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif"}

_T = TypeVar("_T")


class DrawingFailed(Exception):
    """Plates could not be made; the message says why."""


class CharacterGenerator:
    """One for the station. ``folder`` is where the plates are."""

    def __init__(self, clock: MasterClock, folder: Path) -> None:
        self._clock, self.folder = clock, folder
        # A thread of its own: a store that hangs must not use up everybody's.
        self._threads = ThreadPoolExecutor(1, "graphics")
        self._drawing: dict[str, asyncio.Task[None]] = {}
        self._uris: dict[tuple[str, int, int], str] = {}

    @property
    def font(self) -> str:
        """The TrueType file of what changes by itself."""
        weights, _ = card_fonts()
        return str(weights[700])

    async def work(self, compose: Callable[[], _T]) -> _T:
        """``compose()`` off the event loop: filling in templates and reading pictures takes its time."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, compose)

    async def ready(self, plates: Sequence[Plate]) -> None:
        """See that every plate has its file. Raises ``DrawingFailed``."""
        missing = await self.work(lambda: self._missing(plates))
        if not missing:
            return
        # Two channels that ask for the same at once wait for the same drawing.
        waiting = {self._drawing[p.name] for p in missing if p.name in self._drawing}
        wanted = [p for p in missing if p.name not in self._drawing]
        if wanted:
            task = asyncio.create_task(self._draw(wanted), name="draw")
            for plate in wanted:
                self._drawing[plate.name] = task
            task.add_done_callback(lambda _: [self._drawing.pop(p.name, None) for p in wanted])
            waiting.add(task)
        for task in waiting:
            await asyncio.shield(task)

    def picture(self, folder: Path, name: str) -> str:
        """A picture file of the station as a data URI; empty when it can't be shown. Called in ``work``."""
        if not name:
            return ""
        path = Path(os.path.realpath(folder / name))
        suffix = path.suffix.lower()
        try:
            if suffix not in DRAWN or not path.is_relative_to(os.path.realpath(folder)):
                return ""
            stat = path.stat()
            key = (str(path), stat.st_mtime_ns, stat.st_size)
            if key not in self._uris and stat.st_size <= _LARGEST:
                kind = _MIME.get(suffix, f"image/{suffix[1:]}")
                self._uris[key] = f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
            return self._uris.get(key, "")
        except OSError as error:
            log.warning("the picture %s can't be read: %s", name, error.strerror or error)
            return ""

    async def close(self) -> None:
        """Leave no process and no thread."""
        for task in set(self._drawing.values()):
            task.cancel()
        await asyncio.gather(*set(self._drawing.values()), return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _missing(self, plates: Sequence[Plate]) -> list[Plate]:
        missing = []
        for plate in dict.fromkeys(plates):
            try:
                os.utime(self.folder / plate.name)  # used now: kept longer than what is not
            except OSError:
                missing.append(plate)
        return missing

    async def _draw(self, plates: Sequence[Plate]) -> None:
        weights, fallback = card_fonts()
        order = {
            "fonts": [*map(str, weights.values()), str(fallback)],
            "pictures": [
                {
                    "svg": plate.svg,
                    "width": plate.width,
                    "height": plate.height,
                    "file": str(self.folder / plate.name),
                }
                for plate in plates
            ],
        }
        try:
            await self.work(lambda: self.folder.mkdir(parents=True, exist_ok=True))
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "retrovue.graphics.rasterise",
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise DrawingFailed(f"can't draw: {error.strerror or error}") from error
        try:
            async with self._clock.deadline(PATIENCE_S):
                _, complaint = await child.communicate(json.dumps(order).encode("utf-8", "replace"))
        except TimeoutError:
            raise DrawingFailed("drawing takes too long") from None
        finally:
            if child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    child.kill()
                await child.wait()
        if child.returncode:
            said = complaint.decode("utf-8", "replace").strip().splitlines()
            raise DrawingFailed(said[-1] if said else f"drawing ended with {child.returncode}")
        await self.work(self._prune)

    def _prune(self) -> None:
        with contextlib.suppress(OSError):
            found = [(path.stat().st_mtime_ns, path) for path in self.folder.glob("plate-*.png")]
            for _, path in sorted(found, reverse=True)[KEPT:]:
                path.unlink(missing_ok=True)
