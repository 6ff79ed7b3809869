from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from carmeta.api import effects, pool, probability_beyond, study_intervals
from carmeta.api.batch import pool_many
from carmeta.errors import ConfigError, DataError
from carmeta.pooling.batch import STATUS_NAMES

X, N = [28, 52, 3, 40, 0, 9, 97, 5, 31], [33, 62, 11, 57, 8, 9, 128, 5, 33]


def test_effects_and_study_intervals() -> None:
    found = effects(X, N, slab=list("abcdefghi"))
    assert found.slab[0] == "a"
    np.testing.assert_allclose(found.sei**2, found.vi)
    assert effects(X, N).slab[1] == "study 2"
    p, low, high = study_intervals(X, N)
    assert bool(((low <= p) & (p <= high)).all())


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"measure": "OR"}, "measure = 'OR' is not for model IV of one arm; allowed: PLO"),
        ({"model": "MH"}, "model = 'MH' is not for one arm; allowed: IV, GLMM, BB, BAYES"),
        ({"method": "AB"}, "method = 'AB' is not for model IV"),
        ({"test": "permutation"}, "test = 'permutation' is not for model IV"),
        ({"test": "profile"}, "test = 'profile' is not for model IV"),
        ({"pi_method": "W"}, "pi_method = 'W'"),
        ({"i2_method": "H"}, "i2_method = 'H'"),
        ({"level": 95}, "level = 95 is not between 0 and 1"),
        ({"model": "GLMM", "measure": "PFT"}, "measure = 'PFT' is not for model GLMM"),
        ({"model": "GLMM", "test": "knha"}, "test = 'knha' is not for model GLMM"),
        ({"model": "BB", "pi_method": "bootstrap"}, "pi_method = 'bootstrap' is not for model BB"),
        ({"model": "BAYES", "test": "t"}, "test = 't' is not for model BAYES"),
        ({"model": "BAYES", "likelihood": "poisson"}, "likelihood = 'poisson' does not exist"),
        ({"model": "BAYES", "likelihood": "binomial", "measure": "PAS"}, "logit scale"),
        ({"model": "BAYES", "to": "all"}, "to = 'all' has no effect: the binomial likelihood"),
        ({"model": "BAYES", "prior_scale": 0.0}, "prior_scale = 0.0 is not from 0.000001 to 50"),
        ({"model": "BAYES", "mu_prior": (0.0, 0.0)}, "mu_prior = "),
        ({"model": "GLMM", "likelihood": "normal"}, "likelihood = 'normal' is not for model GLMM"),
        ({"add": -0.5}, "add = -0.5"),
        (
            {"measure": "PFT", "add": 0.1},
            "add = 0.1 has no effect: arcsines are defined at 0 and n",
        ),
        ({"method": "EE", "i2_method": "tau2"}, "i2_method = 'tau2' is not for method EE"),
        ({"estimand": "marginal"}, "estimand = 'marginal' is not for model IV"),
        ({"drop00": True}, "drop00 = True is not for model IV"),
        ({"tau2": "common"}, "tau2 = 'common' is for subgroups"),
        ({"level": "0.9", "to": "x"}, "to = 'x' does not exist"),
    ],
)
def test_options_that_do_not_go_together(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        pool(X, N, **options)
    assert text in str(caught.value)


def test_defaults_by_model() -> None:
    assert pool(X, N).label == "IV (REML, adhoc)"
    assert pool(X, N, model="GLMM").label == "GLMM (ML, t)"
    assert pool(X, N, model="BB").label == "BB (ML, t)"
    assert pool(X, N, model="GLMM").weights_kind == "information-share"
    assert math.isclose(sum(pool(X, N, model="GLMM").weights), 1.0)
    assert math.isclose(sum(pool(X, N).weights), 1.0)


@pytest.mark.parametrize("model", ["IV", "GLMM", "BB"])
def test_z_and_t_share_a_standard_error(model: Any) -> None:
    z, t = pool(X, N, model=model, test="z"), pool(X, N, model=model, test="t")
    assert z.se == t.se
    assert z.df == math.inf
    assert t.df == 8
    assert t.ci_lb < z.ci_lb < z.ci_ub < t.ci_ub


def test_the_ad_hoc_floor_only_widens() -> None:
    homogeneous = ([10, 11, 9, 10], [20, 20, 20, 20])
    knha, adhoc = pool(*homogeneous, test="knha"), pool(*homogeneous, test="adhoc")
    assert adhoc.se > knha.se
    assert adhoc.se == pytest.approx(pool(*homogeneous, test="z").se, rel=1e-12)


def test_profile_and_wald_answers_differ_little_here() -> None:
    wald, profile = pool(X, N, model="GLMM", test="z"), pool(X, N, model="GLMM", test="profile")
    assert profile.estimate == wald.estimate
    assert profile.ci_lb == pytest.approx(wald.ci_lb, abs=0.3)
    assert profile.stat**2 > 0
    assert profile.p == pytest.approx(wald.p, abs=0.05)


def test_marginal_mean_is_nearer_to_a_half() -> None:
    pooled = pool(X, N, model="GLMM", estimand="marginal")
    assert pooled.marginal is not None
    assert 0.5 < pooled.marginal.estimate < pooled.back.estimate
    assert pooled.marginal.ci_lb < pooled.marginal.estimate < pooled.marginal.ci_ub
    assert pool(X, N, model="GLMM").marginal is None


@pytest.mark.parametrize(
    "options",
    [
        {"model": "IV"},
        {"model": "IV", "pi_method": "HTS"},
        {"model": "IV", "measure": "PFT"},
        {"model": "IV", "measure": "PAS"},
        {"model": "GLMM"},
        {"model": "BB"},
        {"model": "BAYES"},
    ],
)
def test_beyond_the_prediction_limits_lies_one_fortieth(options: dict[str, Any]) -> None:
    pooled = pool(X, N, **options)
    tolerance = 2e-3 if options["model"] == "BAYES" else 1e-9
    if pooled.back.pi_ub < 1.0:
        above = probability_beyond(pooled, pooled.back.pi_ub)
        assert above == pytest.approx(0.025, abs=tolerance)
    if pooled.back.pi_lb > 0.0:
        below = probability_beyond(pooled, pooled.back.pi_lb, direction="below")
        assert below == pytest.approx(0.025, abs=tolerance)
    chances = [probability_beyond(pooled, p) for p in (0.1, 0.5, 0.9)]
    assert chances == sorted(chances, reverse=True)


def test_beyond_needs_a_distribution() -> None:
    assert math.isnan(probability_beyond(pool([0, 0], [4, 5]), 0.5))
    assert math.isnan(probability_beyond(pool([2, 3], [4, 5], pi_method="HTS"), 0.5))
    for threshold in (0.0, 1.0, 50):
        with pytest.raises(ConfigError, match="threshold"):
            probability_beyond(pool(X, N), threshold)
    with pytest.raises(ConfigError, match="direction"):
        probability_beyond(pool(X, N), 0.5, direction="over")


GRID = [
    (X, N),
    ([0, 0, 0], [4, 5, 6]),
    ([4, 5, 6], [4, 5, 6]),
    ([0, 5, 0], [4, 5, 6]),
    ([0, 1, 1], [1, 1, 1]),
    ([3], [10]),
    ([0], [7]),
    ([3, 4], [9, 9]),
    ([10, 10, 10, 10], [20, 20, 20, 20]),
]


@pytest.mark.parametrize(
    ("model", "measure"),
    [*(("IV", m) for m in ("PLO", "PFT", "PAS", "PR", "PLN")), ("GLMM", "PLO"), ("BB", "PLO")],
)
def test_a_batch_answers_as_single_calls_do(model: Any, measure: Any) -> None:
    """The same numbers and, in ``status``, the same fallback."""
    width = max(len(x) for x, _ in GRID)
    xs, ns = np.zeros((len(GRID), width)), np.ones((len(GRID), width))
    mask = np.zeros((len(GRID), width), dtype=bool)
    for i, (x, n) in enumerate(GRID):
        xs[i, : len(x)], ns[i, : len(x)], mask[i, : len(x)] = x, n, True
    many = pool_many(xs, ns, mask=mask, model=model, measure=measure, with_tau2_ci=True)
    for i, (x, n) in enumerate(GRID):
        one = pool(x, n, model=model, measure=measure)
        codes = [f.code for f in one.fallbacks if f.code != "two-studies"]
        assert STATUS_NAMES[int(many.status[i])] == (codes[0] if codes else "ok"), (i, codes)
        for name in ("estimate", "se", "ci_lb", "ci_ub", "pi_lb", "pi_ub", "tau2", "tau2_ci_ub",
                     "q", "lrt", "i2", "h2", "loglik"):  # fmt: skip
            if model == "BB" and name.startswith("pi"):
                continue
            a, b = float(getattr(many, name)[i]), float(getattr(one, name))
            same = (math.isnan(a) and math.isnan(b)) or a == b
            assert same or a == pytest.approx(b, rel=1e-7, abs=1e-9), (i, name, a, b)


def test_batches_keep_their_shape_and_check_their_counts() -> None:
    many = pool_many(np.ones((2, 3, 4)), np.full(4, 9))
    assert all(getattr(many, f.name).shape == (2, 3) for f in fields(many))
    with pytest.raises(DataError, match="exceeds"):
        pool_many([[1, 2], [3, 99]], [9, 9])
    with pytest.raises(ConfigError, match="test = 'profile' is not for many data sets"):
        pool_many([[1, 2]], [9, 9], model="GLMM", test="profile")
    with pytest.raises(DataError, match="one data set"):
        pool([[1, 2]], [[9, 9]])
    empty = pool_many([[1, 2]], [[9, 9]], mask=[[False, False]])
    assert STATUS_NAMES[int(empty.status[0])] == "no-studies"
