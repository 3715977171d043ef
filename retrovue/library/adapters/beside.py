"""What lies beside a media file: its sidecar and its subtitles. Thin: reads files, decides nothing."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from retrovue.library.catalog import SubtitleTrack
from retrovue.library.naming import subtitle_files


class Neighbours:
    """The names in one folder, found by what they begin with: a folder may hold ten thousand."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = sorted(names)

    def beginning(self, start: str) -> list[str]:
        """The names that begin with ``start``, in order."""
        first = bisect_left(self.names, start)
        last = first
        while last < len(self.names) and self.names[last].startswith(start):
            last += 1
        return self.names[first:last]

    def subtitles(self, path: PurePosixPath) -> tuple[SubtitleTrack, ...]:
        """The subtitle files of the media file at ``path``, which lies in this folder."""
        return subtitle_files(path, self.beginning(path.stem + "."))


def over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of an asset, of which those of ``above`` win; what ``extra`` holds, key by key."""
    both = {**below, **above}
    if "extra" in below and "extra" in above:
        both["extra"] = {**below["extra"], **above["extra"]}
    return both


def read_small(file: Path, most: int) -> bytes:
    """Up to ``most`` bytes of a small file. Raises ``ValueError`` that says why not."""
    try:
        with file.open("rb") as opened:
            content = opened.read(most + 1)
    except OSError as error:
        raise ValueError(f"can't be read: {error.strerror}") from None
    if len(content) > most:
        raise ValueError(f"is larger than {most} bytes")
    return content


def read_sidecar(file: Path) -> dict[str, Any]:
    """The asset fields that the sidecar at ``file`` sets; none when there is no such file.

    Raises ``ValueError`` that says what is wrong with it.
    """
    if not file.is_file():  # nor wait at a pipe
        return {}
    from retrovue.library.sidecar import MAX_BYTES, parse_sidecar  # here: a station that is read needs none

    content = read_small(file, MAX_BYTES)
    try:
        return parse_sidecar(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8 text") from None
