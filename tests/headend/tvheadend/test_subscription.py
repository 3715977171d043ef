"""Watching over HTSP: the order of things, pace, trouble, and that everything is given back."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from retrovue.clock import StationClock
from retrovue.headend.tvheadend import subscription
from retrovue.lineup import ChannelId, Signal, TuneRefused, Viewer
from tests.headend.fake_lineup import IDR, FakeLineup
from tests.headend.tvheadend.client import Client, Connect, serving
from tests.headend.tvheadend.wire import assert_whole


async def watcher(connect: Connect) -> tuple[Client, dict[str, int]]:
    """A client that knows the channels: slug → number."""
    client = await connect()
    await client.hello(name="Kodi Media Center")
    await client.sync()
    slugs = ("wrtv", "wmov", "wkid", "wtst")
    channels = zip(slugs, client.of("channelAdd"), strict=True)
    numbers = {slug: m["channelId"] for slug, m in channels}
    client.pushed.clear()
    return client, numbers


async def closed(lineup: FakeLineup, count: int) -> None:
    async with asyncio.timeout(10):
        while len(lineup.closed) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_what_comes_after_subscribe_and_in_which_order(connect: Connect, lineup: FakeLineup) -> None:
    client, numbers = await watcher(connect)
    # Kodi's request.
    reply = await client.ask(
        "subscribe", channelId=numbers["wrtv"], subscriptionId=1, weight=0, timeshiftPeriod=0xFFFFFFFF,
        normts=1, queueDepth=10_000_000,
    )  # fmt: skip
    assert reply == {"normts": 1}
    await client.until_pushed("muxpkt", 10)
    first = [m["method"] for m in client.pushed[:4]]
    assert first == ["subscriptionGrace", "subscriptionStatus", "subscriptionStart", "muxpkt"]
    assert {m["subscriptionId"] for m in client.pushed} == {1}
    assert client.pushed[1] == {"method": "subscriptionStatus", "subscriptionId": 1}
    assert client.of("muxpkt")[0]["payload"] == IDR
    assert lineup.viewers[0].front_end == "tvheadend"
    assert lineup.viewers[0].agent == "Kodi Media Center"
    await client.until_pushed("signalStatus")
    assert client.of("queueStatus")[0]["Idrops"] == 0
    assert await client.ask("unsubscribe", subscriptionId=1) == {}
    await client.until_pushed("subscriptionStop")
    assert client.of("subscriptionStop") == [
        {"method": "subscriptionStop", "subscriptionId": 1, "status": "OK"}
    ]
    await closed(lineup, 1)
    assert lineup.closed == ["viewer left"]
    seen = len(client.of("muxpkt"))
    await client.ask("getSysTime")
    assert len(client.of("muxpkt")) == seen


async def test_two_seconds_come_at_once_and_the_rest_in_real_time(connect: Connect) -> None:
    client, numbers = await watcher(connect)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await client.ask("subscribe", channelId=numbers["wrtv"], subscriptionId=1)
    await client.until(lambda pushed: bool(pushed) and pushed[-1].get("pts", 0) > 2_900_000)
    took = loop.time() - began
    # 700 ms is the time of the first picture: 2.2 s of programme have come, of which two at once.
    assert took > 0.1
    ahead = client.of("muxpkt")[-1]["pts"] / 1e6 - 0.7 - took
    assert ahead < 2.5


async def test_answers_are_never_behind_packets(connect: Connect, lineup: FakeLineup) -> None:
    """Kodi gives up after five seconds, and a switch of channel is two requests."""
    client, numbers = await watcher(connect)
    lineup.hold = asyncio.Event()  # the channel takes its time
    await client.ask("subscribe", channelId=numbers["wrtv"], subscriptionId=1)
    await client.until_pushed("subscriptionGrace")
    await client.ask("unsubscribe", subscriptionId=1)
    await client.ask("subscribe", channelId=numbers["wmov"], subscriptionId=2)
    lineup.hold.set()
    await client.until_pushed("muxpkt")
    assert {m["subscriptionId"] for m in client.of("muxpkt")} == {2}
    assert lineup.tunes == 1


async def test_channels_by_text_and_by_name(connect: Connect) -> None:
    client, numbers = await watcher(connect)
    assert "error" not in await client.ask("subscribe", channelId=str(numbers["wkid"]), subscriptionId=3)
    assert "error" not in await client.ask("subscribe", channelName="Kids Été", subscriptionId=4)
    await client.until(lambda p: {m["subscriptionId"] for m in p if m["method"] == "muxpkt"} == {3, 4})
    assert {m["sourceinfo"]["service"] for m in client.of("subscriptionStart")} == {"Kids Été"}


async def test_ticks_for_who_asks(connect: Connect) -> None:
    client, numbers = await watcher(connect)
    asked = {"channelId": numbers["wrtv"], "subscriptionId": 1, "90khz": 1}
    assert await client.ask("subscribe", **asked) == {"normts": 1, "90khz": 1}
    await client.until_pushed("muxpkt")
    assert client.of("muxpkt")[0]["pts"] == 63_000


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({}, "Invalid arguments"),
        ({"subscriptionId": 1}, "Invalid arguments"),
        ({"subscriptionId": 1, "channelId": 7}, "Channel does not exist"),
        ({"subscriptionId": 1, "channelName": "x"}, "Channel does not exist"),
        ({"subscriptionId": -1, "channelId": 7}, "Invalid arguments"),
    ],
)
async def test_what_can_not_be_watched(connect: Connect, fields: dict[str, Any], error: str) -> None:
    client, _ = await watcher(connect)
    assert await client.ask("subscribe", **fields) == {"error": error}
    assert client.pushed == []


async def test_a_channel_without_an_encoder_is_told_and_comes_when_there_is_one(
    connect: Connect, lineup: FakeLineup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "RETRY_S", 0.05)
    client, numbers = await watcher(connect)
    lineup.refuse = TuneRefused("busy", "every encoder is taken")
    assert await client.ask("subscribe", channelId=numbers["wrtv"], subscriptionId=1) == {"normts": 1}
    (status,) = await client.until_pushed("subscriptionStatus")
    assert status["subscriptionError"] == "noFreeAdapter"
    assert status["status"] == "No free adapter"
    await asyncio.sleep(0.3)
    assert len(client.of("subscriptionStatus")) == 1  # told once, however often it is tried
    lineup.refuse = None
    await client.until_pushed("muxpkt")
    assert client.of("subscriptionStatus")[1] == {"method": "subscriptionStatus", "subscriptionId": 1}


async def test_a_guess_that_fails_is_nobodys_business(connect: Connect, lineup: FakeLineup) -> None:
    client, numbers = await watcher(connect)
    lineup.refuse = TuneRefused("busy", "every encoder is taken")
    await client.ask("subscribe", channelId=numbers["wrtv"], subscriptionId=1, weight=40)
    await client.until_pushed("subscriptionGrace")
    await asyncio.sleep(0.1)
    assert client.of("subscriptionStatus") == []


class OneEncoder(FakeLineup):
    """Bears one channel at a time."""

    async def tune(self, channel: ChannelId, viewer: Viewer) -> Signal:
        if any(count and other != channel for other, count in self.open.items()):
            raise TuneRefused("busy", "the encoder is taken")
        return await super().tune(channel, viewer)


async def test_a_guess_gives_way_to_who_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscription, "RETRY_S", 0.1)
    lineup = OneEncoder(StationClock())
    async with serving(lineup, lineup._clock) as connect:
        client, numbers = await watcher(connect)
        await client.ask("subscribe", channelId=numbers["wrtv"], subscriptionId=1, weight=40)
        await client.until_pushed("muxpkt")
        await client.ask("subscribe", channelId=numbers["wmov"], subscriptionId=2, weight=100)
        await client.until(lambda p: any(m["method"] == "muxpkt" and m["subscriptionId"] == 2 for m in p))
        assert lineup.closed == ["gave way"]
        # Who really watches gives way to nobody.
        await client.ask("subscribe", channelId=numbers["wkid"], subscriptionId=3, weight=100)
        await client.until(lambda p: any("subscriptionError" in m for m in p))
        assert lineup.closed == ["gave way"]


async def test_a_guess_becomes_a_viewer_by_its_weight(connect: Connect) -> None:
    client, numbers = await watcher(connect)
    await client.ask("subscribe", channelId=numbers["wrtv"], subscriptionId=1, weight=30)
    assert await client.ask("subscriptionChangeWeight", subscriptionId=1, weight=100) == {}
    assert await client.ask("subscriptionChangeWeight", subscriptionId=77, weight=100) == {}


async def test_a_signal_that_ends_is_taken_up_again(connect: Connect, lineup: FakeLineup) -> None:
    """As after a reload that changed the channel's format."""
    client, numbers = await watcher(connect)
    lineup.units_end_after = 5
    await client.ask("subscribe", channelId=numbers["wrtv"], subscriptionId=1)
    await client.until_pushed("subscriptionStart", 2)
    assert client.of("subscriptionStop")[0]["status"] == "Source reconfigured"
    methods = [m["method"] for m in client.pushed if m["method"] != "muxpkt"]
    assert methods[:5] == [
        "subscriptionGrace",
        "subscriptionStatus",
        "subscriptionStart",
        "subscriptionStop",
        "subscriptionStart",
    ]


