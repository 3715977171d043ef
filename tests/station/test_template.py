"""Templates and includes: what they make, where their mistakes are shown, and that they always end."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrovue.diagnostics import Diagnostic, Span
from retrovue.station.load import load_station
from retrovue.station.template import Rendered, render, values_of
from tests.compiler.profiles import examples
from tests.station.build import STATION, load, write

VARS = {"shows": ["cheers", "wings"], "count": 3, "network": "retro"}
SHOWS = """\
# one program a show
{% for show in shows %}
---
program: {{ show }}
title: The {{ show|title }} Hour
{% if loop.first %}
mode: shuffle
{% endif %}
chain:
  - synthetic: slate
{% endfor %}
"""


def made(text: str) -> Rendered:
    rendered = render("x.yaml.j2", text, VARS)
    assert isinstance(rendered, Rendered), rendered
    return rendered


def test_blocks_leave_no_empty_lines() -> None:
    assert made(SHOWS).text == (
        "# one program a show\n---\nprogram: cheers\ntitle: The Cheers Hour\nmode: shuffle\nchain:\n"
        "  - synthetic: slate\n---\nprogram: wings\ntitle: The Wings Hour\nchain:\n  - synthetic: slate\n"
    )


def test_every_line_knows_the_line_that_made_it() -> None:
    rendered = made(SHOWS)
    source = SHOWS.splitlines()
    for number, line in enumerate(rendered.lines[:-1], 1):
        back = rendered.back(Span("x.yaml.j2", number, 1, number, 2))
        written = source[back.line - 1]
        assert written.partition(" {{")[0].partition(": The")[0] in line, (line, written)


def test_columns_are_kept_where_the_line_is_plain_and_found_where_it_is_not() -> None:
    rendered = made("a: b\n{% for n in range(2) %}\nkey: {{ n }} # tail\n{% endfor %}\n")
    assert rendered.lines[:3] == ("a: b", "key: 0 # tail", "key: 1 # tail")
    assert rendered.back(Span("f", 1, 4, 1, 5)) == Span("x.yaml.j2", 1, 4, 1, 5)
    assert rendered.back(Span("f", 3, 1, 3, 4)) == Span("x.yaml.j2", 3, 1, 3, 4)  # “key” as it stands
    assert rendered.back(Span("f", 3, 6, 3, 7)) == Span("x.yaml.j2", 3, 1, 3, 20)  # what {{ n }} made


def test_a_line_of_several_source_lines_is_told_apart() -> None:
    rendered = made("play: [\n{%- for show in shows -%}\n  {{ show }},\n{%- endfor -%}\n]\n")
    assert rendered.text == "play: [cheers,wings,]\n"
    assert rendered.back(Span("f", 1, 8, 1, 14)).line == 3
    assert rendered.back(Span("f", 1, 1, 1, 5)) == Span("x.yaml.j2", 1, 1, 1, 5)


def test_a_macro_points_into_itself() -> None:
    rendered = made(
        "{% macro zone(name) %}\n- zone: {{ name }}\n  play: [x]\n{% endmacro %}\n{{ zone('A') }}"
    )
    assert rendered.text.splitlines() == ["- zone: A", "  play: [x]"]
    assert rendered.back(Span("f", 2, 3, 2, 7)).line == 3


def test_values() -> None:
    text = "{% set x %}abc{% endset %}{{ x == 'abc' }} {{ none }} {{ count + 1 }} {{ '%02d'|format(count) }}"
    assert made(text).text == "true null 4 03"
    tree = {"a": "5", "b": "05", "c": "true", "d": ["-1", None], "e": {"f": "5.10"}}
    assert values_of(tree) == {"a": 5, "b": "05", "c": True, "d": [-1, None], "e": {"f": "5.10"}}


@pytest.mark.parametrize(
    ("code", "line", "text"),
    [
        ("template-undefined", 2, "a: 1\nb: {{ netwrk }}\n"),
        ("template-undefined", 3, "{% for s in shows %}\n\n{{ s.title_of }}{% endfor %}"),
        ("template-undefined", 1, "{{ now() }}"),
        ("template-undefined", 1, "{{ lipsum() }}"),
        ("template-syntax", 2, "a: 1\nb: {{ 1 + }}\n"),
        ("template-syntax", 2, "a\n{% for s in shows %}\n"),
        ("template-syntax", 2, "a\n{{ shows|random }}\n"),
        ("template-error", 2, "a\n{{ 1 / 0 }}\n"),
        ("template-error", 2, "a\n{{ shows[9] }}\n"),
        ("template-error", 1, "{{ 'a' + 1 }}"),
        ("template-error", 1, "{% include '/etc/passwd' %}"),
        ("template-error", 1, "{% import 'x' as x %}"),
        ("template-error", 1, "{{ ''.__class__.__mro__ }}"),
        ("template-error", 1, "{{ shows.append(1) }}"),
        ("template-error", 1, "{{ '{:>99999999}'.format(1) }}"),
    ],
)
def test_mistakes_are_shown_in_the_template(code: str, line: int, text: str) -> None:
    found = render("x.yaml.j2", text, VARS)
    assert isinstance(found, Diagnostic)
    assert found.span is not None
    assert (found.code, found.span.file, found.span.line) == (code, "x.yaml.j2", line)


def test_an_undefined_name_is_marked_and_guessed() -> None:
    found = render("x.yaml.j2", "a: 1\n  b: {{ netwrk }}\n", VARS)
    assert isinstance(found, Diagnostic)
    assert found.span == Span("x.yaml.j2", 2, 9, 2, 15)
    assert found.help == "did you mean “network”?"


@pytest.mark.parametrize(
    "text",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% for a in range(99999) %}{% for b in range(99999) %}xxxxxxxxxxxxxxxx{% endfor %}{% endfor %}",
        "{{ range(10 ** 7)|list }}",
        "{{ 'x' * 10 ** 9 }}",
        "{{ [1] * 10 ** 9 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
        "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{{ 'x'.ljust(10 ** 10) }}",
        "{{ 'x'|center(10 ** 9) }}",
        "{{ '%0999999999d' % 3 }}",
        "{{ '%0999999999d'|format(3) }}",
    ],
)
def test_a_template_always_ends(text: str) -> None:
    found = render("x.yaml.j2", text, VARS)
    assert isinstance(found, Diagnostic)
    assert found.code == "template-limit"


PIECES = (
    *("{{", "}}", "{%", "%}", "{#", "#}", "|title", "[0]", "'", "-", "1", "~", "é", "(", ")", "s", "shows"),
    *(" for s in shows ", " endfor ", " if ", "\n", "- a: ", " set x = ", "  ", "{% raw %}", "{% endraw %}"),
)


@examples(150)
@given(
    st.lists(
        st.sampled_from(PIECES),
        max_size=14,
    )
)
def test_any_template_makes_something_or_says_why(parts: list[str]) -> None:
    text = "".join(parts)
    rendered = render("x.yaml.j2", text, VARS)
    lines = text.splitlines() or [""]
    if isinstance(rendered, Diagnostic):
        span = rendered.span
        assert span is not None
        assert 1 <= span.line <= len(lines)
        return
    assert "\ue0f0" not in rendered.text
    for number in range(1, len(rendered.lines) + 1):
        back = rendered.back(Span("f", number, 1, number, 2))
        assert 1 <= back.line <= len(lines)
        assert 1 <= back.column <= back.end_column <= max(2, len(lines[back.line - 1]) + 1)


# --- in a station ----------------------------------------------------------------------------------

WITH_VARS = STATION.replace("---", "vars: { shows: [cheers, wings], count: 2 }\n---", 1)


def test_a_station_with_a_template(tmp_path: Path) -> None:
    loaded = load(tmp_path, {"station.yaml": WITH_VARS, "programs/shows.yaml.j2": SHOWS})
    assert loaded.diagnostics == ()
    assert loaded.model is not None
    assert list(loaded.model.programs) == ["cheers", "wings"]
    wings = loaded.model.programs["wings"]
    assert wings.place("chain", 0, "synthetic") == Span("programs/shows.yaml.j2", 10, 16, 10, 21)
    assert loaded.sources["programs/shows.yaml.j2"] == SHOWS


def test_findings_of_every_kind_lead_to_the_template(tmp_path: Path) -> None:
    text = SHOWS.replace("shuffle", "suffle").replace("synthetic: slate", "synthetic: slat")
    loaded = load(tmp_path, {"station.yaml": WITH_VARS, "x.yaml.j2": text})
    told = {(d.code, d.span.line, d.span.column) for d in loaded.diagnostics if d.span}
    assert told == {("unknown-word", 7, 7), ("unknown-reference", 10, 16)}
    loaded = load(tmp_path, {"station.yaml": WITH_VARS, "x.yaml.j2": SHOWS + "title: a: {{ count }}\n"})
    (found,) = loaded.diagnostics
    assert (found.code, found.span and found.span.line) == ("yaml-syntax", 12)


def test_a_broken_template_is_one_mistake(tmp_path: Path) -> None:
    station = WITH_VARS.replace("[test-pattern]", "[cheers, wings]")
    loaded = load(tmp_path, {"station.yaml": station, "x.yaml.j2": SHOWS.replace("in shows", "in shwos")})
    (found,) = loaded.diagnostics
    assert found.code == "template-undefined"
    assert found.help == "did you mean “shows”?"


def test_another_value_is_another_station(tmp_path: Path) -> None:
    one = load(tmp_path / "a", {"station.yaml": WITH_VARS, "x.yaml.j2": SHOWS}).model
    two = load(tmp_path / "b", {"station.yaml": WITH_VARS.replace("wings", "taxi"), "x.yaml.j2": SHOWS}).model
    assert one is not None
    assert two is not None
    assert one.sources_hash != two.sources_hash


# --- includes --------------------------------------------------------------------------------------

PROGRAM = "program: cheers\nchain: [{ synthetic: slate }]\n"


def _include(tmp_path: Path, *paths: str, **files: str) -> tuple[Diagnostic, ...]:
    text = STATION.replace("---", f"include: [{', '.join(paths)}]\n---", 1)
    write(tmp_path / "repo", {"stations/s/station.yaml": text, **files})
    return load_station(tmp_path / "repo" / "stations" / "s").diagnostics


def test_an_included_file_and_folder_belong_to_the_station(tmp_path: Path) -> None:
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    found = _include(
        tmp_path,
        "../common/a.yaml",
        "../../shared",
        **{
            "stations/common/a.yaml": PROGRAM,
            "shared/b.yaml": PROGRAM.replace("cheers", "wings"),
            "shared/c.yaml.j2": "{% for n in range(2) %}\n---\nprogram: taxi-{{ n }}\n"
            "chain: [{ synthetic: slate }]\n{% endfor %}\n",
        },
    )
    assert found == ()
    model = load_station(tmp_path / "repo" / "stations" / "s").model
    assert model is not None
    assert list(model.programs) == ["cheers", "taxi-0", "taxi-1", "wings"]
    place = model.programs["wings"].place()
    assert place is not None
    assert place.file == "../../shared/b.yaml"


def test_a_file_included_twice_counts_once(tmp_path: Path) -> None:
    found = _include(
        tmp_path, "../common", "../common/a.yaml", "programs.yaml",
        **{"stations/common/a.yaml": PROGRAM, "stations/s/programs.yaml": PROGRAM.replace("cheers", "x")},
    )  # fmt: skip
    assert found == ()


@pytest.mark.parametrize(
    "path", ["../common/none.yaml", "../../outside.yaml", "/etc/passwd", "../common/a.txt"]
)
def test_what_can_not_be_included(tmp_path: Path, path: str) -> None:
    (tmp_path / "repo" / "stations" / ".git").mkdir(parents=True)
    (found,) = _include(tmp_path, path, **{"outside.yaml": PROGRAM, "stations/a.txt": "x"})
    assert found.code == "bad-include"
    assert found.span is not None
    assert found.span.line == 4


def test_a_link_does_not_lead_out(tmp_path: Path) -> None:
    write(tmp_path, {"secret.yaml": PROGRAM})
    (tmp_path / "repo" / "stations").mkdir(parents=True)
    (tmp_path / "repo" / "stations" / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    (found,) = _include(tmp_path, "../link.yaml")
    assert found.code == "bad-include"


def test_mistakes_in_an_included_file_are_shown_there(tmp_path: Path) -> None:
    (found,) = _include(tmp_path, "../a.yaml", **{"stations/a.yaml": PROGRAM.replace("slate", "slat")})
    assert found.span is not None
    assert (found.code, found.span.file) == ("unknown-reference", "../a.yaml")
