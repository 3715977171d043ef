"""The operator's line to a station that is on the air: its control API, found through the state directory."""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from retrovue.errors import RetroVueError

if TYPE_CHECKING:
    import argparse

#: Where the station is, when it is on another machine; and its token.
URL_VARIABLE, TOKEN_VARIABLE = "RETROVUE_URL", "RETROVUE_TOKEN"
#: A station that doesn't answer within this (seconds) doesn't answer.
_PATIENCE_S = 15.0
_NONE = "put one on the air: retrovue serve; one that has a --state of its own is found by the same --state"


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments that say which station is meant."""
    parser.add_argument(
        "station",
        type=Path,
        nargs="?",
        metavar="STATION",
        help="folder of the station's YAML; default: this folder, else the one station on the air here",
    )
    parser.add_argument("--state", metavar="DIR", help="its state directory (environment: RETROVUE_STATE)")
    parser.add_argument(
        "--url", help=f"its address, when it is on another machine (environment: {URL_VARIABLE})"
    )
    parser.add_argument("--json", action="store_true", help="the answer as one line of JSON")


@dataclass(frozen=True, slots=True)
class Line:
    """How a station is spoken to."""

    url: str
    token: str

    def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        patience_s: float = _PATIENCE_S,
    ) -> dict[str, Any]:
        """One request of the control API. Raises ``RetroVueError``."""
        where = urlsplit(self.url)
        if where.scheme not in ("http", "https") or not where.hostname:
            raise RetroVueError(f"{self.url!r} is no address", help="write it like http://192.168.1.10:8080")
        kind = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
        headers = {"Accept": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None
        if body is not None:
            headers["Content-Type"], data = "application/json", json.dumps(body).encode()
        connection = kind(where.netloc, timeout=patience_s)
        try:
            connection.request(method, f"{where.path.rstrip('/')}/api/v1{path}", data, headers)
            response = connection.getresponse()
            status, text = response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise RetroVueError(
                f"the station at {self.url} doesn't answer: {error}", help="is it on the air? retrovue serve"
            ) from None
        finally:
            connection.close()
        try:
            answer = json.loads(text)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise RetroVueError(f"{self.url} is no station of RetroVue that can be asked (status {status})")
        if status >= 400:
            raise RetroVueError(
                f"the station refuses: {answer.get('error', status)}", help=str(answer.get("help", ""))
            )
        return answer


def spoken(instant: str, timezone: str) -> str:
    """An instant of the API as the station's clock shows it: "Thu 26 Nov 20:00"; seconds, if any."""
    at = datetime.fromisoformat(instant).astimezone(ZoneInfo(timezone))
    return f"{at:%a %d %b %H:%M:%S}" if at.second else f"{at:%a %d %b %H:%M}"


def line(args: argparse.Namespace) -> Line:
    """The line to the station that ``args`` mean. Raises ``RetroVueError``."""
    token = os.environ.get(TOKEN_VARIABLE, "")
    if url := args.url or os.environ.get(URL_VARIABLE):
        return Line(url, token)
    state = _state(args)
    from retrovue.state_dir import address_of

    url = address_of(state)
    if not url:
        raise RetroVueError(f"no station is on the air in {state}", help=_NONE)
    return Line(url, token or _token(state))


def _state(args: argparse.Namespace) -> Path:
    from retrovue.state_dir import ENVIRONMENT, address_of, state_dir, states_home

    if args.state or os.environ.get(ENVIRONMENT):
        return state_dir("", args.state)
    folder = args.station
    if folder is None and Path("station.yaml").is_file():
        folder = Path()
    if folder is not None:
        from retrovue.station.load import require_station

        model = require_station(folder)
        return state_dir(model.station.station, None, model.written_state)
    home = states_home()
    found = [s for s in sorted(home.iterdir()) if address_of(s)] if home.is_dir() else []
    if len(found) == 1:
        return found[0]
    if not found:
        raise RetroVueError("no station is on the air here", help=_NONE)
    names = ", ".join(state.name for state in found)
    raise RetroVueError(f"several stations are on the air: {names}", help="say which: name its folder")


def _token(state: Path) -> str:
    """The kept token; empty when there is none, so that reading works all the same."""
    try:
        return (state / "token").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
