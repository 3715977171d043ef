"""A segment rendered by an ffmpeg child: decode, normalise, encode into the house format."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from retrovue.clock import MasterClock
from retrovue.playout.ffmpeg import Cut, Pipes
from retrovue.playout.house import HouseFormat
from retrovue.playout.process import FfmpegChild
from retrovue.playout.sources.base import Ending, EndingKind
from retrovue.playout.ticks import SAMPLE_RATE
from retrovue.stream.mpegts import CLOCK_HZ
from retrovue.units import round_div

#: A child keeps this much ready beyond what was taken (seconds): enough to bridge its own restart.
STOCK_S = 3.0
#: And never more than this of one medium, however badly a file is interleaved (seconds).
STOCK_LIMIT_S = 60.0

#: Builds the argument list for a cut and pipes.
Command = Callable[[Cut, Pipes], list[str]]


class FfmpegSource:
    """A ``Source`` with a child of its own."""

    def __init__(
        self,
        command: Command,
        house: HouseFormat,
        start: int,
        end: int,
        with_audio: bool,
        notify: Callable[[], None],
        clock: MasterClock,
        stock_s: float = STOCK_S,
        fed: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """``fed``: what the child reads is given to it with ``feed``; ``environment``: beside our own."""
        grid, audio_grid = house.grid, house.audio_grid
        self._grid, self._audio_grid = grid, audio_grid
        self.start, self.end = start, end
        self.audio_start = audio_grid.nearest(grid.pts(start))
        self.audio_end = audio_grid.nearest(grid.pts(end))
        self._command = command
        self._fed, self._environment = fed, environment
        self._with_audio = with_audio and self.audio_end > self.audio_start
        self._next_tick = start
        self._next_frame = self.audio_start
        self._priming = self._with_audio
        self.delivered = 0  #: pictures taken
        stock = round(stock_s * house.rate)
        self.child = FfmpegChild(
            notify,
            clock,
            high_video=stock,
            high_audio=round(stock_s * SAMPLE_RATE / audio_grid.frame_samples),
            hard_video=round(STOCK_LIMIT_S * house.rate),
            video=house.video,
            audio=house.audio,
        )
        anchor = grid.pts(start)
        self._cut = Cut(
            ticks=end - start,
            audio_from=round_div((audio_grid.pts(self.audio_start) - anchor) * SAMPLE_RATE, CLOCK_HZ),
            audio_to=round_div((audio_grid.pts(self.audio_end) - anchor) * SAMPLE_RATE, CLOCK_HZ),
        )

    async def launch(self) -> None:
        """Spawn the child. Raises ``OSError``."""
        await self.child.start(
            lambda pipes: self._command(self._cut, pipes),
            self._with_audio,
            fed=self._fed,
            environment=self._environment,
        )

    def feed(self, data: bytes) -> int:
        """For a child that is fed; how many bytes it has yet to take."""
        return self.child.write(data)

    def show_from(self, tick: int) -> None:
        """Its first picture is for ``tick``: for what comes in its own time. Before anything is taken."""
        self.start = self._next_tick = tick
        self.audio_start = self._next_frame = self._audio_grid.nearest(self._grid.pts(tick))

    def video(self, tick: int) -> bytes | None:
        """The picture of ``tick``; None when it hasn't come (yet). Older ones are dropped."""
        while self._next_tick < tick and self.child.video:
            self.child.take_video()
            self._next_tick += 1
        return self.child.video[0] if self._next_tick == tick and self.child.video else None

    def ahead(self, tick: int) -> bytes | None:
        """The picture of ``tick``, which may come later than the next; nothing is dropped."""
        index = tick - self._next_tick
        return self.child.video[index] if 0 <= index < len(self.child.video) else None

    def take(self, tick: int) -> None:
        """``tick``'s picture has been sent."""
        if self._next_tick == tick and self.child.video:
            self.child.take_video()
            self._next_tick += 1
            self.delivered += 1

    def audio(self, frame: int) -> bytes | None:
        """Audio frame ``frame`` of the endless grid; None when it hasn't come (yet).

        Only looks: a tick that needs two frames asks again for both when the second is late.
        """
        self._drop_priming()
        index = frame - self._next_frame
        return self.child.audio[index] if 0 <= index < len(self.child.audio) else None

    def release_audio(self, frame: int) -> None:
        """Nothing before audio frame ``frame`` will be asked for again."""
        self._drop_priming()
        while self._next_frame < frame and self.child.audio:
            self.child.take_audio()
            self._next_frame += 1

    def _drop_priming(self) -> None:
        if self._priming and self.child.audio:
            self.child.take_audio()
            self._priming = False

    @property
    def waiting(self) -> int:
        """Pictures that have come and were not taken yet."""
        return len(self.child.video)

    @property
    def idle_s(self) -> float:
        """For how long the child has delivered nothing although it was free to (real seconds)."""
        return self.child.idle_s

    @property
    def ended(self) -> bool:
        """No further picture will come."""
        return self.child.over and not self.child.video

    @property
    def ending(self) -> Ending | None:
        """How the child ended; None while it hasn't, or while that isn't known yet."""
        code = self.child.exit_code
        if code is None or not self.ended:
            return None
        kind: EndingKind = "killed" if code < 0 else "died" if code else "short"
        return Ending(kind, self.child.complaint or f"ffmpeg ended with {code}")

    def mute(self, frame: int) -> bool:
        # One before the first is not of this source: it began later, in place of one that died.
        return not self._with_audio or self.child.audio_ended or frame < self._next_frame

    @property
    def complete(self) -> bool:
        """Has every picture come?"""
        return self._next_tick + len(self.child.video) >= self.end

    @property
    def detail(self) -> str:
        """Which child."""
        return f"ffmpeg pid {self.child.pid}" if self.child.pid else ""

    async def stop(self) -> None:
        """Kill the child; idempotent."""
        await self.child.kill()
