"""Beginnings: ``from: S09E01`` of a zone's entry, which no episode is; pure.

A rotation that begins there begins with the episode that follows, as it goes on where one was retired. That
is said whenever the station is compiled: long after the rotation began, it is still a slip of the pen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from retrovue.compiler.rotation import begin_number
from retrovue.compiler.shelf import Shelf, asked_by, matches
from retrovue.diagnostics import Span
from retrovue.library.catalog import Asset
from retrovue.station.model import Channel, PlayItem, PlayMode, Query, StationModel


@dataclass(frozen=True, slots=True)
class NoBeginning:
    """An entry of a zone that begins with an episode that isn't there."""

    plan: str
    zone: str
    entry: str  #: its number in the list, or the time of its pin
    program: str
    begin: str  #: "S09E01"
    starts: str  #: what its rotation begins with instead
    there: str  #: what there is
    span: Span | None


def missing_beginnings(model: StationModel, channel: Channel, shelf: Shelf) -> Iterator[NoBeginning]:
    """Those of the channel's plans, in order."""
    for slug in dict.fromkeys(channel.plans):
        plan = model.plans.get(slug)
        for index, zone in enumerate(plan.zones if plan is not None else ()):
            entries: list[tuple[str, str | int, str | PlayItem]] = [
                *(("play", n, item) for n, item in enumerate(zone.play)),
                *(("at", time, item) for time, item in zone.at.items()),
            ]
            for field, key, item in entries:
                if isinstance(item, str) or item.from_ is None:
                    continue
                if (found := _missing(model, item, shelf)) is not None and plan is not None:
                    span = plan.place("zones", index, field, key, "from")
                    yield NoBeginning(slug, zone.zone, str(key), item.program, item.from_, *found, span)


def _missing(model: StationModel, item: PlayItem, shelf: Shelf) -> tuple[str, str] | None:
    """What the rotation begins with, and what there is; None where the episode is there, or none at all."""
    program, number = model.programs.get(item.program), begin_number(item.from_)
    if program is None or program.rerun_of is not None or number is None:
        return None
    if (item.mode or program.mode) not in (PlayMode.SEQUENTIAL, PlayMode.CHRONOLOGICAL):
        return None
    queries = [node.episodes for node in program.chain if node.episodes is not None]
    answers = [found for found in map(shelf.select, queries) if len(found)]
    numbers = [_number(asset) for found in answers for asset in found.assets]
    # One that has retired was there, and will be again when its file comes back.
    if not answers or number in numbers or _is_off_the_air(queries, number, shelf):
        return None
    borne = sorted(
        {(season, episode) for season, episode in numbers if season is not None and episode is not None}
    )
    first = answers[0].assets[answers[0].number(*number)]
    return _called(first), f"{_said(borne[0])} to {_said(borne[-1])}" if borne else ""


def _is_off_the_air(queries: Sequence[Query], number: tuple[int, int], shelf: Shelf) -> bool:
    return any(
        _number(asset) == number and matches(asset, query)
        for query in queries
        for asset in shelf.catalog.having(asked_by(query), eligible=False)
    )


def _number(asset: Asset) -> tuple[int | None, int | None]:
    return asset.season, asset.episode


def _called(asset: Asset) -> str:
    season, episode = _number(asset)
    return _said((season, episode)) if season is not None and episode is not None else f"“{asset.id}”"


def _said(number: tuple[int, int]) -> str:
    return f"S{number[0]:02}E{number[1]:02}"
