"""The nouns of the station language as frozen pydantic models.

One YAML document is one noun; its first key says which (``station:``, ``channel:``, ``plan:``,
``program:``, ``virtual:``, ``collection:``, ``pool:``, ``spot:``, ``break_format:``, ``overlay:``,
``synthetic:``, ``live:``). The attribute docstrings below become the hover text of the JSON Schemas.

Durations are written ``30m``, ``1h30m``, ``15s``, ``4d`` and held in microseconds; times of day are
written ``"06:00"`` and held in minutes after midnight.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PrivateAttr,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from retrovue.diagnostics import Span
from retrovue.secret import PATTERN as SECRET_PATTERN
from retrovue.secret import WrittenSecret
from retrovue.units import FIRST_YEAR, HOUR_US, LAST_YEAR, SECOND_US

# --- scalars ---------------------------------------------------------------------------------------

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d{1,6})?)s)?")
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
#: Where live sources come from; no name or password before the host ("udp://@" is how multicast is written).
LIVE_URL = (
    r"^(?:(?:https?|rtsp)://[A-Za-z0-9._\-\[\]:]+(?:[/?][^\s\\]*)?"
    r"|(?:udp|rtp)://@?[A-Za-z0-9._\-\[\]:]+:[0-9]{1,5})$"
)
#: No duration is longer: a hundred years.
LONGEST_US = 36_525 * 24 * HOUR_US
_YEARS = re.compile(r"([0-9]{4})(?:\.\.([0-9]{4}))?")


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
    us = (whole * 60 + int(second_part)) * SECOND_US + int(fraction.ljust(6, "0") or 0)
    if us > LONGEST_US:
        raise ValueError(f"{text!r} is far too long: 36525d, a hundred years, is the most")
    return us


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
        day = date.fromisoformat(str(value).strip())
    except ValueError:
        raise ValueError(f"{value!r} is no date: write it like 2026-01-01") from None
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError(f"{value!r} is beyond the calendar: write a year from {FIRST_YEAR} to {LAST_YEAR}")
    return day


def parse_secret(value: object) -> str:
    """A reference to a secret: ``"env:NAME"`` or ``"file:PATH"``. Raises ``ValueError``."""
    text = str(value).strip()
    if re.fullmatch(SECRET_PATTERN, text) is None:
        # What was written may be the secret itself: it is not repeated.
        raise WrittenSecret("a secret is never written here: write env:NAME or file:PATH, where it is")
    return text


def parse_network(value: object) -> IPv4Network | IPv6Network | Literal["lan"]:
    """``"203.0.113.0/24"``, ``"203.0.113.7"``, or ``"lan"``: the station's own. Raises ``ValueError``."""
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    text = str(value).strip()
    if text == "lan":
        return "lan"
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise ValueError(
            f"{value!r} is no network: write lan, or like 203.0.113.7 (an address) or 203.0.113.0/24"
        ) from None
    if str(network.network_address) != str(ip_address(text.partition("/")[0])):
        raise ValueError(f"{value!r} is an address of the network {network}: write {network}")
    return network


def parse_window(value: object) -> tuple[int, int]:
    """Minutes after midnight of start and end of ``"19:00-23:00"``. Raises ``ValueError``."""
    if isinstance(value, tuple):
        return value
    start, dash, end = str(value).partition("-")
    if not dash:
        raise ValueError(f"{value!r} is no window: write it like 19:00-23:00")
    # Broadcasters write the end of the day as 24:00, too.
    return parse_time(start), 0 if end.strip() == "24:00" else parse_time(end)


def parse_years(value: object) -> tuple[int, int]:
    """First and last year of ``"1980..1989"`` or ``"1985"``. Raises ``ValueError``."""
    if isinstance(value, tuple):
        return value
    match = _YEARS.fullmatch(str(value).strip())
    if match is None:
        raise ValueError(f"{value!r} is no year: write it like 1985 or 1980..1989")
    first, last = int(match[1]), int(match[2] or match[1])
    if last < first:
        raise ValueError(f"{value!r} ends before it begins: write the earlier year first")
    return first, last


class _OneOrMore:
    """One value alone means a list of it; the schema offers both spellings."""

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = handler(core_schema)
        return {"anyOf": [schema["items"], schema]}


def _as_list(value: object) -> object:
    return (value,) if isinstance(value, str | int | float | date) else value


_T = TypeVar("_T")
#: A list in which one value may stand for itself: ``days: sat`` is ``days: [sat]``.
OneOrMore = Annotated[tuple[_T, ...], BeforeValidator(_as_list), _OneOrMore()]

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
Years = Annotated[
    tuple[int, int],
    BeforeValidator(parse_years),
    WithJsonSchema({"type": ["string", "integer"], "pattern": r"^\d{4}(\.\.\d{4})?$"}),
]
Date = Annotated[date, BeforeValidator(parse_date)]
SecretReference = Annotated[
    str, BeforeValidator(parse_secret), WithJsonSchema({"type": "string", "pattern": SECRET_PATTERN})
]
Network = Annotated[
    IPv4Network | IPv6Network | Literal["lan"],
    BeforeValidator(parse_network),
    WithJsonSchema({"type": "string"}),
]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
ChannelNumber = Annotated[
    str,
    Field(pattern=r"^[0-9]{1,4}(\.[0-9]{1,3})?$"),
    # An unquoted 5.1 is a number to an editor; the loader keeps its text as it was written.
    WithJsonSchema({"type": ["string", "number"], "pattern": r"^[0-9]{1,4}(\.[0-9]{1,3})?$"}),
]


