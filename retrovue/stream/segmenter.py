"""A signal cut into media segments for HTTP Live Streaming; pure (RFC 8216).

A segment is some of the channel's own transport stream, from an IDR (with PAT and PMT before it) up to the
IDR that begins the next one; nothing is coded or wrapped again. As the signal is one time line for ever,
there is never a discontinuity to tell.
"""

from __future__ import annotations

from retrovue.lineup import MediaSegment
from retrovue.stream.fanout import Chunk

#: A segment ends with the first IDR after so long (µs): with GOPs of up to 0.6 s none is longer than 2.4 s,
#: which rounds to the two seconds that playlists promise (RFC 8216, 4.3.3.1).
_LENGTH_US = 1_800_000


class Segmenter:
    """Chunks in, segments out."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._begin_us: int | None = None  #: of the segment in hand
        self._next = 0  #: seq of the chunk that follows

    def feed(self, chunk: Chunk) -> MediaSegment | None:
        """The segment that ends where ``chunk`` begins, if one does."""
        complete = None
        if self._begin_us is not None and chunk.seq != self._next:
            self._pieces, self._begin_us = [], None  # the reader was too slow: what is missing can't be cut
        if chunk.key:
            if self._begin_us is not None and chunk.start_us - self._begin_us >= _LENGTH_US:
                complete = MediaSegment(
                    self._begin_us, chunk.start_us - self._begin_us, b"".join(self._pieces)
                )
                self._begin_us = None
            if self._begin_us is None:
                self._pieces, self._begin_us = [], chunk.start_us
        if self._begin_us is not None:
            self._pieces.append(chunk.data)
        self._next = chunk.seq + 1
        return complete
