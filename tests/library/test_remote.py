"""Remote files: lists and playlists of a real web server on loopback, well and badly behaved."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from retrovue.diagnostics.render import FORMATS
from retrovue.library.adapters import Desk, FoundMedia, SourceGone, open_adapter
from retrovue.library.adapters.remote import Entry, parse_m3u
from retrovue.library.finding import Finding
from tests.cli.run import run
from tests.library.media import make
from tests.library.servers import on_loopback
from tests.station.build import STATION


@dataclass
class Files:
    """A web server's files, and how it gives them."""

    files: dict[str, bytes]
    faults: dict[str, str] = field(default_factory=dict)  #: file → what is wrong with it
    asked: list[str] = field(default_factory=list)  #: "GET a.mp4 bytes=5-"
    editions: dict[str, str] = field(default_factory=dict)  #: file → its ETag
    base: str = ""
    logins: list[str] = field(default_factory=list)  #: the Authorization of each request, "" for none
    wants: str = ""  #: the Authorization without which it gives nothing

    def application(self) -> web.Application:
        app = web.Application()
        app.add_routes([web.route("*", "/{name:.*}", self._answer)])
        return app

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        self.asked.append(" ".join((request.method, name, request.headers.get("Range", ""))).strip())
        self.logins.append(request.headers.get("Authorization", ""))
        if self.wants and self.logins[-1] != self.wants:
            return web.Response(status=401)
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


USER, PASSWORD = "ada-lovelace", "hunter2/ß"
LOGIN = f"Basic {b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("THE_USER", USER)
    monkeypatch.setenv("THE_PASSWORD", PASSWORD)
    return {"user": "env:THE_USER", "password": "env:THE_PASSWORD"}


def test_a_server_is_told_name_and_password_and_no_other_is(
    remote: Remote, server: Files, secrets: dict[str, Any]
) -> None:
    server.wants = LOGIN
    (one,), findings = remote.found("b.mkv", **secrets)
    assert (one.location.read_bytes(), findings) == (b"y" * 2000, [])
    with on_loopback((other := Files({"c.mkv": b"z" * 10})).application()) as elsewhere:
        urls = [f"{server.base}/b.mkv", f"{elsewhere}/c.mkv"]
        found, (refused,) = remote.found(urls=urls, **secrets)
        assert (len(found), refused.code) == (1, "not-fetched")
        assert "another server than the first" in refused.message
        assert other.asked == []
        (remote.folder / "list.m3u").write_text("".join(f"{url}\n" for url in urls))
        mine: dict[str, Any] = {"kind": "m3u", "playlist": "list.m3u"}
        with pytest.raises(SourceGone, match="whose user and password") as gone:
            remote.found(**mine, **secrets)
        assert "source.hosts" in gone.value.help
        server.files["list.m3u"] = f"b.mkv\n{elsewhere.replace('127.0.0.1', 'localhost')}/c.mkv\n".encode()
        source: dict[str, Any] = {
            "kind": "m3u",
            "playlist": f"{server.base}/list.m3u",
            "hosts": ["localhost"],
        }
        found, findings = remote.found(**source, **secrets)
        assert (len(found), findings) == (2, [])
        assert set(other.logins) == {""}, "what is on another host than the list is asked without"


def test_a_wrong_password_is_told_without_it(remote: Remote, server: Files, secrets: dict[str, Any]) -> None:
    server.wants = "Basic bm90aGluZzpldmVy"
    _, (told,) = remote.found("b.mkv", **secrets)
    assert (told.code, "source.password" in told.help) == ("server-refused", True)
    assert PASSWORD not in told.message + told.help


