"""Pictures as small as a client wants them. A process of its own makes them: what decodes pictures takes more
memory than all that airs a channel from house copies, and it is asked for once a picture."""

from __future__ import annotations

import asyncio
import sys
from fractions import Fraction
from hashlib import sha256

from retrovue.clock import MasterClock
from retrovue.lineup import Artwork
from retrovue.playout.errand import Errand, ErrandFailed, send

#: Widths that are made (pixels): the next one that is wide enough. However many are asked for, few are kept.
STEPS = (32, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
#: Kept: a hundred kB each at most, mostly.
_KEPT = 128
#: A larger picture isn't decoded (pixels).
_LARGEST = 50_000_000
_PATIENCE_S = 30.0


class PictureScaler:
    """Makes each picture once. One at a time, whoever asks how often."""

    def __init__(self, clock: MasterClock) -> None:
        self._clock = clock
        self._turn = asyncio.Lock()
        self._made: dict[tuple[bytes, int], Artwork | None] = {}

    async def scaled(self, whole: Artwork, width: int) -> Artwork:
        """``whole``, made not much wider than ``width``; itself when it is small enough, or can't be made."""
        step = next((s for s in STEPS if s >= width), None)
        if step is None:
            return whole
        key = (sha256(whole.data).digest(), step)
        async with self._turn:
            if key not in self._made:
                while len(self._made) >= _KEPT:
                    del self._made[next(iter(self._made))]
                self._made[key] = await self._make(whole.data, step)
            return self._made[key] or whole

    async def _make(self, data: bytes, width: int) -> Artwork | None:
        try:
            _, body = await send(Errand(__name__, b"%d\n%s" % (width, data), _PATIENCE_S), self._clock)
        except ErrandFailed:
            return None
        return Artwork("image/png", bytes(body)) if body else None


def make(data: bytes, width: int) -> bytes:
    """A PNG of this width; empty when the picture isn't wider. Raises whatever the decoders do."""
    if data[:4] in (b"\x89PNG", b"RIFF") or data[:2] == b"\xff\xd8":
        return _shrunk(data, width)
    import resvg_py

    return bytes(resvg_py.svg_to_bytes(svg_string=data.decode(), width=width, skip_system_fonts=True))


def _shrunk(data: bytes, width: int) -> bytes:
    import io

    import av
    from av.video.codeccontext import VideoCodecContext

    with av.open(io.BytesIO(data), "r") as file:
        frame = next(file.decode(video=0))
    if frame.width <= width or frame.width * frame.height > _LARGEST:
        return b""
    height = max(1, round(frame.height * width / frame.width))
    small = frame.reformat(width, height, "rgba", interpolation="AREA")
    codec = av.CodecContext.create("png", "w")
    assert isinstance(codec, VideoCodecContext)
    codec.width, codec.height, codec.pix_fmt, codec.framerate = width, height, "rgba", Fraction(1)
    return b"".join(bytes(packet) for packet in [*codec.encode(small), *codec.encode(None)])


def main() -> int:
    """Standard input: the width, a line's end, the picture."""
    width, _, data = sys.stdin.buffer.read().partition(b"\n")
    body = make(data, int(width))
    sys.stdout.buffer.write(b"[%d]\n%s" % (len(body), body))
    return 0


if __name__ == "__main__":
    sys.exit(main())
