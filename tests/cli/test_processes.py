"""A compile over several processes: what comes out is the serial one, whatever becomes of the processes."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

import retrovue.compiler.work as compiler
from retrovue.cli.executors import Chosen
from retrovue.cli.main import main
from retrovue.cli.processes import Folding, spread_over
from retrovue.cli.view import Progress
from retrovue.compiler.folded import FoldedAssets, FoldedEvents, ToldAsset
from retrovue.compiler.model import Compiled
from retrovue.compiler.stages import Draft, GroupDays, compile_group
from retrovue.compiler.work import Work
from retrovue.library.catalog import Asset
from retrovue.library.lock import write_lock
from retrovue.store import Artefact, Provenance, write_artefact
from retrovue.store.schema import TABLES
from tests.compiler.stations import catalog, compiled, episode, series, station

MONDAY = date(2026, 6, 1)
SHOWS = [episode("cheers", 1, n, 1300) for n in range(1, 9)]
PLAN = {"plan": "all", "zones": [{"zone": "Day", "window": "06:00-06:00", "play": ["cheers"]}]}


def alone() -> Compiled:
    return network(compiler.in_turn)


def network(spread: compiler.Spread, days: int = 2) -> Compiled:
    channels: list[dict[str, object]] = [
        {"channel": f"ch-{n}", "number": str(n), "name": f"{n}", "plans": ["all"]} for n in range(1, 6)
    ]
    channels.append({"channel": "ch-6", "number": "6", "name": "6", "simulcast": "ch-5", "delay": "1h"})
    model = station([PLAN], [series("cheers")], channels=channels)
    return compiled(model, catalog(SHOWS), MONDAY, days=days, spread=spread)


class Shown:
    """What is shown of the progress of each work."""

    def __init__(self) -> None:
        self.works: list[tuple[float, str, list[float]]] = []
        self.ended = 0

    @contextmanager
    def __call__(self, total: float, unit: str) -> Iterator[Progress]:
        steps: list[float] = []
        self.works.append((total, unit, steps))

        class Steps:
            def advance(self, amount: float = 1, text: str = "") -> None:
                steps.append(amount)

        yield Steps()
        self.ended += 1


def dying(here: int) -> Callable[[Draft], GroupDays]:
    """What compiles a group, and kills any other process than this one when it comes to channel 3."""

    def compile_or_die(draft: Draft) -> GroupDays:
        if draft.group[0].channel == "ch-3" and os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return compile_group(draft)

    return compile_or_die


def test_each_asset_is_told_of_once() -> None:
    """What one process has told of, another that was forked beside it doesn't tell of again; each of the six
    channels shows everything."""
    told: list[GroupDays] = []

    def two_processes(work: Work) -> Iterator[GroupDays]:
        work.prepare()
        folding = Folding(work)
        other = multiprocessing.get_context("fork").Process(target=folding, args=(0,))
        other.start()
        other.join()
        told.extend((folding(1), Folding(work)(1)))
        yield from map(work, range(len(work)))

    aired = {asset.id for asset in network(two_processes).assets}
    behind, first = told
    assert not behind.told
    assert set(first.told) == behind.used == aired


def test_events_come_folded_and_are_the_same() -> None:
    said: list[str] = []
    spread = network(spread_over(Chosen("processes", 2), said.append, publish=True))
    assert all(isinstance(day.events, FoldedEvents) for day in spread.days)
    assert isinstance(spread.assets, FoldedAssets)
    whole = alone()
    assert [told for told in spread.assets.told if not isinstance(told, ToldAsset)] == []
    assert (len(spread.assets), spread.assets[0]) == (len(whole.assets), whole.assets[0])
    assert spread == whole == network(spread_over(Chosen("processes", 2), said.append))
    assert said == []


def test_assets_that_nobody_told_of_are_looked_up(tmp_path: Path) -> None:
    def some_untold(work: Work) -> Iterator[GroupDays]:
        for number, made in enumerate(map(Folding(work), range(len(work)))):
            some = dict([*made.told.items()][::2]) if number == 0 else {}
            yield replace(made, told=some)

    whole, part = alone(), network(some_untold)
    assert isinstance(part.assets, FoldedAssets)
    assert {type(told) for told in part.assets.told} == {ToldAsset, Asset}
    assert part == whole
    rows = []
    for name, made in (("whole", whole), ("part", part)):
        write_artefact(tmp_path / name, made, Provenance(0, 0, "test"))
        with Artefact.open(tmp_path / name) as artefact:
            rows.append([artefact.rows(f"FROM art.{table.name} ORDER BY ALL") for table in TABLES])
    assert rows[0] == rows[1]


def test_a_process_that_is_killed_costs_time_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = alone()
    monkeypatch.setattr(compiler, "compile_group", dying(os.getpid()))
    said: list[str] = []
    assert network(spread_over(Chosen("processes", 2), said.append)) == whole
    (line,) = said
    assert line.startswith("a process was lost: what is left is compiled in one process (")


def test_too_little_memory_costs_time_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    here, whole = os.getpid(), alone()

    def compile_or_fail(draft: Draft) -> GroupDays:
        if os.getpid() != here:
            raise MemoryError
        return compile_group(draft)

    monkeypatch.setattr(compiler, "compile_group", compile_or_fail)
    said: list[str] = []
    assert network(spread_over(Chosen("processes", 3), said.append)) == whole
    assert said == [
        "there is too little memory: what is left is compiled in one process (0 of 5 parts are done)"
    ]


@pytest.mark.parametrize(
    ("chosen", "steps"),
    [
        (Chosen("processes", 1), {1}),
        (Chosen("processes", 2), {50, 100}),  # a channel at a time, and with it what airs it later
        (Chosen("threads", 2), {50, 100}),
    ],
    ids=str,
)
def test_each_day_of_a_channel_is_told_of_once(chosen: Chosen, steps: set[int]) -> None:
    shown = Shown()
    network(spread_over(chosen, print, show=shown), days=50)
    ((total, unit, told),) = shown.works
    assert (total, unit, sum(told), shown.ended) == (300, "days", 300, 1)
    assert {amount for amount in told if amount} == steps


def test_short_work_shows_nothing() -> None:
    shown = Shown()
    network(spread_over(Chosen("processes", 1), print, show=shown))
    assert shown.works == []


def test_days_that_a_lost_process_owed_are_told_of_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler, "compile_group", dying(os.getpid()))
    shown, said = Shown(), list[str]()
    network(spread_over(Chosen("processes", 2), said.append, show=shown), days=50)
    ((total, _, told),) = shown.works
    assert (total, sum(told), len(said), shown.ended) == (300, 300, 1, 1)


def test_what_fails_in_a_process_fails_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(draft: Draft) -> GroupDays:
        raise ZeroDivisionError(draft.group[0].channel)

    monkeypatch.setattr(compiler, "compile_group", fails)
    with pytest.raises(ZeroDivisionError, match="ch-1"):
        network(spread_over(Chosen("processes", 2), print))


def mini(folder: Path) -> Path:
    """A station of six channels in ``folder``."""
    station = folder / "mini"
    (station / "media").mkdir(parents=True)
    documents = [
        "station: mini\nname: Mini\ntimezone: UTC\nepoch: 2026-06-01",
        "collection: sitcoms\nsource: { kind: filesystem, path: media }",
        "program: cheers\nchain: [{ episodes: { collection: sitcoms, series: cheers } }]",
        "plan: all\nzones: [{ zone: Day, window: 06:00-06:00, play: [cheers] }]",
        *(f'channel: ch-{n}\nnumber: "{n}"\nname: Channel {n}\nplans: [all]' for n in range(1, 7)),
    ]
    (station / "station.yaml").write_text("\n---\n".join(documents))
    write_lock(station, SHOWS)
    return station


def test_the_command_goes_on_without_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = mini(tmp_path)
    words = ["compile", str(folder), "--from", "2026-06-01", "--as-of", "2026-06-01T12:00:00Z", "--days", "2"]
    words += ["--output", str(tmp_path / "artefact.duckdb")]
    assert main([*words, "--jobs", "1"]) == 0
    alone = capsys.readouterr().out
    (tmp_path / "artefact.duckdb").unlink()
    monkeypatch.setattr(compiler, "compile_group", dying(os.getpid()))
    assert main([*words, "--jobs", "2"]) == 0
    shown = capsys.readouterr()
    assert shown.out == alone
    assert "a process was lost" in shown.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["artefact.duckdb", "mini"]


def test_a_long_compile_says_how_far_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = mini(tmp_path)
    words = ["simulate", str(folder), "--from", "2026-06-01", "--as-of", "2026-06-01T12:00:00Z", "--json"]
    assert main([*words, "--days", "50"]) == 0
    shown = capsys.readouterr()
    lines = shown.err.splitlines()
    assert lines[-1].startswith("compile: 100 %")
    assert all(line.startswith("compile: ") for line in lines)
    assert len(json.loads(shown.out)["channels"]) == 6
    assert main([*words, "--days", "50", "--quiet"]) == 0
    assert capsys.readouterr() == (shown.out, "")
    words = ["compile", *words[1:], "--output", str(tmp_path / "artefact.duckdb")]
    assert main([*words, "--days", "50", "--jobs", "2"]) == 0
    assert capsys.readouterr().err.splitlines()[-1].startswith("compile: 100 %")
    assert main([*words, "--days", "2", "--force"]) == 0
    assert capsys.readouterr().err == ""
