"""The probe, on real files of every shape: exact to the frame, and firm with what is no video."""

from __future__ import annotations

import os
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from random import Random

import pytest

from retrovue.library.catalog import Asset
from retrovue.library.enrichers.measuring import nominal_rate
from retrovue.library.enrichers.probe import ProbeEnricher, ProbeSettings
from retrovue.library.finding import Unreadable
from retrovue.library.marks import snap_marks
from retrovue.units import frames_to_us
from tests.library.media import make, run

NTSC = Fraction(30000, 1001)


def probe(path: Path) -> Asset:
    return ProbeEnricher(ProbeSettings()).enrich(Asset(collection="c", key="k", path=path.name), path)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov", "ts", "avi", "webm", "mpg"])
@pytest.mark.parametrize("frames", [1, 47])
def test_duration_is_exact_in_every_container(tmp_path: Path, suffix: str, frames: int) -> None:
    codec = {"webm": ("-c:v", "libvpx", "-c:a", "libopus"), "mpg": ("-c:v", "mpeg2video", "-c:a", "mp2")}
    path = make(tmp_path / f"a.{suffix}", *codec.get(suffix, ()), frames=frames)
    asset = probe(path)
    assert (asset.frames, asset.rate) == (frames, "30000/1001")
    assert asset.duration_us == frames_to_us(frames, NTSC)


@pytest.mark.parametrize("rate", ["24000/1001", "24/1", "25/1", "30/1", "50/1", "60000/1001"])
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_every_rate_and_b_frames(tmp_path: Path, rate: str, suffix: str) -> None:
    path = make(tmp_path / f"a.{suffix}", "-c:v", "libx264", "-bf", "3", frames=61, rate=rate)
    asset = probe(path)
    assert (asset.frames, asset.rate, asset.duration_us) == (61, rate, frames_to_us(61, Fraction(rate)))


