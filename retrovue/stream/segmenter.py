"""A signal cut into media segments for HTTP Live Streaming; pure (RFC 8216).

A segment is some of the channel's own transport stream, from an IDR (with PAT and PMT before it) up to the
IDR that begins the next one; nothing is coded or wrapped again. As the signal is one time line for ever,
there is never a discontinuity to tell.
"""

from __future__ import annotations

from retrovue.lineup import Break, MediaSegment
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
        self._any = False  #: was there a segment before?
        self._within: Break | None = None  #: at the beginning of the segment in hand
        self._cues: tuple[Break | None, bool, Break | None] = (
            None,
            False,
            None,
        )  #: the segment's last fields

    def feed(self, chunk: Chunk) -> MediaSegment | None:
        """The segment that ends where ``chunk`` begins, if one does."""
        complete = None
        # A break begins and ends with an IDR as a rule. Where none is, the next one must do.
        edge = _id(chunk.within) != _id(self._within)
        if self._begin_us is not None and chunk.seq != self._next:
            self._pieces, self._begin_us = [], None  # the reader was too slow: what is missing can't be cut
        if chunk.key:
            length_us = 0 if self._begin_us is None else chunk.start_us - self._begin_us
            if self._begin_us is not None and (length_us >= _LENGTH_US or edge):
                complete = MediaSegment(self._begin_us, length_us, b"".join(self._pieces), *self._cues)
                self._begin_us = None
            if self._begin_us is None:
                self._pieces, self._begin_us = [], chunk.start_us
                self._begin(chunk, edge)
        if self._begin_us is not None:
            self._pieces.append(chunk.data)
        self._next = chunk.seq + 1
        return complete

    def _begin(self, chunk: Chunk, edge: bool) -> None:
        """What the segment that begins with ``chunk`` says of breaks."""
        within, before = chunk.within, self._within
        opens = within is not None and (edge if self._any else within.start_us == chunk.start_us)
        after = chunk.after if edge and before is not None and _id(chunk.after) == before.id else None
        self._any, self._within, self._cues = True, within, (within, opens, after)


def _id(of: Break | None) -> int | None:
    return None if of is None else of.id
