"""``POST`` and ``DELETE`` of ``/api/v1/emergency`` and ``/api/v1/sign-off``: the operator's orders.

The body is a JSON object; every key may be left out: ``channels`` (numbers or slugs; all when absent),
``until`` (an instant with its UTC offset) or ``seconds`` (of station time from now), and for an emergency
``text`` and ``mode`` (crawl or takeover). ``DELETE`` takes ``channels`` only. The answer is the orders that
are then in force.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from retrovue.clock import MasterClock
from retrovue.headend.api.guard import BadRequest, answer, body_of, channels_named, instant_of, refuse, write
from retrovue.headend.api.status import orders_values
from retrovue.lineup import ChannelId, ControlRoom, EmergencyMode, Lineup, OrderRefused

#: Longer is no end (seconds): ten years.
_LONGEST_S = 10 * 366 * 86_400


class OrderRoutes:
    def __init__(
        self, root: str, lineup: Lineup, clock: MasterClock, control: ControlRoom, token: str
    ) -> None:
        self._root, self._lineup, self._clock = root, lineup, clock
        self._control, self._token = control, token

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        emergency, sign_off = f"{self._root}/emergency", f"{self._root}/sign-off"
        yield web.post(emergency, write(self._token, self._emergency))
        yield web.delete(emergency, write(self._token, self._all_clear))
        yield web.post(sign_off, write(self._token, self._sign_off))
        yield web.delete(sign_off, write(self._token, self._sign_on))

    async def _emergency(self, request: web.Request) -> web.Response:
        body = await _known(request, "channels", "until", "seconds", "text", "mode")
        text, mode = body.get("text"), body.get("mode")
        if text is not None and not isinstance(text, str):
            raise BadRequest("“text” must be text")
        if mode is not None and mode not in tuple(EmergencyMode):
            raise BadRequest(f"“mode” must be {' or '.join(EmergencyMode)}")
        channels = self._channels(body)
        try:
            await self._control.emergency(
                channels, text, EmergencyMode(mode) if mode else None, self._until(body)
            )
        except OrderRefused as error:
            return refuse(422, str(error))
        return answer(orders_values(self._lineup))

    async def _all_clear(self, request: web.Request) -> web.Response:
        channels = self._channels(await _known(request, "channels"))
        await self._control.all_clear(channels)
        return answer(orders_values(self._lineup))

    async def _sign_off(self, request: web.Request) -> web.Response:
        body = await _known(request, "channels", "until", "seconds")
        channels = self._channels(body)
        try:
            await self._control.sign_off(channels, self._until(body))
        except OrderRefused as error:
            return refuse(422, str(error))
        return answer(orders_values(self._lineup))

    async def _sign_on(self, request: web.Request) -> web.Response:
        channels = self._channels(await _known(request, "channels"))
        await self._control.sign_on(channels)
        return answer(orders_values(self._lineup))

    def _channels(self, body: Mapping[str, Any]) -> list[ChannelId] | None:
        """Those named; None for all. Raises ``BadRequest``."""
        named = body.get("channels")
        if named is None:
            return None
        if not isinstance(named, list) or not named or not all(isinstance(n, str) for n in named):
            raise BadRequest("“channels” must be a list of channel numbers or slugs")
        return channels_named(self._lineup, named)

    def _until(self, body: Mapping[str, Any]) -> datetime | None:
        until, seconds = body.get("until"), body.get("seconds")
        if until is not None and seconds is not None:
            raise BadRequest("“until” and “seconds” say the same: give one of them")
        if seconds is not None:
            if (
                isinstance(seconds, bool)
                or not isinstance(seconds, int | float)
                or not math.isfinite(seconds)
            ):
                raise BadRequest("“seconds” must be a number")
            if not 0 < seconds <= _LONGEST_S:
                raise BadRequest("“seconds” must be more than 0, and no more than ten years")
            return self._clock.now() + timedelta(seconds=seconds)
        return None if until is None else instant_of(until, "until")


async def _known(request: web.Request, *keys: str) -> dict[str, Any]:
    """The body. Raises ``BadRequest`` for keys that mean nothing: a misspelt one must not be lost."""
    body = await body_of(request)
    unknown = sorted(set(body) - set(keys))
    if unknown:
        raise BadRequest(f"{', '.join(unknown)}: not known here; known are {', '.join(keys)}")
    return body