class Written(BaseModel):
    """A model that remembers where it was written."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    _node: Any = PrivateAttr(default=None)  #: the document.Mapping that it was made from

    def place(self, *loc: str | int) -> Span | None:
        """Where the value at ``loc`` (field names as in YAML, list indexes) was written, or its
        nearest parent; ``place()`` is the model itself."""
        # As self._node, which asks twice and by way of pydantic's __getattr__: there are very many places.
        private = self.__pydantic_private__
        node = private["_node"] if private is not None else None
        if node is None:
            return None
        for step in loc:
            below = node.below(step)
            if below is None:
                break
            node = below
        place: Span = node.place
        return place

    @property
    def written(self) -> object:
        """All that was written, with its places, as a value to compare or print; None when made in code."""
        return self._node


# --- policies: station, channel, zone and program may each have one; the nearest wins --------------


class Separation(Written):
    """The least time between two spots that are alike; between two of one pod, too."""

    copy_: Duration | None = Field(default=None, alias="copy")
    """Between two airings of the same spot."""
    advertiser: Duration | None = None
    """Between two spots of one advertiser."""
    category: Duration | None = None
    """Between two spots of one product category."""


class SpotRule(StrEnum):
    """A rule of the spots that may be given up when nothing fits."""

    CATEGORY = "category"
    ADVERTISER = "advertiser"
    COPY = "copy"
    DAILY_CAP = "daily_cap"


class Traffic(Written):
    """What fills breaks and how thickly; what is not said here is inherited, key by key."""

    pools: OneOrMore[Slug] | None = None
    """Pools that fill pods, in turn, instead of the break format's ``fill_with``."""
    separation: Separation | None = None
    """How far apart like spots stay; where a pool says the same of its spots, the longer time holds."""
    ads_per_hour: Duration | None = None
    """No more advertising than this in one hour of the clock."""
    relax: OneOrMore[SpotRule] | None = None
    """Rules given up, in this order, when nothing fits; the pool's own order when absent."""


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


class VirtualDevice(Written):
    """What every tuner of the station has."""

    name: str = Field(default="RetroVue", min_length=1, max_length=32)
    """The friendly name that clients show."""
    count: int = Field(default=6, ge=1, le=10)
    """How many viewers at once; one digit suits every client."""
    personality: Personality = Personality.ATSC
    """Which HDHomeRun family the device resembles."""
    device_id: Annotated[str, Field(pattern=r"^[0-9A-Fa-f]{8}$")] | None = None
    """The 8-digit device id with a valid check digit; made and kept in the state directory when absent."""
    channels: OneOrMore[str] = ()
    """Only these channels: numbers, slugs, or words of their ``group``; all when absent."""


class Device(VirtualDevice):
    """A further tuner beside the first, with a lineup of its own."""

    device: Slug
    """Its slug: its device id is kept under this, so never change it."""
    http_port: int | None = Field(default=None, ge=0, le=65535)
    """Where its tuner API and its video are: one that no other tuner on the address has."""
    bind: str | None = None
    """An address of this machine that no other tuner has, where clients find it by search, too. ``serve``
    must then have one address, as well."""


class Tuner(VirtualDevice):
    devices: OneOrMore[Device] = ()
    """Further tuners, each with its own device id, channels and port."""


class FrameRate(StrEnum):
    FPS_25 = "25"
    FPS_29_97 = "29.97"
    FPS_30 = "30"
    FPS_50 = "50"
    FPS_59_94 = "59.94"


Encoder = Literal[
    "auto",
    "libx264",
    "h264_nvenc",
    "h264_qsv",
    "h264_vaapi",
    "h264_videotoolbox",
    "h264_v4l2m2m",
]


class HouseFormat(Written):
    raster: Literal["360p", "480p", "576p", "720p", "1080p"] = "480p"
    """Lines of the picture; always 16:9, always progressive (480p is 854x480)."""
    rate: FrameRate = FrameRate.FPS_29_97
    """Frames per second of everything the channel sends."""
    codec: Literal["h264", "mpeg2"] = "h264"
    """How the picture is coded; mpeg2 suits old tuner clients (480p and 576p then have 720 pixels a line)."""
    encoder: Encoder = "libx264"
    """What codes H.264. A hardware encoder that doesn't work on the machine is replaced by libx264; auto
    takes the first that works, hardware before libx264."""
    preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium"] = "veryfast"
    """libx264's speed against size."""
    video_kbps: int | None = Field(default=None, ge=200, le=20000)
    """Video bit rate, kbit/s; when absent by raster, rate and codec: 2000 for 480p, 4000 for 720p, 8000 for
    1080p, half as much again above 30 frames per second, twice as much for mpeg2."""
    audio_codec: Literal["aac", "ac3", "mp2"] | None = None
    """How the sound is coded, always stereo at 48 kHz; when absent AAC-LC, and AC-3 beside mpeg2."""
    audio_kbps: int | None = Field(default=None, ge=64, le=384)
    """Audio bit rate, kbit/s; when absent 128 for aac, 192 for ac3 and mp2."""
    loudness: Annotated[float, Field(ge=-31, le=-10)] | Literal["off"] = -24.0
    """Programme loudness, LUFS (EBU R 128, ITU-R BS.1770): -24 in North America (ATSC A/85), -23 in Europe
    (EBU R 128); off leaves sound as it is."""


