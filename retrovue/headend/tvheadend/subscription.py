"""A subscription: one client watches one channel, from subscribe to unsubscribe.

The signal is the channel's own, as every other viewer has it; nothing is demultiplexed. The client gets two
seconds at once and the rest in real time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass

from retrovue.headend.tvheadend.backend import Backend, Peer
from retrovue.headend.tvheadend.directory import Listed
from retrovue.headend.tvheadend.htsmsg import Message, encode
from retrovue.headend.tvheadend.outbox import Outbox
from retrovue.headend.tvheadend.packet_queue import PacketQueue
from retrovue.headend.tvheadend.packets import Packetiser
from retrovue.headend.tvheadend.watching import Watching
from retrovue.lineup import Signal, TuneRefused, Viewer
from retrovue.units import from_us

#: Sent ahead of real time (microseconds): a channel shows at once, and a network may hiccup.
LEAD_US = 2_000_000
#: Packets leave in batches of about this length (microseconds): fewer wake-ups.
_BATCH_US = 100_000
#: A channel that can't be had is tried again this often (seconds).
RETRY_S = 2.0
#: How long the client waits before it tells people that there is no picture (seconds), Tvheadend's figure.
GRACE_S = 20
#: Between two reports of how it goes (seconds).
_REPORT_S = 1.0
#: Up to this weight a subscription is a guess, which gives way: Kodi tunes a channel's neighbours in advance.
GUESS_WEIGHT = 40

#: Tvheadend's words for what may be wrong, and what people are told.
_TROUBLE = {
    "busy": ("noFreeAdapter", "No free adapter"),
    "unknown_channel": ("invalidTarget", "Channel does not exist"),
    "tune_failed": ("tuningFailed", "Tuning failed"),
    "shutting_down": ("tuningFailed", "The station is going off the air"),
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What a client asked for."""

    number: int  #: the client's own, of this subscription
    listed: Listed
    weight: int  #: 0: the client doesn't say
    depth: int  #: of the queue, bytes; 0: the client doesn't say
    ticks: bool  #: times in 90 kHz


