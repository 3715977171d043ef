"""The lineup as Tvheadend's clients number it: channels, services and tags; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from retrovue.headend.tvheadend.numbering import number_of, uuid_beside, uuid_of
from retrovue.lineup import ChannelId, ChannelIdent


@dataclass(frozen=True, slots=True)
class Listed:
    """A channel with its numbers."""

    ident: ChannelIdent
    uuid: str
    number: int  #: channelId: positive, its low byte isn't zero
    tags: tuple[int, ...]  #: numbers of its tags
    service_uuid: str
    mux_uuid: str

    @property
    def major(self) -> int:
        """The channel number before the dot."""
        return int(self.ident.number.partition(".")[0])

    @property
    def minor(self) -> int:
        """The channel number behind the dot; 0 when it has none."""
        return int(self.ident.number.partition(".")[2] or 0)


@dataclass(frozen=True, slots=True)
class Tag:
    """A group of channels."""

    name: str
    uuid: str
    number: int
    index: int  #: its place among the tags, from 1
    members: tuple[int, ...]  #: numbers of its channels, in the lineup's order


@dataclass(frozen=True, slots=True)
class Directory:
    """Everything by number, in the lineup's order."""

    idents: tuple[ChannelIdent, ...]  #: what it was made from
    channels: Mapping[int, Listed]
    tags: Mapping[int, Tag]
    by_id: Mapping[ChannelId, Listed]
    network_uuid: str


def directory(station: str, idents: Sequence[ChannelIdent]) -> Directory:
    """The directory of a lineup; ``station`` is the slug."""
    groups: dict[str, list[ChannelIdent]] = {}
    for ident in idents:
        if ident.group:
            groups.setdefault(ident.group, []).append(ident)
    # In an order of their own, so that whoever is moved or added changes nobody's number.
    uuids: dict[tuple[str, str], str] = {}
    for kind, words in (("channel", sorted(ident.id for ident in idents)), ("tag", sorted(groups))):
        taken: set[int] = set()
        for word in words:
            uuid = uuids[kind, word] = uuid_beside(taken, kind, station, word)
            taken.add(number_of(uuid))
    channels = {}
    for ident in idents:
        uuid = uuids["channel", ident.id]
        tags = (number_of(uuids["tag", ident.group]),) if ident.group else ()
        service, mux = uuid_of("service", station, ident.id), uuid_of("mux", station, ident.id)
        listed = Listed(ident, uuid, number_of(uuid), tags, service, mux)
        channels[listed.number] = listed
    by_id = {listed.ident.id: listed for listed in channels.values()}
    tags_by_number = {}
    for index, (name, members) in enumerate(groups.items(), 1):
        uuid = uuids["tag", name]
        numbers = tuple(by_id[ident.id].number for ident in members)
        tags_by_number[number_of(uuid)] = Tag(name, uuid, number_of(uuid), index, numbers)
    return Directory(tuple(idents), channels, tags_by_number, by_id, uuid_of("network", station))
