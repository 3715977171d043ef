"""Extras: trailers, samples and what else lies beside films and episodes, and is none."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from retrovue.library.adapters import Desk, FoundMedia, open_adapter
from retrovue.library.extras import is_extra
from retrovue.library.finding import Finding
from tests.cli.run import run
from tests.library.media import make
from tests.library.test_ingest import STATION


@pytest.mark.parametrize(
    "path",
    [
        "Charade (1963)-trailer.mp4",
        "Charade (1963)/Charade (1963)-Trailer2.mkv",
        "Charade (1963)/movie-trailer.mp4",
        "Charade (1963)/trailer.mp4",
        "charade.1963.1080p-sample.mkv",
        "charade.s01e02.sample.mkv",
        "Charade (1963)/Stanley-featurette.mp4",
        "Charade (1963)/Paris-behindthescenes.mp4",
        "Charade (1963)/Behind The Scenes/Paris (1963).mp4",
        "Charade (1963)/behind_the_scenes/Paris.mp4",
        "Charade (1963)/Extras/deep/er/Paris.mp4",
        "Cheers/Season 1/extras/Cheers S01E02.mp4",
        "Extras/Season 1/Extras/Extras S01E02.mp4",
        "Trailers/Charade (1963).mp4",
        "sample/x.mp4",
    ],
)
def test_it_is_an_extra(path: str) -> None:
    assert is_extra(PurePosixPath(path))


@pytest.mark.parametrize(
    "path",
    [
        "Charade (1963).mp4",
        "Trailer Park Boys/Season 1/Trailer Park Boys - S01E01.mkv",
        "The Trailer (1999).mp4",
        "The Office - S01E02 - Sample.mp4",
        "Extras/Season 1/01 - Ben Stiller.mkv",
        "Extras/Extras - S01E01 - Ben Stiller.mkv",
        "Extras/Extras - 2005-07-21.mkv",
        "shorts/clips/interviews/Ada.mp4",
        "samples of my work.mp4",
    ],
)
def test_and_this_is_none(path: str) -> None:
    assert not is_extra(PurePosixPath(path))


FILES = (
    "Gilda (1946).mp4",
    "Gilda (1946)-trailer.mp4",
    "extras/Rita.mp4",
    "incoming/half.mp4",
    "a [x]-promo.mp4",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / "media" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "media" / name).write_bytes(b"x")
    (tmp_path / "media" / "extras" / "Rita.yaml").write_text("no: sidecar\n")
    return tmp_path


def found(folder: Path, holds: str, **source: Any) -> tuple[set[str], list[Finding]]:
    source = {"kind": "filesystem", "path": "media", **source}
    every = list(open_adapter("c", source, folder, Desk(holds=holds)).discover())
    return (
        {one.asset.path for one in every if isinstance(one, FoundMedia)},
        [one for one in every if isinstance(one, Finding)],
    )


@pytest.mark.parametrize("holds", ["series", "movies"])
def test_extras_are_left_out_and_counted(folder: Path, holds: str) -> None:
    paths, (told,) = found(folder, holds)
    assert paths == {*FILES} - {"Gilda (1946)-trailer.mp4", "extras/Rita.mp4"}
    assert (told.code, told.severity) == ("extras", "note")
    assert told.message.startswith("2 trailers, samples and extras are left out: ")
    assert found(folder, holds, extras=False) == (paths, [])


@pytest.mark.parametrize(
    ("holds", "source"),
    [("shorts", {}), ("spots", {}), ("movies", {"extras": True}), ("series", {"kind": "ads"})],
)
def test_where_they_are_wanted_they_are_taken(folder: Path, holds: str, source: dict[str, Any]) -> None:
    paths, findings = found(folder, holds, **source)
    assert paths == {*FILES} - {"extras/Rita.mp4"}
    assert [f.code for f in findings] == ["bad-sidecar"]


def test_what_is_ignored_is_not_looked_at(folder: Path) -> None:
    (folder / "media" / "incoming" / "bad.yaml").write_text("no: sidecar\n")
    paths, findings = found(folder, "shorts", ignore=["incoming/", "*[x]-promo.mp4", "*/Rita.*", "[G]ilda*"])
    assert paths == {"Gilda (1946).mp4", "Gilda (1946)-trailer.mp4"}, "a bracket is a bracket"
    assert findings == []


def test_the_command_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "station.yaml").write_text(STATION)
    make(tmp_path / "media" / "Gilda (1946).mp4")
    make(tmp_path / "media" / "Gilda (1946)-trailer.mp4")
    ran = run("ingest", str(tmp_path))
    assert "note: [extras] shows: an extra is left out: Gilda (1946)-trailer.mp4" in ran.err
    assert "1 assets: 1 arrived" in ran.out
    assert "note: [extras]" in run("ingest", str(tmp_path)).err
    (tmp_path / "media" / "Gilda (1946).mp4").rename(tmp_path / "Gilda (1946).mp4")
    assert "[source-empty]" in run("ingest", str(tmp_path)).err, "trailers alone are no library"
    (tmp_path / "Gilda (1946).mp4").rename(tmp_path / "media" / "Gilda (1946).mp4")
    yaml = tmp_path / "station.yaml"
    yaml.write_text(yaml.read_text() + "holds: spots\n")
    assert "2 assets: 1 arrived" in run("ingest", str(tmp_path)).out
