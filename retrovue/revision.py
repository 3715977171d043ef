"""What git knows about a station folder: its commit, what it looked like at another one, who wrote a line.

Never an input of a compile. Git is called with an argument list; no hook, filter, external diff or
file-system monitor of the repository runs, nothing is checked out, and submodules are left alone.
"""

from __future__ import annotations

import os
import posixpath
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from retrovue.errors import RetroVueError

#: Seconds are plenty; git must never hold up a compile (a dead network mount, a lock).
_PATIENCE_S = 5
#: Reading a whole tree out of a large repository.
_LONG_PATIENCE_S = 120

#: What a repository's own configuration can make git run, turned off.
_HARMLESS = (
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "diff.external="),
    *("-c", "core.quotePath=false"),
    "--no-pager",
    "--literal-pathspecs",
)

#: Files that a compile reads; all others are only there, empty.
_READ = (".yaml", ".yml", ".j2", ".jsonl", ".lock", ".svg")
#: A larger file is no station file (bytes).
_LARGEST = 64_000_000


class RevisionError(RetroVueError):
    """Git, the repository or the revision isn't there."""


@dataclass(frozen=True, slots=True)
class LineOrigin:
    """Which commit wrote a line."""

    commit: str  #: 40 hexadecimal digits; zeros for a line that is not committed yet
    author: str
    written: datetime  #: UTC
    summary: str  #: the commit's title

    @property
    def committed(self) -> bool:
        return self.commit.strip("0") != ""


def revision_of(folder: Path) -> str:
    """The commit's hash, with "+" when the folder has changes of its own; empty outside git."""
    commit = _git(folder, "rev-parse", "HEAD")
    if not commit:
        return ""
    return commit + ("+" if _git(folder, "status", "--porcelain", "--", ".") else "")


def resolve(folder: Path, revision: str) -> str:
    """The full hash of the commit that ``revision`` names. Raises ``RevisionError``."""
    if not _git(folder, "rev-parse", "--show-toplevel"):
        raise RevisionError(
            f"{folder} is in no git repository", help="git init, or name an artefact: --against"
        )
    commit = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if not commit:
        raise RevisionError(
            f"git knows no revision “{revision}”", help="a commit, a tag or a branch: HEAD~1, v1, origin/main"
        )
    return commit


def merge_base(folder: Path, revision: str) -> str:
    """Where the work of this branch left ``revision``. Raises ``RevisionError``."""
    commit = resolve(folder, revision)
    base = _git(folder, "merge-base", "HEAD", commit)
    if not base:
        raise RevisionError(
            f"HEAD and “{revision}” have no commit in common",
            help="a shallow clone has cut them off: git fetch --unshallow (in CI: fetch-depth: 0)",
        )
    return base


def extract(folder: Path, commit: str, target: Path) -> Path:
    """Write into ``target`` what the repository of ``folder`` held at ``commit``; returns where the
    folder itself now is.

    Outside the folder only YAML and templates come along, for includes; media and other files that no
    compile reads are there, but empty. Raises ``RevisionError`` when the commit has no such folder.
    """
    top = _git(folder, "rev-parse", "--show-toplevel")
    if not top:
        raise RevisionError(f"{folder} is in no git repository")
    inside = Path(os.path.relpath(folder.resolve(), Path(top).resolve())).as_posix()
    files = {
        entry.path: entry
        for entry in _tree(folder, commit)
        if entry.path.endswith(_READ) or inside == "." or entry.path.startswith(inside + "/")
    }
    station = target if inside == "." else target / inside
    if not any(inside == "." or path.startswith(inside + "/") for path in files):
        raise RevisionError(f"there was no {inside} at commit {commit[:10]}", help="choose a later revision")
    wanted = {path: entry for path, entry in files.items() if path.endswith(_READ) and entry.size <= _LARGEST}
    contents = _contents(folder, {entry.blob for entry in wanted.values()})
    links = {path: contents[entry.blob] for path, entry in wanted.items() if entry.is_link}
    for path, entry in files.items():
        place = target.joinpath(*PurePosixPath(path).parts)
        place.parent.mkdir(parents=True, exist_ok=True)
        content = b""
        if path in wanted:
            source = _followed(path, links)
            if source is None or source not in wanted:
                continue  # a link that leads out of the repository, or nowhere
            content = contents[wanted[source].blob]
        elif entry.is_link:
            continue
        place.write_bytes(content)
    (target / ".git").mkdir(exist_ok=True)  # the top of the repository, which bounds what may be included
    return station


