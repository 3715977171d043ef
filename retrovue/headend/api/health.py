"""``/healthz`` and ``/metrics``: for whoever watches over the station by machine.

``/healthz/live`` answers as long as the program does. ``/healthz`` is readiness: 200 when every channel has a
plan for now and the guide hasn't run out, else 503; both with the horizons, so that a warning can come before
the fault. ``/metrics`` is Prometheus' text format (exposition format 0.0.4).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from aiohttp import web

from retrovue.headend.api.guard import HEADERS, answer
from retrovue.headend.tuner_desk import TunerDesk
from retrovue.lineup import Health, Lineup, Mode, StationStatus

_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

#: One measured value: labels and number.
Sample = tuple[dict[str, str], float]


class HealthRoutes:
    def __init__(self, lineup: Lineup, desks: Sequence[TunerDesk]) -> None:
        self._lineup, self._desks = lineup, desks

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        yield web.get("/healthz", self._ready)
        yield web.get("/healthz/live", self._live)
        yield web.get("/metrics", self._metrics)

    async def _live(self, request: web.Request) -> web.Response:
        return answer({"live": True})

    async def _ready(self, request: web.Request) -> web.Response:
        status = self._lineup.status()
        numbers = {ident.id: ident.number for ident in self._lineup.channels()}
        problems = [
            f"{numbers[c.channel]} has no plan for now"
            for c in status.channels
            if (_left(c.planned_until, status) or 0) <= 0
        ]
        guide = _left(status.horizon_end, status)
        if guide is not None and guide <= 0:
            problems.append("the guide has run out")
        plans = [left for c in status.channels if (left := _left(c.planned_until, status)) is not None]
        values = {
            "live": True,
            "ready": not problems,
            "problems": problems,
            "guide_hours": _hours(guide),
            "playlog_hours": _hours(min(plans, default=None)),
            "on_slate": [numbers[c.channel] for c in status.channels if c.health is Health.SLATE],
            "warnings": list(status.warnings),
        }
        return answer(values, 503 if problems else 200)

    async def _metrics(self, request: web.Request) -> web.Response:
        text = "".join(_written(*metric) for metric in self._measured())
        return web.Response(body=text.encode(), headers={**HEADERS, "Content-Type": _CONTENT_TYPE})

    def _measured(self) -> Iterator[tuple[str, str, str, list[Sample]]]:
        """(name, type, help, samples) of each metric."""
        status = self._lineup.status()
        numbers = {ident.id: ident.number for ident in self._lineup.channels()}
        labels = {
            c.channel: {"channel": str(c.channel), "number": numbers[c.channel]} for c in status.channels
        }

        def each(value: str) -> list[Sample]:
            return [(labels[c.channel], float(getattr(c, value))) for c in status.channels]

        on_air = [(labels[c.channel], float(c.health is not Health.OFF_AIR)) for c in status.channels]
        on_slate = [(labels[c.channel], float(c.health is Health.SLATE)) for c in status.channels]
        emergency = [(labels[c.channel], float(c.orders.mode is Mode.EMERGENCY)) for c in status.channels]
        horizons = [
            (labels[c.channel], left / 3600)
            for c in status.channels
            if (left := _left(c.planned_until, status)) is not None
        ]
        guide = _left(status.horizon_end, status)
        yield "station_info", "gauge", "What is on the air.", [
            ({"station": status.station, "artefact": status.artefact}, 1.0)
        ]  # fmt: skip
        yield "viewers", "gauge", "Viewers of a channel.", each("viewers")
        yield "producers", "gauge", "Producers that render now.", [
            ({}, float(sum(bool(c.producer) for c in status.channels)))
        ]  # fmt: skip
        yield "channel_on_air", "gauge", "1 while a channel is on the air.", on_air
        yield "channel_on_slate", "gauge", "1 while a fault makes a channel show the slate.", on_slate
        yield "channel_emergency", "gauge", "1 while an emergency is shown.", emergency
        yield (
            "slate_frames_total",
            "counter",
            "Frames of slate since the channel came on.",
            each("slate_ticks"),
        )
        yield (
            "restarts_total",
            "counter",
            "Deaths of the tick loop since the channel came on.",
            each("restarts"),
        )
        yield "lateness_seconds", "gauge", "How much of the lead is missing.", each("behind_s")
        yield "playlog_horizon_hours", "gauge", "How far ahead the playlog reaches.", horizons
        if guide is not None:
            yield "guide_horizon_hours", "gauge", "How far ahead the guide reaches.", [({}, guide / 3600)]
        if status.encoders is not None:
            yield "ffmpeg_children", "gauge", "ffmpeg processes.", [({}, float(status.encoders.children))]
            yield "encoder_cores_used", "gauge", "Cores that encoders take.", [({}, status.encoders.used)]
            if status.encoders.budget is not None:
                yield "encoder_cores_budget", "gauge", "Cores they may.", [({}, status.encoders.budget)]
        tuners = [({"device": d.device}, d.tuners()) for d in self._desks]
        if tuners:
            yield "tuners", "gauge", "Tuners of a device.", [(of, float(len(t))) for of, t in tuners]
            yield "tuners_in_use", "gauge", "Those that somebody uses.", [
                (of, float(sum(bool(x.client) for x in t))) for of, t in tuners
            ]  # fmt: skip
        yield "warnings", "gauge", "Warnings that stand.", [({}, float(len(status.warnings)))]


def _left(until: datetime | None, status: StationStatus) -> float | None:
    return (until - status.now).total_seconds() if until is not None else None


def _hours(seconds: float | None) -> float | None:
    return round(seconds / 3600, 2) if seconds is not None else None


def _written(name: str, kind: str, help: str, samples: Iterable[Sample]) -> str:
    lines = [f"# HELP retrovue_{name} {help}", f"# TYPE retrovue_{name} {kind}"]
    for labels, value in samples:
        inside = ",".join(f'{key}="{_escaped(word)}"' for key, word in labels.items())
        lines.append(f"retrovue_{name}{f'{{{inside}}}' if inside else ''} {value:g}")
    return "\n".join(lines) + "\n"


def _escaped(word: str) -> str:
    return word.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
