"""MasterClock is law: what ruff's banned-api can't see is found here.

ruff bans ``datetime.now`` and its kin by name (pyproject.toml). It can't see a loop's own clock, a timer,
SQL, a template or a script in a page.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.laws.tree import ROOT, text, tracked

PYTHON = {
    "the event loop's clock": r"loop(?:\(\))?\.time\(",
    "the event loop's timers": r"\.call_(?:later|at)\(",
    "a time-out of its own": r"\basyncio\.timeout(?:_at)?\b|\bwait_for\(",
    "a sleep under another name": r"\bfrom (?:time|asyncio) import [^\n]*\bsleep\b|\bthreading\.Timer\b",
    "the clock under another name": r"\bfrom time import\b"
    r"|\btime\.(?:localtime|gmtime|ctime|strftime|clock_gettime)\(",
    "a clock in SQL": r"(?<![\w.])(?:now|today|get_current_time\w*|current_localtime\w*)\(\)"
    r'|(?i:\bcurrent_(?:timestamp|date|time)\b)(?!":)',  # which as a key of JSON tells no time
}

#: The page is told the station's time; the browser's may be another one (``serve --at``, a wrong clock).
SCRIPTS = {"the browser's clock": r"\bDate\.now\(|\bnew Date\(\s*\)|\bnew Date(?!\s*\()"}

TEMPLATES = SCRIPTS | {"a clock in a template": r"\{[{%][^}]*(?<![\w.])(?:now|utcnow|today)\(\)"}


def clocks(source: str, patterns: dict[str, str]) -> list[str]:
    """ "12: the event loop's clock: loop.time()" for every one found."""
    return [
        f"{number}: {what}: {line.strip()}"
        for number, line in enumerate(source.splitlines(), 1)
        for what, pattern in patterns.items()
        if re.search(pattern, line)
    ]


def _files(folder: str, *suffixes: str) -> list[Path]:
    return [f for f in tracked() if f.parts[0] == folder and (not suffixes or f.suffix in suffixes)]


def test_no_python_outside_the_clock_reads_or_waits_on_another_clock() -> None:
    files = [f for f in _files("retrovue", ".py", ".sql") if f != Path("retrovue/clock.py")]
    assert files
    found = [f"{f}:{c}" for f in files for c in clocks((ROOT / f).read_text(), PYTHON)]
    assert found == [], "ask retrovue.clock"


def test_no_template_reads_a_clock() -> None:
    found = [f"{f}:{c}" for f in _files("templates") for c in clocks(text(f) or "", TEMPLATES)]
    assert _files("templates")
    assert found == [], "hand the template the instant it shows"


@pytest.mark.parametrize(
    "line",
    [
        "start = asyncio.get_running_loop().time()",
        "deadline = loop.time() + 5",
        "loop.call_later(1, stop)",
        "async with asyncio.timeout(3):",
        "await asyncio.wait_for(reader.read(), 3)",
        "from asyncio import sleep",
        "from time import monotonic",
        "time.strftime('%H')",
        'rows = db.execute("select now()")',
        'db.execute("insert into as_run values (CURRENT_TIMESTAMP)")',
    ],
)
def test_the_law_sees_each_of_its_breaches(line: str) -> None:
    assert clocks(line, PYTHON)


@pytest.mark.parametrize("line", ["{{ now() }}", "{% if now() > end %}", "t = Date.now()", "d = new Date()"])
def test_the_law_sees_each_breach_in_a_template(line: str) -> None:
    assert clocks(line, TEMPLATES)


@pytest.mark.parametrize(
    "line",
    [
        "instant = clock.now()",
        "now = self._clock.now_us()",
        "await clock.wait_until(instant)",
        "async with clock.deadline(3):",
        "const d = new Date(start)",
        "const at = now();  // the page's own, from the server's answer",
        "{{ now | clock_time }}",
        '"current_time": seconds(clock.now()),',
    ],
)
def test_the_law_lets_honest_code_pass(line: str) -> None:
    assert clocks(line, TEMPLATES if "const" in line or "{{" in line else PYTHON) == []
