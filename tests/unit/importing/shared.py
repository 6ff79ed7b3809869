"""What the tests of import share: a review's folder and sources made by hand."""

from __future__ import annotations

import importlib.util
import io
import zipfile
from pathlib import Path

import pytest
import yaml

KNOWN = ("--design", "single-arm", "--role", "salvage", "--population", "itt", "--year", "2019")


def needs(package: str):
    return pytest.mark.skipif(
        importlib.util.find_spec(package) is None,
        reason=f"{package} is not installed: pip install 'carmeta[import]'",
    )


def put(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def records(folder: Path) -> dict[str, dict]:
    return {
        path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in sorted((folder / "studies").glob("*.yaml"))
    }


def counted(folder: Path) -> list[tuple[str, str, str, int, int]]:
    """Study, cohort, outcome, count and denominator of everything in the drafts."""
    return [
        (study["label"], cohort["label"], cell["outcome"], cell["count"], cell["of"])
        for study in records(folder).values()
        for cohort in study["cohorts"]
        for cell in cohort.get("proportions", [])
    ]


def zipped(members: dict[str, str | bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target.getvalue()
