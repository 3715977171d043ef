"""The demo library: its recipes keep what they promise, without rendering five hours of it."""

from __future__ import annotations

import json
import subprocess
import threading
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrovue.cli.main import main
from retrovue.errors import RetroVueError
from retrovue.ffmpeg_binary import choose_ffmpeg, wheel_binary
from retrovue.library import demo_media
from retrovue.library.adapters import open_adapter, settings_models
from retrovue.library.catalog import Asset
from retrovue.library.demo_media import NTSC, Recipe, recipes, timecode_of
from retrovue.library.demo_render import alone, outstanding, render, tidy
from retrovue.library.enrichers import open_enrichers
from retrovue.library.ingest import ingest, survey
from retrovue.library.lock import read_lock
from retrovue.library.lock_lines import LockLines
from retrovue.station.load import require_station
from retrovue.units import HOUR_US, MINUTE_US, SECOND_US

DEMO = Path(__file__).resolve().parents[2] / "stations" / "demo"
MODEL = require_station(DEMO, settings_models())
BINARIES = sorted({choose_ffmpeg().path, *filter(None, [wheel_binary()])})

SHORT = Recipe(
    path="shows/Tiny Show/Tiny Show - S01E01 - It's 100% “Fine”.mkv",
    label=("Tiny Show: it's 100% %{n}", "S01E01, \\ 'quoted' [b]"),
    frames=95,
    rate=NTSC,
    pitch=440,
    shape="anamorphic",
    channels=2,
    marks=(31, 64),
    sidecar={"title": "It's: fine", "rating": "TV-G", "tags": ["a", "b"]},
)


def promised() -> dict[str, Recipe]:
    """Recipe by (collection, path within it), as one string."""
    return {recipe.path: recipe for recipe in recipes()}


def locked() -> dict[str, Asset]:
    """Asset by the path of its file within the media folder."""
    found = {}
    for asset in read_lock(DEMO).assets.values():
        source = MODEL.collections[asset.collection].source["path"]
        found[f"{source}/{asset.path}".removeprefix("media/")] = asset
    return found


def test_the_committed_lock_is_what_the_recipes_promise() -> None:
    lock = locked()
    assert lock.keys() == promised().keys()
    for path, recipe in promised().items():
        asset = lock[path]
        assert asset.eligible, path
        assert (asset.frames, Fraction(asset.rate)) == (recipe.frames, recipe.rate), path
        assert asset.duration_us == recipe.duration_us, path
        assert asset.marks_us == recipe.marks_us, path
        assert asset.audio_channels == recipe.channels, path
        assert asset.interlaced == recipe.interlaced, path
        for name, value in recipe.sidecar.items():
            said = getattr(asset, name)
            assert (list(said) if isinstance(said, tuple) else said) == value, f"{path}: {name}"


def test_it_has_the_lengths_of_real_television() -> None:
    def lengths(folder: str, low: float, high: float) -> list[Recipe]:
        found = [r for r in recipes() if r.path.startswith(folder)]
        return [r for r in found if low <= r.duration_us / MINUTE_US < high]

    assert len(lengths("sitcoms/", 21, 24)) >= 3
    assert len(lengths("dramas/", 47, 48)) == 1
    assert len(lengths("films/", 75, 76)) == 1
    assert len(lengths("cartoons/", 6.8, 7.3)) == 6
    spots = [r for r in recipes() if r.path.startswith("commercials/")]
    assert {round(r.duration_us / SECOND_US) for r in spots} == {15, 30}
    assert len({r.sidecar["advertiser"] for r in spots}) >= 8
    every = recipes()
    assert {r.rate for r in every} == {demo_media.NTSC, demo_media.FILM, demo_media.PAL}
    assert {r.channels for r in every} == {0, 1, 2}
    assert {r.shape for r in every} == {"4:3", "16:9", "anamorphic"}
    assert {bool(r.marks) for r in every} == {True, False}
    assert {Path(r.path).suffix for r in every} == {".mp4", ".mkv"}
    assert len({r.pitch for r in every}) == len(every)
    assert sum(r.duration_us for r in every) < 6 * HOUR_US
    whole = [r for r in every if r.duration_us >= MINUTE_US]
    assert not [r.path for r in whole if r.duration_us % SECOND_US == 0], "odd to the frame"


