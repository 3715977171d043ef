"""The committed schemas and field tables are what the models say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from retrovue.library.adapters import settings_models
from retrovue.station import schema
from retrovue.station.load import NOUNS
from retrovue.station.model import parse_duration
from tests.cli.run import run
from tests.laws.tree import ROOT

SCHEMAS = ROOT / "schemas"
MEND = "run: retrovue schema --write schemas"


def test_the_committed_schemas_are_current() -> None:
    made = schema.schema_files(settings_models())
    committed = {path.name: path.read_text("utf-8") for path in SCHEMAS.glob("*.json")}
    assert committed == made, MEND


def test_the_committed_field_tables_are_current() -> None:
    readme = (SCHEMAS / "README.md").read_text("utf-8")
    assert readme == schema.with_field_tables(readme, settings_models()), MEND


def _parts() -> list[tuple[str, dict[str, Any]]]:
    made = schema.any_schema(settings_models())
    return sorted(made["$defs"].items())


@pytest.mark.parametrize(("name", "part"), _parts(), ids=[name for name, _ in _parts()])
def test_every_field_has_a_hover_text(name: str, part: dict[str, Any]) -> None:
    assert [key for key, field in part.get("properties", {}).items() if not field.get("description")] == []


def test_every_reference_in_a_schema_leads_somewhere() -> None:
    for text in schema.schema_files(settings_models()).values():
        whole = json.loads(text)
        for target in re.findall(r'"\$ref": "#/\$defs/(\w+)"', text):
            assert target in whole["$defs"]


def test_every_default_is_spelt_as_in_yaml() -> None:
    station = schema.noun_schema("station")
    assert station["properties"]["grid"]["default"] == "30m"
    assert station["properties"]["broadcast_day_start"]["default"] == "06:00"
    assert station["$defs"]["Horizon"]["properties"]["guide"]["default"] == "4d"
    assert "default" not in station["properties"]["horizon"]


@pytest.mark.parametrize("text", ["4d", "1h30m", "15s", "1m30.5s", "0s", "1d2h3m4.000001s"])
def test_durations_are_spelt_as_they_are_read(text: str) -> None:
    assert schema.spell_duration(parse_duration(text)) == text


def test_any_document_is_decided_by_its_noun() -> None:
    whole = schema.any_schema()
    assert [choice["required"] for choice in whole["oneOf"]] == [[noun] for noun in NOUNS]
    assert {rule["then"]["$ref"] for rule in whole["allOf"]} == {
        f"#/$defs/{model.__name__}" for model in NOUNS.values()
    }


def test_a_sources_settings_are_in_the_schema() -> None:
    source = schema.noun_schema("collection", settings_models())["properties"]["source"]
    assert len(source["anyOf"]) == len(settings_models())


def test_the_command_prints_and_writes(tmp_path: Path) -> None:
    assert json.loads(run("schema").out) == schema.any_schema(settings_models())
    assert json.loads(run("schema", "plan").out) == schema.noun_schema("plan")
    (tmp_path / "README.md").write_text(
        "# Mine\n<!-- fields: begin -->\nthe last one's\n<!-- fields: end -->\nmore\n"
    )
    assert run("schema", "--write", str(tmp_path), "--quiet").code == 0
    assert {p.name for p in tmp_path.iterdir()} == {p.name for p in SCHEMAS.iterdir()}
    written = (tmp_path / "README.md").read_text("utf-8")
    assert "| `broadcast_day_start` |" in written
    assert "the last one's" not in written
    assert written.startswith("# Mine\n")
    assert written.endswith("\nmore\n")


def test_the_command_refuses_what_is_no_noun(tmp_path: Path) -> None:
    refused = run("schema", "chanel")
    assert refused.code == 1
    assert "did you mean “channel”?" in refused.err
    blocked = tmp_path / "file"
    blocked.touch()
    assert run("schema", "--write", str(blocked)).code == 1
