from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import chdtri, expit
from scipy.stats import betabinom

from carmeta.pooling.beta_binomial import (
    ALL_EVENTS,
    ALL_ZERO,
    BOUNDARY,
    SEPARATED,
    _Counts,
    fit_beta_binomial,
    prediction_limits,
    probability_above,
    profile_limits,
    profile_root,
)

DATA = {
    "spread": ([28, 52, 3, 40, 0, 9, 97, 5, 31], [33, 62, 11, 57, 8, 9, 128, 5, 33]),
    "rare": ([0, 1, 0, 2, 7, 0, 1], [24, 60, 33, 54, 97, 17, 40]),
    "near homogeneous": ([9, 11, 10, 14, 8], [20, 22, 21, 25, 19]),
}


def scipy_loglik(x: np.ndarray, n: np.ndarray, mu: float, phi: float) -> float:
    mean = expit(mu)
    return float(betabinom.logpmf(x, n, mean / phi, (1 - mean) / phi).sum())


@pytest.mark.parametrize("name", ["spread", "rare"])
def test_against_scipys_distribution(name: str) -> None:
    """scipy.stats.betabinom maximised by Nelder-Mead: another formula, another optimiser."""
    x, n = (np.array(v) for v in DATA[name])
    fit = fit_beta_binomial(x, n)

    def objective(z: np.ndarray) -> float:
        return -scipy_loglik(x, n, z[0], np.exp(z[1]))

    options = {"xatol": 1e-10, "fatol": 1e-14, "maxiter": 10_000}
    best = minimize(objective, [0.0, -1.0], method="Nelder-Mead", options=options)
    assert float(fit.loglik) == pytest.approx(-best.fun, rel=1e-11)
    assert float(fit.estimate) == pytest.approx(best.x[0], abs=1e-6)
    assert float(fit.phi) == pytest.approx(np.exp(best.x[1]), rel=1e-6)
    assert float(fit.rho) == pytest.approx(float(fit.phi) / (1 + float(fit.phi)))
    # Standard error from second differences of scipy's likelihood in (mu, phi).
    m, f, h = float(fit.estimate), float(fit.phi), 1e-4

    def ll(a: float, b: float) -> float:
        return scipy_loglik(x, n, m + a, f + b * f)

    mm = (ll(h, 0) - 2 * ll(0, 0) + ll(-h, 0)) / h**2
    ff = (ll(0, h) - 2 * ll(0, 0) + ll(0, -h)) / h**2
    mf = (ll(h, h) - ll(h, -h) - ll(-h, h) + ll(-h, -h)) / (4 * h**2)
    assert float(fit.se) == pytest.approx(np.sqrt(-ff / (mm * ff - mf**2)), rel=1e-4)


@pytest.mark.parametrize("name", ["spread", "rare"])
def test_profile_limits_lie_where_the_profile_has_dropped(name: str) -> None:
    x, n = (np.array(v) for v in DATA[name])
    fit = fit_beta_binomial(x, n)
    drop = 0.5 * float(chdtri(1, 0.05))

    def profile(fixed: str, value: float) -> float:
        def objective(z: np.ndarray) -> float:
            mu, phi = (value, np.exp(z[0])) if fixed == "mu" else (z[0], value)
            return -scipy_loglik(x, n, mu, phi)

        start = [-1.0] if fixed == "mu" else [float(fit.estimate)]
        options = {"xatol": 1e-9, "fatol": 1e-13}
        return -float(minimize(objective, start, method="Nelder-Mead", options=options).fun)

    for limit in profile_limits(x, n, fit, of="mu"):
        assert float(fit.loglik) - profile("mu", limit) == pytest.approx(drop, abs=1e-6)
    for rho in profile_limits(x, n, fit, of="rho"):
        if rho > 0:
            phi = rho / (1 - rho)
            assert float(fit.loglik) - profile("phi", phi) == pytest.approx(drop, abs=1e-6)
    root = profile_root(x, n, fit)
    assert 0.5 * root**2 == pytest.approx(float(fit.loglik) - profile("mu", 0.0), abs=1e-6)


def test_boundary_is_the_binomial() -> None:
    x, n = DATA["near homogeneous"]
    fit = fit_beta_binomial(x, n)
    assert int(fit.status) == BOUNDARY
    assert float(fit.rho) == 0.0
    p = sum(x) / sum(n)
    assert float(fit.estimate) == pytest.approx(np.log(p / (1 - p)))
    assert float(fit.se) == pytest.approx(1 / np.sqrt(sum(n) * p * (1 - p)))
    low, high = profile_limits(x, n, fit, of="rho")
    assert low == 0.0
    assert 0.0 < high < 1.0


