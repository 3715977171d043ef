"""The control API: what the station does, and what its operator may order, under ``/api/v1/``.

Whoever may look at the web page may read here, too. Every write needs the station's token in the
``Authorization`` header, wherever it comes from: a browser adds it to no request by itself, so no web site
can give orders through somebody's browser, and the loopback is no exception, because everybody on the
machine shares it.

Another part of the API is another module with a ``routes()``, put into ``ApiFrontEnd`` below; ``guard``
does the rest. A version of the API only ever gains fields and paths; what changes otherwise is ``v2``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from aiohttp import web

from retrovue.clock import MasterClock
from retrovue.headend.api.health import HealthRoutes
from retrovue.headend.api.openapi import OpenApiRoutes
from retrovue.headend.api.orders import OrderRoutes
from retrovue.headend.api.programmes import ProgrammeRoutes
from retrovue.headend.api.schedule import ScheduleRoutes
from retrovue.headend.api.status import StatusRoutes
from retrovue.headend.api.tuners import TunerRoutes
from retrovue.headend.tuner_desk import TunerDesk
from retrovue.lineup import AsRunLog, ControlRoom, Lineup, Schedule

#: In front of every path.
ROOT = "/api/v1"


class Part(Protocol):
    """Some paths of the API."""

    def routes(self) -> Iterable[web.AbstractRouteDef]: ...


class ApiFrontEnd:
    """Implements ``FrontEnd``. Without a control room, the status and ``desks`` may be read, no more."""

    def __init__(
        self,
        lineup: Lineup,
        clock: MasterClock,
        control: ControlRoom | None = None,
        token: str = "",
        desks: Sequence[TunerDesk] = (),
        schedule: Schedule | None = None,
        as_run: AsRunLog | None = None,
    ) -> None:
        self._parts: list[Part] = [
            StatusRoutes(ROOT, lineup),
            ProgrammeRoutes(ROOT, lineup, clock),
            OpenApiRoutes(ROOT),
            HealthRoutes(lineup, desks),
            ScheduleRoutes(ROOT, lineup, clock, schedule, as_run, token),
        ]
        if desks:
            self._parts.append(TunerRoutes(ROOT, desks, token))
        if control is not None and token:
            self._parts.append(OrderRoutes(ROOT, lineup, clock, control, token))

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        for part in self._parts:
            yield from part.routes()

    async def start(self) -> None:
        """Nothing to begin."""

    async def stop(self) -> None:
        """Nothing to end."""
