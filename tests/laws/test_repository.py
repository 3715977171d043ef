"""The repository as the owner fixed it, speaking of nothing but itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.laws.tree import ROOT, everything, text, tracked

#: The owner's folders, and what the ecosystem expects beside them.
TOP_LEVEL = {
    *("stations", "retrovue", "schemas", "templates", "tests", "fixtures", "pyproject.toml", "README.md"),
    *("ARCHITECTURE.md", "CHANGELOG.md", "LICENSE", "Makefile", "requirements.lock"),
    *(".ci", ".gitignore", ".gitattributes", "benchmarks", "docs"),
    *("action.yml", ".pre-commit-hooks.yaml"),  # where GitHub and pre-commit look for them
}

#: Traces of the machine on which something was written or generated.
TRACES = {
    "somebody's home": r"(?<![\w.])/(?:home|Users)/[A-Za-z][\w.-]*/|(?<![\w.~])/root/|[A-Z]:\\Users\\",
    "a test's scratch directory": r"pytest-of-|/tmp/tmp\w{6,}",
    "a package index": r"--(?:extra-)?index-url[ =]|--find-links[ =]|--trusted-host",
    "a file address": r"\bfile:///(?!path\b)\w",
}

#: This very file must write the patterns down.
OWN = Path("tests/laws/test_repository.py")


def traces(content: str) -> list[str]:
    """What the machine left in a text: "somebody's home: /home/…"."""
    patterns = dict(TRACES)
    if len(ROOT.parts) > 2:  # "/retrovue" alone would be found in every path of the project
        patterns["this checkout's place"] = rf"(?<![\w.]){re.escape(str(ROOT))}\b"
    return [f"{what}: {m[0]}" for what, pattern in patterns.items() for m in re.finditer(pattern, content)]


def test_the_top_level_holds_what_it_should_and_nothing_else() -> None:
    assert {f.parts[0] for f in tracked()} - TOP_LEVEL == set()


def test_a_source_archive_is_judged_like_a_checkout() -> None:
    assert set(tracked()) <= set(everything())
    assert {f.parts[0] for f in everything()} - TOP_LEVEL == set()


def test_no_file_tells_where_it_was_written() -> None:
    found = {str(f): t for f in tracked() if f != OWN and (t := traces(text(f) or ""))}
    assert found == {}


@pytest.mark.parametrize(
    "content",
    [
        "see /home/ada/retrovue/stations",
        "cache in /root/.cache",
        "tmp: /tmp/pytest-of-ada/pytest-0",
        "--extra-index-url https://pypi.example.org/simple",
        f"fixture at {ROOT}/fixtures" if len(ROOT.parts) > 2 else "/home/ada/x",
    ],
)
def test_a_trace_would_be_seen(content: str) -> None:
    assert traces(content)


def test_the_lock_pins_and_hashes_everything_and_names_no_host() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    entries = re.split(r"\n(?=\S)", "\n".join(x for x in lock.splitlines() if not x.lstrip().startswith("#")))
    entries = [entry for entry in entries if entry.strip()]
    assert len(entries) > 30
    assert [e for e in entries if not re.match(r"[\w.-]+==\S+", e) or "--hash=sha256:" not in e] == []


def test_no_generated_media_is_published() -> None:
    large = [str(f) for f in tracked() if (ROOT / f).stat().st_size > 1_000_000]
    media = [str(f) for f in tracked() if f.suffix in {".mp4", ".mkv", ".ts", ".mov", ".avi", ".duckdb"}]
    assert (large, media) == ([], [])
