"""Commercials: what folders and sidecars say of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from retrovue.library.adapters import FoundMedia, open_adapter
from retrovue.library.finding import Finding


class Shelf:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.media = folder / "ads"

    def put(self, *names: str) -> None:
        for name in names:
            file = self.media / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"any")

    def write(self, name: str, text: str) -> None:
        (self.media / name).write_text(text)

    def found(self, **settings: Any) -> tuple[dict[str, dict[str, Any]], list[Finding]]:
        found = list(open_adapter("c", {"kind": "ads", "path": "ads", **settings}, self.folder).discover())
        return (
            {one.asset.key: dict(one.written) for one in found if isinstance(one, FoundMedia)},
            [one for one in found if isinstance(one, Finding)],
        )


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def test_a_folder_is_an_advertiser(shelf: Shelf) -> None:
    shelf.put("house.mp4", "Sunny_Cola/Beach 30.mp4", "Sunny_Cola/old/1983/Ski.mp4")
    found, findings = shelf.found()
    assert findings == []
    assert found == {
        "house": {"tags": ("ad",)},
        "Sunny_Cola/Beach 30": {"advertiser": "Sunny Cola", "tags": ("ad",)},
        "Sunny_Cola/old/1983/Ski": {"advertiser": "Sunny Cola", "tags": ("ad",)},
    }


def test_levels_are_what_the_settings_say(shelf: Shelf) -> None:
    shelf.put("drinks/north/Sunny Cola/2026-11-01..2026-12-24/snow/a.mp4")
    found, _ = shelf.found(folders=["category", "-", "advertiser", "flight", "tag"], tags=[])
    assert list(found.values()) == [
        {
            "category": "drinks",
            "advertiser": "Sunny Cola",
            "extra": {"flight": "2026-11-01..2026-12-24"},
            "tags": ("snow",),
        }
    ]


def test_folder_sidecars_hold_below_and_a_files_own_wins(shelf: Shelf) -> None:
    shelf.put("Cola/a.mp4", "Cola/b.mp4")
    shelf.write("folder.yaml", "extra: { decade: 1980s }\nrating: TV-G\n")
    shelf.write(
        "Cola/folder.yml", "advertiser: Sunny Cola Inc.\ncategory: drinks\nflight: 2026-11-01..2026-11-30\n"
    )
    shelf.write("Cola/b.yaml", "category: toys\nflight: [2026-12-01, 2026-12-24]\ntags: [late]\n")
    found, findings = shelf.found()
    assert findings == []
    assert found["Cola/a"] == {
        "rating": "TV-G",
        "advertiser": "Sunny Cola Inc.",
        "category": "drinks",
        "extra": {"decade": "1980s", "flight": "2026-11-01..2026-11-30"},
        "tags": ("ad",),
    }
    assert found["Cola/b"]["extra"] == {"decade": "1980s", "flight": "2026-12-01 2026-12-24"}
    assert (found["Cola/b"]["category"], found["Cola/b"]["tags"]) == ("toys", ("ad", "late"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("flight: soon", "no flight"),
        ("flight: 2026-12-24..2026-11-01", "ends before it begins"),
        ("key: all", "a key is one file's"),
        ("advertisor: x", "advertisor"),
    ],
)
def test_a_folder_with_a_mistake_stays_as_it_was(shelf: Shelf, text: str, says: str) -> None:
    shelf.put("Cola/a.mp4", "Otto/b.mp4")
    shelf.write("Cola/folder.yaml", text)
    found, findings = shelf.found()
    assert list(found) == ["Otto/b"]
    assert [(f.code, f.path, f.holds) for f in findings] == [("bad-folder", "Cola", "Cola")]
    assert says in findings[0].message


def test_a_folder_has_one_sidecar(shelf: Shelf) -> None:
    shelf.put("Cola/a.mp4")
    shelf.write("Cola/folder.yaml", "category: drinks")
    shelf.write("Cola/folder.yml", "category: toys")
    found, (told,) = shelf.found()
    assert (found, told.code) == ({}, "bad-folder")
    assert "folder.yaml: there is folder.yml, too" in told.message


def test_a_folder_that_is_no_flight_is_told(shelf: Shelf) -> None:
    shelf.put("christmas/a.mp4", "2026-12-24/b.mp4")
    found, findings = shelf.found(folders=["flight"])
    assert list(found) == ["2026-12-24/b"]
    assert [(f.code, f.holds) for f in findings] == [("bad-folder", "christmas")]
    assert "write it like 2026-11-01..2026-12-24" in findings[0].message
