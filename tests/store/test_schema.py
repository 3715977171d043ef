"""The artefact's shape is documented, and the views answer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from retrovue.store import schema
from retrovue.store.query import query
from tests.cli.run import run
from tests.laws.documents import Block, commands
from tests.laws.tree import ROOT
from tests.store.test_artefact import COMPILED, PROVENANCE, file

__all__ = ["file"]
README = ROOT / "schemas" / "README.md"


def test_the_committed_documentation_is_current() -> None:
    text = README.read_text("utf-8")
    assert text == schema.with_tables(text), "run: retrovue schema --write schemas"
    for table in schema.TABLES:
        assert f"\n### {table.name}\n" in text
    for view in schema.VIEWS:
        assert f"\n| `{view.name}` |" in text


@pytest.mark.parametrize("table", schema.TABLES, ids=lambda table: table.name)
def test_every_column_says_what_it_means(table: schema.Table) -> None:
    assert table.about.endswith(".")
    assert [name for name, _, meaning in table.columns if not meaning.strip()] == []
    assert len(set(table.names)) == len(table.names)
    assert set(table.key) <= set(table.names)


@pytest.mark.parametrize("table", schema.TABLES, ids=lambda table: table.name)
def test_no_two_rows_share_a_key(file: Path, table: schema.Table) -> None:
    if table.key:
        key = ", ".join(table.key)
        _, rows = query(file, f"SELECT {key}, count(*) FROM {table.name} GROUP BY ALL HAVING count(*) > 1")
        assert list(rows) == []


@pytest.mark.parametrize("view", schema.VIEWS, ids=lambda view: view.name)
def test_every_view_answers(file: Path, view: schema.View) -> None:
    columns, rows = query(file, f"SELECT * FROM {view.name}")
    assert columns
    assert list(rows) or view.name == "spots"


def test_the_statements_shown_answer(file: Path) -> None:
    block = re.search(r"```sh\n(.*?)```", README.read_text("utf-8").split("# The artefact")[1], re.DOTALL)
    assert block is not None
    shown = list(commands(Block("schemas/README.md", 1, "sh", block[1]), "retrovue"))
    assert len(shown) == 3
    for arguments in shown:
        asked = [str(file) if word == "artefact.duckdb" else word for word in arguments]
        assert run(*asked).code == 0


def test_hours_of_a_day_add_up(file: Path) -> None:
    _, rows = query(file, "SELECT program_hours + spot_hours + synthetic_hours, segments FROM fill")
    ((hours, segments),) = rows
    assert hours == pytest.approx(2)
    assert segments == len(COMPILED.days[0].playlist)
    assert PROVENANCE.compiler_version
