"""Overlays as the runtime needs them: what a definition leaves to its kind is filled in; pure."""

from __future__ import annotations

from retrovue.compiler.model import CompiledOverlay
from retrovue.station.model import Animation, Overlay, OverlayKind, StationModel

#: Kind → (corner, height in hundredths of the picture's, opacity in hundredths, animation). A bug is a guest
#: in the picture: small and half transparent. Nothing else is.
_BY_KIND: dict[OverlayKind, tuple[str, int, int, Animation]] = {
    OverlayKind.BUG: ("bottom-right", 9, 70, Animation.FADE),
    OverlayKind.RATING: ("top-left", 11, 100, Animation.FADE),
    OverlayKind.LOWER_THIRD: ("bottom-left", 16, 100, Animation.SLIDE),
    OverlayKind.CRAWL: ("bottom-left", 8, 100, Animation.NONE),
    OverlayKind.CLOCK: ("top-right", 7, 100, Animation.FADE),
    OverlayKind.COUNTDOWN: ("top-right", 9, 100, Animation.FADE),
    OverlayKind.LIVE: ("top-left", 7, 100, Animation.FADE),
}
#: The house's own accent: the yellow of the channel number on an ident.
ACCENT = "#f5c542"


def compiled_overlays(model: StationModel) -> tuple[CompiledOverlay, ...]:
    """Every overlay of the station, in order of slug."""
    return tuple(_compiled(overlay) for _, overlay in sorted(model.overlays.items()))


def _compiled(o: Overlay) -> CompiledOverlay:
    corner, size, opacity, animation = _BY_KIND[o.shows]
    return CompiledOverlay(
        overlay=o.overlay,
        shows=o.shows.value,
        text=o.text,
        image=o.image or "",
        corner=o.corner or corner,
        size=o.size or size,
        opacity=o.opacity or opacity,
        colour=(o.colour or ACCENT).lower(),
        animation=(o.animation or animation).value,
        speed=o.speed,
        at=o.at,
        lasts_us=o.lasts or 0,
        during=",".join(f"{start}-{end}" for start, end in o.during),
        over_ads=o.over_ads,
    )
