"""``GET /api/v1/status`` and ``/api/v1/orders``: the station as its operator sees it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aiohttp import web

from retrovue.headend.api.guard import answer
from retrovue.lineup import ChannelStatus, Lineup, Orders, StationStatus


class StatusRoutes:
    def __init__(self, root: str, lineup: Lineup) -> None:
        self._root, self._lineup = root, lineup

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        yield web.get(f"{self._root}/status", self._status)
        yield web.get(f"{self._root}/orders", self._orders)

    async def _status(self, request: web.Request) -> web.Response:
        return answer(status_values(self._lineup.status(), self._lineup))

    async def _orders(self, request: web.Request) -> web.Response:
        return answer(orders_values(self._lineup))


def status_values(status: StationStatus, lineup: Lineup) -> dict[str, Any]:
    numbers = {ident.id: ident for ident in lineup.channels()}
    return {
        "station": status.station,
        "name": status.name,
        "timezone": status.timezone,
        "now": status.now.isoformat(),
        "artefact": status.artefact,
        "horizon_end": status.horizon_end.isoformat() if status.horizon_end else None,
        "encoders": status.encoders and {"used": status.encoders.used, "budget": status.encoders.budget},
        "warnings": list(status.warnings),
        "channels": [
            {
                "channel": state.channel,
                "number": numbers[state.channel].number,
                "name": numbers[state.channel].name,
                **_channel_values(state),
            }
            for state in status.channels
        ],
    }


def orders_values(lineup: Lineup) -> dict[str, Any]:
    """The orders in force, channel by channel."""
    numbers = {ident.id: ident.number for ident in lineup.channels()}
    status = lineup.status()
    return {
        "timezone": status.timezone,
        "channels": [
            {"channel": state.channel, "number": numbers[state.channel], **_order_values(state.orders)}
            for state in status.channels
        ],
    }


def _channel_values(state: ChannelStatus) -> dict[str, Any]:
    on = state.now
    return {
        "health": state.health.value,
        "viewers": state.viewers,
        "producer": state.producer,
        "detail": state.detail,
        "slate_ticks": state.slate_ticks,
        "restarts": state.restarts,
        "behind_s": state.behind_s,
        "planned_until": state.planned_until.isoformat() if state.planned_until else None,
        "now": on
        and {
            "title": on.title,
            "subtitle": on.subtitle,
            "start": on.start.isoformat(),
            "end": on.end.isoformat(),
        },
        **_order_values(state.orders),
    }


def _order_values(orders: Orders) -> dict[str, Any]:
    emergency, sign_off = orders.emergency, orders.sign_off
    return {
        "mode": orders.mode.value,
        "emergency": emergency
        and {
            "text": emergency.text,
            "mode": emergency.mode.value,
            "since": emergency.since.isoformat(),
            "until": emergency.until.isoformat() if emergency.until else None,
        },
        "sign_off": sign_off
        and {
            "since": sign_off.since.isoformat(),
            "until": sign_off.until.isoformat() if sign_off.until else None,
        },
    }
