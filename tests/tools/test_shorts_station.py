"""The station of short joins is written in the station's language, and its media fits the barcode."""

from __future__ import annotations

from pathlib import Path

from fixtures.media import barcode_layout
from fixtures.shorts_station import MEDIA, write_yaml
from retrovue.diagnostics import Severity
from retrovue.station.load import load_station


def test_the_yaml_is_a_station(tmp_path: Path) -> None:
    write_yaml(tmp_path)
    (tmp_path / "media").mkdir()
    loaded = load_station(tmp_path)
    assert [d for d in loaded.diagnostics if d.severity is Severity.ERROR] == []
    assert loaded.model is not None
    assert [c.number for c in loaded.model.channels] == ["5.1", "5.2"]


def test_every_clip_has_a_number_of_its_own() -> None:
    numbers = [clip.asset for clip in MEDIA.values()]
    assert len(set(numbers)) == len(numbers)
    assert all(clip.frames <= barcode_layout.MAX_FRAME + 1 for clip in MEDIA.values())
    assert {clip.rate for clip in MEDIA.values()} == set(barcode_layout.RATES) - {
        24,
        barcode_layout.RATES[6],
        60,
    }
    assert {clip.channels for clip in MEDIA.values()} == {0, 1, 2}
    assert {clip.aspect for clip in MEDIA.values()} == {"4:3", "16:9"}
