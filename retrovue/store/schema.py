"""The artefact's tables and views, and the version that names their shape.

Instants in tables are ``BIGINT`` microseconds since the Unix epoch (UTC), durations microseconds;
intervals are half-open. Places are text, ``file:line:column``, relative to the station folder. The
views are the same rows for people: plain ``TIMESTAMP`` in UTC and in station time, names joined.

What is said of tables and columns here becomes the artefact's part of ``schemas/README.md``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

#: Raised by one whenever a table changes its shape; a reader refuses every other version.
SCHEMA_VERSION = 12


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its columns (name, type, meaning), in the order in which rows are written."""

    name: str
    about: str
    key: tuple[str, ...]
    columns: tuple[tuple[str, str, str], ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _, _ in self.columns)

    @property
    def ddl(self) -> str:
        """``CREATE TABLE``. Keys are not declared to DuckDB: an index costs memory and write time,
        and the compiler's rows are checked by its tests instead."""
        columns = ", ".join(f"{name} {kind}" for name, kind, _ in self.columns)
        return f"CREATE TABLE {self.name} ({columns})"


ARTEFACT = Table(
    "artefact",
    "One row: what this file is, what it covers, and where it came from.",
    (),
    (
        ("schema_version", "INTEGER", "version of this shape; a reader refuses every other"),
        ("content_hash", "VARCHAR", "sha256 over everything that may air; equal hashes air the same"),
        ("station", "VARCHAR", "slug of the station"),
        ("name", "VARCHAR", "its name"),
        ("timezone", "VARCHAR", "IANA time zone of all station time"),
        ("first_day", "DATE", "first broadcast date"),
        ("last_day", "DATE", "last broadcast date"),
        ("start_us", "BIGINT", "first instant that every channel covers"),
        ("end_us", "BIGINT", "instant up to which every channel is compiled"),
        ("as_of", "TIMESTAMP", "the instant that was “now” for the compile, UTC"),
        ("compiler_version", "VARCHAR", "the RetroVue that compiled it"),
        ("sources_hash", "VARCHAR", "sha256 over the station's YAML"),
        ("catalog_hash", "VARCHAR", "sha256 over the catalog lock"),
        ("revision", "VARCHAR", "git commit of the station folder, with + when it had changes; or empty"),
        ("built_at", "TIMESTAMP", "when the file was written, UTC"),
        ("clock", "VARCHAR", "how times are written on the screen: 12h or 24h"),
    ),
)

CHANNEL = Table(
    "channel",
    "The channels, with everything they inherit filled in.",
    ("channel",),
    (
        ("channel", "VARCHAR", "slug"),
        ("number", "VARCHAR", "number on the remote control"),
        ("vchannel", "INTEGER", "whole number for clients that can't tune 5.1"),
        ("name", "VARCHAR", "name in guides"),
        ("callsign", "VARCHAR", "call letters"),
        ("guide_id", "VARCHAR", "id in XMLTV and M3U"),
        ("channel_group", "VARCHAR", "a word that groups channels in clients"),
        ("logo", "VARCHAR", "picture file, relative to the station folder"),
        ("grid_us", "BIGINT", "programmes start on multiples of this"),
        ("day_start_minutes", "INTEGER", "start of the broadcast day, minutes after midnight, station time"),
        ("raster", "VARCHAR", "picture: 480p, 720p, …"),
        ("rate", "VARCHAR", "frames per second, as a fraction"),
        ("preset", "VARCHAR", "libx264's speed against size"),
        ("video_kbps", "INTEGER", "video bit rate, kbit/s"),
        ("audio_kbps", "INTEGER", "audio bit rate, kbit/s"),
        ("position", "INTEGER", "order in the lineup, from 0"),
        ("codec", "VARCHAR", "how the picture is coded: h264 or mpeg2"),
        ("encoder", "VARCHAR", "what codes it, as the station asks for it: libx264, auto, h264_nvenc, …"),
        ("audio_codec", "VARCHAR", "how the sound is coded: aac, ac3 or mp2"),
        ("loudness", "DOUBLE", "programme loudness, LUFS; null leaves sound as it is"),
        ("fit", "VARCHAR", "how pictures fill the screen that are not 16:9: letterbox, crop or stretch"),
        ("audio", "VARCHAR[]", "languages of the sound, best first"),
        ("subtitles", "VARCHAR", "off, forced or a language"),
        ("cues", "VARCHAR", "how breaks are told in the stream: off, splice_insert or time_signal"),
    ),
)

