"""The fault table: what a viewer sees of each fault that is injected into a station on the air.

python benchmarks/faults.py [--json]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fixtures.shorts_station import build
from tests.tools.broadcast import Broadcast
from tests.tools.faults import FAULTS, as_text, hanging, inject, on_a_store
from tests.tools.hanging_store import why_not


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON line at the end")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        station = build(Path(folder) / "shorts")
        with Broadcast(station.folder, Path(folder) / "state").start() as on_air:
            for row in FAULTS:
                rows.append(inject(row, on_air, station, Path(folder)))
                print(as_text(rows[-1:]).splitlines()[1], file=sys.stderr)
        if why := why_not():
            print(f"left out: a store that hangs: {why}", file=sys.stderr)
        else:
            with (
                on_a_store(station, Path(folder) / "stored", "shorts") as (stored, store),
                Broadcast(stored, Path(folder) / "state-of-stored").start() as on_air,
            ):
                rows.append(inject(hanging(store), on_air, station, Path(folder)))
    print(json.dumps([asdict(row) for row in rows]) if options.json else as_text(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
