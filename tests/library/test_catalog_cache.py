"""The cached catalog is the read catalog: the same answers, from less memory."""

from __future__ import annotations

import pickle
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest

from retrovue.library.catalog import WORDS, Asset, AssetState, Catalog
from retrovue.library.catalog_cache import CachedCatalog, open_catalog
from retrovue.library.lock import FOLDER, LockError, read_lock, write_lock


def _asset(collection: str, key: str, **more: object) -> Asset:
    words = {"state": AssetState.READY, "approved": True, "duration_us": 1_000_000, **more}
    return Asset(collection=collection, key=key, path=f"{key}.mp4", **words)  # type: ignore[arg-type]


ASSETS = [
    _asset("films", "Größe", title="GRÖSSE", tags=("drama", "long"), extra={"genre": "Drama, War"}),
    _asset("films", 'Quote\'s "end", here', title="Line\u2028end", tags=("drama",), marks_us=(1, 2)),
    _asset("films-2", "Größe", title="Größe", extra={"genre": "war"}, year=1980),
    _asset("sitcoms", "a/S01E01", series="Straße", season=1, episode=1, tags=("long",)),
    _asset("sitcoms", "a/S01E02", series="STRASSE", season=1, episode=2),
    _asset("sitcoms", "a/S01E03", series="strasse", approved=False),
    _asset("sitcoms", "b", series="", state=AssetState.NEW, duration_us=0, approved=False),
]

THINGS = [
    ("collection", ("films", "sitcoms", "nowhere")),
    ("series", ("strasse",)),
    ("title", ("grösse",)),
    ("title", ("line\u2028end",)),
    ("tag", ("drama", "long")),
    ("tag", ("long",)),
    ("genre", ("war",)),
]


@pytest.fixture
def station(tmp_path: Path) -> Path:
    (tmp_path / "station").mkdir()
    write_lock(tmp_path / "station", ASSETS)
    return tmp_path / "station"


def cached(station: Path) -> Catalog:
    catalog = open_catalog(station, station.parent / "cache", small=0)
    assert isinstance(catalog, CachedCatalog)
    return catalog


def test_it_holds_what_the_lock_holds(station: Path) -> None:
    whole, lazy = read_lock(station), cached(station)
    assert list(lazy.assets) == list(whole.assets)
    assert len(lazy.assets) == len(whole.assets)
    assert dict(lazy.assets) == dict(whole.assets)
    assert lazy.content_hash == whole.content_hash
    assert "films/nothing" not in lazy.assets
    assert "nowhere/x" not in lazy.assets


def test_it_answers_as_the_whole_catalog_does(station: Path) -> None:
    whole, lazy = read_lock(station), cached(station)
    for count in (0, 1, 2, 3):
        for asked in combinations(THINGS, count):
            # Either may give more than was asked for; what has every word both must give.
            sure = {
                a.id
                for a in whole.eligible()
                if all(a.id in {b.id for b in Catalog({a.id: a}, "").eligible([one])} for one in asked)
            }
            got = [a.id for a in lazy.eligible(asked)]
            assert len(got) == len(set(got))
            assert sure <= set(got) <= {a.id for a in whole.eligible()}
            assert sure <= {a.id for a in whole.eligible(asked)}


@pytest.mark.parametrize("eligible", [None, True, False])
def test_it_has_what_may_not_air_too(station: Path, eligible: bool | None) -> None:
    whole, lazy = read_lock(station), cached(station)
    ids = list(whole.assets)
    for count in (0, 1, 2):
        for asked in combinations(THINGS, count):
            got = [a.id for a in lazy.having(asked, eligible)]
            assert got == [i for i in ids if i in set(got)]  # in order, none twice
            sure = set(ids)
            for one in asked:
                sure &= {i for i in ids if _answers(whole.assets[i], one)}
            if eligible is not None:
                sure = {i for i in sure if whole.assets[i].eligible is eligible}
            assert sure <= set(got)
            assert sure <= {a.id for a in whole.having(asked, eligible)}


def _answers(asset: Asset, one: tuple[str, tuple[str, ...]]) -> bool:
    name, words = one
    return any(word in WORDS[name](asset) for word in words)


@pytest.mark.parametrize(
    ("said", "surely"),
    [
        (("grösse",), "films/Größe"),
        (("strasse",), "sitcoms/a/S01E02"),
        (('"end"',), 'films/Quote\'s "end", here'),
        (("line\u2028end",), 'films/Quote\'s "end", here'),
        (("films/quote",), 'films/Quote\'s "end", here'),
        (("films",), "films/Größe"),
    ],
)
def test_words_leave_out_nothing_that_has_them(station: Path, said: tuple[str, ...], surely: str) -> None:
    assert surely in {a.id for a in cached(station).having((), None, said)}


def test_words_leave_out_what_has_none_of_them(station: Path) -> None:
    assert {a.id for a in cached(station).having((), None, ("s01e02",))} == {"sitcoms/a/S01E02"}


def test_it_reads_no_more_than_was_asked_for(station: Path) -> None:
    lazy = cached(station)
    assert {a.key for a in lazy.eligible([("series", ("strasse",))])} == {"a/S01E02", "a/S01E01"}
    assert set(lazy.assets._known) == {"sitcoms/a/S01E01", "sitcoms/a/S01E02"}  # type: ignore[attr-defined]


