"""``retrovue approve``: who waits, and who may air from now on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from retrovue.library.lock import read_lock, write_lock
from tests.cli.run import run
from tests.compiler.stations import asset
from tests.station.build import STATION, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, {"station.yaml": STATION})
    waiting = [asset("films", key, 60) for key in ("Charade (1963)", "Gilda [uncut]", "Laura")]
    write_lock(tmp_path, [*(replace(a, approved=False) for a in waiting), asset("films", "Rope", 60)])
    return tmp_path


def _waiting(folder: Path) -> list[str]:
    return [a.key for a in read_lock(folder).assets.values() if not a.approved]


def test_those_that_wait_are_listed(folder: Path) -> None:
    listed = run("approve", str(folder))
    assert listed.out == "films/Charade (1963)\nfilms/Gilda [uncut]\nfilms/Laura\n"
    assert listed.err == "3 assets wait\n"
    assert len(_waiting(folder)) == 3


def test_assets_are_approved_by_id_or_pattern(folder: Path) -> None:
    assert run("approve", str(folder), "films/Gilda [uncut]").out == "films/Gilda [uncut]\n"
    assert _waiting(folder) == ["Charade (1963)", "Laura"]
    assert json.loads(run("approve", str(folder), "films/*", "--json").out) == {
        "approved": ["films/Charade (1963)", "films/Laura"]
    }
    assert _waiting(folder) == []
    before = (folder / "catalog.lock" / "films.jsonl").stat().st_mtime_ns
    assert run("approve", str(folder), "films/Rope").err == "0 assets approved\n"
    assert (folder / "catalog.lock" / "films.jsonl").stat().st_mtime_ns == before


def test_an_approval_is_taken_back_and_given_again(folder: Path) -> None:
    assert run("approve", str(folder), "films/*").code == 0
    revoked = run("approve", str(folder), "--revoke", "films/R*")
    assert (revoked.out, revoked.err) == ("films/Rope\n", "1 asset revoked\n")
    assert _waiting(folder) == ["Rope"]
    assert read_lock(folder).assets["films/Rope"].revoked
    again = run("approve", str(folder), "films/*", "--revoke", "--json")
    assert json.loads(again.out)["revoked"] == ["films/Charade (1963)", "films/Gilda [uncut]", "films/Laura"]
    assert run("approve", str(folder)).err == "4 assets wait\n"
    assert run("approve", str(folder), "films/Rope").err == "1 asset approved\n"
    assert not read_lock(folder).assets["films/Rope"].revoked


def test_whose_approval_is_taken_back_must_be_said(folder: Path) -> None:
    refused = run("approve", str(folder), "--revoke")
    assert refused.code == 1
    assert "whose approval?" in refused.err


def test_a_slip_of_the_pen_approves_nothing(folder: Path) -> None:
    refused = run("approve", str(folder), "films/Laura", "films/Rpoe")
    assert refused.code == 1
    assert "no asset is “films/Rpoe”" in refused.err
    assert "did you mean “films/Rope”?" in refused.err
    assert len(_waiting(folder)) == 3


def test_without_a_lock_there_is_nothing_to_approve(tmp_path: Path) -> None:
    refused = run("approve", str(tmp_path))
    assert (refused.code, refused.out) == (1, "")
    assert f"retrovue ingest {tmp_path} writes it" in refused.err


def test_in_a_pattern_only_the_star_stands_for_anything(folder: Path) -> None:
    assert run("approve", str(folder), "films/Gilda [u*").out == "films/Gilda [uncut]\n"
    for pattern in ("films/Laur?", "films/[GL]*"):
        assert f"no asset is “{pattern}”" in run("approve", str(folder), pattern).err
    assert _waiting(folder) == ["Charade (1963)", "Laura"]
