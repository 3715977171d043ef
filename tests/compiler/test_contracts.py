"""Contracts by themselves: what is due on a day, whatever was contracted."""

from __future__ import annotations

from datetime import date

from retrovue.compiler.contracts import Contracts
from retrovue.compiler.shelf import Shelf
from retrovue.compiler.traffic import Inventory, Memory
from retrovue.station.model import Spot
from tests.compiler.stations import catalog, station

DAY = date(2026, 6, 1)
STARTS = [0, 10, 20, 30]


def begun(runs: int) -> Contracts:
    model = station([{"plan": "all", "zones": [{"zone": "Day", "window": "06:00-06:00"}]}], [])
    spot = Spot.model_validate({"spot": "deal", "asset": "c/a", "runs": runs, "flight": "2026-06-01"})
    contracts = Contracts(
        {"deal": spot}, {"deal": runs}, Memory(Inventory(model, Shelf(catalog([]), model.pools)))
    )
    contracts.begin(DAY, lambda _: STARTS)
    return contracts


def aired(contracts: Contracts, now: int) -> int:
    """How many airings are due by ``now``, one after the other."""
    count = 0
    while contracts.due(now, ["deal"]):
        contracts.deliver(["deal"])
        count += 1
    return count


def test_a_days_airings_are_spread_over_its_programmes() -> None:
    contracts = begun(8)
    assert [aired(contracts, at) for at in STARTS] == [2, 2, 2, 2]


def test_a_billion_runs_are_no_more_work_than_a_day_can_hold() -> None:
    contracts = begun(1_000_000_000)
    dues = [aired(contracts, at) for at in STARTS]
    # A second each, 25 hours a day: nobody can be owed more, and every programme has its share.
    assert sum(dues) == 25 * 3600
    assert max(dues) - min(dues) <= 1
