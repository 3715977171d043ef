"""One broadcast day of a small network, as a person reads it; a change of it is a change of what airs."""

from __future__ import annotations

from datetime import date

from syrupy.assertion import SnapshotAssertion

from tests.compiler.stations import (
    assert_tiles,
    asset,
    catalog,
    compiled,
    episode,
    local,
    series,
    spots,
    station,
)


def test_a_day_of_a_network(snapshot: SnapshotAssertion) -> None:
    cartoon = {"episodes": {"collection": "sitcoms", "series": "cartoons"}}
    model = station(
        [
            {
                "plan": "weekday",
                "when": {"days": "mon-fri"},
                "zones": [
                    {"zone": "Morning", "window": "06:00-09:00", "play": ["cartoons"]},
                    {"zone": "Day", "window": "09:00-19:00", "play": ["cheers", "drama"]},
                    {
                        "zone": "Prime",
                        "window": "19:00-23:00",
                        "play": ["cheers"],
                        "at": {"20:00": "drama", "21:00": "films"},
                    },
                    {"zone": "Night", "window": "23:00-04:00", "play": ["films"], "bleed": "allow"},
                ],
            },
            {
                "plan": "thanksgiving",
                "when": {"on": "us:thanksgiving"},
                "priority": 30,
                "zones": [{"zone": "Marathon", "window": "12:00-18:00", "play": ["cheers"]}],
            },
        ],
        [
            {"program": "cartoons", "title": "Cartoon Hour", "chain": [cartoon, cartoon, cartoon]},
            series("cheers", rating="TV-PG"),
            series("drama", mode="shuffle"),
            {"program": "films", "chain": [{"episodes": {"collection": "films"}}], "mode": "random"},
        ],
        pools=[
            {"pool": "ads", "spots": {"collection": "spots"}},
            {"pool": "back", "spots": {"collection": "bumps"}, "kind": "bumper"},
        ],
        formats=[
            {"break_format": "network", "otherwise": "thirds", "fill_with": ["ads"], "close_with": "back"}
        ],
        breaks="network",
        epoch=date(2026, 11, 20),
    )
    library = catalog(
        [
            *(episode("cartoons", 1, n, 420 + n / 7, rate="24000/1001") for n in range(1, 7)),
            *(
                episode("cheers", s, n, 1321.32 + n, marks_us=(410_000_000, 870_000_000))
                for s in (1, 2)
                for n in (1, 2, 3)
            ),
            *(episode("drama", 1, n, 2820.5, rate="30000/1001") for n in range(1, 5)),
            *(
                asset("films", f"film-{n}", 4500 + 421 * n, title=f"Film {n}", year=1950 + n)
                for n in range(4)
            ),
            *spots(17, (30.03, 15.015)),
            asset("bumps", "back", 4.2, title="And now back"),
        ]
    )
    result = compiled(model, library, date(2026, 11, 26), days=1)
    assert_tiles(result)
    lines = []
    for event in result.days[0].events:
        number = "" if event.season is None else f" S{event.season:02}E{event.episode:02}"
        rating = f" [{event.rating}]" if event.rating else ""
        lines.append(
            f"{local(result, event.start_us)} {event.kind:<9} {event.title}: {event.subtitle}{number}{rating}"
            f" ({event.plan}/{event.zone})"
        )
    evening = next(e for e in result.days[0].events if local(result, e.start_us) == "Thu 19:00")
    lines.append("")
    for s in result.days[0].playlist:
        if s.event_id == evening.event_id:
            lines.append(
                f"{local(result, s.start_us)} {s.duration_us:>12} {s.kind.value:<8} {s.in_us:>12} {s.title}"
            )
    lines += ["", *(d.headline for d in result.diagnostics)]
    assert "\n".join(lines) == snapshot
