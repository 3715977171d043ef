"""Tvheadend's JSON API: what each route answers; no HTTP here, so that HTSP's ``api`` can ask, too.

Rows have the fields of a real server (fixtures/tvheadend/http_shapes.json), as far as a station has something
to say. Arguments are text, as they come from a query string.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from retrovue.headend.tvheadend.backend import API_VERSION, Backend
from retrovue.headend.tvheadend.directory import Listed
from retrovue.headend.tvheadend.epg import Event
from retrovue.headend.tvheadend.genres import GROUPS, content_code
from retrovue.headend.tvheadend.messages import age_of, credits_of, onscreen, seconds, service_name
from retrovue.headend.tvheadend.numbering import uuid_of
from retrovue.headend.tvheadend.query import search
from retrovue.lineup import GuideEntry

Json = dict[str, Any]
Arguments = Mapping[str, str]

#: Routes that may read a whole guide: the pictures share the event loop.
ON_A_THREAD = frozenset(("epg/events/grid",))
#: Rows of a grid, when the client doesn't say.
_LIMIT = 50
#: Rows of one answer, whatever the client says.
_MOST = 100_000
CAPABILITIES = ["tvadapters"]
PROFILES = ("pass", "htsp")


def answer(backend: Backend, path: str, arguments: Arguments) -> Any:
    """What ``/api/<path>`` says; None: there is no such route."""
    route = _ROUTES.get(path)
    return route(backend, arguments) if route is not None else None


# --- grids ---


def grid(rows: Iterable[Json], arguments: Arguments, total: str = "total") -> Json:
    """A page of rows: ``filter``, then ``sort`` and ``dir``, then ``start`` and ``limit``."""
    found = [row for row in rows if all(accepts(row) for accepts in _filters(arguments))]
    if sort := arguments.get("sort"):
        found.sort(key=lambda row: _order(row.get(sort)), reverse=arguments.get("dir", "").upper() == "DESC")
    start, limit = _number(arguments, "start", 0), _number(arguments, "limit", _LIMIT)
    return {"entries": found[start : start + min(limit, _MOST)], total: len(found)}


def _order(value: Any) -> tuple[int, float, str]:
    """Numbers before words; channel numbers like "5.1" are numbers."""
    if isinstance(value, bool | int | float):
        return (0, float(value), "")
    word = "" if value is None else str(value)
    try:
        return (0, float(word), "")
    except ValueError:
        return (1, 0.0, word.casefold())


def _number(arguments: Arguments, name: str, default: int) -> int:
    word = arguments.get(name, "").strip()
    return int(word) if word.isascii() and word.isdigit() and len(word) < 16 else default


def _filters(arguments: Arguments) -> list[Callable[[Json], bool]]:
    """``[{"field": "name", "type": "string", "value": "x", "comparison": "eq"}]``"""
    try:
        wanted = json.loads(arguments.get("filter") or "[]")
    except (ValueError, RecursionError):
        return []
    return [_filter(one) for one in wanted if isinstance(one, dict)] if isinstance(wanted, list) else []


def _filter(one: Json) -> Callable[[Json], bool]:
    name, value = str(one.get("field", "")), one.get("value")
    kind, comparison = one.get("type", "string"), one.get("comparison")
    if kind == "numeric":
        limit = _order(value)
        tests: dict[str, Callable[[Any], bool]] = {
            "gt": lambda cell: _order(cell) > limit,
            "lt": lambda cell: _order(cell) < limit,
        }
        number = tests.get(str(comparison), lambda cell: _order(cell) == limit)
        return lambda row: number(row.get(name))
    if kind == "boolean":
        yes = value in (True, 1, "1", "true")
        return lambda row: bool(row.get(name)) == yes
    if comparison == "eq":
        return lambda row: str(row.get(name, "")) == str(value)
    matches = search(str(value or ""))
    return lambda row: matches(str(row.get(name, "")))


def _pairs(pairs: Iterable[tuple[Any, str]]) -> Json:
    return {"entries": [{"key": key, "val": word} for key, word in pairs]}


# --- the station ---


def _server(backend: Backend, _: Arguments) -> Json:
    return {
        "sw_version": backend.version,
        "api_version": API_VERSION,
        "name": backend.settings.friendly_name,
        "capabilities": CAPABILITIES,
    }


def number_of_channel(listed: Listed) -> int | float:
    """5 and 5.1, as Tvheadend's JSON has them."""
    return listed.major if not listed.minor else float(listed.ident.number)


def _channels(backend: Backend, arguments: Arguments) -> Json:
    return grid((_channel(backend, listed) for listed in backend.directory.channels.values()), arguments)


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
    return _pairs(
        (listed.uuid, f"{listed.ident.number} {listed.ident.name}" if numbers else listed.ident.name)
        for listed in backend.directory.channels.values()
    )


