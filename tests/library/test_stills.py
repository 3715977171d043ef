"""One picture of each asset: made once, of the right shape, never half, and shown by the guide."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import pytest

from retrovue.ffmpeg_binary import choose_ffmpeg
from retrovue.library.catalog import Asset
from retrovue.library.enrichers.probe import ProbeEnricher, ProbeSettings
from retrovue.library.finding import Unreadable
from retrovue.library.stills import is_current, make_still, name_of, still_command, still_of, stills_in
from tests.cli.run import run
from tests.library.broken_film import make_film
from tests.library.media import make
from tests.library.media import run as encode

FILM = Asset("films", "Up")


def picture(file: Path) -> av.VideoFrame:
    with av.open(str(file)) as container:
        return next(container.decode(video=0))


def brightness(file: Path) -> float:
    frame = picture(file).reformat(format="gray")
    data = bytes(frame.planes[0])
    return sum(data) / len(data)


def test_a_still_is_of_the_film_and_not_black(tmp_path: Path) -> None:
    film = tmp_path / "Up.mkv"
    make_film(film, [("scene", 4.0), ("break", 2.0), ("scene", 8.0)])  # black where it would be taken
    asset = ProbeEnricher(ProbeSettings()).enrich(FILM, film)
    still = still_of(tmp_path / "state", asset.id)
    make_still(asset, film, still)
    assert brightness(still) > 60
    assert (picture(still).width, picture(still).height) == (480, 360)
    assert is_current(still, film)
    assert stills_in(tmp_path / "state") == {name_of(asset.id): still}
    os.utime(film, ns=(1, 1_000_000_000))  # another file now
    assert not is_current(still, film)
    assert [file.name for file in still.parent.iterdir()] == [still.name]


def test_a_short_file_with_one_beginning_only_has_a_still(tmp_path: Path) -> None:
    film = make(tmp_path / "spot.ts", "-g", "250", frames=60)  # there is nowhere else to begin
    asset = ProbeEnricher(ProbeSettings()).enrich(FILM, film)
    make_still(asset, film, tmp_path / "still.jpg")
    assert picture(tmp_path / "still.jpg").width == 480


def test_pixels_that_are_not_square_and_fields_come_out_right(tmp_path: Path) -> None:
    film = make(tmp_path / "wide.mp4", "-vf", "setsar=4/3")  # 64 by 48, shown 16:9
    asset = replace(ProbeEnricher(ProbeSettings()).enrich(FILM, film), interlaced=True)
    make_still(asset, film, tmp_path / "still.jpg")
    assert (picture(tmp_path / "still.jpg").width, picture(tmp_path / "still.jpg").height) == (480, 270)


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
@pytest.mark.parametrize("exact", [True, False])
def test_a_still_of_hdr_has_the_colours_with_which_it_airs(
    transfer: str, exact: bool, tmp_path: Path
) -> None:
    """As ``tests/playout/test_inputs.py`` has it of what airs: reference white is 85 %, and so on."""
    for colour, expected in (("white", 216), ("gray", 128)):
        film, still = tmp_path / f"{colour}.mkv", tmp_path / "still.jpg"
        light = (
            f"color={colour}:s=320x180:r=24:d=0.5,scale=out_color_matrix=bt709:out_range=tv,format=yuv444p,"
            "setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv,"
            "zscale=t=linear:npl=203,format=gbrpf32,zscale=p=bt2020,"
            f"zscale=t={transfer}:m=bt2020nc:r=tv:npl=203,format=yuv420p10"
        )
        told = f"log-level=none:colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc"
        coded = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", told)
        encode("-f", "lavfi", "-i", light, *coded, str(film))
        asset = ProbeEnricher(ProbeSettings()).enrich(FILM, film)
        assert asset.transfer == transfer
        features = ("zscale", "tonemap") if exact else ()
        command = still_command(choose_ffmpeg().path, asset, film, still, features)
        assert ("zscale" in " ".join(command)) == exact
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert brightness(still) == pytest.approx(expected, abs=5)
        make_still(asset, film, still)  # with whatever this ffmpeg has
        assert brightness(still) == pytest.approx(expected, abs=5)
        assert (picture(still).width, picture(still).height) == (480, 270)


def test_a_still_of_fields_shows_one_moment(tmp_path: Path) -> None:
    """A bar that moves: two fields woven together would have the teeth of a comb."""
    film, still = tmp_path / "Up.mkv", tmp_path / "still.jpg"
    black, bar = "color=black:s=480x360:r=50:d=3[b]", "color=white:s=60x360:r=50:d=3[w]"
    moving = f"{black};{bar};[b][w]overlay=x='mod(n*16,480)':y=0"
    woven = "tinterlace=mode=interleave_top"
    coded = (
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-crf",
        "10",
        "-flags",
        "+ilme+ildct",
        "-x264opts",
        "tff=1",
    )
    encode("-filter_complex", f"{moving},{woven}[v]", "-map", "[v]", *coded, str(film))
    asset = ProbeEnricher(ProbeSettings()).enrich(FILM, film)
    assert asset.interlaced

    def teeth(of: Asset) -> float:
        make_still(of, film, still)
        frame = picture(still).reformat(format="gray")
        line, rows = frame.planes[0].line_size, bytes(frame.planes[0])
        pairs = [(rows[y * line + x], rows[(y + 1) * line + x]) for y in range(100, 260) for x in range(480)]
        return sum(abs(a - b) for a, b in pairs) / len(pairs)

    assert teeth(asset) < 0.4 * teeth(replace(asset, interlaced=False))


def test_what_is_no_film_makes_no_still(tmp_path: Path) -> None:
    film, still = tmp_path / "Up.mkv", tmp_path / "stills" / "still.jpg"
    with pytest.raises(Unreadable, match="the file is gone"):
        make_still(FILM, film, still)
    film.write_bytes(b"no film")
    with pytest.raises(Unreadable, match=r"no still can be made of Up.mkv: .*Invalid data"):
        make_still(FILM, film, still)
    assert list(still.parent.iterdir()) == []


def test_the_command(tmp_path: Path) -> None:
    (tmp_path / "station.yaml").write_text(
        "station: cinema\nname: Cinema\ntimezone: UTC\n---\nchannel: one\nnumber: 1\nname: One\n"
        "plans: [all]\n---\nplan: all\nzones: [{ zone: All, window: 06:00-06:00, play: [film] }]\n---\n"
        "program: film\nchain: [{ episodes: { collection: films } }]\n---\n"
        "collection: films\ngrace: 0s\nsource: { kind: filesystem, path: media }\n"
    )
    for name in ("Up", "Down"):
        make(tmp_path / "media" / f"{name}.mp4")
    words = (str(tmp_path), "--state", str(tmp_path / "state"), "--quiet")
    assert run("ingest", *words).code == 0

    def stills(*more: str) -> dict[str, Any]:
        ran = run("stills", *words, "--json", *more)
        assert ran.code == 0, ran.err
        return dict(json.loads(ran.out))

    assert stills("films/Up") == {"made": ["films/Up"], "current": 0, "removed": 0}
    assert stills() == {"made": ["films/Down"], "current": 1, "removed": 0}
    assert stills() == {"made": [], "current": 2, "removed": 0}
    assert stills("--force", "films/D*")["made"] == ["films/Down"]
    (tmp_path / "media" / "Up.mp4").unlink()
    assert run("ingest", *words).code == 0
    assert run("stills", *words).out == "0 stills made, 1 current, 1 removed\n"
    # One that has a picture of its own needs no still.
    (tmp_path / "media" / "Down.jpg").write_bytes(b"\xff\xd8")
    assert run("ingest", *words).code == 0
    assert run("stills", *words).out == "0 stills made, 0 current, 1 removed\n"
    (tmp_path / "media" / "Down.jpg").unlink()
    assert run("ingest", *words).code == 0
    (tmp_path / "media" / "Down.mp4").write_bytes(b"no film")
    ran = run("stills", *words)
    assert (ran.code, "films/Down: no still can be made of Down.mp4" in ran.err) == (1, True)
