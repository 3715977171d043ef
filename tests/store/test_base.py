"""An artefact read back as what the next compile goes on from."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from retrovue.compiler.base import Base
from retrovue.store import Artefact, Provenance, write_artefact
from tests.compiler.random_station import NIGHTS, random_station
from tests.compiler.stations import compiled


@pytest.mark.parametrize("seed", range(8))
def test_the_base_is_what_was_compiled(seed: int, tmp_path: Path) -> None:
    first = NIGHTS[seed]
    model, assets = random_station(seed, first - timedelta(days=2))
    result = compiled(model, assets, first, days=3)
    file = tmp_path / "artefact.duckdb"
    write_artefact(file, result, Provenance(0, 0, "test", inputs={"file station.yaml": "0"}))
    with Artefact.open(file) as artefact:
        base, inputs = artefact.base(), artefact.inputs()
        later = artefact.base(first + timedelta(days=2), published=False)
        expected = Base.of_compiled(result)
        assert base == expected
        assert [e.moves for es in base.events() for e in es] == [
            e.moves for es in expected.events() for e in es
        ]
        assert inputs["file station.yaml"] == "0"
        assert {name for name in inputs if name.startswith("channel ")} == {f"channel {c}" for c in base.days}
        assert not later.published
        for channel, days in later.days.items():
            assert list(days.values()) == list(expected.days[channel].values())[1:]
            assert later.cursors(channel, first) == expected.cursors(channel, first)
            on = first + timedelta(days=2)
            assert later.in_flight(channel, on) == expected.in_flight(channel, on)


def test_a_compile_from_the_file_is_the_compile_from_the_value(tmp_path: Path) -> None:
    first = date(2026, 6, 1)
    model, assets = random_station(11, first)
    result = compiled(model, assets, first, days=3)
    file = tmp_path / "artefact.duckdb"
    write_artefact(file, result, Provenance(0, 0, "test"))
    following = first + timedelta(days=1)
    with Artefact.open(file) as artefact:
        again = compiled(model, assets, following, days=3, base=artefact.base(following))
    plain = compiled(model, assets, following, days=3)
    assert again.content_hash == plain.content_hash
    assert (again.days, again.opening, again.inputs) == (plain.days, plain.opening, plain.inputs)
