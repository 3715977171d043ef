"""Treatment: what is done to an asset so that it airs on a channel; pure.

From what the catalog knows of the asset and what the channel wants. Nothing is asked of the file: what
isn't known stays as ffmpeg itself takes it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Literal

from retrovue.compiler.model import CompiledChannel
from retrovue.library.catalog import Asset, AudioTrack, SubtitleTrack
from retrovue.library.colours import EXACT, HD_LINES, TRANSFERS, Hdr
from retrovue.library.language import language_of
from retrovue.library.loudness import gain_for
from retrovue.playout.normalise import Burn, Treatment

#: Subtitles that are pictures: ffmpeg lays them over the picture as they are.
_PICTURES = frozenset({"hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle", "xsub"})


def treatment_of(
    asset: Asset, path: str, channel: CompiledChannel, features: Collection[str], font: str
) -> Treatment:
    """How ``asset`` airs on ``channel``; ``path``: its file, ``features``: filters of this ffmpeg,
    ``font``: a TrueType file for subtitles."""
    track = choose_audio(asset.audio, channel.audio)
    sound = asset.audio[track] if track < len(asset.audio) else AudioTrack()
    gain = gain_for(sound.loudness, sound.peak, channel.loudness, sound.lost)
    burn = None
    language = language_of(sound.language)
    chosen = choose_subtitles(asset.subtitles, channel.subtitles, (language, *channel.audio), features)
    if chosen is not None:
        file = str(Path(path).with_name(Path(chosen.path).name)) if chosen.path else ""
        burn = Burn(chosen.stream, file, str(Path(font).parent), "Roboto")
    hdr: Hdr | Literal[""] = TRANSFERS.get(asset.transfer, "")
    guess = "bt709" if asset.height >= HD_LINES else ""
    fields = (asset.field_order or "auto") if asset.interlaced else ""
    return Treatment(
        fields=fields,  # type: ignore[arg-type]  # the lock holds no other words
        picture_us=asset.picture_us,
        fit=asset.fit or channel.fit,
        matrix=guess if not asset.matrix and not hdr else "",
        hdr=hdr,
        zscale=set(features) >= EXACT,
        audio=track,
        gain_db=gain.db,
        limit=gain.limited,
        burn=burn,
    )


def choose_audio(tracks: Sequence[AudioTrack], languages: Sequence[str]) -> int:
    """Which track airs: the first of the best language, the file's own choice, or its first.

    Commentary airs only where there is nothing else.
    """
    found = [n for n, track in enumerate(tracks) if not track.commentary] or list(range(len(tracks)))
    found.sort(key=lambda n: not tracks[n].default)  # stable: in the file's order otherwise
    for language in languages:
        for n in found:
            if language_of(tracks[n].language) == language_of(language):
                return n
    return found[0] if found else 0


def choose_subtitles(
    tracks: Sequence[SubtitleTrack], wish: str, languages: Sequence[str], features: Collection[str]
) -> SubtitleTrack | None:
    """Which subtitles are drawn: none, those that are forced in one of ``languages``, or a language's.

    A file beside the asset comes before a stream of its own.
    """
    if wish == "off":
        return None
    usable = [t for t in tracks if t.codec in _PICTURES or (t.path and "subtitles" in features)]
    usable.sort(key=lambda t: not t.path)
    if wish != "forced":
        spoken = [t for t in usable if language_of(t.language) == language_of(wish)]
        return next((t for t in spoken if not t.forced), None)
    forced = [t for t in usable if t.forced]
    for language in languages:
        for track in forced:
            if language and language_of(track.language) == language_of(language):
                return track
    # Of a film whose language nobody told, nobody can tell that they are of another.
    return next((t for t in forced if not t.language or not any(languages)), None)
