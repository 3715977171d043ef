"""HTSP on real sockets: the handshake, the news and their order, the guide, files and tickets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from retrovue.clock import StationClock, SteppedClock
from retrovue.headend.tvheadend import htsp_port, metadata
from retrovue.headend.tvheadend.access import Access
from retrovue.headend.tvheadend.htsmsg import encode
from retrovue.lineup import Artwork, ArtworkRef, ChannelId, GuideEntry, LineupChange
from tests.headend.fake_lineup import CHANNELS, HALF_HOUR, PNG, FakeLineup
from tests.headend.tvheadend.client import Client, Connect, serving
from tests.headend.tvheadend.wire import assert_whole

AT = datetime(2026, 11, 26, 20, 10, tzinfo=UTC)


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock(AT)


@pytest.fixture
async def client(connect: Connect) -> Client:
    client = await connect()
    await client.hello()
    return client


# --- who and when ---


async def test_hello_says_what_kodi_dies_without(connect: Connect) -> None:
    client = await connect()
    hello = await client.ask("hello", htspversion=35, clientname="Kodi Media Center")
    assert hello["htspversion"] == 43
    assert hello["servername"] == "RetroVue"
    assert str(hello["serverversion"]).startswith("4.3-")
    assert isinstance(hello["challenge"], bytes)
    assert len(hello["challenge"]) == 32
    assert "timeshift" not in str(hello["servercapability"])
    other = await connect()
    assert (await other.hello())["challenge"] != hello["challenge"]


async def test_what_an_account_may_do_is_said_since_version_26(connect: Connect) -> None:
    client = await connect()
    await client.hello(version=20, name="Jellyfin")
    assert await client.ask("authenticate", username="x", digest=b"\0" * 20) == {}
    await client.hello(version=35)
    rights = await client.ask("authenticate")
    assert (rights["streaming"], rights["dvr"]) == (1, 0)


async def test_an_account_is_asked_for_where_there_are_accounts(lineup: FakeLineup) -> None:
    async with serving(lineup, StationClock(), [("ann", "pässword"), ("bob", "x")]) as connect:
        client = await connect()
        hello = await client.hello()
        for method in ("authenticate", "getSysTime", "enableAsyncMetadata", "fileOpen", "getEvents"):
            assert await client.ask(method) == {"noaccess": 1}
        assert await client.login(hello, "ann", "x") == {"noaccess": 1}
        assert await client.login(hello, "eve", "") == {"noaccess": 1}
        rights = await client.login(hello, "ann", "pässword")
        assert (rights["streaming"], rights["anonymous"]) == (1, 0)
        assert "time" in await client.ask("getSysTime")


async def test_any_request_may_bring_the_digest(lineup: FakeLineup) -> None:
    async with serving(lineup, StationClock(), [("ann", "pw")]) as connect:
        import hashlib

        client = await connect()
        challenge = (await client.hello())["challenge"]
        assert isinstance(challenge, bytes)
        digest = hashlib.sha1(b"pw" + challenge).digest()
        assert "time" in await client.ask("getSysTime", username="ann", digest=digest)
        # A digest of another connection's challenge opens nothing.
        other = await connect()
        await other.hello()
        assert await other.ask("getSysTime", username="ann", digest=digest) == {"noaccess": 1}


async def test_a_refusal_takes_its_time_and_keeps_the_order(lineup: FakeLineup) -> None:
    async with serving(lineup, StationClock(), [("ann", "pw")]) as connect:
        client = await connect()
        loop = asyncio.get_running_loop()
        began = loop.time()
        refused, hello = client.send("getSysTime"), client.send("hello", htspversion=43, clientname="x")
        await hello
        assert refused.done()
        assert loop.time() - began >= 0.2


@pytest.mark.parametrize(
    ("zone", "west", "minutes"),
    [("America/New_York", 5, -300), ("UTC", 0, 0), ("Asia/Kolkata", -5, 330), ("America/St_Johns", 3, -210)],
)
async def test_the_time_is_the_stations(
    client: Client, lineup: FakeLineup, monkeypatch: pytest.MonkeyPatch, zone: str, west: int, minutes: int
) -> None:
    status = lineup.status()
    monkeypatch.setattr(lineup, "status", lambda: replace(status, timezone=zone))
    assert await client.ask("getSysTime") == {
        "time": int(AT.timestamp()),
        "timezone": west,
        "gmtoffset": minutes,
    }


async def test_every_request_is_answered_with_its_number_and_in_order(client: Client) -> None:
    answers = [client.send(m) for m in ("getProfiles", "noSuchMethod", "getDiskSpace", "getDvrConfigs", "")]
    found = [await answer for answer in answers]
    assert [m["seq"] for m in found] == [2, 3, 4, 5, 6]
    assert found[1]["error"] == found[4]["error"] == "Method not found"
    assert found[0]["profiles"][0]["name"] == "htsp"


@pytest.mark.parametrize(
    "method", ["addDvrEntry", "deleteDvrEntry", "addAutorecEntry", "updateTimerecEntry", "cancelDvrEntry"]
)
async def test_recordings_are_refused_politely(client: Client, method: str) -> None:
    refused = await client.ask(method, channelId=1, start=2)
    assert refused["success"] == 0
    assert "records nothing" in str(refused["error"])


# --- the news ---


def kinds(pushed: list[dict[str, Any]]) -> list[str]:
    """The methods in order, runs of one made one."""
    found: list[str] = []
    for message in pushed:
        if not found or found[-1] != message["method"]:
            found.append(str(message["method"]))
    return found


async def test_everything_comes_in_the_order_that_clients_insist_on(client: Client) -> None:
    pushed = await client.sync(epg=1)
    assert kinds(pushed) == ["tagAdd", "channelAdd", "tagUpdate", "eventAdd", "initialSyncCompleted"]
    assert "members" not in client.of("tagAdd")[0]
    assert [m["channelName"] for m in client.of("channelAdd")] == [c.name for c in CHANNELS]
    members = {m["tagName"]: m["members"] for m in client.of("tagUpdate")}
    numbers = {m["channelName"]: m["channelId"] for m in client.of("channelAdd")}
    assert members["Movies"] == [numbers["Movies & <More>"]]
    by_channel: dict[Any, list[dict[str, Any]]] = {}
    for event in client.of("eventAdd"):
        by_channel.setdefault(event["channelId"], []).append(event)
    assert set(by_channel) == set(numbers.values())
    for events in by_channel.values():
        assert events[0]["start"] == int(AT.timestamp()) - 600
        assert [e["stop"] for e in events[:-1]] == [e["start"] for e in events[1:]]
        assert [e["nextEventId"] for e in events[:-1]] == [e["eventId"] for e in events[1:]]
        assert "nextEventId" not in events[-1]
    on_air = {m["channelId"]: (m["eventId"], m["nextEventId"]) for m in client.of("channelAdd")}
    assert on_air == {c: (e[0]["eventId"], e[1]["eventId"]) for c, e in by_channel.items()}


async def test_without_epg_there_are_no_programmes(client: Client) -> None:
    assert kinds(await client.sync()) == ["tagAdd", "channelAdd", "tagUpdate", "initialSyncCompleted"]


async def test_the_guide_reaches_as_far_as_was_asked_and_moves_on_with_time(
    client: Client, lineup: FakeLineup
) -> None:
    await client.sync(epg=1, epgMaxTime=int((AT + timedelta(hours=2)).timestamp()))
    last = max(int(str(e["start"])) for e in client.of("eventAdd"))
    assert last == int((AT + timedelta(hours=2)).timestamp()) - 600
    count = len(client.of("eventAdd"))
    lineup._clock.step(1800)  # type: ignore[attr-defined]
    lineup.announce(LineupChange("programme", ChannelId("wrtv")))
    await client.until_pushed("eventAdd", count + len(CHANNELS))
    assert len({m["eventId"] for m in client.of("eventAdd")}) == count + len(CHANNELS)


async def test_a_change_of_programme_is_told_when_it_happens(client: Client, lineup: FakeLineup) -> None:
    before = {m["channelName"]: m for m in await client.sync() if m["method"] == "channelAdd"}
    lineup._clock.step(20 * 60)  # type: ignore[attr-defined]
    lineup.announce(LineupChange("programme", ChannelId("wkid")))
    (update,) = await client.until_pushed("channelUpdate")
    kids = before["Kids Été"]
    assert update["eventId"] == kids["nextEventId"]
    assert update == {
        "method": "channelUpdate",
        "channelId": kids["channelId"],
        "eventId": kids["nextEventId"],
        "nextEventId": update["nextEventId"],
    }
    assert update["nextEventId"] not in (0, kids["eventId"], kids["nextEventId"])


async def test_kodi_is_told_the_guide_a_second_time(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "AGAIN_S", 0.0)
    kodi, other = await connect(), await connect()
    await kodi.hello(name="Kodi Media Center")
    await other.hello(name="Jellyfin")
    await other.sync(epg=1)
    await kodi.sync(epg=1)
    count = len(kodi.of("eventAdd"))
    again = await kodi.until_pushed("eventUpdate", count)
    assert [{**m, "method": "eventAdd"} for m in again] == kodi.of("eventAdd")
    await other.ask("getSysTime")
    assert other.of("eventUpdate") == []


async def test_what_changes_in_the_lineup_is_told_and_nothing_else(
    client: Client, lineup: FakeLineup
) -> None:
    await client.sync(epg=1)
    seen = len(client.pushed)
    *kept, renamed, gone = CHANNELS
    lineup._channels = [*kept, replace(renamed, name="Colour Bars", group="Movies")]
    lineup.announce(LineupChange("channels"))
    await client.until_pushed("tagDelete")
    fresh = client.pushed[seen:]
    assert kinds(fresh) == ["channelUpdate", "tagUpdate", "channelDelete", "tagDelete"]
    assert fresh[0]["channelName"] == "Colour Bars"
    assert fresh[1]["tagName"] == "Movies"
    assert len(fresh[1]["members"]) == 2
    (before,) = [m for m in client.of("channelAdd") if m["channelName"] == gone.name]
    assert fresh[2] == {"method": "channelDelete", "channelId": before["channelId"]}


class Edited(FakeLineup):
    """A station whose guide a reload has changed."""

    def guide(self, channel: ChannelId, start: datetime, end: datetime) -> tuple[GuideEntry, ...]:
        entries = list(super().guide(channel, start, end))
        if self.etag != "fake-1" and channel == "wrtv":
            first = AT - timedelta(minutes=10)
            for place, entry in enumerate(entries):
                if entry.start == first + 3 * HALF_HOUR:
                    entries[place] = replace(entry, title="Special")
                if entry.start == first + 5 * HALF_HOUR:
                    entries[place] = replace(entry, event_id=999_999)
        return tuple(entries)


async def test_what_changes_in_the_guide_is_told_and_nothing_else() -> None:
    lineup = Edited(SteppedClock(AT))
    async with serving(lineup, lineup._clock) as connect:
        client = await connect()
        await client.sync(epg=1)
        seen = len(client.pushed)
        lineup.etag = "fake-2"
        lineup.announce(LineupChange("guide"))
        await client.until_pushed("eventDelete")
        fresh = client.pushed[seen:]
        assert next(m["title"] for m in fresh if m["method"] == "eventUpdate") == "Special"
        assert [m["eventId"] for m in fresh if m["method"] == "eventAdd"] == [999_999]
        channel = client.of("channelAdd")[0]["channelId"]
        old = [m for m in client.of("eventAdd") if m["channelId"] == channel][5]
        assert [m["eventId"] for m in fresh if m["method"] == "eventDelete"] == [old["eventId"]]
        # The one before what was replaced has another successor.
        assert len(fresh) == 4


async def test_a_second_request_for_news_repeats_nothing_but_the_end(client: Client) -> None:
    await client.sync(epg=1)
    seen = len(client.pushed)
    await client.ask("enableAsyncMetadata", epg=1)
    await client.until_pushed("initialSyncCompleted", 2)
    assert kinds(client.pushed[seen:]) == ["initialSyncCompleted"]


async def test_numbers_are_the_same_after_a_reconnect_and_a_restart(lineup: FakeLineup) -> None:
    told = []
    for _ in range(2):
        async with serving(lineup, lineup._clock) as connect:
            for _ in range(2):
                client = await connect()
                told.append(json.dumps(await client.sync(epg=1)))
    assert len(set(told)) == 1


# --- the guide, asked for ---


async def test_a_channel_and_an_event_are_described_as_they_were_pushed(client: Client) -> None:
    await client.sync(epg=1)
    channel, event = client.of("channelAdd")[1], client.of("eventAdd")[70]
    described = {"method": "channelAdd", **await client.ask("getChannel", channelId=channel["channelId"])}
    assert described == channel
    # Jellyfin writes numbers as text.
    assert await client.ask("getChannel", channelId=str(channel["channelId"])) == {
        k: v for k, v in channel.items() if k != "method"
    }
    assert {"method": "eventAdd", **await client.ask("getEvent", eventId=event["eventId"])} == event


async def test_events_of_a_channel_from_an_event_and_of_all(client: Client) -> None:
    await client.sync(epg=1)
    channel = client.of("channelAdd")[1]["channelId"]
    pushed = [
        {k: v for k, v in e.items() if k != "method"}
        for e in client.of("eventAdd")
        if e["channelId"] == channel
    ]
    assert (await client.ask("getEvents", channelId=channel))["events"] == pushed
    assert (await client.ask("getEvents", channelId=str(channel), numFollowing=3))["events"] == pushed[:3]
    until = pushed[4]["start"]
    assert (await client.ask("getEvents", channelId=channel, maxTime=until))["events"] == pushed[:5]
    third = await client.ask("getEvents", eventId=pushed[2]["eventId"], numFollowing=2)
    assert third["events"] == pushed[2:4]
    everything = (await client.ask("getEvents"))["events"]
    assert everything == [{k: v for k, v in e.items() if k != "method"} for e in client.of("eventAdd")]
    two = (await client.ask("getEvents", numFollowing=2))["events"]
    assert len(two) == 2 * len(CHANNELS)


async def test_searching(client: Client) -> None:
    await client.sync(epg=1)
    titles = {e["eventId"]: e["title"] for e in client.of("eventAdd")}
    found = (await client.ask("epgQuery", query="^night"))["eventIds"]
    assert {titles[e] for e in found} == {"Night Court"}
    full = (await client.ask("epgQuery", query="metropolis", full=1))["events"]
    assert {e["title"] for e in full} == {"Metropolis"}
    assert await client.ask("epgQuery", query="no such programme") == {}
    assert await client.ask("epgQuery", query="long story") == {}
    assert "eventIds" in await client.ask("epgQuery", query="long story", fulltext=1)
    kids = client.of("channelAdd")[2]["channelId"]
    assert await client.ask("epgQuery", query="night", channelId=kids) == {}
    tag = client.of("tagAdd")[2]["tagId"]
    on_kids = (await client.ask("epgQuery", query=".", tagId=tag, full=1))["events"]
    assert {e["channelId"] for e in on_kids} == {kids}
    movies = (await client.ask("epgQuery", query="", contentType=0x10))["eventIds"]
    assert {titles[e] for e in movies} == {'The "Big" <Sleep>', "Metropolis"}
    assert await client.ask("epgQuery", query="", minduration=1801) == {}


@pytest.mark.parametrize(
    ("method", "fields", "error"),
    [
        ("getChannel", {}, "Invalid arguments"),
        ("getChannel", {"channelId": 7}, "Channel does not exist"),
        ("getChannel", {"channelId": "9" * 20}, "Invalid arguments"),
        ("getEvent", {}, "Invalid arguments"),
        ("getEvent", {"eventId": 7}, "Event does not exist"),
        ("getEvents", {"eventId": 7}, "Event does not exist"),
        ("getEvents", {"channelId": -1}, "Channel does not exist"),
        ("epgQuery", {}, "Invalid arguments"),
        ("epgQuery", {"query": "x", "tagId": 7}, "Tag does not exist"),
        ("getTicket", {}, "Invalid arguments"),
        ("getTicket", {"dvrId": 1}, "DVR entry does not exist"),
        ("hello", {}, "Invalid arguments"),
        ("fileOpen", {}, "Unable to open file"),
        ("fileOpen", {"file": "imagecache/../../etc/passwd"}, "Unable to open file"),
        ("fileOpen", {"file": "dvr/1"}, "Unable to open file"),
        ("fileOpen", {"file": "imagecache/77"}, "Unable to open file"),
        ("fileRead", {"id": 1, "size": 5}, "Invalid file ID"),
        ("fileClose", {}, "Invalid file ID"),
    ],
)
async def test_what_is_not_there(client: Client, method: str, fields: dict[str, Any], error: str) -> None:
    assert await client.ask(method, **fields) == {"error": error}


@pytest.mark.parametrize(
    ("method", "fields"),
    [
        ("getEvents", {}),
        ("epgQuery", {"query": "night"}),
        ("api", {"path": "epg/events/grid", "args": {"limit": 3}}),
    ],
)
async def test_who_asks_for_a_whole_guide_holds_up_no_picture(
    client: Client, monkeypatch: pytest.MonkeyPatch, method: str, fields: dict[str, Any]
) -> None:
    readers = set()
    guide = FakeLineup.guide

    def seen(self: FakeLineup, *asked: Any) -> Sequence[GuideEntry]:
        readers.add(threading.current_thread())
        return guide(self, *asked)

    monkeypatch.setattr(FakeLineup, "guide", seen)
    assert "error" not in await client.ask(method, **fields)
    assert readers
    assert threading.main_thread() not in readers


async def test_a_ticket_is_for_a_channels_stream(client: Client) -> None:
    await client.sync()
    channel = client.of("channelAdd")[0]["channelId"]
    first = await client.ask("getTicket", channelId=str(channel))
    assert first["path"] == f"/stream/channelid/{channel}"
    assert len(bytes.fromhex(str(first["ticket"]))) == 20
    assert await client.ask("getTicket", channelId=channel) != first


async def test_an_icon_is_read_over_htsp(client: Client) -> None:
    await client.sync()
    icon = str(client.of("channelAdd")[0]["channelIcon"])
    for name in (icon, f"/{icon}"):
        opened = await client.ask("fileOpen", file=name)
        assert opened["size"] == len(PNG)
        handle = opened["id"]
        parts = [(await client.ask("fileRead", id=handle, size=30))["data"] for _ in range(4)]
        assert b"".join(p for p in parts if isinstance(p, bytes)) == PNG
        assert (await client.ask("fileRead", id=handle, size=30))["data"] == b""
        assert (await client.ask("fileRead", id=handle, size=4, offset=1))["data"] == PNG[1:5]
        assert await client.ask("fileSeek", id=handle, offset=-3, whence="SEEK_END") == {
            "offset": len(PNG) - 3
        }
        assert (await client.ask("fileRead", id=handle, size=99))["data"] == PNG[-3:]
        assert (await client.ask("fileStat", id=handle))["size"] == len(PNG)
        assert await client.ask("fileClose", id=handle) == {}
        assert await client.ask("fileClose", id=handle) == {"error": "Invalid file ID"}


async def test_a_programmes_picture_is_waited_for_but_not_for_ever(
    client: Client, lineup: FakeLineup, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It lies beside its media, on a store that may sleep."""

    async def in_time(file: str) -> dict[str, Any]:
        answer = client.send("fileOpen", file=file)
        while not answer.done():
            clock.step(0.5)
            await asyncio.sleep(0.01)
        return {name: value for name, value in answer.result().items() if name != "seq"}

    entry = FakeLineup._entry

    def with_picture(self: FakeLineup, channel: ChannelId, at: datetime) -> GuideEntry:
        return replace(entry(self, channel, at), artwork=ArtworkRef(f"picture/{channel}"))

    async def picture(ref: ArtworkRef) -> Artwork | None:
        await asyncio.sleep(0 if ref == "picture/wrtv" else 3600)
        return Artwork("image/jpeg", b"a poster")

    monkeypatch.setattr(FakeLineup, "_entry", with_picture)
    monkeypatch.setattr(lineup, "picture", picture)
    await client.sync(epg=1)
    images = list(dict.fromkeys(str(event["image"]) for event in client.of("eventAdd")))
    assert len(images) == 4
    opened = await client.ask("fileOpen", file=images[0])
    assert (await client.ask("fileRead", id=opened["id"], size=99))["data"] == b"a poster"
    assert await in_time(images[1]) == {"error": "Unable to open file"}
    # Whoever may not come in is told so, whatever the picture.
    monkeypatch.setattr(Access, "admits", lambda self, address: False)
    assert await in_time(images[0]) == {"noaccess": 1}