def test_large_studies_are_summed_by_integral() -> None:
    """Beyond 1,024 terms: against log-gammas in 40 digits, where double precision cancels."""
    cases = [
        ([3, 412_345, 2000], [10, 1_000_000, 3000]),
        ([3, 0, 1025], [1_000_000, 900_000, 1026]),
        ([1500, 2047], [1600, 4096]),
    ]
    for x, n in cases:
        counts = _Counts(np.array([x], dtype=float), np.array([n], dtype=float))
        for mu, phi in ((-1.0, 0.1), (-1.0, 1e-5), (2.0, 3.0), (-9.0, 1e-3)):
            ours = float(counts.at(np.array([mu]), np.array([phi])).ll[0])
            with mp.workdps(40):
                p = 1 / (1 + mp.exp(-mp.mpf(mu)))
                a, b, g = p / mp.mpf(phi), (1 - p) / mp.mpf(phi), mp.loggamma
                exact = sum(
                    mp.log(mp.binomial(k, e)) + g(e + a) + g(k - e + b) - g(k + a + b)
                    + g(a + b) - g(a) - g(b)
                    for e, k in zip(x, n, strict=True)
                )  # fmt: skip
            assert ours == pytest.approx(float(exact), rel=1e-9, abs=5e-9)


def test_batches_masks_and_states() -> None:
    x = np.array([[28, 52, 3, 40], [0, 0, 0, 0], [33, 62, 11, 57], [0, 62, 11, 0], [3, 5, 1, 9]])
    n = np.array([33, 62, 11, 57])
    fit = fit_beta_binomial(x, n)
    assert fit.status.tolist()[1:4] == [ALL_ZERO, ALL_EVENTS, SEPARATED]
    assert fit.estimate[1] == -np.inf
    for i in (0, 4):
        one = fit_beta_binomial(x[i], n)
        assert float(fit.estimate[i]) == pytest.approx(float(one.estimate), abs=1e-9)
    mask = np.array([True, True, False, True])
    masked, short = fit_beta_binomial(x[0], n, mask=mask), fit_beta_binomial(x[0][mask], n[mask])
    assert float(masked.estimate) == pytest.approx(float(short.estimate), abs=1e-10)
    assert float(masked.k) == 3


def test_prediction_averages_the_beta_over_the_mean() -> None:
    low, high = prediction_limits(1.0, 1e-9, 0.2, 8, 0.9)
    from scipy.stats import beta

    p = expit(1.0)
    exact = beta(p * 4, (1 - p) * 4).ppf([0.05, 0.95])
    np.testing.assert_allclose(expit([low, high]), exact, rtol=1e-7)
    assert probability_above(1.0, 1e-9, 0.2, 8, 0.6) == pytest.approx(
        beta(p * 4, (1 - p) * 4).sf(0.6), rel=1e-7
    )
    wide = prediction_limits(1.0, 0.5, 0.2, 8, 0.9)
    assert wide[0] < low
    assert wide[1] > high
    low, high = prediction_limits(1.0, 0.5, 0.0, 8, 0.95)
    assert high - low == pytest.approx(2 * 2.306004135 * 0.5, rel=1e-9)


@pytest.mark.parametrize(
    ("x", "n"),
    [
        ([0, 10, 3, 7, 0, 10], [10, 10, 10, 10, 12, 10]),
        ([0, 10, 0, 10, 1, 9], [10] * 6),  # limits far beyond where 1 - p is still a number
        ([0, 100, 0, 100, 1, 99], [100] * 6),
        DATA["rare"],
        DATA["spread"],
    ],
)
def test_prediction_limits_of_mirrored_data_are_mirrored(x: list[int], n: list[int]) -> None:
    events, patients = np.array(x), np.array(n)
    limits, above = [], []
    for counts in (events, patients - events):
        fit = fit_beta_binomial(counts, patients)
        args = (float(fit.estimate), float(fit.se), float(fit.rho), events.size - 1.0)
        limits.append(prediction_limits(*args, 0.95))
        above.append((probability_above(*args, 0.9), probability_above(*args, 0.1)))
    (low, high), (mirror_low, mirror_high) = limits
    assert low == pytest.approx(-mirror_high, rel=1e-7)
    assert high == pytest.approx(-mirror_low, rel=1e-7)
    assert above[0][0] == pytest.approx(1 - above[1][1], rel=1e-7)


def test_prediction_limits_of_symmetric_data_are_symmetric() -> None:
    for size in (3, 10, 100, 1000):
        fit = fit_beta_binomial([0, size, 0, size, 1, size - 1], [size] * 6)
        low, high = prediction_limits(float(fit.estimate), float(fit.se), float(fit.rho), 5.0, 0.95)
        assert high == pytest.approx(-low, rel=1e-9)


@pytest.mark.parametrize("n", [10**5, 10**6, 10**7, 10**8])
def test_large_studies_converge_to_the_same_model(n: int) -> None:
    """The fit of proportions without sampling error: their beta distribution."""
    p = np.array([0.31, 0.33, 0.305, 0.29])
    fit = fit_beta_binomial(np.round(n * p), np.full(4, n))
    assert int(fit.status) == 0
    limit = fit_beta_binomial(np.round(10**9 * p), np.full(4, 10**9))
    assert float(fit.estimate) == pytest.approx(float(limit.estimate), abs=20 / n + 1e-7)
    assert float(fit.rho) == pytest.approx(float(limit.rho), rel=2000 / n + 1e-5)
