"""One contract for every adapter and enricher, built in or installed."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
from pydantic import BaseModel, ValidationError

from retrovue.errors import RetroVueError
from retrovue.library import adapters, enrichers
from retrovue.library.adapters import Desk, FoundMedia, SourceGone, open_adapter
from retrovue.library.catalog import AssetState
from retrovue.library.enrichers import open_enrichers
from retrovue.library.finding import Finding, Unreadable
from retrovue.library.lock import parse_line, render_line
from retrovue.library.plugins import installed, kind_of
from retrovue.station.schema import described
from tests.library.media import make
from tests.library.samples import sample

GROUPS = (adapters.GROUP, enrichers.GROUP)


def test_an_adapter_is_imported_when_its_settings_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    real = list(entry_points(group=adapters.GROUP))
    broken = EntryPoint("broken", "no_such_module:Thing", adapters.GROUP)
    monkeypatch.setattr("retrovue.library.plugins.declared", lambda group: EntryPoints((*real, broken)))
    models = adapters.settings_models()
    assert models["filesystem"].model_fields["kind"].default is not None
    assert sorted(models) == sorted([*(point.name for point in real), "broken"])
    assert len(models) == len(real) + 1
    with pytest.raises(RetroVueError, match=r"'broken' .* does not load"):
        models["broken"]
    with pytest.raises(KeyError):
        models["nobody"]


def test_the_built_in_ones_are_plug_ins() -> None:
    assert "filesystem" in adapters.settings_models()
    assert "probe" in installed(enrichers.GROUP)


@pytest.mark.parametrize("group", GROUPS)
def test_settings_are_strict_documented_and_known_by_kind(group: str) -> None:
    for kind, plugin in installed(group).items():
        model: type[BaseModel] = plugin.settings_model
        assert kind_of(model) == kind
        schema = described(model)
        assert schema["properties"]["kind"]["const"] == kind
        for name, about in schema["properties"].items():
            assert name == "kind" or about.get("description"), f"{group} {kind}: {name} is not documented"
        with pytest.raises(ValidationError):
            model.model_validate({"kind": kind, "no-such-setting": 1, "path": "."})


@pytest.mark.parametrize("kind", installed(adapters.GROUP))
def test_every_adapter_keeps_its_promises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    with sample(kind, tmp_path, monkeypatch) as source:
        adapter = open_adapter("c", source, tmp_path, Desk(notes=tmp_path / "notes"))
        offers = adapter.offers()
        assert offers == adapter.offers()
        assert any(offer.taken for offer in offers)
        found = list(adapter.discover())
        assert found == list(adapter.discover()), "the order is stable, whatever it remembers"
        nothing_known = open_adapter("c", source, tmp_path, Desk(notes=None))
        forgotten = list(nothing_known.discover())
        media = [one for one in found if isinstance(one, FoundMedia)]
        assert media == [one for one in forgotten if isinstance(one, FoundMedia)], "whatever is remembered"
        assert media, "the sample holds something"
        for one in media:
            assert one.asset.collection == "c"
            assert one.asset.key
            assert one.asset.state is AssetState.NEW
            assert adapter.locate(one.asset.path) == one.location
            line = replace(one.asset, **one.written, state=AssetState.READY, duration_us=1)
            assert parse_line("c", render_line(line)).title == line.title, "what it says fits into the lock"
        assert len({one.asset.key for one in media}) == len(media)
        findings = [one for one in found if isinstance(one, Finding)]
        assert findings, "the sample has something wrong with it"
        assert all(f.collection == "c" and f.code and f.message for f in findings)
        for path in ("../secret.mp4", "/etc/passwd", "a\0b"):
            with pytest.raises(ValueError, match="leads out"):
                adapter.locate(path)


@pytest.mark.parametrize("kind", installed(adapters.GROUP))
def test_every_adapter_says_when_its_source_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    with sample(kind, tmp_path, monkeypatch) as source:
        adapter = open_adapter("c", source, tmp_path)
        (tmp_path / "media").rename(tmp_path / "away")
        with pytest.raises(SourceGone, match="collection c") as gone:
            list(adapter.discover())
        assert gone.value.help


def test_every_enricher_keeps_its_promises(tmp_path: Path) -> None:
    make(tmp_path / "a.mp4")
    (media,) = open_adapter("c", {"kind": "filesystem", "path": "."}, tmp_path).discover()
    assert isinstance(media, FoundMedia)
    before = media.asset
    for enricher in open_enrichers():
        after = enricher.enrich(before, media.location)
        assert after == enricher.enrich(before, media.location)
        assert (after.collection, after.key, after.path) == (before.collection, before.key, before.path)
        with pytest.raises(FrozenInstanceError):
            before.title = "x"  # type: ignore[misc]
        with pytest.raises(Unreadable):
            enricher.enrich(before, tmp_path / "gone.mp4")


def test_bad_sources_are_told(tmp_path: Path) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"kind": "plexx"}, "no adapter 'plexx'"),
        ({}, "no adapter None"),
        ({"kind": "filesystem"}, "source.path"),
        ({"kind": "filesystem", "path": "a\0b"}, "source.path"),
        ({"kind": "filesystem", "path": ".", "extensions": ["a/b"]}, "source.extensions.0"),
    ]
    for source, says in cases:
        with pytest.raises(RetroVueError, match=r"collection c") as caught:
            open_adapter("c", source, tmp_path)
        assert says in str(caught.value)


class _Settings(BaseModel):
    kind: Literal["probe"] = "probe"


class Impostor:
    settings_model: ClassVar[type[BaseModel]] = _Settings

    def __init__(self, settings: Any) -> None: ...


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("bad", "no_such_module:Thing", "does not load"),
        ("bad", "tests.library.test_plugins:GROUPS", "does not load"),
        ("bad", "tests.library.test_plugins:Impostor", "must have one name"),
        ("probe", "tests.library.test_plugins:Impostor", "is taken"),
    ],
)
def test_a_broken_plug_in_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str) -> None:
    real = entry_points(group=enrichers.GROUP)
    bad = EntryPoint(name, value, enrichers.GROUP)
    monkeypatch.setattr("retrovue.library.plugins.declared", lambda group: EntryPoints((*real, bad)))
    with pytest.raises(RetroVueError, match=f"the plug-in {name!r}") as caught:
        installed(enrichers.GROUP)
    assert says in str(caught.value)
