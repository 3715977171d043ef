"""Datagrams on real sockets: what a receiver gets, and how it is noticed that it has gone."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from retrovue.clock import MasterClock, StationClock
from retrovue.headend.hdhomerun import liveness
from retrovue.headend.hdhomerun.packet import FrameReader, encode, tlvs, u32
from retrovue.lineup import ChannelId, Signal, TuneRefused, Viewer
from retrovue.stream.dvb_si import PID_SDT, sdt
from retrovue.stream.mpegts import TsMux
from retrovue.stream.sections import payloads
from tests.headend.fake_lineup import FakeLineup, FakeSignal
from tests.headend.hdhomerun.conftest import ADDRESS, OnAir, Start
from tests.tools.ts_analyser import TsAnalyser

FRAME = 3600
#: Pictures that a viewer gets at once.
LEAD = 50


class TimedLineup(FakeLineup):
    """Its signals are real transport streams of 25 pictures a second, two seconds ahead."""

    async def tune(self, channel: ChannelId, viewer: Viewer) -> Signal:
        await super().tune(channel, viewer)
        return _TimedSignal(self, self._clock, channel)


class _TimedSignal(FakeSignal):
    async def transport_stream(self) -> AsyncIterator[bytes]:
        mux = TsMux(stream=len(self._channel))
        name = payloads(PID_SDT, sdt(len(self._channel), 1, str(self._channel), "RetroVue", guide=False))
        began = self._clock.now_us()
        count = 0
        while not self._closed.is_set():
            key = count % 10 == 0
            head = mux.tables() + mux.information(name) if key else b""
            at = 90_000 + count * FRAME
            yield (
                head + mux.video(at, b"\0" * (40_000 if key else 4000), key) + mux.audio(at, [b"\xff" * 300])
            )
            count += 1
            ahead = began + (count - LEAD) * 40_000 - self._clock.now_us()
            if ahead > 0:
                await self._clock.wait(ahead / 1e6)


class Control:
    """A control connection of the test's own."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._frames = FrameReader()

    @property
    def address(self) -> str:
        return str(self.writer.get_extra_info("sockname")[0])

    async def ask(self, name: str, value: str | None = None, key: int | None = None) -> str:
        content = [(3, name.encode() + b"\0")]
        if value is not None:
            content.append((4, value.encode() + b"\0"))
        if key is not None:
            content.append((0x15, u32(key)))
        self.writer.write(encode(4, content))
        async with asyncio.timeout(5):
            while True:
                for frame in self._frames.feed(await self.reader.read(4096)):
                    return list(tlvs(frame.payload))[1][1].rstrip(b"\0").decode()


@contextlib.asynccontextmanager
async def control(on_air: OnAir) -> AsyncIterator[Control]:
    reader, writer = await asyncio.open_connection(
        ADDRESS, on_air.headend.control_port, local_addr=(ADDRESS, 0)
    )
    try:
        yield Control(reader, writer)
    finally:
        writer.close()


@contextlib.contextmanager
def receiver() -> Iterator[tuple[socket.socket, int]]:
    with socket.socket(type=socket.SOCK_DGRAM) as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        wire.bind((ADDRESS, 0))
        wire.setblocking(False)
        yield wire, wire.getsockname()[1]


async def heard(wire: socket.socket, count: int) -> list[bytes]:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(20):
        return [await loop.sock_recv(wire, 4096) for _ in range(count)]


