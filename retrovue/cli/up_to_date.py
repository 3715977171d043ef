"""Is an artefact up to date? Told from the hashes of the files it was made from, before anything is read.

A compile whose files, ledger, range and compiler are those that the artefact names would make the same
rows again, so it has nothing to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retrovue.compiler.model import CompiledChannel
    from retrovue.store import Artefact

#: Begins the name of the input that is a file.
FILE = "file "
#: The artefact that was on the air when this one was made: its content hash, or empty.
BASE = "base"
#: How many days are compiled when the command line doesn't say.
DEFAULT_DAYS = "default days"
COMPILER = "compiler"


def file_hashes(folder: Path, more: Iterable[str] = ()) -> dict[str, str]:
    """Input's name → sha256 of every file of the station folder that a compile reads, and of ``more``
    (relative names, of included files). A file that is gone has the hash of nothing."""
    from retrovue.library.catalog import LOCK_FOLDER as FOLDER
    from retrovue.station.files import station_files
    from retrovue.store.ledger import NAME

    files = dict(station_files(folder))
    lock = folder / FOLDER
    for path in sorted(lock.glob("*")) if lock.is_dir() else ():
        files[f"{FOLDER}/{path.name}"] = path
    if (folder / NAME).is_file():
        files[NAME] = folder / NAME
    for name in more:
        files.setdefault(name, folder / name)
    found = {}
    for name, path in files.items():
        try:
            found[FILE + name] = sha256(path.read_bytes()).hexdigest()
        except OSError:
            found[FILE + name] = ""
    return found


def nothing_to_do(
    artefact: Artefact,
    folder: Path,
    first_day: date | None,
    days: int | None,
    as_of_us: int,
    base_hash: str,
    compiler: str,
) -> bool:
    """Would a compile give what ``artefact`` holds? Only a yes is certain."""
    inputs, header = artefact.inputs(), artefact.header
    wanted = days if days is not None else int(inputs.get(DEFAULT_DAYS, "0"))
    begin = first_day or _date_at(artefact.channels, header.timezone, as_of_us)
    if (begin, begin + timedelta(days=wanted - 1)) != (header.first_day, header.last_day):
        return False
    # Made from what is now its own base, or from none, as now: else the locked time may differ.
    if base_hash not in (inputs.get(BASE, ""), header.content_hash):
        return False
    if inputs.get(COMPILER) != compiler:
        return False
    recorded = {name: value for name, value in inputs.items() if name.startswith(FILE)}
    more = (name.removeprefix(FILE) for name in recorded)
    return bool(recorded) and file_hashes(folder, more) == recorded


def made_from(
    folder: Path, sources: Iterable[str], base_hash: str, default_days: int, compiler: str
) -> Mapping[str, str]:
    """The inputs to be recorded; ``sources`` are the names of the YAML files that were read."""
    return {
        **file_hashes(folder, sources),
        BASE: base_hash,
        DEFAULT_DAYS: str(default_days),
        COMPILER: compiler,
    }


def _date_at(channels: Iterable[CompiledChannel], timezone: str, instant_us: int) -> date:
    from zoneinfo import ZoneInfo

    from retrovue.broadcast_day import Calendar

    zone = ZoneInfo(timezone)
    return min(Calendar(zone, c.day_start_minutes, c.grid_us).date_of(instant_us) for c in channels)
