"""One HTSP client: a request in, an answer out, at once and with its number.

Kodi closes the connection when an answer takes five seconds, and Jellyfin waits for one for ever, so
whatever takes time goes on beside the answer.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from retrovue.headend.accounts import Account
from retrovue.headend.base_url import renamed
from retrovue.headend.tvheadend import routes
from retrovue.headend.tvheadend.backend import API_VERSION, Backend, Peer
from retrovue.headend.tvheadend.directory import Listed
from retrovue.headend.tvheadend.epg import Event, Sought
from retrovue.headend.tvheadend.files import Files, NoFile
from retrovue.headend.tvheadend.htsmsg import Message, Value, integer, text
from retrovue.headend.tvheadend.messages import (
    HTSP_VERSION,
    Dialect,
    channel_fields,
    event_fields,
)
from retrovue.headend.tvheadend.metadata import Metadata
from retrovue.headend.tvheadend.numbering import uuid_of
from retrovue.headend.tvheadend.outbox import Outbox
from retrovue.headend.tvheadend.subscription import Subscription, Wish

log = logging.getLogger(__name__)

#: What a refused request waits for its answer (seconds): guessing is slow.
REFUSAL_S = 0.25
#: Since this version authenticate says what the account may do.
_RIGHTS = 26
#: Subscriptions of one client at once: Kodi has four at most.
MOST_SUBSCRIPTIONS = 8
#: Bytes of one answer to getEvents: TVHClient's buffer holds 4 MiB.
_LARGEST_EVENTS = 3 << 20
#: Longest wait for a picture (seconds): Kodi waits five for any answer.
_PICTURE_S = 3.0
#: The largest instant that datetime can hold with room for zones (year 9000).
_LAST = 221_845_392_000

#: Methods that may read a whole guide. They ask the lineup and touch nothing of the session's.
_LONG = frozenset(("getEvents", "epgQuery"))

_WRITES = frozenset(
    f"{verb}{thing}Entry"
    for thing, verbs in {
        "Dvr": ("add", "update", "cancel", "stop", "delete"),
        "Autorec": ("add", "update", "delete"),
        "Timerec": ("add", "update", "delete"),
    }.items()
    for verb in verbs
)


class Denied(Exception):
    """The client has no right to what it asks for."""


class Refused(Exception):
    """The request can't be answered; the message says why, in Tvheadend's words."""


def takes_long(request: Message) -> bool:
    """Is it to be answered on a thread, because pictures share the event loop?"""
    method = text(request, "method")
    return method in _LONG or (method == "api" and text(request, "path") in routes.ON_A_THREAD)


class Session:
    """State and answers of one connection."""

    def __init__(self, backend: Backend, peer: Peer, outbox: Outbox) -> None:
        self._backend, self.peer, self._outbox = backend, peer, outbox
        self.challenge = secrets.token_bytes(32)
        self.version = HTSP_VERSION
        self.client = ""  #: what it calls itself
        self.since = backend.clock.now()
        self.account: Account | None = None
        self.metadata: Metadata | None = None
        self.wants_news = asyncio.Event()
        self._watching: dict[int, asyncio.Task[None]] = {}
        self._running: dict[int, Subscription] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._afterwards: list[Message] = []
        self._files = Files(backend.images, int(backend.clock.now().timestamp()))
        self._methods: dict[str, Callable[[Message], Message]] = {
            "hello": self._hello,
            "authenticate": self._authenticate,
            "getDiskSpace": self._disk_space,
            "getSysTime": self._system_time,
            "getProfiles": self._profiles,
            "getDvrConfigs": self._recorders,
            "getDvrCutpoints": self._nothing,
            "enableAsyncMetadata": self._enable_metadata,
            "getChannel": self._channel,
            "getEvent": self._event,
            "getEvents": self._events,
            "epgQuery": self._query,
            "getTicket": self._ticket,
            "api": self._api,
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
            "subscriptionChangeWeight": self._change_weight,
            "subscriptionFilterStream": self._nothing,
            "subscriptionSpeed": self._speed,
            "subscriptionSeek": self._skip,
            "subscriptionSkip": self._skip,
            "subscriptionLive": self._nothing,
            "fileOpen": self._files.open,
            "fileRead": self._files.read,
            "fileClose": self._files.close,
            "fileStat": self._files.stat,
            "fileSeek": self._files.seek,
            **dict.fromkeys(_WRITES, self._no_recordings),
        }

    def answer(self, request: Message) -> Message:
        """The answer to a request. Raises ``Denied``: the answer is then ``denial``, after ``REFUSAL_S``."""
        method = text(request, "method") or ""
        self._identify(request)
        try:
            handler = self._methods.get(method)
            if handler is None:
                raise Refused("Method not found")
            if method not in ("hello", "authenticate"):
                self._admit()
            reply = handler(request)
        except (Refused, NoFile) as refused:
            reply = {"error": str(refused)}
        except Denied:
            raise
        except Exception:
            # One client's request must not end its connection, let alone another's.
            log.exception("HTSP %s from %s failed", method[:32], self.peer.address)
            reply = {"error": "Internal error"}
        return numbered(reply, request)

    async def fetch(self, request: Message) -> None:
        """Bring what the answer needs and may have to be waited for: the picture that is to be opened."""
        if text(request, "method") != "fileOpen" or not self._admitted:
            return
        ref = self._files.wanted(request)
        picture = None
        if ref is not None:
            with suppress(TimeoutError):
                async with self._backend.clock.deadline(_PICTURE_S):
                    picture = await self._backend.lineup.picture(ref)
        self._files.bring(picture)

    def _identify(self, request: Message) -> None:
        """Any request may bring a name and a digest, and so the rights of an account."""
        name, digest = text(request, "username"), request.get("digest")
        if name and isinstance(digest, bytes):
            account = self._backend.access.by_digest(name, digest, self.challenge)
            if account is not None:
                self.account = account

    def _admit(self) -> None:
        if not self._admitted:
            raise Denied

    @property
    def _admitted(self) -> bool:
        return self.account is not None or self._backend.access.admits(self.peer.address)

    # --- who and when ---

    def _hello(self, request: Message) -> Message:
        version, client = integer(request, "htspversion"), text(request, "clientname")
        if version is None or client is None:
            raise Refused("Invalid arguments")
        self.version = max(1, min(version, HTSP_VERSION))
        self.client = client[:64]
        # Kodi dies of an answer without a name or a version. No "timeshift": there is none, and with the word
        # Kodi offers pause and seek.
        return {
            "htspversion": HTSP_VERSION,
            "servername": self._backend.settings.friendly_name,
            "serverversion": self._backend.version,
            "challenge": self.challenge,
            "language": "eng",
            "servercapability": ["tvadapters"],
            "api_version": API_VERSION,
        }

    def _authenticate(self, request: Message) -> Message:
        self._admit()
        if self.version < _RIGHTS:
            return {}
        return {
            "admin": 0,
            "streaming": 1,
            "dvr": 0,
            "faileddvr": 0,
            "anonymous": int(self.account is None),
            "limitall": 0,
            "limitdvr": 0,
            "limitstreaming": 0,
            "uilevel": 0,
            "uilanguage": "",
        }

    def _system_time(self, _: Message) -> Message:
        zone = ZoneInfo(self._backend.lineup.status().timezone)
        now = self._backend.clock.now()
        offset = now.astimezone(zone).utcoffset() or timedelta()
        minutes = int(offset.total_seconds()) // 60
        # Hours west of Greenwich, cut towards zero as C does.
        west = -minutes // 60 if minutes <= 0 else -(minutes // 60)
        return {"time": int(now.timestamp()), "timezone": west, "gmtoffset": minutes}

    # --- what a recorder has ---

    def _disk_space(self, _: Message) -> Message:
        return {"freediskspace": 0, "useddiskspace": 0, "totaldiskspace": 0}

    def _profiles(self, _: Message) -> Message:
        uuid = uuid_of("profile", "htsp")
        return {"profiles": [{"uuid": uuid, "name": "htsp", "comment": "HTSP Default Stream Settings"}]}

    def _recorders(self, _: Message) -> Message:
        return {"dvrconfigs": []}

    def _no_recordings(self, _: Message) -> Message:
        return {"success": 0, "error": routes.NO_RECORDINGS}

    def _nothing(self, _: Message) -> Message:
        return {}

    # --- channels and guide ---

    @property
    def _dialect(self) -> Dialect:
        ours, port = self.peer.ours, self._backend.http_port
        host = f"[{ours}]" if ":" in ours else ours
        base = renamed(f"http://{host}:{port}", self._backend.settings.external_url)
        return Dialect(self.version, base, self._backend.images.number)

    def _enable_metadata(self, request: Message) -> Message:
        guide, until = bool(integer(request, "epg")), integer(request, "epgMaxTime") or 0
        if self.metadata is None:
            # Only Kodi needs to be told twice.
            twice = "kodi" in self.client.casefold()
            self.metadata = Metadata(self._backend, self._outbox, self._dialect, twice=twice)
        self.metadata.enable(guide=guide, until=instant(until))
        self.wants_news.set()
        return {}

    def _listed(self, request: Message) -> Listed:
        number = integer(request, "channelId")
        if number is None:
            raise Refused("Invalid arguments")
        listed = self._backend.directory.channels.get(number)
        if listed is None:
            raise Refused("Channel does not exist")
        return listed

    def _channel(self, request: Message) -> Message:
        listed = self._listed(request)
        events = self._backend.epg.on_air(listed.ident.id)
        return channel_fields(listed, self._backend.network, events, self._dialect)

    def _found(self, event_id: int) -> Event:
        event = self._backend.epg.find(event_id)
        if event is None or event[0].channel not in self._backend.directory.by_id:
            raise Refused("Event does not exist")
        return event

    def _described(self, event: Event) -> Message:
        entry, next_id = event
        number = self._backend.directory.by_id[entry.channel].number
        return event_fields(entry, number, next_id, self._dialect)

    def _event(self, request: Message) -> Message:
        event_id = integer(request, "eventId")
        if event_id is None:
            raise Refused("Invalid arguments")
        return self._described(self._found(event_id))

    def _events(self, request: Message) -> Message:
        """From one event on, from what is on one channel on, or of all channels."""
        event_id = integer(request, "eventId")
        until = instant(integer(request, "maxTime") or 0)
        # What begins at the last moment still counts.
        end = None if until is None else until + timedelta(microseconds=1)
        most = max(0, integer(request, "numFollowing") or 0)
        epg, now = self._backend.epg, self._backend.clock.now()
        if event_id:
            entry, _ = self._found(event_id)
            runs = [partial(epg.events, entry.channel, entry.start, end)]
        elif "channelId" in request:
            runs = [partial(epg.events, self._listed(request).ident.id, now, end)]
        else:
            runs = [partial(epg.events, channel, now, end) for channel in self._backend.directory.by_id]
        found: list[Message] = []
        size = 0
        for run in runs:
            for event in run()[: most or None]:
                fields = self._described(event)
                size += 200 + sum(len(value) for value in fields.values() if isinstance(value, str))
                if size > _LARGEST_EVENTS:
                    return {"events": found}
                found.append(fields)
        return {"events": found}

    def _query(self, request: Message) -> Message:
        words = text(request, "query")
        if words is None:
            raise Refused("Invalid arguments")
        found = self._backend.directory
        channels = list(found.by_id)
        if "channelId" in request:
            channels = [self._listed(request).ident.id]
        if "tagId" in request:
            tag = found.tags.get(integer(request, "tagId") or 0)
            if tag is None:
                raise Refused("Tag does not exist")
            channels = [c for c in channels if found.by_id[c].number in tag.members]
        code = integer(request, "contentType") or 0
        sought = Sought(
            words,
            everywhere=bool(integer(request, "fulltext")),
            content=code if self.version >= 6 else code << 4,
            shortest=integer(request, "minduration") or 0,
            longest=integer(request, "maxduration") or 0,
        )
        events = self._backend.epg.query(sought, channels)
        if not events:
            return {}
        if integer(request, "full"):
            return {"events": [self._described(event) for event in events[:5000]]}
        return {"eventIds": [entry.event_id for entry, _ in events]}

    def _ticket(self, request: Message) -> Message:
        if "channelId" not in request:
            raise Refused("DVR entry does not exist" if "dvrId" in request else "Invalid arguments")
        path = f"/stream/channelid/{self._listed(request).number}"
        return {"path": path, "ticket": self._backend.access.ticket(path)}

    def _api(self, request: Message) -> Message:
        """The JSON API in HTSP's clothes; its truths become numbers, as everything's do."""
        given = request.get("args")
        arguments = {
            name: value if isinstance(value, str) else str(value)
            for name, value in (given.items() if isinstance(given, dict) else ())
            if isinstance(value, str | int)
        }
        found = routes.answer(self._backend, text(request, "path") or "", arguments)
        if found is None:
            raise Refused("Method not found")
        return {"response": sendable(found)}

    # --- watching ---

    @property
    def watches(self) -> int:
        """How many subscriptions it has."""
        return len(self._running)

    def _subscribe(self, request: Message) -> Message:
        number = integer(request, "subscriptionId")
        if number is None or not 0 <= number < 1 << 32:
            raise Refused("Invalid arguments")
        listed = self._wanted(request)
        self._end(number)
        if len(self._running) >= MOST_SUBSCRIPTIONS:
            raise Refused("Too many subscriptions")
        ticks = bool(integer(request, "90khz"))
        weight, depth = integer(request, "weight") or 0, integer(request, "queueDepth") or 0
        wish = Wish(number, listed, weight, depth, ticks)
        user = self.account.name if self.account is not None else ""
        subscription = Subscription(self._backend, self.peer, self.client, user, self._outbox, wish)
        self._running[number] = subscription
        self._watching[number] = asyncio.create_task(
            self._watch(subscription), name=f"HTSP subscription to {listed.ident.id}"
        )
        # No timeshiftPeriod: the client learns that there is none.
        return {"normts": 1, **({"90khz": 1} if ticks else {})}

    def _wanted(self, request: Message) -> Listed:
        """The channel by number or, for whoever has only that, by name."""
        if "channelId" in request:
            return self._listed(request)
        name = text(request, "channelName")
        if name is None:
            raise Refused("Invalid arguments")
        for listed in self._backend.directory.channels.values():
            if listed.ident.name == name:
                return listed
        raise Refused("Channel does not exist")

    async def _watch(self, subscription: Subscription) -> None:
        # What the client has left gives its encoder back first.
        if self._ending:
            await asyncio.wait(self._ending)
        try:
            await subscription.run()
        except Exception:
            # One subscription's fault must not end its session, nor go untold.
            log.exception("an HTSP subscription to %s failed", subscription.wish.listed.ident.id)

    def _unsubscribe(self, request: Message) -> Message:
        number = integer(request, "subscriptionId")
        if number is not None and self._end(number):
            self._afterwards.append({"method": "subscriptionStop", "subscriptionId": number, "status": "OK"})
        return {}

    def _end(self, number: int) -> bool:
        """End a subscription; nobody waits for it."""
        task = self._watching.pop(number, None)
        if task is None:
            return False
        del self._running[number]
        task.cancel()
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        return True

    def _change_weight(self, request: Message) -> Message:
        subscription = self._running.get(integer(request, "subscriptionId") or 0)
        if subscription is not None:
            subscription.weight = integer(request, "weight") or 0
        return {}

    def _speed(self, request: Message) -> Message:
        """Kodi asks for speed 100 whenever it has connected again; there is no other."""
        if (number := integer(request, "subscriptionId")) in self._running:
            self._afterwards.append({"method": "subscriptionSpeed", "subscriptionId": number, "speed": 100})
        return {}

    def _skip(self, request: Message) -> Message:
        if (number := integer(request, "subscriptionId")) in self._running:
            self._afterwards.append({"method": "subscriptionSkip", "subscriptionId": number, "error": 1})
        return {}

    def afterwards(self) -> list[Message]:
        """What is told right behind the last answer."""
        told, self._afterwards = self._afterwards, []
        return told

    async def close(self) -> None:
        """The client is gone: every subscription ends."""
        for number in tuple(self._watching):
            self._end(number)
        if self._ending:
            await asyncio.wait(self._ending)


def sendable(value: Any) -> Value:
    """JSON as htsmsg has it: no null, and numbers with a fraction as text."""
    if isinstance(value, dict):
        return {name: sendable(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [sendable(inner) for inner in value]
    return value if isinstance(value, int | str) else str(value)


def numbered(reply: Message, request: Message) -> Message:
    """The reply with the request's number, by which clients find what they asked."""
    seq = integer(request, "seq")
    return reply if seq is None else {**reply, "seq": seq}


def instant(unix: int) -> datetime | None:
    """A client's Unix time; 0 and what no calendar has are none."""
    return datetime.fromtimestamp(unix, UTC) if 0 < unix < _LAST else None
