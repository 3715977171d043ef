"""The barcode clips are what their recipe says, and survive what playout does to them."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import av
import pytest

from fixtures.media import barcode_layout as layout
from fixtures.media.barcode import Clip, default_cache, make
from fixtures.media.barcode_layout import Code
from retrovue.ffmpeg_binary import choose_ffmpeg
from tests.tools.barcode_reader import Reading, read, unwrap

NTSC, FILM, PAL = Fraction(30000, 1001), Fraction(24000, 1001), Fraction(25)


def house(source: Path, target: Path, *, delay_ms: int = 0, picture: str = "") -> Path:
    """What a channel makes of a clip: 29.97, 854x480, few bits. ``delay_ms`` puts the sound late."""
    fit = (
        "scale=w='if(gt(dar,854/480),854,trunc(480*dar/2)*2)':h='if(gt(dar,854/480),trunc(854/dar/2)*2,480)'"
        ",pad=854:480:(ow-iw)/2:(oh-ih)/2,setsar=1,format=yuv420p"
    )
    subprocess.run(
        [
            *(choose_ffmpeg().path, "-v", "error", "-nostdin", "-y", "-i", str(source)),
            *("-vf", f"{picture}fps=30000/1001:start_time=0:round=near,{fit}"),
            *("-af", f"aresample=48000:async=1:first_pts=0,adelay={delay_ms}:all=1"),
            *("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "15"),
            *("-b:v", "600k", "-maxrate", "600k", "-bufsize", "300k", "-c:a", "aac", "-ac", "2", str(target)),
        ],
        check=True,
        timeout=60,
    )
    return target


def only(reading: Reading) -> list[int | None]:
    return [s.asset for s in reading.segments]


def test_every_code_comes_back() -> None:
    for code in (Code(0, FILM, 0), Code(255, Fraction(60), 8191), Code(7, NTSC, 1234)):
        assert layout.decode(layout.encode(code)) == code
    with pytest.raises(ValueError, match="too large"):
        layout.encode(Code(1, NTSC, 8192))


def test_no_flat_or_damaged_picture_is_a_code() -> None:
    assert layout.decode((0, 0, 0, 0, 0)) is None
    assert layout.decode((255,) * 5) is None
    rows = layout.encode(Code(9, NTSC, 77))
    for row in range(5):
        for bit in range(8):
            assert layout.decode((*rows[:row], rows[row] ^ 1 << bit, *rows[row + 1 :])) is None


@pytest.mark.parametrize(
    "clip",
    [
        Clip(21, 75, NTSC),
        Clip(22, 67, PAL, aspect="4:3", channels=1, marks=(1.0, 2.2), container="mkv"),
        Clip(23, 50, FILM, channels=0),
        Clip(24, 120, Fraction(50), aspect="4:3"),
        Clip(25, 61, Fraction(30), container="mkv"),
    ],
    ids=lambda clip: clip.file_name[:11],
)
def test_a_clip_is_what_its_recipe_says(clip: Clip) -> None:
    file = make(clip)
    reading = read(file)
    assert [s.code for s in reading.shown] == [Code(clip.asset, clip.rate, n) for n in range(clip.frames)]
    assert only(reading) == [clip.asset]
    with av.open(str(file)) as container:
        assert len(container.streams.audio) == (1 if clip.channels else 0)
        if clip.channels:
            assert container.streams.audio[0].channels == clip.channels
        video = container.streams.video[0]
        assert video.time_base is not None
        begins_s = float((video.start_time or 0) * video.time_base)
        starts = [c["start"] * float(c["time_base"] or 0) for c in container.chapters()]
    assert starts == pytest.approx([0.0, *clip.marks] if clip.marks else [])
    # The first burst is heard as one only where something stands before it that it can rise from: the
    # encoder's priming, which MP4 hides and Matroska (by an ffmpeg before 9) puts before a later picture.
    bursts = int(clip.seconds) + (begins_s > 0.002) if clip.channels else 0
    assert len(reading.bursts) == bursts
    assert all(abs(skew) < 1 for skew in reading.segments[0].av_ms)


def test_the_same_recipe_is_made_once(tmp_path: Path) -> None:
    clip = Clip(26, 12, NTSC, channels=0)
    first = make(clip, tmp_path)
    stamp = first.stat().st_mtime_ns
    assert make(clip, tmp_path) == first
    assert first.stat().st_mtime_ns == stamp
    assert [p.name for p in tmp_path.iterdir() if p.suffix != ".lock"] == [clip.file_name]


@pytest.mark.parametrize(
    ("clip", "picture"),
    [
        (Clip(21, 75, NTSC), ""),
        (Clip(22, 67, PAL, aspect="4:3", channels=1, marks=(1.0, 2.2), container="mkv"), ""),
        (Clip(24, 120, Fraction(50), aspect="4:3"), ""),
        (Clip(21, 75, NTSC), "scale=320:136,setsar=1,"),  # a wide film between letterbox bars
    ],
    ids=["16:9", "pillars", "50p", "letterbox"],
)
def test_codes_survive_the_house_format(clip: Clip, picture: str, tmp_path: Path) -> None:
    reading = read(house(make(clip), tmp_path / "house.ts", picture=picture))
    assert only(reading) == [clip.asset]
    segment = reading.segments[0]
    assert segment.first_frame == 0
    assert abs(segment.last_frame - (clip.frames - 1)) <= 1
    assert segment.frame_error <= 1
    assert segment.av_median_ms == pytest.approx(0, abs=25)


def test_late_sound_is_measured(tmp_path: Path) -> None:
    clip = Clip(21, 150, NTSC)
    exact = read(house(make(clip), tmp_path / "a.ts")).segments[0].av_median_ms
    late = read(house(make(clip), tmp_path / "b.ts", delay_ms=80)).segments[0].av_median_ms
    assert exact is not None
    assert late is not None
    assert late - exact == pytest.approx(80, abs=1)


def test_a_join_and_a_slate_are_placed_exactly(tmp_path: Path) -> None:
    one, two, target = make(Clip(21, 75, NTSC)), make(Clip(27, 90, NTSC)), tmp_path / "join.ts"
    graph = (
        "[0:v]trim=start_frame=10:end_frame=40,setpts=PTS-STARTPTS[a];color=black:s=320x180:r=30000/1001,"
        "trim=end_frame=7[b];[1:v]trim=start_frame=30:end_frame=80,setpts=PTS-STARTPTS[c];[a][b][c]concat=n=3"
    )
    subprocess.run(
        [
            *(choose_ffmpeg().path, "-v", "error", "-nostdin", "-y", "-i", str(one), "-i", str(two)),
            *("-filter_complex", graph, "-an", "-c:v", "libx264", "-bf", "0", "-crf", "30", str(target)),
        ],
        check=True,
        timeout=60,
    )
    reading = read(target)
    found = [(s.asset, s.pictures, s.first_frame, s.last_frame) for s in reading.segments]
    assert found == [(21, 30, 10, 39), (None, 7, 0, 0), (27, 50, 30, 79)]
    start = reading.shown[0].pts
    assert [after.start_pts - start for _, after in reading.joins] == [30 * 3003, 37 * 3003]
    assert reading.at(start + 3003 * 5 + 100) == reading.shown[5]
    assert "27" in reading.to_text()


def test_unwrapping_near_an_instant() -> None:
    now = 1_763_884_800.25
    ticks = round(now * 90000)
    for offset in (-5 * 90000, 0, 5 * 90000):
        assert unwrap((ticks + offset) % (1 << 33), now) == ticks + offset


def test_the_cache_can_be_moved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RETROVUE_TEST_CACHE", str(tmp_path))
    assert default_cache() == tmp_path
