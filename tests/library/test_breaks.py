"""Break marks are suggested where a file is black and silent, looked at by a person, and taken over."""

from __future__ import annotations

import json
import math
import os
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrovue.library.black_pictures import LIT, MOST_LIT, MOST_LOGO, SAMPLES, Pictures
from retrovue.library.break_detection import detect
from retrovue.library.break_marks import APART_US, MARGIN_US, Suggestion, suggest
from retrovue.library.catalog import Asset
from retrovue.library.enrichers.probe import ProbeEnricher, ProbeSettings
from retrovue.library.finding import Unreadable
from retrovue.library.quiet_sound import RATE as RATE_OF_SOUND
from retrovue.library.quiet_sound import SILENT_DB, WINDOW_US, Levels, Windows, threshold
from retrovue.library.sidecar import offset_text, parse_sidecar
from retrovue.library.suggested_marks import accepted, with_suggestions
from tests.cli.run import run
from tests.library.broken_film import LAMPS, RATE, any_film, make_film
from tests.library.media import run as run_ffmpeg

S = 1_000_000


def spans(*seconds: float) -> list[tuple[int, int]]:
    return [(round(a * S), round(b * S)) for a, b in zip(seconds[::2], seconds[1::2], strict=True)]


# --- what is suggested --------------------------------------------------------------------------------


def test_only_black_and_silence_together_are_a_break() -> None:
    black = spans(100, 101, 200, 201, 300, 300.1, 400, 401)
    silence = spans(100.2, 102, 250, 260, 300, 300.1, 399, 400.5)
    assert suggest(black, silence, 900 * S) == (
        Suggestion(100_600_000, 800_000),
        Suggestion(400_250_000, 500_000),
    )
    # No sound track: black alone must do.
    assert [s.at_us for s in suggest(black, None, 900 * S)] == [100_500_000, 200_500_000, 400_500_000]


def test_a_film_that_is_silent_or_dark_throughout_has_no_break() -> None:
    assert suggest(spans(0, 600), spans(100, 101), 900 * S) == ()
    assert suggest(spans(100, 101), spans(0, 600), 900 * S) == ()


