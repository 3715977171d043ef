"""The probe: what a file holds, exact to the frame. What it needs for that is loaded when it is asked."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from retrovue.library.catalog import Asset


class ProbeSettings(BaseModel):
    """The probe needs no settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["probe"] = "probe"


class ProbeEnricher:
    """Duration, frames, rate, raster, fields, colours, sound tracks, subtitles, chapter marks, title."""

    settings_model: ClassVar[type[BaseModel]] = ProbeSettings
    turn: ClassVar[int] = 0
    edition: ClassVar[int] = 3
    reads: ClassVar[tuple[str, ...]] = ("subtitles", "marks_us", "title")

    def __init__(self, settings: ProbeSettings) -> None:
        self.settings = settings

    def enrich(self, asset: Asset, location: Path) -> Asset:
        """Raises ``Unreadable`` for what is no whole video file."""
        from retrovue.library.enrichers.measuring import probe  # here: where nothing is new it is not needed

        return probe(asset, location)
