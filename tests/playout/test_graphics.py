"""Graphics on real pictures: where a layer is, when it is there, and that nothing moves at a join."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from retrovue.clock import StationClock
from retrovue.compiler.model import CompiledSynthetic, ScheduleEvent
from retrovue.ffmpeg_binary import choose_ffmpeg
from retrovue.playout import emergency_card, graphics
from retrovue.playout.cards import Listed, Writing
from retrovue.playout.character_generator import CharacterGenerator, DrawingFailed
from retrovue.playout.drawing import NOTHING, Drawing, Element, Plate
from retrovue.playout.ffmpeg import (
    Cut,
    Pipes,
    SyntheticPicture,
    file_command,
    keyed_command,
    synthetic_command,
)
from retrovue.playout.graphics import Continuity, Look
from retrovue.playout.house import HouseFormat
from retrovue.playout.normalise import PLAIN
from retrovue.playout.overlay import Layer
from retrovue.station.card import card_names
from retrovue.stream.adts import AdtsSplitter
from retrovue.units import to_us
from tests.playout.lab import BENCH

HOUSE = HouseFormat("360p", Fraction(30), "ultrafast", 3000, 96)
ZONE = ZoneInfo("America/New_York")
#: 20:59:55 in New York.
START = HOUSE.grid.nearest(to_us(datetime(2026, 11, 27, 1, 59, 55, tzinfo=UTC)))
SVG = '<svg xmlns="http://www.w3.org/2000/svg"'
HOSTILE = [
    "100% [of] it: 'all', \\ %{pts} ; a=b",
    "two\nlines\tand {{ 7 * 7 }} {% raw %}",
    "</text><script/>&amp;",
    "😀 שלום مرحبا 電視",
    "x" * 3000,
    "\x00\x1b[31m\ud800",
]


@dataclass
class Frame:
    """One picture as 8-bit grey or RGB."""

    data: bytes
    width: int
    channels: int

    def at(self, x: int, y: int) -> tuple[int, ...]:
        at = (y * self.width + x) * self.channels
        return tuple(self.data[at : at + self.channels])

    def box(self, x0: int, y0: int, x1: int, y1: int) -> set[tuple[int, ...]]:
        return {self.at(x, y) for x in range(x0, x1) for y in range(y0, y1)}

    def columns(self, y0: int, y1: int, above: int) -> set[int]:
        """The columns in which something in rows [y0, y1) is brighter than ``above``."""
        return {x for x in range(self.width) if any(self.at(x, y)[0] > above for y in range(y0, y1))}


class Desk:
    """Draws and renders for a test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.generator = CharacterGenerator(StationClock(), folder / "plates")
        self.look = Look(
            "Bench & <Co>", replace(BENCH, callsign="WRTV"), HOUSE, Writing(ZONE), {},
            lambda name: self.generator.picture(folder, name), self.generator.font, self.generator.folder,
        )  # fmt: skip

    async def over(self, layers: Sequence[Layer], start: int = START) -> Drawing:
        drawing = graphics.overlays(layers, start, self.look)
        await self.generator.ready(drawing.plates)
        return drawing

    async def card(self, shows: str, title: str = "", text: str = "", **more: Any) -> SyntheticPicture:
        picture = graphics.picture_of(
            CompiledSynthetic("x", shows, title, text), more.get("start", START),
            more.get("end_us", HOUSE.grid.start_us(START) + 75_000_000), more.get("event_id", 0),
            more.get("show", Continuity()), self.look,
        )  # fmt: skip
        await self.generator.ready(picture.plates)
        return picture

    def frames(
        self,
        over: Drawing = NOTHING,
        picture: SyntheticPicture | None = None,
        count: int = 1,
        grey: bool = False,
    ) -> list[Frame]:
        """The first pictures of a dark (or the given) picture under ``over``, decoded."""
        picture = picture or SyntheticPicture(source="color=c=0x101010")
        command = synthetic_command(
            choose_ffmpeg().path, HOUSE, picture, Cut(count, 0, 4096), Pipes(1, None), over
        )
        kind, channels = ("gray", 1) if grey else ("rgb24", 3)
        decode = [command[0], "-v", "error", "-f", "h264", "-i", "pipe:0", "-f", "rawvideo", "-pix_fmt", kind]
        shown = run([*decode, "pipe:1"], run(command))
        size = HOUSE.width * HOUSE.height * channels
        assert len(shown) == count * size
        return [Frame(shown[n * size : (n + 1) * size], HOUSE.width, channels) for n in range(count)]


