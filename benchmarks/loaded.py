"""Run another benchmark while every core is kept busy.

    python benchmarks/loaded.py [--workers N] tune_in.py --tunes 20 --json

As many processes as there are cores do arithmetic at ordinary priority while the benchmark runs, so that it
gets about half of the machine and is never alone on a core. Options after the benchmark's name are its own;
its exit code is passed on.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def _busy() -> None:
    """Arithmetic until the parent has gone."""
    parent = os.getppid()
    while os.getppid() == parent:
        sum(n * n for n in range(100_000))


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("benchmark", help="a script beside this one")
    parser.add_argument("options", nargs=argparse.REMAINDER)
    args = parser.parse_args(argv)
    script = Path(__file__).parent / Path(args.benchmark).name
    if not script.is_file():
        parser.error(f"there is no {script.name} beside {Path(__file__).name}")
    workers = [multiprocessing.Process(target=_busy, daemon=True) for _ in range(args.workers)]
    for worker in workers:
        worker.start()
    try:
        return subprocess.run([sys.executable, str(script), *args.options], check=False).returncode
    finally:
        for worker in workers:
            worker.terminate()


if __name__ == "__main__":
    sys.exit(main())
