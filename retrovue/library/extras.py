"""Extras: trailers, samples and featurettes beside films and series, as Kodi and Jellyfin name them; pure."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from retrovue.library.naming import parse_name

#: Folders of nothing else. Words that programmes are called by, too ("shorts", "clips", "interviews"), are
#: not among them, nor below.
_FOLDER = re.compile(
    r"extras?|trailers?|featurettes?|samples?|(?:behind[ ._-]?the|deleted)[ ._-]?scenes?", re.IGNORECASE
)
#: "Charade (1963)-trailer", "charade.sample", "trailer2". With a space, "The Office - S01E02 - Sample", it
#: may be a title.
_FILE = re.compile(
    r"(?:.*\S)?[-._](?:trailer|sample)\d*|(?:movie-)?(?:trailer|sample)\d*"
    r"|.*\S-(?:behindthescenes|deletedscene|featurette)\d*",
    re.IGNORECASE | re.DOTALL,
)


def is_extra(path: PurePosixPath) -> bool:
    """Is the file at ``path``, relative to the source, something about a film or series?"""
    if _FILE.fullmatch(path.stem):
        return True
    *folders, _ = path.parts
    if not any(map(_FOLDER.fullmatch, folders)):
        return False
    # There is a series that is called "Extras": a folder of episodes that lies in no other's.
    named = parse_name(path)
    is_series = named.series and (named.episode is not None or named.date)
    return not (is_series and not any(map(_FOLDER.fullmatch, folders[1:])))