def test_a_long_matroska_file_is_measured_by_its_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make(
        tmp_path / "a.mkv", "-c:v", "libx264", "-preset", "ultrafast", "-bf", "3", "-g", "60", frames=1801
    )
    asset = probe(path)
    assert (asset.frames, asset.duration_us) == (1801, frames_to_us(1801, NTSC))
    with monkeypatch.context() as patched:
        patched.setattr("retrovue.library.enrichers.measuring._measure_ends", lambda *_: None)
        assert probe(path) == asset  # reading every packet says the same


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_variable_rate_lasts_until_its_last_frame_ends(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    run(
        *("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25", "-vf", "select='not(mod(n,7))+not(mod(n,5))'"),
        *("-fps_mode", "vfr", "-frames:v", "40", "-c:v", "libx264", "-preset", "ultrafast", f"file:{path}"),
    )
    asset = probe(path)
    kept = [n for n in range(200) if n % 7 == 0 or n % 5 == 0][:40]
    assert asset.frames == 40
    assert asset.duration_us == pytest.approx((kept[-1] + 1) * 40_000, abs=200_000)
    assert asset.duration_us > kept[-1] * 40_000


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_chapters_become_marks_on_frames(tmp_path: Path, suffix: str) -> None:
    chapters = tmp_path / "chapters.txt"
    bounds = [(0, 11), (11, 40), (40, 47)]
    chapters.write_text(
        ";FFMETADATA1\ntitle=The Pilot\n"
        + "".join(f"[CHAPTER]\nTIMEBASE=1001/30000\nSTART={a}\nEND={b}\n" for a, b in bounds)
    )
    plain = make(tmp_path / f"plain.{suffix}", frames=47)
    path = tmp_path / f"a.{suffix}"
    run("-i", f"file:{plain}", "-i", f"file:{chapters}", "-map_metadata", "1", "-c", "copy", f"file:{path}")
    asset = probe(path)
    assert asset.marks_us == (frames_to_us(11, NTSC), frames_to_us(40, NTSC))
    assert asset.title == "The Pilot"


def test_shapes(tmp_path: Path) -> None:
    silent = probe(make(tmp_path / "silent.mp4", audio=False))
    assert (silent.audio_codec, silent.audio_channels) == ("", 0)
    wide = make(
        tmp_path / "wide.mkv",
        "-vf",
        "setsar=32/27,setfield=tff",
        "-flags",
        "+ilme+ildct",
        "-ac",
        "2",
        "-c:a",
        "ac3",
    )
    asset = probe(wide)
    assert (asset.sar, asset.interlaced, asset.audio_codec, asset.audio_channels) == ("32/27", True, "ac3", 2)
    assert (asset.width, asset.height, asset.video_codec) == (64, 48, "h264")


@pytest.mark.parametrize(
    "name", ["new\nline.mp4", "“quotes” 'n' \"more\".mp4", "📺.mp4", "-i.mp4", "http:x.mp4", "a%03d.mp4"]
)
def test_odd_names(tmp_path: Path, name: str) -> None:
    plain = make(tmp_path / "plain.mp4")
    assert probe(plain.rename(tmp_path / name)).frames == 30


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize("kept", [0.5, 0.97])
def test_a_file_cut_short_is_refused(tmp_path: Path, suffix: str, kept: float) -> None:
    faststart = ("-movflags", "+faststart") if suffix == "mp4" else ()
    path = make(tmp_path / f"a.{suffix}", *faststart, "-g", "30", frames=1801)
    os.truncate(path, int(path.stat().st_size * kept))
    with pytest.raises(Unreadable, match="cut short"):
        probe(path)


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    target = make(tmp_path / "target.mp4")
    sound = tmp_path / "sound.mp4"
    run("-f", "lavfi", "-i", "sine", "-t", "1", f"file:{sound}")
    headless = tmp_path / "headless.mp4"
    headless.write_bytes(target.read_bytes()[:900])
    for name, content in {
        "empty.mp4": b"",
        "noise.mkv": bytes(range(256)) * 64,
        "text.mp4": b"hello",
        # A playlist in disguise could make the probe open other files, or hosts.
        "playlist.mp4": f"#EXTM3U\n#EXTINF:1,\n{target}\n#EXT-X-ENDLIST\n".encode(),
        "concat.mp4": f"ffconcat version 1.0\nfile '{target}'\n".encode(),
    }.items():
        (tmp_path / name).write_bytes(content)
    for name in (
        "empty.mp4",
        "noise.mkv",
        "text.mp4",
        "playlist.mp4",
        "concat.mp4",
        "sound.mp4",
        "headless.mp4",
        "gone.mp4",
    ):
        with pytest.raises(Unreadable) as caught:
            probe(tmp_path / name)
        assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "mpg"])
def test_damage_is_never_more_than_unreadable(tmp_path: Path, suffix: str) -> None:
    codec = {"mpg": ("-c:v", "mpeg2video", "-c:a", "mp2")}
    whole = make(tmp_path / f"a.{suffix}", *codec.get(suffix, ()), frames=60).read_bytes()
    path = tmp_path / f"damaged.{suffix}"
    for seed in range(40):
        chance = Random(seed)
        damaged = bytearray(whole)
        for _ in range(chance.choice([1, 5, 50, 500])):
            damaged[chance.randrange(min(len(damaged), chance.choice([200, 3000, len(damaged)])))] = (
                chance.randrange(256)
            )
        path.write_bytes(damaged[: chance.choice([len(damaged), chance.randrange(len(damaged))])])
        with suppress(Unreadable):
            assert 0 < probe(path).duration_us < 60_000_000


def test_a_clock_that_jumps_is_refused(tmp_path: Path) -> None:
    parts = [make(tmp_path / f"{n}.ts", "-output_ts_offset", str(n), frames=30) for n in (1, 5000)]
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    with pytest.raises(Unreadable, match="its clock jumps by"):
        probe(joined)


