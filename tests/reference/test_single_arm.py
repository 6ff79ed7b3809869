"""Single-arm models against R's metafor and lme4; see README.md for what differs and why."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from carmeta.api import pool
from carmeta.measures import back_transform, effect_sizes
from carmeta.pooling.glmm import fit_glmm, homogeneity_tests
from carmeta.pooling.glmm_profile import profile_limits
from carmeta.pooling.inverse_variance import fit_batch, fit_one
from carmeta.pooling.tau2 import estimate_tau2, tau2_ci
from carmeta.vocabulary import Method, SingleArmMeasure

pytestmark = pytest.mark.reference
PINS: dict[str, Any] = json.loads(
    Path(__file__).with_name("single_arm.json").read_text(encoding="utf-8")
)
DATASETS = PINS["datasets"]
MEASURES = get_args(SingleArmMeasure)
METHODS = get_args(Method)
TESTS = ("z", "t", "knha", "adhoc")
CLOSED = ("EE", "DL", "HE", "HS", "SJ")

# Closed forms agree to rounding; iterated ones as far as R's own iteration went.
CLOSED_REL, ITERATED_REL, GLMM_REL = 1e-12, 1e-9, 1e-6
# The upper limit of tau2 lies where lme4's 25 nodes are themselves off (tau near 3, studies
# without events); test_exact_likelihood.py holds ours against the integral.
LME4_QUADRATURE = {"nielweise2007": 1e-5}


def close(ours: Any, theirs: Any, rel: float, scale: float = 0.0) -> None:
    """Relative agreement; ``scale`` is what a value near zero is small against."""
    a, b = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
    assert np.all(np.abs(a - b) <= rel * np.maximum(np.abs(b), scale)), (a, b, np.abs(a - b))


def counts(name: str) -> tuple[np.ndarray, np.ndarray]:
    d = DATASETS[name]
    return np.asarray(d["xi"], dtype=float), np.asarray(d["ni"], dtype=float)


def test_grid_is_complete() -> None:
    """Every measure, method and test is pinned for every data set, and none failed in R."""
    assert len(DATASETS) >= 10
    assert any(0 in d["xi"] for d in DATASETS.values())
    assert any(x == n for d in DATASETS.values() for x, n in zip(d["xi"], d["ni"], strict=True))
    for name, measure, method in product(DATASETS, MEASURES, METHODS):
        entry = DATASETS[name]["measures"][measure]["methods"][method]
        assert "failed" not in entry, (name, measure, method)
        assert set(entry["tests"]) == set(TESTS), (name, measure, method)
        assert all(len(row) == len(PINS["columns"]) for row in entry["tests"].values())
    assert {"R", "metafor", "metadat", "lme4"} <= set(PINS["versions"])


@pytest.mark.parametrize("name", DATASETS)
@pytest.mark.parametrize("measure", MEASURES)
def test_effect_sizes(name: str, measure: SingleArmMeasure) -> None:
    yi, vi = effect_sizes(*counts(name), measure=measure)
    pins = DATASETS[name]["measures"][measure]
    close(yi, pins["yi"], CLOSED_REL, scale=1e-2)
    close(vi, pins["vi"], CLOSED_REL)


@pytest.mark.parametrize("name", DATASETS)
@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("method", METHODS)
def test_inverse_variance(name: str, measure: SingleArmMeasure, method: Method) -> None:
    x, n = counts(name)
    yi, vi = effect_sizes(x, n, measure=measure)
    pins = DATASETS[name]["measures"][measure]
    pin = pins["methods"][method]
    rel = CLOSED_REL if method in CLOSED else ITERATED_REL
    small = float(np.min(vi)) * 1e-3  # a tau2 this far below every variance is 0 in effect
    tau2 = float(estimate_tau2(yi, vi, method=method).tau2)
    close(tau2, pin["tau2"], rel, scale=small)
    for test in TESTS:
        fit = fit_one(yi, vi, method=method, test=test)
        hts = fit_batch(yi, vi, method=method, test=test, pi_method="HTS")
        row = dict(zip(PINS["columns"], pin["tests"][test], strict=True))
        se = float(fit.se)
        close(fit.estimate, pin["estimate"], rel, scale=se)
        close(fit.se, row["se"], rel)
        close(fit.stat, row["stat"], rel, scale=1.0)
        close(fit.p, row["p"], 100 * rel, scale=1e-12)  # a tail multiplies errors of stat
        for ours, key in ((fit.ci_lb, "ci_lb"), (fit.ci_ub, "ci_ub")):
            close(ours, row[key], rel, scale=se)
        limits = (
            (fit.pi_lb, "pi_v_lb"), (fit.pi_ub, "pi_v_ub"),
            (hts.pi_lb, "pi_hts_lb"), (hts.pi_ub, "pi_hts_ub"),
        )  # fmt: skip
        for ours, key in limits:
            close(ours, row[key], rel, scale=se)
        raw = [float(fit.estimate), float(fit.ci_lb), float(fit.ci_ub)]
        back = back_transform(raw, measure=measure, ni=n)
        theirs = [row["back_estimate"], row["back_ci_lb"], row["back_ci_ub"]]
        close(back, np.clip(theirs, 0.0, 1.0), rel, scale=1e-3)
    het = fit_one(yi, vi, method=method).heterogeneity
    close(het.q, pin["q"], CLOSED_REL)
    close(het.q_pval, pin["q_pval"], 1e-10, scale=1e-200)
    close(het.i2, pin["i2"], rel, scale=1e-1)
    close(het.h2, pin["h2"], rel)
    close(fit_one(yi, vi, method=method).loglik, pin["loglik"], rel, scale=1.0)


@pytest.mark.parametrize("name", DATASETS)
@pytest.mark.parametrize("measure", MEASURES)
def test_q_profile(name: str, measure: SingleArmMeasure) -> None:
    yi, vi = effect_sizes(*counts(name), measure=measure)
    low, high = DATASETS[name]["measures"][measure]["tau2_qp"]
    small = float(np.min(vi)) * 1e-3
    for ours in (
        tau2_ci(yi, vi, level=0.95),
        (fit_one(yi, vi).tau2_ci_lb, fit_one(yi, vi).tau2_ci_ub),
    ):
        close(ours[0], low, ITERATED_REL, scale=small)
        close(ours[1], high, ITERATED_REL, scale=small)


@pytest.mark.parametrize("name", DATASETS)
@pytest.mark.parametrize("kind", ["REML", "ML"])
def test_profile_likelihood_of_tau2(name: str, kind: Any) -> None:
    yi, vi = effect_sizes(*counts(name))
    ours = tau2_ci(yi, vi, level=0.95, method="PL", likelihood=kind)
    close(ours, DATASETS[name]["tau2_pl"][kind], ITERATED_REL, scale=1e-4)


@pytest.mark.parametrize("name", DATASETS)
def test_glmm(name: str) -> None:
    x, n = counts(name)
    pin = DATASETS[name]["glmm"]
    fit = fit_glmm(x, n)
    close(fit.estimate, pin["estimate"], GLMM_REL, scale=pin["se"])
    close(fit.se, pin["se"], GLMM_REL)
    close(fit.tau2, pin["tau2"], GLMM_REL, scale=1e-4)
    rel = LME4_QUADRATURE.get(name, GLMM_REL)
    close(profile_limits(x, n, fit, of="tau2"), pin["tau2_ci"], rel, scale=1e-2)
    close(profile_limits(x, n, fit, of="mu"), pin["mu_ci"], GLMM_REL, scale=pin["se"])
    close(fit.loglik, pin["loglik"], GLMM_REL)
    close(homogeneity_tests(x, n)[1], DATASETS[name]["lrt"], 1e-10)


@pytest.mark.parametrize("name", DATASETS)
def test_public_pool_gives_the_same(name: str) -> None:
    """What a user calls is what was compared above."""
    x, n = counts(name)
    pins = DATASETS[name]["measures"]["PLO"]["methods"]["REML"]
    pooled = pool(x, n)
    row = dict(zip(PINS["columns"], pins["tests"]["adhoc"], strict=True))
    se = row["se"]
    close(pooled.estimate, pins["estimate"], ITERATED_REL, scale=se)
    close([pooled.ci_lb, pooled.ci_ub], [row["ci_lb"], row["ci_ub"]], ITERATED_REL, scale=se)
    close([pooled.pi_lb, pooled.pi_ub], [row["pi_v_lb"], row["pi_v_ub"]], ITERATED_REL, scale=se)
    close(pooled.weights, pins["weights"], ITERATED_REL)
    glmm = pool(x, n, model="GLMM")
    close(glmm.estimate, DATASETS[name]["glmm"]["estimate"], GLMM_REL, scale=se)
