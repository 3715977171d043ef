"""The Host header is the client's word: it is believed only when it can stand in a URL."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import make_mocked_request

from retrovue.headend.base_url import base_url, valid_host


@pytest.mark.parametrize("host", ["10.0.0.5", "tv.lan:8080", "[fe80::1]:80", "localhost", "my_nas:1"])
def test_hosts_that_clients_really_use(host: str) -> None:
    assert valid_host(host)
    assert base_url(make_mocked_request("GET", "/", headers={"Host": host})) == f"http://{host}"


@pytest.mark.parametrize(
    "host",
    ["", "a b", "evil/path", 'x"><script>', "a:b", "a:99999", "user@host", "[::1", "a\nb", "-x", "a?b"],
)
def test_anything_else_gives_way_to_our_own_address(host: str) -> None:
    assert not valid_host(host)
    assert base_url(make_mocked_request("GET", "/", headers={"Host": host})).startswith("http://127.0.0.1")


def test_external_url_overrides_the_host() -> None:
    request = make_mocked_request("GET", "/", headers={"Host": "10.0.0.5"})
    assert base_url(request, "https://tv.example/") == "https://tv.example"
