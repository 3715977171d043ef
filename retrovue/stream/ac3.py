"""AC-3: cut a byte stream into frames, and what a transport stream says of it; pure. ATSC A/52."""

from __future__ import annotations

from typing import ClassVar

from retrovue.stream.frames import FrameSplitter

SAMPLES_PER_FRAME = 1536

#: Bit rates by ``frmsizecod >> 1``, kbit/s (A/52 table 5.18).
BIT_RATES = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)


class Ac3Splitter(FrameSplitter):
    """Bytes in, whole frames at 48 kHz out: the house has no other sampling rate."""

    sync: ClassVar[int] = 0x0B
    header_bytes: ClassVar[int] = 5

    @staticmethod
    def length(buffer: bytearray, at: int) -> int:
        if buffer[at] != 0x0B or buffer[at + 1] != 0x77 or buffer[at + 4] & 0xC0:
            return 0
        code = (buffer[at + 4] & 0x3F) >> 1
        return 4 * BIT_RATES[code] if code < len(BIT_RATES) else 0


def descriptors(kbps: int) -> bytes:
    """Of a PMT's entry: registration "AC-3", and the AC-3 audio stream descriptor (A/52 annex A).

    48 kHz, bsid 8, exact bit rate, surround not indicated, complete main service in two channels.
    """
    audio = bytes(
        (
            0x08,  # sample_rate_code 48 kHz, bsid 8
            BIT_RATES.index(kbps) << 2,  # bit_rate_code (exact), surround_mode: not indicated
            0x05,  # bsmod: complete main, num_channels 2/0, full_svc
            0xFF,  # langcod: deprecated
            0x0F,  # mainid 0, priority: primary audio
            0x01,  # no text
            0x3F,  # no language
        )
    )
    return b"\x05\x04AC-3" + bytes((0x81, len(audio))) + audio
