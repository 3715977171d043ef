"""The sidecar: ``name.yaml`` beside ``name.mkv``, where a person writes what the file doesn't say; pure."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Mapping
from difflib import get_close_matches
from reprlib import Repr
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from retrovue.credits import JOBS, Credit, in_order
from retrovue.library.catalog import FLIGHT, MOST_NUMBER, MOST_YEAR, flight_word
from retrovue.units import SECOND_US

#: A sidecar is a few lines; more is a mistake.
MAX_BYTES = 65_536

#: What is written, as far as a message has room: a few aliases can make a list of millions.
_shown = Repr()
_shown.maxstring = _shown.maxother = 60
_shown.maxlevel = 2

_OFFSET = re.compile(r"(?:(\d+):)?([0-5]?\d|\d+):([0-5]\d)(?:\.(\d{1,6}))?")


def _offset(value: object) -> int:
    """Microseconds of ``"12:04.5"``, ``"1:02:03"`` or a number of seconds."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return round(value * SECOND_US)
    match = _OFFSET.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{_shown.repr(value)} is no offset: write it like 12:04, 1:02:03.5 or in seconds")
    hours, minutes, seconds, fraction = match.groups()
    whole = (int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)
    return whole * SECOND_US + int((fraction or "").ljust(6, "0"))


def offset_text(offset_us: int) -> str:
    """As ``_offset`` reads it: "12:04", "1:02:03.5", exact to the microsecond."""
    seconds, fraction = divmod(offset_us, SECOND_US)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    whole = f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
    return whole + (f".{fraction:06}".rstrip("0") if fraction else "")


def _word(value: object) -> object:
    """YAML reads the title of Orwell's film as a number."""
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def _text(value: str) -> str:
    """Escapes in YAML and JSON can name half a character, which no file can hold."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("has half a character (a lone surrogate) in it") from None
    return value


def _day(value: object) -> object:
    if isinstance(value, datetime.datetime):
        return value.date().isoformat()
    if isinstance(value, datetime.date):
        return value.isoformat()
    try:
        return datetime.date.fromisoformat(value if isinstance(value, str) else "").isoformat()
    except ValueError:
        raise ValueError(f"{_shown.repr(value)} is no date: write it like 1963-12-05") from None


def _several(value: object) -> object:
    """A list in which one value may stand for itself. A set has no order that would be the same each time."""
    if isinstance(value, (set, frozenset, dict)):
        raise ValueError("write a list, like [a, b]")
    return value if isinstance(value, (list, tuple)) else (value,)


Word = Annotated[str, BeforeValidator(_word), AfterValidator(_text)]
Offset = Annotated[int, BeforeValidator(_offset), Field(ge=0)]
Number = Annotated[int, Field(ge=0, le=MOST_NUMBER)]


def _flights(value: object) -> tuple[str, ...]:
    return tuple(flight_word(word) for word in (value if isinstance(value, list) else [value]))


def _people(value: object) -> object:
    """People by job: a name, several, or for actors whom they play. Raises ``ValueError``."""
    if not isinstance(value, dict):
        raise ValueError("write them by job, like director: Buster Keaton")
    found: list[Credit] = []
    for job, people in value.items():
        if job not in JOBS:
            raise ValueError(f"{_shown.repr(job)} is none of {', '.join(JOBS)}")
        if isinstance(people, dict):
            if job != "actor":
                raise ValueError(f"{job}: only an actor plays somebody: write a name, or a list of them")
            found += (Credit(job, _name(name), _name(role)) for name, role in people.items())
        else:
            names = people if isinstance(people, list) else [people]
            found += (Credit(job, _name(name)) for name in names)
    return in_order(found)


def _name(value: object) -> str:
    word = _word(value)
    if not isinstance(word, str) or not word.strip():
        raise ValueError(f"{_shown.repr(value)} is nobody's name")
    return _text(" ".join(word.split()))


class Sidecar(BaseModel):
    """What may stand in a sidecar."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: Annotated[Word, Field(pattern=r"\S")] | None = None
    """The asset's stable key within its collection, instead of the one made from its name."""
    title: Word | None = None
    series: Word | None = None
    season: Number | None = None
    episode: Number | None = None
    year: Annotated[int, Field(ge=0, le=MOST_YEAR)] | None = None
    date: Annotated[str, BeforeValidator(_day)] | None = None
    """Original air date."""
    description: Word | None = None
    marks: Annotated[tuple[Offset, ...], BeforeValidator(_several)] | None = None
    """Where breaks may fall: offsets like 12:04 or 1:02:03.5; [] for nowhere, whatever the chapters say."""
    suggested_marks: Annotated[tuple[Offset, ...], BeforeValidator(_several)] | None = None
    """Where ``retrovue breaks suggest`` thinks that breaks may fall; nothing follows from it before a person
    has made it ``marks``."""
    fit: Literal["letterbox", "crop", "stretch"] | None = None
    """How the picture fills the screen where it is not 16:9."""
    rating: Word | None = None
    tags: Annotated[tuple[Word, ...], BeforeValidator(_several)] | None = None
    advertiser: Word | None = None
    category: Word | None = None
    flight: Annotated[tuple[str, ...], BeforeValidator(_flights)] | None = None
    """When it may air as a spot: dates like 2026-11-01..2026-12-24, one or a list."""
    credits: Annotated[tuple[Credit, ...], BeforeValidator(_people)] | None = None
    """Who made it and who is in it: names by job, with the roles of actors."""
    extra: Mapping[Word, Word] | None = None
    """Anything else worth keeping."""

    @field_validator("extra")
    @classmethod
    def _flies(cls, extra: Mapping[str, str] | None) -> Mapping[str, str] | None:
        for word in (extra or {}).get(FLIGHT, "").split():
            flight_word(word)
        return extra


def _said(kind: str, name: str, message: str) -> str:
    if kind != "extra_forbidden":
        return message.removeprefix("Value error, ")
    near = get_close_matches(name, Sidecar.model_fields, 1)
    return f"there is no such field{f': did you mean {near[0]}?' if near else ''}"


def parse_sidecar(text: str) -> dict[str, Any]:
    """The asset fields (and perhaps ``key``) that a sidecar sets. Raises ``ValueError`` that says where."""
    try:
        values = YAML(typ="safe").load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ValueError(f"{where}{error.problem or 'this is no YAML'}") from None
    except (YAMLError, ValueError, RecursionError) as error:
        raise ValueError(
            f"this is no YAML: {str(error).splitlines()[0] if str(error) else 'too deep'}"
        ) from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ValueError("write it as fields, like title: The Pilot")
    return sidecar_fields(values)


def sidecar_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """The asset fields (and perhaps ``key``) that ``values`` set, as in a sidecar. Raises ``ValueError``."""
    try:
        sidecar = Sidecar.model_validate(values)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(_shown.repr(s) if isinstance(s, tuple) else str(s) for s in fault["loc"])
        raise ValueError(f"{place}: {_said(fault['type'], place, fault['msg'])}") from None
    written = {name: value for name, value in sidecar if value is not None}
    if "flight" in written:
        written["extra"] = {**written.get("extra", {}), FLIGHT: " ".join(written.pop("flight"))}
    written.pop("suggested_marks", None)
    if "marks" in written:
        written["marks_us"] = tuple(sorted(set(written.pop("marks"))))
    return written
