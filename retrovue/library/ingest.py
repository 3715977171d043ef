"""Ingest: what is in the sources becomes the catalog (the owner's ContentManager).

Discover, look into what is new or changed, keep what is known, retire what is gone. A file that can't be
used becomes a ``Finding`` and never stops the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, fields, replace
from hashlib import blake2b
from operator import attrgetter
from pathlib import Path, PurePosixPath
from typing import Any, Literal, Protocol

from retrovue import __version__
from retrovue.library.absences import Absences
from retrovue.library.adapters import Desk, FoundMedia, Seeking, Sought, SourceGone, open_adapter
from retrovue.library.catalog import Asset, AssetState
from retrovue.library.enrichers import Enricher
from retrovue.library.enrichment import Looked, look_into, made_by
from retrovue.library.finding import NOT_TAKEN, STAYS, Finding, Stopped, Unreadable
from retrovue.library.identity import as_before, copies, duplicate, moved, revoked
from retrovue.library.known_files import Known, KnownFiles, mtime_of
from retrovue.library.lock import LockError, parse_line
from retrovue.library.lock_lines import LockLines, line_hash, line_of
from retrovue.library.loudness import gain_for
from retrovue.library.marks import snap_asset_marks
from retrovue.library.plugins import kind_of
from retrovue.library.states import Occasion, next_state
from retrovue.units import HOUR_US
from retrovue.workers import Workers, a_few, threads

#: Files that are looked into at once: disks gain nothing from more.
MOST_AT_ONCE = 4
#: A smaller shortfall of loudness is heard by nobody (dB).
TOLD_SHORTFALL_DB = 0.5
#: Raise it when other lines of the lock come of the same files.
_EDITION = 1
#: In every line of an asset whose approval was taken back.
_REVOKED = b'"revoked"'
#: Of a source that doesn't say what it looks for.
_UNSAID = Sought("its source", "retrovue sources says what it has, and what of that the collection takes")
#: Everything that a source can say of an asset.
_SAID = attrgetter(
    *(f.name for f in fields(Asset) if f.name not in ("state", "approved", "revoked", "size", "mtime_ns"))
)


class CollectionLike(Protocol):
    """What ingest needs of ``station.model.Collection``."""

    @property
    def source(self) -> Mapping[str, Any]: ...
    @property
    def holds(self) -> str: ...
    @property
    def approve(self) -> Literal["auto", "manual"]: ...
    @property
    def grace(self) -> int: ...
    @property
    def skip(self) -> Sequence[str]: ...


class Basis:
    """What the assets of a station are made from, besides the files' content: a hash for each."""

    def __init__(
        self,
        collections: Mapping[str, CollectionLike],
        enrichers: Iterable[Enricher] = (),
        targets: Iterable[float] = (),
    ) -> None:
        """``targets``: the loudness of the station's channels (LUFS)."""
        enrichers = tuple(enrichers)
        settings = [getattr(enricher, "settings", None) for enricher in enrichers]
        common = repr((_EDITION, __version__, made_by(enrichers), settings, sorted(set(targets))))
        self._begun = {
            name: blake2b(f"{common}\0{collection!r}".encode(), digest_size=16)
            for name, collection in collections.items()
        }

    def of(self, media: FoundMedia) -> bytes:
        """16 bytes that change whenever anything said of it does, or an enricher."""
        digest = self._begun[media.asset.collection].copy()
        digest.update(repr((_SAID(media.asset), media.written, media.fallback_title)).encode())
        return digest.digest()


@dataclass(frozen=True, slots=True)
class Survey:
    """What the sources hold, before any file is opened."""

    media: tuple[FoundMedia, ...]  #: of which something is new
    findings: tuple[Finding, ...]
    unreachable: frozenset[str]  #: collections about which nothing may be concluded
    gone: frozenset[str] = frozenset()  #: of these, those whose source could not be reached
    known: Mapping[str, str] = field(default_factory=dict)  #: all other media: id → path
    locate: Mapping[str, Callable[[str], Path]] = field(default_factory=dict)  #: by collection: path → file


