"""The lock: what is written is read back, and what is damaged is named."""

from __future__ import annotations

import string
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retrovue.credits import JOBS, Credit
from retrovue.library.catalog import FLIGHT, Asset, AssetState
from retrovue.library.lock import (
    FOLDER,
    LockError,
    make_catalog,
    parse_file,
    read_lock,
    render_lock,
    write_files,
    write_lock,
)
from retrovue.library.lock_lines import read_lines

CHEERS = Asset(
    collection="sitcoms",
    key="Cheers/S01E01",
    state=AssetState.READY,
    approved=True,
    path="Cheers/Cheers - S01E01.mkv",
    duration_us=1_320_000_000,
    marks_us=(400_000_000, 900_000_000),
    series="Cheers",
    season=1,
    episode=1,
)

text = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
paths = text.filter(lambda t: t and not t.startswith("/") and ".." not in t.split("/"))


credit = st.builds(Credit, st.sampled_from(JOBS), text.filter(bool), text)


@st.composite
def assets(draw: st.DrawFn) -> Asset:
    duration = draw(st.integers(min_value=10, max_value=10**11))
    marks = draw(st.sets(st.integers(min_value=1, max_value=duration - 1), max_size=4))
    return Asset(
        collection=draw(st.text(alphabet=string.ascii_lowercase, min_size=1, max_size=2)),
        key=draw(text.filter(bool)),
        path=draw(paths),
        state=draw(st.sampled_from(AssetState)),
        approved=draw(st.booleans()),
        duration_us=duration,
        marks_us=tuple(sorted(marks)),
        title=draw(text),
        season=draw(st.none() | st.integers(0, 99)),
        rate=draw(st.sampled_from(["", "25/1", "30000/1001"])),
        tags=tuple(draw(st.lists(text, max_size=3))),
        interlaced=draw(st.booleans()),
        credits=tuple(draw(st.lists(credit, max_size=3))),
        extra=draw(st.dictionaries(text.filter(lambda t: t != FLIGHT), text, max_size=3)),
    )


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(assets(), unique_by=lambda a: a.id, max_size=8), st.randoms())
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, some: list[Asset], random: object
) -> None:
    folder = tmp_path_factory.mktemp("station")
    write_lock(folder, some)
    catalog = read_lock(folder)
    assert list(catalog.assets.values()) == sorted(some, key=lambda a: a.id)
    assert list(catalog.assets) == sorted(catalog.assets)
    assert catalog == make_catalog(reversed(some))
    before = {f.name: f.read_bytes() for f in folder.glob(f"{FOLDER}/*")}
    assert write_lock(folder, catalog.assets.values()) == []
    assert {f.name: f.read_bytes() for f in folder.glob(f"{FOLDER}/*")} == before


def test_a_line_holds_only_what_a_schedule_depends_on() -> None:
    there = replace(CHEERS, size=5, mtime_ns=7)
    assert render_lock([there]) == render_lock([CHEERS])
    assert render_lock([CHEERS])["sitcoms.jsonl"] == (
        '{"key":"Cheers/S01E01","path":"Cheers/Cheers - S01E01.mkv","series":"Cheers","season":1,"episode":1,'
        '"duration_us":1320000000,"marks_us":[400000000,900000000]}\n'
    )


def test_a_collection_that_left_takes_its_file_along(tmp_path: Path) -> None:
    other = replace(CHEERS, collection="films")
    assert write_lock(tmp_path, [CHEERS, other]) == ["films.jsonl", "sitcoms.jsonl"]
    wanted = [(name, text.encode()) for name, text in render_lock([CHEERS]).items()]
    assert write_files(tmp_path, wanted, only_look=True) == ["films.jsonl"]
    assert write_lock(tmp_path, [CHEERS]) == ["films.jsonl"]
    assert [f.name for f in (tmp_path / FOLDER).iterdir()] == ["sitcoms.jsonl"]


def test_line_ends_and_order_do_not_change_the_hash(tmp_path: Path) -> None:
    second = replace(CHEERS, key="Cheers/S01E02")
    write_lock(tmp_path, [CHEERS, second])
    before = read_lock(tmp_path)
    file = tmp_path / FOLDER / "sitcoms.jsonl"
    file.write_bytes(b"\r\n".join(reversed(file.read_bytes().splitlines())))
    assert read_lock(tmp_path).content_hash == before.content_hash


def test_a_station_without_a_lock_has_an_empty_catalog(tmp_path: Path) -> None:
    assert not read_lock(tmp_path).assets


GOOD = '{"key":"a","path":"a.mp4","duration_us":9}'


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"key":"b","path":', "damaged"),
        ("\x00\x01", "damaged"),
        ("[1]", "object"),
        ('{"key":"b","path":"b.mp4"}', "has a duration"),
        ('{"key":"b","path":"b.mp4","duration_us":"9"}', "duration_us"),
        ('{"key":"b","path":"b.mp4","duration_us":9,"lenght":1}', "lenght"),
        ('{"key":"b","path":"b.mp4","duration_us":9,"state":"raedy"}', "state"),
        ('{"key":"b","path":"b.mp4","duration_us":9,"marks_us":[9]}', "marks_us"),
        ('{"key":"b","path":"b.mp4","duration_us":9,"marks_us":[5,4]}', "marks_us"),
        ('{"key":"b","path":"../b.mp4","duration_us":9}', "leaves the collection"),
        ('{"key":"b","path":"/etc/passwd","duration_us":9}', "leaves the collection"),
        ('{"key":"b","path":"b.mp4","duration_us":9,"rate":"25/0"}', "rate"),
        ('{"key":"b","path":"b.mp4","duration_us":9,"extra":{"flight":"soon"}}', "no flight"),
        (GOOD.replace("9", "8"), "earlier line"),
        ("<<<<<<< HEAD", "merge"),
    ],
)
def test_a_damaged_line_is_named(line: str, says: str) -> None:
    with pytest.raises(LockError, match=r"^catalog\.lock/spots\.jsonl:3: ") as caught:
        parse_file("spots.jsonl", f"{GOOD}\n\n{line}\n")
    assert says in str(caught.value)
    assert caught.value.help


def test_a_line_that_two_branches_wrote_counts_once(tmp_path: Path) -> None:
    other = GOOD.replace('"a', '"b')
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "spots.jsonl").write_text(f"{GOOD}\n{other}\n{GOOD}\r\n")
    assert list(read_lock(tmp_path).assets) == ["spots/a", "spots/b"]
    lines = read_lines(tmp_path)
    assert (list(lines), dict(lines)) == (["spots/a", "spots/b"], dict(read_lock(tmp_path).assets))
    assert write_files(tmp_path, lines.files()) == ["spots.jsonl"]
    assert (tmp_path / FOLDER / "spots.jsonl").read_text() == f"{GOOD}\n{other}\n"


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "spots.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(LockError, match=r"spots\.jsonl:1: .*UTF-8"):
        read_lock(tmp_path)


@pytest.mark.parametrize("words", ['"season":99999999999999999999', '"episode":-1', '"year":20266'])
def test_a_number_beyond_reason_is_told(words: str) -> None:
    with pytest.raises(LockError, match=r"catalog\.lock/films\.jsonl:1: (season|episode|year): "):
        parse_file("films.jsonl", '{"key":"a","path":"a","duration_us":1,' + words + "}\n")