SYNTHETIC = Table(
    "synthetic",
    "Generated pictures that segments may show.",
    ("synthetic",),
    (
        ("synthetic", "VARCHAR", "slug"),
        ("shows", "VARCHAR", "test_pattern, clock, ident, card, slate, …"),
        ("title", "VARCHAR", "title in the guide, and the large line of a card"),
        ("text", "VARCHAR", "the small line"),
    ),
)

OVERLAY = Table(
    "overlay",
    "What may stand over the programme, with everything left to its kind filled in.",
    ("overlay",),
    (
        ("overlay", "VARCHAR", "slug"),
        ("shows", "VARCHAR", "bug, rating, lower_third, crawl, clock, countdown or live"),
        ("text", "VARCHAR", "what it says; empty for what it knows itself"),
        ("image", "VARCHAR", "picture file, relative to the station folder; empty for the channel's logo"),
        ("corner", "VARCHAR", "where it stands"),
        ("size", "INTEGER", "height, hundredths of the picture's"),
        ("opacity", "INTEGER", "hundredths"),
        ("colour", "VARCHAR", "of its accents"),
        ("animation", "VARCHAR", "how it comes on and goes off"),
        ("speed", "INTEGER", "of a crawl: hundredths of the picture's width a second"),
        ("at_edge", "VARCHAR", "start or end: which end of the programme lasts_us is counted from"),
        ("lasts_us", "BIGINT", "how long it is shown then; 0 for all the time"),
        ("during", "VARCHAR", "windows of the day it is shown in, minutes after midnight; empty for always"),
        ("over_ads", "BOOLEAN", "is it shown over spots, too?"),
    ),
)

TEMPLATE = Table(
    "template",
    "Cards that the station draws its own way.",
    ("template",),
    (
        ("template", "VARCHAR", "name of the shipped card that it replaces"),
        ("text", "VARCHAR", "SVG with Jinja in it"),
    ),
)

ASSET = Table(
    "asset",
    "Every asset that may air: those in a playlist, and those that stand in.",
    ("asset_id",),
    (
        ("asset_id", "VARCHAR", "collection/key"),
        ("collection", "VARCHAR", "slug of its collection"),
        ("key", "VARCHAR", "stable key within the collection"),
        ("state", "VARCHAR", "ready; retired, …: published within the locked time, and stood in for"),
        ("approved", "BOOLEAN", "likewise: may it air?"),
        ("path", "VARCHAR", "file, relative to the collection's folder"),
        ("size", "BIGINT", "bytes"),
        ("duration_us", "BIGINT", "exact to the frame"),
        ("frames", "BIGINT", "video frames; 0 when unknown"),
        ("rate", "VARCHAR", "frames per second, as a fraction"),
        ("width", "INTEGER", "pixels"),
        ("height", "INTEGER", "pixels"),
        ("sar", "VARCHAR", "sample aspect ratio"),
        ("interlaced", "BOOLEAN", "are its pictures interlaced?"),
        ("field_order", "VARCHAR", "tff or bff; empty: as each picture says of itself"),
        ("primaries", "VARCHAR", "colour primaries as ffmpeg names them; empty: the file doesn't say"),
        ("transfer", "VARCHAR", "transfer function: bt709, smpte2084 (PQ), arib-std-b67 (HLG), …"),
        ("matrix", "VARCHAR", "colour matrix: bt709, smpte170m, bt2020nc, …"),
        ("picture_us", "BIGINT", "the picture begins so long after the file does"),
        ("fit", "VARCHAR", "how it fills the screen where it is not 16:9; empty: as the channel has it"),
        ("video_codec", "VARCHAR", "as ffmpeg names it"),
        ("audio_codec", "VARCHAR", "as ffmpeg names it; empty for silent film"),
        ("audio_channels", "INTEGER", "how many"),
        ("audio", "JSON", "its sound tracks: codec, channels, language, loudness (LUFS), peak (dBTP), …"),
        ("subtitles", "JSON", "its subtitles: codec, language, forced, and path for a file of their own"),
        ("marks_us", "BIGINT[]", "break marks, offsets from the start"),
        ("title", "VARCHAR", "its own title"),
        ("series", "VARCHAR", "series it belongs to"),
        ("season", "INTEGER", "season's number"),
        ("episode", "INTEGER", "episode's number"),
        ("year", "INTEGER", "year of production"),
        ("date", "VARCHAR", "first aired, ISO; or empty"),
        ("description", "VARCHAR", "what guides say about it"),
        ("rating", "VARCHAR", "TV-PG, …"),
        ("tags", "VARCHAR[]", "its tags"),
        ("dayparts", "VARCHAR[]", "windows of the day within which it may start; none: at any time"),
        ("advertiser", "VARCHAR", "of a spot: whose it is"),
        ("category", "VARCHAR", "of a spot: what it sells"),
        ("artwork", "VARCHAR[]", "pictures of it, the one for guides first; paths like its own"),
        ("credits", "JSON", "who made it and who is in it: job, name, and an actor's role"),
        ("extra", "JSON", "what else its source said"),
    ),
)

