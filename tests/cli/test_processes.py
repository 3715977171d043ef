"""A compile over several processes: what comes out is the serial one, whatever becomes of the processes."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

import retrovue.compiler.compile as compiler
from retrovue.cli.executors import Chosen
from retrovue.cli.main import main
from retrovue.cli.processes import spread_over
from retrovue.compiler.compile import GroupDays, compile_group
from retrovue.compiler.folded import FoldedEvents
from retrovue.compiler.model import Compiled
from retrovue.library.lock import write_lock
from tests.compiler.stations import catalog, compiled, episode, series, station

MONDAY = date(2026, 6, 1)
SHOWS = [episode("cheers", 1, n, 1300) for n in range(1, 9)]
PLAN = {"plan": "all", "zones": [{"zone": "Day", "window": "06:00-06:00", "play": ["cheers"]}]}


def alone() -> Compiled:
    return network(compiler.in_turn)


def network(spread: compiler.Spread) -> Compiled:
    channels = [
        {"channel": f"ch-{n}", "number": str(n), "name": f"{n}", "plans": ["all"]} for n in range(1, 7)
    ]
    model = station([PLAN], [series("cheers")], channels=channels)
    return compiled(model, catalog(SHOWS), MONDAY, days=2, spread=spread)


def dying(here: int) -> Callable[[compiler.Draft], GroupDays]:
    """What compiles a group, and kills any other process than this one when it comes to channel 3."""

    def compile_or_die(draft: compiler.Draft) -> GroupDays:
        if draft.group[0].channel == "ch-3" and os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return compile_group(draft)

    return compile_or_die


def test_events_come_folded_and_are_the_same() -> None:
    said: list[str] = []
    spread = network(spread_over(Chosen("processes", 2), said.append, publish=True))
    assert all(isinstance(day.events, FoldedEvents) for day in spread.days)
    assert spread == alone() == network(spread_over(Chosen("processes", 2), said.append))
    assert said == []


def test_a_process_that_is_killed_costs_time_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = alone()
    monkeypatch.setattr(compiler, "compile_group", dying(os.getpid()))
    said: list[str] = []
    assert network(spread_over(Chosen("processes", 2), said.append)) == whole
    (line,) = said
    assert line.startswith("a process was lost: what is left is compiled in one process (")


def test_too_little_memory_costs_time_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    here, whole = os.getpid(), alone()

    def compile_or_fail(draft: compiler.Draft) -> GroupDays:
        if os.getpid() != here:
            raise MemoryError
        return compile_group(draft)

    monkeypatch.setattr(compiler, "compile_group", compile_or_fail)
    said: list[str] = []
    assert network(spread_over(Chosen("processes", 3), said.append)) == whole
    assert said == [
        "there is too little memory: what is left is compiled in one process (0 of 6 parts are done)"
    ]


def test_what_fails_in_a_process_fails_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(draft: compiler.Draft) -> GroupDays:
        raise ZeroDivisionError(draft.group[0].channel)

    monkeypatch.setattr(compiler, "compile_group", fails)
    with pytest.raises(ZeroDivisionError, match="ch-1"):
        network(spread_over(Chosen("processes", 2), print))


def test_the_command_goes_on_without_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "mini"
    (folder / "media").mkdir(parents=True)
    documents = [
        "station: mini\nname: Mini\ntimezone: UTC\nepoch: 2026-06-01",
        "collection: sitcoms\nsource: { kind: filesystem, path: media }",
        "program: cheers\nchain: [{ episodes: { collection: sitcoms, series: cheers } }]",
        "plan: all\nzones: [{ zone: Day, window: 06:00-06:00, play: [cheers] }]",
        *(f'channel: ch-{n}\nnumber: "{n}"\nname: Channel {n}\nplans: [all]' for n in range(1, 7)),
    ]
    (folder / "station.yaml").write_text("\n---\n".join(documents))
    write_lock(folder, SHOWS)
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
