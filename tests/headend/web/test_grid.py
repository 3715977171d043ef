"""The grid: every row is exactly as wide as the window, whatever the guide holds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrovue.headend.web.grid import Grid, clock_label, half_hour, lay_out
from retrovue.lineup import ChannelId, GuideEntry
from tests.headend.fake_lineup import CHANNELS

START = datetime(2026, 11, 24, 0, 30, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")
WRTV = CHANNELS[0]


def entry(start: datetime, minutes: float, kind: str = "programme", *categories: str) -> GuideEntry:
    end = start + timedelta(minutes=minutes)
    return GuideEntry(1, WRTV.id, start, end, "Cheers", kind=kind, categories=categories)


def grid(entries: Sequence[GuideEntry], hours: int = 4, now: datetime = START) -> Grid:
    def guide(channel: ChannelId, start: datetime, end: datetime) -> Sequence[GuideEntry]:
        return [e for e in entries if e.end > start and e.start < end]

    return lay_out([WRTV], guide, START, hours, now, NEW_YORK)


def test_a_cell_is_as_wide_as_its_programme_is_long() -> None:
    laid = grid(
        [entry(START, 30), entry(START + timedelta(minutes=30), 90), entry(START + timedelta(hours=2), 120)]
    )
    assert laid.columns == 240
    assert [cell.span for cell in laid.rows[0].cells] == [30, 90, 120]
    assert [cell.times for cell in laid.rows[0].cells] == ["19:30–20:00", "20:00–21:30", "21:30–23:30"]


def test_what_reaches_beyond_the_window_is_cut_and_marked() -> None:
    laid = grid([entry(START - timedelta(hours=1), 90), entry(START + timedelta(minutes=30), 600)])
    first, last = laid.rows[0].cells
    assert (first.span, first.before, first.after) == (30, True, False)
    assert (last.span, last.before, last.after) == (210, False, True)
    assert first.times == "18:30–20:00"


def test_what_ends_with_the_window_is_not_marked() -> None:
    (only,) = grid([entry(START, 240)]).rows[0].cells
    assert (only.before, only.after) == (False, False)


def test_where_there_is_no_guide_the_row_is_filled() -> None:
    laid = grid([entry(START + timedelta(minutes=60), 60)])
    assert [(cell.entry is None, cell.span) for cell in laid.rows[0].cells] == [
        (True, 60),
        (False, 60),
        (True, 120),
    ]
    (nothing,) = grid([]).rows[0].cells
    assert (nothing.entry, nothing.span) == (None, 240)


def test_one_programme_is_on_now() -> None:
    entries = [entry(START, 30), entry(START + timedelta(minutes=30), 30)]
    for minute, expected in ((0, [True, False]), (29, [True, False]), (30, [False, True])):
        laid = grid(entries, now=START + timedelta(minutes=minute))
        assert [cell.on_now for cell in laid.rows[0].cells[:2]] == expected


def test_where_now_is() -> None:
    laid = grid([])
    assert laid.offset(START + timedelta(hours=1)) == 0.25
    assert laid.offset(START - timedelta(seconds=1)) is None
    assert laid.offset(laid.end) is None


@pytest.mark.parametrize(
    ("kind", "categories", "hue"),
    [
        ("movie", ("Drama",), "movie"),
        ("off_air", (), "off-air"),
        ("programme", ("KIDS",), "kids"),
        ("programme", ("Comedy", "Sports"), "sports"),
        ("programme", ("Comedy",), ""),
    ],
)
def test_hues(kind: str, categories: tuple[str, ...], hue: str) -> None:
    assert grid([entry(START, 30, kind, *categories)]).rows[0].cells[0].hue == hue


@given(
    hours=st.integers(1, 24),
    lead=st.integers(-300, 300),
    lengths=st.lists(st.floats(0.01, 700), max_size=40),
    gaps=st.lists(st.sampled_from([0, 0, 0, 7.5, 45, -20]), min_size=40, max_size=40),
)
def test_every_row_fills_the_window_exactly(
    hours: int, lead: int, lengths: list[float], gaps: list[float]
) -> None:
    entries, at = [], START + timedelta(minutes=lead)
    for length, gap in zip(lengths, gaps, strict=False):
        entries.append(entry(at, length))
        at = entries[-1].end + timedelta(minutes=gap)
    laid = grid(entries, hours)
    assert sum(cell.span for cell in laid.rows[0].cells) == laid.columns
    assert sum(tick.span for tick in laid.ticks) == laid.columns
    assert all(0 < cell.span <= 1000 for cell in laid.rows[0].cells), "HTML ends a cell after 1000 columns"
    assert len(laid.ticks) == 2 * hours


def test_the_night_the_clocks_go_back_says_which_hour_is_meant() -> None:
    start = datetime(2026, 11, 1, 5, 0, tzinfo=UTC)
    ticks = lay_out([], lambda *_: (), start, 2, start, NEW_YORK).ticks
    assert [tick.label for tick in ticks] == ["01:00 EDT", "01:30 EDT", "01:00 EST", "01:30 EST"]


def test_half_hours_are_those_of_the_stations_clock() -> None:
    kathmandu = ZoneInfo("Asia/Kathmandu")  # UTC+05:45
    found = half_hour(datetime(2026, 11, 24, 0, 59, 59, 7, tzinfo=UTC), kathmandu)
    assert found == datetime(2026, 11, 24, 0, 45, tzinfo=UTC)
    assert clock_label(found, kathmandu) == "06:30"
