"""Which packets go into a datagram, and when it is due."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrovue.headend.hdhomerun.datagrams import (
    EVERYTHING,
    PACKET,
    PATIENCE_S,
    SIZE,
    Pacer,
    Rtp,
    Selection,
    pids_of,
)
from retrovue.stream.dvb_si import PID_SDT, sdt
from retrovue.stream.mpegts import PID_AUDIO, PID_PAT, PID_PMT, PID_VIDEO, WRAP, TsMux
from retrovue.stream.sections import payloads

FRAME = 3600  #: 25 pictures a second


def stream(pictures: int = 50, size: int = 4000, start: int = 90_000, program: int = 1) -> list[bytes]:
    """One chunk a picture."""
    mux = TsMux(program)
    chunks = []
    name = payloads(PID_SDT, sdt(1, program, "5.1", "RetroVue", guide=False))
    for n in range(pictures):
        head = mux.tables() + mux.information(name) if n % 10 == 0 else b""
        at = (start + n * FRAME) % WRAP
        chunks.append(head + mux.video(at, b"\0" * size, n % 10 == 0) + mux.audio(at, [b"\xff" * 300]))
    return chunks


def pids(datagrams: list[bytes]) -> set[int]:
    return {
        int.from_bytes(datagram[at + 1 : at + 3], "big") & 0x1FFF
        for datagram in datagrams
        for at in range(0, len(datagram), PACKET)
    }


def sent(pacer: Pacer, chunks: list[bytes]) -> list[tuple[float, bytes]]:
    return [out for chunk in chunks for out in pacer.feed(chunk)]


def test_every_packet_leaves_once_and_in_order_seven_at_once() -> None:
    chunks = stream()
    out = sent(Pacer(), chunks)
    assert {len(datagram) for _, datagram in out} == {SIZE} == {1316}
    whole, got = b"".join(chunks), b"".join(datagram for _, datagram in out)
    assert whole.startswith(got)
    assert len(whole) - len(got) < 2 * len(chunks[-1])  # the last clock interval is not over


def test_datagrams_are_spread_over_the_time_between_clock_references() -> None:
    out = sent(Pacer(), stream())
    dues = [due for due, _ in out]
    assert dues == sorted(dues)
    assert 49 * 0.04 > dues[-1] > 48 * 0.04
    # 26 packets a picture: never more than its four datagrams stand between two references.
    assert all(sum(start <= due < start + 0.04 for due in dues) <= 5 for start in dues)


def test_a_large_picture_is_no_burst() -> None:
    out = sent(Pacer(), stream(pictures=20, size=100_000))
    dues = [due for due, _ in out]
    assert max(sum(start <= due < start + 0.005 for due in dues) for start in dues) <= 11  # of 77 in 40 ms


@pytest.mark.parametrize("start", [WRAP - 5 * FRAME, WRAP - 1, 0])
def test_the_clock_may_wrap(start: int) -> None:
    out = sent(Pacer(), stream(start=start))
    assert 49 * 0.04 > out[-1][0] > 48 * 0.04


@pytest.mark.parametrize("leap", [-90_000 * 3, 90_000 * 30, 90_000 * 3600])
def test_a_leap_of_the_clock_neither_waits_nor_goes_back(leap: int) -> None:
    dues = [due for due, _ in sent(Pacer(), stream(start=10 * 90_000) + stream(start=10 * 90_000 + leap))]
    assert dues == sorted(dues)
    assert 98 * 0.04 > dues[-1] > 97 * 0.04


@given(st.lists(st.integers(1, 400), min_size=1, max_size=20))
def test_how_the_stream_was_cut_makes_no_difference(cuts: list[int]) -> None:
    chunks = stream(pictures=8)
    whole = b"".join(chunks)
    pieces, at, turn = [], 0, 0
    while at < len(whole):
        size = cuts[turn % len(cuts)] * PACKET
        pieces.append(whole[at : at + size])
        at, turn = at + size, turn + 1
    assert sent(Pacer(), pieces) == sent(Pacer(), chunks)


@given(st.lists(st.binary(min_size=PACKET, max_size=PACKET), max_size=40), st.integers(0, 3))
def test_noise_does_no_harm(packets: list[bytes], program: int) -> None:
    out = sent(Pacer(Selection(EVERYTHING, program)), packets + stream(pictures=3) + packets)
    assert all(len(datagram) == SIZE for _, datagram in out)


# --- filters ---


def test_a_filter_lets_through_what_it_names() -> None:
    out = sent(Pacer(Selection(f"0x0000-0x0001 0x{PID_AUDIO:04x}")), stream())
    assert pids([d for _, d in out]) - {0x1FFF} == {PID_PAT, PID_AUDIO}


def test_who_asks_for_little_gets_it_soon() -> None:
    chunks = stream(pictures=200)
    out = sent(Pacer(Selection("0x0000")), chunks)
    assert pids([d for _, d in out]) == {PID_PAT, 0x1FFF}
    assert len(out) >= 18
    for nth, (due, datagram) in enumerate(out):
        assert len(datagram) == SIZE
        assert due - nth * 0.4 < PATIENCE_S + 0.05  # PAT every ten pictures


@pytest.mark.parametrize(("program", "found"), [(1, True), (2, False), (7, True)])
def test_a_programme_is_what_its_tables_name(program: int, found: bool) -> None:
    chunks = stream(program=7 if program == 7 else 1)
    out = sent(Pacer(Selection(EVERYTHING, program)), chunks)
    wanted = {PID_PAT, PID_PMT, PID_VIDEO, PID_AUDIO} if found else {PID_PAT}
    assert pids([d for _, d in out]) - {0x1FFF} == wanted
    assert PID_SDT not in wanted


def test_a_filter_narrows_a_programme() -> None:
    out = sent(Pacer(Selection(f"0x{PID_VIDEO:04x} 0x{PID_SDT:04x}", 1)), stream())
    assert pids([d for _, d in out]) - {0x1FFF} == {PID_VIDEO}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0x0000", {0}),
        ("0x0000-0x0001 0x1ffb", {0, 1, 0x1FFB}),
        ("0x1FFF", {0x1FFF}),
        ("0x0-0x2", {0, 1, 2}),
        (EVERYTHING, set(range(0x2000))),
    ],
)
def test_pids(text: str, found: set[int]) -> None:
    assert pids_of(text) == found


@pytest.mark.parametrize("text", ["", " ", "0x2000", "1-2", "0x0002-0x0001", "0x0000-", "all", "0x00000"])
def test_what_is_no_filter(text: str) -> None:
    with pytest.raises(ValueError, match="PIDs"):
        pids_of(text)


# --- RTP ---


def test_rtp_headers_count_datagrams_and_time() -> None:
    rtp = Rtp(0x01020304)
    datagram = b"\x47" + b"\xff" * (SIZE - 1)
    out = [rtp.wrap(n * 0.5, datagram) for n in range(0x10002)]
    assert {len(packet) for packet in out} == {1328}
    assert out[0] == bytes.fromhex("80210000 00000000 01020304") + datagram
    assert out[1][:8] == bytes.fromhex("80210001 0000afc8")
    assert out[0x10000][:4] == bytes.fromhex("80210000")
    assert int.from_bytes(out[0x10001][4:8], "big") == 0x10001 * 45_000 % (1 << 32)
