"""``retrovue why``: the chain from the plan to the pick, in words that are true of the YAML."""

from __future__ import annotations

import json
from datetime import date, datetime
from fractions import Fraction
from pathlib import Path

import pytest

from retrovue.playout.as_run import AsRunRecord
from retrovue.playout.as_run_journal import append
from retrovue.playout.ticks import TickGrid
from retrovue.units import to_us
from tests.changes.conftest import AS_OF, commit, edit, git
from tests.cli.run import run

#: Thanksgiving of 2026.
HOLIDAY = "2026-11-26"


@pytest.fixture
def artefact(folder: Path, tmp_path: Path) -> Path:
    path = tmp_path / "artefact.duckdb"
    compiled = run(
        *("compile", str(folder), "--from", HOLIDAY, "--days", "2", "--as-of", AS_OF),
        *("--output", str(path), "--quiet"),
    )
    assert compiled.code == 0, compiled.err
    return path


def line_of(file: Path, text: str) -> int:
    return next(n for n, line in enumerate(file.read_text().splitlines(), 1) if text in line)


def test_a_pinned_programme_from_the_artefact_alone(folder: Path, artefact: Path) -> None:
    ran = run("why", "5.1", f"{HOLIDAY} 21:10", "--artefact", str(artefact))
    assert (ran.code, ran.err) == (0, "")
    plan = folder / "plans" / "all.yaml"
    said = ran.out
    assert said.startswith("5.1 Channel One, Thu 26 Nov 21:00-22:30: Charade (1963)\n")
    for expected in (
        "  channel    one\n",
        "  plan       all (every day)\n             plans/all.yaml:1:",
        f"  zone       Prime Time (19:00-23:00)\n             plans/all.yaml:{line_of(plan, 'Prime Time')}:",
        f"  entry      film: pinned to 21:00\n             plans/all.yaml:{line_of(plan, 'film')}:",
        "  program    film, sequential: episodes of collection films\n             programs.yaml:9:",
        "  pick       films/",
        "  breaks     network\n             library.yaml:",
    ):
        assert expected in said
    assert "over" not in said


def test_a_plan_that_gave_way_and_why(folder: Path, artefact: Path) -> None:
    ran = run("why", "one", f"{HOLIDAY} 14:00", "--artefact", str(artefact), "--json")
    document = json.loads(ran.out)
    assert document["event"]["zone"] == "Marathon"
    (lost,) = document["overridden"]
    assert (lost["plan"], lost["zone"], lost["by"]) == ("all", "Day", "thanksgiving")
    assert lost["reason"] == "priority 30 beats 0"
    assert (lost["start"], lost["end"]) == ("2026-11-26T17:00:00Z", "2026-11-27T00:00:00Z")
    links = {link["link"]: link for link in document["chain"]}
    assert links["plan"]["is"] == "thanksgiving (on us:thanksgiving, priority 30)"
    assert links["entry"]["is"] == "taxi: number 1 of 1 in turn"
    assert "before it sitcoms/taxi/S01E" in links["pick"]["is"]
    # On the day after, nothing gives way.
    ordinary = run("why", "5.1", "2026-11-27 14:00", "--artefact", str(artefact), "--json")
    assert json.loads(ordinary.out)["overridden"] == []


def test_the_more_specific_plan_wins(folder: Path) -> None:
    edit(folder / "plans" / "holiday.yaml", "priority: 30\n", "")
    ran = run("why", "5.1", f"{HOLIDAY} 14:00", str(folder))
    assert "more specific: “on us:thanksgiving” beats “every day”" in ran.out


def test_a_spot_has_its_pool(folder: Path, artefact: Path) -> None:
    from retrovue.store import Artefact

    with Artefact.open(artefact) as art:
        ads = [s for s in art.segments("one", 0, 2**60) if s.pool == "ads"]
    at = ads[3].start_us // 1_000_000 + 1
    from datetime import UTC, datetime

    instant = datetime.fromtimestamp(at, UTC).isoformat()
    ran = run("why", "5.1", instant, "--artefact", str(artefact))
    assert f"[{ads[3].asset_id}]" in ran.out
    assert "  pool       ads; shuffle of collection spots\n             library.yaml:" in ran.out


