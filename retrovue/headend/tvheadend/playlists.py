"""Playlists as Tvheadend writes them; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from retrovue.headend.m3u import plain
from retrovue.headend.tvheadend.directory import Listed, Tag

M3U_TYPE = "audio/x-mpegurl"
E2_TYPE = "application/x-e2-bouquet"

#: A path → the query that opens it: "?profile=pass", with a ticket or a code before it.
Query = Callable[[str], str]


def channels(listed: Iterable[Listed], base: str, logo: Callable[[Listed], str], query: Query) -> str:
    """``#EXTM3U``. ``logo`` is an address, or empty."""
    lines = ["#EXTM3U"]
    for one in listed:
        icon = logo(one)
        attributes = {
            "tvg-logo": icon,
            "tvg-id": one.uuid,
            "tvg-chno": one.ident.number,
            "group-title": one.ident.group,
        }
        written = " ".join(f'{name}="{plain(value)}"' for name, value in attributes.items() if value)
        lines += (f"#EXTINF:-1 {written},{plain(one.ident.name)}", stream(one, base, query))
    return "\n".join(lines) + "\n"


def stream(one: Listed, base: str, query: Query) -> str:
    path = f"/stream/channelid/{one.number}"
    return f"{base}{path}{query(path)}"


def tags(found: Iterable[Tag], base: str, query: Query, prefix: str = "") -> str:
    """A playlist of playlists."""
    lines = ["#EXTM3U"]
    for tag in found:
        path = f"/playlist{prefix}/tagid/{tag.number}"
        lines += (f'#EXTINF:-1 type="playlist",{plain(tag.name)}', f"{base}{path}{query(path)}")
    return "\n".join(lines) + "\n"


def enigma(listed: Iterable[Listed], base: str, name: str, query: Query) -> str:
    """A bouquet for Enigma2 receivers."""
    lines = [f"#NAME {plain(name)} Channels"]
    for one in listed:
        title = plain(one.ident.name)
        # The address is a field between colons.
        address = stream(one, base, query).replace(":", "%3a")
        lines += (f"#SERVICE 1:0:0:0:0:0:0:0:0:0:{address}:{title}", f"#DESCRIPTION {title}")
    return "\n".join(lines) + "\n"
