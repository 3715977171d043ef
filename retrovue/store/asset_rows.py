"""Asset rows: what the artefact says of an asset, as the text that DuckDB reads."""

from __future__ import annotations

import json

from retrovue.library.catalog import Asset, spelt
from retrovue.store.event_rows import Row, or_null, row_text, words

#: As ``json.dumps``, which makes an encoder each time that it is asked for anything out of the ordinary.
_spoken = json.JSONEncoder(ensure_ascii=False).encode


def asset_row(a: Asset) -> Row:
    """The row of an asset, in the order of its columns."""
    return (
        a.id,
        a.collection,
        a.key,
        a.state.value,
        a.approved,
        a.path,
        a.size,
        a.duration_us,
        a.frames,
        a.rate,
        a.width,
        a.height,
        a.sar,
        a.interlaced,
        a.field_order,
        a.primaries,
        a.transfer,
        a.matrix,
        a.picture_us,
        a.fit,
        a.video_codec,
        a.audio_codec,
        a.audio_channels,
        _spoken([*map(spelt, a.audio)]) if a.audio else "[]",
        _spoken([*map(spelt, a.subtitles)]) if a.subtitles else "[]",
        _spoken(a.marks_us),
        a.title,
        a.series,
        or_null(a.season),
        or_null(a.episode),
        or_null(a.year),
        a.date,
        a.description,
        a.rating,
        words(a.tags),
        words(a.dayparts),
        a.advertiser,
        a.category,
        _spoken(a.artwork),
        _spoken([*map(spelt, a.credits)]) if a.credits else "[]",
        _spoken(dict(sorted(a.extra.items()))) if a.extra else "{}",
    )


def asset_written(asset: Asset) -> str:
    """The same as text."""
    return row_text([asset_row(asset)])
