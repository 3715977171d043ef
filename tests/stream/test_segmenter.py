"""Segments of a signal: whole, back to back, none longer than promised."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from retrovue.lineup import Break, MediaSegment
from retrovue.stream.fanout import Chunk
from retrovue.stream.segmenter import Segmenter

BEGIN = 1_795_000_000_000_000


def chunks(lengths: list[tuple[int, bool]]) -> list[Chunk]:
    """(length in ms, does it begin with an IDR) → chunks whose data is their number."""
    found, at = [], BEGIN
    for seq, (length, key) in enumerate(lengths):
        found.append(Chunk(seq, at, key, b"%d," % seq))
        at += length * 1000
    return found


def fed(given_: list[Chunk]) -> list[MediaSegment]:
    segmenter = Segmenter()
    return [s for chunk in given_ if (s := segmenter.feed(chunk)) is not None]


def test_gops_of_half_a_second_make_segments_of_two() -> None:
    segments = fed(chunks([(100, n % 5 == 0) for n in range(201)]))
    assert [s.duration_us for s in segments] == [2_000_000] * 10
    assert segments[0].data == b"".join(b"%d," % n for n in range(20))


@given(st.lists(st.integers(50, 600), min_size=1, max_size=200))
def test_segments_are_back_to_back_and_as_long_as_promised(gops: list[int]) -> None:
    given_ = chunks([(length, True) for length in gops])
    segments = fed(given_)
    for one, other in pairwise(segments):
        assert one.start_us + one.duration_us == other.start_us
    assert all(1_800_000 <= s.duration_us < 2_500_000 for s in segments), "rounded, two seconds"
    joined = b"".join(s.data for s in segments)
    assert b"".join(c.data for c in given_).startswith(joined)


def test_what_a_slow_reader_missed_is_no_segment() -> None:
    given_ = chunks([(100, n % 5 == 0) for n in range(200)])
    segments = fed(given_[:33] + given_[60:])
    numbers = [[int(n) for n in s.data.split(b",")[:-1]] for s in segments]
    assert all(run == list(range(run[0], run[0] + 20)) for run in numbers)
    assert [run[0] for run in numbers][:3] == [0, 60, 80]


def in_break(chunk: Chunk, of: Break | None, over: Break | None = None) -> Chunk:
    return replace(chunk, within=of, after=over)


def test_a_segment_ends_where_a_break_begins_and_where_it_ends() -> None:
    given_ = chunks([(100, n % 5 == 0) for n in range(120)])
    of = Break(7, given_[30].start_us, given_[65].start_us, b"out")
    over = replace(of, back=b"in")
    told = [
        in_break(c, of) if 30 <= n < 65 else in_break(c, None, over if n >= 65 else None)
        for n, c in enumerate(given_)
    ]
    segments = fed(told)
    seconds = [(s.start_us - BEGIN) / 1e6 for s in segments]
    assert seconds == [0, 2, 3, 5, 6.5, 8.5]
    assert [s.within for s in segments] == [None, None, of, of, None, None]
    assert [s.opens for s in segments] == [False, False, True, False, False, False]
    assert [s.after for s in segments] == [None, None, None, None, over, None]


def test_an_edge_without_an_idr_is_told_at_the_next_one() -> None:
    given_ = chunks([(100, n % 5 == 0) for n in range(120)])
    of = Break(7, given_[32].start_us, given_[90].start_us, b"out")
    segments = fed([in_break(c, of if n >= 32 else None) for n, c in enumerate(given_)])
    opening = next(s for s in segments if s.opens)
    assert opening.start_us == given_[35].start_us


def test_who_comes_in_mid_break_is_not_told_that_it_begins() -> None:
    given_ = chunks([(100, n % 5 == 0) for n in range(60)])
    of = Break(7, BEGIN - 1_000_000, BEGIN + 60_000_000, b"out")
    assert not any(s.opens for s in fed([in_break(c, of) for c in given_]))
    at_its_begin = replace(of, start_us=BEGIN)
    assert fed([in_break(c, at_its_begin) for c in given_])[0].opens


def test_nothing_begins_before_an_idr() -> None:
    given_ = chunks([(100, n % 5 == 3) for n in range(60)])
    assert fed(given_)[0].start_us == given_[3].start_us
