"""An approval is taken back while the asset is on the air: the planned stand-in airs, and as-run says why."""

from __future__ import annotations

import time
from pathlib import Path

import duckdb

from fixtures.shorts_station import ShortsStation, retrovue
from retrovue.playout import as_run_log
from retrovue.playout.as_run import AsRunRecord
from retrovue.units import MINUTE_US
from tests.on_air.test_life import STAND_IN, judge
from tests.tools.barcode_reader import read, unwrap
from tests.tools.broadcast import Broadcast, Recording, until
from tests.tools.plan import asset_files, newest_artefact, read_plan

#: ``horizon: locked`` of the station.
LOCKED_US = 5 * MINUTE_US


def stood_in(on_air: Broadcast) -> list[AsRunRecord]:
    logged = as_run_log.read(on_air.state / "as-run", ["net"])
    return [r for r in logged if r.kind == "fallback" and r.cause.startswith("not approved: ")]


def published(artefact: Path, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(artefact), read_only=True) as db:
        return db.execute(query).fetchall()


def test_what_is_approved_no_longer_is_stood_in_for_though_it_is_published(
    on_air: Broadcast, shorts: ShortsStation, tmp_path: Path
) -> None:
    viewer = Recording(on_air.url("5.1")).start(150).wait_first()
    before = newest_artefact(on_air.state)
    plan, files = read_plan(before, "net"), asset_files(before)
    numbers = {asset_id: shorts.number_of(file) for asset_id, file in files.items()}
    now_us = round(time.time() * 1e6)
    episode = next(s.asset_id for s in plan.segments if s.end_us > now_us and s.kind == "program")
    retrovue("approve", shorts.folder, episode, "spots/*", "--revoke", "--quiet", state=on_air.state)
    until(lambda: bool(stood_in(on_air)), 100, "something stands in", every=0.5)
    until(lambda: sum(r.ticks for r in stood_in(on_air)) > 90, 60, "it is seen for a while", every=0.5)
    viewer.leave()
    report = judge(viewer)
    assert report.ok, report.to_text()
    assert (shorts.folder / "media" / files[episode]).exists(), "it was not its file"

    record = stood_in(on_air)[0]
    after = newest_artefact(on_air.state)
    ((hash_, as_of),) = published(after, "SELECT content_hash, epoch_us(as_of) FROM artefact")
    assert record.artefact == hash_
    assert record.generation > 0
    planned = [
        s for s in plan.segments if s.first_tick(plan.rate) <= record.first_tick < s.end_tick(plan.rate)
    ]
    assert record.cause == f"not approved: {planned[0].asset_id}"
    assert (record.asset_id, record.event_id) == ("standby/Stand In", planned[0].event_id)
    # What is published and locked stays published, and says what has become of it; nothing else has it.
    barred = (
        "FROM segment JOIN schedule_event e USING (event_id) JOIN asset a ON a.asset_id = segment.asset_id"
    )
    starts = published(after, f"SELECT e.start_us {barred} WHERE NOT a.approved")
    assert starts
    assert isinstance(as_of, int)
    assert all(isinstance(us, int) and us < as_of + LOCKED_US for (us,) in starts)

    (tmp_path / "seen.ts").write_bytes(viewer.data)
    seen = {plan.tick_of(unwrap(s.pts, viewer.chunks[0][1])): s for s in read(tmp_path / "seen.ts").shown}
    shown = [seen[t] for t in range(record.first_tick, record.end_tick) if t in seen]
    assert shown
    assert {s.code.asset if s.code else None for s in shown} == {STAND_IN}
    gone = {numbers[a] for a in files if a == episode or a.startswith("spots/")}
    later = [s for at_tick, s in seen.items() if at_tick >= record.first_tick]
    assert not [s for s in later if s.code is not None and s.code.asset in gone]

    said = retrovue("asrun", shorts.folder, "--channel", "5.1", "--quiet", state=on_air.state)
    assert f"standby/Stand In  frames {record.frame_from}" in said
    assert f"(not approved: {planned[0].asset_id})" in said
    # The first whole second from then on at which something barred was planned.
    second, there = next(
        (second, segment.asset_id)
        for second in range(record.start_us // 10**6 + 1, record.start_us // 10**6 + 200)
        for segment in plan.segments
        if segment.start_us <= second * 10**6 < segment.end_us
        and (segment.asset_id == episode or segment.asset_id.startswith("spots/"))
    )
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))
    why = retrovue("why", "5.1", at, "--artefact", after)
    assert f"  instead    {there} is not approved: standby/Stand In stands in" in why
    assert "published, and may not air any more: " in on_air.log()
