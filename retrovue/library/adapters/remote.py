"""Remote files: videos by their addresses (``url``) or by a playlist (``m3u``), fetched once into a folder.

What airs can't wait for somebody else's server, so ingest fetches each file and the station airs its copy. A
file is fetched again when the server has another (its size, ETag or time of change); one that broke off is
taken up where it broke off. Only the hosts that the collection names are asked.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from pydantic import AfterValidator, BaseModel, Field

from retrovue.library.adapters import Desk, FoundMedia, Offer, SourceGone, arrive, within
from retrovue.library.adapters.beside import read_small
from retrovue.library.adapters.local import LocalFiles
from retrovue.library.adapters.settings import VIDEO, FolderPath, SourceSettings
from retrovue.library.adapters.web import Trouble, reason
from retrovue.library.finding import Finding
from retrovue.library.lock import replace_file
from retrovue.library.naming import parse_name, pretty
from retrovue.small_file import is_file

if TYPE_CHECKING:
    import aiohttp

#: A longer playlist (bytes) is none.
MOST_BYTES = 16_000_000
#: Read at once (bytes).
_PIECE = 1 << 18
#: What is kept of a name: file systems take 255 bytes, and a fingerprint and an extension come behind it.
_LONGEST_NAME = 120
_ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')


def _address(value: str) -> str:
    if re.fullmatch(r"https?://[^/?#@\s]+[^\s#]*", value) is None:
        raise ValueError(f"{value!r} is no address: write it like https://example.org/film.mp4")
    return value


class RemoteSettings(SourceSettings):
    """What is fetched, and where to."""

    path: FolderPath
    """The folder into which files are fetched: relative to the station folder, or absolute."""
    disk: float = Field(default=100, gt=0)
    """Gigabytes that the folder may take; what doesn't fit is told and left."""
    timeout: float = Field(default=30, gt=0, le=600)
    """Seconds without a byte after which a server is given up."""


class UrlSettings(RemoteSettings):
    """Video files on web servers, by their addresses."""

    kind: Literal["url"] = "url"
    """Which adapter: files by their addresses."""
    urls: tuple[Annotated[str, AfterValidator(_address)], ...] = Field(min_length=1)
    """The addresses of the files."""


class M3uSettings(RemoteSettings):
    """Video files on web servers, by a playlist of their addresses."""

    kind: Literal["m3u"] = "m3u"
    """Which adapter: files by a playlist."""
    playlist: str
    """The playlist: an address, or a file relative to the station folder."""
    groups: tuple[str, ...] = ()
    """Only entries of these groups (``group-title``); all when absent."""
    hosts: tuple[str, ...] = ()
    """Hosts that the entries may be on, beside the playlist's own. A playlist that is a file may name any
    host when this is absent."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the list."""

    url: str
    title: str = ""
    group: str = ""

    @property
    def name(self) -> str:
        """What the file is called on its server."""
        return PurePosixPath(unquote(_parts(self.url).path)).name

    @property
    def path(self) -> PurePosixPath:
        """Where it is fetched to: its own name, and what tells it from others of that name."""
        name = self.name
        stem, dot, extension = name.rpartition(".")
        kept = re.sub(r"[^\w .,()'&+-]", "_", stem if dot else name).strip(" .") or "file"
        kept = kept.encode()[:_LONGEST_NAME].decode("utf-8", "ignore")
        mark = hashlib.sha256(self.url.encode()).hexdigest()[:8]
        return PurePosixPath(f"{kept}.{mark}.{extension.lower()}" if dot else f"{kept}.{mark}")

    @property
    def fields(self) -> dict[str, Any]:
        """What its title, or else its name, says of it."""
        extension = self.path.suffix
        shown = PurePosixPath(self.title.replace("/", "-") + extension if self.title else self.name)
        named = parse_name(shown)
        fields = {
            "title": named.title or ("" if named.series else self.title or pretty(shown)),
            "series": named.series,
            "season": named.season,
            "episode": named.episode,
            "year": named.year,
            "date": named.date,
            "tags": (self.group,) if self.group else (),
        }
        return {name: value for name, value in fields.items() if value not in ("", None, ())}


