"""Regression, subgroups, three-level, CR2 and permutation tests against R.

What disagrees, and why, is in README_models.md.
"""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import chdtrc

from carmeta.api.dependence import permute, regress_three_level
from carmeta.api.regression import predict, regress, regress_counts
from carmeta.api.subgroups import subgroup_counts, subgroup_test
from carmeta.pooling.multilevel import fit_three_level, variance_limits
from carmeta.pooling.tau2_solvers import ESTIMATORS

pytestmark = pytest.mark.reference

PINS: dict[str, Any] = json.loads(
    Path(__file__).with_name("models.json").read_text(encoding="utf-8")
)
REGRESSIONS, GLMM, NESTED = PINS["regressions"], PINS["glmm"], PINS["multilevel"]
TESTS = ("z", "t", "knha", "adhoc")
CLOSED = {"EE", "DL", "HE", "HS", "SJ"}
# Closed forms agree to rounding, which the condition of a design with years in it magnifies;
# iterated ones as far as R's own iteration went.
CLOSED_REL, ITERATED_REL, LIKELIHOOD_REL = 1e-12, 1e-9, 1e-6
YEARS_REL = 1e-10


def close(got: Any, want: Any, rel: float, scale: Any = 0.0) -> None:
    """Relative agreement; ``scale`` is what a value near zero is small against."""
    a, b = np.asarray(got, dtype=float), np.asarray(want, dtype=float)
    assert a.shape == b.shape, (a.shape, b.shape)
    assert np.all(np.abs(a - b) <= rel * np.maximum(np.abs(b), scale)), (a, b, np.abs(a - b))


def columns(data: Any) -> dict[str, list[Any]]:
    """R writes a column of one value as a scalar, and no columns as an empty list."""
    return {k: v if isinstance(v, list) else [v] for k, v in dict(data or {}).items()}


def table(rows: Any) -> np.ndarray:
    return np.atleast_2d(np.asarray(rows, dtype=float))


def test_the_grid_is_complete() -> None:
    assert len(REGRESSIONS) >= 8
    for pin in REGRESSIONS.values():
        assert set(pin["methods"]) == set(ESTIMATORS)
        for entry in pin["methods"].values():
            assert tuple(entry["tests"]) == TESTS
            for one in entry["tests"].values():
                assert set(one) == {"coef", "qm", "qm_pval", "predict"}
                assert np.isfinite(table(one["coef"])).all()
    assert {(pin["method"], pin["test"]) for pin in PINS["subgroups"]} == set(
        product(("DL", "REML", "PM"), TESTS)
    )
    for pin in NESTED.values():
        assert {"REML", "ML", "cr2"} == set(pin)
    assert {pin["test"] for pin in PINS["permutations"]} == {"z", "knha"}
    assert {"R", "metafor", "metadat", "lme4", "clubSandwich"} <= set(PINS["versions"])


