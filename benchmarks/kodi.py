"""How long a real Kodi takes to change channels, by each of its add-ons that knows the station.

    python benchmarks/kodi.py [--switches 20] [--watch 5] [--json]

Kodi goes to and fro between two channels of the station of shorts and watches each for ``--watch`` seconds.
By then the other one's encoder is gone: every tune is cold. Times count from the request to Kodi's own
"player started", by its log. Then its screen must show the channel's planned pictures: a switch to anything
else is no switch.

The last line is one line of JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fixtures.shorts_station import build
from tests.on_air.test_clients import shows
from tests.tools import kodi as kodi_tool
from tests.tools.broadcast import Broadcast
from tests.tools.home_network import home_network, refusal
from tests.tools.kodi import Kodi

#: What a real Tvheadend 4.3 took in the same Kodi, seconds, from its log.
TVHEADEND = (0.9, 1.3)


def measure(switches: int, watch_s: float) -> dict[str, list[float]]:
    """Add-on → seconds of each switch."""
    results: dict[str, list[float]] = {}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        shorts = build(folder / "shorts")
        address = stack.enter_context(home_network()) if refusal() is None else None
        station = Broadcast(
            shorts.folder, folder / "state", address=address or "127.0.0.1", tuner=address is not None
        )
        on_air = stack.enter_context(station.start(600))
        page = f"http://{on_air.address}:{on_air.http_port}"
        addons = [
            kodi_tool.tvheadend(on_air.address, on_air.htsp_port, on_air.tvheadend_port),
            kodi_tool.iptv(f"{page}/channels.m3u", f"{page}/xmltv.xml"),
            *([kodi_tool.hdhomerun()] if address else []),
        ]
        for addon in addons:
            if addon.missing:
                print(f"{addon.id}: needs apt install {addon.missing}", file=sys.stderr)
                continue
            with Kodi(folder / addon.id, addon) as kodi:
                both = list(zip(kodi.channels(addon, 2), ("net", "reel"), strict=True))
                kodi.play(both[1][0]["channelid"])
                took = []
                for n in range(switches):
                    time.sleep(watch_s)
                    channel, slug = both[n % 2]
                    took.append(kodi.play(channel["channelid"]))
                    if n < 2:
                        shows(kodi, on_air, shorts, slug)
                results[addon.id] = took
    return results


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Channel switches of a real Kodi.")
    parser.add_argument("--switches", type=int, default=20)
    parser.add_argument("--watch", type=float, default=5, help="seconds on each channel")
    parser.add_argument("--json", action="store_true", help="the last line only")
    args = parser.parse_args()
    if kodi_tool.missing():
        print(f"needs apt install {kodi_tool.missing()}", file=sys.stderr)
        return 1
    results = measure(args.switches, args.watch)
    rows = {
        name: {
            "least": round(min(took), 3),
            "median": round(statistics.median(took), 3),
            "most": round(max(took), 3),
        }
        for name, took in results.items()
    }
    if not args.json:
        print(f"{args.switches} switches; a real Tvheadend took {TVHEADEND[0]} to {TVHEADEND[1]} s")
        print(f"load {os.getloadavg()[0]:.1f}")
        for name, row in rows.items():
            print(f"{name:15} {row['least']:6.2f} {row['median']:6.2f} {row['most']:6.2f} s")
    print(json.dumps({"benchmark": "kodi", "switches": args.switches, "seconds": rows}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
