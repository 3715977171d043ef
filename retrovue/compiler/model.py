"""What the compiler makes: the values that the store keeps and playout renders; pure.

Instants are microseconds since the Unix epoch (UTC), durations microseconds. Intervals are half-open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from enum import StrEnum
from operator import attrgetter

from retrovue.credits import Credit
from retrovue.diagnostics import Diagnostic
from retrovue.library.catalog import Asset


class SegmentKind(StrEnum):
    PROGRAM = "program"
    AD = "ad"
    BUMPER = "bumper"
    PROMO = "promo"
    PSA = "psa"
    IDENT = "ident"
    FILLER = "filler"
    CARD = "card"
    TEST_PATTERN = "test_pattern"
    CLOCK = "clock"
    SLATE = "slate"
    COUNTDOWN = "countdown"
    SIGN_OFF = "sign_off"
    NEXT_CARD = "next_card"
    GUIDE = "guide"
    LIVE = "live"


#: What interrupts a programme, or follows it up to the next.
INTERSTITIALS = frozenset(
    {
        SegmentKind.AD,
        SegmentKind.PROMO,
        SegmentKind.PSA,
        SegmentKind.BUMPER,
        SegmentKind.IDENT,
        SegmentKind.FILLER,
    }
)


@dataclass(frozen=True, slots=True)
class ScheduleEvent:
    """One line of a ScheduleDay: what the guide says. Back to back, on the grid."""

    event_id: int  #: 31 bits, positive
    channel: str
    broadcast_date: date
    start_us: int
    end_us: int
    title: str
    subtitle: str
    description: str
    season: int | None
    episode: int | None
    year: int | None
    original_date: str  #: ISO, or empty
    categories: tuple[str, ...]
    rating: str
    kind: str  #: "programme", "movie", "off_air"
    program: str  #: slug of the program or synthetic
    asset_id: str  #: main asset; empty for synthetics
    plan: str
    zone: str
    written_at: str  #: "plans/weekday.yaml:12:5", for people
    fallbacks: tuple[str, ...] = ()  #: asset ids that stand in, in order
    #: What it did to the rotations' cursors (one that is "" is gone); empty for what was in flight before.
    moves: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    #: Its main asset's, by whom they are kept: they change with it.
    credits: tuple[Credit, ...] = field(default=(), compare=False)
    artwork: str = field(default="", compare=False)  #: likewise: the picture of it that guides show

    def __reduce__(self) -> tuple[object, ...]:
        # To another process and back in a quarter of the time.
        return ScheduleEvent, _EVENT_VALUES(self)


#: All fields of an event, in order.
_EVENT_VALUES = attrgetter(*(f.name for f in fields(ScheduleEvent)))


@dataclass(frozen=True, slots=True)
class Segment:
    """One physical or synthetic piece of a Playlist. A channel's segments tile time exactly."""

    channel: str
    broadcast_date: date
    seq: int  #: 0-based within (channel, broadcast_date)
    start_us: int
    end_us: int
    kind: SegmentKind
    event_id: int  #: the event whose block this fills
    asset_id: str = ""  #: physical; empty for synthetic
    in_us: int = 0  #: offset into the asset at start_us
    synthetic: str = ""  #: slug of the synthetic; empty for physical
    title: str = ""  #: what a card or ident says; the asset's name otherwise
    pool: str = ""  #: pool it was drawn from
    overlays: tuple[str, ...] = ()  #: slugs of the overlays in force, lowest first

    @property
    def duration_us(self) -> int:
        return self.end_us - self.start_us


@dataclass(frozen=True, slots=True)
class Delivery:
    """How far a contract has come in one flight at the end of a broadcast day, on one channel."""

    spot: str
    flight: str  #: "2026-06-01..2026-08-31"; empty for a contract that names none
    contracted: int  #: airings, this channel's share
    due: int  #: by the end of this day, were it delivered evenly
    delivered: int


@dataclass(frozen=True, slots=True)
class FillReport:
    """What filled the breaks of a broadcast date of a channel. ``spot_us + ident_us`` is all break time."""

    spot_us: int  #: what pools gave: spots, promos, bumpers, filler
    ident_us: int  #: what the remainders took: idents and cards of exact length
    spots: int
    pods: int
    relaxed: tuple[tuple[str, int], ...] = ()  #: rule given up → how often, in the declared order
    deliveries: tuple[Delivery, ...] = ()  #: contracts whose flight this day is in, by spot

    @property
    def break_us(self) -> int:
        return self.spot_us + self.ident_us


