"""How large a picture is, by what real encoders write, and by what nobody should."""

from __future__ import annotations

import io
import random
from fractions import Fraction

import av
import numpy
import pytest
from av.video.stream import VideoStream

from retrovue.headend.picture_size import picture_size
from tests.headend.fake_lineup import PNG


def encoded(codec: str, width: int, height: int) -> bytes:
    """One grey picture, written by FFmpeg."""
    file = io.BytesIO()
    form = {"png": "image2pipe", "mjpeg": "image2pipe", "libwebp": "webp"}[codec]
    with av.open(file, "w", format=form) as out:
        stream = out.add_stream(codec, rate=Fraction(25))
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = width, height
        stream.pix_fmt = {"png": "rgb24", "mjpeg": "yuvj420p", "libwebp": "yuv420p"}[codec]
        frame = av.VideoFrame.from_ndarray(numpy.full((height, width, 3), 128, numpy.uint8), format="rgb24")
        for packet in [*stream.encode(frame), *stream.encode()]:
            out.mux(packet)
    return file.getvalue()


@pytest.mark.parametrize("codec", ["png", "mjpeg", "libwebp"])
@pytest.mark.parametrize("size", [(400, 300), (16, 1000)])
def test_what_encoders_write(codec: str, size: tuple[int, int]) -> None:
    assert picture_size(encoded(codec, *size)) == size


@pytest.mark.parametrize(
    ("svg", "size"),
    [
        (b'<?xml version="1.0"?>\n<!-- <svgx> -->\n<svg xmlns="x" width="400" height="300px">', (400, 300)),
        (b"<svg viewBox='0 0 64.4 32' xmlns='x'>", (64, 32)),
        (b'<svg width="100%" height="100%" viewBox="0,0,640,480">', (640, 480)),
        (b'<svg width="10cm" height="5cm">', None),
        (b'<svg viewBox="0 0 1e999 9">', None),
        (b'<svg viewBox="a b c d">', None),
        (b"<svg>", None),
        (b"<html>", None),
    ],
)
def test_svg(svg: bytes, size: tuple[int, int] | None) -> None:
    assert picture_size(svg) == size


def test_a_pixel() -> None:
    assert picture_size(PNG) == (1, 1)


def test_junk_has_no_size_and_does_no_harm() -> None:
    dice = random.Random(9)
    whole = [encoded(codec, 64, 48) for codec in ("png", "mjpeg", "libwebp")]
    for data in whole:
        for cut in range(min(len(data), 400)):
            assert picture_size(data[:cut]) in (None, (64, 48))
        for _ in range(300):
            broken = bytearray(data[:300])
            broken[dice.randrange(len(broken))] = dice.randrange(256)
            picture_size(bytes(broken))
    for head in (b"", b"\xff\xd8", b"RIFF....WEBPVP8 ", b"\x89PNG\r\n\x1a\n....IHDR"):
        for _ in range(100):
            picture_size(head + dice.randbytes(40))
