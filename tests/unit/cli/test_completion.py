"""Completion in the shell: its script, and the names that only the folder knows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from carmeta.cli import main

Shell = Callable[..., str]


@pytest.fixture
def shell_says(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """What carmeta prints when a shell calls it; such a call ends the process."""

    def run(*arguments: str, **environment: str) -> str:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert not ended.value.code
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize(
    ("shell", "part"),
    [
        ("bash", "complete -o default -F"),
        ("zsh", "#compdef carmeta"),
        ("fish", "complete --command"),
    ],
)
def test_the_script_of_a_shell(shell_says: Shell, shell: str, part: str) -> None:
    # Which shell it is, is else found out from the process that called.
    out = shell_says("--show-completion", shell, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert part in out
    assert "_CARMETA_COMPLETE" in out


def test_the_help_names_it(cli) -> None:
    out = cli("--help").out
    assert "--install-completion" in out
    assert "--show-completion" in out


CASES = {
    "carmeta show ": ["alpha-1", "beta-2", "gamma-3"],
    "carmeta show al": ["alpha-1"],
    "carmeta audit be": ["beta-2"],
    "carmeta explain orr ga": ["gamma-3"],
    "carmeta pool ": ["configs/tiny.yaml", "configs/two-arms.yaml"],
    "carmeta pool configs/ti": ["configs/tiny.yaml"],
    "carmeta config show ": ["configs/tiny.yaml", "configs/two-arms.yaml"],
    "carmeta packs im": ["imwg"],
    "carmeta show --studies nowhere ": [],
}


@pytest.mark.parametrize("typed", CASES)
def test_names_are_completed(shell_says: Shell, golden_review: Path, typed: str) -> None:
    words = typed.split(" ")
    out = shell_says(
        _CARMETA_COMPLETE="complete_bash", COMP_WORDS=typed, COMP_CWORD=str(len(words) - 1)
    )
    assert out.split() == CASES[typed]
