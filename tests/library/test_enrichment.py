"""A newer enricher runs again by itself."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
from pydantic import BaseModel

from retrovue.errors import RetroVueError
from retrovue.library.catalog import Asset
from retrovue.library.enrichers.loudness import LoudnessEnricher
from retrovue.library.enrichers.probe import ProbeEnricher
from retrovue.library.enrichment import Looked, Step, enrich, made_by
from retrovue.library.finding import Unreadable
from tests.cli.run import run
from tests.library.media import make as make_media

FILE = Path("any.mp4")
FOUND = Asset("tv", "Pilot", path="Pilot.mp4", size=5, mtime_ns=7)


class Rule(BaseModel):
    kind: Literal["length"] = "length"
    seconds: int = 60


class Length:
    """Says how long it is."""

    settings_model: ClassVar[type[BaseModel]] = Rule
    turn: ClassVar[int] = 0
    reads: ClassVar[tuple[str, ...]] = ("series",)

    def __init__(self, settings: Rule, edition: int = 1) -> None:
        self.settings, self.edition = settings, edition

    def enrich(self, asset: Asset, location: Path) -> Asset:
        return replace(asset, duration_us=self.settings.seconds * 1_000_000)


class Halves(BaseModel):
    kind: Literal["half"] = "half"


class Half:
    """A mark in the middle."""

    settings_model: ClassVar[type[BaseModel]] = Halves
    turn: ClassVar[int] = 1
    reads: ClassVar[tuple[str, ...]] = ("duration_us",)

    def __init__(self, edition: int = 1) -> None:
        self.settings, self.edition = Halves(), edition

    def enrich(self, asset: Asset, location: Path) -> Asset:
        return replace(asset, marks_us=(asset.duration_us // 2,) if asset.duration_us else ())


def look(
    known: dict[str, Step] | Any, length: int = 60, editions: tuple[int, int] = (1, 1), asset: Asset = FOUND
) -> Looked:
    enrichers: list[Any] = [Length(Rule(seconds=length), editions[0]), Half(editions[1])]
    return enrich(asset, FILE, enrichers, known, made_by(enrichers))


def test_each_runs_once_and_then_none() -> None:
    first = look({})
    assert first.ran == ("length", "half")
    assert (first.asset.duration_us, first.asset.marks_us) == (60_000_000, (30_000_000,))
    again = look(first.steps)
    assert again.ran == ()
    assert again == Looked(first.asset, first.steps, ())


def test_a_newer_one_runs_again_by_itself() -> None:
    known = look({}).steps
    assert look(known, editions=(1, 2)).ran == ("half",)
    newer = look(known, editions=(2, 1))
    assert newer.ran == ("length",)  # it found the same: what reads that needs no second look
    assert look(newer.steps, editions=(2, 1)).ran == ()


def test_those_behind_it_run_where_what_they_read_has_changed() -> None:
    known = look({}).steps
    other = look(known, length=80)  # another setting
    assert other.ran == ("length", "half")
    assert other.asset.marks_us == (40_000_000,)


def test_what_nobody_reads_makes_nobody_look() -> None:
    known = look({}).steps
    titled = look(known, asset=replace(FOUND, title="The Pilot"))
    assert titled.ran == ()
    assert (titled.asset.title, titled.asset.marks_us) == ("The Pilot", (30_000_000,))
    assert look(known, asset=replace(FOUND, series="Night Court")).ran == ("length",)


def test_one_that_says_nothing_of_what_it_reads_reads_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Half, "reads")
    assert look(look({}).steps, asset=replace(FOUND, title="The Pilot")).ran == ("half",)


def test_a_worker_with_other_enrichers_says_so() -> None:
    enrichers: list[Any] = [Half()]
    with pytest.raises(RetroVueError, match="the enrichers of a worker are half 1, and half 2 are wanted"):
        enrich(FOUND, FILE, enrichers, {}, [("half", 2)])


def test_without_a_length_it_is_no_asset() -> None:
    with pytest.raises(Unreadable, match="how long it lasts"):
        look({}, length=0)


# --- the real ones -----------------------------------------------------------------------------------


def test_a_newer_loudness_probes_nothing_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "tiny"
    make_media(folder / "media" / "a.mp4")
    (folder / "station.yaml").write_text(
        "station: tiny\nname: Tiny\ntimezone: UTC\n---\n"
        "channel: one\nnumber: 1\nname: One\nplans: [all]\n---\n"
        "plan: all\nzones: [{ zone: All, window: 06:00-06:00, play: [show] }]\n---\n"
        "program: show\nchain: [{ episodes: { collection: tv } }]\n---\n"
        "collection: tv\nsource: { kind: filesystem, path: media }\n"
    )

    def ingest() -> dict[str, Any]:
        ran = run("ingest", str(folder), "--state", str(tmp_path / "state"), "--quiet", "--json")
        assert ran.code == 0, ran.err
        return dict(json.loads(ran.out))

    assert ingest()["looked_into"] == 1
    lock = (folder / "catalog.lock" / "tv.jsonl").read_text()
    assert '"loudness"' in lock
    looked: list[str] = []
    for enricher in (ProbeEnricher, LoudnessEnricher):
        real = enricher.enrich

        def told(self: Any, asset: Asset, location: Path, real: Any = real) -> Asset:
            looked.append(type(self).__name__)
            return real(self, asset, location)  # type: ignore[no-any-return]

        monkeypatch.setattr(enricher, "enrich", told)
    monkeypatch.setattr(LoudnessEnricher, "edition", LoudnessEnricher.edition + 1)
    outcome = ingest()
    assert (outcome["looked_into"], outcome["current"], looked) == (1, True, ["LoudnessEnricher"])
    assert (folder / "catalog.lock" / "tv.jsonl").read_text() == lock
    assert ingest()["looked_into"] == 0
