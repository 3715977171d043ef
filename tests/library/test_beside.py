"""What lies beside media: NFO, pictures and sidecars, as the filesystem adapter finds them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from retrovue.credits import Credit
from retrovue.library.adapters import FoundMedia, open_adapter
from retrovue.library.finding import Finding


class Tree:
    def __init__(self, folder: Path) -> None:
        self.folder, self.media = folder, folder / "media"

    def put(self, *names: str, text: str = "any") -> None:
        for name in names:
            file = self.media / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

    def found(self) -> tuple[dict[str, dict[str, Any]], list[Finding]]:
        found = list(open_adapter("c", {"kind": "filesystem", "path": "media"}, self.folder).discover())
        return (
            {one.asset.path: dict(one.written) for one in found if isinstance(one, FoundMedia)},
            [one for one in found if isinstance(one, Finding)],
        )

    def artwork(self) -> dict[str, Any]:
        return {path: written.get("artwork") for path, written in self.found()[0].items()}


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_an_episode_has_its_own_pictures_its_seasons_and_its_series(tree: Tree) -> None:
    tree.put("Cheers/Season 1/S01E01.mkv", "Cheers/Season 1/S01E01-thumb.jpg", "Cheers/Season 1/S01E02.mkv")
    tree.put("Cheers/Season 2/S02E01.mkv", "Cheers/Season 2/S02E01.PNG", "Cheers/Specials/S00E01.mkv")
    tree.put("Cheers/season01-poster.jpg", "Cheers/poster.jpg", "Cheers/fanart.webp", "poster.jpg")
    assert tree.artwork() == {
        "Cheers/Season 1/S01E01.mkv": (
            "Cheers/Season 1/S01E01-thumb.jpg",
            "Cheers/season01-poster.jpg",
            "Cheers/fanart.webp",
        ),
        "Cheers/Season 1/S01E02.mkv": ("Cheers/season01-poster.jpg", "Cheers/fanart.webp"),
        "Cheers/Season 2/S02E01.mkv": (
            "Cheers/Season 2/S02E01.PNG",
            "Cheers/poster.jpg",
            "Cheers/fanart.webp",
        ),
        "Cheers/Specials/S00E01.mkv": ("Cheers/poster.jpg", "Cheers/fanart.webp"),
    }


def test_a_film_has_its_folders_pictures_only_when_it_is_alone(tree: Tree) -> None:
    tree.put("Charade (1963)/Charade (1963).mkv", "Charade (1963)/Charade (1963)-trailer.mp4")
    tree.put("Charade (1963)/folder.jpg", "Charade (1963)/fanart.jpg", "Charade (1963)/movie.nfo")
    tree.put(
        "many/Rope (1948).mkv", "many/Gilda (1946).mkv", "many/poster.jpg", "many/Rope (1948)-poster.png"
    )
    found = tree.artwork()
    assert found["Charade (1963)/Charade (1963).mkv"] == (
        "Charade (1963)/folder.jpg",
        "Charade (1963)/fanart.jpg",
    )
    assert found["many/Rope (1948).mkv"] == ("many/Rope (1948)-poster.png",)
    assert found["many/Gilda (1946).mkv"] is None


def test_an_nfo_alone_may_say_that_it_is_an_episode(tree: Tree) -> None:
    tree.put("Naruto/Season 1/Naruto - 061.mkv", "Naruto/season02-poster.jpg", "Naruto/poster.jpg")
    tree.put("Naruto/tvshow.nfo", text="<tvshow><title>Naruto</title><mpaa>TV-PG</mpaa></tvshow>")
    tree.put(
        "Naruto/Season 1/Naruto - 061.nfo",
        text="<episodedetails><title>P.</title><season>2</season><episode>9</episode></episodedetails>",
    )
    found, _ = tree.found()
    assert found["Naruto/Season 1/Naruto - 061.mkv"] == {
        "series": "Naruto",
        "season": 2,
        "episode": 9,
        "title": "P.",
        "rating": "TV-PG",
        "artwork": ("Naruto/season02-poster.jpg",),
    }


def test_the_series_nfo_then_the_episodes_then_the_sidecar(tree: Tree) -> None:
    tree.put("Cheers/Season 1/S01E01.mkv", "Cheers/Season 1/S01E02.mkv", "tvshow.nfo")
    tree.put(
        "Cheers/tvshow.nfo",
        text="<tvshow><title>Cheers!</title><mpaa>TV-PG</mpaa><genre>Comedy</genre><tag>bar</tag></tvshow>",
    )
    tree.put(
        "Cheers/Season 1/S01E01.nfo",
        text="<episodedetails><title>Pilot</title><plot>P.</plot><tag>first</tag></episodedetails>",
    )
    tree.put("Cheers/Season 1/S01E01.yaml", text="rating: TV-14\nextra: { shelf: top }\n")
    found, findings = tree.found()
    assert findings == []
    assert found["Cheers/Season 1/S01E01.mkv"] == {
        "series": "Cheers!",
        "title": "Pilot",
        "description": "P.",
        "rating": "TV-14",
        "tags": ("bar", "first"),
        "extra": {"genre": "Comedy", "shelf": "top"},
    }
    assert found["Cheers/Season 1/S01E02.mkv"]["rating"] == "TV-PG"


def test_a_damaged_nfo_holds_its_asset(tree: Tree) -> None:
    tree.put("Rope (1948).mkv", "Gilda (1946).mkv")
    tree.put("Rope (1948).nfo", text="<movie><title>Rope</movie>")
    found, findings = tree.found()
    assert list(found) == ["Gilda (1946).mkv"]
    assert [(f.code, f.path, f.holds) for f in findings] == [
        ("bad-nfo", "Rope (1948).nfo", "Rope (1948).mkv")
    ]


def test_ten_thousand_files_in_one_folder(tree: Tree) -> None:
    tree.media.mkdir()
    for n in range(10_000):
        (tree.media / f"Tape {n:05}.mp4").touch()
    for n in range(0, 10_000, 100):
        (tree.media / f"Tape {n:05}.de.srt").touch()
    found = list(open_adapter("c", {"kind": "filesystem", "path": "media"}, tree.folder).discover())
    subtitled = [one for one in found if isinstance(one, FoundMedia) and one.asset.subtitles]
    assert (len(found), len(subtitled)) == (10_000, 100)


def test_people_are_replaced_job_by_job(tree: Tree) -> None:
    tree.put("Cheers/Season 1/S01E01.mkv", "Cheers/Season 1/S01E02.mkv")
    cast = "<actor><name>Ted Danson</name><role>Sam</role></actor><director>Nobody</director>"
    tree.put("Cheers/tvshow.nfo", text=f"<tvshow><title>Cheers</title>{cast}</tvshow>")
    made = "<director>James Burrows</director><credits>Glen Charles</credits>"
    tree.put("Cheers/Season 1/S01E01.nfo", text=f"<episodedetails>{made}</episodedetails>")
    tree.put("Cheers/Season 1/S01E01.yaml", text="credits: { writer: Les Charles }\n")
    found, findings = tree.found()
    assert findings == []
    assert found["Cheers/Season 1/S01E01.mkv"]["credits"] == (
        Credit("director", "James Burrows"),
        Credit("actor", "Ted Danson", "Sam"),
        Credit("writer", "Les Charles"),
    )
    assert found["Cheers/Season 1/S01E02.mkv"]["credits"] == (
        Credit("director", "Nobody"),
        Credit("actor", "Ted Danson", "Sam"),
    )


def test_a_sidecar_may_end_in_yml_and_there_is_one(tree: Tree) -> None:
    tree.put("a.mp4", "b.mp4")
    tree.put("a.yml", text="title: A\n")
    tree.put("b.yml", "b.yaml", text="title: B\n")
    found, findings = tree.found()
    assert found == {"a.mp4": {"title": "A"}}
    assert [(f.code, f.path, f.message, f.holds) for f in findings] == [
        ("bad-sidecar", "b.yml", "there is b.yaml, too: keep one of them", "b.mp4")
    ]
