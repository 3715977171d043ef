"""Measuring: opens a file with PyAV and measures it, exact to the frame and without decoding it all.

A duration that a header claims is not believed. MP4 and MOV keep an index of every frame, which is
counted. Matroska keeps none: the first and the last frames are looked at, and when they lie on the grid
of the file's constant rate the frames between them do too. Everything else, and every doubt, is settled
by reading all packets (not decoding them).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import av.error
from av.audio.stream import AudioStream
from av.codec.context import CodecContext
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from retrovue.library.catalog import Asset, AudioTrack, SubtitleTrack
from retrovue.library.enrichers.encryption import is_scrambled, scheme_of_mp4
from retrovue.library.enrichers.fields import detect_fields, suspect
from retrovue.library.finding import Unreadable
from retrovue.library.language import language_of
from retrovue.library.marks import snap_asset_marks
from retrovue.units import SECOND_US, frames_to_us, round_div

#: Formats that may be opened: never a playlist or a concat script, which could name other files or hosts.
_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,asf,flv,ogg,mxf,dv"
_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": _FORMATS}

#: Rates of television and film; what a file says is taken as the nearest when it is within 0.02 %.
_RATES = tuple(
    Fraction(n, d)
    for n, d in (
        (24000, 1001),
        (24, 1),
        (25, 1),
        (30000, 1001),
        (30, 1),
        (48, 1),
        (50, 1),
        (60000, 1001),
        (60, 1),
    )
)

#: Colours as H.273 numbers them → as ffmpeg names them; what is not here says nothing (2) or is no film's.
_PRIMARIES = {
    1: "bt709",
    4: "bt470m",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    9: "bt2020",
    12: "smpte432",
}
_TRANSFERS = {
    1: "bt709",
    4: "gamma22",
    5: "gamma28",
    6: "smpte170m",
    7: "smpte240m",
    8: "linear",
    13: "iec61966-2-1",
    14: "bt2020-10",
    15: "bt2020-12",
    16: "smpte2084",
    18: "arib-std-b67",
}
_MATRICES = {
    0: "gbr",
    1: "bt709",
    4: "fcc",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    9: "bt2020nc",
    10: "bt2020c",
}

#: A picture that begins later than this after its file (µs) has lost its clock.
_LATEST_PICTURE_US = 60 * SECOND_US

#: Tracks that talk about the film, or describe it, by their title.
_COMMENTARY = re.compile(r"comment|descri|kommentar", re.IGNORECASE)
_FORCED = re.compile(r"\bforced\b|erzwungen", re.IGNORECASE)

#: How much of a Matroska file's end is looked at (µs); longer than any usual GOP.
_TAIL_US = 12 * SECOND_US

#: How many frames of its beginning, and how many of these B-frames may have put out of order (H.264: 16).
_HEAD, _REORDER = 116, 16

#: A file may end this much (seconds) before it says without being called cut short.
_SHORT = 1


_NO_DRM = "only a copy without DRM can air"

#: No picture of a broadcast stream stands this long (seconds).
_JUMP = 10


@dataclass(frozen=True, slots=True)
class Measure:
    """How long the picture lasts."""

    frames: int
    rate: Fraction  #: nominal when ``constant`` is false
    duration_us: int
    constant: bool  #: every frame lasts equally long


def probe(asset: Asset, location: Path) -> Asset:
    """The asset with what its file holds. Raises ``Unreadable`` for what is no whole video file."""
    try:
        size = location.stat().st_size
        if not size:
            raise Unreadable("the file is empty")
        try:
            with _open(location) as container:
                return _probe(asset, container, location, size)
        except (Unreadable, av.error.FFmpegError):
            if is_scrambled(location):
                raise Unreadable("it is encrypted (DRM, scrambled packets)", help=_NO_DRM) from None
            raise
    except IndexError:
        # PyAV 18 stumbles over a stream that was not there at the beginning (its input.py, demux).
        raise Unreadable("another stream begins in the middle of it", help="remux the file") from None
    except av.error.FFmpegError as error:
        what = f"this is no video file that can be read: {error.strerror}"
        raise Unreadable(what, passing=_passes(error)) from None
    except OSError as error:
        raise Unreadable(f"can't be read: {error.strerror}", passing=True) from None


def _passes(error: av.error.FFmpegError) -> bool:
    """Is it the fault of the disk, or of whoever waited too long, and not of what the file holds?"""
    return isinstance(error, OSError | av.error.ExitError)


def _open(location: Path) -> InputContainer:
    # "file:" so that no name is taken for a protocol of its own.
    return av.open(f"file:{location}", options=_OPTIONS, metadata_errors="replace", timeout=60)


def _probe(asset: Asset, container: InputContainer, location: Path, size: int) -> Asset:
    video = next((s for s in container.streams.video if not s.disposition & Disposition.attached_pic), None)
    if video is None:
        raise Unreadable("there is no moving picture in it")
    _refuse_encrypted(container, location)
    first = _first_frame(container, video)
    measure = _measure(container, video, location, size)
    audio = next(iter(container.streams.audio), None)
    sar = video.sample_aspect_ratio or Fraction(1)
    codec = _codec(video.codec_context)
    fields = ""
    if not first.interlaced_frame and suspect(measure.rate, first.height, codec):
        fields = detect_fields(location, measure.duration_us)
    probed = replace(
        asset,
        duration_us=measure.duration_us,
        frames=measure.frames,
        rate=f"{measure.rate.numerator}/{measure.rate.denominator}",
        width=first.width,
        height=first.height,
        sar=f"{sar.numerator}/{sar.denominator}",
        interlaced=first.interlaced_frame or bool(fields),
        field_order=fields,
        primaries=_PRIMARIES.get(int(first.color_primaries), ""),
        transfer=_TRANSFERS.get(int(first.color_trc), ""),
        matrix=_MATRICES.get(int(first.colorspace), ""),
        picture_us=_picture_us(container, video),
        video_codec=codec,
        audio_codec=_codec(audio.codec_context) if audio else "",
        audio_channels=getattr(audio.codec_context, "channels", 0) if audio else 0,
        audio=tuple(map(_audio_track, container.streams.audio)),
        subtitles=asset.subtitles + tuple(map(_subtitle_track, range(1000), container.streams.subtitles)),
        marks_us=asset.marks_us or tuple(_chapter_starts(container)),
        title=asset.title or _title(container.metadata),
    )
    return snap_asset_marks(probed)


def _refuse_encrypted(container: InputContainer, location: Path) -> None:
    if container.format.name.startswith("mov") and (scheme := scheme_of_mp4(location)):
        raise Unreadable(f"it is encrypted (DRM, scheme {scheme})", help=_NO_DRM)


def _picture_us(container: InputContainer, video: VideoStream) -> int:
    """How long after the file its picture begins."""
    if video.start_time is None or container.start_time is None:
        return 0
    start = video.start_time * (video.time_base or Fraction(1)) * SECOND_US
    late = round(start) - container.start_time
    return late if 0 < late < _LATEST_PICTURE_US else 0


def _audio_track(stream: AudioStream) -> AudioTrack:
    apart = Disposition.comment | Disposition.visual_impaired
    title = stream.metadata.get("title", "")
    return AudioTrack(
        codec=_codec(stream.codec_context),
        channels=getattr(stream.codec_context, "channels", 0),
        language=language_of(stream.metadata.get("language", "")),
        default=bool(stream.disposition & Disposition.default),
        commentary=bool(stream.disposition & apart) or bool(_COMMENTARY.search(title)),
    )


def _subtitle_track(number: int, stream: Stream) -> SubtitleTrack:
    title = stream.metadata.get("title", "")
    return SubtitleTrack(
        codec=_codec(stream.codec_context),
        language=language_of(stream.metadata.get("language", "")),
        forced=bool(stream.disposition & Disposition.forced) or bool(_FORCED.search(title)),
        stream=number,
    )


def _codec(context: CodecContext | None) -> str:
    return context.codec.canonical_name if context is not None else "unknown"


def _title(metadata: dict[str, str]) -> str:
    title = next((value for name, value in metadata.items() if name.lower() == "title"), "")
    return " ".join("".join(c if c.isprintable() else " " for c in title).split())[:200]


def _first_frame(container: InputContainer, video: VideoStream) -> VideoFrame:
    if video.codec_context is None:
        raise Unreadable("its picture is coded in a way that is not known here")
    try:
        frame = next(container.decode(video), None)
    except av.error.FFmpegError as error:
        if _passes(error):
            raise
        frame = None
    except StopIteration:
        frame = None
    if frame is None or not frame.width or not frame.height:
        raise Unreadable("no picture in it can be decoded", help="is it damaged, or encrypted (DRM)?")
    return frame


def _measure(container: InputContainer, video: VideoStream, location: Path, size: int) -> Measure:
    declared_us = container.duration or 0
    # Of interlaced streams the first may be the rate of fields.
    said = (video.base_rate, video.guessed_rate, video.average_rate)
    rates = list(dict.fromkeys(rate for rate in map(nominal_rate, said) if rate))
    name = container.format.name
    if name.startswith("mov") and video.frames and len(video.index_entries) == video.frames:
        return _measure_index(video, rates, size)
    if name.startswith("matroska") and len(rates) == 1 and declared_us > 3 * _TAIL_US:
        measure = _measure_ends(container, video, rates[0], declared_us)
        if measure:
            return measure
    with _open(location) as fresh:  # not every format can be wound back to its very first packet
        packets = Timeline(fresh.demux(), video.index)
    if name.startswith(("mov", "matroska")):
        _refuse_cut(packets.end, declared_us)
    if name.startswith("mpeg"):
        packets.refuse_jumps(video.time_base or Fraction(1))
    return packets.measure(rates, video.time_base or Fraction(1))


def nominal_rate(rate: Fraction | None) -> Fraction | None:
    """The rate of television or film that ``rate`` means, or itself; ``None`` for none or nonsense."""
    if not rate or rate <= 0 or rate > 1000:
        return None
    return next((r for r in _RATES if abs(rate / r - 1) < Fraction(1, 5000)), rate)


def _measure_index(video: VideoStream, rates: Sequence[Fraction], size: int) -> Measure:
    entries = [entry for entry in video.index_entries if not entry.is_discard]
    if any(entry.pos + entry.size > size for entry in entries):
        raise Unreadable("the file is cut short: its index lists frames beyond its end")
    span = (video.duration or 0) * (video.time_base or Fraction(1))
    return _settle(len(entries), span, rates)


def _settle(frames: int, span: Fraction, rates: Sequence[Fraction]) -> Measure:
    """``span`` is seconds from the first frame's start to the last one's end."""
    if not frames or span <= 0 or not rates:
        raise Unreadable("its frames carry no usable times")
    for rate in rates:
        if abs(frames / rate - span) < 1 / (2 * rate):
            return Measure(frames, rate, frames_to_us(frames, rate), constant=True)
    mean = nominal_rate((frames / span).limit_denominator(1001)) or rates[0]
    return Measure(frames, mean, round_div(span.numerator * SECOND_US, span.denominator), constant=False)


def _measure_ends(
    container: InputContainer, video: VideoStream, rate: Fraction, declared_us: int
) -> Measure | None:
    """From the first and last seconds; ``None`` when they don't prove a constant rate."""
    timebase = video.time_base or Fraction(1)
    container.seek(0)
    head = Timeline(_until(container.demux(), video.index, _HEAD), video.index)
    container.seek(declared_us - _TAIL_US)
    tail = Timeline(container.demux(), video.index)
    if not head.times or not tail.times:
        return None
    _refuse_cut(tail.end, declared_us)
    start = min(head.times)

    def on_the_grid(times: list[int]) -> bool:
        """Is there a frame at every place of the rate's grid, within the rounding of two times?"""
        places = [(time - start) * timebase * rate for time in sorted(times)]
        first = round(places[0])
        return all(abs(place - first - n) <= 2 * timebase * rate for n, place in enumerate(places))

    # Packets come in decoding order: of the first ones, the latest frames may not be complete.
    if not on_the_grid(sorted(head.times)[: _HEAD - _REORDER]) or not on_the_grid(tail.times):
        return None
    frames = round((max(tail.times) - start) * timebase * rate) + 1
    return Measure(frames, rate, frames_to_us(frames, rate), constant=True)


