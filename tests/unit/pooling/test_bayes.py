from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq
from scipy.special import expit
from scipy.stats import binom, halfcauchy, halfnorm, norm

from carmeta.errors import DataError
from carmeta.pooling.bayes import Prior, normal_normal
from carmeta.pooling.bayes_binomial import binomial_normal

# Eight schools (Rubin 1981): effects and standard errors.
Y = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
S = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])
SLOW = pytest.mark.slow


def exact(prior: Prior) -> dict[str, float]:
    """Posterior of tau and mu by adaptive quadrature of the textbook formulas."""
    density = (
        halfnorm(scale=prior.scale) if prior.tau == "half-normal" else halfcauchy(scale=prior.scale)
    )
    sd = np.inf if prior.mu_sd is None else prior.mu_sd

    def given(tau: float) -> tuple[float, float, float]:
        total = S**2 + tau**2
        precision = (1 / total).sum() + 1 / sd**2
        mean = ((Y / total).sum() + prior.mu_mean / sd**2) / precision
        loglik = norm.logpdf(Y, mean, np.sqrt(total)).sum() + 0.5 * np.log(2 * np.pi / precision)
        if np.isfinite(sd):
            loglik += norm.logpdf(mean, prior.mu_mean, sd)
        return mean, 1 / precision, loglik

    def weight(tau: float) -> float:
        return float(np.exp(given(tau)[2] + 30) * density.pdf(tau))

    def integral(f, top: float = 1e5) -> float:
        cuts = [0, 1, 3, 8, 20, 60, 300, 3000, top]
        pieces = [(a, b) for a, b in pairwise(cuts) if a < top]
        return sum(quad(f, a, min(b, top), epsabs=0, epsrel=1e-11)[0] for a, b in pieces)

    total = integral(weight)

    def mu_cdf(m: float) -> float:
        def part(t: float) -> float:
            mean, var, _ = given(t)
            return weight(t) * norm.cdf(m, mean, np.sqrt(var))

        return integral(part) / total

    return {
        "tau_median": brentq(lambda t: integral(weight, t) / total - 0.5, 0.01, 50),
        "tau_ub": brentq(lambda t: integral(weight, t) / total - 0.975, 0.01, 500),
        "mu_median": brentq(lambda m: mu_cdf(m) - 0.5, -20, 40),
        "mu_lb": brentq(lambda m: mu_cdf(m) - 0.025, -60, 40),
        "tau_mean": integral(lambda t: t * weight(t)) / total,
        "bf01": float(np.exp(given(0.0)[2] + 30)) / total,
    }


@pytest.mark.parametrize(
    "prior",
    [
        pytest.param(Prior("half-cauchy", 25.0, 0.0, 50.0), marks=SLOW),
        pytest.param(Prior("half-normal", 5.0), marks=SLOW),
        pytest.param(Prior("half-normal", 0.1), marks=SLOW),
        pytest.param(Prior("half-cauchy", 1.0, 3.0, 4.0), marks=SLOW),
    ],
)
def test_normal_normal_against_quadrature(prior: Prior) -> None:
    ours = normal_normal(Y, S**2, prior=prior)
    for name, value in exact(prior).items():
        assert getattr(ours, name) == pytest.approx(value, rel=1e-7), name


def test_shrinkage_and_prediction_of_the_eight_schools() -> None:
    post = normal_normal(Y, S**2, prior=Prior("half-cauchy", 25.0, 0.0, 50.0))
    # Towards the mean, never past it (up to the mean's own skewness).
    assert bool(
        (np.abs(post.theta[:, 0] - post.mu_median) < np.abs(Y - post.mu_median) + 0.5).all()
    )
    assert bool((post.theta[:, 1] < post.theta[:, 0]).all())
    assert post.new_lb < post.mu_lb < post.mu_ub < post.new_ub
    assert post.new_cdf(post.new_ub) == pytest.approx(0.975, abs=1e-10)


