"""Would a test notice? Rules of the compiler are broken by hand, one at a time, in a copy of the package.

    python benchmarks/mutations.py

For each rule its tests run over the broken copy; at least one of them must fail. They run over the sound
copy first: a test that fails there notices nothing, and is left out. Prints a table; ends with 1 when a
broken rule is noticed by nobody. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_COPIED = ("retrovue", "tests", "fixtures", "stations", "templates", "schemas", "pyproject.toml", "README.md")

_BREAKS = ("tests/compiler/test_breaks.py",)
_DAYS = ("tests/compiler/test_schedule_day.py",)
_APPROVED = ("tests/compiler/test_approved.py",)
_TURNS = ("tests/compiler/test_rotation.py",)
_SPOTS = ("tests/compiler/test_spots.py", *_BREAKS)


@dataclass(frozen=True, slots=True)
class Mutation:
    """A rule, and how to break it: ``old``, which stands once in ``file``, becomes ``new``."""

    rule: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


MUTATIONS = (
    Mutation(
        "a stretch of days counts only if it began with what the one before left behind",
        "stretches.py",
        "!= dict(after.opening)",
        "!= dict(before.days[-1].checkpoint)",
        ("tests/compiler/test_stretches.py",),
    ),
    Mutation(
        "a channel that owes a contract is compiled in one go",
        "work.py",
        "and all(spot.runs is None for spot in self._model.spots.values())",
        "and True",
        ("tests/compiler/test_stretches.py",),
    ),
    Mutation(
        "only what is approved is asked for by query",
        "../library/catalog.py",
        "return self.state is AssetState.READY and self.approved and self.duration_us > 0",
        "return self.state is AssetState.READY and self.duration_us > 0",
        _APPROVED,
    ),
    Mutation(
        "only what is ready is asked for by query, approved or not",
        "../library/catalog.py",
        "return self.state is AssetState.READY and self.approved and self.duration_us > 0",
        "return self.approved and self.duration_us > 0",
        _APPROVED,
    ),
    Mutation(
        "only what is ready and approved is asked for by id",
        "shelf.py",
        "return asset if asset is not None and asset.eligible else None",
        "return asset",
        _APPROVED,
    ),
    Mutation(
        "a day that is taken over has nothing that was approved no longer",
        "day_inputs.py",
        "assets = self._shelf.select(query).assets",
        "assets = self._shelf.select(query).assets[:0]",
        _APPROVED,
    ),
    Mutation(
        "nor does its chain name an asset that is approved no longer",
        "day_inputs.py",
        'return self.asset(asset) if asset is not None else b""',
        "return asset_id.encode()",
        _APPROVED,
    ),
    Mutation(
        "nor its stand-ins one that is approved no longer",
        "day_inputs.py",
        "[digests.answer(model.pools[slug].spots) for slug in channel.fallback if slug in model.pools],",
        "[],",
        _APPROVED,
    ),
    Mutation(
        "what a simulcast airs later is looked at again: is it still approved?",
        "clearance.py",
        "return bool(asset_id) and self._shelf.asset(asset_id) is None",
        "return False",
        _APPROVED,
    ),
    Mutation(
        "the artefact says what is approved no longer, and nobody calls it ready",
        "compile.py",
        "return {asset_id: fitted(model, asset) for asset_id, asset in catalog.named(ids).items()}",
        "return {i: replace(fitted(model, a), approved=True) for i, a in catalog.named(ids).items()}",
        _APPROVED,
    ),
    Mutation(
        "breaks keep their least spacing",
        "breaks.py",
        "if allowed and offset - allowed[-1] < how.min_spacing:",
        "if allowed and offset - allowed[-1] < 0:",
        _BREAKS,
    ),
    Mutation(
        "a programme is interrupted on a frame of its own",
        "breaks.py",
        "found += [offset + mark for mark in _on_frames(part.asset.marks_us, part.asset.rate)]",
        "found += [offset + mark for mark in part.asset.marks_us]",
        _BREAKS,
    ),
    Mutation(
        "nothing starts that can't end by the zone's end",
        "schedule_day.py",
        "if airing.endless or bleed or self._end(day, now + airing.duration_us) <= close_us:",
        "if airing.endless or bleed or now <= close_us:",
        _DAYS,
    ),
    Mutation(
        "a watershed holds",
        "schedule_day.py",
        "minutes < self._calendar.relative(program.not_before)",
        "minutes < 0",
        _DAYS,
    ),
    Mutation(
        "programmes end on the grid",
        "schedule_day.py",
        "return day.grid_ceil(instant_us)",
        "return instant_us",
        _DAYS,
    ),
    Mutation(
        "the plan of higher priority wins",
        "plan.py",
        "(-plan.priority, -specificity(plan.when, seasons), i)",
        "(plan.priority, -specificity(plan.when, seasons), i)",
        _DAYS,
    ),
    Mutation(
        "a rotation goes on after an asset that has gone",
        "shelf.py",
        "return bisect_right(self.keys, self.key(gone))",
        "return 0",
        _TURNS,
    ),
    Mutation(
        "what closed one bag doesn't open the next",
        "rotation.py",
        "if bag[0] == last:",
        "if bag[0] == '':",
        _TURNS,
    ),
    Mutation(
        "chance depends on the place in the plan, so zones are independent",
        "rotation.py",
        'text = f"{self._seed}\\x1f{self._owner(path)}\\x1f{path}\\x1f{cycle}\\x1f{key}"',
        'text = f"{self._seed}\\x1f{self._owner(path)}\\x1f{len(self._bags)}\\x1f{cycle}\\x1f{key}"',
        _TURNS,
    ),
    Mutation(
        "a spot airs no more often in a day than its cap",
        "lane.py",
        "if caps is not None and counts.get(i, 0) >= caps[i]:",
        "if caps is not None and counts.get(i, 0) > caps[i]:",
        _SPOTS,
    ),
    Mutation(
        "a spot airs in its flight only",
        "traffic.py",
        "if spot.flight and not any(in_dates(word, day) for word in spot.flight):",
        "if False:",
        _SPOTS,
    ),
    Mutation(
        "copies of one spot keep apart",
        "lane.py",
        "if copy_since > now - copy_back:",
        "if False:",
        _SPOTS,
    ),
    Mutation(
        "no spot directly follows itself",
        "spots.py",
        "if i == last and not lane.loops:",
        "if False:",
        _SPOTS,
    ),
    Mutation(
        "spots of one advertiser keep apart",
        "lane.py",
        "advertiser_since = now - advertiser_back",
        "advertiser_since = FOREVER",
        _SPOTS,
    ),
    Mutation(
        "what starts within the locked time is not changed",
        "channel_days.py",
        "taken.events = [event for event in day.events if event.start_us < lock]",
        "taken.events = []",
        ("tests/compiler/test_published_base.py",),
    ),
    Mutation(
        "no guide id is given twice",
        "listing.py",
        "if event_id and event_id not in taken:",
        "if event_id:",
        ("tests/compiler/test_listing.py",),
    ),
    Mutation(
        "where the clocks go back, the first of the two times is meant",
        "../broadcast_day.py",
        "first = to_us(wall.replace(tzinfo=zone, fold=0))",
        "first = to_us(wall.replace(tzinfo=zone, fold=1))",
        ("tests/compiler/test_broadcast_day.py",),
    ),
    Mutation(
        "only approved assets air",
        "../library/catalog.py",
        "return self.state is AssetState.READY and self.approved and self.duration_us > 0",
        "return self.state is AssetState.READY and self.duration_us > 0",
        _TURNS,
    ),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the tests said of a broken copy."""

    rule: str
    noticed_by: str  #: the first test that failed; empty when all passed


