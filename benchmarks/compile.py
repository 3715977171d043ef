"""What a compile costs: CPU seconds, wall seconds and memory, on a synthetic station of any size.

    python benchmarks/compile.py --channels 50 --days 14 --assets 10000 --jobs 2 --json
    python benchmarks/compile.py --suite
    python benchmarks/compile.py --edit

The real command runs in a process of its own, as an operator runs it: YAML, catalog lock and all, up to
the published artefact. CPU seconds are user and system time of it and of the processes it started; memory
is the resident peak of the largest of them. ``--suite`` prints the whole table with the target beside each
figure. The last line is one JSON object. Only one measurement runs on a machine at a time.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # fixtures/ is no part of the installed package

from measured import ROOT, Cost, alone, measured, median_of

from fixtures.synthetic_station import EPOCH, Size, write

AS_OF = f"{EPOCH}T06:00:00-05:00"
#: What every compile imports before it can begin.
IMPORTS = "import retrovue.cli.compile, retrovue.compiler.compile, retrovue.station.load, retrovue.store"


def retrovue(*arguments: str | Path) -> Cost:
    """Run a command of RetroVue and measure it."""
    return measured(sys.executable, "-m", "retrovue", *map(str, arguments))


class Stations:
    """Synthetic stations, each written once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def station(self, size: Size) -> Path:
        folder = self._folder / f"{size.channels}x{size.assets}"
        if not folder.is_dir():
            write(folder, size)
        return folder

    def state(self, size: Size) -> Path:
        return self._folder / f"state-{size.channels}x{size.assets}"

    def compile(self, size: Size, days: int, jobs: int | None = None, fresh: bool = True) -> Cost:
        """One compile from the station's epoch; ``fresh``: with no artefact there yet."""
        if fresh:
            for artefact in self.state(size).glob("*.duckdb*"):
                artefact.unlink()
        return retrovue(
            *("compile", self.station(size), "--state", self.state(size), "--days", str(days)),
            *("--from", EPOCH.isoformat(), "--as-of", AS_OF, "--json", "--quiet"),
            *(("--jobs", str(jobs)) if jobs is not None else ()),
        )

    @contextmanager
    def tuesday(self, size: Size) -> Iterator[Callable[[], None]]:
        """The station with a plan for one channel's Tuesdays, and what edits that plan's one zone."""
        folder = self.station(size)
        plan, channel = folder / "plans" / "tuesday.yaml", folder / "channels" / "007.yaml"
        text = channel.read_text(encoding="utf-8")

        def play(shows: str) -> None:
            plan.write_text(
                "plan: tuesday\npriority: 1\nwhen: { days: tue }\n"
                f"zones: [{{ zone: Night, window: 20:00-23:00, play: [{shows}] }}]\n",
                encoding="utf-8",
            )

        channel.write_text(text.replace("[daily-007]", "[daily-007, tuesday]"), encoding="utf-8")
        play("show-007-04, show-007-10")
        try:
            yield lambda: play("show-007-04, show-007-10, show-007-16")
        finally:
            plan.unlink()
            channel.write_text(text, encoding="utf-8")


def summary(cost: Cost, size: Size, days: int, jobs: int | None) -> dict[str, Any]:
    """The figures of one compile."""
    told = json.loads(cost.output.splitlines()[-1])
    entries = int(told["segments"])
    return {
        "channels": size.channels,
        "days": days,
        "assets": size.assets,
        "jobs": jobs or 1,
        "cpu_s": round(cost.cpu_s, 3),
        "wall_s": round(cost.wall_s, 3),
        "peak_mb": round(cost.peak_mb, 1),
        "entries": entries,
        "events": told["events"],
        "us_per_entry": round(cost.cpu_s * 1e6 / max(entries, 1), 2),
        "content_hash": told["content_hash"],
    }


# --- the table -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    work: str
    figure: str
    target: str
    met: bool | None = None  #: None: nothing to hold it against


