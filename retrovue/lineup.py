"""The one interface between the station (playout) and its head-end (the front-ends); pure declarations.

Front-ends import this module and nothing behind it. Instants are aware ``datetime`` in UTC.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from fractions import Fraction
from typing import Any, Literal, NewType, Protocol

from retrovue.credits import Credit

#: A channel's immutable slug ("wrtv").
ChannelId = NewType("ChannelId", str)
#: A key of Lineup.artwork ("logo/wrtv").
ArtworkRef = NewType("ArtworkRef", str)


@dataclass(frozen=True, slots=True)
class ChannelIdent:
    """What a client is told about a channel."""

    id: ChannelId
    number: str  #: "5.1" or "5": digits and at most one dot
    vchannel: int  #: unique positive integer, for clients that tune by integer
    name: str
    callsign: str
    guide_id: str  #: "C5.1.<station>.retrovue.tv", the same in XMLTV and M3U
    group: str = ""  #: free word that groups channels ("Movies")
    logo: ArtworkRef | None = None
    video_codec: str = "H264"  #: HDHomeRun's words: MPEG2, H264, HEVC
    audio_codec: str = "AAC"  #: AC3, AAC, MPEG
    hd: bool = False  #: 720 lines or more


@dataclass(frozen=True, slots=True)
class GuideEntry:
    """One line of the guide: a programme, however many blocks it fills. Back to back, no gaps."""

    event_id: int  #: 31 bits, stable over recompiles and restarts
    channel: ChannelId
    start: datetime
    end: datetime
    title: str
    subtitle: str = ""  #: episode title
    description: str = ""
    season: int | None = None
    episode: int | None = None
    original_date: date | None = None
    year: int | None = None
    categories: tuple[str, ...] = ()
    rating: str = ""  #: "TV-PG"; empty when none
    kind: str = "programme"  #: "programme", "movie", "off_air"
    artwork: ArtworkRef | None = None
    credits: tuple[Credit, ...] = ()  #: by job, in the order of ``credits.JOBS``


@dataclass(frozen=True, slots=True)
class Artwork:
    """A picture for the guide."""

    content_type: str
    data: bytes


class Health(StrEnum):
    """How a channel is doing."""

    OFF_AIR = "off air"
    TUNING = "tuning"
    ON_AIR = "on air"
    LINGERING = "lingering"
    SLATE = "slate"  #: on the air, but showing the slate because of a fault


class Mode(StrEnum):
    """What a channel airs by order of the operator."""

    NORMAL = "normal"  #: its schedule
    SIGN_OFF = "sign-off"  #: its sign-off picture
    EMERGENCY = "emergency"


class EmergencyMode(StrEnum):
    """How an emergency is shown."""

    CRAWL = "crawl"  #: a line of text over the programme
    TAKEOVER = "takeover"  #: a card with a tone instead of the programme


@dataclass(frozen=True, slots=True)
class Emergency:
    """An emergency in force. It is a game: what is shown says that it is fictional."""

    text: str
    mode: EmergencyMode
    since: datetime
    until: datetime | None = None  #: None: until the all clear


@dataclass(frozen=True, slots=True)
class SignOff:
    """A channel ordered off the air: it shows its sign-off picture."""

    since: datetime
    until: datetime | None = None  #: None: until it is told to sign on


@dataclass(frozen=True, slots=True)
class Orders:
    """What the operator has ordered for one channel. An emergency stands over a sign-off."""

    emergency: Emergency | None = None
    sign_off: SignOff | None = None

    @property
    def mode(self) -> Mode:
        if self.emergency is not None:
            return Mode.EMERGENCY
        return Mode.SIGN_OFF if self.sign_off is not None else Mode.NORMAL


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """A channel as the operator sees it now."""

    channel: ChannelId
    health: Health
    viewers: int
    now: GuideEntry | None
    producer: str = ""  #: what renders the picture now ("ffmpeg pid 4711: sitcoms/x.mp4")
    detail: str = ""  #: the last fault, in words; empty when well
    orders: Orders = Orders()  #: of the operator, in force
    slate_ticks: int = 0  #: frames of slate since it came on
    restarts: int = 0  #: how often its tick loop died since it came on
    behind_s: float = 0.0  #: how much of the lead is missing now (seconds)
    planned_until: datetime | None = None  #: end of its playlog


@dataclass(frozen=True, slots=True)
class EncoderStatus:
    """What the encoders of the channels on the air take, in cores."""

    used: float
    budget: float | None  #: None: unlimited
    children: int = 0  #: ffmpeg processes that run now


@dataclass(frozen=True, slots=True)
class StationStatus:
    """The station as the operator sees it now."""

    station: str
    name: str
    timezone: str
    now: datetime
    artefact: str  #: content hash of what is on the air
    horizon_end: datetime | None  #: guide compiled up to here
    channels: tuple[ChannelStatus, ...] = ()
    encoders: EncoderStatus | None = None
    warnings: tuple[str, ...] = ()  #: "reload refused: 2 errors in plans/weekday.yaml; last good stays"


@dataclass(frozen=True, slots=True)
class LineupChange:
    """Something that a front-end may have to tell its clients."""

    kind: Literal["programme", "guide", "channels"]
    channel: ChannelId | None = None


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who watches: for the status page and as-run."""

    front_end: str  #: "hdhomerun", "web", …
    address: str  #: peer "10.0.0.9:51034"
    agent: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One coded picture or one coded audio frame of the channel."""

    stream: Literal["video", "audio"]
    pts: int  #: 90 kHz ticks of station time since the Unix epoch, not wrapped; dts equals pts
    duration: int  #: 90 kHz ticks
    data: bytes  #: H.264 Annex B with AUD, or an MPEG-2 picture; one frame of sound (AAC: with ADTS header)
    key: bool = False  #: video: an IDR with SPS and PPS, or an I-picture with its sequence header


@dataclass(frozen=True, slots=True)
class SignalFormat:
    """What the access units of a signal are, as long as it lasts."""

    width: int  #: pixels of a coded line
    height: int
    frame_rate: Fraction  #: pictures per second
    aspect: tuple[int, int] = (16, 9)  #: of the picture as shown
    video_codec: str = "H264"  #: as in ``ChannelIdent``
    audio_codec: str = "AAC"
    audio_channels: int = 2
    audio_rate: int = 48_000  #: samples per second


@dataclass(frozen=True, slots=True)
class Break:
    """A break of the channel as its cue messages tell it (ANSI/SCTE 35)."""

    id: int  #: 32 bits, no other's for years
    start_us: int  #: station time of its first picture, µs since the Unix epoch
    end_us: int  #: of the first picture behind it; as planned while it lasts
    out: bytes  #: the section that tells its beginning
    back: bytes = b""  #: the section that told its end; empty while it lasts


@dataclass(frozen=True, slots=True)
class MediaSegment:
    """Some seconds of the channel for HTTP Live Streaming: its transport stream from one IDR to another."""

    start_us: int  #: station time of its first picture, µs since the Unix epoch
    duration_us: int
    data: bytes  #: PAT, PMT, IDR, …
    within: Break | None = None  #: the break that its first picture lies in, if the channel tells its breaks
    opens: bool = False  #: it is the first one within it
    after: Break | None = None  #: the break that is over since the segment before


class TuneRefused(Exception):
    """A channel can't be tuned now. ``reason`` says why, for people."""

    def __init__(
        self, code: Literal["unknown_channel", "busy", "tune_failed", "shutting_down"], reason: str
    ) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class OrderRefused(Exception):
    """The control room can't do what was asked. The message says why, for people."""


