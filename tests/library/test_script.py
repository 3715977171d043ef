"""A program that prints what there is: real programs, well and badly behaved."""

from __future__ import annotations

import gc
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from retrovue.library.adapters import FoundMedia, SourceGone, open_adapter
from retrovue.library.adapters import script as adapter
from retrovue.library.finding import Finding


class Script:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "media").mkdir()
        for name in ("a.mp4", "b c.mp4"):
            (folder / "media" / name).write_bytes(b"any")

    def __call__(self, body: str, *arguments: str, **settings: Any) -> tuple[list[FoundMedia], list[Finding]]:
        program = self.folder / "list"
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)
        source = {"kind": "script", "path": "media", "run": ["./list", *arguments], **settings}
        found = list(open_adapter("c", source, self.folder).discover())
        return (
            [one for one in found if isinstance(one, FoundMedia)],
            [one for one in found if isinstance(one, Finding)],
        )


@pytest.fixture
def script(tmp_path: Path) -> Script:
    return Script(tmp_path)


def test_each_line_is_an_asset(script: Script) -> None:
    found, findings = script(
        """cat <<END
{"path": "a.mp4", "series": "Cheers", "season": 1, "episode": 2, "marks": ["0:30"], "tags": ["late"]}

{"path": "$PWD/media/b c.mp4", "title": "B", "year": 1950, "extra": {"genre": "Drama"}}
END"""
    )
    assert findings == []
    assert [(one.asset.key, one.asset.path) for one in found] == [
        ("Cheers/S01E02", "a.mp4"),
        ("B (1950)", "b c.mp4"),
    ]
    assert found[0].written["marks_us"] == (30_000_000,)
    assert found[1].location.is_file()


def test_no_shell_reads_the_arguments_and_no_secret_is_inherited(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINE", "t0ken")
    monkeypatch.setenv("NOT_YOURS", "x")
    body = """printf '{"path": "a.mp4", "title": "%s|%s|%s"}' "$1" "$KEY" "$NOT_YOURS" """
    (one,), findings = script(body, "$(id); `id` > x", env={"KEY": "env:MINE"})
    assert one.written["title"] == "$(id); `id` > x|t0ken|"
    assert findings == []


def test_bad_lines_are_told_and_the_rest_is_taken(script: Script) -> None:
    (script.folder / "media" / "folder").mkdir()
    os.mkfifo(script.folder / "media" / "pipe.mp4")
    found, findings = script(
        """cat <<END
{"path": "a.mp4"}
oops
[1]
{"title": "nowhere"}
{"path": "../a.mp4"}
{"path": "/etc/passwd"}
{"path": "b c.mp4", "titel": "x"}
{"path": "gone.mp4"}
{"path": "."}
{"path": "folder"}
{"path": "pipe.mp4"}
{"path": "\\ud800.mp4"}
END"""
    )
    assert [one.asset.path for one in found] == ["a.mp4"]
    assert [(f.code, f.holds) for f in findings[:6]] == [("script-line", "")] * 6
    assert [(f.code, f.holds) for f in findings[6:]] == [
        ("not-here", held) for held in ("gone.mp4", "", "folder", "pipe.mp4", "\ud800.mp4")
    ]
    assert [f.message.split(":")[0] for f in findings[:6]] == [f"line {n}" for n in range(2, 8)]


def test_of_very_many_bad_lines_some_are_told(script: Script) -> None:
    found, findings = script("""yes | head -n 5000; echo '{"path": "a.mp4"}'""")
    assert [one.asset.path for one in found] == ["a.mp4"]
    assert {(f.code, f.holds) for f in findings} == {("script-line", "")}
    assert [f.message for f in findings[-2:]] == [
        "line 20: is no JSON",
        "4980 more of its lines are no use either",
    ]


def test_how_it_ends_is_told(script: Script) -> None:
    line = """echo '{"path": "a.mp4"}'"""
    for body, code, says in (
        (f"{line}; echo well >&2; echo no luck >&2; exit 3", "script-failed", "ended with 3: no luck"),
        (f"{line}; kill -TERM $$", "script-failed", f"was killed by signal {signal.SIGTERM.value}"),
    ):
        found, findings = script(body)
        assert [one.asset.path for one in found] == ["a.mp4"]
        assert [(f.code, f.message, f.holds) for f in findings] == [(code, says, "")]


def test_it_and_what_it_started_ends_with_its_time(script: Script) -> None:
    found, findings = script(
        """echo '{"path": "a.mp4"}'; sleep 600 & echo $! > child; sleep 600""", timeout=0.4
    )
    assert [one.asset.path for one in found] == ["a.mp4"]
    assert [(f.code, f.message) for f in findings] == [("script-timeout", "is not done within 0.4 s")]
    child = int((script.folder / "child").read_text())
    assert not _runs(child)


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_what_it_leaves_running_is_no_complaint(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe is held on to by a child that left the session, and by one that didn't."""
    monkeypatch.setattr(adapter, "_KILLED_S", 0.2)
    for body in ("sleep 600 &", "setsid sleep 600 & echo $! > child; sleep 0.1"):
        found, findings = script(f"""echo '{{"path": "a.mp4"}}'; {body}""", timeout=0.5)
        assert [one.asset.path for one in found] == ["a.mp4"]
        assert [f.code for f in findings] == ["script-timeout"]
    os.kill(int((script.folder / "child").read_text()), signal.SIGKILL)
    gc.collect()


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):
        return False


def test_it_can_not_fill_the_memory(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "MOST_LINES", 3)
    for body in ('yes \'{"path": "a.mp4"}\'', "yes | tr -d '\\n'", "yes >&2 & yes '{}'"):
        _, findings = script(body)
        assert findings[-1].code == "script-too-much"
        assert findings[-1].holds == ""


def test_a_program_that_is_not_there(script: Script) -> None:
    for run in (["./nothing"], ["no-such-program-anywhere"], ["./media/a.mp4"], ["./media"]):
        with pytest.raises(SourceGone, match=r"collection c: can't run") as gone:
            script("true", run=run)
        assert gone.value.code == "script-gone"
    with pytest.raises(SourceGone) as gone:
        script("true", env={"KEY": "env:NO_SUCH_VARIABLE"})
    assert gone.value.code == "no-secret"
    assert os.environ.get("NO_SUCH_VARIABLE") is None
