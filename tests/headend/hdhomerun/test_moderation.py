"""How often one is answered."""

from __future__ import annotations

import pytest

from retrovue.headend.hdhomerun import moderation
from retrovue.headend.hdhomerun.moderation import AT_ONCE, RATE, Moderator


def test_who_asks_too_often_is_answered_at_a_rate() -> None:
    moderator = Moderator()
    answered = sum(moderator.allows("10.0.0.9", n / 1000) for n in range(60_000))
    assert answered == pytest.approx(AT_ONCE + 60 * RATE, abs=2)
    assert moderator.allows("10.0.0.8", 60)
    assert moderator.allows("10.0.0.9", 100)


def test_any_number_of_senders_takes_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moderation, "_SENDERS", 100)
    moderator = Moderator()
    for n in range(10_000):
        assert moderator.allows(f"10.0.{n >> 8}.{n & 255}", n / 1000)
    assert len(moderator._left) <= 100
