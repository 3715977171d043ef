"""Media servers: what Plex, Jellyfin and Emby have in common.

A collection takes some of a server's libraries, by name. Their items are read page by page, from the second
time on only those that the server has changed, and each is found as a file here: ``paths`` says where the
server's folders are. What a viewer has watched is never asked for. A page that can't be read is a finding,
and then no asset of the collection is retired: what was not listed may still be there.
"""

from __future__ import annotations

import hashlib
import json
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from retrovue.credits import Credit
from retrovue.errors import RetroVueError
from retrovue.library.adapters import Desk, FoundMedia, Offer, SourceGone, arrive, within
from retrovue.library.adapters.local import LocalFiles
from retrovue.library.adapters.settings import FolderPath, SecretReference, SourceSettings
from retrovue.library.adapters.web import Server, Trouble
from retrovue.library.finding import Finding
from retrovue.library.lock import replace_file
from retrovue.secret import WrittenSecret, read_secret
from retrovue.small_file import is_file

#: Changes whenever what is remembered of an item does.
_EDITION = 2
#: What was saved in the seconds around the last visit is asked for again.
_MARGIN_S = 300
#: No file has more episodes than these, whatever a server says.
_MOST_MORE = 99
_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")


def _url(value: str) -> str:
    if re.fullmatch(r"https?://[^/?#@\s]+(/[^?#\s]*)?", value) is None:
        # It may have a secret in it: what was written is not repeated.
        raise WrittenSecret(
            "is no server's address: write it like http://192.168.1.20:8096; the token stands under token"
        )
    return value


def _below(value: str) -> str:
    if value.startswith("/") or ".." in PurePosixPath(value).parts or "\0" in value:
        raise ValueError(f"{value!r} is not below source.path: write it like movies")
    return value


class ServerSettings(SourceSettings):
    """What every media server is asked with."""

    url: Annotated[str, AfterValidator(_url)]
    """Where the server is: ``http://192.168.1.20:8096``."""
    token: SecretReference
    """Where its API key is: ``env:NAME`` or ``file:PATH``, never the key itself."""
    libraries: tuple[str, ...] = Field(min_length=1)
    """The server's libraries that the collection takes, by name; ``retrovue sources`` lists them. No other is
    taken, nor one that is new."""
    path: FolderPath
    """The folder under which the server's files are found here: relative to the station folder, or
    absolute."""
    paths: Mapping[str, Annotated[str, AfterValidator(_below)]] = {}
    """Folders of the server, as it names them, to folders below ``path``. The longest that fits counts;
    without any, the server has its files where they are here."""
    page: int = Field(default=200, ge=1, le=1000)
    """Items in one answer."""
    timeout: float = Field(default=30, gt=0, le=600)
    """Seconds that one answer may take."""
    certificate: str = ""
    """PEM file, relative to the station folder: the certificate of an https server that made its own, or of
    the authority that vouches for it. Who the machine trusts when absent; https is never unverified."""


@dataclass(frozen=True, slots=True)
class Library:
    """One library of a server."""

    id: str
    name: str
    holds: str  #: in the server's words: "movies", "tvshows"


