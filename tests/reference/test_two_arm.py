"""Two-arm pools against metafor and lme4; what disagrees is in README_models.md."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from carmeta.api.two_arm import pool_two_arm
from carmeta.domain.result import Pooled
from carmeta.pooling.mixed_quadrature import loglik
from carmeta.pooling.tau2_solvers import ESTIMATORS
from carmeta.pooling.two_arm import breslow_day, cochran_mantel_haenszel
from carmeta.pooling.two_arm_effects import TwoArmCounts, two_arm_effects, validate_counts
from carmeta.pooling.two_arm_glmm import common_odds_ratio_lrt, fit_two_arm_glmm, two_arm_data

pytestmark = pytest.mark.reference

PINS = json.loads((Path(__file__).parent / "two_arm.json").read_text(encoding="utf-8"))
DATA = PINS["datasets"]
MEASURES = ("OR", "RR", "RD")
# Closed forms agree to rounding; iterated ones as far as R's own iteration went.
CLOSED_REL, ITERATED_REL, GLMM_REL = 1e-12, 1e-9, 1e-6
TESTS = ("z", "t", "knha", "adhoc")
RULES = ("only0", "all", "if0all", "none")
CLOSED = {name for name, estimator in ESTIMATORS.items() if estimator.closed}
ARMS = ("ai", "n1i", "ci", "n2i")


def arms(name: str) -> tuple[list[int], ...]:
    return tuple(DATA[name][key] for key in ARMS)


def informative(name: str) -> TwoArmCounts:
    keep = ~validate_counts(*arms(name)).uninformative
    return validate_counts(*(np.array(values)[keep] for values in arms(name)))


def close(got: Any, want: Any, rel: float, scale: float = 0.0) -> None:
    """Relative agreement; ``scale`` is what a value near zero is small against."""
    a, b = np.asarray(got, dtype=float), np.asarray(want, dtype=float)
    assert np.all(np.abs(a - b) <= rel * np.maximum(np.abs(b), scale)), (a, b, np.abs(a - b))


def test_the_grid_is_complete() -> None:
    assert len(DATA) >= 8
    assert sum(0 in pin["ai"] or 0 in pin["ci"] for pin in DATA.values()) >= 4  # sparse ones
    for pin in DATA.values():
        assert tuple(pin["iv"]) == tuple(pin["mh"]) == tuple(pin["effects"]) == MEASURES
        for measure in MEASURES:
            assert tuple(pin["effects"][measure]) == RULES
            assert set(pin["iv"][measure]["methods"]) == set(ESTIMATORS)
            for entry in pin["iv"][measure]["methods"].values():
                assert tuple(entry["tests"]) == TESTS
                for row in entry["tests"].values():
                    assert len(row) == len(PINS["columns"])
                    assert all(isinstance(value, float | int) for value in row)
    assert sum(pin["um_fs"] is not None for pin in DATA.values()) >= 6


@pytest.mark.parametrize(("name", "measure", "rule"), list(product(DATA, MEASURES, RULES)))
def test_effect_sizes(name: str, measure: Any, rule: Any) -> None:
    pin = DATA[name]["effects"][measure][rule]
    got = two_arm_effects(validate_counts(*arms(name)), measure=measure, to=rule)
    want = [np.array([np.nan if v is None else v for v in pin[key]]) for key in ("yi", "vi")]
    np.testing.assert_allclose(got.yi, want[0], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(got.vi, want[1], rtol=1e-12)


@pytest.mark.parametrize(("name", "measure"), list(product(DATA, MEASURES)))
def test_inverse_variance(name: str, measure: Any) -> None:
    pin = DATA[name]["iv"][measure]
    variances = DATA[name]["effects"][measure]["only0"]["vi"]
    smallest = 1e-3 * min(variances)  # a tau2 this far below every variance is 0 in effect
    for method, test in product(ESTIMATORS, TESTS):
        want = pin["methods"][method]
        got = {
            kind: pool_two_arm(
                *arms(name),
                measure=measure,
                method=method,
                test=test,
                pi_method=kind,
                drop00=False,
            )
            for kind in ("V", "HTS")
        }
        one = got["V"]
        rel = CLOSED_REL if method in CLOSED else ITERATED_REL
        row = dict(zip(PINS["columns"], want["tests"][test], strict=True))
        close(one.tau2, want["tau2"], rel, scale=smallest)
        close(one.estimate, want["estimate"], rel, scale=row["se"])
        close(one.i2, want["i2"], rel, scale=1.0)
        close([one.h2, one.q, one.se], [want["h2"], want["q"], row["se"]], rel)
        close(one.stat, row["stat"], rel, scale=1.0)
        # a tail multiplies the error of its statistic
        close([one.p, one.q_pval], [row["p"], want["q_pval"]], 100 * rel, scale=1e-12)
        close([one.ci_lb, one.ci_ub], [row["ci_lb"], row["ci_ub"]], rel, scale=row["se"])
        for kind, key in (("V", "pi_v"), ("HTS", "pi_hts")):
            limits = [got[kind].pi_lb, got[kind].pi_ub]
            close(limits, [row[f"{key}_lb"], row[f"{key}_ub"]], rel, scale=row["se"])
        if method == "REML":
            close(one.weights, want["weights"], rel)
        if method != "EE":
            close([one.tau2_ci_lb, one.tau2_ci_ub], pin["tau2_qp"], ITERATED_REL, scale=smallest)


def same_common_effect(got: Pooled, want: dict[str, Any]) -> None:
    for key in ("estimate", "se", "stat", "ci_lb", "ci_ub", "q", "h2"):
        close(getattr(got, key), want[key], CLOSED_REL, scale=want["se"])
    close([got.p, got.q_pval], [want["p"], want["q_pval"]], 100 * CLOSED_REL)
    close(got.i2, want["i2"], CLOSED_REL, scale=100.0)
    assert got.q_df == want["q_df"]


@pytest.mark.parametrize(("name", "measure"), list(product(DATA, MEASURES)))
def test_mantel_haenszel_of_the_studies_that_are_kept(name: str, measure: Any) -> None:
    pin = DATA[name]["mh"][measure]
    for drop00, key in ((None, "default"), (True, "dropped")):
        got = pool_two_arm(*arms(name), measure=measure, model="MH", drop00=drop00)
        same_common_effect(got, pin[key])
        assert got.q_df == got.k - 1


@pytest.mark.parametrize(("name", "measure", "rule"), list(product(DATA, MEASURES, RULES)))
def test_mantel_haenszel_corrects_the_effects_in_q_alone(
    name: str, measure: Any, rule: Any
) -> None:
    pin = DATA[name]["mh"][measure]["rules"][rule]
    got = pool_two_arm(*arms(name), measure=measure, model="MH", to=rule, drop00=False)
    if pin["q"] is not None:
        same_common_effect(got, pin)
        return
    # An effect without variance makes metafor's Q infinite; here it is left out, by name.
    assert rule == "none"
    known = np.isfinite(two_arm_effects(validate_counts(*arms(name)), measure=measure, to=rule).yi)
    assert got.q_df == known.sum() - 1 < pin["q_df"]
    assert "not-in-q" in {note.code for note in got.cautions}
    close(got.estimate, pin["estimate"], CLOSED_REL, scale=pin["se"])


@pytest.mark.parametrize(("name", "measure"), list(product(DATA, MEASURES)))
def test_mantel_haenszel(name: str, measure: Any) -> None:
    want = DATA[name]["mh"][measure]
    got = pool_two_arm(*arms(name), measure=measure, model="MH", drop00=False)
    same_common_effect(got, want)
    np.testing.assert_allclose(got.weights, want["weights"], rtol=1e-12, atol=1e-15)
    if measure == "OR":
        counts = validate_counts(*arms(name))
        cmh = cochran_mantel_haenszel(counts)
        close(cmh.stat, want["cmh"], 1e-12)
        close(cmh.p, want["cmh_p"], 100 * CLOSED_REL)
        tarone = breslow_day(counts, tarone=True)
        close(tarone.stat, want["tarone"], CLOSED_REL)
        close(tarone.p, want["tarone_p"], 100 * CLOSED_REL)


@pytest.mark.parametrize("name", DATA)
def test_peto(name: str) -> None:
    want = DATA[name]["peto"]
    got = pool_two_arm(*arms(name), model="PETO", drop00=False)
    same_common_effect(got, want)
    np.testing.assert_allclose(got.weights, want["weights"], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", [name for name in DATA if DATA[name]["um_fs"]])
def test_glmm_with_fixed_intercepts(name: str) -> None:
    want = DATA[name]["um_fs"]
    got = pool_two_arm(*arms(name), model="GLMM", form="UM.FS")
    close([got.estimate, got.se], [want["estimate"], want["se"]], GLMM_REL)
    close(got.tau2, want["tau2"], GLMM_REL)


@pytest.mark.parametrize("name", DATA)
def test_common_odds_ratio_deviance(name: str) -> None:
    q, df = common_odds_ratio_lrt(validate_counts(*arms(name)))
    close(q, DATA[name]["lrt"], 1e-10)
    assert df == informative(name).ai.size - 1


@pytest.mark.parametrize("name", DATA)
def test_laplace_value_of_random_intercepts(name: str) -> None:
    # lme4 has one node for two random effects. Its deviance at given parameters checks the
    # integrand, the modes and the constants; the 25 nodes are checked by plain summation in
    # tests/unit/pooling/test_two_arm_glmm.py.
    pin = DATA[name]["laplace"]
    data = two_arm_data(informative(name), "UM.RS")
    for (sd_study, sd_arm, alpha, theta), want in zip(pin["points"], pin["deviance"], strict=True):
        got = -2 * loglik(data, np.array([alpha, theta]), np.array([sd_study, sd_arm]), nodes=1)
        close(got, want, 1e-7)


@pytest.mark.parametrize("name", DATA)
def test_random_intercepts_are_near_laplace(name: str) -> None:
    # Laplace errs by less than a hundredth of the SE here; a wrong model by far more.
    pin = DATA[name]["laplace"]["fit"]
    fit = fit_two_arm_glmm(informative(name), tau2_interval=False)
    assert abs(fit.estimate - pin["estimate"]) < 0.01 * fit.se