class Suite:
    """Every figure of the compiler that has a target."""

    def __init__(self, stations: Stations, runs: int) -> None:
        self._stations = stations
        self._runs = runs
        self.figures: dict[str, Any] = {}
        self._startup = 0.0

    def rows(self) -> Iterator[Row]:
        """The table, a row as soon as it is measured."""
        yield from self._start_up()
        yield from self._large()
        yield from self._catalogs()
        yield from self._one_more_day()
        yield from self._edited_zone()
        yield from self._commands()
        yield from self._check()

    def edited(self) -> Iterator[Row]:
        """Those of an incremental compile."""
        yield from self._start_up()
        yield from self._edited_zone()

    def _start_up(self) -> Iterator[Row]:
        bare = median_of(self._runs, lambda: measured(sys.executable, "-c", "pass"))
        imports = median_of(self._runs, lambda: measured(sys.executable, "-c", IMPORTS))
        helped = median_of(self._runs, lambda: retrovue("--help"))
        self._startup = imports.cpu_s
        self.figures |= {
            "python_cpu_s": round(bare.cpu_s, 3),
            "startup_cpu_s": round(imports.cpu_s, 3),
            "help_wall_s": round(helped.wall_s, 3),
        }
        yield Row("(reference) python -c pass", _s(bare.cpu_s), "")
        yield Row("(reference) start-up: what a compile imports", _s(imports.cpu_s), "")
        yield Row("retrovue --help", f"{helped.wall_s:.2f} s", "≤ 0.25 s", helped.wall_s <= 0.25)

    def _large(self) -> Iterator[Row]:
        size, days = Size(50, 10_000), 14
        one = self._stations.compile(size, days, jobs=1)
        told = summary(one, size, days, 1)
        self.figures["50x14"] = told
        what = f"50 channels × 14 days, 10k assets, {told['entries']:,} entries"
        yield Row(what, _s(one.cpu_s), "≤ 15 CPU s", one.cpu_s <= 15)
        yield Row("  memory", _mb(one.peak_mb), "≤ 400 MB", one.peak_mb <= 400)
        yield Row("  CPU an entry", f"{told['us_per_entry']} µs", "")
        again = self._unchanged(size, days)
        beyond = again.cpu_s - self._startup
        yield Row("  nothing changed, beyond start-up", _s(beyond), "≤ 0.3 CPU s", beyond <= 0.3)
        written = json.loads(again.output.splitlines()[-1])["written"]
        yield Row("  nothing changed, files written", str(int(written)), "0", not written)
        two = self._stations.compile(size, days, jobs=2)
        ratio = one.wall_s / two.wall_s
        same = summary(two, size, days, 2)["content_hash"] == told["content_hash"]
        self.figures |= {"50x14_jobs2": summary(two, size, days, 2), "jobs_ratio": round(ratio, 2)}
        yield Row("  --jobs 2 against 1, wall", f"{ratio:.2f}×", "≥ 1.7×", ratio >= 1.7)
        yield Row("  --jobs 2 against 1, content", "same" if same else "OTHER", "same", same)

    def _unchanged(self, size: Size, days: int) -> Cost:
        cost = self._stations.compile(size, days, fresh=False)
        self.figures["unchanged"] = {"cpu_s": round(cost.cpu_s, 3), "wall_s": round(cost.wall_s, 3)}
        return cost

    def _catalogs(self) -> Iterator[Row]:
        for assets, cpu_target, mb_target in ((100_000, 1.0, 250), (1_000_000, 4.0, 900)):
            size, days = Size(1, assets), 14
            cold = self._stations.compile(size, days)
            warm = median_of(min(self._runs, 3), lambda: self._stations.compile(size, days))  # noqa: B023
            beyond = warm.cpu_s - self._startup
            self.figures[f"1x14_{assets}"] = {
                **summary(warm, size, days, None),
                "beyond_startup_cpu_s": round(beyond, 3),
                "cold_cpu_s": round(cold.cpu_s, 3),
                "cold_peak_mb": round(cold.peak_mb, 1),
            }
            what = f"1 channel × 14 days, {assets:,} assets, beyond start-up, warm"
            yield Row(what, _s(beyond), f"≤ {cpu_target:g} CPU s", beyond <= cpu_target)
            yield Row("  memory", _mb(warm.peak_mb), f"≤ {mb_target} MB", warm.peak_mb <= mb_target)
            yield Row("  the first time (the cache is made)", f"{_s(cold.cpu_s)}, {_mb(cold.peak_mb)}", "")

    def _one_more_day(self) -> Iterator[Row]:
        extra = {}
        for channels in (1, 2, 4):
            size = Size(channels, 10_000)
            short, long = (
                min(self._stations.compile(size, days, jobs=1).cpu_s for _ in range(max(self._runs, 2)))
                for days in (14, 56)
            )
            extra[channels] = (long - short) / (42 * channels)
        mean = statistics.mean(extra.values())
        spread = max(abs(value / mean - 1) for value in extra.values())
        self.figures["one_more_channel_day_ms"] = {c: round(v * 1000, 2) for c, v in extra.items()}
        listed = ", ".join(f"{value * 1000:.1f}" for value in extra.values())
        yield Row(
            "one more channel-day, of 1, 2, 4 channels", f"{listed} ms", "constant ± 10 %", spread <= 0.1
        )

    def _edited_zone(self) -> Iterator[Row]:
        size, days = Size(50, 10_000), 14
        with self._stations.tuesday(size) as edit:
            whole = self._stations.compile(size, days, jobs=1)
            edit()
            cost = self._stations.compile(size, days, jobs=1, fresh=False)
        told = json.loads(cost.output.splitlines()[-1])
        named = told.get("recompiled") or {}
        self.figures["one_zone_edited"] = {
            "cpu_s": round(cost.cpu_s, 3),
            "whole_cpu_s": round(whole.cpu_s, 3),
            "recompiled": named,
        }
        figure = f"{len(named)} of 50 channels, {sum(map(len, named.values()))} of 700 days"
        only = len(named) == 1 and named == told["changed"]
        yield Row("one zone of a Tuesday edited: what is compiled anew", figure, "what changes", only)
        beyond = cost.cpu_s - self._startup
        yield Row("  beyond start-up", _s(beyond), "≤ 2 CPU s", beyond <= 2)
        yield Row("  against all", f"{cost.cpu_s / whole.cpu_s:.2f}×", "")

    def _commands(self) -> Iterator[Row]:
        size = Size(1, 10_000)
        folder, state = self._stations.station(size), self._stations.state(size)
        self._stations.compile(size, 14)
        if _there("simulate"):
            of: Mapping[str, Sequence[str | Path]] = {
                "demo": (ROOT / "stations" / "demo", "--channel", "5.1"),
                "generated": (folder,),
            }
            for name, words in of.items():
                cost = median_of(
                    min(self._runs, 3),
                    lambda: retrovue("simulate", *words, "--days", "366", "--json"),  # noqa: B023
                )
                self.figures[f"simulate_366_{name}"] = {
                    "cpu_s": round(cost.cpu_s, 3),
                    "wall_s": round(cost.wall_s, 3),
                }
                figure = f"{cost.wall_s:.2f} s, {_s(cost.cpu_s)}"
                yield Row(f"simulate --days 366, 1 channel, {name}", figure, "≤ 3 s", cost.wall_s <= 3)
        moment = f"{EPOCH + timedelta(days=3)}T20:00:00-05:00"
        asked: Mapping[str, Sequence[str | Path]] = {
            "guide": ("guide", folder, "--state", state, "--from", moment, "--json"),
            "why": ("why", "2.1", moment, "--artefact", state / "artefact.duckdb"),
        }
        for name, arguments in asked.items():
            if _there(name):
                cost = median_of(self._runs, lambda: retrovue(*arguments))  # noqa: B023
                self.figures[name] = {"cpu_s": round(cost.cpu_s, 3), "wall_s": round(cost.wall_s, 3)}
                yield Row(f"{name}, from the artefact", _s(cost.cpu_s), "≤ 0.3 s", cost.cpu_s <= 0.3)

    def _check(self) -> Iterator[Row]:
        script = Path(__file__).with_name("check.py")
        if not script.is_file():
            return
        told = json.loads(measured(sys.executable, str(script), "--json").output.splitlines()[-1])
        self.figures["check"] = told
        yield Row("check, 500 files (benchmarks/check.py)", json.dumps(told), "≤ 3 s cold, ≤ 0.6 s warm")


