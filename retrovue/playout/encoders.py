"""Which encoder works on this machine: found out by encoding, not by asking.

A driver that is missing, a device that others hold, an option that a build doesn't know, a stream without
delimiters: all of it shows in a second of test picture, which is judged as the switcher would. Verdicts
are kept in the state directory for as long as binary and devices stay the same. An encoder is chosen when
the station signs on and stays for as long as a channel is on the air.
"""

from __future__ import annotations

import hashlib
import json
import logging
import platform
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from retrovue.compiler.model import CompiledChannel
from retrovue.playout.encode import HARDWARE, SOFTWARE
from retrovue.playout.ffmpeg import Cut, Pipes, SyntheticPicture, synthetic_command
from retrovue.playout.house import HouseFormat
from retrovue.stream.h264 import AUD, slice_type

log = logging.getLogger(__name__)

#: Where verdicts are kept in the state directory.
VERDICTS = Path("cache") / "encoders.json"
#: An encoder that takes longer for a second of picture is of no use on the air (seconds).
_PATIENCE_S = 10
#: Changes when a verdict of before may be wrong.
_EDITION = 1
#: Devices whose coming or going is a reason to try again.
_DEVICES = ("dri/render*", "nvidia[0-9]*", "video1[0-9]")
#: A raster that every hardware encoder takes, and two groups and a half of pictures.
_TRIAL = HouseFormat("360p", Fraction(25), "veryfast", 1000, 128)
_PICTURES = 5 * _TRIAL.gop // 2


def trial_command(binary: str, encoder: str) -> list[str]:
    """Encode some test picture to standard output; pure."""
    house = replace(_TRIAL, encoder=encoder)
    return synthetic_command(
        binary, house, SyntheticPicture("testsrc2"), Cut(_PICTURES, 0, 0), Pipes(1, None)
    )


def trial(binary: str, encoder: str) -> str:
    """Why ``encoder`` can't be used now; empty when it can. Nothing is remembered."""
    return EncoderBench(binary, (encoder,)).verdict(encoder)


def objection(stream: bytes) -> str:
    """Why a trial's stream can't be aired; empty when it can. Pure."""
    if not stream:
        return "it wrote nothing"
    if not stream.startswith(AUD):
        return "its pictures don't begin with a delimiter"
    codec = _TRIAL.video
    splitter = codec.splitter()
    units = splitter.feed(stream)
    if (last := splitter.flush()) is not None:
        units.append(last)
    if len(units) != _PICTURES:
        return f"of {_PICTURES} pictures it wrote {len(units)}"
    keys = [n for n, unit in enumerate(units) if codec.is_key(unit)]
    if keys != list(range(0, _PICTURES, _TRIAL.gop)):
        return f"a picture to begin with is due every {_TRIAL.gop}, and came at {keys}"
    if any(slice_type(unit) == "B" for unit in units):
        return "it writes B-frames"
    sets = {codec.parameters_hash(units[n]) for n in keys}
    if "" in sets:
        return "it doesn't repeat its parameter sets"
    if len(sets) > 1:
        return "it changes its parameter sets"
    return ""


@dataclass
class EncoderBench:
    """Tries encoders, once each. ``listed``: what the binary has; ``cache``: where verdicts are kept."""

    binary: str
    listed: Sequence[str]
    cache: Path | None = None
    run: Callable[[list[str]], tuple[bytes, str]] = field(default_factory=lambda: _run)
    _verdicts: dict[str, str] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._key = _key(self.binary)
        if self.cache is not None:
            self._verdicts = _read(self.cache, self._key)

    def verdict(self, encoder: str) -> str:
        """Why ``encoder`` can't be used here; empty when it can."""
        return self.verdicts([encoder])[encoder]

    def verdicts(self, encoders: Sequence[str]) -> dict[str, str]:
        """The same of several, tried side by side."""
        unknown = [e for e in encoders if e not in self._verdicts]
        if unknown:
            with ThreadPoolExecutor(len(unknown)) as pool:
                self._verdicts |= dict(zip(unknown, pool.map(self._try, unknown), strict=True))
            if self.cache is not None:
                _write(self.cache, self._key, self._verdicts)
        return {encoder: self._verdicts[encoder] for encoder in encoders}

    def choose(self, wish: str) -> str:
        """The encoder for a channel that asks for ``wish``; what is given up is logged once."""
        if wish == SOFTWARE:
            return SOFTWARE
        if wish == "auto":
            verdicts = self.verdicts([e for e in HARDWARE if e in self.listed])
            chosen = next((e for e, why in verdicts.items() if not why), SOFTWARE)
            self._tell(wish, f"encoder auto: {chosen}")
            return chosen
        if why := self.verdict(wish):
            self._tell(wish, f"{wish} can't be used here ({why}): {SOFTWARE} encodes instead")
            return SOFTWARE
        self._tell(wish, f"{wish} encodes")
        return wish

    def equip(self, channel: CompiledChannel) -> CompiledChannel:
        """The channel with the encoder that it gets on this machine."""
        if channel.codec != "h264":
            return channel
        return replace(channel, encoder=self.choose(channel.encoder))

    def _try(self, encoder: str) -> str:
        if encoder not in self.listed:
            return "this ffmpeg doesn't have it"
        try:
            stream, complaint = self.run(trial_command(self.binary, encoder))
        except subprocess.TimeoutExpired:
            return f"it took longer than {_PATIENCE_S} s"
        except OSError as error:
            return error.strerror or str(error)
        return complaint or objection(stream)

    def _tell(self, wish: str, text: str) -> None:
        if wish not in self._told:
            self._told.add(wish)
            log.info("%s", text)


def _run(command: list[str]) -> tuple[bytes, str]:
    """What a command wrote, and its complaint when it failed."""
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE_S, check=False
    )
    if not done.returncode:
        return done.stdout, ""
    lines = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
    # The first line names the cause; those behind it say that the conversion failed, too.
    text = lines[0].partition("] ")[2] or lines[0] if lines else f"ffmpeg ended with {done.returncode}"
    return b"", text.strip()[:200]


def _key(binary: str) -> str:
    """Binary and devices."""
    try:
        stat = Path(binary).stat()
        mark = (stat.st_size, stat.st_mtime_ns)
    except OSError:
        mark = (0, 0)
    devices = sorted(str(p) for pattern in _DEVICES for p in Path("/dev").glob(pattern))
    told = repr((_EDITION, platform.node(), binary, mark, devices))
    return hashlib.sha256(told.encode()).hexdigest()


def _read(cache: Path, key: str) -> dict[str, str]:
    try:
        kept = json.loads(cache.read_text(encoding="utf-8"))
        if kept["key"] == key:
            return {str(name): str(why) for name, why in kept["verdicts"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass  # none, of another machine, or damaged: try again
    return {}


def _write(cache: Path, key: str, verdicts: dict[str, str]) -> None:
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        half = cache.with_suffix(".new")
        half.write_text(json.dumps({"key": key, "verdicts": verdicts}, indent=1), encoding="utf-8")
        half.replace(cache)
    except OSError as error:
        log.debug("verdicts on encoders can't be kept: %s", error)
