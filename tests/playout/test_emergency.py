"""An emergency on channels that are watched: what leaves, judged frame by frame."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from retrovue.compiler.model import SegmentKind
from retrovue.lineup import ChannelId, Emergency, EmergencyMode, Orders, SignOff
from retrovue.playout import as_run_log
from retrovue.playout.director import Presentation
from retrovue.playout.modes import OrderBook
from retrovue.playout.ticks import TickGrid
from retrovue.stream.mpegts import WRAP
from tests.playout.lab import BENCH, CHANNEL, CLIPS, Bench, Item, bench, capture, children, unhurried
from tests.playout.test_signal import reading_of, tick_of
from tests.tools.scte35_syntax import parse_cue
from tests.tools.ts_analyser import analyse

pytestmark = pytest.mark.on_air

MORE = ("two", "three", "four")
ALL = (CHANNEL, *(ChannelId(m) for m in MORE))
PLAN = [Item("ntsc", 18.0), Item("film", 15.0)]
VOICE = Presentation("This is a fictional emergency of Bench.", {})


def emergency(
    b: Bench, mode: EmergencyMode, text: str = "Giant marshmallows are rolling downtown."
) -> Emergency:
    return Emergency(text, mode, b.clock.now())


def card_frames(
    data: bytes, folder: Path, tuned_s: float, grid: TickGrid
) -> list[tuple[int, int | None, int]]:
    """(tick, asset on the screen or None, frame) of every picture."""
    return [
        (tick_of(s.pts, tuned_s, grid), s.code.asset if s.code else None, s.code.frame if s.code else 0)
        for s in reading_of(data, folder).shown
    ]


def the_break_ends_and_what_is_left_of_it_is_another(
    told: list[tuple[int, str]], first: int, after: int, grid: TickGrid
) -> None:
    """``first``: tick of the card; ``after``: the first one behind it."""
    cues = [parse_cue(bytes.fromhex(raw)) for _, raw in told]
    ended = next(n for n, cue in enumerate(cues) if cue.command == "splice_insert" and cue.pts is None)
    # A message comes behind its picture; the picture that was whole by then is the one before.
    assert told[ended][0] % WRAP in (grid.pts(first - 1) % WRAP, grid.pts(first) % WRAP)
    assert not cues[ended].out
    again = next(cue for cue in cues[ended:] if cue.out)
    assert again.pts == grid.pts(after) % WRAP
    assert again.event != cues[ended].event == next(cue for cue in cues if cue.out).event


async def test_a_takeover_of_four_watched_channels_and_the_way_back(tmp_path: Path) -> None:
    plan = [Item("pal", 1.0), Item("ntsc", 17.0, kind=SegmentKind.AD), Item("film", 15.0)]
    cued = replace(BENCH, cues="splice_insert")
    async with bench(plan, tmp_path, more=MORE, presentation=VOICE, channel=cued, clock=unhurried()) as b:
        tuned_s = b.clock.now_us() / 1e6
        viewers = [await b.tune(f"127.0.0.1:{n}", channel) for n, channel in enumerate(ALL)]
        captures = [asyncio.create_task(capture(v, b.clock, 12.0)) for v in viewers]
        await b.clock.wait(2.5)
        b.director.carry_out(OrderBook(Orders(emergency(b, EmergencyMode.TAKEOVER))))
        async with b.clock.deadline(20):
            while any(b.director.control(c).airs != "takeover" for c in ALL):
                await b.clock.wait(0.02)
        await b.clock.wait(1.0)
        assert (
            len(children()) <= 2
        )  # one encode for all of them; a second where a channel still built its lead
        on = len(children())
        b.director.carry_out(OrderBook())
        async with b.clock.deadline(20):
            while any(b.director.control(c).airs != "programme" for c in ALL):
                await b.clock.wait(0.02)
        assert on >= 1
        for channel, task in zip(ALL, captures, strict=True):
            data = await task
            report = analyse(data, complete=False)
            assert report.ok, (channel, report.to_text())
            folder = tmp_path / channel
            folder.mkdir()
            seen = card_frames(data, folder, tuned_s, b.grid)
            codes = [asset for _, asset, _ in seen]
            ntsc = CLIPS["ntsc"].asset
            first = codes.index(None, codes.index(ntsc))
            last = len(codes) - 1 - codes[::-1].index(None)
            assert last - first > 20
            the_break_ends_and_what_is_left_of_it_is_another(
                report.cues, seen[first][0], seen[last + 1][0], b.grid
            )
            assert set(codes[first : last + 1]) == {None}  # in one piece
            for tick, asset, frame in seen[last + 1 :]:
                entry = b.playlog.at(tick)
                assert entry is not None
                if asset == ntsc:
                    assert abs(frame - entry.offset_us(tick, b.grid) * 30000 / 1001 / 1e6) <= 0.51
            assert ntsc in codes[last + 1 :]
            assert b.director.channels[channel].viewers  # nobody was lost
        for viewer in viewers:
            await viewer.close("done")
    records = as_run_log.read(tmp_path / "as-run", list(ALL))
    assert {r.cause for r in records if r.kind == "override"} == {
        "emergency: Giant marshmallows are rolling downtown."
    }
    assert {r.kind for r in records} <= {"real", "override", "slate"}  # a busy machine may need the last


async def test_a_channel_tuned_during_an_emergency_comes_up_in_it(tmp_path: Path) -> None:
    async with bench(PLAN, tmp_path, more=("two",), presentation=VOICE, linger_s=0.2) as b:
        tuned_s = b.clock.now_us() / 1e6
        first = await b.tune()
        await b.clock.wait(1.0)
        b.director.carry_out(OrderBook(Orders(emergency(b, EmergencyMode.TAKEOVER))))
        second = await b.tune("127.0.0.1:2", ChannelId("two"))
        data = await capture(second, b.clock, 3.0)
        assert analyse(data, complete=False).ok
        assert {asset for _, asset, _ in card_frames(data, tmp_path, tuned_s, b.grid)} == {None}
        await second.close("seen")
        await first.close("seen")
        await b.clock.wait(0.5)
        for channel in (CHANNEL, ChannelId("two")):
            await b.director.channels[channel].off_air()
        assert children() == []
    assert {r.kind for r in as_run_log.read(tmp_path / "as-run", ["two"])} == {"override"}


async def test_a_crawl_is_laid_over_the_programme_that_goes_on(tmp_path: Path) -> None:
    async with bench(PLAN, tmp_path, presentation=VOICE, clock=unhurried()) as b:
        viewer = await b.tune()
        tuned_s = b.clock.now_us() / 1e6
        task = asyncio.create_task(capture(viewer, b.clock, 6.0))
        await b.clock.wait(1.5)
        control = b.director.control(CHANNEL)
        b.director.carry_out(OrderBook(Orders(emergency(b, EmergencyMode.CRAWL))))
        await b.clock.wait(2.0)
        assert control.airs == "programme"
        (crawl,) = control._crawls
        assert crawl.text.startswith("FICTIONAL: Giant marsh")
        assert control.tick > crawl.start
        b.director.carry_out(OrderBook())
        data = await task
        assert analyse(data, complete=False).ok
        for tick, asset, frame in card_frames(data, tmp_path, tuned_s, b.grid):
            entry = b.playlog.at(tick)
            assert entry is not None
            assert asset == CLIPS["ntsc"].asset
            assert abs(frame - entry.offset_us(tick, b.grid) * 30000 / 1001 / 1e6) <= 0.51
        assert control._crawls[0].end < control.tick
        await viewer.close("done")
        await b.director.channels[CHANNEL].off_air()
    (ended,) = {(r.crawl, r.kind) for r in as_run_log.read(tmp_path / "as-run", [CHANNEL]) if r.crawl}
    assert ended == (crawl.text, "real")


async def test_sign_off_and_an_emergency_over_it(tmp_path: Path) -> None:
    async with bench(PLAN, tmp_path, presentation=VOICE) as b:
        viewer = await b.tune()
        task = asyncio.create_task(capture(viewer, b.clock, 7.0))
        control = b.director.control(CHANNEL)
        off = Orders(sign_off=SignOff(b.clock.now()))

        async def aired(what: str) -> None:
            async with b.clock.deadline(20):
                while control.airs != what:
                    await b.clock.wait(0.02)
            await b.clock.wait(0.3)

        for orders, what in (
            (off, "sign-off"),
            (Orders(emergency(b, EmergencyMode.TAKEOVER), off.sign_off), "takeover"),
            (off, "sign-off"),
            (Orders(), "programme"),
        ):
            b.director.carry_out(OrderBook(orders))
            await aired(what)
        data = await task
        assert analyse(data, complete=False).ok
        await viewer.close("done")
    shown = [(r.kind, r.synthetic) for r in as_run_log.read(tmp_path / "as-run", [CHANNEL])]
    assert shown[0] == ("real", "")
    assert shown[-1] == ("real", "")
    assert [s for s in shown if s[0] == "override"] == [
        ("override", "sign-off"),
        ("override", "emergency"),
        ("override", "sign-off"),
    ]


async def test_an_order_that_is_taken_back_at_once_changes_nothing(tmp_path: Path) -> None:
    async with bench(PLAN, tmp_path, presentation=VOICE) as b:
        viewer = await b.tune()
        task = asyncio.create_task(capture(viewer, b.clock, 3.0))
        await b.clock.wait(0.5)
        for _ in range(3):
            b.director.carry_out(OrderBook(Orders(emergency(b, EmergencyMode.TAKEOVER))))
            b.director.carry_out(OrderBook())
        data = await task
        assert analyse(data, complete=False).ok
        assert {s.code.asset for s in reading_of(data, tmp_path).shown if s.code} == {CLIPS["ntsc"].asset}
        await viewer.close("done")
        await b.manager.off_air()
    assert children() == []
