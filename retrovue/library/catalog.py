"""Asset, its states, and the catalog that the compiler reads; pure values.

An asset's identity is (collection, stable key), never a file path. Durations are microseconds and
contractual: exact to the frame.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from retrovue.credits import Credit

#: The folder beside station.yaml that holds the lock (lock.py).
LOCK_FOLDER = "catalog.lock"

#: The key of ``Asset.extra`` under which a spot's flights stand.
FLIGHT = "flight"

#: A larger number of a season or episode is no number of one, nor is a later year.
MOST_NUMBER, MOST_YEAR = 1_000_000, 9999

_BETWEEN_GENRES = re.compile(r"[,;/|]")


class AssetState(StrEnum):
    NEW = "new"
    ENRICHING = "enriching"
    READY = "ready"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """One sound track of an asset."""

    codec: str = ""  #: as ffmpeg names it
    channels: int = 0
    language: str = ""  #: ISO 639 as the file says it; empty: it doesn't say
    default: bool = False  #: what the file itself would play
    commentary: bool = False  #: talk about the film, or a description for the blind
    loudness: float | None = None  #: of its stereo downmix, LUFS; None: not measured, or silence
    peak: float | None = None  #: true peak of the same, dBTP
    #: How much quieter it is behind a limiter that takes 3 dB off its peaks, and 6; 0 where none is needed.
    lost_3: float = 0.0
    lost_6: float = 0.0

    @property
    def lost(self) -> tuple[float, float]:
        """Both (dB)."""
        return self.lost_3, self.lost_6


@dataclass(frozen=True, slots=True)
class SubtitleTrack:
    """Subtitles of an asset: a stream of its file, or a file beside it."""

    codec: str = ""  #: as ffmpeg names it
    language: str = ""
    forced: bool = False  #: only what translates signs and foreign speech
    stream: int = 0  #: which of the file's subtitle streams
    path: str = ""  #: file of its own, relative to the collection's root; empty: within the asset's


def spelt(part: AudioTrack | SubtitleTrack | Credit) -> dict[str, Any]:
    """What a part of an asset says, defaults left out: as it is kept in JSON."""
    return {f.name: v for f in fields(part) if (v := getattr(part, f.name)) != f.default}


#: Fields of an asset that are several things of a kind.
PARTS: Mapping[str, type[AudioTrack] | type[SubtitleTrack] | type[Credit]] = {
    "audio": AudioTrack,
    "subtitles": SubtitleTrack,
    "credits": Credit,
}


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
    field_order: str = ""  #: "tff" or "bff"; empty: as each picture says of itself
    primaries: str = ""  #: colour primaries as ffmpeg names them; empty: the file doesn't say
    transfer: str = ""  #: transfer function, "smpte2084"
    matrix: str = ""  #: colour matrix, "bt2020nc"
    picture_us: int = 0  #: the picture begins so long after the file does; offsets count from the picture
    fit: str = ""  #: station.model.Fit value; empty: as the collection or the channel has it
    video_codec: str = ""
    audio_codec: str = ""  #: of the first track; empty: no audio
    audio_channels: int = 0
    audio: tuple[AudioTrack, ...] = ()  #: in the file's order
    subtitles: tuple[SubtitleTrack, ...] = ()
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
    artwork: tuple[str, ...] = ()  #: pictures of it, the one for guides first; paths like ``path``
    credits: tuple[Credit, ...] = ()  #: as ``in_order`` has them
    extra: Mapping[str, str] = field(default_factory=dict)
    dayparts: tuple[str, ...] = ()  #: "22:00-06:00": when it may start; at any time when there are none
    revoked: bool = False  #: a person took the approval back, and only a person gives it again

    @property
    def id(self) -> str:
        """``collection/key``."""
        return f"{self.collection}/{self.key}"

    @property
    def eligible(self) -> bool:
        """May it air?"""
        return self.state is AssetState.READY and self.approved and self.duration_us > 0

    @property
    def barred(self) -> str:
        """Why something that was published may not air any more, in a word or two; empty when it may."""
        if self.state is not AssetState.READY:
            return self.state.value
        return "" if self.approved else "not approved"


def director(asset: Asset) -> str:
    """Who directed it, as far as its source says."""
    named = (credit.name for credit in asset.credits if credit.job == "director")
    return next(named, asset.extra.get("director", ""))


def genres(asset: Asset) -> tuple[str, ...]:
    """The genres that the media's source named ("Comedy, Drama"), casefolded."""
    named = _BETWEEN_GENRES.split(asset.extra.get("genre", ""))
    return tuple(word.strip().casefold() for word in named if word.strip())


