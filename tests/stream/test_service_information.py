"""The tables beside the pictures, read back by a reader written from the standards, and by GStreamer."""

from __future__ import annotations

import json
import subprocess
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrovue.stream import dvb_si, psip
from retrovue.stream.codecs import AAC, H264
from retrovue.stream.dvb_si import Event
from retrovue.stream.mpegts import PID_AUDIO, PID_VIDEO, PROGRAM, TsMux
from retrovue.stream.sections import LONGEST_PRIVATE, PACKET, crc32_mpeg, section, with_version
from retrovue.stream.service_information import Service, ServiceInformation
from retrovue.units import SECOND_US, from_us
from tests.tools import gst_sections
from tests.tools.ts_analyser import TsAnalyser
from tests.tools.ts_report import Rules
from tests.tools.ts_syntax import crc32_mpeg as crc_of_the_standard
from tests.tools.ts_syntax import parse_mgt, parse_sdt, parse_section

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")
SERVICE = Service(
    "WRTV Rétro", "5.1", "RetroVue", PROGRAM, H264, AAC, (PID_VIDEO, PID_AUDIO), 7, NEW_YORK, "USA"
)
#: A tick of 30000/1001 in µs, nearly: the tables must not depend on it.
TICK_US = 33_367


def us(at: datetime) -> int:
    return round(at.timestamp() * SECOND_US)


def programmes(
    count: int = 400, minutes: int = 30, begin: datetime = NOON - timedelta(hours=13)
) -> list[Event]:
    step = timedelta(minutes=minutes)
    return [
        Event(
            begin + n * step, begin + (n + 1) * step, f"Programme {n}", f"Episode {n}",
            f"What happens in {n}. " * 9, ("Sitcom",), "TV-PG",
        )
        for n in range(count)
    ]  # fmt: skip


def guide_of(events: Sequence[Event]) -> Callable[[int, int], list[Event]]:
    return lambda start, end: [e for e in events if us(e.start) < end and us(e.end) > start]


class Sections:
    """What comes round, whole: (PID, section, when)."""

    def __init__(self) -> None:
        self.found: list[tuple[int, bytes, int]] = []
        self._held: dict[int, bytes] = {}

    def take(self, pid: int, begins: bool, data: bytes, at: int) -> None:
        assert len(data) == PACKET - 4
        if begins:
            assert data[0] == 0
            self._held[pid] = data[1:]
        else:
            self._held[pid] += data
        held = self._held[pid]
        size = 3 + ((held[1] & 0x0F) << 8 | held[2])
        if len(held) >= size:
            assert set(held[size:]) <= {0xFF}
            self.found.append((pid, held[:size], at))


def played(information: ServiceInformation, begin: datetime, seconds: float) -> Sections:
    sections = Sections()
    at = us(begin)
    while at < us(begin) + seconds * SECOND_US:
        for pid, begins, data in information.due(at):
            sections.take(pid, begins, data, at)
        at += TICK_US
    return sections


@given(st.binary(max_size=300))
def test_the_fast_crc_is_the_one_of_the_standard(data: bytes) -> None:
    assert crc32_mpeg(data) == crc_of_the_standard(data)


@given(st.binary(max_size=1000), st.integers(0, 99))
def test_another_version_changes_nothing_else(body: bytes, version: int) -> None:
    whole = section(0x42, 7, body)
    other = parse_section(with_version(whole, version))
    assert (other.version, other.body, other.extension) == (version % 32, body, 7)
    assert with_version(with_version(whole, version), 0) == whole


