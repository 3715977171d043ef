"""The nouns of the station language as frozen pydantic models.

One YAML document is one noun; its first key says which (``station:``, ``channel:``, ``plan:``,
``program:``, ``collection:``, ``pool:``, ``break_format:``, ``synthetic:``). The attribute docstrings
below become the hover text of the JSON Schemas.

Durations are written ``30m``, ``1h30m``, ``15s``, ``4d`` and held in microseconds; times of day are
written ``"06:00"`` and held in minutes after midnight.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    WithJsonSchema,
)

from retrovue.diagnostics import Span
from retrovue.units import SECOND_US

# --- scalars ---------------------------------------------------------------------------------------

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d{1,6})?)s)?")
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


def parse_duration(value: object) -> int:
    """Microseconds of ``"1h30m"``, ``"45s"``, ``"4d"``. Raises ``ValueError``."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value  # already microseconds: a model built in code
    text = str(value).strip()
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        raise ValueError(f"{text!r} is no duration: write it like 30m, 1h30m, 15s or 4d")
    days, hours, minutes, seconds = match.groups()
    whole = (int(days or 0) * 24 + int(hours or 0)) * 60 + int(minutes or 0)
    second_part, _, fraction = (seconds or "0").partition(".")
    return (whole * 60 + int(second_part)) * SECOND_US + int(fraction.ljust(6, "0") or 0)


def parse_time(value: object) -> int:
    """Minutes after midnight of ``"06:00"``. Raises ``ValueError``."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = _TIME.fullmatch(str(value).strip())
    if match is None:
        raise ValueError(f'{value!r} is no time of day: write it like "06:00" or "20:30"')
    return int(match[1]) * 60 + int(match[2])


def parse_date(value: object) -> date:
    """The day of ``"2026-07-04"``. Raises ``ValueError``."""
    if isinstance(value, date):
        return value
    try:
        # Strictly ISO: pydantic alone would take "1983" for seconds since 1970.
        return date.fromisoformat(str(value).strip())
    except ValueError:
        raise ValueError(f"{value!r} is no date: write it like 2026-01-01") from None


def parse_window(value: object) -> tuple[int, int]:
    """Minutes after midnight of start and end of ``"19:00-23:00"``. Raises ``ValueError``."""
    if isinstance(value, tuple):
        return value
    start, dash, end = str(value).partition("-")
    if not dash:
        raise ValueError(f"{value!r} is no window: write it like 19:00-23:00")
    # Broadcasters write the end of the day as 24:00, too.
    return parse_time(start), 0 if end.strip() == "24:00" else parse_time(end)


Duration = Annotated[
    int,
    BeforeValidator(parse_duration),
    WithJsonSchema({"type": "string", "pattern": r"^(\d+d)?(\d+h)?(\d+m)?(\d+(\.\d+)?s)?$"}),
]
TimeOfDay = Annotated[
    int,
    BeforeValidator(parse_time),
    WithJsonSchema({"type": "string", "pattern": r"^([01]?\d|2[0-3]):[0-5]\d$"}),
]
Window = Annotated[
    tuple[int, int],
    BeforeValidator(parse_window),
    WithJsonSchema({"type": "string", "pattern": r"^\d?\d:\d\d\s*-\s*\d?\d:\d\d$"}),
]
Date = Annotated[date, BeforeValidator(parse_date)]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
ChannelNumber = Annotated[
    str,
    Field(pattern=r"^[0-9]{1,4}(\.[0-9]{1,3})?$"),
    # An unquoted 5.1 is a number to an editor; the loader keeps its text as it was written.
    WithJsonSchema({"type": ["string", "number"], "pattern": r"^[0-9]{1,4}(\.[0-9]{1,3})?$"}),
]


class Written(BaseModel):
    """A model that remembers where it was written."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, populate_by_name=True
    )

    _places: Mapping[tuple[str | int, ...], Span] = PrivateAttr(default_factory=dict)

    def place(self, *loc: str | int) -> Span | None:
        """Where the value at ``loc`` (field names as in YAML, list indexes) was written, or its
        nearest parent; ``place()`` is the model itself."""
        while True:
            if (span := self._places.get(loc)) is not None or not loc:
                return span
            loc = loc[:-1]


# --- station ---------------------------------------------------------------------------------------


class Horizon(Written):
    guide: Duration = parse_duration("4d")
    """How far ahead the guide is compiled; at least 2d."""
    playlog: Duration = parse_duration("6h")
    """How far ahead the playlog is kept ready; at least 2h."""
    locked: Duration = parse_duration("2h")
    """What starts within this time of now is no longer changed by a new compile."""


class Personality(StrEnum):
    ATSC = "atsc"
    DVBT = "dvbt"
    CABLECARD = "cablecard"


