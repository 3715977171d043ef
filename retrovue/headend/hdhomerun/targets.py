"""Streams of datagrams: what ``set /tuner0/target udp://10.0.0.9:5000`` starts.

Each has a socket of its own, connected to its receiver: so the kernel tells when nobody listens there, and
keep-alives from that receiver come to it alone. It sends from the port on which a real unit sends, because
the keep-alives that clients send there open their firewalls for the answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import socket
from collections.abc import AsyncGenerator
from ipaddress import ip_address

from retrovue.clock import MasterClock
from retrovue.headend.hdhomerun.datagrams import Pacer, Rtp, Selection
from retrovue.headend.hdhomerun.liveness import Liveness
from retrovue.headend.hdhomerun.tuners import Meter, Target, Tuner, TunerTable
from retrovue.lineup import ChannelIdent, Lineup, TuneRefused, Viewer
from retrovue.units import SECOND_US

log = logging.getLogger(__name__)

#: Datagrams that leave together: the least nap between (seconds of station time), and the most at once.
NAP_S = 0.008
BURST = 64
#: A stream that is later than this (seconds) doesn't hurry: it takes up its pace again from there.
_LATE_S = 2.0
#: How often the receiver is thought of; when a channel that was refused is asked for again (seconds).
_WATCH_S = 0.5
_RETRY_S = 2.0
#: Room for a burst (bytes).
_SEND_BUFFER = 256 * 1024


class Targets:
    """Makes streams of datagrams, and keeps the port that they leave from."""

    def __init__(self, lineup: Lineup, clock: MasterClock, table: TunerTable) -> None:
        self._lineup, self._clock, self._table = lineup, clock, table
        self._port = 0
        self._kept: dict[socket.AddressFamily, tuple[socket.socket, str]] = {}
        self._sendings: set[DatagramStream] = set()

    def open(self, address: str, port: int) -> None:
        """Keep UDP ``port`` of ``address`` to send from. Raises ``OSError`` when another has it."""
        self._port = port
        for host in (address, "0.0.0.0") if address == "::" else (address,):  # noqa: S104
            family = _family(host)
            kept = socket.socket(family, socket.SOCK_DGRAM)
            try:
                if family == socket.AF_INET6:
                    kept.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                kept.bind((host, port))
                # Only now: on Linux it lets our own streams share the port, and nobody who wants it alone.
                kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            except OSError:
                kept.close()
                raise
            self._kept[family] = kept, host

    def start(self, tuner: Tuner, target: Target) -> DatagramStream:
        """Send what ``tuner`` is tuned to. Raises ``OSError`` for a target that can't be."""
        stream = DatagramStream(self._lineup, self._clock, self._table, tuner, target, self._socket(target))
        self._sendings.add(stream)
        stream.done.add_done_callback(lambda _: self._sendings.discard(stream))
        return stream

    async def close(self) -> None:
        """End every stream and give the port back."""
        streams = tuple(self._sendings)
        for stream in streams:
            stream.end()
        await asyncio.gather(*(stream.done for stream in streams), return_exceptions=True)
        for kept, _ in self._kept.values():
            kept.close()
        self._kept = {}

    def _socket(self, target: Target) -> socket.socket:
        wire = socket.socket(_family(target.address), socket.SOCK_DGRAM)
        try:
            wire.setblocking(False)
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
            if (kept := self._kept.get(_family(target.address))) is not None:
                wire.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if wire.family == socket.AF_INET6:
                    wire.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                wire.bind((kept[1], self._port))
            wire.connect((target.address, target.port))
        except OSError:
            wire.close()
            raise
        return wire