@given(
    st.lists(st.integers(0, 9000), unique=True, max_size=40).map(sorted),
    st.lists(st.integers(0, 9000), unique=True, max_size=40).map(sorted),
)
def test_suggestions_keep_apart_from_each_other_and_from_the_ends(some: list[int], others: list[int]) -> None:
    duration = 900 * S
    black, silence = (
        [(a * S // 10, b * S // 10) for a, b in zip(edges[::2], edges[1::2], strict=False)]
        for edges in (some, others)
    )
    found = suggest(black, silence, duration)
    marks = [0 - APART_US, *(s.at_us for s in found), duration + APART_US]
    assert all(b - a >= APART_US for a, b in pairwise(marks))
    for one in found:
        assert MARGIN_US <= one.at_us <= duration - MARGIN_US
        assert any(a <= one.at_us <= b for a, b in black)
        assert any(a <= one.at_us <= b for a, b in silence)


# --- what is black ------------------------------------------------------------------------------------

WIDTH, HEIGHT = SAMPLES
#: Where something is lit: the samples of a box, by its left upper corner and its size.
Box = tuple[int, int, int, int]
LOGO, LAMP, OTHER_LAMP = (38, 2, 8, 8), (4, 20, 8, 8), (30, 20, 8, 8)


def picture(*boxes: Box, ground: int = 16) -> bytes:
    rows = [bytearray([ground] * WIDTH) for _ in range(HEIGHT)]
    for x, y, wide, high in boxes:
        for row in rows[y : y + high]:
            row[x : x + wide] = bytes([200] * len(row[x : x + wide]))
    return b"".join(rows)


def blacks(*pieces: tuple[bytes, float], margin: float = 0, moment: float = 2) -> list[tuple[int, int]]:
    """What is black in pictures that stay so long (seconds); ten a second."""
    pictures, at = Pictures(), 0
    for luma, seconds in pieces:
        for _ in range(round(seconds * 10)):
            pictures.add(at, luma)
            at += S // 10
    return pictures.blacks(at, round(margin * S), round(moment * S))


BRIGHT = picture(ground=120)


def test_black_is_what_is_hardly_lit() -> None:
    few, too_many = picture((0, 0, 34, 1)), picture((0, 0, 35, 1))  # 2 of 100 are 34.56
    assert blacks((BRIGHT, 3), (few, 1), (BRIGHT, 3)) == spans(3, 4)
    assert blacks((BRIGHT, 3), (too_many, 1), (BRIGHT, 3)) == []
    assert blacks((picture(ground=LIT), 1), (picture(ground=LIT + 1), 1)) == spans(0, 1)
    # To the end of the film; none at all.
    assert blacks((BRIGHT, 3), (picture(), 1)) == spans(3, 4)
    assert (blacks((BRIGHT, 3)), blacks()) == ([], [])


def test_a_logo_spoils_no_black() -> None:
    black, lamp = picture(LOGO), picture(LOGO, LAMP)
    film = [(BRIGHT, 5), (black, 1), (BRIGHT, 5), (lamp, 1), (BRIGHT, 5), (black, 1), (BRIGHT, 5)]
    assert blacks(*film, (black, 1), (BRIGHT, 5), (black, 1), (BRIGHT, 5)) == spans(
        5, 6, 17, 18, 23, 24, 29, 30
    )


def test_a_lamp_is_no_logo() -> None:
    lamp, black = picture(LAMP), picture()
    # It goes out in the breaks; or in bright scenes; or there is one dark scene only, however long; or it is
    # seen near the ends only.
    assert blacks(
        (BRIGHT, 5), (lamp, 5), (BRIGHT, 5), (lamp, 5), (BRIGHT, 5), (black, 1), (BRIGHT, 5)
    ) == spans(25, 26)
    dim = picture((0, 0, WIDTH, 18))
    assert blacks((dim, 5), (lamp, 1), (dim, 5), (lamp, 1), (dim, 5)) == []
    assert blacks((BRIGHT, 5.5), (lamp, 1), (BRIGHT, 5)) == []
    assert blacks((lamp, 4), (BRIGHT, 5), (lamp, 4), margin=5) == []
    # And two that take turns, with the same rest of the picture.
    other = picture(OTHER_LAMP)
    assert blacks((BRIGHT, 5), (lamp, 1), (BRIGHT, 5), (other, 1), (BRIGHT, 5), (lamp, 1), (BRIGHT, 5)) == []


@given(
    st.lists(
        st.tuples(
            st.lists(
                st.tuples(
                    st.integers(0, WIDTH - 1),
                    st.integers(0, HEIGHT - 1),
                    st.integers(1, 9),
                    st.integers(1, 9),
                ),
                max_size=2,
            ),
            st.sampled_from((16, 16, 16, 120)),
            st.integers(1, 9),
        ),
        max_size=12,
    )
)
def test_what_is_black_as_it_is_stays_black_whatever_else_there_is(
    pieces: list[tuple[list[Box], int, int]],
) -> None:
    film = [(picture(*boxes, ground=ground), tenths / 10) for boxes, ground, tenths in pieces]
    found = blacks(*film)
    assert all(start < end for start, end in found)
    assert all(one[1] < other[0] for one, other in pairwise(found))
    at = 0
    for luma, seconds in film:
        lit = sum(sample > LIT for sample in luma) / len(luma)
        inside = any(start <= at < end for start, end in found)
        assert inside or lit > MOST_LIT
        assert not inside or lit <= MOST_LOGO
        at += round(seconds * S)


# --- what is silent -----------------------------------------------------------------------------------


def levels(*pieces: tuple[float, int], wavering: float = 0.5, seed: int = 1) -> Levels:
    """(dBFS, windows), each a little up or down."""
    r = Random(seed)
    return numpy.array([level + r.uniform(-1, 1) * wavering for level, many in pieces for _ in range(many)])


@pytest.mark.parametrize(
    ("heard", "floor"),
    [
        # Clean: silence is what is far down. Nothing but silence; nothing; less than a break lasts.
        (levels((-20, 500), (-90, 10), (-20, 500)), None),
        (levels((-120, 100)), None),
        (levels(), None),
        (levels((-20, 100), (-45, 6), (-20, 100)), None),
        # Hiss between words, and in the breaks only.
        (levels(*[(-22, 40), (-44, 12)] * 20), -44),
        (levels((-22, 5000), (-38, 10), (-22, 5000)), -38),
        # A tape that drops out once; a clean film with a soft passage.
        (levels(*[(-22, 40), (-44, 12)] * 20, (-120, 20), (-22, 40)), -44),
        (levels(*[(-22, 40), (-90, 12)] * 4, (-44, 50), (-22, 40)), None),
        # No clear dips: noise throughout, music that is hardly softer, and what is too loud to be silence.
        (levels((-40, 1000)), None),
        (levels(*[(-22, 40), (-30, 12)] * 20), None),
        (levels(*[(-5, 40), (-28, 12)] * 20), None),
        # Soft music wavers, and its quietest moments are far below what it holds.
        (levels((-20, 2000), (-45, 2000), wavering=12), None),
    ],
)
def test_the_floor_of_a_file(heard: Levels, floor: float | None) -> None:
    found = threshold(heard)
    if floor is None:
        assert found == SILENT_DB
    else:
        assert floor + 2 < found < floor + 6


@given(
    st.lists(
        st.tuples(st.sampled_from((-120.0, -70.0, -50.0, -40.0, -20.0)), st.integers(1, 30)), max_size=12
    ),
    st.floats(0, 12),
    st.integers(0, 9),
)
def test_what_is_heard_is_never_silence(pieces: list[tuple[float, int]], wavering: float, seed: int) -> None:
    heard = levels(*pieces, wavering=wavering, seed=seed)
    found = threshold(heard)
    assert SILENT_DB <= found <= -30
    # Above the level that is silent anyhow it is far below the programme.
    if found > SILENT_DB:
        assert found <= 10 * math.log10(numpy.mean(10 ** (heard / 10))) - 6 + 1e-9


def test_levels_are_those_of_the_samples() -> None:
    windows, per = Windows(), RATE_OF_SOUND * WINDOW_US // S
    # Channels that mirror each other aren't silent.
    pairs = [(3276, -3276), (0, 0), (1, -1), (0, 0), (3276, 3276), (0, 0)]
    heard = numpy.concatenate([numpy.array(pair * per, "<i2") for pair in pairs])
    windows.add(-5_000, heard[: 6 * per].tobytes())
    windows.add(55_000, heard[6 * per : -per].tobytes())  # the last window isn't whole
    assert windows.silences(S, 0) == [(15_000, 75_000), (95_000, 115_000)]
    assert windows.silences(100_000, 0) == [(15_000, 75_000), (95_000, 100_000)]


# --- in real files ------------------------------------------------------------------------------------


def probed(path: Path) -> Asset:
    return ProbeEnricher(ProbeSettings()).enrich(Asset("films", path.stem, path=path.name), path)


@pytest.mark.parametrize(("seed", "sound"), [(1, True), (2, True), (3, False)])
def test_precision_and_recall(seed: int, sound: bool, tmp_path: Path) -> None:
    """Every break is found, within a frame, and nothing that only looks like one; with sound, that is."""
    path = tmp_path / "film.mkv"
    planned = make_film(path, any_film(seed), sound)
    asset = probed(path)
    found = [mark.at_us / S for mark in detect(asset, path, margin_us=3 * S, apart_us=2 * S)]
    right = [f for f in found if any(abs(f - p) <= 1.5 / RATE for p in planned)]
    missed = [p for p in planned if not any(abs(f - p) <= 1.5 / RATE for f in found)]
    print(f"precision {len(right)}/{len(found)}, recall {len(planned) - len(missed)}/{len(planned)}")
    assert len(planned) == 4
    if sound:
        assert (found, missed) == (right, [])
    else:
        assert missed == []  # black alone also finds what was loud
    # Each lies on a frame.
    assert all(abs(f * RATE - round(f * RATE)) < 1e-3 for f in found)


HISS = ("-f", "lavfi", "-i", "anoisesrc=r=48000:a=0.03:seed=2:d=60")
MIXED = ("-filter_complex", "[0:a][1:a]amix=duration=first:normalize=0[a]", "-map", "0:v", "-map", "[a]")
BURNT_IN = ("-vf", "drawbox=76:4:18:15:white@0.6:fill")
DVD = ("-c:v", "mpeg2video", "-b:v", "600k", "-c:a", "mp2", "-b:a", "96k")
MADE = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "flac")


@pytest.mark.parametrize(
    ("scene", "name", "how"),
    [
        pytest.param("scene", "worse.mkv", (*HISS, *MIXED, *MADE), id="hiss"),
        pytest.param("scene", "worse.mkv", (*BURNT_IN, *MADE), id="logo"),
        pytest.param("dim scene", "worse.mkv", None, id="dark"),
        pytest.param("talk", "worse.mpg", (*HISS, *MIXED, *BURNT_IN, *DVD), id="tape"),
        # Another range, another depth, more channels, and the sound begins earlier than the picture.
        pytest.param(
            "dim scene",
            "worse.mkv",
            (*BURNT_IN, *MADE[:4], "-pix_fmt", "yuv420p10le", "-c:a", "flac", "-ac", "6"),
            id="10 bits",
        ),
        pytest.param(
            "scene",
            "worse.mkv",
            (
                "-vf",
                "scale=out_range=pc,setpts=PTS+0.32/TB",
                "-af",
                "adelay=320",
                *MADE,
                "-color_range",
                "pc",
            ),
            id="late picture",
        ),
    ],
)
def test_a_film_that_is_worse(scene: str, name: str, how: tuple[str, ...] | None, tmp_path: Path) -> None:
    """Tape hiss, a logo and darkness hide no break, and make none of what is only like one."""
    path = tmp_path / "film.mkv"
    planned = make_film(path, any_film(5, acts=4, scene=scene, lures=LAMPS))
    if how is not None:
        run_ffmpeg("-i", f"file:{path}", *how, f"file:{tmp_path / name}")
        path = tmp_path / name
    found = [mark.at_us / S for mark in detect(probed(path), path, margin_us=3 * S, apart_us=2 * S)]
    assert found == pytest.approx(planned, abs=1.5 / RATE)


def test_a_film_in_which_nothing_is_ever_quieter_has_no_silence(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    make_film(
        path, [("scene", 4.0), ("loud black", 1.0), ("scene", 4.0), ("loud black", 1.0), ("scene", 4.0)]
    )
    assert detect(probed(path), path, margin_us=S, apart_us=2 * S) == ()


def test_what_can_not_be_played_is_said(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    with pytest.raises(Unreadable, match="the file is gone"):
        detect(Asset("films", "film"), path)
    path.write_bytes(b"no film")
    with pytest.raises(Unreadable, match=r"it can't be played: .*Invalid data"):
        detect(Asset("films", "film", duration_us=S), path)


def test_tags_in_other_letters_are_no_matter(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    make_film(path, [("scene", 4.0), ("break", 2.0), ("scene", 4.0)])
    named = tmp_path / "named.mkv"
    run_ffmpeg("-i", f"file:{path}", "-c", "copy", "-metadata", "title=Amelie!", f"file:{named}")
    content = named.read_bytes()
    assert b"Amelie!" in content
    named.write_bytes(content.replace(b"Amelie!", b"Am\xe9lie!"))
    assert len(detect(probed(named), named, margin_us=S, apart_us=S)) == 1


# --- in the sidecar -----------------------------------------------------------------------------------

WRITTEN = "# mine\ntitle: 'Up' # a film\n\ntags: [a, b]   # two\n"


@pytest.mark.parametrize("us", [0, 1, 59_999_999, 724_500_000, 3_723_000_001])
def test_an_offset_is_read_as_it_was_written(us: int) -> None:
    assert parse_sidecar(f"marks: [{offset_text(us)}]") == {"marks_us": (us,)}


def test_suggestions_leave_what_a_person_wrote_as_it_is() -> None:
    suggested = with_suggestions(WRITTEN, [724_500_000, 3_723_000_001])
    assert suggested == WRITTEN + (
        "# Black and silent here. Keep what is right as marks, or: retrovue breaks accept\n"
        "suggested_marks: [12:04.5, 1:02:03.000001]\n"
    )
    assert parse_sidecar(suggested) == parse_sidecar(WRITTEN)  # nothing follows from them
    assert with_suggestions(suggested, []) == WRITTEN
    assert with_suggestions(with_suggestions(suggested, [61 * S]), [724_500_000, 3_723_000_001]) == suggested
    assert accepted(suggested) == WRITTEN + "marks: [12:04.5, 1:02:03.000001]\n"
    assert accepted(with_suggestions("", [61 * S])) == "marks: [1:01]\n"
    assert with_suggestions("# only this\n", [61 * S]).startswith("# only this\n# Black")
    assert with_suggestions(with_suggestions("", [61 * S]), []) == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (WRITTEN, "nothing is suggested"),
        ("marks: [1]\nsuggested_marks: [2]", "has marks already"),
        ("a: [", "1"),
    ],
)
def test_what_can_not_be_accepted_is_said(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        accepted(text)


# --- the command --------------------------------------------------------------------------------------

STATION = """
station: cinema
name: Cinema
timezone: UTC
---
channel: one
number: 1
name: One
plans: [all]
---
plan: all
zones: [{ zone: All, window: 06:00-06:00, play: [film] }]
---
program: film
chain: [{ episodes: { collection: films } }]
---
collection: films
source: { kind: filesystem, path: media }
"""


def test_from_a_suggestion_to_the_lock(tmp_path: Path) -> None:
    (tmp_path / "station.yaml").write_text(STATION)
    media, state = tmp_path / "media", ("--state", str(tmp_path / "state"), "--quiet")
    (mark,) = make_film(media / "Up.mkv", [("scene", 50.0), ("break", 1.0), ("scene", 50.0)])
    make_film(media / "Down.mkv", [("scene", 3.0)])
    (media / "Down.yaml").write_text("marks: [1]\n")
    assert run("ingest", str(tmp_path), *state).code == 0
    lock = (tmp_path / "catalog.lock" / "films.jsonl").read_text()
    # Down has marks already. Nothing is written by a dry run, nor twice.
    for dry in (("--dry-run",), ()):
        (told,) = json.loads(run("breaks", "suggest", str(tmp_path), "--json", "--quiet", *dry).out)
        assert told["asset"] == "films/Up"
        (place,), (lasts,) = told["marks"], told["seconds"]
        assert (place, lasts) == (pytest.approx(mark, abs=1.5 / RATE), pytest.approx(1, abs=1.5 / RATE))
        assert (media / "Up.yaml").exists() is not bool(dry)
    shown = offset_text(round(place * S))
    assert run("breaks", "suggest", str(tmp_path), "--quiet").out == ""
    assert run("breaks", "suggest", str(tmp_path), "films/*", "--quiet").out == f"films/Up: {shown}\n"
    # Nothing follows from it before somebody says so.
    assert run("ingest", str(tmp_path), *state).code == 0
    assert (tmp_path / "catalog.lock" / "films.jsonl").read_text() == lock
    assert run("breaks", "accept", str(tmp_path), "films/*", "--quiet").out == "films/Up\n"
    assert (media / "Up.yaml").read_text() == f"marks: [{shown}]\n"
    assert (media / "Down.yaml").read_text() == "marks: [1]\n"
    assert run("ingest", str(tmp_path), *state).code == 0
    assert f'"marks_us":[{round(place * S)}]' in (tmp_path / "catalog.lock" / "films.jsonl").read_text()
    # And what can't be done is said.
    for words, message in (
        (("suggest", "films/Upp"), "did you mean “films/Up”?"),
        (("accept",), "which assets?"),
        (("accept", "films/Up"), "films/Up: Up.yaml: nothing is suggested in it"),
    ):
        ran = run("breaks", words[0], str(tmp_path), *words[1:])
        assert ran.code == 1
        assert message in ran.err
    assert "films/Up has marks already" in run("breaks", "suggest", str(tmp_path), "films/Up").err
    (media / "Up.yaml").unlink()
    assert run("ingest", str(tmp_path), *state).code == 0
    (media / "Up.yaml").write_text("marks: [\n")
    ran = run("breaks", "suggest", str(tmp_path), "films/Up")
    assert (ran.code, "Up.yaml: line 2" in ran.err) == (1, True)


def test_a_sidecar_that_can_not_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "station.yaml").write_text(STATION)
    media, state = tmp_path / "media", ("--state", str(tmp_path / "state"), "--quiet")
    for name in ("Down", "Up"):
        make_film(media / f"{name}.mkv", [("scene", 50.0), ("break", 1.0), ("scene", 50.0)])
    assert run("ingest", str(tmp_path), *state).code == 0
    (media / "Down.yaml").mkdir()  # as good as a disk that is read-only
    told = run("breaks", "suggest", str(tmp_path), *state)
    assert (told.code, [line.partition(":")[0] for line in told.out.splitlines()]) == (
        1,
        ["films/Down", "films/Up"],
    ), "what was found is said"
    assert f"films/Down: can't write {media / 'Down.yaml'}" in told.err
    assert "suggested_marks" in (media / "Up.yaml").read_text()
    assert sorted(file.name for file in media.iterdir()) == ["Down.mkv", "Down.yaml", "Up.mkv", "Up.yaml"]
    (media / "Down.yaml").rmdir()
    (media / "Down.yaml").write_text("suggested_marks: [50]\n")
    (media / ".Down.yaml.new").mkdir()
    told = run("breaks", "accept", str(tmp_path), "films/*", "--quiet")
    assert (told.code, told.out) == (1, "films/Up\n")
    assert f"films/Down: can't write {media / 'Down.yaml'}" in told.err


def test_what_was_looked_at_in_vain_is_not_looked_at_again(tmp_path: Path) -> None:
    (tmp_path / "station.yaml").write_text(STATION)
    film, state = tmp_path / "media" / "Up.mkv", ("--state", str(tmp_path / "state"))
    make_film(film, [("scene", 3.0)])
    assert run("ingest", str(tmp_path), *state).code == 0
    looked, spared = "films/Up: nothing that looks like a break\n", "nothing was found in 1 other, as before"
    suggest = ("breaks", "suggest", str(tmp_path), *state)
    assert run(*suggest, "--dry-run").out == looked
    assert run(*suggest).out == looked, "a dry run remembers nothing"
    again = run(*suggest)
    assert (again.code, again.out, spared in again.err) == (0, "", True)
    assert run(*suggest, "films/*").out == looked, "who is named is looked at"
    os.utime(film, (1, 1))
    assert run(*suggest).out == looked, "it may be another now"
    sidecar = film.with_suffix(".yml")
    sidecar.write_text("suggested_marks: [1]\n")
    assert run("breaks", "accept", str(tmp_path), "films/Up").out == "films/Up\n"
    assert sidecar.read_text() == "marks: [1]\n"
    sidecar.unlink()
    (memory,) = (tmp_path / "state").glob("without-breaks")
    for spoilt in ("", "[]", '{"edition": 0}', '{"edition": 1, "files": 7}'):
        memory.write_text(spoilt)
        assert run(*suggest).out == looked
    memory.unlink()
    memory.mkdir()
    assert run(*suggest).out == looked, "it is only a memory"
