"""``POST /api/v1/reload`` and ``GET /api/v1/as-run``: what is planned, and what left.

A reload is what a change of a file is, without the wait, and with an answer that says whether it airs.

``as-run`` takes ``channel`` (a number or slug; several times for several; all when absent), ``from`` and
``to`` (instants with their UTC offset; the last day when absent) and ``limit``. When there is more, ``next``
is the ``from`` of the rest; a run that goes on then comes again: session and number say which it is. All that
is on the air at ``from`` is in one answer, whatever the limit.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from retrovue.clock import MasterClock
from retrovue.headend.api.guard import BadRequest, answer, body_of, channels_named, instant_of, refuse, write
from retrovue.lineup import AsRunLog, ChannelId, Lineup, OrderRefused, Schedule

#: Runs in one answer: when nothing is said, and at most. A channel's day has about two thousand.
_LIMIT, _MOST = 1000, 20_000


class ScheduleRoutes:
    """Implements ``Part``. ``token`` empty: nobody may reload."""

    def __init__(
        self,
        root: str,
        lineup: Lineup,
        clock: MasterClock,
        schedule: Schedule | None,
        as_run: AsRunLog | None,
        token: str,
    ) -> None:
        self._root, self._lineup, self._clock = root, lineup, clock
        self._schedule, self._log, self._token = schedule, as_run, token

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        if self._schedule is not None and self._token:
            yield web.post(f"{self._root}/reload", write(self._token, self._reload))
        if self._log is not None:
            yield web.get(f"{self._root}/as-run", self._as_run)

    async def _reload(self, request: web.Request) -> web.Response:
        assert self._schedule is not None
        if unknown := sorted(await body_of(request)):
            raise BadRequest(f"{', '.join(unknown)}: not known here; nothing is")
        before = self._lineup.status().artefact
        try:
            await self._schedule.reload()
        except OrderRefused as error:
            return refuse(
                422, str(error), "retrovue check says where, and retrovue status what is on the air"
            )
        status = self._lineup.status()
        return answer(
            {
                "artefact": status.artefact,
                "changed": status.artefact != before,
                "timezone": status.timezone,
                "horizon_end": status.horizon_end.isoformat() if status.horizon_end else None,
                "warnings": list(status.warnings),
            }
        )

    async def _as_run(self, request: web.Request) -> web.Response:
        assert self._log is not None
        try:
            channels, start, end, limit = self._asked(request)
        except BadRequest as error:
            return refuse(400, str(error))
        try:
            # One more than is told, to know whether there is more.
            found = list(await self._log.query(channels, start, end, limit + 1))
            # What is on at ``from`` is told in one answer, else the rest would begin there again.
            while len(found) > limit and datetime.fromisoformat(found[limit]["start"]) <= start:
                limit *= 2
                found = list(await self._log.query(channels, start, end, limit + 1))
        except OrderRefused as error:
            return refuse(503, str(error))
        said: dict[str, Any] = {"from": start.isoformat(), "to": end.isoformat(), "records": found[:limit]}
        if len(found) > limit:
            said["next"] = found[limit]["start"]
        return answer(said)

    def _asked(self, request: web.Request) -> tuple[list[ChannelId], datetime, datetime, int]:
        """Raises ``BadRequest``."""
        query, now = request.query, self._clock.now()
        if unknown := sorted(set(query) - {"channel", "from", "to", "limit"}):
            raise BadRequest(f"{', '.join(unknown)}: not known here; known are channel, from, to, limit")
        named = query.getall("channel", [])
        channels = channels_named(self._lineup, named) if named else [c.id for c in self._lineup.channels()]
        end = instant_of(query["to"], "to") if "to" in query else now
        start = instant_of(query["from"], "from") if "from" in query else end - timedelta(days=1)
        if end <= start:
            raise BadRequest("“to” must be after “from”")
        written = query.get("limit", str(_LIMIT))
        if not (
            written.isascii() and written.isdigit() and 0 < len(written) < 9 and 0 < int(written) <= _MOST
        ):
            raise BadRequest(f"“limit” must be a number from 1 to {_MOST}")
        return channels, start, end, int(written)
