"""The commands of docs/how-to/import.md run, one after the other."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.unit.importing import sources
from tests.unit.importing.shared import put, records

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "how-to" / "import.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_commands_of_the_page(cli, here, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("defusedxml", reason="needs carmeta[import]")
    pytest.importorskip("rispy", reason="needs carmeta[import]")
    put(here / "counts.csv", blocks("csv")[0])
    put(here / "review.rm5", sources.RM5)
    put(here / "covidence.csv", sources.COVIDENCE.replace("Alpha 2019", "Gamma"))
    put(here / "refs.ris", sources.RIS)
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    assert len(lines) >= 8
    for line in lines:
        if " export " in line:
            own = here / "counted"
            shutil.copytree(ROOT / "tests" / "golden" / "review", own)
            monkeypatch.chdir(own)
        ran = cli(*shlex.split(line)[1:])
        assert ran.code == 0, (line, ran.err)
    assert {"alpha", "beta", "one-only", "two", "gamma", "delta-2018"} <= records(here).keys()