def flight_word(value: object) -> str:
    """ "2026-11-01..2026-12-24" or one date, checked. Raises ``ValueError``."""
    text = str(value).strip() if isinstance(value, (str, int, datetime.date)) else "…"
    first, dots, last = text.partition("..")
    try:
        begins = datetime.date.fromisoformat(first)
        ends = datetime.date.fromisoformat(last) if dots else begins
    except ValueError:
        raise ValueError(f"{text!r} is no flight: write it like 2026-11-01..2026-12-24") from None
    if ends < begins:
        raise ValueError(f"{text!r} ends before it begins")
    return f"{begins}..{ends}" if dots else f"{begins}"


def flights(asset: Asset) -> tuple[str, ...]:
    """The dates within which the asset may air as a spot ("2026-11-01..2026-12-24"); none: always."""
    return tuple(asset.extra.get(FLIGHT, "").split())


#: What a catalog can be asked by → the words under which it has an asset.
WORDS: Mapping[str, Callable[[Asset], Iterable[str]]] = {
    "collection": lambda asset: (asset.collection,),
    "series": lambda asset: (asset.series.casefold(),),
    "title": lambda asset: (asset.title.casefold(),),
    "tag": lambda asset: dict.fromkeys(asset.tags),
    "genre": lambda asset: dict.fromkeys(genres(asset)),
}

#: One thing to ask by: a key of ``WORDS`` and the words of which any will do.
Asked = tuple[str, tuple[str, ...]]


@dataclass(frozen=True)
class Catalog:
    """Everything the catalog lock holds, in stable order.

    A large lock is held elsewhere (``retrovue.library.catalog_cache``) and looks the same from here.
    """

    assets: Mapping[str, Asset]  #: by id, sorted by id
    content_hash: str  #: sha256 over the lock's text
    _indexes: dict[str, dict[str, list[Asset]]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def eligible(self, asked: Sequence[Asked] = ()) -> Iterable[Asset]:
        """The eligible assets that have a word of each thing asked; none twice, in no promised order.

        Perhaps more: whoever asks still looks at each. From the shortest index that holds them all.
        """
        if not asked:
            return (asset for assets in self._index("collection").values() for asset in assets)
        scopes = [
            [index[word] for word in dict.fromkeys(words) if word in index]
            for index, words in ((self._index(name), words) for name, words in asked)
        ]
        smallest = min(scopes, key=lambda lists: sum(map(len, lists)))
        if len(smallest) == 1:
            return smallest[0]
        return {asset.id: asset for assets in smallest for asset in assets}.values()

    def having(
        self, asked: Sequence[Asked] = (), eligible: bool | None = None, said: Sequence[str] = ()
    ) -> Iterable[Asset]:
        """As ``eligible``, in order of id: with those that may not air, or these alone (``eligible`` false);
        and only those that have each of the casefolded words that are ``said`` in some field."""
        return self.assets.values()

    def read_ahead(self, questions: Iterable[Sequence[Asked]]) -> None:
        """These will be asked of ``eligible``: whoever reads assets from elsewhere may read them together."""

    def named(self, ids: Iterable[str]) -> dict[str, Asset]:
        """The assets of these ids, without those that are gone."""
        found = ((asset_id, self.assets.get(asset_id)) for asset_id in ids)
        return {asset_id: asset for asset_id, asset in found if asset is not None}

    def _index(self, name: str) -> dict[str, list[Asset]]:
        """Word → eligible assets; made when it is first asked for."""
        index = self._indexes.get(name)
        if index is None:
            index = {}
            words_of = WORDS[name]
            for asset in self.assets.values():
                if asset.eligible:
                    for word in words_of(asset):
                        index.setdefault(word, []).append(asset)
            self._indexes[name] = index  # whole: another thread may look into it at once
        return index
