"""Tvheadend's JSON API: what each path answers; no HTTP here, so that HTSP's ``api`` can ask, too.

docs/tvheadend.md says who asks for which.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from retrovue.headend.tvheadend import epg_grid, grids, idnodes
from retrovue.headend.tvheadend.backend import Backend
from retrovue.headend.tvheadend.languages import LANGUAGES
from retrovue.headend.tvheadend.paging import Arguments, pairs

#: Paths that may read a whole guide: the pictures share the event loop.
ON_A_THREAD = epg_grid.ON_A_THREAD


def answer(backend: Backend, path: str, arguments: Arguments) -> Any:
    """What ``/api/<path>`` says; None: there is no such path."""
    route = ROUTES.get(path)
    return route(backend, arguments) if route is not None else None


ROUTES: dict[str, Callable[[Backend, Arguments], Any]] = {
    **grids.ROUTES,
    **epg_grid.ROUTES,
    **idnodes.ROUTES,
    **dict.fromkeys(("language/list", "language/locale"), lambda _, __: pairs(LANGUAGES)),
    "pathlist": lambda _, __: sorted(ROUTES),
}
#: What a recorder is told, over HTSP, too: Kodi shows it as a notification and goes on.
NO_RECORDINGS = "This station is watched as it airs: it records nothing"
#: What a recorder would be told to do. Whoever asks has no right to it, and nobody has.
WRITES = frozenset(
    f"dvr/{thing}/{verb}"
    for thing, verbs in {
        "entry": ("create", "create_by_event", "cancel", "stop", "remove", "rerecord/toggle"),
        "autorec": ("create", "create_by_series"),
        "timerec": ("create",),
        "config": ("create",),
    }.items()
    for verb in verbs
) | {"idnode/save", "idnode/delete"}
