"""Every station shown in the documents is one: its YAML loads, compiles, and says what is printed beside it.

A block of YAML begins with the name of its file (``# plans/weekday.yaml``); the blocks of one document make
one station. The media are made up, as lines of the catalog lock: a station compiles where there are none.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from retrovue.library.catalog import Asset, AssetState
from retrovue.library.lock import write_lock
from retrovue.library.sidecar import Sidecar, parse_sidecar
from retrovue.units import MINUTE_US, SECOND_US
from tests.cli.run import run
from tests.laws.documents import Block, blocks, commands, read

#: A Monday, as in the documents.
FROM = "2026-11-23"


def _asset(collection: str, key: str, seconds: float, **more: object) -> Asset:
    frames = round(seconds * 30000 / 1001)
    return Asset(
        collection=collection,
        key=key,
        state=AssetState.READY,
        approved=True,
        path=f"{key}.mkv",
        duration_us=(frames * 1001 * SECOND_US + 15000) // 30000,
        frames=frames,
        rate="30000/1001",
        width=640,
        height=480,
        video_codec="h264",
        audio_codec="aac",
        audio_channels=2,
        **more,  # type: ignore[arg-type]
    )


def _library() -> dict[str, list[Asset]]:
    """What the collections named in the documents hold, by collection."""
    library = {
        "shows": [
            *(
                _asset(
                    "shows",
                    f"{series}/S{season:02}E{episode:02}",
                    seconds + 7 * episode,
                    series=series,
                    season=season,
                    episode=episode,
                    title=title,
                    tags=(tag,),
                    marks_us=(7 * MINUTE_US, 14 * MINUTE_US) if tag == "sitcom" else (),
                )
                for series, tag, seconds, titles in (
                    (
                        "Cheers",
                        "sitcom",
                        1390,
                        ("Give Me a Ring Sometime", "Sam's Women", "The Tortelli Tort"),
                    ),
                    ("Night Court", "sitcom", 1330, ("All You Need Is Love", "Santa Goes Downtown")),
                    (
                        "Felix the Cat",
                        "cartoon",
                        420,
                        ("Feline Follies", "Felix Saves the Day", "Felix Trifles"),
                    ),
                )
                for season in (1,)
                for episode, title in enumerate(titles, 1)
            )
        ],
        "films": [
            _asset("films", "Charade (1963)", 113 * 60, title="Charade", year=1963),
            _asset("films", "His Girl Friday (1940)", 92 * 60, title="His Girl Friday", year=1940),
            _asset("films", "The General (1926)", 75 * 60, title="The General", year=1926),
        ],
        "spots": [
            *(
                _asset("spots", f"ad-{n}", n, title=f"Spot {n}", tags=("ad",))
                for n in (10, 15, 20, 30, 45, 60)
            ),
            *(_asset("spots", f"ident-{n}", n, title=f"Ident {n}", tags=("ident",)) for n in (4, 5, 6)),
            _asset("spots", "cola-30", 30, title="Sunny Cola", tags=("ad", "cola")),
            _asset("spots", "promo-movie", 20, title="Tonight", tags=("promo",)),
        ],
    }
    library["tv"] = [replace(asset, collection="tv") for asset in library["shows"] + library["films"]]
    return library


@pytest.fixture(scope="module", params=["README.md", "stations/README.md"])
def shown(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """(document, the station folder ``mine`` written from it)."""
    folder = tmp_path_factory.mktemp("shown") / "mine"
    for block in (*blocks(request.param, "yaml"), *blocks(request.param, "jinja")):
        named = re.match(r"# ([\w./-]+\.yaml(?:\.j2)?)\n", block.text)
        assert named, f"{block.place}: the block does not say which file it is"
        file = folder / named[1]
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8") as out:
            out.write(("---\n" if file.stat().st_size else "") + block.text)
    assert folder.is_dir(), f"{request.param} shows no station"
    written = "".join(f.read_text() for f in folder.rglob("*.yaml"))
    collections = re.findall(r"^collection: (\S+)", written, re.MULTILINE)
    library = _library()
    write_lock(folder, [asset for name in collections for asset in library[name]])
    return request.param, folder


def test_it_has_no_mistakes(shown: tuple[str, Path]) -> None:
    checked = run("check", str(shown[1]), "--format", "concise")
    assert (checked.code, checked.out) == (0, "")


def test_it_compiles(shown: tuple[str, Path], tmp_path: Path) -> None:
    artefact = tmp_path / "out.duckdb"
    ran = run("compile", str(shown[1]), "--from", FROM, "--days", "8", "--output", str(artefact))
    assert ran.code == 0, ran.err
    assert artefact.stat().st_size > 0


def test_its_commands_print_what_is_shown(shown: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands of the ``console`` blocks that only read a station, in order, run where ``mine`` lies."""
    document, folder = shown
    monkeypatch.chdir(folder.parent)
    monkeypatch.setenv("XDG_STATE_HOME", str(folder.parent / "state"))
    monkeypatch.delenv("RETROVUE_STATE", raising=False)
    told, said = [], []
    for block in blocks(document, "console"):
        for part in re.split(r"(?m)^(?=\$ )", block.text):
            calls = list(commands(Block(document, block.line, "console", part), "retrovue"))
            if not calls or calls[0][0] not in {"check", "compile", "guide", "sql"}:
                continue
            ran = run(*calls[0])
            told.append(part.partition("\n")[2].rstrip())
            output = (ran.err + ran.out).replace(str(folder.parent / "state"), "~/.local/state")
            # A page has no room for a hash, and another compiler may give another.
            said.append(re.sub(r"content [0-9a-f]{64}", "content …", output).rstrip())
    assert told or document != "README.md", "the README shows no output"
    assert said == told


def test_the_sidecar_shown_is_one_and_every_field_is_named() -> None:
    document = "stations/README.md"
    (shown,) = [b for b in blocks(document, "text") if b.text.startswith("# Charade (1963).yaml\n")]
    written = parse_sidecar(shown.text)
    assert written["title"] == "Charade"
    assert written["marks_us"] == tuple(s * SECOND_US for s in (1690, 3422.5, 5040))
    assert [f for f in Sidecar.model_fields if f"`{f}`" not in read(document)] == []
