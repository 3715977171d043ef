"""Whatever a file holds becomes a picture and a sound of the house: real files, real ffmpeg, looked at."""

from __future__ import annotations

import struct
from array import array
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest

from fixtures.media.barcode import Clip, make
from fixtures.media.barcode_layout import Code
from retrovue.ffmpeg_binary import choose_ffmpeg
from retrovue.library.catalog import AudioTrack, SubtitleTrack
from retrovue.playout.director import house_of
from tests.playout.inputs import at_rate, grab, ingested, render, run
from tests.playout.lab import BENCH
from tests.tools.barcode_reader import PictureReader, find_bursts

RATES = ("24000/1001", "24", "25", "30000/1001", "30", "50", "60000/1001", "60")
HOUSE_RATES = ("25", "30000/1001", "30", "50", "60000/1001")
OFFSET_US = 1_234_000


def codes(file: Path) -> list[Code | None]:
    """The barcode of every picture of a bare stream."""
    with av.open(str(file)) as container:
        frames = list(container.decode(video=0))
    reader = PictureReader(frames[0].width, frames[0].height)
    return [reader.read(frame) for frame in frames]


def bursts(file: Path, priming: int = 1024) -> list[float]:
    """When the bursts of a bare stream begin (seconds after its first tick)."""
    samples = array("f")
    with av.open(str(file)) as container:
        for frame in container.decode(audio=0):
            assert frame.sample_rate == 48_000
            samples.frombytes(bytes(frame.planes[0])[: frame.samples * 4])
    return [start / 8000 - priming / 48_000 for start in find_bursts(samples[::6])]


@pytest.mark.parametrize("house_rate", HOUSE_RATES)
@pytest.mark.parametrize("rate", RATES)
def test_every_rate_becomes_every_house_rate_frame_for_frame(
    rate: str, house_rate: str, tmp_path: Path
) -> None:
    clip = Clip(asset=40 + RATES.index(rate), frames=round(4 * Fraction(rate)), rate=Fraction(rate))
    path = make(clip)
    channel = at_rate(house_rate)
    rate_out = house_of(channel).rate
    ticks = round(2 * rate_out)
    out = render(path, ingested(path), tmp_path, channel, OFFSET_US, ticks)
    seen = codes(out.video)
    assert len(seen) == ticks
    for tick, code in enumerate(seen):
        assert code is not None
        at = (Fraction(OFFSET_US, 1_000_000) + tick / rate_out) * clip.rate
        # The frame on the screen at that instant, or a neighbour that is nearer than half a tick.
        assert -1 < code.frame - at <= clip.rate / rate_out / 2 + Fraction(1, 100), (tick, code)
    for burst in bursts(out.audio):
        second = burst + OFFSET_US / 1e6
        assert abs(second - round(second)) < 0.003


