"""What a visitor may ask for, and what is answered to the rest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrovue.errors import RetroVueError
from retrovue.headend.web.window import Window, read_window

NOW = datetime(2026, 11, 24, 0, 47, 31, tzinfo=UTC)
END = NOW + timedelta(days=4)
NEW_YORK = ZoneInfo("America/New_York")


def read(from_: str | None = None, hours: str | None = None) -> Window:
    return read_window(from_, hours, NOW, END, NEW_YORK)


def test_nothing_asked_is_four_hours_from_this_half_hour() -> None:
    assert read() == Window(datetime(2026, 11, 24, 0, 30, tzinfo=UTC), 4, live=True)
    assert read("", " ") == read()


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-25T20:00",
        "2026-11-25T20:10:59",
        "2026-11-25T20:00:00-05:00",
        "2026-11-26T01:00:00Z",
        "2026-11-26T01:00:00+00:00",
        "2026-11-26T01:00:00 00:00",  # the plus was not escaped
        "2026-11-26T01:00:00+0000",
    ],
)
def test_ways_to_write_an_evening(text: str) -> None:
    assert read(text, "2") == Window(datetime(2026, 11, 26, 1, 0, tzinfo=UTC), 2, live=False)


def test_the_past_may_be_looked_at() -> None:
    assert read("2026-11-20T20:00").start == datetime(2026, 11, 21, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "yesterday", "2026-13-01", "2026-11-25T25:00", "0001-01-01T00:00", "9999-12-31T23:59:59-12:00",
        "1\x00", "-1", "<script>", "9" * 5000, "2026-11-29T00:00",
    ],
)  # fmt: skip
def test_no_date(text: str) -> None:
    with pytest.raises(RetroVueError) as refused:
        read(text)
    assert refused.value.help
    assert len(str(refused.value)) < 100


@pytest.mark.parametrize("text", ["0", "25", "-1", "4.5", "four", "1e1", "٤", "9" * 5000, "4;"])
def test_no_number_of_hours(text: str) -> None:
    with pytest.raises(RetroVueError, match="hours"):
        read(hours=text)


@given(st.text() | st.datetimes().map(str) | st.datetimes(timezones=st.timezones()).map(datetime.isoformat))
def test_anything_is_either_a_window_or_an_error_for_people(text: str) -> None:
    try:
        window = read(text)
    except RetroVueError:
        return
    assert window.start < END
