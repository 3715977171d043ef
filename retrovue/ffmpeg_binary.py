"""Which ffmpeg the station uses: the configured one, the system's, or the one from a wheel.

The system's is preferred because it knows the machine (drivers, security updates); the binary inside the
``imageio-ffmpeg`` wheel makes a bare machine able to air. Parsing is pure; only ``inspect`` runs a child.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from retrovue.errors import RetroVueError

#: Names an ffmpeg to use instead of any that would be found.
ENVIRONMENT = "RETROVUE_FFMPEG"

#: Debian 12's series; the oldest whose filters and muxers the command graphs are tried on.
OLDEST = (5, 1)

#: libavutil of ffmpeg 5.1 (doc/APIchanges, "FFmpeg 5.1": lavu 57.28.100). Development builds carry no release
#: number, so they are judged by it.
OLDEST_LIBAVUTIL = (57, 28)

#: What a channel needs, by ffmpeg's own listing (``ffmpeg -encoders`` …). In "a|b" either will do.
NEEDED: Mapping[str, tuple[str, ...]] = {
    "encoders": ("libx264", "aac"),
    "filters": (
        *("fps", "scale", "pad", "setsar", "format", "trim", "bwdif", "drawtext", "color"),
        *("testsrc2|smptehdbars",),
        *("atrim", "aresample", "aformat", "adelay", "apad", "sine", "anullsrc"),
    ),
    "muxers": ("h264", "adts", "mpegts"),
    "protocols": ("file", "pipe"),
}

#: Filters that a channel uses where they are: what it does without them is said where they are used.
WELCOME = ("zscale", "tonemap", "subtitles")

#: A binary that has not listed its features by then (seconds) is broken.
_PATIENCE = 20


class FfmpegMissing(RetroVueError):
    """No usable ffmpeg."""


@dataclass(frozen=True, slots=True)
class Ffmpeg:
    """The ffmpeg in use, and why it is this one."""

    path: str
    version: tuple[int, ...]  #: (5, 1, 9); empty for a development build, which has no release number
    version_text: str  #: as it calls itself: "5.1.9-0+deb12u1"
    source: Literal["system", "wheel", "configured"]
    reason: str  #: one sentence for people
    missing: tuple[str, ...]  #: what it lacks, "filter drawtext"; only a configured one may lack anything
    features: tuple[str, ...] = ()  #: those of ``WELCOME`` that it has
    encoders: tuple[str, ...] = ()  #: of H.264, as it lists them


@dataclass(frozen=True, slots=True)
class Inspection:
    """What one binary says of itself."""

    version: tuple[int, ...]
    version_text: str
    libavutil: tuple[int, ...]
    missing: tuple[str, ...]
    features: tuple[str, ...] = ()
    encoders: tuple[str, ...] = ()

    @property
    def too_old(self) -> bool:
        """Older than ffmpeg 5.1? A build with no numbers at all counts as too old."""
        if self.version:
            return self.version < OLDEST
        return self.libavutil < OLDEST_LIBAVUTIL


# --- pure ------------------------------------------------------------------------------------------


def parse_version(text: str) -> tuple[tuple[int, ...], str, tuple[int, ...]]:
    """(release, as written, libavutil) from the output of ``ffmpeg -version``.

    Releases are written "5.1.9-0+deb12u1", "n7.1", "9.0.2-static"; development builds "git-2024-05-02-…" and
    "N-115379-g…" have the release (). Raises ``ValueError`` when it is not ffmpeg that speaks.
    """
    first = re.match(r"ffmpeg version (\S+)", text)
    if first is None:
        raise ValueError("it does not answer -version as ffmpeg does")
    release = re.match(r"n?(\d+(?:\.\d+)+)", first[1])
    util = re.search(r"^libavutil\s+(\d+)\.\s*(\d+)\.", text, re.MULTILINE)
    return (
        tuple(map(int, release[1].split("."))) if release else (),
        first[1],
        (int(util[1]), int(util[2])) if util else (),
    )


def parse_encoders(text: str) -> frozenset[str]:
    """Names from ``ffmpeg -encoders``: lines such as `` V....D libx264   description``."""
    return frozenset(re.findall(r"^ [VAS][A-Z.]{5} ([^\s=]+)", text, re.MULTILINE))


def parse_filters(text: str) -> frozenset[str]:
    """Names from ``ffmpeg -filters``: `` T.C drawtext  V->V  description`` (newer ones have two flags)."""
    return frozenset(re.findall(r"^ [A-Z.]{2,4} (\S+)\s+\S+->\S+", text, re.MULTILINE))


def parse_muxers(text: str) -> frozenset[str]:
    """Names from ``ffmpeg -muxers``: ``  E matroska,webm  description``; each alias counts."""
    found = re.findall(r"^ [D ]E[d. ]? +([^\s=]+) ", text, re.MULTILINE)
    return frozenset(name for names in found for name in names.split(","))


def parse_protocols(text: str) -> frozenset[str]:
    """Names that ``ffmpeg -protocols`` lists under both ``Input:`` and ``Output:``."""
    inputs, _, outputs = text.partition("Output:")
    return frozenset(inputs.partition("Input:")[2].split()) & frozenset(outputs.split())


_PARSERS = {
    "encoders": parse_encoders,
    "filters": parse_filters,
    "muxers": parse_muxers,
    "protocols": parse_protocols,
}


def missing_features(listings: Mapping[str, str]) -> tuple[str, ...]:
    """What of ``NEEDED`` the listings lack: ("encoder libx264", …). ``listings``: kind → ffmpeg's output."""
    found = {kind: parse(listings.get(kind, "")) for kind, parse in _PARSERS.items()}
    return tuple(
        f"{kind[:-1]} {name.replace('|', ' or ')}"
        for kind, names in NEEDED.items()
        for name in names
        if found[kind].isdisjoint(name.split("|"))
    )


