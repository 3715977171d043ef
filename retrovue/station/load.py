"""A station folder becomes one validated ``StationModel``, or every mistake in it at once.

``load_station`` never raises for what a user wrote: syntax, values and references all come back as
diagnostics in the order of file and line.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from retrovue.diagnostics import Diagnostic, Label, Severity, Span
from retrovue.diagnostics.codes import helped
from retrovue.errors import RetroVueError
from retrovue.garbage import no_search_for_garbage
from retrovue.small_file import is_file, is_folder
from retrovue.station import check
from retrovue.station.document import Document, Scalar, moved_mapping, plain
from retrovue.station.document import Mapping as MappingNode
from retrovue.station.document import Sequence as SequenceNode
from retrovue.station.files import SUFFIXES, TEMPLATES, linked_folders, readable, station_files
from retrovue.station.model import (
    BUILT_IN_OVERLAYS,
    BUILT_IN_SYNTHETICS,
    BreakFormat,
    Channel,
    Collection,
    Live,
    Overlay,
    Plan,
    Pool,
    Program,
    Spot,
    Station,
    StationModel,
    Synthetic,
    Virtual,
    Written,
)
from retrovue.station.numbers import number_order
from retrovue.station.suggest import closest, did_you_mean
from retrovue.station.tree_cache import SMALL, TreeCache
from retrovue.station.validate import Validated, validate

_M = TypeVar("_M", bound=Written)

#: noun → its model, in the order a newcomer meets them.
NOUNS: dict[str, type[Written]] = {
    "station": Station,
    "channel": Channel,
    "plan": Plan,
    "program": Program,
    "virtual": Virtual,
    "collection": Collection,
    "pool": Pool,
    "spot": Spot,
    "break_format": BreakFormat,
    "overlay": Overlay,
    "synthetic": Synthetic,
    "live": Live,
}

#: Where a station keeps the cards that it draws its own way, and what they end in.
CARDS, _CARD = "templates/", ".svg"
#: A larger file is no station file (bytes).
MAX_FILE = 4_000_000


@dataclass(frozen=True)
class Loaded:
    """The outcome of loading: ``model`` is None when there is any error."""

    model: StationModel | None
    diagnostics: tuple[Diagnostic, ...]
    sources: Mapping[str, str]  #: file (relative to the station folder) → its text


class StationErrors(RetroVueError):
    """The station can't be used; ``loaded`` has every diagnostic."""

    def __init__(self, folder: Path, loaded: Loaded) -> None:
        from retrovue.diagnostics.render import render, summary

        shown = [d for d in loaded.diagnostics if d.severity is Severity.ERROR]
        super().__init__(
            f"the station in {folder} has {summary(shown)}\n" + render(shown, loaded.sources, "concise"),
            help=f"retrovue check {folder} shows each with its place and what to do",
        )
        self.loaded = loaded


def require_station(
    folder: Path,
    adapters: Mapping[str, type[BaseModel]] | None = None,
    enrichers: Set[str] | None = None,
) -> StationModel:
    """The station's model. Raises ``StationErrors`` (a ``RetroVueError``) when it has any error."""
    loaded = load_station(folder, adapters, enrichers=enrichers)
    if loaded.model is None:
        raise StationErrors(folder, loaded)
    return loaded.model


