"""What a station costs that nobody watches: memory and processor time, and the first tune after that.

    python benchmarks/idle.py [--channels 1000] [--days 2] [--seconds 60] [--keep FOLDER] [--json]

A made-up network of that many channels is compiled and served, all of its channels planned. Once it has
settled: the memory of the serving process (resident; proportional, where libraries that others use count by
their share), and the processor time of it and of all that it starts, over a minute in which nothing is asked.
Then the first tune: media exist on the first channel only, and are encoded. Then the guide of all channels
(XMLTV) is fetched, and memory is read again.

``--keep`` keeps the station and its state there, or takes up what is there: a thousand channels take minutes
to compile. The last line is one line of JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fixtures.media.barcode import Clip, make
from fixtures.synthetic_station import Size, write
from retrovue.ffmpeg_binary import choose_ffmpeg
from retrovue.state_dir import ARTEFACT_NAME
from retrovue.store import Artefact
from retrovue.units import SECOND_US
from tests.tools.broadcast import Broadcast, cpu_seconds
from tests.tools.capture import capture

#: targets.md.
TARGET_MB, TARGET_CPU_PERCENT = 120.0, 0.05
#: Of each channel; what idles has no use for more, and they take their time to compile.
PROGRAMS = 12
#: Nothing is asked for this long before the minute begins (seconds): the first look ahead is over by then.
SETTLE_S = 80.0
#: Media of the first channel cover this much (seconds), and the longest programme.
_AHEAD_S, _LONGEST_S = 1800, 25 * 60


def memory(pid: int) -> dict[str, float]:
    """MB of the process: resident, proportional, its own alone."""
    found = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, _, value = line.partition(":")
        found[name] = int(value.split()[0]) / 1024
    return {
        "rss_mb": round(found["Rss"], 1),
        "pss_mb": round(found["Pss"], 1),
        "private_mb": round(found["Private_Clean"] + found["Private_Dirty"], 1),
    }


def prepare(folder: Path, state: Path, channels: int, days: int) -> None:
    """Write and compile the station, unless it is there."""
    if (state / ARTEFACT_NAME).exists():
        return
    write(folder, Size(channels, 10_000, PROGRAMS))
    text = folder / "station.yaml"
    said = re.sub(r"guide: \d+d", f"guide: {days}d", text.read_text())
    # Its rotations begin yesterday, or each channel would be replayed from the epoch on.
    yesterday = date.fromtimestamp(time.time()) - timedelta(days=1)
    text.write_text(re.sub(r"epoch: .*", f"epoch: {yesterday}", said))
    command = [sys.executable, "-m", "retrovue", "compile", str(folder), "--state", str(state), "--quiet"]
    subprocess.run([*command, "--days", str(days + 1)], check=True, stdout=sys.stderr)


def lay_out_media(folder: Path, state: Path) -> str:
    """Files for what the first channel airs soon; its number."""
    short = make(Clip(7, 600))
    long = folder / "programme.mkv"
    if not long.exists():
        command = [choose_ffmpeg().path, "-v", "error", "-y", "-stream_loop", "-1", "-i", str(short)]
        subprocess.run([*command, "-t", str(_LONGEST_S), "-c", "copy", str(long)], check=True)
    now_us = round(time.time()) * SECOND_US
    with Artefact.open(state / ARTEFACT_NAME) as artefact:
        channel = artefact.channels[0]
        for segment in artefact.segments(channel.channel, now_us, now_us + _AHEAD_S * SECOND_US):
            asset = artefact.asset(segment.asset_id) if segment.asset_id else None
            if asset is not None:
                target = folder / "media" / asset.collection / asset.path
                target.parent.mkdir(parents=True, exist_ok=True)
                with contextlib.suppress(FileExistsError):
                    target.symlink_to(long)
    return channel.number


def measure(folder: Path, state: Path, seconds: float) -> dict[str, Any]:
    """Serve it and look."""
    number = lay_out_media(folder, state)
    began = time.monotonic()
    with Broadcast(folder, state).start(patience=900) as broadcast:
        signed_on = time.monotonic() - began
        time.sleep(SETTLE_S)
        cpu, begun = cpu_seconds(broadcast.pid), time.monotonic()
        time.sleep(seconds)
        lasted = time.monotonic() - begun
        cpu = cpu_seconds(broadcast.pid) - cpu
        idle = memory(broadcast.pid)
        own = _own_cpu(broadcast.pid)
        asked = time.monotonic()
        stream = capture(broadcast.url(number), 3600)
        first_byte = 0.0
        for _, _ in stream:
            first_byte = first_byte or time.monotonic() - asked
            if time.monotonic() - asked > 6:
                break
        tuned, tune_cpu = memory(broadcast.pid), _own_cpu(broadcast.pid) - own
        stream.close()
        asked, size = time.monotonic(), 0
        with urllib.request.urlopen(f"http://127.0.0.1:{broadcast.http_port}/xmltv.xml", timeout=600) as page:
            while more := page.read(1 << 20):
                size += len(more)
        guide_s = time.monotonic() - asked
        status_s = time.monotonic()
        broadcast.get("/now.json")
        status_s = time.monotonic() - status_s
        time.sleep(5)
        after = memory(broadcast.pid)
        channels = len(broadcast.get_json("/lineup.json"))  # type: ignore[arg-type]
    percent = 100 * cpu / lasted
    return {
        "benchmark": "idle",
        "channels": channels,
        "sign_on_s": round(signed_on, 1),
        **idle,
        "cpu_percent": round(percent, 3),
        "idle_s": round(lasted, 1),
        "target_mb": TARGET_MB,
        "first_byte_s": round(first_byte, 3),
        "tune_cpu_s": round(tune_cpu, 3),
        "watched": tuned,
        "guide_mb": round(size / 1e6, 1),
        "guide_s": round(guide_s, 2),
        "status_s": round(status_s, 3),
        "after_guide": after,
        "load": round(os.getloadavg()[0], 2),
        "ok": idle["rss_mb"] <= TARGET_MB and percent <= TARGET_CPU_PERCENT,
    }


def _own_cpu(pid: int) -> float:
    """User and system time of the process alone (seconds)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(f) for f in fields[11:13]) / os.sysconf("SC_CLK_TCK")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--channels", type=int, default=1000)
    parser.add_argument("--days", type=int, default=2, help="of guide; at least 2")
    parser.add_argument("--seconds", type=float, default=60.0, help="of idling")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the station and its state here")
    parser.add_argument("--json", action="store_true", help="only the line of JSON")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="retrovue-idle-") as scratch:
        home = args.keep or Path(scratch)
        folder, state = home / "station", home / "state"
        prepare(folder, state, args.channels, args.days)
        found = measure(folder, state, args.seconds)
    if not args.json:
        for name, value in found.items():
            print(f"{name:16} {value}")
    print(json.dumps(found))
    return 0 if found["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
