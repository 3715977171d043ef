"""The playlist of a channel that tells its breaks, line by line."""

from __future__ import annotations

from dataclasses import replace

from retrovue.headend.hls.playlist import media_playlist
from retrovue.lineup import Break, MediaSegment

BEGIN = 1_795_723_200_000_000  # 2026-11-26 20:00 UTC
SECOND = 1_000_000
OF = Break(0xAB, BEGIN + 4 * SECOND, BEGIN + 9_005_000, b"\xfc\x01")
OVER = replace(OF, back=b"\xfc\x02")


def plain(at: float, seconds: float = 2.0) -> MediaSegment:
    return MediaSegment(BEGIN + round(at * SECOND), round(seconds * SECOND), b"")


SEGMENTS = [
    plain(2),
    replace(plain(4), within=OF, opens=True),
    replace(plain(6), within=OF),
    replace(plain(8, 1.005), within=OF),
    replace(plain(9.005), after=OVER),
    plain(11.005),
]
RANGE = '#EXT-X-DATERANGE:ID="000000AB",START-DATE="2026-11-26T20:00:04.000Z",'


def cues(first: int) -> list[list[str]]:
    """The lines before each segment, but for its own two."""
    text = media_playlist("5.1", 7, SEGMENTS[first:])
    lines = text.splitlines()[5:]
    found: list[list[str]] = [[]]
    for line in lines:
        if not line.startswith("#"):
            found.append([])
        elif not line.startswith(("#EXTINF", "#EXT-X-PROGRAM-DATE-TIME")):
            found[-1].append(line)
    return found[:-1]


def test_a_break_and_its_end() -> None:
    assert cues(0) == [
        [],
        [f"{RANGE}PLANNED-DURATION=5.005,SCTE35-OUT=0xFC01", "#EXT-X-CUE-OUT:5.005"],
        ["#EXT-X-CUE-OUT-CONT:ElapsedTime=2.000,Duration=5.005"],
        ["#EXT-X-CUE-OUT-CONT:ElapsedTime=4.000,Duration=5.005"],
        [
            f'{RANGE}END-DATE="2026-11-26T20:00:09.005Z",DURATION=5.005,SCTE35-IN=0xFC02',
            "#EXT-X-CUE-IN",
        ],
        [],
    ]


def test_a_playlist_that_begins_in_mid_break_tells_it() -> None:
    assert cues(2)[0] == [
        f"{RANGE}PLANNED-DURATION=5.005,SCTE35-OUT=0xFC01",
        "#EXT-X-CUE-OUT-CONT:ElapsedTime=2.000,Duration=5.005",
    ]
    assert not any("DATERANGE" in line for line in cues(2)[1])


def test_a_channel_that_tells_no_breaks_says_nothing() -> None:
    text = media_playlist("5.1", 7, [plain(0), plain(2)])
    assert text.splitlines()[5:] == [
        "#EXT-X-PROGRAM-DATE-TIME:2026-11-26T20:00:00.000Z", "#EXTINF:2.00000,", "5.1/7.ts",
        "#EXT-X-PROGRAM-DATE-TIME:2026-11-26T20:00:02.000Z", "#EXTINF:2.00000,", "5.1/8.ts",
    ]  # fmt: skip
