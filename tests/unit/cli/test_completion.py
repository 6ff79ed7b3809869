"""Completion in the shell: its script, and the names that only the folder knows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def carmeta(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    base = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "carmeta", *arguments],
        env=base | environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("shell", "part"),
    [
        ("bash", "complete -o default -F"),
        ("zsh", "#compdef carmeta"),
        ("fish", "complete --command"),
    ],
)
def test_the_script_of_a_shell(shell: str, part: str) -> None:
    # Which shell it is, is else found out from the process that called.
    ran = carmeta("--show-completion", shell, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert part in ran.stdout
    assert "_CARMETA_COMPLETE" in ran.stdout


def test_the_help_names_it(cli) -> None:
    out = cli("--help").out
    assert "--install-completion" in out
    assert "--show-completion" in out


def completed(typed: str) -> list[str]:
    words = typed.split(" ")
    ran = carmeta(
        _CARMETA_COMPLETE="complete_bash", COMP_WORDS=typed, COMP_CWORD=str(len(words) - 1)
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.split()


CASES = {
    "carmeta show ": ["alpha-1", "beta-2", "gamma-3"],
    "carmeta show al": ["alpha-1"],
    "carmeta audit be": ["beta-2"],
    "carmeta pool ": ["configs/tiny.yaml"],
    "carmeta pool configs/t": ["configs/tiny.yaml"],
    "carmeta config show ": ["configs/tiny.yaml"],
    "carmeta packs im": ["imwg"],
    "carmeta show --studies nowhere ": [],
}


@pytest.mark.parametrize("typed", CASES)
def test_names_are_completed(golden_review: Path, typed: str) -> None:
    assert completed(typed) == CASES[typed]