class Tuner(Written):
    name: str = Field(default="RetroVue", min_length=1, max_length=32)
    """The friendly name that clients show."""
    count: int = Field(default=6, ge=1, le=10)
    """How many viewers at once; one digit suits every client."""
    personality: Personality = Personality.ATSC
    """Which HDHomeRun family the device resembles."""
    device_id: Annotated[str, Field(pattern=r"^[0-9A-Fa-f]{8}$")] | None = None
    """The 8-digit device id with a valid check digit; made and kept in the state directory when absent."""


class FrameRate(StrEnum):
    FPS_25 = "25"
    FPS_29_97 = "29.97"
    FPS_30 = "30"
    FPS_50 = "50"
    FPS_59_94 = "59.94"


class HouseFormat(Written):
    raster: Literal["360p", "480p", "576p", "720p", "1080p"] = "480p"
    """Lines of the picture; always 16:9, always progressive (480p is 854x480)."""
    rate: FrameRate = FrameRate.FPS_29_97
    """Frames per second of everything the channel sends."""
    preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium"] = "veryfast"
    """x264's speed against size."""
    video_kbps: int = Field(default=2000, ge=200, le=20000)
    """Video bit rate, kbit/s."""
    audio_kbps: int = Field(default=128, ge=64, le=384)
    """Audio bit rate, kbit/s (AAC-LC stereo, 48 kHz)."""


class Serve(Written):
    bind: str = "0.0.0.0"  # noqa: S104  a television is another machine
    """Address to listen on; 127.0.0.1 keeps the station to this machine."""
    http_port: int = Field(default=8080, ge=0, le=65535)
    """Web page, guide and tuner API. Clients that search for tuners need 80."""
    port_80: bool = True
    """Answer on port 80, too, where the process may and no ``--http-port`` was given: clients that search
    for tuners ask there."""
    stream_port: int = Field(default=5004, ge=0, le=65535)
    """Where the video comes from; a real HDHomeRun uses 5004."""
    control_port: int = Field(default=65001, ge=0, le=65535)
    """HDHomeRun discovery (UDP) and control (TCP); every client expects 65001."""
    htsp_port: int = Field(default=9982, ge=0, le=65535)
    """HTSP, for the Tvheadend front-end."""
    tvheadend_port: int = Field(default=9981, ge=0, le=65535)
    """HTTP of the Tvheadend front-end."""
    discovery: Literal["auto", "on", "off"] = "auto"
    """auto: found on the LAN only when port 80 serves the tuner API; loopback is always answered."""
    external_url: str | None = None
    """The URL clients should use when it is not the address they reach (containers, NAT)."""
    state: str | None = None
    """State directory, relative to the station folder: artefacts, as-run, device identity, caches."""
    zeroconf: bool = True
    """Announce the station by mDNS."""


class Station(Written):
    """The station itself: one per folder, in station.yaml."""

    station: Slug
    """The station's slug: part of every guide id, so never change it."""
    name: str
    """The name people see."""
    timezone: str
    """IANA time zone, like America/New_York."""
    broadcast_day_start: TimeOfDay = parse_time("06:00")
    """When the broadcast day begins, local time."""
    grid: Duration = parse_duration("30m")
    """Programmes start on multiples of this: 5m, 10m, 15m, 30m or 60m."""
    seed: int = 0
    """Where every random pick begins; another seed is another station."""
    epoch: Date = date(2026, 1, 1)
    """The first broadcast date of the rotations."""
    horizon: Horizon = Horizon()
    """How far ahead the station is planned."""
    tuner: Tuner = Tuner()
    """The tuner that clients find on the network."""
    format: HouseFormat = HouseFormat()
    """What every channel sends, unless it says otherwise."""
    serve: Serve = Serve()
    """Where the station listens."""
    breaks: Slug | None = None
    """The break format channels use when they name none."""
    off_air: Slug = "test-pattern"
    """What airs where no plan has a zone: a synthetic or a program."""
    linger: Duration = parse_duration("10s")
    """How long a channel stays on the air after its last viewer left."""


# --- channel ---------------------------------------------------------------------------------------


