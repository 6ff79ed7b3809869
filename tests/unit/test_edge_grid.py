"""The edges of the data, crossed with every model: a declared answer or an error by name.

Warnings are errors in this suite, so that none of numpy's goes by unseen.
"""

from __future__ import annotations

import math
from itertools import product
from typing import Any, get_args

import numpy as np
import pytest

from carmeta.api import pool, probability_beyond
from carmeta.domain.result import Pooled
from carmeta.errors import DataError
from carmeta.measures import SINGLE_ARM_MEASURES
from carmeta.sensitivity.cumulative import cumulative
from carmeta.sensitivity.influence import influence
from carmeta.sensitivity.leave_one_out import leave_one_out
from carmeta.vocabulary import Method

EDGES: dict[str, tuple[list[int], list[int]]] = {
    "one study": ([3], [10]),
    "one study without events": ([0], [7]),
    "one study of events": ([7], [7]),
    "one patient": ([1], [1]),
    "two studies": ([3, 9], [10, 12]),
    "two identical studies": ([4, 4], [10, 10]),
    "two opposite studies": ([0, 9], [8, 9]),
    "all zero": ([0, 0, 0, 0], [5, 60, 1, 17]),
    "all events": ([5, 60, 1], [5, 60, 1]),
    "zeros and full": ([0, 60, 0, 17], [5, 60, 1, 17]),
    "zeros and one event": ([0, 0, 1, 0, 0], [30, 25, 41, 9, 12]),
    "full but one": ([30, 25, 40, 9], [30, 25, 41, 9]),
    "mixture": ([0, 12, 5, 9, 1], [20, 12, 9, 30, 1]),
    "one patient each": ([0, 1, 1, 0, 1], [1, 1, 1, 1, 1]),
    "identical studies": ([10, 10, 10, 10, 10], [40, 40, 40, 40, 40]),
    "extreme heterogeneity": ([0, 499, 3, 980, 0, 12], [500, 500, 600, 981, 300, 900]),
    "a million beside three": ([1, 412_345, 2, 0], [3, 1_000_000, 3, 3]),
    "a million among thousands": ([300_000, 999, 2100], [1_000_000, 4000, 7000]),
    "rare in a million": ([3, 0, 1], [1_000_000, 900_000, 800_000]),
    "many studies": (list(range(60)), [60] * 60),
}
CONFIGS: list[dict[str, Any]] = [
    *({"measure": m, "method": t} for m, t in product(SINGLE_ARM_MEASURES, get_args(Method))),
    *({"test": t} for t in ("z", "t", "knha", "adhoc")),
    {"pi_method": "HTS"},
    {"pi_method": "bootstrap"},
    {"i2_method": "Q"},
    {"level": 0.5},
    {"level": 0.9999},
    {"to": "all"},
    *({"model": "GLMM", "test": t} for t in ("z", "t", "profile")),
    {"model": "GLMM", "pi_method": "HTS", "i2_method": "Q", "estimand": "marginal"},
    *({"model": "BB", "test": t} for t in ("z", "t", "profile")),
    {"model": "BB", "pi_method": "HTS"},
]
# No-number by definition, each with the codes that declare it.
EXACT = {"single-study", "all-zero", "all-events", "one-patient-studies"}


def check(pooled: Pooled, context: str) -> None:
    """Everything that must hold of an answer, whatever the data."""
    codes = {f.code for f in (*pooled.fallbacks, *pooled.cautions)}
    back = pooled.back
    assert 0.0 <= back.ci_lb <= back.ci_ub <= 1.0, context
    # A study's median may lie a rounding error outside a degenerate interval.
    assert back.ci_lb - 1e-12 <= back.estimate <= back.ci_ub + 1e-12, context
    assert pooled.ci_lb <= pooled.ci_ub, context
    assert not math.isnan(pooled.estimate), context
    if codes & EXACT:
        assert math.isnan(pooled.se), context
        assert math.isnan(pooled.tau2), context
        assert math.isnan(back.pi_lb), context
        return
    for name in ("estimate", "se", "ci_lb", "ci_ub", "i2", "h2", "loglik"):
        assert math.isfinite(getattr(pooled, name)), (context, name)
    assert 0.0 <= pooled.p <= 1.0 or "zero-se" in codes, context
    assert pooled.se > 0.0 or "zero-se" in codes, context
    assert 0.0 <= pooled.i2 <= 100.0, context
    # Cochran's Q of effects, or the likelihood ratio of counts; never both.
    stat, p = (pooled.q, pooled.q_pval) if math.isnan(pooled.lrt) else (pooled.lrt, pooled.lrt_pval)
    assert math.isnan(pooled.q) != math.isnan(pooled.lrt), context
    assert stat >= 0.0, context
    assert 0.0 <= p <= 1.0, context
    if math.isnan(back.pi_lb):
        assert "no-prediction-interval" in codes, context
    else:
        assert 0.0 <= back.pi_lb <= back.pi_ub <= 1.0, context
        assert 0.0 <= probability_beyond(pooled, 0.5) <= 1.0 or pooled.se == 0.0, context
    if pooled.model == "BB":
        assert 0.0 <= pooled.rho_ci_lb <= pooled.rho <= pooled.rho_ci_ub <= 1.0, context
        assert "rho-not-tau2" in codes, context
        return
    assert pooled.tau2 >= 0.0, context
    if pooled.tau2_ci_method == "QP":
        assert 0.0 <= pooled.tau2_ci_lb <= pooled.tau2_ci_ub, context
    elif pooled.tau2_ci_method == "PL":
        assert 0.0 <= pooled.tau2_ci_lb <= pooled.tau2 <= pooled.tau2_ci_ub, context
    if pooled.weights:  # rows of a sensitivity analysis carry none
        assert math.isclose(sum(pooled.weights), 1.0, rel_tol=1e-9), context
    assert all(w >= 0.0 for w in pooled.weights), context


