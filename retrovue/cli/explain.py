"""``retrovue explain``: the manual of a diagnostic code, or the list of all codes."""

from __future__ import annotations

import argparse

from retrovue.cli.view import View


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("code", metavar="CODE", nargs="?", help="as it stands in brackets: zone-overlap")


def run(args: argparse.Namespace, view: View) -> int:
    from retrovue.diagnostics.codes import CODES, manual
    from retrovue.errors import RetroVueError
    from retrovue.station.suggest import did_you_mean

    if args.code is None:
        widest = max(map(len, CODES))
        for code in CODES.values():
            view.out(f"{code.code.ljust(widest)}  {code.title}")
        return 0
    word = args.code.strip("[]")
    if word not in CODES:
        help = did_you_mean(word, CODES) or "retrovue explain lists them all"
        raise RetroVueError(f"there is no diagnostic code “{word}”", help=help)
    view.out(manual(CODES[word]))
    return 0
