"""Two-arm binomial-normal models: likelihood by plain summation, maxima by their score."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import chdtri, expit, gammaln

from carmeta.errors import ConfigError, EstimationError
from carmeta.pooling.mixed_quadrature import MixedData, loglik
from carmeta.pooling.quadrature import Likelihood
from carmeta.pooling.two_arm_effects import TwoArmCounts, validate_counts
from carmeta.pooling.two_arm_glmm import common_odds_ratio_lrt, fit_two_arm_glmm, two_arm_data

COUNTS = validate_counts(
    [4, 1, 9, 12, 0, 30], [20, 15, 31, 60, 12, 90], [7, 2, 7, 20, 3, 41], [18, 16, 29, 66, 14, 88]
)


def summed(counts: TwoArmCounts, alpha: float, theta: float, sd: tuple[float, float]) -> float:
    """The log-likelihood by the trapezoid rule on a fixed grid: no modes, no nodes.

    For an integrand that is smooth and vanishes at both ends its error falls faster than any
    power of the step (Trefethen and Weideman 2014); here it is far below 1e-12.
    """
    grid = np.linspace(-9.0, 9.0, 721)
    step = grid[1] - grid[0]
    density = np.exp(-0.5 * grid**2) / np.sqrt(2 * np.pi)
    u, w = np.meshgrid(grid, grid, indexing="ij")
    total = 0.0
    for a, n1, c, n2 in zip(counts.ai, counts.n1i, counts.ci, counts.n2i, strict=True):
        p1 = expit(alpha + theta + sd[0] * u + sd[1] * w / 2)
        p2 = expit(alpha + sd[0] * u - sd[1] * w / 2)
        mass = p1**a * (1 - p1) ** (n1 - a) * p2**c * (1 - p2) ** (n2 - c)
        total += np.log((mass * density[:, None] * density).sum() * step**2)
        for y, n in ((a, n1), (c, n2)):
            total += gammaln(n + 1) - gammaln(y + 1) - gammaln(n - y + 1)
    return float(total)


@pytest.mark.parametrize("sd", [(0.7, 0.4), (1.5, 1.2), (0.2, 0.0)])
def test_likelihood_of_random_intercepts(sd: tuple[float, float]) -> None:
    data = two_arm_data(COUNTS, "UM.RS")
    got = loglik(data, np.array([-1.0, -0.4]), np.array(sd))
    assert got == pytest.approx(summed(COUNTS, -1.0, -0.4, sd), abs=1e-9)


def test_the_fit_is_the_maximum_of_the_summed_likelihood() -> None:
    fit = fit_two_arm_glmm(COUNTS)
    sigma, tau = np.sqrt(fit.sigma2), np.sqrt(fit.tau2)
    data = two_arm_data(COUNTS, "UM.RS")
    # the intercept is not part of the result: find it by its own score
    alphas = np.linspace(-2.5, 0.5, 3001)
    values = [loglik(data, np.array([a, fit.estimate]), np.array([sigma, tau])) for a in alphas]
    alpha = float(alphas[int(np.argmax(values))])
    top = summed(COUNTS, alpha, fit.estimate, (sigma, tau))
    assert fit.loglik == pytest.approx(top, abs=1e-5)
    for shift in (-0.05, 0.05):
        assert summed(COUNTS, alpha, fit.estimate + shift, (sigma, tau)) < top
        assert summed(COUNTS, alpha, fit.estimate, (sigma + shift, tau)) < top
        if tau + shift > 0:
            assert summed(COUNTS, alpha, fit.estimate, (sigma, tau + shift)) < top


@pytest.mark.parametrize("form", ["UM.RS", "UM.FS"])
def test_swapping_arms_changes_the_sign(form: str) -> None:
    one = fit_two_arm_glmm(COUNTS, form=form)
    other = TwoArmCounts(COUNTS.ci, COUNTS.n2i, COUNTS.ai, COUNTS.n1i)
    two = fit_two_arm_glmm(other, form=form)
    assert one.estimate == pytest.approx(-two.estimate, rel=1e-8)
    assert one.se == pytest.approx(two.se, rel=1e-8)
    assert one.tau2 == pytest.approx(two.tau2, abs=1e-8)
    assert one.loglik == pytest.approx(two.loglik, abs=1e-9)


def test_profile_limits_lie_where_the_likelihood_has_dropped() -> None:
    counts = validate_counts([2, 18, 4, 30, 9, 3], [40] * 6, [10, 10, 12, 9, 11, 14], [40] * 6)
    fit = fit_two_arm_glmm(counts, profile=True)
    assert fit.tau2_ci[0] < fit.tau2 < fit.tau2_ci[1]
    assert fit.limits[0] < fit.estimate < fit.limits[1]
    # wider than Wald's normal limits, as the variance is estimated too
    assert fit.limits[1] - fit.limits[0] > 2 * 1.96 * fit.se * 0.95
    narrow = fit_two_arm_glmm(counts, profile=True, level=0.5)
    assert fit.limits[0] < narrow.limits[0] < narrow.limits[1] < fit.limits[1]
    assert fit.tau2_ci[0] < narrow.tau2_ci[0] < narrow.tau2_ci[1] < fit.tau2_ci[1]


def test_profile_limit_of_tau2_by_the_definition() -> None:
    from scipy.optimize import minimize

    counts = validate_counts([2, 18, 4, 30, 9, 3], [40] * 6, [10, 10, 12, 9, 11, 14], [40] * 6)
    fit = fit_two_arm_glmm(counts)
    data = two_arm_data(counts, "UM.RS")
    tau = np.sqrt(fit.tau2_ci[1])
    found = minimize(
        lambda t: -loglik(data, t[:2], np.array([abs(t[2]), tau])),
        np.array([-1.0, fit.estimate, 0.2]),
        method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-11, "maxiter": 4000},
    )
    assert -found.fun == pytest.approx(fit.loglik - chdtri(1, 0.05) / 2, abs=1e-6)


def test_no_heterogeneity_is_exactly_zero() -> None:
    same = validate_counts([5] * 5, [20] * 5, [8] * 5, [20] * 5)
    fit = fit_two_arm_glmm(same)
    assert fit.tau2 == 0.0
    assert fit.tau2_ci[0] == 0.0
    assert fit.sigma2 == 0.0
    want = np.log((5 / 15) / (8 / 12))
    assert fit.estimate == pytest.approx(want, abs=1e-10)
    assert fit.se == pytest.approx(np.sqrt((1 / 5 + 1 / 15 + 1 / 8 + 1 / 12) / 5), rel=1e-8)
    assert common_odds_ratio_lrt(same)[0] == pytest.approx(0.0, abs=1e-10)


@pytest.mark.parametrize(
    "arms", [([0, 3], [5, 5], [2, 5], [5, 5]), ([5, 2], [5, 5], [3, 0], [5, 5])]
)
def test_an_infinite_common_odds_ratio_fits_exactly(arms: tuple[list[int], ...]) -> None:
    assert common_odds_ratio_lrt(validate_counts(*arms)) == (0.0, 1)


@pytest.mark.parametrize(
    ("arms", "message"),
    [
        (([0, 0], [9, 9], [2, 3], [9, 9]), "no events in the treatment arm"),
        (([9, 9], [9, 9], [2, 3], [9, 9]), "no patients without the event in the treatment arm"),
        (([2, 3], [9, 9], [0, 0], [9, 9]), "no events in the control arm"),
    ],
)
def test_what_cannot_be_estimated_is_said(arms: tuple[list[int], ...], message: str) -> None:
    with pytest.raises(EstimationError, match=message):
        fit_two_arm_glmm(validate_counts(*arms))


def test_fixed_intercepts_refuse_empty_studies() -> None:
    counts = validate_counts([0, 3, 4], [9, 9, 9], [0, 2, 6], [9, 9, 9])
    with pytest.raises(EstimationError, match=r"UM\.FS cannot hold studies without events"):
        fit_two_arm_glmm(counts, form="UM.FS")
    with pytest.raises(ConfigError, match="form"):
        fit_two_arm_glmm(counts, form="CM.EL")
    assert np.isfinite(fit_two_arm_glmm(counts).se)  # random intercepts can


@pytest.mark.parametrize("form", ["UM.RS", "UM.FS"])
@pytest.mark.parametrize("size", [1, 10**3, 10**5, 10**6, 10**7])
def test_large_studies_need_no_more_evaluations(
    monkeypatch: pytest.MonkeyPatch, form: str, size: int
) -> None:
    """With millions of patients the likelihood's rounding must not hide its rise."""
    from carmeta.pooling import binomial_mixed

    evaluated = []
    whole = binomial_mixed.score_and_information

    def counted(*args: object, **kwargs: object) -> object:
        evaluated.append(1)
        return whole(*args, **kwargs)

    monkeypatch.setattr(binomial_mixed, "score_and_information", counted)
    rates = ([12, 20, 15, 30, 8], [50, 60, 55, 80, 40], [8, 14, 12, 20, 7], [52, 58, 50, 82, 41])
    counts = validate_counts(*(np.array(part) * size for part in rates))
    fit = fit_two_arm_glmm(counts, form=form)
    assert fit.converged
    assert len(evaluated) < 80
    if size > 1:
        # nearly the normal model of the five log odds ratios: maximum likelihood for it
        own = np.log(counts.ai / counts.bi) - np.log(counts.ci / counts.di)
        assert fit.estimate == pytest.approx(own.mean(), abs=40 / size)
        assert fit.tau2 == pytest.approx(own.var(), rel=0.05 if size < 10**5 else 1e-3)


