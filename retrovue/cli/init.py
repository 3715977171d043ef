"""``retrovue init``: the repository of a new station, with everything that keeps it in order."""

from __future__ import annotations

import argparse
import re
import shlex
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from retrovue.cli.view import View

if TYPE_CHECKING:
    from collections.abc import Mapping

#: File of the repository → its template below ``templates/init``.
FILES = {
    "station.yaml": "station.yaml",
    "channels/{channel}.yaml": "channel.yaml",
    "plans/every-day.yaml": "plan.yaml",
    "programs/welcome.yaml": "program.yaml",
    "README.md": "README.md",
    ".gitignore": "gitignore",
    ".gitattributes": "gitattributes",
    ".github/workflows/station.yaml": "workflow.yaml",
    ".pre-commit-config.yaml": "pre-commit.yaml",
    ".vscode/settings.json": "settings.json",
    ".vscode/extensions.json": "extensions.json",
    "pytest.ini": "pytest.ini",
    "tests/test_station.py": "test_station.py.j2",
}
#: Made, not rendered: the schema of any document, for editors.
SCHEMA = ".vscode/retrovue.schema.json"

#: Where the composite action and the pre-commit hook are.
ACTION = "retrovue/retrovue"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Write the repository of a new station: YAML that airs at once, a test, a workflow that checks and "
        "compiles it and tells on each pull request what will air differently, a pre-commit hook, and "
        "settings for editors. A file that is there is never overwritten."
    )
    parser.add_argument("folder", metavar="DIR", type=Path, help="the folder, made when it is not there")
    parser.add_argument("--name", help="the name people see; the folder's when absent")
    parser.add_argument("--station", metavar="SLUG", help="part of every guide id; made from the name")
    parser.add_argument("--timezone", metavar="ZONE", help="IANA time zone; this machine's when absent")
    parser.add_argument("--number", metavar="N", default="5.1", help="the channel's number; 5.1")


def run(args: argparse.Namespace, view: View) -> int:
    from retrovue.clock import StationClock
    from retrovue.errors import RetroVueError
    from retrovue.library.lock import replace_file

    folder: Path = args.folder
    if folder.exists() and not folder.is_dir():
        raise RetroVueError(f"{folder} is a file", help="name a folder; it is made when it is not there")
    today = StationClock().now().date()
    values = _values(args, today)
    files = contents(values)
    there = sorted(name for name in files if (folder / name).exists() or (folder / name).is_symlink())
    if "station.yaml" in there:
        raise RetroVueError(f"there is a station in {folder} already", help="nothing was written")
    for name, text in files.items():
        if name in there:
            view.say(f"  = {name} is there, and stays as it is")
            continue
        try:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            replace_file(folder / name, text.encode())
        except OSError as error:
            raise RetroVueError(f"can't write {folder / name}: {error.strerror}") from error
        view.say(f"  + {name}")
    _keep_first_day(folder, values, view)
    word = shlex.quote(str(folder))
    view.out(
        f"the station “{values['name']}” is in {folder}: retrovue check {word} finds mistakes, "
        f"retrovue serve {word} puts it on the air"
    )
    return 0


def _keep_first_day(folder: Path, values: Mapping[str, str], view: View) -> None:
    """Write what the guide of the first day is, for the station's first test to compare with."""
    from retrovue.library.lock import replace_file
    from retrovue.testing.station import CompiledStation

    guide = CompiledStation(folder).guide(values["channel"], values["epoch"])
    file = folder / "tests" / "__snapshots__" / "test_station" / f"{guide.name}.txt"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, guide.encode())
        view.say(f"  + {file.relative_to(folder).as_posix()}")


def _values(args: argparse.Namespace, today: date) -> dict[str, str]:
    from zoneinfo import ZoneInfo

    from pydantic import TypeAdapter, ValidationError

    from retrovue import __version__
    from retrovue.errors import RetroVueError
    from retrovue.station.model import ChannelNumber

    name = args.name or args.folder.resolve().name
    if not name.strip() or not name.isprintable():
        raise RetroVueError("a station's name is one line of text", help="name it with --name")
    try:
        TypeAdapter(ChannelNumber).validate_python(args.number)
    except ValidationError:
        raise RetroVueError(f"“{args.number}” is no channel number", help="write it like 5.1 or 5") from None
    slug = args.station or slug_of(name)
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug) or len(slug) > 60:
        raise RetroVueError(
            f"“{slug}” is no slug", help="name one with --station: small letters, digits and hyphens"
        )
    zone = args.timezone or _machine_zone()
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise RetroVueError(
            f"there is no time zone “{zone}”", help="write it like America/New_York"
        ) from None
    from retrovue.station.card import faces

    return {
        "name": name,
        # A name that the shipped fonts can't draw is a warning for good: the station's own test must pass.
        "check": "warnings=False" if faces().without_glyph(name) else "",
        "slug": slug,
        "channel": f"{slug}-one",
        "number": args.number,
        "timezone": zone,
        "seed": str(today.year),
        "epoch": today.isoformat(),
        "action": ACTION,
        "version": __version__,
    }


def slug_of(name: str) -> str:
    """ "Retro Television!" → "retro-television"; pure."""
    import unicodedata

    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall(r"[a-z0-9]+", plain))[:60].strip("-") or "station"


def _machine_zone() -> str:
    """The IANA name of this machine's zone, as /etc/localtime has it; UTC when it doesn't say."""
    target = Path("/etc/localtime").resolve().as_posix()
    return target.partition("/zoneinfo/")[2] or "UTC"


def contents(values: Mapping[str, str]) -> dict[str, str]:
    """Every file of the repository by its name, rendered."""
    from jinja2 import FileSystemLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    from retrovue.library.adapters import settings_models
    from retrovue.resources import shipped
    from retrovue.station import schema

    templates = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(shipped("templates") / "init"),
        undefined=StrictUndefined,
        autoescape=False,  # YAML and Markdown; the filter ``yaml`` quotes
        keep_trailing_newline=True,
    )
    templates.filters["yaml"] = _scalar
    files = {
        name.format(**values): templates.get_template(template).render(values)
        for name, template in FILES.items()
    }
    files[SCHEMA] = schema.dump(schema.any_schema(settings_models()))
    return files


def _scalar(name: str) -> str:
    """A name as a YAML value: as it is where that reads the same, else quoted."""
    import json

    plain = re.fullmatch(r"[A-Za-z][\w .,&+/()-]*[\w.)]|[A-Za-z]", name)
    words = {"yes", "no", "on", "off", "true", "false", "null", "y", "n"}
    return name if plain and name.casefold() not in words else json.dumps(name, ensure_ascii=False)
