"""Bayesian random-effects models by deterministic grid, without simulation.

Two likelihoods: normal-normal on effects ``yi`` with variances ``vi`` (Roever 2020), and
binomial-normal on counts (:mod:`carmeta.pooling.bayes_binomial`). The mean has a flat or a
normal prior, tau a half-normal or half-Cauchy one. Given tau the normal-normal mean is normal,
so that one integral over tau remains.

That integral is the trapezoid rule in log tau, between the points where the posterior vanishes:
wherever its bulk lies, at the standard error of huge studies or at the scale of the prior, the
posterior is smooth there on the scale of 1, or of its own width if that is less, and the rule
then converges faster than any power of the step (Trefethen & Weideman 2014).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from carmeta.arrays import Floats
from carmeta.errors import DataError
from carmeta.vocabulary import TauPrior

# Fall of the log density from its peak at which the posterior is cut: 1e-10 of it is lost.
_FALL: Final = 23.0
_PROBES: Final = 200
# Step of the grid in log tau, and its share of the width where the density is within e^-4.
_STEP: Final = 0.2
_STEP_SHARE: Final = 1.0 / 16.0
# Steps of a spline between two points of a grid.
_FINE: Final = 8


@dataclass(frozen=True, slots=True)
class Prior:
    """Priors of tau and mu on the analysis scale.

    ``scale`` of the half-normal or half-Cauchy; ``mu_sd`` None is a flat prior of the mean.
    """

    tau: TauPrior = "half-normal"
    scale: float = 0.5
    mu_mean: float = 0.0
    mu_sd: float | None = None

    def log_density(self, tau: Floats) -> Floats:
        """Normalised log density of tau >= 0."""
        z = tau / self.scale
        if self.tau == "half-normal":
            return np.asarray(0.5 * np.log(2.0 / np.pi) - np.log(self.scale) - 0.5 * z * z)
        return np.asarray(np.log(2.0 / np.pi) - np.log(self.scale) - np.log1p(z * z))

    def check(self) -> None:
        """Raise DataError for a prior that is not one."""
        if self.tau not in ("half-normal", "half-cauchy"):
            raise DataError(f"unknown prior {self.tau!r} of tau; half-normal or half-cauchy")
        if not (np.isfinite(self.scale) and self.scale > 0):
            raise DataError(f"the scale {self.scale!r} of tau's prior is not positive")
        if self.mu_sd is not None and not (np.isfinite(self.mu_sd) and self.mu_sd > 0):
            raise DataError(f"the standard deviation {self.mu_sd!r} of mu's prior is not positive")


@dataclass(frozen=True, slots=True)
class Posterior:
    """Equal-tailed summaries on the analysis scale.

    ``theta`` rows are study effects, shrunken: median, lower, upper, ``(k, 3)``.
    ``bf01`` is the Bayes factor of tau = 0 against the prior of tau: above 1 it speaks for
    homogeneity.
    """

    mu_median: float
    mu_mean: float
    mu_sd: float
    mu_lb: float
    mu_ub: float
    tau_median: float
    tau_mean: float
    tau_lb: float
    tau_ub: float
    new_lb: float  # effect of a new study
    new_ub: float
    theta: Floats
    bf01: float
    new_cdf: Callable[[float], float]


def normal_normal(
    yi: ArrayLike, vi: ArrayLike, *, prior: Prior | None = None, level: float = 0.95
) -> Posterior:
    """Posterior of the normal-normal model of effects ``(k,)``.

    Raises:
        DataError: A prior that is not one, or effects that are not finite.
    """
    chosen = Prior() if prior is None else prior
    chosen.check()
    y, v = np.asarray(yi, dtype=float), np.asarray(vi, dtype=float)
    if y.ndim != 1 or y.shape != v.shape or not bool((np.isfinite(y) & (v > 0)).all()):
        raise DataError("effects are one list with one positive variance each")
    model = _NormalNormal(y, v, chosen)

    def log_density(tau: Floats) -> Floats:
        return model.log_marginal(tau) + chosen.log_density(tau)

    # An evaluation is cheap here, so that quantiles can have ten digits.
    log_tau = tau_grid(log_density, chosen, float(np.sqrt(v.min())), finer=2)
    tau = np.exp(log_tau)
    weight, log_evidence = trapezoid(log_tau, log_density(tau))
    mean, var = model.mu_given(tau)
    shares = (0.5, 0.5 * (1.0 - level), 0.5 * (1.0 + level))
    mu, new = Mixture(weight, mean, var), Mixture(weight, mean, var + tau * tau)
    studies = [Mixture(weight, *model.theta_given(i, tau)) for i in range(y.size)]
    moments, mus, taus = mu.moments(), mu.quantiles(shares), tau_quantiles(log_tau, weight, shares)
    return Posterior(
        mu_median=mus[0], mu_mean=moments[0], mu_sd=moments[1], mu_lb=mus[1], mu_ub=mus[2],
        tau_median=taus[0], tau_mean=float((weight * tau).sum()),
        tau_lb=taus[1], tau_ub=taus[2],
        new_lb=new.quantile(shares[1]), new_ub=new.quantile(shares[2]),
        theta=np.array([one.quantiles(shares) for one in studies]),
        bf01=float(np.exp(model.log_marginal(np.zeros(1))[0] - log_evidence)),
        new_cdf=new.cdf,
    )  # fmt: skip


class _NormalNormal:
    """Everything of the normal-normal model that is closed form given tau."""

    def __init__(self, y: Floats, v: Floats, prior: Prior) -> None:
        self.y, self.v, self.prior = y, v, prior

    def _sums(self, tau: Floats) -> tuple[Floats, Floats, Floats]:
        total = self.v + (tau * tau)[..., None]
        w = 1.0 / total
        precision, first = w.sum(axis=-1), (w * self.y).sum(axis=-1)
        if self.prior.mu_sd is not None:
            extra = self.prior.mu_sd**-2
            precision, first = precision + extra, first + extra * self.prior.mu_mean
        return w, precision, first / precision

    def mu_given(self, tau: Floats) -> tuple[Floats, Floats]:
        _, precision, mean = self._sums(tau)
        return mean, 1.0 / precision

    def theta_given(self, i: int, tau: Floats) -> tuple[Floats, Floats]:
        """Mean and variance of study i's effect: shrunken towards mu, whose own variance adds."""
        mean, var = self.mu_given(tau)
        t2 = tau * tau
        pull = self.v[i] / (self.v[i] + t2)
        return (1.0 - pull) * self.y[i] + pull * mean, (1.0 - pull) * self.v[i] + pull**2 * var

    def log_marginal(self, tau: Floats) -> Floats:
        """Log likelihood of tau with mu integrated out; a flat prior of mu has density 1."""
        w, precision, mean = self._sums(tau)
        q = (w * (self.y - mean[..., None]) ** 2).sum(axis=-1)
        value = 0.5 * np.log(w).sum(axis=-1) - 0.5 * np.log(precision) - 0.5 * q
        constant = -0.5 * (self.y.size - 1) * np.log(2.0 * np.pi)
        if self.prior.mu_sd is not None:
            sd = self.prior.mu_sd
            value = value - 0.5 * ((mean - self.prior.mu_mean) / sd) ** 2 - np.log(sd)
            constant -= 0.5 * np.log(2.0 * np.pi)
        return cast("Floats", value + constant)


