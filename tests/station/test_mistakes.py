"""Every mistake the station language knows: one small file that makes it, and the exact place it is told.

In each text the place is marked: «…» is the span that must be told, and nothing else may be.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from retrovue.diagnostics import Diagnostic
from retrovue.diagnostics.codes import CODES
from retrovue.station.load import load_station
from tests.laws.tree import ROOT
from tests.station.build import STATION, load, write

CHANNEL = "name: X\nplans: [daily]\n"
ZONE = "plan: p\nzones:\n  - zone: A\n    window: 06:00-12:00\n    play: [slate]\n"

#: (code, text of a file beside a sound station.yaml)
MISTAKES = [
    ("yaml-syntax", "program: x\ntitle: Star Trek«:» Voyager\n"),
    ("yaml-syntax", "program: x\nchain: «[»{synthetic: slate}\n\n"),
    ("yaml-syntax", "program: x\ntitle: «*»nothing\n"),
    ("yaml-syntax", "program: x\ntitle: bad «\x07»bell\n"),
    ("yaml-syntax", "program: x\ntitle: «@»home\n"),
    ("yaml-tab", "program: x\nchain:\n«\t»- synthetic: slate\n"),
    ("yaml-depth", "program: x\nchain: " + "[" * 40 + "«[]»" + "]" * 40 + "\n"),
    ("yaml-alias", "program: x\nchain: «&a [*a]»\n"),
    ("yaml-alias", "program: x\n«<<»: word\nchain: [{synthetic: slate}]\n"),
    ("yaml-tag", "program: x\ntitle: «!secret y»\nchain: [{synthetic: slate}]\n"),
    ("duplicate-key", "program: x\ntitle: A\n«title»: B\nchain: [{synthetic: slate}]\n"),
    ("empty-document", "«»"),
    ("empty-document", "# only a remark\n"),
    ("not-a-mapping", "«- program\n- x»\n"),
    ("not-a-mapping", "program: x\n? «[a, b]»\n: c\nchain: [{synthetic: slate}]\n"),
    ("not-a-mapping", "«just a sentence»\n"),
    ("no-noun", "«title: Nothing»\nchain: []\n"),
    ("no-noun", "«progam»: x\nchain: []\n"),
    ("several-nouns", "program: x\nchain: [{synthetic: slate}]\n«plan»: y\n"),
    ("several-stations", "station: «other»\nname: B\ntimezone: UTC\n"),
    ("duplicate-slug", "plan: «daily»\nzones: [{zone: A, window: 06:00-12:00, play: [slate]}]\n"),
    (
        "duplicate-slug",
        "program: x\nchain: [{synthetic: slate}]\n---\nsynthetic: «x»\nshows: card\n",
    ),
    ("duplicate-number", f'channel: c\nnumber: «"5.1"»\n{CHANNEL}'),
    ("duplicate-number", f"channel: c\nnumber: «05.1»\n{CHANNEL}"),
    ("duplicate-vchannel", f"channel: c\nnumber: «501»\n{CHANNEL}"),
    ("duplicate-vchannel", f"channel: c\nnumber: 9\nvchannel: «501»\n{CHANNEL}"),
    ("out-of-range", f"channel: c\nnumber: «9999.1»\n{CHANNEL}"),
    ("out-of-range", f"channel: c\nnumber: 9\nvchannel: «70000»\n{CHANNEL}"),
    ("out-of-range", "plan: p\nzones: «[]»\n"),
    ("unknown-key", "plan: p\n«prioritty»: 3\nzones: [{zone: A, window: 06:00-12:00, play: [slate]}]\n"),
    ("unknown-key", ZONE + "    «blead»: allow\n"),
    ("unknown-key", ZONE.replace("[slate]", "[{program: slate, «mod»: random}]")),
    ("unknown-key", "program: x\nchain: [{bumper: {«colection»: y}}]\n"),
    ("unknown-key", "program: x\nchain: [{«episode»: {}}]\n"),
    ("missing-key", "«channel: c»\nnumber: 9\nplans: [daily]\n"),
    ("missing-key", "plan: p\nzones:\n  - «zone: A»\n    play: [slate]\n"),
    ("missing-key", "plan: p\nzones: [«{zone: A, play: [slate]}»]\n"),
    ("missing-key", ZONE.replace("[slate]", "[«{mode: random}»]")),
    ("wrong-type", "channel: c\nnumber: 9\nname: X\nplans: «daily»\n"),
    ("wrong-type", f"channel: c\nnumber: 9\nformat: «big»\n{CHANNEL}"),
    ("wrong-type", f"channel: c\nnumber: 9\nvchannel: «nine»\n{CHANNEL}"),
    ("wrong-type", "channel: c\nnumber: 9\n«name»:\nplans: [daily]\n"),
    ("wrong-type", ZONE.replace("slate", "«[slate]»")),
    ("wrong-type", "program: x\nchain: [{synthetic: slate}]\nmode: «[random]»\n"),
    (
        "wrong-type",
        "plan: p\nwhen: {days: «{mon: yes}»}\nzones: [{zone: A, window: 06:00-12:00, play: [slate]}]\n",
    ),
    ("bad-value", f"channel: c\nnumber: «five»\n{CHANNEL}"),
    ("bad-value", f"channel: c\nnumber: 9\ngrid: «30 minutes»\n{CHANNEL}"),
    ("bad-value", f"channel: c\nnumber: 9\nbroadcast_day_start: «25:00»\n{CHANNEL}"),
    ("bad-value", ZONE.replace("06:00-12:00", "«06:00»")),
    ("bad-value", ZONE + "    at: {«noon»: slate}\n"),
    ("bad-value", ZONE.replace("[slate]", "[{program: slate, from: «1x02»}]")),
    ("bad-value", "pool: x\nspots: {asset: «lonely»}\n"),
    ("bad-slug", f"channel: «WRTV 5»\nnumber: 9\n{CHANNEL}"),
    ("bad-slug", "break_format: «none»\n"),
    ("out-of-range", "plan: p\nwhen: {days: «[]»}\n" + ZONE.removeprefix("plan: p\n")),
    ("wrong-type", "plan: p\nwhen: {on: [«{a: b}»]}\n" + ZONE.removeprefix("plan: p\n")),
    ("bad-slug", ZONE.replace("slate", "«The Slate»")),
    ("unknown-word", "program: x\nchain: [{synthetic: slate}]\nmode: «suffle»\n"),
    ("unknown-word", "synthetic: x\nshows: «testpattern»\n"),
    ("unknown-word", "break_format: x\notherwise: «every day»\n"),
    ("unknown-reference", ZONE.replace("slate", "«slat»")),
    ("unknown-reference", ZONE + '    at: {"06:00": «cheers»}\n'),
    ("unknown-reference", ZONE.replace("[slate]", "[{program: «cheers»}]")),
    ("unknown-reference", ZONE + "    breaks: «network»\n"),
    ("unknown-reference", "channel: c\nnumber: 9\nname: X\nplans: [daily, «weekly»]\n"),
    ("unknown-reference", f"channel: c\nnumber: 9\noff_air: «nothing»\n{CHANNEL}"),
    ("unknown-reference", f"channel: c\nnumber: 9\nfallback: [«spare»]\n{CHANNEL}"),
    ("unknown-reference", "program: x\nchain: [{episodes: {collection: «sitcoms»}}]\n"),
    ("unknown-reference", "program: x\nchain: [{episodes: {asset: «sitcoms/a»}}]\n"),
    ("unknown-reference", "program: x\nchain: [{bumper: «opener»}]\n"),
    ("unknown-reference", "program: x\nchain: [{program: «slate»}]\n"),
    ("unknown-reference", "pool: x\nspots: {collection: «ads»}\n"),
    ("unknown-reference", "break_format: x\nfill_with: [«ads»]\n"),
    ("unknown-reference", "break_format: x\nopen_with: «lead-in»\n"),
    ("unknown-reference", "break_format: x\nclose_with: «lead-out»\n"),
    ("unknown-reference", "break_format: x\nremainder: «daily»\n"),
    (
        "program-cycle",
        "program: a\nchain: [{program: b}]\n---\nprogram: b\nchain: [{synthetic: slate}, {program: «a»}]\n",
    ),
    ("missing-file", f"channel: c\nnumber: 9\nlogo: «logo.png»\n{CHANNEL}"),
    ("missing-file", f"channel: c\nnumber: 9\nlogo: «../../etc/passwd»\n{CHANNEL}"),
    ("no-lock", "collection: «films»\nsource: {kind: filesystem, path: films}\n"),
    ("bad-grid", f"channel: c\nnumber: 9\ngrid: «20m»\n{CHANNEL}"),
    ("unknown-day", "plan: p\nwhen: {days: [mon, «Freitag»]}\n" + ZONE.removeprefix("plan: p\n")),
    ("bad-date", "plan: p\nwhen: {dates: «24.12.»}\n" + ZONE.removeprefix("plan: p\n")),
    ("bad-date", "plan: p\nwhen: {dates: «02-30»}\n" + ZONE.removeprefix("plan: p\n")),
    ("bad-date", "plan: p\nwhen: {dates: «2026-12-24..12-26»}\n" + ZONE.removeprefix("plan: p\n")),
    ("unknown-holiday", "plan: p\nwhen: {on: «us:thanksgivng»}\n" + ZONE.removeprefix("plan: p\n")),
    ("unknown-holiday", "plan: p\nwhen: {on: [easter, «xx:day»]}\n" + ZONE.removeprefix("plan: p\n")),
    ("unknown-holiday", "plan: p\nwhen: {on: «eastre»}\n" + ZONE.removeprefix("plan: p\n")),
    ("empty-window", ZONE.replace("06:00-12:00", "«12:00-12:00»")),
    ("zone-crosses-day", ZONE.replace("06:00-12:00", "«23:00-08:00»")),
    ("zone-off-grid", ZONE.replace("06:00-12:00", "«06:10-12:00»")),
    ("zone-overlap", ZONE + "  - zone: B\n    window: «11:30-13:00»\n    play: [slate]\n"),
    (
        "zone-overlap",
        ZONE.replace("06:00-12", "22:00-02") + "  - zone: B\n    window: «01:00-03:00»\n    play: [slate]\n",
    ),
    ("empty-zone", "plan: p\nzones:\n  - zone: «A»\n    window: 06:00-12:00\n"),
    ("zone-gap", 'plan: p\nzones:\n  - zone: A\n    window: «06:00-12:00»\n    at: {"07:00": slate}\n'),
    ("pin-outside-zone", ZONE + '    at: {«"12:00"»: slate}\n'),
    ("pin-off-grid", ZONE + '    at:\n      «"06:10"»: slate\n'),
    ("duplicate-pin", ZONE + '    at: {"06:00": slate, «6:00»: slate}\n'),
    (
        "chain-node",
        "program: x\nchain:\n  - synthetic: slate\n    «program»: y\n"
        "---\nprogram: y\nchain: [{synthetic: slate}]\n",
    ),
    ("chain-node", "program: x\nchain: [{synthetic: slate}, «{}»]\n"),
    (
        "empty-watershed",
        'program: x\nchain: [{synthetic: slate}]\nnot_before: "22:00"\nnot_after: «"20:00"»\n',
    ),
    ("empty-range", "pool: x\nspots: {min_duration: «2m», max_duration: 1m}\n"),
]

#: (code, text of station.yaml)
STATION_MISTAKES = [
    ("unknown-timezone", STATION.replace("America/New_York", "«New York»")),
    ("unknown-timezone", STATION.replace("America/New_York", "«../../etc/passwd»")),
    ("short-horizon", STATION.replace("---", "horizon: {playlog: «1h», guide: 2d}\n---", 1)),
    ("short-horizon", STATION.replace("---", "horizon: {guide: «47h»}\n---", 1)),
    ("bad-device-id", STATION.replace("---", "tuner: {device_id: «1052712A»}\n---", 1)),
    ("bad-value", STATION.replace("---", "tuner: {device_id: «12»}\n---", 1)),
    ("bad-value", STATION.replace("---", "epoch: «1983»\n---", 1)),
    ("bad-value", STATION.replace("---", "serve: {external_url: «tv.example:8080»}\n---", 1)),
    ("bad-value", STATION.replace("---", "serve: {external_url: «http://»}\n---", 1)),
    ("bad-value", STATION.replace("---", "serve: {bind: «192.168.1»}\n---", 1)),
    ("bad-value", STATION.replace("---", "serve: {bind: «0.0.0.0:80»}\n---", 1)),
    ("out-of-range", STATION.replace("---", "tuner: {count: «0»}\n---", 1)),
    ("wrong-type", STATION.replace("---", "tuner: {count: «many»}\n---", 1)),
    ("wrong-type", STATION.replace("---", "serve: {zeroconf: «perhaps»}\n---", 1)),
    ("unknown-key", STATION.replace("timezone", "«timezon»")),
    ("no-channel", "station: «retro»\nname: Retro\ntimezone: UTC\n"),
]


def unmark(text: str) -> tuple[str, tuple[int, int, int, int] | None]:
    """The text without «», and the marked line, column, end line and end column."""
    if "«" not in text:
        return text, None
    begin, end = text.index("«"), text.index("»") - 1
    bare = text.replace("«", "").replace("»", "")

    def place(index: int) -> tuple[int, int]:
        before = bare[:index]
        return before.count("\n") + 1, index - (before.rfind("\n") + 1) + 1

    return bare, (*place(begin), *place(end))


def assert_only(
    found: tuple[Diagnostic, ...], code: str, file: str, at: tuple[int, int, int, int] | None
) -> None:
    assert [d.code for d in found] == [code], found
    span = found[0].span
    assert span is not None
    assert span.file == file
    if at is not None:
        told = (span.line, span.column, span.end_line, span.end_column)
        # A point (nothing is written there) is shown one column wide.
        assert told in (at, (*at[:2], at[0], at[1] + 1)), found


@pytest.mark.parametrize(("code", "text"), MISTAKES, ids=[f"{c}-{i}" for i, (c, _) in enumerate(MISTAKES)])
def test_a_mistake_is_told_once_and_at_its_place(tmp_path: Path, code: str, text: str) -> None:
    bare, at = unmark(text)
    assert_only(load(tmp_path, {"x.yaml": bare}).diagnostics, code, "x.yaml", at)


@pytest.mark.parametrize(
    ("code", "text"), STATION_MISTAKES, ids=[f"{c}-{i}" for i, (c, _) in enumerate(STATION_MISTAKES)]
)
def test_a_mistake_in_the_station_is_told_once_and_at_its_place(tmp_path: Path, code: str, text: str) -> None:
    bare, at = unmark(text)
    assert_only(load(tmp_path, {"station.yaml": bare}).diagnostics, code, "station.yaml", at)


def test_a_folder_without_a_station(tmp_path: Path) -> None:
    (found,) = load_station(tmp_path).diagnostics
    assert (found.code, found.span) == ("no-station", None)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    (found,) = load_station(tmp_path / "none").diagnostics
    assert found.code == "no-folder"


def test_a_file_that_is_not_utf8(tmp_path: Path) -> None:
    (found,) = load(tmp_path, {"x.yaml": b"# ok\ntitle: caf\xe9\n"}).diagnostics
    assert_only((found,), "not-utf8", "x.yaml", (2, 11, 2, 12))


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").symlink_to(tmp_path / "gone.yaml")
    (found,) = load(tmp_path, {}).diagnostics
    assert_only((found,), "unreadable-file", "x.yaml", None)


def test_a_file_far_too_large(tmp_path: Path) -> None:
    (found,) = load(tmp_path, {"x.yaml": b"#" * 4_000_001}).diagnostics
    assert_only((found,), "unreadable-file", "x.yaml", None)


def test_aliases_that_multiply_are_refused(tmp_path: Path) -> None:
    levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 9))
    (found,) = load(tmp_path, {"x.yaml": "program: x\nl0: &l0 [a]\n" + levels}).diagnostics
    assert found.code == "yaml-alias"


def test_a_source_is_checked_with_its_adapters_settings(tmp_path: Path) -> None:
    from pydantic import BaseModel

    class Settings(BaseModel, extra="forbid"):
        kind: str
        path: str
        depth: int = 0

    def found(source: str) -> tuple[Diagnostic, ...]:
        bare, _ = unmark(f"collection: c\nsource: {source}\n")
        write(tmp_path, {"station.yaml": STATION, "x.yaml": bare, "catalog.lock/c.jsonl": ""})
        return load_station(tmp_path, {"filesystem": Settings}).diagnostics

    for code, source in (
        ("unknown-source", "{kind: «filesytem», path: m}"),
        ("missing-key", "«{path: m}»"),
        ("unknown-key", "{kind: filesystem, «paht»: m}"),
        ("missing-key", "«{kind: filesystem}»"),
        ("wrong-type", "{kind: filesystem, path: m, depth: «deep»}"),
    ):
        _, at = unmark(f"collection: c\nsource: {source}\n")
        assert_only(found(source), code, "x.yaml", at)
    assert found("{kind: filesystem, path: m, depth: 3}") == ()


def test_every_code_of_the_station_language_is_triggered_here() -> None:
    used = set()
    for path in (ROOT / "retrovue" / "station").glob("*.py"):
        used |= set(re.findall(r'"([a-z0-9]+(?:-[a-z0-9]+)+)"', path.read_text("utf-8"))) & set(CODES)
    here = Path(__file__).read_text("utf-8")
    assert {code for code in used if f'"{code}"' not in here} == set()


def test_second_places() -> None:
    text = ZONE + "  - zone: B\n    window: 11:30-13:00\n    play: [slate]\n"
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        (found,) = load(Path(folder), {"x.yaml": text}).diagnostics
    (label,) = found.labels
    assert (label.span.line, label.span.column, label.span.end_column) == (4, 13, 24)
