"""A real browser without a window: headless Chromium, driven over its DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

#: A fresh browser that asks nobody but the page's server, on a machine without a sound card.
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

#: And for one that is driven, and plays.
_DRIVEN = (
    "--mute-audio",
    "--autoplay-policy=no-user-gesture-required",
    "--window-size=1280,900",
    "--remote-debugging-port=0",
    "about:blank",
)


class Page:
    """One tab."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket, self._id = socket, 0
        self.console: list[str] = []

    async def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol and its answer."""
        self._id += 1
        await self._socket.send_json({"id": self._id, "method": method, "params": parameters})
        while True:
            message = json.loads(await self._socket.receive_str(timeout=60))
            if message.get("method") == "Log.entryAdded":
                self.console.append(str(message["params"]["entry"]["text"]))
            if message.get("id") == self._id:
                assert "error" not in message, message
                return dict(message["result"])

    async def evaluate(self, expression: str) -> Any:
        """The value of an expression of the page's."""
        asked = {"expression": expression, "returnByValue": True, "awaitPromise": True}
        return (await self.ask("Runtime.evaluate", **asked))["result"].get("value")

    async def until(self, expression: str, seconds: float) -> Any:
        """Evaluate until it is true; the last value."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while True:
            value = await self.evaluate(expression)
            if value or loop.time() > end:
                return value
            await asyncio.sleep(0.1)

    async def screenshot(self, path: Path) -> None:
        picture = await self.ask("Page.captureScreenshot", format="png")
        await asyncio.to_thread(path.write_bytes, base64.b64decode(picture["data"]))


@asynccontextmanager
async def browsing(address: str, profile: Path) -> AsyncIterator[Page]:
    """A tab that has begun to load ``address``."""
    assert CHROMIUM is not None
    browser = await asyncio.create_subprocess_exec(
        CHROMIUM,
        *FLAGS,
        *_DRIVEN,
        f"--user-data-dir={profile}",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        note = profile / "DevToolsActivePort"
        while not (note.exists() and note.read_text().count("\n")):
            assert browser.returncode is None, "the browser ended"
            await asyncio.sleep(0.05)
        base = f"http://127.0.0.1:{note.read_text().split()[0]}"
        async with ClientSession() as client:
            async with client.put(f"{base}/json/new?about:blank") as got:
                tab = (await got.json(content_type=None))["webSocketDebuggerUrl"]
            async with client.ws_connect(tab, max_msg_size=0) as socket:
                page = Page(socket)
                await page.ask("Log.enable")
                await page.ask("Page.enable")
                await page.ask("Page.navigate", url=address)
                yield page
    finally:
        with contextlib.suppress(ProcessLookupError):
            browser.kill()
        await browser.wait()