@pytest.mark.parametrize("name", EDGES)
def test_every_model_answers(name: str) -> None:
    x, n = EDGES[name]
    for options in CONFIGS:
        pooled = pool(x, n, **options)
        check(pooled, f"{name} {options}")
        codes = {f.code for f in pooled.fallbacks}
        if len(x) == 1:
            assert codes == {"single-study"}
        if len(x) == 2 and not codes & EXACT:
            assert "two-studies" in codes
        if len(x) > 1 and sum(x) == 0:
            assert codes == {"all-zero"}
        if len(x) > 1 and x == n:
            assert codes == {"all-events"}


@pytest.mark.parametrize("name", EDGES)
def test_bayes_answers(name: str) -> None:
    x, n = EDGES[name]
    for options in ({}, {"likelihood": "normal"}, {"mu_prior": (0.0, 3.0)}):
        pooled = pool(x, n, model="BAYES", **options)
        assert 0.0 <= pooled.back.ci_lb <= pooled.back.estimate <= pooled.back.ci_ub <= 1.0
        codes = {f.code for f in pooled.fallbacks}
        if not codes & EXACT:
            assert pooled.bayes is not None
            assert pooled.bayes.bf_homogeneity >= 0.0
            assert 0.0 <= pooled.back.pi_lb <= pooled.back.pi_ub <= 1.0
            assert len(pooled.bayes.shrunken) == len(x)
            assert 0.0 <= probability_beyond(pooled, 0.3) <= 1.0


@pytest.mark.parametrize("name", EDGES)
@pytest.mark.parametrize("model", ["IV", "GLMM"])
def test_sensitivity_answers(name: str, model: Any) -> None:
    x, n = EDGES[name]
    for row in (*leave_one_out(x, n, model=model), *cumulative(x, n, model=model)):
        check(row.pooled, f"{name} {row.kind} {row.label}")
    if len(x) < 3 or sum(x) == 0 or x == n:
        return
    if model == "GLMM" and all(a in (0, b) for a, b in zip(x, n, strict=True)):
        return
    found = influence(x, n, model=model)
    lost = {i for i in range(len(x)) if not np.isfinite(found.cook[i])}
    assert len(lost) == len(found.notes)


def test_no_studies() -> None:
    for model in ("IV", "GLMM", "BB", "BAYES"):
        with pytest.raises(DataError, match="no studies"):
            pool([], [], model=model)


@pytest.mark.parametrize("model", ["IV", "GLMM", "BB", "BAYES"])
@pytest.mark.parametrize(
    ("x", "n", "text"),
    [
        ([1, math.nan, 2], [5, 5, 5], r"study 2 \(b\): events is missing"),
        ([1, -2, 2], [5, 5, 5], r"study 2 \(b\): events -2 is negative"),
        ([1, 9, 2], [5, 5, 5], r"study 2 \(b\): events 9 exceeds n 5"),
        ([1, 2.5, 2], [5, 5, 5], r"study 2 \(b\): events 2.5 is not a whole"),
        ([1, 2, 2], [5, 5, 0], r"study 3 \(c\): n 0"),
        ([1, 2, 2], [5, 5, math.inf], r"study 3 \(c\): n inf"),
        ([1, 2, 2], [5, 5, 10**400], "n is not a list of numbers"),
    ],
)
def test_impossible_counts_are_named(model: Any, x: Any, n: Any, text: str) -> None:
    with pytest.raises(DataError, match=text):
        pool(x, n, model=model, slab=["a", "b", "c"])


def test_swapping_events_and_non_events_mirrors_the_answer() -> None:
    for x, n in EDGES.values():
        other = [b - a for a, b in zip(x, n, strict=True)]
        for options in ({}, {"model": "GLMM"}, {"model": "BB"}, {"measure": "PAS"}):
            a, b = pool(x, n, **options), pool(other, n, **options)
            assert a.back.estimate == pytest.approx(1.0 - b.back.estimate, abs=1e-6)
            assert a.back.ci_lb == pytest.approx(1.0 - b.back.ci_ub, abs=1e-6)
