"""What is installed: everything that the package needs, and the example review."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.transcript import follow, shell

ROOT = Path(__file__).parents[1]
# What goes into a distribution, and what steers that.
SOURCES = ("carmeta", "studies", "configs", "review.yaml", "pyproject.toml", "setup.py",
           "MANIFEST.in", "README.md", "LICENSE")  # fmt: skip
EXAMPLE = [
    ROOT / "review.yaml",
    *(path for folder in ("studies", "configs") for path in sorted((ROOT / folder).glob("*.yaml"))),
]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("build") is None, reason="needs build: `make install`"),
]


def run(*command: object, cwd: Path, **environment: str) -> str:
    base = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PIP_CONSTRAINT")}
    ran = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=base | environment, check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the sdist and of the wheel that is made of it."""
    tree = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tree / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, tree / name)
    run(sys.executable, "-m", "build", "--no-isolation", cwd=tree)
    return tree / "dist"


def held(dist: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(next(dist.glob("*.whl"))) as wheel:
        return {name: wheel.read(name) for name in wheel.namelist()}


def test_the_wheel_holds_every_file_of_the_package(dist: Path) -> None:
    found = held(dist)
    for path in (ROOT / "carmeta").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert found[path.relative_to(ROOT).as_posix()] == path.read_bytes()
    outside = [name for name in found if not name.startswith("carmeta")]
    assert outside == []


def test_the_wheel_holds_the_example_once(dist: Path) -> None:
    found = held(dist)
    example = {name: data for name, data in found.items() if "/example/" in name}
    assert example == {
        f"carmeta/example/{path.relative_to(ROOT).as_posix()}": path.read_bytes()
        for path in EXAMPLE
    }


def test_the_sdist_holds_what_the_wheel_is_made_of(dist: Path) -> None:
    with tarfile.open(next(dist.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {path.relative_to(ROOT).as_posix() for path in EXAMPLE} <= names
    assert {"setup.py", "pyproject.toml", "LICENSE"} <= names
    assert not [name for name in names if name.startswith(("tests/", "outputs/"))]


@pytest.fixture(scope="module")
def installed(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs of a fresh environment that has the wheel.

    The packages that carmeta needs are those of this environment: nothing is fetched.
    """
    place = tmp_path_factory.mktemp("fresh") / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", place, cwd=dist)
    scripts = place / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps",
        "--no-index", next(dist.glob("*.whl")), cwd=dist)  # fmt: skip
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=dist)
    Path(site.strip(), "needed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    where = run(python, "-c", "import carmeta; print(carmeta.__file__)", cwd=dist)
    assert Path(where.strip()).is_relative_to(place)
    return scripts


def test_the_tutorial_from_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    follow(ROOT / "docs" / "tutorial.md", tmp_path, shell(installed))


def headline(run: Path) -> str:
    """The table of estimates: rounded, so that no processor's last digits are in it."""
    return (run / "summary.md").read_text(encoding="utf-8").split("\n## ")[0]


def test_the_example_is_pooled(installed: Path, tmp_path: Path) -> None:
    program = installed / "carmeta"
    run(program, "init", "--example", "myeloma", cwd=tmp_path)
    folder = tmp_path / "myeloma"
    assert (
        "22 files checked"
        in subprocess.run(
            [program, "validate"], cwd=folder, capture_output=True, text=True, check=True
        ).stderr
    )
    run(program, "pool", cwd=folder)
    ours, theirs = (headline(place / "outputs" / "primary") for place in (folder, ROOT))
    assert ours == theirs
