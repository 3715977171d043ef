"""Faults, injected into a station on the air, and what a viewer sees of each.

``FAULTS`` is the table: what is done, and to which channel of the station of shorts. Used by the tests, and
by ``benchmarks/faults.py``, which prints it.
"""

from __future__ import annotations

import contextlib
import os
import re
import resource
import shutil
import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from fixtures.shorts_station import ShortsStation
from retrovue.playout import as_run_log
from tests.tools.barcode_reader import read, unwrap
from tests.tools.broadcast import Broadcast, Recording, until
from tests.tools.hanging_store import HangingStore, mounted
from tests.tools.plan import ChannelPlan, Planned, asset_files, newest_artefact, picture_start, read_plan
from tests.tools.ts_analyser import TsAnalyser
from tests.tools.ts_report import Rules

CHANNELS = {"net": "5.1", "reel": "5.2"}
#: The lead and the arming come before a segment's time: nobody has opened one that begins later than this.
UNOPENED_S = 13.0
#: How the station tells of a file that is shorter than it was.
ENDED_EARLY = "asset ended early"
#: For so many pictures a stand-in is to have been on the air (ticks of the channel's rate).
_SEEN = 60
#: What stands in for everything on both channels.
STAND_IN = 91


@dataclass
class Scene:
    """A channel that is being watched."""

    on_air: Broadcast
    station: ShortsStation
    channel: str
    plan: ChannelPlan
    files: dict[str, str]  #: asset id → file below media/
    viewer: Recording
    notes: list[str] = field(default_factory=list)
    undo: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def now(self, ahead_s: float = 0.0) -> Planned:
        """What is planned ``ahead_s`` seconds from now."""
        found = self.plan.at_tick(self.plan.tick_of(round((time.time() + ahead_s) * 90_000)))
        assert found is not None
        return found

    def stood_in(self) -> int:
        """For how many pictures a stand-in has been on this channel, by the station's own log: a moment to
        wait for. What really was on the screen is judged afterwards."""
        logged = as_run_log.read(self.on_air.state / "as-run", [self.channel])
        return sum(r.end_tick - r.first_tick for r in logged if r.kind == "fallback")

    def media(self, planned: Planned) -> Path:
        return self.station.folder / "media" / self.files[planned.asset_id]

    def producers(self, file: Path) -> list[int]:
        """Pids of the ffmpegs that read ``file``."""
        return [p.pid for p in self.on_air.ffmpegs() if any(a.endswith(str(file)) for a in p.argv)]

    @contextlib.contextmanager
    def own_copy(self, file: Path) -> Iterator[Path]:
        """The file as it may be damaged: the clips are hard links to a shared cache. Put back at the end."""
        kept = file.with_suffix(file.suffix + ".kept")
        file.rename(kept)
        try:
            file.write_bytes(kept.read_bytes())
            yield file
        finally:
            kept.replace(file)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the viewer saw of a fault."""

    fault: str
    channel: str
    pictures: int
    agree: int  #: the planned frame of the planned asset
    slate: int
    stand_in: int
    wrong: int  #: anything else
    ts_faults: int
    stayed: bool  #: the connection lasted
    behind_ms: float | None  #: of the last picture that is planned, against its place in the plan
    notes: tuple[str, ...]


def kill_producers(scene: Scene) -> None:
    """kill -9 of every ffmpeg."""
    for child in scene.on_air.ffmpegs():
        os.kill(child.pid, signal.SIGKILL)


def stop_producers(scene: Scene) -> None:
    """SIGSTOP of every ffmpeg: alive, and silent."""
    for child in scene.on_air.ffmpegs():
        os.kill(child.pid, signal.SIGSTOP)


def take_the_file_away(scene: Scene) -> None:
    """The file that airs is removed, then its ffmpeg dies, too."""
    file = scene.media(scene.now())
    away = file.with_suffix(file.suffix + ".away")
    file.rename(away)
    scene.undo.callback(away.rename, file)
    kill_producers(scene)


def truncate_the_file(scene: Scene) -> None:
    """The file that airs loses its second half under the running ffmpeg."""
    file = scene.media(scene.now())
    size = file.stat().st_size
    victims = scene.producers(file)
    # The running ffmpeg holds the linked file; let it open a copy of the same name, then cut that.
    copy = scene.undo.enter_context(scene.own_copy(file))
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    until(lambda: bool(scene.producers(file)), 20, "the producer is started again")
    time.sleep(0.3)
    told = scene.on_air.log().count(ENDED_EARLY)
    os.truncate(copy, size // 5)
    # What it has read ahead airs yet.
    until(lambda: scene.on_air.log().count(ENDED_EARLY) > told, 30, "the producer is at the file's new end")


def garbage_before_its_time(scene: Scene) -> None:
    """The next file but one is overwritten with noise before anybody has opened it."""
    following = _next_asset(scene, UNOPENED_S)
    file = scene.undo.enter_context(scene.own_copy(scene.media(following)))
    file.write_bytes(os.urandom(200_000))
    time.sleep(max(0.0, following.start_us / 1e6 + 3 - time.time()))


def no_file_before_its_time(scene: Scene) -> None:
    """The next file but one is taken away before anybody has opened it."""
    following = _next_asset(scene, UNOPENED_S)
    file = scene.media(following)
    away = file.with_suffix(file.suffix + ".away")
    file.rename(away)
    scene.undo.callback(away.rename, file)
    time.sleep(max(0.0, following.start_us / 1e6 + 3 - time.time()))


def _next_asset(scene: Scene, ahead_s: float) -> Planned:
    at_us = round((time.time() + ahead_s) * 1e6)
    current = scene.now(ahead_s).asset_id
    return next(s for s in scene.plan.segments if s.start_us >= at_us and s.asset_id not in ("", current))


def fill_the_disk(scene: Scene) -> None:
    """The station can't write another byte to any file for some seconds."""
    everything = resource.prlimit(scene.on_air.pid, resource.RLIMIT_FSIZE)
    # Only the soft limit: the hard one could not be raised again by everybody.
    resource.prlimit(scene.on_air.pid, resource.RLIMIT_FSIZE, (0, everything[1]))
    time.sleep(6)
    resource.prlimit(scene.on_air.pid, resource.RLIMIT_FSIZE, everything)


