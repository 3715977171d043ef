"""Whatever the station: guide and playlist tile the true broadcast day, to the microsecond."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrovue.compiler.model import Compiled, SegmentKind
from retrovue.store import Provenance, write_artefact
from tests.compiler.profiles import examples
from tests.compiler.random_station import NIGHTS, random_station
from tests.compiler.stations import assert_tiles, compiled

seeds = st.integers(0, 2**32)


@examples(80)
@given(seeds, st.sampled_from(NIGHTS))
def test_any_station_tiles_any_day(seed: int, first: date) -> None:
    model, assets = random_station(seed, first)
    result = compiled(model, assets, first, days=3)
    assert_tiles(result)
    assert_media_is_whole(result)


def assert_media_is_whole(result: Compiled) -> None:
    """Every programme airs each of its parts whole and in order; a spot is never cut."""
    lengths = {a.id: a.duration_us for a in result.assets}
    for day in result.days:
        at: dict[tuple[int, str], int] = {}
        for segment in day.playlist:
            if segment.kind is SegmentKind.PROGRAM:
                key = (segment.event_id, segment.asset_id)
                assert segment.in_us == at.get(key, 0) % lengths[segment.asset_id]
                at[key] = segment.in_us + segment.duration_us
            elif segment.asset_id:
                assert (segment.in_us, segment.duration_us) == (0, lengths[segment.asset_id])
        for (_, asset_id), end in at.items():
            assert end == lengths[asset_id]


@pytest.mark.parametrize("seed", range(12))
def test_duckdb_finds_no_gap_and_no_overlap(seed: int, tmp_path: Path) -> None:
    """The same question, asked of the published rows by somebody else."""
    first = NIGHTS[seed % len(NIGHTS)]
    model, assets = random_station(seed, first)
    result = compiled(model, assets, first, days=3)
    file = tmp_path / "artefact.duckdb"
    write_artefact(file, result, Provenance(0, 0, "test"))
    with duckdb.connect(str(file), read_only=True) as artefact:
        for table in ("segment", "schedule_event"):
            seams = artefact.execute(
                f"""SELECT count(*) FROM (
                      SELECT end_us, lead(start_us) OVER (PARTITION BY channel ORDER BY start_us) AS next_us
                      FROM {table})
                    WHERE next_us IS NOT NULL AND next_us <> end_us"""
            ).fetchall()
            assert seams == [(0,)]
            ends = artefact.execute(
                f"""SELECT min(a.start_us) >= min(s.start_us), max(a.end_us) <= max(s.end_us),
                           bool_and(s.start_us < s.end_us)
                    FROM {table} s CROSS JOIN artefact a"""
            ).fetchall()
            assert ends == [(True, True, True)]
        blocks = artefact.execute(
            """SELECT count(*) FROM schedule_event e JOIN channel c USING (channel) CROSS JOIN artefact a
               WHERE e.start_us >= a.start_us AND e.broadcast_date = a.first_day
                 AND (e.start_us - a.start_us) % c.grid_us <> 0"""
        ).fetchall()
        assert blocks == [(0,)]
