"""``GET`` and ``DELETE`` of ``/api/v1/tuners``: who has which tuner, and whose it no longer is.

The body of ``DELETE`` names the ``tuner`` to free, and the ``device`` where the station has several. Whoever
was watching is disconnected; many clients come back by themselves.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from aiohttp import web

from retrovue.headend.api.guard import BadRequest, answer, body_of, refuse, write
from retrovue.headend.tuner_desk import TunerDesk

log = logging.getLogger(__name__)


class TunerRoutes:
    """``token`` empty: nobody may kick."""

    def __init__(self, root: str, desks: Sequence[TunerDesk], token: str) -> None:
        self._path, self._desks, self._token = f"{root}/tuners", desks, token

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        yield web.get(self._path, self._list)
        if self._token:
            yield web.delete(self._path, write(self._token, self._kick))

    async def _list(self, request: web.Request) -> web.Response:
        return answer(self._values())

    async def _kick(self, request: web.Request) -> web.Response:
        body = await body_of(request)
        unknown = sorted(set(body) - {"tuner", "device"})
        if unknown:
            raise BadRequest(f"{', '.join(unknown)}: not known here; known are tuner, device")
        index, device = body.get("tuner"), body.get("device")
        if not isinstance(index, int) or isinstance(index, bool):
            raise BadRequest("“tuner” must be a number")
        desk = self._desk(device)
        try:
            if index < 0:
                raise IndexError(index)
            kicked = desk.kick(index)
        except IndexError:
            raise BadRequest(f"{desk.device} has no tuner {index}") from None
        if not kicked:
            return refuse(409, f"nobody uses tuner {index} of {desk.device}")
        log.warning("tuner %d of %s was freed by an order", index, desk.device)
        return answer(self._values())

    def _desk(self, device: object) -> TunerDesk:
        if device is None and len(self._desks) == 1:
            return self._desks[0]
        known = ", ".join(f"{desk.device} ({desk.name})" for desk in self._desks)
        if device is None:
            raise BadRequest(f"“device” must say which: {known}")
        found = next((d for d in self._desks if isinstance(device, str) and d.device == device.upper()), None)
        if found is None:
            raise BadRequest(f"there is no device {device}; there are {known}")
        return found

    def _values(self) -> dict[str, Any]:
        return {
            "devices": [
                {"device": desk.device, "name": desk.name, "tuners": [asdict(t) for t in desk.tuners()]}
                for desk in self._desks
            ]
        }
