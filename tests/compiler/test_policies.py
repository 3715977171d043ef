"""Policies of the nearest holder rule a slot: breaks, traffic, overlays, how much fill is too much."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from retrovue.compiler.compile import compile_station
from retrovue.compiler.content_hash import content_hash
from retrovue.compiler.model import Compiled, CompiledTemplate, SegmentKind
from retrovue.station.model import BUILT_IN_OVERLAYS, Overlay
from tests.compiler.stations import asset, catalog, episode, series, spots, station

MONDAY = date(2026, 6, 1)
MARKS = (420_000_000, 840_000_000)
LIBRARY = catalog(
    [
        *(episode(show, 1, n, 1320, marks_us=MARKS) for show in ("cheers", "taxi", "mash") for n in (1, 2)),
        *spots(12),
        *(asset("promos", f"promo-{n}", 20) for n in range(6)),
    ]
)


def result(
    channel: dict[str, Any] | None = None,
    zone: dict[str, Any] | None = None,
    taxi: dict[str, Any] | None = None,
    **words: Any,
) -> Compiled:
    """cheers all day in one zone, taxi and mash in another; ``taxi`` is said of that program alone."""
    zones = [
        {"zone": "Day", "window": "06:00-18:00", "play": ["cheers"]},
        {"zone": "Night", "window": "18:00-06:00", "play": ["taxi", "mash"], **(zone or {})},
    ]
    model = station(
        [{"plan": "all", "zones": zones}],
        [series("cheers"), series("taxi", **(taxi or {})), series("mash")],
        pools=[
            {"pool": "ads", "spots": {"collection": "spots"}},
            {"pool": "promos", "kind": "promo", "spots": {"collection": "promos"}},
        ],
        formats=[
            {"break_format": "network", "fill_with": ["ads"]},
            {"break_format": "whole", "at": "none", "fill_with": ["ads"]},
        ],
        channels=[{"channel": "one", "number": "1", "name": "One", "plans": ["all"], **(channel or {})}],
        **{"breaks": "network", **words},
    )
    crawl = Overlay.model_validate({"overlay": "crawl", "shows": "crawl", "over_ads": True})
    model = model.model_copy(update={"overlays": {**BUILT_IN_OVERLAYS, "crawl": crawl}})
    return compile_station(model, LIBRARY, MONDAY, 1, 0)


def by_program(made: Compiled, what: Any) -> dict[str, set[Any]]:
    (day,) = made.days
    programs = {e.event_id: e.program for e in day.events}
    found: dict[str, set[Any]] = {}
    for segment in day.playlist:
        if (said := what(segment)) is not None:
            found.setdefault(programs[segment.event_id], set()).add(said)
    return found


def test_overlays_are_the_nearest_and_stay_off_spots_unless_asked() -> None:
    made = result(
        overlays=["bug"], zone={"overlays": ["bug", "rating"]}, taxi={"overlays": ["crawl", "now-next"]}
    )
    over = by_program(made, lambda s: s.overlays if s.kind is SegmentKind.PROGRAM else None)
    assert over == {"cheers": {("bug",)}, "mash": {("bug", "rating")}, "taxi": {("crawl", "now-next")}}
    over = by_program(made, lambda s: s.overlays if s.kind is SegmentKind.AD else None)
    assert over == {"cheers": {()}, "mash": {()}, "taxi": {("crawl",)}}
    none = result(overlays=["bug"], channel={"overlays": []})
    assert by_program(none, lambda s: s.overlays) == {"cheers": {()}, "mash": {()}, "taxi": {()}}


def test_an_overlays_definition_and_a_card_are_part_of_what_airs() -> None:
    made = result(overlays=["bug"])
    (rating,) = [o for o in made.overlays if o.overlay == "rating"]
    # What the definition leaves to its kind is filled in.
    assert (rating.corner, rating.size, rating.opacity, rating.animation) == ("top-left", 11, 100, "fade")
    assert rating.lasts_us == 15_000_000
    for other in (
        replace(made, overlays=tuple(replace(o, opacity=50) for o in made.overlays)),
        replace(made, templates=(CompiledTemplate("cards/ident.svg", "<svg/>"),)),
        replace(made, clock="24h"),
    ):
        assert content_hash(other) != content_hash(made)


def test_overlays_are_part_of_what_airs() -> None:
    assert result(overlays=["bug"]).content_hash != result().content_hash
    assert result(overlays=[]).content_hash == result().content_hash


def test_break_formats_and_pools_are_the_nearest() -> None:
    made = result(zone={"breaks": "whole"}, taxi={"traffic": {"pools": ["promos"]}})
    pieces = by_program(made, lambda s: s.in_us if s.kind is SegmentKind.PROGRAM else None)
    assert pieces["cheers"] == {0, *MARKS}
    assert pieces["mash"] == pieces["taxi"] == {0}
    pools = by_program(made, lambda s: s.pool or None)
    assert pools == {"cheers": {"ads"}, "mash": {"ads"}, "taxi": {"promos"}}
    made = result(channel={"traffic": {"pools": ["promos", "ads"]}}, zone={"traffic": {"pools": ["ads"]}})
    pools = by_program(made, lambda s: s.pool or None)
    assert pools == {"cheers": {"ads", "promos"}, "mash": {"ads"}, "taxi": {"ads"}}


def test_too_much_fill_names_the_block() -> None:
    assert "max-fill" not in {d.code for d in result().diagnostics}
    found = [d for d in result(zone={"max_fill": "7m"}).diagnostics if d.code == "max-fill"]
    assert len(found) == 2
    assert "airs 8.0 min of interstitials in half an hour at 18:00 on Mon 01 Jun 2026" in found[0].headline
    assert len([d for d in result(max_fill="7m").diagnostics if d.code == "max-fill"]) == 3


def test_cues_are_the_stations_until_a_channel_says_otherwise() -> None:
    def compiled(channel: dict[str, Any], **words: Any) -> tuple[str, object]:
        found = result(channel, **words)
        return found.channels[0].cues, found.days

    assert compiled({})[0] == "off"
    assert compiled({}, cues="time_signal")[0] == "time_signal"
    assert compiled({"cues": "off"}, cues="time_signal")[0] == "off"
    assert compiled({"cues": "splice_insert"})[0] == "splice_insert"
    assert compiled({})[1] == compiled({}, cues="time_signal")[1], "what airs is the same"
