"""What all tests share."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]

# The same examples in every run: a red test stays red until it is mended.
settings.register_profile("carmeta", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("carmeta")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, with the reason, what needs a program that is not here."""
    needed = {
        "r": ("Rscript",),
        "browser": ("chromium", "chromium-browser", "google-chrome", "chrome"),
    }
    for marker, programs in needed.items():
        if any(shutil.which(program) for program in programs):
            continue
        skip = pytest.mark.skip(reason=f"needs {programs[0]}")
        for item in items:
            if item.get_closest_marker(marker):
                item.add_marker(skip)


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str


Cli = Callable[..., Ran]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Run the command line in this process, away from the colours of the caller."""
    from carmeta.cli import main

    for name in ("NO_COLOR", "FORCE_COLOR", "CARMETA_DEBUG", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: object) -> Ran:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[..., io.StringIO]:
    """Lines that somebody types at a terminal, in the place of stdin."""

    class Keyboard(io.StringIO):
        def isatty(self) -> bool:
            return True

    def type_in(*lines: str) -> io.StringIO:
        keyboard = Keyboard("".join(f"{line}\n" for line in lines))
        monkeypatch.setattr("sys.stdin", keyboard)
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        monkeypatch.setenv("TERM", "dumb")  # nothing moves and nothing is coloured
        return keyboard

    return type_in


@pytest.fixture
def golden_review(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the tiny review, as the working directory."""
    folder = tmp_path / "review"
    shutil.copytree(ROOT / "tests" / "golden" / "review", folder)
    monkeypatch.chdir(folder)
    return folder
