"""The one place where RetroVue keeps what it makes: artefacts, as-run, device identity, caches."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from retrovue.clock import MasterClock
from retrovue.errors import RetroVueError

#: Overrides the place for every station; a container points it at its volume.
ENVIRONMENT = "RETROVUE_STATE"

#: The artefact that is on the air.
ARTEFACT_NAME = "artefact.duckdb"
#: Held by the process that has the station on the air; names its pid.
LOCK_NAME = "on-air.lock"
#: Where a station that is on the air can be reached from this machine.
ADDRESS_NAME = "on-air.url"


def cache_dir() -> Path:
    """Where what can be made again is kept; not created here.

    ``$RETROVUE_STATE/cache``, so that a container writes its volume only, else ``$XDG_CACHE_HOME/retrovue``,
    by default ``~/.cache/retrovue``.
    """
    if chosen := os.environ.get(ENVIRONMENT):
        return Path(chosen).expanduser() / "cache"
    xdg = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(xdg) if xdg and Path(xdg).is_absolute() else Path.home() / ".cache") / "retrovue"


def states_home() -> Path:
    """Where the state directories of stations are that say nothing else."""
    xdg = os.environ.get("XDG_STATE_HOME", "")
    home = Path(xdg) if xdg and Path(xdg).is_absolute() else Path.home() / ".local" / "state"
    return home / "retrovue"


def state_dir(slug: str, override: str | None = None, written: Path | None = None) -> Path:
    """The state directory of station ``slug``; not created here.

    ``override`` (``--state``), else ``$RETROVUE_STATE``, is taken as it stands; else ``written``, which
    station.yaml says under ``serve:``; else
    ``$XDG_STATE_HOME/retrovue/<slug>``, by default ``~/.local/state/retrovue/<slug>``. A relative
    ``XDG_STATE_HOME`` is ignored, as the XDG Base Directory Specification asks.
    """
    if chosen := override or os.environ.get(ENVIRONMENT):
        return Path(chosen).expanduser()
    if written is not None:
        return written
    return states_home() / slug


@dataclass(slots=True)
class StateLock:
    """This process has the state directory on the air; the system takes the lock back when it dies."""

    descriptor: int

    def release(self) -> None:
        """Idempotent."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def hold(state: Path) -> StateLock:
    """Take the state directory for a station on the air. Raises ``RetroVueError`` when another one has it."""
    path = state / LOCK_NAME
    descriptor, holder = _take(path)
    if descriptor < 0:
        holder = holder.partition("\n")[0]
        raise RetroVueError(
            f"this station is on the air already{f' (process {holder})' if holder else ''}",
            help=f"stop that one first, or give this one a state directory of its own: {state} is taken",
        )
    _leave_word(descriptor, f"{os.getpid()}\n")
    return StateLock(descriptor)


@contextlib.contextmanager
def at_work(state: Path, what: str, command: str, clock: MasterClock) -> Iterator[None]:
    """Only this process is at work on ``what`` (a word or two) of the station meanwhile.

    Raises ``RetroVueError``, which names who is at work on it, when somebody is already.

    The system takes the lock back when its holder dies, however it dies; the file stays.
    """
    path = state / f"{what.replace(' ', '-')}.lock"
    with _writable(path):
        state.mkdir(parents=True, exist_ok=True)
    descriptor, holder = _take(path)
    if descriptor < 0:
        raise RetroVueError(
            f"{_told(holder)} is at work on this station's {what}",
            help=f"wait until it has ended, or stop it first ({path} is locked by it)",
        )
    try:
        since = f"{clock.now():%Y-%m-%d %H:%M:%S}"
        _leave_word(descriptor, f"{os.getpid()}\n{command}\n{since}\n{os.uname().nodename}\n")
        yield
    finally:
        os.close(descriptor)


def _told(holder: str) -> str:
    """ "retrovue ingest (process 4711, since 2026-11-26 10:00:00 UTC)", from what it left in its lock."""
    pid, command, since, host, *_ = [*holder.split("\n"), "", "", "", ""]
    if not since:  # it has only just taken the lock
        return "another process"
    where = f" on {host}" if host != os.uname().nodename else ""
    return f"{command} (process {pid}{where}, since {since} UTC)"


def _take(path: Path) -> tuple[int, str]:
    """(descriptor of the locked file, "") or (-1, what its holder left in it). Raises ``RetroVueError``."""
    with _writable(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 1000).decode(errors="replace").strip()
        os.close(descriptor)
        return -1, holder
    except OSError as error:
        os.close(descriptor)
        raise RetroVueError(
            f"{path} can't be locked: {error.strerror}",
            help="choose a state directory on a disk of this machine with --state DIR or RETROVUE_STATE",
        ) from error
    return descriptor, ""


@contextlib.contextmanager
def _writable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RetroVueError(
            f"{path} can't be written: {error.strerror}",
            help="choose another state directory with --state DIR or RETROVUE_STATE",
        ) from error


def _leave_word(descriptor: int, text: str) -> None:
    with contextlib.suppress(OSError):  # a full disk: it is for people only
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text.encode("utf-8", "replace"), 0)


def on_air_at(state: Path, url: str) -> None:
    """Leave word where the station is reached. A full disk is no reason to go off the air."""
    with contextlib.suppress(OSError):
        (state / ADDRESS_NAME).write_text(url + "\n", encoding="utf-8")


def off_air(state: Path) -> None:
    """Take that word back."""
    with contextlib.suppress(OSError):
        (state / ADDRESS_NAME).unlink(missing_ok=True)


def address_of(state: Path) -> str:
    """Where the station of ``state`` is reached; empty when it isn't on the air."""
    try:
        url = (state / ADDRESS_NAME).read_text(encoding="utf-8").strip()
        descriptor = os.open(state / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        # A process that died without a word left the file, but not the lock.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return url
    finally:
        os.close(descriptor)
    return ""


def likely_state_dir(folder: Path, override: str | None = None) -> Path | None:
    """The state directory of a station folder, told without reading the whole station; None when that
    takes more than a look at its station.yaml."""
    try:
        text = (folder / "station.yaml").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    match = re.search(r"^station:[ \t]*[\"']?([a-z0-9-]+)", text, re.MULTILINE)
    if match is None or re.search(r"\bstate:", text):  # named in YAML
        return None
    return state_dir(match[1], override)
