"""What the settings of several adapters have in common; pure."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from retrovue.secret import PATTERN, WrittenSecret


def _extension(value: str) -> str:
    value = value.lower().removeprefix(".")
    if not value.isalnum():
        raise ValueError(f"{value!r} is no file extension: write it like mkv")
    return value


def _folder(value: str) -> str:
    if "\0" in value or not value.strip():
        raise ValueError(f"{value!r} is no folder: write it like /srv/television")
    return value


def _secret(value: str) -> str:
    if re.fullmatch(PATTERN, value) is None:
        # What was written may be the secret itself: it is not repeated.
        raise WrittenSecret("a secret is never written here: write env:NAME or file:PATH, where it is")
    return value


FolderPath = Annotated[str, AfterValidator(_folder)]
SecretReference = Annotated[str, AfterValidator(_secret), Field(json_schema_extra={"pattern": PATTERN})]
Extensions = Annotated[
    tuple[Annotated[str, AfterValidator(_extension)], ...],
    Field(min_length=1),
]

#: What files of pictures and sound end in.
VIDEO = (
    *("mp4", "m4v", "mov", "mkv", "webm", "avi", "mpg", "mpeg", "ts", "m2ts", "vob", "wmv", "flv"),
)  # fmt: skip


class SourceSettings(BaseModel):
    """Of every adapter: what it doesn't know is a mistake, and what it says is documented."""

    model_config = ConfigDict(extra="forbid", frozen=True)
