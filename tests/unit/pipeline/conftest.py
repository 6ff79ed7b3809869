"""The runs of the committed configurations on the committed records, once a session."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from carmeta.domain.analysis import Analysis
from carmeta.pipeline import run

ROOT = Path(__file__).parents[3]


@cache
def _run(name: str) -> Analysis:
    return run(ROOT / "configs" / f"{name}.yaml", studies=ROOT / "studies")


@pytest.fixture(scope="session")
def analysis():
    """A function from the name of a configuration to its run."""
    return _run
