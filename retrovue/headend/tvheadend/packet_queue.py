"""What a subscription still has to send, and what is left out when the client is too slow; no waiting.

Tvheadend's rule, by the bytes that wait: B-frames go beyond the queue's depth, P-frames beyond twice,
everything beyond three times. A picture that refers to one that was left out would be shown broken, so
after a P-frame is lost the following are left out, too, up to the next picture with which a decoder can
begin.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from retrovue.headend.tvheadend.packets import Packet

#: Bytes, when the client doesn't say.
DEFAULT_DEPTH = 500_000
#: A client may ask for less than is sensible and for more than is healthy.
LEAST_DEPTH, MOST_DEPTH = 64 * 1024, 10_000_000


class PacketQueue:
    """One producer, one consumer, one event loop."""

    def __init__(self, depth: int, taken: Callable[[], None] = lambda: None) -> None:
        """``taken`` is called whenever a packet leaves."""
        self.depth = max(LEAST_DEPTH, min(depth or DEFAULT_DEPTH, MOST_DEPTH))
        self._taken = taken
        self._packets: deque[Packet] = deque()
        self.bytes = 0
        self.drops = {"I": 0, "P": 0, "B": 0}
        self.sent = 0  #: bytes that have left
        self._broken = False

    def __len__(self) -> int:
        return len(self._packets)

    def put(self, packet: Packet) -> None:
        """Queue the packet, or leave it out."""
        if self._spared(packet):
            # As Tvheadend counts: sound that is left out stands with the I-frames.
            self.drops[packet.kind or "I"] += 1
            return
        self._packets.append(packet)
        self.bytes += len(packet.frame)

    def _spared(self, packet: Packet) -> bool:
        kind, waiting = packet.kind, self.bytes
        if kind == "":
            return waiting > 3 * self.depth
        if kind == "I":
            self._broken = waiting > 3 * self.depth
            return self._broken
        if kind == "B":
            return self._broken or waiting > self.depth
        self._broken = self._broken or waiting > 2 * self.depth
        return self._broken

    def pop(self) -> bytes | None:
        """The next frame; None when nothing waits."""
        if not self._packets:
            return None
        frame = self._packets.popleft().frame
        self.bytes -= len(frame)
        self.sent += len(frame)
        self._taken()
        return frame

    def clear(self) -> None:
        """The signal is over; what is left of it belongs to nothing."""
        self._packets.clear()
        self.bytes = 0
        self._broken = False

    @property
    def delay(self) -> int:
        """How long the oldest packet has to wait for the newest, in microseconds of programme."""
        if len(self._packets) < 2:
            return 0
        return max(0, self._packets[-1].pts - self._packets[0].pts) * 100 // 9
