"""The station, who watches it and what a recorder would have, as rows of Tvheadend's JSON API.

Rows have the fields of a real server (fixtures/tvheadend/http_shapes.json), as far as a station has something
to say. Arguments are text, as they come from a query string.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from retrovue.headend.tvheadend.backend import API_VERSION, Backend
from retrovue.headend.tvheadend.directory import Listed
from retrovue.headend.tvheadend.messages import seconds, service_name
from retrovue.headend.tvheadend.numbering import uuid_of
from retrovue.headend.tvheadend.paging import Arguments, Json, grid, pairs

CAPABILITIES = ["tvadapters"]
PROFILES = ("pass", "htsp")


# --- the station ---


def _server(backend: Backend, _: Arguments) -> Json:
    return {
        "sw_version": backend.version,
        "api_version": API_VERSION,
        "name": backend.settings.friendly_name,
        "capabilities": CAPABILITIES,
    }


def number_of_channel(listed: Listed) -> int | str:
    """5 and "5.1", as Tvheadend's JSON has them (src/prop.c)."""
    return listed.major if not listed.minor else listed.ident.number


def channel_rows(backend: Backend) -> Iterator[Json]:
    """Of /api/channel/grid; the others likewise."""
    return (_channel(backend, listed) for listed in backend.directory.channels.values())


def _channel(backend: Backend, listed: Listed) -> Json:
    found = backend.directory
    row: Json = {
        "uuid": listed.uuid,
        "enabled": True,
        "autoname": False,
        "name": listed.ident.name,
        "number": number_of_channel(listed),
    }
    if listed.ident.logo is not None:
        row["icon"] = row["icon_public_url"] = f"imagecache/{backend.images.number(listed.ident.logo)}"
    return row | {
        "epgauto": True,
        "epglimit": 0,
        "epggrab": [],
        "dvr_pre_time": 0,
        "dvr_pst_time": 0,
        "epg_running": -1,
        "services": [listed.service_uuid],
        "tags": [found.tags[number].uuid for number in listed.tags],
        "bouquet": "",
    }


def _channel_list(backend: Backend, arguments: Arguments) -> Json:
    numbers = arguments.get("numbers") == "1"
    return pairs(
        (listed.uuid, f"{listed.ident.number} {listed.ident.name}" if numbers else listed.ident.name)
        for listed in backend.directory.channels.values()
    )


def tag_rows(backend: Backend) -> Iterator[Json]:
    for tag in backend.directory.tags.values():
        yield {
            "uuid": tag.uuid,
            "enabled": True,
            "index": tag.index,
            "name": tag.name,
            "internal": False,
            "private": False,
            "icon": "",
            "icon_public_url": "",
            "titled_icon": False,
            "comment": "",
        }


def _tag_list(backend: Backend, _: Arguments) -> Json:
    return pairs((tag.uuid, tag.name) for tag in backend.directory.tags.values())


def network_rows(backend: Backend) -> Iterator[Json]:
    count = len(backend.directory.channels)
    yield {
        "uuid": backend.directory.network_uuid,
        "enabled": True,
        "networkname": backend.network,
        "num_mux": count,
        "num_svc": count,
        "num_chn": count,
        "scanq_length": 0,
    }


def mux_rows(backend: Backend) -> Iterator[Json]:
    network, found = backend.network, backend.directory
    for listed in found.channels.values():
        yield {
            "uuid": listed.mux_uuid,
            "enabled": 1,
            "network": network,
            "network_uuid": found.network_uuid,
            "name": listed.ident.name,
            "channel_number": listed.major,
            "scan_state": 0,
            "scan_result": 1,
            "num_svc": 1,
            "num_chn": 1,
        }


def service_rows(backend: Backend) -> Iterator[Json]:
    network = backend.network
    for listed in backend.directory.channels.values():
        yield {
            "uuid": listed.service_uuid,
            "network": network,
            "multiplex": listed.ident.name,
            "multiplex_uuid": listed.mux_uuid,
            "sid": 1,
            "lcn": listed.major,
            "lcn_minor": listed.minor,
            "svcname": listed.ident.name,
            "provider": network,
            "dvb_servicetype": 25 if listed.ident.hd else 1,
            "enabled": True,
            "channel": [listed.uuid],
            "priority": 0,
            "encrypted": False,
            "caid": "",
        }


# --- who watches ---