class Mixture:
    """Normals with weights: distribution function, quantiles, moments."""

    def __init__(self, weight: Floats, mean: Floats, var: Floats) -> None:
        self.weight, self.mean, self.sd = weight, mean, np.sqrt(np.maximum(var, 0.0))

    def cdf(self, value: float) -> float:
        """Probability of ``value`` or less."""
        return float((self.weight * ndtr((value - self.mean) / self.sd)).sum())

    def quantile(self, p: float) -> float:
        """The value with probability ``p`` below it."""
        spread = 10.0 * float(self.sd.max())
        low, high = float(self.mean.min()) - spread, float(self.mean.max()) + spread
        return invert(self.cdf, p, low, high)

    def quantiles(self, shares: tuple[float, ...]) -> list[float]:
        """:meth:`quantile` of each."""
        return [self.quantile(p) for p in shares]

    def moments(self) -> tuple[float, float]:
        """Mean and standard deviation."""
        mean = float((self.weight * self.mean).sum())
        second = float((self.weight * (self.sd**2 + (self.mean - mean) ** 2)).sum())
        return mean, float(np.sqrt(second))


def invert(cdf: Callable[[float], float], p: float, low: float, high: float) -> float:
    """Where a distribution function between ``low`` and ``high`` is ``p``."""
    from scipy.optimize import brentq

    return float(brentq(lambda value: cdf(value) - p, low, high, xtol=1e-13, rtol=1e-14))