class Fit(StrEnum):
    """How a picture of another shape comes onto the 16:9 screen."""

    LETTERBOX = "letterbox"
    CROP = "crop"
    STRETCH = "stretch"


#: ISO 639, two letters or three.
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
Subtitles = Annotated[str, Field(pattern=r"^(off|forced|[a-z]{2,3})$")]


#: How breaks are told to equipment down the line.
Cues = Literal["off", "splice_insert", "time_signal"]


class Account(Written):
    """Somebody who may watch as a client of Tvheadend or Xtream codes."""

    name: str = Field(min_length=1, max_length=64)
    """What the client calls itself."""
    password: SecretReference
    """Where the password is: ``env:NAME`` or ``file:PATH``."""


class UrlToken(Written):
    """Somebody from another network who may watch by address."""

    name: str = Field(min_length=1, max_length=64)
    """For whom it is."""
    token: SecretReference
    """Where the token is: ``env:NAME`` or ``file:PATH``; at least 16 letters and digits."""


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
    tvheadend: bool = True
    """Answer as a Tvheadend server, too: for Kodi (pvr.hts) and others that speak HTSP."""
    htsp_port: int = Field(default=9982, ge=0, le=65535)
    """HTSP of the Tvheadend front-end."""
    tvheadend_port: int = Field(default=9981, ge=0, le=65535)
    """HTTP of the Tvheadend front-end."""
    xtream: bool = True
    """Answer as an Xtream codes server, too: for set-top players, on the HTTP ports."""
    accounts: tuple[Account, ...] = ()
    """Who may use the Tvheadend and Xtream front-ends, from wherever. With none they are open to the networks
    of ``allow``, and to nobody else."""
    allow: OneOrMore[Network] = ("lan",)
    """From which networks everything may be used, beside the machine itself: lan is its own (private
    addresses, and neighbours in the same IPv6 network); others as an address or like 203.0.113.0/24."""
    tokens: tuple[UrlToken, ...] = ()
    """What opens playlist, guide and streams elsewhere, as ``?token=…`` in the address."""
    discovery: Literal["auto", "on", "off"] = "auto"
    """auto: found on the LAN only when port 80 serves the tuner API; loopback is always answered."""
    external_url: str | None = None
    """The URL clients should use when it is not the address they reach (containers, NAT)."""
    state: str | None = None
    """State directory, relative to the station folder: artefacts, as-run, device identity, caches."""
    zeroconf: bool = True
    """Announce the station by mDNS."""
    ssdp: bool = False
    """Announce the tuners by SSDP (UPnP), too, for the few programs that look for them so."""
    token: SecretReference | None = None
    """Where the token of the control API is: ``env:NAME`` or ``file:PATH``. One is made and kept in the state
    directory when absent."""


class Dst(Written):
    """What happens on the two nights when the clocks change."""

    spring: Literal["skip", "compress"] = "skip"
    """skip: what was planned for the hour that doesn't exist is left out; compress: the zones of that night
    share what is left of it."""
    fall: Literal["repeat", "fill"] = "fill"
    """fill: the zone that rules the hour goes on while it comes twice; repeat: the hour's programmes air
    again."""


class Ladder(Written):
    """What happens when a programme can't be played: again, then its planned stand-ins, then the slate."""

    checks: OneOrMore[Duration] = (parse_duration("24h"), parse_duration("2h"))
    """How long before their time files are looked at: are they there, do they decode, are they long enough?
    [] for never."""
    first_picture: Duration = Field(default=parse_duration("10s"), ge=SECOND_US)
    """A file that has not begun to play after this long is given up…"""
    next_picture: Duration = Field(default=parse_duration("3s"), ge=SECOND_US)
    """…and so is one that stops in the middle for this long."""
    restarts: int = Field(default=3, ge=0, le=100)
    """How often a producer that died or hangs is started again before a stand-in takes over."""
    retry: Duration = Field(default=parse_duration("30s"), ge=SECOND_US)
    """When nothing can be played, the programme is tried again after this long, then after twice as long,
    up to five minutes."""


class Encoders(Written):
    """How much encoding this machine bears. What a channel costs is told by its format: 480p at 29.97 with
    ``veryfast`` is a third of a core; house copies cost next to nothing."""

    budget: Annotated[float, Field(gt=0, le=1024, allow_inf_nan=False)] | Literal["auto"] = "auto"
    """Cores that encoders may keep busy; auto is two thirds of what the process may use."""
    beyond: Literal["refuse", "degrade"] = "refuse"
    """What becomes of a channel that would go beyond it: it is refused as busy, or encoded with a faster
    preset (and refused when not even the fastest fits)."""


class EmergencyDesk(Written):
    """The station's emergency desk. Its emergencies are fictional, and everything it shows says so."""

    text: str = Field(default="Please stay tuned for further information.", min_length=1, max_length=1000)
    """What an emergency says when nobody gives it a text (``retrovue emergency on``, SIGUSR1)."""
    mode: Literal["crawl", "takeover"] = "takeover"
    """takeover: a card with a bell instead of the programme; crawl: a line of text over it."""
    voice: str = Field(default="", max_length=300)
    """What the desk says of itself below every emergency; "This is a fictional emergency of …" with the
    station's name when empty."""


