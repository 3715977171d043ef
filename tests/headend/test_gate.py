"""Who comes in without showing anything."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from retrovue.headend.addresses import is_near

OURS = (ip_network("198.51.100.0/24"), ip_network("11.22.33.0/24"), ip_network("2a00:1:2:3::/64"))


@pytest.mark.parametrize(
    ("address", "near"),
    [
        *((a, True) for a in ("127.0.0.1", "10.1.2.3", "192.168.0.9", "172.16.0.1", "::1", "fe80::1%eth0")),
        *((a, True) for a in ("fd00::1", "::ffff:192.168.0.9", "169.254.1.1", "2a00:1:2:3::99")),
        *((a, False) for a in ("8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8", "", "x")),
        *((a, False) for a in ("11.22.33.44", "2a00:1:2:4::99", "100.64.1.1")),
    ],
)
def test_near_is_this_machine_and_its_network(address: str, near: bool) -> None:
    assert is_near(address, OURS) == near
