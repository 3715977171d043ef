"""Access units as packets: fields, time, and what goes when the client is too slow."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice
from typing import Any

import pytest

from retrovue.headend.tvheadend.htsmsg import decode, encode
from retrovue.headend.tvheadend.packet_queue import DEFAULT_DEPTH, LEAST_DEPTH, MOST_DEPTH, PacketQueue
from retrovue.headend.tvheadend.packets import Kind, Packet, Packetiser
from retrovue.lineup import AccessUnit, SignalFormat
from tests.headend.fake_lineup import ADTS_FRAME, IDR, units_from

FORMAT = SignalFormat(854, 480, Fraction(30000, 1001))
#: Station time in 90 kHz, as in November 2026.
NOW = 1_795_723_200 * 90_000


def packets(units: list[AccessUnit], *, ticks: bool = False) -> list[dict[str, Any]]:
    packetiser = Packetiser(7, FORMAT, ticks=ticks)
    found = [p for unit in units if (p := packetiser.packet(unit)) is not None]
    told = [decode(p.frame[4:]) for p in found]
    assert [encode(message) for message in told] == [p.frame for p in found]
    return told


def test_the_first_packets_are_sound_and_an_i_frame_with_times_near_zero() -> None:
    first, *_ = told = packets(list(islice(units_from(NOW), 40)))
    assert first == {
        "method": "muxpkt",
        "subscriptionId": 7,
        "frametype": ord("I"),
        "stream": 1,
        "com": 0,
        "pts": 700_000,
        "dts": 700_000,
        "duration": 33_366,
        "payload": IDR,
    }
    sound = next(p for p in told if p["stream"] == 2)
    assert "frametype" not in sound
    assert (sound["duration"], sound["payload"]) == (21_333, ADTS_FRAME)
    for stream in (1, 2):
        times = [p["dts"] for p in told if p["stream"] == stream]
        assert times == sorted(set(times))
        assert [p["pts"] for p in told if p["stream"] == stream] == times


def test_times_are_exact_after_hours() -> None:
    day = 24 * 3600 * 90_000
    units = [AccessUnit("video", NOW, 3003, b"i", key=True), AccessUnit("audio", NOW + day, 1920, b"a")]
    assert packets(units)[1]["pts"] == 24 * 3600 * 1_000_000 + 700_000
    assert packets(units, ticks=True)[1]["pts"] == day + 63_000


def test_nothing_is_sent_before_a_picture_to_begin_with() -> None:
    units = list(islice(units_from(NOW), 60))
    late = next(n for n, unit in enumerate(units) if n > 1 and unit.key)
    told = packets(units[2:])
    assert len(told) == len(units) - late
    assert told[0]["frametype"] == ord("I")


def test_a_client_may_have_ticks() -> None:
    told = packets(list(islice(units_from(NOW), 10)), ticks=True)
    assert (told[0]["pts"], told[0]["duration"]) == (63_000, 3003)
    video, audio = Packetiser(7, FORMAT, ticks=True).streams()
    assert video["duration"] == 3003
    assert audio["rate"] == 3


@pytest.mark.parametrize(
    ("video", "audio", "types", "version"),
    [
        ("H264", "AAC", ("H264", "AAC"), None),
        ("H264", "AC3", ("H264", "AC3"), None),
        ("MPEG2", "MPEG", ("MPEG2VIDEO", "MPEG2AUDIO"), 2),
    ],
)
def test_streams_are_described_before_they_begin(
    video: str, audio: str, types: tuple[str, str], version: int | None
) -> None:
    found = SignalFormat(720, 576, Fraction(25), video_codec=video, audio_codec=audio)
    first, second = Packetiser(1, found, ticks=False).streams()
    assert (first["type"], second["type"]) == types
    assert (first["width"], first["height"], first["duration"]) == (720, 576, 40_000)
    assert (first["aspect_num"], first["aspect_den"]) == (16, 9)
    assert second.get("audio_version") == version
    assert (second["channels"], second["rate"], second["rds_uecp"]) == (2, 3, 0)


def packet(kind: Kind, size: int = 1000) -> Packet:
    return Packet(bytes(size), kind, 0)


def test_what_goes_first_when_a_client_is_too_slow() -> None:
    queue = PacketQueue(100_000)

    def fill(upto: int) -> None:
        while queue.bytes <= upto:
            queue.put(packet("I"))

    queue.put(packet("B"))
    fill(100_000)
    queue.put(packet("B"))
    queue.put(packet("P"))
    assert queue.drops == {"I": 0, "P": 0, "B": 1}
    fill(200_000)
    queue.put(packet("P"))
    queue.put(packet(""))
    assert queue.drops == {"I": 0, "P": 1, "B": 1}
    fill(300_000)
    queue.put(packet(""))
    queue.put(packet("I"))
    assert queue.drops == {"I": 2, "P": 1, "B": 1}


def test_after_a_lost_picture_nothing_broken_is_sent() -> None:
    queue = PacketQueue(LEAST_DEPTH)
    while queue.bytes <= 2 * LEAST_DEPTH:
        queue.put(packet("I"))
    queue.put(packet("P"))
    while queue.pop():
        pass
    for kind in ("P", "B", "P", "", "I", "P"):
        queue.put(packet(kind))
    assert queue.drops == {"I": 0, "P": 3, "B": 1}
    assert len(queue) == 3


def test_the_depth_is_the_clients_within_reason() -> None:
    assert [PacketQueue(n).depth for n in (0, 1, 1 << 40, 700_000)] == [
        DEFAULT_DEPTH,
        LEAST_DEPTH,
        MOST_DEPTH,
        700_000,
    ]


def test_bytes_and_delay_are_counted() -> None:
    queue = PacketQueue(0)
    assert (queue.delay, queue.pop()) == (0, None)
    for at in (0, 9000, 18_000):
        queue.put(Packet(bytes(10), "I", at))
    assert (len(queue), queue.bytes, queue.delay, queue.sent) == (3, 30, 200_000, 0)
    queue.pop()
    assert (len(queue), queue.bytes, queue.delay, queue.sent) == (2, 20, 100_000, 10)
    queue.clear()
    assert (len(queue), queue.bytes) == (0, 0)
