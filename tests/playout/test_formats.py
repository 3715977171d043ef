"""Every house format, really sent and judged: pictures and sound in their codecs, each on its own grid."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av
import pytest

from retrovue.clock import RenderClock
from retrovue.compiler.formats import RATES, filled
from retrovue.playout.director import house_of
from retrovue.playout.programme import ident_of
from retrovue.station.model import FrameRate
from retrovue.station.model import HouseFormat as WrittenFormat
from tests.playout.lab import BENCH, Item, bench, rendered
from tests.tools.barcode_reader import read
from tests.tools.ts_analyser import analyse
from tests.tools.ts_report import Rules

AT = datetime(2026, 11, 26, 20, tzinfo=UTC)

pytestmark = pytest.mark.on_air

#: Every raster and every rate, H.264 and MPEG-2, each sound codec; at most 720p at 50, for a small machine.
FORMATS = [
    ("480p", "25", "h264", "aac"),
    ("480p", "29.97", "h264", "ac3"),
    ("480p", "30", "h264", "mp2"),
    ("576p", "25", "h264", "aac"),
    ("576p", "50", "h264", "aac"),
    ("720p", "29.97", "h264", "aac"),
    ("720p", "59.94", "h264", "ac3"),
    ("1080p", "25", "h264", "aac"),
    ("1080p", "29.97", "h264", "aac"),
    ("480p", "29.97", "mpeg2", "ac3"),
    ("480p", "59.94", "mpeg2", "ac3"),
    ("576p", "25", "mpeg2", "mp2"),
    ("720p", "50", "mpeg2", "ac3"),
    ("1080p", "29.97", "mpeg2", "ac3"),
]


@pytest.mark.parametrize(("raster", "rate", "codec", "audio"), FORMATS)
async def test_a_house_format_is_sent_without_a_fault(
    raster: str, rate: str, codec: str, audio: str, tmp_path: Path
) -> None:
    house = filled(
        WrittenFormat.model_validate({"raster": raster, "rate": rate, "codec": codec, "audio_codec": audio})
    )
    channel = replace(
        BENCH, raster=raster, rate=house.rate, codec=codec, audio_codec=audio,
        video_kbps=house.video_kbps, audio_kbps=house.audio_kbps,
    )  # fmt: skip
    items = [
        Item("ntsc", 2.0, in_s=3.0),
        Item("pal", 0.7, in_s=2.3),
        Item("lost.mp4", 0.4),
        Item("film", 30.0),
    ]
    async with bench(items, tmp_path, channel=channel, clock=RenderClock(AT)) as b:
        data = await rendered(b, 5.0)
    report = analyse(data, Rules(rate=Fraction(house.rate)), complete=False)
    assert report.ok, report.to_text()
    assert report.duration_s > 3
    expected = {
        "h264": "type 0x1b", "mpeg2": "type 0x02", "aac": "type 0x0f", "ac3": "type 0x81", "mp2": "type 0x03"
    }  # fmt: skip
    assert [s.split(" on ")[0] for s in report.streams] == [expected[codec], expected[audio]]
    assert len(report.parameter_sets) == 1
    file = tmp_path / "capture.ts"
    file.write_bytes(data)
    with av.open(str(file)) as container:
        video = container.streams.video[0]
        assert video.display_aspect_ratio is not None
        assert abs(video.display_aspect_ratio - Fraction(16, 9)) < Fraction(1, 100)
        assert (video.width, video.height) == house_of(channel).coded_size
        assert container.streams.audio[0].codec_context.name.removesuffix("float") == audio
    reading = read(file)
    seen = {s.asset for s in reading.segments}
    assert {11, 13, 12} <= seen
    for segment in reading.segments:
        # Half a tick of the picture and half a frame of the sound; Matroska's clip is 21 ms off itself.
        if segment.asset == 11 and segment.av_median_ms is not None:
            assert abs(segment.av_median_ms) <= 500 / Fraction(house.rate) + 17, reading.to_text()


@pytest.mark.parametrize(
    ("codec", "audio", "words"), [("h264", "aac", ("H264", "AAC")), ("mpeg2", "ac3", ("MPEG2", "AC3"))]
)
def test_clients_are_told_the_codecs_that_are_sent(codec: str, audio: str, words: tuple[str, str]) -> None:
    ident = ident_of(replace(BENCH, codec=codec, audio_codec=audio, raster="720p"))
    assert (ident.video_codec, ident.audio_codec, ident.hd) == (*words, True)


@pytest.mark.parametrize("rate", FrameRate)
@pytest.mark.parametrize("codec", ["h264", "mpeg2"])
def test_a_house_format_is_filled_in(rate: FrameRate, codec: str) -> None:
    house = filled(WrittenFormat.model_validate({"rate": rate, "codec": codec}))
    assert house.rate == RATES[rate]
    assert house.audio_codec == ("aac" if codec == "h264" else "ac3")
    fast = Fraction(house.rate) > 30
    assert house.video_kbps == (3000 if fast else 2000) * (1 if codec == "h264" else 2)
