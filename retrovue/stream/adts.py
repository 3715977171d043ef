"""ADTS: cut a byte stream of AAC into frames; pure. Header layout: ISO/IEC 13818-7, 6.2."""

from __future__ import annotations

SAMPLES_PER_FRAME = 1024
HEADER_BYTES = 7


class AdtsSplitter:
    """Bytes in, whole ADTS frames out, however the bytes are cut. Junk between frames is skipped."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Every frame that ``data`` completes."""
        buffer = self._buffer
        buffer += data
        frames: list[bytes] = []
        position, end = 0, len(buffer)
        while end - position >= HEADER_BYTES:
            if buffer[position] != 0xFF or buffer[position + 1] & 0xF6 != 0xF0:
                following = buffer.find(b"\xff", position + 1)
                position = end if following < 0 else following
                continue
            length = (
                (buffer[position + 3] & 0x03) << 11 | buffer[position + 4] << 3 | buffer[position + 5] >> 5
            )
            if length < HEADER_BYTES:
                position += 1
                continue
            if position + length > end:
                break
            frames.append(bytes(buffer[position : position + length]))
            position += length
        del buffer[:position]
        return frames