def _tags(backend: Backend, arguments: Arguments) -> Json:
    return grid(
        (
            {
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
            for tag in backend.directory.tags.values()
        ),
        arguments,
    )


def _tag_list(backend: Backend, _: Arguments) -> Json:
    return _pairs((tag.uuid, tag.name) for tag in backend.directory.tags.values())


def _networks(backend: Backend, arguments: Arguments) -> Json:
    count = len(backend.directory.channels)
    row = {
        "uuid": backend.directory.network_uuid,
        "enabled": True,
        "networkname": backend.network,
        "num_mux": count,
        "num_svc": count,
        "num_chn": count,
        "scanq_length": 0,
    }
    return grid([row], arguments)


def _muxes(backend: Backend, arguments: Arguments) -> Json:
    network, found = backend.network, backend.directory
    return grid(
        (
            {
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
            for listed in found.channels.values()
        ),
        arguments,
    )


def _services(backend: Backend, arguments: Arguments) -> Json:
    network = backend.network
    return grid(
        (
            {
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
            for listed in backend.directory.channels.values()
        ),
        arguments,
    )


# --- the guide ---


def _event(backend: Backend, event: Event) -> Json:
    entry, next_id = event
    listed = backend.directory.by_id[entry.channel]
    row: Json = {
        "eventId": entry.event_id,
        "channelName": listed.ident.name,
        "channelUuid": listed.uuid,
        "channelNumber": listed.ident.number,
    }
    if listed.ident.logo is not None:
        row["channelIcon"] = f"imagecache/{backend.images.number(listed.ident.logo)}"
    row |= {"start": seconds(entry.start), "stop": seconds(entry.end), "title": entry.title}
    code = content_code(entry.categories, movie=entry.kind == "movie")
    more = {
        "subtitle": entry.subtitle,
        "description": entry.description,
        "credits": credits_of(entry),
        "category": list(entry.categories),
        "genre": [code] if code else [],
        "new": int(entry.original_date is not None and entry.original_date >= entry.start.date()),
        "seasonNumber": entry.season,
        "episodeNumber": entry.episode,
        "episodeOnscreen": onscreen(entry) if entry.episode else "",
        "ageRating": age_of(entry.rating),
        "ratingLabel": entry.rating,
        "copyright_year": entry.year,
        "image": f"imagecache/{backend.images.number(entry.artwork)}" if entry.artwork else "",
        "nextEventId": next_id,
    }
    return row | {name: value for name, value in more.items() if value}


def _events(backend: Backend, arguments: Arguments) -> Json:
    """The guide by start, filtered; only the page that is asked for is written out."""
    found = backend.directory
    listed = list(found.channels.values())
    if wanted := arguments.get("channel"):
        listed = [one for one in listed if wanted in (one.uuid, one.ident.name, str(one.number))]
    if tag := arguments.get("channelTag"):
        members = {n for t in found.tags.values() if tag in (t.uuid, t.name) for n in t.members}
        listed = [one for one in listed if one.number in members]
    events = backend.epg.query(
        arguments.get("title", ""),
        [one.ident.id for one in listed],
        everywhere=arguments.get("fulltext") in ("1", "true"),
        content=_number(arguments, "contentType", 0),
        shortest=_number(arguments, "durationMin", 0),
        longest=_number(arguments, "durationMax", 0),
    )
    if arguments.get("mode") == "now":
        now = backend.clock.now()
        events = [event for event in events if event[0].start <= now < event[0].end]
    sort, backwards = arguments.get("sort", "start"), arguments.get("dir", "").upper() == "DESC"
    if arguments.get("filter") or sort not in _ENTRY_ORDER:
        return grid((_event(backend, event) for event in events), arguments, "totalCount")
    events.sort(key=lambda event: _ENTRY_ORDER[sort](event[0]), reverse=backwards)
    start, limit = _number(arguments, "start", 0), min(_number(arguments, "limit", _LIMIT), _MOST)
    page = events[start : start + limit]
    return {"totalCount": len(events), "entries": [_event(backend, event) for event in page]}


_ENTRY_ORDER: dict[str, Callable[[GuideEntry], Any]] = {
    "start": lambda entry: entry.start,
    "stop": lambda entry: entry.end,
    "title": lambda entry: entry.title.casefold(),
}


def _load(backend: Backend, arguments: Arguments) -> Json:
    """One event, or some: ``eventId=1`` or ``eventId=[1,2]``."""
    try:
        wanted = json.loads(arguments.get("eventId") or "[]")
    except (ValueError, RecursionError):
        wanted = []
    numbers = [n for n in (wanted if isinstance(wanted, list) else [wanted]) if isinstance(n, int)]
    events = [event for n in numbers[:_LIMIT] if (event := backend.epg.find(n)) is not None]
    rows = [_event(backend, event) for event in events if event[0].channel in backend.directory.by_id]
    return {"entries": rows, "totalCount": len(rows)}


def _content_types(_: Backend, __: Arguments) -> Json:
    return _pairs(GROUPS.items())


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
    return _pairs((uuid_of("profile", word), word) for word in words)


def _recorders(_: Backend, arguments: Arguments) -> Json:
    # webOS takes the first without looking whether there is one. It is switched off.
    row = {
        "uuid": uuid_of("dvr config"),
        "enabled": False,
        "name": "",
        "profile": uuid_of("profile", PROFILES[0]),
        "pre-extra-time": 0,
        "post-extra-time": 0,
    }
    return grid([row], arguments)


def _none(_: Backend, __: Arguments) -> Json:
    return {"entries": [], "total": 0}


_ROUTES: dict[str, Callable[[Backend, Arguments], Any]] = {
    "serverinfo": _server,
    "config/capabilities": lambda _, __: CAPABILITIES,
    "channel/grid": _channels,
    "channel/list": _channel_list,
    "channeltag/grid": _tags,
    "channeltag/list": _tag_list,
    "channelcategory/list": lambda _, __: {"entries": []},
    "mpegts/network/grid": _networks,
    "mpegts/mux/grid": _muxes,
    "mpegts/service/grid": _services,
    "epg/events/grid": _events,
    "epg/events/load": _load,
    "epg/events/related": lambda _, __: {"entries": [], "totalCount": 0},
    "epg/events/alternative": lambda _, __: {"entries": [], "totalCount": 0},
    "epg/content_type/list": _content_types,
    "profile/list": _profiles,
    "status/subscriptions": _subscriptions,
    "status/connections": _connections,
    "status/inputs": _inputs,
    "status/activity": _activity,
    "dvr/config/grid": _recorders,
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