@pytest.mark.parametrize(("name", "method"), list(product(REGRESSIONS, ESTIMATORS)))
def test_regression(name: str, method: Any) -> None:
    pin = REGRESSIONS[name]
    want = pin["methods"][method]
    smallest = 1e-2 * min(pin["vi"])  # a tau2 this far below every variance is 0 in effect
    rel = CLOSED_REL if method in CLOSED else ITERATED_REL
    if "year" in pin["data"]:
        rel = max(rel, YEARS_REL)
    for test in TESTS:
        fit = regress(
            pin["yi"], pin["vi"], columns(pin["data"]), pin["formula"], method=method, test=test
        )
        row = want["tests"][test]
        coef = table(row["coef"])
        se = coef[:, 1]
        close(fit.tau2, want["tau2"], rel, scale=smallest)
        close([c.estimate for c in fit.coefficients], coef[:, 0], rel, scale=se)
        close([c.se for c in fit.coefficients], se, rel)
        close([c.stat for c in fit.coefficients], coef[:, 2], rel, scale=1.0)
        close([c.p for c in fit.coefficients], coef[:, 3], 100 * rel, scale=1e-12)
        close([c.ci_lb for c in fit.coefficients], coef[:, 4], rel, scale=se)
        close([c.ci_ub for c in fit.coefficients], coef[:, 5], rel, scale=se)
        assert fit.omnibus is not None
        close(fit.omnibus.stat, row["qm"], 10 * rel, scale=1.0)
        close(fit.omnibus.p, row["qm_pval"], 1000 * rel, scale=1e-12)
        close(fit.i2, want["i2"], rel, scale=1.0)
        close(fit.h2, want["h2"], rel)
        close(fit.q, want["q"], max(rel, 1e-11))
        close(fit.q_pval, want["q_pval"], 1000 * rel, scale=1e-12)
        if want["r2"] is not None:
            close(fit.r2, want["r2"], 10 * rel, scale=1.0)
        close(
            [
                (p.estimate, p.se, p.ci_lb, p.ci_ub, p.pi_lb, p.pi_ub)
                for p in predict(fit, columns(pin["at"]))
            ],
            table(row["predict"]),
            10 * rel,
            scale=table(row["predict"])[:, 1:2],
        )
    if method in ("ML", "REML"):
        close(fit.loglik, want["loglik"], ITERATED_REL, scale=1.0)
    if method == "REML":
        fit = regress(pin["yi"], pin["vi"], columns(pin["data"]), pin["formula"], test="z")
        outer = np.sqrt(np.outer(np.diag(want["cov"]), np.diag(want["cov"])))
        close(fit.cov, table(want["cov"]), rel, scale=outer)
        limits = [fit.tau2_ci_lb, fit.tau2_ci_ub]
        close(limits, pin["tau2_qp"], ITERATED_REL, scale=smallest)


@pytest.mark.parametrize("index", range(len(PINS["subgroups"])))
def test_subgroups(index: int) -> None:
    pin = PINS["subgroups"][index]
    rel = CLOSED_REL if pin["method"] in CLOSED else ITERATED_REL
    options = {"method": pin["method"], "test": pin["test"]}
    pools, test = subgroup_test(pin["yi"], pin["vi"], pin["group"], **options)
    means = table(pin["common"]["means"])
    got = [pools[level] for level in pin["levels"]]
    close([p.estimate for p in got], means[:, 0], rel, scale=means[:, 1])
    close([p.se for p in got], means[:, 1], rel)
    close([p.ci_lb for p in got], means[:, 2], rel, scale=means[:, 1])
    close([p.ci_ub for p in got], means[:, 3], rel, scale=means[:, 1])
    close([p.tau2 for p in got], [pin["common"]["tau2"]] * len(got), rel)
    close(test.stat, pin["common"]["stat"], 10 * rel, scale=1.0)
    close(test.p, pin["common"]["p"], 100 * rel)
    assert test.name.startswith("chi2" if pin["test"] == "z" else "F")
    pools, test = subgroup_test(pin["yi"], pin["vi"], pin["group"], tau2="separate", **options)
    means = table(pin["separate"]["means"])
    got = [pools[level] for level in pin["levels"]]
    close([p.estimate for p in got], means[:, 0], rel, scale=means[:, 1])
    close([p.se for p in got], means[:, 1], rel)
    close([p.tau2 for p in got if p.k > 1], means[[p.k > 1 for p in got], 2], rel, scale=1e-3)
    close(test.stat, pin["separate"]["stat"], 10 * rel, scale=1.0)
    close(test.p, pin["separate"]["p"], 100 * rel)


@pytest.mark.parametrize("name", GLMM)
def test_binomial_normal_regression(name: str) -> None:
    pin = GLMM[name]
    fit = regress_counts(pin["xi"], pin["ni"], columns(pin["data"]), pin["formula"])
    cov = table(pin["cov"])
    se = np.sqrt(np.diag(cov))
    close([c.estimate for c in fit.coefficients], pin["beta"], LIKELIHOOD_REL, scale=se)
    close([c.se for c in fit.coefficients], se, LIKELIHOOD_REL)
    close(fit.tau2, pin["tau2"], LIKELIHOOD_REL)
    close(fit.lrt, pin["q"], 1e-10)
    close(fit.cov, cov, LIKELIHOOD_REL, scale=np.outer(se, se))


