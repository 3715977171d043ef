"""Exactly what CI runs: the composite action's and the workflow's steps, over a branch of a real repository.

The steps are read from ``action.yml`` and from the scaffold's workflow, and run by bash in the repository.
Only what needs the network is exchanged: the steps that install something are left out, as everything is
installed here, and ``gh`` is a small program that keeps the comments in a file.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from retrovue.cli.main import main
from tests.init.test_init import WITHOUT

ROOT = Path(__file__).resolve().parents[2]

#: Keeps a pull request's comments, as much of them as the action asks for.
_GH = """#!{python}
import json, os, re, sys
file = os.environ["COMMENTS"]
comments = json.load(open(file)) if os.path.exists(file) else []
arguments = sys.argv[1:]
assert arguments.pop(0) == "api" and os.environ["GH_TOKEN"] == "secret"
path = next(a for a in arguments if a.startswith("repos/"))
if "--method" not in arguments:
    assert path == "repos/ada/retro/issues/7/comments"
    tag = re.search(r'startswith\\("(.*?)"\\)', arguments[arguments.index("--jq") + 1])[1]
    print("".join(str(c["id"]) + "\\n" for c in comments if c["body"].startswith(tag)), end="")
    sys.exit()
method = arguments[arguments.index("--method") + 1]
name, _, source = arguments[arguments.index("--field") + 1].partition("=@")
body = open(source).read()
if method == "POST":
    assert path == "repos/ada/retro/issues/7/comments"
    comments.append({"id": 100 + len(comments), "body": body})
else:
    (comment,) = [c for c in comments if path == "repos/ada/retro/issues/comments/" + str(c["id"])]
    comment["body"] = body