SCHEDULE_EVENT = Table(
    "schedule_event",
    "The guide: one row a programme, however many blocks it fills. Back to back, on the grid.",
    ("event_id",),
    (
        ("event_id", "INTEGER", "guide id, 31 bits; the same after every recompile"),
        ("channel", "VARCHAR", "→ channel"),
        ("broadcast_date", "DATE", "broadcast date on which it starts"),
        ("start_us", "BIGINT", "start"),
        ("end_us", "BIGINT", "end"),
        ("title", "VARCHAR", "title in the guide"),
        ("subtitle", "VARCHAR", "title of the episode"),
        ("description", "VARCHAR", "what the guide says"),
        ("season", "INTEGER", "season's number"),
        ("episode", "INTEGER", "episode's number"),
        ("year", "INTEGER", "year of production"),
        ("original_date", "VARCHAR", "first aired, ISO; or empty"),
        ("categories", "VARCHAR[]", "words for guides: Movie, Series, Kids, …"),
        ("rating", "VARCHAR", "TV-PG, …"),
        ("kind", "VARCHAR", "programme, movie or off_air"),
        ("program", "VARCHAR", "slug of the program, virtual or synthetic"),
        ("asset_id", "VARCHAR", "→ asset: the main one; empty for synthetics"),
        ("plan", "VARCHAR", "slug of the plan that asked for it; empty when none did"),
        ("zone", "VARCHAR", "name of the zone in that plan"),
        ("written_at", "VARCHAR", "where the zone's entry is written"),
        ("moves", "VARCHAR", "what it did to the rotations' cursors, as JSON pairs; or empty"),
    ),
)

SEGMENT = Table(
    "segment",
    "The playlist: physical and synthetic pieces that tile each channel's days to the microsecond.",
    ("channel", "broadcast_date", "seq"),
    (
        ("channel", "VARCHAR", "→ channel"),
        ("broadcast_date", "DATE", "broadcast date of its event"),
        ("seq", "INTEGER", "order within the channel's broadcast date, from 0"),
        ("start_us", "BIGINT", "start"),
        ("end_us", "BIGINT", "end"),
        ("kind", "VARCHAR", "program, ad, promo, psa, bumper, ident, filler, card, …"),
        ("event_id", "INTEGER", "→ schedule_event: whose block it fills"),
        ("asset_id", "VARCHAR", "→ asset; empty for a synthetic"),
        ("in_us", "BIGINT", "offset into the asset at the start"),
        ("synthetic", "VARCHAR", "→ synthetic; empty for an asset"),
        ("title", "VARCHAR", "what a card says; an asset's title"),
        ("pool", "VARCHAR", "→ pool: where it was drawn from"),
        ("overlays", "VARCHAR", "slugs of the overlays in force, lowest first, with commas between"),
    ),
)

