"""Which file is which asset: touched, copied, renamed, moved, restored; by the real command on real files."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from retrovue.library.catalog import AssetState
from retrovue.library.lock import FOLDER
from tests.cli.run import run
from tests.library.media import make
from tests.library.test_ingest import STATION, Ingest


@pytest.fixture
def station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder = tmp_path / "tiny"
    (folder / "media").mkdir(parents=True)
    (folder / "station.yaml").write_text(STATION)
    return folder


@pytest.fixture
def media(station: Path) -> Path:
    return station / "media"


@pytest.fixture
def ingest(station: Path, capsys: pytest.CaptureFixture[str]) -> Ingest:
    return Ingest(station, capsys)


def told(outcome: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(finding["code"], finding["path"]) for finding in outcome["findings"]]


def lock_of(station: Path) -> bytes:
    return (station / FOLDER / "shows.jsonl").read_bytes()


# --- the same place, another time ----------------------------------------------------------------------


@pytest.mark.parametrize("when", [1, 4_000_000_000, -86_400])
def test_a_touched_file_is_not_looked_into(station: Path, media: Path, ingest: Ingest, when: int) -> None:
    path = make(media / "a.mp4")
    ingest()
    before = lock_of(station)
    os.utime(path, (when, when))
    outcome = ingest()
    assert (outcome["looked_into"], outcome["current"], outcome["findings"]) == (0, True, [])
    assert lock_of(station) == before


def test_a_file_restored_from_a_backup_is_the_one_it_was(station: Path, media: Path, ingest: Ingest) -> None:
    path = make(media / "a.mp4")
    ingest()
    before, saved = lock_of(station), path.read_bytes()
    path.write_bytes(b"spoilt")
    assert ingest()["retired"] == ["shows/a"]
    path.write_bytes(saved)
    outcome = ingest()
    assert (outcome["arrived"], lock_of(station) == before) == (["shows/a"], True)


def test_another_content_of_the_same_size_is_looked_into(media: Path, ingest: Ingest) -> None:
    path = make(media / "a.mp4", "-metadata", "title=Alpha")
    ingest()
    size = path.stat().st_size
    path.write_bytes(path.read_bytes().replace(b"Alpha", b"Omega"))
    os.utime(path, (1, 1))
    assert path.stat().st_size == size
    outcome = ingest()
    assert (outcome["looked_into"], outcome["changed"]) == (1, ["shows/a"])
    assert ingest.lock()["a"].title == "Omega"


def test_what_was_said_of_it_changes_without_a_look(media: Path, ingest: Ingest, station: Path) -> None:
    make(media / "a.mp4")
    ingest()
    (media / "a.yaml").write_text("title: Written\n")
    assert (ingest()["looked_into"], ingest.lock()["a"].title) == (0, "Written")
    yaml = station / "station.yaml"
    yaml.write_text(yaml.read_text() + "rules: [{ tags: [late] }]\n")
    assert (ingest()["looked_into"], ingest.lock()["a"].tags) == (0, ("late",))
    (station / FOLDER / "shows.jsonl").unlink()
    assert (ingest()["looked_into"], ingest.lock()["a"].tags) == (0, ("late",))


# --- another place -------------------------------------------------------------------------------------


def test_a_file_whose_name_says_nothing_keeps_its_identity(media: Path, ingest: Ingest) -> None:
    path = make(media / "old.mp4")
    make(media / "other.mp4")
    ingest()
    (media / "more").mkdir()
    path.rename(media / "more" / "new.mp4")
    outcome = ingest()
    assert (outcome["looked_into"], outcome["arrived"], outcome["retired"]) == (0, [], [])
    assert (outcome["changed"], told(outcome)) == (["shows/old"], [("moved", "more/new.mp4")])
    assert "is what old.mp4 was, and stays the asset 'old'" in outcome["findings"][0]["message"]
    asset = ingest.lock()["old"]
    assert (asset.path, asset.eligible) == ("more/new.mp4", True)
    again = ingest()
    assert (again["current"], again["looked_into"], again["findings"]) == (True, 0, [])
    # And once more, to where it came from.
    (media / "more" / "new.mp4").rename(path)
    assert told(ingest()) == []
    assert ingest.lock()["old"].path == "old.mp4"


def test_the_lock_alone_says_whose_identity_it_is(
    media: Path, ingest: Ingest, tmp_path: Path, station: Path
) -> None:
    path = make(media / "old.mp4")
    ingest()
    path.rename(media / "new.mp4")
    ingest()
    before = lock_of(station)
    elsewhere = ingest("--state", str(tmp_path / "elsewhere"))
    assert (elsewhere["current"], lock_of(station) == before) == (True, True)


def test_whoever_is_called_so_has_the_name(media: Path, ingest: Ingest) -> None:
    path = make(media / "promo.mp4")
    ingest()
    path.rename(media / "last week.mp4")
    ingest()
    make(media / "promo.mp4")
    outcome = ingest()
    assert (outcome["arrived"], outcome["changed"]) == (["shows/last week"], ["shows/promo"])
    assert {key: asset.path for key, asset in ingest.lock().items()} == {
        "promo": "promo.mp4",
        "last week": "last week.mp4",
    }
    assert ingest()["current"]


def test_a_retired_one_comes_back_under_another_name(media: Path, ingest: Ingest, station: Path) -> None:
    path = make(media / "old.mp4")
    make(media / "other.mp4")
    ingest()
    parked = path.rename(station / "parked.mp4")
    assert ingest()["retired"] == ["shows/old"]
    parked.rename(media / "new.mp4")
    outcome = ingest()
    assert (outcome["arrived"], outcome["looked_into"]) == (["shows/old"], 0)
    assert (ingest.lock()["old"].path, ingest.lock()["old"].state) == ("new.mp4", AssetState.READY)


def test_a_name_that_says_what_it_is_is_believed(media: Path, ingest: Ingest, station: Path) -> None:
    yaml = station / "station.yaml"
    yaml.write_text(yaml.read_text().replace("grace: 0s", "grace: 2h") + "approve: manual\n")
    path = make(media / "Charade (1963).mp4")
    make(media / "other.mp4")
    ingest()
    lock = station / FOLDER / "shows.jsonl"
    lock.write_text(lock.read_text().replace('"approved":false,', ""))
    path.rename(media / "Gilda (1946).mp4")
    outcome = ingest()
    assert (outcome["arrived"], outcome["retired"]) == (["shows/Gilda (1946)"], ["shows/Charade (1963)"])
    assert told(outcome) == [("moved", "Gilda (1946).mp4")]
    assert outcome["findings"][0]["help"].endswith("write key: Charade (1963) in its sidecar")
    assert ingest.lock()["Gilda (1946)"].eligible, "a person has approved this content"
    (media / "Gilda (1946).yaml").write_text("key: Charade (1963)\n")
    outcome = ingest()
    assert (outcome["arrived"], outcome["retired"]) == (["shows/Charade (1963)"], ["shows/Gilda (1946)"])
    assert ingest.lock()["Charade (1963)"].title == "Gilda"


def test_a_folder_of_copies_that_is_renamed_keeps_each_of_them(media: Path, ingest: Ingest) -> None:
    path = make(media / "old" / "a.mp4")
    for name in ("b.mp4", "c.mp4"):
        shutil.copy(path, media / "old" / name)
    make(media / "other.mp4")
    ingest()
    (media / "old").rename(media / "new")
    outcome = ingest()
    assert (outcome["arrived"], outcome["retired"]) == ([], [])
    assert {key: asset.path for key, asset in ingest.lock().items()} == {
        "old/a": "new/a.mp4",
        "old/b": "new/b.mp4",
        "old/c": "new/c.mp4",
        "other": "other.mp4",
    }


@pytest.mark.parametrize("name", ["Charade (1963)", "beach"])
def test_another_key_takes_no_approval_back_and_gives_none(
    name: str, media: Path, ingest: Ingest, station: Path, tmp_path: Path
) -> None:
    make(media / f"{name}.mp4")
    ingest()
    run("approve", str(station), "--revoke", "shows/*")
    (media / f"{name}.yaml").write_text("key: first\n")
    # Nothing but the lock says so: on any machine the same comes of it.
    assert ingest("--state", str(tmp_path / "elsewhere"))["arrived"] == ["shows/first"]
    assert (ingest.lock()["first"].eligible, ingest.lock()["first"].revoked) == (False, True)
    yaml = station / "station.yaml"
    yaml.write_text(yaml.read_text() + "approve: manual\n")
    run("approve", str(station), "shows/first")
    (media / f"{name}.yaml").write_text("key: second\n")
    assert ingest()["arrived"] == ["shows/second"]
    assert ingest.lock()["second"].eligible


def eligible(ingest: Ingest) -> dict[str, bool]:
    return {key: asset.eligible for key, asset in ingest.lock().items() if asset.state is AssetState.READY}


def test_what_is_well_is_no_error(media: Path, ingest: Ingest, station: Path) -> None:
    yaml = station / "station.yaml"
    yaml.write_text(yaml.read_text().replace("grace: 0s", "grace: 2h"))
    make(media / "a.mp4")
    make(media / "b.mp4")
    ingest()
    (media / "a.mp4").rename(media / "moved.mp4")
    shutil.copy(media / "moved.mp4", media / "copy.mp4")
    (media / "b.mp4").unlink()
    (media / "bad.mp4").write_bytes(b"no film")
    said = [(f["severity"], f["code"]) for f in ingest("--check", code=1)["findings"]]
    wanted = [("error", "unreadable-media"), ("note", "duplicate"), ("note", "moved"), ("warning", "missing")]
    assert sorted(said) == wanted
    lines = run("ingest", str(station)).err.splitlines()
    assert sorted(line.partition("]")[0] for line in lines if "[" in line) == [
        f"{severity}: [{code}" for severity, code in wanted
    ]
    quiet = run("ingest", str(station), "--quiet").err
    assert "warning: [missing]" in quiet
    assert "note: " not in quiet


@pytest.mark.parametrize("named", [True, False])
def test_what_was_barred_airs_under_no_other_name(
    named: bool, media: Path, ingest: Ingest, station: Path
) -> None:
    a, b, c, d = (f"{name} (1963)" if named else name for name in "abcd")
    for name in (a, b, c):
        make(media / f"{name}.mp4")
    ingest()
    run("approve", str(station), "--revoke", f"shows/{b}")
    ingest()
    for old, new in ((c, d), (b, c), (a, b)):
        (media / f"{old}.mp4").rename(media / f"{new}.mp4")
    outcome = ingest()
    # What was b lies at c now; b stays barred by its name, whatever lies there; what was c airs as d.
    assert eligible(ingest) == {b: False, c: False, d: True}
    assert told(outcome) == [("revoked", f"{c}.mp4")]
    assert f"'shows/{b}'" in outcome["findings"][0]["message"]
    again = ingest()
    assert (again["findings"], again["current"], again["looked_into"]) == ([], True, 0)
    run("approve", str(station), f"shows/{c}")
    assert (ingest()["findings"], eligible(ingest)[c]) == ([], True), "a person's word stands"
    # What lies at b was never barred but for its name: nobody else is barred for it.
    (media / f"{d}.mp4").unlink()
    shutil.copy(media / f"{b}.mp4", media / f"{d}.mp4")
    ingest()
    assert eligible(ingest) == {b: False, c: True, d: True}


def test_a_copy_of_what_was_barred_is_and_one_that_aired_is_not(
    media: Path, ingest: Ingest, station: Path
) -> None:
    make(media / "a.mp4")
    shutil.copy(media / "a.mp4", media / "copy.mp4")
    make(media / "other.mp4")
    ingest()
    run("approve", str(station), "--revoke", "shows/a")
    ingest()
    assert eligible(ingest) == {"a": False, "copy": True, "other": True}, "of the copy nobody said anything"
    (media / "copy.mp4").rename(media / "moved.mp4")
    shutil.copy(media / "a.mp4", media / "other.mp4")
    assert [code for code, _ in told(ingest())] == ["moved", "revoked", "duplicate"]
    assert eligible(ingest) == {"a": False, "copy": True, "other": False}
    (media / "a.mp4").unlink()
    (media / "copy.yaml").write_text("title: Copy\n")
    ingest()
    assert ingest.lock()["copy"].eligible
    run("approve", str(station), "shows/a", "shows/other")
    shutil.copy(media / "other.mp4", media / "third.mp4")
    ingest()
    assert eligible(ingest) == {"a": True, "copy": True, "other": True}, "a person has let it"


def test_nor_does_what_once_aired_under_a_name_that_retired(
    media: Path, ingest: Ingest, station: Path
) -> None:
    make(media / "Charade (1963).mp4")
    ingest()
    (media / "Charade (1963).mp4").rename(media / "Gilda (1946).mp4")
    ingest()
    run("approve", str(station), "--revoke", "shows/Gilda (1946)")
    ingest()
    (media / "Gilda (1946).mp4").rename(media / "Laura (1944).mp4")
    ingest()
    assert not any(asset.eligible for asset in ingest.lock().values())
    shutil.copy(media / "Laura (1944).mp4", media / "Charade (1963).mp4")
    ingest()
    assert not any(asset.eligible for asset in ingest.lock().values())


def test_nor_after_an_ingest_that_was_killed_before_it_wrote_the_lock(
    media: Path, ingest: Ingest, station: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "ab":
        make(media / f"{name}.mp4")
    ingest()
    run("approve", str(station), "--revoke", "shows/b")
    for old, new in (("a", "x"), ("b", "a"), ("x", "b")):
        (media / f"{old}.mp4").rename(media / f"{new}.mp4")
    before = lock_of(station)
    with monkeypatch.context() as patched:
        patched.setattr("retrovue.library.lock.write_files", _killed)
        assert run("ingest", str(station)).code == 130
    assert lock_of(station) == before
    assert told(ingest()) == [("revoked", "a.mp4")]
    assert eligible(ingest) == {"a": False, "b": False}


def _killed(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_a_collection_that_is_called_something_else_is_told_and_gives_no_approval(
    media: Path, ingest: Ingest, station: Path
) -> None:
    make(media / "a.mp4")
    make(media / "b.mp4")
    ingest()
    run("approve", str(station), "--revoke", "shows/a")
    yaml = station / "station.yaml"
    yaml.write_text(yaml.read_text().replace("collection: shows", "collection: films"))
    outcome = ingest()
    assert [(f["code"], f["collection"]) for f in outcome["findings"]] == [("no-collection", "shows")]
    assert "2 of its assets leave the lock" in outcome["findings"][0]["message"]
    assert (outcome["arrived"], outcome["looked_into"]) == (["films/a", "films/b"], 0)
    assert {key: asset.eligible for key, asset in ingest.lock().items()} == {"a": False, "b": True}
    assert ingest()["findings"] == []


def test_into_another_collection_it_is_another_asset(media: Path, ingest: Ingest, station: Path) -> None:
    yaml = station / "station.yaml"
    yaml.write_text(yaml.read_text() + "---\ncollection: vault\nsource: { kind: filesystem, path: vault }\n")
    (station / "vault").mkdir()
    path = make(media / "a.mp4")
    make(media / "b.mp4")
    ingest()
    path.rename(station / "vault" / "a.mp4")
    outcome = ingest()
    assert (outcome["arrived"], outcome["retired"]) == (["vault/a"], ["shows/a"])
    assert (outcome["looked_into"], told(outcome)) == (0, [("moved", "a.mp4")])
    assert "is what a.mp4 of shows was" in outcome["findings"][0]["message"]


def test_what_may_still_be_there_has_not_moved(media: Path, ingest: Ingest, station: Path) -> None:
    yaml = station / "station.yaml"
    yaml.write_text(yaml.read_text() + "---\ncollection: vault\nsource: { kind: filesystem, path: vault }\n")
    make(station / "vault" / "a.mp4")
    make(media / "b.mp4")
    ingest()
    copied = shutil.copy(station / "vault" / "a.mp4", media / "copy.mp4")
    (station / "vault").rename(station / "not mounted")
    outcome = ingest(code=1)
    assert (told(outcome), outcome["arrived"]) == ([("source-gone", "")], ["shows/copy"])
    assert outcome["retired"] == []
    Path(copied).unlink()


# --- twice ---------------------------------------------------------------------------------------------


def test_a_content_that_is_there_twice_is_told(media: Path, ingest: Ingest, station: Path) -> None:
    yaml = station / "station.yaml"
    yaml.write_text(yaml.read_text() + "---\ncollection: vault\nsource: { kind: filesystem, path: vault }\n")
    (station / "vault").mkdir()
    path = make(media / "a.mp4")
    make(media / "b.mp4")
    assert told(ingest()) == [("nothing-found", "")], "in the vault"
    for place in ("media/c.mp4", "vault/a.mp4", "vault/d.mp4", "vault/e.mp4"):
        shutil.copy(path, station / place)
    (media / "empty.mp4").touch()
    (media / "empty too.mp4").touch()
    outcome = ingest()
    assert outcome["looked_into"] == 0, "copies are known by their content"
    assert len(outcome["arrived"]) == 4
    (copies,) = [finding for finding in outcome["findings"] if finding["code"] == "duplicate"]
    assert (copies["collection"], copies["path"]) == ("shows", "a.mp4")
    assert copies["message"] == ("has the same content as c.mp4, a.mp4 of vault, d.mp4 of vault and 1 more")
    again = ingest()
    assert (again["current"], again["findings"]) == (True, outcome["findings"])
    os.link(media / "b.mp4", media / "linked.mp4")
    (station / "vault" / "other.mp4").symlink_to(media / "b.mp4")
    linked = ingest()
    assert linked["arrived"] == ["shows/linked", "vault/other"]
    assert linked["findings"] == outcome["findings"], "a link is no copy"
    (media / "c.mp4").unlink()
    (media / "linked.mp4").unlink()
    shutil.rmtree(station / "vault")
    (station / "vault").mkdir()
    (media / "empty.mp4").unlink()
    (media / "empty too.mp4").unlink()
    (station / FOLDER / "vault.jsonl").unlink()
    assert told(ingest()) == [("nothing-found", "")]


def test_what_cannot_be_used_is_not_tried_again_until_it_changes(
    media: Path, ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    from retrovue.library.enrichers.probe import ProbeEnricher

    path = media / "noise.mkv"
    path.write_bytes(os.urandom(5000))
    first = ingest()
    assert told(first) == [("unreadable-media", "noise.mkv")]
    asked: list[Path] = []
    real = ProbeEnricher.enrich

    def enrich(self: ProbeEnricher, asset: Any, location: Path) -> Any:
        asked.append(location)
        return real(self, asset, location)

    monkeypatch.setattr(ProbeEnricher, "enrich", enrich)
    assert (ingest()["findings"], asked) == (first["findings"], [])
    make(path)
    assert (ingest()["arrived"], len(asked)) == (["shows/noise"], 1)


def test_ingest_goes_on_where_it_was_killed(station: Path, media: Path, tmp_path: Path) -> None:
    """What is known of a file is written with what was found in it."""
    from retrovue.library.known_files import KnownFiles
    from tests.cli.run import run

    for name in "abc":
        make(media / f"{name}.mp4")
    assert run("ingest", str(station), "--quiet").code == 0
    (database,) = (tmp_path / "state").rglob("known-files.sqlite")
    known = KnownFiles(database)
    known.forget([("shows", "c.mp4")])
    known.close()
    (station / FOLDER / "shows.jsonl").unlink()
    outcome = json.loads(run("ingest", str(station), "--quiet", "--json").out)
    assert (outcome["looked_into"], len(outcome["arrived"])) == (1, 3)


def test_of_many_files_of_one_size_each_is_still_known(
    media: Path, ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrovue.library.known_files._MOST_ALIKE", 2)
    first = make(media / "0.mp4")
    for number in range(1, 5):
        content = first.read_bytes()
        (media / f"{number}.mp4").write_bytes(content.replace(b"0.mp4", b"%d.mp4" % number))
    assert ingest()["looked_into"] == 5
    assert len({path.stat().st_size for path in media.iterdir()}) == 1
    for path in media.iterdir():
        os.utime(path, (1, 1))
        path.with_suffix(".yaml").write_text(f"year: {1960 + int(path.stem)}\n")
    outcome = ingest()
    assert (outcome["looked_into"], len(outcome["changed"])) == (0, 5)
