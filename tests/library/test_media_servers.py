"""Plex, Jellyfin and Emby, each against a server that answers in its public API's shapes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from retrovue.credits import Credit
from retrovue.errors import RetroVueError
from retrovue.library.adapters import Adapter, Desk, FoundMedia, Offer, SourceGone, open_adapter
from retrovue.library.adapters import web as client
from retrovue.library.catalog import genres
from retrovue.library.finding import Finding
from retrovue.library.lock import read_lock
from tests.cli.run import run
from tests.library.media import make
from tests.library.servers import FAKES, TOKEN, Fake, Programme, running

FILMS = [
    Programme(f"m{n}", f"/data/movies/{title} ({year}).mkv", title, year=year)
    for n, (title, year) in enumerate(
        [("Charade", 1963), ("The General", 1926), ("Gaslight", 1944), ("Laura", 1944), ("Gilda", 1946)]
    )
]
SERIES = [
    Programme("e1", "/data/tv/Cheers/S01E01.mkv", "Pilot", "Cheers", 1, 1, year=1982),
    Programme("e2", "/data/tv/Cheers/S01E02.mkv", "Sam's Women", "Cheers", 1, 2, year=1982),
]


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "WAITS_S", (0.001, 0.001))
    monkeypatch.setenv("MEDIA_TOKEN", TOKEN)


@pytest.fixture(params=sorted(FAKES))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(kind: str) -> Iterator[Fake]:
    fake = FAKES[kind](
        {"Films": list(FILMS), "Series": list(SERIES), "Songs": []},
        shelf={"Films": "movies", "Series": "tvshows", "Songs": "music"},
    )
    with running(fake):
        yield fake


@pytest.fixture
def media(tmp_path: Path) -> Path:
    """The files of the server, as they are found here."""
    for programme in FILMS + SERIES:
        _put(tmp_path, programme)
    return tmp_path


def _put(folder: Path, programme: Programme) -> Path:
    here = folder / "media" / programme.file.removeprefix("/data/")
    here.parent.mkdir(parents=True, exist_ok=True)
    here.write_bytes(b"any")
    return here


class Opened:
    def __init__(self, kind: str, server: Fake, folder: Path) -> None:
        self.kind, self.server, self.folder = kind, server, folder

    def __call__(self, **more: Any) -> Adapter:
        source = {
            "kind": self.kind,
            "url": self.server.base,
            "token": "env:MEDIA_TOKEN",
            "libraries": ["Films"],
            "path": "media",
            "paths": {"/data": "."},
            "page": 2,
            **more,
        }
        return open_adapter("c", source, self.folder, Desk(notes=self.folder / "notes"))

    def found(self, **more: Any) -> tuple[list[FoundMedia], list[Finding]]:
        found = list(self(**more).discover())
        return (
            [one for one in found if isinstance(one, FoundMedia)],
            [one for one in found if isinstance(one, Finding)],
        )


@pytest.fixture
def opened(kind: str, server: Fake, media: Path) -> Opened:
    return Opened(kind, server, media)


def _keys(found: list[FoundMedia]) -> list[str]:
    return [one.asset.key for one in found]


def test_all_pages_become_assets_with_what_the_server_says(opened: Opened, server: Fake) -> None:
    found, findings = opened.found(libraries=["Films", "Series"])
    assert findings == []
    assert sorted(_keys(found)) == sorted(
        [f"{p.title} ({p.year})" for p in FILMS] + ["Cheers/S01E01", "Cheers/S01E02"]
    )
    charade = next(one for one in found if one.asset.key == "Charade (1963)")
    assert charade.asset.path == "movies/Charade (1963).mkv"
    assert charade.location.is_file()
    assert charade.asset.size == 3
    assert charade.written == {
        "title": "Charade",
        "year": 1963,
        "date": "1982-09-30",
        "description": "About Charade.",
        "rating": "TV-PG",
        "tags": ("late",),
        "credits": (
            Credit("director", "Stanley Donen"),
            Credit("actor", "Audrey Hepburn", "Regina"),
            Credit("writer", "Peter Stone"),
        ),
        "extra": {"genre": "Comedy, Drama"},
    }
    pilot = next(one for one in found if one.asset.key == "Cheers/S01E01")
    assert {name: pilot.written[name] for name in ("series", "season", "episode", "title")} == {
        "series": "Cheers",
        "season": 1,
        "episode": 1,
        "title": "Pilot",
    }
    assert len(server.asked) == 4, "three pages of films, one of episodes"


def test_libraries_are_listed_and_a_new_one_is_not_taken(opened: Opened, server: Fake) -> None:
    films = Offer("Films", opened().offers()[0].holds, taken=True)
    assert films.holds in ("movies", "movie")
    server.libraries["Home Videos"] = [Programme("h", "/data/home/x.mkv", "Birthday")]
    offers = opened().offers()
    assert [(o.name, o.taken) for o in offers] == [("Films", True), ("Home Videos", False), ("Series", False)]
    assert len(opened.found()[0]) == len(FILMS)


def test_the_second_time_only_what_has_changed_is_asked_for(opened: Opened, server: Fake) -> None:
    first = opened.found()[0]
    server.asked.clear()
    assert opened.found()[0] == first
    assert len(server.asked) == 2, "what has changed, and how many there are"
    assert sum("MinDateLastSaved" in q or "updatedAt>>" in q for q in server.asked) == 1

    later = 1_700_100_000
    there = server.libraries["Films"]
    there[1] = Programme("m1", there[1].file, "The General, restored", year=1926, saved=later)
    there.append(Programme("m9", "/data/movies/Rope (1948).mkv", "Rope", year=1948, saved=later))
    _put(opened.folder, there[-1])
    server.asked.clear()
    again = opened.found()[0]
    assert sorted(set(_keys(again)) - set(_keys(first))) == ["Rope (1948)", "The General, restored (1926)"]
    assert len(server.asked) == 2

    del there[0]
    gone, findings = opened.found()
    assert "Charade (1963)" not in _keys(gone)
    assert (len(gone), findings) == (5, [])


def test_a_file_that_was_moved_is_asked_for_anew(opened: Opened, server: Fake) -> None:
    opened.found()
    old = server.libraries["Films"][0]
    moved = Programme(old.id, "/data/movies/new/Charade.mkv", old.title, year=old.year)  # saved long ago
    server.libraries["Films"][0] = moved
    (opened.folder / "media" / "movies" / "Charade (1963).mkv").unlink()
    _put(opened.folder, moved)
    found, findings = opened.found()
    assert findings == []
    assert (
        next(one for one in found if one.asset.key == "Charade (1963)").asset.path == "movies/new/Charade.mkv"
    )


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("500", "server-error"),
        ("404", "server-error"),
        ("redirect", "server-error"),
        ("half", "server-short"),
        ("malformed", "server-damaged"),
        ("strange", "server-damaged"),
        ("hang", "server-timeout"),
    ],
)
def test_a_page_that_fails_is_named_and_the_rest_goes_on(
    opened: Opened, server: Fake, fault: str, code: str
) -> None:
    server.faults[2] = [fault] * 3
    found, findings = opened.found(timeout=0.3)
    assert [f.code for f in findings] == [code]
    assert findings[0].holds == "", "nothing is retired that was not listed"
    assert "Films, items 3 to 4" in findings[0].message
    assert TOKEN not in str(findings)
    assert _keys(found) == ["Charade (1963)", "The General (1926)", "Gilda (1946)"]
    server.faults.clear()
    assert len(opened.found()[0]) == len(FILMS), "a listing that was not whole is not remembered"


@pytest.mark.parametrize("fault", ["500", "half", "malformed"])
def test_what_fails_once_is_asked_for_again(opened: Opened, server: Fake, fault: str) -> None:
    server.faults[0] = [fault]
    found, findings = opened.found()
    assert (len(found), findings) == (len(FILMS), [])


def test_a_server_that_lists_fewer_than_it_has_is_named(
    opened: Opened, server: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fewer(request: Any, start: int, size: int, body: Any) -> Any:
        within = body.get("MediaContainer", body)
        for name in ("Items", "Metadata"):
            if start == 4 and name in within:
                within[name] = []
        return await type(server).answer(server, request, start, size, body)

    monkeypatch.setattr(server, "answer", fewer)
    found, findings = opened.found()
    assert [(f.code, f.holds) for f in findings] == [("server-short", "")]
    assert "has 5 items and lists 4" in findings[0].message
    assert len(found) == 4


@pytest.mark.parametrize("total", [10**12, 50, 3, -1, True, "5"])
def test_a_server_that_repeats_itself_or_miscounts_is_named_and_ends(
    total: Any, opened: Opened, server: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What isn't listed because of it is not taken for gone."""
    first: dict[str, Any] = {}

    async def odd(request: Any, start: int, size: int, body: Any) -> Any:
        within = body.get("MediaContainer", body)
        name = "Items" if "Items" in within or "TotalRecordCount" in within else "Metadata"
        within[name] = first.setdefault(name, within.get(name, []))  # whatever page is asked for
        within["TotalRecordCount" if name == "Items" else "totalSize"] = total
        return await type(server).answer(server, request, start, size, body)

    monkeypatch.setattr(server, "answer", odd)
    found, findings = opened.found()
    assert [f.holds for f in findings] == [""]
    assert findings[0].code == ("server-short" if type(total) is int and total > 0 else "server-damaged")
    assert len(found) in (0, 2)