def run(command: Sequence[str], data: bytes = b"") -> bytes:
    """What it writes; it must have nothing to complain of."""
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    return done.stdout


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    # A percent sign and a quotation mark in the path are part of a file's name, not of a pattern.
    desk = Desk(tmp_path / "it's 100%d [a] folder")
    yield desk
    await desk.generator.close()


def differs(a: Frame, b: Frame, tolerance: int = 24) -> set[str]:
    """The ninths of the picture in which the two differ: "top-left" … "bottom-right"."""
    found: set[str] = set()
    line = HOUSE.width * a.channels
    for y in range(0, HOUSE.height, 3):
        one, other = a.data[y * line : (y + 1) * line], b.data[y * line : (y + 1) * line]
        if one == other:
            continue
        name = ("top", "middle", "bottom")[3 * y // HOUSE.height]
        for column, side in enumerate(("left", "centre", "right")):
            part = slice(column * line // 3, (column + 1) * line // 3)
            if any(abs(p - q) > tolerance for p, q in zip(one[part], other[part], strict=True)):
                found.add(f"{name}-{side}")
    return found


LOWER = Listed("Harbor Patrol", "The Long Way Home", "", "9:00", "PM"), Listed("Night Desk", "", "", "9:30")


@pytest.mark.parametrize(
    ("layer", "where"),
    [
        (Layer("bug", 0, 0), {"bottom-right"}),
        (Layer("bug", 0, 0, corner="top-left"), {"top-left"}),
        (Layer("rating", 0, 0, "TV-PG", "top-left", 11), {"top-left"}),
        (Layer("clock", 0, 0, corner="top-right", size=7), {"top-right"}),
        (Layer("countdown", 0, 0, "Night Desk", "bottom-left", 9, until_us=9), {"bottom-left"}),
        (Layer("live", 0, 0, "Live from the desk", "top-left", 7), {"top-left", "top-centre"}),
        (Layer("lower_third", 0, 0, "", "bottom-left", 16, now=LOWER[0], next=LOWER[1]),
         {"bottom-left", "bottom-centre", "bottom-right"}),
        (Layer("crawl", 0, 0, "News"), {"bottom-left", "bottom-centre", "bottom-right"}),
    ],
)  # fmt: skip
async def test_a_layer_is_where_it_should_be_and_only_while_it_is_in_force(
    desk: Desk, layer: Layer, where: set[str]
) -> None:
    layer = replace(layer, start=START + 4, end=START + 8)
    plain = desk.frames()[0]
    frames = desk.frames(await desk.over([layer]), count=10)
    assert [n for n, frame in enumerate(frames) if differs(frame, plain)] == [4, 5, 6, 7]
    found = differs(frames[5], plain)
    assert found <= where
    assert where - found <= {"bottom-right", "top-centre"}  # where its faded edge may end
    # Action safe: nothing but a crawl's band comes near an edge.
    if layer.shows != "crawl":
        x, y = round(HOUSE.width * 0.045), round(HOUSE.height * 0.045)
        assert frames[5].box(0, 0, x, HOUSE.height) == frames[5].box(0, 0, 1, 1)
        assert frames[5].box(0, 0, HOUSE.width, y) == frames[5].box(0, 0, 1, 1)


async def test_a_crawl_goes_on_through_a_join_and_a_restart(desk: Desk) -> None:
    crawl = Layer("crawl", START - 900, START + 9000, "A fictional bulletin of weather", size=8)
    at_once = desk.frames(await desk.over([crawl]), count=24, grey=True)
    rows = HOUSE.height - 42, HOUSE.height - 22  # below the coloured line of the band

    def letters(frame: Frame) -> set[int]:
        return frame.columns(*rows, above=150)

    for later in (1, 9, 23):
        joined = desk.frames(await desk.over([crawl], START + later), grey=True)[0]
        a, b = letters(at_once[later]), letters(joined)
        assert len(a ^ b) <= 4, later  # the encoder's own noise
        assert len(a) > 20
    # It runs to the left by the same whole number of pixels a tick.
    steps = set()
    for before, after in pairwise(at_once):
        a, b = letters(before), letters(after)
        steps.add(max(range(12), key=lambda step: len({x - step for x in a} & b)))
    assert steps == {2}  # 14 % of 640 pixels in 30 ticks, and even


async def test_a_fade_and_a_slide_are_the_same_for_who_joins_in_the_middle(desk: Desk) -> None:
    fading = Layer("rating", START, START + 90, "TV-PG", "top-left", 11, animation="fade",
                   enter=(START, START + 16), leave=(START + 74, START + 90))  # fmt: skip
    sliding = Layer("lower_third", START, START + 90, "", "bottom-left", 16, animation="slide",
                    enter=(START, START + 16), now=LOWER[0])  # fmt: skip
    turning = Layer("bug", START, START + 90, animation="spin", enter=(START, START + 16))
    layers = [fading, sliding, turning]
    whole = desk.frames(await desk.over(layers), count=88)
    for tick in (3, 8, 15, 80):
        assert differs(desk.frames(await desk.over(layers, START + tick))[0], whole[tick], 40) == set()
    light = [sum(f.at(x, 20)[0] for x in range(30, 80)) for f in whole]
    assert light[0] < light[7] < light[20]
    assert light[20] > light[80] > light[87]


async def test_a_clock_and_a_countdown_tell_station_time(desk: Desk) -> None:
    """The minute turns on the very tick, and a child that starts later tells the same."""
    clock = Layer("clock", START - 99, START + 999, corner="top-right", size=12)
    count = Layer("countdown", START - 99, START + 999, "x", "bottom-left", 12,
                  until_us=HOUSE.grid.start_us(START) + 65_000_000)  # fmt: skip
    frames = desk.frames(await desk.over([clock, count]), count=152)
    turned = [n for n in range(1, 152) if "top-right" in differs(frames[n], frames[n - 1], 90)]
    assert turned == [150]  # 20:59:55 + 5 s
    counted = [n for n in range(1, 152) if "bottom-left" in differs(frames[n], frames[n - 1], 90)]
    assert counted == [30, 60, 90, 120, 150]
    late = desk.frames(await desk.over([clock, count], START + 149), count=3)
    assert [differs(a, b, 60) for a, b in zip(late, frames[149:], strict=True)] == [set()] * 3


async def test_a_clock_keeps_time_when_the_clocks_change(desk: Desk) -> None:
    change = HOUSE.grid.nearest(to_us(datetime(2026, 11, 1, 6, 0, tzinfo=UTC)))
    drawing = await desk.over([Layer("clock", change - 60, change + 60)], change - 50)
    texts = [part.text for part in drawing.parts if hasattr(part, "text")]
    assert len(texts) == 2
    before, after = (float(text.split(":")[2]) for text in texts)
    assert round(before - after) == 3600


@pytest.mark.parametrize("text", HOSTILE)
async def test_whatever_a_text_holds_it_is_drawn_and_breaks_nothing(desk: Desk, text: str) -> None:
    said = Listed(text, text, text, text, text, text, text, text, text)
    layers = [
        Layer(shows, START, START + 9, text, corner, 9, now=said, next=said, until_us=9)
        for shows, corner in (
            ("bug", "bottom-right"), ("rating", "top-left"), ("lower_third", "bottom-left"),
            ("crawl", "bottom-left"), ("clock", "top-right"), ("countdown", "top-right"),
            ("live", "top-left"),
        )
    ]  # fmt: skip
    over = await desk.over(layers)
    for part in over.parts:
        if not hasattr(part, "plate"):
            # What drawtext expands is ours alone.
            assert text not in part.text
    event = events(("Now", 60), (text, 60), (text, 60))
    picture = await desk.card("next_card", text, text, event_id=1, show=Continuity(events=event))
    desk.frames(over, picture)


@pytest.mark.parametrize(
    "shows", ["test_pattern", "clock", "ident", "card", "slate", "countdown", "sign_off", "next_card"]
)
async def test_real_ffmpeg_renders_every_card_with_its_sound(desk: Desk, shows: str) -> None:
    picture = await desk.card(shows, "Café: 'A'", "100% {x}")
    command = synthetic_command(choose_ffmpeg().path, HOUSE, picture, Cut(3, 0, 4096), Pipes(1, 2))
    files = {"pipe:1": str(desk.folder / "v.h264"), "pipe:2": str(desk.folder / "a.aac")}
    run([files.get(a, a) for a in command])
    video = (desk.folder / "v.h264").read_bytes()
    assert video.count(b"\0\0\0\1\x09") == 3
    # A viewer's decoder sees the same SPS and PPS whatever the picture stands on.
    plain = synthetic_command(
        choose_ffmpeg().path, HOUSE, SyntheticPicture(), Cut(3, 0, 4096), Pipes(1, None)
    )
    assert HOUSE.video.parameters_hash(video) == HOUSE.video.parameters_hash(run(plain))
    # The cut, a frame of post-roll, and one of priming.
    assert len(AdtsSplitter().feed((desk.folder / "a.aac").read_bytes())) == 6


def events(*programmes: tuple[str, int], **more: Any) -> list[ScheduleEvent]:
    """One after the other, in minutes, from START on."""
    found, at = [], HOUSE.grid.start_us(START)
    for n, (title, minutes) in enumerate(programmes, 1):
        found.append(
            ScheduleEvent(
                n, "bench", date(2026, 11, 26), at, at + minutes * 60_000_000, title, "", "", None,
                None, None, "", (), more.get("rating", ""), "programme", title.lower(), "", "", "", "",
            )
        )  # fmt: skip
        at = found[-1].end_us
    return found


async def test_a_next_card_says_what_the_schedule_says(desk: Desk) -> None:
    show = Continuity(events=events(("Corner Diner", 30), ("Harbor Patrol", 60), ("Night Desk", 30)))
    svg = str((await desk.card("next_card", event_id=1, show=show)).still)
    assert "Harbor Patrol" in svg
    assert "9:29" in svg  # 20:59:55 and half an hour
    assert "PM" in svg
    assert "Night Desk" in svg
    assert "Corner Diner" not in svg
    changed = Continuity(events=events(("Corner Diner", 30), ("The Late Movie", 60)))
    assert "The Late Movie" in str((await desk.card("next_card", event_id=1, show=changed)).still)


async def test_a_station_may_draw_a_card_its_own_way_and_a_broken_one_falls_back(desk: Desk) -> None:
    plain = desk.frames(picture=await desk.card("ident"))[0]
    head = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1280 720">'
    own = f'{head}<rect width="1280" height="720" fill="#00ff00"/></svg>'
    desk.look = replace(desk.look, templates={"cards/ident.svg": own})
    r, g, b = desk.frames(picture=await desk.card("ident"))[0].at(320, 180)
    assert r < 40
    assert g > 200
    assert b < 40
    desk.look = replace(desk.look, templates={"cards/ident.svg": f"{head}{{{{ nothing }}}}</svg>"})
    assert differs(desk.frames(picture=await desk.card("ident"))[0], plain) == set()


async def test_a_bug_shows_the_stations_picture_and_nothing_outside_its_folder(desk: Desk) -> None:
    desk.folder.mkdir(parents=True, exist_ok=True)
    red = f'{SVG} viewBox="0 0 9 9"><rect width="9" height="9" fill="#f00"/></svg>'
    (desk.folder / "bug.svg").write_text(red)
    (desk.folder.parent / "secret.svg").write_text(red)
    layer = Layer("bug", START, START + 9, image="bug.svg", opacity=100)
    frame = desk.frames(await desk.over([layer]))[0]
    assert any(r > 180 and g < 90 for r, g, _ in frame.box(560, 300, 608, 340))
    assert desk.generator.picture(desk.folder, "../secret.svg") == ""
    assert desk.generator.picture(desk.folder, "gone.png") == ""
    (desk.folder / "link.svg").symlink_to(desk.folder.parent / "secret.svg")
    assert desk.generator.picture(desk.folder, "link.svg") == ""


async def test_two_that_want_the_same_plate_have_it_drawn_once(desk: Desk, tmp_path: Path) -> None:
    import asyncio

    plate = Plate('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"/>', 8, 8)
    await asyncio.gather(*(desk.generator.ready([plate, plate]) for _ in range(3)))
    assert [path.name for path in desk.generator.folder.iterdir()] == [plate.name]
    with pytest.raises(DrawingFailed):
        await desk.generator.ready([Plate("no svg", 8, 8)])
    # What failed leaves nothing behind, and hinders nobody.
    await desk.generator.ready([Plate('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 4"/>', 4, 4)])
    assert not [path for path in desk.generator.folder.iterdir() if path.suffix != ".png"]


def test_a_file_is_drawn_over_as_a_generated_picture_is() -> None:
    plate = Plate("<svg/>", 2, 2)
    over = Drawing((Element(plate, "3", "4"),), Path("/p"))
    command = file_command("f", HOUSE, "/m/a.mp4", 0, Cut(9, 0, 4096), Pipes(7, 8), PLAIN, over)
    assert f"file:/p/{plate.name}" in command
    assert command.count("-protocol_whitelist") == 2
    graph = command[command.index("-filter_complex") + 1]
    # After the programme is in the house's raster, before it is cut.
    assert graph.index("pad=") < graph.index("overlay=") < graph.index("trim=end_frame=9")


async def test_a_guide_shows_every_channel_and_scrolls_with_station_time(desk: Desk) -> None:
    lineup = [
        (replace(BENCH, number=f"{n}.1", callsign=f"CH{n}"), events((f"Show {n}", 30), (f"Film {n}", 120)))
        for n in range(2, 8)
    ]
    show = Continuity(lineup=lineup)
    picture = await desk.card("guide", "Retro Television", show=show)
    drawn = " ".join(plate.svg for plate in picture.plates)
    for n in range(2, 8):
        assert f"Show {n}" in drawn
        assert f"CH{n}" in drawn
    assert "9:00 PM" in drawn
    frames = desk.frames(picture=picture, count=40)
    assert {"middle-centre", "bottom-centre"} >= differs(frames[39], frames[0], 60) & {
        "top-left", "top-centre", "top-right", "middle-centre", "bottom-centre",
    }  # fmt: skip
    joined = desk.frames(picture=await desk.card("guide", "Retro Television", show=show, start=START + 30))
    assert differs(joined[0], frames[30], 60) == set()


async def test_a_guide_turns_on_the_tick_of_the_half_hour_whatever_the_rate(desk: Desk) -> None:
    nine = to_us(datetime(2026, 11, 27, 2, 0, tzinfo=UTC))
    for rate in (Fraction(30000, 1001), Fraction(25), Fraction(60000, 1001)):
        house = replace(HOUSE, rate=rate)
        desk.look = replace(desk.look, house=house)
        tick = house.grid.nearest(nine)
        for start, first in ((tick, "9:00 PM"), (tick - 2, "8:30 PM")):
            picture = await desk.card("guide", show=Continuity(lineup=[(BENCH, ())]), start=start)
            drawn = " ".join(plate.svg for plate in picture.plates)
            assert drawn.index(first) < drawn.index("9:30 PM"), (rate, start - tick)
            assert ("8:30 PM" in drawn) == (first == "8:30 PM")


def test_a_guides_grid_is_the_schedule_cut_to_an_hour_and_a_half() -> None:
    from retrovue.playout import guide

    writing = Writing(ZONE)
    at = guide.half_hour(HOUSE.grid.start_us(START), writing)
    assert guide.columns(at, writing) == ["8:30 PM", "9:00 PM", "9:30 PM"]
    assert guide.edges(at, at + 3 * guide.HALF_HOUR_US, writing) == [
        at + guide.HALF_HOUR_US, at + 2 * guide.HALF_HOUR_US,
    ]  # fmt: skip
    ((row,),) = [guide.rows([(BENCH, events(("A", 30), ("B", 240)))], at)]
    assert [(c["title"], c["before"], c["after"]) for c in row["cells"]] == [
        ("A", False, False), ("B", False, True),
    ]  # fmt: skip
    assert row["cells"][-1]["right"] == 1.0
    assert row["cells"][0]["right"] == row["cells"][1]["left"]
    assert guide.rows([(BENCH, ())], at)[0]["cells"] == []


async def test_hands_jump_with_the_second_wherever_the_channel_joins(desk: Desk) -> None:
    for shows, after in (("clock", 0), ("clock", 17), ("countdown", 0), ("countdown", 17)):
        picture = await desk.card(shows, start=START + after)
        frames = desk.frames(picture=picture, count=65)
        moved = [n for n in range(1, 65) if differs(frames[n - 1], frames[n], 60)]
        assert moved == [n for n in range(1, 65) if (START + after + n) % 30 == 0], (shows, after)


@pytest.mark.parametrize("text", ["Fog.", "Heavy custard on all roads. " * 35, *HOSTILE])
async def test_the_card_of_an_emergency_says_what_it_is_and_its_line_runs_on(desk: Desk, text: str) -> None:
    card = emergency_card.card(text, f"Of {text}", START, HOUSE, desk.generator.folder)
    await desk.generator.ready(card.plates)
    assert card.still is not None
    assert "FICTIONAL EMERGENCY" in card.still.svg
    first = desk.frames(picture=card, count=31)
    later = emergency_card.card(text, f"Of {text}", START + 30, HOUSE, desk.generator.folder)
    (joined,) = desk.frames(picture=later)
    assert not differs(first[30], joined)


async def test_the_words_of_an_emergency_are_nothing_that_a_station_replaces() -> None:
    assert "parts/emergency.svg" not in card_names()


@pytest.mark.parametrize("codec", ["h264", "mpeg2"])
async def test_what_is_keyed_is_the_same_stream_with_graphics(desk: Desk, codec: str) -> None:
    encoder = "libx264" if codec == "h264" else "mpeg2video"
    house = HouseFormat("480p", Fraction(30000, 1001), "ultrafast", 3000, 96, codec, encoder=encoder)
    look = replace(desk.look, house=house)
    over = graphics.overlays([Layer("bug", START + 20, START + 40, "WRTV", "top-left", 9)], START, look)
    await desk.generator.ready(over.plates)
    binary, cut = choose_ffmpeg().path, Cut(60, 0, 0)
    plain = run(synthetic_command(binary, house, SyntheticPicture("testsrc2"), cut, Pipes(1, None)))
    keyed = run(keyed_command(binary, house, cut, Pipes(1, None), over), plain)
    found = []
    for stream in (plain, keyed):
        splitter = house.video.splitter()
        units = splitter.feed(stream)
        units += [last] if (last := splitter.flush()) is not None else []
        keys = [n for n, unit in enumerate(units) if house.video.is_key(unit)]
        found.append((len(units), keys, house.video.parameters_hash(units[0])))
    assert found[0] == found[1]
    assert found[0][:2] == (60, [0, 15, 30, 45])