class ControlRoom(Protocol):
    """What an operator may order. ``channels``: those meant; None is all, and those to come."""

    async def emergency(
        self,
        channels: Sequence[ChannelId] | None = None,
        text: str | None = None,
        mode: EmergencyMode | None = None,
        until: datetime | None = None,
    ) -> None:
        """Emergency; what is not given is the station's default. Raises ``OrderRefused``."""
        ...

    async def all_clear(self, channels: Sequence[ChannelId] | None = None) -> None:
        """The emergency is over: what is on the air is resumed in progress."""
        ...

    async def sign_off(
        self, channels: Sequence[ChannelId] | None = None, until: datetime | None = None
    ) -> None:
        """Show the sign-off picture. Raises ``OrderRefused``."""
        ...

    async def sign_on(self, channels: Sequence[ChannelId] | None = None) -> None:
        """Take up the schedule again."""
        ...


class Schedule(Protocol):
    """What is planned, for the operator."""

    async def reload(self) -> None:
        """Read the station's YAML anew, compile, and air what comes of it; returns when it airs. Raises
        ``OrderRefused``, and the last good stays on the air."""
        ...


class AsRunLog(Protocol):
    """What left the station, for the operator."""

    async def query(
        self, channels: Sequence[ChannelId], start: datetime, end: datetime, most: int
    ) -> Sequence[Mapping[str, Any]]:
        """The runs of ``channels`` that touch [start, end), by time, ``most`` at most: "start" and "end" in
        words, and the columns of the log. Raises ``OrderRefused`` when it can't be read."""
        ...


