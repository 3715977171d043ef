"""The file of a house copy: whole or none, and never a damaged frame out of it."""

from __future__ import annotations

import random
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrovue.playout.conform import cut_frames
from retrovue.playout.house_copy import CopyUnusable, CopyWriter, HouseCopy, Label
from retrovue.playout.overlay import Layer, clear_from, covered_from
from retrovue.playout.shelf import Wanted, enter, objection

LABEL = Label("c/a", 1, 2, 3, "settings", "parameters", 0, 0, (0,), "360p", "5.1")
GROUPS = 7
LONG = 5
SOUNDS = 8


def frame(number: int) -> bytes:
    return bytes([number % 251]) * (100 + number)


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def sound(number: int) -> bytes:
    return bytes([number % 249]) * (20 + number)


def written(path: Path) -> Path:
    """Groups of five pictures and eight audio frames."""
    with CopyWriter(path) as writer:
        for group in range(GROUPS):
            pictures = [(frame(group * LONG + i), i == 0) for i in range(LONG)]
            writer.add(pictures, [sound(group * SOUNDS + i) for i in range(SOUNDS)])
        writer.finish(replace(LABEL, frames=writer.frames, sounds=writer.sounds))
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("whole") / "a.house")


@given(
    st.tuples(st.integers(0, GROUPS * LONG), st.integers(0, GROUPS * LONG + 9)).map(sorted),
    st.tuples(st.integers(0, GROUPS * SOUNDS), st.integers(0, GROUPS * SOUNDS + 9)).map(sorted),
)
def test_any_part_is_read_as_it_was_written(whole: Path, part: list[int], heard: list[int]) -> None:
    (a, b), (c, d) = part, heard
    frames, sounds = GROUPS * LONG, GROUPS * SOUNDS
    with HouseCopy(whole) as copy:
        portion = copy.read(range(a, b), range(c, d))
        assert portion.complaint == ""
        assert portion.pictures == tuple(frame(n) for n in range(a, min(b, frames)))
        assert portion.sounds == tuple(sound(n) for n in range(c, min(d, sounds)))


