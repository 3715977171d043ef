"""The channels for browsers and players that speak HTTP Live Streaming, or play an MP4 as it comes."""

from retrovue.headend.hls.front_end import HlsFrontEnd

__all__ = ["HlsFrontEnd"]
