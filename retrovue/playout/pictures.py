"""What each kind of synthetic looks and sounds like; pure: values in, ffmpeg sources and texts out."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from retrovue.compiler.model import CompiledSynthetic
from retrovue.playout.ffmpeg import SyntheticPicture, TextLine

#: Line-up tone: 1 kHz, well below programme level so that nobody jumps (dBFS; sine source is at -18).
_TONE_HZ, _TONE_DB = 1000, -9.0

_NAVY, _CHARCOAL = "color=c=0x0b1d3a", "color=c=0x16181d"


def picture_of(
    synthetic: CompiledSynthetic,
    station: str,
    channel: str,
    number: str,
    title: str,
    start: datetime,
    zone: ZoneInfo,
    fonts: tuple[str, str],
) -> SyntheticPicture:
    """The picture of ``synthetic`` on a channel from ``start`` on; ``title`` is the segment's own.

    ``fonts``: proportional and monospaced TrueType files.
    """
    font, mono = fonts
    large = title or synthetic.title
    # Clocks run from the first picture: drawtext adds the picture's own time to this instant.
    local = start.astimezone(zone)
    shift = local.utcoffset()
    epoch = start.timestamp() + (shift.total_seconds() if shift else 0.0)
    clock = rf"%{{pts:gmtime:{epoch:.6f}:%H\:%M\:%S}}"
    match synthetic.shows:
        case "test_pattern":
            return SyntheticPicture(
                "smptehdbars",
                lines=(
                    TextLine(f"{number} {channel}", 0.075, 0.36, box="black@0.75"),
                    TextLine(clock, 0.11, 0.50, box="black@0.75", expand=True, monospace=True),
                    TextLine(synthetic.text, 0.05, 0.62, box="black@0.75"),
                ),
                font=font,
                font_mono=mono,
                tone_hz=_TONE_HZ,
                tone_db=_TONE_DB,
            )
        case "clock":
            return SyntheticPicture(
                _CHARCOAL,
                lines=(
                    TextLine(channel, 0.07, 0.22, colour="0xd7dde8"),
                    TextLine(clock, 0.26, 0.50, expand=True, monospace=True),
                    TextLine(synthetic.text, 0.05, 0.78, colour="0x9fb0c8"),
                ),
                font=font,
                font_mono=mono,
            )
        case "ident":
            return SyntheticPicture(
                _NAVY,
                lines=(
                    TextLine(number, 0.30, 0.40, colour="0xf5c542"),
                    TextLine(large or channel, 0.10, 0.64),
                    TextLine(synthetic.text or station, 0.045, 0.80, colour="0x9fb0c8"),
                ),
                font=font,
                font_mono=mono,
            )
        case _:  # card, slate
            return SyntheticPicture(
                _CHARCOAL,
                lines=(
                    TextLine(large or "Please Stand By", 0.10, 0.46),
                    TextLine(synthetic.text or channel, 0.05, 0.62, colour="0x9fb0c8"),
                ),
                font=font,
                font_mono=mono,
            )


def slate_picture(station: str, fonts: tuple[str, str]) -> SyntheticPicture:
    """The slate of a house format: it is shared by channels, so it names the station only."""
    return SyntheticPicture(
        _CHARCOAL,
        lines=(
            TextLine("Please Stand By", 0.12, 0.46),
            TextLine(station, 0.05, 0.62, colour="0x9fb0c8"),
        ),
        font=fonts[0],
        font_mono=fonts[1],
    )
