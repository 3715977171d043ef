"""Sign-on: the composition root. Builds clock, playout and head-end, joins them, and takes them down.

Callable from tests and from the command line; it reads no arguments and prints nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from retrovue.clock import MasterClock, StationClock
from retrovue.errors import RetroVueError
from retrovue.ffmpeg_binary import choose_ffmpeg
from retrovue.headend.server import Headend
from retrovue.headend.settings import HeadendSettings
from retrovue.library.adapters import settings_models
from retrovue.lineup import ChannelId, EmergencyMode
from retrovue.playout.admission import Encoders, budget_of
from retrovue.playout.control_room import EmergencyDefaults, StationControlRoom
from retrovue.playout.cores import cores
from retrovue.playout.director import Presentation, ProgramDirector, house_of, machine_of
from retrovue.playout.encoders import VERDICTS, EncoderBench
from retrovue.playout.ladder import Patience
from retrovue.playout.live import LiveFeed
from retrovue.playout.prefetch import Prefetch, Upcoming
from retrovue.playout.process import adopt
from retrovue.playout.schedule_service import Desk, ScheduleService, logo_files
from retrovue.playout.station import OnAirStation
from retrovue.secret import read_secret
from retrovue.state_dir import ARTEFACT_NAME, StateLock, hold, off_air, on_air_at, state_dir
from retrovue.station.load import require_station
from retrovue.station.model import Live, StationModel
from retrovue.units import SECOND_US, from_us

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SignOnOptions:
    """How to put a station on the air."""

    station: Path
    state: str | None = None
    at: datetime | None = None  #: station time at sign-on; None: the real time
    speed: float = 1.0  #: how much faster than real time station time passes
    overrides: Mapping[str, Any] = field(default_factory=dict)  #: fields of station.model.Serve


class StationOnAir:
    """A running station. ``start`` raises ``RetroVueError`` for what the user can mend."""

    def __init__(self, options: SignOnOptions, clock: MasterClock | None = None) -> None:
        self._options = options
        self.clock: MasterClock = clock or StationClock(options.at, options.speed)
        self.headend: Headend | None = None
        self.station: OnAirStation | None = None
        self.model: StationModel | None = None
        self._director: ProgramDirector | None = None
        self._service: ScheduleService | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._lock: StateLock | None = None
        self._state: Path | None = None
        self.control: StationControlRoom | None = None

    async def start(self) -> None:
        """Compile what is missing, go on the air, open the ports."""
        options = self._options
        model = self.model = await asyncio.to_thread(require_station, options.station, settings_models())
        ffmpeg = await asyncio.to_thread(choose_ffmpeg)
        state = state_dir(model.station.station, options.state, model.written_state)
        await asyncio.to_thread(_make_state, state)
        self._lock = await asyncio.to_thread(hold, state)
        if orphans := await asyncio.to_thread(adopt, state):
            log.warning("ended %d processes that an earlier run had left behind", len(orphans))
        desk = Desk(options.station, state / ARTEFACT_NAME, state)
        machine = machine_of(ffmpeg, state)
        bench = EncoderBench(ffmpeg.path, ffmpeg.encoders, state / VERDICTS)
        service = self._service = ScheduleService(self.clock, desk, model, self._reloaded, bench.equip)
        programme = await service.first_programme()
        director = self._director = ProgramDirector(
            self.clock,
            machine,
            model.station.linger / SECOND_US,
            patience(model),
            presentation(model),
            encoders(model),
        )
        station = self.station = OnAirStation(self.clock, director, programme)
        station.take_over(programme, logo_files(model, options.station))
        control = self.control = StationControlRoom(
            self.clock,
            state,
            known=lambda: director.channels,
            carry_out=director.carry_out,
            defaults=self._emergency_defaults,
            warn=lambda text: station.warn("orders", text),
        )
        await control.open()
        for house in {house_of(channel) for channel, _ in programme.channels.values()}:
            await director.slate(house, programme.header.name)
        self._tasks = [
            asyncio.create_task(service.run(station), name="schedule service"),
            asyncio.create_task(station.announce_programmes(), name="programme changes"),
            asyncio.create_task(director.archive_as_run(), name="as-run archive"),
            asyncio.create_task(control.run(), name="ends of orders"),
        ]
        prefetch = Prefetch(
            self.clock,
            ffmpeg.path,
            director.equipment.media,
            model.station.ladder.checks,
            service.upcoming,
            lambda bad: station.warn("media", _told(bad, model.station.timezone)),
        )
        self._tasks.append(asyncio.create_task(prefetch.run(), name="prefetch"))
        settings = headend_settings(model, options.overrides)
        headend = self.headend = Headend(station, self.clock, settings, state, control=control)
        await headend.start()
        await asyncio.to_thread(on_air_at, state, headend.own_url())
        self._state = state

    def _reloaded(self, model: StationModel) -> None:
        """The YAML has changed: what is asked of it while the station runs."""
        self.model = model
        if self._director is not None:
            self._director.presentation = presentation(model)
            self._director.encoders = encoders(model)

    def _emergency_defaults(self) -> EmergencyDefaults:
        assert self.model is not None
        desk = self.model.station.emergency
        return EmergencyDefaults(desk.text, EmergencyMode(desk.mode))

    async def stop(self, reason: str) -> None:
        """Off the air: no viewer, no child, no port is left. Safe after a failed ``start``."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # Channels first: viewers see an orderly end of stream, and the ports close on nobody.
        if self._director is not None:
            await self._director.close(reason)
        if self.headend is not None:
            await self.headend.stop()
        if self._service is not None:
            self._service.close()
        if self._state is not None:
            off_air(self._state)
        if self._lock is not None:
            self._lock.release()

    def channel_ids(self) -> list[ChannelId]:
        """In order of the lineup; empty before ``start``."""
        return [ident.id for ident in self.station.channels()] if self.station else []


