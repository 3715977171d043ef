"""ADTS: cut a byte stream of AAC into frames; pure. Header layout: ISO/IEC 13818-7, 6.2."""

from __future__ import annotations

from typing import ClassVar

from retrovue.stream.frames import FrameSplitter

SAMPLES_PER_FRAME = 1024
HEADER_BYTES = 7
#: By sampling_frequency_index (ISO/IEC 13818-7, table 35), Hz.
RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)


class AdtsSplitter(FrameSplitter):
    """Bytes in, whole ADTS frames out."""

    sync: ClassVar[int] = 0xFF
    header_bytes: ClassVar[int] = HEADER_BYTES

    @staticmethod
    def length(buffer: bytearray, at: int) -> int:
        if buffer[at] != 0xFF or buffer[at + 1] & 0xF6 != 0xF0:
            return 0
        length = (buffer[at + 3] & 0x03) << 11 | buffer[at + 4] << 3 | buffer[at + 5] >> 5
        return length if length >= HEADER_BYTES else 0
