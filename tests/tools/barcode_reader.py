"""What was really on the screen: decode a stream of barcode clips and say which frame of which asset was
shown when, where the joins were, and how far sound and picture were apart.

    python -m tests.tools.barcode_reader capture.ts

Times are 90 kHz ticks as the stream carries them; ``unwrap`` gives them their place since the Unix epoch.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
from av.stream import Stream

from fixtures.media import barcode_layout as layout
from fixtures.media.barcode import BURST_MS, SAMPLE_RATE
from fixtures.media.barcode_layout import Code

TICKS = 90_000
_WRAP = 1 << 33

#: Every sixth sample: 8 kHz, where the burst's 2 kHz has exactly four samples a period. The clips hold
#: nothing above it that could fold back.
_DECIMATE = 6
_SAMPLE_TICKS = _DECIMATE * TICKS / SAMPLE_RATE
_WINDOW = 8  #: periods (4 ms) that the envelope is averaged over
_LOUD = 0.1  #: least amplitude of a burst (full scale is 1; the clips have 0.5, their tones 0.06)

#: Display aspects of the clips, to find them inside pillars or letterbox bars.
_ASPECTS = (16 / 9, 4 / 3, 2.35)


@dataclass(frozen=True, slots=True)
class Shown:
    """One decoded picture."""

    pts: int
    code: Code | None  #: None: slate, card, or whatever else has no barcode


@dataclass(slots=True)
class Segment:
    """Pictures of one asset that follow each other as the asset's own frames do."""

    asset: int | None  #: None: pictures without a barcode
    rate: Fraction | None
    start_pts: int
    end_pts: int  #: of the last picture
    first_frame: int = 0
    last_frame: int = 0
    pictures: int = 0
    origin: float = 0.0  #: where the asset's frame 0 would stand, ticks (median over the pictures)
    frame_error: float = 0.0  #: farthest a picture stands from its place, in the asset's frames
    av_ms: list[float] = field(default_factory=list)  #: sound after picture, per burst

    @property
    def av_median_ms(self) -> float | None:
        return statistics.median(self.av_ms) if self.av_ms else None


@dataclass(slots=True)
class Reading:
    """All that was seen and heard."""

    shown: list[Shown]
    bursts: list[float]  #: start of each, ticks
    segments: list[Segment] = field(default_factory=list)

    @property
    def joins(self) -> list[tuple[Segment, Segment]]:
        return list(pairwise(self.segments))

    def at(self, pts: int) -> Shown | None:
        """The picture on the screen at ``pts``: the last one not later."""
        before = [s for s in self.shown if s.pts <= pts]
        return before[-1] if before else None

    def to_text(self) -> str:
        """One line a segment."""
        if not self.shown:
            return "no picture"
        zero = self.shown[0].pts
        lines = ["   start s  pictures  asset  frames         rate        A/V ms (bursts)   farthest frame"]
        for s in self.segments:
            frames = "" if s.asset is None else f"{s.first_frame}–{s.last_frame}"
            skew = "" if s.av_median_ms is None else f"{s.av_median_ms:+6.1f} ({len(s.av_ms)})"
            asset = "–" if s.asset is None else str(s.asset)
            start = (s.start_pts - zero) / TICKS
            lines.append(
                f"{start:10.3f}  {s.pictures:8}  {asset:>5}  {frames:<13}  {s.rate or '–'!s:<10}  "
                f"{skew:<16}  {s.frame_error:.2f}"
            )
        return "\n".join(lines)


def unwrap(pts: int, near_unix_s: float) -> int:
    """Ticks since the Unix epoch of a 33-bit time stamp met near ``near_unix_s`` (Unix seconds)."""
    return pts + round((near_unix_s * TICKS - pts) / _WRAP) * _WRAP


