"""Live sources as ffmpeg inputs: for each kind of URL the protocols it may use, and nothing else; pure.

A playlist from outside may name any address. The whitelist keeps it to the network protocols of its kind, so
that no source can have a file of this machine read, or a program's output.
"""

from __future__ import annotations

import os
import re
import ssl
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

#: Scheme → what ffmpeg may speak for it, and no more. A playlist by http may name segments by https, not the
#: other way round; crypto is for encrypted segments. RTSP comes interleaved in its own connection.
PROTOCOLS = {
    "http": "http,https,tcp,tls,crypto",
    "https": "https,tcp,tls,crypto",
    "rtsp": "tcp",
    "udp": "udp",
    "rtp": "rtp,udp",
}

#: In front of what a part of ffmpeg says: "[tls @ 0x55bce471cac0] ".
_SPEAKER = re.compile(r"^\[[^\]]* @ 0x[0-9a-f]+\] ")
#: What it says whatever has happened.
_EMPTY_WORDS = ("Error opening input", "Last message repeated")


@dataclass(frozen=True, slots=True)
class LiveFeed:
    """A live source as it is opened; the secrets are read when it is, and are in no log."""

    slug: str
    url: str
    buffer_s: float = 3.0
    interlaced: bool = False
    certificate: str = ""  #: PEM file of who vouches for an https server; empty: who the machine trusts
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
        case "http":
            return common | {"rw_timeout": _SILENCE_US}
        case "https":
            # Not every ffmpeg looks at certificates unless it is told.
            told: dict[str, Any] = {"rw_timeout": _SILENCE_US, "tls_verify": 1}
            return common | told | ({"ca_file": feed.certificate} if feed.certificate else {})
        case "rtsp":
            # Interleaved in the TCP connection: datagrams seldom come through a home's router.
            return common | {"rtsp_transport": "tcp", "timeout": _SILENCE_US}
        case "udp":
            return common | {"timeout": _SILENCE_US, "buffer_size": _DATAGRAMS, "overrun_nonfatal": 1}
        case _:
            return common


def environment(feed: LiveFeed) -> dict[str, str]:
    """What its child finds in its environment, beside our own: whom to trust.

    Segments of a playlist are opened without the options of the playlist. OpenSSL reads this variable;
    a GnuTLS build of ffmpeg 7 or older doesn't verify them.
    """
    paths = ssl.get_default_verify_paths()
    trusted = feed.certificate or os.environ.get(paths.openssl_cafile_env) or paths.cafile
    return {paths.openssl_cafile_env: trusted} if trusted and feed.scheme in ("http", "https") else {}


def explained(said: str, feed: LiveFeed) -> str:
    """The cause in what ffmpeg said, one line: its first word, not its last."""
    lines = [_SPEAKER.sub("", line.strip()) for line in said.splitlines()]
    telling = [line for line in lines if line and not line.startswith(_EMPTY_WORDS)]
    if any("certificate verify failed" in line or "certificate" in line.lower() for line in telling):
        how = "“certificate” is another" if feed.certificate else "if it is its own, name it as “certificate”"
        return f"nobody who is trusted vouches for the server's certificate: {how}"
    return telling[0] if telling else ""


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