FALLBACK = Table(
    "fallback",
    "Who stands in when a programme can't be played, in order.",
    ("event_id", "position"),
    (
        ("event_id", "INTEGER", "→ schedule_event"),
        ("position", "INTEGER", "order, from 0"),
        ("asset_id", "VARCHAR", "→ asset"),
    ),
)

CHANNEL_DAY = Table(
    "channel_day",
    "The broadcast days of each channel, and how their breaks were filled.",
    ("channel", "broadcast_date"),
    (
        ("channel", "VARCHAR", "→ channel"),
        ("broadcast_date", "DATE", "broadcast date"),
        ("start_us", "BIGINT", "start"),
        ("end_us", "BIGINT", "end: 23 or 25 hours later on the nights the clocks change"),
        ("fill", "JSON", "spot time, ident time, spots, pods, rules given up, deliveries against contract"),
        (
            "made",
            "JSON",
            "hashes of what the day was made from: a compile that finds them unchanged takes it over",
        ),
        ("content_hash", "VARCHAR", "sha256 over the events that start in it and the segments under them"),
    ),
)

INPUT = Table(
    "input",
    "What the artefact was made from: a compile that finds it all unchanged has nothing to do.",
    ("name",),
    (
        (
            "name",
            "VARCHAR",
            "“file …”, “channel …” (all that the channel's schedule depends on), or a setting",
        ),
        ("value", "VARCHAR", "sha256, or the setting"),
    ),
)

FINDING = Table(
    "finding",
    "What the compiler had to say, so that a compile with nothing to do can say it again.",
    (),
    (
        ("channel", "VARCHAR", "→ channel; empty for what is true of the station"),
        ("broadcast_date", "DATE", "the day that it was found on; null when it is of no day in particular"),
        ("code", "VARCHAR", "what ``retrovue explain`` explains"),
        ("headline", "VARCHAR", "the sentence"),
        ("finding", "JSON", "all of it; what two days say about the same thing is told once"),
    ),
)

FORCED = Table(
    "forced",
    "Changes within the locked time, made with --force.",
    ("channel", "start_us"),
    (
        ("channel", "VARCHAR", "→ channel"),
        ("start_us", "BIGINT", "start"),
        ("before_id", "INTEGER", "guide id of what was published; 0 when nothing started then"),
        ("after_id", "INTEGER", "→ schedule_event: what airs instead; 0 when nothing starts then"),
        ("before", "VARCHAR", "title of what was published"),
        ("after", "VARCHAR", "title of what airs instead"),
    ),
)

CHECKPOINT = Table(
    "checkpoint",
    "Where every rotation stood at the end of each broadcast date, and of the date before the first; the "
    "next compile goes on from there.",
    ("channel", "broadcast_date", "cursor"),
    (
        ("channel", "VARCHAR", "→ channel"),
        ("broadcast_date", "DATE", "at the end of this date"),
        ("cursor", "VARCHAR", "path of the rotation: plan/zone/program/place in the chain"),
        ("value", "VARCHAR", "what aired last; its form is the play mode's own"),
    ),
)

ORIGIN = Table(
    "origin",
    "Who asked for what airs: what `retrovue why` tells of a programme.",
    ("channel", "plan", "zone", "program"),
    (
        ("channel", "VARCHAR", "→ channel"),
        ("plan", "VARCHAR", "slug of the plan; empty when none covers the time"),
        ("zone", "VARCHAR", "name of the zone"),
        ("program", "VARCHAR", "slug of the program, virtual or synthetic"),
        ("channel_at", "VARCHAR", "where the channel is written"),
        ("plan_at", "VARCHAR", "where the plan is written"),
        ("plan_when", "VARCHAR", "when the plan applies, in words"),
        ("priority", "INTEGER", "the plan's priority"),
        ("zone_at", "VARCHAR", "where the zone is written"),
        ("zone_window", "VARCHAR", "its window, station time"),
        ("program_at", "VARCHAR", "where the program is written"),
        ("mode", "VARCHAR", "the order in which it picks"),
        ("candidates", "VARCHAR", "what it picks from, in words"),
        ("breaks", "VARCHAR", "slug of the break format in force; or empty"),
        ("breaks_at", "VARCHAR", "where the break format is written"),
        ("traffic", "VARCHAR[]", "rules of traffic in force, in words"),
        ("simulcast", "VARCHAR", "the channel that this one airs; or empty"),
    ),
)