def _there(command: str) -> bool:
    from retrovue.cli.main import COMMANDS

    return command in COMMANDS


def _s(seconds: float) -> str:
    return f"{seconds:.2f} CPU s"


def _mb(megabytes: float) -> str:
    return f"{megabytes:.0f} MB"


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--channels", type=int, default=1)
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--assets", type=int, default=10_000)
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--runs", type=int, default=3, help="the median of so many; 3")
    parser.add_argument("--suite", action="store_true", help="every figure that has a target")
    parser.add_argument("--edit", action="store_true", help="of these, what an edited zone costs")
    parser.add_argument("--json", action="store_true", help="nothing but the JSON line")
    args = parser.parse_args(argv)
    with alone(), tempfile.TemporaryDirectory(prefix="retrovue-benchmark-") as scratch:
        stations = Stations(Path(scratch))
        if args.suite or args.edit:
            suite = Suite(stations, args.runs)
            for row in suite.edited() if args.edit else suite.rows():
                mark = {True: "✓", False: "✗", None: " "}[row.met]
                if not args.json:
                    sys.stdout.write(f"{row.work:<62} {row.figure:>24}  {row.target:<18} {mark}\n")
                    sys.stdout.flush()
            result = suite.figures
        else:
            size = Size(args.channels, args.assets)
            stations.compile(size, 1)  # the catalog cache is warm from here on
            cost = median_of(args.runs, lambda: stations.compile(size, args.days, args.jobs))
            result = summary(cost, size, args.days, args.jobs)
            if not args.json:
                sys.stdout.write("".join(f"{name:<14}{value}\n" for name, value in result.items()))
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
