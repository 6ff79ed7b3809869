"""Likelihood fits against integrals in 30 digits and roots found afresh, without R.

For the places where R is itself loose: large tau in the GLMM, flat or two-humped likelihoods
of tau2, variances that differ by a factor of a million.
"""

from __future__ import annotations

from collections.abc import Callable

import mpmath as mp
import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import chdtri

from carmeta.pooling.glmm import fit_glmm
from carmeta.pooling.glmm_profile import profile_limits
from carmeta.pooling.quadrature import Likelihood
from carmeta.pooling.tau2 import estimate_tau2, log_likelihood, tau2_ci

NIELWEISE = (
    [0, 1, 2, 0, 5, 1, 1, 1, 1, 1, 0, 0, 3, 6, 0, 0, 1, 4],
    [116, 44, 208, 130, 151, 98, 174, 74, 97, 113, 66, 70, 188, 187, 118, 252, 345, 64],
)


def exact_study(x: int, n: int, mu: float, tau: float) -> mp.mpf:
    """Log-likelihood of one study by tanh-sinh in 30 digits on pieces about the mode."""
    with mp.workdps(30):
        m, t = mp.mpf(mu), mp.mpf(tau)

        def log_integrand(u: mp.mpf) -> mp.mpf:
            eta = m + t * u
            return x * eta - n * mp.log1p(mp.exp(eta)) - u * u / 2

        low, high = sorted((mp.mpf(0), t * (x - n / (1 + mp.exp(-m)))))
        for _ in range(120):  # the slope falls: bisection
            mid = (low + high) / 2
            rising = t * (x - n / (1 + mp.exp(-m - t * mid))) > mid
            low, high = (mid, high) if rising else (low, mid)
        mode, top = low, log_integrand(low)
        cuts = [mode]
        for sign in (-1, 1):
            inner, outer = mp.mpf(0), mp.mpf(14)
            for _ in range(60):  # where the integrand has fallen by e^-70
                mid = (inner + outer) / 2
                near = log_integrand(mode + sign * mid) > top - 70
                inner, outer = (mid, outer) if near else (inner, mid)
            cuts += [mode + sign * outer * i / 8 for i in range(1, 9)]
        total = mp.quad(lambda u: mp.exp(log_integrand(u) - top), sorted(cuts))
        return mp.log(mp.binomial(n, x) * total / mp.sqrt(2 * mp.pi)) + top


@pytest.mark.parametrize("tau", [0.4, 0.99, 1.01, 2.0, 5.0, 12.0])
@pytest.mark.parametrize("mu", [-4.0, -0.5, 3.0])
def test_quadrature(mu: float, tau: float) -> None:
    xs, ns = [0, 0, 7, 3, 12, 2500, 1], [5, 400, 7, 11, 12, 1_000_000, 2]
    for x, n in zip(xs, ns, strict=True):
        lik = Likelihood(np.array([[float(x)]]), np.array([[float(n)]]))
        ours = float(lik.at(np.array([mu]), np.array([tau])).ll[0])
        exact = float(exact_study(x, n, mu, tau))
        assert abs(ours - exact) < 2e-9 * max(1.0, abs(exact)), (x, n, ours, exact)


def test_derivatives_are_those_of_the_likelihood() -> None:
    x = np.array([[0.0], [3.0], [9.0], [40.0]])
    n = np.array([[8.0], [11.0], [9.0], [57.0]])
    lik = Likelihood(x, n)
    for mu, tau in ((0.3, 0.6), (-1.0, 2.5), (2.0, 6.0)):

        def at(a: float, b: float, mu: float = mu, tau: float = tau) -> float:
            return float(lik.at(np.array([mu + a]), np.array([tau + b])).ll[0])

        d = lik.at(np.array([mu]), np.array([tau]))
        h = 1e-4
        assert float(d.g_mu[0]) == pytest.approx((at(h, 0) - at(-h, 0)) / (2 * h), abs=1e-6)
        assert float(d.g_tau[0]) == pytest.approx((at(0, h) - at(0, -h)) / (2 * h), abs=1e-6)
        h = 1e-3
        second = (at(h, h) - at(h, -h) - at(-h, h) + at(-h, -h)) / (4 * h * h)
        assert float(d.h_mt[0]) == pytest.approx(second, rel=1e-4, abs=2e-5)
        second = (at(h, 0) - 2 * at(0, 0) + at(-h, 0)) / (h * h)
        assert float(d.h_mm[0]) == pytest.approx(second, rel=1e-4, abs=2e-5)
        second = (at(0, h) - 2 * at(0, 0) + at(0, -h)) / (h * h)
        assert float(d.h_tt[0]) == pytest.approx(second, rel=1e-4, abs=2e-5)


EXTREME = {
    "zeros and large studies": ([0, 4, 0, 33, 0, 19], [20, 4, 17, 340, 9, 19]),
    "both ends": ([9, 3, 0, 23, 1, 0], [37, 3, 6, 24, 34, 35]),
    "a million beside three": ([0, 900_000, 0, 1], [9, 1_000_000, 8, 9]),
}