def test_a_tiny_tau_prior_is_the_equal_effects_model() -> None:
    post = normal_normal(Y, S**2, prior=Prior("half-normal", 1e-6))
    w = 1 / S**2
    assert post.mu_median == pytest.approx((w * Y).sum() / w.sum(), rel=1e-9)
    assert post.mu_sd == pytest.approx(1 / np.sqrt(w.sum()), rel=1e-9)
    assert post.bf01 == pytest.approx(1.0, rel=1e-9)


def brute(x: np.ndarray, n: np.ndarray, scale: float) -> dict[str, object]:
    """The binomial-normal posterior on a plain dense grid of (mu, tau, theta)."""
    mu = np.linspace(-8, 8, 201)
    tau = np.linspace(0.0, 4.4, 111)[1:] - 0.02
    theta = np.linspace(-15, 15, 1001)
    lik = np.stack([binom.pmf(a, b, expit(theta)) for a, b in zip(x, n, strict=True)])
    step = theta[1] - theta[0]
    joint = np.empty((tau.size, mu.size))
    conditional = np.zeros((x.size, theta.size))
    terms = []
    for i, t in enumerate(tau):
        kernel = norm.pdf(theta[None, :], mu[:, None], max(t, step))
        if t < 3 * step:  # too narrow for this grid: the value at the mean
            like = np.stack([binom.pmf(a, b, expit(mu)) for a, b in zip(x, n, strict=True)])
        else:
            like = lik @ kernel.T * step
        joint[i] = like.prod(axis=0) * halfnorm.pdf(t, scale=scale)
        terms.append((kernel, like))
    joint /= joint.sum()
    for i in range(tau.size):
        kernel, like = terms[i]
        for s in range(x.size):
            conditional[s] += ((joint[i] / like[s]) @ kernel) * lik[s]

    def quantile(grid: np.ndarray, mass: np.ndarray, p: float) -> float:
        cum = np.cumsum(mass) - 0.5 * mass
        return float(np.interp(p, cum / mass.sum(), grid))

    return {
        "mu_median": quantile(mu, joint.sum(0), 0.5),
        "mu_lb": quantile(mu, joint.sum(0), 0.025),
        "tau_median": quantile(tau, joint.sum(1), 0.5),
        "tau_ub": quantile(tau, joint.sum(1), 0.975),
        "theta": np.array(
            [[quantile(theta, row, p) for p in (0.5, 0.025, 0.975)] for row in conditional]
        ),
    }


def test_binomial_normal_against_a_dense_grid() -> None:
    x, n = np.array([3, 9, 14, 6]), np.array([12, 15, 20, 30])
    ours = binomial_normal(x, n, prior=Prior("half-normal", 1.0))
    dense = brute(x, n, 1.0)
    for name in ("mu_median", "mu_lb", "tau_median", "tau_ub"):
        assert getattr(ours, name) == pytest.approx(dense[name], abs=6e-3), name
    np.testing.assert_allclose(ours.theta, dense["theta"], atol=6e-3)


def test_binomial_normal_meets_normal_normal_for_large_studies() -> None:
    n = np.array([4000, 9000, 7000, 5000, 8000])
    p = np.array([0.42, 0.47, 0.40, 0.52, 0.45])
    x = np.round(n * p)
    prior = Prior("half-normal", 0.5)
    a = binomial_normal(x, n, prior=prior)
    b = normal_normal(np.log(x / (n - x)), 1 / x + 1 / (n - x), prior=prior)
    assert a.mu_median == pytest.approx(b.mu_median, abs=1e-3)
    assert a.tau_median == pytest.approx(b.tau_median, rel=5e-3)
    np.testing.assert_allclose(a.theta, b.theta, atol=3e-3)