@dataclass(frozen=True, slots=True)
class MadeFrom:
    """What one broadcast day of a channel was made from, as hashes: where all of them are what they were,
    the day would come out as it is. No ``inputs``: it can't be told (it begins with what was published, or
    is another channel's)."""

    inputs: str = ""  #: what rules the date: zones, programs, pools, and the catalog's answers
    places: str = ""  #: where the entries of its zones are written: its events repeat that
    spans: str = ""  #: where everything is written: findings point there
    named: str = ""  #: the assets that the rotations named when the day began
    shows: str = ""  #: its own programmes, as the day before looks ahead to them
    ahead: str = ""  #: the next day's; empty where no promo looks ahead


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about a channel."""

    about: str  #: with the code: what two days say of the same thing is said once
    diagnostic: Diagnostic
    of: tuple[str, ...] = ()  #: where it is one of several things, all of them
    words: tuple[str, str, str] = ("", "", "")  #: what stands before them; behind one, or several


@dataclass(frozen=True, slots=True)
class ScheduleDay:
    """One channel, one broadcast date: events and the playlist under them."""

    channel: str
    broadcast_date: date
    start_us: int
    end_us: int
    events: Sequence[ScheduleEvent]
    playlist: Sequence[Segment]  #: as a rule columns (segments.py)
    checkpoint: Mapping[str, str] = field(default_factory=dict)  #: rotation cursors at the day's end
    fill: FillReport | None = None  #: of the playlist under the events that start on this date
    made: MadeFrom = MadeFrom()
    findings: tuple[Finding, ...] = ()  #: what was found on this day
    #: sha256 over its own events and their segments, hexadecimal (content_hash.py); empty: not worked out.
    content_hash: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where every rotation stood at the end of one broadcast date; a compile goes on from it."""

    broadcast_date: date
    cursors: Mapping[str, Mapping[str, str]]  #: by channel; a channel left out starts anew


@dataclass(frozen=True, slots=True)
class CompiledChannel:
    """A channel as the runtime needs it: everything inherited is filled in."""

    channel: str
    number: str
    vchannel: int
    name: str
    callsign: str
    guide_id: str
    group: str
    logo: str
    grid_us: int
    day_start_minutes: int
    raster: str
    rate: str  #: "30000/1001"
    preset: str
    video_kbps: int
    audio_kbps: int
    position: int  #: order in the lineup
    codec: str = "h264"  #: of the picture
    encoder: str = "libx264"  #: as the station asks for it
    audio_codec: str = "aac"
    loudness: float | None = -24.0  #: LUFS; None: sound is left as it is
    fit: str = "letterbox"  #: station.model.Fit value, where the asset has none
    audio: tuple[str, ...] = ()  #: languages, best first
    subtitles: str = "off"  #: "off", "forced" or a language
    cues: str = "off"  #: how its breaks are told in the stream: "off", "splice_insert" or "time_signal"


@dataclass(frozen=True, slots=True)
class CompiledSynthetic:
    """A synthetic as the runtime needs it."""

    synthetic: str
    shows: str  #: station.model.SyntheticKind value
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class CompiledOverlay:
    """An overlay as the runtime needs it: everything left to its kind is filled in."""

    overlay: str
    shows: str  #: station.model.OverlayKind value
    text: str = ""
    image: str = ""  #: picture file, relative to the station folder; empty for the channel's logo
    corner: str = "bottom-right"
    size: int = 8  #: height, hundredths of the picture's
    opacity: int = 100  #: hundredths
    colour: str = "#f5c542"
    animation: str = "none"  #: station.model.Animation value
    speed: int = 14  #: hundredths of the picture's width a second
    at: str = "start"  #: which end of the programme ``lasts_us`` is counted from
    lasts_us: int = 0  #: 0: all the time
    during: str = ""  #: windows of the day, minutes after midnight: "1080-1380,0-60"; empty for always
    over_ads: bool = False


@dataclass(frozen=True, slots=True)
class CompiledTemplate:
    """A card that the station draws its own way."""

    template: str  #: "cards/ident.svg"
    text: str


@dataclass(frozen=True, slots=True)
class Override:
    """A change within the locked time, made by force. An id of 0: nothing starts there."""

    channel: str
    start_us: int
    before_id: int
    after_id: int
    before: str  #: title
    after: str


@dataclass(frozen=True, slots=True)
class Compiled:
    """All that may air, and what was found on the way."""

    station: str
    name: str
    timezone: str
    first_day: date
    last_day: date
    channels: tuple[CompiledChannel, ...]
    synthetics: tuple[CompiledSynthetic, ...]
    assets: Sequence[Asset]  #: those used, fallbacks included, sorted by id
    days: tuple[ScheduleDay, ...]  #: sorted by (channel position, broadcast_date)
    content_hash: str  #: sha256 over the canonical, ordered rows of everything above
    diagnostics: tuple[Diagnostic, ...] = ()
    opening: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  #: cursors before the first day
    inputs: Mapping[str, str] = field(default_factory=dict)  #: channel → hash of what it is made from
    #: What was found about a channel on no day in particular; under "" what was found about the station.
    findings: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict)
    overrides: tuple[Override, ...] = ()
    overlays: tuple[CompiledOverlay, ...] = ()  #: sorted by slug
    templates: tuple[CompiledTemplate, ...] = ()  #: sorted by name
    clock: str = "12h"  #: how times are written on the screen
    recompiled: Mapping[str, tuple[date, ...]] = field(default_factory=dict)  #: the days compiled anew

    @property
    def start_us(self) -> int:
        """The first instant that every channel covers."""
        return max((d.start_us for d in self.days if d.broadcast_date == self.first_day), default=0)

    @property
    def end_us(self) -> int:
        """The instant up to which every channel is compiled."""
        return min((d.end_us for d in self.days if d.broadcast_date == self.last_day), default=0)


@dataclass(frozen=True, slots=True)
class ArtefactHeader:
    """What an artefact says of itself. ``[start_us, end_us)`` is covered by every channel."""

    schema_version: int
    content_hash: str
    station: str
    name: str
    timezone: str
    first_day: date
    last_day: date
    start_us: int
    end_us: int
    as_of: datetime  #: UTC
    compiler_version: str
    sources_hash: str
    catalog_hash: str
    revision: str
    built_at: datetime  #: UTC
    clock: str = "12h"  #: how times are written on the screen