def test_off_the_air(folder: Path, artefact: Path) -> None:
    ran = run("why", "5.1", f"{HOLIDAY} 23:30", "--artefact", str(artefact))
    assert "  plan       none has a zone here: off the air\n" in ran.out


def test_candidates_and_commits_from_the_station(folder: Path) -> None:
    edit(folder / "plans" / "all.yaml", '"21:00": film', '"21:30": film')
    second = commit(folder, "Film at ten")
    ran = run("why", "5.1", "2026-06-02 22:30", str(folder))
    assert ran.code == 0, ran.err
    assert "number 1 of 2" in ran.out or "number 2 of 2" in ran.out
    assert f"{second[:10]} " in ran.out
    assert "Ann: Film at ten" in ran.out
    assert "Ann: A station" in ran.out
    edit(folder / "plans" / "all.yaml", '"21:30": film', '"21:30": film  # at ten')
    assert "not committed yet" in run("why", "5.1", "2026-06-02 22:30", str(folder)).out


def left(state: Path, first: str, seconds: int, kind: str, **more: str) -> None:
    """The as-run log has this run of channel one."""
    grid = TickGrid(Fraction(25))
    start = grid.at(to_us(datetime.fromisoformat(first)))
    record = AsRunRecord(
        "one", date.fromisoformat(HOLIDAY), f"s{start}", 0, "25", start, 25 * seconds, grid.start_us(start),
        grid.start_us(start + 25 * seconds), kind, closed=True, **more,  # type: ignore[arg-type]
    )  # fmt: skip
    append(state / "as-run", [record], frozenset())