@no_search_for_garbage()
def load_station(
    folder: Path,
    adapters: Mapping[str, type[BaseModel]] | None = None,
    caches: Path | None = None,
    enrichers: Set[str] | None = None,
    catalog: bool = False,
) -> Loaded:
    """Load and check a station folder.

    ``adapters`` maps the ``kind`` of a collection's source to the settings model it is checked with;
    None leaves sources unchecked. ``caches`` is a folder in which a large station's trees are kept between
    two commands; None keeps nothing. ``enrichers``: their kinds; None leaves what is skipped unchecked.
    ``catalog``: look whether the catalog lock has what is asked of it.
    """
    if not folder.is_dir():
        help = "that is a file: name the folder it is in" if folder.is_file() else ""
        return Loaded(None, (_error("no-folder", f"there is no folder {folder}", None, help),), {})
    sources: dict[str, str] = {}
    digest = hashlib.sha256()
    diagnostics: list[Diagnostic] = []
    documents: list[Document] = []
    declared: list[tuple[str, str]] = []
    found = list(station_files(folder))
    _read_all(found, sources, diagnostics, declared)
    diagnostics += map(_not_followed, linked_folders(folder))
    cards: dict[str, str] = {}
    _read_all(_card_files(folder), cards, diagnostics, declared)
    if cards:
        from retrovue.station.card import card_rules  # here: most stations draw none of their own

        diagnostics += (d for name, text in cards.items() for d in card_rules(name, text, CARDS))
    cache = TreeCache(caches if sum(map(len, sources.values())) >= SMALL else None, folder)
    _parse_all(sources, cache, documents, diagnostics, declared)
    included = list(_included(folder, documents, {_real(path) for _, path in found}, diagnostics))
    more: dict[str, str] = {}
    _read_all(included, more, diagnostics, declared)
    _parse_all(more, cache, documents, diagnostics, declared)
    sources |= more | cards
    _render_all(sources, cache, documents, diagnostics, declared)
    cache.save()
    validated: list[Validated] = []
    for document in documents:
        noun = _noun(document, diagnostics, declared)
        if noun is not None:
            validated.append(validate(document, noun, NOUNS[noun]))
    outside = _media_folders(folder, validated)
    if outside:
        sources = {n: t for n, t in sources.items() if not _inside(n, outside)}
        validated = [v for v in validated if not _inside(v.document.file, outside)]
        diagnostics = [d for d in diagnostics if d.span is None or not _inside(d.span.file, outside)]
    for name, source in sorted(sources.items()):
        digest.update(f"{name}\0{len(source)}\0{source}\0".encode())
    for v in validated:
        diagnostics += v.diagnostics
    found_by_rules = check.check(folder, validated, declared, adapters, enrichers, not diagnostics, catalog)
    if any(d.code.startswith("template-") for d in diagnostics):
        # What a broken template would have made is not there: that is one mistake, and told.
        found_by_rules = [d for d in found_by_rules if d.code not in _FOLLOWS]
    diagnostics += found_by_rules
    ordered = tuple(sorted(map(helped, dict.fromkeys(diagnostics)), key=place_of))
    model = None
    if not any(d.severity is Severity.ERROR for d in ordered):
        templates = {name.removeprefix(CARDS): text for name, text in sorted(cards.items())}
        model = _assemble([v.model for v in validated], folder, digest.hexdigest(), templates)
    return Loaded(model, ordered, sources)


#: What is found, too, when a template that should have defined something could not be rendered.
_FOLLOWS = frozenset({"unknown-reference", "no-channel", "no-station", "promo-never-true", "unknown-season"})


def _not_followed(name: str) -> Diagnostic:
    return Diagnostic(
        Severity.WARNING,
        "linked-folder",
        f"{name}/ is a link to another folder: its YAML is not read",
        Span(name, 1, 1, 1, 1),
        help="move the folder here, or name it under the station's include",
    )


def _read_all(
    files: Iterable[tuple[str, Path]],
    sources: dict[str, str],
    diagnostics: list[Diagnostic],
    declared: list[tuple[str, str]],
) -> None:
    for name, path in files:
        if (content := _read(name, path, diagnostics, declared)) is not None:
            sources[name] = content


def _parse_all(
    sources: Mapping[str, str],
    cache: TreeCache,
    documents: list[Document],
    diagnostics: list[Diagnostic],
    declared: list[tuple[str, str]],
) -> None:
    """Every file that is no template."""
    for name, content in sources.items():
        if not name.endswith(TEMPLATES):
            parsed = cache.parse(name, content)
            diagnostics += parsed.diagnostics
            documents += parsed.documents
            for chunk in parsed.unparsed:
                declared += _salvage(name, chunk)


def _render_all(
    sources: Mapping[str, str],
    cache: TreeCache,
    documents: list[Document],
    diagnostics: list[Diagnostic],
    declared: list[tuple[str, str]],
) -> None:
    """Every template, with the ``vars`` of the station; places lead back to what the operator wrote."""
    templates = {name: content for name, content in sources.items() if name.endswith(TEMPLATES)}
    if not templates:
        return
    from retrovue.station.template import render, values_of  # here: most stations have none

    variables = next(
        (d.root.entries["vars"][1] for d in documents if {"station", "vars"} <= d.root.entries.keys()), None
    )
    values = values_of(plain(variables)) if isinstance(variables, MappingNode) else {}
    for name, content in templates.items():
        rendered = render(name, content, values)
        if isinstance(rendered, Diagnostic):
            diagnostics.append(rendered)
            continue
        parsed = cache.parse(name, rendered.text)
        for d in parsed.diagnostics:
            labels = tuple(Label(rendered.back(label.span), label.text) for label in d.labels)
            span = rendered.back(d.span) if d.span is not None else None
            diagnostics.append(replace(d, span=span, labels=labels))
        documents += (Document(name, moved_mapping(d.root, rendered.back)) for d in parsed.documents)
        for chunk in parsed.unparsed:
            declared += _salvage(name, chunk)