def test_a_variable_rate_shows_each_picture_in_its_time(tmp_path: Path) -> None:
    clip = Clip(asset=60, frames=100, rate=Fraction(25))
    path = tmp_path / "vfr.mkv"
    run(
        *("-i", str(make(clip)), "-vf", "select='not(mod(n,7))+not(mod(n,5))'", "-fps_mode", "vfr"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-an", str(path)),
    )
    kept = [n for n in range(100) if n % 7 == 0 or n % 5 == 0]
    seen = codes(render(path, ingested(path), tmp_path, at_rate("30"), 1_000_000, 60).video)
    for tick, code in enumerate(seen):
        assert code is not None
        exact = 25 + tick * 25 / 30
        assert code.frame in kept
        # Half way between two instants either is right.
        assert code.frame in {max(n for n in kept if n <= exact + off) for off in (0.49, 0.51)}


# --- fields ----------------------------------------------------------------------------------------


def combing(frame: av.VideoFrame) -> float:
    """How much neighbouring lines differ more than lines of one field do; 0: not at all."""
    plane, stride = bytes(frame.planes[0]), frame.planes[0].line_size
    near = far = 0
    for y in range(40, frame.height - 40, 2):
        for x in range(40, frame.width - 40, 3):
            a, b, c = (plane[(y + i) * stride + x] for i in range(3))
            near += abs(a - b) + abs(b - c)
            far += 2 * abs(a - c)
    return near / max(far, 1)


@pytest.mark.parametrize("order", ["tff", "bff"])
@pytest.mark.parametrize("flagged", [True, False])
def test_interlaced_pictures_are_made_whole(order: str, flagged: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    mode = "interleave_top" if order == "tff" else "interleave_bottom"
    told = ["-flags", "+ilme+ildct", "-top", "1" if order == "tff" else "0"] if flagged else []
    frames = f"testsrc2=s=720x480:r=60000/1001:d=4,tinterlace={mode}"
    frames += f",setfield={order}" if flagged else ",setfield=prog"
    run(
        *("-f", "lavfi", "-i", frames, "-pix_fmt", "yuv420p", "-c:v", "mpeg2video", "-q:v", "3"),
        *(told[:2] if flagged else ()),
        str(path),
    )
    asset = ingested(path)
    assert asset.interlaced
    assert asset.field_order == ("" if flagged else order)
    channel = replace(at_rate("60000/1001"), raster="480p", video_kbps=6000)
    mended = render(path, asset, tmp_path, channel, 1_000_000, 20).picture(10)
    left = render(path, replace(asset, interlaced=False), tmp_path, channel, 1_000_000, 20).picture(10)
    assert combing(mended) < 0.75 * combing(left)


def test_a_progressive_picture_is_not_taken_for_an_interlaced_one(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    run(*("-f", "lavfi", "-i", "testsrc2=s=720x480:r=30000/1001:d=4", "-c:v", "mpeg2video", str(path)))
    assert not ingested(path).interlaced


# --- shapes ----------------------------------------------------------------------------------------

#: Red, green, blue and white quarters.
QUARTERS = "color=red:s={w}x{h}:r=25:d=1,drawbox=x=iw/2:w=iw/2:h=ih/2:c=lime:t=fill,drawbox=y=ih/2:w=iw/2:h=ih/2:c=blue:t=fill,drawbox=x=iw/2:y=ih/2:w=iw/2:h=ih/2:c=white:t=fill"  # fmt: skip  # noqa: E501
NAMES = {
    "red": (254, 0, 0), "lime": (0, 254, 0), "blue": (0, 0, 254), "white": (255, 255, 255), "black": (0, 0, 0)
}  # fmt: skip


def name_of(pixel: tuple[int, int, int]) -> str:
    return min(NAMES, key=lambda name: sum((a - b) ** 2 for a, b in zip(NAMES[name], pixel, strict=True)))


def quarters(folder: Path, w: int, h: int, *arguments: str, suffix: str = "mp4") -> Path:
    path = folder / f"a.{suffix}"
    codec = () if "-c:v" in arguments else ("-c:v", "libx264", "-pix_fmt", "yuv444p")
    run("-f", "lavfi", "-i", QUARTERS.format(w=w, h=h), *codec, *arguments, str(path))
    return path


def corners(frame: av.VideoFrame, inset_x: float = 0.02, inset_y: float = 0.02) -> list[str]:
    """Names of the colours near the four corners: top left, top right, bottom left, bottom right."""
    places = [(x, y) for y in (inset_y, 1 - inset_y) for x in (inset_x, 1 - inset_x)]
    return [name_of(grab(frame, x, y)) for x, y in places]


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_rotated_picture_stands_upright(degrees: int, tmp_path: Path) -> None:
    plain = quarters(tmp_path, 320, 180)
    path = tmp_path / "rotated.mp4"
    if choose_ffmpeg().version >= (6,):
        run("-display_rotation", str(degrees), "-i", str(plain), "-c", "copy", str(path))
    else:
        run("-i", str(plain), "-c", "copy", "-metadata:s:v:0", f"rotate={degrees}", str(path))
    # Counter-clockwise, as ffmpeg means it.
    turned = {
        90: ["lime", "white", "red", "blue"],
        180: ["white", "blue", "lime", "red"],
        270: ["blue", "red", "white", "lime"],
    }
    frame = render(path, ingested(path), tmp_path).picture()
    inset = 0.02 if degrees == 180 else 0.36  # a tall picture stands between pillars
    assert corners(frame, inset) == turned[degrees]
    assert corners(frame, 0.3)[0] == ("black" if degrees != 180 else turned[180][0])


@pytest.mark.parametrize(
    ("size", "sar", "left", "top"),
    [
        ((320, 240), "1/1", 0.125, 0.0),  # 4:3
        ((720, 480), "8/9", 0.125, 0.0),  # NTSC DV
        ((720, 576), "64/45", 0.0, 0.0),  # PAL, widescreen
        ((480, 480), "2/1", 0.0, 0.0555),  # 2:1
        ((640, 270), "1/1", 0.0, 0.125),  # 2.37:1
        ((322, 182), "1/1", 0.0, 0.0),
    ],
)
def test_the_display_aspect_ratio_decides_where_the_bars_are(
    size: tuple[int, int], sar: str, left: float, top: float, tmp_path: Path
) -> None:
    path = quarters(tmp_path, *size, "-vf", f"setsar={sar}")
    frame = render(path, ingested(path), tmp_path).picture()
    assert (frame.width, frame.height) == (640, 360)
    assert corners(frame, left + 0.02, top + 0.03) == ["red", "lime", "blue", "white"]
    if left:
        assert corners(frame, left - 0.02, 0.1) == ["black"] * 4
    if top:
        assert corners(frame, 0.1, top - 0.03) == ["black"] * 4


@pytest.mark.parametrize("fit", ["letterbox", "crop", "stretch"])
@pytest.mark.parametrize("size", [(320, 240), (640, 270)])
def test_a_picture_of_another_shape_fills_the_screen_as_it_is_told(
    fit: str, size: tuple[int, int], tmp_path: Path
) -> None:
    path = tmp_path / "a.mp4"
    # A yellow frame around it shows whether edges are lost.
    w, h = size
    run(
        *("-f", "lavfi", "-i", f"color=blue:s={w}x{h}:r=25:d=1,drawbox=c=red:t=12", "-c:v", "libx264"),
        *("-pix_fmt", "yuv444p", str(path)),
    )
    asset = replace(ingested(path), fit="" if fit == "letterbox" else fit)
    frame = render(path, asset, tmp_path, replace(BENCH, fit="letterbox")).picture()
    assert (frame.width, frame.height) == (640, 360)
    tall = h * 16 > w * 9
    across, down = name_of(grab(frame, 0.005, 0.5)), name_of(grab(frame, 0.5, 0.01))
    lost = {"letterbox": "black", "crop": "blue", "stretch": "red"}[fit]
    assert (across, down) == ((lost, "red") if tall and fit != "crop" else ("red", lost)) or (
        fit == "crop" and (across, down) == (("red", "blue") if tall else ("blue", "red"))
    )


def test_a_channel_s_fit_holds_where_the_asset_has_none(tmp_path: Path) -> None:
    path = quarters(tmp_path, 320, 240)
    frame = render(path, ingested(path), tmp_path, replace(BENCH, fit="stretch")).picture()
    assert corners(frame) == ["red", "lime", "blue", "white"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("-c:v", "libx264", "-pix_fmt", "yuv420p10le"),
        ("-c:v", "libx264", "-pix_fmt", "yuv422p10le"),
        ("-c:v", "libx264", "-pix_fmt", "yuv444p"),
        ("-c:v", "libx265", "-pix_fmt", "yuv444p12le", "-x265-params", "log-level=none"),
        ("-c:v", "ffv1", "-pix_fmt", "bgr0"),
        ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-q:v", "2"),
        ("-c:v", "prores_ks", "-pix_fmt", "yuv422p10le"),
        ("-c:v", "png", "-pix_fmt", "rgb24"),
        ("-c:v", "ffv1", "-pix_fmt", "gray10le"),
    ],
    ids=lambda a: a[3],
)
def test_every_kind_of_pixel_keeps_its_colour(arguments: tuple[str, ...], tmp_path: Path) -> None:
    path = quarters(tmp_path, 322, 182, *arguments, suffix="mkv")
    out = render(path, ingested(path), tmp_path)
    assert out.complaint == ""
    if "gray10le" not in arguments:
        assert corners(out.picture()) == ["red", "lime", "blue", "white"]


def test_a_picture_of_odd_size_is_sent(tmp_path: Path) -> None:
    path = quarters(tmp_path, 321, 181, "-c:v", "ffv1", "-pix_fmt", "yuv444p", suffix="mkv")
    assert corners(render(path, ingested(path), tmp_path).picture()) == ["red", "lime", "blue", "white"]


def test_hd_colours_that_the_file_does_not_name_are_taken_for_those_of_hd(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    bars = "color=0x30a040:s=1280x720:r=25:d=1,scale=out_color_matrix=bt709:out_range=tv,format=yuv420p"
    forget = "setparams=colorspace=unknown:color_primaries=unknown:color_trc=unknown"
    run("-f", "lavfi", "-i", f"{bars},{forget}", "-c:v", "libx264", "-preset", "ultrafast", str(path))
    asset = ingested(path)
    assert asset.matrix == ""
    pixel = grab(render(path, asset, tmp_path).picture(), 0.5, 0.5)
    assert all(abs(a - b) <= 6 for a, b in zip(pixel, (0x30, 0xA0, 0x40), strict=True)), pixel
    pixel = grab(render(path, replace(asset, matrix="taken as it comes"), tmp_path).picture(), 0.5, 0.5)
    assert any(abs(a - b) > 6 for a, b in zip(pixel, (0x30, 0xA0, 0x40), strict=True)), pixel


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
@pytest.mark.parametrize("exact", [True, False])
def test_hdr_becomes_sdr_of_the_same_colours(transfer: str, exact: bool, tmp_path: Path) -> None:
    for colour, expected in (
        ("white", (216, 216, 216)),  # reference white: 85 %, above it is room for what shines
        ("gray", (128, 128, 128)),
        ("0x204080", (30, 62, 125)),
    ):
        path = tmp_path / f"{colour}.mkv"
        light = (
            f"color={colour}:s=320x180:r=24:d=0.5,scale=out_color_matrix=bt709:out_range=tv,format=yuv444p,"
            "setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv,"
            "zscale=t=linear:npl=203,format=gbrpf32,zscale=p=bt2020,"
            f"zscale=t={transfer}:m=bt2020nc:r=tv:npl=203,format=yuv420p10"
        )
        told = f"log-level=none:colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc"
        run(
            *("-f", "lavfi", "-i", light, "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", told),
            str(path),
        )
        asset = ingested(path)
        assert (asset.primaries, asset.transfer, asset.matrix) == ("bt2020", transfer, "bt2020nc")
        for raster in ("360p", "720p"):
            channel = replace(BENCH, raster=raster)
            features = frozenset({"zscale", "tonemap"} if exact else ())
            frame = render(path, asset, tmp_path, channel, ticks=5, features=features).picture(2)
            pixel = grab(frame, 0.5, 0.5)
            assert all(abs(a - b) <= 5 for a, b in zip(pixel, expected, strict=True)), (colour, pixel)


# --- sound -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["mono", "stereo", "5.1", "5.1(side)", "7.1", "quad"])
def test_every_number_of_channels_becomes_stereo(layout: str, tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    run(
        *("-f", "lavfi", "-i", "color=gray:s=320x180:r=25:d=2"),
        *("-f", "lavfi", "-i", f"sine=500:d=2,aformat=channel_layouts=mono,pan={layout}|c0=c0"),
        *("-c:v", "libx264", "-c:a", "flac", str(path)),
    )
    out = render(path, ingested(path), tmp_path, ticks=30)
    assert out.complaint == ""
    with av.open(str(out.audio)) as container:
        stream = container.streams.audio[0]
        assert (stream.codec_context.layout.name, stream.codec_context.sample_rate) == ("stereo", 48_000)
        frames = list(container.decode(audio=0))
    left = array("f", b"".join(bytes(f.planes[0])[: f.samples * 4] for f in frames))
    assert max(left[4096:20_000]) > 0.02  # the first channel of each layout is heard on the left


def shifted(clip: Clip, folder: Path, *arguments: str, suffix: str = "mkv") -> Path:
    path = folder / f"shifted.{suffix}"
    run("-i", str(make(clip)), *arguments, str(path))
    return path


@pytest.mark.parametrize(
    ("name", "suffix", "arguments"),
    [
        ("late sound", "mkv", ("-itsoffset", "0.5", "-i", "{}", "-map", "0:v", "-map", "1:a", "-c", "copy")),
        (
            "late picture",
            "mkv",
            ("-itsoffset", "0.4", "-i", "{}", "-map", "1:v", "-map", "0:a", "-c", "copy"),
        ),
        ("starts at 13.37", "ts", ("-c", "copy", "-output_ts_offset", "13.37")),
        ("matroska", "mkv", ("-c", "copy")),
        ("mp3 in avi", "avi", ("-c:v", "mpeg4", "-q:v", "3", "-c:a", "libmp3lame")),
        ("mp2 in mpg", "mpg", ("-c:v", "mpeg2video", "-q:v", "3", "-c:a", "mp2")),
        ("flac", "mkv", ("-c:v", "copy", "-c:a", "flac", "-ar", "44100")),
        ("opus", "webm", ("-c:v", "libvpx", "-c:a", "libopus")),
    ],
)
def test_sound_and_picture_stay_together(
    name: str, suffix: str, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    clip = Clip(asset=61, frames=150, rate=Fraction(30000, 1001), b_frames=0)
    path = shifted(clip, tmp_path, *(a.format(make(clip)) for a in arguments), suffix=suffix)
    asset = ingested(path)
    offset_us = 1_300_000
    out = render(path, asset, tmp_path, offset_us=offset_us, ticks=75)
    seen = codes(out.video)
    assert seen[0] is not None
    first = seen[0].frame
    # AVI counts frames from the file's beginning: sound that begins early makes it one frame late.
    assert abs(first - offset_us * 30000 / 1001 / 1e6) <= (1.01 if suffix == "avi" else 0.51)
    wanted = {"late sound": 0.5, "late picture": -0.4}.get(name, 0.0)
    found = [burst + offset_us / 1e6 - wanted for burst in bursts(out.audio)]
    assert found
    for second in found:
        # Half a frame of the picture's own rounding, and a codec's priming that its container can't tell.
        assert abs(second - round(second)) < (0.03 if suffix in ("avi", "mpg") else 0.006), found


def test_a_file_without_sound_has_none(tmp_path: Path) -> None:
    path = make(Clip(asset=62, frames=60, channels=0))
    asset = ingested(path)
    assert asset.audio == ()
    out = render(path, asset, tmp_path)
    assert not out.audio.exists()
    assert codes(out.video)[0] is not None


def tones(folder: Path, *languages: str, more: tuple[str, ...] = ()) -> Path:
    """A file with one sound track a language, each 200 Hz higher than the one before."""
    path = folder / "tracks.mkv"
    sounds = [a for n in range(len(languages)) for a in ("-f", "lavfi", "-i", f"sine={400 + 200 * n}:d=2")]
    maps = [a for n in range(len(languages) + 1) for a in ("-map", str(n))]
    told = [a for n, code in enumerate(languages) for a in (f"-metadata:s:a:{n}", f"language={code}")]
    run(
        *("-f", "lavfi", "-i", "color=gray:s=320x180:r=25:d=2", *sounds, *maps, *told, *more),
        *("-c:v", "libx264", "-c:a", "flac", str(path)),
    )
    return path


def tone_of(file: Path) -> int:
    """The frequency of a sine, to the nearest hundred."""
    with av.open(str(file)) as container:
        frames = [bytes(f.planes[0])[: f.samples * 4] for f in container.decode(audio=0)]
    samples = array("f", b"".join(frames))[8000:32_000]
    crossings = sum(1 for a, b in pairwise(samples) if a < 0 <= b)
    return 100 * round(crossings / 0.5 / 100)


@pytest.mark.parametrize(
    ("wanted", "tone"), [((), 600), (("de",), 400), (("fr", "en"), 600), (("fr", "nl"), 600), (("es",), 1000)]
)
def test_the_best_language_is_heard_and_never_the_commentary(
    wanted: tuple[str, ...], tone: int, tmp_path: Path
) -> None:
    path = tones(
        tmp_path, "ger", "eng", "eng", "spa",
        more=("-disposition:a:0", "0", "-disposition:a:1", "default", "-disposition:a:2", "comment"),
    )  # fmt: skip
    asset = ingested(path)
    assert asset.audio == (
        AudioTrack("flac", 1, "de"),
        AudioTrack("flac", 1, "en", default=True),
        AudioTrack("flac", 1, "en", commentary=True),
        AudioTrack("flac", 1, "es"),
    )
    assert tone_of(render(path, asset, tmp_path, replace(BENCH, audio=wanted), ticks=30).audio) == tone


# --- subtitles -------------------------------------------------------------------------------------

SRT = "1\n00:00:01,000 --> 00:00:02,000\nLATER, AT SEA: \\ {it's} 100%\n"


def bright(frame: av.VideoFrame) -> int:
    """How many bright pixels the lower half has."""
    plane, stride = bytes(frame.planes[0]), frame.planes[0].line_size
    return sum(
        plane[y * stride + x] > 180
        for y in range(frame.height // 2, frame.height)
        for x in range(frame.width)
    )


@pytest.mark.parametrize("name", ["film", "it's [a], film: 100%; \\ = 'x'"])
def test_subtitles_beside_the_file_are_drawn_in_their_time(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.mp4"
    run("-f", "lavfi", "-i", "color=0x202020:s=320x180:r=30:d=3", "-c:v", "libx264", f"file:{path}")
    path.with_name(f"{name}.de.srt").write_text(SRT)
    asset = ingested(path, subtitles=(SubtitleTrack("subrip", "de", path=f"{name}.de.srt"),))
    wanted = replace(BENCH, subtitles="de", rate="30/1")
    frames = render(path, asset, tmp_path, wanted, offset_us=500_000, ticks=60).pictures()
    shown = [bright(frame) > 50 for frame in frames]
    assert shown == [False] * 15 + [True] * 30 + [False] * 15
    for wish in ("off", "forced", "en"):
        plain = replace(wanted, subtitles=wish)
        assert not any(bright(f) > 50 for f in render(path, asset, tmp_path, plain, 500_000, 30).pictures())


def test_picture_subtitles_of_the_file_are_drawn(tmp_path: Path) -> None:
    bar = tmp_path / "bar.sup"
    bar.write_bytes(presentation(1.0, 2.0, 720, 480, (100, 400, 500, 40)))
    path = tmp_path / "a.mkv"
    run(
        *(
            "-f",
            "lavfi",
            "-i",
            "color=0x202020:s=720x480:r=30:d=3",
            "-itsoffset",
            "1",
            "-i",
            str(bar),
            "-map",
            "0",
            "-map",
            "1",
        ),
        *("-c:v", "libx264", "-c:s", "copy", "-metadata:s:s:0", "language=eng", "-disposition:s:0", "forced"),
        str(path),
    )
    asset = ingested(path)
    assert asset.subtitles == (SubtitleTrack("hdmv_pgs_subtitle", "en", forced=True),)
    channel = replace(BENCH, subtitles="forced", rate="30/1")
    frames = render(path, asset, tmp_path, channel, ticks=80).pictures()
    assert bright(frames[10]) == 0
    assert bright(frames[45]) > 500
    off = replace(channel, subtitles="off")
    assert bright(render(path, asset, tmp_path, off, ticks=80).pictures()[45]) == 0


def presentation(start: float, end: float, width: int, height: int, bar: tuple[int, int, int, int]) -> bytes:
    """A white bar (x, y, width, height) as a Blu-ray's presentation graphics stream."""
    x, y, w, h = bar

    def segment(at: float, kind: int, body: bytes) -> bytes:
        return b"PG" + struct.pack(">IIBH", round(at * 90_000), 0, kind, len(body)) + body

    def composition(number: int, state: int, objects: bytes) -> bytes:
        head = struct.pack(">HHBHBBBB", width, height, 0x10, number, state, 0, 0, 1 if objects else 0)
        return head + objects

    window = struct.pack(">BBHHHH", 1, 0, x, y, w, h)
    line = b"\x00" + bytes((0xC0 | w >> 8, w & 0xFF, 1)) + b"\x00\x00"  # w pixels of colour 1, end of line
    data = line * h
    return b"".join(
        (
            segment(start, 0x16, composition(0, 0x80, struct.pack(">HBBHH", 0, 0, 0x40, x, y))),
            segment(start, 0x17, window),
            segment(start, 0x14, bytes((0, 0, 1, 235, 128, 128, 255))),
            segment(
                start, 0x15,
                struct.pack(">HBB", 0, 0, 0xC0) + (len(data) + 4).to_bytes(3, "big")
                + struct.pack(">HH", w, h) + data,
            ),
            segment(start, 0x80, b""),
            segment(end, 0x16, composition(1, 0x00, b"")),
            segment(end, 0x17, window),
            segment(end, 0x80, b""),
        )
    )  # fmt: skip