@dataclass(frozen=True, slots=True)
class Ingested:
    """The new catalog, and how it came about."""

    lock: LockLines
    findings: tuple[Finding, ...]
    arrived: tuple[str, ...]  #: ids
    changed: tuple[str, ...]
    retired: tuple[str, ...]
    looked_into: int  #: files that had to be looked into
    missing: tuple[str, ...] = ()  #: ids of those whose files are missing, and whose grace lasts
    #: What to remember once the lock is written: before, an ingest that is killed would take it for granted.
    then: tuple[tuple[str, str, Known], ...] = ()

    @property
    def assets(self) -> tuple[Asset, ...]:
        """Sorted by id; each is read from its line."""
        return tuple(self.lock[asset_id] for asset_id in sorted(self.lock))


def survey(
    collections: Mapping[str, CollectionLike],
    station_folder: Path,
    previous: LockLines,
    desk: Desk | None = None,
    known: KnownFiles | None = None,
    basis: Basis | None = None,
) -> Survey:
    """Walk every source. Raises ``RetroVueError`` for bad adapter settings.

    A file of which nothing has changed since it was ``known`` needs no further look.
    """
    known, basis = known or KnownFiles(), basis or Basis(collections)
    found: dict[str, str] = {}
    media: list[FoundMedia] = []
    findings: list[Finding] = []
    unreachable: set[str] = set()
    gone: set[str] = set()
    locate: dict[str, Callable[[str], Path]] = {}
    for name in sorted(collections):
        its_desk = replace(desk or Desk(), holds=collections[name].holds)
        adapter = open_adapter(name, collections[name].source, station_folder, its_desk)
        locate[name] = adapter.locate
        count = 0
        try:
            for item in adapter.discover():
                if isinstance(item, Finding):
                    findings.append(item)
                elif (first := found.get(item.asset.id)) is not None:
                    findings.append(
                        Finding(
                            "same-key",
                            name,
                            item.asset.path,
                            f"is left out: {first} has the key {item.asset.key!r} already",
                            help="rename one, or give it a key: of its own in a sidecar",
                        )
                    )
                else:
                    found[item.asset.id] = item.asset.path
                    if not _is_current(item, known, basis, previous):
                        media.append(item)
                # A folder of nothing but trailers is as empty as any.
                count += not (isinstance(item, Finding) and item.code == "extras")
        except SourceGone as error:
            findings.append(
                Finding(error.code, name, "", str(error).removeprefix(f"collection {name}: "), error.help)
            )
            gone.add(name)
            continue
        if count:
            continue
        if any(
            asset_id.startswith(f"{name}/") and previous[asset_id].state is AssetState.READY
            for asset_id in previous
        ):
            findings.append(
                Finding(
                    "source-empty",
                    name,
                    "",
                    "the source is empty, but the lock knows its assets: they stay as they were",
                    help="is the disk mounted? If it is meant to be empty, delete the collection's lock file",
                )
            )
            unreachable.add(name)
        else:
            sought = adapter.sought() if isinstance(adapter, Seeking) else _UNSAID
            message = f"nothing that could air was found in {sought.where}"
            findings.append(Finding("nothing-found", name, "", message, sought.what))
    for called, item in as_before(media, found.keys(), previous).items():
        del found[called]
        found[item.asset.id] = item.asset.path
        media = [one for one in media if one.asset.id != called]
        if not _is_current(item, known, basis, previous):
            media.append(item)
    for item in media:
        del found[item.asset.id]
    unsure = frozenset(unreachable | gone)
    told = tuple(_of_none_yet(findings, previous))
    return Survey(tuple(media), told, unsure, frozenset(gone), found, locate)


