"""ProgramDirector: holds every channel's manager and gives each what it needs to go on the air.

It also carries out the operator's orders: each channel's master control knows what they mean for it, and the
director holds what channels share, the slate and the encode of an emergency's card.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import math
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from retrovue.broadcast_day import Calendar
from retrovue.clock import MasterClock
from retrovue.compiler.model import CompiledChannel, CompiledSynthetic, SegmentKind
from retrovue.ffmpeg_binary import Ffmpeg
from retrovue.library.catalog import Asset
from retrovue.lineup import ChannelId, Emergency, TuneRefused, Viewer
from retrovue.playout import emergency_card, ffmpeg, graphics
from retrovue.playout.admission import COPY, Encoders, OnAir, cost, judge
from retrovue.playout.as_run_journal import AsRun, AsRunJournal
from retrovue.playout.cards import Writing
from retrovue.playout.channel import ChannelManager, ChannelSignal, State, Studio
from retrovue.playout.character_generator import CharacterGenerator, DrawingFailed
from retrovue.playout.cues import Cues, Manner
from retrovue.playout.drawing import NOTHING, Drawing
from retrovue.playout.encode import HARDWARE, SOFTWARE, encoder_of
from retrovue.playout.encoders import trial
from retrovue.playout.ffmpeg import Cut, Pipes, SyntheticPicture
from retrovue.playout.graphics import Continuity, Look
from retrovue.playout.house import HouseFormat
from retrovue.playout.ladder import DEFAULT_PATIENCE, Patience
from retrovue.playout.live import LiveFeed
from retrovue.playout.master_control import Airs, Feeds, MasterControl
from retrovue.playout.media import MediaDesk
from retrovue.playout.modes import OrderBook, between
from retrovue.playout.overlay import Layer, clip
from retrovue.playout.playlog import Playlog, PlaylogEntry
from retrovue.playout.producers.asset import AssetProducer, Equipment, Rendering, Renderings
from retrovue.playout.producers.base import Origin, Producer
from retrovue.playout.producers.emergency import SLUG, EmergencyEncode, EmergencyProducer
from retrovue.playout.producers.live import LiveProducer
from retrovue.playout.producers.synthetic import SyntheticProducer
from retrovue.playout.rundown import touching
from retrovue.playout.shelf import Shelf, Wanted, folder_of
from retrovue.playout.sources.slate import Slate, SlateFailed, make_slate
from retrovue.playout.switcher import LEAD_S
from retrovue.playout.treatment import treatment_of
from retrovue.resources import font
from retrovue.station.card import CardError
from retrovue.stream.dvb_si import Event
from retrovue.stream.mpegts import PID_AUDIO, PID_VIDEO, PROGRAM
from retrovue.stream.service_information import Service, ServiceInformation
from retrovue.units import MINUTE_US, SECOND_US, from_us

log = logging.getLogger(__name__)

#: What a channel shows where its playlog ends before time does.
SHORTFALL_SYNTHETIC = "slate"
#: What a channel airs within this time says whether it needs an encoder (µs).
LOOK_AHEAD_US = 15 * MINUTE_US
#: What it costs is looked at again after this (seconds).
PRICE_HOLDS_S = 60.0
#: What it shows when it is ordered to sign off, and nothing else is said.
SIGN_OFF_SYNTHETIC = "sign-off"


@dataclass(frozen=True, slots=True)
class Machine:
    """What this machine gives to every channel."""

    ffmpeg: str  #: path of the binary
    font: str  #: TrueType file of subtitles
    state: Path  #: state directory
    as_run: bool = True  #: is what leaves written down?
    features: frozenset[str] = frozenset()  #: filters of this ffmpeg that not every one has


def machine_of(chosen: Ffmpeg, state: Path, as_run: bool = True) -> Machine:
    """This machine, with the ffmpeg that was chosen for it."""
    return Machine(chosen.path, str(font()), state, as_run, frozenset(chosen.features))


@dataclass(frozen=True, slots=True)
class Presentation:
    """What the station's YAML says about what isn't in the schedule."""

    voice: str = ""  #: what the emergency desk says of itself
    sign_off: Mapping[ChannelId, str] = field(default_factory=dict)  #: slug of a channel's sign-off picture
    lives: Mapping[str, LiveFeed] = field(default_factory=dict)  #: by slug
    on_air: bool = True  #: false: in a capture, which no live source can be asked for


@dataclass(frozen=True, slots=True)
class Programme:
    """What one artefact says a channel needs to air it; replaced as a whole on a swap."""

    station: str
    timezone: ZoneInfo
    synthetics: Mapping[str, CompiledSynthetic]
    assets: Callable[[str], Asset | None]
    locate: Callable[[Asset], str]  #: absolute path of an asset's file
    playlog: Playlog
    artefact: str = ""  #: content hash of the artefact that the playlog was cut from
    generation: int = 0  #: of the playlog
    continuity: Continuity = field(default_factory=Continuity)  #: what its cards and overlays show


def house_of(channel: CompiledChannel) -> HouseFormat:
    """The house format of a compiled channel."""
    return HouseFormat(
        channel.raster,
        Fraction(channel.rate),
        channel.preset,
        channel.video_kbps,
        channel.audio_kbps,
        channel.codec,
        channel.audio_codec,
        encoder_of(channel.codec, channel.encoder),
    )


def file_rendering(
    machine: Machine,
    channel: CompiledChannel,
    asset: Asset,
    path: str,
    over: Drawing = NOTHING,
    house: HouseFormat | None = None,
) -> Rendering:
    """How the media file of an asset is rendered, on the air and for its house copy alike.

    ``house``: as it is encoded now, where that is not as the channel says.
    """
    house = house or house_of(channel)
    how = treatment_of(asset, path, channel, machine.features, machine.font)

    def command(offset_us: int, cut: Cut, pipes: Pipes) -> list[str]:
        return ffmpeg.file_command(machine.ffmpeg, house, path, offset_us, cut, pipes, how, over)

    def told() -> str:
        burnt = how
        if how.burn is not None and how.burn.file:
            try:
                digest = hashlib.sha256(Path(how.burn.file).read_bytes()).hexdigest()
            except OSError:
                digest = "gone"
            burnt = replace(how, burn=replace(how.burn, file=digest, fonts=""))
        pipes = Pipes(1, 2 if asset.audio_codec else None)
        name = Path(path).suffix
        return repr(ffmpeg.file_command("", house, name, 0, Cut(1, 0, 1), pipes, burnt)[1:])

    return Rendering(
        command,
        with_audio=bool(asset.audio_codec),
        path=path,
        asset=asset,
        encoder=house.encoder,
        told=told,
        subtitles=how.burn.file if how.burn is not None else "",
    )


def settings_of(rendering: Rendering) -> str:
    """sha256 of how an asset is rendered: all that makes it look and sound as it does, but for its file,
    where that lies, and which ffmpeg does it."""
    return hashlib.sha256(rendering.told().encode()).hexdigest()


class _Renderings(Renderings):
    def __init__(self, studio: _Studio) -> None:
        self._studio = studio

    def of_entry(self, entry: PlaylogEntry, tick: int) -> Rendering | None:
        if entry.segment.asset_id:
            return self.of_asset(entry.segment.asset_id)
        if entry.segment.kind is SegmentKind.LIVE:
            return self._studio.live_card(entry)  # its own producer's; this one stands in
        made = self._studio.synthetic(entry.segment.synthetic, SyntheticPicture())
        if entry.segment.event_id == 0 and not self._studio.on_air:
            return replace(made, instead=entry.segment.title, ordered=True)  # in a capture
        return made

    def of_asset(self, asset_id: str) -> Rendering | None:
        return self._studio.asset(asset_id)

    async def drawn(self, rendering: Rendering, entry: PlaylogEntry, tick: int) -> Rendering:
        return await self._studio.drawn(rendering, entry, tick)

    async def encoder_gone(self, encoder: str) -> bool:
        return await self._studio.encoder_gone(encoder)


class _Card(Renderings):
    """Renders an emergency's card, for every channel of a house format."""

    def __init__(self, director: ProgramDirector, house: HouseFormat, text: str, voice: str) -> None:
        self._director, self._house, self._text, self._voice = director, house, text, voice
        self._machine, self._generator = director.machine, director.generator

    def of_entry(self, entry: PlaylogEntry, tick: int) -> Rendering | None:
        return Rendering(_not_drawn, with_audio=True, synthetic=SLUG, encoder=self._house.encoder)

    def of_asset(self, asset_id: str) -> Rendering | None:
        return None

    async def drawn(self, rendering: Rendering, entry: PlaylogEntry, tick: int) -> Rendering:
        """Raises ``OSError``: without its words it is no card."""
        binary, house, generator = self._machine.ffmpeg, self._house, self._generator
        try:
            picture = await generator.work(
                lambda: emergency_card.card(self._text, self._voice, tick, house, generator.folder)
            )
            await generator.ready(picture.plates)
        except (CardError, DrawingFailed) as error:
            raise OSError(f"the emergency's card can't be drawn: {error}") from error

        def command(offset_us: int, cut: Cut, pipes: Pipes) -> list[str]:
            return ffmpeg.synthetic_command(binary, house, picture, cut, pipes)

        return replace(rendering, command=command)

    async def encoder_gone(self, encoder: str) -> bool:
        if not await self._director.encoder_gone(encoder):
            return False
        self._house = self._director.encodable(self._house)
        return True