def _subscriptions(backend: Backend, _: Arguments) -> Json:
    now, network = backend.clock.elapsed(), backend.network
    rows = [
        {
            "id": one.id,
            "start": seconds(one.since),
            "errors": one.errors,
            "state": "Running",
            "hostname": one.address,
            **({"username": one.user} if one.user else {}),
            "client": one.agent,
            "title": one.kind,
            "channel": one.listed.ident.name,
            # Home Assistant takes what stands behind the first slash.
            "service": f"RetroVue #1/{service_name(network, one.listed)}",
            "pids": [],
            "profile": one.profile,
            "in": one.received.per_second(now),
            "out": one.sent.per_second(now),
            "total_in": one.received.total,
            "total_out": one.sent.total,
        }
        for one in sorted(backend.watching, key=lambda one: one.id)
    ]
    return {"entries": rows, "totalCount": len(rows)}


def _connections(backend: Backend, _: Arguments) -> Json:
    rows = [
        {
            "id": number,
            "server": peer.ours,
            "server_port": port,
            "peer": peer.address,
            "peer_port": peer.port,
            "started": seconds(since),
            "streaming": streaming,
            "type": kind,
            "user": user,
        }
        for number, (peer, port, since, streaming, kind, user) in enumerate(backend.connections(), 1)
    ]
    return {"entries": rows, "totalCount": len(rows)}


def _inputs(backend: Backend, _: Arguments) -> Json:
    """One row for each channel that somebody watches through this front-end."""
    now = backend.clock.elapsed()
    rows: dict[int, Json] = {}
    for one in backend.watching:
        rate = 8 * one.received.per_second(now)
        row = rows.setdefault(
            one.listed.number,
            {
                "uuid": backend.adapter_uuid,
                "input": "RetroVue #1",
                "stream": f"{one.listed.ident.name} in {backend.network}",
                "subs": 0,
                "weight": 0,
                "pids": [],
                "signal": 65535,
                "signal_scale": 1,
                "ber": 0,
                "snr": 65535,
                "snr_scale": 1,
                "unc": 0,
                "bps": 0,
                "te": 0,
                "cc": 0,
                "ec_bit": 0,
                "tc_bit": 0,
                "ec_block": 0,
                "tc_block": 0,
            },
        )
        row["subs"] += 1
        row["weight"] = max(row["weight"], one.weight)
        row["bps"] = max(row["bps"], rate)
    return {"entries": list(rows.values()), "totalCount": len(rows)}


def _activity(backend: Backend, _: Arguments) -> Json:
    return {
        "current_time": seconds(backend.clock.now()),
        "next_activity": 0,
        "activities": {"dvr": 0, "ota_grabber": 0, "int_grabber": 0, "mux_scheduler": 0},
        "subscription_count": len(backend.watching),
        "connection_count": len(backend.connections()),
    }


# --- what a recorder has ---


def _profiles(_: Backend, arguments: Arguments) -> Json:
    words = PROFILES if arguments.get("htsp") == "1" else PROFILES[:1]
    return pairs((uuid_of("profile", word), word) for word in words)


def recorder_rows(_: Backend) -> Iterator[Json]:
    # webOS takes the first without looking whether there is one. It is switched off.
    yield {
        "uuid": uuid_of("dvr config"),
        "enabled": False,
        "name": "",
        "profile": uuid_of("profile", PROFILES[0]),
        "pre-extra-time": 0,
        "post-extra-time": 0,
    }


def _grid(rows: Callable[[Backend], Iterable[Json]]) -> Callable[[Backend, Arguments], Json]:
    return lambda backend, arguments: grid(rows(backend), arguments)


def _none(_: Backend, __: Arguments) -> Json:
    return {"entries": [], "total": 0}


ROUTES: dict[str, Callable[[Backend, Arguments], Any]] = {
    "serverinfo": _server,
    "config/capabilities": lambda _, __: CAPABILITIES,
    "channel/grid": _grid(channel_rows),
    "channel/list": _channel_list,
    "channeltag/grid": _grid(tag_rows),
    "channeltag/list": _tag_list,
    "channelcategory/list": lambda _, __: {"entries": []},
    "mpegts/network/grid": _grid(network_rows),
    "mpegts/mux/grid": _grid(mux_rows),
    "mpegts/service/grid": _grid(service_rows),
    "profile/list": _profiles,
    "status/subscriptions": _subscriptions,
    "status/connections": _connections,
    "status/inputs": _inputs,
    "status/activity": _activity,
    "dvr/config/grid": _grid(recorder_rows),
    "hardware/tree": lambda _, __: [],
    **dict.fromkeys(
        (
            *(
                "dvr/entry/grid",
                "dvr/entry/grid_upcoming",
                "dvr/entry/grid_finished",
                "dvr/entry/grid_failed",
            ),
            *("dvr/entry/grid_removed", "dvr/autorec/grid", "dvr/timerec/grid", "access/entry/grid"),
        ),
        _none,
    ),
}
