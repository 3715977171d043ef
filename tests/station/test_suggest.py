"""“Did you mean …?” on the mistakes that people make, and silence on what is no mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrovue.station.load import NOUNS
from retrovue.station.suggest import closest
from tests.station.build import load

KEYS = [f for model in NOUNS.values() for f in model.model_fields]


@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("prioritty", "priority"),
        ("priorty", "priority"),
        ("timezon", "timezone"),
        ("time_zone", "timezone"),
        ("time-zone", "timezone"),
        ("gird", "grid"),
        ("Grid", "grid"),
        ("nubmer", "number"),
        ("num", "number"),
        ("chanel", "channel"),
        ("call_sign", "callsign"),
        ("vchanel", "vchannel"),
        ("break", "breaks"),
        ("braeks", "breaks"),
        ("offair", "off_air"),
        ("off-air", "off_air"),
        ("catagories", "categories"),
        ("notbefore", "not_before"),
        ("broadcast_start", "broadcast_day_start"),
        ("discription", "description"),
        ("collections", "collection"),
        ("breakformat", "break_format"),
        ("zone", "zones"),
        ("fallbacks", "fallback"),
        ("horizion", "horizon"),
        ("lingr", "linger"),
        ("max_break", "max_breaks"),
        ("min_spaceing", "min_spacing"),
    ],
)
def test_typos(typo: str, meant: str) -> None:
    assert closest(typo, KEYS) == meant


@pytest.mark.parametrize("word", ["x", "colour", "weather", "zzz", "", "é", "transmitter"])
def test_no_guess_is_better_than_a_wild_one(word: str) -> None:
    assert closest(word, KEYS) is None


def test_the_guess_does_not_hang_on_the_order() -> None:
    assert closest("chers", ["cheers", "chess"]) == closest("chers", ["chess", "cheers"])


def test_a_known_word_needs_no_guess() -> None:
    assert closest("grid", KEYS) is None


PROGRAM = "program: x\nchain: [{synthetic: slate}]\n"
PLAN = "plan: p\nwhen: {%s}\nzones: [{zone: A, window: 06:00-12:00, play: [slate]}]\n"
ZONE = "plan: p\nzones:\n  - zone: A\n    window: 06:00-12:00\n    play: [%s]\n"
QUERY = "pool: x\nspots: {%s}\n"
SPOT = "spot: x\nspots: {tag: ad}\n%s\n"
OTHERS = """\
program: cheers
chain: [{synthetic: slate}]
---
program: night-court
chain: [{synthetic: slate}]
---
program: tom-and-jerry
chain: [{synthetic: slate}]
---
virtual: movie-of-the-day
sequence: [{synthetic: slate}]
---
break_format: network
---
pool: station-idents
spots: {tag: ident}
"""


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        # keys, as fingers and memories write them
        (PROGRAM + "mdoe: shuffle\n", "mode"),
        (PROGRAM + "play_mode: shuffle\n", "mode"),
        (PROGRAM + "categorys: [Movie]\n", "categories"),
        (PROGRAM + "category: [Movie]\n", "categories"),
        (PROGRAM + "desc: x\n", "description"),
        (PROGRAM + 'not_befor: "21:00"\n', "not_before"),
        (PROGRAM + "rerunof: cheers\n", "rerun_of"),
        (PROGRAM + "re-run-of: cheers\n", "rerun_of"),
        (PROGRAM + "groupby: season\n", "group_by"),
        (PROGRAM + "weigths: {a: 2}\n", "weights"),
        (PROGRAM + "airing: []\n", "airings"),
        (PROGRAM + "overlay: bug\n", "overlays"),
        (PROGRAM + "trafic: {}\n", "traffic"),
        (PROGRAM + "curser: channel\n", "cursor"),
        (QUERY % "tag: ad, min_durration: 5m", "min_duration"),
        (QUERY % "tag: ad, min-duration: 5m", "min_duration"),
        (QUERY % "anytag: [a]", "any_tag"),
        (QUERY % "genres: comedy", "genre"),
        (QUERY % "years: 1980..1989", "year"),
        (QUERY % "serie: Cheers", "series"),
        (QUERY % "colection: x", "collection"),
        (SPOT % "advertizer: Cola", "advertiser"),
        (SPOT % "day_parts: [18:00-23:00]", "dayparts"),
        (SPOT % "flights: [06-01..06-30]", "flight"),
        (SPOT % "dailycap: 3", "daily_cap"),
        (SPOT % "postion: first", "position"),
        (SPOT % "promote: {program: cheers}", "promotes"),
        (PLAN % "weekdays: mon", "days"),
        (PLAN % "day: mon", "days"),
        (PLAN % "date: 12-24", "dates"),
        (PLAN % "seasons: summer", "season"),
        ("channel: c\nnumber: 9\nname: C\nplans: [daily]\nsimulcst: wone\n", "simulcast"),
        ("channel: c\nnumber: 9\nname: C\nplan: [daily]\n", "plans"),
        ("channel: c\nnummer: 9\nname: C\nplans: [daily]\n", "number"),
        # nouns
        ("programme: x\nchain: [{synthetic: slate}]\n", "program"),
        ("breakformat: x\n", "break_format"),
        ("sythetic: x\nshows: card\n", "synthetic"),
        ("spots: x\nspot_of: {tag: ad}\n", "spot"),
        # words
        (PROGRAM + "mode: suffle\n", "shuffle"),
        (PROGRAM + "mode: Shuffle\n", "shuffle"),
        (PROGRAM + "mode: sequencial\n", "sequential"),
        (PROGRAM + "mode: cronological\n", "chronological"),
        (PROGRAM + "mode: marathone\n", "marathon"),
        (PROGRAM + "mode: weighed\n", "weighted"),
        ("synthetic: x\nshows: testpattern\n", "test_pattern"),
        ("synthetic: x\nshows: signoff\n", "sign_off"),
        ("synthetic: x\nshows: count-down\n", "countdown"),
        ("pool: x\nkind: advert\nspots: {tag: ad}\n", "ad"),
        ("pool: x\nkind: bumpers\nspots: {tag: ad}\n", "bumper"),
        ("break_format: x\notherwise: centre\n", "center"),
        ("break_format: x\notherwise: third\n", "thirds"),
        (PLAN % "days: monday-friday", "mon-fri"),
        (PLAN % "days: weekend", "weekends"),
        (PLAN % "days: Tues", "tue"),
        (PLAN % "nth: last friday", "last fri"),
        (PLAN % "on: us:thanks-giving", "us:thanksgiving"),
        (PLAN % "on: us:xmas-day", ""),
        (PLAN % "on: us:chrismas", "us:christmas"),
        (PLAN % "on: estaer", "easter"),
        (PLAN % "on: us:Independence Day", "us:independence"),
        (PLAN % 'on: "de:Tag der Deutschen Einheit"', "de:tag-der-deutschen-einheit"),
        (PLAN % "on: easter monday", "easter+1d"),
        (PLAN % "on: good-friday", "easter-2d"),
        (PLAN % "on: easter+1", "easter+1d"),
        (PLAN % "on: easter - 2 days", "easter-2d"),
        (PLAN % "nth: last weekday", ""),
        ('channel: c\nnumber: 9\nname: C\nplans: [daily]\nexpect: "friday 20:00 is cheers"\n', "fri"),
        ('channel: c\nnumber: 9\nname: C\nplans: [daily]\nexpect: "fri 20:00 is cheer"\n', "cheers"),
        # names of other documents
        (ZONE % "chears", "cheers"),
        (ZONE % "cheer", "cheers"),
        (ZONE % "nightcourt", "night-court"),
        (ZONE % "tom-n-jerry", "tom-and-jerry"),
        (ZONE % "test-patern", "test-pattern"),
        (ZONE % "movie-of-day", "movie-of-the-day"),
        (PROGRAM + "breaks: netwrok\n", "network"),
        (PROGRAM + "chain: [{bumper: station-ident}]\n".replace("chain", "chain"), "station-idents"),
        (PROGRAM + "overlays: [ratings]\n", "rating"),
        ("break_format: x\nfill_with: [stationidents]\n", "station-idents"),
    ],
)
def test_a_finding_proposes_what_was_meant(tmp_path: Path, text: str, meant: str) -> None:
    if text.count("chain:") == 2:
        text = text.replace("chain: [{synthetic: slate}]\n", "", 1)
    found = load(tmp_path, {"x.yaml": text, "others.yaml": OTHERS}).diagnostics
    helps = [d.help for d in found]
    if meant:
        assert any(f"did you mean “{meant}”?" in help for help in helps), helps
    else:
        assert not any("did you mean" in help for help in helps), helps


@pytest.mark.parametrize(
    ("text", "help"),
    [
        (PLAN % "days: sat, sun", "several values stand in brackets: “days: [sat, sun]”"),
        (
            PLAN % "days: mon, wed, fri, season: x",
            "several values stand in brackets: “days: [mon, wed, fri]”",
        ),
        (PLAN % "nth: 2nd tue, 4th tue", "several values stand in brackets: “nth: [2nd tue, 4th tue]”"),
    ],
)
def test_a_list_without_brackets(tmp_path: Path, text: str, help: str) -> None:
    found = load(tmp_path, {"x.yaml": text}).diagnostics
    assert {d.help for d in found if d.code == "unknown-key"} == {help}


def test_a_country_of_three_letters(tmp_path: Path) -> None:
    (found,) = load(tmp_path, {"x.yaml": PLAN % "on: usa:christmas"}).diagnostics
    assert found.help == "write a country as two letters, like “us:christmas”"