def _parts(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:  # "http://[::1"
        return urlsplit("")


def parse_m3u(text: str, base: str = "") -> list[Entry]:
    """The entries of an extended M3U; addresses are relative to ``base``. Pure."""
    entries, said = [], ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("#EXTINF:"):
            said = line.removeprefix("#EXTINF:")
        elif line and not line.startswith("#"):
            attributes = {name.lower(): value.strip() for name, value in _ATTRIBUTE.findall(said)}
            _, _, title = _ATTRIBUTE.sub("", said).partition(",")
            title = " ".join(title.split()) or attributes.get("tvg-name", "")
            with suppress(ValueError):  # what is no address is told of as it stands
                line = urljoin(base, line)
            entries.append(Entry(line, title, attributes.get("group-title", "")))
            said = ""
    return entries


class RemoteAdapter(ABC):
    """Fetches what is listed; a sub-class knows the list."""

    settings_model: ClassVar[type[BaseModel]]

    def __init__(self, collection: str, settings: Any, station_folder: Path, desk: Desk) -> None:
        self._collection = collection
        self.settings: Any = settings
        self.folder = station_folder.resolve()
        self._desk = desk
        self.root = self.folder / Path(settings.path).expanduser()

    @abstractmethod
    async def entries(self, fetcher: Fetcher) -> list[Entry]:
        """What is listed. Raises ``Trouble``."""

    @abstractmethod
    def refuse(self, entry: Entry) -> None:
        """Raises ``Trouble`` for an entry that is not to be fetched."""

    @abstractmethod
    def offers(self) -> Sequence[Offer]: ...

    def locate(self, path: str) -> Path:
        """The copy of an asset. Raises ``ValueError`` for a path that leads out of the folder."""
        return within(self.root, path)

    def discover(self) -> Iterable[FoundMedia | Finding]:
        import asyncio

        arrive(self._collection, self.root, "make it, mount it, or correct the collection's source.path")
        return list(asyncio.run(self._visit()))

    def listed(self) -> list[Entry]:
        """What is listed, without fetching any of it. Raises ``SourceGone``."""
        import asyncio

        return asyncio.run(self._listed())

    async def _listed(self) -> list[Entry]:
        try:
            async with Fetcher(self._desk, self.settings.timeout) as fetcher:
                return await self.entries(fetcher)
        except Trouble as trouble:
            raise self._gone(trouble) from None

    def _gone(self, trouble: Trouble) -> SourceGone:
        return SourceGone(f"collection {self._collection}: {trouble}", trouble.help, trouble.code)

    async def _visit(self) -> Iterator[FoundMedia | Finding]:
        found: list[FoundMedia | Finding] = []
        files = LocalFiles(self._collection, self.root)
        known = self._recall()
        async with Fetcher(self._desk, self.settings.timeout) as fetcher:
            try:
                entries = await self.entries(fetcher)
            except Trouble as trouble:
                raise self._gone(trouble) from None
            refused = 0
            for entry in dict.fromkeys(entries):
                path = entry.path
                try:
                    self.refuse(entry)
                except Trouble as trouble:
                    refused += 1
                    found.append(self._finding(trouble.code, path, str(trouble), trouble.help, None))
                    continue
                try:
                    if self._desk.notes is not None:
                        await self._fetch(fetcher, entry, known)
                except Trouble as trouble:
                    found.append(self._finding(trouble.code, path, str(trouble), trouble.help, str(path)))
                    if not is_file(self.root / path):
                        continue
                except OSError as error:
                    said = f"can't be written: {error.strerror}"
                    found.append(self._finding("not-fetched", path, said, "is the disk full?", str(path)))
                    continue
                found.append(files.media(path, entry.fields, f"it is listed as {entry.url}"))
        if refused and refused == len(dict.fromkeys(entries)):
            # A server that wants a password says so in a page of text, as if that were the list.
            said = f"nothing of what is listed can be taken ({refused}): all stays as it was"
            found.append(Finding("no-playlist", self._collection, "", said, "is it the right list?", ""))
        self._remember(known)
        return iter(found)

    def _finding(self, code: str, path: PurePosixPath, message: str, help: str, holds: str | None) -> Finding:
        return Finding(code, self._collection, str(path), message, help, holds)

    async def _fetch(self, fetcher: Fetcher, entry: Entry, known: dict[str, str]) -> None:
        """Make the copy what the server has. Raises ``Trouble`` and ``OSError``."""
        here = self.root / entry.path
        there = await fetcher.state(entry.url)
        if here.is_file():
            as_large = entry.url not in known and here.stat().st_size == there.size
            if as_large or known.get(entry.url) == there.mark:
                known[entry.url] = there.mark
                return
        held = sum(file.stat().st_size for file in self.root.iterdir() if file.is_file())
        if held + (there.size or 0) > self.settings.disk * 1e9:
            raise Trouble(
                "not-fetched",
                f"has {(there.size or 0) / 1e9:.1f} GB, and the folder may take {self.settings.disk:g} GB",
                "delete what is not wanted any more, or raise source.disk",
            )
        self._desk.tell(f"fetching {entry.url} ({(there.size or 0) / 1e6:.0f} MB)")
        await fetcher.fetch(entry.url, here, there, int(self.settings.disk * 1e9) - held)
        known[entry.url] = there.mark

    @property
    def _notes(self) -> Path | None:
        return self._desk.notes / f"{self._collection}.json" if self._desk.notes is not None else None

    def _recall(self) -> dict[str, str]:
        try:
            notes = json.loads(self._notes.read_bytes()) if self._notes is not None else {}
            return {str(url): str(mark) for url, mark in notes["fetched"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}

    def _remember(self, known: Mapping[str, str]) -> None:
        if self._notes is None:
            return
        with suppress(OSError):  # no room: what is known by its size is not fetched again all the same
            self._notes.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self._notes, json.dumps({"fetched": dict(sorted(known.items()))}).encode())


class UrlAdapter(RemoteAdapter):
    """Files by their addresses."""

    settings_model: ClassVar[type[BaseModel]] = UrlSettings

    async def entries(self, fetcher: Fetcher) -> list[Entry]:
        return [Entry(url) for url in self.settings.urls]

    def refuse(self, entry: Entry) -> None:
        _refuse_others(entry)

    def offers(self) -> Sequence[Offer]:
        return [Offer(url, "file", taken=True) for url in self.settings.urls]


class M3uAdapter(RemoteAdapter):
    """Files by a playlist."""

    settings_model: ClassVar[type[BaseModel]] = M3uSettings

    @property
    def _is_address(self) -> bool:
        return re.match(r"https?://", self.settings.playlist) is not None

    async def entries(self, fetcher: Fetcher) -> list[Entry]:
        where = self.settings.playlist
        if self._is_address:
            content = await fetcher.read(where, MOST_BYTES)
        else:
            try:
                if not is_file(self.folder / where):
                    raise ValueError("there is no such file")
                content = read_small(self.folder / where, MOST_BYTES)
            except ValueError as error:
                raise Trouble("no-playlist", f"{where}: {error}", "is source.playlist right?") from None
        entries = parse_m3u(content.decode("utf-8-sig", "replace"), where if self._is_address else "")
        if not entries:
            raise Trouble("no-playlist", f"{where} lists nothing", "is it an M3U playlist?")
        groups = self.settings.groups
        return [entry for entry in entries if not groups or entry.group in groups]

    def refuse(self, entry: Entry) -> None:
        hosts = {*self.settings.hosts}
        if self._is_address:
            hosts.add(_parts(self.settings.playlist).hostname)
        host = _parts(entry.url).hostname
        if hosts and host not in hosts:
            raise Trouble(
                "not-fetched", f"is on another host than the playlist: {host}", "name it under source.hosts"
            )
        _refuse_others(entry)

    def offers(self) -> Sequence[Offer]:
        groups: dict[str, int] = {}
        wanted = self.settings.groups
        for entry in self._all():
            groups[entry.group] = groups.get(entry.group, 0) + 1
        return [
            Offer(group or "(no group)", f"{count} entries", not wanted or group in wanted)
            for group, count in sorted(groups.items())
        ]

    def _all(self) -> list[Entry]:
        every = self.settings.model_copy(update={"groups": ()})
        return type(self)(self._collection, every, self.folder, self._desk).listed()


def _refuse_others(entry: Entry) -> None:
    """Raises ``Trouble`` for what is no video file."""
    try:
        _address(entry.url)
    except ValueError as error:
        raise Trouble("not-fetched", str(error), "mend the list") from None
    if entry.path.suffix.removeprefix(".") not in VIDEO:
        raise Trouble(
            "not-fetched", f"{entry.url} is no video file", "a live stream is a live:, not an asset"
        )


@dataclass(frozen=True, slots=True)
class There:
    """What a server has under an address."""

    size: int | None  #: bytes; None: it doesn't say
    mark: str  #: another file has another


class Fetcher:
    """Asks web servers for files, for the time of one visit (``async with``)."""

    def __init__(self, desk: Desk, timeout_s: float) -> None:
        self.clock, self.timeout_s = desk.clock, timeout_s
        self.session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Fetcher:
        import aiohttp

        # What is fetched is a file as it is: no coding that hides its size.
        self.session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=None), headers={"Accept-Encoding": "identity"}
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.session is not None:
            await self.session.close()

    async def state(self, url: str) -> There:
        """Raises ``Trouble``."""
        async with _Answer(self, "HEAD", url, also=(405, 501)) as response:
            if response.status >= 400:
                return There(None, "it answers no HEAD")
            size = response.content_length
            told = [response.headers.get(name, "") for name in ("ETag", "Last-Modified")]
            return There(size, repr((size, *told)))

    async def read(self, url: str, most: int) -> bytes:
        """A small file. Raises ``Trouble``."""
        body = bytearray()
        async with _Answer(self, "GET", url) as response:
            async for piece in self._pieces(response, url):
                body += piece
                if len(body) > most:
                    raise Trouble("no-playlist", f"{url} is larger than {most} bytes", "is it a playlist?")
        return bytes(body)

    async def fetch(self, url: str, here: Path, there: There, most: int) -> None:
        """The file into ``here``, whole or not at all. Raises ``Trouble`` and ``OSError``."""
        half = here.with_name(f".{here.name}.part")
        note = here.with_name(f".{here.name}.mark")
        begun = half.stat().st_size if half.is_file() and _is_text(note, there.mark) else 0
        if there.size is not None and begun >= there.size:
            begun = 0
        note.write_text(there.mark)
        headers = {"Range": f"bytes={begun}-"} if begun else {}
        async with _Answer(self, "GET", url, headers) as response:
            if response.status != 206:
                begun = 0
            with half.open("r+b" if begun else "wb") as out:
                out.seek(begun)
                out.truncate()
                async for piece in self._pieces(response, url):
                    out.write(piece)
                    if out.tell() > most:
                        raise Trouble("not-fetched", "is larger than its server said", "is it a video file?")
                written = out.tell()
                os.fsync(out.fileno())
        if there.size is not None and written > there.size:
            half.unlink()  # there is nothing behind it to go on from
            raise Trouble(
                "not-fetched",
                f"has {written} bytes, and its server said that it has {there.size}",
                "is it still being written there? The next ingest fetches it anew",
            )
        if there.size is not None and written != there.size:
            raise Trouble(
                "server-short", f"has {written} of {there.size} bytes", "the next ingest takes it up there"
            )
        half.replace(here)
        note.unlink(missing_ok=True)

    async def _pieces(self, response: aiohttp.ClientResponse, url: str) -> Any:
        import aiohttp

        try:
            while True:
                async with self.clock.deadline(self.timeout_s):
                    piece = await response.content.read(_PIECE)
                if not piece:
                    return
                yield piece
        except TimeoutError:
            raise Trouble("server-timeout", f"{url}: nothing came for {self.timeout_s:g} s") from None
        except aiohttp.ClientError:
            raise Trouble(
                "server-short", f"{url} breaks off in the middle", "the next ingest takes it up there"
            ) from None