def test_what_really_left_is_told_where_it_was_not_the_plan(folder: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    left(state, f"{HOLIDAY}T21:10:00-05:00", 60, "override", synthetic="sign-off", cause="sign-off")
    left(state, f"{HOLIDAY}T21:11:00-05:00", 60, "real", crawl="Fog.")
    left(state, f"{HOLIDAY}T21:12:00-05:00", 60, "real")

    def why(at: str) -> dict[str, str]:
        document = json.loads(run("why", "5.1", f"{HOLIDAY} {at}", str(folder), "--json").out)
        return {link["link"]: link["is"] for link in document["chain"]}

    assert why("21:10:30")["left"] == "override [sign-off], 21:10:00 to 21:11:00: sign-off (as-run)"
    assert why("21:11:30")["left"] == "real, 21:11:00 to 21:12:00, under the crawl “Fog.” (as-run)"
    assert "left" not in why("21:12:30"), "it was the plan"
    assert "left" not in why("21:13:30"), "nobody watched, and nobody knows"
    said = run("why", "5.1", f"{HOLIDAY} 21:10:30", str(folder)).out
    assert "  plan       all (every day)" in said
    assert "  left       override [sign-off]" in said


def test_an_order_in_force_is_told_for_as_long_as_it_is(folder: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(exist_ok=True)
    since, until = f"{HOLIDAY}T21:00:00-05:00", f"{HOLIDAY}T22:00:00-05:00"
    own = {"emergency": {"text": "Fog.", "mode": "takeover", "since": since, "until": until}}
    orders = {"format": 1, "everywhere": {"sign_off": {"since": since}}, "channels": {"one": own}}
    (state / "orders.json").write_text(json.dumps(orders))
    ordered = (
        "  ordered    emergency (takeover), in force from Thu 26 Nov 21:00 until Thu 26 Nov 22:00: Fog.\n"
    )
    assert ordered in run("why", "5.1", f"{HOLIDAY} 21:10", str(folder)).out
    for before_or_after in ("20:59", "22:00"):
        assert "ordered" not in run("why", "5.1", f"{HOLIDAY} {before_or_after}", str(folder)).out
    (state / "orders.json").write_text(json.dumps({**orders, "channels": {}}))
    ordered = "  ordered    sign-off, in force from Thu 26 Nov 21:00 until the sign-on\n"
    assert ordered in run("why", "5.1", f"{HOLIDAY} 23:10", str(folder)).out
    # What left says more than what was to.
    left(state, f"{HOLIDAY}T21:10:00-05:00", 60, "override", synthetic="sign-off", cause="sign-off")
    assert "ordered" not in run("why", "5.1", f"{HOLIDAY} 21:10:30", str(folder)).out
    (state / "orders.json").write_text('{"format": 1, "everywhere": [], "channels": []}')
    ran = run("why", "5.1", f"{HOLIDAY} 21:20", str(folder))
    assert (ran.code, "orders.json can't be read" in ran.err) == (0, True)


def test_blame_is_of_the_commit_that_was_compiled(folder: Path) -> None:
    assert run("compile", str(folder), "--as-of", AS_OF, "--quiet").code == 0
    edit(folder / "plans" / "all.yaml", "plan: all", "# new\n# lines\nplan: all")
    commit(folder, "Two lines above")
    edit(folder / "plans" / "all.yaml", "# new", "# newer")
    ran = run("why", "5.1", "2026-06-02 21:30", str(folder))
    assert "Two lines above" not in ran.out
    assert "not committed" not in ran.out
    assert "Ann: A station" in ran.out


@pytest.mark.parametrize(
    ("time", "start"),
    [
        ("2026-11-26 21:10", "2026-11-27T02:00:00Z"),
        ("2026-11-26T21:10", "2026-11-27T02:00:00Z"),
        ("2026-11-26T21:10:00-05:00", "2026-11-27T02:00:00Z"),
        ("2026-11-27T02:10:00Z", "2026-11-27T02:00:00Z"),
        ("2026-11-27 06:29:59", "2026-11-27T11:00:00Z"),
        ("2026-11-27 06:30", "2026-11-27T11:30:00Z"),
    ],
)
def test_times(artefact: Path, time: str, start: str) -> None:
    ran = run("why", "5.1", time, "--artefact", str(artefact), "--json")
    assert json.loads(ran.out)["event"]["start"] == start


@pytest.mark.parametrize("time", ["noonish", "25:00", "2026-13-01 20:00", "20:61", "2026-11-26", ""])
def test_no_time(artefact: Path, time: str) -> None:
    ran = run("why", "5.1", time, "--artefact", str(artefact))
    assert ran.code == 1
    assert "is no time" in ran.err


def test_mistakes_are_said(folder: Path, artefact: Path) -> None:
    assert "channels: 5.1 (one)" in run("why", "7", "now", "--artefact", str(artefact)).err
    outside = run("why", "5.1", "2030-01-01 20:00", "--artefact", str(artefact))
    assert outside.code == 1
    assert "it covers Thu 26 Nov 2026" in outside.err
    assert run("why", "5.1", "now").code == 1
    # A folder that git doesn't know has no commits, and all the rest.
    git_folder = folder.parent.parent / ".git"
    git_folder.rename(git_folder.with_name("gone"))
    assert run("why", "5.1", "2026-06-02 21:30", str(folder)).code == 0


def test_git_is_asked_with_an_argument_list(folder: Path) -> None:
    odd = folder / "plans" / "$(touch pwned); x'\".yaml"
    odd.write_text("plan: odd\npriority: 9\nzones: [{ zone: Odd, window: 10:00-11:00, play: [taxi] }]\n")
    edit(folder / "channel.yaml", "plans: [all,", "plans: [odd, all,")
    commit(folder, "Odd names")
    ran = run("why", "5.1", "2026-06-02 10:10", str(folder))
    assert "Ann: Odd names" in ran.out
    assert not list(folder.rglob("pwned"))
    assert git(folder, "status", "--porcelain") == ""


def test_a_simulcast_names_the_plan_that_it_carries(folder: Path) -> None:
    (folder / "plus.yaml").write_text(
        'channel: plus\nnumber: "5.2"\nname: Plus One\nsimulcast: one\ndelay: 1h\n'
    )
    ran = run("why", "5.2", f"{HOLIDAY} 20:30", str(folder), "--json")
    assert ran.code == 0, ran.err
    document = json.loads(ran.out)
    links = {link["link"]: link["is"] for link in document["chain"]}
    assert links["simulcast"] == "of one, 1h later"
    assert links["zone"] == "Marathon (12:00-20:00)"
    assert links["breaks"].startswith("network")
    (lost,) = document["overridden"]
    # Prime Time of 19:00 gave way, an hour later.
    assert (lost["zone"], lost["start"], lost["end"]) == (
        "Prime Time",
        "2026-11-27T01:00:00Z",
        "2026-11-27T02:00:00Z",
    )


def test_a_synthetic_of_the_list_is_what_was_asked_for(folder: Path) -> None:
    edit(folder / "plans" / "all.yaml", "play: [cheers]\n    at:", "play: [slate]\n    at:")
    ran = run("why", "5.1", "2026-06-02 19:10", str(folder))
    assert ran.code == 0, ran.err
    assert "  entry      slate: number 1 of 1 in turn\n" in ran.out
    assert "  program    slate, synthetic: generated: slate\n" in ran.out
    assert "could start" not in ran.out


def test_time_that_a_zone_leaves_open(folder: Path, tmp_path: Path) -> None:
    """The zone has that time, and says itself that nothing airs between its pins."""
    plan = folder / "plans" / "all.yaml"
    edit(plan, "play: [cheers]\n    at:", "gap: off_air\n    at:")
    path = tmp_path / "gap.duckdb"
    words = ("compile", str(folder), "--from", "2026-06-02", "--days", "1", "--as-of", AS_OF)
    assert run(*words, "--output", str(path), "--quiet").code == 0
    ran = run("why", "5.1", "2026-06-02 19:10", "--artefact", str(path))
    place = f"plans/all.yaml:{line_of(plan, 'Prime Time')}:"
    assert "  plan       all\n" in ran.out
    assert (
        f"  zone       Prime Time, gap: off_air: nothing airs but what is pinned\n             {place}"
        in ran.out
    )
    assert "none has a zone" not in ran.out
    assert "over" not in ran.out
    document = json.loads(run("why", "5.1", "2026-06-02 19:10", "--artefact", str(path), "--json").out)
    assert document["overridden"] == []
    assert "none has a zone" in run("why", "5.1", "2026-06-02 23:30", "--artefact", str(path)).out


def test_what_a_manual_program_lists(folder: Path) -> None:
    with (folder / "programs.yaml").open("a") as file:
        file.write(
            "---\nprogram: listed\nchain: [{ episodes: { collection: sitcoms } }]\nmode: manual\nairings:\n"
            "  - { on: 2026-06-01, episode: S01E02 }\n"
            "  - { on: 2026-06-02, asset: sitcoms/taxi/S01E03 }\n"
        )
    edit(folder / "plans" / "all.yaml", '"21:00": film', '"21:00": listed')
    ran = run("why", "5.1", "2026-06-02 21:10", str(folder))
    place = f"programs.yaml:{line_of(folder / 'programs.yaml', 'taxi/S01E03')}:5"
    assert f"  listed     sitcoms/taxi/S01E03 on Tue 02 Jun 2026\n             {place}" in ran.out
    assert "  pick       sitcoms/taxi/S01E03\n" in ran.out
    ran = run("why", "5.1", "2026-06-01 21:10", str(folder))
    assert "  listed     S01E02 on Mon 01 Jun 2026\n" in ran.out


def clocks(folder: Path, time: str, dst: str) -> str:
    """What is said of the clocks, with the station's ``dst``."""
    if "dst:" not in (folder / "station.yaml").read_text():
        edit(folder / "station.yaml", "breaks: network\n", f"breaks: network\ndst: {dst}\n")
        night = "zones:\n  - { zone: Night, window: 23:00-06:00, play: [cheers] }\n"
        edit(folder / "plans" / "all.yaml", "zones:\n", night)
    ran = run("why", "5.1", time, str(folder), "--json")
    assert ran.code == 0, ran.err
    links = [link for link in json.loads(ran.out)["chain"] if link["link"] == "clocks"]
    assert all(link["written_at"].startswith("station.yaml:") == ("{}" not in dst) for link in links)
    return "; ".join(link["is"] for link in links)


def test_an_hour_that_comes_twice_is_repeated(folder: Path) -> None:
    dst = "{ fall: repeat }"
    said = "01:00-02:00 comes twice, and what started in it airs again (fall: repeat)"
    assert clocks(folder, "2026-11-01T01:10:00-05:00", dst) == said
    assert clocks(folder, "2026-11-01T01:40:00-05:00", dst) == said
    for other in ("2026-11-01T01:10:00-04:00", "2026-11-01T02:10:00-05:00", "2026-11-02T01:10:00-05:00"):
        assert clocks(folder, other, dst) == ""


def test_an_hour_that_comes_twice_is_filled(folder: Path) -> None:
    said = "01:00-02:00 comes twice, and the zone goes on (fall: fill)"
    assert clocks(folder, "2026-11-01T01:10:00-05:00", "{}") == said
    assert clocks(folder, "2026-11-01T02:10:00-05:00", "{}") == ""


def test_a_night_that_is_squeezed(folder: Path) -> None:
    edit(folder / "station.yaml", "2026-05-30", "2026-03-01")
    dst = "{ spring: compress }"
    said = "02:00-06:00 is squeezed into 03:00-06:00 (spring: compress)"
    assert clocks(folder, "2026-03-08 03:10", dst) == said
    assert clocks(folder, "2026-03-08 05:40", dst) == said
    assert clocks(folder, "2026-03-08 06:10", dst) == clocks(folder, "2026-03-08 01:40", dst) == ""


def passed(folder: Path, time: str) -> list[str]:
    ran = run("why", "5.1", time, str(folder), "--json")
    assert ran.code == 0, ran.err
    links = [link for link in json.loads(ran.out)["chain"] if link["link"] == "passed"]
    assert all(link["written_at"].startswith("plans/all.yaml:") for link in links)
    return [link["is"] for link in links]


def test_why_each_entry_of_a_list_could_not_start(folder: Path) -> None:
    edit(folder / "plans" / "all.yaml", "window: 19:00-23:00\n    play: [cheers]", PASSED)
    with (folder / "programs.yaml").open("a") as file:
        file.write(MORE_PROGRAMS)
    assert passed(folder, "2026-06-02 22:40") == [
        "film: too long: 1h15m at least, and 30m were left",
        "early: may start not after 22:00",
        "empty: nothing of it is ready and approved",
        "listed: it lists nothing for Tue 02 Jun 2026",
        "mixed: what it had next is longer than the 30m that were left",
    ]
    said = run("why", "5.1", "2026-06-02 22:40", str(folder)).out
    place = f"plans/all.yaml:{line_of(folder / 'plans' / 'all.yaml', 'early')}:18"
    assert f"  passed     early: may start not after 22:00\n             {place}" in said
    # Nobody else's turn: one after the other.
    assert passed(folder, "2026-06-02 12:10") == passed(folder, "2026-06-02 20:10") == []


#: From 21:00 on it has something for all of two hours but the last half hour.
PASSED = """window: 19:00-23:00
    play: [film, early, empty, listed, mixed]"""
MORE_PROGRAMS = """\
---
program: early
chain: [{ episodes: { collection: sitcoms, series: cheers } }]
not_after: "22:00"
---
program: empty
chain: [{ episodes: { collection: sitcoms, series: wings } }]
---
program: listed
chain: [{ episodes: { collection: sitcoms } }]
mode: manual
airings: [{ on: 2026-06-05, episode: S01E02 }]
---
program: mixed
chain: [{ episodes: { collections: [films, sitcoms] } }]
"""


def test_whose_turn_it_was_and_who_aired_instead(folder: Path) -> None:
    edit(
        folder / "plans" / "all.yaml",
        "window: 06:00-19:00\n    play: [cheers]",
        "window: 06:00-19:00\n    play: [film, cheers]",
    )
    # At 06:00 the film may not start, at 06:30 neither: each time it is its turn again.
    said = ["film: may start not before 21:00"]
    assert passed(folder, "2026-06-02 06:10") == passed(folder, "2026-06-02 06:40") == said


def test_assets_that_may_not_start_then(folder: Path) -> None:
    lock = folder / "catalog.lock" / "sitcoms.jsonl"
    lines = lock.read_text().splitlines()

    def barred(count: int) -> list[str]:
        rules = [{"dayparts": ["06:00-12:00"]}] * count + [{}] * (len(lines) - count)
        lock.write_text(
            "".join(json.dumps({**json.loads(a), **b}) + "\n" for a, b in zip(lines, rules, strict=True))
        )
        return passed(folder, "2026-06-02 19:10")

    assert barred(0) == []
    assert barred(5) == ["cheers: none of its assets may start at that time of day"]
