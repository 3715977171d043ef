"""Parse the command line and call the command; every command lives in a module of its own.

A command module has ``configure(parser)`` and ``run(args, view) -> int`` (the exit code: 0 done,
1 the user's input has errors, 2 changes found or wrong usage). Modules are imported only when their
command is called, so that start-up stays quick.
"""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from retrovue import __version__
from retrovue.errors import RetroVueError
from retrovue.garbage import seldom

#: command → (module, one-line help), in the order a newcomer needs them.
COMMANDS: dict[str, tuple[str, str]] = {
    "doctor": ("retrovue.cli.doctor", "is this machine ready? which ffmpeg is used, and what is missing"),
    "demo-media": ("retrovue.cli.demo_media", "generate the demo station's library with ffmpeg"),
    "init": ("retrovue.cli.init", "write the repository of a new station: YAML, tests, CI, editor settings"),
    "ingest": ("retrovue.cli.ingest", "find and probe media, write the catalog lock"),
    "library": ("retrovue.cli.library", "what the catalog has, one asset whole, and why one doesn't air"),
    "sources": ("retrovue.cli.sources", "what each source has, and what of it a collection takes"),
    "approve": ("retrovue.cli.approve", "let assets air that wait for a person's word"),
    "stills": ("retrovue.cli.stills", "make a picture of each asset that has none, for guides"),
    "breaks": ("retrovue.cli.breaks", "suggest break marks where a file is black and silent; accept them"),
    "conform": ("retrovue.cli.conform", "render an asset once, so that airing it costs no encoder"),
    "check": ("retrovue.cli.check", "validate a station and show every mistake at once"),
    "compile": ("retrovue.cli.compile", "turn a station into schedule days and playlists"),
    "diff": ("retrovue.cli.diff", "what will air differently: a revision, or two artefacts"),
    "ledger": ("retrovue.cli.ledger", "write where the rotations stand into the station folder"),
    "guide": ("retrovue.cli.guide", "print the programme guide"),
    "why": ("retrovue.cli.why", "why something airs: plan, zone, program, rule and pick, with file and line"),
    "simulate": ("retrovue.cli.simulate", "what months of schedule come to: airings, repeats, contracts"),
    "rollback": ("retrovue.cli.rollback", "put a previous artefact back on the air"),
    "export": ("retrovue.cli.export", "schedules as files for other programs: JSON, ErsatzTV Next"),
    "sql": ("retrovue.cli.sql", "query a compiled artefact in SQL"),
    "capture": ("retrovue.cli.capture", "render any minute of a channel, past or to come, to a file"),
    "asrun": ("retrovue.cli.asrun", "what really left the station, beside the plan, and the report of a day"),
    "serve": ("retrovue.cli.serve", "put the station on the air"),
    "status": ("retrovue.cli.status", "how every channel of the station on the air is doing"),
    "reload": ("retrovue.cli.reload", "compile the station's YAML and put it on the air now"),
    "tuners": ("retrovue.cli.tuners", "who has which tuner of the station on the air; frees one with --kick"),
    "emergency": ("retrovue.cli.emergency", "a fictional emergency on the air: on, off, status"),
    "sign-off": ("retrovue.cli.sign_off", "channels that show their sign-off picture: on, off"),
    "schema": ("retrovue.cli.schema", "print or write the JSON Schemas of the station language"),
    "explain": ("retrovue.cli.explain", "the manual of a diagnostic code"),
}


class _Command(argparse.ArgumentParser):
    """A command's parser, to which the order of options and words is all one: plain argparse takes
    ``sql QUERY --json STATION`` for a query without a station, and then knows no STATION."""

    _intermixed = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        has_actions = any(a.nargs in (argparse.PARSER, argparse.REMAINDER) for a in self._actions)
        if self._intermixed or has_actions:
            return super().parse_known_args(args, namespace)
        self._intermixed = True  # it asks this method for the options and for the words
        try:
            found, unknown = self.parse_known_intermixed_args(args, namespace)
        finally:
            self._intermixed = False
        if unknown:  # told here, with this command's usage and not that of all commands
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown


def build_parser(command: str | None) -> argparse.ArgumentParser:
    """The whole parser; only ``command``'s own options are filled in."""
    parser = argparse.ArgumentParser(
        prog="retrovue", description="A television network in a folder of YAML, always on the air."
    )
    parser.add_argument("--version", action="version", version=f"retrovue {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Command)
    for name, (module, help_text) in COMMANDS.items():
        sub = commands.add_parser(name, help=help_text, description=help_text)
        sub.add_argument("--quiet", action="store_true", help="no progress, only results and errors")
        if name == command:
            import_module(module).configure(sub)
    return parser


def _on_any_terminal() -> None:
    """Let every terminal show what it can: a character that its encoding lacks is spelt out."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def program() -> int:
    """The whole process: one command, and nothing to be stopped behind it."""
    if "serve" not in sys.argv[1:]:  # which doesn't end by itself
        seldom()
    # numpy would start a thread a processor for linear algebra, of which there is none here.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    code = main()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return code


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    try:
        return _main(argv)
    except KeyboardInterrupt:
        sys.stderr.write("error: stopped by the keyboard\n")
        return 130


def _main(argv: Sequence[str] | None) -> int:
    _on_any_terminal()
    arguments = list(sys.argv[1:] if argv is None else argv)
    named = next((a for a in arguments if not a.startswith("-")), None)
    try:
        args = build_parser(named if named in COMMANDS else None).parse_args(arguments)
    except SystemExit as ended:
        if named == "diff" and ended.code == 2:  # which says there that something changes
            raise SystemExit(1) from None
        raise

    from retrovue.cli.view import View

    try:
        view = View(args.quiet, getattr(args, "events", None))
    except RetroVueError as error:
        View().error(str(error), help=error.help)
        return 1
    code = 1
    try:
        code = int(import_module(COMMANDS[args.command][0]).run(args, view))
    except RetroVueError as error:
        view.failure(str(error), help=error.help)
    except BrokenPipeError:
        # The reader (head, less) has gone: no complaint, and none at interpreter exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    except KeyboardInterrupt:
        code = 130
        raise
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
        raise
    finally:
        view.end(code)
    return code


if __name__ == "__main__":
    sys.exit(program())
