"""The judge is judged: a good stream is clean, and each deliberate damage is found exactly."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from retrovue.ffmpeg_binary import choose_ffmpeg
from tests.tools import ts_syntax
from tests.tools.ts_analyser import TsAnalyser, analyse, main
from tests.tools.ts_report import Rules

Packets = list[bytearray]

VIDEO, AUDIO, PMT = 0x100, 0x101, 0x1000


def encode(folder: Path, rate: str = "30000/1001", *options: str, seconds: int = 4) -> bytes:
    """A stream that keeps the house rules, from ffmpeg: another implementation than ours."""
    target = folder / "good.ts"
    command = [
        *(choose_ffmpeg().path, "-v", "error", "-nostdin", "-y"),
        *("-f", "lavfi", "-i", f"testsrc2=s=320x180:r={rate}"),
        *("-f", "lavfi", "-i", "sine=440:r=48000"),
        *("-t", str(seconds), "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency"),
        *("-g", "15", "-b:v", "600k", "-maxrate", "600k", "-bufsize", "300k", "-pix_fmt", "yuv420p"),
        *("-c:a", "aac", "-b:a", "128k", "-ac", "2"),
        *("-muxdelay", "0.2", "-muxpreload", "0", "-pcr_period", "20", "-pat_period", "0.05"),
        *(
            "-mpegts_service_id",
            "1",
            "-metadata",
            "service_name=Shorts",
            *options,
            "-f",
            "mpegts",
            str(target),
        ),
    ]
    subprocess.run(command, check=True, timeout=60)
    return target.read_bytes()


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return encode(tmp_path_factory.mktemp("ts"))


def split(data: bytes) -> Packets:
    return [bytearray(data[i : i + 188]) for i in range(0, len(data), 188)]


def pid(packet: bytearray) -> int:
    return (packet[1] & 0x1F) << 8 | packet[2]


def begins(packet: bytearray) -> bool:
    return bool(packet[1] & 0x40)


def has_pcr(packet: bytearray) -> bool:
    return bool(packet[3] & 0x20 and packet[4] >= 7 and packet[5] & 0x10)


def payload_at(packet: bytearray) -> int:
    return 5 + packet[4] if packet[3] & 0x20 else 4


def nth(packets: Packets, which: Callable[[bytearray], bool], n: int) -> int:
    return [i for i, p in enumerate(packets) if which(p)][n]


def inner_video(packets: Packets, n: int = 50) -> int:
    """A packet from the middle of a picture, with another of the same picture after it."""
    found = [
        i
        for i, p in enumerate(packets[:-1])
        if pid(p) == VIDEO
        and not begins(p)
        and not p[3] & 0x20
        and pid(packets[i + 1]) == VIDEO
        and not begins(packets[i + 1])
    ]
    return found[n]


def pts_starts(packets: Packets, stream: int) -> list[int]:
    return [i for i, p in enumerate(packets) if pid(p) == stream and begins(p)]


def get_pts(packet: bytearray) -> int:
    pts = ts_syntax.parse_pes(bytes(packet[payload_at(packet) :])).pts
    assert pts is not None
    return pts


def set_pts(packet: bytearray, value: int) -> None:
    at = payload_at(packet) + 9
    value %= 1 << 33
    packet[at : at + 5] = bytes(
        (
            packet[at] & 0xF1 | value >> 29 & 0x0E,
            value >> 22 & 0xFF,
            value >> 14 & 0xFE | 1,
            value >> 7 & 0xFF,
            value << 1 & 0xFE | 1,
        )
    )


def get_pcr(packet: bytearray) -> int:
    base = int.from_bytes(packet[6:10], "big") << 1 | packet[10] >> 7
    return base * 300 + ((packet[10] & 1) << 8 | packet[11])


def set_pcr(packet: bytearray, value: int) -> None:
    base, extension = divmod(value % ((1 << 33) * 300), 300)
    packet[6:12] = (base << 15 | 0x7E00 | extension).to_bytes(6, "big")


def renumber(packets: Packets) -> Packets:
    """Repair the continuity counters, so that only the damage under test is left."""
    counters: dict[int, int] = {}
    for packet in packets:
        stream = pid(packet)
        counter = counters.get(stream, packet[3] - 1 & 15)
        if packet[3] & 0x10:
            counter = counter + 1 & 15
        counters[stream] = counter
        packet[3] = packet[3] & 0xF0 | counter
    return packets


def judge(packets: Packets, rules: Rules | None = None) -> dict[str, int]:
    return analyse(b"".join(packets), rules).fault_counts


# --- the good stream -------------------------------------------------------------------------------


def test_a_good_stream_is_clean(good: bytes) -> None:
    report = analyse(good)
    assert report.fault_counts == {}, report.to_text()
    assert report.ok
    assert report.rate == "30000/1001"
    assert report.pictures == 120
    assert report.idrs == 8
    assert report.duration_s == pytest.approx(120 * 1001 / 30000, abs=1e-5)
    assert report.audio_frames in (188, 189, 190)
    assert report.audio_config == "AAC-LC 48000 Hz 2 ch"
    assert report.streams == ["type 0x1b on 0x100", "type 0x0f on 0x101"]
    assert report.services == ["Shorts (FFmpeg)"]
    assert len(report.parameter_sets) == 1
    assert report.video_lead_ms == pytest.approx((200, 200), abs=40)
    assert report.pcr_interval_ms_max <= 40
    assert "clean: no fault" in report.to_text()


@pytest.mark.parametrize(
    ("rate", "found"),
    [("24000/1001", "24000/1001"), ("25", "25"), ("30", "30"), ("50", "50"), ("60000/1001", "60000/1001")],
)
def test_every_house_rate_is_recognised_and_clean(tmp_path: Path, rate: str, found: str) -> None:
    # ffmpeg sends its PCR with the pictures, so 23.976 frames/s leave 41.7 ms between two.
    rules = Rules(pcr_interval_ms=45, idr_interval_ms=700)
    report = analyse(encode(tmp_path, rate, seconds=2), rules)
    assert report.fault_counts == {}, report.to_text()
    assert report.rate == found


def test_any_portions_give_the_same_report(good: bytes) -> None:
    whole, dice = analyse(good), random.Random(1)
    analyser, at = TsAnalyser(), 0
    while at < len(good):
        size = dice.choice((1, 7, 187, 188, 189, 1000, 5000))
        analyser.feed(good[at : at + size])
        at += size
    assert analyser.finish(complete=True) == whole


def test_a_capture_may_end_anywhere(good: bytes) -> None:
    report = analyse(good[: len(good) // 2 + 77], complete=False)
    assert report.fault_counts == {}


def test_the_33_bit_wrap_is_no_fault(good: bytes) -> None:
    packets = split(good)
    shift = (1 << 33) - 2 * 90000
    for packet in packets:
        if pid(packet) in (VIDEO, AUDIO) and begins(packet):
            set_pts(packet, get_pts(packet) + shift)
        if has_pcr(packet):
            set_pcr(packet, get_pcr(packet) + shift * 300)
    report = analyse(b"".join(packets))
    assert report.fault_counts == {}, report.to_text()
    assert report.wraps == 1


def test_the_command_line(good: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "x.ts"
    file.write_bytes(good)
    assert main([str(file)]) == 0
    assert "clean: no fault" in capsys.readouterr().out
    file.write_bytes(good[:100_016] + good[100_204:])
    assert main([str(file), "--json"]) == 1
    assert '"ok": false' in capsys.readouterr().out
    assert main([str(tmp_path / "none.ts")]) == 2


# --- packets ---------------------------------------------------------------------------------------


def test_a_dropped_packet(good: bytes) -> None:
    packets = split(good)
    del packets[inner_video(packets)]
    assert judge(packets) == {"continuity": 1}


def test_a_duplicated_packet(good: bytes) -> None:
    packets = split(good)
    at = inner_video(packets)
    packets.insert(at, bytearray(packets[at]))
    assert judge(packets) == {"duplicate": 1}
    assert judge(packets, Rules(duplicates=True)) == {}
    packets.insert(at, bytearray(packets[at]))  # three times is never allowed
    assert judge(packets, Rules(duplicates=True)) == {"continuity": 1}


def test_the_same_counter_with_other_bytes(good: bytes) -> None:
    packets = split(good)
    at = inner_video(packets)
    packets[at + 1][3] = packets[at][3]
    assert judge(packets) == {"continuity": 2}  # once repeated, once jumped over


def test_swapped_packets(good: bytes) -> None:
    packets = split(good)
    at = inner_video(packets)
    packets[at], packets[at + 1] = packets[at + 1], packets[at]
    assert judge(packets) == {"continuity": 3}  # n, n+2, n+1, n+3


def test_a_counter_that_moves_without_a_payload(good: bytes) -> None:
    packets = split(good)
    at = inner_video(packets)
    filler = bytearray(b"\xff" * 188)
    filler[:6] = bytes((0x47, VIDEO >> 8, VIDEO & 255, 0x20 | packets[at][3] & 15, 183, 0))
    packets.insert(at + 1, filler)
    assert judge(packets) == {}
    filler[3] = 0x20 | (packets[at][3] + 1) & 15
    # The counter moved where it must not; the next packet then repeats it, and one after a packet
    # without a payload is nothing but the jump that is missing.
    assert set(judge(packets)) == {"continuity"}


def test_lost_synchronisation(good: bytes) -> None:
    at = 188 * inner_video(split(good))
    report = analyse(good[:at] + b"not a packet" + good[at:])
    assert report.fault_counts == {"sync": 1}
    assert report.packets == len(good) // 188
    damaged = bytearray(good)
    damaged[at] = 0x48
    assert analyse(bytes(damaged)).fault_counts == {"sync": 1, "continuity": 1}


@pytest.mark.parametrize(("byte", "bits", "fault"), [(1, 0x80, "transport_error"), (3, 0x80, "scrambled")])
def test_header_bits(good: bytes, byte: int, bits: int, fault: str) -> None:
    packets = split(good)
    packets[inner_video(packets)][byte] |= bits
    assert judge(packets) == {fault: 1}


def test_a_discontinuity_indicator(good: bytes) -> None:
    packets = split(good)
    packets[nth(packets, has_pcr, 20)][5] |= 0x80
    assert judge(packets) == {"discontinuity_indicator": 1}


def test_an_unannounced_pid(good: bytes) -> None:
    packets = split(good)
    stray = bytearray(b"\xff" * 188)
    stray[:4] = b"\x47\x03\x33\x10"
    packets.insert(40, stray)
    assert judge(packets) == {"unannounced_pid": 1}


# --- tables ----------------------------------------------------------------------------------------


def rewrite_section(packet: bytearray, change: Callable[[bytearray], None]) -> None:
    at = 5 + packet[4]  # after the pointer field
    size = 3 + ((packet[at + 1] & 15) << 8 | packet[at + 2])
    section = packet[at : at + size]
    change(section)
    section[-4:] = ts_syntax.crc32_mpeg(bytes(section[:-4])).to_bytes(4, "big")
    packet[at : at + size] = section


def bump_version(section: bytearray) -> None:
    section[5] = section[5] & 0xC1 | ((section[5] >> 1) + 1 & 31) << 1


def other_stream_type(section: bytearray) -> None:
    section[12 + ((section[10] & 15) << 8 | section[11])] = 0x24  # HEVC


def test_a_broken_crc(good: bytes) -> None:
    packets = split(good)
    # One that nobody misses: ffmpeg repeats its tables more often than it must.
    packets[nth(packets, lambda p: pid(p) == PMT, 3)][15] ^= 1
    assert judge(packets, Rules(psi_interval_ms=150)) == {"psi": 1}


def test_a_new_pmt_version_for_good(good: bytes) -> None:
    packets = split(good)
    for packet in packets[len(packets) // 2 :]:
        if pid(packet) == PMT:
            rewrite_section(packet, bump_version)
    report = analyse(b"".join(packets))
    assert report.fault_counts == {"pmt_changed": 1}
    assert "version 0 → 1" in report.faults["pmt_changed"].examples[0]


def test_one_odd_pat(good: bytes) -> None:
    packets = split(good)
    rewrite_section(packets[nth(packets, lambda p: pid(p) == 0, 5)], bump_version)
    assert judge(packets) == {"pat_changed": 2}  # there and back


def test_another_stream_type(good: bytes) -> None:
    packets = split(good)
    rewrite_section(packets[nth(packets, lambda p: pid(p) == PMT, 5)], other_stream_type)
    counts = judge(packets)
    assert counts["pmt_changed"] == 2
    assert counts["stream_type"] == 1


def test_a_missing_pat(good: bytes) -> None:
    packets = split(good)
    dead = [i for i, p in enumerate(packets) if pid(p) == 0][5:8]
    packets = renumber([p for i, p in enumerate(packets) if i not in dead])
    assert judge(packets) == {"pat_interval": 1}


def test_no_tables_at_all(good: bytes) -> None:
    counts = judge([p for p in split(good) if pid(p) not in (0, PMT)])
    assert counts["missing"] >= 4


# --- the program clock -----------------------------------------------------------------------------


def test_a_missing_pcr(good: bytes) -> None:
    packets = split(good)
    packets[nth(packets, has_pcr, 30)][5] &= ~0x10
    assert judge(packets) == {"pcr_interval": 1}


def test_a_pcr_that_jumps(good: bytes) -> None:
    packets = split(good)
    for i in [i for i, p in enumerate(packets) if has_pcr(p)][60:]:
        set_pcr(packets[i], get_pcr(packets[i]) + 50 * 27000)
    # 50 ms more: at once too long an interval, and every stamp after it stands 150 ms ahead: allowed.
    assert judge(packets, Rules(audio_lead_ms=(-100, 400))) == {"pcr_interval": 1}
    for i in [i for i, p in enumerate(packets) if has_pcr(p)][60:]:
        set_pcr(packets[i], get_pcr(packets[i]) + 5_000 * 27000)
    counts = judge(packets)
    assert counts["pcr_jump"] == 1
    assert counts["dts_pcr"] > 50


def test_a_pcr_that_runs_backwards(good: bytes) -> None:
    packets = split(good)
    at = nth(packets, has_pcr, 30)
    set_pcr(packets[at], get_pcr(packets[at]) - 60 * 27000)
    # The next one is back in its place: 93 ms after the odd one.
    assert judge(packets, Rules(video_lead_ms=(100, 400))) == {"pcr_backwards": 1, "pcr_interval": 1}


def test_stamps_out_of_reach_of_the_clock(good: bytes) -> None:
    packets = split(good)
    for packet in packets:
        if has_pcr(packet):
            set_pcr(packet, get_pcr(packet) + 205 * 27000)
    counts = judge(packets, Rules(audio_lead_ms=(-1000, 1000)))
    # Every picture is too near its decoding time, and not whole in time either.
    assert counts["dts_pcr"] == 120
    assert counts["late"] >= 119


# --- pictures --------------------------------------------------------------------------------------


def test_one_shifted_picture(good: bytes) -> None:
    packets = split(good)
    packet = packets[pts_starts(packets, VIDEO)[50]]
    set_pts(packet, get_pts(packet) + 900)
    assert judge(packets) == {"video_gap": 1}
    set_pts(packet, get_pts(packet) - 1800)
    assert judge(packets) == {"video_overlap": 1}


def test_one_tick_is_a_fault(good: bytes) -> None:
    packets = split(good)
    packet = packets[pts_starts(packets, VIDEO)[50]]
    set_pts(packet, get_pts(packet) + 1)
    assert judge(packets) == {"video_gap": 1}


def test_a_line_that_moves_for_good(good: bytes) -> None:
    packets = split(good)
    for i in pts_starts(packets, VIDEO)[50:]:
        set_pts(packets[i], get_pts(packets[i]) + 1500)
    assert judge(packets) == {"video_gap": 1}


def test_a_missing_picture(good: bytes) -> None:
    packets = split(good)
    # Not an IDR: the 51st picture.
    start, end = pts_starts(packets, VIDEO)[50:52]
    kept = [p for i, p in enumerate(packets) if not (start <= i < end and pid(p) == VIDEO)]
    counts = judge(renumber(kept))
    assert counts == {"video_gap": 1, "pcr_interval": 1}


def strip_nal(packets: Packets, kind: int, n: int) -> None:
    """Turn the n-th NAL unit of ``kind`` into filler data (type 12), in place."""
    seen = 0
    for packet in packets:
        if pid(packet) != VIDEO:
            continue
        at = packet.find(bytes((0, 0, 1)), payload_at(packet))
        while 0 <= at < 187:
            if at >= payload_at(packet) + 9 and packet[at + 3 if at + 3 < 188 else 187] & 0x1F == kind:
                if seen == n:
                    packet[at + 3] = packet[at + 3] & 0xE0 | 12
                    return
                seen += 1
            at = packet.find(bytes((0, 0, 1)), at + 3)
    raise AssertionError(f"no NAL unit {kind} number {n}")


@pytest.mark.parametrize("kind", [7, 8])
def test_an_idr_without_sps_or_pps(good: bytes, kind: int) -> None:
    packets = split(good)
    strip_nal(packets, kind, 3)
    assert judge(packets) == {"parameter_sets": 1}


def test_another_sps(good: bytes) -> None:
    packets = split(good)
    at = pts_starts(packets, VIDEO)[45]
    sps = packets[at].find(b"\x00\x00\x01\x67")
    assert sps > 0
    packets[at][sps + 6] ^= 1  # level_idc
    assert judge(packets) == {"parameter_sets_changed": 1}


def test_a_picture_without_delimiter(good: bytes) -> None:
    packets = split(good)
    strip_nal(packets, 9, 33)
    assert judge(packets) == {"access_unit": 1}


def test_random_access_indicator(good: bytes) -> None:
    packets = split(good)
    starts = pts_starts(packets, VIDEO)
    packets[starts[45]][5] &= ~0x40
    assert judge(packets) == {"random_access": 1}
    packets[starts[47]][5] |= 0x40
    assert judge(packets) == {"random_access": 2}


def test_a_stream_that_begins_in_the_middle(good: bytes) -> None:
    packets = split(good)
    tables = packets[:3]
    late = packets[pts_starts(packets, VIDEO)[7] :]
    first = next(i for i, p in enumerate(late) if pid(p) == VIDEO and begins(p))
    counts = judge(renumber(tables + late[first:]), Rules(psi_interval_ms=1000))
    assert set(counts) == {"start"}
    assert judge(renumber(tables + late[first:]), Rules(from_start=False, psi_interval_ms=1000)) == {}


def test_b_frames_are_not_the_house_format(tmp_path: Path) -> None:
    data = encode(tmp_path, "25", "-tune", "film", "-bf", "2", seconds=2)
    counts = analyse(data, Rules(idr_interval_ms=700)).fault_counts
    assert set(counts) == {"reordering"}
    assert analyse(data, Rules(idr_interval_ms=700, reordering=True)).fault_counts == {}


# --- sound -----------------------------------------------------------------------------------------


def audio_packets(packets: Packets, n: int) -> list[int]:
    """All packets of the n-th PES packet of sound."""
    starts = pts_starts(packets, AUDIO)
    return [i for i in range(starts[n], starts[n + 1]) if pid(packets[i]) == AUDIO]


def test_a_gap_in_the_sound(good: bytes) -> None:
    packets = split(good)
    dead = audio_packets(packets, 5)
    assert judge(renumber([p for i, p in enumerate(packets) if i not in dead])) == {"audio_gap": 1}


def test_an_overlap_in_the_sound(good: bytes) -> None:
    packets = split(good)
    for i in pts_starts(packets, AUDIO)[6:]:
        set_pts(packets[i], get_pts(packets[i]) - 1920)
    assert judge(packets) == {"audio_overlap": 1}


def test_sound_one_tick_off_the_grid(good: bytes) -> None:
    packets = split(good)
    packet = packets[pts_starts(packets, AUDIO)[6]]
    set_pts(packet, get_pts(packet) + 1)
    assert judge(packets) == {"audio_gap": 1}


def test_a_broken_adts_frame(good: bytes) -> None:
    packets = split(good)
    packet = packets[pts_starts(packets, AUDIO)[6]]
    at = payload_at(packet) + 14
    assert bytes(packet[at : at + 2]) in (b"\xff\xf1", b"\xff\xf9")
    packet[at] = 0
    # The frames of that PES packet are lost to the listener: a hole on the grid as well.
    assert judge(packets) == {"audio_frames": 1, "audio_gap": 1}


def test_mono_in_between(good: bytes) -> None:
    packets = split(good)
    packet = packets[pts_starts(packets, AUDIO)[6]]
    at = payload_at(packet) + 14
    packet[at + 3] ^= 0xC0
    assert set(judge(packets)) == {"audio_frames", "audio_gap"}  # half of the PES packet says otherwise


def test_sound_that_ends(good: bytes) -> None:
    packets = split(good)
    half = len(packets) // 2
    kept = packets[:half] + [p for p in packets[half:] if pid(p) != AUDIO]
    counts = judge(kept)
    assert counts["interleave"] == 1


# --- arrivals --------------------------------------------------------------------------------------


def feed_timed(good: bytes, arrival: Callable[[int], float], *, wall: bool = False) -> TsAnalyser:
    """Feed picture by picture; ``arrival(n)`` is when the n-th has come whole."""
    analyser = TsAnalyser(wall=wall)
    packets = split(good)
    starts = [0, *pts_starts(packets, VIDEO)[1:], len(packets)]
    for n in range(len(starts) - 1):
        analyser.feed(b"".join(packets[starts[n] : starts[n + 1]]), arrival(n))
    return analyser


def test_a_real_time_stream_never_stalls(good: bytes) -> None:
    report = feed_timed(good, lambda n: 1000 + n * 1001 / 30000).finish(complete=True)
    assert report.ok
    assert [s.count for s in report.stalls] == [0, 0, 0, 0, 0]


def test_a_stall_is_measured(good: bytes) -> None:
    late = 1.5
    report = feed_timed(good, lambda n: 1000 + n * 1001 / 30000 + (late if n >= 60 else 0)).finish(
        complete=True
    )
    assert {s.buffer_s: s.count for s in report.stalls} == {0.0: 1, 0.5: 1, 1.0: 1, 2.0: 0, 5.0: 0}
    assert {s.buffer_s: round(s.total_s, 3) for s in report.stalls} == {
        0.0: 1.5,
        0.5: 1.0,
        1.0: 0.5,
        2.0: 0,
        5.0: 0,
    }
    assert report.fault_counts == {"stall": 1}
    assert report.arrival_gap_s_max == pytest.approx(1.5 + 1001 / 30000)


def test_lead_and_drift_against_station_time(good: bytes) -> None:
    packets = split(good)
    station = 1_763_884_800.0  # what the station's clock says when the first picture arrives
    shift = round((station - 0.25) * 90000) - get_pts(packets[pts_starts(packets, VIDEO)[0]])
    for packet in packets:
        if pid(packet) in (VIDEO, AUDIO) and begins(packet):
            set_pts(packet, get_pts(packet) + shift)
        if has_pcr(packet):
            set_pcr(packet, get_pcr(packet) + shift * 300)
    data = b"".join(packets)
    # Sent 1 % too slowly.
    report = feed_timed(data, lambda n: station + n * 1001 / 30000 * 1.01, wall=True).finish(complete=True)
    assert report.ok, report.to_text()
    assert report.first_idr_behind_ms == pytest.approx(250, abs=0.1)
    assert report.lead_ms is not None
    assert report.lead_ms[2] == pytest.approx(-250, abs=0.1)
    assert report.drift_ms == pytest.approx(-20, abs=1)
    assert report.first_pts == pytest.approx((station - 0.25) * 90000, abs=1)


# --- syntax ----------------------------------------------------------------------------------------


def test_crc_of_the_standard() -> None:
    assert ts_syntax.crc32_mpeg(b"123456789") == 0x0376E6E7  # CRC-32/MPEG-2's check value


def test_rates_that_are_not_whole_ticks() -> None:
    report = Rules(rate=Fraction(60000, 1001))
    assert Fraction(90000) / (report.rate or 1) == Fraction(3003, 2)


def test_sound_that_is_whole_before_the_first_picture(good: bytes) -> None:
    packets = split(good)
    first = audio_packets(packets, 0)
    at = pts_starts(packets, VIDEO)[0] + 1
    moved = [packets[i] for i in first]
    rest = [p for i, p in enumerate(packets) if i not in first]
    analyser = TsAnalyser()
    analyser.feed(b"".join(rest[:at] + moved + rest[at:]), 1_763_884_800.0)
    report = analyser.finish(complete=True)
    assert report.fault_counts == {}, report.to_text()
    assert report.audio_start_ms == pytest.approx(0, abs=50)
