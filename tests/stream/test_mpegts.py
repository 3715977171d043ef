"""The multiplexer, judged by PyAV and by its own packet rules."""

from __future__ import annotations

import io

import av
from hypothesis import given
from hypothesis import strategies as st

from retrovue.stream.mpegts import (
    PCR_DELAY,
    PID_AUDIO,
    PID_VIDEO,
    WRAP,
    Pes,
    TsMux,
    taken_apart,
)
from retrovue.stream.sections import PACKET, crc32_mpeg
from tests.stream.test_adts import frame

UNIT = b"\x00\x00\x00\x01\x09\xf0\x00\x00\x00\x01\x65"


def packets(data: bytes) -> list[bytes]:
    assert len(data) % PACKET == 0
    found = [data[i : i + PACKET] for i in range(0, len(data), PACKET)]
    assert all(p[0] == 0x47 for p in found)
    return found


def payload(packet: bytes) -> bytes:
    control = packet[3] >> 4 & 3
    if control == 1:
        return packet[4:]
    return packet[5 + packet[4] :] if control == 3 else b""


def test_crc_of_the_standard_check_string() -> None:
    assert crc32_mpeg(b"123456789") == 0x0376E6E7


@given(st.integers(0, 2000), st.booleans(), st.integers(0, WRAP * 3))
def test_video_of_any_size_comes_back_whole(size: int, key: bool, pts: int) -> None:
    unit = UNIT + bytes(size)
    found = packets(TsMux().video(pts, unit, key))
    pes = b"".join(payload(p) for p in found)
    assert pes[:4] == b"\x00\x00\x01\xe0"
    assert pes[14:] == unit
    stamp = pes[9:14]
    value = (stamp[0] >> 1 & 7) << 30 | stamp[1] << 22 | stamp[2] >> 1 << 15 | stamp[3] << 7 | stamp[4] >> 1
    assert value == pts % WRAP
    first = found[0]
    assert bool(first[5] & 0x40) is key
    pcr = int.from_bytes(first[6:12], "big") >> 15
    assert pcr == (pts - PCR_DELAY) % WRAP
    assert [p[3] & 15 for p in found] == [n % 16 for n in range(len(found))]
    assert [p[1] >> 6 & 1 for p in found] == [1] + [0] * (len(found) - 1)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=5))
def test_audio_of_any_size_comes_back_whole(sizes: list[int]) -> None:
    frames = [frame(bytes([n]) * size) for n, size in enumerate(sizes)]
    mux = TsMux()
    found = packets(mux.audio(1920, frames))
    pes = b"".join(payload(p) for p in found)
    assert int.from_bytes(pes[4:6], "big") == len(pes) - 6
    assert pes[14:] == b"".join(frames)
    assert all((p[1] & 0x1F) << 8 | p[2] == PID_AUDIO for p in found)


@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 1500)), max_size=12),
    st.integers(0, WRAP * 3),
)
def test_what_was_multiplexed_is_taken_apart_again(units: list[tuple[bool, bool, int]], pts: int) -> None:
    mux = TsMux()
    data, wanted = b"", []
    for n, (sound, key, size) in enumerate(units):
        data += mux.tables() if n % 3 == 0 else b""
        data += mux.information([(0x12, n % 4 == 0, bytes(PACKET - 4))])  # a section may go on there
        at = pts + 3003 * n
        # What looks like the beginning of a packet is none.
        one = frame(b"G" * size) if sound else UNIT + b"\x47\x41\x00\x30" * (size // 4) + b"\xff" * (size % 4)
        data += mux.audio(at, (one,)) if sound else mux.video(at, one, key)
        wanted.append(Pes(PID_AUDIO if sound else PID_VIDEO, at % WRAP, key and not sound, one))
    assert list(taken_apart(data)) == wanted


def test_counters_run_on_over_all_calls() -> None:
    mux = TsMux()
    seen: dict[int, int] = {}
    for n in range(40):
        for packet in packets(mux.tables() + mux.video(n * 3003, UNIT + bytes(n * 37), n % 15 == 0)):
            pid = (packet[1] & 0x1F) << 8 | packet[2]
            assert packet[3] & 15 == (seen.get(pid, -1) + 1) % 16
            seen[pid] = packet[3] & 15
    assert PID_VIDEO in seen


def test_another_demultiplexer_finds_the_streams() -> None:
    mux = TsMux()
    data = b"".join(mux.tables() + mux.audio(n * 1920, [frame(bytes(200))]) for n in range(100))
    with av.open(io.BytesIO(data), "r", format="mpegts") as container:
        assert [(s.type, s.id) for s in container.streams] == [("video", 0x100), ("audio", 0x101)]
        stamps = [p.pts for p in container.demux(audio=0) if p.pts is not None]
    assert stamps == [n * 1920 for n in range(100)]
