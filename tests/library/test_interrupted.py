"""Ingest that is stopped at any moment goes on where it was, and two at once are one too many."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import stat
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest

from retrovue.library.finding import Stopped
from retrovue.library.lock import FOLDER, read_lock
from retrovue.library.looking import look, stoppable
from tests.cli.run import run
from tests.compiler.stations import asset
from tests.library.media import make
from tests.station.build import STATION, write

MANY = 24
COLLECTION = "---\ncollection: shows\nsource: { kind: filesystem, path: media }\n"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A station of some dozens of files, never ingested."""
    folder = tmp_path_factory.mktemp("library")
    write(folder, {"station.yaml": STATION + COLLECTION})
    film = make(folder / "media" / "film.mp4").read_bytes()
    silent = make(folder / "media" / "silent.mkv", audio=False)
    for n in range(MANY - 2):  # no two alike
        more = struct.pack(">I4sI", 12, b"free", n)
        (silent.parent / f"Show - S01E{n:02}.mp4").write_bytes(film + more)
    return folder


def lock(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (folder / FOLDER).iterdir()}


def halves(folder: Path) -> list[Path]:
    return [p for p in folder.rglob(".*") if p.is_file()]


def stopped(folder: Path, tenths: int, number: signal.Signals, alone: bool) -> int:
    """Ingest, and send the signal when so many tenths are done: to its process ``alone``, or as a terminal
    does. How it ended."""
    options = ["--executor", "threads:2", "--events", str(folder / "events")]
    child = subprocess.Popen(
        [sys.executable, "-m", "retrovue", "ingest", str(folder), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "RETROVUE_STATE": str(folder / "state")},
        # A shell in the background has its children ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert child.stderr is not None
    said = ""
    for line in child.stderr:
        said += line
        if line.startswith("ingest:") and int(line.split()[1]) >= 10 * tenths:
            (child.send_signal if alone else lambda n: os.killpg(child.pid, n))(number)
            break
    _, rest = child.communicate(timeout=60)
    assert "Traceback" not in said + rest
    last = json.loads((folder / "events").read_text().splitlines()[-1])
    # Who is killed has no last word, unless it had been said already.
    killed = child.returncode == -signal.SIGKILL
    assert last.get("code") in ((None, 0) if killed else (child.returncode,))
    return child.returncode


def test_it_goes_on_after_ctrl_c_and_kill_at_any_moment(library: Path, tmp_path: Path) -> None:
    undisturbed, folder = tmp_path / "undisturbed", tmp_path / "stopped"
    for copy in (undisturbed, folder):
        shutil.copytree(library, copy)
    assert run("ingest", str(undisturbed), "--quiet", "--state", str(undisturbed / "state")).code == 0
    moments = [
        (1, signal.SIGINT, False, 130),
        (2, signal.SIGKILL, True, -signal.SIGKILL),
        (4, signal.SIGTERM, True, 128 + signal.SIGTERM),
        (6, signal.SIGINT, True, 130),
    ]
    for tenths, number, alone, code in moments:
        assert stopped(folder, tenths, number, alone) == code
        assert not (folder / FOLDER).exists()  # nothing of it is published
    ran = run("ingest", str(folder), "--quiet", "--json", "--state", str(folder / "state"))
    outcome = json.loads(ran.out)
    assert (ran.code, outcome["findings"], len(outcome["arrived"])) == (0, [], MANY)
    assert 0 < outcome["looked_into"] <= MANY - 6 * MANY // 10 + 1  # what was done is not done again
    assert lock(folder) == lock(undisturbed)
    assert halves(folder) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_stopped_at_the_very_end_the_lock_is_whole_or_not_there(
    library: Path, tmp_path: Path, number: signal.Signals
) -> None:
    folder = shutil.copytree(library, tmp_path / "stopped")
    for file in sorted((folder / "media").iterdir())[6:]:
        file.unlink()
    assert stopped(folder, 10, number, True) in (0, 130, -signal.SIGKILL)
    published = (folder / FOLDER).exists()
    assert len(read_lock(folder).assets) in ((0, 6) if published else (0,))
    outcome = json.loads(
        run("ingest", str(folder), "--quiet", "--json", "--state", str(folder / "state")).out
    )
    assert outcome["assets"] == 6
    assert outcome["looked_into"] <= 1  # the last is told of before it is done
    assert halves(folder) == []


def test_a_half_written_lock_of_a_process_that_was_killed_is_swept_up(library: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(library, tmp_path / "killed")
    for file in sorted((folder / "media").iterdir())[1:]:
        file.unlink()
    (folder / FOLDER).mkdir()
    (folder / FOLDER / ".gone.jsonl.new").write_text('{"key":"ha')
    assert run("ingest", str(folder), "--quiet", "--state", str(folder / "state")).code == 0
    assert [file.name for file in (folder / FOLDER).iterdir()] == ["shows.jsonl"]


def test_what_ffmpeg_says_before_it_is_ended_is_no_answer(tmp_path: Path) -> None:
    name = shutil.which("sh")
    assert name is not None
    with pytest.raises(Stopped):
        look([name, "-c", "echo half >&2; kill -9 $$"], 10)
    with pytest.raises(Stopped):
        look([name, "-c", "echo half >&2; exit 255"], 10)
    assert look([name, "-c", "echo whole >&2; exit 1"], 10).stderr == "whole\n"
    again = pickle.loads(pickle.dumps(Stopped()))  # from a worker elsewhere
    assert (type(again), str(again), again.passing) == (Stopped, str(Stopped()), True)
    with stoppable() as stop:
        stop()
        with pytest.raises(Stopped):
            look([name, "-c", "echo whole >&2"], 10)
    assert look([name, "-c", "echo whole >&2"], 10).stderr == "whole\n"


def test_what_ffmpeg_writes_is_read_meanwhile() -> None:
    name = shutil.which("sh")
    assert name is not None
    taken: list[bytes] = []

    def all_of_it(stream: BinaryIO) -> None:
        taken.append(stream.read())

    def breaks_off(stream: BinaryIO) -> None:
        taken.append(stream.read(3))
        raise ValueError("no film")

    # More than a pipe holds, on both ways at once.
    much = "head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2; printf end"
    assert len(look([name, "-c", much], 10, all_of_it).stderr) == 300_000
    assert taken.pop() == bytes(300_000) + b"end"
    with pytest.raises(ValueError, match="no film"):
        look([name, "-c", much], 10, breaks_off)
    # What the child thinks of it counts more.
    assert look([name, "-c", f"{much}; exit 1"], 10, breaks_off).returncode == 1
    with pytest.raises(Stopped):
        look([name, "-c", "printf half; kill -9 $$"], 10, breaks_off)
    with pytest.raises(subprocess.TimeoutExpired):
        look([name, "-c", "printf half; exec sleep 60"], 0.1, all_of_it)
    assert taken == [b"\0\0\0", b"\0\0\0", b"hal", b"half"]
    with pytest.raises(NotADirectoryError):
        look([f"{name}/nothing"], 10, all_of_it)
    with stoppable() as stop:
        stop()
        with pytest.raises(Stopped):
            look([name, "-c", much], 10, all_of_it)


def test_a_file_whose_ffmpeg_was_ended_stays_as_it_was(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(library, tmp_path / "station")
    for file in sorted((folder / "media").iterdir())[1:]:
        file.unlink()
    state = ("--state", str(folder / "state"))
    assert run("ingest", str(folder), "--quiet", *state).code == 0
    before = lock(folder)
    with (folder / "media" / "Show - S01E00.mp4").open("ab") as more:
        more.write(struct.pack(">I4sI", 12, b"free", MANY))
    tool = tmp_path / "ffmpeg"
    real = subprocess.run(
        [sys.executable, "-c", "from retrovue.ffmpeg_binary import choose_ffmpeg as c; print(c().path)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    tool.write_text(f'#!/bin/sh\ncase "$*" in *ebur128*) kill -9 $$;; esac\nexec "{real}" "$@"\n')
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    done = subprocess.run(
        [sys.executable, "-m", "retrovue", "ingest", str(folder), "--quiet", "--json", *state],
        env={**os.environ, "RETROVUE_FFMPEG": str(tool)},
        capture_output=True,
        text=True,
        check=False,
    )
    outcome = json.loads(done.stdout)
    assert [finding["code"] for finding in outcome["findings"]] == ["stopped"]
    assert lock(folder) == before
    again = json.loads(run("ingest", str(folder), "--quiet", "--json", *state).out)
    assert (again["looked_into"], again["findings"], lock(folder)) == (1, [], before)


# --- two at once -----------------------------------------------------------------------------------


@contextmanager
def at_work(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A real ingest that is in the middle of it: its source's program waits for a word."""
    gate = folder / "gate"
    os.mkfifo(gate)
    child = subprocess.Popen(
        [sys.executable, "-m", "retrovue", "ingest", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    # The program opens the other end when ingest has come so far.
    with gate.open("w") as word:
        yield child
        word.write("go on\n")
    child.communicate(timeout=60)


@pytest.fixture
def busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RETROVUE_STATE", str(tmp_path / "state"))
    folder = tmp_path / "station"
    source = (
        "---\ncollection: films\napprove: manual\nsource: { kind: script, run: [./list.sh], path: media }\n"
    )
    script = '#!/bin/sh\nread word < gate\necho \'{"path": "a.mp4"}\'\n'
    write(folder, {"station.yaml": STATION + source, "list.sh": script})
    (folder / "list.sh").chmod(0o755)
    make(folder / "media" / "a.mp4")
    return folder


def test_two_at_once_are_refused_and_say_who_is_there(busy: Path) -> None:
    from retrovue.library.lock import write_lock

    write_lock(busy, [asset("films", "waiting", 60)])
    with at_work(busy) as child:
        second = run("ingest", str(busy))
        approved = run("approve", str(busy), "films/*")
        listed = run("approve", str(busy))
    for refused in (second, approved):
        assert (refused.code, refused.out) == (1, "")
        assert f"error: retrovue ingest (process {child.pid}, since 20" in refused.err
        assert "is at work on this station's library" in refused.err
        assert "help: wait until it has ended, or stop it first" in refused.err
    assert listed.code == 0  # only looks
    assert child.returncode == 0
    (busy / "gate").unlink()
    (busy / "list.sh").write_text('#!/bin/sh\necho \'{"path": "a.mp4"}\'\n')
    assert run("ingest", str(busy), "--quiet").code == 0
    assert run("approve", str(busy), "films/a").out == "films/a\n"


def test_a_process_that_was_killed_holds_nothing(busy: Path) -> None:
    with at_work(busy) as child:
        child.kill()
        child.wait()
        # What it started is still there, and holds nothing either.
        (busy / "list.sh").write_text('#!/bin/sh\necho \'{"path": "a.mp4"}\'\n')
        assert run("ingest", str(busy), "--quiet").code == 0
    assert [found.key for found in read_lock(busy).assets.values()] == ["a"]
