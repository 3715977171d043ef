"""One ffmpeg child and its two pipes, read as access units and audio frames.

Every child leads a session of its own, so that whatever it may start ends with it, and carries the name of
the state directory it works for (``CHILD_OF``): what a station that was killed has left behind is found by
that and ended at the next sign-on.

Both pipes are always drained while either medium is short: a decoder whose picture and sound are
interleaved far apart would otherwise block on the full pipe while we wait for the empty one. Only when
both are well ahead does reading pause, and the child waits in its write.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

from retrovue.clock import MasterClock
from retrovue.playout.ffmpeg import Pipes
from retrovue.stream.codecs import AAC, H264, AudioCodec, VideoCodec

log = logging.getLogger(__name__)

#: Children give way to the process that feeds the viewers.
_NICE = 2
#: What is nobody's picture gives way to everything.
_NICE_BATCH = 15
_STDERR_KEPT = 2000
#: Nothing can end a process that waits for a dead store, not even SIGKILL: it is waited for no longer than
#: this (seconds), and reaped whenever it does end.
_KILL_PATIENCE_S = 5.0

#: Environment variable of every child: the state directory it works for.
CHILD_OF = "ON_AIR_FOR"


class _PipeReader(asyncio.Protocol):
    def __init__(self, data: Callable[[bytes], None], lost: Callable[[], None]) -> None:
        self._data, self._lost = data, lost
        self.transport: asyncio.ReadTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.ReadTransport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost()


_living: set[FfmpegChild] = set()


def living() -> int:
    """How many ffmpegs of this process run now."""
    return len(_living)


class FfmpegChild:
    """A running ffmpeg. ``video`` and ``audio`` hold what came and was not taken yet.

    ``high_video``/``high_audio``: reading pauses when that many units of *both* media wait;
    ``hard_video``: no more than this many pictures are ever kept.
    """

    def __init__(
        self,
        notify: Callable[[], None],
        clock: MasterClock,
        high_video: int,
        high_audio: int,
        hard_video: int,
        video: VideoCodec = H264,
        audio: AudioCodec = AAC,
    ) -> None:
        self.video: deque[bytes] = deque()
        self.audio: deque[bytes] = deque()
        self.video_ended = False
        self.audio_ended = True
        self.pid = 0
        self.exit_code: int | None = None
        self._notify, self._clock = notify, clock
        self._alive_s = 0.0  #: when it was started, delivered something, or was let go on
        self._high_video, self._high_audio, self._hard_video = high_video, high_audio, hard_video
        self._video_splitter = video.splitter()
        self._audio_splitter = audio.splitter()
        self._readers: list[_PipeReader] = []
        self._paused = False
        self._process: asyncio.subprocess.Process | None = None
        self._reaper: asyncio.Task[None] | None = None
        self._stderr = b""
        self._killed = False

    async def start(
        self,
        build: Callable[[Pipes], list[str]],
        with_audio: bool,
        feed: bytes = b"",
        fed: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Spawn; ``build`` makes the argument list around the pipes. Raises ``OSError``.

        ``feed`` is what the child finds on its standard input; ``fed``: what is given to ``write``.
        ``environment`` is put into ours.
        """
        loop = asyncio.get_running_loop()
        video_read, video_write = os.pipe()
        audio_read, audio_write = os.pipe() if with_audio else (-1, -1)
        self.audio_ended = not with_audio
        writers = [fd for fd in (video_write, audio_write) if fd >= 0]
        readers = [fd for fd in (video_read, audio_read) if fd >= 0]
        stdin = asyncio.subprocess.PIPE if fed else asyncio.subprocess.DEVNULL
        try:
            arguments = build(Pipes(video_write, audio_write if with_audio else None))
            if feed:
                # A file in memory, not a pipe: nobody has to stand by until the child has read it.
                stdin = os.memfd_create("feed")
                writers.append(stdin)
                os.pwrite(stdin, feed, 0)
            self._process = await asyncio.create_subprocess_exec(
                *arguments,
                stdin=stdin,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                env={**(_environment or os.environ), **environment} if environment else _environment,
                pass_fds=writers,
                start_new_session=True,
            )
        except BaseException:
            for fd in readers:
                os.close(fd)
            raise
        finally:
            for fd in writers:
                os.close(fd)
        self.pid = self._process.pid
        self._alive_s = self._clock.elapsed()
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, self.pid, _NICE)
        plan = [(video_read, self._on_video, self._on_video_lost)]
        if with_audio:
            plan.append((audio_read, self._on_audio, self._on_audio_lost))
        for fd, data, lost in plan:
            reader = _PipeReader(data, lost)
            await loop.connect_read_pipe(lambda reader=reader: reader, os.fdopen(fd, "rb", 0))  # type: ignore[misc]  # mypy can't infer a lambda with a default
            self._readers.append(reader)
        self._reaper = asyncio.create_task(self._reap(), name=f"ffmpeg {self.pid}")
        _living.add(self)
        if self._killed:
            await self.kill()

    def write(self, data: bytes) -> int:
        """Onto its standard input, without waiting; how many bytes it has yet to take."""
        stdin = self._process.stdin if self._process is not None else None
        if stdin is None or stdin.transport.is_closing():
            return 0
        stdin.write(data)
        return stdin.transport.get_write_buffer_size()

    def take_video(self) -> bytes:
        """The oldest picture; lets the child go on when stock runs low."""
        unit = self.video.popleft()
        self._resume_when_low()
        return unit

    def take_audio(self) -> bytes:
        """The oldest audio frame."""
        frame = self.audio.popleft()
        self._resume_when_low()
        return frame

    @property
    def idle_s(self) -> float:
        """For how long it has delivered nothing although it was free to; 0 when it isn't free or is gone."""
        if self._paused or self.exit_code is not None or not self.pid:
            return 0.0
        return self._clock.elapsed() - self._alive_s

    @property
    def complaint(self) -> str:
        """The last thing ffmpeg said, one line."""
        lines = self._stderr.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""

    @property
    def said(self) -> str:
        """All that ffmpeg said, or the end of it."""
        return self._stderr.decode(errors="replace")

    @property
    def over(self) -> bool:
        """Nothing more will come than what waits in ``video``, and how the child ended is known."""
        return self.video_ended and self.exit_code is not None

    async def kill(self) -> None:
        """End the child and every process it may have started; returns when it is reaped."""
        self._killed = True
        for reader in self._readers:
            if reader.transport is not None:
                reader.transport.close()
        if self._process is None:
            return
        if self._process.stdin is not None and not self._process.stdin.transport.is_closing():
            self._process.stdin.transport.abort()
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        if self._reaper is not None:
            try:
                async with self._clock.deadline(_KILL_PATIENCE_S):
                    await asyncio.shield(self._reaper)
            except TimeoutError:
                log.warning("ffmpeg %d can't be ended: it waits for a store that doesn't answer", self.pid)

    async def _reap(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        while text := await self._process.stderr.read(4096):
            self._stderr = (self._stderr + text)[-_STDERR_KEPT:]
        self.exit_code = await self._process.wait()
        _living.discard(self)
        self._keep_tail()
        self._notify()

    def _on_video(self, data: bytes) -> None:
        self._alive_s = self._clock.elapsed()
        units = self._video_splitter.feed(data)
        if units:
            self.video.extend(units)
            self._pause_when_high()
            self._notify()

    def _on_audio(self, data: bytes) -> None:
        frames = self._audio_splitter.feed(data)
        if frames:
            self.audio.extend(frames)
            self._pause_when_high()
            self._notify()

    def _on_video_lost(self) -> None:
        self.video_ended = True
        self._keep_tail()
        self._notify()

    def _keep_tail(self) -> None:
        """The last picture has no successor to end it: it is whole only if the child ended well."""
        if self.over and self.exit_code == 0 and (last := self._video_splitter.flush()) is not None:
            self.video.append(last)

    def _on_audio_lost(self) -> None:
        self.audio_ended = True
        self._notify()

    def _pause_when_high(self) -> None:
        if self._paused or self._killed:
            return
        sound_is_well = self.audio_ended or len(self.audio) >= self._high_audio
        if (len(self.video) >= self._high_video and sound_is_well) or len(self.video) >= self._hard_video:
            self._paused = True
            for reader in self._readers:
                if reader.transport is not None:
                    reader.transport.pause_reading()

    def _resume_when_low(self) -> None:
        if not self._paused or self._killed:
            return
        # Three quarters: large enough a step that pausing and resuming stay rare.
        if 4 * len(self.video) < 3 * self._high_video or (
            not self.audio_ended and 4 * len(self.audio) < 3 * self._high_audio
        ):
            self._paused = False
            self._alive_s = self._clock.elapsed()
            for reader in self._readers:
                if reader.transport is not None and not reader.transport.is_closing():
                    reader.transport.resume_reading()


async def answer(arguments: list[str], clock: MasterClock, patience_s: float) -> tuple[int, bytes, str]:
    """Run a short ffmpeg out of everybody's way: exit code, output, last complaint.

    Raises ``OSError`` when it can't be started and ``TimeoutError`` when it takes longer than ``patience_s``
    real seconds; it is ended then.
    """
    process = await asyncio.create_subprocess_exec(
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=_environment,
        start_new_session=True,
    )
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, process.pid, _NICE_BATCH)
    try:
        async with clock.deadline(patience_s):
            output, complaints = await process.communicate()
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        raise
    lines = complaints.decode(errors="replace").strip().splitlines()
    return process.returncode or 0, output, lines[-1] if lines else ""


_environment: Mapping[str, str] | None = None


def environment() -> Mapping[str, str] | None:
    """Of every child; None: as it is here."""
    return _environment


def adopt(state: Path) -> list[int]:
    """Children of this process work for ``state`` from now on; ends those that another one left behind.

    Whoever holds the state directory's lock may call this: nobody else's children carry its name. Returns
    the pids that were ended; on systems without /proc, none.
    """
    global _environment
    name = str(state.resolve())
    _environment = {**os.environ, CHILD_OF: name}
    mark = f"{CHILD_OF}={name}".encode()
    ended = []
    for folder in Path("/proc").glob("[0-9]*"):
        pid = int(folder.name)
        try:
            if pid != os.getpid() and mark in (folder / "environ").read_bytes().split(b"\0"):
                os.killpg(os.getpgid(pid), signal.SIGKILL)
                ended.append(pid)
        except OSError:
            continue  # gone by now, or somebody else's
    return ended
