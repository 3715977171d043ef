"""Fragmented MP4 for a browser's ``<video>``: access units in, an endless file out; pure.

Boxes: ISO/IEC 14496-12 (file format, 8.x), 14496-15 (H.264 in it, 5.3), 14496-14 (AAC in it). One picture
track and one sound track, both counting 90 kHz ticks from the file's own beginning. A fragment is a GOP.
"""

from __future__ import annotations

from collections.abc import Sequence

from retrovue.lineup import AccessUnit
from retrovue.stream import adts
from retrovue.stream.h264 import NAL_PPS, NAL_SPS, nal_units, picture_size

_TIMESCALE = 90_000
_VIDEO, _AUDIO = 1, 2  # track_ID
#: sample_flags (8.8.3.1): depends on no other, or on others and is no sync sample.
_SYNC, _DELTA = 0x02000000, 0x01010000
_MATRIX = b"".join(n.to_bytes(4, "big") for n in (0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000))
_NAL_AUD = 9


class NotForBrowsers(Exception):
    """The channel's codecs are none that a browser plays from an MP4."""


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return (8 + len(body)).to_bytes(4, "big") + kind + body


def _full(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    return box(kind, (version << 24 | flags).to_bytes(4, "big"), *parts)


def _u16(*numbers: int) -> bytes:
    return b"".join(n.to_bytes(2, "big") for n in numbers)


def _u32(*numbers: int) -> bytes:
    return b"".join(n.to_bytes(4, "big") for n in numbers)


class FragmentedMp4:
    """One viewer's file. Feed it a signal's units from an IDR on."""

    def __init__(self) -> None:
        self._held: list[AccessUnit] = []
        self._sequence = 0
        self._begin: int | None = None  #: station time at which the file begins, 90 kHz ticks

    def feed(self, unit: AccessUnit) -> bytes:
        """The bytes that ``unit`` completes: a fragment when a new GOP begins. Raises ``NotForBrowsers``."""
        out = b""
        if unit.key and any(u.stream == "video" for u in self._held):
            out = self._flush()
        self._held.append(unit)
        return out

    def _flush(self) -> bytes:
        held, self._held = self._held, []
        pictures = [u for u in held if u.stream == "video"]
        sounds = [u for u in held if u.stream == "audio"]
        head = b""
        if self._begin is None:
            self._begin = min(u.pts for u in held)
            head = _head(pictures[0].data, sounds[0].data if sounds else None)
        self._sequence += 1
        return head + _fragment(self._sequence, self._begin, pictures, sounds)


def _fragment(
    sequence: int, begin: int, pictures: Sequence[AccessUnit], sounds: Sequence[AccessUnit]
) -> bytes:
    tracks = [
        (_VIDEO, pictures, [_length_prefixed(u.data) for u in pictures]),
        (_AUDIO, sounds, [u.data[_adts_header(u.data) :] for u in sounds]),
    ]
    tracks = [track for track in tracks if track[1]]

    def moof(offsets: Sequence[int]) -> bytes:
        parts = [_full(b"mfhd", 0, 0, _u32(sequence))]
        for (number, units, samples), offset in zip(tracks, offsets, strict=True):
            rows = b"".join(
                _u32(u.duration, len(s), _SYNC if u.key or number == _AUDIO else _DELTA)
                for u, s in zip(units, samples, strict=True)
            )
            parts.append(
                box(
                    b"traf",
                    _full(b"tfhd", 0, 0x020000, _u32(number)),  # default-base-is-moof
                    _full(b"tfdt", 1, 0, (units[0].pts - begin).to_bytes(8, "big")),
                    # data-offset, sample-duration, sample-size and sample-flags are present
                    _full(b"trun", 0, 0x000701, _u32(len(units), offset), rows),
                )
            )
        return box(b"moof", *parts)

    offset, offsets = len(moof([0] * len(tracks))) + 8, []
    for _, _, samples in tracks:
        offsets.append(offset)
        offset += sum(map(len, samples))
    return moof(offsets) + box(b"mdat", *(s for _, _, samples in tracks for s in samples))


def _length_prefixed(unit: bytes) -> bytes:
    """An access unit of Annex B with each NAL unit behind its length; parameter sets stand in the head."""
    out = []
    for kind, start, end in nal_units(unit):
        if kind not in (NAL_SPS, NAL_PPS, _NAL_AUD):
            out.append(_u32(end - start))
            out.append(unit[start:end])
    return b"".join(out)


def _adts_header(frame: bytes) -> int:
    return adts.HEADER_BYTES + (0 if frame[1] & 1 else 2)  # protection_absent; else a CRC


def _head(first_picture: bytes, first_sound: bytes | None) -> bytes:
    """ftyp and moov. Raises ``NotForBrowsers``."""
    sets = {k: first_picture[s:e] for k, s, e in nal_units(first_picture) if k in (NAL_SPS, NAL_PPS)}
    if sets.keys() != {NAL_SPS, NAL_PPS}:
        raise NotForBrowsers("its pictures are not H.264")
    if first_sound is not None and (first_sound[0] != 0xFF or first_sound[1] & 0xF6 != 0xF0):
        raise NotForBrowsers("its sound is not AAC")
    width, height = picture_size(sets[NAL_SPS])
    tracks = [
        _track(_VIDEO, b"vide", (width, height), _full(b"vmhd", 0, 1, bytes(8)), _avc1(sets, width, height))
    ]
    if first_sound is not None:
        tracks.append(_track(_AUDIO, b"soun", (0, 0), _full(b"smhd", 0, 0, bytes(4)), _mp4a(first_sound)))
    header = _full(
        b"mvhd", 0, 0, _u32(0, 0, 1000, 0, 0x10000), b"\x01\x00", bytes(10), _MATRIX, bytes(24), _u32(3)
    )
    extends = [_full(b"trex", 0, 0, _u32(number, 1, 0, 0, 0)) for number in range(1, len(tracks) + 1)]
    return box(b"ftyp", b"iso5", _u32(512), b"iso5iso6mp41") + box(
        b"moov", header, *tracks, box(b"mvex", *extends)
    )


def _track(number: int, handler: bytes, size: tuple[int, int], media_header: bytes, entry: bytes) -> bytes:
    volume = 0 if number == _VIDEO else 0x0100
    track_header = _full(
        b"tkhd", 0, 3, _u32(0, 0, number, 0, 0), bytes(8), _u16(0, 0, volume, 0), _MATRIX,
        _u32(size[0] << 16, size[1] << 16),
    )  # fmt: skip
    tables = box(
        b"stbl",
        _full(b"stsd", 0, 0, _u32(1), entry),
        _full(b"stts", 0, 0, _u32(0)),
        _full(b"stsc", 0, 0, _u32(0)),
        _full(b"stsz", 0, 0, _u32(0, 0)),
        _full(b"stco", 0, 0, _u32(0)),
    )
    data = box(b"dinf", _full(b"dref", 0, 0, _u32(1), _full(b"url ", 0, 1)))  # in this very file
    media = box(
        b"mdia",
        _full(b"mdhd", 0, 0, _u32(0, 0, _TIMESCALE, 0), _u16(0x55C4, 0)),  # language: undetermined
        _full(b"hdlr", 0, 0, _u32(0), handler, bytes(12), b"\0"),
        box(b"minf", media_header, data, tables),
    )
    return box(b"trak", track_header, media)


def _avc1(sets: dict[int, bytes], width: int, height: int) -> bytes:
    sps, pps = sets[NAL_SPS], sets[NAL_PPS]
    configuration = box(
        b"avcC",
        b"\x01" + sps[1:4] + b"\xff\xe1",  # lengths of four bytes; one SPS
        _u16(len(sps)), sps, b"\x01", _u16(len(pps)), pps,
        # High profile says its sampling again: 4:2:0, eight bits, no extensions (14496-15, 5.3.3.1.2)
        b"\xfd\xf8\xf8\x00" if sps[1] in (100, 110, 122, 144) else b"",
    )  # fmt: skip
    return box(
        b"avc1", bytes(6), _u16(1), bytes(16), _u16(width, height), _u32(0x480000, 0x480000, 0), _u16(1),
        bytes(32), _u16(24, 0xFFFF), configuration,
    )  # fmt: skip


def _mp4a(frame: bytes) -> bytes:
    """From an ADTS header (ISO/IEC 13818-7, 6.2) to an AudioSpecificConfig (14496-3, 1.6.2.1)."""
    object_type = (frame[2] >> 6) + 1
    rate_index = frame[2] >> 2 & 15
    channels = (frame[2] & 1) << 2 | frame[3] >> 6
    specific = _u16(object_type << 11 | rate_index << 7 | channels << 3)
    decoder = _descriptor(4, b"\x40\x15" + bytes(3) + _u32(0, 0) + _descriptor(5, specific))
    stream = _descriptor(3, _u16(0) + b"\0" + decoder + _descriptor(6, b"\x02"))
    return box(
        b"mp4a", bytes(6), _u16(1), bytes(8), _u16(channels, 16, 0, 0), _u32(adts.RATES[rate_index] << 16),
        _full(b"esds", 0, 0, stream),
    )  # fmt: skip


def _descriptor(tag: int, body: bytes) -> bytes:
    return bytes((tag, len(body))) + body