def hundred_tune_ins(scene: Scene) -> None:
    """A hundred requests for the channel within a second."""
    answers: list[int] = []
    slowest: list[float] = []

    def ask() -> None:
        began = time.monotonic()
        try:
            with urllib.request.urlopen(scene.on_air.url(CHANNELS[scene.channel]), timeout=20) as answer:
                answer.read(188)
                answers.append(answer.status)
                slowest.append(time.monotonic() - began)
                time.sleep(2)
        except urllib.error.HTTPError as error:
            answers.append(error.code)
            slowest.append(time.monotonic() - began)

    threads = [threading.Thread(target=ask) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    served, busy = answers.count(200), answers.count(503)
    scene.notes.append(f"{served} served, {busy} busy, slowest answer {max(slowest):.2f} s")


def garbage_artefact(scene: Scene) -> None:
    """What is published is replaced by noise; some seconds later the good one is back."""
    artefact = newest_artefact(scene.on_air.state)
    kept = artefact.with_suffix(".kept")
    artefact.rename(kept)
    scene.undo.callback(kept.replace, artefact)
    artefact.write_bytes(os.urandom(50_000))
    until(lambda: "artefact refused" in scene.on_air.log(), 20, "the station refuses it")


def hanging(store: HangingStore) -> Injection:
    """The row of a store that hangs: what reads it waits in the kernel, where no signal reaches it."""

    def a_store_hangs_in_the_kernel(scene: Scene) -> None:
        before = scene.stood_in()
        store.hang()
        scene.undo.callback(store.resume)
        until(lambda: store.withheld > 0, 90, "somebody waits for the store")
        time.sleep(12)
        # What had been read before, and what a house copy holds, airs yet.
        until(lambda: scene.stood_in() > before + 2 * _SEEN, 90, "a stand-in is on the air", every=0.5)
        scene.notes.append(f"{store.withheld} answers withheld")
        store.resume()

    return Injection(a_store_hangs_in_the_kernel, "reel", 8)


@contextlib.contextmanager
def on_a_store(station: ShortsStation, folder: Path, collection: str) -> Iterator[tuple[Path, HangingStore]]:
    """The station once more, in ``folder``, with one collection of its media on a store that can hang."""
    shutil.copytree(station.folder, folder, ignore=shutil.ignore_patterns("media", ".retrovue"))
    (folder / "media").mkdir()
    for kind in (station.folder / "media").iterdir():
        if kind.name != collection:
            (folder / "media" / kind.name).symlink_to(kind)
    point = folder / "media" / collection
    point.mkdir()
    with mounted(station.folder / "media" / collection, point) as store:
        yield folder, store


@dataclass(frozen=True, slots=True)
class Injection:
    """One row of the table."""

    do: Callable[[Scene], None]
    channel: str
    then_s: float  #: watched for this long afterwards
    room_s: float = 20  #: what is left of the short when it begins

    @property
    def name(self) -> str:
        return self.do.__name__.replace("_", " ")


FAULTS: tuple[Injection, ...] = (
    Injection(kill_producers, "reel", 8),
    Injection(stop_producers, "reel", 12),
    Injection(take_the_file_away, "reel", 13),
    Injection(truncate_the_file, "reel", 5, room_s=30),
    Injection(no_file_before_its_time, "net", 4),
    Injection(garbage_before_its_time, "net", 4),
    Injection(fill_the_disk, "net", 3),
    Injection(hundred_tune_ins, "reel", 2),
    Injection(garbage_artefact, "net", 4),
)


def settle(on_air: Broadcast, seconds: float = 40) -> None:
    """Until no channel is on the air."""
    until(lambda: not on_air.ffmpegs(), seconds, "every ffmpeg is gone")


def inject(row: Injection, on_air: Broadcast, station: ShortsStation, folder: Path) -> Seen:
    """Watch the row's channel, do what it says, and judge what was seen."""
    settle(on_air)
    artefact = newest_artefact(on_air.state)
    plan, files = read_plan(artefact, row.channel), asset_files(artefact)
    _wait_for_room(on_air, plan, row)
    viewer = Recording(on_air.url(CHANNELS[row.channel])).start().wait_first()
    scene = Scene(on_air, station, row.channel, plan, files, viewer)
    with scene.undo:
        until(lambda: bool(on_air.ffmpegs()), 20, "an ffmpeg")
        time.sleep(3)
        before = scene.stood_in()
        row.do(scene)
        time.sleep(row.then_s)
        if row.name not in _KEEPS:
            until(lambda: scene.stood_in() > before + _SEEN, 60, "a stand-in is on the air", every=0.5)
            time.sleep(1)
        stayed = viewer.watching
        viewer.leave()
    return judge(row, scene, files, stayed, folder / f"{row.do.__name__}.ts")


#: How the station tells of an asset that it had to do without.
_DONE_WITHOUT = re.compile(r"^\S+ W (.+?)(?: can't be played|: .*\((?:barren|short)\))", re.MULTILINE)
#: For so long a fault is watched that keeps the programme (seconds).
_WATCHED_S = 25


def _wait_for_room(on_air: Broadcast, plan: ChannelPlan, row: Injection) -> None:
    """A fault in the middle of a short needs one that lasts until it has been seen; one that keeps the
    programme needs what no earlier fault has damaged: the station remembers that for some time, and lets a
    stand-in air."""

    def long_enough() -> bool:
        now = plan.at_tick(plan.tick_of(round(time.time() * 90_000)))
        left = (now.end_us / 1e6 - time.time()) if now else 0
        return now is not None and bool(now.asset_id) and left > row.room_s

    def whole() -> bool:
        damaged = set(_DONE_WITHOUT.findall(on_air.log()))
        now_us = round(time.time() * 1e6)
        end_us = now_us + _WATCHED_S * 1_000_000
        return not any(
            s.asset_id in damaged for s in plan.segments if s.end_us > now_us and s.start_us < end_us
        )

    def room() -> bool:
        return (row.channel != "reel" or long_enough()) and (row.name not in _KEEPS or whole())

    until(room, 150, "a short that is long enough, and whole", every=0.2)


def judge(row: Injection, scene: Scene, files: dict[str, str], stayed: bool, file: Path) -> Seen:
    """What was seen of ``row``; ``file``: where the stream is written."""
    # How punctual a busy machine is, is measured elsewhere.
    analyser = TsAnalyser(Rules(stall_buffer_s=None))
    for data, at in scene.viewer.chunks:
        analyser.feed(data, at)
    report = analyser.finish()
    file.write_bytes(scene.viewer.data)
    near = scene.viewer.chunks[0][1]
    numbers = {asset: scene.station.number_of(path) for asset, path in files.items()}
    starts: dict[int, Fraction] = {}
    counts = {"agree": 0, "slate": 0, "stand_in": 0, "wrong": 0}
    behind_ms: float | None = None
    shown = read(file).shown
    for picture in shown:
        tick = scene.plan.tick_of(unwrap(picture.pts, near))
        planned = scene.plan.at_tick(tick)
        assert planned is not None
        if picture.code is None:
            counts["slate" if planned.asset_id else "agree"] += 1
        elif picture.code.asset == numbers.get(planned.asset_id):
            asset = picture.code.asset
            start = starts.setdefault(asset, picture_start(scene.station.media(asset)))
            place = scene.plan.frame_at(planned, tick, picture.code.rate) - start * picture.code.rate
            off = float(place - picture.code.frame)
            behind_ms = float(off / picture.code.rate * 1000)
            allowed = max(1.0, float(picture.code.rate / scene.plan.rate)) + 2.0
            counts["agree" if abs(off) <= allowed else "wrong"] += 1
        else:
            counts["stand_in" if picture.code.asset == STAND_IN else "wrong"] += 1
    ts_faults = sum(fault.count for fault in report.faults.values())
    notes = (*scene.notes, *sorted(report.faults))
    return Seen(
        row.name, row.channel, len(shown), **counts, ts_faults=ts_faults, stayed=stayed, behind_ms=behind_ms,
        notes=notes,
    )  # fmt: skip


#: Faults that keep the programme; something stands in where there are others.
_KEEPS = {"kill producers", "stop producers", "fill the disk", "hundred tune ins", "garbage artefact"}
#: A cold start on a busy machine may show some slate; a child started again, too (pictures).
_SLATE = 150


def bears(row: Injection, on_air: Broadcast, station: ShortsStation, folder: Path) -> None:
    """Inject it: the signal has no fault, and the schedule is kept. Raises ``AssertionError``."""
    seen = inject(row, on_air, station, folder)
    evidence = f"{as_text([seen])}\n{on_air.log()}"
    print(evidence)
    assert seen.stayed, evidence
    assert seen.ts_faults == 0, evidence
    assert seen.wrong == 0, evidence
    assert seen.slate <= _SLATE, evidence
    if seen.fault in _KEEPS:
        assert seen.stand_in == 0, evidence
        assert seen.agree > 100, evidence
    else:
        assert seen.stand_in > _SEEN / 2, evidence
    if seen.fault == "hundred tune ins":
        # Eight tuners, one of them the viewer's.
        assert "7 served, 93 busy" in seen.notes[0], evidence
    if seen.fault == "fill the disk":
        assert on_air.running


def as_text(rows: list[Seen]) -> str:
    """The fault table."""
    lines = [
        f"{'fault':<28} {'pictures':>8} {'planned':>8} {'slate':>6} {'stand-in':>8} {'wrong':>5} "
        f"{'TS faults':>9} {'viewer':<7} {'off after':>9}"
    ]
    for row in rows:
        off = "–" if row.behind_ms is None else f"{row.behind_ms:+.0f} ms"
        lines.append(
            f"{row.fault:<28} {row.pictures:>8} {row.agree:>8} {row.slate:>6} {row.stand_in:>8} "
            f"{row.wrong:>5} {row.ts_faults:>9} {'stayed' if row.stayed else 'LEFT':<7} {off:>9}  "
            + "; ".join(row.notes)
        )
    return "\n".join(lines)