def _until(packets: Iterable[Packet[Any]], stream: int, count: int) -> Iterator[Packet[Any]]:
    for packet in packets:
        count -= packet.stream.index == stream
        if count < 0:
            return
        yield packet


class Timeline:
    """The times of one stream's packets, and where the last packet of any stream ends."""

    def __init__(self, packets: Iterable[Packet[Any]], stream: int) -> None:
        self.times: list[int] = []
        self.end = Fraction(0)  #: seconds
        last = (-1, 0)
        for packet in packets:
            if packet.pts is None or packet.is_discard:
                continue
            ends = (packet.pts + (packet.duration or 0)) * (packet.time_base or Fraction(1))
            self.end = max(self.end, ends)
            if packet.stream.index == stream:
                self.times.append(packet.pts)
                last = max(last, (packet.pts, packet.duration or 0))
        self._last_duration = last[1]

    def refuse_jumps(self, timebase: Fraction) -> None:
        """A recording whose clock was set in the middle of it has no duration that could be kept."""
        gap = max((b - a for a, b in pairwise(sorted(self.times))), default=0) * timebase
        if gap > _JUMP:
            raise Unreadable(f"its clock jumps by {float(gap):.0f} s in the middle", help="remux the file")

    def measure(self, rates: Sequence[Fraction], timebase: Fraction) -> Measure:
        """How long the stream lasts. Raises ``Unreadable`` when it has no times."""
        frames = len(self.times)
        if not frames:
            raise Unreadable("its frames carry no usable times")
        span = (max(self.times) - min(self.times)) * timebase
        last = self._last_duration * timebase
        if frames == 1 and last:
            # One frame tells no rate; what ffmpeg guesses then may be the rate of fields.
            rate = next((r for r in rates if abs(1 / r - last) <= timebase), nominal_rate(1 / last))
            return _settle(1, 1 / rate if rate else last, [rate] if rate else [])
        for rate in rates:
            if abs((frames - 1) / rate - span) < 1 / (2 * rate):
                return Measure(frames, rate, frames_to_us(frames, rate), constant=True)
        return _settle(frames, span + (last or (1 / rates[0] if rates else 0)), rates)


def _refuse_cut(end: Fraction, declared_us: int) -> None:
    declared = Fraction(declared_us, SECOND_US)
    if declared - end > _SHORT:
        raise Unreadable(
            f"the file is cut short: it ends after {float(end):.1f} s of {float(declared):.1f} s"
        )


def _chapter_starts(container: InputContainer) -> list[int]:
    """Microseconds from the start of the file."""
    return [
        round_div(
            chapter["start"] * SECOND_US * (base := chapter["time_base"] or Fraction(1)).numerator,
            base.denominator,
        )
        for chapter in container.chapters()
    ]
