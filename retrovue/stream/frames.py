"""Audio frames that say their own length: cut a byte stream of them; pure."""

from __future__ import annotations

from typing import ClassVar


class FrameSplitter:
    """Bytes in, whole frames out, however the bytes are cut. Junk between frames is skipped."""

    #: First byte of the codec's sync word, and how many bytes ``length`` needs.
    sync: ClassVar[int]
    header_bytes: ClassVar[int]

    def __init__(self) -> None:
        self._buffer = bytearray()

    @staticmethod
    def length(buffer: bytearray, at: int) -> int:
        """Bytes of the frame whose header begins at ``at``; 0: no header is there."""
        raise NotImplementedError  # each codec's own header says so

    def feed(self, data: bytes) -> list[bytes]:
        """Every frame that ``data`` completes."""
        buffer = self._buffer
        buffer += data
        frames: list[bytes] = []
        position, end = 0, len(buffer)
        while end - position >= self.header_bytes:
            length = self.length(buffer, position)
            if not length:
                following = buffer.find(self.sync, position + 1)
                position = end if following < 0 else following
                continue
            if position + length > end:
                break
            frames.append(bytes(buffer[position : position + length]))
            position += length
        del buffer[:position]
        return frames
