"""Executors: ``--executor`` says who does what ingest, conform and compile share out.

================== ===================================================================================
``threads:N``      threads of this process; the default, but for compile
``processes:N``    processes of this machine
``dask://H:P``     the workers of the Dask scheduler at H:P, of whatever machines
``dask+tls://H:P`` the same over TLS, with the certificates of Dask's own configuration
================== ===================================================================================

The workers of a cluster need the same RetroVue and, for conform, the same ffmpeg, and must see the media
and the state directory under the paths that they have here. A worker that dies loses nothing: its task
goes to another. Dask's connection without TLS asks nobody for a password, and whoever reaches it may run
anything: keep it in a network of your own.
"""

from __future__ import annotations

import argparse
import pickle
import re
import signal
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from retrovue import __version__
from retrovue.errors import RetroVueError
from retrovue.workers import Workers, threads

_LOCAL = re.compile(r"(threads|processes)(?::([1-9]\d{0,3}))?")
_CLUSTER = re.compile(r"dask(\+tls)?://([^\s/:]+|\[[0-9A-Fa-f:]+\]):(\d{1,5})/?")
#: How long a scheduler may take to answer, and to have its first worker (seconds).
_PATIENCE_S = 15


@dataclass(frozen=True, slots=True)
class Chosen:
    """What an ``--executor`` says."""

    kind: str  #: threads, processes or dask
    count: int = 0  #: 0: as many as the command thinks right
    address: str = ""  #: Dask's own: tcp://host:port

    def __str__(self) -> str:
        """As it is written."""
        if self.kind == "dask":
            return self.address.replace("tls://", "dask+tls://").replace("tcp://", "dask://")
        return f"{self.kind}:{self.count}" if self.count else self.kind


def add_executor(parser: argparse.ArgumentParser, default: Chosen | None = Chosen("threads")) -> None:
    """The option itself. ``default`` None: who asks finds out."""
    parser.add_argument(
        "--executor",
        type=parse_executor,
        default=default,
        metavar="WHO",
        help=f"who does the work: threads:N{' (default)' if default is not None else ''}, processes:N, or "
        "dask://HOST:PORT, a Dask scheduler whose workers share it",
    )


def parse_executor(text: str) -> Chosen:
    """Pure. Raises ``argparse.ArgumentTypeError``."""
    if local := _LOCAL.fullmatch(text):
        return Chosen(local[1], int(local[2] or 0))
    if cluster := _CLUSTER.fullmatch(text):
        return Chosen("dask", address=f"{'tls' if cluster[1] else 'tcp'}://{cluster[2]}:{cluster[3]}")
    raise argparse.ArgumentTypeError(
        f"{text!r} is no executor: write threads:4, processes:4 or dask://scheduler:8786"
    )


@contextmanager
def open_workers(chosen: Chosen, at_once: int) -> Iterator[Workers]:
    """The workers that were ``chosen``; ``at_once`` when that says no number. Raises ``RetroVueError``."""
    if chosen.kind == "threads":
        with threads(chosen.count or at_once) as workers:
            yield workers
    elif chosen.kind == "processes":
        with _processes(chosen.count or at_once) as workers:
            yield workers
    else:
        with _cluster(chosen.address) as workers:
            yield workers


@contextmanager
def ending(workers: Workers, stop: Callable[[], object]) -> Iterator[None]:
    """Whatever ends us meanwhile, Ctrl-C and SIGTERM too: what has not begun is not begun any more, and
    ``stop`` ends what has."""

    def end(number: int, frame: FrameType | None) -> None:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    except BaseException:
        workers.give_up()
        stop()
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _processes(count: int) -> Iterator[Workers]:
    import multiprocessing
    from concurrent.futures import BrokenExecutor, ProcessPoolExecutor

    # Not forked: this process has threads.
    spawned = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(count, spawned, initializer=_begin)

    def give_up() -> None:
        executor.shutdown(wait=False, cancel_futures=True)
        for child in multiprocessing.active_children():
            child.terminate()

    try:
        yield Workers(executor, count, give_up, here=False)
    except BrokenExecutor:
        raise RetroVueError(
            "a worker process ended in the middle of its work",
            help="do it again: what was done is kept. With --executor threads:1 it says which file it was",
        ) from None
    except BaseException:
        give_up()
        raise
    finally:
        executor.shutdown(cancel_futures=True)


def _begin() -> None:
    """In each process: Ctrl-C is for the one that was started by hand, which ends the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)


def _end(number: int, frame: FrameType | None) -> None:
    from retrovue.playout.batch import stop_all

    if not stop_all():
        sys.exit(128 + number)


@contextmanager
def _cluster(address: str) -> Iterator[Workers]:
    from concurrent.futures import CancelledError

    try:
        import distributed
    except ImportError:
        raise RetroVueError(
            "Dask is not installed here", help="pip install 'retrovue[dask]', here and on every worker"
        ) from None
    make: Any = distributed.Client
    try:
        client = make(address, timeout=_PATIENCE_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise RetroVueError(
            f"no Dask scheduler answers at {address}: {error}", help="start one: dask scheduler"
        ) from None
    with client:
        # Not pure: a task that failed is tried anew, when it is asked for anew.
        executor = client.get_executor(pure=False)
        at_once, lost = _threads_of(client, address), (distributed.KilledWorker,)

        def share(thing: object) -> object:
            # A task, not mere data: the scheduler has it done again when the worker that has it dies.
            return client.submit(_unpacked, zlib.compress(pickle.dumps(thing), 1), pure=False)

        try:
            yield Workers(
                executor, at_once, lambda: executor.shutdown(wait=False), here=False, lost=lost, share=share
            )
        except CancelledError:
            raise RetroVueError(
                f"the Dask scheduler at {address} is gone", help="do it again: what was done is kept"
            ) from None
        finally:
            executor.shutdown(wait=False)


def _unpacked(packed: bytes) -> object:
    # Not of a stranger: Dask sends nothing but pickles.
    return pickle.loads(zlib.decompress(packed))  # noqa: S301


def _threads_of(client: Any, address: str) -> int:
    """How many tasks its workers do at once. Raises ``RetroVueError`` when one can't do any of ours."""
    try:
        client.wait_for_workers(1, timeout=_PATIENCE_S)
        versions = client.run(version)
    except TimeoutError:
        raise RetroVueError(
            f"the Dask scheduler at {address} has no workers", help=f"start some: dask worker {address}"
        ) from None
    except ModuleNotFoundError as error:
        raise RetroVueError(
            f"a worker of {address} has no RetroVue: {error}", help="install it there: pip install retrovue"
        ) from None
    for worker, theirs in versions.items():
        if theirs != __version__:
            raise RetroVueError(
                f"the worker {worker} has RetroVue {theirs}, and this is {__version__}",
                help="install the same version everywhere",
            )
    at_once: int = sum(client.nthreads().values())
    return max(1, at_once)


def version() -> str:
    """RetroVue's; asked of each worker."""
    return __version__
