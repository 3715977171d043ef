"""One tree with every kind of bad file in it: each is named, and the good ones are taken."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from retrovue.library.lock import read_lock
from tests.cli.run import run
from tests.library.media import make
from tests.library.media import run as ffmpeg
from tests.library.test_ingest import STATION, Ingest

NAMES = (
    "new\nline.mp4",
    "\N{TELEVISION} \N{SMILING FACE WITH OPEN MOUTH}.mp4",
    "\u202e\u05e9\u05dc\u05d5\u05dd.mp4",  # turns the direction of what follows
    "'single' \"double\" `back` $(id) ; &.mp4",
    "-rf.mp4",
    "%s %d {0} \\.mp4",
    " spaces .mp4",
    "n" * 250 + ".mp4",
)


@pytest.fixture
def station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder = tmp_path / "tiny"
    (folder / "media").mkdir(parents=True)
    (folder / "station.yaml").write_text(STATION)
    return folder


def test_each_is_named_and_the_rest_goes_on(station: Path, capsys: pytest.CaptureFixture[str]) -> None:
    media = station / "media"
    plain = make(media / "plain.mp4", "-movflags", "+faststart")
    key = ("-encryption_key", "76a6c65c5ea762046bd749a2e632ccbb")
    kid = ("-encryption_kid", "a7e61c373e219033c21091fa607bf3b8")
    drm = ("-c", "copy", "-encryption_scheme", "cenc-aes-ctr", *key, *kid)
    ffmpeg("-i", f"file:{plain}", *drm, f"file:{media / 'drm.mp4'}")
    ffmpeg("-f", "lavfi", "-i", "sine=d=1", "-f", "mp3", f"file:{media / 'music.mp4'}")
    ffmpeg("-i", f"file:{plain}", "-c", "copy", "-f", "matroska", f"file:{media / 'really mkv.mp4'}")
    (media / "playlist.mkv").write_text("#EXTM3U\nhttp://127.0.0.1:9/x.ts\n")
    (media / "script.mkv").write_text("ffconcat version 1.0\nfile /etc/passwd\n")
    (media / "picture.mp4").write_bytes(b"\x89PNG\r\n\x1a\n")
    for name in NAMES:
        shutil.copy(plain, media / name)
    for name, seconds in (
        ("future.mp4", 4_000_000_000),
        ("before 1970.mp4", -1_000_000),
        ("far.mp4", 1 << 33),
    ):
        os.utime(shutil.copy(plain, media / name), (seconds, seconds))
    (media / "a").mkdir()
    (media / "a" / "round.mp4").symlink_to("round.mp4")
    (media / "a" / "up").symlink_to("../..")

    ingest = Ingest(station, capsys)
    outcome = ingest()
    found = {(f["code"], f["path"]) for f in outcome["findings"]}
    assert found == {
        ("unreadable-media", path)
        for path in ("drm.mp4", "music.mp4", "playlist.mkv", "script.mkv", "picture.mp4", "a/round.mp4")
    } | {("duplicate", " spaces .mp4")}
    good = {"plain", "really mkv", "future", "before 1970", "far", *(Path(name).stem for name in NAMES)}
    assert {asset.key for asset in read_lock(station).assets.values()} == good
    assert all(asset.eligible for asset in read_lock(station).assets.values())
    again = ingest()
    assert (again["current"], again["retired"], again["findings"]) == (True, [], outcome["findings"])
    told = run("ingest", str(station))
    assert "Traceback" not in told.err
    assert "encrypted (DRM)" in told.err
    assert "\u202e" not in told.err, "nothing turns the terminal's text"