class _Answer:
    """A response with status 200 or 206 (or one of ``also``), closed at the end. Raises ``Trouble``."""

    def __init__(
        self,
        fetcher: Fetcher,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        also: Sequence[int] = (),
    ) -> None:
        self._fetcher, self._method, self._url, self._headers = fetcher, method, url, headers or {}
        self._good = (200, 206, *also)
        self._response: aiohttp.ClientResponse | None = None

    async def __aenter__(self) -> aiohttp.ClientResponse:
        import aiohttp

        session, clock, timeout_s = self._fetcher.session, self._fetcher.clock, self._fetcher.timeout_s
        assert session is not None, "inside `async with`"
        try:
            async with clock.deadline(timeout_s):
                # A redirection could lead to a host that nobody named.
                self._response = await session.request(
                    self._method, self._url, headers=self._headers, allow_redirects=False
                )
        except TimeoutError:
            raise Trouble("server-timeout", f"{self._url}: no answer") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Trouble("server-unreachable", f"{self._url}: {reason(error)}") from None
        if self._response.status not in self._good:
            self._response.close()
            raise Trouble("server-error", f"{self._url}: the server answers {self._response.status}")
        return self._response

    async def __aexit__(self, *_: object) -> None:
        if self._response is not None:
            self._response.close()


def _is_text(file: Path, text: str) -> bool:
    try:
        return file.read_text() == text
    except (OSError, UnicodeDecodeError):
        return False
