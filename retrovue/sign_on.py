"""Sign-on: the composition root. Builds clock, playout and head-end, joins them, and takes them down.

Callable from tests and from the command line; it reads no arguments and prints nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from retrovue import call_sheet
from retrovue.call_sheet import CallSheet, StationRefused
from retrovue.clock import MasterClock, StationClock
from retrovue.errors import RetroVueError
from retrovue.ffmpeg_binary import choose_ffmpeg
from retrovue.garbage import settled
from retrovue.headend.server import Headend
from retrovue.headend.settings import DeviceSettings, HeadendSettings
from retrovue.lineup import ChannelId
from retrovue.playout.as_run_query import AsRunQueries
from retrovue.playout.control_room import EmergencyDefaults, StationControlRoom
from retrovue.playout.director import ProgramDirector, house_of, machine_of
from retrovue.playout.encoders import VERDICTS, EncoderBench
from retrovue.playout.prefetch import Prefetch, Upcoming
from retrovue.playout.process import adopt
from retrovue.playout.schedule_service import Desk, Planning, ScheduleService
from retrovue.playout.station import OnAirStation
from retrovue.state_dir import ARTEFACT_NAME, StateLock, hold, off_air, on_air_at, state_dir
from retrovue.units import from_us

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
        self._sheet: CallSheet | None = None
        self._director: ProgramDirector | None = None
        self._service: ScheduleService | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._lock: StateLock | None = None
        self._state: Path | None = None
        self.control: StationControlRoom | None = None

    async def start(self) -> None:
        """Compile what is missing, go on the air, open the ports."""
        options = self._options
        sheet = self._sheet = await call_sheet.send_for(options.station, self.clock)
        ffmpeg = await asyncio.to_thread(choose_ffmpeg)
        state = state_dir(sheet.station, options.state, sheet.written_state)
        await asyncio.to_thread(_make_state, state)
        self._lock = await asyncio.to_thread(hold, state)
        if orphans := await asyncio.to_thread(adopt, state):
            log.warning("ended %d processes that an earlier run had left behind", len(orphans))
        desk = Desk(options.station, state / ARTEFACT_NAME, state)
        machine = machine_of(ffmpeg, state)
        bench = EncoderBench(ffmpeg.path, ffmpeg.encoders, state / VERDICTS)
        service = self._service = ScheduleService(self.clock, desk, sheet.planning, self._reload, bench.equip)
        programme = await service.first_programme()
        director = self._director = ProgramDirector(
            self.clock,
            machine,
            sheet.linger_s,
            sheet.patience,
            sheet.presentation,
            sheet.encoders,
        )
        station = self.station = OnAirStation(self.clock, director, programme)
        station.take_over(programme, sheet.planning.logos)
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
            sheet.planning.checks_us,
            service.upcoming,
            lambda bad: station.warn("media", _told(bad, sheet.planning.timezone)),
        )
        self._tasks.append(asyncio.create_task(prefetch.run(), name="prefetch"))
        settings = headend_settings(sheet, options.overrides)
        headend = self.headend = Headend(
            station,
            self.clock,
            settings,
            state,
            control=control,
            schedule=service,
            as_run=AsRunQueries(state / "as-run", self.clock),
        )
        await headend.start()
        await asyncio.to_thread(on_air_at, state, headend.own_url())
        # A thousand channels are some hundred thousand objects: a tenth of a second, in the middle of a tune.
        settled()
        self._state = state

    async def _reload(self) -> Planning:
        """The YAML has changed: what is asked of it while the station runs. Raises ``RetroVueError``."""
        try:
            sheet = await call_sheet.send_for(self._options.station, self.clock)
        except StationRefused as error:
            raise RetroVueError(error.first) from None
        if self._sheet is not None and sheet.station != self._sheet.station:
            raise RetroVueError(
                f"the station is “{self._sheet.station}”, and its YAML says “{sheet.station}” now; "
                "under another slug it is another station, which signs on anew"
            )
        self._sheet = sheet
        if self._director is not None:
            self._director.presentation = sheet.presentation
            self._director.encoders = sheet.encoders
        return sheet.planning

    def _emergency_defaults(self) -> EmergencyDefaults:
        assert self._sheet is not None
        return self._sheet.emergency

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
        if self._state is not None:
            off_air(self._state)
        if self._lock is not None:
            self._lock.release()

    def channel_ids(self) -> list[ChannelId]:
        """In order of the lineup; empty before ``start``."""
        return [ident.id for ident in self.station.channels()] if self.station else []


def headend_settings(sheet: CallSheet, overrides: Mapping[str, Any]) -> HeadendSettings:
    """The station's own settings under what the command line and the environment say."""
    serve, tuner = sheet.serve, sheet.tuner

    def setting(name: str) -> Any:
        return overrides[name] if overrides.get(name) is not None else serve[name]

    return HeadendSettings(
        station=sheet.station,
        friendly_name=tuner["name"],
        tuner_count=tuner["count"],
        personality=tuner["personality"],
        device_id=tuner["device_id"].upper(),
        channels=tuner["channels"],
        devices=tuple(
            DeviceSettings(
                slug=device["device"],
                friendly_name=device["name"],
                tuner_count=device["count"],
                personality=device["personality"],
                device_id=device["device_id"].upper(),
                channels=device["channels"],
                bind=device["bind"] or "",
                http_port=device["http_port"],
            )
            for device in tuner["devices"]
        ),
        bind=setting("bind"),
        http_port=setting("http_port"),
        port_80=serve["port_80"] and overrides.get("http_port") is None,
        stream_port=setting("stream_port"),
        control_port=setting("control_port"),
        tvheadend=serve["tvheadend"],
        xtream=serve["xtream"],
        htsp_port=setting("htsp_port"),
        tvheadend_port=setting("tvheadend_port"),
        accounts=tuple((name, password()) for name, password in sheet.accounts),
        allow=serve["allow"],
        tokens=tuple((name, token()) for name, token in sheet.tokens),
        discovery=setting("discovery"),
        external_url=setting("external_url"),
        zeroconf=setting("zeroconf"),
        ssdp=serve["ssdp"],
        token=sheet.token(),
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
