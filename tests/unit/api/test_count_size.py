"""How large a count may be: right up to the size that is stated, refused by name beyond it."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import pytest

from carmeta.api.batch import pool_many
from carmeta.api.proportions import pool
from carmeta.api.two_arm import pool_two_arm
from carmeta.domain.counts import MOST_PATIENTS
from carmeta.errors import DataError
from carmeta.vocabulary import ModelCode

LARGE = MOST_PATIENTS


@pytest.mark.parametrize("n", [10**6, LARGE])
@pytest.mark.parametrize("share", [0.3, 0.001])
def test_beta_binomial_limits_of_studies_that_agree_follow_their_size(n: int, share: float) -> None:
    """As n grows rho falls as 1/n and the limits of the mean as 1/sqrt(n)."""
    base = 10**5
    small, large = (
        pool([round(share * size)] * 3, [size] * 3, model="BB", test="profile")
        for size in (base, n)
    )
    assert large.rho_ci_ub * n == pytest.approx(small.rho_ci_ub * base, rel=5e-3)
    for end in ("ci_lb", "ci_ub"):
        wide = (getattr(small, end) - small.estimate) * math.sqrt(base)
        assert (getattr(large, end) - large.estimate) * math.sqrt(n) == pytest.approx(
            wide, rel=0.05
        )


@pytest.mark.parametrize("n", [10**7, 10**8, LARGE])
def test_beta_binomial_of_large_studies_that_differ_is_the_betas(n: int) -> None:
    shares = (0.30, 0.31, 0.28)
    fits = [
        pool([round(share * size) for share in shares], [size] * 3, model="BB", test="profile")
        for size in (10**6, n)
    ]
    for key in ("estimate", "se", "rho", "rho_ci_lb", "rho_ci_ub", "ci_lb", "ci_ub"):
        assert getattr(fits[1], key) == pytest.approx(getattr(fits[0], key), rel=0.01)


@pytest.mark.parametrize("shares", [(0.3, 0.3, 0.3), (0.30, 0.31, 0.28), (1e-8, 0.5, 0.33)])
def test_bayes_agrees_with_the_normal_likelihood(shares: tuple[float, ...]) -> None:
    x = [round(share * LARGE) for share in shares]
    counts, effects = (
        pool(x, [LARGE] * 3, model="BAYES", likelihood=likelihood)
        for likelihood in ("binomial", "normal")
    )
    rel = 1e-3 if min(x) > 100 else 0.05
    for key in ("estimate", "ci_lb", "ci_ub", "tau2", "tau2_ci_lb", "tau2_ci_ub"):
        assert getattr(counts, key) == pytest.approx(getattr(effects, key), rel=rel)


@pytest.mark.parametrize("model", ["IV", "GLMM", "BB", "BAYES"])
@pytest.mark.parametrize(
    ("x", "n"),
    [
        ([1, 2, 3], [LARGE, LARGE, LARGE]),
        ([LARGE - 1, 3, 5], [LARGE, 10, 9]),
        ([0, 2, 3], [LARGE, 10, 9]),
        ([LARGE // 2, LARGE, 3], [LARGE, LARGE, 9]),
        ([LARGE // 3, 1], [LARGE, 1]),
    ],
)
def test_every_model_answers_for_the_largest(model: ModelCode, x: list[int], n: list[int]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = pool(x, n, model=model)
    assert found.back.ci_lb <= found.back.estimate <= found.back.ci_ub
    assert found.back.ci_lb < found.back.ci_ub


@pytest.mark.parametrize(
    "options",
    [{"model": m} for m in ("IV", "MH", "PETO", "GLMM")] + [{"model": "GLMM", "form": "UM.FS"}],
)
def test_two_arms_answer_for_the_largest(options: dict[str, Any]) -> None:
    arms = (
        [LARGE // 3, 2, LARGE // 4],
        [LARGE, 10, LARGE],
        [LARGE // 4, 3, LARGE // 5],
        [LARGE, 9, LARGE],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = pool_two_arm(*arms, **options)
    assert found.back.ci_lb < found.back.estimate < found.back.ci_ub


@pytest.mark.parametrize("large", [LARGE + 1, 10**12, 10**31])
def test_more_is_refused_by_every_door(large: int, cli: Any, tmp_path: Path) -> None:
    doors = [
        *(lambda m=m: pool([large // 10, 2], [large, 10], model=m, slab=["A", "B"])
          for m in ("IV", "GLMM", "BB", "BAYES")),
        *(lambda m=m: pool_two_arm([2, 2], [10, 10], [1, 2], [large, 10], model=m, slab=["A", "B"])
          for m in ("IV", "MH", "PETO", "GLMM")),
        lambda: pool_many([[large // 10, 2]], [[large, 10]]),
    ]  # fmt: skip
    for door in doors:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(DataError, match=r"study 1.*more than 1,000,000,000"):
                door()
    path = tmp_path / "counts.csv"
    path.write_text(f"study,events,n\nA,2,{large}\nB,2,10\n")
    ran = cli("pool", "--csv", path)
    assert ran.code == 2
    assert ":2:5: error[CSV007] A: n" in ran.err
    assert "more than 1,000,000,000" in ran.err
