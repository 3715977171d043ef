"""Over a minute of two channels and a late viewer: the signal is clean across every join, and the picture is
the one that the plan says, frame by frame, with its sound."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fixtures.shorts_station import ShortsStation
from tests.tools.barcode_reader import Reading, Shown, read, unwrap
from tests.tools.broadcast import Broadcast, Recording, until
from tests.tools.plan import ChannelPlan, against_plan, newest_artefact, read_plan
from tests.tools.ts_analyser import TsAnalyser
from tests.tools.ts_report import Report, Rules

SECONDS = 70
#: Joins that a capture of each channel must go over, at least.
LEAST = {"net": 4, "reel": 1}
LATE_AFTER = 20
LATE_SECONDS = 12

#: The most slate that a cold start on a busy machine may show (pictures), and that may be met later (share).
COLD_SLATE = 150
LATER_SLATE = 0.05


@dataclass
class Watched:
    """One viewer's capture, judged and decoded."""

    channel: str  #: slug
    recording: Recording
    plan: ChannelPlan
    report: Report
    reading: Reading
    shown: list[tuple[int, Shown]] = field(default_factory=list)  #: time stamps since the Unix epoch


@pytest.fixture(scope="module")
def watched(on_air: Broadcast, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Watched]:
    """Captures by name: "net" and "reel" cold, "late" joining net while it is on the air."""
    plans = [(read_plan(newest_artefact(on_air.state), name), least) for name, least in LEAST.items()]

    def joins_ahead() -> bool:
        now_us = round(time.time() * 1e6)
        begin, end = now_us + 2_000_000, now_us + (SECONDS - 4) * 1_000_000
        return all(len(plan.starting_between(begin, end)) >= least for plan, least in plans)

    # A long part of a programme has few; the next pod has many.
    until(joins_ahead, 200, "a minute with joins in it", every=0.5)
    net = Recording(on_air.url("5.1")).start(SECONDS)
    reel = Recording(on_air.url("5.2")).start(SECONDS)
    time.sleep(LATE_AFTER)
    late = Recording(on_air.url("5.1")).start(LATE_SECONDS)
    folder = tmp_path_factory.mktemp("captures")
    found = {}
    for name, channel, recording in (("net", "net", net), ("reel", "reel", reel), ("late", "net", late)):
        recording.join()
        found[name] = _judge(channel, recording, folder / f"{name}.ts", on_air)
    return found


def _judge(channel: str, recording: Recording, file: Path, on_air: Broadcast) -> Watched:
    # How punctual a busy machine is, is measured by benchmarks/joins.py and the soak test.
    analyser = TsAnalyser(Rules(stall_buffer_s=None))
    for data, at in recording.chunks:
        analyser.feed(data, at)
    file.write_bytes(recording.data)
    reading = read(file)
    near = recording.chunks[0][1]
    shown = [(unwrap(s.pts, near), s) for s in reading.shown]
    plan = read_plan(newest_artefact(on_air.state), channel)
    return Watched(channel, recording, plan, analyser.finish(), reading, shown)


@pytest.fixture(params=["net", "reel", "late"])
def viewer(request: pytest.FixtureRequest, watched: Mapping[str, Watched]) -> Watched:
    return watched[request.param]


def test_no_fault_in_the_transport_stream(viewer: Watched) -> None:
    assert viewer.report.ok, viewer.report.to_text()


def test_the_capture_went_over_joins(watched: Mapping[str, Watched]) -> None:
    for name, least in LEAST.items():
        shown, plan = watched[name].shown, watched[name].plan
        first, last = plan.tick_of(shown[0][0]), plan.tick_of(shown[-1][0])
        joins = [s for s in plan.segments if first < s.first_tick(plan.rate) <= last]
        assert len(joins) >= least, watched[name].reading.to_text()


def test_the_picture_is_at_station_time(viewer: Watched) -> None:
    """The first IDR is at most a GOP old when it comes, plus what a busy machine takes; never early."""
    behind = viewer.report.first_idr_behind_ms
    assert behind is not None
    assert -100 < behind < 2500, viewer.report.to_text()


def test_the_signal_runs_ahead_and_does_not_drift(watched: Mapping[str, Watched]) -> None:
    for name in ("net", "reel"):
        report = watched[name].report
        assert report.lead_ms is not None
        assert report.drift_ms is not None
        assert report.lead_ms[2] > 2000, report.to_text()
        assert abs(report.drift_ms) < 1000, report.to_text()


def test_the_screen_shows_what_is_planned(viewer: Watched, shorts: ShortsStation, on_air: Broadcast) -> None:
    result = against_plan(viewer.shown, newest_artefact(on_air.state), viewer.channel, shorts)
    evidence = "\n".join([str(result), *(result.wrong or []), viewer.reading.to_text(), on_air.log()])
    assert result.ok, evidence
    assert result.slate <= COLD_SLATE + LATER_SLATE * result.pictures, evidence
    # Where no rate is converted it is not nearly the frame, but the very frame.
    assert result.exact == result.same_rate, evidence


def test_joins_are_on_the_planned_tick(viewer: Watched) -> None:
    plan = viewer.plan
    planned = {s.first_tick(plan.rate) for s in plan.segments}
    near = viewer.recording.chunks[0][1]
    for before, after in viewer.reading.joins:
        if before.asset is not None and after.asset is not None:
            tick = plan.tick_of(unwrap(after.start_pts, near))
            assert tick in planned, viewer.reading.to_text()


def test_sound_and_picture_stay_together(watched: Mapping[str, Watched]) -> None:
    for name in ("net", "reel"):
        watch = watched[name]
        skews = []
        for segment in watch.reading.segments:
            if len(segment.av_ms) < 2 or segment.rate is None:
                continue
            median = segment.av_median_ms
            assert median is not None
            # Half an AAC frame; a converted rate adds half a picture.
            allowed = 20 if segment.rate == watch.plan.rate else 37
            assert abs(median) <= allowed, watch.reading.to_text()
            skews.append(median)
        assert skews, watch.reading.to_text()
        half = len(skews) // 2
        if half:
            assert abs(statistics.median(skews[half:]) - statistics.median(skews[:half])) < 25


def test_everybody_gets_the_same_signal(watched: Mapping[str, Watched]) -> None:
    """The late viewer's pictures are the first viewer's, stamp for stamp."""
    first = {pts: s.code for pts, s in watched["net"].shown}
    late = watched["late"].shown
    common = [(pts, s.code) for pts, s in late if pts in first]
    assert len(common) == len(late)
    assert all(first[pts] == code for pts, code in common)
