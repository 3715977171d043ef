"""XMLTV: what clients and the project's own validator make of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from retrovue.clock import SteppedClock
from retrovue.credits import JOBS, Credit
from retrovue.headend.xmltv import XmltvWriter, escape, stamp, xmltv
from retrovue.lineup import ArtworkRef, ChannelId, ChannelIdent, GuideEntry
from tests.headend.fake_lineup import CHANNELS, FakeLineup

START = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
BASE = "http://10.0.0.5:8080"
SUPPLEMENT = Path("/usr/share/xmltv")

#: The programme's children in the order that xmltv.dtd prescribes.
DTD_ORDER = re.findall(
    r"[a-z-]+",
    """title sub-title desc credits date category keyword language orig-language length icon url country
    episode-num video audio previously-shown premiere last-chance new subtitles rating star-rating review
    image""",
)

WRTV = CHANNELS[0]

EPISODE = GuideEntry(
    event_id=1,
    channel=WRTV.id,
    start=START,
    end=START + timedelta(minutes=30),
    title="Cheers",
    subtitle="Give Me a Ring Sometime",
    description="A stranger walks into a bar.",
    season=1,
    episode=5,
    original_date=date(1982, 9, 30),
    year=1982,
    categories=("Comedy",),
    rating="TV-PG",
    artwork=ArtworkRef("art/cheers & co"),
    credits=(
        Credit("director", "James Burrows"),
        Credit("actor", "Ted Danson", 'Sam "Mayday" Malone'),
        Credit("actor", "Rhea Perlman"),
        Credit("writer", "Glen & Les"),
    ),
)
FILM = GuideEntry(
    event_id=2,
    channel=WRTV.id,
    start=EPISODE.end,
    end=EPISODE.end + timedelta(minutes=90),
    title='The "Big" <Sleep> 🎬',
    year=1946,
    original_date=date(1946, 8, 31),
    kind="movie",
)
SIGN_OFF = GuideEntry(
    event_id=3,
    channel=WRTV.id,
    start=FILM.end,
    end=FILM.end + timedelta(hours=4, seconds=1),
    title="Test Pattern",
    kind="off_air",
)


def write(channels: Sequence[ChannelIdent], entries: dict[ChannelId, Sequence[GuideEntry]]) -> bytes:
    return b"".join(xmltv(channels, entries, BASE, "Retro & Co."))


def programme(entry: GuideEntry) -> ET.Element:
    found = ET.fromstring(write([WRTV], {WRTV.id: [entry]})).find("programme")
    assert found is not None
    return found


def station(days: int = 2) -> bytes:
    lineup = FakeLineup(SteppedClock(START), days=days)
    channels = lineup.channels()
    return write(channels, {c.id: lineup.guide(c.id, START, lineup.guide_end()) for c in channels})


def test_the_document(snapshot: SnapshotAssertion) -> None:
    text = write(CHANNELS[:2], {WRTV.id: [EPISODE, FILM, SIGN_OFF], CHANNELS[1].id: [FILM]}).decode()
    assert text == snapshot


def test_the_projects_own_validator_accepts_it(tmp_path: Path) -> None:
    if not shutil.which("tv_validate_file") or not SUPPLEMENT.is_dir():
        pytest.skip("tv_validate_file (package xmltv-util) is not installed")
    file = tmp_path / "guide.xml"
    others = [replace(e, channel=WRTV.id) for e in (EPISODE, FILM, SIGN_OFF)]
    for document in (station(days=14), write([WRTV], {WRTV.id: others})):
        file.write_bytes(document)
        said = subprocess.run(
            ["tv_validate_file", str(file)],
            env={**os.environ, "XMLTV_SUPPLEMENT": str(SUPPLEMENT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Validated ok." in said.stdout + said.stderr


def test_what_the_validator_does_not_notice() -> None:
    """Programmes are back to back, none ends before it starts, and every channel has a day of them."""
    root = ET.fromstring(station())
    ids = [channel.get("id") for channel in root.iter("channel")]
    assert ids == [c.guide_id for c in CHANNELS]
    for channel in ids:
        programmes = root.findall(f"programme[@channel='{channel}']")
        times = [(p.get("start", ""), p.get("stop", "")) for p in programmes]
        assert all(re.fullmatch(r"\d{14} \+0000", t) for pair in times for t in pair)
        assert all(start < stop for start, stop in times)
        assert all(a[1] == b[0] for a, b in pairwise(times))
        assert times[0][0] <= "20261123200000 +0000"
        assert times[-1][1] >= "20261124200000 +0000"


def test_elements_come_in_the_order_of_the_dtd() -> None:
    for entry in (EPISODE, FILM, SIGN_OFF):
        places = [DTD_ORDER.index(child.tag) for child in programme(entry)]
        assert places == sorted(places)


def test_each_lineup_entry_has_one_channel_by_jellyfins_rules() -> None:
    """Jellyfin maps by a number that is a display-name, then by name without spaces and dashes."""
    root = ET.fromstring(station())
    for ident in CHANNELS:
        named = [c for c in root.iter("channel") if ident.number in [d.text for d in c]]
        assert [c.get("id") for c in named] == [ident.guide_id]
        assert [d.text for d in named[0].iter("display-name")] == [
            f"{ident.number} {ident.name}",
            ident.number,
            ident.name,
        ]


@pytest.mark.parametrize(
    ("season", "episode", "expected"),
    [
        (1, 1, {"onscreen": "S01E01", "xmltv_ns": "0.0.0/1"}),
        (12, 104, {"onscreen": "S12E104", "xmltv_ns": "11.103.0/1"}),
        (None, 7, {"onscreen": "E07", "xmltv_ns": ".6.0/1"}),
        (0, 3, {"onscreen": "S00E03"}),
        (2, None, {}),
        (None, None, {}),
    ],
)
def test_episode_numbers(season: int | None, episode: int | None, expected: dict[str, str]) -> None:
    found = programme(replace(EPISODE, season=season, episode=episode)).findall("episode-num")
    assert {e.get("system"): e.text for e in found} == expected


def test_a_film_is_told_by_its_year_and_its_category() -> None:
    found = programme(FILM)
    assert found.findtext("date") == "1946"
    assert [c.text for c in found.findall("category")] == ["Movie"]
    named = programme(replace(FILM, categories=("film", "Noir")))
    assert [c.text for c in named.findall("category")] == ["film", "Noir"]


def test_credits_come_in_the_order_of_the_dtd() -> None:
    everybody = [Credit(job, f"a {job}", "somebody") for job in reversed(JOBS)]
    nobody = [Credit("actor", " \0"), Credit("actor", "Ann", "\n")]
    found = programme(replace(EPISODE, credits=(*everybody, *nobody))).find("credits")
    assert found is not None
    # xmltv.dtd: <!ELEMENT credits (director*, actor*, writer*, adapter*, producer*, composer*, editor*,
    # presenter*, commentator*, guest*)>, and only actors have a role
    assert [(person.tag, person.text, person.get("role")) for person in found] == [
        ("director", "a director", None),
        ("actor", "a actor", "somebody"),
        ("actor", "Ann", None),
        *((job, f"a {job}", None) for job in JOBS[2:]),
    ]
    assert programme(FILM).find("credits") is None
    assert programme(replace(EPISODE, credits=tuple(nobody[:1]))).find("credits") is None


def test_what_was_shown_before_says_when() -> None:
    def flags(entry: GuideEntry) -> list[tuple[str, str | None]]:
        return [(e.tag, e.get("start")) for e in programme(entry) if e.tag in ("new", "previously-shown")]

    assert flags(EPISODE) == [("previously-shown", "19820930")]
    assert flags(replace(EPISODE, original_date=None)) == [("previously-shown", "1982")]
    assert flags(replace(EPISODE, original_date=START.date())) == [("new", None)]
    assert flags(SIGN_OFF) == []


def test_times_are_utc_whatever_the_offset_given() -> None:
    assert stamp(datetime(2026, 7, 1, 1, 30, tzinfo=timezone(timedelta(hours=5, minutes=45)))) == (
        "20260630194500 +0000"
    )


def test_an_entry_of_no_length_is_left_out() -> None:
    nothing = replace(EPISODE, end=EPISODE.start + timedelta(microseconds=400))
    root = ET.fromstring(write([WRTV], {WRTV.id: [nothing, EPISODE]}))
    assert len(root.findall("programme")) == 1


def test_a_programme_without_a_title_bears_the_channels_name() -> None:
    assert programme(replace(EPISODE, title=" \x00 ")).findtext("title") == WRTV.name


def test_reruns_of_other_length_or_channel_are_not_mixed_up() -> None:
    other = replace(EPISODE, start=EPISODE.end, end=EPISODE.end + timedelta(minutes=60))
    untitled = replace(EPISODE, title="\x00 ")
    root = ET.fromstring(
        write(CHANNELS[:2], {WRTV.id: [EPISODE, other, untitled], CHANNELS[1].id: [untitled]})
    )
    assert [p.findtext("length") for p in root.findall("programme")] == ["30", "60", "30", "30"]
    assert [p.findtext("title") for p in root.findall("programme")] == [
        "Cheers",
        "Cheers",
        WRTV.name,
        CHANNELS[1].name,
    ]


def test_a_channel_without_a_guide_is_still_announced() -> None:
    root = ET.fromstring(write(CHANNELS, {}))
    assert len(root.findall("channel")) == len(CHANNELS)
    assert root.find("programme") is None


def test_no_channels_at_all() -> None:
    assert list(ET.fromstring(write([], {}))) == []


@given(st.text())
def test_any_text_survives(text: str) -> None:
    """Hostile titles come back from an XML parser as they were, but for what XML can't carry."""
    parsed = ET.fromstring(f'<t a="{escape(text)}">{escape(text)}</t>'.encode())
    wanted = " ".join(
        re.sub("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", text).split()
    )
    assert (parsed.text or "") == wanted
    assert parsed.get("a") == wanted


