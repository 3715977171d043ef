"""What may be said over HTSP: the fields of every message and their types on the wire.

Those of a real server's session (fixtures/tvheadend/message_types.json), and from Tvheadend's documentation
of HTSP what that session had no occasion for. Every message that a test's client gets is held against this.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from tests.headend.tvheadend.golden import kinds_of, message_types

KINDS = {int: "s64", str: "str", bytes: "bin", dict: "map", list: "list"}

_EVENT = {
    "credits": "map",
    "category": "list",
    "category[]": "str",
    "contentType": "s64",
    "ageRating": "s64",
    "ratingLabel": "str",
    "copyrightYear": "s64",
    "firstAired": "s64",
    "isNew": "s64",
    "seasonNumber": "s64",
    "episodeNumber": "s64",
    "episodeOnscreen": "str",
    "image": "str",
    "nextEventId": "s64",
}
_EVENTS = {f"events[].{name}": kind for name, kind in _EVENT.items()}
_CHANNEL = {"channelNumberMinor": "s64", "channelIcon": "str"}
_VIDEO = ("width", "height", "duration", "aspect_num", "aspect_den")
#: Fields of messages that the session has.
_MORE: dict[str, dict[str, str]] = {
    "channelAdd": _CHANNEL,
    "reply:getChannel": _CHANNEL,
    "eventAdd": _EVENT,
    "reply:getEvent": _EVENT,
    "reply:getEvents": _EVENTS,
    "reply:epgQuery": _EVENTS,
    "subscriptionStart": {f"streams[].{name}": "s64" for name in _VIDEO},
    "subscriptionStatus": {"status": "str", "subscriptionError": "str"},
    "reply:subscribe": {"90khz": "s64"},
}
_PUSH = {"method": "str"}
_OF_SUBSCRIPTION = {**_PUSH, "subscriptionId": "s64"}
_FILE = {"size": "s64", "mtime": "s64"}
#: Messages that it hasn't.
_OTHERS: dict[str, dict[str, str]] = {
    "channelDelete": {**_PUSH, "channelId": "s64"},
    "tagDelete": {**_PUSH, "tagId": "s64"},
    "eventDelete": {**_PUSH, "eventId": "s64"},
    "signalStatus": {
        **_OF_SUBSCRIPTION,
        "feStatus": "str",
        **dict.fromkeys(("feSNR", "feSignal", "feBER", "feUNC"), "s64"),
    },
    "subscriptionStop": {**_OF_SUBSCRIPTION, "status": "str", "subscriptionError": "str"},
    "subscriptionSpeed": {**_OF_SUBSCRIPTION, "speed": "s64"},
    "subscriptionSkip": {**_OF_SUBSCRIPTION, "error": "s64"},
    "reply:fileOpen": {"id": "s64", **_FILE},
    "reply:fileRead": {"data": "bin"},
    "reply:fileStat": _FILE,
    "reply:fileSeek": {"offset": "s64"},
    "reply:api": {"response": "map"},
    "reply:fileClose": {},
    "reply:getDvrCutpoints": {},
    "reply:subscriptionChangeWeight": {},
    "reply:subscriptionFilterStream": {},
    "reply:subscriptionSpeed": {},
    "reply:subscriptionSeek": {},
    "reply:subscriptionSkip": {},
    "reply:subscriptionLive": {},
}


@cache
def known() -> Mapping[str, Mapping[str, str]]:
    """What each message may hold; ``reply:hello`` is hello's answer."""
    found = {name: {**types, **_MORE.get(name, {})} for name, types in message_types().items()} | _OTHERS
    # The same with fewer fields, or more.
    found |= {"channelUpdate": found["channelAdd"], "eventUpdate": found["eventAdd"]}
    return found


def fault(name: str, message: Mapping[str, Any]) -> str:
    """What is wrong with a message; empty: nothing."""
    told = {field: kind for field, kind in kinds_of(message, KINDS).items() if field != "seq"}
    refused = ({"error": "str"}, {"noaccess": "s64"}, {"success": "s64", "error": "str"})
    if name.startswith("reply:") and told in refused:
        return ""
    expected = known().get(name)
    if expected is None:
        return f"{name} is no message of HTSP's"
    wrong = {field: kind for field, kind in told.items() if expected.get(field) != kind}
    return f"{name} holds {wrong}" if wrong else ""


def assert_whole(name: str, messages: list[dict[str, Any]], without: tuple[str, ...] = ()) -> None:
    """Together these hold every field that a real server's hold, but for those ``without`` which we do."""
    told: dict[str, str] = {}
    for message in messages:
        assert not fault(name, message)
        told |= kinds_of(message, KINDS)
    expected = {k: kind for k, kind in message_types()[name].items() if k not in without}
    assert {field: told.get(field) for field in expected} == expected, name
