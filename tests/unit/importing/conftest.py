from __future__ import annotations

from pathlib import Path

import pytest

from tests.words import declare


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A review without studies, as the working directory."""
    declare(tmp_path)
    (tmp_path / "studies").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path
