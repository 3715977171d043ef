"""docs/commands.md is what an operator sees: every command in it runs again, on the demo station.

A YAML block is written to the file that its first line names. ``…`` in what is shown stands for anything:
alone on a line for any lines, within one for the rest of a word or line. Reports of figures are compared
without their digits: they depend on which spots were picked, and a better pick is no broken document.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrovue.cli.main import COMMANDS
from tests.cli.run import run
from tests.laws.documents import Block, blocks
from tests.laws.tree import ROOT

DOCUMENT = "docs/commands.md"
#: The commands that need no media and no network.
OF_SCHEDULES = (
    *("check", "compile", "diff", "guide", "why", "simulate", "explain"),
    *("schema", "init", "ledger", "rollback", "export", "sql", "library"),
)
#: What the document may use beside ``retrovue``.
TOOLS = {"cat", "git", "head", "ls", "rm", "sed"}
#: Commands whose figures depend on which spots were picked.
_FIGURES = ("compile", "simulate", "diff", "sql", "--playlist")
_AUTHOR = {
    **{f"GIT_{who}_NAME": "Operator" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_EMAIL": "operator@example.org" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_DATE": "2026-11-20T09:00:00-05:00" for who in ("AUTHOR", "COMMITTER")},
}


def _workplace(folder: Path) -> Path:
    """The demo station in a repository of its own, as far as it is committed in ours."""
    shutil.copytree(
        ROOT / "stations" / "demo", folder / "stations" / "demo", ignore=shutil.ignore_patterns("media")
    )
    for words in (("init", "-q", "-b", "main"), ("add", "."), ("commit", "-q", "-m", "the demo station")):
        subprocess.run(["git", *words], cwd=folder, env={**os.environ, **_AUTHOR}, check=True)
    return folder


def play(folder: Path) -> Iterator[tuple[str, str, str]]:
    """(command line, what is shown, what is said) of every command, run in ``folder`` one after the other."""
    for block in blocks(DOCUMENT):
        if block.language == "yaml":
            named = re.match(r"# ([\w./-]+\.yaml)\n", block.text)
            assert named, f"{block.place}: the block does not say which file it is"
            (folder / named[1]).write_text(block.text, "utf-8")
        for part in re.split(r"(?m)^(?=\$ )", block.text) if block.language == "console" else ():
            if part:
                line, _, shown = part.removeprefix("$ ").partition("\n")
                yield line, shown.rstrip(), _said(folder, shlex.split(line), block)


def _said(folder: Path, words: list[str], block: Block) -> str:
    if words[0] == "retrovue":
        ran = run(*words[1:])
        said = ran.err + ran.out
    else:
        assert words[0] in TOOLS, f"{block.place}: {words[0]}"
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True)
        said = done.stdout + done.stderr
    return said.replace(str(folder / "state"), "~/.local/state").replace(str(folder), "~").rstrip()


def _pattern(shown: str) -> str:
    pattern = "\n".join(re.escape(line) if line.strip() != "…" else "…" for line in shown.split("\n"))
    pattern = re.sub(r"(?m)^…\n", r"(?:.*\\n)*?", pattern)
    return re.sub(r"(?m)\n…$", r"(?:\\n.*)*?", pattern).replace("…", ".*?")


def _without_figures(text: str) -> str:
    return re.sub(r" +", " ", re.sub(r"\d[\d,.]*", "0", text))


def matches(line: str, shown: str, said: str) -> bool:
    """Is this what the command says, as far as it is shown?"""
    if any(word in line.split() for word in _FIGURES):
        shown, said = _without_figures(shown), _without_figures(said)
    return re.fullmatch(_pattern(shown), said) is not None


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(_workplace(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("RETROVUE_STATE", raising=False)
    return tmp_path


def test_every_command_says_what_is_shown(folder: Path) -> None:
    wrong = [f"$ {line}\n{said}" for line, shown, said in play(folder) if not matches(line, shown, said)]
    assert not wrong, "\n\n".join(wrong)


def test_what_is_left_out_may_be_anything_and_nothing_else() -> None:
    assert matches("retrovue guide", "a\n…\nd …f", "a\nb\nc\nd e f")
    assert not matches("retrovue guide", "a\n…\nd", "a\nb\nc")
    assert not matches("retrovue guide", "a", "a\nb")
    assert matches("retrovue sql x", "1  spot", "22 spot")
    assert not matches("retrovue guide", "1 spot", "2 spot")


@pytest.mark.parametrize("command", OF_SCHEDULES)
def test_every_command_about_schedules_is_shown(command: str) -> None:
    shown = "".join(block.text for block in blocks(DOCUMENT, "console"))
    assert command in COMMANDS
    assert f"$ retrovue {command} " in shown
