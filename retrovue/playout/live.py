"""Live sources as ffmpeg inputs: for each kind of URL the protocols it may use, and nothing else; pure.

A playlist from outside may name any address. The whitelist keeps it to the network protocols of its kind, so
that no source can have a file of this machine read, or a program's output.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import ffmpeg

from retrovue.playout import encode, normalise
from retrovue.playout import ffmpeg as graphs
from retrovue.playout.ffmpeg import Cut, Pipes
from retrovue.playout.house import HouseFormat
from retrovue.playout.normalise import Treatment

#: A source that is silent for this long has gone (µs, as ffmpeg wants it).
_SILENCE_US = 10_000_000
#: How much of a source is looked at before it is shown: enough for a transport stream that repeats its tables
#: and its sequence headers twice a second (µs, bytes).
_ANALYSE_US, _PROBE = 2_000_000, 2_000_000
#: A datagram socket's own buffer (bytes): a burst must not be lost while the decoder starts.
_DATAGRAMS = 2_000_000

#: Scheme → what ffmpeg may speak for it.
PROTOCOLS = {
    "http": "http,https,tcp,tls,crypto",
    "https": "http,https,tcp,tls,crypto",
    "rtsp": "rtsp,rtp,udp,tcp",
    "udp": "udp",
    "rtp": "rtp,udp",
}


@dataclass(frozen=True, slots=True)
class LiveFeed:
    """A live source as it is opened; the secrets are read when it is, and are in no log."""

    slug: str
    url: str
    buffer_s: float = 3.0
    interlaced: bool = False
    user: Callable[[], str] = field(default=str, repr=False)
    password: Callable[[], str] = field(default=str, repr=False)

    @property
    def scheme(self) -> str:
        return self.url.partition(":")[0].lower()


def address(feed: LiveFeed, user: str, password: str) -> str:
    """The URL as it is opened."""
    if not user and not password:
        return feed.url
    scheme, _, rest = feed.url.partition("://")
    return f"{scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{rest}"


def options(feed: LiveFeed) -> dict[str, Any]:
    """How the source is opened."""
    common: dict[str, Any] = {
        "protocol_whitelist": PROTOCOLS[feed.scheme],
        "analyzeduration": _ANALYSE_US,
        "probesize": _PROBE,
        "fflags": "+genpts+discardcorrupt",
        "threads": 1,
    }
    match feed.scheme:
        case "http" | "https":
            return common | {"rw_timeout": _SILENCE_US}
        case "rtsp":
            # Interleaved in the TCP connection: datagrams seldom come through a home's router.
            return common | {"rtsp_transport": "tcp", "timeout": _SILENCE_US}
        case "udp":
            return common | {"timeout": _SILENCE_US, "buffer_size": _DATAGRAMS, "overrun_nonfatal": 1}
        case _:
            return common


def command(binary: str, house: HouseFormat, feed: LiveFeed, where: str, cut: Cut, pipes: Pipes) -> list[str]:
    """Render the source from its next picture on for ``cut``; ``where`` is its ``address``."""
    source = ffmpeg.input(where, **options(feed))
    how = Treatment(fields="auto" if feed.interlaced else "")
    video = normalise.picture(source, house, 0.0, 0.0, how)
    video = video.filter("trim", end_frame=cut.ticks).filter("setpts", "PTS-STARTPTS")
    outputs = [encode.video(video, house, pipes.video)]
    if pipes.audio is not None:
        pad = house.audio.frame_samples * 2
        sound = normalise.sound(source, pad, how)
        outputs.append(encode.audio(graphs.cut_audio(sound, house, cut, pad), house, pipes.audio))
    return graphs.compiled(binary, outputs, encode.device_of(house))


def scrub(text: str, *secrets: str) -> str:
    """``text`` without the secrets, as they are and as they stand in an address."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        for spelt in {secret, quote(secret, safe="")}:
            text = text.replace(spelt, "***")
    return text
