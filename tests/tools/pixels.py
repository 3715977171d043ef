"""What colour a part of the picture has, frame by frame: whether graphics are where they should be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np


@dataclass(frozen=True, slots=True)
class Box:
    """A part of the picture, in fractions of its width and height."""

    left: float
    top: float
    right: float
    bottom: float


def looks(file: Path, *boxes: Box) -> Iterator[tuple[int, list[np.ndarray]]]:
    """(time stamp, the part of each box as RGB) of every picture that can be decoded."""
    with av.open(str(file)) as container:
        stream = container.streams.video[0]
        for frame in container.decode(stream):
            if frame.pts is None or frame.is_corrupt:
                continue
            picture = frame.to_ndarray(format="rgb24").astype(np.int16)
            high, wide = picture.shape[:2]
            yield (
                frame.pts,
                [
                    picture[
                        round(b.top * high) : round(b.bottom * high),
                        round(b.left * wide) : round(b.right * wide),
                    ]
                    for b in boxes
                ],
            )


def share(part: np.ndarray, colour: tuple[int, int, int], within: int = 40) -> float:
    """How much of ``part`` has ``colour``, give or take ``within`` of 255 in each of its three."""
    near = np.abs(part - np.array(colour, dtype=np.int16)).max(axis=2) <= within
    return float(near.mean())