class Channel(Written):
    """A channel of the station."""

    channel: Slug
    """The channel's slug: immutable."""
    number: ChannelNumber
    """The number on the remote control, "5.1" or "5"."""
    name: str
    """The name that guides show."""
    callsign: str = ""
    """Call letters; the slug in capitals when absent."""
    vchannel: int | None = Field(default=None, ge=1, le=65535)
    """Integer for clients that can't tune "5.1"; derived when absent (5.1 is 501, 5 is 5)."""
    group: str = ""
    """A word that groups channels in clients."""
    logo: str | None = None
    """Picture file, relative to the station folder."""
    plans: tuple[Slug, ...] = Field(min_length=1)
    """The plans that may apply; the most specific one wins, zone by zone."""
    grid: Duration | None = None
    """The channel's own grid; the station's when absent."""
    broadcast_day_start: TimeOfDay | None = None
    """When the channel's broadcast day begins; the station's when absent."""
    breaks: Slug | None = None
    """The break format; "none" means programmes play whole."""
    off_air: Slug | None = None
    """What airs where no plan has a zone; the station's when absent."""
    format: HouseFormat | None = None
    """What the channel sends; the station's when absent."""
    fallback: tuple[Slug, ...] = ()
    """Pools whose assets stand in, in order, for what can't be played at air time."""


# --- plan ------------------------------------------------------------------------------------------

#: An empty list would be a plan that never applies.
Words = Annotated[tuple[str, ...], Field(min_length=1)]


class When(Written):
    """When a plan applies; all that is given must hold. Nothing given: every day."""

    days: str | Words | None = None
    """Weekdays of the broadcast date: "mon-fri", "sat", [sat, sun], "all"."""
    dates: str | Words | None = None
    """Dates or ranges, with or without year: "12-24..12-26", "2026-07-04", [..]."""
    on: str | Words | None = None
    """Named days: "us:thanksgiving", "easter", "easter-2d"."""


class PlayItem(Written):
    """One thing to play, with what differs here from its own definition."""

    program: Slug
    """A program or a synthetic."""
    mode: PlayMode | None = None
    """The order here; the program's own when absent."""
    from_: str | None = Field(default=None, alias="from", pattern=r"^S[0-9]{1,4}E[0-9]{1,5}$")
    """Begin the series here the first time it is used."""


class Zone(Written):
    """A named window of the broadcast day and what fills it."""

    zone: str
    """The zone's name."""
    window: Window
    """Start and end, local time; may cross midnight; "06:00-06:00" is the whole day."""
    play: tuple[Slug | PlayItem, ...] = ()
    """Programs in turn until the window is full."""
    at: Mapping[str, Slug | PlayItem] = Field(default_factory=dict)
    """Programs pinned to a time of day."""
    bleed: Literal["forbid", "allow"] = "forbid"
    """May the last programme run past the end?"""
    breaks: Slug | None = None
    """The break format in this zone; the program's or channel's when absent."""


class Plan(Written):
    """Zones, and when they apply."""

    plan: Slug
    """The plan's slug, for a channel's list of plans."""
    when: When = When()
    """The days the plan applies to; every day when absent."""
    priority: int = 0
    """The higher plan wins; between equals the more specific."""
    zones: tuple[Zone, ...] = Field(min_length=1)
    """The windows of the broadcast day; they may not overlap."""


# --- program ---------------------------------------------------------------------------------------


class PlayMode(StrEnum):
    """In which order a program takes its assets."""

    SEQUENTIAL = "sequential"
    RANDOM = "random"
    SHUFFLE = "shuffle"


class Query(Written):
    """Picks assets from the catalog; everything given must hold."""

    collection: Slug | None = None
    """Only from this collection."""
    series: str | None = None
    """Only of this series."""
    season: int | None = None
    """Only of this season."""
    title: str | None = None
    """Only with this title."""
    tag: str | None = None
    """Only with this tag."""
    asset: str | None = None
    """One asset by its id, "collection/key"."""
    min_duration: Duration | None = None
    """Nothing shorter."""
    max_duration: Duration | None = None
    """Nothing longer."""


class ChainNode(Written):
    """One step of a program's chain: exactly one of the keys."""

    episodes: Query | None = None
    """The main content: one asset a go, by the program's mode."""
    bumper: Query | Slug | None = None
    """An opener or closer: a pool's slug or a query."""
    program: Slug | None = None
    """One go of another program."""
    synthetic: Slug | None = None
    """A generated picture, for the duration the synthetic says."""


class Program(Written):
    """What airs and in what order, never when."""

    program: Slug
    """The program's slug, for zones and chains."""
    title: str = ""
    """Title in the guide; the asset's own when empty."""
    chain: tuple[ChainNode, ...] = Field(min_length=1)
    """What one go of the program plays, in this order."""
    mode: PlayMode = PlayMode.SEQUENTIAL
    """The order in which episodes are taken."""
    breaks: Slug | None = None
    """The break format; "none" plays it whole; the zone's or channel's when absent."""
    description: str = ""
    """What the guide says about it; the asset's own when empty."""
    categories: tuple[str, ...] = ()
    """Words for the guide: Movie, Series, Kids, News, Sports…"""
    rating: str = ""
    """"TV-PG"; the asset's own when empty."""
    not_before: TimeOfDay | None = None
    """Watershed: never starts before this time of day…"""
    not_after: TimeOfDay | None = None
    """…nor after this one (broadcast-day time, so 05:00 is late at night)."""