def _not_drawn(offset_us: int, cut: Cut, pipes: Pipes) -> list[str]:
    raise NotImplementedError  # it is drawn first


class _Studio(Studio, Feeds):
    """One channel's equipment."""

    def __init__(
        self,
        director: ProgramDirector,
        channel: CompiledChannel,
        house: HouseFormat,
        programme: Programme,
        as_run: AsRun,
    ) -> None:
        self._director, self._house, self._as_run = director, house, as_run
        as_run.authorise(programme.playlog, programme.artefact, programme.generation)
        self.channel, self._programme = channel, programme
        self._settings: dict[str, tuple[tuple[Asset, str, CompiledChannel, int], str]] = {}  #: by asset id
        self._parameters = ""  #: of the channel's own encoder; known once there is a slate
        self._renderings = _Renderings(self)
        self.control = MasterControl(channel.channel, house.grid, self)
        self.degraded = ""  #: why it is not encoded as the house format says
        self._encodes, self._priced_until = True, 0.0

    def apply(self, channel: CompiledChannel, programme: Programme) -> None:
        """A new artefact: what is on the air goes on where both agree."""
        self.channel, self._programme, self._priced_until = channel, programme, 0.0
        self._as_run.authorise(programme.playlog, programme.artefact, programme.generation)
        self.control.rearm()

    # --- channel.Studio ----------------------------------------------------------------------------

    def information(self, stream: int) -> ServiceInformation:
        """Names, time and guide, the latter as it is when it is read. A capture has none: which days happen
        to be compiled should change nothing in a captured minute."""
        of = self.channel
        service = Service(
            of.name, of.number, self._programme.station, PROGRAM, self._house.video, self._house.audio,
            (PID_VIDEO, PID_AUDIO), stream, self._programme.timezone,
        )  # fmt: skip
        return ServiceInformation(service, self._events if self._director.machine.as_run else None)

    def _events(self, start_us: int, end_us: int) -> list[Event]:
        """The guide as broadcast tables tell it."""
        return [
            Event(
                from_us(e.start_us), from_us(e.end_us), e.title, e.subtitle, e.description, e.categories,
                e.rating,
            )
            for e in touching(self._programme.continuity.events, start_us, end_us)
        ]  # fmt: skip

    def cues(self) -> Cues | None:
        if self.channel.cues == "off":
            return None
        return Cues(
            Manner(self.channel.cues),
            self._house.grid,
            self.playlog,
            lambda: self.control.airs is Airs.PROGRAMME,
        )

    @property
    def house(self) -> HouseFormat:
        """What it is encoded as: the channel's house format, unless a faster preset must do."""
        return self._house

    def encode_as(self, house: HouseFormat, why: str) -> None:
        """Before the channel goes on the air; an encoder never changes while it is."""
        if why and why != self.degraded:
            log.warning("%s: %s", self.channel.channel, why)
        self._house, self.degraded, self._priced_until = house, why, 0.0

    async def load(self) -> float:
        """What it costs to have the channel on the air for the coming minutes (cores).

        House copies cost next to nothing while no graphics lie over them, and so does a still picture. Asked
        of the disk, so not for every tick.
        """
        now_s = self._director.equipment.clock.elapsed()
        if now_s >= self._priced_until:
            self._encodes = await self._needs_encoder()
            self._priced_until = now_s + PRICE_HOLDS_S
        return self.price

    @property
    def price(self) -> float:
        """The same as it was known last."""
        again = cost(self._house) if self.control.keying else 0.0
        return cost(self._house, self._encodes) + again

    async def _needs_encoder(self) -> bool:
        try:
            await self.slate()  # tells which copies may air
        except SlateFailed:
            return True
        grid, now_us = self._house.grid, self._director.equipment.clock.now_us()
        first, last = grid.at(now_us), grid.at(now_us + LOOK_AHEAD_US)
        coming = self._programme.playlog.between(first, last).under(self.control.crawls).entries
        if any(entry.segment.kind is SegmentKind.LIVE or entry.layers for entry in coming):
            return True
        renderings = [self.asset(a) for a in {e.shows for e in coming if e.shows}]
        copies = [rendering.copy for rendering in renderings if rendering is not None]
        if len(copies) < len(renderings) or None in copies:
            return True
        return not await asyncio.to_thread(lambda: all(copy is not None and copy.made() for copy in copies))

    async def slate(self) -> Slate:
        self._encode_as_it_can()
        try:
            slate = await self._director.slate(self._house, self._programme.station)
        except SlateFailed:
            if not await self.encoder_gone(self._house.encoder):
                raise
            slate = await self._director.slate(self._house, self._programme.station)
        self._parameters = self._house.video.parameters_hash(slate.gop[0])
        return slate

    def _encode_as_it_can(self) -> None:
        """With software where the encoder has gone."""
        house = self._director.encodable(self._house)
        if house != self._house:
            gone = self._house.encoder
            self._parameters = ""  # no house copy airs before those of the other encoder are known
            self.encode_as(house, f"{SOFTWARE} encodes instead of {gone}: {self._director.lost[gone]}")

    async def encoder_gone(self, encoder: str) -> bool:
        """A declared change of format: other parameter sets from the next IDR on."""
        if not await self._director.encoder_gone(encoder):
            return False
        if self._house.encoder == encoder:
            self._encode_as_it_can()
            self._director.aside(self.slate())  # tells which copies may air
        return True

    def producer(self, notify: Callable[[], None]) -> Callable[[int], Producer]:
        now_us = self._director.equipment.clock.now_us()
        return self.control.start(self._house.grid.at(now_us), notify)

    def swap(self) -> None:
        self._priced_until = 0.0
        self.control.swap()

    async def dismiss(self, reason: str) -> None:
        await self.control.stop(reason)
        self.rest()

    def detail(self) -> str:
        return self.control.detail

    def rest(self) -> None:
        """Nobody watches: what a channel on the air needs is not kept."""
        self._programme.playlog.forget()

    # --- master_control.Feeds ----------------------------------------------------------------------

    def playlog(self) -> Playlog:
        return self._programme.playlog

    def programme(self, notify: Callable[[], None]) -> AssetProducer:
        return AssetProducer(self._house, self._renderings, notify, self._director.equipment)

    def shortfall(self, notify: Callable[[], None]) -> SyntheticProducer:
        return self._picture(SHORTFALL_SYNTHETIC, notify)

    def sign_off(self, notify: Callable[[], None]) -> SyntheticProducer:
        sign_offs = self._director.presentation.sign_off
        slug = sign_offs.get(ChannelId(self.channel.channel), SIGN_OFF_SYNTHETIC)
        return self._picture(slug, notify, Origin("override", synthetic=slug, cause="sign-off"))

    def live(self, entry: PlaylogEntry, notify: Callable[[], None]) -> LiveProducer | None:
        feed = self._director.presentation.lives.get(entry.segment.synthetic)
        if feed is None:
            return None
        machine, clock = self._director.machine, self._director.equipment.clock

        async def house() -> HouseFormat:
            await self.encoder_gone(self._house.encoder)
            return self._house

        return LiveProducer(self._house, machine.ffmpeg, feed, entry, self._drawing, notify, clock, house)

    def takeover(self, emergency: Emergency, notify: Callable[[], None]) -> EmergencyProducer:
        return EmergencyProducer(self._director.emergency_encode(self._house, emergency.text), notify)

    def crawl_text(self, emergency: Emergency) -> str:
        return emergency_card.crawl_text(emergency.text, self._director.presentation.voice)

    def may_crawl(self, live: bool) -> bool:
        encodes = self._encodes or self.control.keying
        more = 0.0 if encodes else cost(self._house) - self.price
        if live and not self.control.keying:
            more = cost(self._house)
        if not more or self._director.has_room(more):
            self._encodes = True
            return True
        log.warning("%s: no encoder is left for a crawl: a takeover instead", self.channel.channel)
        return False

    def _picture(
        self, slug: str, notify: Callable[[], None], origin: Origin | None = None
    ) -> SyntheticProducer:
        channel, equipment = self.channel.channel, self._director.equipment
        return SyntheticProducer(channel, slug, self._house, self._renderings, notify, equipment, origin)

    # --- renderings --------------------------------------------------------------------------------

    def asset(self, asset_id: str) -> Rendering | None:
        asset = self._programme.assets(asset_id)
        if asset is None:
            return None
        machine, house = self._director.machine, self._house
        path = self._programme.locate(asset)
        rendering = file_rendering(machine, self.channel, asset, path, house=house)
        if not self._parameters:
            return rendering
        # A copy is what the channel says, in whatever preset it is encoded now.
        usual = file_rendering(machine, self.channel, asset, path)
        wanted = Wanted(
            asset.id,
            folder_of(machine.state, asset.id, house_of(self.channel)),
            rendering.path,
            self._parameters,
            lambda: self._settings_of(usual),
        )

        def boundary(skip: int, ticks: int, pipes: Pipes) -> list[str]:
            return ffmpeg.boundary_command(machine.ffmpeg, house, skip, ticks, pipes)

        return replace(rendering, copy=wanted, boundary=boundary)

    def _settings_of(self, rendering: Rendering) -> str:
        """Remembered: it costs more than opening the copy does. Called on a thread."""
        asset = rendering.asset
        assert asset is not None
        written = 0
        with contextlib.suppress(OSError):
            written = Path(rendering.subtitles).stat().st_mtime_ns if rendering.subtitles else 0
        made_of = (asset, rendering.path, self.channel, written)
        known = self._settings.get(asset.id)
        if known is None or known[0] != made_of:
            known = self._settings[asset.id] = (made_of, settings_of(rendering))
        return known[1]

    @property
    def on_air(self) -> bool:
        """False in a capture."""
        return self._director.presentation.on_air

    def live_card(self, entry: PlaylogEntry) -> Rendering | None:
        """In a capture, what names a live source that has no stand-in; on the air, None."""
        if self.on_air or entry.fallbacks:
            return None
        slug = entry.segment.synthetic
        card = self.synthetic(slug, SyntheticPicture())
        return replace(card, instead=f"live {slug} can't be captured")

    def synthetic(self, slug: str, picture: SyntheticPicture, over: Drawing = NOTHING) -> Rendering:
        binary, house = self._director.machine.ffmpeg, self._house

        def command(offset_us: int, cut: Cut, pipes: Pipes) -> list[str]:
            return ffmpeg.synthetic_command(binary, house, picture, cut, pipes, over)

        return Rendering(command, with_audio=True, synthetic=slug, encoder=house.encoder)

    async def drawn(self, rendering: Rendering, entry: PlaylogEntry, tick: int) -> Rendering:
        """``rendering`` from ``tick`` on with its card and the layers over it; a programme without its
        graphics is better than none."""
        layers, asset, slug = clip(entry.layers, tick, entry.end), rendering.asset, rendering.synthetic
        if not layers and not slug:
            return rendering
        generator, look, programme = self._director.generator, self._look(), self._programme
        synthetic = programme.synthetics.get(slug) or CompiledSynthetic(slug, "slate", "", "")
        if entry.segment.kind is SegmentKind.LIVE:
            said = f"Live: {synthetic.title or slug}"
            synthetic = replace(synthetic, shows="slate", title=said, text="Not in a capture")
        segment = entry.segment

        def compose() -> tuple[Drawing, SyntheticPicture | None]:
            over = graphics.overlays(layers, tick, look)
            if not slug:
                return over, None
            if synthetic.shows == SLUG:
                text, voice = synthetic.text, synthetic.title
                return over, emergency_card.card(text, voice, tick, look.house, look.plates)
            return over, graphics.picture_of(
                synthetic, tick, segment.end_us, segment.event_id, programme.continuity, look
            )

        try:
            over, picture = await generator.work(compose)
            await generator.ready((*over.plates, *(picture.plates if picture else ())))
        except (CardError, DrawingFailed) as error:
            log.warning("%s: goes on without its graphics: %s", self.channel.channel, error)
            return rendering
        if picture is not None:
            made = self.synthetic(slug, picture, over)
            return replace(made, instead=rendering.instead, ordered=rendering.ordered, layers=layers)
        assert asset is not None
        machine = self._director.machine
        house = self._house
        command = file_rendering(machine, self.channel, asset, rendering.path, over, house).command
        return replace(rendering, command=command, layers=layers)

    async def _drawing(self, layers: Sequence[Layer], tick: int) -> Drawing:
        """``layers`` over pictures from ``tick`` on. Raises ``CardError`` or ``DrawingFailed``."""
        generator, look = self._director.generator, self._look()
        over = await generator.work(lambda: graphics.overlays(layers, tick, look))
        await generator.ready(over.plates)
        return over

    def _look(self) -> Look:
        programme, generator = self._programme, self._director.generator
        show = programme.continuity
        return Look(
            programme.station,
            self.channel,
            self._house,
            Writing(programme.timezone, show.clock),
            show.templates,
            lambda name: generator.picture(show.folder, name),
            generator.font,
            generator.folder,
        )


