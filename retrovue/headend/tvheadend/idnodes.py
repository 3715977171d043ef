"""``…/class``, ``idnode/class`` and ``idnode/load``: what the grids' rows are made of, and one by its uuid.

Programs that know a uuid from one grid ask here for what is behind it. Nothing can be changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from retrovue.headend.tvheadend import grids
from retrovue.headend.tvheadend.backend import Backend
from retrovue.headend.tvheadend.paging import Arguments, Json

#: uuids of one request; a client asks for a row at a time.
_MOST = 1000


@dataclass(frozen=True, slots=True)
class NodeClass:
    """A kind of row."""

    name: str  #: "channel"
    caption: str
    rows: Callable[[Backend], Iterable[Json]]
    title: str  #: which property names a row
    properties: Mapping[str, tuple[str, str]]  #: id → type and caption, in the order of the row

    def described(self) -> Json:
        """What ``…/class`` answers."""
        return {
            "caption": self.caption,
            "class": self.name,
            "event": self.name,
            "props": [_property(*one) for one in self.properties.items()],
        }

    def node(self, row: Json) -> Json:
        """What ``idnode/load`` answers of a row."""
        return {
            "uuid": row["uuid"],
            "id": row["uuid"],
            "text": row[self.title],
            "caption": self.caption,
            "class": self.name,
            "event": self.name,
            "params": [
                {**_property(name, said), "value": row[name]}
                for name, said in self.properties.items()
                if name in row
            ],
        }


def _property(name: str, said: tuple[str, str]) -> Json:
    kind, caption = said
    listed = kind.endswith("[]")
    return {
        "id": name,
        "type": kind.removesuffix("[]"),
        **({"list": 1} if listed else {}),
        "caption": caption,
        "rdonly": True,
    }


#: Types and captions are a real server's.
_CLASSES = (
    NodeClass(
        "channel",
        "Channels / EPG - Channels",
        grids.channel_rows,
        "name",
        {
            "enabled": ("bool", "Enabled"),
            "autoname": ("bool", "Automatically name from network"),
            "name": ("str", "Name"),
            "number": ("s64", "Number"),
            "icon": ("str", "User icon"),
            "icon_public_url": ("str", "Icon URL"),
            "epgauto": ("bool", "Automatically map EPG source"),
            "epglimit": ("u32", "Limit EPG (days)"),
            "epggrab": ("str[]", "EPG source"),
            "dvr_pre_time": ("int", "Pre-recording padding"),
            "dvr_pst_time": ("int", "Post-recording padding"),
            "epg_running": ("int", "Use EPG running state"),
            "services": ("str[]", "Services"),
            "tags": ("str[]", "Tags"),
            "bouquet": ("str", "Bouquet (auto)"),
        },
    ),
    NodeClass(
        "channeltag",
        "Channels / EPG - Channel Tags",
        grids.tag_rows,
        "name",
        {
            "enabled": ("bool", "Enabled"),
            "index": ("u32", "Sort index"),
            "name": ("str", "Name"),
            "internal": ("bool", "Internal"),
            "private": ("bool", "Private"),
            "icon": ("str", "Icon (full URL)"),
            "icon_public_url": ("str", "Icon URL"),
            "titled_icon": ("bool", "Icon has title"),
            "comment": ("str", "Comment"),
        },
    ),
    NodeClass(
        "mpegts_network",
        "DVB Inputs - Networks",
        grids.network_rows,
        "networkname",
        {
            "enabled": ("bool", "Enabled"),
            "networkname": ("str", "Network name"),
            "num_mux": ("int", "# Muxes"),
            "num_svc": ("int", "# Services"),
            "num_chn": ("int", "# Mapped channels"),
            "scanq_length": ("int", "Scan queue length"),
        },
    ),
    NodeClass(
        "mpegts_mux",
        "DVB Inputs - Multiplex",
        grids.mux_rows,
        "name",
        {
            "enabled": ("int", "Enabled"),
            "network": ("str", "Network"),
            "network_uuid": ("str", "Network UUID"),
            "name": ("str", "Name"),
            "channel_number": ("u32", "Channel number"),
            "scan_state": ("int", "Scan status"),
            "scan_result": ("int", "Scan result"),
            "num_svc": ("int", "# Services"),
            "num_chn": ("int", "# Mapped channels"),
        },
    ),
    NodeClass(
        "mpegts_service",
        "DVB Inputs - Services",
        grids.service_rows,
        "svcname",
        {
            "network": ("str", "Network"),
            "multiplex": ("str", "Mux"),
            "multiplex_uuid": ("str", "Mux UUID"),
            "sid": ("u32", "Service ID"),
            "lcn": ("u32", "Local channel number"),
            "lcn_minor": ("u32", "Local channel minor"),
            "svcname": ("str", "Service name"),
            "provider": ("str", "Provider"),
            "dvb_servicetype": ("u32", "Service type"),
            "enabled": ("bool", "Enabled"),
            "channel": ("str[]", "Channel"),
            "priority": ("int", "Priority"),
            "encrypted": ("bool", "Encrypted"),
            "caid": ("str", "CAID"),
        },
    ),
)
#: By the name in ``…/class`` of the JSON API.
CLASSES: Mapping[str, NodeClass] = dict(
    zip(("channel", "channeltag", "mpegts/network", "mpegts/mux", "mpegts/service"), _CLASSES, strict=True)
)


def _class(_: Backend, arguments: Arguments) -> Any:
    """``idnode/class?name=channel``."""
    wanted = arguments.get("name")
    return next((one.described() for one in _CLASSES if one.name == wanted), None)


def _load(backend: Backend, arguments: Arguments) -> Json:
    """``idnode/load?uuid=…`` (a list of them as JSON), or all of ``?class=channel``; ``grid=1``: as rows."""
    wanted, of_class = set(_uuids(arguments)), arguments.get("class")
    as_rows = arguments.get("grid") == "1"
    return {
        "entries": [
            row if as_rows else one.node(row)
            for one, row in _everything(backend)
            if row["uuid"] in wanted or one.name == of_class
        ]
    }


def _everything(backend: Backend) -> Iterator[tuple[NodeClass, Json]]:
    return ((one, row) for one in _CLASSES for row in one.rows(backend))


def _uuids(arguments: Arguments) -> list[str]:
    word = arguments.get("uuid", "")
    if not word.startswith("["):
        return [word]
    try:
        found = json.loads(word)
    except (ValueError, RecursionError):
        return []
    return [uuid for uuid in found[:_MOST] if isinstance(uuid, str)]


def _described(one: NodeClass) -> Callable[[Backend, Arguments], Json]:
    return lambda _, __: one.described()


ROUTES: dict[str, Callable[[Backend, Arguments], Any]] = {
    "idnode/class": _class,
    "idnode/load": _load,
    **{f"{path}/class": _described(one) for path, one in CLASSES.items()},
}
