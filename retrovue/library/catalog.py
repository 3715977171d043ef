"""Asset, its states, and the catalog that the compiler reads; pure values.

An asset's identity is (collection, stable key), never a file path. Durations are microseconds and
contractual: exact to the frame.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class AssetState(StrEnum):
    NEW = "new"
    ENRICHING = "enriching"
    READY = "ready"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Asset:
    """One piece of media. Only ``ready`` and approved assets are ever scheduled or played."""

    collection: str
    key: str  #: stable within the collection, "Cheers/S01E01"
    state: AssetState = AssetState.NEW
    approved: bool = False
    path: str = ""  #: relative to the collection's root, "/"-separated
    size: int = 0  #: bytes
    mtime_ns: int = 0  #: of the file; kept in the state directory's cache, not in the lock
    duration_us: int = 0
    frames: int = 0  #: video frames; 0 when unknown
    rate: str = ""  #: frames per second as a fraction, "30000/1001"
    width: int = 0
    height: int = 0
    sar: str = "1/1"  #: sample aspect ratio
    interlaced: bool = False
    video_codec: str = ""
    audio_codec: str = ""  #: empty: no audio
    audio_channels: int = 0
    marks_us: tuple[int, ...] = ()  #: break marks, offsets from the start, ascending, neither 0 nor the end
    title: str = ""
    series: str = ""
    season: int | None = None
    episode: int | None = None
    year: int | None = None
    date: str = ""  #: original air date, ISO
    description: str = ""
    rating: str = ""
    tags: tuple[str, ...] = ()
    advertiser: str = ""
    category: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """``collection/key``."""
        return f"{self.collection}/{self.key}"

    @property
    def eligible(self) -> bool:
        """May it air?"""
        return self.state is AssetState.READY and self.approved and self.duration_us > 0


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything the catalog lock holds, in stable order."""

    assets: Mapping[str, Asset]  #: by id, sorted by id
    content_hash: str  #: sha256 of the lock's text
