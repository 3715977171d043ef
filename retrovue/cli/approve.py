"""``retrovue approve``: let assets air that wait for a person, or take that back."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from retrovue.cli.asset_names import chosen_assets
from retrovue.cli.ingest import LOCK

if TYPE_CHECKING:
    from retrovue.cli.view import View


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Assets of a collection with “approve: manual” don't air before they are approved. Without an "
        "ASSET: lists those that wait. --revoke takes an approval back, of any asset of any collection: it "
        "isn't scheduled any more, and where it is published already, its planned stand-in airs."
    )
    parser.add_argument("station", metavar="STATION", type=Path, help="the station folder")
    parser.add_argument(
        "assets", metavar="ASSET", nargs="*", help="an asset's id, “collection/key”; * stands for anything"
    )
    parser.add_argument("--revoke", action="store_true", help="take the approval back")
    parser.add_argument("--state", metavar="DIR", help="state directory, which has the station's locks")
    parser.add_argument("--json", action="store_true", help="the ids as JSON")


def run(args: argparse.Namespace, view: View) -> int:
    from retrovue.cli.bench import state_of
    from retrovue.clock import StationClock
    from retrovue.errors import RetroVueError
    from retrovue.library.lock import lock_files
    from retrovue.state_dir import at_work, likely_state_dir

    if not lock_files(args.station):
        raise RetroVueError(
            f"{args.station} has no catalog lock", help=f"retrovue ingest {args.station} writes it"
        )
    if args.revoke and not args.assets:
        raise RetroVueError("whose approval?", help="name assets, or a pattern: --revoke 'films/*'")
    if not args.assets:
        return _run(args, view)
    state = likely_state_dir(args.station, args.state) or state_of(args.station, args.state)
    with at_work(state, LOCK, "retrovue approve", StationClock()):
        return _run(args, view)


def _run(args: argparse.Namespace, view: View) -> int:
    from dataclasses import replace

    from retrovue.library.finding import printable
    from retrovue.library.lock import read_lock, write_lock

    assets = read_lock(args.station).assets
    waiting = [asset_id for asset_id, asset in assets.items() if asset.approved is args.revoke]
    chosen = chosen_assets(args.assets, assets, f"retrovue approve {args.station} lists those that wait")
    named = [asset_id for asset_id in waiting if asset_id in chosen or not args.assets]
    if args.assets and named:
        write_lock(
            args.station,
            [
                replace(a, approved=not args.revoke, revoked=args.revoke) if a.id in chosen else a
                for a in assets.values()
            ],
        )
    done = "revoked" if args.revoke else "approved"
    if args.json:
        view.json({done if args.assets else "waiting": named})
    else:
        for asset_id in named:
            view.out(printable(asset_id))
    count = f"{len(named)} asset{'' if len(named) == 1 else 's'}"
    view.say(f"{count} {done}" if args.assets else f"{count} wait{'s' if len(named) == 1 else ''}")
    return 0
