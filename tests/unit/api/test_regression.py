"""Regression, subgroups, dependence and permutation as a user calls them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from carmeta.api import pool
from carmeta.api.dependence import permute, regress_three_level
from carmeta.api.regression import predict, regress, regress_counts
from carmeta.api.subgroups import subgroup_counts, subgroup_test
from carmeta.api.two_arm import pool_two_arm
from carmeta.errors import ConfigError, DataError, EstimationError
from carmeta.measures import effect_sizes

XI = [28, 15, 16, 15, 20, 70, 85, 31, 60]
NI = [33, 17, 20, 22, 25, 97, 97, 40, 82]
GROUP = list("aaabbcccd")
DOSE = [1.0, 2, 3, 4, 5, 6, 7, 8, 9]
YI, VI = effect_sizes(XI, NI)
DATA: dict[str, list[Any]] = {"group": GROUP, "dose": DOSE}


class TestRegress:
    def test_an_intercept_alone_is_the_pool(self) -> None:
        fit, want = regress(YI, VI, {}, "~ 1", measure="PLO"), pool(XI, NI)
        mean = predict(fit, {})[0]
        assert fit.omnibus is None
        assert math.isnan(fit.r2) or fit.r2 == 0.0
        for name in ("estimate", "se", "ci_lb", "ci_ub", "pi_lb", "pi_ub"):
            assert getattr(mean, name) == pytest.approx(getattr(want, name), rel=1e-10)
        assert mean.back is not None
        assert mean.back.ci_ub == pytest.approx(want.back.ci_ub, rel=1e-10)
        assert (fit.tau2_ci_lb, fit.tau2_ci_ub) == pytest.approx(
            (want.tau2_ci_lb, want.tau2_ci_ub), rel=1e-9
        )

    def test_the_slope_of_a_straight_line(self) -> None:
        fit = regress(np.array(DOSE) * 0.2 - 1, np.full(9, 0.1), DATA, "~ dose", test="z")
        assert fit.coefficients[1].estimate == pytest.approx(0.2)
        assert fit.tau2 == 0.0
        assert fit.r2 == 100.0
        assert fit.terms[0].moderator == "dose"

    def test_missing_moderators_leave_a_study_out(self) -> None:
        data = {"dose": [1.0, None, *DOSE[2:8], math.nan]}
        fit = regress(YI, VI, data, "~ dose", slab=[f"s{i}" for i in range(9)])
        assert fit.k == 7
        assert fit.fallbacks[0].message == "a moderator is missing for s1, s8"

    @pytest.mark.parametrize(
        ("formula", "message"),
        [
            ("~ phase", "moderator 'phase' is not in the data"),
            ("~ dose + twice", "twice is determined by the moderators before it"),
            ("~ group + fine", r"9 studies cannot carry 12 coefficients"),
            ("~ short", "moderator 'short' has 2 values for 9 studies"),
        ],
    )
    def test_moderators_that_cannot_be_used(self, formula: str, message: str) -> None:
        data = {**DATA, "twice": [2 * d for d in DOSE], "fine": list("abcdefghi"), "short": [1, 2]}
        with pytest.raises(DataError, match=message):
            regress(YI, VI, data, formula)

    def test_effects_that_cannot_be_used(self) -> None:
        with pytest.raises(DataError, match=r"Smith: effect nan with variance 0\.1"):
            regress([1, math.nan], [0.1, 0.1], {}, "~ 1", slab=["Roe", "Smith"])
        with pytest.raises(DataError, match=r"study 1: effect 1 with variance -0\.1"):
            regress([1, 2], [-0.1, 0.1], {}, "~ 1")
        with pytest.raises(DataError, match="lists of one length"):
            regress([1, 2], [0.1], {}, "~ 1")

    @pytest.mark.parametrize(
        "options", [{"method": "X"}, {"test": "profile"}, {"pi_method": "bootstrap"}]
    )
    def test_options_are_checked(self, options: dict[str, Any]) -> None:
        with pytest.raises(ConfigError, match="is not for model IV of a regression"):
            regress(YI, VI, {}, "~ 1", **options)

    def test_predictions_need_every_moderator(self) -> None:
        fit = regress(YI, VI, DATA, "~ dose + group")
        with pytest.raises(DataError, match="'group' is not in the data"):
            predict(fit, {"dose": [1]})
        with pytest.raises(DataError, match="'z' is not a category of group"):
            predict(fit, {"dose": [1], "group": ["z"]})
        assert predict(fit, {"dose": [1.5], "group": ["b"]})[0].label == "dose = 1.5, group = b"

    def test_clusters_of_one_study_are_hc_like_and_flag_few_df(self) -> None:
        fit = regress(YI, VI, DATA, "~ group", cluster=range(9))
        assert fit.se_kind == "CR2"
        assert fit.test == "CR2"
        assert fit.clusters == 9
        assert "few-df" in {note.code for note in fit.fallbacks}
        with pytest.raises(DataError, match="cluster has 2 values for 9 studies"):
            regress(YI, VI, DATA, "~ 1", cluster=[1, 2])
        with pytest.raises(DataError, match="study 3: no value of cluster"):
            regress(YI, VI, DATA, "~ 1", cluster=[1, 2, None, 4, 5, 6, 7, 8, 9])

    def test_a_robust_prediction_has_its_own_df(self) -> None:
        cluster = [0, 0, 1, 1, 2, 3, 3, 4, 5]
        fit = regress(YI, VI, DATA, "~ dose", cluster=cluster)
        at_zero = predict(fit, {"dose": [0]})[0]
        # at dose 0 the mean is the intercept
        assert at_zero.ci_lb == pytest.approx(fit.coefficients[0].ci_lb, rel=1e-10)
        assert at_zero.se == pytest.approx(fit.coefficients[0].se, rel=1e-10)


class TestRegressCounts:
    def test_an_intercept_alone_is_the_glmm(self) -> None:
        fit, want = regress_counts(XI, NI, {}, "~ 1"), pool(XI, NI, model="GLMM")
        assert fit.coefficients[0].estimate == pytest.approx(want.estimate, rel=1e-8)
        assert fit.coefficients[0].ci_ub == pytest.approx(want.ci_ub, rel=1e-7)
        assert fit.tau2_ci_ub == pytest.approx(want.tau2_ci_ub, rel=1e-6)
        assert fit.lrt == pytest.approx(want.lrt, rel=1e-10)
        assert math.isnan(fit.q)
        assert fit.i2 == pytest.approx(want.i2, rel=1e-6)

    def test_a_category_without_events_is_an_error(self) -> None:
        with pytest.raises(EstimationError, match="did not converge") as error:
            regress_counts([0, 0, 0, *XI[3:]], NI, DATA, "~ group")
        assert "no events" in error.value.hint

    def test_tests_are_z_and_t(self) -> None:
        with pytest.raises(ConfigError, match="test = 'knha'"):
            regress_counts(XI, NI, {}, "~ 1", test="knha")


class TestSubgroups:
    @pytest.mark.parametrize("model", ["IV", "GLMM"])
    def test_levels_in_order_of_appearance(self, model: Any) -> None:
        pools, test = subgroup_counts(XI, NI, GROUP, model=model, moderator="product")
        assert list(pools) == ["a", "b", "c", "d"]
        assert [p.k for p in pools.values()] == [3, 2, 3, 1]
        assert len({p.tau2 for p in pools.values()}) == 1
        assert test.moderator == "product"
        assert test.tau2 == "common"
        assert 0 < test.p < 1

    def test_separate_pools_are_the_pools(self) -> None:
        pools, test = subgroup_counts(XI, NI, GROUP, model="GLMM", tau2="separate")
        want = pool(XI[:3], NI[:3], model="GLMM")
        assert pools["a"].estimate == want.estimate
        assert pools["d"].fallbacks[0].code == "single-study"
        assert test.name == "chi2(3)"
        assert test.kind == "Wald"

    def test_the_common_glmm_is_the_regression_on_the_levels(self) -> None:
        pools, _ = subgroup_counts(XI, NI, GROUP, model="GLMM")
        fit = regress_counts(XI, NI, DATA, "~ 0 + group")
        for c, p in zip(fit.coefficients, pools.values(), strict=True):
            assert p.estimate == pytest.approx(c.estimate, rel=1e-9)
            assert (p.ci_lb, p.ci_ub) == pytest.approx((c.ci_lb, c.ci_ub), rel=1e-8)
            assert p.tau2 == pytest.approx(fit.tau2, rel=1e-8)
        at = predict(fit, {"group": ["a"]})[0]
        assert (at.pi_lb, at.pi_ub) == pytest.approx((pools["a"].pi_lb, pools["a"].pi_ub))

    def test_a_level_without_failures_enters_with_its_limit(self) -> None:
        full = [33, 17, 20, *XI[3:]]
        pools, test = subgroup_counts(full, NI, GROUP, model="GLMM")
        assert pools["a"].method == "exact"
        assert pools["a"].back.ci_ub == 1.0
        assert test.fallbacks[0].code == "level-at-limit"
        # the same as letting one failure in so many patients vanish
        nearly, limit = subgroup_counts(
            [33_000, 17, 20, *XI[3:]], [33_001, *NI[1:]], GROUP, model="GLMM"
        )
        assert nearly["a"].method == "ML"
        assert limit.stat > 0
        assert test.p < 0.01

    def test_profile_limits_of_the_levels(self) -> None:
        wald, _ = subgroup_counts(XI, NI, GROUP, model="GLMM", test="z")
        profile, _ = subgroup_counts(XI, NI, GROUP, model="GLMM", test="profile")
        for name in ("a", "b", "c", "d"):
            assert profile[name].estimate == wald[name].estimate
            assert profile[name].ci_lb < profile[name].estimate < profile[name].ci_ub
            assert profile[name].ci_lb != wald[name].ci_lb

    def test_two_arm_effects_by_level(self) -> None:
        arms = ([3, 2, 7, 12], [20, 15, 31, 60], [5, 4, 7, 20], [18, 16, 29, 66])
        from carmeta.pooling.two_arm_effects import two_arm_effects, validate_counts

        e = two_arm_effects(validate_counts(*arms))
        pools, test = subgroup_test(e.yi, e.vi, ["x", "x", "y", "y"], measure="OR", tau2="separate")
        first = pool_two_arm(*(column[:2] for column in arms))
        assert pools["x"].back.ci_ub == pytest.approx(first.back.ci_ub, rel=1e-12)
        assert test.df1 == 1

    @pytest.mark.parametrize(
        ("group", "message"),
        [
            (list("aaaaaaaaa"), "group has a single level, 'a'"),
            (list("ab"), "group has 2 values for 9 studies"),
            ([None, *"aabbcccd"], "study 1: no value of group"),
        ],
    )
    @pytest.mark.parametrize("model", ["IV", "GLMM"])
    def test_groups_that_cannot_be_compared(self, group: Any, message: str, model: Any) -> None:
        with pytest.raises(DataError, match=message):
            subgroup_counts(XI, NI, group, model=model)

    def test_levels_without_an_error_are_left_out_of_a_separate_test(self) -> None:
        none = [0, 0, 0, *XI[3:]]
        pools, test = subgroup_counts(none, NI, GROUP, model="GLMM", tau2="separate")
        assert pools["a"].fallbacks[0].code == "all-zero"
        assert test.df1 == 2
        assert "left out of the test" in test.fallbacks[0].message
        _, empty = subgroup_counts(
            [0, 0, 5, 5], [9, 9, 5, 5], list("aabb"), model="GLMM", tau2="separate"
        )
        assert empty.name == "none"
        assert {note.code for note in empty.fallbacks} == {"level-left-out", "no-test"}


class TestDependence:
    TRIAL = (0, 0, 1, 1, 1, 2, 3, 3, 4)

    def test_three_levels(self) -> None:
        fit = regress_three_level(YI, VI, self.TRIAL, measure="PLO")
        assert fit.model == "three-level"
        assert [c.name for c in fit.components] == ["trials", "cohorts"]
        assert [c.units for c in fit.components] == [5, 9]
        assert fit.tau2 == pytest.approx(sum(c.sigma2 for c in fit.components))
        assert fit.coefficients[0].df == 8
        careful = regress_three_level(YI, VI, self.TRIAL, df="trials")
        assert careful.coefficients[0].df == 4
        robust = regress_three_level(YI, VI, self.TRIAL, robust=True)
        assert robust.coefficients[0].estimate == fit.coefficients[0].estimate
        assert robust.coefficients[0].se != fit.coefficients[0].se
        mean = predict(fit, {})[0]
        assert mean.back is not None
        assert 0 < mean.back.pi_lb < mean.back.estimate < mean.back.pi_ub < 1

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"df": "few"}, "df = 'few'"),
            ({"test": "knha"}, "test = 'knha'"),
        ],
    )
    def test_options(self, options: dict[str, Any], message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            regress_three_level(YI, VI, self.TRIAL, **options)

    def test_trials_that_cannot_be_used(self) -> None:
        with pytest.raises(DataError, match="every trial has a single cohort"):
            regress_three_level(YI, VI, range(9))
        with pytest.raises(DataError, match="trial has 2 values for 9 cohorts"):
            regress_three_level(YI, VI, [1, 2])
        with pytest.raises(DataError, match="study 2: no trial"):
            regress_three_level(YI, VI, [0, None, *self.TRIAL[2:]])


class TestPermute:
    def test_a_mean_and_a_moderator(self) -> None:
        mean = permute(YI, VI, method="DL")
        assert mean.exact
        assert mean.count == 512
        assert mean.seed is None
        assert mean.p["intercept"] == mean.p_omnibus == 2 / 512  # all effects are positive
        dose = permute(YI, VI, DATA, "~ dose", method="DL", iterations=300, seed=3)
        assert not dose.exact
        assert dose.seed == 3
        assert dose.p["dose"] == dose.p_omnibus

    def test_studies_without_the_moderator_are_left_out(self) -> None:
        data = {"dose": [None, *DOSE[1:]]}
        assert permute(YI, VI, data, "~ dose", iterations=50).k == 8
