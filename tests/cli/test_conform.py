"""``retrovue conform``: real media, the real program, and every way in which it may be stopped."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.media.barcode import Clip, make
from retrovue.cli.arguments import disk_size
from retrovue.clock import StationClock
from retrovue.playout.house_copy import HouseCopy
from retrovue.state_dir import at_work
from retrovue.store import Artefact
from tests.cli.run import Ran, run

ASSET = "tv/Long"
STATION = """
station: conform
name: Conform
timezone: America/New_York
format: { raster: 360p, rate: "29.97", preset: ultrafast, video_kbps: 800, audio_kbps: 96 }
---
channel: one
number: "1.1"
name: One
plans: [all]
---
channel: two
number: "1.2"
name: Two
plans: [all]
format: { raster: 360p, rate: "25", preset: ultrafast, video_kbps: 800, audio_kbps: 96 }
---
plan: all
zones: [{ zone: All, window: 06:00-06:00, play: [all] }]
---
program: all
chain: [{ episodes: { collection: tv } }]
---
collection: tv
source: { kind: filesystem, path: media }
"""


def ingested(folder: Path, frames: int) -> Path:
    """A station with one asset of so many frames."""
    (folder / "station.yaml").write_text(STATION)
    (folder / "media").mkdir()
    shutil.copyfile(make(Clip(asset=61, frames=frames, marks=(1.001,))), folder / "media" / "Long.mp4")
    assert run("ingest", str(folder), "--quiet").code == 0
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of 20 s: time enough to be stopped in the middle."""
    return ingested(tmp_path_factory.mktemp("station"), 600)


@pytest.fixture(scope="module")
def brief(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ingested(tmp_path_factory.mktemp("station"), 120)


@pytest.fixture
def station(made: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    shutil.copytree(made, tmp_path / "station")
    return tmp_path / "station"


@pytest.fixture
def short(brief: Path, tmp_path: Path) -> Path:
    """A copy of the short one."""
    shutil.copytree(brief, tmp_path / "station")
    return tmp_path / "station"


def conform(station: Path, *arguments: str) -> Ran:
    return run("conform", *arguments, "--station", str(station), "--state", str(station / "state"))


def copies(station: Path) -> list[Path]:
    return sorted((station / "state" / "house").rglob("*.house"))


def halves(station: Path) -> list[Path]:
    return list((station / "state").rglob("*.part"))


def test_a_copy_for_each_format_whole_and_with_its_marks(short: Path) -> None:
    ran = conform(short, ASSET, "--quiet", "--json")
    assert ran.code == 0, ran.err
    documents = json.loads(ran.out)
    assert [(d["format"], d["frames"], d["cuts"]) for d in documents] == [
        ("360p at 29.97", 122, [0, 30]),
        ("360p at 25", 102, [0, 25, 26]),  # the mark lies between two frames of this format
    ]
    for document in documents:
        with HouseCopy(Path(document["file"])) as copy:
            assert copy.damage() == ""
            assert all(copy.key_before(cut, 0) == cut for cut in document["cuts"])
            assert copy.label.asset == ASSET
    before = [(c.stat().st_ino, c.stat().st_mtime_ns) for c in copies(short)]
    again = conform(short, ASSET)
    assert again.out.count("is current") == 2
    assert [(c.stat().st_ino, c.stat().st_mtime_ns) for c in copies(short)] == before
    one = conform(short, ASSET, "--force", "--channel", "1.2", "--quiet", "--json")
    assert [d["made"] for d in json.loads(one.out)] == [True]
    assert [c.stat().st_ino for c in copies(short)] != [inode for inode, _ in before]


def test_what_is_not_current_any_more_is_made_again(short: Path) -> None:
    def make_again() -> bool:
        (document,) = json.loads(conform(short, ASSET, "--channel", "1.1", "--quiet", "--json").out)
        return bool(document["made"])

    assert make_again()
    assert not make_again()
    os.utime(short / "media" / "Long.mp4", ns=(1, 1_000_000_000))
    assert make_again()
    (copy,) = copies(short)
    with copy.open("r+b") as file:
        file.seek(5_000)
        file.write(b"damaged")
    assert make_again()
    assert not make_again()
    text = (short / "station.yaml").read_text()
    (short / "station.yaml").write_text(text.replace("video_kbps: 800", "video_kbps: 700", 1))
    assert make_again()  # the format is another: beside the old one, which a rollback may need
    assert len(copies(short)) == 2
    # What no channel would render any more goes when the next copy comes.
    (new,) = {path.parent for path in copies(short)} - {copy.parent}
    (new / "0123456789abcdef.house").write_bytes(b"")
    conform(short, ASSET, "--channel", "1.1", "--quiet", "--force")
    assert len(copies(short)) == 2
    assert not (new / "0123456789abcdef.house").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tv/Lang",), "did you mean “tv/Long”?"),
        ((ASSET, "--channel", "9.9"), "there are 1.1, 1.2"),
    ],
)
def test_what_is_not_there_is_said(station: Path, arguments: tuple[str, ...], message: str) -> None:
    ran = conform(station, *arguments)
    assert ran.code == 1
    assert message in ran.err
    assert copies(station) == []


