"""Remote files: lists and playlists of a real web server on loopback, well and badly behaved."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from retrovue.library.adapters import Desk, FoundMedia, SourceGone, open_adapter
from retrovue.library.adapters.remote import Entry, parse_m3u
from retrovue.library.finding import Finding
from tests.cli.run import run
from tests.library.servers import on_loopback


@dataclass
class Files:
    """A web server's files, and how it gives them."""

    files: dict[str, bytes]
    faults: dict[str, str] = field(default_factory=dict)  #: file → what is wrong with it
    asked: list[str] = field(default_factory=list)  #: "GET a.mp4 bytes=5-"
    editions: dict[str, str] = field(default_factory=dict)  #: file → its ETag
    base: str = ""

    def application(self) -> web.Application:
        app = web.Application()
        app.add_routes([web.route("*", "/{name:.*}", self._answer)])
        return app

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        self.asked.append(" ".join((request.method, name, request.headers.get("Range", ""))).strip())
        fault = self.faults.get(name, "")
        if name not in self.files or fault == "404":
            return web.Response(status=404)
        if fault == "redirect":
            return web.Response(status=302, headers={"Location": "http://169.254.1.1/"})
        if fault == "hang":
            await asyncio.sleep(3600)
        if fault == "no head" and request.method == "HEAD":
            return web.Response(status=405)
        data, headers = self.files[name], {"ETag": f'"{self.editions.get(name, "1")}"'}
        start = 0
        if (wanted := request.headers.get("Range")) and fault != "no range":
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
        response = web.StreamResponse(status=206 if start else 200, headers=headers)
        response.content_length = len(data) - start
        if request.method == "HEAD":
            await response.prepare(request)
        if request.method == "GET":
            if fault == "grown":
                data += b"more"
                response.content_length = len(data)
                start = 0
            await response.prepare(request)
            if fault == "half":
                await response.write(data[start : len(data) // 2])
                assert request.transport is not None
                request.transport.close()
            else:
                await response.write(data[start:])
        return response


@pytest.fixture
def server() -> Iterator[Files]:
    files = Files({"films/Charade (1963).mp4": b"x" * 1000, "b.mkv": b"y" * 2000})
    with on_loopback(files.application()) as base:
        files.base = base
        yield files


class Remote:
    def __init__(self, server: Files, folder: Path) -> None:
        self.server, self.folder, self.told = server, folder, list[str]()
        self.media = folder / "media"
        self.media.mkdir()

    def open(self, notes: bool = True, **source: Any) -> Any:
        desk = Desk(notes=self.folder / "notes" if notes else None, tell=self.told.append)
        return open_adapter("c", {"kind": "url", "path": "media", **source}, self.folder, desk)

    def found(self, *names: str, notes: bool = True, **source: Any) -> tuple[list[FoundMedia], list[Finding]]:
        if names:
            source["urls"] = [f"{self.server.base}/{name}" for name in names]
        found = list(self.open(notes, **source).discover())
        return (
            [one for one in found if isinstance(one, FoundMedia)],
            [one for one in found if isinstance(one, Finding)],
        )


@pytest.fixture
def remote(server: Files, tmp_path: Path) -> Remote:
    return Remote(server, tmp_path)


def test_files_are_fetched_once(remote: Remote, server: Files) -> None:
    names = ("films/Charade%20(1963).mp4", "b.mkv")
    found, findings = remote.found(*names)
    assert findings == []
    assert [one.asset.key for one in found] == ["Charade (1963)", found[1].asset.key]
    assert found[0].written == {"title": "Charade", "year": 1963}
    assert found[0].location.read_bytes() == b"x" * 1000
    assert found[0].asset.path.startswith("Charade (1963).")
    assert sorted(remote.told) == [
        f"fetching {server.base}/b.mkv (0 MB)",
        f"fetching {server.base}/films/Charade%20(1963).mp4 (0 MB)",
    ]
    server.asked.clear()
    assert remote.found(*names)[0] == found
    assert server.asked == ["HEAD films/Charade (1963).mp4", "HEAD b.mkv"]
    (remote.folder / "notes" / "c.json").unlink()
    remote.found(*names)
    assert not any(line.startswith("GET") for line in server.asked), "what is there and as large is the same"
    server.files["b.mkv"], server.editions["b.mkv"] = b"z" * 2000, "2"
    assert remote.found(*names)[0][1].location.read_bytes() == b"z" * 2000


def test_without_notes_nothing_is_fetched(remote: Remote, server: Files) -> None:
    found, findings = remote.found("b.mkv", notes=False)
    assert (found, [f.code for f in findings]) == ([], ["not-here"])
    assert server.asked == []


def test_what_broke_off_is_taken_up_there(remote: Remote, server: Files) -> None:
    server.faults["b.mkv"] = "half"
    found, findings = remote.found("b.mkv", "films/Charade%20(1963).mp4")
    assert [one.asset.key for one in found] == ["Charade (1963)"]
    (broken,) = findings
    assert (broken.code, broken.holds) == ("server-short", broken.path)
    server.faults.clear()
    found, findings = remote.found("b.mkv")
    assert findings == []
    assert found[0].location.read_bytes() == b"y" * 2000
    assert server.asked[-1] == "GET b.mkv bytes=1000-"
    assert [file.name for file in remote.media.iterdir() if file.name.startswith(".")] == []


@pytest.mark.parametrize("fault", ["new file", "no range"])
def test_what_can_not_be_taken_up_is_fetched_anew(remote: Remote, server: Files, fault: str) -> None:
    server.faults["b.mkv"] = "half"
    remote.found("b.mkv")
    server.faults["b.mkv"] = fault
    if fault == "new file":
        server.files["b.mkv"], server.editions["b.mkv"] = b"n" * 3000, "2"
    (one,), findings = remote.found("b.mkv")
    assert one.location.read_bytes() == server.files["b.mkv"]
    assert findings == []


@pytest.mark.parametrize(
    ("fault", "code"), [("404", "server-error"), ("redirect", "server-error"), ("hang", "server-timeout")]
)
def test_what_fails_is_named_and_the_rest_goes_on(
    remote: Remote, server: Files, fault: str, code: str
) -> None:
    (first, _), _ = remote.found("b.mkv", "films/Charade%20(1963).mp4")
    server.faults["b.mkv"] = fault
    found, findings = remote.found("b.mkv", "films/Charade%20(1963).mp4", timeout=0.3)
    assert found[0] == first, "the copy that is there is as good as it was"
    assert [(f.code, f.holds) for f in findings] == [(code, first.asset.path)]


def test_a_file_that_is_still_growing_there_is_fetched_anew(remote: Remote, server: Files) -> None:
    server.faults["b.mkv"] = "grown"
    for _ in range(2):
        found, (grown,) = remote.found("b.mkv")
        assert (found, grown.code) == ([], "not-fetched")
        assert "has 2004 bytes, and its server said that it has 2000" in grown.message
    assert not any("bytes=" in line for line in server.asked), "there is nothing to go on from"
    server.faults.clear()
    assert remote.found("b.mkv")[0][0].location.read_bytes() == b"y" * 2000


def test_a_server_without_head_and_one_that_is_gone(remote: Remote, server: Files) -> None:
    server.faults["b.mkv"] = "no head"
    (one,), findings = remote.found("b.mkv")
    assert (one.location.read_bytes(), findings) == (b"y" * 2000, [])
    _, findings = remote.found(urls=["http://127.0.0.1:1/a.mp4"])
    assert [f.code for f in findings] == ["server-unreachable"]


def test_the_disk_has_its_limit(remote: Remote) -> None:
    found, findings = remote.found("films/Charade%20(1963).mp4", "b.mkv", disk=0.0000015)
    assert [one.asset.key for one in found] == ["Charade (1963)"]
    assert [f.code for f in findings] == ["not-fetched"]


M3U = """\ufeff#EXTM3U
#EXTINF:-1 tvg-id="" tvg-name="x" tvg-logo="http://a/b,c.png" group-title="Films",Charade (1963)
films/Charade%20(1963).mp4
#EXTVLCOPT:http-user-agent=x
#EXTINF:30 group-title="Series",Cheers - S01E02 - Sam's / Women
b.mkv
#EXTINF:-1,Live
http://elsewhere.example/live.m3u8

#EXTINF:-1,Far
http://169.254.169.254/far.mp4
file:///path/secret.mp4
"""


def test_a_playlist_is_read(remote: Remote, server: Files) -> None:
    server.files["list/all.m3u"] = M3U.encode()
    for name in list(server.files):
        server.files[f"list/{name}"] = server.files[name]
    source: dict[str, Any] = {"kind": "m3u", "playlist": f"{server.base}/list/all.m3u"}
    found, findings = remote.found(**source)
    assert [(one.asset.key, one.written.get("tags")) for one in found] == [
        ("Charade (1963)", ("Films",)),
        ("Cheers/S01E02", ("Series",)),
    ]
    assert found[1].written["title"] == "Sam's - Women"
    assert [f.code for f in findings] == ["not-fetched"] * 3
    assert "169.254.169.254" in findings[1].message
    assert [(o.name, o.holds, o.taken) for o in remote.open(**source, groups=["Films"]).offers()] == [
        ("(no group)", "3 entries", False),
        ("Films", "1 entries", True),
        ("Series", "1 entries", False),
    ]
    assert [one.asset.key for one in remote.found(**source, groups=["Films"])[0]] == ["Charade (1963)"]


def test_a_playlist_that_is_a_file(remote: Remote, server: Files) -> None:
    (remote.folder / "list.m3u").write_text(f"#EXTM3U\n{server.base}/b.mkv\n")
    assert len(remote.found(kind="m3u", playlist="list.m3u")[0]) == 1


@pytest.mark.parametrize("playlist", ["none.m3u", "empty.m3u", "{base}/none.m3u", "http://127.0.0.1:1/x.m3u"])
def test_a_playlist_that_is_gone_retires_nothing(remote: Remote, server: Files, playlist: str) -> None:
    (remote.folder / "empty.m3u").write_text("#EXTM3U\n")
    with pytest.raises(SourceGone, match="collection c") as gone:
        remote.found(kind="m3u", playlist=playlist.format(base=server.base))
    assert gone.value.code in ("no-playlist", "server-error", "server-unreachable")


def test_a_page_in_place_of_a_playlist_retires_nothing(remote: Remote, server: Files) -> None:
    server.files["all.m3u"] = b"<html>\n<body>Please log in</body>\n</html>\n"
    found, findings = remote.found(kind="m3u", playlist=f"{server.base}/all.m3u")
    assert found == []
    assert (findings[-1].code, findings[-1].holds) == ("no-playlist", "")
    server.files["all.m3u"] += b"b.mkv\n"
    found, findings = remote.found(kind="m3u", playlist=f"{server.base}/all.m3u")
    assert (len(found), {f.holds for f in findings}) == (1, {None})


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://a/x/Caf%C3%A9.MP4?token=1", "Café.*.mp4"),
        ("http://a/..%2f..%2fetc%2fpasswd.mp4", "passwd.*.mp4"),
        ("http://a/.hidden.mp4", "hidden.*.mp4"),
        ("http://a/%00%0a%1b.mp4", "___.*.mp4"),
        ("http://a/" + "n" * 400 + ".mp4", "n" * 120 + ".*.mp4"),
        ("http://a/", "file.*"),
    ],
)
def test_a_copys_name_is_harmless(url: str, name: str) -> None:
    path = Entry(url).path
    assert path.match(name)
    assert len(path.parts) == 1
    assert Entry(url).path == path != Entry(url + "&").path


def test_odd_playlists_have_no_traceback() -> None:
    assert parse_m3u("") == []
    assert parse_m3u("#EXTINF:\nx.mp4\n#EXTINF") == [Entry("x.mp4")]
    assert parse_m3u('#EXTINF:-1 a="b,c\nhttp://[::1\n') != []


def test_an_address_that_is_none_is_told_where_it_stands(tmp_path: Path) -> None:
    (tmp_path / "station.yaml").write_text(
        "collection: club\nsource:\n  kind: url\n  path: club\n"
        '  urls: ["http://example.org/a.mp4", "ftp://example.org/b.mp4"]\n'
    )
    told = run("check", str(tmp_path), "--format", "concise").out
    assert (
        "station.yaml:5:38: error[bad-value] “urls, item 2”: 'ftp://example.org/b.mp4' is no address" in told
    )
