"""Asking Tvheadend's HTTP."""

from __future__ import annotations

import base64
from typing import Any

import aiohttp


async def fetched(http: aiohttp.ClientSession, path: str, **more: Any) -> Any:
    """The JSON of an answer that is as it should be."""
    async with http.get(path, **more) as response:
        assert response.status == 200, path
        return await response.json()


async def text_of(http: aiohttp.ClientSession, path: str, **more: Any) -> str:
    """The same of any text."""
    async with http.get(path, **more) as response:
        assert response.status == 200, path
        return await response.text()


async def status_of(http: aiohttp.ClientSession, path: str, **more: Any) -> int:
    async with http.get(path, **more) as response:
        return response.status


def basic(name: str, password: str) -> dict[str, str]:
    """The header."""
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}
