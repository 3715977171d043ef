"""``retrovue schema``: print or write the JSON Schemas of the station language."""

from __future__ import annotations

import argparse
from pathlib import Path

from retrovue.cli.view import View


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "noun", metavar="NOUN", nargs="?", help="channel, plan, …; without it: the schema of any document"
    )
    parser.add_argument(
        "--write",
        metavar="DIR",
        type=Path,
        help="write every schema to DIR, and bring the field tables of DIR/README.md up to date",
    )


def run(args: argparse.Namespace, view: View) -> int:
    from retrovue.errors import RetroVueError
    from retrovue.library.adapters import settings_models
    from retrovue.station import schema
    from retrovue.station.load import NOUNS
    from retrovue.station.suggest import did_you_mean
    from retrovue.store import schema as artefact

    adapters = settings_models()
    if args.noun is not None and args.noun not in NOUNS:
        help = did_you_mean(args.noun, NOUNS) or f"one of: {', '.join(NOUNS)}"
        raise RetroVueError(f"there is no noun “{args.noun}”", help=help)
    if args.write is None:
        chosen = schema.noun_schema(args.noun, adapters) if args.noun else schema.any_schema(adapters)
        view.out(schema.dump(chosen).rstrip())
        return 0
    files = schema.schema_files(adapters)
    if args.noun is not None:
        files = {f"{args.noun}.schema.json": files[f"{args.noun}.schema.json"]}
    try:
        args.write.mkdir(parents=True, exist_ok=True)
        readme = args.write / "README.md"
        if readme.is_file() and args.noun is None:
            text = schema.with_field_tables(readme.read_text("utf-8"), adapters)
            files["README.md"] = artefact.with_tables(text)
        for name, text in files.items():
            (args.write / name).write_text(text, "utf-8")
            view.say(f"wrote {args.write / name}")
    except (OSError, ValueError) as error:
        raise RetroVueError(
            f"can't write to {args.write}: {getattr(error, 'strerror', None) or error}"
        ) from None
    return 0
