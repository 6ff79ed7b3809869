from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize_scalar
from scipy.special import chdtri, expit
from scipy.stats import norm

from carmeta.pooling.glmm import (
    ALL_EVENTS,
    ALL_ZERO,
    BOUNDARY,
    OK,
    SEPARATED,
    fit_glmm,
    homogeneity_tests,
    likelihood_ratio,
    marginal_interval,
)
from carmeta.pooling.glmm_profile import profile_limits, profile_root
from carmeta.pooling.quadrature import Likelihood

X = np.array([28, 52, 3, 40, 0, 9, 97, 5, 31])
N = np.array([33, 62, 11, 57, 8, 9, 128, 5, 33])


def many(seed: int, batch: int, k: int, spread: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    n = rng.integers(2, 60, (batch, k))
    theta = rng.normal(-1.0, rng.uniform(0, spread, (batch, 1)), (batch, k))
    return rng.binomial(n, expit(theta)), n


@pytest.mark.parametrize("spread", [0.5, 2.0, 5.0])
def test_every_fit_is_a_maximum(spread: float) -> None:
    """No point of a fine net around the estimate, nor far from it, is higher."""
    x, n = many(3, 60, 7, spread)
    fit = fit_glmm(x, n)
    usable = np.flatnonzero(fit.usable)
    assert usable.size > 40
    mu, tau = fit.estimate[usable], np.sqrt(fit.tau2[usable])
    lik = Likelihood(x[usable].T.astype(float), n[usable].T.astype(float))
    for d_mu in (-0.5, -1e-3, 0.0, 1e-3, 0.5):
        for factor in (0.0, 0.3, 0.999, 1.001, 2.0):
            other = lik.at(mu + d_mu, tau * factor + (0.05 if factor == 2.0 else 0.0)).ll
            assert bool((other <= fit.loglik[usable] + 1e-9).all())


def test_a_batch_is_its_members_and_masks_leave_out() -> None:
    x, n = many(9, 30, 6, 1.5)
    fit = fit_glmm(x.reshape(3, 10, 6), n.reshape(3, 10, 6))
    assert fit.estimate.shape == (3, 10)
    assert fit.shares.shape == (3, 10, 6)
    keep = np.array([True, True, False, True, True, True])
    masked = fit_glmm(np.where(keep, x, -7), n, mask=keep)
    low, high = profile_limits(np.where(keep, x, -7), n, masked, of="tau2", mask=keep)
    for i in range(30):
        one = fit_glmm(x[i], n[i])
        assert int(one.status) == fit.status.ravel()[i]
        np.testing.assert_allclose(fit.estimate.ravel()[i], one.estimate, rtol=1e-7, atol=1e-8)
        np.testing.assert_allclose(fit.tau2.ravel()[i], one.tau2, rtol=1e-6, atol=1e-9)
        short = fit_glmm(x[i][keep], n[i][keep])
        np.testing.assert_allclose(masked.estimate[i], short.estimate, rtol=1e-7, atol=1e-8)
        if bool(short.usable):
            limits = profile_limits(x[i][keep], n[i][keep], short, of="tau2")
            np.testing.assert_allclose((low[i], high[i]), limits, rtol=1e-6, atol=1e-8)


def test_boundary_is_logistic_regression_without_random_effect() -> None:
    x, n = np.array([9, 11, 10, 14]), np.array([20, 22, 21, 25])
    fit = fit_glmm(x, n)
    p = x.sum() / n.sum()
    assert int(fit.status) == BOUNDARY
    assert float(fit.tau2) == 0.0
    assert float(fit.estimate) == pytest.approx(np.log(p / (1 - p)), rel=1e-14)
    assert float(fit.se) == pytest.approx(1 / np.sqrt(n.sum() * p * (1 - p)), rel=1e-12)
    np.testing.assert_allclose(fit.shares, n / n.sum(), rtol=1e-9)
    assert float(fit.loglik) == float(fit.loglik_homogeneous)


def test_states_of_the_data() -> None:
    n = np.array([4, 5, 6])
    x = np.array([[0, 0, 0], [4, 5, 6], [0, 5, 0], [1, 2, 6]])
    fit = fit_glmm(x, n)
    assert fit.status.tolist() == [ALL_ZERO, ALL_EVENTS, SEPARATED, OK]
    assert fit.estimate[0] == -np.inf
    assert fit.estimate[1] == np.inf
    assert np.isnan(fit.estimate[2])
    assert np.isnan(profile_limits(x, n, fit, of="mu")[0][2])


def test_events_and_non_events_mirror() -> None:
    x, n = many(21, 40, 6, 2.0)
    a, b = fit_glmm(x, n), fit_glmm(n - x, n)
    ok = a.usable
    np.testing.assert_allclose(a.estimate[ok], -b.estimate[ok], rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(a.tau2[ok], b.tau2[ok], rtol=1e-5, atol=1e-7)
    low, _ = profile_limits(x, n, a, of="mu")
    _, high = profile_limits(n - x, n, b, of="mu")
    np.testing.assert_allclose(low[ok], -high[ok], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("of", ["mu", "tau2"])
@pytest.mark.parametrize("spread", [0.4, 2.0, 5.0])
def test_profile_limits_lie_where_the_profile_has_dropped(of: Any, spread: float) -> None:
    x, n = many(33, 12, 6, spread)
    fit = fit_glmm(x, n)
    drop = 0.5 * float(chdtri(1, 0.1))
    low, high = profile_limits(x, n, fit, of=of, level=0.9)
    for i in np.flatnonzero(fit.usable):
        lik = Likelihood(x[i][:, None].astype(float), n[i][:, None].astype(float))

        def value(mu: float, tau: float, lik: Likelihood = lik) -> float:
            return -float(lik.at(np.array([mu]), np.array([tau])).ll[0])

        for limit in (low[i], high[i]):
            if of == "tau2":
                if limit == 0.0:
                    continue
                tau = np.sqrt(limit)
                best = minimize_scalar(lambda m: value(m, tau), bounds=(-40, 40))  # noqa: B023  (called at once)
                top = -best.fun
            else:
                pieces = [(0, 0.3), (0.3, 1), (1, 3), (3, 10), (10, 40)]
                top = max(
                    -minimize_scalar(lambda t: value(limit, t), bounds=p).fun  # noqa: B023  (called at once)
                    for p in pieces
                )
                top = max(top, -value(limit, 0.0))
            assert float(fit.loglik[i]) - top == pytest.approx(drop, abs=1e-6)


def test_root_of_the_likelihood_ratio() -> None:
    fit = fit_glmm(X, N)
    root = profile_root(X, N, fit)
    low, high = profile_limits(X, N, fit, of="mu", level=0.95)
    assert root > 0
    at_limit = profile_root(X, N, fit, at=float(low))
    assert at_limit == pytest.approx(norm.ppf(0.975), abs=1e-6)
    assert profile_root(X, N, fit, at=float(high)) == pytest.approx(norm.ppf(0.025), abs=1e-6)


def test_marginal_mean_is_the_integral() -> None:
    fit = fit_glmm([X, [9, 11, 10] * 3], [N, [20, 22, 21] * 3])
    means, _, _ = marginal_interval(fit, 1.96)
    for mu, tau2, mean in zip(fit.estimate, fit.tau2, means, strict=True):
        tau = np.sqrt(tau2)
        exact = quad(lambda u: norm.pdf(u) * expit(mu + tau * u), -12, 12, epsabs=1e-13)[0]  # noqa: B023  (called at once)
        assert float(mean) == pytest.approx(exact, abs=1e-9)
    fit = fit_glmm(X, N)
    mean, low, high = marginal_interval(fit, 1.96)
    assert 0 < float(low) < float(mean) < float(high) < 1


def test_homogeneity_statistics() -> None:
    wald, lrt = homogeneity_tests(X, N)
    p = X.sum() / N.sum()
    terms = 0.0
    for x, n in zip(X, N, strict=True):
        for count, expected in ((x, n * p), (n - x, n * (1 - p))):
            terms += 2 * count * np.log(count / expected) if count else 0.0
    assert float(lrt) == pytest.approx(terms, rel=1e-12)
    assert float(wald) > 0
    assert float(likelihood_ratio(np.array([0.0, 0.0]), np.array([4.0, 9.0]))) == 0.0