class DatagramStream:
    """Implements ``Sending``: one tuner's stream, until its receiver is gone or somebody ends it."""

    def __init__(
        self,
        lineup: Lineup,
        clock: MasterClock,
        table: TunerTable,
        tuner: Tuner,
        target: Target,
        wire: socket.socket,
    ) -> None:
        self._lineup, self._clock, self._table, self._tuner = lineup, clock, table, tuner
        self._wire = wire
        self.target = target
        self.meter = Meter(clock.elapsed())
        self._liveness = Liveness()
        self._rtp = Rtp(random.getrandbits(32)) if target.protocol == "rtp" else None
        self._retuned = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(wire, self._heard)
        # A task that is cancelled before its first step runs nothing: a callback closes the socket.
        self.done = loop.create_task(self._run(), name=f"{tuner.name} to {target}")
        self.done.add_done_callback(lambda _: loop.remove_reader(wire))
        self.done.add_done_callback(lambda _: wire.close())

    def tuned(self) -> None:
        self._retuned.set()

    def abandoned(self) -> None:
        self._liveness.abandoned(self._clock.elapsed())

    def end(self) -> None:
        self.done.cancel()

    async def _run(self) -> None:
        log.info("%s: sending to %s", self._tuner.name, self.target)
        sender = asyncio.create_task(self._send_what_is_on())
        why = "ended"
        try:
            while not (gone := self._liveness.over(self._clock.elapsed())):
                with contextlib.suppress(TimeoutError):
                    async with self._clock.deadline(_WATCH_S):
                        await asyncio.shield(sender)
            why = gone
        except asyncio.CancelledError:
            pass  # by ``end``: the task is over either way
        except Exception:
            # A task of its own, for which nobody waits: the tuner is freed and the fault is told.
            log.exception("%s: the stream to %s failed", self._tuner.name, self.target)
            why = "fault"
        finally:
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)
            log.info("%s: no longer sending to %s: %s", self._tuner.name, self.target, why)
            self._table.sending_over(self._tuner, self)

    # --- the receiver ---

    def _heard(self) -> None:
        """A keep-alive (four bytes: the lock key, which proves no more than the port does), or a refusal."""
        try:
            while True:
                if len(self._wire.recv(64)) == 4:
                    self._liveness.kept(self._clock.elapsed())
        except BlockingIOError:
            pass
        except OSError:
            self._liveness.refused(self._clock.elapsed())

    def _send(self, due: float, datagram: bytes) -> None:
        if self._rtp is not None:
            datagram = self._rtp.wrap(due, datagram)
        try:
            self._wire.send(datagram)
        except BlockingIOError:
            return  # no room: as on any network, it is lost
        except OSError:
            self._liveness.refused(self._clock.elapsed())
            return
        self.meter.sent(self._clock.elapsed(), len(datagram))

    # --- the signal ---

    async def _send_what_is_on(self) -> None:
        """Follow the tuner from channel to channel."""
        while True:
            self._retuned.clear()
            channel = self._tuner.on_air
            if channel is None:
                await self._retuned.wait()
                continue
            sender = asyncio.create_task(self._send_channel(channel))
            retuned = asyncio.create_task(self._retuned.wait())
            try:
                await asyncio.wait((sender, retuned), return_when=asyncio.FIRST_COMPLETED)
                if sender.done():
                    sender.result()
                    with contextlib.suppress(TimeoutError):
                        async with self._clock.deadline(_RETRY_S):
                            await asyncio.shield(retuned)
            finally:
                sender.cancel()
                retuned.cancel()
                await asyncio.gather(sender, retuned, return_exceptions=True)

    async def _send_channel(self, channel: ChannelIdent) -> None:
        viewer = Viewer(
            front_end="hdhomerun",
            address=f"{self.target.address}:{self.target.port}",
            agent=self.target.protocol,
            labels={"tuner": self._tuner.name},
        )
        try:
            signal = await self._lineup.tune(channel.id, viewer)
        except TuneRefused as refused:
            log.warning("%s: channel %s: %s", self._tuner.name, channel.number, refused.reason)
            return
        chunks = signal.transport_stream()
        try:
            asked = (self._tuner.filter, self._tuner.program)
            pacer = Pacer(Selection(*asked))
            pace = _Pace(self._clock)
            async for chunk in chunks:
                if asked != (self._tuner.filter, self._tuner.program):
                    asked = (self._tuner.filter, self._tuner.program)
                    pacer.selection = Selection(*asked)
                for due, datagram in pacer.feed(chunk):
                    await pace.until(due)
                    self._send(due, datagram)
        finally:
            if isinstance(chunks, AsyncGenerator):
                await chunks.aclose()
            await signal.close("no longer sent")


class _Pace:
    """Holds datagrams back until they are due, a few at a time."""

    def __init__(self, clock: MasterClock) -> None:
        self._clock = clock
        self._began_us: int | None = None
        self._burst = 0

    async def until(self, due: float) -> None:
        """Return when a datagram that is due ``due`` seconds after the first may leave."""
        now_us = self._clock.now_us()
        if self._began_us is None:
            self._began_us = now_us - round(due * SECOND_US)
        wait_s = due - (now_us - self._began_us) / SECOND_US
        if wait_s < -_LATE_S:
            self._began_us = now_us - round(due * SECOND_US)
            wait_s = 0.0
        if wait_s > 0 or self._burst >= BURST:
            self._burst = 0
            await self._clock.wait(max(wait_s, NAP_S))
        self._burst += 1


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ip_address(address).version == 6 else socket.AF_INET