def _included(
    folder: Path, documents: Iterable[Document], known: set[Path], diagnostics: list[Diagnostic]
) -> Iterator[tuple[str, Path]]:
    """(name relative to the station folder, path) of the files that ``include`` brings in."""
    root = _repository(_real(folder))
    for document in documents:
        entry = document.root.entries.get("include") if "station" in document.root.entries else None
        if entry is None:
            continue
        wanted = entry[1].items if isinstance(entry[1], SequenceNode) else (entry[1],)
        for node in wanted:
            if not isinstance(node, Scalar) or not node.text:
                continue  # validation tells it
            target = folder / node.text
            try:
                inside = _real(target).is_relative_to(root)
                files = [(_name(folder, target / n), p) for n, p in station_files(target)]
                if target.is_file():
                    files = [(_name(folder, target), target)]
                exists = target.exists()
            except (OSError, ValueError):
                inside, exists, files = True, False, []
            if not inside:
                help = f"the repository begins at {root.name}/: nothing above it can be included"
                diagnostics.append(
                    _error("bad-include", f"“{node.text}” lies outside the repository", node.span, help)
                )
                continue
            if not exists or (target.is_file() and not target.name.endswith((*SUFFIXES, *TEMPLATES))):
                headline = f"there is no YAML at “{node.text}”"
                diagnostics.append(
                    _error("bad-include", headline, node.span, "paths are relative to the station folder")
                )
                continue
            for name, path in files:
                resolved = _real(path)
                if resolved not in known and resolved.is_relative_to(root):
                    known.add(resolved)
                    yield name, path


def _repository(folder: Path) -> Path:
    """The nearest folder with a .git, else the one that holds the station folder."""
    gits = ((above, above / ".git") for above in (folder, *folder.parents))
    return next((above for above, git in gits if is_folder(git) or is_file(git)), folder.parent)


def _real(path: Path) -> Path:
    """Where ``path`` leads; unlike ``resolve()`` this raises nothing for links that go round in circles."""
    return Path(os.path.realpath(path))


def _name(folder: Path, path: Path) -> str:
    return readable(Path(os.path.relpath(path, folder)))


def _read(
    name: str, path: Path, diagnostics: list[Diagnostic], declared: list[tuple[str, str]]
) -> str | None:
    start = Span(name, 1, 1, 1, 1)
    help = ""
    try:
        if not path.is_file():
            raise OSError("it is no regular file")
        if path.stat().st_size > MAX_FILE:
            help = "split it, or move it out of the folder if it is no station YAML"
            raise OSError(f"it is larger than {MAX_FILE // 1_000_000} MB")
        data = path.read_bytes()
    except OSError as error:
        headline = f"{name} can't be read: {error.strerror or error}"
        diagnostics.append(_error("unreadable-file", headline, start, help))
        declared += _salvage(name, "")
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        declared += _salvage(name, data.decode("utf-8", "replace"))
        before = data[: error.start].decode("utf-8", "replace")
        line = before.count("\n") + 1
        column = len(before) - (before.rfind("\n") + 1) + 1
        diagnostics.append(
            _error(
                "not-utf8",
                f"byte 0x{data[error.start]:02X} is not UTF-8",
                Span(name, line, column, line, column + 1),
                help="save the file as UTF-8",
            )
        )
        return None


def _noun(document: Document, diagnostics: list[Diagnostic], declared: list[tuple[str, str]]) -> str | None:
    entries = document.root.entries
    named = [key for key in entries if key in NOUNS]
    if len(named) == 1:
        return named[0]
    for key, (_, value) in entries.items():
        meant = key if key in NOUNS else closest(key, NOUNS)
        if meant is not None and isinstance(value, Scalar) and value.text:
            declared.append((meant, value.text))
    if named:
        first, second = named[0], named[1]
        free = [field for field in NOUNS[first].model_fields if field not in entries]
        if all(did_you_mean(other, free) for other in named[1:]):
            return first  # “overlay: bug” in a program: a slip of the pen, not a second document
        diagnostics.append(
            Diagnostic(
                Severity.ERROR,
                "several-nouns",
                f"one document can't be both a {first} and a {second}",
                entries[second][0],
                labels=(Label(entries[first][0], "first noun here"),),
                help="put “---” between two documents",
            )
        )
        return None
    near = next((k for k in entries if did_you_mean(k, NOUNS)), None)
    place = entries[near][0] if near is not None else document.root.head()
    help = did_you_mean(near, NOUNS) if near is not None else f"one of: {', '.join(NOUNS)}"
    diagnostics.append(_error("no-noun", "no key says what this document is", place, help=help))
    return None