@pytest.mark.parametrize("collection", ["films", "sitcoms", "nowhere"])
def test_what_is_read_ahead_or_whole_answers_as_before(
    station: Path, collection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_it = ("collection", (collection,))
    asked = [[of_it, thing] for thing in THINGS[1:]]
    plain = cached(station)
    expected = [sorted(a.id for a in plain.eligible(one)) for one in asked]
    ahead, whole = cached(station), cached(station)
    ahead.read_ahead([*asked, [of_it, ("series", ("nobody",))], *asked])
    assert [sorted(a.id for a in ahead.eligible(one)) for one in asked] == expected
    assert all(ahead.assets[a.id] is a for one in asked for a in ahead.eligible(one))
    assert sorted(a.id for a in whole.eligible([of_it])) == sorted(a.id for a in plain.eligible([of_it]))
    monkeypatch.setattr(whole.assets, "_rows", None)  # from here on nothing more is read
    assert [sorted(a.id for a in whole.eligible(one)) for one in asked] == expected


def test_series_that_were_read_ahead_are_not_read_again(
    station: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lazy = cached(station)
    both = [[("collection", ("sitcoms",)), ("series", (name,))] for name in ("strasse", "nobody")]
    lazy.read_ahead(both)
    monkeypatch.setattr(lazy.assets, "_rows", None)
    assert {a.key for a in lazy.eligible(both[0])} == {"a/S01E02", "a/S01E01"}
    assert not list(lazy.eligible(both[1]))


def test_an_asset_stays_one_object(station: Path) -> None:
    lazy = cached(station)
    (film,) = lazy.eligible([("title", ("line\u2028end",))])
    assert lazy.assets[film.id] is film
    assert film in list(lazy.eligible())


def test_only_a_collection_that_changed_is_read_anew(station: Path) -> None:
    cached(station)
    cache = station.parent / "cache"
    before = {p.name: p.stat().st_mtime_ns for p in cache.iterdir()}
    write_lock(station, [*ASSETS, _asset("films", "New")])
    assert "films/New" in cached(station).assets
    after = {p.name: p.stat().st_mtime_ns for p in cache.iterdir()}
    assert before.items() <= after.items()
    assert len(after) == len(before) + 1


def test_the_cache_does_not_grow_for_ever(station: Path) -> None:
    for n in range(9):
        write_lock(station, [*ASSETS, _asset("films", f"New {n}")])
        cached(station)
    assert len(list((station.parent / "cache").iterdir())) == 6  # three collections, and three spare


def test_a_lock_out_of_order_is_the_same_catalog(station: Path) -> None:
    before = read_lock(station)
    file = station / FOLDER / "films.jsonl"
    file.write_bytes(b"\r\n".join(reversed(file.read_bytes().rstrip().split(b"\n"))) + b"\r\n")
    assert cached(station).content_hash == before.content_hash
    assert dict(cached(station).assets) == dict(before.assets)


@pytest.mark.parametrize("damage", [b"", b"PAR1", b"PAR1 half of it"])
def test_a_cut_short_cache_is_made_again(station: Path, damage: bytes) -> None:
    cached(station)
    for file in (station.parent / "cache").iterdir():
        file.write_bytes(damage)
    assert dict(cached(station).assets) == dict(read_lock(station).assets)


def test_a_damaged_cache_says_what_to_delete(station: Path) -> None:
    lazy = cached(station)
    for file in (station.parent / "cache").iterdir():
        file.write_bytes(b"PAR1" + b"\xff" * 40 + b"PAR1")
    with pytest.raises(LockError, match="can't be read") as caught:
        list(lazy.eligible())
    assert "delete the folder" in caught.value.help


def test_a_mistake_in_the_lock_is_found_where_it_is(station: Path) -> None:
    file = station / FOLDER / "films.jsonl"
    file.write_text(file.read_text() + '{"key":"x"}\n')
    with pytest.raises(LockError, match=r"catalog\.lock/films\.jsonl:3: path"):
        cached(station)
    assert not [p for p in (station.parent / "cache").iterdir() if p.suffix != ".parquet"]


def test_without_a_place_for_the_cache_the_lock_is_read_whole(station: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    catalog = open_catalog(station, tmp_path / "file", small=0)
    assert catalog == read_lock(station)


def test_a_collection_in_which_nothing_was_found_changes_no_hash(station: Path) -> None:
    before = read_lock(station).content_hash
    (station / "catalog.lock" / "nothing.jsonl").write_bytes(b"")
    assert cached(station).content_hash == read_lock(station).content_hash == before


def test_a_small_lock_needs_no_cache(station: Path, tmp_path: Path) -> None:
    assert open_catalog(station, tmp_path / "cache") == read_lock(station)
    assert not (tmp_path / "cache").exists()


def test_assets_are_found_by_their_ids(station: Path) -> None:
    whole, lazy = read_lock(station), cached(station)
    ids = [*whole.assets, "films/gone", "nowhere/at all", "no collection"]
    assert lazy.named(ids[1:]) == whole.named(ids[1:]) == {i: whole.assets[i] for i in ids[1:-3]}
    assert lazy.named(ids) == dict(whole.assets)  # some of which are known by now


def test_it_goes_to_another_process(station: Path) -> None:
    lazy = cached(station)
    assert list(lazy.assets)  # a connection is open
    again = pickle.loads(pickle.dumps(lazy))
    assert dict(again.assets) == dict(lazy.assets)
    assert again.content_hash == lazy.content_hash


#: A process of its own forks: this one has threads of other tests, which no fork survives for certain.
FORKED = """
import os, sys
from pathlib import Path
from retrovue.library.catalog_cache import open_catalog

catalog = open_catalog(Path(sys.argv[1]), Path(sys.argv[2]), small=0)
assert list(catalog.assets)  # a connection is open
child = os.fork()
if not child:
    os._exit(7 if "films/Größe" in catalog.assets else 8)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_process_reads_for_itself(station: Path) -> None:
    arguments = [sys.executable, "-X", "utf8", "-c", FORKED, str(station), str(station.parent / "cache")]
    done = subprocess.run(arguments, check=False, timeout=60, capture_output=True, text=True)
    assert done.returncode == 7, done.stderr
