"""Remote files: videos by their addresses (``url``) or by a playlist (``m3u``), fetched once into a folder.

What airs can't wait for somebody else's server, so ingest fetches each file and the station airs its copy. A
file is fetched again when the server has another (its size, ETag or time of change); one that broke off is
taken up where it broke off. Only the hosts that the collection names are asked.

Secrets are given by reference: a name and password for the server, or a whole address that holds some. What
was referenced is in no message, no name and no note.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urljoin, urlsplit

from pydantic import AfterValidator, BaseModel, Field, ValidationInfo, field_validator

from retrovue.errors import RetroVueError
from retrovue.library.adapters import Desk, FoundMedia, Offer, SourceGone, arrive, within
from retrovue.library.adapters.beside import read_small
from retrovue.library.adapters.local import LocalFiles
from retrovue.library.adapters.settings import VIDEO, FolderPath, SecretReference, SourceSettings
from retrovue.library.adapters.web import Trouble, reason
from retrovue.library.finding import Finding
from retrovue.library.lock import replace_file
from retrovue.library.naming import parse_name, pretty
from retrovue.secret import WrittenSecret, is_reference, read_secret
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


#: What a query calls its secrets.
_SECRET_WORDS = frozenset(
    (
        *("password", "passwd", "pwd", "pass", "token", "access_token", "auth", "secret", "signature", "sig"),
        *("apikey", "api_key", "api-key", "x-plex-token", "x-amz-signature"),
    )
)
#: A shorter secret is too often a part of other words to be looked for in them.
_SHORTEST = 4
_HIDDEN = "***"


def _address(value: str) -> str:
    """Raises ``ValueError``, which never repeats what may be a secret."""
    # No parser makes anything of "http:/user:password@host".
    if "@" in re.split(r"[/?#]", re.sub(r"^\w+:/*", "", value))[0]:
        raise WrittenSecret(
            "a name or password is never written in an address: give them as user and password, or the whole "
            "address as env:NAME or file:PATH"
        )
    if any(word.lower() in _SECRET_WORDS for word, _ in parse_qsl(_parts(value).query)):
        raise WrittenSecret(
            "there is a secret in this address, which is never written here: give the whole address as "
            "env:NAME or file:PATH"
        )
    if not _is_address(value):
        raise ValueError(
            f"{value.partition('?')[0]!r} is no address: write it like https://example.org/a.mp4"
        )
    return value


def _is_address(value: str) -> bool:
    return re.fullmatch(r"https?://[^/?#\s]+[^\s#]*", value) is not None and bool(_parts(value).hostname)


def _address_or_reference(value: str) -> str:
    return value if is_reference(value) else _address(value)


def _list(value: str) -> str:
    """An address, a reference to one, or a file."""
    return _address(value) if re.match(r"\w+://|https?:", value) and not is_reference(value) else value


class RemoteSettings(SourceSettings):
    """What is fetched, and where to."""

    path: FolderPath
    """The folder into which files are fetched: relative to the station folder, or absolute."""
    disk: float = Field(default=100, gt=0)
    """Gigabytes that the folder may take; what doesn't fit is told and left."""
    timeout: float = Field(default=30, gt=0, le=600)
    """Seconds without a byte after which a server is given up."""
    user: SecretReference | None = None
    """Where the name for the server is: ``env:NAME`` or ``file:PATH``."""
    password: SecretReference | None = None
    """Where the password is, likewise."""

    @field_validator("password")
    @classmethod
    def _is_somebodys(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("user", "") is None:
            raise ValueError("is nobody's: add user, where the name is")
        return value


class UrlSettings(RemoteSettings):
    """Video files on web servers, by their addresses."""

    kind: Literal["url"] = "url"
    """Which adapter: files by their addresses."""
    urls: tuple[Annotated[str, AfterValidator(_address_or_reference)], ...] = Field(min_length=1)
    """The addresses of the files; ``env:NAME`` or ``file:PATH``, where it is, for one that holds a secret."""


class M3uSettings(RemoteSettings):
    """Video files on web servers, by a playlist of their addresses."""

    kind: Literal["m3u"] = "m3u"
    """Which adapter: files by a playlist."""
    playlist: Annotated[str, AfterValidator(_list)]
    """The playlist: an address, or a file relative to the station folder. An address that holds a secret is
    given as ``env:NAME`` or ``file:PATH``, where it is."""
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
    identity: str = ""  #: what tells its copy from others, where the address itself has a secret
    listed_by: str = ""  #: the reference because of which its address is shown to nobody

    @property
    def shown(self) -> str:
        """What stands for its address in messages."""
        return f"{self.listed_by}: {self.path}" if self.listed_by else self.identity or self.url

    @property
    def name(self) -> str:
        """What the file is called on its server."""
        return PurePosixPath(unquote(_parts(self.url).path)).name

    @property
    def path(self) -> PurePosixPath:
        """Where it is fetched to: its own name, and what tells it from others of that name."""
        name = self.name
        stem, dot, extension = name.rpartition(".")
        if self.listed_by and extension.lower() not in VIDEO:
            stem = dot = name = ""  # the end of an address that is no file's name may be the secret
        kept = re.sub(r"[^\w .,()'&+-]", "_", stem if dot else name).strip(" .") or "file"
        kept = kept.encode()[:_LONGEST_NAME].decode("utf-8", "ignore")
        mark = hashlib.sha256((self.identity or self.url).encode()).hexdigest()[:8]
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
        parts = urlsplit(url)
        _ = parts.port  # "http://a:b"
    except ValueError:  # "http://[::1"
        return urlsplit("")
    return parts


def _bare(url: str) -> str:
    """The address without name and password."""
    return re.sub(r"(?<=://)[^/?#]*@", "", url)


def _masked(url: str, secrets: Iterable[str]) -> str:
    """The address without name and password, and without those parts of it that are secrets. Pure."""
    secrets = {secret for secret in secrets if secret}
    url = _bare(url)
    host, slash, rest = url.partition("://")[2].partition("/")
    pieces = [_HIDDEN if unquote(piece) in secrets else piece for piece in re.split(r"([/?&=#;])", rest)]
    masked = f"{url.partition('://')[0]}://{host}{slash}{''.join(pieces)}" if "://" in url else url
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            masked = masked.replace(secret, _HIDDEN)
    return masked


def _secrets_in(url: str) -> set[str]:
    """What may be secret in an address that somebody referenced: name, password and what its query says."""
    parts = _parts(url)
    return {unquote(part) for part in (parts.username, parts.password) if part} | {
        value for _, value in parse_qsl(parts.query)
    }


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
        #: What was referenced, for as long as one visit lasts: in no message.
        self._secrets: set[str] = set()

    @abstractmethod
    async def entries(self, fetcher: Fetcher) -> list[Entry]:
        """What is listed. Raises ``Trouble``."""

    @abstractmethod
    def refuse(self, entry: Entry) -> None:
        """Raises ``Trouble`` for an entry that is not to be fetched."""

    @abstractmethod
    def trusts(self, url: str) -> bool:
        """May the server of this address be told the name and password?"""

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
        async with self._fetcher() as fetcher:
            return await self._entries(fetcher)

    async def _entries(self, fetcher: Fetcher) -> list[Entry]:
        """What is listed, and how it is called in messages. Raises ``SourceGone``."""
        try:
            entries = await self.entries(fetcher)
        except Trouble as trouble:
            raise self._gone(trouble) from None
        fetcher.called |= {entry.url: entry.shown for entry in entries if entry.shown != entry.url}
        return entries

    def _fetcher(self) -> Fetcher:
        """Raises ``SourceGone``."""
        user, password = (self._secret(where) for where in (self.settings.user, self.settings.password))
        if ":" in user:
            why = f"no server takes the name that {self.settings.user} has: there is a colon in it"
            raise self._gone(Trouble("no-secret", why, "mend it there"))
        self._secrets |= {user, password}
        return Fetcher(self._desk, self.settings.timeout, (user, password) if user else None, self.trusts)

    def _secret(self, reference: str | None) -> str:
        """What is there; nothing for no reference. Raises ``SourceGone``."""
        try:
            return read_secret(reference, self.folder) if reference is not None else ""
        except RetroVueError as error:
            raise self._gone(Trouble("no-secret", str(error), error.help)) from None

    def _referenced(self, where: str) -> str:
        """The address that ``where`` is, or says where it is. Raises ``SourceGone``."""
        if not is_reference(where):
            return where
        url = self._secret(where)
        if not _is_address(url):
            why = f"what {where} says is no address"
            raise self._gone(Trouble("no-secret", why, "one is like https://example.org/film.mp4"))
        self._secrets |= {url, *_secrets_in(url)}
        return url

    def _gone(self, trouble: Trouble) -> SourceGone:
        return SourceGone(f"collection {self._collection}: {trouble}", trouble.help, trouble.code)

    async def _visit(self) -> Iterator[FoundMedia | Finding]:
        found: list[FoundMedia | Finding] = []
        files = LocalFiles(self._collection, self.root)
        known = self._recall()
        async with self._fetcher() as fetcher:
            entries = await self._entries(fetcher)
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
                found.append(files.media(path, entry.fields, f"it is listed as {entry.shown}"))
        if refused and refused == len(dict.fromkeys(entries)):
            # A server that wants a password says so in a page of text, as if that were the list.
            said = f"nothing of what is listed can be taken ({refused}): all stays as it was"
            found.append(Finding("no-playlist", self._collection, "", said, "is it the right list?", ""))
        self._remember({path: known[path] for path in (str(one.path) for one in entries) if path in known})
        return iter(found)

    def _finding(self, code: str, path: PurePosixPath, message: str, help: str, holds: str | None) -> Finding:
        return Finding(code, self._collection, str(path), message, help, holds)

    async def _fetch(self, fetcher: Fetcher, entry: Entry, known: dict[str, str]) -> None:
        """Make the copy what the server has. Raises ``Trouble`` and ``OSError``."""
        here = self.root / entry.path
        there = await fetcher.state(entry.url)
        if here.is_file():
            name = str(entry.path)  # and not the address, which may hold a secret
            as_large = name not in known and here.stat().st_size == there.size
            if as_large or known.get(name) == there.mark:
                known[name] = there.mark
                return
        held = sum(file.stat().st_size for file in self.root.iterdir() if file.is_file())
        if held + (there.size or 0) > self.settings.disk * 1e9:
            raise Trouble(
                "not-fetched",
                f"has {(there.size or 0) / 1e9:.1f} GB, and the folder may take {self.settings.disk:g} GB",
                "delete what is not wanted any more, or raise source.disk",
            )
        self._desk.tell(f"fetching {entry.shown} ({(there.size or 0) / 1e6:.0f} MB)")
        await fetcher.fetch(entry.url, here, there, int(self.settings.disk * 1e9) - held)
        known[str(entry.path)] = there.mark

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

    _first = ""  #: the first address

    async def entries(self, fetcher: Fetcher) -> list[Entry]:
        entries = []
        for where in self.settings.urls:
            url = self._referenced(where)
            entries.append(Entry(url) if url == where else Entry(url, "", "", where, where))
        self._first = entries[0].url
        return entries

    def trusts(self, url: str) -> bool:
        return _server(url) == _server(self._first)

    def refuse(self, entry: Entry) -> None:
        if self.settings.user is not None and not self.trusts(entry.url):
            raise Trouble(
                "not-fetched",
                "is on another server than the first, and user and password are for one",
                "give it a collection of its own",
            )
        _refuse_others(entry)

    def offers(self) -> Sequence[Offer]:
        return [Offer(url, "file", taken=True) for url in self.settings.urls]


class M3uAdapter(RemoteAdapter):
    """Files by a playlist."""

    settings_model: ClassVar[type[BaseModel]] = M3uSettings

    _address = ""  #: of the playlist; empty: it is a file

    async def entries(self, fetcher: Fetcher) -> list[Entry]:
        where = self.settings.playlist
        self._address = address = self._referenced(where) if is_reference(where) or _is_address(where) else ""
        if address:
            if address != where:
                fetcher.called[address] = where
            content = await fetcher.read(address, MOST_BYTES)
        elif self.settings.user is not None and not self.settings.hosts:
            raise Trouble(
                "no-secret",
                "nothing says whose user and password these are",
                "name the servers under source.hosts",
            )
        else:
            try:
                if not is_file(self.folder / where):
                    raise ValueError("there is no such file")
                content = read_small(self.folder / where, MOST_BYTES)
            except ValueError as error:
                raise Trouble("no-playlist", f"{where}: {error}", "is source.playlist right?") from None
        entries = parse_m3u(content.decode("utf-8-sig", "replace"), address)
        if not entries:
            raise Trouble("no-playlist", f"{where} lists nothing", "is it an M3U playlist?")
        groups = self.settings.groups
        return [self._veiled(entry) for entry in entries if not groups or entry.group in groups]

    def _veiled(self, entry: Entry) -> Entry:
        """The entry with nothing of what was referenced in its name."""
        masked = _masked(entry.url, self._secrets)
        listed_by = self.settings.playlist if is_reference(self.settings.playlist) else ""
        return replace(entry, identity="" if masked == entry.url else masked, listed_by=listed_by)

    def trusts(self, url: str) -> bool:
        if not self._address:
            return _parts(url).hostname in self.settings.hosts
        # Never in the clear what went encrypted for the list.
        schemes = {"https", _parts(self._address).scheme}
        return _parts(url).hostname == _parts(self._address).hostname and _parts(url).scheme in schemes

    def refuse(self, entry: Entry) -> None:
        hosts = {*self.settings.hosts}
        if self._address:
            hosts.add(_parts(self._address).hostname or "")
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
    if not _is_address(entry.url):
        raise Trouble("not-fetched", f"{_shown(entry)} is no address", "mend the list")
    if entry.path.suffix.removeprefix(".") not in VIDEO:
        raise Trouble(
            "not-fetched", f"{_shown(entry)} is no video file", "a live stream is a live:, not an asset"
        )


def _shown(entry: Entry) -> str:
    """Beside its name."""
    return "what is listed" if entry.listed_by else entry.shown


def _server(url: str) -> tuple[str, str, int | None]:
    parts = _parts(url)
    return parts.scheme, parts.hostname or "", parts.port


@dataclass(frozen=True, slots=True)
class There:
    """What a server has under an address."""

    size: int | None  #: bytes; None: it doesn't say
    mark: str  #: another file has another


class Fetcher:
    """Asks web servers for files, for the time of one visit (``async with``)."""

    def __init__(
        self,
        desk: Desk,
        timeout_s: float,
        login: tuple[str, str] | None = None,
        trusts: Callable[[str], bool] = lambda url: False,
    ) -> None:
        """``login``: a name and password, for the servers that it ``trusts``."""
        self.clock, self.timeout_s = desk.clock, timeout_s
        self._login, self._trusts = login, trusts
        self.called: dict[str, str] = {}  #: what stands in messages for an address that holds a secret
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

    def say(self, url: str) -> str:
        """An address as messages have it."""
        return self.called.get(url, url)

    def why(self, url: str, error: Exception) -> str:
        """What went wrong; of an address that is hidden, without its host."""
        if url not in self.called:
            return reason(error)
        number = getattr(error, "errno", None) or 0
        return os.strerror(number) if number > 0 else type(error).__name__

    def credentials(self, url: str) -> dict[str, str]:
        """Headers for whom it may tell who asks. An address with a name in it speaks for itself."""
        if "@" in (parts := _parts(url)).netloc:
            login = (unquote(parts.username or ""), unquote(parts.password or ""))
        elif self._login is not None and self._trusts(url):
            login = self._login
        else:
            return {}
        return {"Authorization": f"Basic {b64encode(':'.join(login).encode()).decode()}"}

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
                    raise Trouble(
                        "no-playlist", f"{self.say(url)} is larger than {most} bytes", "is it a playlist?"
                    )
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
            raise Trouble(
                "server-timeout", f"{self.say(url)}: nothing came for {self.timeout_s:g} s"
            ) from None
        except aiohttp.ClientError:
            raise Trouble(
                "server-short",
                f"{self.say(url)} breaks off in the middle",
                "the next ingest takes it up there",
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
        shown = self._fetcher.say(self._url)
        headers = {**self._headers, **self._fetcher.credentials(self._url)}
        try:
            async with clock.deadline(timeout_s):
                # A redirection could lead to a host that nobody named.
                self._response = await session.request(
                    self._method, _bare(self._url), headers=headers, allow_redirects=False
                )
        except TimeoutError:
            raise Trouble("server-timeout", f"{shown}: no answer") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            said = self._fetcher.why(self._url, error)
            raise Trouble("server-unreachable", f"{shown}: {said}") from None
        if (status := self._response.status) not in self._good:
            self._response.close()
            if status in (401, 403):
                raise Trouble(
                    "server-refused",
                    f"{shown}: the server answers {status}",
                    "are source.user and source.password right, or what the reference says?",
                )
            raise Trouble("server-error", f"{shown}: the server answers {status}")
        return self._response

    async def __aexit__(self, *_: object) -> None:
        if self._response is not None:
            self._response.close()


def _is_text(file: Path, text: str) -> bool:
    try:
        return file.read_text() == text
    except (OSError, UnicodeDecodeError):
        return False
