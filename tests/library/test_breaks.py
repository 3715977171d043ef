"""Break marks are suggested where a file is black and silent, looked at by a person, and taken over."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrovue.library.break_detection import detect
from retrovue.library.break_marks import APART_US, MARGIN_US, Suggestion, parse_spans, suggest
from retrovue.library.catalog import Asset
from retrovue.library.enrichers.probe import ProbeEnricher, ProbeSettings
from retrovue.library.finding import Unreadable
from retrovue.library.sidecar import offset_text, parse_sidecar
from retrovue.library.suggested_marks import accepted, with_suggestions
from tests.cli.run import run
from tests.library.broken_film import RATE, any_film, make_film

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


def test_what_ffmpeg_says_is_understood() -> None:
    said = (
        "[blackdetect @ 0x5] black_start:10.5 black_end:11 black_duration:0.5\n"
        "[silencedetect @ 0x6] silence_start: -0.01\n"
        "[silencedetect @ 0x6] silence_end: 1 | silence_duration: 1\n"
        "[silencedetect @ 0x6] silence_start: 10.25\nframe= 1\n"
    )
    black, silence = parse_spans(said, 12 * S, 250_000)
    assert black == spans(10.25, 10.75)
    assert silence == spans(0, 0.75, 10, 12)  # it ends in silence


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


def test_what_can_not_be_played_is_said(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    with pytest.raises(Unreadable, match="the file is gone"):
        detect(Asset("films", "film"), path)
    path.write_bytes(b"no film")
    with pytest.raises(Unreadable, match=r"it can't be played: .*Invalid data"):
        detect(Asset("films", "film", duration_us=S), path)


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
