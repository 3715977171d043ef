"""A program of the operator's own that prints what there is: one JSON object a line.

    {"path": "films/Charade (1963).mkv", "title": "Charade", "year": 1963, "tags": ["late"]}

A line has a ``path`` and whatever may stand in a sidecar. The program is run without a shell, in the
station folder, with the variables of the environment that it needs and those that ``env`` gives it. When it
takes too long or prints too much, it is ended, and whatever it started with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import BaseModel, Field

from retrovue.errors import RetroVueError
from retrovue.library.adapters import Desk, FoundMedia, Offer, SourceGone, arrive, within
from retrovue.library.adapters.local import LocalFiles
from retrovue.library.adapters.settings import FolderPath, SecretReference, SourceSettings
from retrovue.library.finding import Finding
from retrovue.secret import read_secret

# Every command loads every adapter, for its settings.
if TYPE_CHECKING:
    import asyncio

#: A longer line (bytes) describes no file, and more lines than these are none of ours.
LONGEST_LINE, MOST_LINES = 65_536, 1_000_000
#: So many bad lines are told one by one.
_MOST_TOLD = 20
#: How long a program that was killed has to be gone (seconds).
_KILLED_S = 5.0
#: How much of what it says on standard error is kept (bytes).
_LAST_WORDS = 4096
#: What a program needs of the environment to run at all. Secrets of the station's own are not among it.
_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER")


class ScriptSettings(SourceSettings):
    """A program that prints what there is."""

    kind: Literal["script"] = "script"
    """Which adapter: a program that prints one JSON object a line."""
    run: tuple[str, ...] = Field(min_length=1)
    """The program and its arguments, as a list: no shell reads it. A program with a slash in it is looked for
    in the station folder."""
    path: FolderPath
    """The folder in which its files are: relative to the station folder, or absolute."""
    timeout: float = Field(default=60, gt=0, le=3600)
    """Seconds that it may take."""
    env: Mapping[str, SecretReference] = {}
    """Variables of the environment that it is given: name to ``env:NAME`` or ``file:PATH``."""


@dataclass(frozen=True, slots=True)
class _Ran:
    """What a program printed, and how it ended."""

    lines: Sequence[bytes]
    code: str  #: of the finding; empty: it ended well
    why: str = ""


class ScriptAdapter:
    """Runs the program and finds the files that it names."""

    settings_model: ClassVar[type[BaseModel]] = ScriptSettings

    def __init__(self, collection: str, settings: ScriptSettings, station_folder: Path, desk: Desk) -> None:
        self._collection = collection
        self._settings = settings
        self._folder = station_folder.resolve()
        self._desk = desk
        self.root = self._folder / Path(settings.path).expanduser()

    def locate(self, path: str) -> Path:
        """The file of an asset. Raises ``ValueError`` for a path that leads out of the folder."""
        return within(self.root, path)

    def offers(self) -> Sequence[Offer]:
        return [Offer(" ".join(self._settings.run), "script", taken=True)]

    def discover(self) -> Iterable[FoundMedia | Finding]:
        import asyncio

        arrive(self._collection, self.root, "mount it, or correct the collection's source.path")
        program, *arguments = self._settings.run
        named = str(self._folder / Path(program).expanduser()) if "/" in program else program
        return self._found(asyncio.run(self._run(named, arguments, self._environment())))

    def _found(self, ran: _Ran) -> Iterator[FoundMedia | Finding]:
        files = LocalFiles(self._collection, self.root)
        bad = 0
        for number, line in enumerate(ran.lines, 1):
            if not line.strip():
                continue
            try:
                path, fields = _parse(line, self.root)
            except ValueError as error:
                bad += 1
                if bad <= _MOST_TOLD:
                    yield self._finding("script-line", f"line {number}: {error}", "mend the program")
                continue
            yield files.media(path, fields, "the program names it")
        if bad > _MOST_TOLD:
            said = f"{bad - _MOST_TOLD} more of its lines are no use either"
            yield self._finding("script-line", said, "mend the program")
        if ran.code:
            yield self._finding(ran.code, ran.why, "what it has not named stays as it was")

    def _finding(self, code: str, message: str, help: str) -> Finding:
        return Finding(code, self._collection, "", message, help, holds="")

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        try:
            given = {name: read_secret(where, self._folder) for name, where in self._settings.env.items()}
        except RetroVueError as error:
            raise SourceGone(f"collection {self._collection}: {error}", error.help, "no-secret") from None
        return kept | given

    async def _run(self, program: str, arguments: Sequence[str], environment: Mapping[str, str]) -> _Ran:
        import asyncio

        try:
            child = await asyncio.create_subprocess_exec(
                program,
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                cwd=self._folder,
                env=environment,
                limit=LONGEST_LINE,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise SourceGone(
                f"collection {self._collection}: can't run {program}: {why}",
                "is source.run right, the program executable, and what its first line (#!) names there?",
                "script-gone",
            ) from None
        lines: list[bytes] = []
        last_words = asyncio.create_task(_tail(child.stderr))
        code, too_much, ended = 0, "", False
        try:
            async with self._desk.clock.deadline(self._settings.timeout):
                too_much = await _read(child.stdout, lines)
                if not too_much:
                    code, words = await child.wait(), await last_words
                    ended = True
        except TimeoutError:
            return _Ran(lines, "script-timeout", f"is not done within {self._settings.timeout:g} s")
        finally:
            if not ended:
                await self._end(child)
                last_words.cancel()
        if too_much:
            return _Ran(lines, "script-too-much", too_much)
        if code:
            end = f"ended with {code}" if code > 0 else f"was killed by signal {-code}"
            return _Ran(lines, "script-failed", f"{end}{': ' if words else ''}{words}")
        return _Ran(lines, "")

    async def _end(self, child: asyncio.subprocess.Process) -> None:
        """Kill it and what it started. What it has printed is read on, or asyncio would wait for ever: a pipe
        that is full is not looked at, and a process has ended for it when its pipes have."""
        import asyncio

        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)  # it leads a session of its own
        rest = asyncio.create_task(_tail(child.stdout))
        with contextlib.suppress(TimeoutError):  # somebody who left the session holds a pipe
            async with self._desk.clock.deadline(_KILLED_S):
                await child.wait()
                await rest
        rest.cancel()
        # Else the pipe that somebody holds is closed without a loop, which asyncio complains of.
        child._transport.close()  # type: ignore[attr-defined]


async def _read(stream: asyncio.StreamReader | None, lines: list[bytes]) -> str:
    """All lines, until there are none; or why no more are read."""
    assert stream is not None
    while True:
        try:
            line = await stream.readline()
        except ValueError:  # a line that is longer than the stream's limit
            return f"line {len(lines) + 1} is longer than {LONGEST_LINE} bytes"
        if not line:
            return ""
        if len(lines) == MOST_LINES:
            return f"it prints more than {MOST_LINES} lines"
        lines.append(line)


async def _tail(stream: asyncio.StreamReader | None) -> str:
    """The last line that it says on standard error."""
    assert stream is not None
    kept = b""
    while chunk := await stream.read(_LAST_WORDS):
        kept = (kept + chunk)[-_LAST_WORDS:]
    said = kept.decode("utf-8", "replace").strip().splitlines()
    return said[-1] if said else ""


def _parse(line: bytes, root: Path) -> tuple[PurePosixPath, dict[str, Any]]:
    """The path below ``root`` and the fields of a line. Raises ``ValueError``."""
    from retrovue.library.sidecar import sidecar_fields

    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("is no JSON") from None
    if not isinstance(values, dict) or not isinstance(path := values.pop("path", None), str) or not path:
        raise ValueError('write it like {"path": "films/x.mkv", "title": "X"}')
    inside = PurePosixPath(path)
    if inside.is_absolute():
        try:
            inside = inside.relative_to(root.as_posix())
        except ValueError:
            raise ValueError(f"{path!r} is not below {root}") from None
    within(root, str(inside))
    return inside, sidecar_fields(values)
