"""What the documents say is true: commands parse, targets exist, settings are all there, links lead on."""

from __future__ import annotations

import re

import pytest

from retrovue.cli.main import COMMANDS, build_parser
from retrovue.station.model import Serve
from tests.laws.documents import DOCUMENTS, blocks, commands, read
from tests.laws.tree import ROOT, tracked

SHELL = ("console", "sh", "bash")


def _options(command: str) -> set[str]:
    parser = build_parser(command)
    (choices,) = [a.choices for a in parser._actions if isinstance(a.choices, dict)]
    return {o for action in choices[command]._actions for o in action.option_strings if o.startswith("--")}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_retrovue_command_shown_is_understood(document: str) -> None:
    refused = []
    for block in blocks(document, *SHELL):
        for arguments in commands(block, "retrovue"):
            try:
                command = next((a for a in arguments if not a.startswith("-")), None)
                build_parser(command if command in COMMANDS else None).parse_args(arguments)
            except SystemExit as ended:
                if ended.code:
                    refused.append(f"{block.place}: retrovue {' '.join(arguments)}")
    assert refused == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_named_in_the_text_exists(document: str) -> None:
    named = set(re.findall(r"`retrovue ([a-z][a-z-]*)", read(document)))
    assert named - set(COMMANDS) == set()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_make_target_shown_exists(document: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    shown = {
        word
        for block in blocks(document, *SHELL)
        for arguments in commands(block, "make")
        for word in arguments
        if "=" not in word
    }
    shown |= set(re.findall(r"`make ([a-z]+)", read(document)))
    assert shown - targets == set()


@pytest.mark.parametrize("command", COMMANDS)
def test_the_readme_has_every_command(command: str) -> None:
    assert f"`retrovue {command}" in read("README.md")


def test_the_readme_has_every_flag_of_serve() -> None:
    missing = sorted(o for o in _options("serve") - {"--help"} if f"`{o}" not in read("README.md"))
    assert missing == []


@pytest.mark.parametrize("field", Serve.model_fields)
def test_the_readme_has_every_setting_of_serve_and_its_default(field: str) -> None:
    rows = [line for line in read("README.md").splitlines() if line.startswith("|") and f"`{field}`" in line]
    assert len(rows) == 1, f"one row of the table for {field}"
    default = Serve.model_fields[field].default
    if default is not None:
        written = str(default).lower() if isinstance(default, bool) else default
        written = f"[{', '.join(default)}]" if isinstance(default, tuple) else written
        assert f"`{written}`" in rows[0]


def test_the_readme_has_every_variable_of_the_environment_and_no_other() -> None:
    variable = r"\bRETROVUE_[A-Z]+(?:_[A-Z]+)*\b"
    read_by_us = {
        name
        for file in tracked()
        if file.parts[0] == "retrovue" and file.suffix == ".py"
        for name in re.findall(variable, (ROOT / file).read_text(encoding="utf-8"))
    }
    assert set(re.findall(variable, read("README.md"))) == read_by_us


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_within_the_repository_lead_somewhere(document: str) -> None:
    here = (ROOT / document).parent
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", read(document))
    dead = [link for link in links if "://" not in link and not (here / link).exists()]
    assert dead == []


@pytest.mark.parametrize(
    "document", ["README.md", "ARCHITECTURE.md", "stations/README.md", "docs/clients.md"]
)
def test_paths_named_in_the_text_exist(document: str) -> None:
    """Paths in backquotes that begin with one of the repository's own folders."""
    named = re.findall(
        r"`((?:retrovue|tests|templates|schemas|fixtures|benchmarks)/[\w./-]+)`", read(document)
    )
    dead = sorted({path for path in named if not (ROOT / path).exists()})
    assert dead == []


def test_the_tests_that_are_named_exist() -> None:
    """`test_file.py::test_name`, wherever the file is."""
    named = re.findall(r"`([\w/]*test_\w+\.py)(?:::(\w+))?`", read("docs/clients.md"))
    assert named
    files = [file for file in tracked() if file.parts[0] == "tests"]
    texts = {file: (ROOT / file).read_text(encoding="utf-8") for file in files if file.suffix == ".py"}
    dead = [
        f"{path}::{test}"
        for path, test in named
        if not any(
            f"/{file}".endswith(f"/{path}") and (not test or f"def {test}(" in text)
            for file, text in texts.items()
        )
    ]
    assert dead == []