class Item(BaseModel):
    """One item as any of the servers has it. What it doesn't say is empty."""

    model_config = ConfigDict(frozen=True)

    id: str
    files: tuple[str, ...] = ()  #: the server's paths of its versions; the first that is here counts
    no_file: str = ""  #: why it has none that could air: "is a disc". It needs no telling when this is empty
    title: str = ""
    series: str = ""
    season: int | None = Field(default=None, ge=0, le=9999)
    episode: int | None = Field(default=None, ge=0, le=99_999)
    last_episode: int | None = Field(default=None, ge=0, le=99_999)  #: of a file with several
    year: int | None = Field(default=None, ge=0, le=9999)
    date: str = Field(default="", pattern=r"^(\d{4}-\d{2}-\d{2})?$")
    description: str = ""
    rating: str = ""
    genres: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    credits: tuple[Credit, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of a listing."""

    items: Sequence[Any]
    total: int  #: of all pages


@dataclass
class _Listing:
    """What was read of one library."""

    items: dict[str, Item]
    findings: list[Finding]
    since_s: int | None  #: the server's time before it was read
    whole: bool = True


class MediaServerAdapter(ABC):
    """Lists libraries over HTTP; a sub-class knows one server's requests and answers."""

    settings_model: ClassVar[type[BaseModel]]

    def __init__(self, collection: str, settings: Any, station_folder: Path, desk: Desk) -> None:
        self._collection = collection
        self.settings: ServerSettings = settings
        self._folder = station_folder.resolve()
        self._desk = desk
        self.root = self._folder / Path(self.settings.path).expanduser()
        self._maps = _maps(self.settings.paths, self.root)

    # --- what a server's own module says ------------------------------------------------------------

    @abstractmethod
    def headers(self, token: str) -> Mapping[str, str]:
        """How the server is told who asks."""

    @abstractmethod
    async def libraries(self, server: Server) -> list[Library]:
        """All libraries of moving pictures. Raises ``Trouble``, and what ``_NOT_AS_DOCUMENTED`` lists."""

    @abstractmethod
    async def page(
        self, server: Server, library: Library, start: int, limit: int, since_s: int | None
    ) -> Page:
        """``limit`` items from ``start``, in a stable order; of those saved since ``since_s`` when given."""

    @abstractmethod
    def item(self, raw: Any) -> Item:
        """One of a page's items. Raises what ``_NOT_AS_DOCUMENTED`` lists."""

    # --- the adapter --------------------------------------------------------------------------------

    def locate(self, path: str) -> Path:
        """The file of an asset here. Raises ``ValueError`` for a path that leads out of the folder."""
        return within(self.root, path)

    def offers(self) -> Sequence[Offer]:
        import asyncio

        found = asyncio.run(self._offered())
        return [
            Offer(library.name, library.holds, library.name in self.settings.libraries) for library in found
        ]

    def discover(self) -> Iterable[FoundMedia | Finding]:
        import asyncio

        arrive(self._collection, self.root, "mount it, or correct the collection's source.path")
        listings = asyncio.run(self._visit(remember=True))
        found = list(self._found(listings.values()))
        if any(isinstance(one, Finding) and one.code == "not-here" for one in found) and is_file(self._notes):
            # Perhaps it was moved and what is remembered is old: the server is asked for everything.
            listings = asyncio.run(self._visit(remember=False))
            found = list(self._found(listings.values()))
        self._remember(listings)
        return found

    # --- asking -------------------------------------------------------------------------------------

    def _server(self) -> Server:
        settings = self.settings
        certificate = self._folder / settings.certificate if settings.certificate else None
        try:
            token = read_secret(settings.token, self._folder)
        except RetroVueError as error:
            raise SourceGone(f"collection {self._collection}: {error}", error.help, "no-secret") from None
        return Server(settings.url, self.headers(token), self._desk.clock, settings.timeout, certificate)

    async def _offered(self) -> list[Library]:
        try:
            async with self._server() as server:
                return await self._libraries(server)
        except Trouble as trouble:
            raise self._gone(trouble) from None

    async def _libraries(self, server: Server) -> list[Library]:
        try:
            return sorted(await self.libraries(server), key=lambda library: (library.name, library.id))
        except _NOT_AS_DOCUMENTED:
            raise Trouble(
                "server-damaged", "its libraries are not listed as they should be", "is source.kind right?"
            ) from None

    def _gone(self, trouble: Trouble) -> SourceGone:
        return SourceGone(f"collection {self._collection}: {trouble}", trouble.help, trouble.code)

    async def _visit(self, remember: bool) -> dict[str, _Listing]:
        """Every library that is taken, by its id. Raises ``SourceGone``."""
        try:
            async with self._server() as server:
                offered = await self._libraries(server)
                taken = [library for library in offered if library.name in self.settings.libraries]
                missing = sorted({*self.settings.libraries} - {library.name for library in taken})
                if missing:
                    names = ", ".join(library.name for library in offered) or "none"
                    raise Trouble(
                        "no-library", f"the server has no library “{missing[0]}”", f"it has: {names}"
                    )
                known = self._recall() if remember else {}
                return {one.id: await self._list(server, one, known.get(one.id)) for one in taken}
        except Trouble as trouble:
            raise self._gone(trouble) from None

    async def _list(self, server: Server, library: Library, known: _Listing | None) -> _Listing:
        if known is not None and known.since_s is not None:
            listing = await self._read(server, library, known.since_s)
            both = known.items | listing.items
            if listing.whole and len(both) == await self._count(server, library):
                return replace(listing, items=both)
        return await self._read(server, library, None)

    async def _count(self, server: Server, library: Library) -> int:
        try:
            return (await self.page(server, library, 0, 1, None)).total
        except (Trouble, *_NOT_AS_DOCUMENTED):
            return -1

    async def _read(self, server: Server, library: Library, since_s: int | None) -> _Listing:
        """Page by page. A page that can't be read is left out and told."""
        limit, began_s = self.settings.page, server.time_s
        listing = _Listing({}, [], None if began_s is None else began_s - _MARGIN_S)
        start, total, lost, bad = 0, None, 0, 0
        while total is None or start < total:
            try:
                page = await self.page(server, library, start, limit, since_s)
            except (Trouble, *_NOT_AS_DOCUMENTED) as error:
                self._lost(listing, library, start, start + limit, total, error)
                if total is None or (isinstance(error, Trouble) and error.code == "server-unreachable"):
                    break
                start += limit
                lost += limit
                continue
            total = max(page.total, total or 0)  # one that shrinks meanwhile leaves something out
            before = len(listing.items) + bad
            for raw in page.items:
                bad += not self._take(listing, library, raw)
            if len(listing.items) + bad == before:
                break  # the end, or the same again, and so on for ever
            start += len(page.items)
        # An item that comes twice counts once: in its place another has been left out.
        seen = len(listing.items) + bad + lost
        if total is not None and (seen < total or (seen > total and not lost)):
            self._tell(
                listing,
                "server-short",
                f"{library.name}: the server says that it has {total} items and lists {seen}",
                "what is missing stays as it was; the next ingest asks again",
                holds="",
            )
        return listing

    def _lost(
        self, listing: _Listing, library: Library, first: int, end: int, total: int | None, error: Exception
    ) -> None:
        code = error.code if isinstance(error, Trouble) else "server-damaged"
        why = str(error) if isinstance(error, Trouble) else "the answer is not as documented"
        last = min(end, total) if total is not None else end
        help = error.help if isinstance(error, Trouble) else "is source.kind right?"
        which = f"{library.name}, items {first + 1} to {last}"
        self._tell(listing, code, f"{which}: {why}", help, holds="")

    def _take(self, listing: _Listing, library: Library, raw: Any) -> bool:
        """Is it as documented?"""
        try:
            item = self.item(raw)
        except _NOT_AS_DOCUMENTED as error:
            name = raw.get("Name") or raw.get("title") if isinstance(raw, Mapping) else None
            self._tell(
                listing,
                "bad-item",
                f"{library.name}: an item ({name or 'without a name'}) is not as documented{_which(error)}",
                "the others are taken; until the server mends it, nothing of the collection is retired",
                holds="",
            )
            return False
        listing.items[item.id] = item
        return True

    def _tell(
        self, listing: _Listing, code: str, message: str, help: str = "", holds: str | None = None
    ) -> None:
        listing.findings.append(Finding(code, self._collection, "", message, help, holds))
        if holds is not None:
            listing.whole = False

    # --- remembering --------------------------------------------------------------------------------

    @property
    def _notes(self) -> Path:
        return (self._desk.notes or self._folder / ".nowhere") / f"{self._collection}.json"

    @property
    def _about(self) -> str:
        """What the notes are about: another server's items, or another edition's, are none of ours."""
        said = repr((_EDITION, type(self).__name__, self.settings.url))
        return hashlib.sha256(said.encode()).hexdigest()

    def _recall(self) -> dict[str, _Listing]:
        if self._desk.notes is None:
            return {}
        try:
            notes = json.loads(self._notes.read_bytes())
            if notes["about"] != self._about:
                return {}
            return {
                number: _Listing(
                    {item.id: item for item in _ITEMS.validate_python(of["items"])}, [], of["since"]
                )
                for number, of in notes["libraries"].items()
            }
        except (OSError, *_NOT_AS_DOCUMENTED):
            return {}

    def _remember(self, listings: Mapping[str, _Listing]) -> None:
        if self._desk.notes is None or not all(listing.whole for listing in listings.values()):
            return
        libraries = {
            number: {
                "since": of.since_s,
                "items": [item.model_dump(mode="json") for item in of.items.values()],
            }
            for number, of in listings.items()
        }
        text = json.dumps({"about": self._about, "libraries": libraries}, ensure_ascii=False)
        # Half a character is told where it would reach the lock.
        content = text.encode("utf-8", "surrogatepass")
        with suppress(OSError):  # no room: the server is asked for everything again
            self._desk.notes.mkdir(parents=True, exist_ok=True)
            replace_file(self._notes, content)

    # --- finding the files here ---------------------------------------------------------------------

    def _found(self, listings: Iterable[_Listing]) -> Iterator[FoundMedia | Finding]:
        files = LocalFiles(self._collection, self.root)
        unmapped: Counter[str] = Counter()
        mapped = here_now = 0
        items: list[Item] = []
        for listing in listings:
            yield from listing.findings
            items += listing.items.values()
        for item in _merged(items):
            if not item.files:
                if item.no_file:
                    yield Finding(
                        "no-file",
                        self._collection,
                        "",
                        f"{item.series or item.title}: {item.no_file}",
                        help="give the server one plain video file",
                    )
                continue
            here = [inside for file in item.files if (inside := self._inside(file)) is not None]
            if not here:
                unmapped[_top(item.files[0])] += 1
                continue
            mapped += 1
            path = next((at for at in here if is_file(self.root / at)), here[0])
            one = files.media(path, item_fields(item), f"the server has it as {item.files[0]}", _more(item))
            here_now += not isinstance(one, Finding)
            yield one
        if mapped and not here_now:
            yield Finding(
                "not-here",
                self._collection,
                "",
                f"none of {mapped} files that the server has is where it should be here",
                help="is the disk mounted, and are source.path and source.paths right? Till then all stays",
                holds="",
            )
        for top, count in sorted(unmapped.items()):
            yield Finding(
                "unmapped-path",
                self._collection,
                "",
                f"{count} of the server's files are under {top}, and nothing says where that is here",
                help=f"add it to source.paths: {{ {json.dumps(top)}: … }}",
                holds=None if mapped else "",  # a mistake in the maps retires no whole collection
            )

    def _inside(self, file: str) -> PurePosixPath | None:
        """The server's path as one below the root; None when no map fits, or it leads out."""
        said = _slashes(file)
        for theirs, ours in self._maps:
            start = said[: len(theirs)]
            if start == theirs or (_WINDOWS.match(file) and start.casefold() == theirs.casefold()):
                inside = PurePosixPath(ours) / said[len(theirs) :].lstrip("/")
                return None if ".." in inside.parts or "\0" in said else inside
        return None


_NOT_AS_DOCUMENTED = (KeyError, TypeError, ValueError, AttributeError, IndexError, ValidationError)
_ITEMS = TypeAdapter(list[Item])


def _which(error: Exception) -> str:
    """What of an item it is that is not as documented, as far as that can be said."""
    if isinstance(error, ValidationError):
        return f": its {error.errors()[0]['loc'][0]}"
    return f": it has no {error.args[0]}" if isinstance(error, KeyError) else ""


def page_of(items: Any, total: Any) -> Page:
    """Raises ``TypeError`` for what is no list with its length."""
    if not isinstance(items, list) or type(total) is not int or total < 0:
        raise TypeError("no list and its length")
    return Page(items, total)


def _slashes(path: str) -> str:
    return path.replace("\\", "/") if _WINDOWS.match(path) else path


def _maps(paths: Mapping[str, str], root: Path) -> list[tuple[str, str]]:
    """(the server's folder with a slash behind it, ours below the root), the longest first."""
    maps = [(_slashes(theirs).rstrip("/") + "/", ours) for theirs, ours in paths.items()]
    return sorted(maps, key=lambda pair: -len(pair[0])) or [(root.as_posix().rstrip("/") + "/", "")]


def _top(file: str) -> str:
    """The folder of the server that is most likely one of its libraries' own."""
    parts = [part for part in _slashes(file).split("/")[:-1] if part]
    return ("/" if file.startswith("/") else "") + "/".join(parts[:2])


def _merged(items: Iterable[Item]) -> Iterator[Item]:
    """Items without those that are another's file: a server has each episode of one file for itself."""
    by_file: dict[str, list[Item]] = {}
    for number, item in enumerate(items):
        by_file.setdefault(item.files[0] if item.files else f"\0{number}", []).append(item)
    for same in by_file.values():
        first = min(same, key=lambda item: (item.season or 0, item.episode or 0))
        numbers = sorted({item.episode for item in same if item.episode is not None})
        if len(numbers) > 1:
            titles = " / ".join(dict.fromkeys(item.title for item in same if item.title))
            first = first.model_copy(update={"last_episode": numbers[-1], "title": titles})
        yield first


def _more(item: Item) -> str:
    """ "-E04" of a file with the third and fourth episodes."""
    if item.episode is None or item.last_episode is None or item.last_episode - item.episode > _MOST_MORE:
        return ""
    return "".join(f"-E{n:02}" for n in range(item.episode + 1, item.last_episode + 1))


def item_fields(item: Item) -> dict[str, Any]:
    """What a server says of an item, as fields of its asset; what it doesn't say is left out. Pure."""
    fields = {
        name: value
        for name, value in item
        if name in ("title", "series", "season", "episode", "year", "date", "description", "rating")
        and value not in ("", None)
    }
    if item.tags:
        fields["tags"] = item.tags
    if item.credits:
        fields["credits"] = item.credits
    if item.genres:
        fields["extra"] = {"genre": ", ".join(item.genres)}
    return fields