def test_a_file_that_is_not_what_the_catalog_says_makes_no_copy(station: Path) -> None:
    media = station / "media" / "Long.mp4"
    shutil.copyfile(make(Clip(asset=62, frames=300)), media)
    ran = conform(station, ASSET, "--channel", "1.1")
    assert ran.code == 1
    assert "shorter than the catalog says: 302 of 600 frames" in ran.err
    media.write_bytes(b"no film")
    ran = conform(station, ASSET, "--channel", "1.1")
    assert ran.code == 1
    assert ASSET in ran.err
    media.unlink()
    ran = conform(station, ASSET, "--channel", "1.1")
    assert ran.code == 1
    assert "No such file" in ran.err
    assert "Traceback" not in ran.err
    assert (copies(station), halves(station)) == ([], [])


# --- whole collections -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shelved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A station with three assets of two seconds, compiled for today."""
    folder = tmp_path_factory.mktemp("station")
    (folder / "station.yaml").write_text(STATION)
    (folder / "media").mkdir()
    for number in range(3):
        shutil.copyfile(make(Clip(asset=63 + number, frames=60)), folder / "media" / f"{number}.mp4")
    for command in ("ingest", "compile"):
        assert run(command, str(folder), "--quiet", "--state", str(folder / "state")).code == 0
    return folder


def batch(station: Path, *arguments: str) -> dict[str, Any]:
    ran = conform(station, *arguments, "--channel", "1.1", "--quiet", "--json")
    assert ran.code == 0, ran.err
    return dict(json.loads(ran.out))


def test_what_airs_soonest_is_made_first_within_the_budget(shelved: Path, tmp_path: Path) -> None:
    station = shutil.copytree(shelved, tmp_path / "station")
    now_us = round(time.time() * 1e6)
    with Artefact.open(station / "state" / "artefact.duckdb") as artefact:
        turns = list(dict.fromkeys(a for _, a, c in artefact.first_airings(now_us, 1 << 62) if c == "one"))
    assert sorted(turns) == ["tv/0", "tv/1", "tv/2"]
    plan = batch(station, "--days", "1", "--dry-run")
    assert [copy["asset"] for copy in plan["to_make"]] == turns
    assert copies(station) == []
    # 2 s at 896 kbit/s and a tenth: room for one.
    first = batch(station, "--days", "1", "--budget", "300K")
    assert first["copies"][0]["asset"] == turns[0]
    made = len(first["copies"])  # such pictures take less than they might: there may be room for two
    assert [c["asset"] for c in first["copies"] + first["left_out"]] == turns
    assert len(copies(station)) == made < 3
    assert sum(c["bytes"] for c in first["copies"]) <= 300_000
    # What is there already is not made again.
    all_ = batch(station, "--collection", "tv", "--verify")
    assert [(c["asset"], c["made"]) for c in all_["copies"]] == [(a, n >= made) for n, a in enumerate(turns)]
    # A copy that nobody wants goes before one that airs.
    orphan = copies(station)[0].parent / "0123456789abcdef.house"
    orphan.write_bytes(bytes(1000))
    room = sum(c["bytes"] for c in all_["copies"])
    assert batch(station, "--days", "1", "--budget", f"{room}")["removed"] == [str(orphan)]
    one = str(all_["copies"][0]["bytes"])
    again = batch(station, "--days", "1", "--budget", one)
    assert [c["asset"] for c in again["copies"]] == turns[:1]
    assert [Path(c["file"]) for c in again["copies"]] == copies(station)
    assert len(again["removed"]) == 2
    # A schedule that can't be read is no reason to forget what airs.
    published = station / "state" / "artefact.duckdb"
    kept = published.read_bytes()
    published.write_bytes(kept[:5000])
    ran = conform(station, "--days", "1", "--quiet")
    assert (ran.code, "half-written or damaged" in ran.err) == (1, True)
    assert "the published schedule is not asked" in conform(station, turns[0], "--dry-run").err
    published.write_bytes(kept)
    said = conform(station, "--days", "1", "--channel", "1.1", "--budget", one, "--quiet").out
    assert said == "3 copies: 0 made, 1 current, 2 left out: the budget is full\n"


