"""How many cores this process may keep busy: what it is pinned to, and what its container is given."""

from __future__ import annotations

import os
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def cores(quota: Path = _QUOTA) -> float:
    """At least a part of one; cgroup v2's quota counts (``docker run --cpus 1.5``)."""
    found = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    try:
        allowed, _, period = quota.read_text(encoding="ascii").strip().partition(" ")
        if allowed != "max" and int(allowed) > 0 and int(period) > 0:
            found = min(found, int(allowed) / int(period))
    except (OSError, ValueError):
        pass  # no container, or another kind of one
    return found
