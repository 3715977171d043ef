"""The rules of tuners: ids that check, lineups of channels that are there, addresses apart."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import cast

from retrovue.diagnostics import Diagnostic, Label
from retrovue.station.model import Channel, Device, Station, VirtualDevice
from retrovue.station.numbers import valid_device_id
from retrovue.station.suggest import did_you_mean
from retrovue.station.validate import Validated
from retrovue.station.world import World, error


def devices(world: World) -> Iterator[Diagnostic]:
    for v in world.of("station"):
        tuner = cast(Station, v.model).tuner
        if v.is_mended("tuner"):
            continue
        places: list[tuple[VirtualDevice, tuple[str | int, ...]]] = [(tuner, ("tuner",))]
        places += [(d, ("tuner", "devices", i)) for i, d in enumerate(tuner.devices)]
        for device, loc in places:
            yield from _id(v, device, loc)
            yield from _channels(world, v, device, loc)
        yield from _apart(v, places)
        yield from _addresses(v, cast(Station, v.model))


def _id(v: Validated, device: VirtualDevice, loc: tuple[str | int, ...]) -> Iterator[Diagnostic]:
    device_id = device.device_id
    if device_id is not None and not valid_device_id(device_id):
        right = next(d for d in "0123456789ABCDEF" if valid_device_id(device_id[:7] + d))
        yield error(
            "bad-device-id",
            f"the last digit of the device id {device_id} does not check",
            v.span(*loc, "device_id"),
            help=f"did you mean “{device_id[:7]}{right}”? Clients refuse a wrong one",
        )


def _channels(
    world: World, v: Validated, device: VirtualDevice, loc: tuple[str | int, ...]
) -> Iterator[Diagnostic]:
    """Every word of a lineup is a channel, by number or slug, or a group of channels."""
    found = [c.model for c in world.of("channel") if not c.is_mended("number")]
    channels = [cast(Channel, model) for model in found]
    known = set(world.names.get("channel", ())) | {c.group for c in channels if c.group}
    known |= {c.number for c in channels}
    for i, word in enumerate(device.channels):
        if word not in known:
            yield error(
                "unknown-reference",
                f"no channel has the number, slug or group “{word}”",
                v.span(*loc, "channels", i),
                help=did_you_mean(word, known) or "name channels of this station",
            )


def _apart(v: Validated, places: list[tuple[VirtualDevice, tuple[str | int, ...]]]) -> Iterator[Diagnostic]:
    """No two have one slug, or one id."""
    for field, code, words in (
        ("device", "duplicate-slug", "there are two devices “{}”"),
        ("device_id", "duplicate-device-id", "two tuners have the device id {}"),
    ):
        first: dict[str, tuple[str | int, ...]] = {}
        for device, loc in places:
            value = getattr(device, field, None)
            if value is None:
                continue
            earlier = first.setdefault(value.upper(), loc)
            if earlier is not loc:
                yield error(
                    code,
                    words.format(value),
                    v.span(*loc, field),
                    labels=(Label(v.span(*earlier, field), "first here"),),
                    help="give one of them another"
                    + (", or leave it out: one is made" if field == "device_id" else " name"),
                )


def _addresses(v: Validated, station: Station) -> Iterator[Diagnostic]:
    """Ports of one address are apart; a tuner with an address of its own leaves the others theirs."""
    serve = station.serve
    taken = {(serve.bind, serve.http_port), (serve.bind, serve.stream_port)}
    for i, device in enumerate(station.tuner.devices):
        here = ("tuner", "devices", i)
        if device.bind is not None:
            yield from _own_address(v, station, device, here)
        elif device.http_port is None:
            yield error(
                "missing-key",
                f"the device “{device.device}” has neither a port nor an address of its own",
                v.span(*here),
                help="add “http_port: 8081”, or “bind:” with an address of this machine",
            )
            continue
        address, port = device.bind or serve.bind, device.http_port or 0
        if port and (address, port) in taken:
            yield error(
                "bad-value",
                f"port {port} is another tuner's",
                v.span(*here, "http_port"),
                help="choose one that nothing else uses",
            )
        taken.add((address, port))


def _own_address(
    v: Validated, station: Station, device: Device, loc: tuple[str | int, ...]
) -> Iterator[Diagnostic]:
    bind = device.bind or ""
    try:
        anywhere = ip_address(bind).is_unspecified
    except ValueError:
        anywhere = True
    if anywhere:
        yield error(
            "bad-value",
            f"“{bind}” is no one address of this machine",
            v.span(*loc, "bind"),
            help="write one like 192.168.1.11",
        )
        return
    others = [d.bind for d in station.tuner.devices if d is not device]
    if bind == station.serve.bind or bind in others:
        yield error(
            "bad-value",
            f"another tuner has the address {bind}",
            v.span(*loc, "bind"),
            help="leave “bind” out and give it a port of its own (“http_port: 8081”)",
        )
    elif station.serve.bind in ("0.0.0.0", "::"):  # noqa: S104
        yield error(
            "bad-value",
            f"the station itself listens on {bind}, too: its “serve: {{ bind: … }}” is {station.serve.bind}",
            v.span(*loc, "bind"),
            help="give “serve” the one address that the first tuner is to have",
        )