OVERRIDDEN = Table(
    "overridden",
    "Zones that would have ruled a time if a higher plan had not, or that leave it open themselves.",
    (),
    (
        ("channel", "VARCHAR", "→ channel"),
        ("broadcast_date", "DATE", "broadcast date"),
        ("start_us", "BIGINT", "from here"),
        ("end_us", "BIGINT", "up to here"),
        ("plan", "VARCHAR", "slug of the plan that gave way"),
        ("zone", "VARCHAR", "name of its zone"),
        ("zone_at", "VARCHAR", "where the zone is written"),
        ("by_plan", "VARCHAR", "slug of the plan that won; empty where the zone leaves the time open"),
        ("reason", "VARCHAR", "why, in words"),
    ),
)

POOL = Table(
    "pool",
    "Pools from which something airs, and their rules.",
    ("pool",),
    (
        ("pool", "VARCHAR", "slug"),
        ("pool_at", "VARCHAR", "where the pool is written"),
        ("kind", "VARCHAR", "ad, promo, psa, bumper, ident or filler"),
        ("rules", "VARCHAR[]", "its rules, in words"),
    ),
)

SPOT = Table(
    "spot",
    "Assets that air and that a `spot:` names, and its rules.",
    ("asset_id", "spot"),
    (
        ("asset_id", "VARCHAR", "→ asset"),
        ("spot", "VARCHAR", "slug of the spot"),
        ("spot_at", "VARCHAR", "where the spot is written"),
        ("rules", "VARCHAR[]", "its rules, in words"),
    ),
)

ENTRY = Table(
    "entry",
    "The entries of zones, which events name by the place where they are written.",
    (),
    (
        ("written_at", "VARCHAR", "where it is written: schedule_event.written_at"),
        ("said", "VARCHAR", "what it is, in words: “pinned to 20:00”"),
    ),
)

TABLES = (
    ARTEFACT,
    CHANNEL,
    SYNTHETIC,
    OVERLAY,
    TEMPLATE,
    ASSET,
    SCHEDULE_EVENT,
    SEGMENT,
    FALLBACK,
    CHECKPOINT,
    ORIGIN,
    OVERRIDDEN,
    POOL,
    SPOT,
    ENTRY,
    CHANNEL_DAY,
    INPUT,
    FINDING,
    FORCED,
)

#: Instants of the views, by the word that stands for them below; DuckDB's ``timezone`` turns a
#: TIMESTAMP into an instant, and an instant into a TIMESTAMP of the zone.
_INSTANTS = tuple(
    (f"@{row}_{side}_{zone}", expression.replace("?", f"{row}.{side}_us") + f" AS {side}_{zone}")
    for row in "es"
    for side in ("start", "end")
    for zone, expression in (
        ("local", "timezone(a.timezone, timezone('UTC', make_timestamp(?)))"),
        ("utc", "make_timestamp(?)"),
    )
)

#: Kinds of segments that are neither a programme's own nor generated.
_SPOT_KINDS = "('ad', 'promo', 'psa', 'bumper', 'ident', 'filler')"


@dataclass(frozen=True, slots=True)
class View:
    """One view for operators."""

    name: str
    about: str
    query: str

    @property
    def ddl(self) -> str:
        text = self.query
        for word, expression in _INSTANTS:
            text = text.replace(word, expression)
        return f"CREATE VIEW {self.name} AS {text}"