@SLOW
def test_bayes_factor_of_the_binomial_model() -> None:
    """Evidence by plain integration over mu and tau of the quadrature's likelihood."""
    from carmeta.pooling.quadrature import Likelihood

    x, n = np.array([3, 9, 14, 6]), np.array([12, 15, 20, 30])
    prior = Prior("half-normal", 0.7, 0.0, 2.0)

    def lik(mu: np.ndarray, tau: float) -> np.ndarray:
        columns = Likelihood(
            np.repeat(x[:, None] * 1.0, mu.size, 1), np.repeat(n[:, None] * 1.0, mu.size, 1)
        )
        return np.exp(columns.at(mu, np.full(mu.size, tau)).ll + 10) * norm.pdf(mu, 0, 2)

    grid = np.linspace(-7, 7, 701)
    taus = np.linspace(0, 5, 401)
    slices = np.array([lik(grid, t).sum() * (grid[1] - grid[0]) for t in taus])
    weight = halfnorm.pdf(taus, scale=0.7)
    total = np.trapezoid(slices * weight, taus)
    assert binomial_normal(x, n, prior=prior).bf01 == pytest.approx(slices[0] / total, rel=1e-3)


@pytest.mark.parametrize(
    "prior",
    [Prior("uniform"), Prior("half-normal", 0.0), Prior("half-normal", 1.0, 0.0, -1.0)],
)
def test_a_prior_that_is_none(prior: Prior) -> None:
    with pytest.raises(DataError):
        normal_normal(Y, S**2, prior=prior)


def test_a_flat_mean_needs_events_and_non_events() -> None:
    with pytest.raises(DataError, match="flat prior"):
        binomial_normal([0, 0, 0], [5, 6, 7])
    post = binomial_normal([0, 0, 0], [5, 6, 7], prior=Prior("half-normal", 1.0, 0.0, 2.0))
    assert post.mu_ub < 1.0


# -- precise data: the posterior is far narrower than the prior ---------------------------------

Z = np.array([-1.3, -0.4, 0.1, 0.7, 1.2])  # fixed draws: a true tau of t has effects at t * Z


def precise(n: int, true_tau: float) -> tuple[np.ndarray, np.ndarray]:
    sizes = np.round(n * np.array([1.0, 0.7, 1.3, 0.9, 1.1]))
    return np.round(sizes * expit(-0.85 + true_tau * Z)), sizes


def log_study(x: float, n: float, mu: np.ndarray, tau: float) -> np.ndarray:
    """Log of a study's likelihood by plain rules: over u where the prior is the narrower
    factor, over the study's own logit where the likelihood is."""
    own = np.sqrt(1 / (x + 0.5) + 1 / (n - x + 0.5))
    if tau < own:
        u, w = np.polynomial.hermite_e.hermegauss(40)
        values = binom.logpmf(x, n, expit(mu[:, None] + tau * u)) + np.log(w / w.sum())
    else:
        centre = np.log((x + 0.5) / (n - x + 0.5))
        theta = centre + own * np.linspace(-12, 12, 121)
        values = (
            binom.logpmf(x, n, expit(theta))
            + norm.logpdf(theta, mu[:, None], tau)
            + np.log(theta[1] - theta[0])
        )
    top = values.max(axis=1, keepdims=True)
    return np.log(np.exp(values - top).sum(axis=1)) + top[:, 0]


class Dense:
    """The posterior on its own grid, even in log tau and in mu for each tau: no code shared."""

    def __init__(self, x: np.ndarray, n: np.ndarray, scale: float, *, normal: bool) -> None:
        yi, vi = np.log(x / (n - x)), 1 / x + 1 / (n - x)
        low = 1e-6 * np.sqrt(vi.min())
        self.log_tau = np.linspace(np.log(low), np.log(6 * scale), 180)
        rows = []
        for tau in np.exp(self.log_tau):
            w = 1 / (vi + tau**2)
            centre, sd = (w * yi).sum() / w.sum(), 1 / np.sqrt(w.sum())
            mu = centre + sd * np.linspace(-9, 9, 101)
            if normal:
                value = norm.logpdf(yi[:, None], mu, np.sqrt(vi + tau**2)[:, None]).sum(axis=0)
            else:
                value = sum(log_study(a, b, mu, tau) for a, b in zip(x, n, strict=True))
            rows.append((mu, value + halfnorm.logpdf(tau, scale=scale) + np.log(tau)))
        top = max(float(value.max()) for _, value in rows)
        self.slices = [CubicSpline(mu, np.exp(v - top)).antiderivative() for mu, v in rows]
        self.ends = [(mu[0], mu[-1]) for mu, _ in rows]
        areas = [float(f(hi)) for f, (_, hi) in zip(self.slices, self.ends, strict=True)]
        self.by_tau = CubicSpline(self.log_tau, areas).antiderivative()
        self.total = float(self.by_tau(self.log_tau[-1]))

    def tau_cdf(self, tau: float) -> float:
        return float(self.by_tau(np.log(tau))) / self.total

    def mu_cdf(self, value: float) -> float:
        parts = [float(f(np.clip(value, *e))) for f, e in zip(self.slices, self.ends, strict=True)]
        whole = CubicSpline(self.log_tau, parts).antiderivative()
        return float(whole(self.log_tau[-1])) / self.total