async def test_files_left_open_are_counted(client: Client) -> None:
    await client.sync()
    icon = client.of("channelAdd")[0]["channelIcon"]
    answers = [await client.ask("fileOpen", file=icon) for _ in range(17)]
    assert ["error" in a for a in answers] == [False] * 16 + [True]


# --- the whole of it, field for field ---


async def test_every_message_has_the_fields_and_types_of_a_real_server(client: Client) -> None:
    await client.sync(epg=1)
    channel = client.of("channelAdd")[0]["channelId"]
    event = client.of("eventAdd")[0]["eventId"]
    ours: dict[str, list[dict[str, Any]]] = {}
    for message in client.pushed:
        ours.setdefault(str(message["method"]), []).append(message)
    for method, fields in (
        ("hello", {"htspversion": 43, "clientname": "x"}),
        ("authenticate", {}),
        ("getDiskSpace", {}),
        ("getSysTime", {}),
        ("getProfiles", {}),
        ("enableAsyncMetadata", {}),
        ("getChannel", {"channelId": channel}),
        ("getEvent", {"eventId": event}),
        ("getEvents", {"channelId": channel}),
        ("getTicket", {"channelId": channel}),
        ("noSuchMethod", {}),
    ):
        ours[f"reply:{method}"] = [await client.send(method, **fields)]
    queries = [await client.send("epgQuery", query="night", full=full) for full in (0, 1)]
    ours["reply:epgQuery"] = [queries[0] | queries[1]]
    for name, messages in ours.items():
        assert_whole(name, messages)
    # There are none: a client is told nothing of what they would be.
    assert_whole("reply:getDvrConfigs", [await client.send("getDvrConfigs")], _OF_RECORDERS)


