"""The rows of the fault table that do nothing to what is on the air; see test_faults.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.shorts_station import ShortsStation
from tests.on_air.test_faults import OF_WHAT_AIRS
from tests.tools.broadcast import Broadcast
from tests.tools.faults import FAULTS, Injection, bears


@pytest.mark.parametrize("row", FAULTS[len(OF_WHAT_AIRS) :], ids=lambda row: row.do.__name__)
def test_a_fault(row: Injection, on_air: Broadcast, shorts: ShortsStation, tmp_path: Path) -> None:
    bears(row, on_air, shorts, tmp_path)
