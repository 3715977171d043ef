"""Front-ends on a real port of this machine, and a client for them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import ClientSession, web

from retrovue.headend.settings import FrontEnd


@asynccontextmanager
async def serving(*front_ends: FrontEnd) -> AsyncIterator[ClientSession]:
    """A client whose relative addresses reach ``front_ends``; nothing is unpacked on the way."""
    app = web.Application()
    for front_end in front_ends:
        app.add_routes(front_end.routes())
        await front_end.start()
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with ClientSession(base, auto_decompress=False) as client:
            yield client
    finally:
        for front_end in front_ends:
            await front_end.stop()
        await runner.cleanup()