class Station(Written):
    """The station itself: one per folder, in station.yaml."""

    station: Slug
    """The station's slug: part of every guide id, so never change it."""
    name: str = Field(pattern=r"\S")
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
    fit: Fit = Fit.LETTERBOX
    """How pictures that are not 16:9 fill the screen, unless channel, collection or sidecar say otherwise:
    letterbox shows all of it between bars, crop fills the screen and loses edges, stretch distorts."""
    audio: OneOrMore[Language] = ()
    """Languages of the sound, best first: [de, en]; what the file marks as its default when none is there."""
    subtitles: Subtitles = "off"
    """Subtitles drawn into the picture: off, forced (only what translates signs and foreign speech), or a
    language, "de". Picture subtitles of the file, and .srt files beside it."""
    cues: Cues = "off"
    """Cue messages (SCTE 35) that tell in the stream, and in the HLS play list, where breaks begin and end:
    off, splice_insert (out of the network and back) or time_signal (breaks and each advertisement)."""
    serve: Serve = Serve()
    """Where the station listens."""
    breaks: Slug | None = None
    """The break format channels use when they name none."""
    off_air: Slug = "test-pattern"
    """What airs where no plan has a zone: a synthetic or a program."""
    sign_off: Slug = "sign-off"
    """The synthetic that a channel shows while it is ordered to sign off."""
    encoders: Encoders = Encoders()
    """How many channels may be encoded at once."""
    emergency: EmergencyDesk = EmergencyDesk()
    """What an emergency says, and how it is shown."""
    linger: Duration = parse_duration("10s")
    """How long a channel stays on the air after its last viewer left."""
    keep: int = Field(default=5, ge=0, le=100)
    """How many previous artefacts stay, for ``retrovue rollback``."""
    seasons: Mapping[str, OneOrMore[str]] = Field(default_factory=dict)
    """Names for times of the year, for a plan's ``when``: ``summer: 06-01..08-31``."""
    dst: Dst = Dst()
    """What happens when the clocks change."""
    ladder: Ladder = Ladder()
    """What happens when a programme can't be played."""
    overlays: OneOrMore[Slug] | None = None
    """Overlays on every channel that names none; [] for none."""
    clock: Literal["12h", "24h"] = "12h"
    """How times are written on the screen: 8:30 or 20:30."""
    traffic: Traffic = Traffic()
    """What fills breaks, where nothing nearer says so."""
    max_fill: Duration = parse_duration("12m")
    """More interstitials than this in half an hour are a warning."""
    expect: OneOrMore[str] = ()
    """What must be true of every channel: "nothing TV-MA before 21:00", "fill >= 99.9 %"."""
    include: OneOrMore[str] = ()
    """Files or folders outside the station folder that belong to it: ``../common/holidays.yaml``."""
    vars: Mapping[str, Any] = Field(default_factory=dict)
    """Values that templates (``*.yaml.j2``) may use."""


# --- channel ---------------------------------------------------------------------------------------


class Channel(Written):
    """A channel of the station."""

    channel: Slug
    """The channel's slug: immutable."""
    number: ChannelNumber
    """The number on the remote control, "5.1" or "5"."""
    name: str = Field(pattern=r"\S")
    """The name that guides show."""
    callsign: str = ""
    """Call letters; the slug in capitals when absent."""
    vchannel: int | None = Field(default=None, ge=1, le=65535)
    """Integer for clients that can't tune "5.1"; derived when absent (5.1 is 501, 5 is 5)."""
    group: str = ""
    """A word that groups channels in clients."""
    logo: str | None = None
    """Picture file, relative to the station folder."""
    plans: tuple[Slug, ...] = Field(default=(), min_length=1)
    """The plans that may apply; the most specific one wins, zone by zone. Mandatory, but for a simulcast."""
    simulcast: Slug | None = None
    """Airs what this other channel airs; such a channel has no plans."""
    delay: Duration = 0
    """How much later a simulcast airs it: ``1h`` makes a "+1" channel; at most 24h."""
    grid: Duration | None = None
    """The channel's own grid; the station's when absent."""
    broadcast_day_start: TimeOfDay | None = None
    """When the channel's broadcast day begins; the station's when absent."""
    breaks: Slug | None = None
    """The break format; "none" means programmes play whole."""
    off_air: Slug | None = None
    """What airs where no plan has a zone; the station's when absent."""
    sign_off: Slug | None = None
    """The synthetic that it shows while it is ordered to sign off; the station's when absent."""
    format: HouseFormat | None = None
    """What the channel sends; the station's when absent."""
    fit: Fit | None = None
    """How pictures that are not 16:9 fill the screen; the station's when absent."""
    audio: OneOrMore[Language] | None = None
    """Languages of the sound, best first; the station's when absent."""
    subtitles: Subtitles | None = None
    """Subtitles drawn into the picture; the station's when absent."""
    cues: Cues | None = None
    """Cue messages (SCTE 35) at its breaks; the station's when absent."""
    fallback: tuple[Slug, ...] = ()
    """Pools whose assets stand in, in order, for what can't be played at air time."""
    overlays: OneOrMore[Slug] | None = None
    """Overlays; the station's when absent, [] for none."""
    traffic: Traffic = Traffic()
    """What fills breaks; the station's, key by key, when absent."""
    max_fill: Duration | None = None
    """More interstitials than this in half an hour are a warning; the station's when absent."""
    expect: OneOrMore[str] = ()
    """What must be true of this channel: "fri 20:00 is movie"."""


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
    nth: str | Words | None = None
    """Weekdays by their number in the month: "last fri", "2nd tue, 4th tue"."""
    season: str | Words | None = None
    """Seasons that station.yaml names under ``seasons``."""
    cron: str | Words | None = None
    """Dates as cron writes them, "* * 1,15 * *": day of month, month and weekday count; minute and hour must
    be there and mean nothing. As in cron, one of the two is enough when both day and weekday are given."""


