"""A body that lasts until the connection closes."""

from __future__ import annotations

from aiohttp import web


class UnframedStream(web.StreamResponse):
    """As tuners and Tvheadend send video.

    Without this aiohttp answers HTTP/1.1 in chunked encoding whenever the length isn't known.
    """

    _length_check = False
