"""Call sheet: all that the process on the air must know of the station's YAML, read by a process of its own.

    python -m retrovue.call_sheet < request (JSON) > answer

The model of a large station, and what reads it, takes more memory than airing it. So the station that serves
never holds it: it sends for the sheet (``send_for``) at sign-on and whenever the YAML changes.
"""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrovue.clock import MasterClock
from retrovue.errors import RetroVueError
from retrovue.lineup import ChannelId, EmergencyMode
from retrovue.playout.admission import Encoders, budget_of
from retrovue.playout.control_room import EmergencyDefaults
from retrovue.playout.cores import cores
from retrovue.playout.director import Presentation
from retrovue.playout.errand import Errand, send
from retrovue.playout.ladder import Patience
from retrovue.playout.live import LiveFeed
from retrovue.playout.schedule_service import Planning, logo_files, media_roots
from retrovue.secret import read_secret
from retrovue.units import SECOND_US

if TYPE_CHECKING:
    from retrovue.station.model import Device, Live, StationModel, VirtualDevice

#: Reading a station takes longer than this (seconds) only where its folder is as good as gone.
_PATIENCE_S = 300.0
_HEADEND = (
    "bind", "http_port", "port_80", "stream_port", "control_port", "discovery", "external_url", "zeroconf",
    "tvheadend", "htsp_port", "tvheadend_port", "xtream", "allow", "ssdp",
)  # fmt: skip


class StationRefused(RetroVueError):
    """The station's YAML can't be used. ``first``: the first mistake with its place, and how many more."""

    def __init__(self, message: str, help: str, first: str) -> None:
        super().__init__(message, help)
        self.first = first


@dataclass(frozen=True, slots=True)
class CallSheet:
    """One reading of the station's YAML. It goes through a pickle: no open files, no lambdas."""

    station: str  #: slug
    written_state: Path | None  #: the state directory that station.yaml names
    linger_s: float
    patience: Patience
    presentation: Presentation
    encoders: Encoders
    emergency: EmergencyDefaults
    planning: Planning
    serve: Mapping[str, Any]  #: what station.yaml says under serve: of the head-end
    tuner: Mapping[str, Any]  #: and under tuner:
    token: Callable[[], str]  #: of the control API; raises RetroVueError
    accounts: tuple[tuple[str, Callable[[], str]], ...]  #: of viewers: names, and passwords like the token
    tokens: tuple[tuple[str, Callable[[], str]], ...]  #: of URLs: names, and tokens likewise


async def send_for(station: Path, clock: MasterClock) -> CallSheet:
    """Raises ``StationRefused`` for mistakes in the YAML and other ``RetroVueError``."""
    request = json.dumps(str(station)).encode()
    line, body = await send(Errand(__name__, request, _PATIENCE_S), clock)
    _, message, help, first = json.loads(line)
    if message:
        raise StationRefused(message, help, first)
    sheet = pickle.loads(body)  # noqa: S301  written by our own child
    assert isinstance(sheet, CallSheet)
    return sheet


def call_sheet(model: StationModel, folder: Path) -> CallSheet:
    """What the model says, for the station in ``folder``."""
    station = model.station
    return CallSheet(
        station.station,
        model.written_state,
        station.linger / SECOND_US,
        patience(model),
        presentation(model),
        encoders(model),
        EmergencyDefaults(station.emergency.text, EmergencyMode(station.emergency.mode)),
        planning(model, folder),
        {name: getattr(station.serve, name) for name in _HEADEND},
        {**_tuner(station.tuner), "devices": [_device(device) for device in station.tuner.devices]},
        _secret(station.serve.token, model.folder),
        tuple((a.name, _secret(a.password, model.folder)) for a in station.serve.accounts),
        tuple((t.name, _secret(t.token, model.folder)) for t in station.serve.tokens),
    )


def _tuner(device: VirtualDevice) -> dict[str, Any]:
    return {
        "name": device.name,
        "count": device.count,
        "personality": device.personality.value,
        "device_id": device.device_id or "",
        "channels": device.channels,
    }


def _device(device: Device) -> dict[str, Any]:
    own = {"device": device.device, "http_port": device.http_port, "bind": device.bind}
    return {**_tuner(device), **own}


def planning(model: StationModel, folder: Path) -> Planning:
    """How far to plan ahead, and where the station's files are."""
    station = model.station
    return Planning(
        station.timezone,
        station.horizon.guide,
        station.horizon.playlog,
        tuple(station.ladder.checks),
        media_roots(model, folder),
        logo_files(model, folder),
    )


def patience(model: StationModel) -> Patience:
    """How long the station waits for what can't be played."""
    ladder = model.station.ladder
    return Patience(
        first_s=ladder.first_picture / SECOND_US,
        hung_s=ladder.next_picture / SECOND_US,
        restarts=ladder.restarts,
        retry_s=ladder.retry / SECOND_US,
    )


def presentation(model: StationModel) -> Presentation:
    """What isn't in the schedule: the emergency desk's voice, and the pictures of sign-offs."""
    station = model.station
    return Presentation(
        voice=station.emergency.voice or f"This is a fictional emergency of {station.name}.",
        sign_off={ChannelId(c.channel): c.sign_off or station.sign_off for c in model.channels},
        lives={slug: _feed(live, model.folder) for slug, live in model.lives.items()},
    )


def _feed(live: Live, folder: Path) -> LiveFeed:
    return LiveFeed(
        live.live,
        live.url,
        live.buffer / SECOND_US,
        live.interlaced,
        str((folder / live.certificate).resolve()) if live.certificate else "",
        _secret(live.user, folder),
        _secret(live.password, folder),
    )


def _secret(reference: str | None, folder: Path) -> Callable[[], str]:
    """Read when it is needed, and from then on never kept."""
    return partial(read_secret, reference, folder) if reference else str


def encoders(model: StationModel) -> Encoders:
    """How much encoding the machine bears, by the YAML or by what it has."""
    said = model.station.encoders
    budget = budget_of(cores()) if said.budget == "auto" else said.budget
    return Encoders(budget, degrade=said.beyond == "degrade")


def main(argv: Sequence[str] | None = None) -> int:
    """Answer one request on standard output."""
    from retrovue.diagnostics import Severity
    from retrovue.library.adapters import settings_models
    from retrovue.station.load import StationErrors, require_station

    folder = Path(json.loads(sys.stdin.read()))
    message = help = first = ""
    body = b""
    try:
        body = pickle.dumps(call_sheet(require_station(folder, settings_models()), folder))
    except StationErrors as error:
        errors = [d for d in error.loaded.diagnostics if d.severity is Severity.ERROR]
        where = f"{errors[0].span.file}:{errors[0].span.line}: " if errors[0].span else ""
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        message, help, first = str(error), error.help, f"{where}{errors[0].headline}{more}"
    except RetroVueError as error:
        message, help, first = str(error), error.help, str(error)
    out = sys.stdout.buffer
    out.write(json.dumps([len(body), message, help, first]).encode() + b"\n" + body)
    out.flush()
    return 0


if __name__ == "__main__":
    # What is pickled here must be known by this name where it is read.
    from retrovue import call_sheet as _module

    sys.exit(_module.main())