class PlayItem(Written):
    """One thing to play, with what differs here from its own definition."""

    program: Slug
    """A program, a virtual or a synthetic."""
    mode: PlayMode | None = None
    """The order here; the program's own when absent."""
    from_: str | None = Field(default=None, alias="from", pattern=r"^S[0-9]{1,4}E[0-9]{1,5}$")
    """Begin the series here the first time it is used."""


class Zone(Written):
    """A named window of the broadcast day and what fills it."""

    zone: str = Field(pattern=r"\S")
    """The zone's name."""
    window: Window
    """Start and end, local time; may cross midnight; "06:00-06:00" is the whole day."""
    play: tuple[Slug | PlayItem, ...] = ()
    """Programs, virtuals or synthetics in turn until the window is full."""
    at: Mapping[str, Slug | PlayItem] = Field(default_factory=dict)
    """Programs, virtuals or synthetics pinned to a time of day."""
    bleed: Literal["forbid", "allow"] = "forbid"
    """May the last programme run past the end?"""
    gap: Literal["off_air"] | None = None
    """off_air: with no ``play``, the time between pins is off the air."""
    breaks: Slug | None = None
    """The break format in this zone, unless the program has one; the channel's when absent."""
    overlays: OneOrMore[Slug] | None = None
    """Overlays in this zone, unless the program has some; the channel's when absent, [] for none."""
    traffic: Traffic = Traffic()
    """What fills breaks in this zone; the channel's, key by key, when absent."""
    max_fill: Duration | None = None
    """More interstitials than this in half an hour are a warning; the channel's when absent."""


class Plan(Written):
    """Zones, and when they apply."""

    plan: Slug
    """The plan's slug, for a channel's list of plans."""
    when: When = When()
    """The days the plan applies to; every day when absent."""
    priority: int = Field(default=0, ge=-1_000_000, le=1_000_000)
    """The higher plan wins; between equals the more specific."""
    zones: tuple[Zone, ...] = Field(min_length=1)
    """The windows of the broadcast day; they may not overlap."""


# --- program ---------------------------------------------------------------------------------------


class PlayMode(StrEnum):
    """In which order a program takes its assets."""

    SEQUENTIAL = "sequential"
    RANDOM = "random"
    SHUFFLE = "shuffle"
    MANUAL = "manual"
    CHRONOLOGICAL = "chronological"
    WEIGHTED = "weighted"
    MARATHON = "marathon"


class RuleOrder(StrEnum):
    """In which order a virtual's rule takes its assets; each is a ``PlayMode`` of the same name."""

    SHUFFLE = "shuffle"
    RANDOM = "random"
    SEQUENTIAL = "sequential"
    CHRONOLOGICAL = "chronological"
    WEIGHTED = "weighted"


class GroupBy(StrEnum):
    """What keeps a marathon together."""

    SERIES = "series"
    SEASON = "season"
    DIRECTOR = "director"
    TAG = "tag"


class CursorScope(StrEnum):
    """Who shares a program's rotation."""

    ZONE = "zone"
    CHANNEL = "channel"
    STATION = "station"


#: Tag or series → how often, against 1 for what isn't named.
Weights = Mapping[str, Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]]


class Query(Written):
    """Picks assets from the catalog; everything given must hold."""

    collection: Slug | None = None
    """Only from this collection."""
    collections: OneOrMore[Slug] | None = None
    """Only from these collections."""
    series: str | None = None
    """Only of this series."""
    season: int | None = None
    """Only of this season."""
    title: str | None = None
    """Only with this title."""
    tag: str | None = None
    """Only with this tag."""
    tags: OneOrMore[str] | None = None
    """Only with all of these tags."""
    any_tag: OneOrMore[str] | None = None
    """Only with at least one of these tags."""
    genre: OneOrMore[str] | None = None
    """Only of this genre, or of one of these, as the media's source names it."""
    year: Years | None = None
    """Only from this year, or these: 1980..1989."""
    rating: OneOrMore[str] | None = None
    """Only with this rating, or one of these: [TV-G, TV-PG]."""
    asset: str | None = None
    """One asset by its id, "collection/key"."""
    min_duration: Duration | None = None
    """Nothing shorter."""
    max_duration: Duration | None = None
    """Nothing longer."""
    not_: Query | None = Field(default=None, alias="not")
    """Nothing that answers this query."""


class ChainNode(Written):
    """One step of a chain or sequence: exactly one of the keys."""

    episodes: Query | None = None
    """The main content: one asset a go, by the program's mode."""
    asset: str | None = None
    """This very asset, by its id, "collection/key"."""
    bumper: Query | Slug | None = None
    """An opener or closer: a pool's slug or a query."""
    program: Slug | None = None
    """One go of another program."""
    virtual: Slug | None = None
    """What a virtual makes this time."""
    synthetic: Slug | None = None
    """A generated picture, for the duration the synthetic says."""