def test_a_group_is_found_by_any_of_its_frames(tmp_path: Path) -> None:
    with HouseCopy(written(tmp_path / "a.house")) as copy:
        for n in range(GROUPS * LONG):
            assert copy.key_before(n, LONG) == n - n % LONG
            after = -(-n // LONG) * LONG
            assert copy.key_after(n, LONG) == (after if after < GROUPS * LONG else None)
            entry = enter(copy, n, 0, LONG)
            assert (entry.frame, entry.key) == (n, after)
            assert entry.group == b"".join(frame(i) for i in range(n - n % LONG, after) if n % LONG)
            assert enter(copy, n, LONG - 1, LONG).boundary == 0
        beyond = GROUPS * LONG + 3
        assert copy.key_before(beyond, 4 * LONG) == (GROUPS - 1) * LONG
        assert copy.key_after(beyond, LONG) is None
        assert enter(copy, beyond, 0, LONG).boundary == 0


def test_nothing_is_there_before_it_is_finished_and_nothing_stays_of_what_is_not(tmp_path: Path) -> None:
    path = tmp_path / "a.house"
    with CopyWriter(path) as writer:
        writer.add([(b"x", True)], [])
        assert not path.exists()
    assert list(tmp_path.iterdir()) == []
    written(path)
    before = path.read_bytes()
    with CopyWriter(path) as writer:
        writer.add([(b"y", True)], [])
    assert path.read_bytes() == before


def test_what_a_killed_process_leaves_is_no_copy_and_is_swept_away(tmp_path: Path) -> None:
    path = tmp_path / "a.house"
    script = (
        "import os, sys; from pathlib import Path; from retrovue.playout.house_copy import CopyWriter\n"
        "w = CopyWriter(Path(sys.argv[1])); w.add([(b'x' * 100000, True)], []); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    (left,) = tmp_path.iterdir()
    assert left.name.endswith(".part")
    with pytest.raises(CopyUnusable, match="breaks off"):
        HouseCopy(left)
    with CopyWriter(path):
        # Another one at work is left alone.
        CopyWriter(tmp_path / "b.house").__exit__()
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("keep", [0, 1, 50, 5_000, -1, -60, -700])
def test_a_truncated_copy_is_none(tmp_path: Path, keep: int) -> None:
    path = written(tmp_path / "a.house")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CopyUnusable):
        HouseCopy(path)


def test_whatever_byte_is_changed_it_is_noticed_before_it_airs(tmp_path: Path) -> None:
    path = written(tmp_path / "a.house")
    whole = path.read_bytes()
    dice = random.Random(3)
    places = {*(dice.randrange(len(whole)) for _ in range(400)), *range(len(whole) - 700, len(whole))}
    for place in sorted(places):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << dice.randrange(8)
        path.write_bytes(damaged)
        try:
            with HouseCopy(path) as copy:
                assert copy.damage() != "", place
        except CopyUnusable:
            pass


def test_a_copy_that_is_replaced_is_read_to_its_end_by_who_has_it(tmp_path: Path) -> None:
    path = written(tmp_path / "a.house")
    with HouseCopy(path) as old:
        with CopyWriter(path) as writer:
            writer.add([(b"new", True)], [])
            writer.finish(replace(LABEL, frames=1))
        assert old.damage() == ""
        assert old.read(range(3, 4), range(0)).pictures == (frame(3),)
        with HouseCopy(path) as new:
            assert new.mark != old.mark
            assert new.read(range(3), range(3)).pictures == (b"new",)


def test_only_the_very_copy_may_air(tmp_path: Path) -> None:
    original = tmp_path / "a.mp4"
    original.write_bytes(b"12345")
    found = original.stat()
    wanted = Wanted("c/a", tmp_path, str(original), "parameters", lambda: "settings")
    good = replace(LABEL, size=found.st_size, mtime_ns=found.st_mtime_ns)
    assert objection(good, wanted, found, "settings") == ""
    assert objection(good, wanted, None, "settings") == ""  # its store is away: as good as it was
    assert "of c/b" in objection(replace(good, asset="c/b"), wanted, found, "settings")
    assert "changed" in objection(replace(good, size=4), wanted, found, "settings")
    assert "changed" in objection(replace(good, mtime_ns=4), wanted, found, "settings")
    assert "settings" in objection(good, wanted, found, "louder")
    assert "parameter sets" in objection(replace(good, parameters="x"), wanted, found, "settings")


@given(
    st.lists(st.integers(1, 3_600_000_000), max_size=6),
    st.sampled_from([Fraction(25), Fraction(30000, 1001), Fraction(60000, 1001)]),
    st.integers(0, 10**12),
)
def test_a_segment_that_begins_at_a_cut_begins_with_a_forced_picture(
    cuts: list[int], rate: Fraction, start_us: int
) -> None:
    from retrovue.playout.ticks import TickGrid

    grid = TickGrid(rate)
    frames = cut_frames(cuts, rate, 10**9)
    assert frames[0] == 0
    for cut in cuts:
        # As a playlog entry does: its boundary is rounded to the channel's grid, and the offset with it.
        offset = cut + grid.start_us(grid.nearest(start_us)) - start_us
        between = abs(cut * rate / 1_000_000 - round(cut * rate / 1_000_000)) > Fraction(1, 50)
        assert grid.nearest(offset) in frames or not between


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)), max_size=5), st.integers(0, 60))
def test_where_graphics_begin_and_end(windows: list[tuple[int, int]], tick: int) -> None:
    layers = [Layer("bug", start, start + length) for start, length in windows]
    over = {t for layer in layers for t in range(layer.start, layer.end)}
    assert clear_from(layers, tick, 80) == next(t for t in range(tick, 81) if t not in over)
    assert covered_from(layers, tick, 80) == next((t for t in range(tick, 80) if t in over), 80)


def test_closing_waits_for_nobody(tmp_path: Path) -> None:
    copy = HouseCopy(written(tmp_path / "a.house"))
    before = open_files()
    with copy._lock:  # as while a read hangs
        copy.close()
        assert open_files() == before
    assert copy.read(range(1), range(0)).complaint == "closed"
    assert open_files() == before - 1
