"""What all connections of the Tvheadend front-end share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import retrovue
from retrovue.clock import MasterClock
from retrovue.headend.accounts import Account
from retrovue.headend.gate import Gate
from retrovue.headend.settings import HeadendSettings
from retrovue.headend.tvheadend.access import Access
from retrovue.headend.tvheadend.directory import Directory, Listed, directory
from retrovue.headend.tvheadend.epg import Epg
from retrovue.headend.tvheadend.guide_index import GuideIndex
from retrovue.headend.tvheadend.images import Images
from retrovue.headend.tvheadend.numbering import uuid_of
from retrovue.headend.tvheadend.watching import Watching
from retrovue.lineup import Lineup

if TYPE_CHECKING:
    from retrovue.headend.tvheadend.session import Session
    from retrovue.headend.tvheadend.subscription import Subscription

#: Of Tvheadend's HTTP API, which HTSP announces, too.
API_VERSION = 19


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end of a connection, and at which address of ours."""

    address: str
    port: int
    ours: str = "127.0.0.1"


@dataclass(slots=True)
class Backend:
    """The station as Tvheadend's clients see it."""

    lineup: Lineup
    clock: MasterClock
    settings: HeadendSettings
    access: Access
    epg: Epg
    index: GuideIndex
    images: Images
    subscriptions: set[Subscription] = field(default_factory=set, init=False)
    htsp_port: int = field(default=0, init=False)  #: the real ones, once they are open
    http_port: int = field(default=0, init=False)
    sessions: set[Session] = field(default_factory=set, init=False)  #: HTSP's
    watching: set[Watching] = field(default_factory=set, init=False)
    _count: int = field(default=0, init=False)
    _directory: Directory | None = field(default=None, init=False)

    @classmethod
    def of(
        cls, lineup: Lineup, clock: MasterClock, settings: HeadendSettings, accounts: Sequence[Account] = ()
    ) -> Backend:
        access = Access(clock, accounts, Gate(clock, settings.allow))
        epg = Epg(lineup, clock)
        index = GuideIndex(lineup, epg, clock)
        return cls(lineup, clock, settings, access, epg, index, Images(lineup))

    @property
    def directory(self) -> Directory:
        """The lineup of this moment."""
        idents = tuple(self.lineup.channels())
        if self._directory is None or self._directory.idents != idents:
            self._directory = directory(self.settings.station, idents)
        return self._directory

    @property
    def version(self) -> str:
        """Clients read the first two numbers; the rest is for people."""
        return f"4.3-retrovue {retrovue.__version__}"

    @property
    def network(self) -> str:
        """The station's name, which clients show as network and provider."""
        return self.lineup.status().name

    @property
    def adapter_uuid(self) -> str:
        """Of the one tuner there seems to be."""
        return uuid_of("adapter", self.settings.station)

    @contextmanager
    def watched(
        self, kind: str, listed: Listed, peer: Peer, user: str, agent: str, profile: str
    ) -> Iterator[Watching]:
        """A viewer, as long as the block lasts."""
        self._count += 1
        one = Watching(
            self._count, kind, listed, peer.address, user, agent, profile, self.clock.now(), peer.port
        )
        self.watching.add(one)
        try:
            yield one
        finally:
            self.watching.discard(one)

    def connections(self) -> list[tuple[Peer, int, datetime, int, str, str]]:
        """Whoever is connected for long: peer, port of ours, since when, streams, "HTSP" or "HTTP", user."""
        found = [
            (s.peer, self.htsp_port, s.since, s.watches, "HTSP", s.account.name if s.account else "")
            for s in self.sessions
        ]
        found += [
            (Peer(w.address, w.port), self.http_port, w.since, 1, "HTTP", w.user)
            for w in self.watching
            if w.kind == "HTTP"
        ]
        return sorted(found, key=lambda row: row[2])

    def make_way(self, wanted: Subscription) -> bool:
        """There is no encoder for a channel that somebody watches: take a guess's. False: there is none."""
        for other in self.subscriptions:
            channel = other.wish.listed.number
            seriously = any(
                s.wish.listed.number == channel and not s.is_guess
                for s in self.subscriptions
                if s is not other
            )
            if other.is_guess and other.running and channel != wanted.wish.listed.number and not seriously:
                other.give_way()
                return True
        return False