class Airing(Written):
    """One line of a ``manual`` program: exactly one of episode, asset and title."""

    on: Date
    """The broadcast date."""
    episode: str | None = Field(default=None, pattern=r"^S[0-9]{1,4}E[0-9]{1,5}$")
    """By its number in what the chain's episodes ask for."""
    asset: str | None = None
    """By its id, "collection/key"."""
    title: str | None = None
    """By its title in what the chain's episodes ask for."""


class Program(Written):
    """What airs and in what order, never when."""

    program: Slug
    """The program's slug, for zones and chains."""
    title: str = ""
    """Title in the guide; the asset's own when empty."""
    chain: tuple[ChainNode, ...] = Field(default=(), min_length=1)
    """What one go of the program plays, in this order. Mandatory, unless it is a rerun."""
    mode: PlayMode = PlayMode.SEQUENTIAL
    """The order in which episodes are taken."""
    rerun_of: Slug | None = None
    """Airs again what this program has aired, in the same order, and never overtakes it. What a rerun doesn't
    say of itself (chain, title, description, categories, rating) is its premiere's."""
    group_by: GroupBy = GroupBy.SERIES
    """What a ``marathon`` airs together, one group after the other: series, season, director or tag."""
    weights: Weights = Field(default_factory=dict)
    """For ``weighted``: how often, by tag or series; 1 for what isn't named, 0 for never."""
    airings: tuple[Airing, ...] = ()
    """For ``manual``: exactly these, on these broadcast dates; several of one date in this order."""
    cursor: CursorScope = CursorScope.ZONE
    """Who shares the rotation: each zone has its own, all zones of a channel one, or all channels one."""
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
    overlays: OneOrMore[Slug] | None = None
    """Overlays; the zone's or channel's when absent, [] for none."""
    traffic: Traffic = Traffic()
    """What fills its breaks; the zone's or channel's, key by key, when absent."""


class VirtualRule(Written):
    """Assets picked anew each time the virtual airs."""

    query: Query
    """What it picks from."""
    count: int = Field(default=1, ge=1, le=100)
    """How many assets one go has."""
    order: RuleOrder = RuleOrder.SHUFFLE
    """The order in which they are taken."""
    weights: Weights = Field(default_factory=dict)
    """For ``weighted``: how often, by tag or series; 1 for what isn't named, 0 for never."""
    no_repeat: Duration | None = None
    """Nothing that aired in this virtual within this time: ``14d``."""
    min_total: Duration | None = None
    """One go is no shorter than this altogether."""
    max_total: Duration | None = None
    """One go is no longer than this altogether."""


class Virtual(Written):
    """A composite that exists only while the schedule is made: a fixed sequence, or a rule."""

    virtual: Slug
    """The virtual's slug, for zones and chains."""
    title: str = ""
    """Title in the guide: "Movie of the Day"; the main asset's own when empty."""
    sequence: tuple[ChainNode, ...] | None = Field(default=None, min_length=1)
    """A fixed list of steps."""
    rule: VirtualRule | None = None
    """Assets picked from the catalog."""


# --- spots and breaks ------------------------------------------------------------------------------


class SpotKind(StrEnum):
    """What an interstitial is."""

    AD = "ad"
    PROMO = "promo"
    PSA = "psa"
    BUMPER = "bumper"
    IDENT = "ident"
    FILLER = "filler"


class Pool(Written):
    """Interstitials that a break draws from."""

    pool: Slug
    """The pool's slug, for break formats and bumpers."""
    kind: SpotKind = SpotKind.AD
    """What its spots are: ad, promo, psa (public service), bumper, ident or filler."""
    spots: Query
    """Which assets belong to it."""
    mode: PlayMode = PlayMode.SHUFFLE
    """The order in which they are taken; shuffle repeats none before all have aired."""
    separation: Separation = Separation()
    """How far apart like spots stay."""
    daily_cap: int | None = Field(default=None, ge=1)
    """No spot of it airs more often than this in one broadcast day of a channel."""
    relax: OneOrMore[SpotRule] = ()
    """Rules given up, in this order, when nothing fits; a compile counts how often."""


class Promotes(Written):
    """What the schedule must make true before a promo may air."""

    program: Slug
    """The program, virtual or synthetic that it promises."""
    when: Literal["next", "tonight", "tomorrow"] = "next"
    """next: it follows; tonight: it is still ahead on this broadcast day, from 18:00 on; tomorrow: it airs on
    the next broadcast day."""


class Spot(Written):
    """Rules for one spot, or for all that a query finds; pools say where spots air."""

    spot: Slug
    """The spot's slug, for reports."""
    asset: str | None = None
    """The asset that these rules are for, by its id, "collection/key"."""
    spots: Query | None = None
    """The assets that these rules are for."""
    advertiser: str = ""
    """Whose it is; the asset's own when empty."""
    category: str = ""
    """Of what product; the asset's own when empty."""
    weight: float = Field(default=1, ge=0, le=1_000_000, allow_inf_nan=False)
    """How often it is taken, against 1 for others."""
    runs: int | None = Field(default=None, ge=1, le=1_000_000_000)
    """Airings contracted over each flight, spread evenly; compile and simulate count what was delivered."""
    flight: OneOrMore[str] = ()
    """Dates on which it may air: 2026-06-01..2026-08-31."""
    dayparts: OneOrMore[Window] = ()
    """Windows of the day in which it may air: "18:00-23:00"."""
    days: OneOrMore[str] = ()
    """Weekdays of the broadcast date on which it may air: mon-fri."""
    ratings: OneOrMore[str] = ()
    """It may only air in programmes with one of these ratings."""
    daily_cap: int | None = Field(default=None, ge=1)
    """No more airings than this in one broadcast day of a channel."""
    position: Literal["first", "last", "any"] = "any"
    """Its place in the pod."""
    promotes: Promotes | None = None
    """What it promises; it airs only when the schedule makes that true."""


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
    COUNTDOWN = "countdown"
    SIGN_OFF = "sign_off"
    NEXT_CARD = "next_card"
    GUIDE = "guide"
    LIVE = "live"  # what a ``live:`` is to the compiler; never written


