"""The binomial-normal model with priors, on a grid of log tau times a grid of mu for each tau.

Both grids go as far as the posterior does, whatever its scale: that of the prior for small
studies, or of the standard error of studies of a hundred million patients.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from carmeta.arrays import Floats
from carmeta.errors import DataError
from carmeta.pooling.bayes import (
    Mixture,
    Posterior,
    Prior,
    distribution,
    invert,
    tau_grid,
    tau_quantiles,
    trapezoid,
)
from carmeta.pooling.quadrature import Likelihood, conditional

# A logit that differs between studies by more than this is past all probability.
_MOST_TAU: Final = 300.0
# Points of mu for each tau: a quarter of an sd apart, where the trapezoid rule is exact.
_MU_POINTS: Final = 61
# Fall of the log density at which the grid of mu ends.
_FALL: Final = 25.0
# Each grid of mu is shifted by a share of its step that never repeats, so that the points of
# all of them together lie evenly: a tau of nearly 0 adds no width to them.
_GOLDEN: Final = (5.0**0.5 - 1.0) / 2.0


def binomial_normal(
    xi: ArrayLike, ni: ArrayLike, *, prior: Prior | None = None, level: float = 0.95
) -> Posterior:
    """Posterior of the binomial-normal model of counts ``(k,)`` on the logit scale.

    Probabilities of quantiles are exact to about 1e-6 for mu and tau, and to about 1e-3 for
    the effects of the studies.

    Raises:
        DataError: A prior that is not one; a flat prior of mu with no events, or only
            events, in all studies (the posterior would not be proper); a half-Cauchy prior of
            tau that no study bounds: its tail has mass beyond ``_MOST_TAU``, or without end.
    """
    chosen = Prior() if prior is None else prior
    chosen.check()
    x, n = np.asarray(xi, dtype=float), np.asarray(ni, dtype=float)
    if chosen.mu_sd is None and (bool((x == 0).all()) or bool((x == n).all())):
        raise DataError("a flat prior of the mean needs events and non-events: set mu_sd")
    inside = int(((x > 0) & (x < n)).sum())
    if chosen.tau == "half-cauchy" and inside < (2 if chosen.mu_sd is None else 1):
        raise DataError(
            "a half-cauchy prior of tau needs studies with events and non-events, two of them or "
            "one with a prior of the mean: nothing else bounds tau",
            hint="use the half-normal prior",
        )
    grid = _Grid(x, n, chosen)
    shares = (0.5, 0.5 * (1.0 - level), 0.5 * (1.0 + level))
    mus, taus = grid.mu_quantiles(shares), tau_quantiles(grid.log_tau, grid.weight.sum(1), shares)
    tau = np.repeat(grid.tau[:, None], _MU_POINTS, axis=1)
    new = Mixture(grid.weight.ravel(), grid.mu.ravel(), tau.ravel() ** 2)
    mean = float((grid.weight * grid.mu).sum())
    return Posterior(
        mu_median=mus[0], mu_mean=mean,
        mu_sd=float(np.sqrt((grid.weight * (grid.mu - mean) ** 2).sum())),
        mu_lb=mus[1], mu_ub=mus[2],
        tau_median=taus[0], tau_mean=float((grid.weight * tau).sum()),
        tau_lb=taus[1], tau_ub=taus[2],
        new_lb=new.quantile(shares[1]), new_ub=new.quantile(shares[2]),
        theta=grid.shrunken(tau, shares), bf01=grid.bf01(), new_cdf=new.cdf,
    )  # fmt: skip


class _Grid:
    """The posterior: ``tau`` ``(t,)``; ``mu`` and ``weight``, which sums to 1, ``(t, points)``."""

    def __init__(self, x: Floats, n: Floats, prior: Prior) -> None:
        self.x, self.n, self.prior = x, n, prior
        own = 1.0 / (x + 0.5) + 1.0 / (n - x + 0.5)
        self.log_tau = tau_grid(self._log_laplace, prior, float(np.sqrt(own.min())), most=_MOST_TAU)
        self.tau = np.exp(self.log_tau)
        self.mu, self.step = self._mu_grid(self.tau)
        joint = self._log_joint(self.mu, self.tau[:, None])
        inner, log_slices = _slices(joint, self.step)
        weight, self.log_evidence = trapezoid(
            self.log_tau, log_slices + prior.log_density(self.tau)
        )
        self.weight = weight[:, None] * inner

    def _columns(self, columns: int) -> Likelihood:
        return Likelihood(
            np.repeat(self.x[:, None], columns, axis=1),
            np.repeat(self.n[:, None], columns, axis=1),
        )

    def _log_joint(self, mu: Floats, tau: Floats) -> Floats:
        """Log likelihood plus log prior of mu, of the shape of ``mu``."""
        flat = np.broadcast_to(tau, mu.shape).ravel()
        value = self._columns(mu.size).at(mu.ravel(), flat).ll.reshape(mu.shape)
        if self.prior.mu_sd is not None:
            sd = self.prior.mu_sd
            z = (mu - self.prior.mu_mean) / sd
            value = value - 0.5 * z * z - np.log(sd) - 0.5 * np.log(2.0 * np.pi)
        return value

    def _log_laplace(self, tau: Floats) -> Floats:
        """Log posterior density of tau by Laplace's method, up to a constant."""
        centre, sd = self._centre(tau)
        return self._log_joint(centre, tau) + np.log(sd) + self.prior.log_density(tau)

    def _centre(self, tau: Floats) -> tuple[Floats, Floats]:
        """Mode of mu for each tau and the sd that its curvature gives."""
        p = (self.x.sum() + 0.5) / (self.n.sum() + 1.0)
        mu = np.full(tau.shape, float(np.log(p) - np.log1p(-p)))
        lik = self._columns(tau.size)
        extra = 0.0 if self.prior.mu_sd is None else self.prior.mu_sd**-2
        sd = np.ones(tau.shape)
        for _ in range(60):
            at = lik.at(mu, tau)
            slope = at.g_mu - extra * (mu - self.prior.mu_mean)
            curve = np.maximum(-at.h_mm + extra, 1e-8)
            move = np.clip(slope / curve, -2.0, 2.0)
            mu, sd = mu + move, 1.0 / np.sqrt(curve)
            if float(np.abs(move / sd).max()) < 1e-3:
                break
        return mu, sd

    def _mu_grid(self, tau: Floats) -> tuple[Floats, Floats]:
        """Even grids ``(t, points)`` that reach as far as the density of mu does, their steps."""
        centre, sd = self._centre(tau)
        peak = self._log_joint(centre, tau)
        ends = []
        for sign in (-1.0, 1.0):
            out = 7.0 * np.ones(tau.size)
            for _ in range(12):
                short = self._log_joint(centre + sign * out * sd, tau) > peak - _FALL
                if not bool(short.any()):
                    break
                out = np.where(short, 1.4 * out, out)
            ends.append(centre + sign * out * sd)
        step = (ends[1] - ends[0]) / _MU_POINTS
        shift = np.mod(_GOLDEN * np.arange(tau.size), 1.0)
        return ends[0][:, None] + step[:, None] * (np.arange(_MU_POINTS) + shift[:, None]), step

    def mu_quantiles(self, shares: tuple[float, ...]) -> list[float]:
        """Quantiles of mu: the distribution function is summed over tau."""
        cdf = distribution(self.weight.T)
        return _quantiles(cdf, self.mu[:, 0], self.step, _MU_POINTS, shares)

    def shrunken(self, tau: Floats, shares: tuple[float, ...]) -> Floats:
        """Quantiles of each study's effect, ``(k, shares)``: a mixture over (mu, tau)."""
        keep = self.weight > 1e-7 * self.weight.max()
        mu, sd, weight = self.mu[keep], tau[keep], self.weight[keep] / self.weight[keep].sum()
        rows = []
        for x, n in zip(self.x, self.n, strict=True):
            first, step, density = conditional(x, n, mu, sd)
            cdf = distribution(density * (weight / density.sum(axis=0)), finer=2)
            rows.append(_quantiles(cdf, first, step, density.shape[0], shares))
        return np.asarray(rows)

    def bf01(self) -> float:
        """Evidence of tau = 0 over the evidence under tau's prior."""
        none = np.zeros(1)
        mu, step = self._mu_grid(none)
        _, log_zero = _slices(self._log_joint(mu, none[:, None]), step)
        return float(np.exp(log_zero[0] - self.log_evidence))


def _slices(joint: Floats, step: Floats) -> tuple[Floats, Floats]:
    """Shares of the points within each tau, and the log of each integral over mu."""
    top = joint.max(axis=1, keepdims=True)
    mass = np.exp(joint - top)
    total = mass.sum(axis=1, keepdims=True)
    return mass / total, (top + np.log(total))[:, 0] + np.log(step)


def _quantiles(
    cdf: Callable[[Floats], Floats],
    first: Floats,
    step: Floats,
    points: int,
    shares: tuple[float, ...],
) -> list[float]:
    """Quantiles of the sum of distributions on grids of ``points`` from ``first`` by ``step``."""

    def total(value: float) -> float:
        return float(cdf((value - first) / step).sum())

    low, high = float(first.min()), float((first + step * points).max())
    return [invert(total, p, low, high) for p in shares]
