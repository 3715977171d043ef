"""Small station folders for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from retrovue.station.load import Loaded, load_station

STATION = """\
station: retro
name: Retro Television
timezone: America/New_York
---
channel: wone
number: "5.1"
name: WONE
plans: [daily]
---
plan: daily
zones:
  - zone: All Day
    window: 06:00-06:00
    play: [test-pattern]
"""


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write ``files`` (relative name → content) into ``folder``."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def load(folder: Path, files: Mapping[str, str | bytes]) -> Loaded:
    """Load a station of the well-formed ``STATION`` and ``files``, which may replace it."""
    return load_station(write(folder, {"station.yaml": STATION, **files}))