# --- the machine -----------------------------------------------------------------------------------


def inspect(path: str) -> Inspection:
    """Ask the binary at ``path`` what it is. Raises ``OSError`` or, with a reason, ``ValueError``."""
    # All five questions at once: a distribution's ffmpeg spends 60 ms loading libraries for each.
    kinds = ("version", *NEEDED)
    children = {
        kind: subprocess.Popen(
            [path, "-hide_banner", f"-{kind}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            errors="replace",
        )
        for kind in kinds
    }
    try:
        listings = {kind: child.communicate(timeout=_PATIENCE)[0] for kind, child in children.items()}
    except subprocess.TimeoutExpired as late:
        raise ValueError(f"it gave no answer within {_PATIENCE} s") from late
    finally:
        for child in children.values():
            if child.poll() is None:
                child.kill()
                child.communicate()
    if code := children["version"].returncode:
        raise ValueError(f"it ends with exit status {code}")
    version, text, libavutil = parse_version(listings["version"])
    filters, encoders = parse_filters(listings["filters"]), parse_encoders(listings["encoders"])
    return Inspection(
        version,
        text,
        libavutil,
        missing_features(listings),
        tuple(name for name in WELCOME if name in filters),
        tuple(sorted(name for name in encoders if name == "libx264" or name.startswith("h264_"))),
    )


def wheel_binary() -> str | None:
    """The executable inside the imageio-ffmpeg wheel; None where its platform has none.

    Looked up by hand: ``imageio_ffmpeg.get_ffmpeg_exe`` may answer with the system's binary or another
    variable's, and then nobody could say which one was chosen.
    """
    spec = find_spec("imageio_ffmpeg")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "binaries"
    return next((str(f) for f in sorted(folder.glob("ffmpeg-*")) if os.access(f, os.X_OK)), None)


@functools.cache
def choose_ffmpeg() -> Ffmpeg:
    """The ffmpeg to use, chosen once per process (``choose_ffmpeg.cache_clear()`` forgets the choice).

    In order: ``$RETROVUE_FFMPEG``, the system's when it is 5.1 or newer and lacks nothing, the wheel's.
    Raises ``FfmpegMissing``.
    """
    if configured := os.environ.get(ENVIRONMENT):
        return _configured(configured)
    refusals: list[str] = []
    for source, path in (("system", shutil.which("ffmpeg")), ("wheel", wheel_binary())):
        whose = "the system's" if source == "system" else "the imageio-ffmpeg wheel's"
        if path is None:
            refusals.append("there is none on PATH" if source == "system" else "the wheel has none")
            continue
        try:
            found = inspect(path)
        except (OSError, ValueError) as error:
            refusals.append(f"{whose} ({path}) does not run: {_why(error)}")
            continue
        if found.too_old:
            refusals.append(f"{whose} is {found.version_text}, older than {OLDEST[0]}.{OLDEST[1]}")
        elif found.missing:
            refusals.append(f"{whose} {found.version_text} lacks {', '.join(found.missing)}")
        elif source == "system":
            reason = "the system's, and it has all that a channel needs"
            return _chosen(path, found, "system", reason)
        else:
            reason = f"from the imageio-ffmpeg wheel, because {'; '.join(refusals)}"
            return _chosen(path, found, "wheel", reason)
    raise FfmpegMissing(
        f"no usable ffmpeg: {'; '.join(refusals)}",
        help=f"install ffmpeg 5.1 or newer (Debian, Ubuntu: apt install ffmpeg), or set ${ENVIRONMENT}",
    )


def _configured(value: str) -> Ffmpeg:
    """The one the operator names. It is used as it is; what it lacks is said by ``retrovue doctor``."""
    path = shutil.which(value)
    if path is None:
        raise FfmpegMissing(
            f"${ENVIRONMENT} names {value!r}, which is no program that can be run",
            help="give the path of an ffmpeg, or unset it",
        )
    try:
        found = inspect(path)
    except (OSError, ValueError) as error:
        raise FfmpegMissing(
            f"${ENVIRONMENT} names {value!r}, which does not run: {_why(error)}",
            help="give the path of an ffmpeg, or unset it",
        ) from error
    missing = found.missing
    if found.too_old:
        missing = (f"ffmpeg {OLDEST[0]}.{OLDEST[1]} or newer", *missing)
    return replace(_chosen(path, found, "configured", f"named by ${ENVIRONMENT}"), missing=missing)


def _chosen(
    path: str, found: Inspection, source: Literal["system", "wheel", "configured"], reason: str
) -> Ffmpeg:
    return Ffmpeg(path, found.version, found.version_text, source, reason, (), found.features, found.encoders)


def _why(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
