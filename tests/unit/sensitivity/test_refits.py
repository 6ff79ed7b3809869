from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from carmeta.api import pool
from carmeta.errors import ConfigError, DataError
from carmeta.sensitivity.cumulative import cumulative
from carmeta.sensitivity.influence import influence
from carmeta.sensitivity.leave_one_out import leave_one_out
from carmeta.sensitivity.small_study import small_study_test, trim_fill

X = [28, 52, 3, 40, 0, 9, 97, 5, 31, 12, 7]
N = [33, 62, 11, 57, 8, 9, 128, 5, 33, 40, 9]
NAMES = list("abcdefghijk")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"method": "EE", "test": "z"},
        {"model": "GLMM"},
        {"model": "GLMM", "test": "profile"},
        {"model": "BB"},
        {"measure": "PFT"},
        {"pi_method": "HTS", "level": 0.9},
        {"i2_method": "Q", "method": "DL", "test": "knha"},
    ],
)
def test_leave_one_out_is_the_pool_of_the_others(options: dict[str, Any]) -> None:
    rows = leave_one_out(X, N, slab=NAMES, **options)
    assert [r.label for r in rows] == NAMES
    for i in (0, 4, 10):
        keep = [j for j in range(len(X)) if j != i]
        other = pool([X[j] for j in keep], [N[j] for j in keep], **options)
        mine = rows[i].pooled
        assert mine.label == other.label
        for name in ("estimate", "se", "stat", "df", "p", "ci_lb", "ci_ub", "pi_lb", "pi_ub",
                     "tau2", "tau2_ci_lb", "tau2_ci_ub", "i2", "h2", "q", "q_pval",
                     "lrt", "lrt_pval"):  # fmt: skip
            a, b = getattr(mine, name), getattr(other, name)
            assert a == pytest.approx(b, rel=1e-6, abs=1e-8, nan_ok=True), name
        assert mine.back.ci_ub == pytest.approx(other.back.ci_ub, rel=1e-7)
        assert (mine.i2_method, mine.tau2_ci_method) == (
            other.i2_method, other.tau2_ci_method,
        )  # fmt: skip


def test_small_and_degenerate_subsets_declare_their_fallbacks() -> None:
    rows = leave_one_out([0, 0, 3], [5, 6, 7])
    assert rows[2].pooled.fallbacks[0].code == "all-zero"
    assert rows[0].pooled.fallbacks[0].code == "two-studies"
    rows = leave_one_out([1, 3], [5, 6])
    assert rows[0].pooled.fallbacks[0].code == "single-study"
    assert leave_one_out([1], [5]) == ()


def test_cumulative_follows_the_order() -> None:
    years = [2020, 2019, 2021, 2019, 2022, 2018, 2017, 2016, 2015, 2023, 2024]
    rows = cumulative(X, N, order=years, slab=NAMES, model="GLMM")
    assert [r.label for r in rows] == list("ihgfbdacejk")
    assert rows[-1].pooled.estimate == pytest.approx(pool(X, N, model="GLMM").estimate, abs=1e-7)
    assert [r.pooled.k for r in rows] == list(range(1, 12))
    with pytest.raises(DataError, match="order"):
        cumulative(X, N, order=[1, 2])


def test_influence_of_the_glmm_by_refit() -> None:
    found = influence(X, N, model="GLMM", slab=NAMES)
    full = pool(X, N, model="GLMM")
    for i in (2, 6):
        keep = [j for j in range(len(X)) if j != i]
        other = pool([X[j] for j in keep], [N[j] for j in keep], model="GLMM")
        move = full.estimate - other.estimate
        assert found.dfbetas[i] == pytest.approx(move / other.se, abs=1e-6)
        assert found.cook[i] == pytest.approx(move**2 / full.se**2, abs=1e-6)
        assert found.cov_ratio[i] == pytest.approx(other.se**2 / full.se**2, rel=1e-6)
        assert found.tau2_del[i] == pytest.approx(other.tau2, rel=1e-6)
        assert found.lrt_del is not None
        assert found.lrt_del[i] == pytest.approx(other.lrt, rel=1e-10)
    np.testing.assert_allclose(found.hat, full.weights)
    assert found.notes == ()


def test_a_deletion_that_leaves_nothing_to_fit_is_named() -> None:
    found = influence([0, 3, 0, 0], [9, 8, 7, 6], model="GLMM", slab=list("abcd"))
    assert found.notes == ("without b the binomial-normal model has no maximum",)
    assert np.isnan(found.cook[1])
    assert not found.influential[1]


def test_influence_needs_three_studies_and_a_model() -> None:
    with pytest.raises(DataError, match="three studies"):
        influence([1, 2], [5, 6])
    with pytest.raises(ConfigError, match="IV, GLMM"):
        influence(X, N, model="BB")


def test_small_study_tests_are_refused_below_ten() -> None:
    for call in (small_study_test, trim_fill):
        with pytest.raises(DataError, match="refused below 10") as caught:
            call(X[:9], N[:9])
        assert "force" in caught.value.hint
        forced = call(X[:9], N[:9], force=True)
        assert any("little power" in text for text in forced.cautions)
        assert any("no publication bias" in text for text in call(X, N).cautions)
        with pytest.raises(DataError, match="three studies"):
            call(X[:2], N[:2], force=True)
    assert any("prefer Peters" in text for text in small_study_test(X, N, kind="egger").cautions)


def test_sizes_that_do_not_differ() -> None:
    with pytest.raises(DataError, match="same 1/n"):
        small_study_test(range(10), [20] * 10)


def test_unknown_words() -> None:
    for options in ({"kind": "begg"}, {"model": "glm"}, {"model": "rma", "test": "profile"}):
        with pytest.raises(ConfigError):
            small_study_test(X, N, **options)
    for options in ({"side": "up"}, {"estimator": "Q0"}):
        with pytest.raises(ConfigError):
            trim_fill(X, N, **options)
