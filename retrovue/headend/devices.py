"""Further tuners of a station: what each is told of itself, and the sockets that it serves HTTP on."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

from retrovue.headend.identity import identity
from retrovue.headend.ports import address_of, listen, try_port_80
from retrovue.headend.settings import DeviceSettings, HeadendSettings


async def further_tuner(
    settings: HeadendSettings, device: DeviceSettings, state_dir: Path
) -> tuple[HeadendSettings, list[socket.socket]]:
    """The settings of ``device`` beside the station's first tuner, which has ``settings``; and its sockets.

    On an address of its own it is a whole tuner. On the station's it is HTTP only: there is one port 65001,
    and control can't tell two tuners of one address apart. Raises ``RetroVueError``.
    """
    setting = f"http_port of the device {device.slug}"
    own = replace(
        settings,
        friendly_name=device.friendly_name,
        tuner_count=device.tuner_count,
        personality=device.personality,
        device_id=identity(device.device_id, state_dir, device.slug),
        channels=device.channels,
        devices=(),
        external_url=None,  # it leads to the first
        port_80=False,
    )
    if not device.bind:
        wire = listen(settings.bind, device.http_port or 0, setting, "")
        port = wire.getsockname()[1]
        return replace(own, http_port=port, stream_port=port, control_port=None), [wire]
    address = await address_of(device.bind)
    port = settings.http_port if device.http_port is None else device.http_port
    wires = [listen(address, port, setting, "")]
    try:
        if settings.stream_port != port:
            wires.append(listen(address, settings.stream_port, "stream_port"))
        own = replace(
            own,
            bind=address,
            http_port=wires[0].getsockname()[1],
            stream_port=wires[-1].getsockname()[1],
        )
        if settings.port_80 and own.http_port != 80 and (extra := try_port_80(address)):
            wires.append(extra)
            own = replace(own, port_80=True)
    except BaseException:
        for wire in wires:
            wire.close()
        raise
    return own, wires
