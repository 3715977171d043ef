"""Who is answered, and how often."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from retrovue.headend.hdhomerun import moderation
from retrovue.headend.hdhomerun.moderation import AT_ONCE, RATE, Moderator, is_near

OURS = (ip_network("198.51.100.0/24"), ip_network("11.22.33.0/24"), ip_network("2a00:1:2:3::/64"))


@pytest.mark.parametrize(
    ("sender", "near"),
    [
        *(
            (a, True)
            for a in ("10.1.2.3", "192.168.0.9", "172.16.4.4", "169.254.7.7", "127.0.0.1", "100.64.1.1")
        ),
        *((a, True) for a in ("fe80::1%eth0", "fe80::1", "fd00::9", "::1")),
        *((a, True) for a in ("11.22.33.44", "2a00:1:2:3::99")),  # a university's LAN has public addresses
        *((a, False) for a in ("8.8.8.8", "11.22.34.44", "2a00:1:2:4::99", "2001:4860:4860::8888")),
    ],
)
def test_answers_go_to_this_house_only(sender: str, near: bool) -> None:
    assert is_near(sender, OURS) is near


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
