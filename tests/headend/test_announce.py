"""mDNS: what is announced, and hello and goodbye between two real responders on loopback."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import ip_address

import pytest
from zeroconf import IPVersion, ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from retrovue.clock import StationClock, SteppedClock
from retrovue.headend.announce import Announcement, Announcer, addresses_to_announce

CARD = Announcement("1052712E", "Retro.Vue", "HDHR5-4US", 4, 8080, 65001)


def test_the_records() -> None:
    web, tuner = CARD.services(["10.0.0.5", "192.168.1.5"])
    assert web.name == "Retro Vue 1052712E._http._tcp.local."
    assert (web.server, web.port, web.properties[b"path"]) == ("1052712E.local.", 8080, b"/")
    assert (tuner.server, tuner.port) == ("1052712E.local.", 65001)
    assert tuner.properties == {
        b"DeviceID": b"1052712E",
        b"BaseURL": b"http://10.0.0.5:8080",
        b"TunerCount": b"4",
        b"Model": b"HDHR5-4US",
    }
    assert [str(ip_address(a)) for a in tuner.addresses] == ["10.0.0.5", "192.168.1.5"]


def test_htsp_is_announced_where_it_is_spoken() -> None:
    *_, htsp = replace(CARD, htsp_port=9982).services(["10.0.0.5"])
    assert (htsp.type, htsp.name) == ("_htsp._tcp.local.", "Retro Vue 1052712E._htsp._tcp.local.")
    assert (htsp.server, htsp.port) == ("1052712E.local.", 9982)


def test_a_device_that_cannot_be_found_is_not_named() -> None:
    hidden = Announcement("1052712E", "ü" * 60, "HDHR5-4US", 4, 8080, None)
    (web,) = hidden.services(["10.0.0.5"])
    assert len(web.name.removesuffix("._http._tcp.local.").encode()) <= 63


def test_loopback_is_announced_only_when_asked_for() -> None:
    assert addresses_to_announce("127.0.0.1", loopback_too=False) == []
    assert addresses_to_announce("127.0.0.1", loopback_too=True) == ["127.0.0.1"]
    assert addresses_to_announce("10.0.0.5", loopback_too=False) == ["10.0.0.5"]
    assert not any(a.startswith("127.") for a in addresses_to_announce("0.0.0.0", loopback_too=False))


async def test_hello_and_goodbye() -> None:
    seen: asyncio.Queue[tuple[str, ServiceStateChange]] = asyncio.Queue()

    def noticed(zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        seen.put_nowait((name, state_change))

    try:
        listener = AsyncZeroconf(interfaces=["127.0.0.1"], ip_version=IPVersion.V4Only)
    except OSError as error:
        pytest.skip(f"no multicast on loopback: {error}")
    browser = AsyncServiceBrowser(listener.zeroconf, "_hdhomerun._tcp.local.", handlers=[noticed])
    films = replace(CARD, device_id="10439EFD", http_port=8081, control_port=None)
    announcer = Announcer(StationClock(), [CARD, films], lambda a: ["127.0.0.1"])
    await announcer.start()
    name = "1052712E._hdhomerun._tcp.local."
    try:
        async with asyncio.timeout(20):
            assert await seen.get() == (name, ServiceStateChange.Added)
        info = AsyncServiceInfo("_hdhomerun._tcp.local.", name)
        assert await info.async_request(listener.zeroconf, 3000)
        assert (info.port, info.parsed_addresses()) == (65001, ["127.0.0.1"])
        # A further tuner has a name of its own, whether or not it can be found.
        info = AsyncServiceInfo("_http._tcp.local.", "Retro Vue 10439EFD._http._tcp.local.")
        async with asyncio.timeout(20):
            while not await info.async_request(listener.zeroconf, 1000):
                pass
        assert (info.port, info.server) == (8081, "10439EFD.local.")
        await announcer.stop()
        async with asyncio.timeout(20):
            while (await seen.get())[1] is not ServiceStateChange.Removed:
                pass
        assert announcer.warnings == []
    finally:
        await announcer.stop()
        await browser.async_cancel()
        await listener.async_close()


async def test_a_failure_is_a_warning() -> None:
    announcer = Announcer(StationClock(), [CARD], lambda a: ["203.0.113.77"])  # RFC 5737: not ours
    await announcer.start()
    async with asyncio.timeout(20):
        while not announcer.warnings:  # noqa: ASYNC110  nobody sets an event
            await asyncio.sleep(0.01)
    assert "not announced" in announcer.warnings[0]
    await announcer.stop()


async def test_it_is_announced_anew_when_our_addresses_change() -> None:
    clock, ours = SteppedClock(StationClock().now()), [["203.0.113.77"], []]
    announcer = Announcer(clock, [CARD], lambda a: ours[0])
    await announcer.start()
    async with asyncio.timeout(20):
        while not announcer.warnings:  # noqa: ASYNC110  nobody sets an event
            await asyncio.sleep(0.01)
    ours.pop(0)
    async with asyncio.timeout(20):
        while announcer.warnings:
            clock.step(10)
            await asyncio.sleep(0.01)
    await announcer.stop()