async def test_speed_and_skipping_are_answered_and_do_nothing(connect: Connect) -> None:
    client, numbers = await watcher(connect)
    assert await client.ask("subscriptionSpeed", subscriptionId=1, speed=100) == {}
    await client.ask("subscribe", channelId=numbers["wrtv"], subscriptionId=1)
    assert await client.ask("subscriptionSpeed", subscriptionId=1, speed=0) == {}
    (speed,) = await client.until_pushed("subscriptionSpeed")
    assert speed["speed"] == 100
    assert await client.ask("subscriptionSkip", subscriptionId=1, time=-10_000_000) == {}
    (skip,) = await client.until_pushed("subscriptionSkip")
    assert skip["error"] == 1
    assert await client.ask("subscriptionSeek", subscriptionId=1, time=0, absolute=1) == {}
    for method in ("subscriptionLive", "subscriptionFilterStream"):
        assert await client.ask(method, subscriptionId=1) == {}
    assert await client.ask("unsubscribe", subscriptionId=77) == {}


async def test_a_number_used_again_replaces_its_subscription(connect: Connect, lineup: FakeLineup) -> None:
    client, numbers = await watcher(connect)
    for slug in ("wrtv", "wmov", "wkid"):
        await client.ask("subscribe", channelId=numbers[slug], subscriptionId=1)
    await client.until_pushed("muxpkt")
    async with asyncio.timeout(10):
        while lineup.open_signals != 1 or not lineup.open[ChannelId("wkid")]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_no_client_watches_without_end(connect: Connect) -> None:
    client, numbers = await watcher(connect)
    answers = [
        await client.ask("subscribe", channelId=numbers["wrtv"], subscriptionId=n) for n in range(1, 10)
    ]
    assert ["error" in answer for answer in answers] == [False] * 8 + [True]


