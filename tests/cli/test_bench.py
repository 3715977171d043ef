"""What commands make of a part of a station is what the whole makes of it."""

from __future__ import annotations

import json
from pathlib import Path

from retrovue.library.lock import write_lock
from tests.cli.run import run
from tests.compiler.stations import episode, spots
from tests.compiler.test_commands import STATION

CONTRACT = """\
---
channel: two
number: "6.1"
name: Channel Two
plans: [all]
---
spot: deal
asset: spots/spot-0
runs: 8
flight: 2026-06-03..2026-06-04
"""


def test_one_channel_simulated_delivers_its_share_of_a_contract(tmp_path: Path) -> None:
    (tmp_path / "station.yaml").write_text(STATION + CONTRACT)
    write_lock(tmp_path, [*(episode("cheers", 1, n, 1320) for n in range(1, 5)), *spots(9)])
    words = ("simulate", str(tmp_path), "--from", "2026-06-03", "--days", "2", "--json")
    whole, part = (json.loads(run(*words, *more).out) for more in ((), ("--channel", "one")))
    shares = {c["number"]: [d["contracted"] for d in c["deliveries"]] for c in whole["channels"]}
    assert shares == {"5.1": [4], "6.1": [4]}
    assert part["channels"] == [c for c in whole["channels"] if c["number"] == "5.1"]
