"""Access units as HTSP packets; pure.

One access unit is one ``muxpkt``: a picture with its start codes and, where a decoder can begin, its
parameter sets in front; one frame of sound with its header. Time begins anew for each subscription. Units:
microseconds, or 90 kHz ticks for a client that asks for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from retrovue.headend.tvheadend.htsmsg import Kind as FieldKind
from retrovue.headend.tvheadend.htsmsg import Message, fields_of, head_of
from retrovue.lineup import AccessUnit, SignalFormat

#: What a picture is worth when not all can be sent; sound is in none of them.
Kind = Literal["I", "P", "B", ""]

_KINDS: tuple[Kind, ...] = ("I", "P", "B", "")

#: Indexes of the streams of a subscription.
VIDEO, AUDIO = 1, 2
#: Tvheadend's words for the head-end's codecs.
_VIDEO_TYPES = {"H264": "H264", "HEVC": "HEVC", "MPEG2": "MPEG2VIDEO"}
_AUDIO_TYPES = {"AAC": "AAC", "AC3": "AC3", "MPEG": "MPEG2AUDIO"}
#: Sampling rates by MPEG-4's index (ISO/IEC 14496-3, table 1.18): what ``rate`` is, not Hz.
_RATE_INDEX = {48_000: 3, 44_100: 4, 32_000: 5}
#: The first picture's time (90 kHz): sound that begins before it has a time that isn't negative.
_BEGIN = 63_000
#: What stands before a time of so many bytes.
_PTS = [head_of(FieldKind.S64, "pts", length) for length in range(9)]
_DTS = [head_of(FieldKind.S64, "dts", length) for length in range(9)]


@dataclass(frozen=True, slots=True)
class Packet:
    """A frame that is ready to be sent."""

    frame: bytes
    kind: Kind
    pts: int  #: of the access unit: 90 kHz, station time


class Packetiser:
    """One subscription to one signal."""

    def __init__(self, subscription: int, found: SignalFormat, *, ticks: bool) -> None:
        """``ticks``: the client asked for 90 kHz."""
        self._subscription, self._format, self._ticks = subscription, found, ticks
        self._origin: int | None = None
        # Some eighty packets a second for each subscriber are put together from parts.
        self._heads = {kind: self._head(kind) for kind in _KINDS}
        self._durations: dict[int, bytes] = {}

    def streams(self) -> list[Message]:
        """For subscriptionStart. Kodi drops a picture without its size; without ``rds_uecp`` it searches."""
        found = self._format
        frame = round(90_000 / found.frame_rate)
        audio = _AUDIO_TYPES[found.audio_codec]
        return [
            {
                "index": VIDEO,
                "type": _VIDEO_TYPES[found.video_codec],
                "width": found.width,
                "height": found.height,
                "duration": self._scaled(frame),
                "aspect_num": found.aspect[0],
                "aspect_den": found.aspect[1],
            },
            {
                "index": AUDIO,
                "type": audio,
                "audio_type": 0,
                **({"audio_version": 2} if audio == "MPEG2AUDIO" else {}),
                "channels": found.audio_channels,
                "rate": _RATE_INDEX[found.audio_rate],
                "rds_uecp": 0,
            },
        ]

    def packet(self, unit: AccessUnit) -> Packet | None:
        """None before the first picture with which a decoder can begin, and for sound that ends before it."""
        video = unit.stream == "video"
        if self._origin is None:
            if not (video and unit.key):
                return None
            self._origin = unit.pts - _BEGIN
        time = unit.pts - self._origin
        if time < 0:
            return None
        kind: Kind = "" if not video else "I" if unit.key else "P"
        stamp = self._scaled(time)
        number = stamp.to_bytes((stamp.bit_length() + 7) // 8, "little")
        data = unit.data
        parts = (
            self._heads[kind],
            # The house has no B-frames: pictures are shown in the order in which they are coded.
            _PTS[len(number)],
            number,
            _DTS[len(number)],
            number,
            self._duration(unit.duration),
            head_of(FieldKind.BIN, "payload", len(data)),
            data,
        )
        length = sum(map(len, parts))
        return Packet(b"".join((length.to_bytes(4, "big"), *parts)), kind, unit.pts)

    def _head(self, kind: Kind) -> bytes:
        """What all packets of a kind begin with."""
        fields: Message = {"method": "muxpkt", "subscriptionId": self._subscription}
        if kind:
            fields["frametype"] = ord(kind)
        return fields_of({**fields, "stream": VIDEO if kind else AUDIO, "com": 0})

    def _duration(self, ticks: int) -> bytes:
        """Two or three values, again and again."""
        known = self._durations.get(ticks)
        if known is None:
            known = self._durations[ticks] = fields_of({"duration": self._scaled(ticks)})
        return known

    def _scaled(self, ticks: int) -> int:
        return ticks if self._ticks else ticks * 100 // 9
