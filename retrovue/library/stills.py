"""Stills: one picture of each asset that has none beside it, for guides. They stand in the state directory.

Of some hundred frames it is the one that is most like the others, so neither black nor a flash.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Collection
from pathlib import Path

from retrovue.ffmpeg_binary import choose_ffmpeg
from retrovue.library.catalog import Asset
from retrovue.library.colours import EXACT, HD_LINES, TRANSFERS, to_sdr
from retrovue.library.finding import Unreadable
from retrovue.library.looking import look
from retrovue.small_file import why_no_file
from retrovue.units import SECOND_US

#: The state directory's folder; another name when stills are made in another way.
FOLDER = "stills-2"
SUFFIX = ".jpg"
#: The colours of a JPEG, for the scale filter.
_JPEG = "out_color_matrix=bt601:out_range=pc"
#: Pixels; guides show them small.
WIDTH = 480
#: How far into the film, and how many frames are looked at there.
_WHERE, _FRAMES = 0.3, 100
#: A file from which no picture comes within this is broken (seconds).
_PATIENCE_S = 60


def name_of(asset_id: str) -> str:
    """What an asset's still is called, without the suffix: 24 hexadecimal digits."""
    return hashlib.sha256(asset_id.encode()).hexdigest()[:24]


def still_of(state: Path, asset_id: str) -> Path:
    """Where an asset's still is, if it has one."""
    return state / FOLDER / f"{name_of(asset_id)}{SUFFIX}"


def stills_in(state: Path) -> dict[str, Path]:
    """Name → file of all stills that there are; none where they can't be read."""
    try:
        return {still.stem: still for still in (state / FOLDER).glob(f"[!.]*{SUFFIX}")}
    except OSError:
        return {}


def is_current(still: Path, location: Path) -> bool:
    """Was it made from ``location`` as that is now? A still is as old as what it was made from."""
    try:
        return still.stat().st_mtime_ns == location.stat().st_mtime_ns
    except OSError:
        return False


def make_still(asset: Asset, location: Path, still: Path) -> None:
    """Make it, whole or not at all. Raises ``Unreadable``, and ``OSError`` for where it is to stand."""
    try:
        made_ns = location.stat().st_mtime_ns
    except OSError:
        raise Unreadable(why_no_file(location) or "the file is gone") from None
    still.parent.mkdir(parents=True, exist_ok=True)
    draft = still.with_name(f".{still.stem}.{os.getpid()}{SUFFIX}")
    try:
        chosen = choose_ffmpeg()
        # A short file may have no picture behind that place at which a decoder could begin.
        for where in (_WHERE, 0.0):
            command = still_command(chosen.path, asset, location, draft, chosen.features, where)
            try:
                done = look(command, _PATIENCE_S)
            except subprocess.TimeoutExpired:
                raise Unreadable("ffmpeg hangs over it") from None
            if not done.returncode and draft.is_file():
                break
        if done.returncode or not draft.is_file():
            words = done.stderr.strip().splitlines() or ["no picture came"]
            raise Unreadable(f"no still can be made of {location.name}: {words[-1]}")
        os.utime(draft, ns=(made_ns, made_ns))
        draft.replace(still)
    finally:
        draft.unlink(missing_ok=True)


def still_command(
    binary: str,
    asset: Asset,
    location: Path,
    draft: Path,
    features: Collection[str] = (),
    where: float = _WHERE,
) -> list[str]:
    """One picture of ``asset`` into the file ``draft``, with fields and colours treated as on the air; pure.

    ``features``: filters of this ffmpeg that not every one has. ``where``: how far into the film.
    """
    chain = []
    if asset.interlaced:
        parity = f":parity={asset.field_order}:deint=all" if asset.field_order else ""
        chain.append(f"bwdif=mode=send_frame{parity}")
    # dar: the picture's own shape, whatever that of its pixels.
    size = f"scale={WIDTH}:trunc({WIDTH}/dar/2)*2"
    hdr = TRANSFERS.get(asset.transfer)
    if hdr is not None:
        chain += [size, *map(str, to_sdr(hdr, set(features) >= EXACT)), f"scale={_JPEG}"]
    else:
        unnamed = not asset.matrix and asset.height >= HD_LINES
        chain.append(f"{size}:{_JPEG}{':in_color_matrix=bt709' if unnamed else ''}")
    chain += ["format=yuvj420p", "setsar=1", f"thumbnail={_FRAMES}"]
    return [
        *(binary, "-hide_banner", "-nostdin", "-nostats", "-loglevel", "error", "-threads", "1", "-y"),
        *("-protocol_whitelist", "file", "-ss", f"{asset.duration_us * where / SECOND_US:.3f}"),
        *("-i", f"file:{location}", "-map", "0:V:0", "-an", "-sn", "-dn"),
        *("-vf", ",".join(chain)),
        *("-frames:v", "1", "-q:v", "4", "-pix_fmt", "yuvj420p", "-f", "image2", "-update", "1"),
        f"file:{draft}",
    ]