# --- spots and breaks ------------------------------------------------------------------------------


class SpotKind(StrEnum):
    """What an interstitial is."""

    AD = "ad"
    PROMO = "promo"
    BUMPER = "bumper"
    IDENT = "ident"
    FILLER = "filler"


class Pool(Written):
    """Interstitials that a break draws from."""

    pool: Slug
    """The pool's slug, for break formats and bumpers."""
    kind: SpotKind = SpotKind.AD
    """What its spots are: ad, promo, bumper, ident or filler."""
    spots: Query
    """Which assets belong to it."""
    mode: PlayMode = PlayMode.SHUFFLE
    """The order in which they are taken; shuffle repeats none before all have aired."""


class BreakFormat(Written):
    """Where breaks fall and what fills them."""

    break_format: Slug
    """The break format's slug, for channels, zones and programs."""
    at: Literal["marks", "rule", "none"] = "marks"
    """marks: at the asset's break marks; rule: by ``otherwise`` always; none: between programmes only."""
    otherwise: str = "none"
    """For a programme with no marks: thirds, center, end, none, or "every 12m"."""
    min_spacing: Duration = parse_duration("4m")
    """The least time between two breaks."""
    first_not_before: Duration = parse_duration("3m")
    """No break closer to the start than this."""
    last_not_after: Duration = parse_duration("2m")
    """No break closer to the end than this."""
    max_breaks: int = Field(default=6, ge=0, le=60)
    """No more breaks than this in one programme."""
    open_with: Slug | None = None
    """Pool of bumpers that lead into a pod."""
    close_with: Slug | None = None
    """Pool of bumpers that lead back."""
    fill_with: tuple[Slug, ...] = ()
    """Pools that fill pods, used in turn."""
    remainder: Slug = "station-ident"
    """The synthetic that closes what no spot fits, to the microsecond."""


class SyntheticKind(StrEnum):
    """What a synthetic shows."""

    TEST_PATTERN = "test_pattern"
    CLOCK = "clock"
    IDENT = "ident"
    CARD = "card"
    SLATE = "slate"


class Synthetic(Written):
    """A generated picture and sound of any duration."""

    synthetic: Slug
    """The synthetic's slug, for zones, chains and off_air."""
    shows: SyntheticKind
    """The picture: test_pattern, clock, ident, card or slate."""
    title: str = ""
    """Title in the guide, and the large line on a card or ident."""
    text: str = ""
    """The small line."""
    duration: Duration | None = None
    """How long one go lasts when a program uses it; none fills the window."""


#: Synthetics every station has; a station may define its own by the same slug.
BUILT_IN_SYNTHETICS: Mapping[str, Synthetic] = {
    s.synthetic: s
    for s in (
        Synthetic(synthetic="test-pattern", shows=SyntheticKind.TEST_PATTERN, title="Test Pattern"),
        Synthetic(synthetic="station-clock", shows=SyntheticKind.CLOCK, title="Station Clock"),
        Synthetic(synthetic="station-ident", shows=SyntheticKind.IDENT, title=""),
        Synthetic(synthetic="slate", shows=SyntheticKind.SLATE, title="Please Stand By"),
    )
}


# --- library ---------------------------------------------------------------------------------------


class Collection(Written):
    """A body of assets from one source."""

    collection: Slug
    """The collection's slug: part of every asset's id."""
    source: Mapping[str, Any]
    """The adapter's settings; ``kind`` says which (filesystem)."""
    holds: Literal["series", "movies", "shorts", "spots"] = "series"
    """What its assets are, for what file names mean and what guides say."""
    approve: Literal["auto", "manual"] = "auto"
    """auto: what is ready may air; manual: it waits for ``retrovue approve``."""


class StationModel(BaseModel):
    """A whole station folder, validated and cross-checked."""

    model_config = ConfigDict(frozen=True)

    station: Station
    channels: tuple[Channel, ...]  #: in order of number
    plans: Mapping[str, Plan]
    programs: Mapping[str, Program]
    collections: Mapping[str, Collection]
    pools: Mapping[str, Pool]
    break_formats: Mapping[str, BreakFormat]
    synthetics: Mapping[str, Synthetic]  #: built-in ones included
    folder: Path = Path()  #: the station folder
    sources_hash: str = ""  #: sha256 over the YAML files' relative names and bytes

    @property
    def written_state(self) -> Path | None:
        """The state directory that station.yaml names; None when it names none."""
        state = self.station.serve.state
        return self.folder / Path(state).expanduser() if state else None


PlayItem.model_rebuild()
