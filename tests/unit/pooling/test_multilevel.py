from __future__ import annotations

import numpy as np
import pytest
from scipy.special import chdtri

from carmeta.errors import DataError
from carmeta.pooling.multilevel import ThreeLevel, fit_three_level, variance_limits

RNG = np.random.default_rng(21)
TRIAL = np.repeat(np.arange(8), [1, 2, 4, 3, 1, 5, 2, 4])
V = RNG.uniform(0.02, 0.2, TRIAL.size)
Y = 0.5 + RNG.normal(0, 0.5, 8)[TRIAL] + RNG.normal(0, 0.7, TRIAL.size) + RNG.normal(0, np.sqrt(V))
X = np.column_stack([np.ones(TRIAL.size), RNG.normal(size=TRIAL.size)])


def direct(sigma2: tuple[float, float], x: np.ndarray, reml: bool) -> float:
    """The (restricted) likelihood from the k x k covariance, as it is defined."""
    total = np.diag(V + sigma2[1]) + sigma2[0] * (TRIAL[:, None] == TRIAL[None, :])
    inverse = np.linalg.inv(total)
    information = x.T @ inverse @ x
    beta = np.linalg.solve(information, x.T @ inverse @ Y)
    r = Y - x @ beta
    k, p = x.shape
    value = -0.5 * (np.linalg.slogdet(total)[1] + r @ inverse @ r)
    if not reml:
        return float(value - 0.5 * k * np.log(2 * np.pi))
    value -= 0.5 * (np.linalg.slogdet(information)[1] - np.linalg.slogdet(x.T @ x)[1])
    return float(value - 0.5 * (k - p) * np.log(2 * np.pi))


@pytest.mark.parametrize("method", ["REML", "ML"])
@pytest.mark.parametrize("x", [X[:, :1], X], ids=["mean", "moderator"])
def test_the_fit_is_the_maximum_of_the_direct_likelihood(x: np.ndarray, method: str) -> None:
    fit = fit_three_level(Y, V, TRIAL, x, method=method)
    reml = method == "REML"
    top = direct((fit.sigma2[0], fit.sigma2[1]), x, reml)
    assert fit.converged
    assert fit.loglik == pytest.approx(top, abs=1e-10)
    for move in ((1e-3, 0), (-1e-3, 0), (0, 1e-3), (0, -1e-3), (1e-3, -1e-3)):
        assert direct((fit.sigma2[0] + move[0], fit.sigma2[1] + move[1]), x, reml) < top
    inverse = np.linalg.inv(fit.working)
    np.testing.assert_allclose(fit.cov, np.linalg.inv(x.T @ inverse @ x), rtol=1e-9)
    np.testing.assert_allclose(x.T @ inverse @ fit.residuals, 0.0, atol=1e-9)


@pytest.mark.parametrize("method", ["REML", "ML"])
def test_limits_are_where_the_profile_has_dropped(method: str) -> None:
    from scipy.optimize import minimize_scalar

    fit = fit_three_level(Y, V, TRIAL, method=method)
    limits = variance_limits(Y, V, TRIAL, fit, method=method)
    ones, reml = np.ones((TRIAL.size, 1)), method == "REML"
    for which, (low, high) in enumerate(limits):
        assert low <= fit.sigma2[which] <= high
        for limit in (low, high):
            if limit == 0.0:
                continue

            def minus(other: float, fixed: float = limit, at: int = which) -> float:
                pair = (fixed, other) if at == 0 else (other, fixed)
                return -direct(pair, ones, reml)

            best = -minimize_scalar(minus, bounds=(0, 5), options={"xatol": 1e-10}).fun
            assert best == pytest.approx(fit.loglik - chdtri(1, 0.05) / 2, abs=1e-7)


def test_the_order_of_cohorts_does_not_matter() -> None:
    order = RNG.permutation(TRIAL.size)
    one = fit_three_level(Y, V, TRIAL, X)
    two = fit_three_level(Y[order], V[order], TRIAL[order], X[order])
    np.testing.assert_allclose(two.sigma2, one.sigma2, rtol=1e-8)
    np.testing.assert_allclose(two.beta, one.beta, rtol=1e-8)
    np.testing.assert_allclose(two.residuals, one.residuals[order], atol=1e-9)
    np.testing.assert_allclose(two.working, one.working[np.ix_(order, order)], atol=1e-9)


def test_moderators_far_from_zero_keep_their_digits() -> None:
    far = X + np.array([0.0, 2000.0])
    one, two = fit_three_level(Y, V, TRIAL, X), fit_three_level(Y, V, TRIAL, far)
    np.testing.assert_allclose(two.sigma2, one.sigma2, rtol=1e-8)
    assert two.beta[1] == pytest.approx(one.beta[1], rel=1e-8)
    assert two.cov[1, 1] == pytest.approx(one.cov[1, 1], rel=1e-8)
    np.testing.assert_allclose(
        variance_limits(Y, V, TRIAL, two, far), variance_limits(Y, V, TRIAL, one, X), rtol=1e-6
    )


def test_equal_cohorts_leave_no_variance() -> None:
    fit: ThreeLevel = fit_three_level(np.full(6, 0.4), np.full(6, 0.1), [0, 0, 1, 1, 2, 2])
    assert fit.sigma2.tolist() == [0.0, 0.0]
    assert fit.beta[0] == pytest.approx(0.4)
    limits = variance_limits(np.full(6, 0.4), np.full(6, 0.1), [0, 0, 1, 1, 2, 2], fit)
    assert limits[:, 0].tolist() == [0.0, 0.0]
    assert np.isfinite(limits[:, 1]).all()


@pytest.mark.parametrize(
    ("trial", "message"),
    [
        (list(range(6)), "every trial has a single cohort"),
        ([0] * 6, "all cohorts are of one trial"),
        ([0, 0, 1], "3 trial labels for 6 cohorts"),
    ],
)
def test_what_cannot_be_told_apart(trial: list[int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        fit_three_level(Y[:6], V[:6], trial)