_OF_RECORDERS = tuple(f"dvrconfigs[]{field}" for field in ("", ".comment", ".name", ".uuid"))


async def test_a_client_that_talks_nonsense_is_hung_up_on_and_nobody_else_notices(
    connect: Connect,
) -> None:
    good = await connect()
    await good.hello()
    dice = random.Random(9982)
    for nonsense in (b"\xff" * 64, b"\0\0\0\4abcd", b"GET / HTTP/1.1\r\n\r\n", dice.randbytes(3000)):
        bad = await connect()
        bad.writer.write(nonsense)
        await bad.until_hung_up()
        assert "time" in await good.ask("getSysTime")


async def test_values_of_the_wrong_kind_are_answered(client: Client) -> None:
    odd: list[Any] = [-1, 0, 1 << 62, -(1 << 63), "", "x" * 5000, b"\0", [], {}, [1], {"a": [{}]}, "9" * 19]
    names = (
        *(
            "channelId",
            "eventId",
            "maxTime",
            "numFollowing",
            "query",
            "tagId",
            "file",
            "id",
            "size",
            "offset",
        ),
        *("htspversion", "clientname", "username", "digest", "epg", "epgMaxTime", "whence", "contentType"),
    )
    methods = (
        *("hello", "getChannel", "getEvent", "getEvents", "epgQuery", "getTicket", "fileOpen", "fileRead"),
        *("fileSeek", "authenticate", "enableAsyncMetadata", "getSysTime"),
    )
    dice = random.Random(1)
    for method in methods:
        for value in odd:
            fields = {name: value if dice.random() < 0.7 else dice.choice(odd) for name in names}
            reply = await client.ask(method, **fields)
            assert reply.get("error") != "Internal error", (method, fields)