def patience(model: StationModel) -> Patience:
    """How long the station waits for what can't be played."""
    ladder = model.station.ladder
    return Patience(
        first_s=ladder.first_picture / SECOND_US,
        hung_s=ladder.next_picture / SECOND_US,
        restarts=ladder.restarts,
        retry_s=ladder.retry / SECOND_US,
    )


def presentation(model: StationModel) -> Presentation:
    """What isn't in the schedule: the emergency desk's voice, and the pictures of sign-offs."""
    station = model.station
    return Presentation(
        voice=station.emergency.voice or f"This is a fictional emergency of {station.name}.",
        sign_off={ChannelId(c.channel): c.sign_off or station.sign_off for c in model.channels},
        lives={slug: _feed(live, model.folder) for slug, live in model.lives.items()},
    )


def _feed(live: Live, folder: Path) -> LiveFeed:
    def secret(reference: str | None) -> Callable[[], str]:
        return lambda: read_secret(reference, folder) if reference else ""

    return LiveFeed(
        live.live,
        live.url,
        live.buffer / SECOND_US,
        live.interlaced,
        str((folder / live.certificate).resolve()) if live.certificate else "",
        secret(live.user),
        secret(live.password),
    )


def encoders(model: StationModel) -> Encoders:
    """How much encoding the machine bears, by the YAML or by what it has."""
    said = model.station.encoders
    budget = budget_of(cores()) if said.budget == "auto" else said.budget
    return Encoders(budget, degrade=said.beyond == "degrade")


def headend_settings(model: StationModel, overrides: Mapping[str, Any]) -> HeadendSettings:
    """The station's own settings under what the command line and the environment say."""
    serve, tuner = model.station.serve, model.station.tuner

    def setting(name: str) -> Any:
        return overrides[name] if overrides.get(name) is not None else getattr(serve, name)

    return HeadendSettings(
        station=model.station.station,
        friendly_name=tuner.name,
        tuner_count=tuner.count,
        personality=tuner.personality.value,
        device_id=(tuner.device_id or "").upper(),
        bind=setting("bind"),
        http_port=setting("http_port"),
        port_80=serve.port_80 and overrides.get("http_port") is None,
        stream_port=setting("stream_port"),
        control_port=setting("control_port"),
        tvheadend=serve.tvheadend,
        htsp_port=setting("htsp_port"),
        tvheadend_port=setting("tvheadend_port"),
        accounts=tuple((a.name, read_secret(a.password, model.folder)) for a in serve.accounts),
        discovery=setting("discovery"),
        external_url=setting("external_url"),
        zeroconf=setting("zeroconf"),
        token=read_secret(serve.token, model.folder) if serve.token else "",
    )


def _told(bad: Sequence[tuple[Upcoming, str]], timezone: str) -> str:
    """What the operator is told of files that can't be played; empty when all is well."""
    if not bad:
        return ""
    first, why = bad[0]
    at = from_us(first.start_us).astimezone(ZoneInfo(timezone))
    more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
    return f"{first.asset_id} can't be played: {why}; airs on {first.channel} {at:%a %H:%M}{more}"


def _make_state(state: Path) -> None:
    try:
        state.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RetroVueError(
            f"the state directory {state} can't be made: {error.strerror}",
            help="choose another with --state DIR or RETROVUE_STATE",
        ) from error
