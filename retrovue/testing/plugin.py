"""The pytest plug-in: options and the ``station`` fixture. Every pytest loads it: it imports next to nothing.

Settings, in pytest's own configuration file or on the command line:

=================== ===================== ==========================================================
ini                 option                meaning
=================== ===================== ==========================================================
retrovue_station    --retrovue-station    the station folder; the one with a station.yaml when absent
retrovue_range      --retrovue-range      days compiled together, "2026-12-20..2027-01-02"
=================== ===================== ==========================================================
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from retrovue.testing.station import CompiledStation

#: Where a station may be in its repository, nearest first.
_PLACES = ("station.yaml", "stations/*/station.yaml", "*/station.yaml")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("retrovue", "RetroVue stations")
    group.addoption("--retrovue-station", metavar="DIR", help="the station folder that fixture 'station' has")
    group.addoption(
        "--retrovue-range", metavar="DATES", help="days that are compiled together: 2026-12-20..2027-01-02"
    )
    parser.addini("retrovue_station", "the station folder, relative to the root directory", default="")
    parser.addini("retrovue_range", "days that are compiled together: 2026-12-20..2027-01-02", default="")


def pytest_configure(config: pytest.Config) -> None:
    # A day's file is called after the day; syrupy would have the name of the test that looks at it.
    day = r"\s*Can not relate snapshot name '\S+ \d{4}-\d\d-\d\d( playlist)?' to"
    config.addinivalue_line("filterwarnings", f"ignore:{day}")


@pytest.fixture(scope="session")
def station(pytestconfig: pytest.Config) -> CompiledStation:
    """The station of this repository: its guide, its playlists, its mistakes. Compiled in memory."""
    from retrovue.errors import RetroVueError
    from retrovue.testing.station import CompiledStation

    dates = pytestconfig.getoption("--retrovue-range") or pytestconfig.getini("retrovue_range")
    try:
        return CompiledStation(_folder(pytestconfig), dates)
    except RetroVueError as error:
        pytest.fail(str(error) + (f"\nhelp: {error.help}" if error.help else ""), pytrace=False)


def _folder(config: pytest.Config) -> Path:
    given = config.getoption("--retrovue-station")
    if given:
        return config.invocation_params.dir / str(given)
    if named := config.getini("retrovue_station"):
        return config.rootpath / str(named)
    for place in _PLACES:
        found = sorted(config.rootpath.glob(place))
        if len(found) == 1:
            return found[0].parent
        if found:
            listed = ", ".join(f.parent.relative_to(config.rootpath).as_posix() for f in found)
            pytest.fail(f"which station? There are {listed}: set retrovue_station", pytrace=False)
    pytest.fail(f"there is no station.yaml in {config.rootpath}: set retrovue_station", pytrace=False)
