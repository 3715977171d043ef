"""Cue messages: the standard's own examples to the byte, and whatever is said comes back."""

from __future__ import annotations

import base64

from hypothesis import given
from hypothesis import strategies as st

from retrovue.stream import scte35
from retrovue.stream.codecs import AAC, AC3, H264, MPEG2, AudioCodec, VideoCodec
from retrovue.stream.mpegts import WRAP, TsMux
from retrovue.stream.scte35 import Segmentation
from retrovue.stream.sections import payloads
from tests.tools.scte35_syntax import Cue, parse_cue
from tests.tools.scte35_syntax import Segmentation as Told
from tests.tools.ts_analyser import TsAnalyser
from tests.tools.ts_report import Rules

#: ANSI/SCTE 35 2019r1, 14.1 to 14.3.
PLACEMENT_START = "/DA0AAAAAAAA///wBQb+cr0AUAAeAhxDVUVJSAAAjn/PAAGlmbAICAAAAAAsoKGKNAIAmsnRfg=="
LEAVE = "/DAvAAAAAAAA///wFAVIAACPf+/+c2nALv4AUsz1AAAAAAAKAAhDVUVJAAABNWLbowo="
PLACEMENT_END = "/DAvAAAAAAAA///wBQb+dGKQoAAZAhdDVUVJSAAAjn+fCAgAAAAALKChijUCAKnMZ1g="

UPID = bytes.fromhex("000000002ca0a18a")

ids = st.integers(0, 0xFFFF_FFFF)
times = st.integers(0, 5 * WRAP)
lengths = st.integers(0, WRAP - 1)


def test_the_standard_s_examples_to_the_byte() -> None:
    start = Segmentation(0x4800008E, 0x34, 2, 0, 0x0001A599B0, 8, UPID, 0b001111)
    end = Segmentation(0x4800008E, 0x35, 2, 0, None, 8, UPID, 0b011111)
    avail = bytes.fromhex("0008") + b"CUEI" + (0x135).to_bytes(4, "big")
    said = [
        scte35.time_signal(0x072BD0050, [start.encoded()]),
        scte35.splice_insert(
            0x4800008F, out=True, pts=0x07369C02E, duration=0x00052CCF5, descriptors=[avail]
        ),
        scte35.time_signal(0x0746290A0, [end.encoded()]),
    ]
    assert [base64.b64encode(s).decode() for s in said] == [PLACEMENT_START, LEAVE, PLACEMENT_END]


def test_the_reader_of_the_tests_reads_the_standard_s_examples() -> None:
    assert parse_cue(base64.b64decode(LEAVE)) == Cue(
        "splice_insert", 0x07369C02E, 0x4800008F, False, True, 0x00052CCF5, True,
        others=((0x00, b"\x00\x00\x01\x35"),),
    )  # fmt: skip
    assert parse_cue(base64.b64decode(PLACEMENT_START)) == Cue(
        "time_signal",
        0x072BD0050,
        segments=(Told(0x4800008E, False, 0x34, 2, 0, 0x0001A599B0, 8, UPID, 0b01111),),
    )


@given(ids, st.booleans(), st.none() | times, st.none() | lengths, st.integers(0, 0xFFFF))
def test_a_splice_comes_back(
    event: int, out: bool, pts: int | None, duration: int | None, program: int
) -> None:
    raw = scte35.splice_insert(event, out=out, pts=pts, duration=duration, program=program)
    wrapped = None if pts is None else pts % WRAP
    back = parse_cue(raw)
    assert back == Cue("splice_insert", wrapped, event, False, out, duration, duration is not None, program)
    assert parse_cue(scte35.splice_cancel(event)) == Cue("splice_insert", None, event, True)


@given(
    st.none() | times,
    st.lists(
        st.tuples(ids, st.integers(0, 255), st.integers(0, 255), st.none() | lengths, st.booleans()),
        max_size=12,
    ),
)
def test_a_time_signal_comes_back(
    pts: int | None, rows: list[tuple[int, int, int, int | None, bool]]
) -> None:
    given_ = [Segmentation(e, t, n, n, d, cancelled=c) for e, t, n, d, c in rows]
    told = tuple(Told(e, True) if c else Told(e, False, t, n, n, d) for e, t, n, d, c in rows)
    raw = scte35.time_signal(pts, [s.encoded() for s in given_])
    assert parse_cue(raw) == Cue("time_signal", None if pts is None else pts % WRAP, segments=told)


def test_the_heartbeat_says_nothing() -> None:
    assert parse_cue(scte35.splice_null()) == Cue("splice_null")


def stream(cues: bytes | None, video: VideoCodec = H264, audio: AudioCodec = AAC, off: int = 0) -> bytes:
    """Two seconds of what stand for pictures; messages of a splice at the 40th, ``off`` from it."""
    mux = TsMux(video=video, audio=audio, cues=cues)
    out = []
    unit = b"\x00\x00\x00\x01\x09\xf0\x00\x00\x00\x01\x65" + bytes(40)
    begin = WRAP - 30 * 3003
    message = scte35.splice_insert(5, out=True, pts=begin + 40 * 3003 + off, duration=90_000)
    for n in range(60):
        if n % 3 == 0:
            out.append(mux.tables())
        out.append(mux.video(begin + n * 3003, unit, n % 15 == 0))
        if n % 10 == 9:
            out.append(mux.information(payloads(scte35.PID_CUES, message)))
    return b"".join(out)


def test_the_analyser_knows_the_stream_of_cue_messages_and_judges_it() -> None:
    def judged(data: bytes) -> tuple[set[str], list[str], int]:
        analyser = TsAnalyser(Rules(rate=None))
        analyser.feed(data)
        report = analyser.finish(complete=True)
        of_cues = {"unannounced_pid", "stream_type", "psi", "splice"}
        return set(report.fault_counts) & of_cues, report.streams, len(report.cues)

    described = scte35.cue_identifier(scte35.SPLICING)
    faults, streams, count = judged(stream(described))
    assert (faults, streams[-1], count) == (set(), "type 0x86 on 0x102", 6)
    assert judged(stream(described, MPEG2, AC3))[0] == set(), "beside AC-3, which has a registration, too"
    assert judged(stream(described, off=1))[0] == {"splice"}
    assert judged(stream(None))[0] == {"unannounced_pid"}
    damaged = bytearray(stream(described))
    damaged[damaged.index(b"\xfc\x30") + 12] ^= 1
    assert "psi" in judged(bytes(damaged))[0]


def test_a_program_without_cue_messages_is_what_it_was() -> None:
    assert TsMux().tables() == TsMux(cues=None).tables()
    assert b"CUEI" not in TsMux().tables()
    assert b"GA94" in TsMux(audio=AC3, cues=b"").tables()