def _generated(value: object) -> object:
    """What a synthetic may show, as it is written. Raises ``ValueError``."""
    if type(value) is str and value == SyntheticKind.LIVE:
        raise ValueError(
            "a live source is no synthetic: write a document of its own, “live: slug” with a url"
        )
    return value


_WRITTEN_KINDS = [kind.value for kind in SyntheticKind if kind is not SyntheticKind.LIVE]
#: A kind as a station writes it.
Generated = Annotated[
    SyntheticKind,
    BeforeValidator(_generated),
    WithJsonSchema({"type": "string", "enum": _WRITTEN_KINDS}),
]


class Synthetic(Written):
    """A generated picture and sound of any duration."""

    synthetic: Slug
    """The synthetic's slug, for zones, chains and off_air."""
    shows: Generated
    """The picture: test_pattern, clock, ident, card, slate, countdown (to its own end), sign_off, next_card
    (what comes next) or guide (the schedule of all channels, scrolling)."""
    title: str = ""
    """Title in the guide, and the large line of the picture."""
    text: str = ""
    """The small line."""
    duration: Duration | None = None
    """How long one go lasts when a program uses it; none fills the window."""


def _buffer(value: object) -> int:
    """Raises ``ValueError``."""
    length = parse_duration(value)
    if length > 20 * SECOND_US:
        raise ValueError(f"{value!r} is too long a buffer: 20s is the most")
    return length


JitterBuffer = Annotated[
    int,
    BeforeValidator(_buffer),
    WithJsonSchema({"type": "string", "pattern": r"^(\d+m)?(\d+(\.\d+)?s)?$"}),
]


class Live(Written):
    """A signal from outside, joined and left on schedule: another station, a camera, an encoder at an event.
    What it shows is behind station time by the lead (5.5 s) and its buffer: nobody can send ahead what has
    not happened yet."""

    live: Slug
    """The slug, for zones: ``play: [council]``, ``at: { "20:00": council }``."""
    url: Annotated[str, Field(pattern=LIVE_URL, max_length=2000)]
    """Where it comes from: HLS or MPEG-TS over http and https, rtsp, udp (``udp://@239.0.0.1:5000``) or rtp.
    Never a name or password in it."""
    title: str = ""
    """Title in the guide; the channel's name when empty."""
    description: str = ""
    """What the guide says about it."""
    user: SecretReference | None = None
    """Where the name for the source is: ``env:NAME`` or ``file:PATH``."""
    password: SecretReference | None = None
    """Where the password is, likewise."""
    certificate: str | None = None
    """PEM file, relative to the station folder: the certificate of an https server that made its own, or of
    the authority that vouches for it. Who the machine trusts when absent; https is never unverified."""
    buffer: JitterBuffer = parse_duration("3s")
    """How much is kept in hand against a source that comes by fits and starts; 0s to 20s."""
    interlaced: bool = False
    """The source is interlaced: nothing tells before it is on."""
    duration: Duration | None = None
    """How long one go lasts in a ``play`` list or at a pin; none fills the window."""

    def as_synthetic(self) -> Synthetic:
        """What it is to the compiler: something of any duration that needs no asset."""
        made = Synthetic(
            synthetic=self.live,
            shows=SyntheticKind.LIVE,
            title=self.title,
            text=self.description,
            duration=self.duration,
        )
        made._node = self._node
        return made


#: Synthetics every station has; a station may define its own by the same slug.
BUILT_IN_SYNTHETICS: Mapping[str, Synthetic] = {
    s.synthetic: s
    for s in (
        Synthetic(synthetic="test-pattern", shows=SyntheticKind.TEST_PATTERN, title="Test Pattern"),
        Synthetic(synthetic="station-clock", shows=SyntheticKind.CLOCK, title="Station Clock"),
        Synthetic(synthetic="station-ident", shows=SyntheticKind.IDENT, title=""),
        Synthetic(synthetic="slate", shows=SyntheticKind.SLATE, title="Please Stand By"),
        Synthetic(synthetic="sign-off", shows=SyntheticKind.SIGN_OFF, title="This Concludes Our Broadcast"),
    )
}


# --- overlays --------------------------------------------------------------------------------------


class OverlayKind(StrEnum):
    """What an overlay shows."""

    BUG = "bug"
    RATING = "rating"
    LOWER_THIRD = "lower_third"
    CRAWL = "crawl"
    CLOCK = "clock"
    COUNTDOWN = "countdown"
    LIVE = "live"


class Animation(StrEnum):
    """How an overlay comes on and goes off."""

    NONE = "none"
    FADE = "fade"
    SLIDE = "slide"
    SPIN = "spin"