@pytest.mark.parametrize(
    ("hostile", "harmless"),
    [
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("]]> & \"quotes\" 'single' &amp;", "]]> & \"quotes\" 'single' &amp;"),
        ("bell\x07 nul\x00 esc\x1b[31m del\x7f csi\x9b", "bell nul esc[31m del csi"),
        ("half a pair \ud83d", "half a pair"),
        ("two\r\nlines\tand \u2028 more", "two lines and more"),
        ("📺 Été – ñ 日本語 ﷽", "📺 Été – ñ 日本語 ﷽"),
    ],
)
def test_hostile_words_everywhere(hostile: str, harmless: str) -> None:
    entry = replace(EPISODE, title=hostile, subtitle=hostile, description=hostile, rating=hostile)
    channel = replace(WRTV, name=hostile, number="5.1")
    document = b"".join(
        xmltv([channel], {channel.id: [replace(entry, categories=(hostile,))]}, BASE, hostile)
    )
    root = ET.fromstring(document)
    assert root.get("source-info-name") == harmless
    assert root.find("channel/display-name[3]").text == harmless  # type: ignore[union-attr]
    found = root.find("programme")
    assert found is not None
    for path in ("title", "sub-title", "desc", "category", "rating/value"):
        assert found.findtext(path) == harmless