def test_every_table_comes_round_in_its_time() -> None:
    sections = played(ServiceInformation(SERVICE, guide_of(programmes())), NOON + timedelta(minutes=7), 200)
    times: dict[tuple[int, int, int, bytes], list[int]] = defaultdict(list)
    for pid, raw, at in sections.found:
        number = (raw[6], raw[3:5]) if raw[0] not in (0x70, 0x73) else (0, b"")
        if raw[0] == 0xCC:
            number = (0, raw[9:13])
        times[pid, raw[0], *number].append(at)
    apart = {key: max((b - a for a, b in pairwise(at)), default=0) / SECOND_US for key, at in times.items()}

    def worst(pid: int, table: int) -> float:
        return max(value for key, value in apart.items() if key[:2] == (pid, table))

    slack = 2 * TICK_US / SECOND_US
    assert worst(0x11, 0x42) <= 2 + slack
    assert worst(0x12, 0x4E) <= 2 + slack
    assert worst(0x12, 0x50) <= 35  # 64 sections on as many slots
    assert worst(0x14, 0x70) <= 10 + slack
    assert worst(0x14, 0x73) <= 10 + slack
    assert worst(0x1FFB, 0xC7) <= 0.150 + slack
    assert worst(0x1FFB, 0xC8) <= 0.400 + slack
    assert worst(0x1FFB, 0xCD) <= 1 + slack
    assert worst(psip.PID_EIT, 0xCB) <= 0.5 + slack
    assert worst(psip.PID_EIT + 1, 0xCB) <= 3 + slack
    assert worst(psip.PID_ETT + 7, 0xCC) <= 65
    packets = sum(1 + len(raw) // 184 for _, raw, _ in sections.found)
    assert packets * PACKET * 8 / 200 < 100_000, (
        "the guide takes a share of the bit rate that nobody would notice"
    )


def test_the_same_moment_tells_the_same() -> None:
    first = played(ServiceInformation(SERVICE, guide_of(programmes())), NOON, 20).found
    assert first == played(ServiceInformation(SERVICE, guide_of(programmes())), NOON, 20).found


def test_now_and_next_change_on_the_second_that_a_programme_ends() -> None:
    information = ServiceInformation(SERVICE, guide_of(programmes()))
    sections = played(information, NOON + timedelta(minutes=29, seconds=50), 20)
    edge = us(NOON + timedelta(minutes=30))
    seen = [
        (at >= edge, raw[5] >> 1 & 0x1F, b"Programme 26" in raw, b"Programme 27" in raw)
        for pid, raw, at in sections.found
        if pid == 0x12 and raw[0] == 0x4E and raw[6] == 0
    ]
    assert {s for s in seen if not s[0]} == {(False, seen[0][1], True, False)}
    assert {s for s in seen if s[0]} == {(True, seen[-1][1], False, True)}
    assert seen[0][1] != seen[-1][1], "another version, or receivers would not look"


def test_a_guide_that_changed_is_told_within_a_minute() -> None:
    events = programmes()
    information = ServiceInformation(SERVICE, lambda a, b: guide_of(events)(a, b))
    before = played(information, NOON + timedelta(minutes=1), 60)
    events[40:] = [Event(e.start, e.end, "Another film") for e in events[40:]]
    after = played(information, NOON + timedelta(minutes=2, seconds=1), 100)
    assert not any(b"Another film" in raw for _, raw, _ in before.found)
    assert any(b"Another film" in raw for pid, raw, _ in after.found if pid == 0x12)
    versions = [{raw[5] for _, raw, _ in s.found if raw[0] == 0x50} for s in (before, after)]
    assert versions[1] - versions[0]


def test_a_station_clock_that_is_set_back_stops_no_table() -> None:
    information = ServiceInformation(SERVICE, guide_of(programmes()))
    played(information, NOON + timedelta(hours=5), 10)
    tables = {raw[0] for _, raw, _ in played(information, NOON, 10).found}
    assert tables >= {0x42, 0x4E, 0x70, 0x73, 0xC7, 0xC8, 0xCB, 0xCD}


def test_without_a_guide_there_are_names_and_the_time() -> None:
    found = played(ServiceInformation(SERVICE), NOON, 10).found
    assert {raw[0] for _, raw, _ in found} == {0x42, 0x70, 0x73, 0xC7, 0xC8, 0xCD}
    assert parse_sdt(parse_section(next(raw for _, raw, _ in found if raw[0] == 0x42))) == [
        ("RetroVue", "WRTV Rétro")
    ]


words = st.text(max_size=400)


@given(
    st.lists(
        st.tuples(st.integers(1, 600), words, words, words, st.lists(words, max_size=3), words), max_size=60
    ),
    words,
    st.sampled_from(["5", "5.1", "999.999", "1.0"]),
)
def test_whatever_a_guide_says_every_section_fits(
    rows: list[tuple[int, str, str, str, list[str], str]], name: str, number: str
) -> None:
    events, at = [], NOON - timedelta(minutes=5)
    for minutes, title, subtitle, description, categories, rating in rows:
        end = at + timedelta(minutes=minutes)
        events.append(Event(at, end, title, subtitle, description, tuple(categories), rating))
        at = end
    service = Service(name, number, name, PROGRAM, H264, AAC, (PID_VIDEO, PID_AUDIO), 7, NEW_YORK)
    information = ServiceInformation(service, guide_of(events))
    for _, raw, _ in played(information, NOON, 9.0).found:
        assert len(raw) <= LONGEST_PRIVATE
        parse_section(raw)  # its CRC, too


def test_the_schedule_is_cut_into_segments_of_three_hours() -> None:
    events = programmes(begin=NOON, count=336)
    tables = [parse_section(raw) for raw in dvb_si.schedule(7, PROGRAM, events, NOON, 8)]
    assert [t.table_id for t in tables] == sorted(t.table_id for t in tables)
    assert {t.table_id for t in tables} == {0x50, 0x51}, "four days each"
    for t in tables:
        number, last, segment_last, last_table = t.raw[6], t.raw[7], t.body[4], t.body[5]
        assert number <= segment_last <= last
        assert (number // 8, last_table) == (segment_last // 8, 0x51)
        at, body = 6, t.body
        while at < len(body):
            days, hours = int.from_bytes(body[at + 2 : at + 4], "big"), body[at + 4]
            midnight = (datetime(1858, 11, 17, tzinfo=UTC) + timedelta(days=days)).timestamp()
            hour = (midnight - datetime(2026, 11, 26, tzinfo=UTC).timestamp()) / 3600
            hour += (hours >> 4) * 10 + (hours & 15)
            assert (t.table_id - 0x50) * 32 + number // 8 == hour // 3
            at += 12 + ((body[at + 10] & 0x0F) << 8 | body[at + 11])
    numbers = [dvb_si.event_number(e.start) for e in events]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize(
    ("at", "offset", "then", "changes"),
    [
        (datetime(2026, 10, 20, tzinfo=UTC), -4, -5, datetime(2026, 11, 1, 6, tzinfo=UTC)),
        (datetime(2027, 3, 1, tzinfo=UTC), -5, -4, datetime(2027, 3, 14, 7, tzinfo=UTC)),
    ],
)
def test_the_next_change_of_the_clocks_is_told(
    at: datetime, offset: int, then: int, changes: datetime
) -> None:
    assert dvb_si.offsets(at, NEW_YORK) == (timedelta(hours=offset), changes, timedelta(hours=then))


def test_a_zone_without_summer_time_keeps_its_offset() -> None:
    now, _, then = dvb_si.offsets(NOON, ZoneInfo("Asia/Kolkata"))
    assert now == then == timedelta(hours=5, minutes=30)


def stream(seconds: float, begin: datetime) -> bytes:
    """PAT, PMT, something that stands for a picture, and the tables, as a channel sends them."""
    mux, information = TsMux(stream=7), ServiceInformation(SERVICE, guide_of(programmes()))
    out, at = [], us(begin)
    unit = b"\x00\x00\x00\x01\x09\xf0\x00\x00\x00\x01\x65" + bytes(40)
    for n in range(round(seconds * SECOND_US / TICK_US)):
        now = at + n * TICK_US
        out.append(mux.tables() if n % 3 == 0 else mux.information(information.due(now)))
        out.append(mux.video(now * 9 // 100, unit, n % 15 == 0))
    return b"".join(out)


def test_the_analyser_finds_no_fault_in_the_tables() -> None:
    analyser = TsAnalyser(Rules())
    analyser.feed(stream(70, NOON))
    report = analyser.finish()
    about_tables = {"psi", "continuity", "unannounced_pid", "pat_changed", "pmt_changed", "sdt_changed"}
    assert not about_tables & report.faults.keys(), report.faults


def test_gstreamer_reads_name_number_guide_and_time(tmp_path: Path) -> None:
    path = tmp_path / "stream.ts"
    path.write_bytes(stream(70, NOON + timedelta(minutes=7)))
    script = Path(gst_sections.__file__)
    run = subprocess.run(
        ["/usr/bin/python3", "-I", str(script), str(path)], capture_output=True, text=True, check=False
    )
    if run.returncode:
        pytest.skip(f"no GStreamer here: {run.stderr.strip().splitlines()[-1:]}")
    found = json.loads(run.stdout)
    assert found["sdt"][0] == ["WRTV Rétro", "RetroVue", True, True]
    now, following = (next(v for k, v in found["eit"].items() if k.startswith(f"0x4e {n} ")) for n in (0, 1))
    assert now[:5] == ["2026-11-26T12:00:00Z", 1800, 4, "Programme 26", "Episode 26"]
    assert now[5] == [0x4D, 0x4E, 0x54]
    assert following[:4] == ["2026-11-26T12:30:00Z", 1800, 1, "Programme 27"]
    scheduled = [v[3] for k, v in found["eit"].items() if k.split()[0] in ("0x50", "0x51")]
    assert {f"Programme {n}" for n in range(26, 300)} <= set(scheduled)
    assert found["vct"][0] == ["WRTV Ré", 5, 1, PROGRAM, 2, 2]
    assert [0x0100, psip.PID_EIT] in found["mgt"]
    assert [0x0207, psip.PID_ETT + 7] in found["mgt"]
    titles = {v[2] for v in found["atsc_eit"].values()}
    assert {"Programme 26", "Programme 30"} <= titles
    start, seconds, title, told = min(found["atsc_eit"].values())
    assert (from_us((start - 18) * SECOND_US) + (datetime(1980, 1, 6, tzinfo=UTC) - from_us(0)), seconds) == (
        NOON, 1800,
    )  # fmt: skip
    assert (title, told) == ("Programme 26", 1)
    assert any(t.startswith("Episode 26 – What happens in 26.") for t in found["ett"])
    assert found["time"][0].startswith("2026-11-26T12:07:00")


def test_mgt_is_read_back() -> None:
    whole = psip.mgt([(0, 0x1FFB, 1, 100), (0x100, 0x1D00, 2, 200)])
    assert parse_mgt(parse_section(whole)) == {0x1FFB: 0, 0x1D00: 0x100}
