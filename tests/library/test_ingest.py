"""``retrovue ingest`` on real files: what arrives, changes, goes, and what can't be used."""

from __future__ import annotations

import json
import os
import resource
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from retrovue.cli.main import main
from retrovue.library.catalog import Asset, AssetState
from retrovue.library.enrichers.probe import ProbeEnricher
from retrovue.library.lock import FOLDER, read_lock, write_lock
from tests.cli.run import run
from tests.library.media import make

STATION = """
station: tiny
name: Tiny
timezone: UTC
---
channel: one
number: "1"
name: One
plans: [all-day]
---
plan: all-day
zones: [{ zone: Day, window: 06:00-06:00, play: [test-pattern] }]
---
collection: shows
source: { kind: filesystem, path: media }
grace: 0s
"""


@pytest.fixture
def station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "station.yaml").write_text(STATION)
    (folder / "media").mkdir()
    return folder


class Ingest:
    def __init__(self, station: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.station, self._capsys = station, capsys

    def __call__(self, *flags: str, code: int = 0) -> dict[str, Any]:
        assert main(["ingest", str(self.station), "--quiet", "--json", *flags]) == code
        outcome: dict[str, Any] = json.loads(self._capsys.readouterr().out)
        return outcome

    def lock(self) -> dict[str, Asset]:
        return {asset.key: asset for asset in read_lock(self.station).assets.values()}


@pytest.fixture
def ingest(station: Path, capsys: pytest.CaptureFixture[str]) -> Ingest:
    return Ingest(station, capsys)


def test_the_second_run_opens_nothing(station: Path, ingest: Ingest) -> None:
    make(station / "media" / "Cheers - S01E01 - Pilot.mp4")
    make(station / "media" / "Cheers - S01E02.mkv")
    first = ingest()
    assert (first["looked_into"], first["written"]) == (2, ["shows.jsonl"])
    assert first["arrived"] == ["shows/Cheers/S01E01", "shows/Cheers/S01E02"]
    before = (station / FOLDER / "shows.jsonl").stat()
    second = ingest()
    assert (second["looked_into"], second["current"], second["arrived"]) == (0, True, [])
    assert (station / FOLDER / "shows.jsonl").stat().st_mtime_ns == before.st_mtime_ns
    assert ingest.lock()["Cheers/S01E01"].eligible


def test_an_enricher_that_is_skipped_leaves_the_collection_alone(station: Path, ingest: Ingest) -> None:
    make(station / "media" / "a.mp4")
    ingest()
    assert ingest.lock()["a"].audio[0].loudness is not None
    yaml = station / "station.yaml"
    text = yaml.read_text()
    yaml.write_text(text + "skip: [loudness]\n")
    assert ingest()["looked_into"] == 0, "what probe found stands"
    assert ingest.lock()["a"].audio[0].loudness is None
    yaml.write_text(text + "skip: [loudnes]\n")
    assert main(["ingest", str(station), "--quiet"]) == 1


def test_another_machine_writes_the_same_lock(station: Path, ingest: Ingest, tmp_path: Path) -> None:
    path = make(station / "media" / "a.mp4")
    ingest()
    text = (station / FOLDER / "shows.jsonl").read_bytes()
    os.utime(path, ns=(1, 1))
    assert ingest("--state", str(tmp_path / "elsewhere"))["current"]
    assert (station / FOLDER / "shows.jsonl").read_bytes() == text
    assert (tmp_path / "elsewhere" / "known-files.sqlite").is_file()


def test_files_that_can_not_be_used_never_stop_the_rest(station: Path, ingest: Ingest) -> None:
    media = station / "media"
    make(media / "good.mp4")
    whole = make(media / "cut.mp4", "-movflags", "+faststart")
    os.truncate(whole, whole.stat().st_size * 2 // 3)
    (media / "empty.mp4").write_bytes(b"")
    (media / "noise\x1b[31m\n.mkv").write_bytes(os.urandom(5000))
    (media / "folder.mp4").mkdir()
    os.mkfifo(media / "pipe.mp4")
    (media / "dangling.mp4").symlink_to("nowhere.mp4")
    (media / "loop").symlink_to(".")
    (media / "notes.txt").write_text("not media")
    (media / ".hidden.mp4").write_bytes(b"")
    Path(os.fsdecode(os.fsencode(media) + b"/caf\xe9.mp4")).write_bytes(b"")
    outcome = ingest()
    assert outcome["arrived"] == ["shows/good"]
    assert {(f["code"], f["path"]) for f in outcome["findings"]} == {
        ("unreadable-media", "cut.mp4"),
        ("unreadable-media", "empty.mp4"),
        ("unreadable-media", "noise\x1b[31m\n.mkv"),
        ("unreadable-media", "dangling.mp4"),
        ("bad-name", "caf\\xe9.mp4"),
    }
    (link,) = [f for f in outcome["findings"] if f["path"] == "dangling.mp4"]
    assert link["message"] == "can't be read: No such file or directory (it is a link)"


def test_what_is_said_cannot_move_the_cursor(station: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (station / "media" / "a\x1b[2J\nb.mp4").write_bytes(b"")
    make(station / "media" / "c\x1b[2J.mp4")
    assert main(["ingest", str(station)]) == 0
    said = capsys.readouterr()
    assert "\x1b[2J" not in said.err + said.out
    assert "error: [unreadable-media] shows: a\\x1b[2J\\nb.mp4: the file is empty" in said.err
    assert said.out == "1 assets: 1 arrived, 0 changed, 0 retired, 1 findings; the lock is written\n"


def test_odd_names_and_one_key_for_two_files(station: Path, ingest: Ingest) -> None:
    for name in ("new\nline.mp4", "\u2028📺 'q' \"r\".mp4", "Cheers S01E01 a.mp4", "Cheers S01E01 b.mp4"):
        make(station / "media" / name)
    outcome = ingest()
    assert set(ingest.lock()) == {"new\nline", "\u2028📺 'q' \"r\"", "Cheers/S01E01"}
    assert [(f["code"], f["path"]) for f in outcome["findings"]] == [("same-key", "Cheers S01E01 b.mp4")]
    assert ingest()["current"]


def test_sidecars_win_and_a_broken_one_changes_nothing(station: Path, ingest: Ingest) -> None:
    make(station / "media" / "a.mp4", "-metadata", "title=Embedded", frames=75, rate="25")
    ingest()
    assert ingest.lock()["a"].title == "Embedded"
    sidecar = station / "media" / "a.yaml"
    sidecar.write_text("title: Written\nrating: TV-MA\nmarks: [1.01, 2, 99]\n")
    outcome = ingest()
    assert (outcome["changed"], outcome["looked_into"]) == (["shows/a"], 0)
    assert [f["code"] for f in outcome["findings"]] == ["mark-outside"]
    asset = ingest.lock()["a"]
    assert (asset.title, asset.rating, asset.marks_us) == ("Written", "TV-MA", (1_000_000, 2_000_000))
    sidecar.write_text("titel: Oops\n")
    outcome = ingest()
    assert [(f["code"], f["path"]) for f in outcome["findings"]] == [("bad-sidecar", "a.yaml")]
    assert outcome["findings"][0]["help"] == "until it is mended, the asset stays as it was"
    assert ingest.lock()["a"] == asset
    make(station / "media" / "new.mp4")
    (station / "media" / "new.yaml").write_text("titel: Oops\n")
    helps = {f["path"]: f["help"] for f in ingest()["findings"]}
    assert helps == {
        "a.yaml": "until it is mended, the asset stays as it was",
        "new.yaml": "until it is mended, the file is not taken",
    }


def test_no_line_is_written_that_nobody_could_read(
    station: Path, ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(station / "media" / "a.mp4")
    make(station / "media" / "b.mp4")
    ingest()
    before = ingest.lock()

    def says(self: ProbeEnricher, asset: Asset, location: Path) -> Asset:
        """As an enricher or an adapter might that somebody else has written."""
        spoilt: dict[str, dict[str, Any]] = {"b": {"title": "\ud800"}}
        return replace(asset, duration_us=1_000_000, **spoilt.get(asset.key, {"season": -1}))

    monkeypatch.setattr(ProbeEnricher, "enrich", says)
    monkeypatch.setattr(ProbeEnricher, "edition", ProbeEnricher.edition + 1)
    outcome = ingest()
    assert [(f["code"], f["path"]) for f in outcome["findings"]] == [
        ("bad-fields", "a.mp4"),
        ("bad-fields", "b.mp4"),
    ]
    assert "season" in outcome["findings"][0]["message"]
    assert (outcome["current"], ingest.lock()) == (True, before)
    # Nor is one that is called otherwise now, by something that nobody can be called, taken for gone.
    (station / "media" / "a.yaml").write_text("key: c\n")
    monkeypatch.setattr(ProbeEnricher, "edition", ProbeEnricher.edition + 1)
    outcome = ingest()
    assert (outcome["current"], ingest.lock()) == (True, before)


def test_what_is_wrong_with_a_series_is_told_once(station: Path, ingest: Ingest) -> None:
    for number in (1, 2, 3):
        make(station / "media" / "Cheers" / f"S01E0{number}.mp4")
    ingest()
    before = ingest.lock()
    (station / "media" / "Cheers" / "tvshow.nfo").write_text("<tvshow><title>Cheers")
    outcome = ingest()
    assert [(f["code"], f["path"]) for f in outcome["findings"]] == [("bad-nfo", "Cheers/tvshow.nfo")]
    assert (outcome["current"], ingest.lock()) == (True, before)


def test_gone_and_back(station: Path, ingest: Ingest) -> None:
    path = make(station / "media" / "a.mp4")
    make(station / "media" / "b.mp4")
    ingest()
    parked = path.rename(station / "a.mp4")
    assert ingest()["retired"] == ["shows/a"]
    assert ingest.lock()["a"].state is AssetState.RETIRED
    assert not ingest.lock()["a"].eligible
    assert ingest()["retired"] == []
    parked.rename(path)
    assert ingest()["arrived"] == ["shows/a"]
    assert ingest.lock()["a"].eligible
    path.write_bytes(b"spoilt")
    assert ingest()["retired"] == ["shows/a"]


def test_what_is_missing_has_a_grace(station: Path, ingest: Ingest, tmp_path: Path) -> None:
    yaml = station / "station.yaml"
    yaml.write_text(yaml.read_text().replace("grace: 0s", "grace: 2h"))
    path = make(station / "media" / "a.mp4")
    make(station / "media" / "b.mp4")
    ingest()
    parked = path.rename(station / "a.mp4")
    notes = tmp_path / "state" / "retrovue" / "tiny" / "absences"
    outcome = ingest("--check")
    assert (outcome["current"], notes.exists()) == (True, False)
    outcome = ingest()
    assert (outcome["retired"], outcome["current"]) == ([], True)
    assert [(f["code"], f["path"]) for f in outcome["findings"]] == [("missing", "a.mp4")]
    assert "for 2 h" in outcome["findings"][0]["message"]
    since = json.loads(notes.read_text())["shows/a"]

    def missing_for(seconds: int) -> None:
        notes.write_text(json.dumps({"shows/a": since - seconds}))

    missing_for(3600)
    assert ingest()["retired"] == []
    missing_for(-3600)  # the clock was wrong
    assert ingest()["retired"] == []
    assert json.loads(notes.read_text())["shows/a"] <= since + 600
    parked.rename(path)
    assert ingest()["findings"] == []
    assert json.loads(notes.read_text()) == {}, "it was there meanwhile"
    path.unlink()
    ingest()
    missing_for(7300)
    assert ingest()["retired"] == ["shows/a"]
    for spoilt in ("", "[]", '{"shows/b": "x"}'):
        notes.write_text(spoilt)
        assert ingest()["current"]


def test_a_moved_file_keeps_its_identity(station: Path, ingest: Ingest) -> None:
    path = make(station / "media" / "Cheers - S01E01.mp4")
    ingest()
    (station / "media" / "Cheers").mkdir()
    path.rename(station / "media" / "Cheers" / "S01E01.mp4")
    outcome = ingest()
    assert (outcome["changed"], outcome["retired"]) == (["shows/Cheers/S01E01"], [])
    assert ingest.lock()["Cheers/S01E01"].path == "Cheers/S01E01.mp4"


@pytest.mark.parametrize("code", [0, 1])
def test_a_disk_that_is_not_mounted_retires_nothing(station: Path, ingest: Ingest, code: int) -> None:
    make(station / "media" / "a.mp4")
    ingest()
    (station / "media").rename(station / "away")
    if code == 0:
        (station / "media").mkdir()  # the empty mount point
    outcome = ingest(code=code)
    assert [f["code"] for f in outcome["findings"]] == [("source-empty", "source-gone")[code]]
    assert (outcome["retired"], outcome["current"]) == ([], True)
    (station / "media").rmdir() if code == 0 else None
    (station / "away").rename(station / "media")
    assert ingest()["looked_into"] == 0


def test_a_folder_in_which_nothing_is_recognised_is_told_and_has_its_lock(
    station: Path, ingest: Ingest, tmp_path: Path
) -> None:
    def warned() -> bool:
        return "no-lock" in run("check", str(station)).out

    (station / "media" / "notes.txt").write_text("no film")
    assert warned()
    outcome = ingest()
    (said,) = outcome["findings"]
    assert (said["code"], said["severity"], said["path"]) == ("nothing-found", "warning", "")
    assert said["message"] == f"nothing that could air was found in {station / 'media'}"
    assert ".mkv" in said["help"]
    assert outcome["written"] == ["shows.jsonl"]
    assert (station / FOLDER / "shows.jsonl").read_bytes() == b""
    assert not warned()
    assert ingest("--check")["current"]
    # Nobody takes it away again: not whoever approves, and not a disk that is away later.
    write_lock(station, [])
    (station / "media").rename(tmp_path / "away")
    assert ingest(code=1)["current"]
    assert (station / FOLDER / "shows.jsonl").is_file()
    # One that never was reached is not known to be empty.
    (station / FOLDER / "shows.jsonl").unlink()
    ingest(code=1)
    assert warned()


def test_check_says_and_writes_nothing(station: Path, ingest: Ingest, tmp_path: Path) -> None:
    make(station / "media" / "a.mp4")
    assert not ingest("--check", code=1)["current"]
    assert not (station / FOLDER).exists()
    assert not (tmp_path / "state").exists()
    ingest()
    assert ingest("--check")["current"]


def test_manual_approval_is_kept(station: Path, ingest: Ingest) -> None:
    yaml = station / "station.yaml"
    yaml.write_text(yaml.read_text() + "approve: manual\n")
    make(station / "media" / "a.mp4")
    ingest()
    assert not ingest.lock()["a"].eligible
    lock = station / FOLDER / "shows.jsonl"
    lock.write_text(lock.read_text().replace('"approved":false,', ""))
    assert ingest()["current"]
    assert ingest.lock()["a"].eligible


def test_an_approval_that_was_taken_back_is_not_given_by_ingest(station: Path, ingest: Ingest) -> None:
    """Not where everything that arrives is approved, not for a new file, not for one that was renamed."""
    media = station / "media"
    make(media / "a.mp4")
    ingest()
    assert run("approve", str(station), "--revoke", "shows/a").code == 0
    assert ingest()["current"]
    make(media / "a.mp4", frames=60)
    ingest()
    assert ingest.lock()["a"].duration_us > 1_500_000
    assert not ingest.lock()["a"].eligible
    (media / "a.mp4").rename(media / "b.mp4")
    ingest()
    (asset,) = ingest.lock().values()
    assert (asset.path, asset.approved, asset.revoked) == ("b.mp4", False, True)
    assert run("approve", str(station), asset.id).code == 0
    ingest()
    assert all(asset.eligible for asset in ingest.lock().values())


def test_a_new_edition_of_an_enricher_looks_again(
    station: Path, ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(station / "media" / "a.mp4")
    ingest()
    monkeypatch.setattr(ProbeEnricher, "edition", ProbeEnricher.edition + 1)
    assert ingest()["looked_into"] == 1


def test_a_spoilt_cache_costs_only_time(station: Path, ingest: Ingest, tmp_path: Path) -> None:
    make(station / "media" / "a.mp4")
    ingest()
    known = tmp_path / "state" / "retrovue" / "tiny" / "known-files.sqlite"
    for spoilt in (b"\xff\xfe", known.read_bytes()[:5000]):
        known.write_bytes(spoilt)
        outcome = ingest()
        assert (outcome["looked_into"], outcome["current"]) == (1, True)


def test_mistakes_of_the_user_are_errors(station: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ingest", str(station / "nowhere")]) == 1
    (station / FOLDER).mkdir()
    (station / FOLDER / "shows.jsonl").write_text("{}\n")
    assert main(["ingest", str(station)]) == 1
    said = capsys.readouterr().err
    assert "catalog.lock/shows.jsonl:1:" in said
    assert "Traceback" not in said


def test_a_lock_that_cannot_be_written_is_no_traceback(
    station: Path, ingest: Ingest, capsys: pytest.CaptureFixture[str]
) -> None:
    make(station / "media" / "a.mp4")
    for spoil in (
        lambda: (station / FOLDER).write_text("mine"),
        lambda: (station / FOLDER).symlink_to("x/y"),
    ):
        spoil()
        assert main(["ingest", str(station), "--quiet"]) == 1
        assert f"error: {station / FOLDER} can't be written: " in capsys.readouterr().err
        (station / FOLDER).unlink()
    assert ingest()["looked_into"] == 0, "what was found out of it is kept"
    # A full disk, as the system tells it to this process and its children.
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    make(station / "media" / "b.mp4")
    ingest("--check", code=1)
    before = ingest.lock()
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
        assert main(["ingest", str(station), "--quiet", "--state", str(station / "state")]) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    said = capsys.readouterr().err
    assert f"error: {station / FOLDER / 'shows.jsonl'} can't be written: File too large" in said
    assert ingest.lock() == before
    assert ingest()["arrived"] == ["shows/b"]


def test_a_state_directory_without_room_is_no_traceback(
    station: Path, ingest: Ingest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    yaml = station / "station.yaml"
    yaml.write_text(yaml.read_text().replace("grace: 0s", "grace: 2h"))
    make(station / "media" / "a.mp4")
    make(station / "media" / "b.mp4")
    ingest()
    (station / "media" / "b.mp4").unlink()
    (tmp_path / "state" / "retrovue" / "tiny" / "absences").mkdir()
    assert main(["ingest", str(station), "--quiet"]) == 1
    assert "absences can't be written: Is a directory" in capsys.readouterr().err
