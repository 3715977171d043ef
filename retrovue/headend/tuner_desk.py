"""What an operator may know of tuners, and do to them: the API's seam to whoever has tuners; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class TunerState:
    """One tuner as it is now. Times are seconds of this machine."""

    index: int
    number: str = ""  #: of the channel it is tuned to: "5.1"
    name: str = ""
    client: str = ""  #: the address of whoever uses it; empty: it is free
    target: str = ""  #: where it sends: "http://10.0.0.9:51034", "udp://…", "rtp://…"
    agent: str = ""  #: what the client calls itself
    locked: bool = False  #: by the control protocol
    bits_s: int = 0
    sent: int = 0  #: bytes
    lasts_s: float = 0.0  #: since it began to send
    idle_s: float = 0.0  #: since the client took anything


class TunerDesk(Protocol):
    """One device's tuners."""

    @property
    def device(self) -> str:
        """Its id, 8 hex digits."""
        ...

    @property
    def name(self) -> str:
        """The name that clients show."""
        ...

    def tuners(self) -> Sequence[TunerState]: ...

    def kick(self, index: int) -> bool:
        """End whatever uses the tuner. False when nobody does. Raises ``IndexError`` when there is none."""
        ...
