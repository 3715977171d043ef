"""What was published and may not air any more: its planned stand-in airs, as soon as that is known."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from retrovue.library.catalog import AssetState
from retrovue.lineup import Health
from retrovue.playout import as_run_log, programme
from retrovue.playout.playlog import Playlog, PlaylogEntry
from retrovue.playout.reconcile import Discrepancy, reconcile
from retrovue.playout.rundown import Rundown
from retrovue.store import Artefact, Provenance, write_artefact
from retrovue.units import HOUR_US
from tests.compiler.stations import asset
from tests.compiler.test_approved import gone_at_noon
from tests.playout.lab import CHANNEL, CLIPS, Bench, Item, bench, capture
from tests.playout.test_playlog import GRID, segments
from tests.playout.test_signal import reading_of, tick_of
from tests.tools.ts_analyser import analyse


def test_why_an_asset_is_barred() -> None:
    fine = asset("films", "Gilda", 60)
    assert fine.barred == ""
    assert replace(fine, approved=False).barred == "not approved"
    assert replace(fine, state=AssetState.RETIRED, approved=False).barred == "retired"


def test_a_playlog_knows_who_is_barred_and_who_stands_in() -> None:
    plan = segments([10_000_000, 5_000_000])
    fallbacks = {1: ("x/a", "x/b"), 2: ("x/a",)}
    first, second = Playlog.align(plan, GRID, fallbacks, {"x/0": "retired", "x/a": "not approved"}).entries
    assert (first.barred, first.fallbacks, first.shows) == ("retired", ("x/b",), "x/b")
    assert (second.barred, second.fallbacks, second.shows) == ("", (), "x/1")
    (alone, _) = Playlog.align(plan, GRID, {}, {"x/0": "retired"}).entries
    assert alone.shows == ""


def test_the_artefact_and_the_rundown_say_who_is_barred(tmp_path: Path) -> None:
    """What is locked and has retired since is in both, as what it is, and nobody looks for its file ahead."""
    _, result = gone_at_noon("sitcoms/cheers/S01E13")
    noon_us = result.start_us + 6 * HOUR_US
    file = tmp_path / "artefact.duckdb"
    write_artefact(file, result, Provenance(0, 0, "test"))
    with Artefact.open(file) as artefact:
        assert artefact.header.content_hash == result.content_hash
        known = artefact.asset("sitcoms/cheers/S01E13")
        assert known is not None
        assert (known.state, known.approved, known.barred) == (AssetState.RETIRED, True, "retired")
        cut = (1, "h", noon_us, noon_us, noon_us + 2 * HOUR_US)
        rundown = Rundown(programme.pack(artefact, cut, noon_us, (3 * HOUR_US,)))
    assert rundown.barred == {"sitcoms/cheers/S01E13": "retired"}
    used = {use.asset_id for use in rundown.uses(noon_us, noon_us + 3 * HOUR_US)}
    assert "sitcoms/cheers/S01E14" in used
    assert "sitcoms/cheers/S01E13" not in used


def without(playlog: Playlog, barred: dict[str, str]) -> Playlog:
    """The same plan when these may not air any more."""

    def known(entry: PlaylogEntry) -> PlaylogEntry:
        left = tuple(name for name in entry.fallbacks if name not in barred)
        return replace(entry, fallbacks=left, barred=barred.get(entry.segment.asset_id, ""))

    return Playlog([known(entry) for entry in playlog.entries])


async def its_picture_is_there(b: Bench, seconds: float = 20.0) -> None:
    """Until the channel shows a file: on a busy machine a slate may come before."""
    async with b.clock.deadline(seconds):
        while b.manager.health is not Health.ON_AIR:
            await b.clock.wait(0.05)


@pytest.mark.on_air
async def test_what_is_on_the_air_or_comes_is_stood_in_for_though_its_file_is_there(tmp_path: Path) -> None:
    """Of three programmes the first two are barred while the first is on the air; the first one's first
    stand-in is barred, too, and the second has none but a slate."""
    items = [
        Item("ntsc", 12.0, fallbacks=("film", "pal")),
        Item("mute", 1.5),
        Item("pal", 30.0, in_s=4.0),
    ]
    async with bench(items, tmp_path, started_s=1.0) as b:
        tuned_s = b.clock.now_us() / 1e6
        viewer = await b.tune()
        taken = asyncio.create_task(capture(viewer, b.clock, 10.0))
        await its_picture_is_there(b)
        await asyncio.sleep(0.5)
        barred = {"bench/film": "retired", "bench/ntsc": "retired", "bench/mute": "not approved"}
        b.rearm(without(b.playlog, barred))
        data = await taken
        report = analyse(data, complete=False)
        assert report.ok, report.to_text()
        seen: dict[int, list[int | None]] = {}
        for shown in reading_of(data, tmp_path).shown:
            entry = b.playlog.at(tick_of(shown.pts, tuned_s, b.grid))
            assert entry is not None
            seen.setdefault(entry.segment.seq, []).append(shown.code.asset if shown.code else None)
        await viewer.close("done")
    ntsc, pal = CLIPS["ntsc"].asset, CLIPS["pal"].asset
    # The change is one cut: what was on the air up to it, then the stand-in, and nobody sees a slate but
    # before the first picture, where the machine is busy.
    cuts = [shown for shown, then in zip(seen[0], [*seen[0][1:], -1], strict=True) if shown != then]
    assert cuts in ([ntsc, pal], [None, ntsc, pal]), seen[0]
    assert set(seen[1]) == {None}
    assert seen[2][-1] == pal
    records = as_run_log.read(tmp_path / "as-run", [CHANNEL])
    assert [(r.kind, r.asset_id, r.cause) for r in records if r.seq == 0] == [
        ("real", "bench/ntsc", ""),
        ("fallback", "bench/pal", "retired: bench/ntsc"),
    ]
    (slate,) = [r for r in records if r.seq == 1]
    assert (slate.kind, slate.cause) == ("slate", "not approved: bench/mute")
    plan = [e.segment for e in b.playlog.entries]
    findings = reconcile(records, {records[0].artefact: plan}).findings
    assert [(f.kind, f.aired, f.cause) for f in findings] == [
        (Discrepancy.OVERRIDE, "bench/pal", "retired: bench/ntsc"),
        (Discrepancy.SLATE, "", "not approved: bench/mute"),
    ]


@pytest.mark.on_air
async def test_what_may_air_again_is_taken_up_where_it_would_be(tmp_path: Path) -> None:
    async with bench([Item("ntsc", 20.0, fallbacks=("pal",)), Item("mute", 9.0)], tmp_path) as b:
        free = b.playlog
        b.rearm(without(free, {"bench/ntsc": "not approved"}))
        tuned_s = b.clock.now_us() / 1e6
        viewer = await b.tune()
        taken = asyncio.create_task(capture(viewer, b.clock, 6.0))
        await its_picture_is_there(b)
        await asyncio.sleep(1.0)
        b.rearm(free)
        data = await taken
        assert analyse(data, complete=False).ok
        await viewer.close("done")
        shown = [s for s in reading_of(data, tmp_path).shown if s.code is not None]
        assert shown[0].code is not None
        assert shown[0].code.asset == CLIPS["pal"].asset
        last = shown[-1]
        assert last.code is not None
        assert last.code.asset == CLIPS["ntsc"].asset
        tick = tick_of(last.pts, tuned_s, b.grid)
        assert abs(last.code.frame - (tick - b.entry(0).start)) <= 1


@pytest.mark.on_air
async def test_a_stand_in_that_ends_before_its_time_begins_again(tmp_path: Path) -> None:
    """It lasts ten seconds, the programme forty: nobody sees a slate."""
    items = [Item("gone", 40.0, fallbacks=("mute",)), Item("pal", 9.0)]
    async with bench(items, tmp_path, started_s=5.0) as b:
        viewer = await b.tune()
        data = await capture(viewer, b.clock, 6.0)
        assert analyse(data, complete=False).ok
        await viewer.close("done")
    codes = [shown.code for shown in reading_of(data, tmp_path).shown]
    first = next(n for n, code in enumerate(codes) if code is not None)
    seen = [code for code in codes[first:] if code is not None]
    assert len(seen) == len(codes) - first, "no slate after the first picture"
    assert {code.asset for code in seen} == {CLIPS["mute"].asset}
    turns = [n for n in range(1, len(seen)) if seen[n].frame < seen[n - 1].frame]
    assert len(turns) == 1, [(seen[n - 1].frame, seen[n].frame) for n in turns]
    (turn,) = turns
    assert seen[turn - 1].frame >= CLIPS["mute"].frames - 3
    assert seen[turn].frame <= 1