def test_rates_near_a_standard_are_that_standard() -> None:
    assert nominal_rate(Fraction(2997, 100)) == NTSC
    assert nominal_rate(Fraction(23976, 1000)) == Fraction(24000, 1001)
    assert nominal_rate(Fraction(18)) == Fraction(18)
    assert nominal_rate(Fraction(90000)) is None
    assert nominal_rate(None) is None


def test_marks_fall_between_frames_and_inside() -> None:
    assert snap_marks([0, 40_001, 59_000, 1_000_000, 990_000], Fraction(25), 1_000_000) == (40_000,)


# --- encrypted ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["mp4", "mov"])
@pytest.mark.parametrize(
    "options", [(), ("-movflags", "+faststart"), ("-movflags", "+frag_keyframe+empty_moov")]
)
def test_an_encrypted_mp4_says_so(tmp_path: Path, suffix: str, options: tuple[str, ...]) -> None:
    plain = make(tmp_path / f"plain.{suffix}")
    assert probe(plain).frames == 30
    key = ("-encryption_key", "76a6c65c5ea762046bd749a2e632ccbb")
    kid = ("-encryption_kid", "a7e61c373e219033c21091fa607bf3b8")
    locked = tmp_path / f"locked.{suffix}"
    scheme = ("-encryption_scheme", "cenc-aes-ctr")
    run("-i", f"file:{plain}", "-c", "copy", *options, *scheme, *key, *kid, f"file:{locked}")
    with pytest.raises(Unreadable, match=r"^it is encrypted \(DRM, scheme cenc\)$") as told:
        probe(locked)
    assert told.value.help == "only a copy without DRM can air"
    assert not told.value.passing


def test_a_scrambled_recording_says_so(tmp_path: Path) -> None:
    path = make(tmp_path / "a.ts")
    assert probe(path).frames == 30
    noise, packets = Random(5), bytearray(path.read_bytes())
    for start in range(0, len(packets), 188):
        pid = int.from_bytes(packets[start + 1 : start + 3]) & 0x1FFF
        if pid in (0x100, 0x101):  # picture and sound, as ffmpeg numbers them
            packets[start + 3] |= 0x80
            packets[start + 8 : start + 188] = noise.randbytes(180)
    path.write_bytes(packets)
    with pytest.raises(Unreadable, match=r"^it is encrypted \(DRM, scrambled packets\)$"):
        probe(path)


def test_noise_that_begins_like_a_packet_is_not_called_encrypted(tmp_path: Path) -> None:
    path = tmp_path / "a.ts"
    path.write_bytes(b"\x47\0\0\xc0" + Random(5).randbytes(20_000))
    with pytest.raises(Unreadable, match="no video file"):
        probe(path)


def test_boxes_that_lie_are_read_to_no_end(tmp_path: Path) -> None:
    from retrovue.library.enrichers.encryption import scheme_of_mp4

    def box(kind: bytes, content: bytes, size: int | None = None) -> bytes:
        return (8 + len(content) if size is None else size).to_bytes(4) + kind + content

    description = box(b"stsd", bytes(8) + box(b"encv", bytes(60) + box(b"schm", bytes(4) + b"cbcs")))
    for kind in (b"stbl", b"minf", b"mdia", b"trak"):
        description = box(kind, description)
    path = tmp_path / "a.mp4"
    for content, scheme in (
        (box(b"ftyp", b"isom") + box(b"moov", description), "cbcs"),
        (box(b"moov", description, size=0), "cbcs"),  # to the end of the file
        (box(b"moov", (24 + len(description)).to_bytes(8) + description, size=1), "cbcs"),
        (box(b"moov", description, size=1 << 31), "cbcs"),
        (box(b"moov", description, size=7), ""),
        (box(b"free", b"", size=8) * 20_000 + box(b"moov", description), ""),
        (box(b"moov", description)[:40], ""),
        (b"", ""),
    ):
        path.write_bytes(content)
        assert scheme_of_mp4(path) == scheme