json.dump(comments, open(file, "w"))
"""


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *identity, *words], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass
class Ran:
    """What a run of CI came to."""

    steps: list[str] = field(default_factory=list)
    failed: str = ""
    output: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""


class Repository:
    """A throw-away repository with a new station in it, and a runner for its workflow."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "retro"
        self._scratch = folder / "runner"
        (self._scratch / "bin").mkdir(parents=True)
        assert main(["init", str(self.folder), "--name", "Retro Television", "--station", "retro"]) == 0
        self.epoch = re.search(r"epoch: (\S+)", (self.folder / "station.yaml").read_text())[1]  # type: ignore[index]
        git(self.folder, "init", "-q", "-b", "main")
        self.commit("station: a first channel")
        # What actions/checkout leaves behind: the branches of the server, as they are there.
        git(self.folder, "update-ref", "refs/remotes/origin/main", "main")
        gh = self._scratch / "bin" / "gh"
        gh.write_text(_GH.replace("{python}", sys.executable))
        gh.chmod(0o755)

    def commit(self, title: str) -> None:
        git(self.folder, "add", "--all")
        env_date = f"{self.epoch}T12:00:00+00:00"
        os.environ["GIT_COMMITTER_DATE"] = os.environ["GIT_AUTHOR_DATE"] = env_date
        try:
            git(self.folder, "commit", "-q", "-m", title)
        finally:
            del os.environ["GIT_COMMITTER_DATE"], os.environ["GIT_AUTHOR_DATE"]

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.folder / file
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    @property
    def comments(self) -> list[dict[str, Any]]:
        file = self._scratch / "comments.json"
        return list(json.loads(file.read_text())) if file.exists() else []

    def run_workflow(self, event: str = "pull_request") -> Ran:
        """Every step of the station's workflow, as GitHub would run them for ``event``."""
        workflow = _yaml(self.folder / ".github/workflows/station.yaml")
        ran = Ran()
        for step in workflow["jobs"]["station"]["steps"]:
            if "uses" in step and step["uses"].startswith("retrovue/retrovue@"):
                self._action(step.get("with", {}), event, ran)
            elif "run" in step:
                self._step(step, {}, event, ran)
            else:
                assert step["uses"].startswith("actions/checkout@")
            if ran.failed:
                break
        return ran

    def _action(self, given: Mapping[str, str], event: str, ran: Ran) -> None:
        action = _yaml(ROOT / "action.yml")
        inputs = {name: str(words.get("default", "")) for name, words in action["inputs"].items()}
        assert set(given) <= set(inputs)
        inputs |= given
        inputs["token"] = "secret"
        for step in action["runs"]["steps"]:
            if "run" in step:
                assert step["shell"] == "bash", "a composite action's step must name its shell"
                assert "${{" not in step["run"], "what others wrote must not be part of a command"
                self._step(step, inputs, event, ran)
            else:
                assert step["uses"].startswith("actions/setup-python@")
            if ran.failed:
                return

    def _step(self, step: Mapping[str, Any], inputs: Mapping[str, str], event: str, ran: Ran) -> None:
        if "pip install" in step["run"]:
            return
        if not _holds(step.get("if", ""), inputs, event):
            return
        ran.steps.append(step["name"])
        files = {name: self._scratch / name.lower() for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for file in files.values():
            file.write_text("")
        environment = {
            **os.environ,
            "PATH": os.pathsep.join(
                (str(self._scratch / "bin"), str(Path(sys.executable).parent), os.environ["PATH"])
            ),
            "RUNNER_TEMP": str(self._scratch),
            "COMMENTS": str(self._scratch / "comments.json"),
            "GITHUB_ACTIONS": "true",
            "PYTEST_ADDOPTS": shlex.join(WITHOUT),
            **{name: str(file) for name, file in files.items()},
            **{name: _filled(str(value), inputs) for name, value in step.get("env", {}).items()},
        }
        script = self._scratch / "step.sh"
        script.write_text(step["run"])
        # GitHub's own command line for "shell: bash".
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        ran.output += done.stdout + done.stderr
        ran.summary += files["GITHUB_STEP_SUMMARY"].read_text()
        for line in files["GITHUB_OUTPUT"].read_text().splitlines():
            name, _, value = line.partition("=")
            ran.outputs[name] = value
        if done.returncode:
            ran.failed = step["name"]


def _yaml(file: Path) -> Any:
    return YAML(typ="safe").load(file.read_text())


def _filled(text: str, inputs: Mapping[str, str]) -> str:
    """The expressions that the action uses, for pull request 7 of ada/retro into main."""

    def value(expression: str) -> str:
        if expression == "inputs.base || format('origin/{0}', github.base_ref)":
            return inputs["base"] or "origin/main"
        known = {"github.repository": "ada/retro", "github.event.pull_request.number": "7"}
        if expression in known:
            return known[expression]
        assert expression.startswith("inputs."), expression
        return inputs[expression.removeprefix("inputs.")]

    return re.sub(r"\$\{\{ (.*?) \}\}", lambda m: value(m[1]), text)


def _holds(condition: str, inputs: Mapping[str, str], event: str) -> bool:
    for part in filter(None, condition.split(" && ")):
        left, right = part.split(" == ")
        actual = event if left == "github.event_name" else inputs[left.removeprefix("inputs.")]
        if actual != shlex.split(right)[0]:
            return False
    return True


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def branch_with_an_edit(repository: Repository) -> None:
    git(repository.folder, "checkout", "-q", "-b", "later-prime")
    repository.edit("plans/every-day.yaml", "window: 06:00-20:00", "window: 06:00-20:30")
    repository.edit("plans/every-day.yaml", "window: 20:00-23:00", "window: 20:30-23:00")


def test_an_edit_on_a_branch_is_told_in_a_comment(repository: Repository) -> None:
    branch_with_an_edit(repository)
    (snapshot,) = (repository.folder / "tests/__snapshots__/test_station").iterdir()
    text = snapshot.read_text().replace(
        "06:00-20:00  Station Clock\n20:00-20:30  Welcome", "06:00-20:30  Station Clock"
    )
    snapshot.write_text(text)
    repository.commit("plans: prime time begins at half past eight")
    ran = repository.run_workflow()
    assert ran.failed == "", ran.output
    assert ran.steps == [
        *("Check", "Compile", "Tell what will air differently", "Comment on the pull request", "Test")
    ]
    assert ran.outputs["changed"] == "true"
    (comment,) = repository.comments
    assert comment["body"].startswith("<!-- retrovue diff -->\n")
    assert "Welcome" in comment["body"]
    assert "20:00" in comment["body"]
    assert ran.summary == comment["body"]

    # Another push to the same branch: the comment is replaced, not joined by a second one.
    repository.edit("plans/every-day.yaml", "play: [welcome]", "play: [slate]")
    repository.commit("plans: no welcome")
    again = repository.run_workflow()
    (later,) = repository.comments
    assert later["id"] == comment["id"]
    assert later["body"] != comment["body"]
    assert again.failed == "Test", "the guide's snapshot was not taken over"


def test_a_branch_that_changes_nothing_on_air_says_so(repository: Repository) -> None:
    git(repository.folder, "checkout", "-q", "-b", "words")
    repository.edit("README.md", "A television station", "A small television station")
    repository.commit("readme: smaller")
    ran = repository.run_workflow()
    assert ran.failed == "", ran.output
    assert ran.outputs["changed"] == "false"
    (comment,) = repository.comments
    assert "othing changes on air" in comment["body"]


def test_only_what_the_branch_did_is_compared(repository: Repository) -> None:
    """main went on after the branch had left it: that is none of the branch's doing."""
    git(repository.folder, "checkout", "-q", "-b", "words")
    repository.edit("README.md", "A television station", "A small television station")
    repository.commit("readme: smaller")
    git(repository.folder, "checkout", "-q", "main")
    repository.edit("plans/every-day.yaml", "play: [welcome]", "play: [slate]")
    repository.commit("plans: no welcome")
    git(repository.folder, "update-ref", "refs/remotes/origin/main", "main")
    git(repository.folder, "checkout", "-q", "words")
    assert repository.run_workflow().outputs["changed"] == "false"


def test_a_branch_that_mends_a_broken_station_passes(repository: Repository) -> None:
    repository.edit("plans/every-day.yaml", "play: [welcome]", "play: [wellcome]")
    repository.commit("plans: a typo")
    git(repository.folder, "update-ref", "refs/remotes/origin/main", "main")
    git(repository.folder, "checkout", "-q", "-b", "mend")
    repository.edit("plans/every-day.yaml", "play: [wellcome]", "play: [welcome]")
    repository.commit("plans: mended")
    for _ in range(2):  # a runner's folder may be there from the time before
        ran = repository.run_workflow()
        assert ran.failed == "", ran.output
        assert ran.outputs["changed"] == "true"
        (comment,) = repository.comments
        assert comment["body"].startswith("<!-- retrovue diff -->\n### 📺 There is nothing to compare with\n")
        assert ran.summary == comment["body"]


def test_a_branch_that_brings_the_first_station_passes(repository: Repository) -> None:
    git(repository.folder, "checkout", "-q", "--orphan", "first")
    git(repository.folder, "rm", "-rqf", "--cached", ".")
    git(repository.folder, "add", "README.md")
    git(repository.folder, "commit", "-q", "-m", "a readme")
    git(repository.folder, "update-ref", "refs/remotes/origin/main", "first")
    repository.commit("station: a first channel")
    ran = repository.run_workflow()
    assert ran.failed == "", ran.output
    (comment,) = repository.comments
    assert "nothing to compare with" in comment["body"]


def test_an_error_of_the_comparison_itself_fails(repository: Repository) -> None:
    branch_with_an_edit(repository)
    repository.commit("plans: prime time begins at half past eight")
    git(repository.folder, "update-ref", "-d", "refs/remotes/origin/main")
    ran = repository.run_workflow()
    assert ran.failed == "Tell what will air differently"
    assert repository.comments == []


def test_a_mistake_stops_the_run_and_marks_its_line(repository: Repository) -> None:
    git(repository.folder, "checkout", "-q", "-b", "typo")
    repository.edit("plans/every-day.yaml", "play: [welcome]", "play: [wellcome]")
    repository.commit("plans: a typo")
    ran = repository.run_workflow()
    assert ran.failed == "Check"
    assert re.search(r"^::error .*file=plans/every-day\.yaml,line=11,", ran.output, re.MULTILINE)
    assert repository.comments == []


def test_a_push_is_checked_and_compiled_and_nothing_is_told(repository: Repository) -> None:
    ran = repository.run_workflow("push")
    assert ran.failed == "", ran.output
    assert ran.steps == ["Check", "Compile", "Test"]
    assert repository.comments == []


def test_the_pre_commit_hook_runs(repository: Repository) -> None:
    (wanted,) = _yaml(repository.folder / ".pre-commit-config.yaml")["repos"]
    hooks = {hook["id"]: hook for hook in _yaml(ROOT / ".pre-commit-hooks.yaml")}
    (used,) = wanted["hooks"]
    hook = hooks[used["id"]]
    # pre-commit runs the entry, the arguments and, unless told otherwise, the files; never through a shell.
    command = [*shlex.split(hook["entry"]), *used["args"]]
    assert hook["pass_filenames"] is False
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    def run() -> int:
        return subprocess.run(
            command, cwd=repository.folder, env=environment, capture_output=True, check=False
        ).returncode

    assert run() == 0
    repository.edit("plans/every-day.yaml", "play: [welcome]", "play: [wellcome]")
    assert run() == 1
    changed = git(repository.folder, "diff", "--name-only").split()
    assert any(re.search(hook["files"], name) for name in changed)
    assert not re.search(hook["files"], "README.md")


def test_the_hook_and_the_action_are_whole() -> None:
    action = _yaml(ROOT / "action.yml")
    assert action["runs"]["using"] == "composite"
    used = set(re.findall(r"inputs\.([\w-]+)", (ROOT / "action.yml").read_text()))
    assert used == set(action["inputs"])
    for hook in _yaml(ROOT / ".pre-commit-hooks.yaml"):
        assert {"id", "name", "entry", "language"} <= set(hook)