async def until(true: Callable[[], bool], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110  what is waited for sets no event
            await asyncio.sleep(0.01)


@pytest.fixture
async def on_air(start: Start) -> OnAir:
    clock: MasterClock = StationClock()
    return await start(TimedLineup(clock))


@pytest.mark.parametrize(("protocol", "size"), [("udp", 1316), ("rtp", 1328)])
async def test_a_receiver_gets_every_packet_at_the_streams_own_pace(
    on_air: OnAir, protocol: str, size: int
) -> None:
    async with control(on_air) as client:
        with receiver() as (wire, port):
            assert await client.ask("/tuner0/vchannel", "5.1") == "5.1"
            target = f"{protocol}://{ADDRESS}:{port}"
            assert await client.ask("/tuner0/target", target) == target
            loop = asyncio.get_running_loop()
            first, began = await heard(wire, 1), loop.time()
            rest = await heard(wire, 349)
            lasted = loop.time() - began
            assert await client.ask("/tuner0/target") == target
            assert "bps=0 " not in await client.ask("/tuner0/status")
            (row,) = [t for t in await on_air.json("/status.json") if "TargetIP" in t]
            assert (row["TargetIP"], row["VctNumber"]) == (ADDRESS, "5.1")
            assert row["NetworkRate"] > 0
            assert await client.ask("/tuner0/target", "none") == "none"
        datagrams = first + rest
        assert {len(datagram) for datagram in datagrams} == {size}
        if protocol == "rtp":
            assert [int.from_bytes(d[2:4], "big") for d in datagrams] == list(range(350))
            assert {d[:2] for d in datagrams} == {b"\x80\x21"}
        analyser = TsAnalyser(wall=False)
        for datagram in datagrams:
            analyser.feed(datagram[size - 1316 :], 0)
        report = analyser.finish()
        assert "continuity" not in report.faults, report.to_text()
        # 350 datagrams are ten groups of ten pictures: two seconds would have come at once, unpaced.
        pictures = 350 * 7 / 47
        assert lasted > 0.6 * pictures * 0.04
        await until(lambda: on_air.lineup.open_signals == 0)


async def test_no_burst_is_larger_than_a_receiver_can_hold(on_air: OnAir) -> None:
    async with control(on_air) as client:
        with receiver() as (wire, port):
            await client.ask("/tuner0/vchannel", "5.1")
            await client.ask("/tuner0/target", f"udp://{ADDRESS}:{port}")
            loop = asyncio.get_running_loop()
            times = []
            for _ in range(300):
                await heard(wire, 1)
                times.append(loop.time())
        most = max(sum(at <= other < at + 0.004 for other in times) for at in times)
        assert most <= 128  # two bursts of 64 at the very most, if this machine stood still meanwhile


async def test_the_operator_sees_datagrams_and_locks_and_ends_them(on_air: OnAir) -> None:
    desk = on_air.headend._hdhomerun
    assert desk is not None
    async with control(on_air) as client:
        with receiver() as (wire, port):
            await client.ask("/tuner1/lockkey", "7")
            assert (desk.tuners()[1].client, desk.tuners()[1].locked) == (ADDRESS, True)
            await client.ask("/tuner1/vchannel", "5.1", 7)
            await client.ask("/tuner1/target", f"udp://{ADDRESS}:{port}", 7)
            await heard(wire, 5)
            state = desk.tuners()[1]
            assert (state.number, state.target) == ("5.1", f"udp://{ADDRESS}:{port}")
            assert state.sent >= 5 * 1316
            assert desk.kick(1)
            await until(lambda: on_air.lineup.open_signals == 0)
            assert desk.tuners()[1].client == ""
            assert await client.ask("/tuner1/target", "none", 7) == "ERROR: lock no longer held"


@pytest.mark.parametrize("bind", ["::1", "::"])
async def test_over_ipv6(start: Start, bind: str) -> None:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            pass
    except OSError:
        pytest.skip("this machine has no IPv6")
    on_air = await start(TimedLineup(StationClock()), bind=bind)
    reader, writer = await asyncio.open_connection("::1", on_air.headend.control_port)
    client = Control(reader, writer)
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as wire:
        wire.bind(("::1", 0))
        wire.setblocking(False)
        target = f"udp://[::1]:{wire.getsockname()[1]}"
        assert await client.ask("/tuner0/lockkey", "5") == "::1"
        await client.ask("/tuner0/vchannel", "5.1", 5)
        assert (await client.ask("/tuner0/target", "udp://127.0.0.1:5000", 5)).startswith("ERROR: invalid")
        assert await client.ask("/tuner0/target", target, 5) == target == await client.ask("/tuner0/target")
        await heard(wire, 20)
        wire.sendto(u32(5), ("::1", on_air.headend.stream_port))
        await until(lambda: any(t.client == "::1" for t in on_air.headend._hdhomerun.tuners()))  # type: ignore[union-attr]
        assert await client.ask("/tuner0/target", "none", 5) == "none"
    writer.close()


async def test_a_tuner_that_is_tuned_again_sends_the_other_channel(on_air: OnAir) -> None:
    async with control(on_air) as client:
        with receiver() as (wire, port):
            await client.ask("/tuner0/target", f"udp://{ADDRESS}:{port}")
            assert on_air.lineup.open_signals == 0
            await client.ask("/tuner0/vchannel", "5.1")
            await heard(wire, 5)
            assert on_air.lineup.open["wrtv"] == 1  # type: ignore[index]
            await client.ask("/tuner0/vchannel", "5.2")
            await until(lambda: on_air.lineup.open["wmov"] == 1)  # type: ignore[index]
            await heard(wire, 20)
            assert on_air.lineup.open["wrtv"] == 0  # type: ignore[index]
            await client.ask("/tuner0/vchannel", "none")
            await until(lambda: on_air.lineup.open_signals == 0)
            assert await client.ask("/tuner0/target") == "none"


async def test_a_filter_may_change_while_it_is_sent(on_air: OnAir) -> None:
    async with control(on_air) as client:
        with receiver() as (wire, port):
            await client.ask("/tuner0/vchannel", "5.1")
            await client.ask("/tuner0/filter", "0x0000")
            await client.ask("/tuner0/target", f"udp://{ADDRESS}:{port}")
            (datagram,) = await heard(wire, 1)
            found = {int.from_bytes(datagram[n + 1 : n + 3], "big") & 0x1FFF for n in range(0, 1316, 188)}
            assert found == {0, 0x1FFF}
            await client.ask("/tuner0/filter", "0x0100")
            while int.from_bytes((await heard(wire, 1))[0][1:3], "big") & 0x1FFF != 0x100:
                pass


async def test_a_channel_that_is_refused_is_asked_for_again(on_air: OnAir) -> None:
    on_air.lineup.refuse = TuneRefused("busy", "no encoder is free")
    async with control(on_air) as client:
        with receiver() as (wire, port):
            await client.ask("/tuner0/vchannel", "5.1")
            target = await client.ask("/tuner0/target", f"udp://{ADDRESS}:{port}")
            await asyncio.sleep(0.1)
            assert await client.ask("/tuner0/target") == target
            on_air.lineup.refuse = None
            await heard(wire, 1)


async def test_a_target_takes_a_tuner_from_those_who_ask_over_http(on_air: OnAir) -> None:
    async with control(on_air) as client:
        with receiver() as (_, port):
            await client.ask("/tuner0/target", f"udp://{ADDRESS}:{port}")
            async with on_air.client.get(f"{on_air.base}/tuner0/v5.1") as response:
                assert response.status == 503
                assert response.headers["X-HDHomeRun-Error"] == "804 Tuner In Use"
            async with on_air.client.get(f"{on_air.base}/auto/v5.1") as response:
                assert response.headers["X-HDHomeRun-Resource"] == "tuner1"


async def test_a_scan_as_tvheadend_does_it(start: Start) -> None:
    """The order in which a real one asked: filters before the target, and more of them while it receives."""
    on_air = await start(TimedLineup(StationClock()), personality="dvbt")
    async with control(on_air) as client:
        with receiver() as (wire, port):
            key = 518939865
            assert await client.ask("/sys/model") == "hdhomerun5_dvbt"
            assert await client.ask("/tuner0/lockkey", str(key)) == ADDRESS
            for name, value in (
                ("channel", "t8qam64:834000000"),
                ("filter", "0x0000"),
                ("filter", "0x1ffb"),
                ("target", f"udp://{ADDRESS}:{port}"),
                ("filter", "0x0000-0x0001 0x0010-0x0011 0x1ffb"),
            ):
                assert await client.ask(f"/tuner0/{name}", value, key) == value
            status = await client.ask("/tuner0/status")
            assert status.startswith("ch=t8qam64:834000000 lock=t8qam64 ss=100 snq=100 seq=100 ")
            assert await pids_heard(wire, {0x0000, 0x0011}) == {0x0000, 0x0011}
            await client.ask("/tuner0/filter", "0x0000-0x0001 0x0010-0x0011 0x1000 0x1ffb", key)
            assert await pids_heard(wire, {0x0000, 0x0011, 0x1000}) == {0x0000, 0x0011, 0x1000}
            assert await client.ask("/tuner0/target", "none", key) == "none"
            assert await client.ask("/tuner0/lockkey", "none", key) == "none"
            assert await client.ask("/tuner0/target", "none") == "none"
            await until(lambda: on_air.lineup.open_signals == 0)


async def pids_heard(wire: socket.socket, wanted: set[int]) -> set[int]:
    """What comes, null packets apart, until all of ``wanted`` have."""
    found: set[int] = set()
    while not wanted <= found:
        (datagram,) = await heard(wire, 1)
        found |= {int.from_bytes(datagram[at + 1 : at + 3], "big") & 0x1FFF for at in range(0, 1316, 188)}
    return found - {0x1FFF}


# --- release ---


async def test_a_receiver_that_closes_its_port_is_missed(on_air: OnAir) -> None:
    async with control(on_air) as client:
        with receiver() as (wire, port):
            await client.ask("/tuner0/vchannel", "5.1")
            await client.ask("/tuner0/target", f"udp://{ADDRESS}:{port}")
            await heard(wire, 5)
        await until(lambda: on_air.lineup.open_signals == 0, liveness.REFUSED_S + 4)
        assert await client.ask("/tuner0/target") == "none"
        assert await client.ask("/tuner0/vchannel") == "5.1"


async def test_keep_alives_count_once_they_have_begun(on_air: OnAir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "KEEP_ALIVE_S", 0.8)
    async with control(on_air) as client:
        with receiver() as (wire, port):
            await client.ask("/tuner0/lockkey", "77")
            await client.ask("/tuner0/vchannel", "5.1", 77)
            await client.ask("/tuner0/target", f"udp://{ADDRESS}:{port}", 77)
            for _ in range(4):
                wire.sendto(u32(77), (ADDRESS, on_air.headend.stream_port))
                await asyncio.sleep(0.4)
                assert on_air.lineup.open_signals == 1
            await until(lambda: on_air.lineup.open_signals == 0)
            assert await client.ask("/tuner0/target") == "none"
            assert await client.ask("/tuner0/lockkey") == ADDRESS  # its owner is still on the line


async def test_without_keep_alives_it_goes_on(on_air: OnAir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "KEEP_ALIVE_S", 0.2)
    monkeypatch.setattr(liveness, "ABANDONED_S", 0.2)
    with receiver() as (wire, port):
        async with control(on_air) as client:  # as `hdhomerun_config set … target` does: it leaves at once
            await client.ask("/tuner0/vchannel", "5.1")
            await client.ask("/tuner0/target", f"udp://{ADDRESS}:{port}")
        await heard(wire, 150)
        await asyncio.sleep(1)
        assert on_air.lineup.open_signals == 1


async def test_an_owner_who_hangs_up_loses_stream_and_lock(
    on_air: OnAir, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(liveness, "ABANDONED_S", 0.2)
    with receiver() as (wire, port):
        async with control(on_air) as client:
            await client.ask("/tuner0/lockkey", "77")
            await client.ask("/tuner0/vchannel", "5.1", 77)
            await client.ask("/tuner0/target", f"udp://{ADDRESS}:{port}", 77)
            await heard(wire, 5)
        await until(lambda: on_air.lineup.open_signals == 0)
        async with control(on_air) as other:
            assert await other.ask("/tuner0/lockkey") == "none"
            assert await other.ask("/tuner0/status") == "ch=none lock=none ss=0 snq=0 seq=0 bps=0 pps=0"


async def test_signing_off_ends_every_stream(on_air: OnAir) -> None:
    async with control(on_air) as client:
        with receiver() as (wire, port):
            for tuner in (0, 1):
                await client.ask(f"/tuner{tuner}/vchannel", "5.1")
                await client.ask(f"/tuner{tuner}/target", f"udp://{ADDRESS}:{port}")
            await heard(wire, 5)
            await on_air.headend.stop()
            assert on_air.lineup.open_signals == 0


async def test_a_taken_port_costs_the_keep_alives_only(start: Start) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as taken, socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        port = probe.getsockname()[1]
        probe.close()
        taken.bind((ADDRESS, port))
        on_air = await start(TimedLineup(StationClock()), stream_port=port)
        (warning,) = on_air.headend.warnings()
        assert f"UDP port {port}" in warning
        async with control(on_air) as client:
            with receiver() as (wire, target):
                await client.ask("/tuner0/vchannel", "5.1")
                await client.ask("/tuner0/target", f"udp://{ADDRESS}:{target}")
                await heard(wire, 3)
