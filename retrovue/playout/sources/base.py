"""What a producer asks of the source of one segment; declarations only.

Whatever makes them (an ffmpeg child, a house copy on the disk), a source gives whole access units of the
house's encoder and whole audio frames, by the ticks and audio frames of the channel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

#: How a source came to its end. "short": what it reads is shorter than its contract; "died": its reader
#: gave up; "killed": somebody ended its reader, so that what it reads is not to blame.
EndingKind = Literal["short", "died", "killed"]


@dataclass(frozen=True, slots=True)
class Ending:
    """Why nothing more comes."""

    kind: EndingKind
    complaint: str  #: one line, for people


class Source(Protocol):
    """Pictures of the ticks [start, end) and the audio frames that go with them.

    The ``notify`` it was made with is called whenever something new can be taken or the source has ended.
    """

    start: int
    end: int
    delivered: int  #: pictures taken

    async def launch(self) -> None:
        """Begin. Raises ``OSError``."""
        ...

    def video(self, tick: int) -> bytes | None:
        """The picture of ``tick``; None when it hasn't come (yet). Older ones are dropped."""
        ...

    def take(self, tick: int) -> None:
        """``tick``'s picture has been sent."""
        ...

    def audio(self, frame: int) -> bytes | None:
        """Audio frame ``frame`` of the endless grid; None when it hasn't come (yet).

        Only looks: a tick that needs two frames asks again for both when the second is late.
        """
        ...

    def release_audio(self, frame: int) -> None:
        """Nothing before audio frame ``frame`` will be asked for again."""
        ...

    @property
    def waiting(self) -> int:
        """Pictures that have come and were not taken yet."""
        ...

    @property
    def idle_s(self) -> float:
        """For how long it has delivered nothing although it was free to (real s); 0 while it is well."""
        ...

    @property
    def ended(self) -> bool:
        """No further picture will come."""
        ...

    @property
    def ending(self) -> Ending | None:
        """How it ended; None while it hasn't, or while that isn't known yet."""
        ...

    def mute(self, frame: int) -> bool:
        """Will audio frame ``frame`` never come, if it isn't there?"""
        ...

    @property
    def complete(self) -> bool:
        """Has every picture come?"""
        ...

    @property
    def detail(self) -> str:
        """What makes the pictures, for people: "ffmpeg pid 123"; empty before it is known."""
        ...

    async def stop(self) -> None:
        """Leave nothing behind; idempotent."""
        ...
