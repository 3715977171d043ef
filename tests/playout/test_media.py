"""Nobody waits for a store that doesn't answer."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from pathlib import Path

import pytest

from retrovue.clock import StationClock
from retrovue.playout.media import MediaDesk, StoreGone


async def test_what_is_there_and_what_is_not(tmp_path: Path) -> None:
    desk = MediaDesk(StationClock())
    file = tmp_path / "a.mp4"
    assert await desk.missing(str(file)) == "file is missing"
    file.write_bytes(b"x")
    assert await desk.missing(str(file)) == ""
    assert await desk.missing(str(tmp_path)) == "not a file"
    os.mkfifo(tmp_path / "fifo")
    assert await desk.missing(str(tmp_path / "fifo")) == "not a file"
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert "symbolic links" in await desk.missing(str(loop))


async def test_a_store_that_hangs_costs_its_patience_and_then_nothing(tmp_path: Path) -> None:
    clock = StationClock()
    desk = MediaDesk(clock, patience_s=0.2)
    back = threading.Event()
    try:
        hung = [asyncio.create_task(desk.ask(back.wait)) for _ in range(16)]
        for outcome in await asyncio.gather(*hung, return_exceptions=True):
            assert isinstance(outcome, StoreGone)
        threads = threading.active_count()
        # Another question gets no thread: a shelf of dead files must not fill the machine with them.
        with pytest.raises(StoreGone):
            await desk.ask(back.wait)
        assert threading.active_count() == threads
    finally:
        back.set()
    async with clock.deadline(5):
        while await desk.missing(str(tmp_path)) != "not a file":
            await clock.wait(0.01)


async def test_a_machine_that_is_late_itself_uses_up_no_patience() -> None:
    clock = StationClock()
    desk = MediaDesk(clock, patience_s=0.5)
    back = threading.Event()
    asked = asyncio.create_task(desk.ask(back.wait))
    await asyncio.sleep(0.01)
    threading.Event().wait(0.8)  # the event loop gets no processor
    await asyncio.sleep(0.05)
    assert not asked.done()
    back.set()
    assert await asked
    # The same time without an answer from the store is another matter.
    back.clear()
    with pytest.raises(StoreGone):
        await desk.ask(back.wait)
    back.set()


async def test_an_error_is_the_askers(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.touch()
    with pytest.raises(NotADirectoryError):
        await MediaDesk(StationClock()).ask((file / "g").stat)


async def test_an_error_that_nobody_waits_for_any_more_is_not_told() -> None:
    told: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: told.append(context))
    asked: list[asyncio.Task[None]] = []

    def leave() -> None:
        loop.call_soon(asked[0].cancel)

    def question() -> None:
        loop.call_soon_threadsafe(leave)  # the answer comes; before it is heard, the asker is told to go
        raise FileNotFoundError

    desk = MediaDesk(StationClock())
    asked.append(asyncio.ensure_future(desk.ask(question)))
    await asyncio.sleep(0)
    time.sleep(0.2)  # noqa: ASYNC251  the thread has done both, and the loop knows of neither
    await asyncio.wait(asked)
    assert asked[0].cancelled()
    asked.clear()
    await desk.ask(lambda: None)  # the thread has another question on its mind now
    gc.collect()
    await asyncio.sleep(0)
    assert told == []