class PictureReader:
    """Finds the barcode in decoded pictures of one size; ``sar``: sample aspect ratio."""

    def __init__(self, width: int, height: int, sar: Fraction = Fraction(1)) -> None:
        self._places = []
        for display in _ASPECTS:
            aspect = display / float(sar)
            w, h = min(width, round(height * aspect)), min(height, round(width / aspect))
            self._places.append(layout.sample_points((width - w) // 2, (height - h) // 2, w, h))

    def read(self, frame: av.VideoFrame) -> Code | None:
        plane = frame.planes[0]
        luma, stride = memoryview(plane), plane.line_size
        for i, points in enumerate(self._places):
            code = layout.read(lambda x, y: int(luma[y * stride + x]), points)
            if code is not None:
                if i:  # look there first the next time
                    self._places.insert(0, self._places.pop(i))
                return code
        return None


class _Sound:
    """Collects decoded sound in unbroken runs and finds the bursts."""

    def __init__(self) -> None:
        self._run = array("f")
        self._start: Fraction = Fraction(0)
        self._samples = 0
        self.bursts: list[float] = []

    def add(self, frame: av.AudioFrame) -> None:
        if frame.sample_rate != SAMPLE_RATE or frame.format.name not in ("fltp", "flt", "s16", "s16p"):
            raise ValueError(f"sound is {frame.sample_rate} Hz {frame.format.name}: not the house's")
        assert frame.pts is not None
        assert frame.time_base is not None
        pts = frame.pts * frame.time_base * TICKS
        expected = self._start + Fraction(self._samples * TICKS, SAMPLE_RATE)
        # Matroska rounds its stamps to whole milliseconds: that is no break.
        if abs(pts - expected) > 120:
            self.close()
            self._start, self._samples = pts, 0
        kind = "f" if frame.format.name.startswith("flt") else "h"
        samples = array(kind)
        size = frame.samples * samples.itemsize * (1 if frame.format.is_planar else frame.layout.nb_channels)
        samples.frombytes(bytes(frame.planes[0])[:size])
        if not frame.format.is_planar:
            samples = samples[:: frame.layout.nb_channels]
        picked = samples[-self._samples % _DECIMATE :: _DECIMATE]
        self._run.extend(picked if kind == "f" else array("f", (s / 32768 for s in picked)))
        self._samples += frame.samples

    def close(self) -> None:
        start = float(self._start)
        self.bursts += [start + place * _SAMPLE_TICKS for place in find_bursts(self._run)]
        self._run = array("f")


def find_bursts(samples: Sequence[float]) -> list[float]:
    """Where the 30 ms bursts of 2 kHz begin, in samples of 8 kHz; those cut short are left out.

    The envelope is the 2 kHz bin of a short Fourier transform; where it crosses half its height is the
    edge of the burst. The middle between two edges is surer than either.
    """
    count = len(samples) // 4
    real = [samples[i] - samples[i + 2] for i in range(0, count * 4, 4)]
    imaginary = [samples[i + 1] - samples[i + 3] for i in range(0, count * 4, 4)]
    envelope = []
    a, b = sum(real[:_WINDOW]), sum(imaginary[:_WINDOW])
    for i in range(_WINDOW, count):
        envelope.append((a * a + b * b) ** 0.5 / (2 * _WINDOW))
        a += real[i] - real[i - _WINDOW]
        b += imaginary[i] - imaginary[i - _WINDOW]
    starts = []
    i = 0
    while i < len(envelope):
        if envelope[i] < _LOUD:
            i += 1
            continue
        end = i
        while end < len(envelope) and envelope[end] >= _LOUD / 2:
            end += 1
        half = max(envelope[i:end]) / 2
        first, last = i, end - 1
        while first > 0 and envelope[first - 1] >= half:
            first -= 1
        while first < end and envelope[first] < half:
            first += 1
        while envelope[last] < half:
            last -= 1
        if first > 0 and last + 1 < len(envelope):
            left = first - (envelope[first] - half) / (envelope[first] - envelope[first - 1])
            right = last + (envelope[last] - half) / (envelope[last] - envelope[last + 1])
            if abs((right - left) / 2 - BURST_MS) < 3:  # two values a millisecond
                middle = ((left + right) / 2 + _WINDOW / 2) * 4
                starts.append(middle - BURST_MS * 4)
        i = end
    return starts


def read(source: Path) -> Reading:
    """Decode a whole file. Raises ``ValueError`` for sound that is not 48 kHz."""
    shown: list[Shown] = []
    sound = _Sound()
    with av.open(str(source)) as container:
        streams: list[Stream] = [*container.streams.video[:1], *container.streams.audio[:1]]
        reader: PictureReader | None = None
        for frame in _decoded(container, streams):
            if frame.pts is None or frame.time_base is None:
                continue
            if isinstance(frame, av.VideoFrame):
                sar = container.streams.video[0].sample_aspect_ratio or Fraction(1)
                reader = reader or PictureReader(frame.width, frame.height, sar)
                shown.append(Shown(round(frame.pts * frame.time_base * TICKS), reader.read(frame)))
            elif isinstance(frame, av.AudioFrame):
                sound.add(frame)
    sound.close()
    reading = Reading(shown, sound.bursts)
    reading.segments = segments(shown)
    measure_skew(reading)
    return reading


def _decoded(
    container: av.container.InputContainer, streams: list[Stream]
) -> Iterator[av.VideoFrame | av.AudioFrame]:
    for packet in container.demux(streams):
        try:
            for frame in packet.decode():
                if isinstance(frame, av.VideoFrame | av.AudioFrame):
                    yield frame
        except av.error.InvalidDataError:
            continue  # the tail of a capture that was cut anywhere


def segments(shown: Sequence[Shown]) -> list[Segment]:
    """Group pictures into runs of one asset at its own pace; a jump inside an asset begins a new one."""
    found: list[list[Shown]] = []
    for picture in shown:
        if found and _follows(found[-1], picture):
            found[-1].append(picture)
        else:
            found.append([picture])
    return [_segment(run) for run in found]


def _follows(run: list[Shown], picture: Shown) -> bool:
    first, last = run[0], run[-1]
    if picture.code is None or first.code is None or last.code is None:
        return picture.code is None and first.code is None
    if picture.code.asset != first.code.asset or picture.code.frame < last.code.frame:
        return False
    expected = first.code.frame + (picture.pts - first.pts) * first.code.rate / TICKS
    return abs(picture.code.frame - expected) <= 3


def _segment(run: list[Shown]) -> Segment:
    first, last = run[0], run[-1]
    segment = Segment(None, None, first.pts, last.pts, pictures=len(run))
    if first.code is not None and last.code is not None:
        rate = first.code.rate
        segment.asset, segment.rate = first.code.asset, rate
        segment.first_frame, segment.last_frame = first.code.frame, last.code.frame
        frame_ticks = float(TICKS / rate)
        origins = [s.pts - s.code.frame * frame_ticks for s in run if s.code is not None]
        segment.origin = statistics.median(origins)
        segment.frame_error = max(abs(o - segment.origin) for o in origins) / frame_ticks
    return segment


def measure_skew(reading: Reading) -> None:
    """Give each segment the distance of its bursts from the pictures of the same asset second."""
    for segment in reading.segments:
        if segment.asset is None:
            continue
        for burst in reading.bursts:
            if segment.start_pts <= burst <= segment.end_pts:
                second = round((burst - segment.origin) / TICKS)
                segment.av_ms.append((burst - segment.origin) / 90 - second * 1000)


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="barcode_reader", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("file", type=Path)
    print(read(parser.parse_args(argv).file).to_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