@pytest.mark.parametrize("name", PINS["likelihood_ratios"])
def test_likelihood_ratio_of_subgroups(name: str) -> None:
    pin, want = GLMM[name], PINS["likelihood_ratios"][name]
    group = next(iter(columns(pin["data"]).values()))
    pools, test = subgroup_counts(pin["xi"], pin["ni"], [str(g) for g in group], model="GLMM")
    close(test.stat, want, LIKELIHOOD_REL)
    close(test.p, chdtrc(len(pools) - 1, want), 10 * LIKELIHOOD_REL)
    first = pools[min(pools)]
    close(first.estimate, pin["beta"][0], LIKELIHOOD_REL, scale=first.se)
    close(first.se, np.sqrt(table(pin["cov"])[0, 0]), LIKELIHOOD_REL)


@pytest.mark.parametrize(("name", "method"), list(product(NESTED, ("REML", "ML"))))
def test_three_level(name: str, method: Any) -> None:
    pin = NESTED[name][method]
    fit = regress_three_level(
        pin["yi"], pin["vi"], pin["trial"], columns(pin["data"]), pin["formula"], method=method
    )
    close([c.sigma2 for c in fit.components], pin["sigma2"], LIKELIHOOD_REL)
    se = np.atleast_1d(pin["se"])
    close(
        [c.estimate for c in fit.coefficients], np.atleast_1d(pin["beta"]), LIKELIHOOD_REL, scale=se
    )
    close([c.se for c in fit.coefficients], se, LIKELIHOOD_REL)
    close(fit.loglik, pin["loglik"], 1e-9, scale=1.0)
    close(fit.q, pin["q"], 1e-10)
    limits = [(c.ci_lb, c.ci_ub) for c in fit.components]
    close(limits, pin["limits"], LIKELIHOOD_REL, scale=1e-3)
    check_robust(
        regress_three_level(
            pin["yi"], pin["vi"], pin["trial"], columns(pin["data"]), pin["formula"],
            method=method, robust=True,
        ),
        pin["cr2"],
        LIKELIHOOD_REL,
    )  # fmt: skip


def check_robust(fit: Any, want: Any, rel: float) -> None:
    se = np.atleast_1d(want["se"])
    close([c.se for c in fit.coefficients], se, rel)
    close([c.df for c in fit.coefficients], np.atleast_1d(want["df"]), rel)
    close([c.p for c in fit.coefficients], np.atleast_1d(want["p"]), 10 * rel)
    close([c.ci_lb for c in fit.coefficients], np.atleast_1d(want["ci_lb"]), rel, scale=se)
    close([c.ci_ub for c in fit.coefficients], np.atleast_1d(want["ci_ub"]), rel, scale=se)
    if "htz" in want:
        got = [fit.omnibus.stat, fit.omnibus.df1, fit.omnibus.df2, fit.omnibus.p]
        if want["htz"][0] is None:
            assert np.isnan(got[0])
        else:
            close(got, want["htz"], 100 * rel)


@pytest.mark.parametrize("name", NESTED)
def test_cluster_robust_regression(name: str) -> None:
    data, want = NESTED[name]["REML"], NESTED[name]["cr2"]
    fit = regress(
        data["yi"], data["vi"], columns(data["data"]), data["formula"], cluster=data["trial"]
    )
    close(fit.tau2, want["tau2"], ITERATED_REL)
    se = np.atleast_1d(want["se"])
    close([c.estimate for c in fit.coefficients], np.atleast_1d(want["beta"]), 1e-9, scale=se)
    check_robust(fit, want, 1e-8)


def test_three_level_limits_at_another_level() -> None:
    pin = NESTED["konstantopoulos"]["REML"]
    fit = fit_three_level(pin["yi"], pin["vi"], pin["trial"])
    wide = variance_limits(pin["yi"], pin["vi"], pin["trial"], fit, level=0.99)
    usual = np.asarray(pin["limits"])
    assert (wide[:, 0] < usual[:, 0]).all()
    assert (wide[:, 1] > usual[:, 1]).all()


@pytest.mark.parametrize("index", range(len(PINS["permutations"])))
def test_exact_permutation(index: int) -> None:
    pin = PINS["permutations"][index]
    got = permute(
        pin["yi"], pin["vi"], columns(pin["data"]), pin["formula"], method=pin["method"],
        test=pin["test"],
    )  # fmt: skip
    assert got.exact
    close(list(got.p.values()), np.atleast_1d(pin["p"]), 1e-12)
    close(got.p_omnibus, pin["p_omnibus"], 1e-12)
