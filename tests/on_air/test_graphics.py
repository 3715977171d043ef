"""Logos and overlays of a station over real media: the pixels of its own picture, in their place and time."""

from __future__ import annotations

import shutil
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from fixtures.shorts_station import ShortsStation, retrovue
from tests.tools.barcode_reader import unwrap
from tests.tools.pixels import Box, looks, share
from tests.tools.plan import ChannelPlan, read_plan

DAY = "2026-11-26"
#: 20:00 in New York.
EIGHT = 1_795_741_200
SECONDS = 62
#: Colours that no clip has.
GREEN, ORANGE = (0, 200, 40), (255, 140, 0)
#: Where the logo stands (bottom right) and where the spinning one does (top left), as on a picture of 16:9.
LOGO, SPINNER = Box(0.82, 0.82, 0.96, 0.96), Box(0.03, 0.04, 0.14, 0.20)


def png(colour: Sequence[int], side: int = 64) -> bytes:
    """A square of one colour with a transparent frame."""
    clear, filled = bytes(4), bytes((*colour, 255))
    rows = b"".join(
        b"\0" + b"".join(filled if 8 <= x < side - 8 and 8 <= y < side - 8 else clear for x in range(side))
        for y in range(side)
    )

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0)
    whole = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + whole


@pytest.fixture(scope="module")
def captured(shorts: ShortsStation, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ChannelPlan]:
    """A minute of programme and break under a logo and a bug that spins."""
    folder = tmp_path_factory.mktemp("logos") / "station"
    shutil.copytree(shorts.folder, folder, ignore=shutil.ignore_patterns("media", ".retrovue"))
    (folder / "media").symlink_to(shorts.folder / "media")
    (folder / "logos").mkdir()
    (folder / "logos" / "net.png").write_bytes(png(GREEN))
    (folder / "logos" / "spinner.png").write_bytes(png(ORANGE))
    (folder / "overlays.yaml").write_text(
        "overlay: logo\nshows: bug\nopacity: 100\nanimation: none\nsize: 12\n---\n"
        "overlay: spinner\nshows: bug\nimage: logos/spinner.png\ncorner: top-left\nopacity: 100\n"
        "animation: spin\nsize: 12\n"
    )
    net = folder / "channels" / "net.yaml"
    net.write_text(net.read_text() + "logo: logos/net.png\noverlays: [logo, spinner]\n")
    state = folder.parent / "state"
    retrovue("check", folder, "--quiet")
    retrovue("compile", folder, "--from", DAY, "--days", "1", "--quiet", state=state)
    file = folder.parent / "minute.ts"
    end = f"{DAY} 20:{SECONDS // 60:02}:{SECONDS % 60:02}"
    window = ("--from", f"{DAY} 20:00", "--to", end)
    retrovue("capture", "net", *window, "--output", file, folder, "--quiet", state=state)
    return file, read_plan(state / "artefact.duckdb", "net")


def test_a_logo_is_in_its_corner_over_programmes_and_never_over_spots(
    captured: tuple[Path, ChannelPlan],
) -> None:
    file, plan = captured
    seen: dict[bool, list[float]] = {True: [], False: []}
    for pts, (corner, other) in looks(file, LOGO, SPINNER):
        planned = plan.at_tick(plan.tick_of(unwrap(pts, EIGHT)))
        assert planned is not None
        programme = planned.kind == "program"
        seen[programme].append(share(corner, GREEN, 50))
        if not programme:
            assert share(other, ORANGE, 50) == 0
    assert len(seen[True]) > 600
    assert len(seen[False]) > 300
    # Its square is the same in every picture, and as large as the station said.
    assert min(seen[True]) > 0.15
    assert max(seen[True]) - min(seen[True]) < 0.05
    assert max(seen[False]) == 0


def test_a_bug_that_spins_turns_with_station_time_and_comes_on_and_goes_off_at_breaks(
    captured: tuple[Path, ChannelPlan],
) -> None:
    file, plan = captured
    shares = {
        plan.tick_of(unwrap(pts, EIGHT)): share(corner, ORANGE, 60) for pts, (corner,) in looks(file, SPINNER)
    }
    whole = max(shares.values())
    assert whole > 0.15
    parts = [s for s in plan.segments if EIGHT <= s.start_us / 1e6 < EIGHT + SECONDS and s.kind == "program"]
    turned = settled = 0
    for tick, part in shares.items():
        planned = plan.at_tick(tick)
        assert planned is not None
        if planned.kind != "program":
            continue
        second = float(tick / plan.rate) % 30
        entering = (tick - planned.first_tick(plan.rate)) / plan.rate < 0.6
        leaving = (planned.end_tick(plan.rate) - tick) / plan.rate < 0.6
        if entering or leaving:
            continue
        if second < 1.3:
            turned += part < 0.6 * whole
        else:
            settled += 1
            assert part > 0.9 * whole, (tick, second)
    assert turned > 5
    assert settled > 500
    # At its very first and last ticks it stands on its edge.
    first = max(parts, key=lambda s: s.end_us - s.start_us)
    tick = first.first_tick(plan.rate)
    if tick in shares:
        assert shares[tick] < 0.6 * whole
