"""As-run: what left the station, what was wrong with it, and a day in numbers; as text, CSV, JSON, Markdown.

Pure. Instants in JSON and CSV are RFC 3339 in UTC, in text and Markdown station time.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, tzinfo
from itertools import groupby
from typing import Any

from retrovue.compiler.model import CompiledChannel
from retrovue.diagnostics.render import printable
from retrovue.playout.as_run import AsRunRecord
from retrovue.playout.reconcile import Discrepancy, Finding, Reconciliation
from retrovue.reports.wording import local, plural, utc
from retrovue.units import HOUR_US, SECOND_US

#: A tick that left this much after its time (µs) has used up what a player holds; less is the start of a
#: channel, which builds its lead, and a busy machine.
_LATE_US = 6 * SECOND_US


@dataclass(frozen=True, slots=True)
class Aired:
    """What one channel aired on a broadcast date, or in any other stretch of time."""

    channel: CompiledChannel
    date: date | None  #: None: an interval that is no broadcast day
    start_us: int
    end_us: int
    records: tuple[AsRunRecord, ...]

    @property
    def sessions(self) -> list[tuple[int, int]]:
        """From when to when it was on the air, in order."""
        found = []
        ordered = sorted(self.records, key=lambda r: (r.session, r.first_tick))
        for _, session in groupby(ordered, key=lambda r: r.session):
            runs = list(session)
            found.append((runs[0].start_us, max(r.end_us for r in runs)))
        return sorted(found)

    @property
    def us_by_kind(self) -> dict[str, int]:
        """Kind → how long, the longest first."""
        sums: dict[str, int] = {}
        for record in self.records:
            sums[record.kind] = sums.get(record.kind, 0) + record.end_us - record.start_us
        return dict(sorted(sums.items(), key=lambda item: -item[1]))

    @property
    def on_air_us(self) -> int:
        return sum(self.us_by_kind.values())

    @property
    def late_us(self) -> int:
        return max((r.late_us for r in self.records), default=0)


# --- what left -------------------------------------------------------------------------------------


def text(aired: Iterable[Aired], zone: tzinfo) -> str:
    """A line a run."""
    lines: list[str] = []
    for each in aired:
        if lines:
            lines.append("")
        lines += _headline(each, zone)
        lines += [_line(record, zone) for record in each.records]
    return "\n".join(lines)


def _headline(each: Aired, zone: tzinfo) -> list[str]:
    when = f"{each.date:%A %d %B %Y}" if each.date else _interval(each.start_us, each.end_us, zone)
    said = "" if each.records else ": not on the air"
    return [f"{each.channel.number}  {printable(each.channel.name)}, {when}{said}"]


def _interval(start_us: int, end_us: int, zone: tzinfo) -> str:
    start, end = local(start_us, zone), local(end_us, zone)
    seconds = ":%S" if start.second or end.second else ""
    day = "" if start.date() == end.date() else f"{end:%a %d %b %Y} "
    return f"{start:%a %d %b %Y} {start:%H:%M{seconds}} to {day}{end:%H:%M{seconds}}"


def _line(record: AsRunRecord, zone: tzinfo) -> str:
    what = record.asset_id or record.synthetic or "–"
    frames = ""
    if record.frame_from is not None and record.frame_to is not None:
        frames = f"  frames {record.frame_from}–{record.frame_to - 1}"
    cause = f"  ({record.cause})" if record.cause else ""
    crawl = f"  under the crawl “{record.crawl}”" if record.crawl else ""
    late = f"  late by {record.late_us / SECOND_US:.1f} s" if record.late_us > _LATE_US else ""
    open_ = "" if record.closed else "  broken off" if record.broken_off else "  …"
    return printable(
        f"  {_clock(record.start_us, zone)}  {_length(record.end_us - record.start_us):>11}  "
        f"{record.kind:<8}  {what}{frames}{cause}{crawl}{late}{open_}"
    )


def as_csv(aired: Iterable[Aired]) -> str:
    """A row a run, with the columns of the as-run log; instants besides in UTC."""
    columns = [f.name for f in fields(AsRunRecord)]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["start", "end", *columns])
    for each in aired:
        for record in each.records:
            cells = [_table_cell(getattr(record, name)) for name in columns]
            writer.writerow([utc(record.start_us), utc(record.end_us), *cells])
    return out.getvalue().rstrip("\n")


def _table_cell(value: object) -> object:
    """A cell that begins like a formula is none to a spreadsheet behind an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value.startswith(tuple("=+-@\t\r")) else value