def test_spots_can_fill_eight_minutes_of_every_half_hour() -> None:
    spots = [a for a in read_lock(DEMO).assets.values() if {"commercial", "promo"} & set(a.tags)]
    assert sum(a.duration_us for a in spots) > 7 * MINUTE_US  # nearly without repeating one


@given(st.integers(0, 10**6), st.sampled_from([demo_media.NTSC, demo_media.FILM, demo_media.PAL]))
def test_the_timecode_is_the_true_time(frame: int, rate: Fraction) -> None:
    hours, minutes, seconds, frames = map(int, timecode_of(frame, rate).split(":"))
    whole = (hours * 60 + minutes) * 60 + seconds
    assert whole <= frame / rate < whole + 1
    first = next(n for n in range(frame - frames, frame + 1) if n / rate >= whole)
    assert first == frame - frames


@pytest.mark.parametrize("binary", BINARIES, ids=lambda path: Path(path).name[:12])
def test_a_rendered_file_is_what_its_recipe_says(tmp_path: Path, binary: str) -> None:
    media = tmp_path / "media"
    seconds: list[float] = []
    render([SHORT], media, binary, lambda done, what: seconds.append(done))
    tidy([SHORT], media)
    assert sum(seconds) == pytest.approx(SHORT.duration_us / 1e6)
    assert outstanding([SHORT], media) == []
    asset = _ingest(tmp_path)
    assert (asset.frames, asset.rate, asset.duration_us) == (95, "30000/1001", SHORT.duration_us)
    assert asset.marks_us == SHORT.marks_us
    assert (asset.title, asset.rating, asset.tags) == ("It's: fine", "TV-G", ("a", "b"))
    assert (asset.sar, asset.audio_channels, asset.id) == ("32/27", 2, "shows/Tiny Show/S01E01")
    with av.open(str(media / SHORT.path)) as container:
        keys = [p.pts for p in container.demux(video=0) if p.pts is not None and p.is_keyframe]
    assert max(b - a for a, b in pairwise(keys)) <= 2010, "a keyframe every two seconds"


def _ingest(folder: Path) -> Asset:
    collections = {"shows": MODEL.collections["sitcoms"].model_copy(update={"source": _SOURCE})}
    found = survey(collections, folder, LockLines())
    done = ingest(found, collections, open_enrichers(), LockLines())
    assert not done.findings
    (asset,) = done.assets
    return asset


_SOURCE = {"kind": "filesystem", "path": "media/shows"}


