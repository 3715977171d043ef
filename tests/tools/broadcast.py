"""A station really on the air: the ``retrovue serve`` program, its sockets and its children.

Nothing of RetroVue runs in the test's own process: what is seen here, a television sees too.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from retrovue.state_dir import ADDRESS_NAME
from tests.tools.capture import capture

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    """A process as /proc shows it."""

    pid: int
    parent: int
    started: int  #: clock ticks since boot: with the pid it names one process for ever
    argv: tuple[str, ...]

    @property
    def is_ffmpeg(self) -> bool:
        return bool(self.argv) and "ffmpeg" in Path(self.argv[0]).name

    @property
    def alive(self) -> bool:
        now = _process(self.pid)
        return now is not None and now.started == self.started


def _process(pid: int) -> Process | None:
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
        argv = (_PROC / str(pid) / "cmdline").read_bytes().split(b"\0")[:-1]
    except OSError:
        return None
    fields = stat[stat.rindex(")") + 2 :].split()  # the name before may hold anything
    if fields[0] == "Z":
        return None
    return Process(pid, int(fields[1]), int(fields[19]), tuple(a.decode(errors="replace") for a in argv))


def descendants(pid: int) -> list[Process]:
    """Every process below ``pid``, zombies left out."""
    everyone = [p for entry in _PROC.iterdir() if entry.name.isdigit() and (p := _process(int(entry.name)))]
    found, parents = [], {pid}
    while parents:
        layer = [p for p in everyone if p.parent in parents]
        found += layer
        parents = {p.pid for p in layer}
    return found


def open_files(pid: int) -> list[str]:
    """What every file descriptor of ``pid`` points at ("pipe:[123]", "/path", "socket:[…]"), sorted."""
    found = []
    for entry in (_PROC / str(pid) / "fd").iterdir():
        with contextlib.suppress(OSError):
            found.append(str(entry.readlink()))
    return sorted(found)


def cpu_seconds(pid: int) -> float:
    """User and system time of ``pid`` and of the children it has waited for."""
    fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return sum(int(f) for f in fields[11:15]) / os.sysconf("SC_CLK_TCK")


#: Ports below 32768, from where on connections are given theirs; each test process, beside which others may
#: run, has its own, and begins somewhere among them, so that none comes again soon.
_PORTS = 1_500
_FIRST_PORT = 20_000 + _PORTS * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8)
_TURN = itertools.count(random.SystemRandom().randrange(_PORTS))


def free_port() -> int:
    """A TCP and UDP port of the loopback that nobody uses now, and that nobody else will be given."""
    while True:
        port = _FIRST_PORT + next(_TURN) % _PORTS
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            try:
                tcp.bind(("127.0.0.1", port))
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def until(condition: Callable[[], bool], seconds: float, what: str, every: float = 0.05) -> float:
    """Wait for ``condition``; the seconds it took. Raises ``AssertionError`` naming ``what``."""
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > seconds:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(every)
    return time.monotonic() - start


class Broadcast:
    """``retrovue serve`` as a child process, on free ports of the loopback.

    ``tuner`` puts it on the ports of a real HDHomeRun (65001 and 5004) of ``address``, and lets it be found.
    """

    def __init__(
        self, station: Path, state: Path, *options: str, address: str = "127.0.0.1", tuner: bool = False
    ) -> None:
        self.station, self.state, self.address = station, state, address
        self.http_port, self.stream_port = free_port(), 5004 if tuner else free_port()
        self.control_port = 65001 if tuner else free_port()
        self.htsp_port, self.tvheadend_port = free_port(), free_port()
        self._discovery = "on" if tuner else "off"
        self.log_file = state / "serve.log"
        self._options = options
        self._child: subprocess.Popen[bytes] | None = None

    def start(self, patience: float = 150.0) -> Broadcast:
        """Return once the tuner API answers. Raises ``AssertionError`` with the program's own words."""
        self.state.mkdir(parents=True, exist_ok=True)
        command = [
            *(sys.executable, "-m", "retrovue", "serve", str(self.station), "--state", str(self.state)),
            *(
                "--bind",
                self.address,
                "--http-port",
                str(self.http_port),
                "--stream-port",
                str(self.stream_port),
            ),
            *("--control-port", str(self.control_port), "--htsp-port", str(self.htsp_port)),
            *("--tvheadend-port", str(self.tvheadend_port), "--discovery", self._discovery, *self._options),
        ]
        with self.log_file.open("wb") as log:
            # A session of its own: a Ctrl-C at the test runner is not the station's.
            self._child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        try:
            until(self._answers, patience, "the station is on the air")
        except AssertionError as error:
            self.kill()
            raise AssertionError(f"{error}\n{self.log()}") from None
        return self

    def _answers(self) -> bool:
        if self._child is None or self._child.poll() is not None:
            raise AssertionError("the station ended before it was on the air")
        if not (self.state / ADDRESS_NAME).exists():
            return False  # the commands of its operator would not find it yet
        try:
            return bool(self.get_json("/lineup.json"))
        except OSError:
            return False

    @property
    def pid(self) -> int:
        assert self._child is not None
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def log(self) -> str:
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def url(self, number: str) -> str:
        return f"http://{self.address}:{self.stream_port}/auto/v{number}"

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://{self.address}:{self.http_port}{path}", timeout=10) as answer:
            return str(answer.read().decode())

    def get_json(self, path: str) -> object:
        return json.loads(self.get(path))

    def children(self) -> list[Process]:
        return descendants(self.pid)

    def ffmpegs(self) -> list[Process]:
        return [p for p in self.children() if p.is_ffmpeg]

    def sign_off(self) -> None:
        """SIGTERM, and no more."""
        assert self._child is not None
        self._child.send_signal(signal.SIGTERM)

    def stop(self, patience: float = 20.0) -> int:
        """SIGTERM; the exit code. Raises ``AssertionError`` when it does not end in time."""
        self.sign_off()
        assert self._child is not None
        try:
            return self._child.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(
                f"SIGTERM did not end the station within {patience:g} s\n{self.log()}"
            ) from None

    def kill(self) -> None:
        """End it and its children for certain; for cleaning up only."""
        if self._child is None:
            return
        orphans = descendants(self.pid)
        if self._child.poll() is None:
            self._child.kill()
        self._child.wait()
        for process in orphans:
            if process.alive:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)

    def __enter__(self) -> Broadcast:
        return self if self._child is not None else self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()


