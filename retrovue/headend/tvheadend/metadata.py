"""The news of one client: everything once, in the order that clients insist on, then whatever changes.

Tags, channels, tags with their members, programmes, ``initialSyncCompleted``: with programmes before channels
a client has no guide, and without the last message Kodi shows no channel at all.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from retrovue.headend.tvheadend.backend import Backend
from retrovue.headend.tvheadend.epg import Event
from retrovue.headend.tvheadend.htsmsg import Message, encode
from retrovue.headend.tvheadend.messages import Dialect, channel_fields, event_fields, seconds, tag_fields
from retrovue.headend.tvheadend.outbox import Outbox
from retrovue.lineup import ChannelId, LineupChange

#: As time goes on, programmes come into the window; they are sent this often (seconds).
TOP_UP_S = 30.0
#: Kodi loses the pushed guide on one fresh start in three, with any server: it is told everything once more
#: this long after the first time (seconds), when its guide is up.
AGAIN_S = 8.0


class Metadata:
    """Runs from enableAsyncMetadata to the end of the connection."""

    def __init__(self, backend: Backend, outbox: Outbox, dialect: Dialect, *, twice: bool) -> None:
        self._backend, self._outbox, self._dialect = backend, outbox, dialect
        self._twice = twice  #: push the guide a second time
        self._guide = False
        self._window: timedelta | None = None  #: how far ahead; None: everything
        self._horizon: datetime | None = None  #: up to here programmes have been sent
        self._tags: dict[int, Message] = {}  #: what the client was told
        self._channels: dict[ChannelId, Message] = {}
        self._events: dict[ChannelId, dict[int, int]] = {}  #: event id → what it was, in short
        self._changes: set[LineupChange] = set()
        self._news = asyncio.Event()
        self._asked = False

    def enable(self, *, guide: bool, until: datetime | None) -> None:
        """The client asks for everything, or once more for what it doesn't know yet."""
        self._guide = guide
        # The window moves on with time, and never is less than what is on and what comes next.
        ahead = None if until is None else until - self._backend.clock.now()
        self._window = None if ahead is None else max(ahead, timedelta(minutes=10))
        self._asked = True
        self._news.set()

    def tell(self, change: LineupChange) -> None:
        """Something has changed at the station. Equal changes are told once."""
        self._changes.add(change)
        self._news.set()

    async def run(self) -> None:
        """Until cancelled."""
        clock = self._backend.clock
        again: float | None = None
        while True:
            self._news.clear()
            if self._asked:
                self._asked = False
                await self._everything()
                again = clock.elapsed() + AGAIN_S if self._twice and self._guide else None
                self._twice = False
            elif again is not None and clock.elapsed() >= again:
                again = None
                await self._guide_again()
            else:
                await self._catch_up()
            if self._news.is_set():
                continue
            wait = TOP_UP_S if again is None else max(0.001, min(TOP_UP_S, again - clock.elapsed()))
            try:
                async with clock.deadline(wait):
                    await self._news.wait()
            except TimeoutError:
                pass

    async def _everything(self) -> None:
        self._changes.clear()
        await self._lineup()
        await self._programmes()
        await self._push("initialSyncCompleted", {})

    async def _catch_up(self) -> None:
        changes, self._changes = self._changes, set()
        kinds = {change.kind for change in changes}
        if "channels" in kinds:
            await self._lineup()
        if kinds & {"channels", "guide"}:
            await self._programmes()
        elif self._window is not None:
            await self._top_up()
        # A new guide may have another programme on the air, too.
        everybody = bool(kinds & {"channels", "guide"})
        changed = {change.channel for change in changes}
        for channel_id in self._channels:
            if everybody or channel_id in changed:
                await self._on_air(channel_id)

    async def _on_air(self, channel: ChannelId) -> None:
        """The programme has changed: what is on now, and what comes next."""
        told = self._channels[channel]
        now, following = self._backend.epg.on_air(channel)
        if (told["eventId"], told["nextEventId"]) != (now, following):
            told["eventId"], told["nextEventId"] = now, following
            fields: Message = {"channelId": told["channelId"], "eventId": now, "nextEventId": following}
            await self._push("channelUpdate", fields)

    # --- channels and tags ---

    async def _lineup(self) -> None:
        found = self._backend.directory
        network = self._backend.network
        tags = {number: tag_fields(tag, members=True) for number, tag in found.tags.items()}
        for number, tag in found.tags.items():
            if number not in self._tags:
                await self._push("tagAdd", tag_fields(tag, members=False))
        channels = {}
        for listed in found.channels.values():
            events = self._backend.epg.on_air(listed.ident.id)
            channels[listed.ident.id] = fields = channel_fields(listed, network, events, self._dialect)
            told = self._channels.get(listed.ident.id)
            if told is None:
                await self._push("channelAdd", fields)
            elif told != fields:
                await self._push("channelUpdate", fields)
        for number, fields in tags.items():
            if self._tags.get(number) != fields:
                await self._push("tagUpdate", fields)
        for channel_id in self._channels.keys() - channels.keys():
            await self._push("channelDelete", {"channelId": self._channels[channel_id]["channelId"]})
            self._events.pop(channel_id, None)
        for number in self._tags.keys() - tags.keys():
            await self._push("tagDelete", {"tagId": number})
        self._tags, self._channels = tags, channels

    # --- the guide ---

    def _end(self) -> datetime | None:
        return None if self._window is None else self._backend.clock.now() + self._window

    async def _programmes(self) -> None:
        """The difference between what the client was told of the guide and what it is."""
        if not self._guide:
            return
        now, self._horizon = self._backend.clock.now(), self._end()
        for channel_id in list(self._channels):
            told = self._events.get(channel_id, {})
            current: dict[int, int] = {}
            for event in self._backend.epg.events(channel_id, now, self._horizon):
                number = event[0].event_id
                current[number] = short = _short(event)
                if number not in told:
                    await self._event("eventAdd", channel_id, event)
                elif told[number] != short:
                    await self._event("eventUpdate", channel_id, event)
            self._events[channel_id] = current
            for number, short in told.items():
                # What is over stays: the client forgets it by itself.
                if number not in current and short >> 64 > now.timestamp():
                    await self._push("eventDelete", {"eventId": number})

    async def _top_up(self) -> None:
        """What time has brought into the window."""
        end = self._end()
        if not self._guide or end is None or self._horizon is None:
            return
        since, self._horizon = self._horizon, end
        for channel_id in list(self._channels):
            told = self._events.setdefault(channel_id, {})
            for event in self._backend.epg.events(channel_id, since, end):
                if event[0].event_id not in told:
                    told[event[0].event_id] = _short(event)
                    await self._event("eventAdd", channel_id, event)

    async def _guide_again(self) -> None:
        now = self._backend.clock.now()
        for channel_id in list(self._channels):
            for event in self._backend.epg.events(channel_id, now, self._horizon):
                await self._event("eventUpdate", channel_id, event)

    async def _event(self, method: str, channel: ChannelId, event: Event) -> None:
        entry, next_id = event
        number = self._channels[channel]["channelId"]
        assert isinstance(number, int)
        await self._push(method, event_fields(entry, number, next_id, self._dialect))

    async def _push(self, method: str, fields: Message) -> None:
        await self._outbox.room()
        self._outbox.put(encode({"method": method, **fields}))


def _short(event: Event) -> int:
    """When it ends, and whether it is still the same: of a large station a client is told a million."""
    return seconds(event[0].end) << 64 | hash(event) & 0xFFFF_FFFF_FFFF_FFFF