def _salvage(name: str, chunk: str) -> list[tuple[str, str]]:
    """What an unreadable document was going to define, so that references to it aren't mistakes too."""
    pattern = rf"^({'|'.join(NOUNS)}):[ \t]*[\"']?([a-z0-9-]+)"
    found = [(m[1], m[2]) for m in re.finditer(pattern, chunk, re.MULTILINE)]
    return found or ([("station", "?")] if name == "station.yaml" else [])


def _media_folders(folder: Path, validated: Iterable[Validated]) -> tuple[str, ...]:
    """Collections' own folders inside the station folder, relative, with a trailing slash."""
    root = folder.resolve()
    found = []
    for v in validated:
        source = v.document.root.entries.get("source") if v.noun == "collection" else None
        if source is None or isinstance(source[1], Scalar):
            continue
        path = getattr(source[1], "entries", {}).get("path")
        if path is None or not isinstance(path[1], Scalar) or not path[1].text:
            continue
        try:
            inside = Path(os.path.normpath(root / path[1].text)).relative_to(root).as_posix()
        except ValueError:
            continue  # somewhere else on the machine
        if inside != ".":
            found.append(inside + "/")
    return tuple(found)


def _inside(name: str, folders: tuple[str, ...]) -> bool:
    return name.startswith(folders)


def _card_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """(name, path) of the station's own cards; what lies outside its folder is none of its own."""
    root = os.path.realpath(folder)
    for here, folders, files in os.walk(folder / CARDS):
        folders.sort()
        for file in sorted(f for f in files if f.endswith(_CARD)):
            path = Path(here, file)
            if path.is_file() and Path(os.path.realpath(path)).is_relative_to(root):
                yield path.relative_to(folder).as_posix(), path


def _assemble(
    models: Iterable[Written | None], folder: Path, sources_hash: str, templates: Mapping[str, str]
) -> StationModel:
    found = list(models)
    (station,) = _named(Station, found).values()
    programs = _named(Program, found)
    lives = _named(Live, found)
    channels = sorted(_named(Channel, found).values(), key=lambda c: number_order(c.number))
    # Constructed, not validated again: the parts are valid, and copies would lose their places.
    return StationModel.model_construct(
        station=station,
        channels=tuple(channels),
        plans=_named(Plan, found),
        programs={slug: _with_premiere(program, programs) for slug, program in programs.items()},
        virtuals=_named(Virtual, found),
        collections=_named(Collection, found),
        pools=_named(Pool, found),
        spots=_named(Spot, found),
        break_formats=_named(BreakFormat, found),
        overlays={**BUILT_IN_OVERLAYS, **_named(Overlay, found)},
        synthetics={
            **BUILT_IN_SYNTHETICS,
            **_named(Synthetic, found),
            **{slug: live.as_synthetic() for slug, live in lives.items()},
        },
        lives=lives,
        templates=templates,
        folder=folder,
        sources_hash=sources_hash,
    )


#: What a rerun takes from its premiere when it says nothing of its own.
_OF_THE_PREMIERE = ("chain", "title", "description", "categories", "rating")


def _with_premiere(program: Program, programs: Mapping[str, Program]) -> Program:
    """A rerun with what its premiere (or that one's premiere) says for it."""
    said: dict[str, object] = {}
    above = program
    while above.rerun_of is not None:  # no cycles: the rules have looked
        above = programs[above.rerun_of]
        for field in _OF_THE_PREMIERE:
            if not getattr(program, field) and field not in said and getattr(above, field):
                said[field] = getattr(above, field)
    return program.model_copy(update=said) if said else program


def _named(kind: type[_M], models: Iterable[Written | None]) -> dict[str, _M]:
    """The models of one noun by slug, in order of slug."""
    noun = next(noun for noun, model in NOUNS.items() if model is kind)
    chosen = {getattr(m, noun): m for m in models if isinstance(m, kind)}
    return dict(sorted(chosen.items()))


def place_of(d: Diagnostic) -> tuple[str, int, int, str]:
    """Sorts diagnostics by file and line."""
    return (d.span.file, d.span.line, d.span.column, d.code) if d.span else ("", 0, 0, d.code)


def _error(code: str, headline: str, span: Span | None, help: str = "") -> Diagnostic:
    return Diagnostic(Severity.ERROR, code, headline, span, help=help)
