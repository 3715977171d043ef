"""The fake must keep the contract it stands in for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from retrovue.clock import StationClock, SteppedClock
from retrovue.lineup import Lineup, Signal, TuneRefused, Viewer
from tests.headend.fake_lineup import CHANNELS, FakeLineup

AT = datetime(2026, 11, 22, 20, 17, tzinfo=UTC)


def test_guide_is_back_to_back_and_covers_what_was_asked() -> None:
    lineup: Lineup = FakeLineup(SteppedClock(AT))
    entries = lineup.guide(CHANNELS[0].id, AT, AT + timedelta(hours=6))
    assert entries[0].start <= AT < entries[0].end
    assert entries[-1].end >= AT + timedelta(hours=6)
    assert all(a.end == b.start for a, b in pairwise(entries))
    assert len({e.event_id for e in entries}) == len(entries)
    assert entries[0] == lineup.guide(CHANNELS[0].id, AT, AT + timedelta(minutes=1))[0]


async def test_signal_is_whole_packets_and_is_counted_until_closed() -> None:
    lineup = FakeLineup(StationClock())
    signal: Signal = await lineup.tune(CHANNELS[0].id, Viewer("test", "127.0.0.1:1"))
    assert lineup.open_signals == 1
    data = b""
    async for chunk in signal.transport_stream():
        data += chunk
        if len(data) > 20 * 188:
            break
    assert len(data) % 188 == 0
    assert set(data[::188]) == {0x47}
    await signal.close("test over")
    await signal.close("twice")
    assert lineup.open_signals == 0
    assert lineup.closed == ["test over"]


async def test_unknown_channel_is_refused() -> None:
    lineup = FakeLineup(StationClock())
    with pytest.raises(TuneRefused) as refused:
        await lineup.tune("nope", Viewer("test", "127.0.0.1:1"))  # type: ignore[arg-type]
    assert refused.value.code == "unknown_channel"