def test_assets_are_named_by_a_pattern(shelved: Path, tmp_path: Path) -> None:
    station = shutil.copytree(shelved, tmp_path / "station")

    def named() -> list[str]:
        told = conform(station, "tv/*", "--channel", "1.1", "--json", "--quiet").out
        return [copy["asset"] for copy in json.loads(told)]

    assert named() == ["tv/0", "tv/1", "tv/2"]
    assert run("approve", str(station), "--revoke", "tv/1", "--state", str(station / "state")).code == 0
    assert named() == ["tv/0", "tv/2"]
    assert run("approve", str(station), "--revoke", "tv/*", "--state", str(station / "state")).code == 0
    assert "of “tv/*” nothing may air" in conform(station, "tv/*", "--quiet").err


def test_one_that_can_not_be_made_holds_up_no_other(shelved: Path, tmp_path: Path) -> None:
    station = shutil.copytree(shelved, tmp_path / "station")
    (station / "media" / "1.mp4").write_bytes(b"no film")
    ran = conform(station, "--collection", "tv", "--channel", "1.1", "--quiet", "--executor", "threads:2")
    assert ran.code == 1
    assert ran.err.startswith("error: tv/1: ")
    assert "Traceback" not in ran.err
    assert ran.out.endswith("3 copies: 2 made, 0 current\n")
    assert (len(copies(station)), halves(station)) == (2, [])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "which assets?"),
        ((ASSET, "--days", "2"), "assets are named, and --days or --collection chooses others"),
        ((ASSET, "--budget", "1G"), "--budget and --verify are for --days and --collection"),
        (("--days", "2"), "nothing is published, so nobody knows what airs"),
        (("--collection", "films"), "the catalog lock has no collection “films”"),
        (("tv/S*",), "no asset is “tv/S*”"),
    ],
)
def test_what_can_not_be_chosen_is_said(station: Path, arguments: tuple[str, ...], message: str) -> None:
    ran = conform(station, *arguments)
    assert ran.code == 1
    assert message in ran.err


@pytest.mark.parametrize(
    ("text", "size"), [("200GB", 200 * 10**9), ("1.5T", 1_500_000_000_000), ("800 m", 800_000_000), ("7", 7)]
)
def test_sizes(text: str, size: int) -> None:
    assert disk_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "much", "-1G", "1GiB", "1 PB"])
def test_no_sizes(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is no size: write it like 200GB"):
        disk_size(text)


def ffmpegs(parent: int) -> Iterator[int]:
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent and fields[0] != "Z":
            yield int(entry.name)


def alive(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _stopped(station: Path, number: signal.Signals) -> tuple[list[int], int]:
    """Stop a conform when it has something half; its ffmpegs, and the code with which it ended."""
    command = [sys.executable, "-m", "retrovue", "conform", ASSET, "--channel", "1.1"]
    command += ["--station", str(station), "--state", str(station / "state")]
    child = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell in the background has its children ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    found: list[int] = []
    limit = time.monotonic() + 60
    while not (found := list(ffmpegs(child.pid))) or not halves(station):
        assert child.poll() is None
        assert time.monotonic() < limit
    child.send_signal(number)
    out, err = child.communicate(timeout=30)
    assert "Traceback" not in err
    assert out == ""
    return found, child.returncode


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_stopped_in_the_middle_it_leaves_nothing_half(
    station: Path, number: signal.Signals, code: int
) -> None:
    for _ in range(5):
        found, code_found = _stopped(station, number)
        made = copies(station)
        if not made:
            break
        # On a busy machine it was done, whole, before the signal came.
        (whole,) = made
        whole.unlink()
    assert code_found == code
    assert copies(station) == []
    limit = time.monotonic() + 30
    while any(map(alive, found)):
        assert time.monotonic() < limit, "ffmpeg is left"
        time.sleep(0.05)
    assert len(halves(station)) == (1 if number is signal.SIGKILL else 0)
    # And the next one makes it, and sweeps up.
    assert conform(station, ASSET, "--channel", "1.1", "--quiet").code == 0
    assert (len(copies(station)), halves(station)) == (1, [])


def test_two_at_once_are_refused(short: Path) -> None:
    with at_work(short / "state", "house copies", "retrovue conform", StationClock()):
        refused = conform(short, ASSET, "--quiet")
        assert (refused.code, refused.out, copies(short)) == (1, "", [])
        assert f"retrovue conform (process {os.getpid()}, since" in refused.err
        assert conform(short, "--collection", "tv", "--dry-run").code == 0