class Overlay(Written):
    """A picture or line of text over the programme."""

    overlay: Slug
    """The overlay's slug, for stations, channels, zones and programs."""
    shows: OverlayKind
    """bug: the channel's logo; rating: the programme's; lower_third: now and next; crawl: a line of text that
    runs along the bottom; clock: the time; countdown: the time to the next programme; live: "live from …"."""
    text: str = ""
    """What a crawl or a live overlay says; on a bug, instead of the channel's call letters; on a countdown,
    the words before the time."""
    image: str | None = None
    """Picture of a bug (PNG, JPEG, GIF, WebP or SVG), relative to the station folder; the channel's logo when
    absent, and its call letters when it has none."""
    corner: Literal["top-left", "top-right", "bottom-left", "bottom-right"] | None = None
    """Where it stands; as it suits the kind when absent: a bug at the bottom right, a rating and a live
    overlay at the top left, clock and countdown at the top right."""
    size: int | None = Field(default=None, ge=3, le=40)
    """Its height in hundredths of the picture's; as it suits the kind when absent."""
    opacity: int | None = Field(default=None, ge=5, le=100)
    """In hundredths; 70 for a bug and 100 for the others when absent."""
    colour: str | None = Field(default=None, pattern=r"^#[0-9a-fA-F]{6}$")
    """Colour of its accents, as "#f5c542"; the house's own when absent."""
    animation: Animation | None = None
    """How it comes on and goes off: none, fade, slide, or spin (a fade, and it turns on itself every half
    minute); slide for a lower third, none for a crawl and fade for the others when absent."""
    speed: int = Field(default=14, ge=2, le=100)
    """How far a crawl runs in a second, in hundredths of the picture's width."""
    at: Literal["start", "end"] = "start"
    """start: at the start of the programme and after each break; end: just before the programme's end. Means
    something with ``lasts``."""
    lasts: Duration | None = None
    """How long it is shown then; all the time when absent."""
    during: OneOrMore[Window] = ()
    """Only in these windows of the day, local time: "18:00-23:00"; always when absent."""
    over_ads: bool = False
    """Shown over spots, too."""


#: Overlays every station has; a station may define its own by the same slug.
BUILT_IN_OVERLAYS: Mapping[str, Overlay] = {
    o.overlay: o
    for o in (
        Overlay(overlay="bug", shows=OverlayKind.BUG),
        # As long as the TV Parental Guidelines ask for their icon: the first 15 seconds.
        Overlay(overlay="rating", shows=OverlayKind.RATING, corner="top-left", lasts=15 * SECOND_US),
        Overlay(overlay="now-next", shows=OverlayKind.LOWER_THIRD, lasts=10 * SECOND_US),
    )
}


# --- library ---------------------------------------------------------------------------------------


class AssetRule(Written):
    """What is true of all assets of a collection that answer a query."""

    match: Query | None = None
    """Which of them; all when absent."""
    rating: str = ""
    """The rating of those that have none."""
    tags: OneOrMore[str] = ()
    """Tags that they have besides their own."""
    dayparts: OneOrMore[Window] = ()
    """Windows of the day within which those may start that no rule before has given any."""


class Collection(Written):
    """A body of assets from one source."""

    collection: Slug
    """The collection's slug: part of every asset's id."""
    source: Mapping[str, Any]
    """Where its media come from; ``kind`` says which adapter finds them."""
    holds: Literal["series", "movies", "shorts", "spots"] = "series"
    """What its assets are, for what file names mean and what guides say."""
    approve: Literal["auto", "manual"] = "auto"
    """auto: what is ready may air; manual: it waits for ``retrovue approve``."""
    grace: Duration = parse_duration("1h")
    """How long a file may be missing before its asset retires; until then it stays as it was."""
    fit: Fit | None = None
    """How its pictures fill the screen where they are not 16:9; a sidecar's word counts more, the channel's
    less."""
    rules: tuple[AssetRule, ...] = ()
    """Ratings, tags and dayparts by query, given at ingest, one rule after the other: each sees what those
    before it gave."""
    skip: tuple[str, ...] = ()
    """Enrichers that leave its assets alone. Without ``loudness`` its sound airs as loud as it is; ``probe``
    can't be skipped."""


class StationModel(BaseModel):
    """A whole station folder, validated and cross-checked."""

    model_config = ConfigDict(frozen=True)

    station: Station
    channels: tuple[Channel, ...]  #: in order of number
    plans: Mapping[str, Plan]
    programs: Mapping[str, Program]
    virtuals: Mapping[str, Virtual] = {}
    collections: Mapping[str, Collection]
    pools: Mapping[str, Pool]
    spots: Mapping[str, Spot] = {}
    break_formats: Mapping[str, BreakFormat]
    overlays: Mapping[str, Overlay] = BUILT_IN_OVERLAYS  #: built-in ones included
    synthetics: Mapping[str, Synthetic]  #: built-in ones included
    lives: Mapping[str, Live] = {}
    templates: Mapping[str, str] = {}  #: the station's own cards: "cards/ident.svg" → its text
    folder: Path = Path()  #: the station folder
    sources_hash: str = ""  #: sha256 over the YAML files' relative names and bytes

    @property
    def written_state(self) -> Path | None:
        """The state directory that station.yaml names; None when it names none."""
        state = self.station.serve.state
        return self.folder / Path(state).expanduser() if state else None


PlayItem.model_rebuild()
