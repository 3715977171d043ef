"""Ingest: what is in the sources becomes the catalog (the owner's ContentManager).

Discover, look into what is new or changed, keep what is known, retire what is gone. A file that can't be
used becomes a ``Finding`` and never stops the rest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Literal, Protocol

from retrovue.library.absences import Absences
from retrovue.library.adapters import Desk, FoundMedia, SourceGone, open_adapter
from retrovue.library.catalog import Asset, AssetState, Catalog
from retrovue.library.enrichers import Enricher
from retrovue.library.enrichers.probe import snap_asset_marks
from retrovue.library.enrichment import Looked, Steps, enrich, made_by
from retrovue.library.finding import Finding, Unreadable
from retrovue.library.lock import LockError, parse_line, render_line, replace_file
from retrovue.library.loudness import gain_for
from retrovue.library.states import Occasion, next_state
from retrovue.units import HOUR_US
from retrovue.workers import Workers, a_few, threads

#: Files that are looked into at once: disks gain nothing from more.
MOST_AT_ONCE = 4
#: A smaller shortfall of loudness is heard by nobody (dB).
TOLD_SHORTFALL_DB = 1.0


class CollectionLike(Protocol):
    """What ingest needs of ``station.model.Collection``."""

    @property
    def source(self) -> Mapping[str, Any]: ...
    @property
    def approve(self) -> Literal["auto", "manual"]: ...
    @property
    def grace(self) -> int: ...


class Cache:
    """What enrichers found in files that have not changed since; a file in the state directory.

    Deleting it costs time, never truth.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known: dict[str, str] = {}
        self._used: dict[str, str] = {}
        try:
            lines = file.read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError):
            return
        self._known = dict(line.split(" ", 1) for line in lines if " " in line)

    def get(self, fingerprint: str, collection: str) -> Asset | None:
        """The asset as it was after enrichment, or ``None``."""
        if (line := self._known.get(fingerprint)) is None:
            return None
        try:
            asset = parse_line(collection, line)
        except LockError:
            return None
        self._used[fingerprint] = line
        return asset

    def put(self, fingerprint: str, asset: Asset) -> None:
        self._used[fingerprint] = render_line(asset)

    def save(self, whole: bool) -> None:
        """Write it; entries nobody asked for are dropped when the ``whole`` library was gone through."""
        entries = self._used if whole else self._known | self._used
        if entries != self._known:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            text = "".join(f"{fingerprint} {line}\n" for fingerprint, line in sorted(entries.items()))
            replace_file(self._file, text.encode())


@dataclass(frozen=True, slots=True)
class Survey:
    """What the sources hold, before any file is opened."""

    media: tuple[FoundMedia, ...]
    findings: tuple[Finding, ...]
    unreachable: frozenset[str]  #: collections about which nothing may be concluded
    gone: frozenset[str] = frozenset()  #: of these, those whose source could not be reached


@dataclass(frozen=True, slots=True)
class Ingested:
    """The new catalog's assets, and how they came about."""

    assets: tuple[Asset, ...]
    findings: tuple[Finding, ...]
    arrived: tuple[str, ...]  #: ids
    changed: tuple[str, ...]
    retired: tuple[str, ...]
    looked_into: int  #: files that had to be opened
    missing: tuple[str, ...] = ()  #: ids of those whose files are missing, and whose grace lasts


def survey(
    collections: Mapping[str, CollectionLike],
    station_folder: Path,
    previous: Catalog,
    desk: Desk | None = None,
) -> Survey:
    """Walk every source. Raises ``RetroVueError`` for bad adapter settings."""
    media: dict[str, FoundMedia] = {}
    findings: list[Finding] = []
    unreachable: set[str] = set()
    gone: set[str] = set()
    for name in sorted(collections):
        adapter = open_adapter(name, collections[name].source, station_folder, desk)
        count = 0
        try:
            for item in adapter.discover():
                if isinstance(item, Finding):
                    findings.append(item)
                elif (first := media.get(item.asset.id)) is not None:
                    findings.append(
                        Finding(
                            "same-key",
                            name,
                            item.asset.path,
                            f"is left out: {first.asset.path} has the key {item.asset.key!r} already",
                            help="rename one, or give it a key: of its own in a sidecar",
                        )
                    )
                else:
                    media[item.asset.id] = item
                count += 1
        except SourceGone as error:
            findings.append(
                Finding(error.code, name, "", str(error).removeprefix(f"collection {name}: "), error.help)
            )
            gone.add(name)
            continue
        known = any(a.collection == name and a.state is AssetState.READY for a in previous.assets.values())
        if not count and known:
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
    return Survey(tuple(media.values()), tuple(findings), frozenset(unreachable | gone), frozenset(gone))


def ingest(
    surveyed: Survey,
    collections: Mapping[str, CollectionLike],
    enrichers: Sequence[Enricher],
    previous: Catalog,
    cache: Cache,
    on_file: Callable[[str], None] = lambda path: None,
    targets: Iterable[float] = (),
    steps: Steps | None = None,
    workers: Workers | None = None,
    ruled: Callable[[Asset], Asset] = lambda asset: asset,
    absences: Absences | None = None,
) -> Ingested:
    """Look into the surveyed media; ``on_file`` is told each path in its turn.

    ``targets``: the loudness of the station's channels (LUFS); what can't come up to one is told. ``steps``:
    what each enricher found before. ``workers`` do the looking, threads when there are none. ``ruled``: what
    the station's rules make of an asset. ``absences``: since when files have been missing; None: what is
    missing retires at once.
    """
    with ExitStack() as opened:
        workers = workers or opened.enter_context(threads(a_few(MOST_AT_ONCE)))
        return _ingest(
            surveyed,
            collections,
            enrichers,
            previous,
            cache,
            on_file,
            targets,
            steps,
            workers,
            ruled,
            absences,
        )


