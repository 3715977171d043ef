"""What the tuner's HTTP API says, as values and text; pure.

Field names are case-sensitive and flags are 1 or absent, as real units write them
(info.hdhomerun.com/info/http_api).
"""

from __future__ import annotations

import uuid
from collections.abc import Container, Iterable, Sequence
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

from retrovue.headend.hdhomerun.discovery import device_auth
from retrovue.headend.hdhomerun.personality import (
    FIRMWARE_VERSION,
    ORIGINAL_NETWORK_ID,
    PROGRAM_NUMBER,
    Personality,
    RfPlan,
    transport_stream_id,
)
from retrovue.headend.hdhomerun.tuners import Tuner
from retrovue.lineup import ChannelIdent

Json = dict[str, Any]

#: Our own name space for UDNs: the same device id gives the same UDN for life.
_UDN_SPACE = uuid.UUID("5b0f3f1e-6d58-5d3c-9c57-2f0f6a1d7c11")


def discover(base: str, name: str, family: Personality, device_id: int, tuners: int) -> Json:
    """/discover.json. ``base`` is the URL under which this client reaches us."""
    return {
        "FriendlyName": name,
        "ModelNumber": family.hardware,
        "FirmwareName": family.model,
        "FirmwareVersion": FIRMWARE_VERSION,
        "DeviceID": f"{device_id:08X}",
        "DeviceAuth": device_auth(device_id),
        "BaseURL": base,
        "LineupURL": f"{base}/lineup.json",
        "TunerCount": tuners,
    }


def lineup(
    base: str,
    channels: Sequence[ChannelIdent],
    family: Personality,
    favorites: Container[str],
    *,
    only_favorites: bool = False,
    tuning: bool = False,
) -> list[Json]:
    """/lineup.json: one entry a channel; ``tuning`` adds what a client tunes by."""
    plan = RfPlan(family, channels)
    return [
        _entry(base, channel, plan, family, channel.number in favorites, tuning)
        for channel in channels
        if not only_favorites or channel.number in favorites
    ]


def _entry(
    base: str, channel: ChannelIdent, plan: RfPlan, family: Personality, favorite: bool, tuning: bool
) -> Json:
    entry: Json = {
        "GuideNumber": channel.number,
        "GuideName": channel.name,
        "VideoCodec": channel.video_codec,
        "AudioCodec": channel.audio_codec,
    }
    if channel.hd:
        entry["HD"] = 1
    if favorite:
        entry["Favorite"] = 1
    frequency = plan.frequency(channel.id)
    if tuning and frequency is not None:
        entry["Modulation"] = family.modulation
        entry["Frequency"] = frequency
        entry["ProgramNumber"] = PROGRAM_NUMBER
        entry["TransportStreamID"] = transport_stream_id(channel)
        if family.dvb:
            entry["OriginalNetworkID"] = ORIGINAL_NETWORK_ID
    # No query string: Emby appends "?transcode=…" as it is.
    entry["URL"] = f"{base}/auto/v{quote(channel.number)}"
    return entry


def lineup_xml(entries: Iterable[Json]) -> str:
    """/lineup.xml, which MythTV reads: the same entries as elements."""
    programs = "".join(
        "<Program>" + "".join(f"<{k}>{_xml(v)}</{k}>" for k, v in entry.items()) + "</Program>"
        for entry in entries
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Lineup>{programs}</Lineup>\n'


def status(tuner: Tuner, family: Personality, plan: RfPlan, now: float) -> Json:
    """One tuner of /status.json; an idle one has nothing but its name."""
    entry: Json = {"Resource": tuner.name}
    on_air = tuner.on_air
    if on_air is not None:
        entry["VctNumber"] = on_air.number
        entry["VctName"] = on_air.name
        frequency = plan.frequency(on_air.id)
        if frequency is not None:
            entry["Frequency"] = frequency
        entry["SignalStrengthPercent"] = 100
        entry["SignalQualityPercent"] = 100
        entry["SymbolQualityPercent"] = 100
    if tuner.viewing is not None:
        entry["TargetIP"] = tuner.viewing.address
        entry["NetworkRate"] = tuner.viewing.meter.rate(now)
    elif tuner.sending is not None:
        entry["TargetIP"] = tuner.sending.target.address
        entry["NetworkRate"] = tuner.sending.meter.rate(now)
    return entry


def udn(device_id: int) -> str:
    """The device's name in UPnP, "uuid:…": the same for life."""
    return f"uuid:{uuid.uuid5(_UDN_SPACE, f'{device_id:08X}')}"


def device_xml(base: str, name: str, family: Personality, device_id: int) -> str:
    """/device.xml, the UPnP description that Plex asks for while it is set up."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<root xmlns="urn:schemas-upnp-org:device-1-0">'
        "<specVersion><major>1</major><minor>0</minor></specVersion>"
        f"<URLBase>{_xml(base)}</URLBase><device>"
        "<deviceType>urn:schemas-upnp-org:device:MediaServer:1</deviceType>"
        f"<friendlyName>{_xml(name)}</friendlyName>"
        "<manufacturer>Silicondust</manufacturer>"
        f"<modelName>{family.hardware}</modelName><modelNumber>{family.hardware}</modelNumber>"
        f"<serialNumber>{device_id:08X}</serialNumber><UDN>{udn(device_id)}</UDN>"
        "</device></root>\n"
    )


def tuners_html(name: str, rows: Iterable[Json]) -> str:
    """/tuners.html: who watches what, for people."""
    cells = "".join(
        f"<tr><td>{_xml(r['Resource'])}<td>{_xml(r.get('VctNumber', ''))} {_xml(r.get('VctName', 'idle'))}"
        f"<td>{_xml(r.get('TargetIP', ''))}<td>{r.get('NetworkRate', 0) / 1e6:.1f} Mbit/s\n"
        for r in rows
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{_xml(name)}: tuners</title>'
        f"<h1>{_xml(name)}: tuners</h1>"
        f"<table><tr><th>Tuner<th>Channel<th>Viewer<th>Rate\n{cells}</table></html>\n"
    )


def lineup_html(name: str, entries: Iterable[Json]) -> str:
    """/lineup.html: the channels, for people."""
    cells = "".join(
        f'<tr><td>{_xml(e["GuideNumber"])}<td><a href="{_xml(e["URL"])}">{_xml(e["GuideName"])}</a>\n'
        for e in entries
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{_xml(name)}: channels</title>'
        f"<h1>{_xml(name)}: channels</h1><table>\n{cells}</table></html>\n"
    )


def _xml(value: object) -> str:
    """Escaped, without the control characters that XML 1.0 can't hold."""
    return escape("".join(c for c in str(value) if c >= " "), {'"': "&quot;"})