@pytest.mark.parametrize("name", ["", "ada:lovelace"])
def test_a_name_that_is_not_there_or_can_not_be(
    remote: Remote, secrets: dict[str, Any], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("THE_USER", name)
    with pytest.raises(SourceGone, match="env:THE_USER") as gone:
        remote.found("b.mkv", **secrets)
    assert gone.value.code == "no-secret"
    assert "lovelace" not in str(gone.value)


SECRETIVE = f"""{STATION}---
collection: club
source: {{ kind: m3u, path: media, playlist: "env:LIST_URL", hosts: [127.0.0.2] }}
---
collection: one
source: {{ kind: url, path: one, urls: ["env:FILM_URL"] }}
"""
WORDS = (USER, "hunter2", "t0ken-of-the-list")


def test_what_was_referenced_is_in_nothing_that_is_said_or_written(
    remote: Remote, server: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As Xtream codes servers have it: name and password are in every address that they list.
    server.files |= {
        "get.php": f"""#EXTM3U
#EXTINF:-1,Charade (1963)
/movie/{USER}/hunter2/1.mkv
#EXTINF:-1,Gone
{server.base}/movie/{USER}/hunter2/2.mkv
#EXTINF:-1,Live
{server.base}/live/{USER}/hunter2
#EXTINF:-1,Far
http://{USER}:hunter2@127.0.0.3/3.mkv?token=t0ken-of-the-list
#EXTINF:-1,Dead
http://{USER}:hunter2@127.0.0.2:1/4.mkv?token=t0ken-of-the-list
""".encode(),
        f"movie/{USER}/hunter2/1.mkv": b"x" * 100,
        "films/Gilda (1946).mkv": make(remote.folder / "gilda.mkv").read_bytes(),
    }
    base = server.base.replace("://", f"://{USER}:hunter2@")
    monkeypatch.setenv("LIST_URL", f"{base}/get.php?username={USER}&password=hunter2")
    monkeypatch.setenv("FILM_URL", f"{base}/films/Gilda%20(1946).mkv?token=t0ken-of-the-list")
    station = remote.folder
    (station / "one").mkdir()
    (station / "station.yaml").write_text(SECRETIVE)
    monkeypatch.setenv("XDG_STATE_HOME", str(station / "state"))

    def everything() -> str:
        commands = (("ingest",), ("ingest", "--json"), ("sources",), ("sources", "--json"), ("check",))
        ran = [run(*command, str(station)) for command in commands]
        names = [str(file.relative_to(station)) for file in station.rglob("*")]
        texts = [file.read_bytes().decode("latin-1") for file in station.rglob("*") if file.is_file()]
        return "\n".join([*(r.out + r.err for r in ran), *names, *texts])

    said = everything()
    assert "fetching env:LIST_URL: 1." in said
    assert "fetching env:FILM_URL: Gilda (1946)." in said
    assert '"Gilda (1946)"' in said, "it is in the lock"
    for wrong in ("the server answers 404", "is no video file", "127.0.0.3", "Connection refused"):
        assert wrong in said
    assert [word for word in WORDS if word in said] == []
    copies = sorted(file.name for file in remote.media.iterdir())
    monkeypatch.setenv("LIST_URL", f"{server.base}/get.php?username={USER}&password=changed")
    server.files["get.php"] = server.files["get.php"].replace(b"hunter2", b"changed")
    server.files[f"movie/{USER}/changed/1.mkv"] = b"x" * 100
    everything()
    assert sorted(file.name for file in remote.media.iterdir()) == copies, "another password, the same file"
    for gone in (f"http://{USER}:hunter2@127.0.0.1:1/get.php", f"{base}/none?password=hunter2", "hunter2"):
        monkeypatch.setenv("LIST_URL", gone)
        said = everything()
        assert "club: " in said
        assert [word for word in WORDS if word in said] == []


def test_a_list_with_names_in_it_is_told_without_them(remote: Remote, server: Files) -> None:
    server.wants = LOGIN
    with_names = server.base.replace("://", "://ada-lovelace:hunter2%2F%C3%9F@")
    (remote.folder / "list.m3u").write_text(f"{with_names}/b.mkv\n{with_names}/none.mkv\n")
    (one,), (gone,) = remote.found(kind="m3u", playlist="list.m3u")
    assert one.location.read_bytes() == b"y" * 2000
    assert gone.message == f"{server.base}/none.mkv: the server answers 404"
    assert f"fetching {server.base}/b.mkv (0 MB)" in remote.told


@pytest.mark.parametrize(
    "written",
    [
        'kind: url, path: media, urls: ["http://ada:hunter2@example.org/a.mp4"]',
        'kind: url, path: media, urls: ["https://hunter2@example.org/a.mp4"]',
        'kind: url, path: media, urls: ["http:/ada:hunter2@example.org/a.mp4"]',
        'kind: url, path: media, urls: ["https://example.org/a.mp4?Token=hunter2"]',
        'kind: m3u, path: media, playlist: "http://ada:hunter2@example.org/all.m3u"',
        'kind: m3u, path: media, playlist: "HTTP://ada:hunter2@example.org/all.m3u"',
        'kind: m3u, path: media, playlist: "http://example.org/get.php?username=ada&password=hunter2"',
        'kind: m3u, path: media, playlist: "http://example.org/all.m3u", user: "env:X", password: hunter2',
    ],
)
def test_a_secret_that_is_written_down_is_refused_and_not_repeated(tmp_path: Path, written: str) -> None:
    (tmp_path / "station.yaml").write_text(f"collection: club\nsource: {{ {written}, bogus: 1 }}\n")
    for style in FORMATS:
        ran = run("check", str(tmp_path), "--format", style)
        assert ran.code == 1
        assert "never written" in ran.out
        assert "env:NAME" in ran.out
        assert "hunter2" not in ran.out + ran.err
    ran = run("ingest", str(tmp_path))
    assert (ran.code, "hunter2" in ran.out + ran.err) == (1, False)


def test_a_password_needs_a_name_and_a_playlist_may_be_called_anything(tmp_path: Path) -> None:
    (tmp_path / "station.yaml").write_text(
        "collection: club\nsource:\n  kind: m3u\n  path: club\n  playlist: ada@home.m3u\n  password: env:X\n"
    )
    told = run("check", str(tmp_path), "--format", "concise").out
    assert "station.yaml:6:13: error[bad-value] “password”: is nobody's (add user, where the name is)" in told
    assert "“playlist”" not in told
