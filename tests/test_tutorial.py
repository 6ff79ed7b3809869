"""The tutorial begins in an empty folder, and all that it shows is so."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.transcript import MORE, Shell, fits, follow, steps

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "tutorial.md"


def test_a_line_that_is_left_out_stands_for_any() -> None:
    assert fits("a\nb\n", "a\nb\n")
    assert fits(f"a\n{MORE}\nb\n", "a\nx\ny\nb\n")
    assert not fits("a\nb\n", "a\nx\nb\n")
    assert not fits("a\n", "a\nb\n")
    assert fits(f"a {MORE} b\n", "a x b\n")
    assert not fits(f"a {MORE} b\n", "a x\nb\n")


def test_it_goes_from_nothing_to_a_report() -> None:
    said = [(kind, what) for kind, what, _ in steps(PAGE)]
    commands = [what for kind, what in said if kind == "run"]
    first = {what.partition(" --")[0]: i for i, what in reversed([*enumerate(commands)])}
    assert commands[0] == "carmeta packs"
    order = ["carmeta init lymphoma", "carmeta new study alder", "carmeta studies", "carmeta pool"]
    assert order == sorted(order, key=first.__getitem__)
    records = {what for kind, what in said if kind == "write" and what.startswith("studies/")}
    assert len(records) == 5
    assert "report.html" in PAGE.read_text(encoding="utf-8")


@pytest.fixture
def carmeta(cli, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Commands in this process; what else there is (`ls`) is not run."""

    def run(words: list[str], folder: Path) -> str:
        monkeypatch.chdir(folder)
        ran = cli(*words[1:])
        return ran.out + ran.err

    return run


def test_the_tutorial_but_for_the_figures(carmeta: Shell, tmp_path: Path) -> None:
    def skip(line: str) -> bool:
        return not line.startswith("carmeta ") or line.startswith("carmeta pool")

    follow(PAGE, tmp_path, carmeta, skip=skip)


@pytest.mark.slow
def test_the_whole_tutorial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.transcript import shell

    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / "carmeta"
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m carmeta "$@"\n')
    program.chmod(0o755)
    folder = tmp_path / "review"
    folder.mkdir()
    monkeypatch.setenv("LC_ALL", os.environ.get("LC_ALL", "C.UTF-8"))
    follow(PAGE, folder, shell(programs))
