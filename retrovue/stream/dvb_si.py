"""What a DVB receiver reads about a service beside its pictures: name, now and next, guide, time; pure.

Rules: ETSI EN 300 468 (tables, descriptors, character sets), ETSI TS 101 211 (how often, and how the schedule
is cut into segments). One service a stream, so every table speaks of it alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from retrovue.stream.sections import LONGEST_PRIVATE, descriptor, section, short_section, with_length

PID_SDT, PID_EIT, PID_TIME = 0x0011, 0x0012, 0x0014

#: original_network_id: one of those for private use (ETSI TS 101 162).
NETWORK = 0xFF01

_SDT, _PRESENT_FOLLOWING, _SCHEDULE, _TDT, _TOT = 0x42, 0x4E, 0x50, 0x70, 0x73
#: A table of the schedule covers four days in 32 segments of three hours; of its sections each segment has 8.
_SEGMENT = timedelta(hours=3)
_SEGMENTS, _SECTIONS = 32, 8
_TABLE = _SEGMENTS * _SEGMENT
#: Beside head and CRC a section of EIT has six bytes of its own.
_ROOM = LONGEST_PRIVATE - 8 - 4 - 6

#: Beginnings of words in a category → content_nibble_level_1 and 2 (EN 300 468, table 28). The first that
#: occurs counts.
GENRES: tuple[tuple[str, int], ...] = (
    ("detective", 0x11), ("crime", 0x11), ("thriller", 0x11), ("mystery", 0x11), ("western", 0x12),
    ("adventure", 0x12), ("war", 0x12), ("action", 0x12), ("science fiction", 0x13), ("sci-fi", 0x13),
    ("fantasy", 0x13), ("horror", 0x13), ("sitcom", 0x14), ("comedy", 0x14), ("soap", 0x15),
    ("romance", 0x16), ("drama", 0x10), ("movie", 0x10), ("film", 0x10), ("weather", 0x21),
    ("magazine", 0x22), ("documentary", 0x23), ("debate", 0x24), ("interview", 0x24), ("news", 0x20),
    ("game", 0x31), ("quiz", 0x31), ("variety", 0x32), ("talk", 0x33), ("show", 0x30), ("sport", 0x40),
    ("cartoon", 0x55), ("animation", 0x55), ("puppet", 0x55), ("children", 0x50),
    ("kids", 0x50), ("youth", 0x50), ("jazz", 0x64), ("music", 0x60), ("ballet", 0x66),
    ("arts", 0x70), ("culture", 0x70), ("religio", 0x73),
    ("politic", 0x80), ("social", 0x80), ("nature", 0x91), ("animal", 0x91), ("science", 0x92),
    ("education", 0x90), ("school", 0x90), ("travel", 0xA1), ("cooking", 0xA5), ("garden", 0xA7),
    ("hobb", 0xA0), ("leisure", 0xA0), ("shopping", 0xA6),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Event:
    """A programme as broadcast tables tell it. Instants are aware and whole in seconds."""

    start: datetime
    end: datetime
    title: str
    subtitle: str = ""
    description: str = ""
    categories: tuple[str, ...] = ()
    rating: str = ""


def text(value: str, most: int) -> bytes:
    """A string of at most ``most`` bytes (EN 300 468, annex A): ASCII as it is, else UTF-8, said so."""
    plain = "".join(c for c in value if c >= " " and c != "\x7f")
    if plain.isascii():
        return plain.encode()[:most]
    return b"\x15" + plain.encode()[: most - 1].decode(errors="ignore").encode()


def _short(value: bytes) -> bytes:
    return bytes((len(value),)) + value


def genre(categories: Sequence[str]) -> int | None:
    """content_nibbles of a programme, None where its categories name none."""
    said = " " + " ".join(categories).casefold()
    return next((code for word, code in GENRES if f" {word}" in said), None)


def event_number(start: datetime, bits: int = 16) -> int:
    """An event's id within its service: the minute it starts in. The same at every reading; of 16 bits, it
    comes again after 45 days, of 14 after 11."""
    return int(start.timestamp()) // 60 & (1 << bits) - 1


def utc(at: datetime) -> bytes:
    """Modified Julian date and time in BCD, 40 bits (EN 300 468, annex C)."""
    at = at.astimezone(UTC)
    days = (at.date() - datetime(1858, 11, 17, tzinfo=UTC).date()).days
    return days.to_bytes(2, "big") + _bcd(at.hour, at.minute, at.second)


def _bcd(*numbers: int) -> bytes:
    return bytes(n // 10 << 4 | n % 10 for n in numbers)


def sdt(stream: int, service: int, name: str, provider: str, guide: bool) -> bytes:
    """What the service is called. ``guide``: does the stream carry EIT?"""
    said = _short(b"\x15" + provider.encode()[:60].decode(errors="ignore").encode()) + _short(
        b"\x15" + name.encode()[:60].decode(errors="ignore").encode()
    )
    descriptors = descriptor(0x48, b"\x01" + said)  # digital television service
    body = (
        NETWORK.to_bytes(2, "big") + b"\xff" + service.to_bytes(2, "big")
        + bytes((0xFF if guide else 0xFC, 0x80 | len(descriptors) >> 8, len(descriptors) & 0xFF))  # running
        + descriptors
    )  # fmt: skip
    return section(_SDT, stream, body, private=True)


def _event(event: Event, running: int, language: str, extended: bool) -> bytes:
    """One event of EIT; ``running``: running_status."""
    described = text(event.subtitle if extended else event.subtitle or event.description, 150)
    title = text(event.title, 100)
    descriptors = descriptor(0x4D, language.encode("ascii") + _short(title) + _short(described))
    if extended and event.description:
        descriptors += _extended(event.description, language)
    code = genre(event.categories)
    if code is not None:
        descriptors += descriptor(0x54, bytes((code, 0)))
    seconds = max(0, round((event.end - event.start).total_seconds()))
    hours = min(99, seconds // 3600)
    return (
        event_number(event.start).to_bytes(2, "big") + utc(event.start)
        + _bcd(hours, seconds // 60 % 60, seconds % 60)
        + (running << 13 | len(descriptors)).to_bytes(2, "big") + descriptors
    )  # fmt: skip


def _extended(description: str, language: str) -> bytes:
    """The description in as many descriptors as it needs; what is beyond four of them is cut."""
    parts: list[bytes] = []
    rest = "".join(c for c in description if c >= " ")
    while rest and len(parts) < 4:
        part = text(rest, 240)
        taken = len(part.lstrip(b"\x15").decode())
        parts.append(part)
        rest = rest[taken:]
    last = len(parts) - 1
    return b"".join(
        descriptor(0x4E, bytes((n << 4 | last,)) + language.encode("ascii") + b"\x00" + _short(part))
        for n, part in enumerate(parts)
    )


def _eit(
    table: int,
    stream: int,
    service: int,
    body: bytes,
    number: int,
    last: int,
    segment_last: int,
    last_table: int,
) -> bytes:
    head = stream.to_bytes(2, "big") + NETWORK.to_bytes(2, "big") + bytes((segment_last, last_table))
    return section(table, service, head + body, private=True, number=number, last=last)


def present_following(
    stream: int, service: int, now: Event | None, then: Event | None, language: str = "eng"
) -> list[bytes]:
    """EIT present/following: two sections, each empty where there is nothing to say."""
    return [
        _eit(_PRESENT_FOLLOWING, stream, service, _event(e, running, language, extended=True) if e else b"",
             number, 1, 1, _PRESENT_FOLLOWING)
        for number, (e, running) in enumerate(((now, 4), (then, 1)))
    ]  # fmt: skip


def schedule(
    stream: int, service: int, events: Sequence[Event], today: datetime, days: int, language: str = "eng"
) -> list[bytes]:
    """EIT schedule of ``days`` from the midnight (UTC) of ``today``, in order of time.

    An event stands in the segment that it starts in; a segment without one has one empty section. What
    doesn't fit into a segment's eight sections is left out, from its end.
    """
    first = datetime(today.year, today.month, today.day, tzinfo=UTC)
    count = days * 8  # segments of three hours
    tables = -(-count // _SEGMENTS)
    by_segment: dict[int, list[bytes]] = {}
    for event in events:
        segment = (event.start - first) // _SEGMENT
        if 0 <= segment < count:
            by_segment.setdefault(segment, []).append(_event(event, 1, language, extended=True))
    found: list[bytes] = []
    for table in range(tables):
        here = range(table * _SEGMENTS, min(count, (table + 1) * _SEGMENTS))
        filled = {s: list(_packed(by_segment.get(s, []))) for s in here}
        last = (here[-1] - table * _SEGMENTS) * _SECTIONS + len(filled[here[-1]]) - 1
        for segment, bodies in filled.items():
            begin = (segment - table * _SEGMENTS) * _SECTIONS
            for n, body in enumerate(bodies):
                found.append(
                    _eit(_SCHEDULE + table, stream, service, body, begin + n, last, begin + len(bodies) - 1,
                         _SCHEDULE + tables - 1)
                )  # fmt: skip
    return found


def _packed(events: Sequence[bytes]) -> Iterator[bytes]:
    """As few bodies as hold the events, at least one and at most eight."""
    body, made = b"", 0
    for event in events:
        if len(body) + len(event) > _ROOM:
            made += 1
            if made == _SECTIONS:
                yield body
                return
            yield body
            body = b""
        body += event
    yield body


def tdt(at: datetime) -> bytes:
    """Time and date: what a receiver without a clock sets its own by."""
    return short_section(_TDT, utc(at))


def tot(at: datetime, zone: tzinfo, country: str = "   ") -> bytes:
    """Time offset: the station's offset from UTC, and when it changes next within half a year.

    ``country``: three letters of ISO 3166, or spaces where that is not said.
    """
    offset, changes, after = offsets(at, zone)
    body = (
        country.encode("ascii").ljust(3)[:3]
        + bytes((0x02 | (offset < timedelta(0)),))  # country_region_id 0: no zones within the country
        + _hours(offset) + utc(changes) + _hours(after)
    )  # fmt: skip
    return short_section(_TOT, utc(at) + with_length(descriptor(0x58, body)), crc=True)


def offsets(at: datetime, zone: tzinfo) -> tuple[timedelta, datetime, timedelta]:
    """(offset now, when it changes to the minute, offset then); without a change: in a day, the same."""

    def offset(moment: datetime) -> timedelta:
        return moment.astimezone(zone).utcoffset() or timedelta(0)

    begin = at.astimezone(UTC).replace(second=0, microsecond=0)
    now = offset(begin)
    for day in range(1, 184):
        if offset(begin + timedelta(days=day)) != now:
            low, high = begin + timedelta(days=day - 1), begin + timedelta(days=day)
            while high - low > timedelta(minutes=1):
                middle = low + timedelta(minutes=(high - low) // timedelta(minutes=2))
                low, high = (middle, high) if offset(middle) == now else (low, middle)
            return now, high, offset(high)
    return now, begin + timedelta(days=1), now


def _hours(offset: timedelta) -> bytes:
    minutes = abs(offset) // timedelta(minutes=1)
    return _bcd(minutes // 60, minutes % 60)