class ProgramDirector:
    """All channels of the station."""

    def __init__(
        self,
        clock: MasterClock,
        machine: Machine,
        linger_s: float,
        patience: Patience = DEFAULT_PATIENCE,
        presentation: Presentation | None = None,
        encoders: Encoders | None = None,
    ) -> None:
        self.machine = machine
        self.encoders = encoders or Encoders()
        self._admitting = asyncio.Lock()
        self._coming_on: Counter[ChannelId] = Counter()  #: tunes under way
        self._pricing: set[asyncio.Task[float]] = set()
        self.presentation = presentation or Presentation()
        self._orders = OrderBook()
        self._emergencies: dict[tuple[HouseFormat, str, str], EmergencyEncode] = {}
        media = MediaDesk(clock)
        self.equipment = Equipment(clock, media, patience, Shelf(clock, media))
        self.channels: dict[ChannelId, ChannelManager] = {}
        self._clock, self._linger_s = clock, linger_s
        self._studios: dict[ChannelId, _Studio] = {}
        self.journal = AsRunJournal(machine.state / "as-run" if machine.as_run else None, clock)
        self._calendars: dict[ChannelId, Calendar] = {}
        self._slates: dict[HouseFormat, asyncio.Task[Slate]] = {}
        self.generator = CharacterGenerator(clock, machine.state / "cache" / "plates")
        self._closed = False
        self.lost: dict[str, str] = {}  #: encoders that have failed on the air, and why
        self._trials: dict[str, asyncio.Task[str]] = {}
        self._aside: set[asyncio.Task[Any]] = set()

    def encodable(self, house: HouseFormat) -> HouseFormat:
        """``house`` with an encoder that has not failed."""
        return replace(house, encoder=SOFTWARE) if house.encoder in self.lost else house

    async def encoder_gone(self, encoder: str) -> bool:
        """A child with ``encoder`` has failed: does that fail a trial, too? Told once.

        It isn't taken again before the next sign-on: a driver that comes and goes would change the
        channel's parameter sets each time.
        """
        if encoder not in HARDWARE:
            return False
        if encoder not in self.lost:
            if encoder not in self._trials:
                tried = asyncio.to_thread(trial, self.machine.ffmpeg, encoder)
                self._trials[encoder] = asyncio.create_task(tried, name=f"try {encoder}")
                self._trials[encoder].add_done_callback(lambda _: self._trials.pop(encoder, None))
            why = await asyncio.shield(self._trials[encoder])
            if why and encoder not in self.lost:
                self.lost[encoder] = why
                log.error("%s has failed (%s): %s encodes from now on", encoder, why, SOFTWARE)
        return encoder in self.lost

    def aside(self, work: Coroutine[Any, Any, Any]) -> None:
        """Do ``work`` while everything goes on; its failure is nobody's."""
        task = asyncio.create_task(work)
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())

    def apply(
        self, programmes: Mapping[ChannelId, tuple[CompiledChannel, Programme]]
    ) -> list[ChannelManager]:
        """Take over a new artefact's channels and playlogs; returns the managers that must be closed."""
        gone: list[ChannelManager] = []
        for channel_id in [c for c in self.channels if c not in programmes]:
            gone.append(self.channels.pop(channel_id))
            del self._studios[channel_id]
        for channel_id, (channel, programme) in programmes.items():
            house = house_of(channel)
            manager = self.channels.get(channel_id)
            if (
                manager is not None
                and manager.state is not State.OFF_AIR
                and manager.house == replace(house, encoder=manager.house.encoder)
            ):
                # Another encoder alone is no reason to lose the viewers: it waits until the channel is off.
                house, channel = manager.house, replace(channel, encoder=manager.house.encoder)
            if manager is not None and manager.house == house:
                manager.transport_stream_id = channel.vchannel
                self._studios[channel_id].apply(channel, programme)
                continue
            if manager is not None:
                # Another house format is another signal: its viewers must tune in again.
                gone.append(manager)
            calendar = Calendar(programme.timezone, channel.day_start_minutes, channel.grid_us)
            self._calendars[channel_id] = calendar
            as_run = self.journal.channel(channel_id, house.grid, calendar, round(LEAD_S * SECOND_US))
            studio = _Studio(self, channel, house, programme, as_run)
            self._studios[channel_id] = studio
            self.channels[channel_id] = ChannelManager(
                channel_id,
                channel.name,
                house,
                self._clock,
                studio,
                as_run,
                self._linger_s,
                channel.vchannel,
            )
        self.carry_out(self._orders)
        return gone

    def carry_out(self, orders: OrderBook) -> None:
        """Put the operator's orders on the air, where anything is different now."""
        self._orders = orders
        # Who is furthest ahead begins the emergency's encode; the others join it there.
        for channel, studio in sorted(self._studios.items(), key=lambda s: -s[1].control.tick):
            wanted = orders.of(channel)
            for order in between(studio.control.orders, wanted):
                studio.control.order(order, wanted)
                self.channels[channel].ordered()

    def control(self, channel: ChannelId) -> MasterControl:
        """What a channel airs, and why. Raises ``KeyError``."""
        return self._studios[channel].control

    def emergency_encode(self, house: HouseFormat, text: str) -> EmergencyEncode:
        """The one encode of this emergency's card in this house format."""
        self._emergencies = {k: e for k, e in self._emergencies.items() if e.joined}
        voice = self.presentation.voice
        key = (house, text, voice)
        if key not in self._emergencies:
            card = _Card(self, house, text, voice)
            origin = Origin("override", synthetic=SLUG, cause=f"emergency: {text}")
            self._emergencies[key] = EmergencyEncode(house, card, self.equipment, origin)
        return self._emergencies[key]

    async def tune(self, channel: ChannelId, viewer: Viewer) -> ChannelSignal:
        """Raises ``TuneRefused``."""
        manager = self.channels.get(channel)
        if self._closed:
            raise TuneRefused("shutting_down", "the station is going off the air")
        if manager is None:
            raise TuneRefused("unknown_channel", f"no channel {channel}")
        if math.isfinite(self.encoders.budget):
            async with self._admitting:
                if manager.state is State.OFF_AIR and channel not in self._coming_on:
                    await self._admit(channel)
                self._coming_on[channel] += 1
            try:
                signal = await manager.tune(viewer)
                self._price(channel)
                return signal
            finally:
                self._coming_on[channel] -= 1
                self._coming_on += Counter()  # drops what is 0
        return await manager.tune(viewer)

    def _price(self, channel: ChannelId) -> None:
        """Find out what it costs, in its own time: the next one to be admitted wants to know."""
        task = asyncio.create_task(self._studios[channel].load(), name=f"price of {channel}")
        self._pricing.add(task)
        task.add_done_callback(self._pricing.discard)

    # --- admission control -------------------------------------------------------------------------

    async def _admit(self, channel: ChannelId) -> None:
        """Make room for ``channel``. Raises ``TuneRefused``."""
        studio = self._studios[channel]
        house = house_of(studio.channel)
        studio.encode_as(house, "")
        if self._surely_has_room(house):
            return  # a cold tune waits for no more than it must
        encodes = await studio.load() > COPY
        beside = [
            OnAir(other, await self._studios[other].load(), self.channels[other].lingers_since)
            for other in self.on_air()
        ]
        verdict = judge(self.encoders, beside, house, encodes)
        if verdict.house is None:
            log.warning("%s: refused: %s", channel, verdict.reason)
            studio.rest()
            raise TuneRefused("busy", verdict.reason)
        for lingering in verdict.put_off:
            log.info("%s: off the air early: %s needs the encoder", lingering, channel)
            await self.channels[lingering].make_room()
        studio.encode_as(verdict.house, verdict.reason)

    def _surely_has_room(self, house: HouseFormat) -> bool:
        """Is there room whatever those on the air need, a live source keyed in included?"""
        most = math.fsum(2 * cost(self._studios[channel].house) for channel in self.on_air())
        return most + cost(house) <= self.encoders.budget

    def on_air(self) -> list[ChannelId]:
        """The channels that are on the air, or coming on."""
        return [c for c, m in self.channels.items() if m.state is not State.OFF_AIR or c in self._coming_on]

    def has_room(self, more: float) -> bool:
        """Is there room for ``more`` cores beside all that is on the air?"""
        return self.encoders_used() + more <= self.encoders.budget

    def encoders_used(self) -> float:
        """Cores that the channels on the air take, by the table."""
        return math.fsum(self._studios[channel].price for channel in self.on_air())

    def degraded(self, channel: ChannelId) -> str:
        """Why a channel that is on the air is not encoded as its format says; empty when it is."""
        return self._studios[channel].degraded if self.channels[channel].state is not State.OFF_AIR else ""

    async def archive_as_run(self) -> None:
        """Make one file of each broadcast day that is over, every hour. Runs until cancelled."""

        def over(channel: str, on: date) -> bool:
            calendar = self._calendars.get(ChannelId(channel))
            if calendar is None:  # a channel that is no more, and whose day began nobody knows when
                return on < self._clock.now().date() - timedelta(days=2)
            return self._clock.now_us() > calendar.day(on).end_us + 10 * MINUTE_US

        while True:
            await self.journal.archive(over)
            await self._clock.wait(3600)

    async def slate(self, house: HouseFormat, station: str) -> Slate:
        """The slate of a house format, made once. Raises ``SlateFailed``."""
        task = self._slates.get(house)
        if task is None or (task.done() and task.exception() is not None):
            task = asyncio.create_task(self._make_slate(house, station), name="slate")
            self._slates[house] = task
        return await asyncio.shield(task)

    async def _make_slate(self, house: HouseFormat, station: str) -> Slate:
        generator = self.generator
        picture = SyntheticPicture()
        try:
            slate = await generator.work(lambda: graphics.slate_of(station, house, generator.folder))
            await generator.ready(slate.plates)
            picture = slate
        except (CardError, DrawingFailed) as error:
            log.warning("the slate is plain: %s", error)
        return await make_slate(
            self.machine.ffmpeg, house, picture, self.machine.state / "cache", self._clock
        )

    async def close(self, reason: str) -> None:
        """Every channel off the air; nothing is left behind."""
        self._closed = True
        for pricing in self._pricing:
            pricing.cancel()
        await asyncio.gather(*self._pricing, return_exceptions=True)
        await asyncio.gather(*(manager.close(reason) for manager in self.channels.values()))
        await self.journal.close()
        for task in self._slates.values():
            task.cancel()
        await asyncio.gather(*self._slates.values(), return_exceptions=True)
        for task in self._aside:
            task.cancel()
        await asyncio.gather(*self._aside, *self._trials.values(), return_exceptions=True)
        await self.generator.close()
        self.equipment.media.close()
        self.equipment.shelf.desk.close()
