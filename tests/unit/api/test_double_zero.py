"""Studies in which nobody, or everybody, has the event, by two-arm measure (#8.13)."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from carmeta.api.two_arm import pool_two_arm
from carmeta.domain.result import Pooled

ARMS = ([3, 1, 7, 12], [20, 15, 31, 60], [5, 2, 7, 20], [18, 16, 29, 66])
NAMES = [*"ABCD", "Nobody", "Everybody"]
BOTH = tuple(
    [*column, *more]
    for column, more in zip(ARMS, ((0, 10), (25, 10), (0, 12), (30, 12)), strict=True)
)


def notes(fit: Pooled) -> str:
    return " ".join(note.message for note in (*fit.fallbacks, *fit.cautions))


@pytest.mark.parametrize("model", ["IV", "MH", "PETO", "GLMM"])
def test_an_odds_ratio_drops_both(model: Any) -> None:
    fit = pool_two_arm(*BOTH, model=model, slab=NAMES)
    plain = pool_two_arm(*ARMS, model=model)
    assert fit.k == 4
    assert fit.estimate == pytest.approx(plain.estimate, rel=1e-9)
    if fit.weights:
        assert fit.weights[4:] == (0.0, 0.0)
    for name in ("Nobody", "Everybody"):
        assert name in notes(fit)


@pytest.mark.parametrize("model", ["IV", "MH"])
def test_a_risk_ratio_drops_those_without_events(model: Any) -> None:
    fit = pool_two_arm(*BOTH, measure="RR", model=model, slab=NAMES)
    assert fit.k == 5
    assert fit.weights[4] == 0.0
    assert fit.weights[5] > 0.0
    assert "Nobody" in notes(fit)
    dropped = [note.message for note in fit.fallbacks if note.code == "study-dropped"]
    assert not any("Everybody" in message for message in dropped)


@pytest.mark.parametrize("model", ["IV", "MH"])
def test_a_risk_difference_keeps_all(model: Any) -> None:
    fit = pool_two_arm(*BOTH, measure="RD", model=model, slab=NAMES)
    assert fit.k == 6
    assert all(weight > 0.0 for weight in fit.weights)


@pytest.mark.parametrize("measure", ["OR", "RR"])
def test_they_are_kept_where_that_is_asked_for(measure: Any) -> None:
    fit = pool_two_arm(*BOTH, measure=measure, drop00=False)
    assert fit.k == 6
    assert all(weight > 0.0 for weight in fit.weights)


def test_row_and_note_of_a_file(cli: Any, tmp_path: Path) -> None:
    path, target = tmp_path / "counts.csv", tmp_path / "forest.svg"
    lines = (f"{name},{','.join(map(str, row))}" for name, row in zip(
        NAMES, np.array(BOTH).T[:, [0, 1, 2, 3]], strict=True))  # fmt: skip
    path.write_text("study,events,n,events2,n2\n" + "\n".join(lines) + "\n")
    ran = cli("pool", "--csv", path, "--json", "--forest", target)
    assert ran.code == 0
    result = json.loads(ran.out)
    assert result["k"] == 4
    weights = {study["study"]: study["weight"] for study in result["studies"]}
    assert weights["Nobody"] == weights["Everybody"] == 0.0
    assert "Nobody, Everybody" in ran.err
    svg = target.read_text()
    assert svg.count(">not estimable<") == 2
    assert "Nobody, Everybody" in svg


def test_a_kept_study_shows_the_effect_that_was_pooled() -> None:
    from carmeta.api.two_arm import study_effects

    kept = study_effects(*BOTH, drop00=False)
    dropped = study_effects(*BOTH)
    assert all(effect is not None for effect in kept)
    assert [effect is None for effect in dropped] == [False] * 4 + [True] * 2
    one = pool_two_arm(*([column[0]] for column in BOTH))
    assert dropped[0] is not None
    assert math.isclose(dropped[0].ci_ub, one.back.ci_ub)


# Everybody and nobody among seven studies; values of metafor 3.8.1, rma.mh(drop00 = FALSE) on
# the studies that carmeta keeps.
SEVEN = (
    [12, 5, 20, 0, 9, 31, 10], [40, 33, 51, 18, 22, 60, 10],
    [8, 9, 11, 0, 9, 22, 12], [41, 30, 49, 20, 9, 58, 12],
)  # fmt: skip


@pytest.mark.parametrize(
    ("measure", "drop00", "k", "q"),
    [
        ("OR", None, 5, 11.52138879),
        ("OR", False, 7, 11.55698758),
        ("OR", True, 5, 11.52138879),
        ("RR", None, 6, 21.1118444722),
        ("RR", False, 7, 21.11186078),
        ("RR", True, 5, 19.54669307),
        ("RD", None, 7, 29.3665253),
        ("RD", False, 7, 29.3665253),
        ("RD", True, 5, 28.798719),
    ],
)
def test_q_of_mantel_haenszel_is_of_the_studies_that_k_counts(
    measure: Any, drop00: bool | None, k: int, q: float
) -> None:
    fit = pool_two_arm(*SEVEN, measure=measure, model="MH", drop00=drop00)
    assert (fit.k, fit.q_df) == (k, k - 1)
    assert fit.q == pytest.approx(q, rel=1e-8)
    assert fit.i2 == pytest.approx(100 * (q - k + 1) / q, rel=1e-8)


@pytest.mark.parametrize(
    ("options", "df", "left"),
    [
        ({"model": "PETO", "drop00": False}, 4, "study 4, study 7"),
        ({"model": "MH", "drop00": False, "to": "none"}, 3, "study 4, study 5, study 7"),
        ({"model": "MH", "measure": "RR", "add": 0.0}, 4, "study 7"),
        ({"model": "MH", "measure": "RR"}, 5, ""),
        ({"model": "MH", "measure": "RD", "to": "none"}, 4, "study 4, study 7"),
    ],
)
def test_a_study_that_q_cannot_count_is_named(options: Any, df: int, left: str) -> None:
    fit = pool_two_arm(*SEVEN, **options)
    assert fit.q_df == df
    assert fit.k - 1 - df == len(left.split(", ")) * bool(left)
    told = [note.message for note in fit.cautions if note.code == "not-in-q"]
    assert bool(told) == bool(left)
    assert all(f" of {left} " in f"{message} " for message in told)
