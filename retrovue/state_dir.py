"""The one place where RetroVue keeps what it makes: artefacts, as-run, device identity, caches."""

from __future__ import annotations

import os
from pathlib import Path

#: Overrides the place for every station; a container points it at its volume.
ENVIRONMENT = "RETROVUE_STATE"

#: The artefact that is on the air.
ARTEFACT_NAME = "artefact.duckdb"


def cache_dir() -> Path:
    """Where what can be made again is kept; not created here.

    ``$RETROVUE_STATE/cache``, so that a container writes its volume only, else ``$XDG_CACHE_HOME/retrovue``,
    by default ``~/.cache/retrovue``.
    """
    if chosen := os.environ.get(ENVIRONMENT):
        return Path(chosen).expanduser() / "cache"
    xdg = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(xdg) if xdg and Path(xdg).is_absolute() else Path.home() / ".cache") / "retrovue"


def state_dir(slug: str, override: str | None = None, written: Path | None = None) -> Path:
    """The state directory of station ``slug``; not created here.

    ``override`` (``--state``), else ``$RETROVUE_STATE``, is taken as it stands; else ``written``, which
    station.yaml says under ``serve:``; else
    ``$XDG_STATE_HOME/retrovue/<slug>``, by default ``~/.local/state/retrovue/<slug>``. A relative
    ``XDG_STATE_HOME`` is ignored, as the XDG Base Directory Specification asks.
    """
    if chosen := override or os.environ.get(ENVIRONMENT):
        return Path(chosen).expanduser()
    if written is not None:
        return written
    xdg = os.environ.get("XDG_STATE_HOME", "")
    home = Path(xdg) if xdg and Path(xdg).is_absolute() else Path.home() / ".local" / "state"
    return home / "retrovue" / slug
