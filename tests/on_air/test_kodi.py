"""A real Kodi watches the station through its add-on for Tvheadend; what it shows is read off its screen."""

from __future__ import annotations

import time
from collections.abc import Iterator
from fractions import Fraction

import av
import pytest

from fixtures.media.barcode_layout import Code
from fixtures.shorts_station import ShortsStation
from tests.tools import kodi as kodi_tool
from tests.tools.barcode_reader import PictureReader
from tests.tools.broadcast import Broadcast
from tests.tools.kodi import Kodi
from tests.tools.plan import ChannelPlan, asset_files, newest_artefact, read_plan

pytestmark = pytest.mark.skipif(bool(kodi_tool.missing()), reason=f"needs apt install {kodi_tool.missing()}")

#: What is on the screen left the station so long before, at most (seconds): lead, buffers, a busy machine.
LATEST = 20.0


@pytest.fixture(scope="module")
def kodi(on_air: Broadcast, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kodi]:
    folder = tmp_path_factory.mktemp("kodi")
    with Kodi(folder, on_air.htsp_port, on_air.tvheadend_port) as kodi:
        yield kodi


def seen(kodi: Kodi) -> tuple[Code | None, float]:
    """The barcode on the screen, and when."""
    path, at = kodi.shot()
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0)).reformat(format="gray")
    return PictureReader(frame.width, frame.height).read(frame), at


def delay_of(code: Code, at: float, plan: ChannelPlan, numbers: dict[str, int | None]) -> float | None:
    """How long before ``at`` (Unix time) this very frame was to be on the air; None: it wasn't."""
    for segment in plan.starting_between(round((at - 400) * 1e6), round((at + 5) * 1e6)):
        if numbers.get(segment.asset_id) == code.asset:
            into = Fraction(code.frame) / code.rate - Fraction(segment.in_us, 1_000_000)
            aired = segment.start_us / 1e6 + float(into)
            if segment.start_us / 1e6 - 0.1 <= aired <= segment.end_us / 1e6 and -1 < at - aired < LATEST:
                return at - aired
    return None


def test_channels_guide_and_the_planned_pictures_on_both_channels(
    kodi: Kodi, on_air: Broadcast, shorts: ShortsStation
) -> None:
    channels = kodi.channels(2)
    assert [(c["channelnumber"], c["subchannelnumber"], c["label"]) for c in channels] == [
        (5, 1, "Shorts Network"),
        (5, 2, "Shorts Reel"),
    ]
    for channel in channels:
        guide = kodi.guide(channel["channelid"])
        assert len(guide) > 100
        assert any(entry["isactive"] for entry in guide)
    assert {entry["title"] for entry in kodi.guide(channels[0]["channelid"])} == {"Quick Diner"}
    artefact = newest_artefact(on_air.state)
    numbers = {asset: shorts.number_of(path) for asset, path in asset_files(artefact).items()}
    for channel, slug in zip((*channels, channels[0]), ("net", "reel", "net"), strict=True):
        kodi.play(channel["channelid"])
        plan = read_plan(artefact, slug)
        delays: list[float] = []
        ends = time.monotonic() + 60
        while len(delays) < 3:
            assert time.monotonic() < ends, f"{slug}: only {delays} of the planned pictures were seen"
            code, at = seen(kodi)
            if code is not None and (delay := delay_of(code, at, plan, numbers)) is not None:
                delays.append(delay)
            time.sleep(0.7)
        # Moving as time does: each picture is as late as the last, give or take what a screenshot takes.
        assert max(delays) - min(delays) < 3, (slug, delays)
    said = kodi.addon_log()
    assert not [line for line in said if " error <" in line.casefold()]


def test_it_stays_connected(kodi: Kodi) -> None:
    """Until here: one connection, and none that was given up."""
    said = "\n".join(kodi.addon_log())
    assert said.count("connected to ") == 1
    assert "connection lost" not in said.casefold()