def as_json(aired: Iterable[Aired]) -> list[dict[str, Any]]:
    return [{**_of(each), "records": [_record(r) for r in each.records]} for each in aired]


def _of(each: Aired) -> dict[str, Any]:
    return {
        "channel": each.channel.channel,
        "number": each.channel.number,
        "broadcast_date": each.date.isoformat() if each.date else None,
        "from": utc(each.start_us),
        "to": utc(each.end_us),
    }


def _record(record: AsRunRecord | Finding) -> dict[str, Any]:
    said = {"start": utc(record.start_us), "end": utc(record.end_us), **asdict(record)}
    return {k: v.isoformat() if isinstance(v, date) else v for k, v in said.items()}


# --- beside the plan -------------------------------------------------------------------------------

_EXPLAINED = (
    "Only what was on the air is compared: a channel that nobody watches is off the air, which is no fault."
)


def reconciliation_text(compared: Iterable[tuple[Aired, Reconciliation]], zone: tzinfo) -> str:
    """A line a discrepancy, and a total line a channel."""
    lines: list[str] = []
    for each, result in compared:
        if lines:
            lines.append("")
        lines += _headline(each, zone)
        lines += [_finding_line(f, zone) for f in result.findings]
        if each.records:
            lines.append("  " + _total(result))
    return "\n".join([*lines, "", _EXPLAINED])


def _finding_line(finding: Finding, zone: tzinfo) -> str:
    aired = f", aired {finding.aired}" if finding.aired and finding.aired != finding.planned else ""
    planned = finding.planned or "nothing planned"
    length = _length(finding.end_us - finding.start_us)
    return printable(
        f"  {_clock(finding.start_us, zone)}  {length:>11}  {finding.kind.value:<17}  {planned}{aired}"
        f"{f'  ({finding.cause})' if finding.cause else ''}"
    )


def _total(result: Reconciliation) -> str:
    share = 100 * result.as_planned / result.ticks if result.ticks else 100.0
    counts = ", ".join(f"{count} {kind}" for kind, count in result.counts.items())
    exact = "100 %" if result.as_planned == result.ticks else f"{min(share, 99.999):.3f} %"
    return f"{exact} of {plural(result.ticks, 'picture')} as planned; {counts or 'no discrepancy'}"


def reconciliation_json(compared: Iterable[tuple[Aired, Reconciliation]]) -> list[dict[str, Any]]:
    return [
        {
            **_of(each),
            "ticks": result.ticks,
            "as_planned": result.as_planned,
            "counts": result.counts,
            "findings": [_record(f) for f in result.findings],
        }
        for each, result in compared
    ]


def reconciliation_csv(compared: Iterable[tuple[Aired, Reconciliation]]) -> str:
    """A row a discrepancy."""
    columns = [f.name for f in fields(Finding)]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["start", "end", *columns])
    for _, result in compared:
        for finding in result.findings:
            cells = [_table_cell(getattr(finding, name)) for name in columns]
            writer.writerow([utc(finding.start_us), utc(finding.end_us), *cells])
    return out.getvalue().rstrip("\n")


# --- a day -----------------------------------------------------------------------------------------


def report_text(compared: Sequence[tuple[Aired, Reconciliation]], zone: tzinfo) -> str:
    """A day of each channel in a few lines."""
    lines: list[str] = []
    for each, result in compared:
        if lines:
            lines.append("")
        lines += _headline(each, zone)
        lines += [f"  {name:<12}{value}" for name, value in _facts(each, result, zone)]
        lines += [_finding_line(f, zone) for f in result.findings]
    return "\n".join([*lines, "", _EXPLAINED])


