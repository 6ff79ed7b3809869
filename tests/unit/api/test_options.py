"""Every function of the package refuses by name what it cannot honour, and idles at nothing."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from carmeta.api import effects, pool, probability_beyond, study_intervals
from carmeta.api.subgroups import subgroup_counts
from carmeta.api.two_arm import pool_two_arm
from carmeta.errors import ConfigError, DataError
from carmeta.measures import back_transform, effect_sizes, harmonic_mean
from carmeta.sensitivity.influence import influence, influence_of_effects
from carmeta.sensitivity.small_study import (
    egger_test,
    small_study_test,
    trim_fill,
    trim_fill_effects,
)

X, N = [3, 0, 9, 7, 2, 11], [20, 15, 30, 12, 40, 33]
Y, V = effect_sizes(X, N)


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (partial(influence, X, N, model="GLMM", method="DL"), "method"),
        (partial(influence, X, N, model="GLMM", test="adhoc"), "test"),
        (partial(influence, X, N, model="GLMM", test="t"), "test"),
        (partial(influence, X, N, model="GLMM", measure="PFT"), "measure"),
        (partial(influence, X, N, model="BB"), "model"),
        (partial(influence, X, N, method="XX"), "method"),
        (partial(influence, X, N, test="profile"), "test"),
        (partial(influence, X, N, measure="OR"), "measure"),
        (partial(influence_of_effects, Y, V, method="XX"), "method"),
        (partial(influence_of_effects, Y, V, test="profile"), "test"),
        (partial(small_study_test, X, N, force=True, method="XX"), "method"),
        (partial(small_study_test, X, N, force=True, method="DL"), "method"),
        (partial(small_study_test, X, N, force=True, test="knha"), "test"),
        (partial(small_study_test, X, N, force=True, level=95), "level"),
        (partial(small_study_test, X, N, force=True, measure="HR"), "measure"),
        (partial(small_study_test, X, N, force=True, model="glm"), "model"),
        (partial(small_study_test, X, N, force=True, kind="begg"), "kind"),
        (partial(small_study_test, X, N, force=True, model="rma", test="profile"), "test"),
        (partial(egger_test, Y, V, force=True, method="DL"), "method"),
        (partial(egger_test, Y, V, force=True, level="x"), "level"),
        (partial(trim_fill, X, N, force=True, level=95), "level"),
        (partial(trim_fill, X, N, force=True, measure="OR"), "measure"),
        (partial(trim_fill, X, N, force=True, method="XX"), "method"),
        (partial(trim_fill, X, N, force=True, side="up"), "side"),
        (partial(trim_fill, X, N, force=True, estimator="Q0"), "estimator"),
        (partial(trim_fill_effects, Y, V, force=True, test="profile"), "test"),
        (partial(effects, X, N, measure="PAS", add=0.25), "add"),
        (partial(effects, X, N, measure="PAS", to="only0"), "to"),
        (partial(effects, X, N, measure="OR"), "measure"),
        (partial(effects, X, N, add="x"), "add"),
        (partial(effects, X, N, add=-1), "add"),
        (partial(effects, X, N, to="some"), "to"),
        (partial(study_intervals, X, N, level=95), "level"),
        (partial(study_intervals, X, N, level="x"), "level"),
        (partial(study_intervals, X, N, method="wald"), "study interval"),
        (partial(probability_beyond, pool(X, N), "x"), "threshold"),
        (partial(probability_beyond, pool(X, N), 50), "threshold"),
        (partial(probability_beyond, pool(X, N), math.nan), "threshold"),
        (partial(probability_beyond, pool(X, N), None), "threshold"),
        (partial(probability_beyond, pool(X, N), 0.5, direction="over"), "direction"),
    ],
)
def test_an_option_is_refused_by_name(call: Callable[[], object], field: str) -> None:
    with pytest.raises(ConfigError, match=field):
        call()


def test_what_each_can_honour_is_honoured() -> None:
    for call, options in (
        (partial(influence, X, N), {"method": "DL"}),
        (partial(influence, X, N), {"test": "z"}),
        (partial(influence, X, N), {"measure": "PAS"}),
        (partial(influence, X, N), {"model": "GLMM"}),
        (partial(small_study_test, X, N, force=True), {"level": 0.9}),
        (partial(small_study_test, X, N, force=True), {"model": "rma"}),
        (partial(small_study_test, X, N, force=True, model="rma"), {"method": "DL"}),
        (partial(small_study_test, X, N, force=True, model="rma"), {"test": "knha"}),
        (partial(trim_fill, X, N, force=True), {"level": 0.9}),
        (partial(trim_fill, X, N, force=True), {"test": "z"}),
        (partial(effects, X, N), {"add": 0.1}),
        (partial(effects, X, N), {"to": "all"}),
    ):
        assert repr(call(**options)) != repr(call()), options


class TestNothingIsAdded:
    """Arcsines and the binomial likelihood take 0 and n events as they are."""

    @pytest.mark.parametrize("model", ["IV", "BAYES"])
    @pytest.mark.parametrize("measure", ["PAS", "PFT"])
    def test_to_arcsines(self, model: Any, measure: Any) -> None:
        options: Any = {"model": model, "measure": measure}
        assert pool(X, N, to="none", **options) == pool(X, N, **options)
        assert pool(X, N, to="all", add=0.1, **options) != pool(X, N, **options)
        for named in ({"to": "only0"}, {"to": "if0all"}, {"add": 0.5}, {"add": 0}):
            with pytest.raises(ConfigError, match=next(iter(named))):
                pool(X, N, **options, **named)

    def test_to_the_counts_of_a_binomial_likelihood(self) -> None:
        assert pool(X, N, model="BAYES", to="none") == pool(X, N, model="BAYES")
        for named in ({"add": 0.5}, {"add": 0.1}, {"to": "only0"}, {"to": "all"}):
            with pytest.raises(ConfigError, match="binomial likelihood"):
                pool(X, N, model="BAYES", **named)
        normal = pool(X, N, model="BAYES", likelihood="normal")
        assert pool(X, N, model="BAYES", likelihood="normal", to="only0", add=0.5) == normal

    def test_the_message_says_what_is_allowed(self) -> None:
        with pytest.raises(ConfigError) as caught:
            pool(X, N, measure="PAS", to="only0")
        assert "defined at 0 and n" in str(caught.value)
        assert "all, none" in str(caught.value)


class TestPriors:
    @pytest.mark.parametrize("likelihood", ["binomial", "normal"])
    @pytest.mark.parametrize(
        "options",
        [
            {"mu_prior": (1e6, 1)}, {"mu_prior": (-101, 1)}, {"mu_prior": (0, 1e-300)},
            {"mu_prior": (0, 1e300)}, {"prior_scale": 1e300}, {"prior_scale": 1e-300},
            {"prior_scale": 11, "prior": "half-cauchy"},
        ],
    )  # fmt: skip
    def test_one_out_of_range_is_refused(self, likelihood: Any, options: dict[str, Any]) -> None:
        with pytest.raises(ConfigError, match=next(iter(options))):
            pool(X, N, model="BAYES", likelihood=likelihood, **options)

    @pytest.mark.filterwarnings("error")
    @pytest.mark.parametrize("mean", [-100.0, 0.0, 100.0])
    @pytest.mark.parametrize("sd", [1e-3, 1.0, 1e3])
    def test_both_likelihoods_agree_at_the_ends_of_the_range(self, mean: float, sd: float) -> None:
        """Of studies that are large, so that the two are one."""
        x, n = [3000, 9000, 7000], [20000, 30000, 12000]
        one, other = (
            pool(x, n, model="BAYES", mu_prior=(mean, sd), likelihood=likelihood)
            for likelihood in ("binomial", "normal")
        )
        for name in ("estimate", "se", "ci_lb", "ci_ub", "pi_lb", "pi_ub"):
            a, b = getattr(one, name), getattr(other, name)
            assert a == pytest.approx(b, rel=2e-3, abs=2e-3 * max(1.0, one.se)), name

    @pytest.mark.filterwarnings("error")
    @pytest.mark.parametrize("scale", [1e-4, 10.0])
    @pytest.mark.parametrize("prior", ["half-normal", "half-cauchy"])
    def test_and_scales_of_tau(self, scale: float, prior: Any) -> None:
        x, n = [3000, 4560, 1770], [20000, 30000, 12000]
        one, other = (
            pool(x, n, model="BAYES", prior=prior, prior_scale=scale, likelihood=likelihood)
            for likelihood in ("binomial", "normal")
        )
        assert one.estimate == pytest.approx(other.estimate, abs=1e-3)
        assert one.tau2_ci_ub == pytest.approx(other.tau2_ci_ub, rel=1e-2)

    @pytest.mark.parametrize(
        ("x", "mu_prior"), [([0, 15], None), ([0, 7], None), ([0, 15], (0, 1)), ([0, 0], (0, 1))]
    )
    def test_a_half_cauchy_that_no_study_bounds_is_refused(self, x: Any, mu_prior: Any) -> None:
        options: Any = {"model": "BAYES", "mu_prior": mu_prior}
        with pytest.raises(DataError, match="half-cauchy"):
            pool(x, [15, 15], prior="half-cauchy", **options)
        assert math.isfinite(pool(x, [15, 15], **options).ci_ub)


class TestStudiesAreNamed:
    def test_one_without_a_variance(self) -> None:
        for call in (
            lambda: pool([0, 4], [20, 9], slab=["Ash", "Elm"], to="none"),
            lambda: effects([0, 4], [20, 9], slab=["Ash", "Elm"], to="none"),
            lambda: subgroup_counts(
                [0, 4, 5, 6], [20, 9, 9, 9], list("aabb"), slab=["Ash", "B", "C", "D"], to="none",
                model="IV",
            ),
        ):  # fmt: skip
            with pytest.raises(DataError, match=r"study 1 \(Ash\): 0 of 20"):
                call()

    @pytest.mark.parametrize("gone", [None, math.nan, np.float64("nan")])
    def test_a_count_that_is_missing(self, gone: Any) -> None:
        with pytest.raises(DataError, match=r"study 1: events is missing"):
            pool([gone, 4, 5], [9, 9, 9])
        with pytest.raises(DataError, match=r"study 2 \(B\): n is missing"):
            pool([1, 4], [9, gone], slab=["A", "B"])
        with pytest.raises(DataError, match=r"study 1: ai is missing"):
            pool_two_arm([gone, 4], [9, 9], [1, 2], [9, 9])

    def test_a_difference_without_a_variance_exists(self) -> None:
        arms = ([3, 0, 5], [20, 15, 21], [5, 0, 4], [22, 16, 19])
        found = pool_two_arm(*arms, measure="RD", to="none", slab=["A", "B", "C"])
        said = " ".join(item.message for item in found.fallbacks)
        assert "no RD exists" not in said
        assert "the RD of B has variance 0" in said
        ratio = pool_two_arm([3, 0, 5], [20, 15, 21], [5, 2, 4], [22, 16, 19], to="none")
        assert "no OR exists for study 2" in " ".join(f.message for f in ratio.fallbacks)


def test_a_group_is_transformed_back_by_its_own_sizes() -> None:
    """A level's mean is one of its own studies, whichever way tau2 is held."""
    x, n, group = [3, 2, 90, 170], [20, 15, 300, 412], list("aabb")
    levels, _ = subgroup_counts(x, n, group, model="IV", measure="PFT", tau2="common")
    for name, here in (("a", slice(0, 2)), ("b", slice(2, 4))):
        size = harmonic_mean(n[here])
        assert levels[name].n_harmonic == pytest.approx(size)
        want = back_transform(levels[name].estimate, measure="PFT", ni=[size])
        assert levels[name].back.estimate == pytest.approx(float(want))


def test_subgroups_of_which_no_common_model_has_a_maximum() -> None:
    for x in ([0, 0, 0, 0], [9, 9, 9, 9], [0, 9, 0, 9], [0, 0, 9, 9]):
        levels, test = subgroup_counts(x, [9] * 4, list("aabb"), model="GLMM")
        assert [*levels] == ["a", "b"]
        assert test.name == "none"
        assert "each is fitted by itself" in test.fallbacks[0].message
        assert all(math.isfinite(level.back.ci_ub) for level in levels.values())
