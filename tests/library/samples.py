"""One source for each kind of adapter, with something to find in it and something wrong with it.

An adapter that is new needs a sample here: the contract is tested on all that are installed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from retrovue.library.adapters.remote import Entry
from tests.library.servers import FAKES, TOKEN, Programme, on_loopback, running

#: Makes what the source is to find below ``media`` of a folder; yields the ``source:`` of the collection.
Sample = Callable[[Path], AbstractContextManager[dict[str, Any]]]


@contextmanager
def _folder(folder: Path) -> Iterator[dict[str, Any]]:
    for name in ("Cheers - S01E01.mp4", "Cheers - S01E02.mkv", "Charade (1963).mkv"):
        (folder / "media" / name).write_bytes(b"any")
    (folder / "media" / "Charade (1963).yaml").write_text("titel: Oops")
    yield {"kind": "filesystem", "path": "media"}


def _server(kind: str) -> Sample:
    @contextmanager
    def serving(folder: Path) -> Iterator[dict[str, Any]]:
        names = ("Charade (1963).mkv", "Rope (1948).mkv", "Away (1950).mkv")
        films = [Programme(f"m{n}", f"/srv/{name}", name[:-11], year=1963) for n, name in enumerate(names)]
        for name in names[:2]:
            (folder / "media" / name).write_bytes(b"any")
        with running(FAKES[kind]({"Films": films, "Others": []})) as server:
            yield {
                "kind": kind,
                "url": server.base,
                "token": "env:MEDIA_TOKEN",
                "libraries": ["Films"],
                "path": "media",
                "paths": {"/srv": "."},
            }

    return serving


@contextmanager
def _ads(folder: Path) -> Iterator[dict[str, Any]]:
    for name in ("Sunny Cola/Beach 30.mp4", "Sunny Cola/Ski 15.mp4", "Otto's/Soap.mp4"):
        file = folder / "media" / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"any")
    (folder / "media" / "Otto's" / "folder.yaml").write_text("flight: soon")
    yield {"kind": "ads", "path": "media"}


@contextmanager
def _script(folder: Path) -> Iterator[dict[str, Any]]:
    (folder / "media" / "a.mp4").write_bytes(b"any")
    lines = ('{"path": "a.mp4", "title": "A", "year": 1950}', '{"path": "../b.mp4"}')
    program = folder / "list.sh"
    program.write_text("#!/bin/sh\n" + "".join(f"echo '{line}'\n" for line in lines))
    program.chmod(0o755)
    yield {"kind": "script", "run": ["./list.sh"], "path": "media"}


async def _file(request: web.Request) -> web.Response:
    if request.path.endswith("gone.mp4"):
        return web.Response(status=404)
    lists = "#EXTM3U\n#EXTINF:-1,Charade (1963)\nx.mp4\ngone.mp4\n"
    return web.Response(text=lists if request.path.endswith(".m3u") else "any")


def _remote(kind: str) -> Sample:
    @contextmanager
    def serving(folder: Path) -> Iterator[dict[str, Any]]:
        app = web.Application()
        app.add_routes([web.get("/{name}", _file)])
        with on_loopback(app) as base:
            # Without notes nothing is fetched: here one of the files has been.
            (folder / "media" / str(Entry(f"{base}/x.mp4").path)).write_bytes(b"any")
            urls, playlist = {"urls": [f"{base}/x.mp4", f"{base}/gone.mp4"]}, {"playlist": f"{base}/a.m3u"}
            yield {"kind": kind, "path": "media", **(urls if kind == "url" else playlist)}

    return serving


SAMPLES: dict[str, Sample] = {
    "ads": _ads,
    "filesystem": _folder,
    "m3u": _remote("m3u"),
    "url": _remote("url"),
    "script": _script,
    **{kind: _server(kind) for kind in FAKES},
}


@contextmanager
def sample(kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The sample of ``kind`` in ``folder``, while it can be asked."""
    monkeypatch.setenv("MEDIA_TOKEN", TOKEN)
    (folder / "media").mkdir()
    with SAMPLES[kind](folder) as source:
        yield source