# -- the grid in log tau --------------------------------------------------------------------


def tau_grid(
    log_density: Callable[[Floats], Floats],
    prior: Prior,
    least_se: float,
    *,
    most: float = np.inf,
    finer: int = 1,
) -> Floats:
    """Even grid of log tau over all of the posterior that matters.

    ``log_density`` of tau need not be normalised, nor be more than an approximation.
    ``least_se`` is the standard error of the most precise study: no structure is finer.
    ``most`` bounds tau; ``finer`` divides the step.
    """
    low = float(np.log(1e-12 * min(prior.scale, least_se)))
    high = float(np.log(min(1e7 * prior.scale, most)))
    for _ in range(8):
        t = np.linspace(low, high, _PROBES)
        value = log_density(np.exp(t)) + t
        kept = np.flatnonzero(value > value.max() - _FALL)
        low, high = t[max(kept[0] - 1, 0)], t[min(kept[-1] + 1, _PROBES - 1)]
        if kept.size > _PROBES // 4:
            break
    bulk = np.flatnonzero(value > value.max() - 4.0)
    step = min(_STEP, _STEP_SHARE * float(t[bulk[-1]] - t[bulk[0]])) / finer
    return np.linspace(low, high, int(np.ceil((high - low) / step)) + 1)


def trapezoid(log_tau: Floats, log_density: Floats) -> tuple[Floats, float]:
    """Weights of the points, which sum to 1, and the log of the integral over tau."""
    value = log_density + log_tau
    top = float(value.max())
    mass = np.exp(value - top)
    total = float(mass.sum())
    return mass / total, top + float(np.log(total * (log_tau[1] - log_tau[0])))


def tau_quantiles(log_tau: Floats, weight: Floats, shares: tuple[float, ...]) -> list[float]:
    """Quantiles of tau from its weights on an even grid of log tau."""
    cdf = distribution(weight[:, None])
    step, last = log_tau[1] - log_tau[0], weight.size - 1.0
    places = [invert(lambda at: float(cdf(np.array([at]))[0]), p, 0.0, last) for p in shares]
    return [float(np.exp(log_tau[0] + step * place)) for place in places]


def distribution(weight: Floats, *, finer: int = _FINE) -> Callable[[Floats], Floats]:
    """Distribution functions of ``weight`` ``(points, columns)`` on even grids.

    The function takes a place a column, in steps from the first point, and gives the mass up
    to it. Densities are interpolated in their logarithms, which are nearly parabolas, by
    splines of degree 5; these are summed up on a finer grid.
    """
    from scipy.interpolate import CubicSpline, make_interp_spline

    points = np.arange(weight.shape[0], dtype=float)
    fine = np.linspace(0.0, points[-1], finer * (weight.shape[0] - 1) + 1)
    # A spline is linear in what it passes through: one product serves all columns.
    through = make_interp_spline(points, np.eye(points.size), k=5)(fine)
    density = np.exp(through @ np.log(np.maximum(weight, 1e-300)))
    total = CubicSpline(fine, density).antiderivative()
    columns = np.arange(weight.shape[1])
    scale = weight.sum(axis=0) / total(points[-1])

    def cdf(place: Floats) -> Floats:
        at = np.clip(place, 0.0, points[-1])
        piece = np.minimum((at * finer).astype(int), fine.size - 2)
        value = np.zeros(at.shape)
        for coefficient in total.c[:, piece, columns]:
            value = value * (at - fine[piece]) + coefficient
        return np.asarray(scale * value)

    return cdf