async def test_whoever_hangs_up_gives_everything_back(connect: Connect, lineup: FakeLineup) -> None:
    client, numbers = await watcher(connect)
    await client.ask("subscribe", channelId=numbers["wrtv"], subscriptionId=1)
    await client.ask("subscribe", channelId=numbers["wmov"], subscriptionId=2)
    await client.until(lambda p: len({m["subscriptionId"] for m in p if m["method"] == "muxpkt"}) == 2)
    client.writer.transport.abort()
    await closed(lineup, 2)
    assert lineup.open_signals == 0


async def test_a_client_that_stops_reading_loses_frames_and_nobody_else_notices(
    connect: Connect, lineup: FakeLineup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frames large enough to fill every buffer on the way within seconds."""
    monkeypatch.setattr("tests.headend.fake_lineup.IDR", IDR + bytes(400_000))
    monkeypatch.setattr("tests.headend.fake_lineup.SLICE", bytes(100_000))
    slow, numbers = await watcher(connect)
    good, _ = await watcher(connect)
    await slow.ask("subscribe", channelId=numbers["wrtv"], subscriptionId=1, queueDepth=100_000)
    await good.ask("subscribe", channelId=numbers["wrtv"], subscriptionId=1, queueDepth=10_000_000)
    await slow.until_pushed("muxpkt")
    slow.writer.transport.pause_reading()  # type: ignore[attr-defined]
    await good.until(lambda p: p[-1].get("pts", 0) > 6_000_000)
    slow.writer.transport.resume_reading()  # type: ignore[attr-defined]
    await slow.until(lambda p: any(m.get("Pdrops") for m in p if m["method"] == "queueStatus"))
    assert good.of("queueStatus")[-1]["Pdrops"] == 0
    times = [m["pts"] for m in good.of("muxpkt") if m["stream"] == 1]
    assert max(b - a for a, b in pairwise(times)) < 40_000
    # What follows a lost picture is lost, too, up to one with which a decoder can begin.
    pictures = [m for m in slow.of("muxpkt") if m["stream"] == 1]
    for before, after in pairwise(pictures):
        assert after["pts"] - before["pts"] < 40_000 or after["frametype"] == ord("I")


async def test_packets_and_reports_have_the_fields_and_types_of_a_real_server(connect: Connect) -> None:
    client, numbers = await watcher(connect)
    subscribed = await client.send("subscribe", channelId=numbers["wrtv"], subscriptionId=1)
    await client.until_pushed("queueStatus")
    unsubscribed = await client.send("unsubscribe", subscriptionId=1)
    await client.until_pushed("subscriptionStop")
    ours: dict[str, list[dict[str, Any]]] = {
        "reply:subscribe": [subscribed],
        "reply:unsubscribe": [unsubscribed],
    }
    for message in client.pushed:
        ours.setdefault(message["method"], []).append(message)
    without = {
        # A bug of the real server (the last stream's headers stand for all), and a field of MP2 alone.
        "subscriptionStart": ("meta", "streams[].audio_version"),
    }
    for name, messages in ours.items():
        if name not in ("subscriptionStop", "signalStatus"):  # the recorded session has none
            assert_whole(name, messages, without.get(name, ()))


async def test_many_subscriptions_to_one_channel(connect: Connect, lineup: FakeLineup) -> None:
    clients = [await watcher(connect) for _ in range(5)]
    for client, numbers in clients:
        for number in (1, 2):
            await client.ask("subscribe", channelId=numbers["wrtv"], subscriptionId=number)
    await asyncio.gather(*(client.until(lambda p: len(p) > 300) for client, _ in clients))
    assert lineup.open[ChannelId("wrtv")] == 10