VIEWS = (
    View(
        "guide",
        "The programme guide: every event with its channel, in station time and in UTC.",
        """
    SELECT c.number, c.name AS channel_name, e.broadcast_date,
           @e_start_local, @e_end_local, @e_start_utc, @e_end_utc,
           e.title, e.subtitle, e.season, e.episode, e.rating, e.kind, e.program, e.asset_id,
           e.plan, e.zone, e.written_at, e.event_id, e.channel
    FROM schedule_event e JOIN channel c USING (channel) CROSS JOIN artefact a
    ORDER BY c.position, e.start_us
    """,
    ),
    View(
        "playlist",
        "Every segment with its channel and its programme, in station time and in UTC.",
        """
    SELECT c.number, c.name AS channel_name, s.broadcast_date, s.seq,
           @s_start_local, @s_end_local, @s_start_utc, @s_end_utc,
           (s.end_us - s.start_us) / 1e6 AS seconds, s.in_us / 1e6 AS in_seconds,
           s.kind, s.title, s.asset_id, s.synthetic, s.pool, e.title AS event_title, s.event_id, s.channel
    FROM segment s JOIN schedule_event e USING (event_id) JOIN channel c ON c.channel = s.channel
         CROSS JOIN artefact a
    ORDER BY c.position, s.start_us
    """,
    ),
    View(
        "spots",
        "The traffic log: every commercial, promo, bumper, ident and filler that airs.",
        f"""
    SELECT c.number, s.broadcast_date, @s_start_local, (s.end_us - s.start_us) / 1e6 AS seconds,
           s.kind, s.title, t.advertiser, t.category, s.pool, e.title AS event_title, e.rating,
           s.asset_id, s.channel
    FROM segment s JOIN asset t USING (asset_id) JOIN schedule_event e USING (event_id)
         JOIN channel c ON c.channel = s.channel CROSS JOIN artefact a
    WHERE s.kind IN {_SPOT_KINDS}
    ORDER BY c.position, s.start_us
    """,  # noqa: S608  our own words
    ),
    View(
        "airings",
        "How often, first and last each asset airs as a programme on each channel.",
        """
    SELECT c.number, e.program, e.asset_id, any_value(e.title) AS title,
           any_value(e.season) AS season, any_value(e.episode) AS episode, count(*) AS airings,
           timezone(any_value(a.timezone), timezone('UTC', make_timestamp(min(e.start_us)))) AS first_local,
           timezone(any_value(a.timezone), timezone('UTC', make_timestamp(max(e.start_us)))) AS last_local
    FROM schedule_event e JOIN channel c USING (channel) CROSS JOIN artefact a
    WHERE e.asset_id <> ''
    GROUP BY c.number, c.position, e.program, e.asset_id
    ORDER BY c.position, e.program, e.asset_id
    """,
    ),
    View(
        "fill",
        "Hours of programme, spots and generated pictures on each channel and broadcast date.",
        f"""
    SELECT c.number, s.broadcast_date,
           sum(CASE WHEN s.kind = 'program' THEN s.end_us - s.start_us ELSE 0 END) / 3.6e9 AS program_hours,
           sum(CASE WHEN s.asset_id <> '' AND s.kind IN {_SPOT_KINDS}
               THEN s.end_us - s.start_us ELSE 0 END) / 3.6e9 AS spot_hours,
           sum(CASE WHEN s.synthetic <> '' THEN s.end_us - s.start_us ELSE 0 END) / 3.6e9
               AS synthetic_hours,
           count(*) AS segments
    FROM segment s JOIN channel c USING (channel)
    GROUP BY c.number, c.position, s.broadcast_date
    ORDER BY c.position, s.broadcast_date
    """,  # noqa: S608  our own words
    ),
)