def _of_none_yet(findings: Iterable[Finding], previous: LockLines) -> Iterator[Finding]:
    """The findings; where a file never was an asset, none is said to stay as it was."""
    taken: set[tuple[str, str]] | None = None
    for finding in findings:
        if finding.help == STAYS and taken is None:
            taken = {(asset_id.partition("/")[0], path) for asset_id, path in previous.paths()}
        is_new = finding.help == STAYS and (finding.collection, finding.holds or "") not in (taken or ())
        yield replace(finding, help=NOT_TAKEN) if is_new else finding


def _is_current(media: FoundMedia, known: KnownFiles, basis: Basis, previous: LockLines) -> bool:
    """Is its line of the lock what would come of it?"""
    asset = media.asset
    before = known.of(asset.collection, asset.path)
    return before is not None and _is_same(asset, before) and _stands(media, before, basis, previous)


def _stands(media: FoundMedia, before: Known, basis: Basis, previous: LockLines) -> bool:
    """Is its line of the lock what would come of it, if the file's content is what it was?"""
    line = previous.line(media.asset.id) if before.line else None
    return line is not None and line_hash(line) == before.line and basis.of(media) == before.basis


def _is_same(asset: Asset, before: Known) -> bool:
    """Is its file, by all signs, the one that it was?"""
    return asset.size == before.size and mtime_of(asset.mtime_ns) == before.mtime_ns


def ingest(
    surveyed: Survey,
    collections: Mapping[str, CollectionLike],
    enrichers: Sequence[Enricher],
    previous: LockLines,
    known: KnownFiles | None = None,
    on_file: Callable[[str], None] = lambda path: None,
    targets: Iterable[float] = (),
    workers: Workers | None = None,
    ruled: Callable[[Asset], Asset] = lambda asset: asset,
    absences: Absences | None = None,
) -> Ingested:
    """Look into the surveyed media; ``on_file`` is told each path in its turn.

    ``targets``: the loudness of the station's channels (LUFS); what can't come up to one is told. ``known``:
    what is remembered of files. ``workers`` do the looking, threads when there are none. ``ruled``: what the
    station's rules make of an asset. ``absences``: since when files have been missing; None: what is missing
    retires at once.
    """
    with ExitStack() as opened:
        return _Ingest(
            surveyed,
            collections,
            enrichers,
            previous,
            known or KnownFiles(),
            sorted(set(targets)),
            workers or opened.enter_context(threads(a_few(MOST_AT_ONCE))),
            ruled,
        ).run(on_file, absences)


