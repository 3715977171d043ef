"""The guide as Tvheadend heads it: channels by uuid, with number or ``<lcn>``, and numbered pictures; pure.

Programmes are the station's own, with more in them and in the order of the DTD, which Tvheadend's are not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from retrovue.headend.xmltv import XmltvWriter, escape
from retrovue.lineup import ArtworkRef, ChannelIdent


class GuideWriter(XmltvWriter):
    """Writes one document; channels' guide ids are their uuids, as the playlist has them."""

    def __init__(self, name: str, version: str, picture: Callable[[ArtworkRef], str], *, lcn: bool) -> None:
        """``name`` of the server; ``picture`` gives a picture's whole address; ``lcn``: numbers are logical
        channel numbers, not one more name."""
        super().__init__("", name)
        self._name, self._version, self._picture, self._lcn = name, version, picture, lcn

    def head(self, channels: Sequence[ChannelIdent]) -> bytes:
        lines = [
            '<?xml version="1.0" encoding="utf-8" ?>\n<!DOCTYPE tv SYSTEM "xmltv.dtd">\n'
            f'<tv generator-info-name="TVHeadend-{escape(self._version)}"'
            f' source-info-name="tvh-{escape(self._name)}">\n'
        ]
        numbered = "lcn" if self._lcn else "display-name"
        for channel in channels:
            icon = f"  {written}\n" if (written := self.icon(channel.logo)) else ""
            lines.append(
                f'<channel id="{escape(channel.guide_id)}">\n'
                f"  <display-name>{escape(channel.name)}</display-name>\n"
                f"  <{numbered}>{escape(channel.number)}</{numbered}>\n"
                f"{icon}</channel>\n"
            )
        return "".join(lines).encode()

    def icon(self, ref: ArtworkRef | None) -> str:
        return f'<icon src="{escape(self._picture(ref))}"/>' if ref else ""