async def test_a_number_of_a_request_that_does_not_fit_is_left_out(client: Client) -> None:
    client.writer.write(encode({"method": "getSysTime", "seq": "9" * 20}))
    client._answers[None] = answer = asyncio.get_running_loop().create_future()
    client._asked[None] = "getSysTime"
    assert "time" in await answer


async def test_one_address_can_not_take_every_connection(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(htsp_port, "MOST_OF_ONE", 2)
    first, second = await connect(), await connect()
    await first.hello()
    await second.hello()
    third = await connect()
    await third.until_hung_up()
    await first.close()
    await second.ask("getSysTime")
    await (await connect()).hello()


async def test_a_client_that_asks_and_never_listens_is_not_remembered_without_end(lineup: FakeLineup) -> None:
    """It is not read any more once enough answers wait for it."""
    async with serving(lineup, lineup._clock) as connect:
        host, port = (await connect()).writer.get_extra_info("peername")
        _, writer = await asyncio.open_connection(host, port, limit=1024)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        request = encode({"method": "getEvents", "padding": b"x" * 50_000})
        asked = 0
        with contextlib.suppress(TimeoutError):
            while asked < 1000:
                writer.write(request)
                asked += 1
                async with asyncio.timeout(1):
                    await writer.drain()
        assert asked < 1000
        writer.transport.abort()


def test_a_picture_is_found_by_a_number_that_stays() -> None:
    from retrovue.headend.tvheadend.images import Images

    lineup = FakeLineup(SteppedClock(AT))
    images = Images(lineup)
    number = images.number(ArtworkRef("logo/wrtv"))
    assert images.ref(number) == "logo/wrtv"
    # A client may remember it from before the station's last start.
    assert Images(lineup).ref(number) == "logo/wrtv"
    assert Images(lineup).number(ArtworkRef("logo/wrtv")) == number
    assert images.ref(number + 1) is None