@dataclass
class Recording:
    """A viewer in a thread: what it got, and when."""

    url: str
    chunks: list[tuple[bytes, float]] = field(default_factory=list)
    requested: float = 0.0  #: Unix time of the request
    error: BaseException | None = None
    ended: bool = False  #: the server ended the stream
    _leave: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self, seconds: float = 3600.0) -> Recording:
        self._thread = threading.Thread(target=self._run, args=(seconds,), daemon=True)
        self._thread.start()
        return self

    def _run(self, seconds: float) -> None:
        self.requested = time.time()
        stream = capture(self.url, seconds)
        try:
            for chunk in stream:
                self.chunks.append(chunk)
                if self._leave.is_set() or chunk[1] - self.chunks[0][1] >= seconds:
                    return
            self.ended = True
        except BaseException as error:  # told by join() in the test's own thread
            self.error = error
        finally:
            stream.close()

    @property
    def size(self) -> int:
        return sum(len(data) for data, _ in list(self.chunks))

    @property
    def data(self) -> bytes:
        return b"".join(data for data, _ in self.chunks)

    @property
    def watching(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def wait_first(self, seconds: float = 15.0) -> Recording:
        until(
            lambda: bool(self.chunks) or not self.watching, seconds, f"first bytes of {self.url}", every=0.005
        )
        if not self.chunks:
            raise AssertionError(f"no picture from {self.url}: {self.error!r}")
        return self

    def join(self) -> Recording:
        """Wait for the end of the time asked for. Raises what went wrong on the way."""
        assert self._thread is not None
        self._thread.join()
        if self.error is not None:
            raise self.error
        if self.ended:
            raise AssertionError(f"the station ended the stream of {self.url} after {self.size} bytes")
        return self

    def leave(self) -> Recording:
        """Stop watching."""
        self._leave.set()
        return self.join()


@contextlib.contextmanager
def watching(url: str) -> Iterator[Recording]:
    """A viewer for the length of a block, whose first bytes have come."""
    recording = Recording(url).start()
    try:
        yield recording.wait_first()
    finally:
        recording._leave.set()
        assert recording._thread is not None
        recording._thread.join(30)


def clean_log(text: str) -> list[str]:
    """Lines of a station's log that must never be there."""
    return [
        line
        for line in text.splitlines()
        if re.search(r"Traceback|Task exception|never awaited|Unclosed", line)
    ]
