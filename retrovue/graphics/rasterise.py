"""A process that makes PNG files of SVG: ``python -m retrovue.graphics.rasterise``.

It reads a JSON document from standard input: the font files, and for each picture its SVG, size and file.
resvg holds Python's lock while it draws, which may be half a second; in a process of its own nobody waits
for that, and whatever a picture does to it, the channel goes on.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any


def rasterise(order: dict[str, Any]) -> None:
    """Draw every picture of ``order``. Each file is there whole or not at all. Raises ``ValueError``."""
    import resvg_py

    for picture in order["pictures"]:
        data = resvg_py.svg_to_bytes(
            svg_string=picture["svg"],
            width=picture["width"],
            height=picture["height"],
            skip_system_fonts=True,
            font_files=order["fonts"],
        )
        file = Path(picture["file"])
        part = file.with_name(f".{file.name}.{os.getpid()}.part")
        part.write_bytes(data)
        part.replace(file)


if __name__ == "__main__":
    try:
        rasterise(json.load(sys.stdin))
    except (OSError, ValueError) as error:
        sys.exit(f"can't draw: {error}")