class Signal(Protocol):
    """One viewer's view of a channel's signal."""

    @property
    def format(self) -> SignalFormat:
        """Of its access units."""
        ...

    def transport_stream(self) -> AsyncIterator[bytes]:
        """MPEG-TS in chunks of whole 188-byte packets; the first begins PAT, PMT, IDR at station time.

        Ends only when the channel is closed for good or after ``close``. A viewer that reads too
        slowly is moved on to the newest IDR.
        """
        ...

    def access_units(self) -> AsyncIterator[AccessUnit]:
        """The same signal as access units, beginning with an IDR."""
        ...

    def media_segments(self) -> AsyncIterator[MediaSegment]:
        """The same signal in segments of about two seconds, each as soon as it is whole."""
        ...

    def fragmented_mp4(self) -> AsyncIterator[bytes]:
        """The same signal as one endless MP4 file, for H.264 and AAC only, beginning with an IDR."""
        ...

    async def close(self, reason: str) -> None:
        """The viewer leaves; idempotent, safe during cancellation."""
        ...


class Lineup(Protocol):
    """All that the front-ends may know of the station."""

    def channels(self) -> Sequence[ChannelIdent]:
        """In order of channel number."""
        ...

    def guide(self, channel: ChannelId, start: datetime, end: datetime) -> Sequence[GuideEntry]:
        """Entries that touch [start, end), in order. Unknown channel: empty. Any thread may ask: what is
        far away is made into values here."""
        ...

    def event(self, event_id: int) -> GuideEntry | None:
        """The entry of the guide with this id."""
        ...

    def guide_end(self) -> datetime:
        """The instant up to which every channel's guide is compiled."""
        ...

    def guide_etag(self) -> str:
        """Changes whenever any guide entry does (the artefact's content hash)."""
        ...

    def artwork(self, ref: ArtworkRef) -> Artwork | None:
        """A channel's logo, at once."""
        ...

    async def picture(self, ref: ArtworkRef, width: int | None = None) -> Artwork | None:
        """A logo or a picture of the guide, which may lie on a slow store; None when there is none. For
        whoever shows it ``width`` pixels wide it is made not much wider, where that can be done."""
        ...

    def status(self) -> StationStatus: ...

    def changes(self) -> AsyncIterator[LineupChange]: ...

    async def tune(self, channel: ChannelId, viewer: Viewer) -> Signal:
        """Join a channel; held until the first bytes are ready. Raises ``TuneRefused``."""
        ...