def report_markdown(compared: Sequence[tuple[Aired, Reconciliation]], zone: tzinfo) -> str:
    """The same for a chat or a wiki."""
    lines: list[str] = []
    for each, result in compared:
        lines += [f"## {_cell(_headline(each, zone)[0])}", ""]
        if not each.records:
            continue
        lines += ["| | |", "| --- | --- |"]
        lines += [f"| {name} | {_cell(value)} |" for name, value in _facts(each, result, zone)]
        lines.append("")
        if result.findings:
            lines += [
                "| time | length | discrepancy | planned | aired | cause |",
                "| - | - | - | - | - | - |",
            ]
            lines += [
                f"| {_clock(f.start_us, zone)} | {_length(f.end_us - f.start_us)} | {f.kind.value} | "
                f"{_cell(f.planned)} | {_cell(f.aired)} | {_cell(f.cause)} |"
                for f in result.findings
            ]
            lines.append("")
    return "\n".join([*lines, _EXPLAINED])


def report_json(compared: Sequence[tuple[Aired, Reconciliation]]) -> list[dict[str, Any]]:
    return [
        {
            **said,
            "sessions": [{"from": utc(a), "to": utc(b)} for a, b in each.sessions],
            "on_air_s": each.on_air_us / SECOND_US,
            "seconds_by_kind": {k: us / SECOND_US for k, us in each.us_by_kind.items()},
            "late_s": each.late_us / SECOND_US,
        }
        for said, (each, _) in zip(reconciliation_json(compared), compared, strict=True)
    ]


def _facts(each: Aired, result: Reconciliation, zone: tzinfo) -> Iterator[tuple[str, str]]:
    if not each.records:
        return
    sessions = each.sessions
    spans = ", ".join(f"{_clock(a, zone)}–{_clock(b, zone)}" for a, b in sessions[:6])
    more = f" and {len(sessions) - 6} more" if len(sessions) > 6 else ""
    yield "on the air", f"{_length(each.on_air_us)}, {plural(len(sessions), 'time')}: {spans}{more}"
    yield "shown", ", ".join(f"{kind} {_length(us)}" for kind, us in each.us_by_kind.items())
    yield "plan", _total(result)
    slates = [f for f in result.findings if f.kind is Discrepancy.SLATE]
    if slates:
        causes = dict.fromkeys(f.cause for f in slates)
        yield "slate", f"{_length(sum(f.end_us - f.start_us for f in slates))}: {'; '.join(causes)}"
    crawled = [record for record in each.records if record.crawl]
    if crawled:
        words = dict.fromkeys(record.crawl for record in crawled)
        yield "crawls", f"{_length(sum(r.end_us - r.start_us for r in crawled))}: {'; '.join(words)}"
    late = f"{each.late_us / SECOND_US:.1f} s behind: a picture should leave a lead before its time"
    yield "latest", late if each.late_us > _LATE_US else f"{late}; no more than a channel's start takes"


def _cell(value: str) -> str:
    """Text in a Markdown table."""
    escaped = "".join("\\" + c if c in "\\`*_[]<>|" else c for c in printable(value))
    return escaped.replace("\n", " ")


def _clock(us: int, zone: tzinfo) -> str:
    """ "20:00:00.5"; tenths only where there are some."""
    at = local(us + 50_000, zone)
    tenth = at.microsecond // 100_000
    return f"{at:%H:%M:%S}" + (f".{tenth}" if tenth else "")


def _length(us: int) -> str:
    """ "1:08:12.4", "08:12.4"."""
    tenths = (us + 50_000) // 100_000
    hours, minutes = tenths // 36_000, tenths // 600 % 60
    rest = f"{minutes:02}:{tenths // 10 % 60:02}.{tenths % 10}"
    return f"{hours}:{rest}" if us >= HOUR_US else rest
