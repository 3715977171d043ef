"""Pictures made small, by the real process that makes them."""

from __future__ import annotations

import pytest

from retrovue.clock import StationClock
from retrovue.headend.picture_size import picture_size
from retrovue.lineup import Artwork
from retrovue.playout.scaled_picture import PictureScaler
from tests.headend.guide.test_picture_size import encoded

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 20"><rect width="40" height="20"/></svg>'


async def test_pictures_are_made_as_wide_as_the_next_step_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    scaler = PictureScaler(StationClock())
    for whole, size in (
        (Artwork("image/png", encoded("png", 400, 300)), (192, 144)),
        (Artwork("image/jpeg", encoded("mjpeg", 400, 300)), (192, 144)),
        (Artwork("image/svg+xml", SVG), (192, 96)),
    ):
        small = await scaler.scaled(whole, 190)
        assert small.content_type == "image/png"
        assert picture_size(small.data) == size
        # The same again, and another of the same step: nothing is made, so no process is needed.
        with monkeypatch.context() as nothing:
            nothing.setattr("sys.executable", "/nonexistent")
            assert await scaler.scaled(whole, 160) is small


@pytest.mark.parametrize(
    ("data", "width"),
    [
        (encoded("png", 100, 50), 100),
        (encoded("png", 100, 50), 5000),
        (b"\x89PNG, but not really", 32),
        (b"", 32),
    ],
)
async def test_what_is_small_enough_or_no_picture_is_left_as_it_is(data: bytes, width: int) -> None:
    whole = Artwork("image/png", data)
    assert await PictureScaler(StationClock()).scaled(whole, width) is whole
