"""The documentation is current, complete, and its examples run."""

from __future__ import annotations

import doctest
import importlib
import os
import pkgutil
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import carmeta

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
UPDATE = runpy.run_path(str(ROOT / "docs" / "update.py"))


def modules() -> list[str]:
    found = pkgutil.walk_packages(carmeta.__path__, "carmeta.")
    names = (module.name for module in found if module.name != "carmeta.__main__")
    return ["carmeta", *sorted(names)]


@pytest.mark.parametrize("name", modules())
def test_examples_in_docstrings(name: str) -> None:
    results = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert results.failed == 0


def test_the_page_on_commands_is_current(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert page == UPDATE["cli_page"](), "run `make docs`"


@pytest.mark.parametrize("command", UPDATE["commands"]())
def test_every_command_says_what_it_does(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    text = UPDATE["help_of"](command)
    summary = text.split("\n\n")[1].strip()
    assert summary.endswith(".")
    options = re.findall(r"^  (?:-\w, )?(--[\w-]+).*\n?(?:\s{20,}(\S.*))?", text, re.MULTILINE)
    assert options


def test_the_headline_of_the_readme_is_the_run_of_record() -> None:
    text = README.read_text(encoding="utf-8")
    assert UPDATE["with_headline"](text) == text, "run `make pool`, then `make docs`"
    assert UPDATE["headline"]().count("\n") >= 5


def test_python_of_the_readme() -> None:
    results = doctest.testfile(str(README), module_relative=False)
    assert results.attempted
    assert not results.failed


def used_codes() -> set[str]:
    pattern = re.compile(r'"((?:YML|SCH|REC|WRD|MIG|CFG|CSV|IMP)\d{3})"')
    return {
        code
        for path in (ROOT / "carmeta").rglob("*.py")
        for code in pattern.findall(path.read_text(encoding="utf-8"))
    }


def test_every_code_is_documented_and_in_use() -> None:
    page = (ROOT / "docs" / "diagnostics.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| ([A-Z]{3}\d{3}) \|", page, re.MULTILINE)
    assert len(documented) == len(set(documented))
    assert set(documented) == used_codes()


def shell_lines(path: Path) -> list[str]:
    """Commands in the fenced shell blocks of a page, without prompts and comments."""
    blocks = re.findall(r"^```(?:sh|bash|console)\n(.*?)^```", path.read_text(encoding="utf-8"),
                        re.MULTILINE | re.DOTALL)  # fmt: skip
    joined = "\n".join(blocks).replace("\\\n", " ")
    lines = [re.sub(r"^\$ ", "", line).split(" #")[0].strip() for line in joined.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def readme_commands() -> list[str]:
    lines = [line.removeprefix(".venv/bin/") for line in shell_lines(README)]
    return [line for line in dict.fromkeys(lines) if line.startswith("carmeta ")]


@pytest.fixture(scope="module")
def review(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The records and configurations in a folder of their own."""
    folder = tmp_path_factory.mktemp("readme")
    for name in ("studies", "configs", "outputs", "examples"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "review.yaml", folder)
    return folder


@pytest.mark.parametrize("line", readme_commands())
def test_commands_of_the_readme_run(review: Path, line: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "carmeta", *shlex.split(line)[1:]],
        cwd=review, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    # 1 says that there are findings, which `validate` and `audit` may well have.
    allowed = (0, 1) if line.split()[1] in ("validate", "audit", "diff") else (0,)
    assert ran.returncode in allowed, ran.stderr


def make_targets() -> set[str]:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z]+):", text, re.MULTILINE))


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", ".ci/run"])
def test_make_targets_that_are_spoken_of_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", text, re.MULTILINE))
    assert named
    assert named <= make_targets()


def test_every_make_target_has_its_line_of_help() -> None:
    ran = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    told = {line.split()[1] for line in ran.stdout.splitlines()}
    assert told == make_targets()
