"""M3U: the channels as an IPTV client's playlist; pure.

There is no standard beyond ``#EXTM3U`` and ``#EXTINF``; the attributes are those that Kodi's IPTV
Simple Client, Jellyfin, Channels DVR and Tvheadend read. None of them agrees on an escape, so what
would break a line (quotes, commas, line ends) is replaced by its typographic likeness.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from urllib.parse import quote

from retrovue.headend.xmltv import artwork_url
from retrovue.lineup import ChannelIdent

CONTENT_TYPE = "audio/x-mpegurl"

#: Kodi takes the name after the *last* comma of the line, VLC after the first: none may be inside.
_LIKENESS = str.maketrans({'"': "”", ",": "\N{SINGLE LOW-9 QUOTATION MARK}"})

#: HDHomeRun's words for codecs → those of FFmpeg, which Channels DVR takes.
_CODECS = {
    "MPEG2": "mpeg2video",
    "H264": "h264",
    "HEVC": "hevc",
    "AC3": "ac3",
    "AAC": "aac",
    "MPEG": "mp2",
}

#: (base URL, channel, what opens it) → where its stream is.
Address = Callable[[str, ChannelIdent, str], str]


def stream_url(base_url: str, channel: ChannelIdent, query: str = "") -> str:
    """Where the channel's transport stream is; ``base_url`` has no trailing slash, ``query`` opens it."""
    return f"{base_url}/auto/v{quote(channel.number)}{query}"


def m3u(
    channels: Iterable[ChannelIdent],
    base_url: str,
    query: str = "",
    *,
    stream: Address = stream_url,
    guide: str = "",
) -> str:
    """The whole lineup, with the address of its ``guide`` (empty: that of everybody). ``query`` ends all
    other addresses, and opens them."""
    guide = plain(guide or f"{base_url}/xmltv.xml{query}")
    lines = [f'#EXTM3U url-tvg="{guide}" x-tvg-url="{guide}"']
    for channel in channels:
        attributes = {
            "channel-id": channel.number,
            "channel-number": channel.number,
            "tvg-id": channel.guide_id,
            "tvg-chno": channel.number,
            "tvg-name": channel.name,
            "tvg-logo": artwork_url(base_url, channel.logo, query) if channel.logo else "",
            "group-title": channel.group,
            # Channels DVR begins sooner when it needn't look.
            "tvc-stream-vcodec": _CODECS.get(channel.video_codec, ""),
            "tvc-stream-acodec": _CODECS.get(channel.audio_codec, ""),
            "tvc-guide-tags": "HDTV" if channel.hd else "",
        }
        written = " ".join(f'{key}="{plain(value)}"' for key, value in attributes.items() if value)
        lines += (f"#EXTINF:-1 {written},{plain(channel.name)}", stream(base_url, channel, query))
    return "\n".join(lines) + "\n"


def bare(channels: Iterable[ChannelIdent], base_url: str, stream: Address) -> str:
    """Names and addresses only, for players that stumble over attributes."""
    lines = ["#EXTM3U"]
    for channel in channels:
        lines += (f"#EXTINF:-1,{plain(channel.name)}", stream(base_url, channel, ""))
    return "\n".join(lines) + "\n"


def watch(channel: ChannelIdent, base_url: str, query: str = "") -> str:
    """One channel, for a player such as VLC to open."""
    title = plain(f"{channel.number} {channel.name}")
    return f"#EXTM3U\n#EXTINF:-1,{title}\n{stream_url(base_url, channel, query)}\n"


def plain(text: str) -> str:
    """``text`` fit for a line of a playlist."""
    printable = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(printable.split()).translate(_LIKENESS)
