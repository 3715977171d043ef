"""The codecs a channel may send, each with what the rest of the house must know of it; pure values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from retrovue.stream import ac3, adts, h264, mp2, mpeg2


class UnitSplitter(Protocol):
    """Cuts a byte stream into access units. Declarations only."""

    def feed(self, data: bytes) -> list[bytes]:
        """Every unit that ``data`` completes (the last one waits for its successor)."""
        ...

    def flush(self) -> bytes | None:
        """The last unit, once the stream has ended."""
        ...


class AudioSplitter(Protocol):
    """Cuts a byte stream into audio frames. Declarations only."""

    def feed(self, data: bytes) -> list[bytes]:
        """Every frame that ``data`` completes."""
        ...


@dataclass(frozen=True, slots=True)
class VideoCodec:
    """How pictures are coded."""

    name: str  #: in a station's YAML
    word: str  #: HDHomeRun's
    muxer: str  #: ffmpeg's, for the bare stream
    demuxer: str
    stream_type: int  #: ISO/IEC 13818-1 table 2-34
    splitter: Callable[[], UnitSplitter]
    is_key: Callable[[bytes], bool]  #: can a decoder begin with this unit?
    parameters_hash: Callable[[bytes], str]  #: of what a decoder is set up from; empty: not in this unit


@dataclass(frozen=True, slots=True)
class AudioCodec:
    """How sound is coded: stereo at 48 kHz."""

    name: str
    word: str
    muxer: str
    stream_type: int
    stream_id: int  #: of its PES packets
    frame_samples: int
    priming: int  #: samples by which ffmpeg's encoder runs late: its first frame begins so much early
    splitter: Callable[[], AudioSplitter]
    bit_rates: tuple[int, ...] = ()  #: kbit/s; empty: any
    descriptors: Callable[[int], bytes] = lambda kbps: b""  #: of its entry in the PMT
    registration: bytes = b""  #: of the program, where the stream type is not ISO's

    def bit_rate(self, kbps: int) -> int:
        """The least bit rate that is not below ``kbps``, or the greatest there is."""
        return next((rate for rate in self.bit_rates if rate >= kbps), max(self.bit_rates, default=kbps))


H264 = VideoCodec(
    "h264", "H264", "h264", "h264", 0x1B, h264.AccessUnitSplitter, h264.is_idr, h264.parameter_sets_hash
)
MPEG2 = VideoCodec(
    "mpeg2",
    "MPEG2",
    "mpeg2video",
    "mpegvideo",
    0x02,
    mpeg2.PictureSplitter,
    mpeg2.is_key,
    mpeg2.sequence_hash,
)
VIDEO_CODECS = {codec.name: codec for codec in (H264, MPEG2)}

AAC = AudioCodec("aac", "AAC", "adts", 0x0F, 0xC0, adts.SAMPLES_PER_FRAME, 1024, adts.AdtsSplitter)
AC3 = AudioCodec(
    "ac3",
    "AC3",
    "ac3",
    0x81,  # ATSC A/53 part 3
    0xBD,
    ac3.SAMPLES_PER_FRAME,
    256,
    ac3.Ac3Splitter,
    ac3.BIT_RATES,
    ac3.descriptors,
    b"GA94",
)
MP2 = AudioCodec(
    "mp2", "MPEG", "mp2", 0x03, 0xC0, mp2.SAMPLES_PER_FRAME, 481, mp2.Mp2Splitter, mp2.BIT_RATES[1:]
)
AUDIO_CODECS = {codec.name: codec for codec in (AAC, AC3, MP2)}
