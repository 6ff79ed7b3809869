"""Another processor, or another Python, leaves a committed run as it is; a change does not."""

from __future__ import annotations

import dataclasses
import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

from carmeta.domain.analysis import Analysis
from carmeta.outputs import manifest_of, write_run
from carmeta.pipeline import run
from carmeta.report import figures
from carmeta.report.files import render_all

ROOT = Path(__file__).parents[3]
REVIEW = ROOT / "tests" / "golden" / "review"


@pytest.fixture(scope="module", params=["tiny", "two-arms"])
def analysis(request: pytest.FixtureRequest) -> Analysis:
    whole = run(REVIEW / "configs" / f"{request.param}.yaml", studies=REVIEW / "studies")
    return dataclasses.replace(whole, outcomes=whole.outcomes[:1])


def render(analysis: Analysis) -> dict[str, bytes]:
    """Without PDF and PNG: git ignores them, and they take most of the time."""
    drawn = figures.jobs

    def light(analysis: Analysis) -> list[figures.FigureJob]:
        return [dataclasses.replace(job, heavy=None) for job in drawn(analysis)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures, "jobs", light)
        return render_all(analysis, jobs=1, word=False, excel=False)


@pytest.fixture(scope="module")
def rendered(analysis: Analysis) -> dict[str, bytes]:
    return render(analysis)


@pytest.fixture
def folder(analysis: Analysis, rendered: dict[str, bytes], tmp_path: Path) -> Path:
    """The run as it is committed."""
    write_run(tmp_path / "x", rendered, root=tmp_path, manifest=manifest_of(analysis))
    return tmp_path / "x"


# Differences of two fits: they move by as much as the fits, however small they are.
DIFFERENCES = ("rstudent", "dffits", "cook_d", "baujat_x", "baujat_y")


def perturbed(value: Any, size: float, chance: random.Random, name: str = "") -> Any:
    """The same with every float moved a little, as another processor might."""
    if isinstance(value, float):
        moved = size * chance.uniform(-1, 1)
        return value + moved if name in DIFFERENCES else value * (1 + moved)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        parts = {name: perturbed(getattr(value, name), size, chance, name) for name in names}
        return dataclasses.replace(value, **parts)
    if isinstance(value, tuple | list):
        return type(value)(perturbed(item, size, chance, name) for item in value)
    return value  # of dicts the configuration and the versions are kept


def write(folder: Path, analysis: Analysis, **changed: bytes) -> None:
    files = render(analysis) | {name.replace("_", "."): data for name, data in changed.items()}
    write_run(folder, files, root=folder.parent, manifest=manifest_of(analysis))


def tree(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    "seed", [pytest.param(i, marks=pytest.mark.slow if i >= 4 else ()) for i in range(20)]
)
def test_the_last_digits_leave_a_run_untouched(analysis: Analysis, folder: Path, seed: int) -> None:
    before = tree(folder)
    places = {path: path.stat().st_mtime_ns for path in (folder).iterdir()}
    for size in (1e-14, 1e-11):
        other = perturbed(analysis, size, random.Random(seed))
        assert other != analysis
        write(folder, other)
        assert tree(folder) == before
    assert {path: path.stat().st_mtime_ns for path in (folder).iterdir()} == places


def test_another_python_leaves_a_run_untouched(analysis: Analysis, folder: Path) -> None:
    before = tree(folder)
    versions = {**analysis.provenance.versions, "python": "3.99"}
    provenance = dataclasses.replace(analysis.provenance, versions=versions)
    write(folder, dataclasses.replace(analysis, provenance=provenance))
    assert tree(folder) == before


def test_a_real_change_is_written(analysis: Analysis, folder: Path) -> None:
    before = tree(folder)
    write(folder, perturbed(analysis, 1e-6, random.Random(1)))
    after = tree(folder)
    assert after["results.json"] != before["results.json"]
    versions = {**analysis.provenance.versions, "numpy": "99"}
    provenance = dataclasses.replace(analysis.provenance, versions=versions)
    write(folder, dataclasses.replace(analysis, provenance=provenance))
    assert json.loads(tree(folder)["manifest.json"])["versions"]["numpy"] == "99"
    write(folder, dataclasses.replace(analysis, title="Another"))
    assert b"Another" in tree(folder)["summary.md"]


def test_what_git_ignores_is_drawn_anew_where_it_is_missing(
    analysis: Analysis, folder: Path
) -> None:
    write(folder, analysis, a_png=b"here")
    before = tree(folder)
    write(folder, analysis, a_png=b"there")  # agrees with its manifest, which stays as it is
    assert tree(folder) == before
    (folder / "a.png").unlink()
    write(folder, analysis, a_png=b"there")
    assert tree(folder) == {**before, "a.png": b"there"}


def test_a_file_that_is_not_as_it_was_written_is_written_anew(
    analysis: Analysis, folder: Path
) -> None:
    before = tree(folder)
    summary = folder / "summary.md"
    summary.write_bytes(before["summary.md"].replace(b"\n", b"\r\n"))
    write(folder, analysis)
    assert tree(folder) == before


def test_what_is_tracked_is_what_git_does_not_ignore() -> None:
    from carmeta.diff import TEXT

    ignored = re.findall(
        r"^outputs/\*\*/\*(\.\w+)$", (ROOT / ".gitignore").read_text(), re.MULTILINE
    )
    assert ignored
    assert not TEXT & set(ignored)
    kept = {path.suffix.lower() for path in (ROOT / "outputs" / "primary").iterdir()}
    assert kept - set(ignored) <= TEXT


NUMBER = re.compile(r"(?<![\w.#-])-?(?:\d+\.\d+|\.\d+)(?:[eE][-+]?\d+)?")


def test_no_number_has_more_than_ten_digits(rendered: dict[str, bytes]) -> None:
    for name, data in rendered.items():
        text = re.sub(r"data:[^\"']*", "", data.decode())
        text = re.sub(r"10\.\d{4,9}/\S+", "", text)  # DOIs
        for number in NUMBER.findall(text):
            digits = re.sub(r"[eE].*|[-.]", "", number).lstrip("0")
            assert len(digits) <= 10, (name, number)