@pytest.mark.parametrize(
    ("entry", "marks"),
    [
        # A rerun; what is first shown today; a film, and the first part of a season, of today.
        (replace(EPISODE, original_date=date(1987, 4, 12)), ["previously-shown"]),
        (replace(EPISODE, original_date=EPISODE.start.date(), episode=7), ["new"]),
        (replace(EPISODE, original_date=EPISODE.start.date(), episode=1), ["premiere", "new"]),
        (replace(FILM, original_date=FILM.start.date()), ["premiere", "new"]),
        (SIGN_OFF, []),
    ],
)
def test_what_is_new_and_what_was_shown_before(entry: GuideEntry, marks: list[str]) -> None:
    found = [e.tag for e in programme(entry) if e.tag in ("previously-shown", "premiere", "new")]
    assert found == marks


def test_icons_are_as_large_as_they_are() -> None:
    logo = WRTV.logo
    assert logo is not None
    writer = XmltvWriter(BASE, "Retro", "?token=a", {logo: (400, 300)})
    text = writer.head(CHANNELS[:2]).decode()
    assert f'<icon src="{BASE}/artwork/{logo}?token=a" width="400" height="300"/>' in text
    assert f'<icon src="{BASE}/artwork/{CHANNELS[1].logo}?token=a"/>' in text


@pytest.mark.parametrize(
    ("rating", "system"), [("TV-PG", "VCHIP"), ("PG-13", "MPAA"), ("G", "MPAA"), ("FSK 12", None)]
)
def test_whose_rating_it_is(rating: str, system: str | None) -> None:
    found = programme(replace(EPISODE, rating=rating)).find("rating")
    assert found is not None
    assert (found.get("system"), found.findtext("value")) == (system, rating)
