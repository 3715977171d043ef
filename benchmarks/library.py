"""What the library costs: ingest of what is known and of what is new, the catalog, its queries, memory.

    python benchmarks/library.py --assets 100000 --json
    python benchmarks/library.py --assets 1000000 --second-only

Three things are measured, each by the real code in a process of its own.

Known files: a tree of ``--assets`` files, each a few bytes, whose enrichers have been asked before. Their
answers come from a made-up catalog, since no machine holds so many films; all else of both ingests is real:
walking, names, what lies beside, the state directory, the lock. ``first_s`` is that of the first ingest,
``ingest_s`` the second one, ``touched_s`` the one after every file's time of modification was changed.

The catalog: ``lock_read_s`` is opening the lock, as a compile does, through its cache, which is made once for
each change of the lock (``cache_made_s``); ``lock_parsed_s`` is reading its every line. ``query_ms`` is one
query, the median of thirty.

Real files: the tree of hundreds of films with everything that goes wrong in it (fixtures/large_tree.py), each
of five seconds, ingested twice by the real enrichers: ``real_ratio`` is how much cheaper the second time is.
``probe_per_s`` is how many films the probe alone does in a second of one core.

Seconds are CPU time, user and system, of the command and of all that it started; ``_wall_s`` is the wall's.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from measured import Cost, alone, measured, median_of

from fixtures import large_tree
from fixtures.synthetic_station import Size, assets, write
from retrovue.library.content import content_of

#: Of 100,000 assets; ``*_ratio`` and ``probe_per_s`` at least, all else at most.
TARGETS = {
    "lock_read_s": 1.0,
    "query_ms": 20.0,
    "known_ratio": 20.0,
    "real_ratio": 20.0,
    "peak_mb": 300.0,
    "probe_per_s": 50.0,
}
_AT_LEAST = ("known_ratio", "real_ratio", "probe_per_s")

# --- known files -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tree:
    """A station with a folder of media, and its state directory."""

    station: Path
    state: Path

    def ingest(self) -> Cost:
        """The real command."""
        return retrovue("ingest", self.station, "--state", self.state, "--quiet", "--json")

    def lock(self) -> dict[str, bytes]:
        """Name and content of each file of the catalog lock."""
        return {file.name: file.read_bytes() for file in (self.station / "catalog.lock").iterdir()}

    def asked_before(self) -> Cost:
        """The first ingest, with the answers of the made-up catalog."""
        return own("first", self.station, self.state)


def retrovue(*arguments: str | Path) -> Cost:
    """Run a command of RetroVue and measure it."""
    return measured(sys.executable, "-m", "retrovue", *map(str, arguments))


def own(what: str, *arguments: str | Path) -> Cost:
    """Run a part of this script in a process of its own and measure it."""
    return measured(sys.executable, str(Path(__file__)), "--part", what, *map(str, arguments))


def made_up(folder: Path, count: int) -> Tree:
    """A tree of ``count`` files, each of its own content and size, and at the path that the catalog has."""
    tree = Tree(folder / "station", folder / "state")
    write(tree.station, Size(1, count))
    (tree.station / "assets").write_text(str(count))
    number = 0
    for collection, listed in assets(Size(1, count)):
        known: set[Path] = set()
        for asset in listed:
            file = tree.station / "media" / collection / asset.path
            if file.parent not in known:
                file.parent.mkdir(parents=True, exist_ok=True)
                known.add(file.parent)
            file.write_bytes(asset.id.encode().ljust(100 + number % 3000))
            number += 1
    for lock in (tree.station / "catalog.lock").iterdir():
        lock.unlink()
    return tree


def first(station: Path, state: Path) -> None:
    """``retrovue ingest``, with enrichers that open nothing: each has the answer to every file already."""
    from retrovue.cli.main import main as command
    from retrovue.library import enrichers
    from retrovue.library.catalog import Asset

    (count,) = (int(line) for line in (station / "assets").read_text().split())
    answers = {a.id: a for _, listed in assets(Size(1, count)) for a in listed}
    found_by_name = {"collection", "key", "path", "size", "mtime_ns", "state", "approved", "subtitles"}
    fields = [name for name in Asset.__slots__ if name not in found_by_name]

    def answer(self: object, asset: Asset, location: Path) -> Asset:
        known = answers[asset.id]
        return replace(asset, **{name: getattr(known, name) for name in fields})

    for enricher in enrichers.open_enrichers():
        type(enricher).enrich = answer  # type: ignore[method-assign]
    if code := command(["ingest", str(station), "--state", str(state), "--quiet", "--json"]):
        raise SystemExit(code)


def seed(station: Path, state: Path) -> None:
    """Writes what a first ingest would: the lock, and what is remembered of each file."""
    from retrovue.compiler.formats import loudness_targets
    from retrovue.library.adapters import settings_models
    from retrovue.library.enrichers import open_enrichers
    from retrovue.library.ingest import Basis, survey
    from retrovue.library.known_files import Known, KnownFiles, mtime_of
    from retrovue.library.lock import FOLDER, render_line
    from retrovue.library.lock_lines import LockLines, line_hash
    from retrovue.station.load import require_station

    size = Size(1, int((station / "assets").read_text()))
    (station / FOLDER).mkdir(exist_ok=True)
    lines: dict[str, bytes] = {}
    for collection, listed in assets(size):
        with (station / FOLDER / f"{collection}.jsonl").open("w", encoding="utf-8") as out:
            for asset in listed:
                line = render_line(asset)
                out.write(f"{line}\n")
                lines[asset.id] = line_hash(line.encode())
    model = require_station(station, settings_models())
    basis = Basis(model.collections, open_enrichers(), loudness_targets(model))
    known = KnownFiles(state / "known-files.sqlite")
    for media in survey(model.collections, station, LockLines()).media:
        found = media.asset
        said = Known(
            *(found.size, mtime_of(found.mtime_ns), content_of(media.location)),
            *(basis.of(media), lines[found.id]),
        )
        known.remember(found.collection, found.path, said)
    known.close()


def seeded(folder: Path, count: int, runs: int) -> dict[str, Any]:
    """The second ingest of ``count`` files, without a first one."""
    tree = made_up(folder, count)
    own("seed", tree.station, tree.state)
    again = median_of(runs, tree.ingest)
    if json.loads(again.output)["looked_into"] or not json.loads(again.output)["current"]:
        raise SystemExit("the ingest did not know the files")
    return {
        "ingest_s": round(again.cpu_s, 3),
        "ingest_wall_s": round(again.wall_s, 3),
        "ingest_us_per_asset": round(again.cpu_s * 1e6 / count, 1),
        "peak_mb": round(again.peak_mb, 1),
    }


def known_files(folder: Path, count: int, runs: int) -> dict[str, Any]:
    """The figures of a tree of ``count`` known files."""
    tree = made_up(folder, count)
    before = tree.asked_before()
    again = median_of(runs, tree.ingest)
    if json.loads(again.output)["looked_into"] or not json.loads(again.output)["current"]:
        raise SystemExit("the second ingest did not know the files")
    for file in (tree.station / "media").rglob("*.m*"):
        os.utime(file, ns=(1, 1))
    touched = tree.ingest()
    reading = own("read", tree.station, tree.state)
    return {
        "first_s": round(before.cpu_s, 3),
        "first_peak_mb": round(before.peak_mb, 1),
        "ingest_s": round(again.cpu_s, 3),
        "ingest_wall_s": round(again.wall_s, 3),
        "ingest_us_per_asset": round(again.cpu_s * 1e6 / count, 1),
        "peak_mb": round(again.peak_mb, 1),
        "touched_s": round(touched.cpu_s, 3),
        "touched_looked_into": json.loads(touched.output)["looked_into"],
        **json.loads(reading.output.splitlines()[-1]),
    }


# --- the catalog -----------------------------------------------------------------------------------


def read(station: Path, state: Path) -> None:
    """Prints the figures of the lock."""
    from retrovue.compiler.shelf import matches
    from retrovue.library.catalog import Asked, Asset, Catalog
    from retrovue.library.catalog_cache import FOLDER, open_catalog
    from retrovue.library.lock import read_lock
    from retrovue.station.model import Query

    def timed(do: Callable[[], Any]) -> tuple[float, Any]:
        began = time.process_time()
        outcome = do()
        return time.process_time() - began, outcome

    def answer(asked: Sequence[Asked], query: Query) -> list[Asset]:
        return [asset for asset in catalog.eligible(asked) if matches(asset, query)]

    cold_s, _ = timed(lambda: open_catalog(station, state / FOLDER))
    cached_s, catalog = timed(lambda: open_catalog(station, state / FOLDER))
    assert isinstance(catalog, Catalog)
    queries = [
        (Query(collection=f"shows-{n % 10}", series=f"Series {n:05}"), ("series", f"series {n:05}"))
        for n in range(1, 31)
    ]
    times = []
    for query, word in queries:
        asked = (("collection", (str(query.collection),)), (word[0], (word[1],)))
        seconds, found = timed(partial(answer, asked, query))
        if not found:
            raise SystemExit(f"nothing is {word}")
        times.append(seconds * 1000)
    cached_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds, whole = timed(lambda: read_lock(station))
    print(
        json.dumps(
            {
                "lock_read_s": round(cached_s, 3),
                "lock_parsed_s": round(seconds, 3),
                "parsed_peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
                "cache_made_s": round(cold_s, 3),
                "catalog_peak_mb": round(cached_mb, 1),
                "query_ms": round(statistics.median(times), 2),
                "query_most_ms": round(max(times), 2),
                "lock_assets": len(whole.assets),
            }
        )
    )


# --- real files ------------------------------------------------------------------------------------


def real_files(folder: Path, runs: int) -> dict[str, Any]:
    """The figures of a tree of real films, ingested twice."""
    tree = Tree(folder / "station", folder / "state")
    large_tree.write(tree.station, seconds=5)
    before = tree.ingest()
    lock = tree.lock()
    again = median_of(runs, tree.ingest)
    told = json.loads(again.output)
    if told["looked_into"] or not told["current"] or lock != tree.lock():
        raise SystemExit("the second ingest did not know the files")
    rate = own("probe", tree.station / "media" / "films")
    start = median_of(runs, lambda: retrovue("check", tree.station))
    return {
        "real_assets": told["assets"],
        "real_findings": len(told["findings"]),
        "real_first_s": round(before.cpu_s, 3),
        "real_second_s": round(again.cpu_s, 3),
        "real_ratio": round(before.cpu_s / again.cpu_s, 1),
        "check_s": round(start.cpu_s, 3),
        **json.loads(rate.output.splitlines()[-1]),
    }


def probe(media: Path) -> None:
    """Prints how many files the probe does in a CPU second."""
    from retrovue.library.catalog import Asset
    from retrovue.library.enrichers.probe import ProbeEnricher, ProbeSettings

    files = sorted(file for file in media.rglob("*") if file.suffix in (".mp4", ".mkv", ".ts"))
    enricher = ProbeEnricher(ProbeSettings())
    enricher.enrich(Asset("shows", "warm"), files[0])
    began = time.process_time()
    for file in files:
        enricher.enrich(Asset("shows", file.stem), file)
    print(json.dumps({"probe_per_s": round(len(files) / (time.process_time() - began), 1)}))


# --- the command line ------------------------------------------------------------------------------


def measure(count: int, real: bool, runs: int) -> dict[str, Any]:
    """All figures."""
    with tempfile.TemporaryDirectory(prefix="retrovue-benchmark-") as name:
        found: dict[str, Any] = {"assets": count, "load": round(os.getloadavg()[0], 2)}
        if real:
            found |= real_files(Path(name, "real"), runs)
        if count:
            found |= known_files(Path(name, "known"), count, runs)
        if real and count:
            # What enrichers cost a file, beside all the rest of a first ingest.
            looking = (found["real_first_s"] - found["real_second_s"]) / found["real_assets"]
            found["known_ratio"] = round((found["first_s"] + looking * count) / found["ingest_s"], 1)
        return found


def second_only(count: int, runs: int) -> dict[str, Any]:
    """What a very large library costs each time."""
    with tempfile.TemporaryDirectory(prefix="retrovue-benchmark-") as name:
        load = round(os.getloadavg()[0], 2)
        return {"assets": count, "load": load, **seeded(Path(name, "known"), count, runs)}


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--assets", type=int, default=100_000, help="known files; 0: leave them out")
    parser.add_argument("--no-films", action="store_true", help="leave out the real ones")
    parser.add_argument(
        "--second-only", action="store_true", help="of known files, the second ingest and nothing else"
    )
    parser.add_argument("--runs", type=int, default=3, help="the median of so many; 3")
    parser.add_argument("--json", action="store_true", help="nothing but the JSON line")
    parser.add_argument("--part", nargs="+", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.part:
        part, *paths = args.part
        parts: dict[str, Callable[..., None]] = {"first": first, "read": read, "probe": probe, "seed": seed}
        parts[part](*map(Path, paths))
        return 0
    with alone():
        found = (
            second_only(args.assets, args.runs)
            if args.second_only
            else measure(args.assets, not args.no_films, args.runs)
        )
    if not args.json:
        for name, value in found.items():
            target = TARGETS.get(name)
            sign = "" if target is None else f"   {'≥' if name in _AT_LEAST else '≤'} {target:g}"
            print(f"{name:<22}{value:>12}{sign}")
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