class Subscription:
    """Runs as a task; cancelled when the client has enough."""

    def __init__(
        self, backend: Backend, peer: Peer, agent: str, user: str, outbox: Outbox, wish: Wish
    ) -> None:
        self._backend, self._outbox = backend, outbox
        self.peer, self.agent, self.user, self.wish = peer, agent, user, wish
        self.weight = wish.weight
        self.queue = PacketQueue(wish.depth, self._packet_taken)
        self.running = False  #: packets flow
        self._room = asyncio.Event()
        self._gives_way = False
        self._trouble: str | None = ""  #: the last status told; None: that all is well

    async def run(self) -> None:
        """Until cancelled. Whatever happens to the channel, the client is told, and it is tried again."""
        self._tell("subscriptionGrace", {"graceTimeout": GRACE_S})
        self._outbox.add(self.queue)
        self._backend.subscriptions.add(self)
        try:
            while True:
                signal = await self._tune()
                if signal is not None:
                    why = "failed"
                    try:
                        with self._backend.watched(
                            "HTSP", self.wish.listed, self.peer, self.user, self.agent, "htsp"
                        ) as watching:
                            why = await self._deliver(signal, watching)
                    except asyncio.CancelledError:
                        why = "viewer left"
                        raise
                    finally:
                        self.running = False
                        self.queue.clear()
                        await signal.close(why)
                    self._tell("subscriptionStop", {"status": "Source reconfigured"})
                await self._backend.clock.wait(0.2 if signal is not None else RETRY_S)
        finally:
            self._backend.subscriptions.discard(self)
            self._outbox.remove(self.queue)

    def give_way(self) -> None:
        """Somebody really watches another channel, and there is no room for both."""
        self._gives_way = True

    async def _tune(self) -> Signal | None:
        viewer = Viewer("tvheadend", f"{self.peer.address}:{self.peer.port}", self.agent)
        channel = self.wish.listed.ident.id
        try:
            return await self._backend.lineup.tune(channel, viewer)
        except TuneRefused as refused:
            if refused.code == "busy" and not self.is_guess and self._backend.make_way(self):
                with suppress(TuneRefused):
                    await self._backend.clock.wait(0.2)
                    return await self._backend.lineup.tune(channel, viewer)
            error, status = _TROUBLE[refused.code]
            # A guess that fails is nobody's business.
            if not self.is_guess and self._trouble != error:
                self._trouble = error
                self._tell("subscriptionStatus", {"status": status, "subscriptionError": error})
            return None

    @property
    def is_guess(self) -> bool:
        """Nobody watches yet."""
        return 0 < self.weight <= GUESS_WEIGHT

    async def _deliver(self, signal: Signal, watching: Watching) -> str:
        """Send until the signal ends; returns why it did."""
        clock = self._backend.clock
        packetiser = Packetiser(self.wish.number, signal.format, ticks=self.wish.ticks)
        if self._trouble is not None:
            self._trouble = None
            self._tell("subscriptionStatus", {})
        self._gives_way = False
        begun = False
        before = self.queue.sent
        horizon_us = 0
        report_at = clock.elapsed() + _REPORT_S
        units = signal.access_units()
        try:
            async for unit in units:
                now = clock.elapsed()
                watching.received.add(len(unit.data), now)
                packet = packetiser.packet(unit)
                if packet is None:
                    continue
                if not begun:
                    begun = self.running = True
                    self._tell(
                        "subscriptionStart", {"streams": packetiser.streams(), "sourceinfo": self._source()}
                    )
                at_us = unit.pts * 100 // 9
                if at_us > horizon_us:
                    horizon_us = max(at_us, clock.now_us() + LEAD_US) + _BATCH_US
                    await clock.wait_until(from_us(horizon_us - LEAD_US - _BATCH_US))
                await self._spare(at_us)
                self.queue.put(packet)
                self._outbox.wake()
                watching.sent.add(self.queue.sent - before - watching.sent.total, now)
                watching.weight, watching.errors = self.weight or 100, sum(self.queue.drops.values())
                if now >= report_at:
                    report_at = now + _REPORT_S
                    self._report()
                if self._gives_way:
                    return "gave way"
        finally:
            if isinstance(units, AsyncGenerator):
                await units.aclose()
        return "signal ended"

    async def _spare(self, at_us: int) -> None:
        """What is ahead of its time can wait for room in the queue; what is due can't."""
        clock = self._backend.clock
        while self.queue.bytes > self.queue.depth and at_us > clock.now_us():
            self._room.clear()
            with suppress(TimeoutError):
                async with clock.deadline_at(from_us(at_us)):
                    await self._room.wait()

    def _packet_taken(self) -> None:
        self._room.set()

    # --- what the client is told ---

    def _tell(self, method: str, fields: Message) -> None:
        self._outbox.put(encode({"method": method, "subscriptionId": self.wish.number, **fields}))

    def _report(self) -> None:
        """How it goes; left out when the client doesn't keep up with what it is told."""
        if self._outbox.waiting:
            return
        queue = self.queue
        self._tell(
            "queueStatus",
            {
                "packets": len(queue),
                "bytes": queue.bytes,
                "delay": queue.delay,
                "Bdrops": queue.drops["B"],
                "Pdrops": queue.drops["P"],
                "Idrops": queue.drops["I"],
            },
        )
        self._tell(
            "signalStatus", {"feStatus": "GOOD", "feSNR": 65535, "feSignal": 65535, "feBER": 0, "feUNC": 0}
        )

    def _source(self) -> Message:
        listed, network = self.wish.listed, self._backend.network
        return {
            "adapter": "RetroVue",
            "adapter_uuid": self._backend.adapter_uuid,
            "mux": listed.ident.name,
            "mux_uuid": listed.mux_uuid,
            "network": network,
            "network_type": "IPTV",
            "network_uuid": self._backend.directory.network_uuid,
            "provider": network,
            "service": listed.ident.name,
        }
