"""What this user may not read or enter: said, and never a traceback. As somebody who is not root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrovue.library.lock import FOLDER
from tests.library.media import make
from tests.library.test_ingest import STATION

#: What lets root read everything.
_POWERS = "-dac_override,-dac_read_search"


class Barred:
    """A station of which some file or folder may not be read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._modes: list[tuple[Path, int]] = []
        (folder / "shelf").mkdir(parents=True)
        (folder / "station.yaml").write_text(STATION.replace("path: media", "path: shelf/media"))
        make(folder / "shelf" / "media" / "sub" / "a.mp4")
        assert self.run("ingest") == (0, "")

    def bar(self, name: str, mode: int) -> None:
        path = self.folder / name
        self._modes.append((path, path.stat().st_mode))
        path.chmod(mode)

    def unbar(self) -> None:
        while self._modes:
            path, mode = self._modes.pop()
            path.chmod(mode)

    def run(self, *words: str) -> tuple[int, str]:
        """How ``retrovue`` ends for who has no power over others' files, and what it complains of."""
        command = [sys.executable, "-m", "retrovue", *words, str(self.folder), "--quiet"]
        if os.geteuid() == 0:
            setpriv = shutil.which("setpriv")
            if setpriv is None:
                pytest.skip("root may read everything here")
            command = [setpriv, f"--inh-caps={_POWERS}", f"--bounding-set={_POWERS}", *command]
        environment = {**os.environ, "RETROVUE_STATE": str(self.folder.parent / "state")}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        return done.returncode, done.stderr


@pytest.fixture
def barred(tmp_path: Path) -> Iterator[Barred]:
    found = Barred(tmp_path / "station")
    yield found
    found.unbar()


@pytest.mark.parametrize(
    ("name", "mode", "code", "says"),
    [
        (
            "shelf",
            0o000,
            1,
            "[source-gone] shows: the folder {folder}/shelf/media can't be reached: Permission",
        ),
        ("shelf/media", 0o000, 0, "[unreadable-folder] shows: can't be read: Permission denied"),
        (
            "shelf/media/sub",
            0o444,
            0,
            "[unreadable-media] shows: sub/a.mp4: can't be read: Permission denied",
        ),
        (FOLDER, 0o000, 1, "{folder}/catalog.lock can't be read: Permission denied"),
        (FOLDER, 0o300, 1, "{folder}/catalog.lock can't be read: Permission denied"),
        (f"{FOLDER}/shows.jsonl", 0o000, 1, "catalog.lock/shows.jsonl: Permission denied"),
        (".", 0o000, 1, "this folder has no station"),
    ],
)
def test_an_ingest_says_what_it_may_not_read(
    barred: Barred, name: str, mode: int, code: int, says: str
) -> None:
    barred.bar(name, mode)
    ended, complaint = barred.run("ingest")
    assert (ended, "Traceback" in complaint) == (code, False)
    assert says.format(folder=barred.folder) in complaint


@pytest.mark.parametrize("name", ["shelf", "shelf/media/sub"])
@pytest.mark.parametrize("words", [("library",), ("stills",), ("breaks", "suggest"), ("check",)])
def test_no_command_stumbles_over_a_folder_that_may_not_be_entered(
    barred: Barred, name: str, words: tuple[str, ...]
) -> None:
    for mode in (0o000, 0o444):
        barred.bar(name, mode)
        code, complaint = barred.run(*words)
        assert (code, "Traceback" in complaint) == (int(words[0] in ("stills", "breaks")), False)
        if code:
            assert "the file can't be read: Permission denied" in complaint
            assert "gone" not in complaint
        barred.unbar()