def blame(folder: Path, file: str, line: int, revision: str = "") -> LineOrigin | None:
    """Which commit wrote line ``line`` of ``file`` (relative to ``folder``), as of ``revision``, or as
    the file stands; None when git doesn't know."""
    at = [revision] if revision else []
    path = (folder / file).resolve()
    words = ["blame", "--no-textconv", "--porcelain", "-L", f"{line},{line}", *at, "--", str(path)]
    said = _git(folder, *words)
    if not said:
        return None
    head, *rest = said.split("\n")
    told = {key: value for key, _, value in (row.partition(" ") for row in rest) if key}
    try:
        return LineOrigin(
            head.split(" ", 1)[0],
            told.get("author", ""),
            datetime.fromtimestamp(int(told.get("author-time", "0")), UTC),
            told.get("summary", ""),
        )
    except (ValueError, OverflowError, OSError):
        return None


# --- git -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Entry:
    path: str
    blob: str
    size: int
    is_link: bool


def _tree(folder: Path, commit: str) -> list[_Entry]:
    said = _call(folder, ["ls-tree", "-r", "-z", "-l", "--full-tree", commit], _LONG_PATIENCE_S)
    if said is None:
        raise RevisionError(f"git can't list commit {commit[:10]}", help="git fsck says what is wrong")
    entries = []
    for row in said.decode("utf-8", "surrogateescape").split("\0"):
        facts, tab, path = row.partition("\t")
        if not tab:
            continue
        mode, kind, blob, size = facts.split()
        parts = PurePosixPath(path).parts
        if kind == "blob" and ".." not in parts and ".git" not in parts and not path.startswith("/"):
            entries.append(_Entry(path, blob, int(size), mode == "120000"))
    return entries


def _contents(folder: Path, blobs: set[str]) -> dict[str, bytes]:
    """Every blob's bytes, as they were committed: no filter of the repository is applied."""
    if not blobs:
        return {}
    asked = "".join(f"{blob}\n" for blob in sorted(blobs)).encode()
    said = _call(folder, ["cat-file", "--batch"], _LONG_PATIENCE_S, asked)
    found: dict[str, bytes] = {}
    at = 0
    while said is not None and at < len(said):
        end = said.index(b"\n", at)
        name, _, rest = said[at:end].decode().partition(" ")
        kind, _, size = rest.partition(" ")
        if kind != "blob":
            break
        found[name] = said[end + 1 : end + 1 + int(size)]
        at = end + 1 + int(size) + 1
    if missing := blobs - found.keys():
        raise RevisionError(
            f"git can't read {len(missing)} of {len(blobs)} files of that commit",
            help="the clone is not complete: git fetch, or git fsck",
        )
    return found


def _followed(path: str, links: dict[str, bytes]) -> str | None:
    """Where a symbolic link leads within the tree; None when it leads out of it or in a circle."""
    for _ in range(8):
        if path not in links:
            return path
        target = links[path].decode("utf-8", "surrogateescape")
        path = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        if target.startswith("/") or path.startswith("../") or path == "..":
            return None
    return None


def _git(folder: Path, *words: str) -> str:
    said = _call(folder, list(words), _PATIENCE_S)
    return said.decode("utf-8", "replace").strip() if said is not None else ""


def _call(folder: Path, words: Sequence[str], patience_s: float, given: bytes = b"") -> bytes | None:
    """What git prints; None when it fails, is not installed or takes too long."""
    # No lock is taken for a mere look, and nobody is asked for a password.
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *_HARMLESS, *words],
            input=given,
            capture_output=True,
            timeout=patience_s,
            check=False,
            env=environment,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