@pytest.mark.parametrize("binary", BINARIES, ids=lambda path: Path(path).name[:12])
@pytest.mark.parametrize("rate", [demo_media.NTSC, demo_media.FILM, demo_media.PAL])
def test_the_burnt_timecode_is_that_of_each_frame(
    tmp_path: Path, binary: str, rate: Fraction, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against a picture with the timecode written out in full; the neighbour's must differ."""
    recipe = replace(SHORT, rate=rate, frames=80, marks=(), channels=0, label=("Timecode",), shape="16:9")
    render([recipe], tmp_path, binary)
    burnt = _luma(tmp_path / recipe.path)
    for frame in (0, 1, 23, 24, 25, 29, 30, 31, 49, 50, 59, 60, 61, 79):
        monkeypatch.setattr(demo_media, "timecode_text", lambda _, n=frame: timecode_of(n, rate))
        (tmp_path / "written").mkdir(exist_ok=True)
        written = _picture(replace(recipe, frames=1), tmp_path / "written", binary)
        other = burnt[frame - 1 if frame else 1]
        assert _unlike(burnt[frame], written) < 5
        assert _unlike(other, written) > 40


def _picture(recipe: Recipe, folder: Path, binary: str) -> bytes:
    render([recipe], folder, binary)
    return _luma(folder / recipe.path)[0]


def _luma(path: Path) -> list[bytes]:
    """The rows of each frame that hold the timecode."""
    frames = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            plane = frame.reformat(format="gray").planes[0]
            rows = memoryview(plane)
            frames.append(
                b"".join(
                    rows[y * plane.line_size : y * plane.line_size + frame.width] for y in range(140, 200)
                )
            )
    return frames


def _unlike(one: bytes, other: bytes) -> int:
    """How many pixels are black in one and white in the other, or nearly."""
    return sum(abs(a - b) > 128 for a, b in zip(one, other, strict=True))


def test_loudness_is_near_23_lufs(tmp_path: Path) -> None:
    for channels in (1, 2):
        recipe = replace(SHORT, frames=200, marks=(), channels=channels)
        render([recipe], tmp_path, choose_ffmpeg().path)
        command = [choose_ffmpeg().path, "-hide_banner", "-nostats", "-i", f"file:{tmp_path / recipe.path}"]
        said = subprocess.run(
            [*command, "-map", "0:a", "-af", "ebur128", "-f", "null", "-"],
            capture_output=True,
            text=True,
            check=True,
        ).stderr
        loudness = float(said.rpartition("Integrated loudness:")[2].split("I:")[1].split()[0])
        assert -24.5 < loudness < -21.5


def test_an_interrupted_rendering_is_taken_up_again(tmp_path: Path) -> None:
    one, two = replace(SHORT, marks=()), replace(SHORT, path="shows/b.mp4", channels=0)
    render([one], tmp_path, choose_ffmpeg().path)
    assert outstanding([one, two], tmp_path) == [two]
    assert outstanding([replace(one, pitch=441)], tmp_path), "another recipe"
    (tmp_path / one.path).write_bytes(b"spoilt")
    assert outstanding([one], tmp_path) == [one]
    (tmp_path / ".rendered.json").write_text("spoilt")
    assert outstanding([one], tmp_path) == [one]


def test_two_renderers_take_turns(tmp_path: Path) -> None:
    order: list[str] = []
    waiting = threading.Event()

    def second() -> None:
        with alone(tmp_path, waiting.set):
            order.append("second")

    with alone(tmp_path, lambda: pytest.fail("nobody else is here")):
        other = threading.Thread(target=second)
        other.start()
        assert waiting.wait(20)
        order.append("first")
    other.join(20)
    assert order == ["first", "second"]


def test_a_failing_ffmpeg_leaves_no_half_file(tmp_path: Path) -> None:
    with pytest.raises(RetroVueError, match=r"could not make shows/.*: no such filter") as caught:
        render([SHORT], tmp_path, _failing(tmp_path))
    assert caught.value.help
    assert not [p for p in tmp_path.rglob("*") if p.is_file() and "It's" in p.name]


def _failing(folder: Path) -> str:
    script = folder / "ffmpeg"
    script.write_text(
        '#!/bin/sh\nfor last; do :; done\n: > "${last#file:}"\necho "no such filter" >&2\nexit 1\n'
    )
    script.chmod(0o755)
    return str(script)


def test_files_of_an_earlier_edition_are_removed_and_strangers_stay(tmp_path: Path) -> None:
    render([SHORT], tmp_path, choose_ffmpeg().path)
    tidy([SHORT], tmp_path)
    mine = tmp_path / "shows" / "mine.mp4"
    mine.write_bytes(b"mine")
    record = json.loads((tmp_path / ".rendered.json").read_text())
    outside = tmp_path.parent / "outside.mp4"
    outside.write_bytes(b"x")
    record["../outside.mp4"] = record[str(outside)] = ["x", 1]
    (tmp_path / ".rendered.json").write_text(json.dumps(record))
    tidy([], tmp_path)
    assert mine.exists()
    assert outside.exists()
    assert not (tmp_path / SHORT.path).exists()
    assert not (tmp_path / SHORT.sidecar_path).exists()


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo_media, "recipes", lambda: (SHORT,))
    assert main(["demo-media", "--quiet", "--output", str(tmp_path)]) == 0
    assert "1 files, 0 MB, 1 rendered" in capsys.readouterr().out
    assert main(["demo-media", "--quiet", "--output", str(tmp_path)]) == 0
    assert "0 rendered" in capsys.readouterr().out
    assert main(["demo-media", "--quiet", "--output", str(tmp_path), "--force", "--jobs", "1"]) == 0
    assert "1 rendered" in capsys.readouterr().out
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert main(["demo-media", "--quiet", "--output", str(blocked / "x")]) == 1
    assert main(["demo-media", "--jobs", "0"]) == 1
    assert "Traceback" not in capsys.readouterr().err


def test_every_collection_of_the_demo_station_is_filled_by_recipes() -> None:
    folders = {recipe.path.partition("/")[0] for recipe in recipes()}
    for name, collection in MODEL.collections.items():
        adapter = open_adapter(name, collection.source, DEMO)
        assert adapter.locate("x").parent.name in folders
