"""Cards: whatever values hold they are drawn, and a template reaches nothing outside itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrovue.graphics.layout import SMALLEST, fit
from retrovue.station.card import SAMPLES, card_names, faces, fill_in, shipped_card
from tests.station.build import load

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1280 720">'


def filled_with(value: Any, text: str) -> Any:
    """The same values with every text replaced; pictures and words that choose stay."""
    if isinstance(value, str):
        return text
    if isinstance(value, dict):
        return {
            key: each if key in ("logo", "colour", "kind", "corner") else filled_with(each, text)
            for key, each in value.items()
        }
    return [filled_with(each, text) for each in value] if isinstance(value, list) else value


def test_every_shipped_card_has_a_sample_and_is_drawn() -> None:
    assert set(SAMPLES) == set(card_names())
    for name in card_names():
        card = fill_in(name, shipped_card(name), SAMPLES[name])
        assert card.width > 0
        if name.startswith("cards/") and name != "cards/guide_rows.svg":
            assert (card.width, card.height) == (1280, 720)


@settings(max_examples=6, deadline=None)
@given(st.text(max_size=80))
def test_a_shipped_card_holds_any_text(text: str) -> None:
    for name in card_names():
        fill_in(name, shipped_card(name), filled_with(dict(SAMPLES[name]), text))


@pytest.mark.parametrize(
    "text", ["</text><script/>", "{{ 7 * 7 }}", "& < > \" '", "a\x00b\ud800c", "😀 שלום مرحبا", "x" * 5000]
)
def test_text_stays_text(text: str) -> None:
    card = fill_in(
        "cards/card.svg", shipped_card("cards/card.svg"), {**SAMPLES["cards/card.svg"], "title": text}
    )
    assert "<script" not in card.svg
    assert "49" not in card.svg
    assert "\x00" not in card.svg


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=300), st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_what_is_fitted_fits(text: str, lines: int) -> None:
    block = fit(faces(), text, 300, 40, lines)
    assert len(block.lines) <= lines
    assert 40 * SMALLEST - 0.01 <= block.size <= 40
    for line in block.lines:
        # One character alone may be wider than any box.
        assert len(line) <= 1 or faces().width(line, block.size, 700) <= 300.01


def test_a_long_title_is_broken_then_made_smaller_then_cut_short() -> None:
    assert fit(faces(), "Harbor Patrol", 600, 100, 2).lines == ("Harbor Patrol",)
    two = fit(faces(), "The Long Way Home Again", 600, 100, 2)
    assert (two.size, two.lines) == (100, ("The Long Way", "Home Again"))
    smaller = fit(faces(), "The Long Way Home Again And Then Some", 600, 100, 2)
    assert smaller.size < 100
    assert "".join(smaller.lines).endswith("Some")
    assert fit(faces(), "word " * 60, 600, 100, 2).lines[1].endswith("…")


def card_mistake(tmp_path: Path, svg: str, name: str = "templates/cards/ident.svg") -> tuple[str, int]:
    loaded = load(tmp_path, {name: svg})
    (found,) = loaded.diagnostics
    assert found.span is not None
    assert found.span.file == name
    assert found.help
    assert loaded.model is None
    return found.code, found.span.line


@pytest.mark.parametrize(
    ("svg", "code", "line"),
    [
        (f"{HEAD}\n{{{{ titel }}}}\n</svg>", "template-undefined", 2),
        (f"{HEAD}\n{{% if title %}}\n</svg>", "template-syntax", 2),
        (f"{HEAD}\n<rect>\n</svg>", "bad-card", 3),
        ('<svg viewBox="0 0 1280 720"/>', "bad-card", 1),
        ('<svg xmlns="http://www.w3.org/2000/svg"/>', "bad-card", 1),
        ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 99999 99999"/>', "bad-card", 1),
        (f'{HEAD}<image href="/etc/passwd.png"/></svg>', "bad-card", 1),
        (f'{HEAD}<image href="../../secret.png"/></svg>', "bad-card", 1),
        (f'{HEAD}<image xmlns:x="http://www.w3.org/1999/xlink" x:href="file:a.png"/></svg>', "bad-card", 1),
        (f'{HEAD}<rect fill="url(other.svg#x)"/></svg>', "bad-card", 1),
        (f"{HEAD}<style>@import 'x.css';</style></svg>", "bad-card", 1),
        (f"{HEAD}<script/></svg>", "bad-card", 1),
        (f'<!DOCTYPE svg [<!ENTITY e SYSTEM "passwd.txt">]>{HEAD}&e;</svg>', "bad-card", 1),
        (f'{HEAD}<text data-live="weather" x="1" y="1" font-size="9"/></svg>', "bad-card", 1),
        (f'{HEAD}<text data-live="clock" x="50%" y="1" font-size="9"/></svg>', "bad-card", 1),
        (f"{HEAD}{{% for a in range(9999) %}}{{% for b in range(9999) %}}.{{% endfor %}}{{% endfor %}}</svg>",
         "template-limit", 1),
        (f"{HEAD}{{{{ ''.__class__ }}}}</svg>", "template-error", 1),
    ],
)  # fmt: skip
def test_a_card_that_cannot_be_drawn_is_told_at_its_line(
    tmp_path: Path, svg: str, code: str, line: int
) -> None:
    assert card_mistake(tmp_path, svg) == (code, line)


def test_a_card_of_another_name_is_told(tmp_path: Path) -> None:
    found = card_mistake(tmp_path, f"{HEAD}</svg>", "templates/cards/indent.svg")
    assert found == ("unknown-card", 1)


def test_a_stations_own_card_reaches_the_model_and_changes_its_hash(tmp_path: Path) -> None:
    before = load(tmp_path, {}).model
    own = load(tmp_path, {"templates/cards/ident.svg": f"{HEAD}<rect/></svg>"}).model
    assert before is not None
    assert own is not None
    assert before.templates == {}
    assert own.templates == {"cards/ident.svg": f"{HEAD}<rect/></svg>"}
    assert before.sources_hash != own.sources_hash


def test_a_card_outside_the_folder_is_none_of_the_stations(tmp_path: Path) -> None:
    outside = tmp_path / "elsewhere.svg"
    outside.write_text("no svg at all")
    station = tmp_path / "station"
    (station / "templates" / "cards").mkdir(parents=True)
    (station / "templates" / "cards" / "ident.svg").symlink_to(outside)
    model = load(station, {}).model
    assert model is not None
    assert model.templates == {}