class _Ingest:
    """One ingest, while it goes on."""

    def __init__(
        self,
        surveyed: Survey,
        collections: Mapping[str, CollectionLike],
        enrichers: Sequence[Enricher],
        previous: LockLines,
        known: KnownFiles,
        targets: Sequence[float],
        workers: Workers,
        ruled: Callable[[Asset], Asset],
    ) -> None:
        self._surveyed, self._collections = surveyed, collections
        self._enrichers = {
            name: [e for e in enrichers if kind_of(e.settings_model) not in collection.skip]
            for name, collection in collections.items()
        }
        self._previous, self._known, self._targets = previous, known, targets
        self._workers, self._ruled = workers, ruled
        self._basis = Basis(collections, enrichers, targets)
        self._findings = list(surveyed.findings)
        self._holding = [finding for finding in surveyed.findings if finding.holds is not None]
        self._lines = {id_: line for id_ in surveyed.known if (line := previous.line(id_)) is not None}
        self._arrived: list[str] = []
        self._changed: list[str] = []
        self._retired: list[str] = []
        self._looked_into = 0
        #: Where the sources have a file.
        self._there = {(asset.collection, asset.path) for asset in (one.asset for one in surveyed.media)}
        self._there |= {(asset_id.partition("/")[0], path) for asset_id, path in surveyed.known.items()}
        ours = {one.asset.id for one in surveyed.media} | surveyed.known.keys()
        #: The assets of the lock whose files the sources don't have, and those that are elsewhere now.
        self._lost = {
            asset_id: previous[asset_id]
            for asset_id in previous
            if asset_id not in ours and asset_id.partition("/")[0] in collections
        }
        #: By collection and path, those of them whose files are there, and are called something else now.
        self._renamed = {
            place: asset
            for asset in self._lost.values()
            if asset.state is AssetState.READY and (place := (asset.collection, asset.path)) in self._there
        }
        self._elsewhere: set[str] = set()
        self._unreadable: set[tuple[str, str]] = set()
        self._barred = self._bar()
        self._then: list[tuple[str, str, Known]] = []

    def run(self, on_file: Callable[[str], None], absences: Absences | None) -> Ingested:
        gone, left = self._gone(), self._left()
        for media, look in self._workers.ahead(self._looks()):
            on_file(media.asset.path)
            try:
                looked = look if isinstance(look, Looked) else look.result()
                if looked.settled:
                    self._settle(media, looked.content)
                    continue
                if looked.fault is not None:
                    fault = f"{looked.fault}\0{looked.fault.help}"
                    self._remember(media, Known(0, 0, looked.content, self._basis.of(media), b"", fault))
                    raise looked.fault
            except Stopped as fault:
                self._told_nothing(media, Finding("stopped", *_place(media), str(fault), fault.help))
            except Unreadable as fault:
                self._spoilt(media, fault)
            except self._workers.lost:
                self._told_nothing(
                    media,
                    Finding(
                        "worker-lost",
                        *_place(media),
                        "every worker that looked into it died",
                        help="retrovue ingest with --executor threads:1 says what is wrong with it",
                    ),
                )
            else:
                self._take(media, looked, gone, left)
        several = (self._files_of(group) for group in copies(self._contents()))
        self._findings += (duplicate(group) for group in several if len(group) > 1)
        missing = self._vanished(absences)
        self._forget()
        return self._outcome(missing)

    def _looks(self) -> Iterator[tuple[FoundMedia, Looked | Future[Looked]]]:
        """Each file with what is being found out of it; or with why it can't be used, where that is known."""
        made = {name: made_by(enrichers) for name, enrichers in self._enrichers.items()}
        for media in self._surveyed.media:
            asset, content = media.asset, b""
            before = self._known.of(asset.collection, asset.path)
            if before is not None and _is_same(asset, before):
                content = before.content
                if before.fault and before.basis == self._basis.of(media):
                    message, _, help = before.fault.partition("\0")
                    yield media, Looked(asset, {}, (), content, Unreadable(message, help))
                    continue
            # It is what it was; or, when it may be another, what some other file was.
            may_be = (content,) if content else self._known.alike(asset.size)
            if before is not None and before.size == asset.size:
                may_be = (before.content, *may_be)
            settled = b""
            if before is not None and _stands(media, before, self._basis, self._previous):
                settled = before.content
            steps = {one: found for one in may_be if one != settled and (found := self._known.steps(one))}
            yield (
                media,
                self._workers.executor.submit(
                    look_into,
                    asset,
                    media.location,
                    self._enrichers[asset.collection],
                    steps,
                    made[asset.collection],
                    content,
                    settled,
                ),
            )

    def _gone(self) -> dict[bytes, list[Asset]]:
        """The lock's assets whose files are nowhere now, by what was in these."""
        nowhere = (
            asset
            for asset in self._lost.values()
            if (asset.collection, asset.path) not in self._there and not self._stays(asset)
        )
        return self._by_content(nowhere)

    def _left(self) -> dict[bytes, list[Asset]]:
        """The same of collections that the station doesn't have any more, which is told."""
        others = [id_ for id_ in self._previous if id_.partition("/")[0] not in self._collections]
        for name, count in sorted(Counter(id_.partition("/")[0] for id_ in others).items()):
            self._findings.append(
                Finding(
                    "no-collection",
                    name,
                    "",
                    f"the station has no such collection any more: {count} of its assets leave the lock",
                    help="if it only has another name now, who was approved stays so; as assets they are new",
                )
            )
        return self._by_content(self._previous[id_] for id_ in others)

    def _by_content(self, assets: Iterable[Asset]) -> dict[bytes, list[Asset]]:
        found: dict[bytes, list[Asset]] = {}
        for asset in assets:
            before = self._known.of(asset.collection, asset.path)
            if before is not None and before.content and not before.fault:
                found.setdefault(before.content, []).append(asset)
        return found

    def _bar(self) -> Mapping[bytes, str]:
        """The contents whose approval was taken back, with the asset that had them then."""
        barred: dict[str, bytes] = {}
        before = self._known.barred()
        for id_ in self._previous:
            if (
                _REVOKED not in (self._previous.line(id_) or b"")
                or not (asset := self._previous[id_]).revoked
            ):
                continue
            known = self._known.of(asset.collection, asset.path)
            if content := before.get(id_) or (known.content if known is not None else b""):
                barred[id_] = content
        self._known.bar(barred)
        return {content: id_ for id_, content in sorted(barred.items(), reverse=True)}

    def _is_barred(
        self, content: bytes, were: Iterable[Asset | None], gone: Mapping[bytes, list[Asset]]
    ) -> bool:
        """Does what a person has barred come under another name, or in another file's place?

        ``were``: what the file may have been until now. What had this content, and was not barred with it, is
        an asset of which the person said nothing.
        """
        if content not in self._barred:
            return False
        # Of several that are gone one was barred: which of them came here nobody can tell.
        unsure = any(other.revoked for other in gone.get(content, ()))
        return not any(
            was is not None
            and not (unsure and was.id in self._elsewhere)
            and was.state is AssetState.READY
            and not was.revoked
            and (known := self._known.of(was.collection, was.path)) is not None
            and known.content == content
            for was in were
        )

    def _take(
        self,
        media: FoundMedia,
        looked: Looked,
        gone: dict[bytes, list[Asset]],
        left: Mapping[bytes, Sequence[Asset]],
    ) -> None:
        """The file is an asset."""
        if (wrong := _unkeepable(_finish(_ready(looked.asset, None), media)[0])) is not None:
            self._told_nothing(media, wrong)
            return
        before = self._previous.get(media.asset.id)
        found, collection = looked.asset, self._collections[media.asset.collection]
        approved = collection.approve == "auto"
        seen = before  # by a person
        if before is None and (other := _pop(gone, looked.content, media.asset.path)) is not None:
            is_that, told = moved(found, other)
            self._findings += [told] if told else []
            self._elsewhere.add(other.id)
            seen = other  # this very content
            if is_that:
                before, found = other, replace(found, key=other.key)
                media = replace(media, asset=replace(media.asset, key=other.key))
        elif before is None:
            seen = self._renamed.get(_place(media)) or next(iter(left.get(looked.content, ())), None)
        self._looked_into += bool(looked.ran)
        asset, complaint = _finish(_ready(found, before), media)
        asset = self._ruled(asset)
        if seen is not None:
            approved = seen.approved or (approved and not seen.revoked)
            asset = replace(asset, revoked=seen.revoked)
        if barred := self._is_barred(looked.content, (before, seen), gone):
            if seen is None or not seen.revoked:
                self._findings.append(revoked(asset, self._barred[looked.content]))
            approved, asset = False, replace(asset, revoked=True)
        asset = replace(asset, approved=approved)
        line = line_hash(self._put(asset, before))
        told_each_time = [*([complaint] if complaint else []), *shortfalls(asset, self._targets)]
        self._findings += told_each_time
        basis = self._basis.of(media)
        self._remember(
            media, Known(0, 0, looked.content, basis, b"" if told_each_time else line), later=barred
        )
        if looked.ran:
            self._known.keep(looked.content, looked.steps)

    def _settle(self, media: FoundMedia, content: bytes) -> None:
        """The file was touched, and nothing else."""
        asset = media.asset
        before, line = self._known.of(asset.collection, asset.path), self._previous.line(asset.id)
        assert before is not None
        assert line is not None
        self._lines[asset.id] = line
        self._remember(media, before._replace(content=content))

    def _put(self, asset: Asset, before: Asset | None) -> bytes:
        """It goes into the lock: its line."""
        line = self._lines[asset.id] = line_of(asset)
        if before is None or (before.state is AssetState.RETIRED and asset.state is AssetState.READY):
            self._arrived.append(asset.id)
        elif asset.state is AssetState.RETIRED and before.state is not AssetState.RETIRED:
            self._retired.append(asset.id)
        elif self._previous.line(asset.id) != line:
            self._changed.append(asset.id)
        return line

    def _remember(self, media: FoundMedia, known: Known, later: bool = False) -> None:
        asset = media.asset
        now = known._replace(size=asset.size, mtime_ns=mtime_of(asset.mtime_ns))
        if later:
            self._then.append((asset.collection, asset.path, now))
        elif now != self._known.of(asset.collection, asset.path):
            self._known.remember(asset.collection, asset.path, now)

    def _spoilt(self, media: FoundMedia, fault: Unreadable) -> None:
        self._unreadable.add(_place(media))
        self._findings.append(Finding("unreadable-media", *_place(media), str(fault), fault.help))
        before = self._previous.get(media.asset.id)
        if before is not None:  # one that never was ready is nobody's business
            state = next_state(AssetState.ENRICHING, Occasion.UNREADABLE)
            self._put(replace(before, state=state), before)

    def _told_nothing(self, media: FoundMedia, finding: Finding) -> None:
        """Whoever looked into the file was ended: about the file that says nothing."""
        self._unreadable.add(_place(media))
        self._findings.append(finding)
        self._holding += [finding] if finding.holds is not None else []
        before = self._previous.get(media.asset.id)
        if before is not None:
            self._put(before, before)

    def _contents(self) -> Iterator[tuple[str, str, bytes]]:
        """Collection, path and fingerprint of every file that can be used."""
        later = {(collection, path): known for collection, path, known in self._then}
        for collection, path in sorted(self._there - self._unreadable):
            known = later.get((collection, path)) or self._known.of(collection, path)
            if known is not None and known.content:
                yield collection, path, known.content

    def _files_of(self, group: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """Those of ``group`` that are files of their own: a link, or another collection's view, is none."""
        found: dict[object, tuple[str, str]] = {}
        for collection, path in group:
            file: object = (collection, path)
            if (locate := self._surveyed.locate.get(collection)) is not None:
                with suppress(OSError, ValueError):
                    status = locate(path).stat()
                    file = (status.st_dev, status.st_ino)
            found.setdefault(file, (collection, path))
        return list(found.values())

    def _stays(self, asset: Asset) -> bool:
        """May nothing be concluded of its absence?"""
        return asset.collection in self._surveyed.unreachable or _is_held(asset, self._holding)

    def _vanished(self, absences: Absences | None) -> tuple[str, ...]:
        """What becomes of assets whose files are not there; ids of those whose grace lasts."""
        missing: list[str] = []
        for id_, asset in self._lost.items():
            if id_ in self._lines:
                continue
            stays = self._stays(asset)
            # A file that is another asset now is not missing.
            known_of = id_ in self._elsewhere or (asset.collection, asset.path) in self._there
            if not stays and absences is not None and not known_of:
                grace_us = self._collections[asset.collection].grace
                if asset.state is AssetState.READY and absences.lasting_us(id_) < grace_us:
                    stays = True
                    missing.append(id_)
                    self._findings.append(
                        Finding(
                            "missing",
                            asset.collection,
                            asset.path,
                            f"is missing; its asset retires when it has been for {grace_us / HOUR_US:g} h",
                            help="until then it stays as it was; grace: in the collection says how long",
                        )
                    )
            state = asset.state if stays else next_state(asset.state, Occasion.VANISHED)
            self._put(replace(asset, state=state), asset)
        return tuple(missing)

    def _forget(self) -> None:
        """Files that are neither there nor the lock's."""
        if not self._surveyed.unreachable:
            kept = self._there | {(asset.collection, asset.path) for asset in self._lost.values()}
            self._known.forget([(c, path) for c, path, _ in self._known if (c, path) not in kept])

    def _outcome(self, missing: tuple[str, ...]) -> Ingested:
        # What is wrong with one NFO of a series holds each of its episodes, and is told once.
        told = {(f.code, f.collection, f.path, f.message): f for f in reversed(self._findings)}
        return Ingested(
            LockLines(self._lines),
            tuple(reversed(told.values())),
            tuple(sorted(self._arrived)),
            tuple(sorted(self._changed)),
            tuple(sorted(self._retired)),
            self._looked_into,
            missing,
            tuple(self._then),
        )


def shortfalls(asset: Asset, targets: Iterable[float]) -> list[Finding]:
    """What of an asset's loudness can't be mended by its gain, for one of the station's targets."""
    for target in targets:
        for track in asset.audio:
            gain = gain_for(track.loudness, track.peak, target, track.lost)
            if not track.commentary and gain.shortfall_db >= TOLD_SHORTFALL_DB:
                return [
                    Finding(
                        "too-quiet",
                        asset.collection,
                        asset.path,
                        f"airs {gain.shortfall_db:.1f} dB quieter than {target:g} LUFS: "
                        f"it has {track.loudness:g} LUFS and peaks of {track.peak or 0:g} dBTP",
                        help="a louder copy of it, or one whose peaks are less high",
                    )
                ]
    return []


def _pop(gone: dict[bytes, list[Asset]], content: bytes, path: str) -> Asset | None:
    """Take out an asset that had this content; of several the one whose file was called so."""
    if not (others := gone.get(content)):
        return None
    name = PurePosixPath(path).name
    chosen = next((one for one in others if PurePosixPath(one.path).name == name), others[0])
    others.remove(chosen)
    return chosen


def _place(media: FoundMedia) -> tuple[str, str]:
    return media.asset.collection, media.asset.path


def _ready(asset: Asset, before: Asset | None) -> Asset:
    """What was looked into, through the states that it went through meanwhile."""
    state = next_state(before.state if before else AssetState.NEW, Occasion.BEGIN)
    return replace(asset, state=next_state(state, Occasion.ENRICHED))


def _finish(asset: Asset, media: FoundMedia) -> tuple[Asset, Finding | None]:
    """What a person wrote wins; marks fall between frames; everything has a title or a series."""
    asset = replace(asset, **media.written)
    if not asset.title and not asset.series:
        asset = replace(asset, title=media.fallback_title)
    outside = [mark for mark in asset.marks_us if not 0 < mark < asset.duration_us]
    complaint = None
    if outside:
        complaint = Finding(
            "mark-outside",
            asset.collection,
            asset.path,
            f"{len(outside)} of its marks lie outside its {asset.duration_us / 1e6:.1f} s and are left out",
        )
    return snap_asset_marks(asset), complaint


def _unkeepable(asset: Asset) -> Finding | None:
    """Why a line of the lock can't hold it: whoever read the lock would stumble over that line."""
    try:
        parse_line(asset.collection, line_of(asset).decode(), "what is said of it")
    except UnicodeEncodeError:
        why = "what is said of it: there is half a character (a lone surrogate) in it"
    except LockError as error:
        why = str(error)
    else:
        return None
    return Finding(
        "bad-fields",
        asset.collection,
        asset.path,
        why,
        help="mend it where it is said, or in a sidecar",
        holds=asset.path,  # by its key it may be another asset now, if that is what is wrong
    )


def _is_held(asset: Asset, findings: Iterable[Finding]) -> bool:
    path = PurePosixPath(asset.path)
    return any(
        finding.holds is not None
        and finding.collection == asset.collection
        and path.is_relative_to(PurePosixPath(finding.holds))
        for finding in findings
    )