@pytest.mark.parametrize("true_tau", [0.0, 0.02, 0.5])
@pytest.mark.parametrize(
    "n", [pytest.param(10**2, marks=SLOW), 10**4, pytest.param(10**6, marks=SLOW), 10**8]
)
@pytest.mark.parametrize("likelihood", ["binomial", "normal"])
def test_precise_data_against_independent_quadrature(
    likelihood: str, n: int, true_tau: float
) -> None:
    x, sizes = precise(n, true_tau)
    prior = Prior("half-normal", 1.0)
    if likelihood == "binomial":
        ours = binomial_normal(x, sizes, prior=prior)
    else:
        ours = normal_normal(np.log(x / (sizes - x)), 1 / x + 1 / (sizes - x), prior=prior)
    dense = Dense(x, sizes, 1.0, normal=likelihood == "normal")
    for name, share in {"tau_lb": 0.025, "tau_median": 0.5, "tau_ub": 0.975}.items():
        assert dense.tau_cdf(getattr(ours, name)) == pytest.approx(share, abs=2e-5), name
    for name, share in {"mu_lb": 0.025, "mu_median": 0.5, "mu_ub": 0.975}.items():
        assert dense.mu_cdf(getattr(ours, name)) == pytest.approx(share, abs=2e-5), name


@pytest.mark.parametrize("true_tau", [0.0, 0.02, 0.5])
@pytest.mark.parametrize(
    "n", [pytest.param(10**4, marks=SLOW), 10**6, pytest.param(10**8, marks=SLOW)]
)
@pytest.mark.parametrize("prior", [Prior("half-normal", 1.0), Prior("half-cauchy", 0.5, 0.0, 2.0)])
def test_both_likelihoods_agree_on_precise_data(prior: Prior, n: int, true_tau: float) -> None:
    x, sizes = precise(n, true_tau)
    yi, vi = np.log(x / (sizes - x)), 1 / x + 1 / (sizes - x)
    a = binomial_normal(x, sizes, prior=prior)
    b = normal_normal(yi, vi, prior=prior)
    # A logit is normal up to its skewness, which is of the order of its standard error.
    close = 2 / np.sqrt(n)
    for name in ("mu_median", "mu_mean", "mu_lb", "mu_ub", "new_lb", "new_ub"):
        gap = abs(getattr(a, name) - getattr(b, name)) / b.mu_sd
        assert gap < close + 1e-4, name
    for name in ("mu_sd", "tau_median", "tau_mean", "tau_lb", "tau_ub", "bf01"):
        assert getattr(a, name) == pytest.approx(getattr(b, name), rel=3 * close + 1e-4), name
    gap = np.abs(a.theta - b.theta) / np.sqrt(vi)[:, None]
    assert gap.max() < 2 * close + 2e-3


def test_the_reported_case_of_four_equal_studies() -> None:
    n = 10**6
    a = binomial_normal([int(0.3 * n)] * 4, [n] * 4, prior=Prior("half-normal", 1.0))
    assert a.tau_ub == pytest.approx(0.009572, rel=1e-3)
