from __future__ import annotations

import numpy as np
import pytest

from carmeta.errors import ConfigError, DataError
from carmeta.pooling.inverse_variance import fit_batch
from carmeta.pooling.regression import (
    columns_contrast,
    fit_wls,
    r2_percent,
    residual_heterogeneity,
    solve_wls,
    wald,
)

RNG = np.random.default_rng(3)
Y, V = RNG.normal(0.3, 0.6, 12), RNG.uniform(0.05, 0.4, 12)
X = np.column_stack([np.ones(12), RNG.normal(size=12), np.arange(12) % 3 == 0]).astype(float)


@pytest.mark.parametrize("test", ["z", "t", "knha", "adhoc"])
def test_an_intercept_alone_is_the_pooled_mean(test: str) -> None:
    fit = fit_wls(Y, V, np.ones((12, 1)), test=test)
    want = fit_batch(Y, V, test=test)
    assert fit.beta[0] == pytest.approx(float(want.estimate), rel=1e-13)
    assert np.sqrt(fit.cov[0, 0]) == pytest.approx(float(want.se), rel=1e-13)
    assert float(fit.tau2) == pytest.approx(float(want.tau2), rel=1e-13)
    assert fit.df == float(want.df)
    rest = residual_heterogeneity(Y, V, np.ones((12, 1)), fit.tau2)
    assert float(rest.q) == pytest.approx(float(want.heterogeneity.q), rel=1e-12)
    assert float(rest.i2) == pytest.approx(float(want.heterogeneity.i2), rel=1e-12)
    assert float(rest.h2) == pytest.approx(float(want.heterogeneity.h2), rel=1e-12)


def test_normal_equations_by_hand() -> None:
    w = 1 / (V + 0.1)
    beta, bread, resid = solve_wls(Y, w, X)
    information = X.T @ (w[:, None] * X)
    np.testing.assert_allclose(bread, np.linalg.inv(information), rtol=1e-10)
    np.testing.assert_allclose(beta, np.linalg.solve(information, X.T @ (w * Y)), rtol=1e-11)
    np.testing.assert_allclose(X.T @ (w * resid), 0.0, atol=1e-12)


def test_moderators_far_from_zero_keep_their_digits() -> None:
    # Years: the slope must not depend on where the calendar begins.
    year = np.arange(12.0)
    near = fit_wls(Y, V, np.column_stack([np.ones(12), year]))
    far = fit_wls(Y, V, np.column_stack([np.ones(12), year + 1_000_000]))
    assert far.beta[1] == pytest.approx(near.beta[1], rel=1e-9)
    assert far.cov[1, 1] == pytest.approx(near.cov[1, 1], rel=1e-9)


def test_a_batch_is_its_members() -> None:
    ys = RNG.normal(size=(5, 12))
    designs = RNG.permuted(np.broadcast_to(X, (5, 12, 3)), axis=1)
    whole = fit_wls(ys, V, designs)
    for i in range(5):
        one = fit_wls(ys[i], V, designs[i])
        np.testing.assert_allclose(whole.beta[i], one.beta, rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(whole.cov[i], one.cov, rtol=1e-9, atol=1e-12)


def test_wald_of_one_coefficient_is_its_squared_statistic() -> None:
    for test, df in (("z", np.inf), ("knha", 9.0)):
        fit = fit_wls(Y, V, X, test=test)
        got = wald(fit.beta, fit.cov, columns_contrast([1], 3), fit.df)
        assert float(got.stat) == pytest.approx(fit.beta[1] ** 2 / fit.cov[1, 1], rel=1e-12)
        assert got.df2 == df
    assert wald(fit.beta, fit.cov, columns_contrast([1, 2], 3), fit.df).name == "F(2, 9)"
    assert wald(fit.beta, fit.cov, columns_contrast([1, 2], 3), np.inf).name == "chi2(2)"


def test_the_omnibus_test_does_not_depend_on_the_reference() -> None:
    group = np.arange(12) % 3
    stats = []
    for reference in range(3):
        others = [g for g in range(3) if g != reference]
        x = np.column_stack([np.ones(12), *[(group == g).astype(float) for g in others]])
        fit = fit_wls(Y, V, x)
        stats.append(float(wald(fit.beta, fit.cov, columns_contrast([1, 2], 3), fit.df).stat))
    np.testing.assert_allclose(stats, stats[0], rtol=1e-10)


def test_knapp_hartung_keeps_its_factor_at_one_only_ad_hoc() -> None:
    calm = np.full(12, 0.3) + 1e-3 * RNG.normal(size=12)
    assert float(fit_wls(calm, V, X, test="knha").s2) < 1.0
    assert float(fit_wls(calm, V, X, test="adhoc").s2) == 1.0


def test_what_cannot_be_fitted() -> None:
    with pytest.raises(DataError, match="3 studies cannot carry 3 coefficients"):
        fit_wls(Y[:3], V[:3], X[:3])
    with pytest.raises(DataError, match="collinear"):
        solve_wls(Y, 1 / V, np.column_stack([X, X[:, 1] * 2]))
    with pytest.raises(ConfigError, match="test = 'permutation'"):
        fit_wls(Y, V, X, test="permutation")


def test_r2_is_a_share() -> None:
    got = r2_percent([0.4, 0.4, 0.4, 0.0], [0.1, 0.4, 0.6, 0.0])
    np.testing.assert_allclose(got[:3], [75.0, 0.0, 0.0])
    assert np.isnan(got[3])
