"""A tree of hundreds of files with everything that goes wrong in it, ingested twice."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fixtures.large_tree import EXPECTED, GOOD, write
from retrovue.library.lock import FOLDER, read_lock
from tests.cli.run import run
from tests.library.media import make
from tests.library.test_ingest import STATION


def ingest(station: Path, state: Path) -> dict[str, Any]:
    ran = run("ingest", str(station), "--state", str(state), "--quiet", "--json")
    assert ran.code == 0, ran.err
    return dict(json.loads(ran.out))


def findings(outcome: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {(f["collection"], f["code"], f["path"]) for f in outcome["findings"]}


def test_everything_is_taken_or_told_and_the_second_time_nothing_is_done(tmp_path: Path) -> None:
    station, state = tmp_path / "station", tmp_path / "state"
    write(station, skip="[loudness]")
    first = ingest(station, state)
    assert findings(first) == EXPECTED
    assert (len(first["arrived"]), len(first["findings"])) == (GOOD, len(EXPECTED))
    assert GOOD >= 300
    assert all(asset.eligible and asset.frames == 12 for asset in read_lock(station).assets.values())
    lock = {file.name: file.read_bytes() for file in (station / FOLDER).iterdir()}
    second = ingest(station, state)
    assert (second["current"], second["looked_into"], second["arrived"]) == (True, 0, [])
    assert second["findings"] == first["findings"]
    assert {file.name: file.read_bytes() for file in (station / FOLDER).iterdir()} == lock
    told = {f["path"]: f["message"] for f in first["findings"]}
    assert told["encrypted.mp4"] == "it is encrypted (DRM, scheme cenc)"
    assert told["scrambled.ts"] == "it is encrypted (DRM, scrambled packets)"
    assert told["failing disk.mp4"] == "can't be read: Input/output error"
    said = run("ingest", str(station), "--state", str(state))
    assert "Traceback" not in said.err
    assert not {"\u202e", "\x1b"} & {*said.err, *said.out}, "nothing turns the terminal's text"
    # From a backup, to another disk: other times, links resolved, the same content.
    shutil.rmtree(station / "media" / "attic" / "circle")
    copied = tmp_path / "copied"
    shutil.copytree(station / "media", copied, symlinks=True, copy_function=shutil.copyfile, ignore=_left)
    shutil.rmtree(station / "media")
    copied.rename(station / "media")
    third = ingest(station, state)
    assert (third["current"], third["looked_into"]) == (True, 0)
    assert findings(third) == EXPECTED - {("attic", "unreadable-media", "circle/round.mp4")}
    # Without what it remembers of files it comes to the same.
    shutil.rmtree(state)
    fourth = ingest(station, state)
    assert fourth["current"]
    assert GOOD - 2 <= fourth["looked_into"] <= GOOD, "two are copies"


def _left(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "pipe.mp4" or name.startswith("still ")]


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may read everything."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_what_may_not_be_read_is_told_and_taken_once_it_may() -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to others
        folder = Path(name)
        folder.chmod(0o777)
        station, state = folder / "station", folder / "state"
        media = station / "media"
        for file in ("open.mp4", "closed.mp4", "closed/a.mp4", "more/b.mp4"):
            make(media / file)
        (station / "station.yaml").write_text(STATION)
        assert ingest(station, state)["findings"] == []
        lock = (station / FOLDER / "shows.jsonl").read_bytes()
        for path in (state, station, station / FOLDER):
            path.chmod(0o777)
        for path in (*state.iterdir(), *(station / FOLDER).iterdir()):
            path.chmod(0o666)
        os.utime(media / "closed.mp4", (1, 1))
        (media / "closed.mp4").chmod(0)
        (media / "closed").chmod(0)
        with as_nobody():
            outcome = ingest(station, state)
        assert findings(outcome) == {
            ("shows", "unreadable-media", "closed.mp4"),
            ("shows", "unreadable-folder", "closed"),
        }
        assert {f["message"] for f in outcome["findings"]} == {"can't be read: Permission denied"}
        assert outcome["retired"] == ["shows/closed"]
        assert read_lock(station).assets["shows/closed/a"].eligible, "nothing is known of what is in there"
        (media / "closed.mp4").chmod(0o644)
        (media / "closed").chmod(0o755)
        outcome = ingest(station, state)
        assert (outcome["arrived"], outcome["findings"]) == (["shows/closed"], [])
        assert outcome["looked_into"] == 0
        assert (station / FOLDER / "shows.jsonl").read_bytes() == lock
