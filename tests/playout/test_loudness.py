"""Loudness: measured once, aired at the station's target, never over the ceiling; judged by what is sent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrovue.library.catalog import Asset, AudioTrack
from retrovue.library.enrichers.loudness import parse_summaries
from retrovue.library.ingest import shortfalls
from retrovue.library.loudness import CEILING_DBTP, MOST_GAIN_DB, MOST_LIMITED_DB, Gain, gain_for
from tests.playout.inputs import ingested, loudness_of, render, run
from tests.playout.lab import BENCH
from tests.tools import sounds
from tests.tools.sounds import at_loudness

#: What a sound is made of: loud, quiet, with far peaks, one-sided, in six channels.
SOUNDS = {
    "loud": "anoisesrc=d=12:c=pink:a=0.9:r=48000,aformat=channel_layouts=stereo",
    "quiet": "anoisesrc=d=12:c=pink:a=0.02:r=48000,aformat=channel_layouts=stereo",
    "peaky": "aevalsrc='0.06*sin(600*PI*t)+0.85*lt(mod(t,1),0.003)*sin(1800*PI*t)|0.06*sin(600*PI*t)':d=12",
    "mono": "anoisesrc=d=12:c=pink:a=0.2:r=44100,aformat=channel_layouts=mono",
    "surround": "anoisesrc=d=12:c=pink:a=0.3:r=48000,aformat=channel_layouts=mono,"
    "pan=5.1|FL=c0|FR=c0|FC=c0|LFE=c0|BL=c0|BR=c0",
}


def media(folder: Path, sound: str, seconds: float = 12) -> Path:
    path = folder / "a.mkv"
    run(
        *("-f", "lavfi", "-i", f"color=gray:s=320x180:r=25:d={seconds}", "-f", "lavfi", "-i", sound),
        *("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "flac", str(path)),
    )
    return path


@pytest.mark.parametrize("codec", ["aac", "ac3", "mp2"])
@pytest.mark.parametrize("sound", SOUNDS)
def test_what_is_sent_has_the_station_s_loudness_and_no_peak_over_the_ceiling(
    sound: str, codec: str, tmp_path: Path
) -> None:
    path = media(tmp_path, SOUNDS[sound])
    asset = ingested(path, loudness=True)
    (track,) = asset.audio
    assert track.loudness is not None
    channel = replace(BENCH, audio_codec=codec, audio_kbps=192, loudness=-24.0)
    gain = gain_for(track.loudness, track.peak, -24.0, track.lost)
    out = render(path, asset, tmp_path, channel, ticks=330)
    level, peak = loudness_of(out.audio)
    # Layer II leaves out the top of what is all noise, which is a part of its loudness.
    assert level == pytest.approx(-24 - gain.shortfall_db, abs=0.8 if codec == "mp2" else 0.5)
    assert peak <= CEILING_DBTP + 0.1
    assert gain.limited == (sound == "peaky")
    as_it_is, _ = loudness_of(render(path, asset, tmp_path, replace(channel, loudness=None), ticks=330).audio)
    assert as_it_is == pytest.approx(track.loudness, abs=0.7)


@pytest.mark.parametrize(
    ("kind", "made", "limited", "short"),
    [("speech", -8, False, False), ("peaky", -35, True, False), ("far", -35, True, True)],
)
def test_what_a_limiter_takes_away_is_made_up_for_or_declared(
    kind: str, made: float, limited: bool, short: bool, tmp_path: Path
) -> None:
    """The worst rows of ``benchmarks/loudness.py``."""
    wav, path = tmp_path / "a.wav", tmp_path / "a.mkv"
    assert at_loudness(wav, sounds.SOUNDS[kind](12), made)
    run(
        *("-f", "lavfi", "-i", "color=gray:s=320x180:r=25:d=12", "-i", str(wav)),
        *("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "flac", str(path)),
    )
    asset = ingested(path, loudness=True)
    (track,) = asset.audio
    assert track.loudness == pytest.approx(made, abs=0.1)
    assert (track.lost_6 > track.lost_3 > 0) == limited
    gain = gain_for(track.loudness, track.peak, -24.0, track.lost)
    assert (gain.limited, gain.shortfall_db > 0) == (limited, short)
    assert bool(shortfalls(asset, [-24.0])) == short
    channel = replace(BENCH, audio_kbps=192, loudness=-24.0)
    level, peak = loudness_of(render(path, asset, tmp_path, channel, ticks=355).audio)
    assert level == pytest.approx(-24 - gain.shortfall_db, abs=0.5)
    assert peak <= CEILING_DBTP


@pytest.mark.parametrize(
    ("sound", "seconds"),
    [
        ("anullsrc=r=48000:cl=stereo:d=3", 3),
        ("sine=1000:d=0.2,volume=17dB,afade=d=0.05,afade=out:st=0.15:d=0.05", 0.2),
    ],
)
def test_silence_and_what_is_too_short_to_measure_air_as_they_are(
    sound: str, seconds: float, tmp_path: Path
) -> None:
    path = media(tmp_path, sound, seconds)
    asset = ingested(path, loudness=True)
    (track,) = asset.audio
    assert track.loudness is None
    out = render(path, asset, tmp_path, ticks=max(5, round(30 * seconds)))
    assert out.complaint == ""
    _, peak = loudness_of(out.audio)
    assert peak <= CEILING_DBTP + 0.1 or track.peak is None


@given(
    st.none() | st.floats(-69, 5),
    st.none() | st.floats(-60, 6),
    st.none() | st.floats(-31, -10),
    st.tuples(st.floats(0, 3), st.floats(0, 3)),
)
def test_a_gain_never_clips_and_never_shouts(
    loudness: float | None, peak: float | None, target: float | None, costs: tuple[float, float]
) -> None:
    lost = (costs[0], costs[0] + costs[1])
    gain = gain_for(loudness, peak, target, lost)
    if target is None:
        assert gain == Gain()
        return
    assert gain.db <= MOST_GAIN_DB
    assert gain.shortfall_db >= 0
    if peak is not None:
        over = peak + gain.db - CEILING_DBTP
        assert gain.limited or over <= 0.01
        assert over <= max(MOST_LIMITED_DB, peak - CEILING_DBTP) + 0.01
    if loudness is not None:
        assert loudness + gain.db <= target + lost[1] + 0.01 or gain.db <= 0
        without = target - loudness - gain.db
        assert without - 0.02 <= gain.shortfall_db <= max(0.0, without + lost[1]) + 0.02 or gain.db == 0
        if not gain.limited:
            assert gain.shortfall_db == pytest.approx(max(0.0, without), abs=0.02)


def test_a_summary_of_several_tracks_is_read() -> None:
    text = (
        "[ebur128@t0 @ 0x55] Summary:\n\n  Integrated loudness:\n    I:         -23.4 LUFS\n"
        "    Threshold: -33.6 LUFS\n\n  True peak:\n    Peak:       -1.2 dBFS\n"
        "[ebur128@t2 @ 0x56] Summary:\n\n  Integrated loudness:\n    I:         -70.0 LUFS\n"
        "    Threshold:   0.0 LUFS\n\n  True peak:\n    Peak:        -inf dBFS\n"
    )
    assert parse_summaries(text) == {0: (-23.4, -1.2), 2: (None, None)}
    assert parse_summaries("") == {}


def test_what_no_gain_can_mend_is_told() -> None:
    far = AudioTrack("aac", 2, loudness=-40.0, peak=-1.0)
    asset = Asset("films", "far", path="far.mkv", audio=(far,))
    (finding,) = shortfalls(asset, [-24.0, -23.0])
    assert (finding.code, finding.path) == ("too-quiet", "far.mkv")
    assert "11.0 dB quieter than -24 LUFS" in finding.message
    assert shortfalls(replace(asset, audio=(replace(far, loudness=-26.0),)), [-24.0]) == []
    assert shortfalls(replace(asset, audio=(replace(far, commentary=True),)), [-24.0]) == []