def test_a_total_that_shrinks_meanwhile_has_left_something_out(
    opened: Opened, server: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def shrinks(request: Any, start: int, size: int, body: Any) -> Any:
        if start:
            within = body.get("MediaContainer", body)
            within.update({"Items": [], "TotalRecordCount": 0} if "Items" in within else {"totalSize": 0})
            within.pop("Metadata", None)
        return await type(server).answer(server, request, start, size, body)

    monkeypatch.setattr(server, "answer", shrinks)
    assert [(f.code, f.holds) for f in opened.found()[1]] == [("server-short", "")]


def test_what_keeps_the_whole_source_away_is_named(
    opened: Opened, server: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(**more: Any) -> SourceGone:
        with pytest.raises(SourceGone, match="collection c") as caught:
            list(opened(**more).discover())
        assert TOKEN not in str(caught.value) + caught.value.help
        return caught.value

    assert gone(libraries=["Flims"]).code == "no-library"
    assert "Films, Series" in gone(libraries=["Flims"]).help
    assert gone(path="elsewhere").code == "source-gone"
    assert gone(url="http://127.0.0.1:1").code == "server-unreachable"
    assert gone(token="env:NO_SUCH_VARIABLE").code == "no-secret"
    monkeypatch.setenv("MEDIA_TOKEN", "wrong")
    assert gone().code == "server-refused"


def test_a_wrong_server_is_no_traceback(opened: Opened, media: Path) -> None:
    opened.kind = "jellyfin" if opened.kind == "plex" else "plex"
    with pytest.raises(SourceGone) as caught:
        list(opened().discover())
    assert caught.value.code in ("server-refused", "server-error", "server-damaged")


def test_items_that_have_no_file_here_are_named(opened: Opened, server: Fake) -> None:
    server.libraries["Films"] += [
        Programme("x1", "/data/movies/Away (1950).mkv", "Away", year=1950),
        Programme("x2", "/other/disk/Far (1951).mkv", "Far", year=1951),
        Programme("x3", "/data/../etc/passwd", "Out", year=1952),
        Programme("x4", "/data/movies/Odd.mkv", "Odd", year=1953, more={"Genres": 7, "Media": 7}),
    ]
    found, findings = opened.found()
    assert len(found) == len(FILMS)
    assert sorted((f.code, f.holds) for f in findings) == [
        ("bad-item", ""),
        ("not-here", "movies/Away (1950).mkv"),
        ("unmapped-path", None),
        ("unmapped-path", None),
    ]
    assert "1 of the server's files are under /other/disk" in str(findings)
    server.libraries["Films"][-1].more.clear()
    server.libraries["Films"][-1].year = 20_000
    assert "an item (Odd) is not as documented: its year" in str(opened.found()[1])
    (typo,) = [
        f for f in opened.found(paths={"/data": "elsewhere"})[1] if f.holds == "" and f.code == "not-here"
    ]
    assert "none of 6 files" in typo.message, "a wrong map retires no whole collection"
    for out in ("/data", "../data"):
        with pytest.raises(RetroVueError, match=r"source.paths./data: .* is not below source.path"):
            opened.found(paths={"/data": out})
    (typo,) = opened.found(paths={"/dta": "."})[1][-1:]
    assert (typo.code, typo.holds) == ("unmapped-path", ""), "a wrong map retires no whole collection"


def test_half_a_character_is_no_traceback(opened: Opened, server: Fake) -> None:
    server.libraries["Films"] = [
        Programme("x1", "/data/movies/\ud800.mkv", "X"),
        Programme("x2", FILMS[0].file, "\ud800", year=1963),
    ]
    for _ in range(2):
        found, findings = opened.found()
        assert [one.asset.path for one in found] == ["movies/Charade (1963).mkv"]
        assert [f.code for f in findings] == ["not-here"]


def test_discs_and_films_in_parts_are_named(opened: Opened, server: Fake) -> None:
    part = {"file": "/data/movies/Long.mkv"}
    more = {"Media": [{"Part": [part, part]}]} if opened.kind == "plex" else {"PartCount": 2}
    server.libraries["Films"].append(Programme("x", "/data/movies/Long.mkv", "Long", more=more))
    if opened.kind != "plex":
        server.libraries["Films"].append(
            Programme("y", "/data/movies/Disc", "Disc", more={"VideoType": "Dvd"})
        )
    findings = opened.found()[1]
    assert [f.code for f in findings] == ["no-file"] * len(findings)
    assert "Long: is in 2 parts" in findings[0].message
    server.asked.clear()
    opened.found()
    assert len(server.asked) == 2, "they count among what is known"


def test_one_file_with_two_episodes_is_one_asset(opened: Opened, server: Fake) -> None:
    file = "/data/tv/Cheers/S01E03-E04.mkv"
    both = Programme("e3", file, "Coach", "Cheers", 1, 3, last_episode=4)
    more = [Programme("e4", file, "Diane", "Cheers", 1, 4)] if opened.kind == "plex" else []
    server.libraries["Series"] += [both, *more]
    _put(opened.folder, both)
    found, _ = opened.found(libraries=["Series"])
    assert _keys(found) == ["Cheers/S01E01", "Cheers/S01E02", "Cheers/S01E03-E04"]
    if opened.kind == "plex":
        assert found[-1].written["title"] == "Coach / Diane"


def test_a_windows_server_and_the_longest_map(opened: Opened, server: Fake) -> None:
    server.libraries["Films"] = [
        Programme("w1", "D:\\Media\\Movies\\Rope (1948).mkv", "Rope", year=1948),
        Programme("w2", "d:\\media\\Other\\Gilda (1946).mkv", "Gilda", year=1946),
        Programme("w3", "\\\\nas\\share\\Laura (1944).mkv", "Laura", year=1944),
    ]
    for inside in ("movies/Rope (1948).mkv", "rest/Other/Gilda (1946).mkv", "nas/Laura (1944).mkv"):
        _put(opened.folder, Programme("", f"/data/{inside}", ""))
    found, findings = opened.found(
        paths={"D:\\Media": "rest", "D:\\Media\\Movies": "movies", "\\\\nas\\share": "nas"}
    )
    assert findings == []
    assert [one.asset.path for one in found] == [
        "movies/Rope (1948).mkv",
        "rest/Other/Gilda (1946).mkv",
        "nas/Laura (1944).mkv",
    ]


def test_a_sidecar_wins_over_the_server(opened: Opened) -> None:
    (opened.folder / "media" / "movies" / "Gilda (1946).yaml").write_text("title: Mine\nrating: TV-MA\n")
    (opened.folder / "media" / "movies" / "Laura (1944).yaml").write_text("titel: Oops\n")
    found, findings = opened.found()
    gilda = next(one for one in found if "Gilda" in one.asset.path)
    assert (gilda.written["title"], gilda.written["rating"], gilda.written["year"]) == ("Mine", "TV-MA", 1946)
    assert [(f.code, f.holds) for f in findings] == [("bad-sidecar", "movies/Laura (1944).mkv")]


def test_notes_that_are_spoilt_or_of_another_server_cost_only_time(opened: Opened, server: Fake) -> None:
    first = opened.found()[0]
    notes = opened.folder / "notes" / "c.json"
    for spoilt in (b"\xff", b"{}", notes.read_bytes().replace(b'"about"', b'"abuot"')):
        notes.write_bytes(spoilt)
        assert opened.found()[0] == first
    assert TOKEN.encode() not in notes.read_bytes()
    assert [file.name for file in (opened.folder / "notes").iterdir()] == ["c.json"]


STATION = """
station: tiny
name: Tiny
timezone: UTC
---
channel: one
number: "1"
name: One
plans: [all-day]
---
plan: all-day
zones: [{{ zone: Day, window: 06:00-06:00, play: [test-pattern] }}]
---
collection: films
source:
  kind: {kind}
  url: {base}
  token: "env:MEDIA_TOKEN"
  libraries: [Films]
  path: media
  paths: {{ /data/movies: movies }}
"""


def test_a_station_takes_its_films_from_the_server(
    kind: str, server: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "station.yaml").write_text(STATION.format(kind=kind, base=server.base))
    del server.libraries["Films"][2:]
    for name in ("Charade (1963).mkv", "The General (1926).mkv"):
        make(tmp_path / "media" / "movies" / name)
    assert run("check", str(tmp_path)).code == 0
    assert run("sources", str(tmp_path)).out.split("\n")[:3] == [
        f"films  ({kind})",
        "  + Films  " + ("movie" if kind == "plex" else "movies"),
        "    Series  " + ("show" if kind == "plex" else "tvshows") + "  not taken",
    ]
    ran = run("ingest", str(tmp_path), "--quiet")
    assert (ran.code, ran.err) == (0, "")
    lock = read_lock(tmp_path)
    assert list(lock.assets) == ["films/Charade (1963)", "films/The General (1926)"]
    general = lock.assets["films/The General (1926)"]
    assert (general.eligible, general.description, genres(general)) == (
        True,
        "About The General.",
        ("comedy", "drama"),
    )
    server.libraries["Films"][1].title = "The General, restored"
    server.libraries["Films"][1].saved = 1_700_100_000
    outcome = json.loads(run("ingest", str(tmp_path), "--quiet", "--json").out)
    assert outcome["retired"] == ["films/The General (1926)"]
    server.libraries["Films"][1].title = "The General"
    run("ingest", str(tmp_path), "--quiet")

    server.faults = {0: ["500"] * 6}  # what has changed, then everything, three times each
    outcome = json.loads(run("ingest", str(tmp_path), "--quiet", "--json").out)
    assert ([f["code"] for f in outcome["findings"]], outcome["retired"]) == (["server-error"], [])
    monkeypatch.setenv("MEDIA_TOKEN", "wrong")
    gone = run("ingest", str(tmp_path), "--quiet")
    assert gone.code == 1
    assert "[server-refused]" in gone.err
    assert "0 changed, 0 retired, 1 findings; the lock is current" in gone.out
    assert run("sources", str(tmp_path)).code == 1