def test_the_likelihood_keeps_its_digits_in_large_studies() -> None:
    """Against the sum over a grid in extended precision: 1e-12, at a hundred million patients."""
    import mpmath as mp

    n, x, mu, tau = 10**8, 31_234_567, -0.8, 0.02
    with mp.workdps(40):
        choose = mp.loggamma(n + 1) - mp.loggamma(x + 1) - mp.loggamma(n - x + 1)

        def log_integrand(u: mp.mpf) -> mp.mpf:
            eta = mp.mpf(mu) + mp.mpf(tau) * u
            return x * eta - n * mp.log1p(mp.exp(eta)) + choose - u * u / 2

        mode = mp.findroot(
            lambda u: tau * (x - n / (1 + mp.exp(-(mp.mpf(mu) + tau * u)))) - u, mp.mpf("0.5")
        )
        p = 1 / (1 + mp.exp(-(mp.mpf(mu) + tau * mode)))
        width = 1 / mp.sqrt(1 + mp.mpf(tau) ** 2 * n * p * (1 - p))
        top = log_integrand(mode)
        steps = [mode + width * mp.mpf(i) / 8 for i in range(-80, 81)]
        whole = sum(mp.exp(log_integrand(u) - top) for u in steps) * width / 8
        exact = float(top + mp.log(whole / mp.sqrt(2 * mp.pi)))
    one = np.ones((1, 1))
    data = MixedData(x * one, n * one, one[..., None], one[..., None])
    assert loglik(data, np.array([mu]), np.array([tau])) == pytest.approx(exact, abs=1e-9)
    column = Likelihood(x * one, n * one).at(np.array([mu]), np.array([tau]))
    assert float(column.ll[0]) == pytest.approx(exact, abs=1e-9)
