"""What HTSP says of channels, tags and programmes; pure: values in, messages out.

Fields and their types are a real Tvheadend's (fixtures/tvheadend/message_types.json). A client announces
the version it knows, and some fields were different before (Tvheadend, docs: HTSP versions).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time

from retrovue.headend.tvheadend.directory import Listed, Tag
from retrovue.headend.tvheadend.genres import content_code
from retrovue.headend.tvheadend.htsmsg import Message
from retrovue.lineup import ArtworkRef, GuideEntry

#: What we speak. 44 adds only what a receiver measures.
HTSP_VERSION = 43
#: Since these versions …
_CODE_WITH_DETAIL = 6  #: contentType has its second nibble
_ICON_BY_PATH = 8  #: a channel's icon is a path, not a URL
_ICON_WITHOUT_SLASH = 15
_TEXTS_APART = 32  #: description doesn't fall back on the subtitle
_IMAGE_BY_PATH = 34  #: a programme's image is a path, too

#: Whom Tvheadend's own reader of XMLTV takes (epggrab/module/xmltv.c).
_JOBS = frozenset(("actor", "director", "guest", "presenter", "writer"))
#: Least age by rating, where the label doesn't say it itself (TV Parental Guidelines, MPA).
_AGES = {"TV-Y7": 7, "TV-PG": 10, "TV-14": 14, "TV-MA": 17, "PG": 10, "PG-13": 13, "R": 17, "NC-17": 18}
_AGE = re.compile(r"(?<!\d)\d{1,2}(?!\d)")


@dataclass(frozen=True, slots=True)
class Dialect:
    """What one client understands, and where it finds pictures."""

    version: int  #: the lower of the client's and ours
    base_url: str  #: "http://10.0.0.5:9981", for clients that want addresses whole
    image: Callable[[ArtworkRef], int]  #: a picture's number

    def channel_icon(self, ref: ArtworkRef) -> str:
        path = f"imagecache/{self.image(ref)}"
        if self.version < _ICON_BY_PATH:
            return f"{self.base_url}/{path}"
        return f"/{path}" if self.version < _ICON_WITHOUT_SLASH else path

    def event_image(self, ref: ArtworkRef) -> str:
        path = f"imagecache/{self.image(ref)}"
        return f"{self.base_url}/{path}" if self.version < _IMAGE_BY_PATH else path


def tag_fields(tag: Tag, *, members: bool) -> Message:
    """tagAdd has no members, because the channels come behind it; tagUpdate has."""
    fields: Message = {
        "tagId": tag.number,
        "tagIdStr": tag.uuid,
        "tagIndex": tag.index,
        "tagName": tag.name,
        "tagTitledIcon": 0,
    }
    if members:
        fields["members"] = list(tag.members)
    return fields


def service_type(listed: Listed) -> str:
    """Tvheadend's word for what the picture is. Jellyfin hides a channel without one."""
    return "HDTV" if listed.ident.hd else "SDTV"


def service_name(network: str, listed: Listed) -> str:
    """Tvheadend's network/mux/service."""
    clean = listed.ident.name.replace("/", "-")
    return f"{network.replace('/', '-')}/{clean}/{clean}"


def channel_fields(listed: Listed, network: str, events: tuple[int, int], dialect: Dialect) -> Message:
    """``events``: ids of what is on and of what comes next, 0 for none."""
    ident = listed.ident
    fields: Message = {
        "channelId": listed.number,
        "channelIdStr": listed.uuid,
        "channelNumber": listed.major,
    }
    if listed.minor:
        fields["channelNumberMinor"] = listed.minor
    fields["channelName"] = ident.name
    if ident.logo is not None:
        fields["channelIcon"] = dialect.channel_icon(ident.logo)
    fields["eventId"], fields["nextEventId"] = events
    # Kodi shows no channel without a service whose content is 1, television.
    fields["services"] = [
        {
            "name": service_name(network, listed),
            "type": service_type(listed),
            "content": 1,
            "providername": network,
        }
    ]
    fields["tags"] = list(listed.tags)
    return fields


def event_fields(entry: GuideEntry, channel: int, next_id: int, dialect: Dialect) -> Message:
    """A programme of the guide. ``channel`` is the channel's number; ``next_id`` 0: none is known."""
    fields: Message = {
        "eventId": entry.event_id,
        "channelId": channel,
        "start": seconds(entry.start),
        "stop": seconds(entry.end),
        "title": entry.title,
    }
    description = entry.description
    if not description and dialect.version < _TEXTS_APART:
        description = entry.subtitle
    if entry.subtitle:
        fields["subtitle"] = entry.subtitle
    if description:
        fields["description"] = description
    if credited := credits_of(entry):
        fields["credits"] = {**credited}
    if entry.categories:
        fields["category"] = list(entry.categories)
    if code := content_code(entry.categories, movie=entry.kind == "movie"):
        fields["contentType"] = code if dialect.version >= _CODE_WITH_DETAIL else code >> 4
    if entry.rating:
        if age := age_of(entry.rating):
            fields["ageRating"] = age
        fields["ratingLabel"] = entry.rating
    if entry.year:
        fields["copyrightYear"] = entry.year
    if entry.original_date is not None:
        fields["firstAired"] = first_aired(entry)
        if entry.original_date >= entry.start.date():
            fields["isNew"] = 1
    if entry.season:
        fields["seasonNumber"] = entry.season
    if entry.episode:
        fields["episodeNumber"] = entry.episode
        fields["episodeOnscreen"] = onscreen(entry)
    if entry.artwork is not None:
        fields["image"] = dialect.event_image(entry.artwork)
    if next_id:
        fields["nextEventId"] = next_id
    return fields


def credits_of(entry: GuideEntry) -> dict[str, str]:
    """Name → what for, of those jobs that Tvheadend knows. Somebody who has two has the first: there is one
    place for each name."""
    found: dict[str, str] = {}
    for credit in entry.credits:
        if credit.job in _JOBS:
            found.setdefault(credit.name, credit.job)
    return found


def seconds(instant: datetime) -> int:
    """Unix time."""
    return int(instant.timestamp() // 1)


def first_aired(entry: GuideEntry) -> int:
    """Unix time of the day on which it was first shown; 0: it isn't known."""
    day = entry.original_date
    return seconds(datetime.combine(day, time(), UTC)) if day is not None else 0


def age_of(rating: str) -> int:
    """The least age that a rating asks for; 0 when it asks for none or isn't known."""
    age = _AGES.get(rating.upper())
    if age is None:
        digits = _AGE.search(rating)
        age = int(digits[0]) if digits and int(digits[0]) <= 21 else 0
    return age


def onscreen(entry: GuideEntry) -> str:
    """ "S02E05", or "E05" outside a season."""
    season = f"S{entry.season:02d}" if entry.season is not None else ""
    return f"{season}E{entry.episode:02d}" if entry.episode is not None else ""
