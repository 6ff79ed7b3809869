"""A tiny invented review through the whole house.

The expected files change by `make golden` only, never by a test.
"""

from __future__ import annotations

import csv
import hashlib
import json
import runpy
from pathlib import Path

import pytest

from carmeta.diff import compare_runs

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("review")
    runpy.run_path(str(HERE / "update.py"))["run"](folder)
    return folder / "outputs"


@pytest.mark.parametrize("name", ["tiny", "two-arms"])
def test_the_numbers_are_the_expected_ones(outputs: Path, tmp_path: Path, name: str) -> None:
    expected = HERE / "expected" / name
    for path in expected.iterdir():
        (tmp_path / path.name).write_bytes((outputs / name / path.name).read_bytes())
    assert compare_runs(expected, tmp_path) == []


def test_every_count_by_hand(outputs: Path) -> None:
    with (outputs / "tiny" / "counts.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = {
        (row["study"], row["outcome"]): (
            int(row["xi_lo"]), int(row["xi_hi"]), int(row["ni"]), row["population"],
            row["derivation"],
        )
        for row in rows
    }  # fmt: skip
    assert found == {
        # 12 sCR + 3 CR + 9 VGPR + 4 PR; 12 + 3; 23 + 2 + 0; 2 + 0
        ("alpha-1", "orr"): (28, 28, 33, "infused", "summed"),
        ("alpha-1", "cr"): (15, 15, 33, "infused", "summed"),
        ("alpha-1", "crs_any"): (25, 25, 33, "infused", "summed"),
        ("alpha-1", "crs_ge3"): (2, 2, 33, "infused", "summed"),
        ("alpha-1", "nt_any"): (14, 14, 33, "infused", "printed"),
        # 73% of 128: 93 (72.66) or 94 (73.44); 33%: 42 (32.81); 84%: 107 (83.59) or 108
        # (84.38); 5%: 6 (4.69) or 7 (5.47)
        ("beta-2", "orr"): (93, 94, 128, "infused", "percent-several"),
        ("beta-2", "cr"): (42, 42, 128, "infused", "percent"),
        ("beta-2", "crs_any"): (107, 108, 128, "infused", "percent-several"),
        ("beta-2", "crs_ge3"): (6, 7, 128, "infused", "percent-several"),
        ("gamma-3", "orr"): (41, 41, 60, "itt", "printed"),
        ("gamma-3", "cr"): (20, 20, 60, "itt", "printed"),
        ("gamma-3", "crs_any"): (45, 45, 52, "infused", "printed"),
        ("gamma-3", "crs_ge3"): (3, 3, 52, "infused", "summed"),  # 2 of grade 3-4, 1 of grade 5
    }


def test_what_is_left_out_is_listed(outputs: Path) -> None:
    with (outputs / "tiny" / "excluded.csv").open(encoding="utf-8", newline="") as file:
        left_out = {f"{row['study']}/{row['cohort']}" for row in csv.DictReader(file)}
    assert left_out == {"beta-2/low-dose", "gamma-3/first-20", "gamma-3/standard"}


def test_the_manifest_covers_every_file(outputs: Path) -> None:
    folder = outputs / "tiny"
    manifest = json.loads((folder / "manifest.json").read_bytes())
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }
    assert set(files) == set(manifest["outputs"])
    for name, data in files.items():
        assert manifest["outputs"][name]["sha256"] == hashlib.sha256(data).hexdigest()
    assert set(manifest["inputs"]) == {
        "review.yaml", "packs/trial.yaml", "packs/imwg.yaml", "packs/car-t.yaml",
        "packs/car-t-toxicity.yaml", "packs/jbi-case-series.yaml", "packs/rob-2.yaml",
        "configs/tiny.yaml", "studies/_products.yaml", "studies/_reports.yaml",
        "studies/alpha-1.yaml", "studies/beta-2.yaml", "studies/gamma-3.yaml",
    }  # fmt: skip
    review = HERE / "review"
    for name, digest in manifest["inputs"].items():
        home = ROOT / "carmeta" if name.startswith("packs/") else review
        assert digest == hashlib.sha256((home / name).read_bytes()).hexdigest()
    assert str(folder.parents[1]) not in json.dumps(manifest)
