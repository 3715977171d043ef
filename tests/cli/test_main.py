"""The command line itself: quick to start, helpful, and never a traceback."""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from retrovue import __version__
from retrovue.cli.main import COMMANDS, build_parser
from tests.cli.run import run

HEAVY = ("aiohttp", "asyncio", "av", "duckdb", "holidays", "jinja2", "pydantic", "rich", "ruamel", "zeroconf")


def test_start_up_loads_nothing_heavy() -> None:
    script = f"""
import sys
from pathlib import Path
from retrovue.cli.main import main
try:
    main(["--help"])
except SystemExit:
    pass
print(*sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "put the station on the air" in done.stdout
    assert done.stderr.split() == [], "retrovue --help must not wait for these"


def test_the_version_is_said() -> None:
    assert run("--version").out.strip() == f"retrovue {__version__}"


def test_an_unknown_command_lists_the_known_ones() -> None:
    ran = run("broadcast")
    assert ran.code == 2
    assert "invalid choice: 'broadcast'" in ran.err
    assert "serve" in ran.err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_every_option_says_what_it_is_for(command: str) -> None:
    parser = argparse.ArgumentParser()
    importlib.import_module(COMMANDS[command][0]).configure(parser)
    silent = [action.option_strings or action.dest for action in parser._actions if not action.help]
    assert silent == []
    ran = run(command, "--help")
    assert ran.code == 0
    assert ran.out.startswith(f"usage: retrovue {command}")


@pytest.mark.parametrize(
    "words",
    [
        ("sql", "select 1", "--json", "mine", "--state", "s"),
        ("sql", "--json", "select 1", "--state", "s", "mine"),
        ("sql", "select 1", "mine", "--state", "s", "--json"),
    ],
    ids=" ".join,
)
def test_options_and_words_may_stand_in_any_order(words: tuple[str, ...]) -> None:
    args = build_parser("sql").parse_args(words)
    assert (args.query, args.station, args.json, args.state) == ("select 1", Path("mine"), True, "s")


def test_a_revision_may_follow_its_option() -> None:
    args = build_parser("diff").parse_args(["diff", "mine", "--merge-base", "origin/main", "--days", "2"])
    assert (args.station, args.revision, args.merge_base, args.days) == ("mine", "origin/main", True, 2)
    with pytest.raises(SystemExit):
        build_parser("diff").parse_args(["diff", "mine", "HEAD", "--days", "2", "more"])
