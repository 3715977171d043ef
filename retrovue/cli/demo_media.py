"""``retrovue demo-media``: generate the demo station's library with ffmpeg."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from retrovue.cli.view import View
from retrovue.errors import RetroVueError

if TYPE_CHECKING:
    from retrovue.library.demo_media import Recipe


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="where the media go (default: stations/demo/media)"
    )
    parser.add_argument("--force", action="store_true", help="render everything again, current or not")
    parser.add_argument("--jobs", type=int, metavar="N", help="ffmpegs at once (default: one per core)")


def run(args: argparse.Namespace, view: View) -> int:
    from retrovue.library.demo_media import recipes
    from retrovue.library.demo_render import alone, outstanding, tidy

    if args.jobs is not None and args.jobs < 1:
        raise RetroVueError(f"--jobs {args.jobs}: at least one ffmpeg is needed")
    folder = args.output or _beside_the_demo_station()
    every = recipes()
    todo = list(every) if args.force else outstanding(every, folder)
    if todo:
        with alone(folder, lambda: view.say(f"waiting: somebody else renders into {folder}")):
            # Whoever was here before may have done it.
            todo = todo if args.force else outstanding(every, folder)
            _render(todo, folder, args.jobs, view)
    tidy(every, folder)
    size = sum((folder / recipe.path).stat().st_size for recipe in every)
    view.out(f"{folder}: {len(every)} files, {size / 1e6:.0f} MB, {len(todo)} rendered")
    return 0


def _render(recipes: Sequence[Recipe], folder: Path, jobs: int | None, view: View) -> None:
    import signal
    import sys

    from retrovue.ffmpeg_binary import choose_ffmpeg
    from retrovue.library.demo_render import render

    ffmpeg = choose_ffmpeg().path
    seconds = sum(recipe.duration_us for recipe in recipes) / 1e6
    # A plain SIGTERM would end us without ending the ffmpegs.
    before = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        with view.progress("demo media", round(seconds), "seconds") as bar:
            render(recipes, folder, ffmpeg, bar.advance, jobs)
    finally:
        signal.signal(signal.SIGTERM, before)


def _beside_the_demo_station() -> Path:
    """The demo station in the current folder, or in the checkout this package runs from."""
    import retrovue

    for root in (Path(), Path(retrovue.__file__).resolve().parent.parent):
        if (root / "stations" / "demo").is_dir():
            return root / "stations" / "demo" / "media"
    raise RetroVueError("there is no stations/demo here", help="say where the media should go: --output DIR")
