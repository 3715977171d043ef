"""What an Xtream codes server answers, as values for JSON; pure.

There is no specification. Fields and types are those of the panels that players were written for (Xtream
Codes 2, XUI): a number is text where theirs is, because players in typed languages refuse the whole answer
for one field (TiviMate wants ``exp_date`` and ``created_at`` as digits, Jellyfin.Xtream ``num``,
``stream_id`` and ``category_id`` as 32-bit integers, XStreamity ``auth`` as a number and ``active_cons`` at
all).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit
from zlib import crc32

from retrovue.headend.xmltv import artwork_url
from retrovue.lineup import ChannelIdent, GuideEntry

Json = dict[str, Any]

#: Nothing expires. Panels say null then, which some players can't read: the last second of 32 bits.
_NEVER = (1 << 31) - 1
#: There is no limit but the machine's. Zero means that to panels, and "none" to some players.
_MOST_CONNECTIONS = 100
#: Wrong name or password: with status 200, as players read it.
REFUSED: Json = {"user_info": {"auth": 0}}
#: Answers to what a station doesn't have: films and series on demand.
NOTHING: Mapping[str, object] = {
    "get_vod_categories": (),
    "get_vod_streams": (),
    "get_series_categories": (),
    "get_series": (),
    "get_vod_info": {"info": {}, "movie_data": {}},
    "get_series_info": {"seasons": [], "info": {}, "episodes": {}},
}


def login(name: str, password: str, base: str, now: datetime, since: datetime, active: int) -> Json:
    """``user_info`` and ``server_info``. ``base`` is the URL that the client reaches us by; some players make
    all others from its parts. ``active`` streams are sent to this name now."""
    url = urlsplit(base)
    secure = url.scheme == "https"
    port = str(url.port or (443 if secure else 80))
    return {
        "user_info": {
            # Sent back as it came: IPTV Smarters goes on with what stands here.
            "username": name,
            "password": password,
            "message": "",
            "auth": 1,
            "status": "Active",
            "exp_date": str(_NEVER),
            "is_trial": "0",
            "active_cons": str(active),
            "created_at": _seconds(since),
            "max_connections": str(_MOST_CONNECTIONS),
            "allowed_output_formats": ["ts", "m3u8"],
        },
        "server_info": {
            "url": url.hostname or "",
            "port": port,
            "https_port": port if secure else "",
            "server_protocol": url.scheme,
            "rtmp_port": "0",
            "timezone": "UTC",  # of every time here that is written as text
            "timestamp_now": int(now.timestamp()),
            "time_now": _written(now),
            "process": True,
        },
    }


def categories(channels: Iterable[ChannelIdent], station: str) -> dict[str, int]:
    """Group → its number, in the lineup's order. Players keep it with what their owner has hidden or put
    first, so it is derived from the name. A channel without a group is in that of the station: many players
    show only what has a category."""
    names = list(dict.fromkeys(channel.group or station for channel in channels))
    numbers: dict[str, int] = {}
    for name in sorted(names):
        number = crc32(name.encode()) & 0x7FFFFFFF
        while not number or number in numbers.values():
            number = (number + 1) & 0x7FFFFFFF
        numbers[name] = number
    return {name: numbers[name] for name in names}


def live_categories(channels: Sequence[ChannelIdent], station: str) -> list[Json]:
    return [
        {"category_id": str(number), "category_name": name, "parent_id": 0}
        for name, number in categories(channels, station).items()
    ]


def live_streams(
    channels: Sequence[ChannelIdent],
    station: str,
    icon: Callable[[ChannelIdent], str],
    since: datetime,
    category: str = "",
) -> list[Json]:
    """The channels, or those of one ``category`` (its number as text). ``icon``: where its logo is."""
    numbers = categories(channels, station)
    found = []
    for channel in channels:
        number = numbers[channel.group or station]
        if category and category not in ("0", "*", str(number)):
            continue
        found.append(
            {
                "num": channel.vchannel,  # 5.1 is no integer
                "name": channel.name,
                "stream_type": "live",
                "stream_id": channel.vchannel,
                "stream_icon": icon(channel),
                "epg_channel_id": channel.guide_id,
                "added": _seconds(since),
                "is_adult": "0",
                "category_id": str(number),
                "category_ids": [number],
                "custom_sid": "",
                "tv_archive": 0,
                "direct_source": "",
                "tv_archive_duration": 0,
            }
        )
    return found


def icon(base: str, query: str, channel: ChannelIdent) -> str:
    """The address of a channel's logo, which ``query`` opens; empty when it has none."""
    return artwork_url(base, channel.logo, query) if channel.logo else ""


def epg(channel: ChannelIdent, entries: Iterable[GuideEntry], now: datetime) -> Json:
    """Programmes of a channel; titles and descriptions are Base64 of UTF-8."""
    return {"epg_listings": [_listing(channel, entry, now) for entry in entries]}


def _listing(channel: ChannelIdent, entry: GuideEntry, now: datetime) -> Json:
    told = "\n".join(text for text in (entry.subtitle, entry.description) if text)
    return {
        "id": str(entry.event_id),
        "epg_id": str(channel.vchannel),
        "title": _base64(entry.title or channel.name),
        "lang": "",
        "start": _written(entry.start),
        "end": _written(entry.end),
        "description": _base64(told),
        "channel_id": channel.guide_id,
        "start_timestamp": _seconds(entry.start),
        "stop_timestamp": _seconds(entry.end),
        "now_playing": int(entry.start <= now < entry.end),
        "has_archive": 0,
    }


def stream_address(base: str, name: str, password: str, channel: ChannelIdent, ending: str) -> str:
    """Where a channel is, for whoever has this name and password. ``ending``: "ts" or "m3u8"."""
    who = f"{quote(name, safe='')}/{quote(password, safe='')}"
    return f"{base}/live/{who}/{channel.vchannel}.{ending}"


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()


def _seconds(instant: datetime) -> str:
    return str(int(instant.timestamp()))


def _written(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
