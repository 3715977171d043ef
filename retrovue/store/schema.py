"""The artefact's tables and views, and the version that names their shape.

Instants in tables are ``BIGINT`` microseconds since the Unix epoch (UTC), durations microseconds;
intervals are half-open. The views ``guide`` and ``playlist`` are the same rows for people: plain
``TIMESTAMP`` in UTC and in station time, names joined.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Raised by one whenever a table changes its shape; a reader refuses every other version.
SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its columns with their types, in the order in which rows are written."""

    name: str
    columns: tuple[tuple[str, str], ...]
    key: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.columns)

    @property
    def ddl(self) -> str:
        """``CREATE TABLE``. Keys are not declared to DuckDB: an index costs memory and write time,
        and the compiler's rows are checked by its tests instead."""
        columns = ", ".join(f"{name} {kind}" for name, kind in self.columns)
        return f"CREATE TABLE {self.name} ({columns})"


ARTEFACT = Table(
    "artefact",
    (
        ("schema_version", "INTEGER"),
        ("content_hash", "VARCHAR"),
        ("station", "VARCHAR"),
        ("name", "VARCHAR"),
        ("timezone", "VARCHAR"),
        ("first_day", "DATE"),
        ("last_day", "DATE"),
        ("start_us", "BIGINT"),
        ("end_us", "BIGINT"),
        ("as_of", "TIMESTAMP"),
        ("compiler_version", "VARCHAR"),
        ("sources_hash", "VARCHAR"),
        ("catalog_hash", "VARCHAR"),
        ("revision", "VARCHAR"),
        ("built_at", "TIMESTAMP"),
    ),
    (),
)

CHANNEL = Table(
    "channel",
    (
        ("channel", "VARCHAR"),
        ("number", "VARCHAR"),
        ("vchannel", "INTEGER"),
        ("name", "VARCHAR"),
        ("callsign", "VARCHAR"),
        ("guide_id", "VARCHAR"),
        ("channel_group", "VARCHAR"),
        ("logo", "VARCHAR"),
        ("grid_us", "BIGINT"),
        ("day_start_minutes", "INTEGER"),
        ("raster", "VARCHAR"),
        ("rate", "VARCHAR"),
        ("preset", "VARCHAR"),
        ("video_kbps", "INTEGER"),
        ("audio_kbps", "INTEGER"),
        ("position", "INTEGER"),
    ),
    ("channel",),
)

SYNTHETIC = Table(
    "synthetic",
    (("synthetic", "VARCHAR"), ("shows", "VARCHAR"), ("title", "VARCHAR"), ("text", "VARCHAR")),
    ("synthetic",),
)

ASSET = Table(
    "asset",
    (
        ("asset_id", "VARCHAR"),
        ("collection", "VARCHAR"),
        ("key", "VARCHAR"),
        ("path", "VARCHAR"),
        ("size", "BIGINT"),
        ("duration_us", "BIGINT"),
        ("frames", "BIGINT"),
        ("rate", "VARCHAR"),
        ("width", "INTEGER"),
        ("height", "INTEGER"),
        ("sar", "VARCHAR"),
        ("interlaced", "BOOLEAN"),
        ("video_codec", "VARCHAR"),
        ("audio_codec", "VARCHAR"),
        ("audio_channels", "INTEGER"),
        ("marks_us", "BIGINT[]"),
        ("title", "VARCHAR"),
        ("series", "VARCHAR"),
        ("season", "INTEGER"),
        ("episode", "INTEGER"),
        ("year", "INTEGER"),
        ("date", "VARCHAR"),
        ("description", "VARCHAR"),
        ("rating", "VARCHAR"),
        ("tags", "VARCHAR[]"),
        ("advertiser", "VARCHAR"),
        ("category", "VARCHAR"),
        ("extra", "JSON"),
    ),
    ("asset_id",),
)

SCHEDULE_EVENT = Table(
    "schedule_event",
    (
        ("event_id", "INTEGER"),
        ("channel", "VARCHAR"),
        ("broadcast_date", "DATE"),
        ("start_us", "BIGINT"),
        ("end_us", "BIGINT"),
        ("title", "VARCHAR"),
        ("subtitle", "VARCHAR"),
        ("description", "VARCHAR"),
        ("season", "INTEGER"),
        ("episode", "INTEGER"),
        ("year", "INTEGER"),
        ("original_date", "VARCHAR"),
        ("categories", "VARCHAR[]"),
        ("rating", "VARCHAR"),
        ("kind", "VARCHAR"),
        ("program", "VARCHAR"),
        ("asset_id", "VARCHAR"),
        ("plan", "VARCHAR"),
        ("zone", "VARCHAR"),
        ("written_at", "VARCHAR"),
    ),
    ("event_id",),
)

SEGMENT = Table(
    "segment",
    (
        ("channel", "VARCHAR"),
        ("broadcast_date", "DATE"),
        ("seq", "INTEGER"),
        ("start_us", "BIGINT"),
        ("end_us", "BIGINT"),
        ("kind", "VARCHAR"),
        ("event_id", "INTEGER"),
        ("asset_id", "VARCHAR"),
        ("in_us", "BIGINT"),
        ("synthetic", "VARCHAR"),
        ("title", "VARCHAR"),
        ("pool", "VARCHAR"),
    ),
    ("channel", "broadcast_date", "seq"),
)

FALLBACK = Table(
    "fallback",
    (("event_id", "INTEGER"), ("position", "INTEGER"), ("asset_id", "VARCHAR")),
    ("event_id", "position"),
)

CHECKPOINT = Table(
    "checkpoint",
    (("channel", "VARCHAR"), ("broadcast_date", "DATE"), ("cursor", "VARCHAR"), ("value", "VARCHAR")),
    ("channel", "broadcast_date", "cursor"),
)

TABLES = (ARTEFACT, CHANNEL, SYNTHETIC, ASSET, SCHEDULE_EVENT, SEGMENT, FALLBACK, CHECKPOINT)

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


def _view(text: str) -> str:
    for word, expression in _INSTANTS:
        text = text.replace(word, expression)
    return text


VIEWS = (
    _view("""
    CREATE VIEW guide AS
    SELECT c.number, c.name AS channel_name, e.broadcast_date,
           @e_start_local, @e_end_local, @e_start_utc, @e_end_utc,
           e.title, e.subtitle, e.season, e.episode, e.rating, e.kind, e.program, e.asset_id,
           e.plan, e.zone, e.written_at, e.event_id, e.channel
    FROM schedule_event e JOIN channel c USING (channel) CROSS JOIN artefact a
    ORDER BY c.position, e.start_us
    """),
    _view("""
    CREATE VIEW playlist AS
    SELECT c.number, c.name AS channel_name, s.broadcast_date, s.seq,
           @s_start_local, @s_end_local, @s_start_utc, @s_end_utc,
           (s.end_us - s.start_us) / 1e6 AS seconds, s.in_us / 1e6 AS in_seconds,
           s.kind, s.title, s.asset_id, s.synthetic, s.pool, e.title AS event_title, s.event_id, s.channel
    FROM segment s JOIN schedule_event e USING (event_id) JOIN channel c ON c.channel = s.channel
         CROSS JOIN artefact a
    ORDER BY c.position, s.start_us
    """),
)
