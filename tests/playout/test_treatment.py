"""What is done to an asset is chosen from what the catalog knows; pure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from retrovue.library.catalog import Asset, AudioTrack, SubtitleTrack
from retrovue.library.language import language_of
from retrovue.library.naming import subtitle_files
from retrovue.playout.director import Machine, file_rendering, settings_of
from retrovue.playout.treatment import choose_audio, choose_subtitles, treatment_of
from tests.playout.lab import BENCH

ASSET = Asset(
    "films", "a", path="a.mkv", height=1080, audio=(AudioTrack("aac", 2, "en", loudness=-20.0, peak=-3.0),)
)
ALL = frozenset({"zscale", "tonemap", "subtitles"})


def test_an_ordinary_file_gets_its_gain_and_no_more() -> None:
    how = treatment_of(replace(ASSET, matrix="bt709"), "/m/a.mkv", BENCH, ALL, "/f/Roboto.ttf")
    assert (how.gain_db, how.limit, how.audio, how.hdr, how.fields, how.fit, how.matrix) == (
        -4.0, False, 0, "", "", "letterbox", ""
    )  # fmt: skip
    assert how.burn is None
    assert treatment_of(ASSET, "/m/a.mkv", replace(BENCH, loudness=None), ALL, "").gain_db == 0


def test_what_the_file_forgot_is_guessed_by_its_size() -> None:
    assert treatment_of(ASSET, "", BENCH, ALL, "").matrix == "bt709"
    assert treatment_of(replace(ASSET, height=480), "", BENCH, ALL, "").matrix == ""
    hdr = treatment_of(replace(ASSET, transfer="smpte2084"), "", BENCH, (), "")
    assert (hdr.hdr, hdr.zscale, hdr.matrix) == ("pq", False, "")


def test_an_asset_s_fit_wins() -> None:
    channel = replace(BENCH, fit="crop")
    assert treatment_of(ASSET, "", channel, ALL, "").fit == "crop"
    assert treatment_of(replace(ASSET, fit="stretch"), "", channel, ALL, "").fit == "stretch"


@pytest.mark.parametrize(
    ("fields", "order", "how"), [(True, "", "auto"), (True, "bff", "bff"), (False, "", "")]
)
def test_fields_are_told_where_the_file_denies_them(fields: bool, order: str, how: str) -> None:
    asset = replace(ASSET, interlaced=fields, field_order=order)
    assert treatment_of(asset, "", BENCH, ALL, "").fields == how


def test_commentary_airs_only_where_nothing_else_is() -> None:
    talk = AudioTrack("aac", 2, "en", default=True, commentary=True)
    assert choose_audio([talk, AudioTrack("aac", 2, "fr")], ["en"]) == 1
    assert choose_audio([talk], ["de"]) == 0
    assert choose_audio([], ["de"]) == 0


def test_subtitles_are_those_that_can_be_drawn() -> None:
    text = SubtitleTrack("subrip", "de", stream=0)
    picture = SubtitleTrack("dvd_subtitle", "de", stream=1)
    beside = SubtitleTrack("subrip", "de", path="x.de.srt")
    signs = SubtitleTrack("hdmv_pgs_subtitle", "en", forced=True, stream=2)
    tracks = [text, picture, signs, beside]
    assert choose_subtitles(tracks, "off", (), ALL) is None
    assert choose_subtitles(tracks, "de", (), ALL) is beside
    assert choose_subtitles(tracks, "ger", (), ()) is picture  # an ffmpeg without libass
    assert choose_subtitles([text], "de", (), ALL) is None
    assert choose_subtitles(tracks, "forced", ("en",), ALL) is signs
    assert choose_subtitles(tracks, "forced", ("de",), ALL) is None
    assert choose_subtitles(tracks, "fr", (), ALL) is None


@pytest.mark.parametrize(
    ("code", "language"),
    [("ger", "de"), ("deu", "de"), ("de-AT", "de"), ("EN_us", "en"), ("und", ""), ("", ""), ("tlh", "tlh")],
)
def test_a_language_has_one_spelling(code: str, language: str) -> None:
    assert language_of(code) == language


def test_subtitle_files_belong_to_the_media_file_of_their_name() -> None:
    names = [
        "A.mkv",
        "A.srt",
        "A.de.srt",
        "A.en.forced.SRT",
        "A.ger.sdh.srt",
        "AB.srt",
        "A.txt",
        "A.S01E01.srt",
    ]
    assert subtitle_files(PurePosixPath("s/A.mkv"), names) == (
        SubtitleTrack("subrip", "", path="s/A.S01E01.srt"),
        SubtitleTrack("subrip", "de", path="s/A.de.srt"),
        SubtitleTrack("subrip", "en", forced=True, path="s/A.en.forced.SRT"),
        SubtitleTrack("subrip", "de", path="s/A.ger.sdh.srt"),
        SubtitleTrack("subrip", "", path="s/A.srt"),
    )


def test_settings_hold_what_subtitles_say_and_not_where_they_lie(tmp_path: Path) -> None:
    told = []
    for folder, words in (("a", "Hello."), ("b it's [1]: x", "Hello."), ("c", "Good bye.")):
        place = tmp_path / folder
        place.mkdir()
        (place / "x.de.srt").write_text(f"1\n00:00:01,000 --> 00:00:02,000\n{words}\n")
        asset = replace(ASSET, subtitles=(SubtitleTrack("subrip", "de", path="x.de.srt"),))
        channel = replace(BENCH, subtitles="de")
        here = Machine("ffmpeg", "/f/Roboto.ttf", tmp_path, features=ALL)
        rendering = file_rendering(here, channel, asset, str(place / "x.mkv"))
        assert rendering.subtitles == str(place / "x.de.srt")
        told.append(settings_of(rendering))
        assert str(tmp_path) not in rendering.told()
    assert told[0] == told[1] != told[2]
