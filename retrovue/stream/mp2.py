"""MPEG-1 audio layer II: cut a byte stream into frames; pure. ISO/IEC 11172-3, 2.4.2.3."""

from __future__ import annotations

from typing import ClassVar

from retrovue.stream.frames import FrameSplitter

SAMPLES_PER_FRAME = 1152

#: Bit rates by ``bitrate_index``, kbit/s; 0 is "free format", which the house doesn't use.
BIT_RATES = (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384)


class Mp2Splitter(FrameSplitter):
    """Bytes in, whole frames at 48 kHz out: the house has no other sampling rate."""

    sync: ClassVar[int] = 0xFF
    header_bytes: ClassVar[int] = 4

    @staticmethod
    def length(buffer: bytearray, at: int) -> int:
        # Sync word, MPEG-1, layer II; 48 kHz, where padding never occurs.
        if buffer[at] != 0xFF or buffer[at + 1] & 0xFE != 0xFC or buffer[at + 2] & 0x0E != 0x04:
            return 0
        index = buffer[at + 2] >> 4
        return 3 * BIT_RATES[index] if index < len(BIT_RATES) else 0
