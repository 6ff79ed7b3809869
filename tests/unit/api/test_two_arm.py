"""pool_two_arm: fallbacks declared, options checked, edges answered."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from carmeta.api.two_arm import pool_two_arm
from carmeta.domain.result import Pooled
from carmeta.errors import ConfigError, DataError, EstimationError

ARMS = ([3, 0, 7, 12, 9], [20, 15, 31, 60, 40], [5, 2, 7, 20, 14], [18, 16, 29, 66, 38])
NONE = ([0, 0, 0], [10, 20, 30], [0, 0, 0], [12, 15, 16])
EVERYBODY = ([10, 20, 30], [10, 20, 30], [12, 15, 16], [12, 15, 16])


def codes(fit: Pooled) -> set[str]:
    return {note.code for note in (*fit.fallbacks, *fit.cautions)}


def test_one_study_is_its_own_effect() -> None:
    fit = pool_two_arm([181], [254], [55], [132], slab=["KarMMa-3"])
    assert fit.back.estimate == pytest.approx((181 / 73) / (55 / 77), rel=1e-12)
    se = math.sqrt(1 / 181 + 1 / 73 + 1 / 55 + 1 / 77)
    assert fit.se == pytest.approx(se, rel=1e-12)
    assert fit.back.ci_lb == pytest.approx(fit.back.estimate * math.exp(-1.959963984540054 * se))
    assert fit.fallbacks[0].code == "single-study"
    assert "KarMMa-3 alone" in fit.fallbacks[0].message
    assert math.isnan(fit.tau2)
    assert fit.weights == (1.0,)


@pytest.mark.parametrize(
    ("model", "measure"), [("MH", "OR"), ("MH", "RR"), ("MH", "RD"), ("GLMM", "OR")]
)
def test_one_study_is_the_same_by_every_model(model: Any, measure: Any) -> None:
    one = pool_two_arm([3], [20], [5], [18], measure=measure)
    other = pool_two_arm([3], [20], [5], [18], measure=measure, model=model)
    assert (one.estimate, one.se) == (other.estimate, other.se)


def test_one_study_by_peto_is_petos() -> None:
    fit = pool_two_arm([0], [20], [5], [18], model="PETO")
    assert math.isfinite(fit.se)
    assert codes(fit) == {"single-study"}


def test_zero_cells_are_corrected_by_name() -> None:
    fit = pool_two_arm(*ARMS, slab=list("abcde"))
    note = next(note for note in fit.cautions if note.code == "continuity-correction")
    assert note.message == "0.5 added to each cell (only0) of b"
    assert codes(pool_two_arm(*ARMS, model="MH")) == set()
    dropped = pool_two_arm(*ARMS, to="none", slab=list("abcde"))
    assert dropped.k == 4
    assert dropped.weights[1] == 0.0
    assert sum(dropped.weights) == pytest.approx(1.0)
    assert "no OR exists for b" in dropped.fallbacks[0].message


def test_two_studies_are_flagged() -> None:
    for model in ("IV", "MH", "PETO", "GLMM"):
        fit = pool_two_arm([3, 4], [10, 20], [5, 9], [12, 22], model=model)
        assert "two-studies" in codes(fit)
    fit = pool_two_arm([3, 4], [10, 20], [5, 9], [12, 22], pi_method="HTS")
    assert math.isnan(fit.pi_lb)
    assert "no-prediction-interval" in codes(fit)


@pytest.mark.parametrize("model", ["IV", "MH", "PETO", "GLMM"])
def test_nothing_happened(model: Any) -> None:
    with pytest.raises(EstimationError, match="no events in both arms of every study"):
        pool_two_arm(*NONE, model=model)
    with pytest.raises(EstimationError, match="only events in both arms of every study"):
        pool_two_arm(*EVERYBODY, model=model)


@pytest.mark.parametrize("model", ["IV", "MH"])
def test_nothing_happened_to_the_risk_difference(model: Any) -> None:
    for arms in (NONE, EVERYBODY):
        fit = pool_two_arm(*arms, measure="RD", model=model)
        assert abs(fit.estimate) < 0.01
        assert fit.ci_lb < 0 < fit.ci_ub
        assert codes(fit) & {"continuity-correction", "zero-margin"}


@pytest.mark.parametrize("measure", ["OR", "RR"])
def test_an_arm_without_events_falls_back_for_mantel_haenszel(measure: Any) -> None:
    arms = ([0, 0, 0], [10, 20, 30], [3, 2, 0], [12, 15, 16])
    fit = pool_two_arm(*arms, measure=measure, model="MH")
    assert {"zero-margin", "study-dropped"} <= codes(fit)
    assert fit.estimate < 0
    with pytest.raises(EstimationError, match="does not exist"):
        pool_two_arm(*arms, measure=measure, model="MH", to="none")
    with pytest.raises(EstimationError, match="no events in the treatment arm"):
        pool_two_arm(*arms, model="GLMM")


def test_double_zero_studies() -> None:
    arms = tuple([*column, more] for column, more in zip(ARMS, (0, 25, 0, 30), strict=True))
    kept, dropped = pool_two_arm(*arms, drop00=False), pool_two_arm(*arms)
    assert (kept.k, dropped.k) == (6, 5)
    assert dropped.estimate == pytest.approx(pool_two_arm(*ARMS).estimate, rel=1e-12)
    glmm = pool_two_arm(*arms, model="GLMM")
    assert "no event, or only events, in both arms of study 6" in glmm.fallbacks[0].message
    assert pool_two_arm(*arms, model="GLMM", drop00=False).k == 6


def test_limits_of_a_risk_difference_stay_in_range() -> None:
    fit = pool_two_arm([3, 4], [10, 20], [5, 9], [12, 22], measure="RD")
    assert fit.ci_lb < -1 < 1 < fit.ci_ub
    assert (fit.back.ci_lb, fit.back.ci_ub) == (-1.0, 1.0)
    assert "limits-cut" in codes(fit)


def test_what_each_model_is_tested_by() -> None:
    assert pool_two_arm(*ARMS).test == "adhoc"
    assert pool_two_arm(*ARMS, model="MH").test == "z"
    assert pool_two_arm(*ARMS, model="PETO").df == math.inf
    assert pool_two_arm(*ARMS, model="GLMM").test == "t"
    assert pool_two_arm(*ARMS, model="GLMM").df == 4
    profile = pool_two_arm(*ARMS, model="GLMM", test="profile")
    assert profile.test == "profile"
    wald = pool_two_arm(*ARMS, model="GLMM", test="z")
    assert profile.ci_lb != wald.ci_lb
    assert profile.back.ci_lb == pytest.approx(math.exp(profile.ci_lb))


def test_the_bootstrap_interval_depends_on_its_seed() -> None:
    one = pool_two_arm(*ARMS, pi_method="bootstrap", seed=1)
    assert one.pi_lb < one.estimate < one.pi_ub
    assert one.pi_lb == pool_two_arm(*ARMS, pi_method="bootstrap", seed=1).pi_lb
    assert one.pi_lb != pool_two_arm(*ARMS, pi_method="bootstrap", seed=2).pi_lb


def test_identical_studies_have_a_declared_zero_width() -> None:
    same = ([3] * 4, [10] * 4, [3] * 4, [10] * 4)
    fit = pool_two_arm(*same, test="knha")
    assert fit.se == 0.0
    assert "zero-se" in codes(fit)
    assert pool_two_arm(*same).se > 0


def test_a_million_beside_three() -> None:
    arms = ([500_000, 2, 1], [1_000_000, 3, 3], [499_000, 1, 2], [1_000_000, 3, 3])
    for model in ("IV", "MH", "PETO", "GLMM"):
        fit = pool_two_arm(*arms, model=model)
        assert fit.estimate == pytest.approx(0.004, rel=1e-3)


def test_heterogeneity_of_the_glmm_by_either_definition() -> None:
    one = pool_two_arm(*ARMS, model="GLMM", i2_method="Q")
    assert one.i2_method == "LRT"
    assert one.i2 == pytest.approx(max(0.0, 100 * (one.lrt - one.lrt_df) / one.lrt))
    assert one.h2 == pytest.approx(one.lrt / one.lrt_df)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"measure": "HR"}, "measure = 'HR'"),
        ({"model": "BB"}, "model = 'BB'"),
        ({"method": "REM"}, "method = 'REM'"),
        ({"test": "bayes"}, "test = 'bayes'"),
        ({"pi_method": "X"}, "pi_method = 'X'"),
        ({"i2_method": "H"}, "i2_method = 'H'"),
        ({"level": 95}, "level = 95"),
        ({"level": 0}, "level = 0"),
        ({"to": "some"}, "to = 'some'"),
        ({"add": -1}, "add = -1"),
        ({"model": "PETO", "measure": "RR"}, "measure = 'RR' is not for model PETO of two arms"),
        ({"model": "GLMM", "measure": "RD"}, "measure = 'RD' is not for model GLMM of two arms"),
        ({"model": "GLMM", "form": "CM.EL"}, "form = 'CM.EL'"),
        ({"form": "UM.FS"}, "form = 'UM.FS' is not for model IV"),
        ({"test": "profile"}, "test = 'profile' is not for model IV of two arms"),
        ({"model": "MH", "test": "knha"}, "test = 'knha' is not for model MH"),
        ({"model": "MH", "pi_method": "V"}, "pi_method = 'V' is not for model MH"),
        ({"model": "PETO", "to": "all"}, "to = 'all' is not for model PETO"),
        ({"model": "GLMM", "pi_method": "bootstrap"}, "pi_method = 'bootstrap' is not for model"),
        ({"drop00": 1}, "drop00 = 1 is not true or false"),
    ],
)
def test_options_that_do_not_exist(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        pool_two_arm(*ARMS, **options)
    assert message in str(error.value)


def test_counts_that_are_not_possible() -> None:
    with pytest.raises(DataError, match=r"\(Smith\): ai 30 exceeds n1i 20"):
        pool_two_arm([30], [20], [1], [9], slab=["Smith"])
    with pytest.raises(DataError, match="one list of studies"):
        pool_two_arm(*(np.ones((2, 3)) for _ in range(4)))
