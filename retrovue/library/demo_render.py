"""Renders the demo library: one ffmpeg per core, nothing twice, no half file ever under its own name."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

from ruamel.yaml import YAML

from retrovue.errors import RetroVueError
from retrovue.library.demo_media import Recipe, ffmpeg_arguments, scratch_files
from retrovue.library.lock import replace_file
from retrovue.resources import font

#: Remembers which recipe made which file; beside the media, so that a copied folder stays current.
RECORD = ".rendered.json"

#: Bytes a rendered second takes, rounded up; only to refuse a disk that is too full.
_BYTES_PER_SECOND = 26_000

#: Told (media seconds rendered since the last call, what is being rendered).
OnProgress = Callable[[float, str], None]


def outstanding(recipes: Sequence[Recipe], folder: Path) -> list[Recipe]:
    """The recipes whose file is absent, was made by another recipe, or has not its size any more."""
    record = _read_record(folder)
    return [recipe for recipe in recipes if not _is_current(recipe, folder, record)]


def _is_current(recipe: Recipe, folder: Path, record: dict[str, list[object]]) -> bool:
    try:
        size = (folder / recipe.path).stat().st_size
    except OSError:
        return False
    return record.get(recipe.path) == [recipe.fingerprint, size]


def _read_record(folder: Path) -> dict[str, list[object]]:
    try:
        record = json.loads((folder / RECORD).read_bytes())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


@contextmanager
def alone(folder: Path, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold ``folder`` for this process; tells ``on_wait`` before it waits for another one that has it."""
    _make_folder(folder)
    with (folder / ".rendering").open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(held, fcntl.LOCK_EX)
        yield


def render(
    recipes: Sequence[Recipe],
    folder: Path,
    ffmpeg: str,
    on_progress: OnProgress = lambda seconds, text: None,
    workers: int | None = None,
) -> None:
    """Render ``recipes`` into ``folder``, the longest first.

    What is finished stays finished when this is interrupted. Raises ``RetroVueError`` when ffmpeg fails.
    """
    _make_room(recipes, folder)
    record = _read_record(folder)
    longest_first = sorted(recipes, key=lambda recipe: -recipe.frames)
    lock = threading.Lock()
    studio = _Studio(ffmpeg)

    def one(recipe: Recipe) -> None:
        def progress(seconds: float) -> None:
            with lock:
                on_progress(seconds, recipe.title)

        size = studio.render(recipe, folder, progress)
        with lock:
            record[recipe.path] = [recipe.fingerprint, size]
            _write_record(record, folder)

    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        try:
            for done in as_completed([pool.submit(one, recipe) for recipe in longest_first]):
                done.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            studio.stop()
            raise


def tidy(recipes: Sequence[Recipe], folder: Path) -> None:
    """Write the sidecars of ``recipes``, and remove what an earlier edition rendered and these don't name."""
    record = _read_record(folder)
    named = {recipe.path for recipe in recipes}
    for path in record.keys() - named:
        stray = folder / path
        if ".." not in stray.parts and stray.is_relative_to(folder):
            stray.unlink(missing_ok=True)
            stray.with_suffix(".yaml").unlink(missing_ok=True)
    if record.keys() - named:
        _write_record({path: entry for path, entry in record.items() if path in named}, folder)
    for recipe in recipes:
        _write_sidecar(recipe, folder)


def _write_record(record: dict[str, list[object]], folder: Path) -> None:
    replace_file(folder / RECORD, json.dumps(record, indent=0, sort_keys=True).encode())


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RetroVueError(
            f"can't write to {folder}: {error.strerror}", help="choose another --output"
        ) from None


def _make_room(recipes: Sequence[Recipe], folder: Path) -> None:
    _make_folder(folder)
    free = shutil.disk_usage(folder).free
    need = int(sum(recipe.duration_us for recipe in recipes) / 1e6 * _BYTES_PER_SECOND)
    if free < need:
        raise RetroVueError(
            f"{folder} has {free // 10**6} MB free; the demo media need {need // 10**6} MB",
            help="choose another --output",
        )


def _write_sidecar(recipe: Recipe, folder: Path) -> None:
    text = StringIO()
    yaml = YAML()
    yaml.default_flow_style = None
    yaml.dump(dict(recipe.sidecar), text)
    file = folder / recipe.sidecar_path
    content = text.getvalue().encode()
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.is_file() or file.read_bytes() != content:
        replace_file(file, content)


class _Studio:
    """Runs the ffmpegs, and stops them all when asked."""

    def __init__(self, ffmpeg: str) -> None:
        self._ffmpeg = ffmpeg
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            for process in self._running:
                process.kill()

    def render(self, recipe: Recipe, folder: Path, on_seconds: Callable[[float], None]) -> int:
        """Render one file; returns its size in bytes."""
        target = folder.resolve() / recipe.path
        target.parent.mkdir(parents=True, exist_ok=True)
        half = target.with_name(f".half-{target.name}")
        with tempfile.TemporaryDirectory(prefix="retrovue-") as scratch:
            for name, text in scratch_files(recipe).items():
                (Path(scratch) / name).write_text(text, encoding="utf-8")
            shutil.copyfile(font(), Path(scratch) / "font.ttf")
            try:
                self._run([self._ffmpeg, *ffmpeg_arguments(recipe, str(half))], scratch, recipe, on_seconds)
                size = half.stat().st_size
                half.replace(target)
            finally:
                half.unlink(missing_ok=True)
        return size

    def _run(self, command: list[str], cwd: str, recipe: Recipe, on_seconds: Callable[[float], None]) -> None:
        with tempfile.TemporaryFile("w+") as complaints:
            with self._lock:
                if self._stopped:
                    raise RetroVueError("stopped")
                process = subprocess.Popen(
                    command,
                    cwd=cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=complaints,
                    text=True,
                )
                self._running.add(process)
            try:
                assert process.stdout is not None
                told = 0
                for line in process.stdout:
                    key, _, value = line.strip().partition("=")
                    if key == "frame" and value.isdigit() and int(value) > told:
                        on_seconds(float((int(value) - told) / recipe.rate))
                        told = int(value)
                code = process.wait()
            finally:
                with self._lock:
                    self._running.discard(process)
                process.kill()
                process.wait()
            if code:
                complaints.seek(0)
                said = complaints.read().strip().splitlines() or ["it said nothing"]
                raise RetroVueError(
                    f"ffmpeg could not make {recipe.path}: {said[-1]}",
                    help="retrovue doctor shows which ffmpeg is used and what it lacks",
                )