#: The as-run log (playout/as_run_log.py): JSON Lines and Parquet files, no part of the artefact.
AS_RUN = Table(
    "as_run",
    "What really left, one row a run of ticks that showed one thing for one reason.",
    ("session", "run"),
    (
        ("channel", "VARCHAR", "slug"),
        ("broadcast_date", "DATE", "broadcast date on which it left; a run never crosses its end"),
        ("session", "VARCHAR", "one stay of the channel on the air"),
        ("run", "BIGINT", "number of the run within the session, from 0"),
        ("rate", "VARCHAR", "ticks per second, as a fraction"),
        ("first_tick", "BIGINT", "number of its first tick, counted from 1970 at that rate"),
        ("ticks", "BIGINT", "how many ticks, each one picture"),
        ("start_us", "BIGINT", "station time of its first tick"),
        ("end_us", "BIGINT", "station time at which its last tick ends"),
        ("kind", "VARCHAR", "how its pictures came about: real, held (the last is kept), fallback, "
         "override (an operator's order), slate; unlogged where records could not be written and are lost"),
        ("cause", "VARCHAR", "why it is not what was planned; empty when it is"),
        ("segment_date", "DATE", "→ segment: broadcast date of the playlog entry that was due"),
        ("seq", "BIGINT", "→ segment: its number within that date"),
        ("event_id", "BIGINT", "→ schedule_event: the programme that was due"),
        ("segment_kind", "VARCHAR", "program, ad, promo, …"),
        ("asset_id", "VARCHAR", "→ asset: what was shown; empty for a synthetic and for slate"),
        ("synthetic", "VARCHAR", "→ synthetic: what was shown"),
        ("in_us", "BIGINT", "offset into the asset at the first tick"),
        ("frame_from", "BIGINT", "first frame of the asset that was shown, from 0"),
        ("frame_to", "BIGINT", "the frame after the last that was shown"),
        ("emitted_us", "BIGINT", "station time at which its first tick left"),
        ("late_us", "BIGINT", "most that a tick left after its time (the lead before its station time)"),
        ("artefact", "VARCHAR", "content hash of the artefact whose playlog authorised it"),
        ("generation", "BIGINT", "generation of the playlog that authorised it"),
        ("crawl", "VARCHAR", "the words that an operator's order had run over it"),
        ("closed", "BOOLEAN", "false: it is on the air now, or a power cut took what followed"),
        ("broken_off", "BOOLEAN", "true: a later sign-on found it not closed, so what followed was lost"),
    ),
)  # fmt: skip


#: What a generation of the playlog (store/generations.py) has besides the artefact's tables.
GENERATION = Table(
    "generation",
    "One row: which generation of the playlog this file is.",
    ("generation",),
    (
        ("generation", "BIGINT", "its number; the as-run log cites it"),
        ("artefact", "VARCHAR", "content hash of the artefact it was cut from"),
        ("cut_at_us", "BIGINT", "station time at which it was cut (µs since 1970, UTC)"),
        ("start_us", "BIGINT", "the segments from here"),
        ("end_us", "BIGINT", "to here are in it"),
    ),
)


# --- the documentation -----------------------------------------------------------------------------

_INSTANT = ("start_us", "end_us", "emitted_us")


def _rows(table: Table) -> Iterator[str]:
    yield table.about + (f" Key: {', '.join(f'`{name}`' for name in table.key)}." if table.key else "")
    yield ""
    yield "| Column | Type | Meaning |"
    yield "| --- | --- | --- |"
    for name, kind, meaning in table.columns:
        unit = " (µs since 1970, UTC)" if name in _INSTANT else " (µs)" if name.endswith("_us") else ""
        yield f"| `{name}` | {kind} | {meaning}{unit} |"
    yield ""


def _tables() -> Iterator[str]:
    for table in TABLES:
        yield f"### {table.name}"
        yield ""
        yield from _rows(table)
    yield "### Views"
    yield ""
    yield "| View | Shows |"
    yield "| --- | --- |"
    for view in VIEWS:
        yield f"| `{view.name}` | {view.about} |"
    yield ""


def with_tables(readme: str) -> str:
    """``readme`` with its parts on the artefact and the as-run log, if it has them, brought up to date."""
    readme = _replaced(readme, "tables", f"Version {SCHEMA_VERSION}.\n\n" + "\n".join(_tables()))
    readme = _replaced(readme, "playlog", "\n".join(_rows(GENERATION)))
    return _replaced(readme, "as-run", "\n".join(_rows(AS_RUN)))


def _replaced(readme: str, part: str, said: str) -> str:
    begin, end = f"<!-- {part}: begin -->", f"<!-- {part}: end -->"
    pattern = re.compile(rf"(?<={re.escape(begin)}\n).*(?={re.escape(end)})", re.DOTALL)
    return pattern.sub(lambda _: f"\n{said}\n", readme)