def _ingest(
    surveyed: Survey,
    collections: Mapping[str, CollectionLike],
    enrichers: Sequence[Enricher],
    previous: Catalog,
    cache: Cache,
    on_file: Callable[[str], None],
    targets: Iterable[float],
    steps: Steps | None,
    workers: Workers,
    ruled: Callable[[Asset], Asset],
    absences: Absences | None,
) -> Ingested:
    findings = list(surveyed.findings)
    assets: dict[str, Asset] = {}
    looked_into = 0
    wanted = sorted(set(targets))
    looks = _looks(surveyed.media, enrichers, cache, steps, workers)
    for media, fingerprint, look in workers.ahead(looks):
        on_file(media.asset.path)
        before = previous.assets.get(media.asset.id)
        try:
            if isinstance(look, Asset):
                enriched = look
            else:
                looked = look.result()
                looked_into += bool(looked.ran)
                enriched = _ready(looked.asset, before)
                cache.put(fingerprint, enriched)
                if steps is not None and looked.ran:
                    steps.keep(media.asset, looked.steps)
        except Unreadable as fault:
            findings.append(
                Finding("unreadable-media", media.asset.collection, media.asset.path, str(fault), fault.help)
            )
            if before is not None:  # one that never was ready is nobody's business
                assets[before.id] = replace(
                    before, state=next_state(AssetState.ENRICHING, Occasion.UNREADABLE)
                )
            continue
        except workers.lost:
            findings.append(
                Finding(
                    "worker-lost",
                    media.asset.collection,
                    media.asset.path,
                    "every worker that looked into it died",
                    help="retrovue ingest with --executor threads:1 says what is wrong with it",
                )
            )
            if before is not None:
                assets[before.id] = before
            continue
        asset, complaint = _finish(enriched, media)
        asset = ruled(asset)
        if complaint:
            findings.append(complaint)
        findings += shortfalls(asset, wanted)
        approved = collections[asset.collection].approve == "auto" or (before is not None and before.approved)
        assets[asset.id] = replace(asset, approved=approved)
    missing: list[str] = []
    taken = {(asset.collection, asset.path) for asset in assets.values()}
    for id_, asset in previous.assets.items():
        if id_ in assets or asset.collection not in collections:
            continue
        stays = asset.collection in surveyed.unreachable or _is_held(asset, surveyed.findings)
        # A file that is another asset now is not missing.
        if not stays and absences is not None and (asset.collection, asset.path) not in taken:
            grace_us = collections[asset.collection].grace
            if asset.state is AssetState.READY and absences.lasting_us(id_) < grace_us:
                stays = True
                missing.append(id_)
                findings.append(
                    Finding(
                        "missing",
                        asset.collection,
                        asset.path,
                        f"is missing; its asset retires when it has been for {grace_us / HOUR_US:g} h",
                        help="until then it stays as it was; grace: in the collection says how long",
                    )
                )
        assets[id_] = asset if stays else replace(asset, state=next_state(asset.state, Occasion.VANISHED))
    return replace(_compare(assets, findings, previous, looked_into), missing=tuple(missing))


def _looks(
    surveyed: Iterable[FoundMedia],
    enrichers: Sequence[Enricher],
    cache: Cache,
    steps: Steps | None,
    workers: Workers,
) -> Iterator[tuple[FoundMedia, str, Asset | Future[Looked]]]:
    """Each file with its fingerprint and the asset that is known of it, or that is being found out."""
    made = made_by(enrichers)
    for media in surveyed:
        fingerprint = _fingerprint(media.asset, made)
        if (known := cache.get(fingerprint, media.asset.collection)) is not None:
            yield media, fingerprint, known
            continue
        found = steps.of(media.asset) if steps is not None else {}
        task = workers.executor.submit(enrich, media.asset, media.location, enrichers, found, made)
        yield media, fingerprint, task


def shortfalls(asset: Asset, targets: Iterable[float]) -> list[Finding]:
    """What of an asset's loudness can't be mended by its gain, for one of the station's targets."""
    for target in targets:
        for track in asset.audio:
            gain = gain_for(track.loudness, track.peak, target)
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


def _fingerprint(asset: Asset, made: Sequence[tuple[str, int]]) -> str:
    """Changes whenever the file, what its name says, or an enricher does."""
    said = repr((asset.collection, render_line(asset), asset.size, asset.mtime_ns, list(made)))
    return hashlib.sha256(said.encode()).hexdigest()


def _is_held(asset: Asset, findings: Iterable[Finding]) -> bool:
    path = PurePosixPath(asset.path)
    return any(
        finding.holds is not None
        and finding.collection == asset.collection
        and path.is_relative_to(PurePosixPath(finding.holds))
        for finding in findings
    )


def _compare(
    assets: Mapping[str, Asset], findings: Iterable[Finding], previous: Catalog, looked_into: int
) -> Ingested:
    arrived, changed, retired = [], [], []
    for id_, asset in assets.items():
        before = previous.assets.get(id_)
        if before is None or (before.state is AssetState.RETIRED and asset.state is AssetState.READY):
            arrived.append(id_)
        elif asset.state is AssetState.RETIRED and before.state is not AssetState.RETIRED:
            retired.append(id_)
        elif render_line(before) != render_line(asset):
            changed.append(id_)
    ordered = sorted(assets.values(), key=lambda asset: asset.id)
    return Ingested(
        tuple(ordered),
        tuple(findings),
        tuple(sorted(arrived)),
        tuple(sorted(changed)),
        tuple(sorted(retired)),
        looked_into,
    )