@pytest.mark.parametrize("name", EXTREME)
def test_glmm_maximum_of_extreme_data(name: str) -> None:
    """At our estimate the exact likelihood is flat and no neighbour is higher."""
    x, n = EXTREME[name]
    fit = fit_glmm(x, n)
    mu, tau = float(fit.estimate), float(np.sqrt(fit.tau2))

    def exact(m: float, t: float) -> float:
        return float(sum(exact_study(a, b, m, t) for a, b in zip(x, n, strict=True)))

    top = exact(mu, tau)
    assert float(fit.loglik) == pytest.approx(top, rel=1e-9)
    se_mu, se_tau = np.sqrt(np.diag(fit.cov))
    h = 1e-3
    for d_mu, d_tau in ((h * se_mu, 0.0), (0.0, h * se_tau)):
        up, down = exact(mu + d_mu, tau + d_tau), exact(mu - d_mu, tau - d_tau)
        # The maximum of the parabola through three points, in standard errors.
        offset = 0.5 * h * (down - up) / (up - 2 * top + down)
        assert abs(offset) < 1e-5
        assert up < top
        assert down < top


def test_upper_limit_of_tau2_where_lme4_is_loose() -> None:
    x, n = NIELWEISE
    fit = fit_glmm(x, n)
    _, high = profile_limits(x, n, fit, of="tau2")
    tau = float(np.sqrt(high))

    xs, ns = (np.array(v, dtype=float)[:, None] for v in (x, n))
    lik = Likelihood(xs, ns)
    # Where along mu the profile has its top need not be exact: it is flat there.
    best = minimize_scalar(
        lambda m: -float(lik.at(np.array([m]), np.array([tau])).ll[0]), bounds=(-15, 0)
    )
    exact = sum(exact_study(a, b, float(best.x), tau) for a, b in zip(x, n, strict=True))
    drop = float(fit.loglik) - float(exact)
    assert drop == pytest.approx(0.5 * float(chdtri(1, 0.05)), abs=1e-7)


# -- tau2 ------------------------------------------------------------------------------------


def mp_score(y: np.ndarray, v: np.ndarray, reml: bool) -> Callable[[mp.mpf], mp.mpf]:
    ys, vs = [mp.mpf(float(a)) for a in y], [mp.mpf(float(a)) for a in v]

    def score(t: mp.mpf) -> mp.mpf:
        w = [1 / (a + t) for a in vs]
        sw = mp.fsum(w)
        mu = mp.fsum(a * b for a, b in zip(w, ys, strict=True)) / sw
        s = mp.fsum((a * (b - mu)) ** 2 for a, b in zip(w, ys, strict=True))
        trace = sw - mp.fsum(a * a for a in w) / sw if reml else sw
        return s - trace

    return score


def problems() -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(20240501)
    out = []
    for _ in range(12):
        k = int(rng.integers(3, 12))
        v = 10 ** rng.uniform(-6, 1, k)
        out.append((rng.normal(0, np.sqrt(v + 10 ** rng.uniform(-3, 1))), v))
    # One study of a million patients beside three small ones.
    out.append((np.array([0.1, 1.9, -1.2, 0.8]), np.array([4e-6, 1.5, 1.5, 1.5])))
    return out


@pytest.mark.parametrize("method", ["REML", "ML"])
def test_score_is_zero_in_thirty_digits(method: str) -> None:
    for y, v in problems():
        ours = float(estimate_tau2(y, v, method=method).tau2)
        with mp.workdps(30):
            score = mp_score(y, v, method == "REML")
            if ours == 0.0:
                assert score(mp.mpf(0)) <= 0
                continue
            exact = mp.findroot(score, (mp.mpf(ours) * 0.999, mp.mpf(ours) * 1.001))
        assert ours == pytest.approx(float(exact), rel=1e-9), (y, v)


def test_two_humps_take_the_higher() -> None:
    """A likelihood of tau2 with two interior maxima: the better one is kept, by brute force."""
    rng = np.random.default_rng(7)
    found = 0
    for _ in range(3000):
        v = 10 ** rng.uniform(-4, 0, 4)
        y = rng.normal(0, np.sqrt(v)) + np.array([0, 0, 0, rng.choice([0, 2.0])])
        grid = np.concatenate([[0.0], np.geomspace(1e-7, 20, 800)])
        ll = np.array(log_likelihood(np.tile(y, (801, 1)), np.tile(v, (801, 1)), tau2=grid))
        peaks = (ll[1:-1] > ll[:-2]) & (ll[1:-1] > ll[2:])
        if peaks.sum() + (ll[0] > ll[1]) < 2:
            continue
        found += 1
        ours = float(estimate_tau2(y, v).tau2)
        best = float(log_likelihood(y, v, tau2=ours))
        assert best >= float(ll.max()) - 1e-12
        if found == 12:
            return
    pytest.fail("the search found too few two-humped likelihoods")


def test_q_profile_and_profile_likelihood_limits_solve_their_equations() -> None:
    for y, v in problems():
        k = y.size
        low, high = (float(t) for t in tau2_ci(y, v, level=0.9))
        with mp.workdps(30):
            for t, tail in ((low, 0.05), (high, 0.95)):
                w = [1 / (mp.mpf(float(a)) + mp.mpf(t)) for a in v]
                mu = mp.fsum(a * mp.mpf(float(b)) for a, b in zip(w, y, strict=True)) / mp.fsum(w)
                q = mp.fsum(a * (mp.mpf(float(b)) - mu) ** 2 for a, b in zip(w, y, strict=True))
                target = float(chdtri(k - 1, tail))
                assert float(q) == pytest.approx(target, rel=1e-9) if t > 0 else float(q) <= target
        low, high = (float(t) for t in tau2_ci(y, v, level=0.9, method="PL"))
        top = float(log_likelihood(y, v, tau2=estimate_tau2(y, v).tau2))
        for t in (low, high):
            if t > 0:
                drop = top - float(log_likelihood(y, v, tau2=t))
                assert drop == pytest.approx(0.5 * float(chdtri(1, 0.1)), abs=1e-8)