def copy_of_the_project(folder: Path) -> None:
    """Everything that the tests need, without what was generated."""
    ignored = shutil.ignore_patterns("__pycache__", "media", "*.duckdb")
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=ignored)
        else:
            shutil.copyfile(source, folder / name)


def failures(
    folder: Path, tests: Sequence[str], left_out: Sequence[str] = (), first: bool = True
) -> list[str]:
    """The tests that fail in the copy, or the ``first`` of them. Raises ``RuntimeError`` when none runs."""
    there = list(dict.fromkeys(tests))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *there),
            *(["-x"] if first else []),
            *(f"--deselect={test}" for test in left_out),
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
    if done.returncode not in (0, 1) or bool(done.returncode) != bool(failed):
        raise RuntimeError(
            f"pytest ended with {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-1000:]}"
        )
    return failed


def broken(folder: Path, mutation: Mutation, left_out: Sequence[str]) -> Verdict:
    """Break the rule in the copy, ask its tests, and mend it again."""
    file = (folder / "retrovue" / "compiler" / mutation.file).resolve()
    sound = file.read_text(encoding="utf-8")
    if sound.count(mutation.old) != 1:
        raise RuntimeError(f"{mutation.file} has no single line “{mutation.old}”: {mutation.rule}")
    file.write_text(sound.replace(mutation.old, mutation.new), encoding="utf-8")
    try:
        return Verdict(mutation.rule, next(iter(failures(folder, mutation.tests, left_out)), ""))
    finally:
        file.write_text(sound, encoding="utf-8")


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", metavar="WORD", default="", help="rules with this word in them")
    parser.add_argument("--json", action="store_true", help="nothing but the JSON line")
    args = parser.parse_args(argv)
    chosen = [mutation for mutation in MUTATIONS if args.only in mutation.rule]
    verdicts: list[Verdict] = []
    with tempfile.TemporaryDirectory(prefix="retrovue-mutations-") as scratch:
        folder = Path(scratch)
        copy_of_the_project(folder)
        tests = [test for mutation in chosen for test in mutation.tests]
        unsound = failures(folder, tests, first=False)
        for test in unsound:
            sys.stderr.write(f"warning: {test} fails with nothing broken\n")
        for mutation in chosen:
            verdict = broken(folder, mutation, unsound)
            verdicts.append(verdict)
            if not args.json:
                noticed = verdict.noticed_by.rpartition("::")[2] or "NOBODY NOTICED"
                sys.stdout.write(f"{mutation.rule:<68} {noticed}\n")
                sys.stdout.flush()
    survived = [v.rule for v in verdicts if not v.noticed_by]
    told = {"broken": len(verdicts), "noticed": len(verdicts) - len(survived), "unsound": len(unsound)}
    sys.stdout.write(json.dumps(told) + "\n")
    return int(bool(survived))


if __name__ == "__main__":
    raise SystemExit(main())
