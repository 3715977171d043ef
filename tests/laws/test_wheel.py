"""The wheel is whole: installed where there is no checkout, it brings its templates and schemas and runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.laws.tree import ROOT, tracked

STATION = "stations/demo"


def _run(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(cwd), "LANG": "C.UTF-8"}
    return subprocess.run(
        [str(a) for a in arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from what git would publish and nothing else."""
    source = tmp_path_factory.mktemp("source")
    for name in tracked():
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
    dist = tmp_path_factory.mktemp("dist")
    # Without isolation: hatchling is in the lock, and a test must not need the network.
    built = _run(
        sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", dist, source, cwd=source
    )
    assert built.returncode == 0, built.stdout + built.stderr
    (found,) = dist.glob("retrovue-*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``bin`` of a clean environment with the wheel; the dependencies are lent by this one."""
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, with_pip=False)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    # The editable RetroVue of the lender is on its path too, but a .pth comes after: the wheel's wins.
    done = _run(
        sys.executable,
        *("-m", "pip", "--python", folder / "bin" / "python", "install", "--no-deps", "--no-index", wheel),
        cwd=folder,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin"


def test_the_wheel_holds_templates_schemas_and_types_and_no_tests(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    shipped = {
        f"retrovue/_shipped/{f.as_posix()}" for f in tracked() if f.parts[0] in {"templates", "schemas"}
    }
    assert shipped, "there are no templates or schemas in the checkout"
    assert shipped <= names
    assert "retrovue/py.typed" in names
    assert {n.split("/")[0] for n in names if ".dist-info" not in n} == {"retrovue"}


def test_it_runs_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    helped = _run(installed / "retrovue", "--help", cwd=tmp_path)
    assert helped.returncode == 0, helped.stderr
    assert "put the station on the air" in helped.stdout

    asked = _run(
        installed / "python",
        "-c",
        "from retrovue.resources import shipped; print(shipped('templates'), shipped('schemas'))",
        cwd=tmp_path,
    )
    places = asked.stdout.split()
    assert len(places) == 2, asked.stderr
    assert all(place.startswith(str(installed.parent)) for place in places), places


def test_it_checks_a_station_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    for name in tracked():
        if name.is_relative_to(STATION):
            target = tmp_path / "mine" / name.relative_to(STATION)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target)
    checked = _run(installed / "retrovue", "check", "mine", cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr
