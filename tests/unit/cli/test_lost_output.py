"""Output that cannot be written is an error of its own, whichever command wrote it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
COMMANDS = (
    ["--version"], ["--help"], ["grim", "73%", "128"], ["schema"], ["studies"],
    ["validate", "configs/tiny.yaml", "--output-format", "json"],
    ["config", "show", "configs/tiny.yaml"],
    ["pool", "--csv", "counts.csv"], ["pool", "--csv", "counts.csv", "--json"],
    ["pool", "--csv", "counts.csv", "--format", "csv"],
)  # fmt: skip


def run(redirect: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    shell = f'"$0" -m carmeta "$@" {redirect}'
    return subprocess.run(
        ["sh", "-c", shell, sys.executable, *arguments], capture_output=True, text=True,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}, check=False,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def counts(golden_review: Path) -> None:
    Path("counts.csv").write_text("study,events,n\nA,3,20\nB,10,30\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_full_disk(arguments: list[str]) -> None:
    ran = run(">/dev/full", *arguments)
    assert ran.returncode == 2
    assert "cannot write to standard output: No space left on device" in ran.stderr
    assert "bug" not in ran.stderr
    assert "Exception ignored" not in ran.stderr


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_closed_output(arguments: list[str]) -> None:
    ran = run(">&-", *arguments)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.splitlines() == ["error: cannot write to standard output: it is closed"]


@pytest.mark.parametrize("redirect", ["2>&-", "2>/dev/full"])
def test_messages_that_nobody_can_read_spoil_no_data(redirect: str) -> None:
    whole = run("", "pool", "--csv", "counts.csv", "--json")
    ran = run(redirect, "pool", "--csv", "counts.csv", "--json")
    assert (ran.returncode, ran.stdout) == (0, whole.stdout)
    for wrong in (["pool", "--csv", "nowhere.csv"], ["validate", "nowhere.yaml"]):
        assert run(redirect, *wrong).returncode == run("", *wrong).returncode > 0


def test_a_reader_that_leaves_hears_nothing() -> None:
    ran = run("| true", "schema")
    assert ran.stderr == ""
