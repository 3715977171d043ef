"""What an ATSC receiver reads about a channel beside its pictures: number, name, guide, time (PSIP); pure.

Rules: ATSC A/65:2013 (tables 6.x, descriptors 6.9, multiple string structure 6.10), CEA-766 for the rating
region of the United States. One virtual channel a stream.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from retrovue.stream.dvb_si import Event, event_number
from retrovue.stream.sections import LONGEST_PRIVATE, descriptor, section

PID_BASE = 0x1FFB
#: Of EIT-0 and ETT-0; those of the k-th lie k above. Free to choose, told by the MGT.
PID_EIT, PID_ETT = 0x1D00, 0x1E00

_MGT, _TVCT, _EIT, _ETT, _STT = 0xC7, 0xC8, 0xCB, 0xCC, 0xCD
#: An EIT covers three hours, from a multiple of three hours of UTC.
SPAN = timedelta(hours=3)
_GPS_EPOCH = datetime(1980, 1, 6, tzinfo=UTC)
#: GPS time runs ahead of UTC by the leap seconds since 1980; none has come since 2017, none more will by 2035
#: (General Conference on Weights and Measures, 2022, resolution 4).
_LEAP_SECONDS = 18
SOURCE = 1

#: Ratings of the United States (CEA-766, region 1): name → (dimension, value).
_RATINGS = {
    "TV-Y": (5, 1), "TV-Y7": (5, 2), "TV-G": (0, 2), "TV-PG": (0, 3), "TV-14": (0, 4), "TV-MA": (0, 5),
    "G": (7, 2), "PG": (7, 3), "PG-13": (7, 4), "R": (7, 5), "NC-17": (7, 6), "X": (7, 7), "NR": (7, 8),
}  # fmt: skip


def gps(at: datetime) -> int:
    """Seconds of GPS time."""
    return int((at - _GPS_EPOCH).total_seconds()) + _LEAP_SECONDS


def strings(value: str, most: int = 240, language: str = "eng") -> bytes:
    """A multiple string structure of one string in one segment, not compressed: Latin-1 where that has all
    its letters, else UTF-16 (of which only the basic plane is allowed). ``most``: bytes of text."""
    plain = "".join(c for c in value if c >= " " and ord(c) < 0x10000)
    try:
        mode, coded = 0x00, plain.encode("latin-1")[:most]
    except UnicodeEncodeError:
        mode, coded = 0x3F, plain.encode("utf-16-be")[: most & ~1]
    return b"\x01" + language.encode("ascii") + bytes((1, 0, mode, len(coded))) + coded


def number_of(number: str) -> tuple[int, int]:
    """(major, minor) of "5.1"; "5" is (5, 0), which receivers show as 5."""
    major, _, minor = number.partition(".")
    return int(major) & 0x3FF, int(minor or 0) & 0x3FF


def tvct(
    stream: int, number: str, name: str, program: int, video_type: int, audio_type: int, pids: tuple[int, int]
) -> bytes:
    """The virtual channel: ``number`` "5.1", stream types and PIDs of picture and sound."""
    major, minor = number_of(number)
    short = name.encode("utf-16-be", errors="replace")[:14].ljust(14, b"\0")
    located = (
        (0xE000 | pids[0]).to_bytes(2, "big") + b"\x02"
        + bytes((video_type,)) + (0xE000 | pids[0]).to_bytes(2, "big") + b"\0\0\0"
        + bytes((audio_type,)) + (0xE000 | pids[1]).to_bytes(2, "big") + b"eng"
    )  # fmt: skip
    descriptors = descriptor(0xA1, located) + descriptor(0xA0, strings(name))
    channel = (
        short
        + (0xF << 20 | major << 10 | minor).to_bytes(3, "big")
        + b"\x04"  # 8VSB
        + bytes(4)  # carrier frequency: none
        + stream.to_bytes(2, "big") + program.to_bytes(2, "big")
        # no text of its own, free, not hidden, in the guide, digital television
        + 0b00_0_0_11_0_111_000010.to_bytes(2, "big")
        + SOURCE.to_bytes(2, "big")
        + (0xFC00 | len(descriptors)).to_bytes(2, "big") + descriptors
    )  # fmt: skip
    return section(_TVCT, stream, b"\x00\x01" + channel + b"\xfc\x00", private=True)


def eit(events: Sequence[Event]) -> bytes:
    """One EIT-k: the events of its three hours, those that run into them first. For each that has
    something to say there is an ETT. What a section can't hold is left out, from the end."""
    body, count = b"", 0
    for event in events:
        seconds = max(0, round((event.end - event.start).total_seconds())) & 0xFFFFF
        title = strings(event.title, 120)
        told = 1 if event_text(event) else 0
        advice = _RATINGS.get(event.rating)
        # content_advisory_descriptor: one region, one dimension, no words
        descriptors = descriptor(0x87, bytes((0xC1, 1, 1, advice[0], 0xF0 | advice[1], 0))) if advice else b""
        one = (
            (0xC000 | event_number(event.start, 14)).to_bytes(2, "big")
            + gps(event.start).to_bytes(4, "big")
            + (0xC00000 | told << 20 | seconds).to_bytes(3, "big")
            + bytes((len(title),)) + title
            + (0xF000 | len(descriptors)).to_bytes(2, "big") + descriptors
        )  # fmt: skip
        if len(body) + len(one) > LONGEST_PRIVATE - 8 - 4 - 2 or count == 255:
            break
        body += one
        count += 1
    return section(_EIT, SOURCE, bytes((0, count)) + body, private=True)


def event_text(event: Event) -> str:
    """What ETT says of an event: its episode and its description."""
    return " – ".join(part for part in (event.subtitle, event.description) if part)


def ett(event: Event) -> bytes:
    """The text of one event, cut to what a string can hold."""
    etm = SOURCE << 16 | event_number(event.start, 14) << 2 | 0b10
    return section(_ETT, 0, b"\0" + etm.to_bytes(4, "big") + strings(event_text(event)), private=True)


def stt(at: datetime, offsets: tuple[timedelta, datetime, timedelta], daylight: bool) -> bytes:
    """The time. ``offsets``: from UTC now, when that changes (with a zone), and from UTC then; the change is
    told in the month that it comes in. ``daylight``: is it daylight saving time?"""
    now, changes, _ = offsets
    here, then = at + now, changes + now
    soon = offsets[2] != now and (here.year, here.month) == (then.year, then.month)
    saving = daylight << 15 | 0x6000 | (then.day << 8 | then.hour if soon else 0)
    body = b"\0" + gps(at).to_bytes(4, "big") + bytes((_LEAP_SECONDS,)) + saving.to_bytes(2, "big")
    return section(_STT, 0, body, private=True)


def mgt(tables: Sequence[tuple[int, int, int, int]]) -> bytes:
    """Where the other tables are: (table_type, PID, version, bytes) of each."""
    body = b"\0" + len(tables).to_bytes(2, "big")
    for kind, pid, of, size in tables:
        body += kind.to_bytes(2, "big") + (0xE000 | pid).to_bytes(2, "big") + bytes((0xE0 | of & 0x1F,))
        body += size.to_bytes(4, "big") + b"\xf0\x00"
    return section(_MGT, 0, body + b"\xf0\x00", private=True)


#: table_type of the MGT: the virtual channel table, EIT-0 and ETT-0.
TYPE_TVCT, TYPE_EIT, TYPE_ETT = 0x0000, 0x0100, 0x0200
