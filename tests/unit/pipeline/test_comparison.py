"""Comparisons of two arms honour the configuration, with one pair of arms or several (#8.11)."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from carmeta.api.two_arm import pool_two_arm
from carmeta.config import load_config
from carmeta.errors import ConfigError
from carmeta.pipeline import run
from tests.words import MYELOMA

HEAD = """\
name: two
title: Two
outcomes: [orr, cr]
include: {roles: [car-t, comparator]}
populations: {order: [itt]}
"""
PAIRS = """\
comparison:
  pairs:
    - {treatment: gamma-3/car-t, control: gamma-3/standard}
    - {treatment: delta-4/car-t, control: delta-4/standard}
    - {treatment: eps-5/car-t, control: eps-5/standard}
"""
ORR = ([41, 30, 55], [60, 60, 60], [12, 14, 9], [30, 30, 30])


@pytest.fixture
def review(golden_review: Path) -> Path:
    """The tiny review with two more randomised trials."""
    text = Path("studies/gamma-3.yaml").read_text()
    for name, product, treated, control in (
        ("delta-4", "prod-b", 30, 14), ("eps-5", "prod-a", 55, 9)
    ):  # fmt: skip
        other = text.replace("gamma-3", name).replace("Gamma-3", name.title())
        other = other.replace("gamma-20", f"{name}-20")
        other = other.replace("product: prod-a", f"product: {product}")
        other = other.replace('count: 41, of: 60, percent: "68"', f"count: {treated}, of: 60")
        other = other.replace('count: 12, of: 30, percent: "40"', f"count: {control}, of: 30")
        Path(f"studies/{name}.yaml").write_text(other)
    return golden_review


def write(text: str) -> Path:
    path = Path("configs/two.yaml")
    path.write_text(HEAD + text)
    return path


def analysed(text: str) -> Any:
    return run(write(text), studies=Path("studies")).contrasts[0]


@pytest.mark.parametrize(
    ("lines", "options"),
    [
        ("models: [{model: IV, method: DL}]\n", {"method": "DL"}),
        ("models: [{model: IV, test: z}]\n", {"test": "z"}),
        ("models: [{model: MH}]\n", {"model": "MH"}),
        ("pi_method: HTS\n", {"pi_method": "HTS"}),
        ("i2_method: Q\n", {"i2_method": "Q"}),
        ("level: 0.9\n", {"level": 0.9}),
    ],
)
def test_every_option_is_honoured(review: Path, lines: str, options: dict[str, Any]) -> None:
    found = analysed(lines + PAIRS).results
    for fit in found:
        want = pool_two_arm(
            *ORR, measure=fit.measure, slab=[f"CAR-T arm v standard arm ({n})" for n in "abc"],
            **options,
        )  # fmt: skip
        assert (fit.ci_lb, fit.pi_ub, fit.i2, fit.model) == pytest.approx(
            (want.ci_lb, want.pi_ub, want.i2, want.model), nan_ok=True
        )


def test_several_models_stand_beside_each_other(review: Path) -> None:
    models = "models: [{model: IV}, {model: MH}]\n"
    found = analysed(models + PAIRS).results
    assert [(fit.measure, fit.model) for fit in found] == [
        (measure, model) for measure in ("OR", "RR", "RD") for model in ("IV", "MH")
    ]


@pytest.mark.parametrize(
    ("lines", "place", "words"),
    [
        ("models: [{model: GLMM}]\n", (6, 18), ("GLMM", "RR", "OR")),
        ("models: [{model: BB}]\n", (6, 18), ("BB", "two arms", "PETO")),
        ("models: [{model: MH, test: knha}]\n", (6, 28), ("knha", "MH", "z")),
        ("models: [{model: MH}]\npi_method: HTS\n", (7, 12), ("HTS", "MH")),
        ("subgroup: product\n", (6, 11), ("comparison",)),
        ("thresholds: {orr: {value: 0.5}}\n", (6, 13), ("comparison",)),
        ("rare_below: 0.1\n", (6, 13), ("comparison",)),
    ],
)
def test_what_is_not_honoured_is_refused_with_its_place(
    review: Path, lines: str, place: tuple[int, int], words: tuple[str, ...]
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(write(lines + PAIRS), MYELOMA)
    found = caught.value.diagnostics[0]
    assert (found.mark.line, found.mark.column) == place
    for word in words:
        assert word in f"{found.message} {found.hint}"


def test_rows_carry_their_own_effects_and_weights(review: Path) -> None:
    contrast = analysed(PAIRS)
    for i, pair in enumerate(contrast.pairs):
        one = pool_two_arm(*([column[i]] for column in ORR))
        assert pair.effects["OR"].estimate == pytest.approx(one.back.estimate)
        assert pair.effects["OR"].ci_lb == pytest.approx(one.back.ci_lb)
        assert 0 < pair.weights["OR"] < 1
    assert sum(pair.weights["RR"] for pair in contrast.pairs) == pytest.approx(1.0)


def test_the_forest_shows_them_and_names_the_arms(cli: Any, review: Path) -> None:
    assert cli("pool", write(PAIRS), "--jobs", "1").code == 0
    folder = review / "outputs" / "two"
    with (folder / "contrast_orr_or.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["row"] == "study"]
    assert len(rows) == 3
    for row in rows:
        assert "not estimable" not in row["shown_estimate"]
        assert float(row["weight"]) > 0
    svg = (folder / "contrast_orr_or.svg").read_text()
    assert ">Treatment<" in svg  # two products: neither heads the arm
    assert ">not estimable<" not in svg
    labels = {row["label"] for row in rows}
    assert len(labels) == 3  # arms of equal names are told apart by their study
    results = json.loads((folder / "results.json").read_bytes())
    for pair in results["contrasts"][0]["pairs"]:
        assert pair["effects"]["OR"]["estimate"] > 0
        assert pair["weights"]["OR"] > 0


def test_a_comparator_that_is_left_out_is_said(cli: Any, review: Path) -> None:
    path = Path("configs/two.yaml")
    path.write_text(HEAD.replace("include: {roles: [car-t, comparator]}\n", "") + PAIRS)
    ran = cli("pool", path)
    assert ran.code == 2
    assert "configs/two.yaml" in ran.err
    assert "gamma-3/standard" in ran.err
    assert "comparator" in ran.err
    assert "include.roles" in ran.err or "'roles'" in ran.err
    assert not (review / "outputs").exists()
